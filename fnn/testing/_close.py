"""`assert_close`: are two arrays, or nests of arrays, equal up to rounding?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.testing._arrays import dtype_name, is_array, to_numpy

__all__ = ["assert_close"]

# (rtol, atol) by dtype, as in torch.testing; everything else must be equal.
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


class Difference(NamedTuple):
    """How far two arrays of one shape are apart, at the elements that are not close."""

    mismatched: int
    total: int
    absolute: float
    absolute_at: tuple[int, ...]
    relative: float
    relative_at: tuple[int, ...]


def tolerances(*dtypes: str) -> tuple[float, float]:
    """The default ``(rtol, atol)`` for a comparison of these dtypes: the widest of each."""
    found = [_TOLERANCES.get(name, (0.0, 0.0)) for name in dtypes]
    return max(r for r, _ in found), max(a for _, a in found)


def difference(actual: np.ndarray, expected: np.ndarray, rtol: float, atol: float, equal_nan: bool) -> Difference:
    """Compares ``|actual - expected| <= atol + rtol |expected|`` elementwise."""
    exact = all(jnp.issubdtype(x.dtype, jnp.integer) for x in (actual, expected))
    # Python's integers: no difference of two 64-bit ones overflows.
    kind = object if exact else np.complex128 if np.iscomplexobj(actual) or np.iscomplexobj(expected) else np.float64
    a, b = actual.astype(kind), expected.astype(kind)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gap, size = (np.asarray(np.abs(x), object if exact else np.float64) for x in (a - b, b))
        close = a == b
        if rtol or atol or not exact:
            close = close | ((gap <= atol + rtol * size) & (size < np.inf))
        if equal_nan and not exact:
            close = close | (np.isnan(a) & np.isnan(b))
        close = np.asarray(close, bool)
        gap = np.where(close, 0, gap)
        relative = np.where(close, 0.0, gap.astype(np.float64) / size.astype(np.float64))
    if close.size == 0:
        return Difference(0, 0, 0.0, (), 0.0, ())
    first, second = (np.unravel_index(int(np.argmax(x)), close.shape) for x in (gap.astype(np.float64), relative))
    return Difference(
        int((~close).sum()), close.size, gap.item(first),
        tuple(map(int, first)), float(relative[second]), tuple(map(int, second)),
    )  # fmt: skip


def assert_close(
    actual: object,
    expected: object,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raises unless ``actual`` and ``expected`` have the same structure, shapes and dtypes, and close values.

    Values are close where ``|actual - expected| <= atol + rtol * |expected|``.

    Args:
        actual: a jax or numpy array, a Parameter or Buffer, a torch tensor, a number, None, or a nest of those in
            sequences and mappings.
        expected: the same structure; the makes of arrays may be mixed.
        rtol: relative tolerance. It and ``atol`` are given both or neither; by default they depend on the dtype as in
            ``torch.testing``: float32 1.3e-6, bfloat16 1.6e-2, float16 1e-3, float64 1e-7, otherwise 0.
        atol: absolute tolerance; by default 1e-5, float64 1e-7, integers 0.
        equal_nan: whether NaN equals NaN.
        check_dtype: whether dtypes must agree. A number takes the dtype of the array that it is compared with, and
            torch's int64 counts as int32 where JAX runs without 64-bit mode.
        msg: the text of the error, or a function that makes it of the generated one.

    Raises:
        AssertionError: they are not close; the text says where, how many elements, and by how much.
        ArgumentTypeError: there is something that cannot be compared.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.testing import assert_close
        >>> assert_close({"w": jnp.ones(2)}, {"w": jnp.ones(2) + 1e-7})
        >>> assert_close([jnp.ones(3)], [jnp.array([1.0, 1.0, 3.0])])
        Traceback (most recent call last):
            ...
        AssertionError: Arrays are not close!
        <BLANKLINE>
        Mismatched elements: 1 / 3 (33.3%)
        Greatest absolute difference: 2.0 at index (2,) (up to 1e-05 allowed)
        Greatest relative difference: 0.6666666666666666 at index (2,) (up to 1.3e-06 allowed)
        <BLANKLINE>
        The failure occurred for item [0]
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ArgumentError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
    given = None if rtol is None or atol is None else (rtol, atol)
    problem = _compare(actual, expected, (), given, equal_nan, check_dtype)
    if problem is not None:
        raise AssertionError(problem if msg is None else msg(problem) if callable(msg) else msg)


def _compare(
    actual: Any, expected: Any, path: tuple, given: tuple[float, float] | None, equal_nan: bool, check_dtype: bool
) -> str | None:
    """What is wrong, or None."""
    where = f"\n\nThe failure occurred for item {''.join(f'[{part!r}]' for part in path)}" if path else ""
    rest = (given, equal_nan, check_dtype)
    if actual is None or expected is None:
        return None if actual is expected else f"None mismatch: {actual!r} is not {expected!r}{where}"
    if is_array(actual) or is_array(expected):
        text = _arrays(actual, expected, *rest)
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing = [k for k in expected if k not in actual]
        additional = [k for k in actual if k not in expected]
        if missing or additional:
            text = (
                f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {missing}\n"
                f"Additional keys in the actual mapping: {additional}"
            )
        else:
            return _first(_compare(actual[k], expected[k], (*path, k), *rest) for k in expected)
    elif _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            text = f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
        else:
            pairs = enumerate(zip(actual, expected, strict=True))
            return _first(_compare(a, b, (*path, i), *rest) for i, (a, b) in pairs)
    elif isinstance(actual, bool) and isinstance(expected, bool):
        text = None if actual is expected else f"Booleans mismatch: {actual} is not {expected}"
    elif _is_number(actual) and _is_number(expected):
        text = _numbers(actual, expected, *rest)
    else:
        raise ArgumentTypeError(
            f"assert_close: cannot compare {type(actual).__name__} with {type(expected).__name__}{where}"
        )
    return None if text is None else text + where


def _first(problems: Any) -> str | None:
    return next((problem for problem in problems if problem is not None), None)


def _is_sequence(x: object) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, (str, bytes))


def _is_number(x: object) -> bool:
    return isinstance(x, (int, float, complex)) and not isinstance(x, bool)


def _numbers(actual: Any, expected: Any, given: Any, equal_nan: bool, check_dtype: bool) -> str | None:
    if check_dtype and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    a, b = np.asarray(actual), np.asarray(expected)
    rtol, atol = given or tolerances(a.dtype.name, b.dtype.name)
    found = difference(a, b, rtol, atol, equal_nan)
    if not found.mismatched:
        return None
    return _message("Scalars", found, rtol, atol, f"Expected {expected} but got {actual}.")


def _arrays(actual: Any, expected: Any, given: Any, equal_nan: bool, check_dtype: bool) -> str | None:
    for one in (actual, expected):
        if not is_array(one) and not _is_number(one) and not isinstance(one, (bool, list, tuple)):
            raise ArgumentTypeError(
                f"assert_close: cannot compare {type(actual).__name__} with {type(expected).__name__}"
            )
    a, b = to_numpy(actual), to_numpy(expected)
    if a.shape != b.shape:
        return f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}."
    a = a if is_array(actual) else a.astype(b.dtype)
    b = b if is_array(expected) else b.astype(a.dtype)
    names = dtype_name(actual, a), dtype_name(expected, b)
    if check_dtype and names[0] != names[1]:
        return f"The values for attribute 'dtype' do not match: {names[0]} != {names[1]}."
    rtol, atol = given or tolerances(*names)
    found = difference(a, b, rtol, atol, equal_nan)
    if not found.mismatched:
        return None
    if a.ndim == 0:
        return _message("Scalars", found, rtol, atol, f"Expected {b} but got {a}.")
    share = f"{found.mismatched} / {found.total} ({found.mismatched / found.total:.1%})"
    return _message("Arrays", found, rtol, atol, f"Mismatched elements: {share}")


def _message(what: str, found: Difference, rtol: float, atol: float, head: str) -> str:
    exact = not rtol and not atol
    many = what == "Arrays"
    absolute, relative = [f"Greatest {w}" if many else w.capitalize() for w in ("absolute", "relative")]
    at = [f" at index {index}" if many else "" for index in (found.absolute_at, found.relative_at)]
    allowed = ["" if exact else f" (up to {tolerance} allowed)" for tolerance in (atol, rtol)]
    return (
        f"{what} are not {'equal' if exact else 'close'}!\n\n{head}\n"
        f"{absolute} difference: {found.absolute}{at[0]}{allowed[0]}\n"
        f"{relative} difference: {found.relative}{at[1]}{allowed[1]}"
    )
