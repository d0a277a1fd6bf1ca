"""The documentation that functions of this folder share: what an argument means is said once, here.

A function's docstring has its summary, what is special of it, and its example; `op` puts the ``Args`` between them,
from its own keywords and, for the names below, from `COMMON`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Protocol, TypeVar

import jax

from fnn.typing import ArrayLike, P, R

__all__ = ["Binary", "Unary", "alias", "op", "set_identity"]

COMMON = {
    "input": "the array, of any shape.",
    "other": "an array that broadcasts against ``input``, or a number.",
    "dim": "the dimension, counted from the end if negative.",
    "keepdim": "whether what is reduced stays as a dimension of size 1.",
    "dtype": "what ``input`` is converted to first; None: PyTorch's rules.",
    "alpha": "the factor.",
    "beta": "the factor of ``input``; if it is 0, ``input`` is ignored, NaN too.",
    "descending": "whether the largest comes first.",
    "mat1": "the first matrix.",
    "mat2": "the second matrix.",
    "A": "(..., n, n), unless said otherwise; floating or complex.",
    "B": "the right-hand sides.",
    "n": "the number of points along the dimension: the signal is cut or padded with zeros at its end. None: as it is.",
    "s": "the number of points along each of ``dim``, -1 for as it is; None: as they are.",
    "norm": "``'forward'`` (divided by n in the forward direction), ``'backward'`` or None (in the inverse one), "
    "``'ortho'`` (by the square root of n in both).",
    "x": "the array.",
    "UPLO": "which triangle is read, ``'L'`` or ``'U'``.",
    "upper": "whether the upper triangle is meant.",
    "check_errors": "whether to raise if it fails; only where values are known, not under a transform.",
    "hermitian": "whether the matrix is Hermitian (symmetric if real), which is quicker.",
    "unbiased": "True is ``correction=1``, False ``correction=0``.",
    "correction": "what is subtracted from the number of elements that the sum is divided by.",
    "interpolation": "``'linear'``, ``'lower'``, ``'higher'``, ``'midpoint'`` or ``'nearest'``.",
    "left": "whether the system is ``A X = B``; else ``X A = B``.",
    "transpose": "whether ``A`` is transposed.",
    "unitriangular": "whether the diagonal is taken to be 1.",
}


class Unary(Protocol):
    """A function of one array."""

    __name__: str

    def __call__(self, input: ArrayLike) -> jax.Array: ...


class Binary(Protocol):
    """A function of two arrays that are broadcast."""

    __name__: str

    def __call__(self, input: ArrayLike, other: ArrayLike) -> jax.Array: ...


_F = TypeVar("_F", bound=Callable)


def op(**described: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator that writes the ``Args`` section of a docstring.

    Args:
        described: what the function's arguments mean, where `COMMON` does not say it.
    """

    def decorated(fun: Callable[P, R]) -> Callable[P, R]:
        lines = []
        for name in inspect.getfullargspec(fun).args + inspect.getfullargspec(fun).kwonlyargs:
            lines.append(f"    {name}: {described.get(name) or COMMON[name]}")
        summary, mark, rest = inspect.cleandoc(fun.__doc__ or "").partition(_first_section(fun.__doc__ or ""))
        fun.__doc__ = "\n".join([summary.rstrip(), "", "Args:", *lines, "", f"{mark}{rest}", ""])
        return fun

    return decorated


def _first_section(text: str) -> str:
    found = [(text.index(section), section) for section in ("Returns:", "Raises:", "Example:") if section in text]
    return min(found)[1]


def set_identity(fun: _F, name: str, module: str, doc: str) -> _F:
    """Gives a derived function its name, home and documentation.

    Args:
        fun: the function.
        name: its public name.
        module: the module that has it.
        doc: its documentation.

    Returns:
        The function.
    """
    fun.__name__ = fun.__qualname__ = name
    fun.__module__, fun.__doc__ = module, doc
    return fun


def alias(fun: Callable[P, R], name: str) -> Callable[P, R]:
    """The same function under another of PyTorch's names.

    Args:
        fun: the function.
        name: the other name.
    """

    def same(*args: P.args, **kwargs: P.kwargs) -> R:
        return fun(*args, **kwargs)

    same.__signature__ = inspect.signature(fun)  # type: ignore[attr-defined]
    return set_identity(same, name, fun.__module__, f"Another name of `{fun.__name__}`.\n\n{fun.__doc__}")
