"""Programs without the operations that converters do not know compute the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fnn.exported._simpler import simpler

_X, _V = jax.ShapeDtypeStruct((2, 4, 9, 8), jnp.float32), jax.ShapeDtypeStruct((2, 4, 6, 7, 8), jnp.float32)


def _conv(kernel, strides, padding, groups=1, spread=None, dilation=None):
    rank = len(kernel)
    w = jnp.asarray(np.random.default_rng(1).standard_normal((6, 4 // groups, *kernel)), jnp.float32)

    def run(x):
        return lax.conv_general_dilated(
            x, w, strides, padding, spread or (1,) * rank, dilation or (1,) * rank, feature_group_count=groups
        )

    return run


CASES = {
    "pad": (lambda x: jnp.pad(x, ((0, 0), (1, 0), (0, 2), (3, 1)), constant_values=-jnp.inf), _X),
    "cut": (lambda x: lax.pad(x, 2.0, [(0, 0, 0), (-1, 2, 0), (-2, -3, 0), (0, 0, 0)]), _X),
    "inside": (lambda x: jax.nn.relu(jax.jit(lambda x: lax.pad(x, 1.0, [(0, 1, 0)] * 4))(x)) * 2, _X),
    "between": (lambda x: lax.pad(x, 0.0, [(0, 0, 0), (0, 0, 1), (1, 1, 2), (0, 0, 0)]), _X),
    "conv": (_conv((3, 3), (2, 2), [(0, -1), (-2, 0)]), _X),
    "transposed": (_conv((3, 3), (1, 1), [(-1, -2), (2, -3)], spread=(2, 3)), _X),
    "frames": (_conv((3, 3, 2), (2, 1, 2), [(1, 1), (-1, 2), (0, 1)], groups=2, dilation=(2, 1, 1)), _V),
    "frames_cut": (_conv((2, 1, 3), (1, 2, 1), [(-1, 0), (0, 0), (1, 1)]), _V),
}


@pytest.mark.parametrize("case", CASES)
def test_same_numbers(case):
    function, shape = CASES[case]
    x = jnp.asarray(np.random.default_rng(0).standard_normal(shape.shape), jnp.float32)
    run = simpler(function, shape)
    np.testing.assert_allclose(np.asarray(run(x)), np.asarray(function(x)), rtol=1e-5, atol=1e-5)
    program = jax.make_jaxpr(run)(x)
    text = str(program)
    assert " pad[" not in text or case == "between"
    for equation in program.jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            assert len(equation.params["padding"]) == 2
            assert case == "transposed" or min(map(min, equation.params["padding"])) >= 0


def test_of_any_batch():
    (n,) = jax.export.symbolic_shape("n")
    function, shape = CASES["frames"]
    given = jax.ShapeDtypeStruct((n, *shape.shape[1:]), jnp.float32)
    exported = jax.export.export(jax.jit(simpler(function, given)))(given)
    x = jnp.ones(shape.shape)
    np.testing.assert_allclose(np.asarray(exported.call(x)), np.asarray(function(x)), rtol=1e-5, atol=1e-5)


def test_sizes_that_are_symbols():
    """No part of an axis, and no bounds, are left to an operation that wants numbers."""
    (n,) = jax.export.symbolic_shape("n")

    def function(x):
        first, second = lax.split(jnp.concatenate([x, 2 * x]), x.shape[:1] * 2)
        return jnp.stack([lax.clamp(-1.0, first, 1.5), second])

    given = jax.ShapeDtypeStruct((n, 3), jnp.float32)
    run = simpler(function, given)
    names = {equation.primitive.name for equation in jax.make_jaxpr(run)(given).jaxpr.eqns}
    assert not names & {"split", "clamp"}
    x = jnp.asarray([[-2.0, jnp.nan, 0.5], [3.0, 1.0, -1.0]])
    np.testing.assert_array_equal(np.asarray(jax.export.export(jax.jit(run))(given).call(x)), np.asarray(function(x)))
    assert {"split", "clamp"} <= {e.primitive.name for e in jax.make_jaxpr(simpler(function, x))(x).jaxpr.eqns}
