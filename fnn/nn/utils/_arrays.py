"""What the reparametrisations of `nn.utils` share: the arrays of a module's tensors."""

from __future__ import annotations

import jax

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.nn._module import Module
from fnn.nn.parameter import UninitializedParameter
from fnn.state.box import Box
from fnn.state.parameter import Parameter


def named(module: Module, name: str) -> Box | jax.Array:
    """The parameter or buffer ``module.<name>``, or an array that stands in its place."""
    value = getattr(module, name, None)
    if not isinstance(value, (jax.Array, Box)):
        raise ArgumentError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return value


def initialised(what: str, module: Module, name: str) -> Parameter:
    """The parameter ``module.<name>``, whose shape is known."""
    weight = module._parameters.get(name)
    if not isinstance(weight, Parameter):
        raise ArgumentError(f"`{what}` cannot be applied as parameter `{name}` is None")
    if isinstance(weight, UninitializedParameter):
        raise ArgumentError(
            f"The module passed to `{what}` can't have uninitialized parameters. Make sure to run the dummy forward "
            "before applying it"
        )
    return weight


def array(module: Module, name: str) -> jax.Array:
    """The array of ``module.<name>``."""
    return to_array(named(module, name))
