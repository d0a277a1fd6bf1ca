"""`torch.Tensor`'s reductions, as a box has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from fnn.arguments import narrow, widen, wrap_dim
from fnn.autocasting import wide_dtype
from fnn.dtypes import canonical
from fnn.errors import ArgumentTypeError
from fnn.ops.returns import ValuesAndIndices
from fnn.state.tensor_parts import Parts
from fnn.typing import DType, Ints

__all__ = ["Reductions"]


class Reductions(Parts):
    """A mixin of `Box`, which has ``data``."""

    __slots__ = ()

    def max(self, dim: Ints | None = None, keepdim: bool = False, **numpys: object) -> Any:
        """The largest element; along ``dim`` with its index; or the larger of the elements and those of an array."""
        return self._extreme(jnp.max, jnp.argmax, jnp.maximum, dim, keepdim, numpys)

    def min(self, dim: Ints | None = None, keepdim: bool = False, **numpys: object) -> Any:
        """The smallest element; along ``dim`` with its index; or the smaller of the elements and those of an array."""
        return self._extreme(jnp.min, jnp.argmin, jnp.minimum, dim, keepdim, numpys)

    def _extreme(
        self, reduce: Any, place: Any, pair: Any, dim: Ints | None, keepdim: bool, numpys: dict[str, Any]
    ) -> Any:
        if dim is None:
            return reduce(self.data, **numpys)
        if not isinstance(dim, (int, np.integer)):
            return pair(self.data, dim)
        value = self.data
        return ValuesAndIndices(reduce(value, dim, keepdims=keepdim), place(value, dim, keepdims=keepdim))

    def median(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The lower of the middle elements; along ``dim`` with its index."""
        if dim is None:
            return jnp.sort(self.data.reshape(-1))[(self.data.size - 1) // 2]
        middle = (self.data.shape[dim] - 1) // 2
        found = (jax.lax.index_in_dim(x, middle, dim, keepdims=keepdim) for x in self.sort(dim))
        return ValuesAndIndices(*found)

    def argmax(self, dim: int | None = None, keepdim: bool = False, **numpys: object) -> jax.Array:
        """The index of the largest element."""
        return jnp.argmax(self.data, **{"axis": dim, "keepdims": keepdim, **numpys})

    def argmin(self, dim: int | None = None, keepdim: bool = False, **numpys: object) -> jax.Array:
        """The index of the smallest element."""
        return jnp.argmin(self.data, **{"axis": dim, "keepdims": keepdim, **numpys})

    def var(self, dim: Ints | None = None, unbiased: bool = True, keepdim: bool = False, **others: object) -> jax.Array:
        """The variance: divided by n - ``correction``, which is 1 (numpy's ``ddof`` is 0)."""
        return jnp.var(self.data, **_moment(dim, unbiased, keepdim, others))

    def std(self, dim: Ints | None = None, unbiased: bool = True, keepdim: bool = False, **others: object) -> jax.Array:
        """The standard deviation: divided by n - ``correction``, which is 1 (numpy's ``ddof`` is 0)."""
        return jnp.std(self.data, **_moment(dim, unbiased, keepdim, others))

    def norm(self, p: Any = 2, dim: Ints | None = None, keepdim: bool = False, dtype: DType | None = None) -> jax.Array:
        """The ``p``-norm of all elements, or along dimensions."""
        dtype = wide_dtype("norm", self.data, dtype)
        value = self.data if dtype is None else self.data.astype(canonical(dtype, "norm: "))
        if not jnp.issubdtype(value.dtype, jnp.inexact):
            raise ArgumentTypeError(f"norm: expected a floating or complex dtype, got {value.dtype}")
        from fnn.functional.vector_norm import vector_norm  # here: importing it takes the whole of fnn.functional

        dims = range(value.ndim) if dim is None else dim if isinstance(dim, Sequence) else (dim,)
        axes = tuple(wrap_dim(d, value.ndim, "norm: ") for d in dims) if value.ndim else ()
        order = 2.0 if p in ("fro", None) else float(p)
        return narrow(vector_norm(widen(value), order, axes, keepdim), value.real)

    def equal(self, other: ArrayLike) -> bool:
        """Whether ``other`` has the same shape and elements."""
        other = jnp.asarray(other)
        return self.data.shape == other.shape and bool((self.data == other).all())

    def allclose(self, other: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
        """Whether the elements differ by little."""
        return bool(jnp.allclose(self.data, jnp.asarray(other), rtol, atol, equal_nan))

    def softmax(self, dim: int, dtype: DType | None = None) -> jax.Array:
        """The softmax along ``dim``."""
        dtype = wide_dtype("softmax", self.data, dtype)
        return jax.nn.softmax(self.data if dtype is None else self.data.astype(canonical(dtype, "softmax: ")), dim)

    def log_softmax(self, dim: int, dtype: DType | None = None) -> jax.Array:
        """The logarithm of the softmax along ``dim``."""
        dtype = wide_dtype("log_softmax", self.data, dtype)
        value = self.data if dtype is None else self.data.astype(canonical(dtype, "log_softmax: "))
        return jax.nn.log_softmax(value, dim)


def _axis(dim: Ints | None) -> Any:
    return tuple(dim) if isinstance(dim, list) else dim


def _moment(dim: Ints | None, unbiased: bool, keepdim: bool, others: dict[str, Any]) -> dict[str, Any]:
    """The arguments of torch's ``std`` and ``var`` as numpy's."""
    if isinstance(dim, bool):  # std(unbiased)
        dim, unbiased = None, dim
    correction = others.pop("correction", int(unbiased))
    return {"axis": _axis(dim), "ddof": correction, "keepdims": keepdim} | others


def _reduction(name: str, function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    def method(
        self: Any, dim: Ints | None = None, keepdim: bool = False, dtype: DType | None = None, **numpys: Any
    ) -> jax.Array:
        if not isinstance(keepdim, (bool, np.bool_)):
            raise ArgumentTypeError(f"{name}: keepdim must be a bool, got keepdim={keepdim!r}; give dims as a tuple")
        dtype = wide_dtype(name, self.data, dtype)
        value = self.data if dtype is None else self.data.astype(canonical(dtype, f"{name}: "))
        return function(value, **{"axis": _axis(dim), "keepdims": bool(keepdim), **numpys})

    method.__doc__ = f"``{name}`` of all elements, or along ``dim`` (one or several)."
    return method


def _cumulation(name: str, function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    def method(self: Any, dim: Ints | None = None, dtype: DType | None = None, **numpys: Any) -> jax.Array:
        dtype = wide_dtype(name, self.data, dtype)
        value = self.data if dtype is None else self.data.astype(canonical(dtype, f"{name}: "))
        return function(value, **{"axis": dim, **numpys})

    method.__doc__ = f"``{name}`` along ``dim``."
    return method


_REDUCTIONS = {
    "all": jnp.all, "amax": jnp.max, "amin": jnp.min, "any": jnp.any, "count_nonzero": jnp.count_nonzero,
    "logsumexp": jax.nn.logsumexp, "mean": jnp.mean, "nanmean": jnp.nanmean, "nansum": jnp.nansum, "prod": jnp.prod,
    "sum": jnp.sum,
}  # fmt: skip
_CUMULATIONS = {"cumprod": jnp.cumprod, "cumsum": jnp.cumsum, "logcumsumexp": jax.lax.cumlogsumexp}

for _name, _function in _REDUCTIONS.items():
    setattr(Reductions, _name, _reduction(_name, _function))
for _name, _function in _CUMULATIONS.items():
    setattr(Reductions, _name, _cumulation(_name, _function))
