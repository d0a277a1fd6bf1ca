"""The formulations of each of the three operations, by the names that the cost rule and the tests use.

A forward takes (x, w, geometry), an input gradient (y, w, geometry), a weight gradient (x, y, geometry). Which
problems a formulation can do at all is said by `possible`; which one is taken is `_choice`'s.
"""

import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

from fnn.kernels import apart
from fnn.kernels.cpu_convolution import (
    _choice,
    _columns,
    _crossed,
    _definition,
    _library,
    _patches,
    _phases,
    _pointwise,
    _shifts,
    _trimmed,
)
from fnn.kernels.cpu_convolution._geometry import Geometry

Operation = Literal["forward", "input_gradient", "weight_gradient"]
Formulation = Callable[..., jax.Array]


def forward(x: jax.Array, w: jax.Array, g: Geometry, library: bool = False) -> jax.Array:
    """The convolution by the formulation that the rule names; ``library`` says whether `_library` may be called."""
    return _run("forward", x, w, (w.shape[1], w.shape[0] // g.groups), g, library, forward)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry, library: bool = False) -> jax.Array:
    """Its adjoint in x, likewise."""
    return _run("input_gradient", y, w, (w.shape[1], w.shape[0] // g.groups), g, library, input_gradient)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry, library: bool = False) -> jax.Array:
    """Its adjoint in w, likewise."""
    channels = x.shape[1] // g.groups, y.shape[1] // g.groups
    return _run("weight_gradient", x, y, channels, g, library, weight_gradient)


def _run(
    operation: Operation,
    a: jax.Array,
    b: jax.Array,
    channels: tuple[int, int],
    g: Geometry,
    library: bool,
    inner: Formulation,
) -> jax.Array:
    served = library and a.dtype == jnp.float32 and _library.fits(operation, g)
    name = getattr(_choice, operation)(_choice.Problem(a.shape[0], *channels, a.dtype.itemsize, g, served))
    formulation = FORMULATIONS[operation][name]
    if name in NESTED:
        formulation = functools.partial(formulation, inner=functools.partial(inner, library=library))
    if g.rank < 3 or name in ("definition", "library"):
        return formulation(a, b, g)
    # Volumes are copied and transposed: what made them, or uses them, had better not be part of that.
    return apart.call(lambda a, b: formulation(a, b, g), a, b)


FORMULATIONS: dict[Operation, dict[str, Formulation]] = {
    "forward": {
        "definition": _definition.forward,
        "trimmed": lambda x, w, g, inner=forward: _trimmed.convolve(x, w, g, inner),
        "pointwise": _pointwise.forward,
        "whole": _pointwise.whole_forward,
        "library": _library.forward,
        "patches": _patches.forward,
        "columns": _columns.forward,
        "crossed": _crossed.forward,
        "shifts": _shifts.forward,
    },
    "input_gradient": {
        "definition": _definition.input_gradient,
        "trimmed": lambda y, w, g, inner=input_gradient: _trimmed.convolve(y, w, g, inner),
        "pointwise": lambda y, w, g: apart.call(lambda y, w: _pointwise.input_gradient(y, w, g), y, w),
        "whole": _pointwise.whole_input_gradient,
        "library": _library.input_gradient,
        "columns": _columns.input_gradient,
        "crossed": _crossed.input_gradient,
        "shifts": _shifts.input_gradient,
        "phases": lambda y, w, g, inner=input_gradient: _phases.input_gradient(y, w, g, inner),
    },
    "weight_gradient": {
        "definition": _definition.weight_gradient,
        "trimmed": lambda x, y, g, inner=weight_gradient: _trimmed.weight_gradient(x, y, g, inner),
        "pointwise": lambda x, y, g: apart.call(lambda x, y: _pointwise.weight_gradient(x, y, g), x, y),
        "whole": _pointwise.whole_weight_gradient,
        "library": _library.weight_gradient,
        "patches": _patches.weight_gradient,
        "patches by the library": lambda x, y, g: _patches.weight_gradient(x, y, g, _library.product),
        "columns": _columns.weight_gradient,
        "crossed": _crossed.weight_gradient,
        "shifts": _shifts.weight_gradient,
    },
}
NESTED = ("trimmed", "phases")  # these hand smaller problems to ``inner``


def possible(operation: Operation, name: str, g: Geometry) -> bool:
    """Whether a formulation can do this operation for this geometry."""
    dense = g.groups == 1
    steps = g.unit_stride or operation != "input_gradient"
    return {
        "trimmed": _trimmed.fits(g),
        "pointwise": _pointwise.fits(g),
        "whole": _pointwise.covers(g),
        "library": _library.HERE and _library.fits(operation, g),
        "patches": dense,
        "patches by the library": _library.HERE and dense,
        "columns": dense,
        "shifts": steps,
    }.get(name, True)
