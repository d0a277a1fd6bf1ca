"""Arithmetic of metrics: ``2 * precision * recall / (precision + recall)`` is a metric, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import jax.numpy as jnp

from fnn.typing import Array, ArrayLike

if TYPE_CHECKING:
    from fnn.metrics.metric import CompositionalMetric, Metric

    Operand: TypeAlias = "Metric | Operators | ArrayLike"
else:
    Operand = object


def add(a: Array, b: Array) -> Array:
    """``a + b``."""
    return jnp.add(a, b)


def sub(a: Array, b: Array) -> Array:
    """``a - b``."""
    return jnp.subtract(a, b)


def mul(a: Array, b: Array) -> Array:
    """``a * b``."""
    return jnp.multiply(a, b)


def true_divide(a: Array, b: Array) -> Array:
    """``a / b``."""
    return jnp.true_divide(a, b)


def floor_divide(a: Array, b: Array) -> Array:
    """``a // b``."""
    return jnp.floor_divide(a, b)


def fmod(a: Array, b: Array) -> Array:
    """The remainder of ``a / b`` rounded towards zero, as torchmetrics' ``%``: it has the sign of ``a``."""
    return jnp.fmod(a, b)


def pow(a: Array, b: Array) -> Array:
    """``a ** b``."""
    return jnp.power(a, b)


def matmul(a: Array, b: Array) -> Array:
    """``a @ b``."""
    return jnp.matmul(a, b)


def bitwise_and(a: Array, b: Array) -> Array:
    """``a & b``."""
    return jnp.bitwise_and(a, b)


def bitwise_or(a: Array, b: Array) -> Array:
    """``a | b``."""
    return jnp.bitwise_or(a, b)


def bitwise_xor(a: Array, b: Array) -> Array:
    """``a ^ b``."""
    return jnp.bitwise_xor(a, b)


def bitwise_not(a: Array) -> Array:
    """``~a``."""
    return jnp.bitwise_not(a)


def eq(a: Array, b: Array) -> Array:
    """``a == b``."""
    return jnp.equal(a, b)


def ne(a: Array, b: Array) -> Array:
    """``a != b``."""
    return jnp.not_equal(a, b)


def lt(a: Array, b: Array) -> Array:
    """``a < b``."""
    return jnp.less(a, b)


def le(a: Array, b: Array) -> Array:
    """``a <= b``."""
    return jnp.less_equal(a, b)


def gt(a: Array, b: Array) -> Array:
    """``a > b``."""
    return jnp.greater(a, b)


def ge(a: Array, b: Array) -> Array:
    """``a >= b``."""
    return jnp.greater_equal(a, b)


def absolute(a: Array) -> Array:
    """``abs(a)``, which is also torchmetrics' ``+metric``."""
    return jnp.abs(a)


def negative(a: Array) -> Array:
    """``-abs(a)``: torchmetrics' ``-metric``."""
    return -jnp.abs(a)


class Item:
    """``a[index]``; a class, so that it can be pickled."""

    __name__ = "getitem"

    def __init__(self, index: object) -> None:
        self.index = index

    def __call__(self, a: Array) -> Array:
        """``a[index]``."""
        return a[self.index]


class Operators:
    """Part of `Metric`: its operators, each of which makes a `CompositionalMetric`."""

    __iter__ = None  # has __getitem__, is no sequence

    def _composed(self, op: Callable[..., Array], a: Operand, b: Operand | None) -> CompositionalMetric:
        raise NotImplementedError

    def __add__(self, other: Operand) -> CompositionalMetric:
        return self._composed(add, self, other)

    def __radd__(self, other: Operand) -> CompositionalMetric:
        return self._composed(add, other, self)

    def __sub__(self, other: Operand) -> CompositionalMetric:
        return self._composed(sub, self, other)

    def __rsub__(self, other: Operand) -> CompositionalMetric:
        return self._composed(sub, other, self)

    def __mul__(self, other: Operand) -> CompositionalMetric:
        return self._composed(mul, self, other)

    def __rmul__(self, other: Operand) -> CompositionalMetric:
        return self._composed(mul, other, self)

    def __truediv__(self, other: Operand) -> CompositionalMetric:
        return self._composed(true_divide, self, other)

    def __rtruediv__(self, other: Operand) -> CompositionalMetric:
        return self._composed(true_divide, other, self)

    def __floordiv__(self, other: Operand) -> CompositionalMetric:
        return self._composed(floor_divide, self, other)

    def __rfloordiv__(self, other: Operand) -> CompositionalMetric:
        return self._composed(floor_divide, other, self)

    def __mod__(self, other: Operand) -> CompositionalMetric:
        return self._composed(fmod, self, other)

    def __rmod__(self, other: Operand) -> CompositionalMetric:
        return self._composed(fmod, other, self)

    def __pow__(self, other: Operand) -> CompositionalMetric:
        return self._composed(pow, self, other)

    def __rpow__(self, other: Operand) -> CompositionalMetric:
        return self._composed(pow, other, self)

    def __matmul__(self, other: Operand) -> CompositionalMetric:
        return self._composed(matmul, self, other)

    def __rmatmul__(self, other: Operand) -> CompositionalMetric:
        return self._composed(matmul, other, self)

    def __and__(self, other: Operand) -> CompositionalMetric:
        return self._composed(bitwise_and, self, other)

    def __rand__(self, other: Operand) -> CompositionalMetric:
        return self._composed(bitwise_and, other, self)

    def __or__(self, other: Operand) -> CompositionalMetric:
        return self._composed(bitwise_or, self, other)

    def __ror__(self, other: Operand) -> CompositionalMetric:
        return self._composed(bitwise_or, other, self)

    def __xor__(self, other: Operand) -> CompositionalMetric:
        return self._composed(bitwise_xor, self, other)

    def __rxor__(self, other: Operand) -> CompositionalMetric:
        return self._composed(bitwise_xor, other, self)

    # As in torchmetrics a comparison is a metric, so that `metric in list` says nothing; dicts and sets go by identity.
    def __eq__(self, other: Operand) -> CompositionalMetric:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._composed(eq, self, other)

    def __ne__(self, other: Operand) -> CompositionalMetric:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._composed(ne, self, other)

    __hash__ = object.__hash__

    def __lt__(self, other: Operand) -> CompositionalMetric:
        return self._composed(lt, self, other)

    def __le__(self, other: Operand) -> CompositionalMetric:
        return self._composed(le, self, other)

    def __gt__(self, other: Operand) -> CompositionalMetric:
        return self._composed(gt, self, other)

    def __ge__(self, other: Operand) -> CompositionalMetric:
        return self._composed(ge, self, other)

    def __abs__(self) -> CompositionalMetric:
        return self._composed(absolute, self, None)

    def __pos__(self) -> CompositionalMetric:
        return self._composed(absolute, self, None)

    def __neg__(self) -> CompositionalMetric:
        return self._composed(negative, self, None)

    def __invert__(self) -> CompositionalMetric:
        return self._composed(bitwise_not, self, None)

    def __getitem__(self, index: object) -> CompositionalMetric:
        return self._composed(Item(index), self, None)
