"""A user's function between tuples of arrays, and what is refused of it: shared by `fnn.autograd.functional`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import tree_map

from fnn import func as transforms
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func.dependence import dependence

__all__ = ["INDEPENDENT", "Call", "Values", "cotangents"]


Values = tuple[jax.Array, ...]


INDEPENDENT = (
    "{what}: Output {i} of the user-provided function is independent of input {j}. This is not allowed in strict mode."
)


_CONSTANT = (
    "{what}: Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
    "differentiable manner from the input when running in strict mode."
)


_LINEAR = (
    "{what}: While computing the hessian, found that the jacobian of the user-provided function with respect to input "
    "{i} is independent of the input. This is not allowed in strict mode. You should ensure that your function is "
    "twice differentiable and that the jacobian depends on the inputs (this would be violated by a linear function "
    "for example)."
)


_BACK = (
    "{what}: The jacobian of the user-provided function is independent of input {j}. This is not allowed in strict "
    "mode."
)


def _tupled(values: object, name: str, what: str) -> tuple[bool, Values]:
    """Whether ``values`` are a tuple, and the tuple of arrays."""
    is_tuple = isinstance(values, tuple)
    parts: tuple[Any, ...] = values if isinstance(values, tuple) else (values,)
    for i, part in enumerate(parts):
        if not isinstance(part, (jax.Array, np.ndarray)):
            which = f"value at index {i}" if is_tuple else f"given {name}"
            raise ArgumentTypeError(
                f"{what}: The {name} given to {what.rpartition('.')[2]} must be either a Tensor or a tuple of Tensors "
                f"but the {which} has type {type(part)}."
            )
    return is_tuple, tuple(to_array(part) for part in parts)


class Call:
    """The user's function as one of a tuple of arrays to a tuple of arrays."""

    def __init__(self, func: Callable[..., Any], inputs: object, name: str) -> None:
        self.what = f"fnn.autograd.functional.{name}"
        self.func = func
        self.given_tuple, self.inputs = _tupled(inputs, "inputs", self.what)
        for i, x in enumerate(self.inputs):
            if not jnp.issubdtype(x.dtype, jnp.inexact):
                raise ArgumentTypeError(
                    f"{self.what}: only Tensors of floating point and complex dtype can require gradients, got "
                    f"{x.dtype} for input {i}"
                )
        self.returns_tuple = False

    def __call__(self, *inputs: jax.Array) -> Values:
        out = self.func(*inputs)
        self.returns_tuple, values = _tupled(out, "outputs of the user-provided function", self.what)
        return values

    def scalar(self, *inputs: jax.Array) -> jax.Array:
        """The single number that a function with a Hessian returns."""
        (out, *rest), name = self(*inputs), self.what.rpartition(".")[2]
        if rest or self.returns_tuple:
            raise ArgumentError(f"{self.what}: The function given to {name} should return a single Tensor")
        if out.size != 1:
            raise ArgumentError(
                f"{self.what}: The Tensor returned by the function given to {name} should contain a single element, "
                f"got shape {out.shape}"
            )
        return out

    def gradient(self, *inputs: jax.Array) -> tuple[Values, jax.Array]:
        """The gradients of `scalar`, and its value."""
        out, pull = transforms.vjp(self.scalar, *inputs)
        return pull(_one(out)), out

    def form(self, values: tuple[Any, ...], is_tuple: bool, create_graph: bool) -> Any:
        """What is returned: ``values`` or the only one of them, constants unless ``create_graph``."""
        if not create_graph:
            values = tree_map(lax.stop_gradient, values)
        return values if is_tuple else values[0]

    def vector(self, v: object, like: Values, is_tuple: bool, missing: str) -> Values:
        """``v`` as a tuple that fits ``like``; one where None may stand for it."""
        if v is None:
            if len(like) != 1 or like[0].size != 1:
                raise ArgumentError(f"{self.what}: The vector v can only be None if {missing}")
            return (jnp.ones_like(like[0]),)
        _, values = _tupled(v, "v", self.what)
        if len(values) != len(like):
            raise ArgumentError(
                f"{self.what}: v is a tuple of invalid length: should be {len(like)} but got {len(values)}."
                if is_tuple else f"{self.what}: The given v should contain a single Tensor."
            )  # fmt: skip
        for i, (part, other) in enumerate(zip(values, like, strict=True)):
            if part.shape != other.shape:
                entry = f"Entry {i} in " if is_tuple else ""
                raise ArgumentError(
                    f"{self.what}: {entry}v has invalid size: should be {list(other.shape)} but got {list(part.shape)}."
                )
        return tuple(
            part.astype(o.dtype) if jnp.issubdtype(o.dtype, jnp.inexact) else part
            for part, o in zip(values, like, strict=True)
        )

    def require(self, strict: bool, message: str, every: bool) -> None:
        """In strict mode refuses an output without a derivative, or (``every``) a pair of output and input."""
        if not strict:
            return
        table = dependence(self, *self.inputs)
        for i, row in enumerate(table):
            if not any(row):
                raise ArgumentError(_CONSTANT.format(what=self.what, i=i))
            for j, reached in enumerate(row):
                if every and not reached:
                    raise ArgumentError(message.format(what=self.what, i=i, j=j))
        for j in range(len(self.inputs)):
            if not any(row[j] for row in table):
                raise ArgumentError(
                    f"{self.what}: The output of the user-provided function is independent of input {j}. This is not "
                    "allowed in strict mode."
                )

    def require_curved(self, strict: bool) -> None:
        """In strict mode refuses a function whose gradient does not depend on the inputs."""
        if not strict:
            return
        self.require(True, "", every=False)
        table = dependence(lambda *xs: self.gradient(*xs)[0], *self.inputs)
        for i, row in enumerate(table):
            if not any(row):
                raise ArgumentError(_LINEAR.format(what=self.what, i=i))
        for j in range(len(self.inputs)):
            if not any(row[j] for row in table):
                raise ArgumentError(_BACK.format(what=self.what, j=j))


def _one(out: jax.Array) -> Any:
    return jnp.ones_like(out) if jnp.issubdtype(out.dtype, jnp.inexact) else np.zeros(out.shape, jax.dtypes.float0)


def cotangents(outputs: Values, given: Values) -> tuple[Any, ...]:
    """``given`` for what has a derivative; nothing for integers."""
    return tuple(
        v if jnp.issubdtype(out.dtype, jnp.inexact) else np.zeros(out.shape, jax.dtypes.float0)
        for out, v in zip(outputs, given, strict=True)
    )
