"""The formulations of each of the three operations, by the names that the cost rule and the tests use.

A forward takes (x, w, geometry), an input gradient (y, w, geometry), a weight gradient (x, y, geometry). Which
problems a formulation can do at all is said by `possible`; which one is taken is `_choice`'s.
"""

from collections.abc import Callable
from typing import Literal

import jax

from fnn.kernels import apart
from fnn.kernels.cpu_convolution import (
    _choice,
    _columns,
    _crossed,
    _definition,
    _dense,
    _groups,
    _patches,
    _phases,
    _pointwise,
    _shifts,
    _trimmed,
    _volume,
)
from fnn.kernels.cpu_convolution._geometry import Geometry

_PHASE = 4  # elements of a phase's kernel, up to which it is one product

Operation = Literal["forward", "input_gradient", "weight_gradient"]
Formulation = Callable[[jax.Array, jax.Array, Geometry], jax.Array]


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The convolution by the formulation that the cost rule names."""
    name = _choice.forward(_choice.Problem(x.shape[0], w.shape[1], w.shape[0] // g.groups, x.dtype.itemsize, g))
    return _run("forward", name, x, w, g)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """Its adjoint in x, likewise."""
    problem = _choice.Problem(y.shape[0], w.shape[1], w.shape[0] // g.groups, y.dtype.itemsize, g)
    return _run("input_gradient", _choice.input_gradient(problem), y, w, g)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """Its adjoint in w, likewise."""
    channels = x.shape[1] // g.groups, y.shape[1] // g.groups
    problem = _choice.Problem(x.shape[0], *channels, x.dtype.itemsize, g)
    return _run("weight_gradient", _choice.weight_gradient(problem), x, y, g)


def _run(operation: Operation, name: str, a: jax.Array, b: jax.Array, g: Geometry) -> jax.Array:
    formulation = FORMULATIONS[operation][name]
    if g.rank < 3 or name == "definition":
        return formulation(a, b, g)
    # Volumes are folded, copied and transposed: what made them, or uses them, had better not be part of that.
    return apart.call(lambda a, b: formulation(a, b, g), a, b)


FORMULATIONS: dict[Operation, dict[str, Formulation]] = {
    "forward": {
        "definition": _definition.forward,
        "trimmed": lambda x, w, g: _trimmed.convolve(x, w, g, forward),
        "pointwise": _pointwise.forward,
        "whole": _pointwise.whole_forward,
        "patches": _patches.forward,
        "columns": _columns.forward,
        "crossed": _crossed.forward,
        "direct": _dense.forward,
        "rows": _dense.rows_forward,
        "shifts": _shifts.forward,
        "blocks": lambda x, w, g: _groups.convolve(x, w, g, forward),
        "planes": lambda x, w, g: _volume.forward(x, w, g, forward),
        "slices": lambda x, w, g: _volume.slices_forward(x, w, g, forward),
    },
    "input_gradient": {
        "definition": _definition.input_gradient,
        "trimmed": lambda y, w, g: _trimmed.convolve(y, w, g, input_gradient),
        "pointwise": lambda y, w, g: apart.call(lambda y, w: _pointwise.input_gradient(y, w, g), y, w),
        "whole": _pointwise.whole_input_gradient,
        "columns": _columns.input_gradient,
        "crossed": _crossed.input_gradient,
        "direct": _dense.input_gradient,
        "rows": _dense.rows_input_gradient,
        "phases": lambda y, w, g: _phases.input_gradient(y, w, g, _phase),
        "shifts": _shifts.input_gradient,
        "phases of shifts": lambda y, w, g: _phases.input_gradient(y, w, g, _shifts.input_gradient),
        "phases of crossed": lambda y, w, g: _phases.input_gradient(y, w, g, _crossed.input_gradient),
        "blocks": lambda y, w, g: _groups.convolve(y, w, g, input_gradient),
        "planes": lambda y, w, g: _volume.input_gradient(y, w, g, input_gradient),
    },
    "weight_gradient": {
        "definition": _definition.weight_gradient,
        "trimmed": lambda x, y, g: _trimmed.weight_gradient(x, y, g, weight_gradient),
        "pointwise": lambda x, y, g: apart.call(lambda x, y: _pointwise.weight_gradient(x, y, g), x, y),
        "whole": _pointwise.whole_weight_gradient,
        "patches": _patches.weight_gradient,
        "columns": _columns.weight_gradient,
        "crossed": _crossed.weight_gradient,
        "direct": _dense.weight_gradient,
        "reversed": _dense.reversed_weight_gradient,
        "shifts": _shifts.weight_gradient,
        "blocks": lambda x, y, g: _groups.weight_gradient(x, y, g, weight_gradient),
    },
}


def _phase(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """A phase of few elements takes the fewest operations, as there are many phases."""
    return _columns.input_gradient(y, w, g) if len(g.taps) <= _PHASE else input_gradient(y, w, g)


def possible(operation: Operation, name: str, g: Geometry) -> bool:
    """Whether a formulation can do this operation for this geometry."""
    dense = g.groups == 1
    stride_in_one_loop = g.unit_stride or operation != "input_gradient"
    direct = {
        "forward": g.unit_stride or g.rank == 1,
        "input_gradient": g.unit_stride,
        "weight_gradient": True,
    }
    return {
        "definition": True,
        "trimmed": _trimmed.fits(g),
        "pointwise": _pointwise.fits(g),
        "whole": _pointwise.covers(g),
        "patches": dense,
        "columns": dense,
        "crossed": True,
        "direct": dense and direct[operation],
        "reversed": dense and g.unit_stride,
        "rows": dense and g.rank == 2 and stride_in_one_loop,
        "phases": dense,
        "shifts": stride_in_one_loop,
        "phases of shifts": True,
        "phases of crossed": True,
        "blocks": not dense,
        "planes": dense and g.rank == 3,
        "slices": dense and g.rank == 3,
    }[name]
