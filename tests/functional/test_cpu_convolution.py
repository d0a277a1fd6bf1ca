"""Every formulation of convolution on the CPU, forced by name, against the definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fnn.errors import ArgumentError
from fnn.kernels.cpu_convolution import Geometry, _definition, _formulations, _library, convolution, geometry
from tests import extent

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
    geometry((4, 5), (3, 5), (1, 1), [(3, 5), (7, 6)], (3, 4), 1),  # most elements see padding alone
    geometry((2, 3), (3, 3), (2, 1), [(2, 2), (3, 3)], (2, 3), 2),
    geometry((1,), (3,), (2,), [(1, 4)], (2,), 1),  # all do
    geometry((6, 9), (2, 5), (2, 3), [(1, 0), (2, 2)], (1, 2), 3),
    geometry((3, 5), (3, 2), (1, 1), [(-5, 9), (0, 1)], (1, 1), 1),  # negative padding leaves nothing of the image
    geometry((3, 5, 6), (2, 2, 3), (1, 2, 2), [(1, 1), (0, 1), (1, 1)], (1, 1, 1), 2),
    geometry((3, 23), (5, 5), (1, 1), [(2, 2), (2, 1)], (1, 1), 2),  # rows that do not fill vectors
    geometry((5, 17), (5, 5), (2, 2), [(2, 2), (2, 2)], (1, 1), 2),
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
    dtype, tolerance = (np.float32, 2e-5) if "library" in name else (np.float64, 1e-10)
    with jax.enable_x64(True):
        a, b = operands(operation, g)
        want = getattr(_definition, operation)(a, b, g)
        formulation = jax.jit(_formulations.FORMULATIONS[operation][name], static_argnums=2)
        got = formulation(a.astype(dtype), b.astype(dtype), g)
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def test_every_formulation_is_tested():
    tested = {(case.values[0], case.values[1]) for case in CASES}
    named = {(o, n) for o, names in _formulations.FORMULATIONS.items() for n in names if n != "definition"}
    named -= set() if _library.HERE else {(o, n) for o, n in named if "library" in n}
    assert tested == named


def test_padding_alone_under_a_kernel_of_a_strided_group():
    """XLA 0.10 aborts the process on the definition of this input gradient in float64."""
    g = geometry((4, 5, 5), (2, 3, 1), (2, 1, 3), [(1, 1), (0, 2), (0, 0)], (1, 3, 1), 3)
    y, w = operands("input_gradient", g, np.float32)
    want = np.asarray(_definition.input_gradient(y, w, g))
    with jax.enable_x64(True):
        got = jax.jit(_formulations.input_gradient, static_argnums=2)(y.astype(float), w.astype(float), g)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spread", [1, 3])
@pytest.mark.parametrize("low, high", [(-1, 1), (-3, 3), (-4, 9), (-19, 25)])
def test_padding_that_cuts_at_the_beginning_and_adds_at_the_end(low, high, spread):
    """XLA leaves rows of such a convolution unwritten, so the definition hands it none."""
    x = np.random.default_rng(0).standard_normal((5, 8, 7, 7)).astype(np.float32)
    rows = np.zeros((5, 8, 6 * spread + 1, 7), np.float32)
    rows[:, :, ::spread] = x
    want = np.concatenate((rows[:, :, -low:], np.zeros((5, 8, high + min(rows.shape[2] + low, 0), 7))), 2)
    left, pads = _definition._cut(jnp.asarray(x), ((low, high), (0, 0)), (spread, 1))
    found = lax.pad(left, np.float32(0), [(0, 0, 0), (0, 0, 0), (*pads[0], spread - 1), (*pads[1], 0)])
    np.testing.assert_array_equal(found, want)
    assert not pads[0][0] < 0 < pads[0][1]


def test_the_gradient_of_rows_that_no_window_sees():
    g = geometry((28, 28), (3, 3), (3, 3), [(3, 3), (2, 2)], (2, 1), 1)
    rng = np.random.default_rng(0)
    x, w, y = (rng.standard_normal(shape) for shape in ((5, 2, 28, 28), (8, 2, 3, 3), (5, 8, *g.out)))

    def gradients(x, w, y):
        out, back = jax.vjp(lambda x, w: convolution(x, w, g), x, w)
        return out, *back(y)

    with jax.enable_x64(True):
        wanted = [getattr(_definition, name)(*(jnp.asarray(a) for a in given), g) for name, given in
                  (("forward", (x, w)), ("input_gradient", (y, w)), ("weight_gradient", (x, y)))]  # fmt: skip
    for _ in range(4):  # what is unwritten may be zero by chance
        found = jax.jit(gradients)(*(jnp.asarray(a, np.float32) for a in (x, w, y)))
        for got, want in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_operands_that_do_not_fit():
    g = GEOMETRIES[0]
    with pytest.raises(ArgumentError, match=r"convolution: expected x of shape \(N, 2, \*\(6,\)\)"):
        convolution(jnp.ones((1, 3, 6)), jnp.ones((1, 2, 3)), g)


def plain(x, w, g):
    return jax.lax.conv_general_dilated(x, w, g.stride, g.pads, rhs_dilation=g.dilation, feature_group_count=g.groups)


@pytest.mark.parametrize("g", extent.some(GEOMETRIES, 6), ids=str)
def test_transformations_of_what_the_rule_chooses(g, monkeypatch):
    """Both gradients, a forward derivative of a gradient, every vmap and a scan, however small the problem."""
    monkeypatch.setattr(_formulations._choice, "TINY", 0)
    jax.clear_caches()  # programs that were lowered by another rule
    with jax.enable_x64(True):
        x, w = operands("forward", g)
        xs, ws = jnp.stack([x, x + 1, 2 * x]), jnp.stack([w, w - 1, 3 * w])

        def everything(convolve, x, w, xs, ws):
            loss = lambda x, w: jnp.sum(jnp.sin(convolve(x, w, g)))  # noqa: E731
            gradient = jax.grad(loss, (0, 1))
            curvature = jax.jvp(gradient, (x, w), (x + 1, w + 1))[1]
            one = lambda x, w: convolve(x, w, g)  # noqa: E731
            batched = [
                jax.vmap(one, axes)(a, b) for axes, a, b in (((0, None), xs, w), ((None, 0), x, ws), ((0, 0), xs, ws))
            ]
            slopes = [jax.vmap(gradient, axes)(a, b) for axes, a, b in (((0, None), xs, w), ((None, 0), x, ws))]
            looped = jax.lax.scan(lambda c, w: (c + gradient(x, w)[0], one(c, w)), x, ws)
            return gradient(x, w), curvature, batched, slopes, looped

        # as arguments: XLA of jax 0.8 folds constants through a convolution's gradient wrongly
        got, want = (jax.jit(everything, static_argnums=0)(way, x, w, xs, ws) for way in (convolution, plain))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9), got, want)
    jax.clear_caches()


def test_half_types_accumulate_in_float32():
    g = geometry((12, 12), (3, 3), (1, 1), [(1, 1), (1, 1)], (1, 1), 1)
    rng = np.random.default_rng(0)
    x, w = (
        jnp.asarray(rng.standard_normal((2, 32, 12, 12)), jnp.bfloat16),
        jnp.asarray(rng.standard_normal((16, 32, 3, 3)), jnp.bfloat16),
    )
    got = convolution(x, w, g)
    assert got.dtype == jnp.bfloat16
    want = convolution(x.astype(jnp.float32), w.astype(jnp.float32), g).astype(jnp.bfloat16)
    np.testing.assert_array_equal(got.astype(np.float32), want.astype(np.float32))


@pytest.mark.skipif(not _library.HERE, reason="no oneDNN that was tried in this jaxlib")
@pytest.mark.parametrize("stored", [False, True])
def test_programs_that_call_the_library(stored, tmp_path):
    """XLA cannot store a program that calls it: none does that JAX's compilation cache is to keep, or an export."""
    g = geometry((20, 20), (3, 3), (1, 1), [(1, 1), (1, 1)], (1, 1), 1)
    x, w = jnp.ones((2, 16, 20, 20)), jnp.ones((16, 16, 3, 3))
    before = jax.config.values["jax_compilation_cache_dir"]
    jax.config.update("jax_compilation_cache_dir", str(tmp_path) if stored else None)
    try:
        program = jax.jit(lambda x, w: convolution(x, w, g))
        assert ("__onednn$convolution" in program.lower(x, w).as_text()) is not stored
        assert "__onednn" not in jax.export.export(program)(x, w).mlir_module()
        half = jax.jit(lambda x, w: convolution(x, w, g)).lower(x.astype(jnp.bfloat16), w.astype(jnp.bfloat16))
        assert ("__onednn$convolution" in half.as_text()) is not stored
        with jax.enable_x64(True):
            double = [jnp.ones(a.shape, jnp.float64) for a in (x, w)]
            assert "__onednn" not in jax.jit(lambda x, w: convolution(x, w, g)).lower(*double).as_text()
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
