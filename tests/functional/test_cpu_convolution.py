"""Every formulation of convolution on the CPU, forced by name, against the definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.errors import ArgumentError
from fnn.functional._cpu_convolution import Geometry, _definition, _formulations, convolution, geometry

# size, kernel, stride, pads, dilation, groups
GEOMETRIES = [
    geometry((6,), (3,), (2,), [(1, 0)], (1,), 1),
    geometry((7,), (2,), (1,), [(1, 2)], (2,), 2),
    geometry((5, 6), (3, 2), (1, 1), [(1, 1), (0, 1)], (1, 2), 1),
    geometry((7, 6), (3, 3), (2, 3), [(2, 1), (1, 1)], (1, 2), 1),
    geometry((6, 5), (3, 2), (2, 1), [(1, 1), (0, 0)], (2, 1), 2),
    geometry((4, 5), (3, 3), (1, 1), [(1, 1), (1, 1)], (1, 1), 4),
    geometry((5, 5), (1, 1), (2, 2), [(0, 0), (0, 0)], (1, 1), 2),
    geometry((3, 2), (3, 2), (1, 1), [(0, 0), (0, 0)], (1, 1), 1),
    geometry((3, 4, 3), (2, 3, 1), (2, 1, 1), [(1, 0), (1, 1), (0, 0)], (1, 1, 1), 1),
    geometry((5, 4), (2, 3), (3, 3), [(0, -2), (1, 0)], (1, 1), 1),  # the last rows are seen by no window
]
CASES = [
    pytest.param(operation, name, g, id=f"{operation}-{name}-{i}")
    for operation, names in _formulations.FORMULATIONS.items()
    for name in names
    for i, g in enumerate(GEOMETRIES)
    if name != "definition" and _formulations.possible(operation, name, g)
]


def operands(operation: str, g: Geometry, dtype=np.float64):
    rng = np.random.default_rng(0)
    x, w, y = (2, 2 * g.groups, *g.size), (3 * g.groups, 2, *g.kernel), (2, 3 * g.groups, *g.out)
    shapes = {"forward": (x, w), "input_gradient": (y, w), "weight_gradient": (x, y)}[operation]
    return [jnp.asarray(rng.standard_normal(shape), dtype) for shape in shapes]


@pytest.mark.parametrize("operation, name, g", CASES)
def test_formulation_is_the_definition(operation, name, g):
    with jax.enable_x64(True):
        a, b = operands(operation, g)
        want = getattr(_definition, operation)(a, b, g)
        got = jax.jit(_formulations.FORMULATIONS[operation][name], static_argnums=2)(a, b, g)
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


def test_every_formulation_is_tested():
    tested = {(case.values[0], case.values[1]) for case in CASES}
    named = {(o, n) for o, names in _formulations.FORMULATIONS.items() for n in names if n != "definition"}
    assert tested == named


def test_operands_that_do_not_fit():
    g = GEOMETRIES[0]
    with pytest.raises(ArgumentError, match=r"convolution: expected x of shape \(N, 2, \*\(6,\)\)"):
        convolution(jnp.ones((1, 3, 6)), jnp.ones((1, 2, 3)), g)
