"""``torch.fft``: discrete Fourier transforms, as ``fnn.fft``.

``X[k] = sum over j of x[j] exp(-2 pi i j k / n)`` along a dimension (`fft`) or several (`fft2`, `fftn`); `ifft` and its
kin undo it, `rfft` is for real signals (half of the result says all), `hfft` for signals whose transform is real.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from fnn import dtypes
from fnn.arguments import integer, wrap_dim
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._document import COMMON, op, set_identity
from fnn.ops._operands import COMPLEX, FLOATING, array
from fnn.ops._promote import as_inexact, complex_of, kind_of
from fnn.typing import ArrayLike, DType, Ints

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip


class _Along(Protocol):
    __name__: str

    def __call__(self, input: ArrayLike, n: int | None = None, dim: int = -1, norm: str | None = None) -> jax.Array: ...


class _Over(Protocol):
    __name__: str

    def __call__(
        self, input: ArrayLike, s: Sequence[int] | None = None, dim: Ints | None = None, norm: str | None = None
    ) -> jax.Array: ...


class _OverTwo(Protocol):
    __name__: str

    def __call__(
        self, input: ArrayLike, s: Sequence[int] | None = None, dim: Ints = (-2, -1), norm: str | None = None
    ) -> jax.Array: ...


# -- the arithmetic -----------------------------------------------------------------------------------


def _signal(input: ArrayLike, where: str, kind: str) -> jax.Array:
    """The signal: complex, or real if the transform is one of real signals."""
    x = as_inexact(array(input, where))
    if x.dtype.itemsize == 2 and kind_of(x.dtype) == FLOATING:
        raise ArgumentTypeError(f"{where}: Unsupported dtype {x.dtype}; expected 32 or 64 bits")
    if kind == "real":
        if kind_of(x.dtype) == COMPLEX:
            raise ArgumentTypeError(f"{where} expects a real input tensor, but got {x.dtype}")
        return x
    return x.astype(complex_of(x.dtype)) if kind_of(x.dtype) == FLOATING else x


def _sized(x: jax.Array, n: int, axis: int) -> jax.Array:
    """Cut, or padded with zeros at the end."""
    have = x.shape[axis]
    if n <= have:
        return jax.lax.slice_in_dim(x, 0, n, axis=axis)
    return jnp.pad(x, [(0, n - have if i == axis else 0) for i in range(x.ndim)])


def _factor(norm: str | None, forward: bool, total: int, where: str) -> float:
    """What the plain sum is multiplied by."""
    if norm not in (None, "backward", "forward", "ortho"):
        raise ArgumentError(f"{where}: Invalid normalization mode: {norm!r}")
    if norm == "ortho":
        return 1 / math.sqrt(total)
    return 1 / total if (norm == "forward") == forward else 1.0


def _checked(n: int, axis: int, where: str) -> int:
    if n < 1:
        raise ArgumentError(f"{where}: Invalid number of data points ({n}) specified in dimension {axis}")
    return n


def _dimensions(
    x: jax.Array, s: Sequence[int] | None, dim: Ints | None, where: str, half_output: bool
) -> tuple[list[int], list[int]]:
    """The axes, and how many points along each."""
    if isinstance(s, int):
        s = (s,)
    if dim is None:
        count = x.ndim if s is None else len(s)
        if s is not None and count > x.ndim:
            raise ArgumentError(
                f"{where}: Got shape with {count} values but input tensor only has {x.ndim} dimensions."
            )
        axes = list(range(x.ndim - count, x.ndim))
    else:
        axes = [wrap_dim(d, x.ndim, f"{where}: ") for d in ((dim,) if isinstance(dim, int) else dim)]
        if x.ndim == 0:
            raise IndexError(f"{where}: Dimension specified as {dim} but tensor has no dimensions")
    if len(set(axes)) != len(axes):
        raise ArgumentError(f"{where}: FFT dims must be unique, got dim={dim}")
    if s is not None and dim is not None and len(s) != len(axes):
        raise ArgumentError(
            f"{where}: When given, dim and shape arguments must have the same length, got s={s}, dim={dim}"
        )
    sizes = [x.shape[a] if s is None or s[i] == -1 else s[i] for i, a in enumerate(axes)]
    if half_output and axes and (s is None or s[-1] == -1):
        sizes[-1] = 2 * (x.shape[axes[-1]] - 1)
    return axes, [_checked(int(n), a, where) for n, a in zip(sizes, axes, strict=True)]


def _transform(x: jax.Array, n: int, axis: int, forward: bool) -> jax.Array:
    """The plain sum over one axis, complex."""
    result = jnp.fft.fft(_sized(x, n, axis), axis=axis) if forward else jnp.fft.ifft(_sized(x, n, axis), axis=axis) * n
    return result


def _complex_over(
    x: jax.Array, axes: list[int], sizes: list[int], forward: bool, norm: str | None, where: str
) -> jax.Array:
    scale = _factor(norm, forward, math.prod(sizes), where)
    for axis, n in zip(axes, sizes, strict=True):
        x = _transform(x, n, axis, forward)
    return x * scale if scale != 1 else x


def _from_real(
    x: jax.Array, axes: list[int], sizes: list[int], forward: bool, norm: str | None, where: str
) -> jax.Array:
    """Half of the transform of a real signal: the last axis first."""
    scale = _factor(norm, forward, math.prod(sizes), where)
    half = jnp.fft.rfft(_sized(x, sizes[-1], axes[-1]), axis=axes[-1])
    half = half if forward else jnp.conj(half)
    for axis, n in zip(axes[:-1], sizes[:-1], strict=True):
        half = _transform(half, n, axis, forward)
    return half * scale if scale != 1 else half


def _to_real(x: jax.Array, axes: list[int], sizes: list[int], forward: bool, norm: str | None, where: str) -> jax.Array:
    """The real signal of half of its transform: the last axis last."""
    scale = _factor(norm, forward, math.prod(sizes), where)
    for axis, n in zip(axes[:-1], sizes[:-1], strict=True):
        x = _transform(x, n, axis, forward)
    n, axis = sizes[-1], axes[-1]
    half = _sized(x, n // 2 + 1, axis)
    half = jnp.conj(half) if forward else half
    return jnp.fft.irfft(half, n, axis) * (n * scale)


_RULES: dict[str, tuple[str, Callable]] = {
    "": ("complex", _complex_over), "r": ("real", _from_real), "h": ("complex", _to_real),
}  # fmt: skip


def _rule(name: str) -> tuple[str, Callable, bool, bool]:
    """The signal's kind, the rule, whether it is a forward transform, whether its input is half of one."""
    forward = not name.startswith("i")
    letter = name.removeprefix("i")[0].replace("f", "")
    # irfft gives what is real, as hfft; ihfft takes what is real, as rfft.
    real_input, real_output = letter and (letter == "r") == forward, letter and (letter == "r") != forward
    kind, rule = _RULES["r" if real_input else "h" if real_output else ""]
    return kind, rule, forward, bool(real_output)


_DOC = """{summary}

Args:
    input: {input}
    {size}
    dim: {dim}
    norm: {norm}

Returns:
    {returns}

Raises:
    ArgumentError: an unknown ``norm``, fewer than one point, or a dimension twice.

Example:
    >>> import jax.numpy as jnp
    >>> import fnn
    >>> fnn.fft.{name}(jnp.ones({shape})).shape
    {result}
"""
_RETURNS = {
    "": "The shape of ``input``, resized along the dimensions; complex.",
    "half": "Complex; n // 2 + 1 elements along the last of the dimensions.",
    "whole": "Real; by default 2 (m - 1) elements along the last of the dimensions, where ``input`` has m.",
}


def _described(name: str, summary: str, size: str, dim: str, shape: str, result: str) -> str:
    kind, rule, _, half = _rule(name)
    returns = _RETURNS["half" if rule is _from_real else "whole" if half else ""]
    text = f"the signal, {'real' if kind == 'real' else 'real or complex'}; integers become the default float dtype."
    return _DOC.format(
        summary=summary, input=text, size=f"{size}: {COMMON[size]}", dim=dim, norm=COMMON["norm"], returns=returns,
        name=name, shape=shape, result=result,
    )  # fmt: skip


def _along(name: str, summary: str, result: str) -> _Along:
    kind, rule, forward, half = _rule(name)
    where = f"fft.{name}"

    def fun(input: ArrayLike, n: int | None = None, dim: int = -1, norm: str | None = None) -> jax.Array:
        x = _signal(input, where, kind)
        if x.ndim == 0:
            raise IndexError(f"{where}: Dimension specified as {dim} but tensor has no dimensions")
        axis = wrap_dim(dim, x.ndim, f"{where}: ")
        size = (2 * (x.shape[axis] - 1) if half else x.shape[axis]) if n is None else integer(n, "n", f"{where}: ")
        return rule(x, [axis], [_checked(size, axis, where)], forward, norm, where)

    return set_identity(fun, name, __name__, _described(name, summary, "n", "the dimension.", "8", result))


def _over(name: str, summary: str, result: str) -> _Over:
    kind, rule, forward, half = _rule(name)
    where = f"fft.{name}"

    def fun(
        input: ArrayLike, s: Sequence[int] | None = None, dim: Ints | None = None, norm: str | None = None
    ) -> jax.Array:
        x = _signal(input, where, kind)
        axes, sizes = _dimensions(x, s, dim, where, half)
        if not axes:
            if rule is not _complex_over:
                raise ArgumentError(f"{where} must transform at least one axis, got dim={dim}")
            return x
        return rule(x, axes, sizes, forward, norm, where)

    text = "the dimensions; None: all, or the last ones if ``s`` is given."
    return set_identity(fun, name, __name__, _described(name, summary, "s", text, "(4, 8)", result))


def _over_two(name: str, summary: str, result: str) -> _OverTwo:
    over = _over(f"{name[:-1]}n", summary, result)

    def fun(
        input: ArrayLike, s: Sequence[int] | None = None, dim: Ints = (-2, -1), norm: str | None = None
    ) -> jax.Array:
        return over(input, s, dim, norm)

    doc = _described(name, summary, "s", "the two dimensions.", "(4, 8)", result)
    return set_identity(fun, name, __name__, doc)


fft = _along("fft", "The Fourier transform along a dimension.", "(8,)")
ifft = _along("ifft", "The inverse of `fft`.", "(8,)")
rfft = _along("rfft", "The Fourier transform of a real signal: its first half, which determines the rest.", "(5,)")
irfft = _along("irfft", "The inverse of `rfft`.", "(14,)")
hfft = _along("hfft", "The Fourier transform, which is real, of a Hermitian signal of which half is given.", "(14,)")
ihfft = _along("ihfft", "The inverse of `hfft`.", "(5,)")
fftn = _over("fftn", "The Fourier transform over several dimensions.", "(4, 8)")
ifftn = _over("ifftn", "The inverse of `fftn`.", "(4, 8)")
rfftn = _over("rfftn", "The Fourier transform of a real signal over several dimensions, half of it.", "(4, 5)")
irfftn = _over("irfftn", "The inverse of `rfftn`.", "(4, 14)")
hfftn = _over(
    "hfftn", "The Fourier transform, which is real, of a Hermitian signal over several dimensions.", "(4, 14)"
)
ihfftn = _over("ihfftn", "The inverse of `hfftn`.", "(4, 5)")
fft2 = _over_two("fft2", "The Fourier transform over two dimensions.", "(4, 8)")
ifft2 = _over_two("ifft2", "The inverse of `fft2`.", "(4, 8)")
rfft2 = _over_two("rfft2", "The Fourier transform of a real signal over two dimensions, half of it.", "(4, 5)")
irfft2 = _over_two("irfft2", "The inverse of `rfft2`.", "(4, 14)")
hfft2 = _over_two(
    "hfft2", "The Fourier transform, which is real, of a Hermitian signal over two dimensions.", "(4, 14)"
)
ihfft2 = _over_two("ihfft2", "The inverse of `hfft2`.", "(4, 5)")


# -- frequencies --------------------------------------------------------------------------------------


def _frequencies(where: str, n: int, d: float, dtype: DType | None, values: np.ndarray) -> jax.Array:
    wanted = dtypes.canonical(dtype, f"{where}: ")
    if kind_of(wanted) < FLOATING:
        raise ArgumentTypeError(f"{where} requires a floating point or complex dtype, got {wanted}")
    return jnp.asarray(values / (n * d), wanted)


@op(n="the number of points of the signal.", d="the distance of its points.", dtype="None: the default float dtype.")
def fftfreq(n: int, d: float = 1.0, *, dtype: DType | None = None) -> jax.Array:
    """The frequencies that the elements of an `fft` belong to.

    Example:
        >>> import fnn
        >>> fnn.fft.fftfreq(4)
        Array([ 0.  ,  0.25, -0.5 , -0.25], dtype=float32)
    """
    size = _checked(integer(n, "n", "fft.fftfreq: "), 0, "fft.fftfreq")
    points = np.arange(size)
    return _frequencies("fft.fftfreq", size, d, dtype, np.where(points < (size + 1) // 2, points, points - size))


@op(n="the number of points of the signal.", d="the distance of its points.", dtype="None: the default float dtype.")
def rfftfreq(n: int, d: float = 1.0, *, dtype: DType | None = None) -> jax.Array:
    """The frequencies that the elements of an `rfft` belong to.

    Example:
        >>> import fnn
        >>> fnn.fft.rfftfreq(4)
        Array([0.  , 0.25, 0.5 ], dtype=float32)
    """
    size = _checked(integer(n, "n", "fft.rfftfreq: "), 0, "fft.rfftfreq")
    return _frequencies("fft.rfftfreq", size, d, dtype, np.arange(size // 2 + 1))


@op(dim="the dimension or dimensions; None: all.")
def fftshift(input: ArrayLike, dim: Ints | None = None) -> jax.Array:
    """The frequencies in ascending order, 0 in the middle.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.fft.fftshift(jnp.array([0, 1, -2, -1]))
        Array([-2, -1,  0,  1], dtype=int32)
    """
    return _shifted("fft.fftshift", input, dim, lambda n: n // 2)


@op(dim="the dimension or dimensions; None: all.")
def ifftshift(input: ArrayLike, dim: Ints | None = None) -> jax.Array:
    """The inverse of `fftshift`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.fft.ifftshift(jnp.array([-2, -1, 0, 1]))
        Array([ 0,  1, -2, -1], dtype=int32)
    """
    return _shifted("fft.ifftshift", input, dim, lambda n: (n + 1) // 2)


def _shifted(where: str, input: ArrayLike, dim: Ints | None, by: Callable[[int], int]) -> jax.Array:
    x = array(input, where)
    dims = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    axes = [wrap_dim(d, x.ndim, f"{where}: ") for d in dims] if x.ndim else []
    return jnp.roll(x, [by(x.shape[a]) for a in axes], axes) if axes else x
