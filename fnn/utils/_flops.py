"""Multiply-adds of a rehearsed model, by the call that they belong to.

Counted are matrix products and convolutions, wherever they stand in the program, as `torch.utils.flop_counter` does;
element-wise work, reductions, norms and pooling are not.  A product of (m, k) and (k, n) matrices takes m·k·n
multiply-adds.  A convolution takes one for each output entry, input channel of its group and kernel position, padding
included; a transposed one, one for each *input* entry, output channel and kernel position.  A loop counts as often as
it runs (a ``while`` loop once: nobody knows), a branch as its most expensive side.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from fnn import layers, nn
from fnn.utils._rehearsal import Call, Rehearsal

if TYPE_CHECKING:
    from jax.extend.core import JaxprEqn


Counts = Counter[Call | None]
_CONV = (layers.Conv1d, layers.Conv2d, layers.Conv3d, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CONV_TRANSPOSE = (
    layers.ConvTranspose1d, layers.ConvTranspose2d, layers.ConvTranspose3d,
    nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip
# Where y (N, O, *) and w (O, C / groups, *) stand among the operands; -1 is the result.
_CONVOLUTIONS = {
    "convolution_forward": (-1, 1),
    "convolution_input_gradient": (0, 1),
    "convolution_weight_gradient": (1, -1),
}


def multiply_adds(rehearsal: Rehearsal) -> tuple[Counts, Counts]:
    """What each call does itself, and how often each call runs (those that no equation mentions are missing)."""
    counts: Counts = Counter()
    times: Counts = Counter()
    _count(rehearsal, rehearsal.jaxpr.jaxpr, None, 1, counts, times)
    for call in rehearsal.calls:
        known = _convolution(call)
        if known is not None and call in times:
            counts[call] = known * times[call]
    return counts, times


def _count(rehearsal: Rehearsal, jaxpr: Any, around: Call | None, repeated: int, counts: Counts, times: Counts) -> None:
    for equation in jaxpr.eqns:
        call = rehearsal.call_of(equation, around)
        up = call
        while up is not None and up not in times:
            times[up] = repeated
            up = up.parent
        name = equation.primitive.name
        if name == "dot_general":
            counts[call] += repeated * _product(equation)
        elif name == "conv_general_dilated":
            counts[call] += repeated * _general_convolution(equation)
        elif name in _CONVOLUTIONS:
            counts[call] += repeated * _convolution_primitive(equation)
        elif name == "scan":
            inner = equation.params["jaxpr"].jaxpr
            _count(rehearsal, inner, call, repeated * equation.params["length"], counts, times)
        elif name == "cond":
            _add_dearest(rehearsal, equation, call, repeated, counts, times)
        else:
            for inner in inner_jaxprs(equation):
                _count(rehearsal, inner, call, repeated, counts, times)


def _add_dearest(
    rehearsal: Rehearsal, equation: JaxprEqn, call: Call | None, repeated: int, counts: Counts, times: Counts
) -> None:
    sides = []
    for branch in equation.params["branches"]:
        side: Counts = Counter()
        _count(rehearsal, branch.jaxpr, call, repeated, side, times)
        sides.append(side)
    counts.update(max(sides, key=lambda side: side.total()))


def inner_jaxprs(equation: JaxprEqn) -> list[Any]:
    """The jaxprs among an equation's parameters."""
    found = []
    for value in equation.params.values():
        for entry in value if isinstance(value, (tuple, list)) else (value,):
            entry = getattr(entry, "jaxpr", entry)  # of a closed one
            if hasattr(entry, "eqns"):
                found.append(entry)
    return found


def _shape(variable: object) -> tuple[int, ...]:
    return cast(Any, variable).aval.shape


def _product(equation: JaxprEqn) -> int:
    (contracting, _), _ = equation.params["dimension_numbers"]
    shape = _shape(equation.invars[0])
    return math.prod(_shape(equation.outvars[0])) * math.prod(shape[axis] for axis in contracting)


def _general_convolution(equation: JaxprEqn) -> int:
    x, w = map(_shape, equation.invars)
    out = _shape(equation.outvars[0])
    axes = equation.params["dimension_numbers"]
    per_output = math.prod(w) // w[axes.rhs_spec[0]]  # input channels of a group × kernel positions
    if all(d == 1 for d in equation.params["lhs_dilation"]):
        return math.prod(out) * per_output // equation.params["batch_group_count"]
    # transposed: zeros between the input's entries are not multiplied
    kernel = math.prod(w[axis] for axis in axes.rhs_spec[2:])
    return math.prod(x) * kernel * (w[axes.rhs_spec[0]] // equation.params["feature_group_count"])


def _convolution_primitive(equation: JaxprEqn) -> int:
    """Of fnn's own primitives: an entry of y has to do with every input channel of a group and kernel position."""
    y, w = (
        _shape((equation.invars if index >= 0 else equation.outvars)[index])
        for index in _CONVOLUTIONS[equation.primitive.name]
    )
    return math.prod(y) * (math.prod(w) // w[0])


def _convolution(call: Call) -> int | None:
    """By the formula, for a convolution layer: its program is not the same on every platform."""
    value = call.part.value
    if isinstance(value, nn.Module) and not type(value).__module__.startswith("fnn.nn.modules."):
        return None  # a subclass may do more
    if not isinstance(value, (*_CONV, *_CONV_TRANSPOSE)) or not call.inputs or not call.outputs:
        return None
    positions = math.prod(value.kernel_size)
    if isinstance(value, _CONV_TRANSPOSE):
        return math.prod(call.inputs[0].shape) * (value.out_channels // value.groups) * positions
    return math.prod(call.outputs[0].shape) * (value.in_channels // value.groups) * positions
