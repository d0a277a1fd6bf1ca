"""Pointwise functions and comparisons against torch's op_db; scalars, kinks and 64-bit results by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.errors import ArgumentError
from fnn.ops import (
    comparison,
    pointwise_arithmetic,
    pointwise_binary,
    pointwise_clamp,
    pointwise_parts,
    pointwise_unary,
)
from tests.extent import some
from tests.ops.families import Row, reference, run

torch = reference.torch
MODULES = (
    pointwise_unary, pointwise_parts, pointwise_arithmetic, pointwise_binary, pointwise_clamp, comparison,
)  # fmt: skip
NAMES = {name: getattr(m, name) for m in MODULES for name in m.__all__}
BY_HAND = {"allclose", "equal", "rsub"}  # Python bools; torch.rsub has an entry for numbers only
ROWS = {
    "polygamma": Row(call=lambda f: lambda x, n: f(n, x)),
    "float_power": Row(x64=True, tolerance=(1e-4, 1e-4)),
    "clamp_min": Row(errors=("",)),  # op_db has it refuse numbers, which torch.clamp_min takes
    "clamp_max": Row(errors=("",)),
    "ldexp": Row(),
    "div": Row(others=("int64", "bool", "complex64")),  # torch rounds a bfloat16 quotient before it truncates
    "divide": Row(others=("int64", "bool", "complex64")),
}


@pytest.mark.parametrize("name", some(sorted(NAMES.keys() - BY_HAND), 60))
def test_database(name):
    run(name, NAMES[name], ROWS.get(name, Row()))


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("add", (np.uint8([1, 2]), 3)),
        ("add", (np.int32([1, 2]), 2.5)),
        ("add", (np.float16([1, 2]), np.float32(2.5))),
        ("mul", (np.bool_([True, False]), 3)),
        ("div", (np.int32([1, -7]), 2)),
        ("floor_divide", (np.float32([1, -7, 0.3]), 0.1)),
        ("remainder", (np.float32([1, -7, 5]), -3.0)),
        ("pow", (2, np.float32([1, -7]))),
        ("pow", (np.int32([1, -1, 2]), np.int32([-1, -3, -2]))),
        ("clamp", (np.int32([1, 9]), 2.5)),
        ("clamp", (np.float32([1, 9]), 5.0, 3.0)),
        ("bitwise_right_shift", (np.int32([-9, 9]), 40)),
        ("eq", (np.int32([1, 2]), 1.5)),
        ("rsub", (np.float32([1, 2]), 5.0)),
    ],
)
def test_numbers(call, arguments):
    theirs = getattr(torch, call)(
        *(torch.as_tensor(a) if isinstance(a, (np.ndarray, np.generic)) else a for a in arguments)
    )
    ours = NAMES[call](*(jnp.asarray(a) if isinstance(a, (np.ndarray, np.generic)) else a for a in arguments))
    reference.assert_equal(ours, theirs, call)


def test_python_bools():
    x = jnp.array([1.0, jnp.nan])
    assert NAMES["allclose"](x, x, equal_nan=True) and not NAMES["allclose"](x, x)
    assert NAMES["equal"](x[:1], x[:1]) and not NAMES["equal"](x, x[:1])
    for name in ("equal", "allclose"):
        with pytest.raises(ArgumentError, match=f"{name}: gives a Python bool"):
            jax.jit(NAMES[name])(x, x)


def test_float_power_says_what_it_needs():
    with pytest.raises(ArgumentError, match=r"float_power: the result is float64, which needs 64-bit mode"):
        NAMES["float_power"](jnp.ones(2), 2)
