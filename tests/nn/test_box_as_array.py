"""A box is an array to JAX, einops and jaxtyping: the same results and gradients as of its array."""

import copy
import functools
import pickle

import einops
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jaxtyping import Array, Float, Int

import fnn
from fnn import nn
from fnn.tracing import dtypes

VALUE = jnp.asarray([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
# Before, JAX's primitives take only what is an array by its type.
TAKES_BOXES = hasattr(dtypes, "register_canonicalize_value_handler")

JNP = {
    name: getattr(jnp, name)
    for name in (
        "abs exp sin tanh square sign floor sum mean max min prod std var argmax argmin cumsum sort argsort ravel "
        "transpose flip isnan zeros_like ones_like asarray array copy atleast_2d shape ndim size nan_to_num real "
        "imag conj squeeze median triu"
    ).split()
}
JNP |= {
    "linalg.norm": jnp.linalg.norm,
    "linalg.qr": lambda x: jnp.linalg.qr(x)[1],
    "add": lambda x: jnp.add(x, x),
    "where": lambda x: jnp.where(x > 0, x, 0),
    "where mask": lambda x: jnp.where(x, 1.0, 2.0),
    "concatenate": lambda x: jnp.concatenate([x, VALUE, x]),
    "stack": lambda x: jnp.stack([x, x]),
    "vstack": lambda x: jnp.vstack([x, x]),
    "hstack": lambda x: jnp.hstack((x, VALUE)),
    "matmul": lambda x: jnp.matmul(x, x.T),
    "dot": lambda x: jnp.dot(x, jnp.ones(3)),
    "outer": lambda x: jnp.outer(x, x),
    "einsum": lambda x: jnp.einsum("ij,kj->ik", x, x),
    "tensordot": lambda x: jnp.tensordot(x, x, 2),
    "reshape": lambda x: jnp.reshape(x, (-1,)),
    "expand_dims": lambda x: jnp.expand_dims(x, 0),
    "broadcast_to": lambda x: jnp.broadcast_to(x, (2, 2, 3)),
    "take": lambda x: jnp.take(x, jnp.asarray([1, 0]), axis=0),
    "take_along_axis": lambda x: jnp.take_along_axis(x, jnp.argsort(VALUE, axis=1), axis=1),
    "full_like": lambda x: jnp.full_like(x, 2),
    "pad": lambda x: jnp.pad(x, 1),
    "roll": lambda x: jnp.roll(x, 1, 0),
    "split": lambda x: jnp.split(x, 3, axis=1),
    "tile": lambda x: jnp.tile(x, (2, 1)),
    "repeat": lambda x: jnp.repeat(x, 2, axis=0),
    "clip": lambda x: jnp.clip(x, -0.5, 0.5),
    "clip to boxes": lambda x: jnp.clip(VALUE, x - 1, x + 1),
    "maximum": lambda x: jnp.maximum(x, 0),
    "moveaxis": lambda x: jnp.moveaxis(x, 0, 1),
    "unique": lambda x: jnp.unique(x),
    "result_type": lambda x: str(jnp.result_type(x, jnp.float16)),
    "iscomplexobj": lambda x: jnp.iscomplexobj(x),
    "issubdtype": lambda x: jnp.issubdtype(x.dtype, jnp.floating),
    "allclose": lambda x: jnp.allclose(x, x),
    "array_equal": lambda x: jnp.array_equal(x, VALUE),
    "interp": lambda x: jnp.interp(x, jnp.arange(3.0), jnp.arange(3.0) * 2),
    "cov": lambda x: jnp.cov(x),
    "vectorize": lambda x: jnp.vectorize(lambda a: a * 2)(x),
    "apply_along_axis": lambda x: jnp.apply_along_axis(jnp.sum, 0, x),
    "meshgrid": lambda x: jnp.meshgrid(x[0], x[1]),
    "fft": lambda x: jnp.fft.fft(x).real,
    "logsumexp": lambda x: jax.scipy.special.logsumexp(x, axis=0),
    "norm.logpdf": lambda x: jax.scipy.stats.norm.logpdf(x),
}
NN = {
    name: getattr(jax.nn, name)
    for name in (
        "relu sigmoid softmax log_softmax gelu silu elu selu celu leaky_relu softplus swish mish hard_tanh "
        "hard_sigmoid relu6 log_sigmoid soft_sign standardize logsumexp"
    ).split()
}
NN["one_hot"] = lambda x: jax.nn.one_hot(jnp.argmax(x, 1), 3) * x
NN["attention"] = lambda x: jax.nn.dot_product_attention(*[x[None, :, None, :]] * 3)
LAX = {
    name: getattr(lax, name)
    for name in "abs exp sin tanh logistic neg sign floor square erf is_finite stop_gradient cumsum".split()
}
LAX |= {
    "add": lambda x: lax.add(x, VALUE),
    "add swapped": lambda x: lax.add(VALUE, x),
    "mul twice": lambda x: lax.mul(x, x),
    "dot_general": lambda x: lax.dot_general(x, x, (((1,), (1,)), ((), ()))),
    "dot": lambda x: lax.dot(x, jnp.ones((3, 2))),
    "reshape": lambda x: lax.reshape(x, (3, 2)),
    "transpose": lambda x: lax.transpose(x, (1, 0)),
    "broadcast": lambda x: lax.broadcast(x, (2,)),
    "concatenate": lambda x: lax.concatenate([x, VALUE], 0),
    "select": lambda x: lax.select(VALUE > 0, x, x),
    "clamp": lambda x: lax.clamp(-0.5, x, 0.5),
    "convert": lambda x: lax.convert_element_type(x, jnp.float16),
    "slice": lambda x: lax.slice(x, (0, 1), (2, 3)),
    "dynamic_slice": lambda x: lax.dynamic_slice(x, (0, 1), (2, 2)),
    "pad": lambda x: lax.pad(x, 0.0, [(1, 0, 0), (0, 1, 0)]),
    "top_k": lambda x: lax.top_k(x, 2)[0],
    "sort": lambda x: lax.sort(x),
    "rev": lambda x: lax.rev(x, (0,)),
    "expand_dims": lambda x: lax.expand_dims(x, (0,)),
    "conv": lambda x: lax.conv(x[None, None], x[None, None], (1, 1), "SAME"),
    "scan": lambda x: lax.scan(lambda c, row: (c + row, c), jnp.zeros(3), x)[0],
    "scan closed over": lambda x: lax.scan(lambda c, i: (c + x[0] * i, c), jnp.zeros(3), jnp.arange(2.0))[0],
    "map": lambda x: lax.map(lambda row: row * 2, x),
    "cond": lambda x: lax.cond(True, lambda y: y * 2, lambda y: y, x + 0),
    "cond operand": lambda x: lax.cond(True, lambda y: y * 2.0, lambda y: y * 1.0, x),
    "cond on a box": lambda x: lax.cond(x[0, 0] > 0, lambda: 1.0, lambda: 2.0),
    "fori_loop": lambda x: lax.fori_loop(0, 3, lambda i, c: c + x, jnp.zeros((2, 3))),
    "while_loop": lambda x: lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1] * x), (0, VALUE))[1],
    "associative_scan": lambda x: lax.associative_scan(jnp.add, x),
    "jit": lambda x: jax.jit(lambda y: y * 2)(x),
    "vmap": lambda x: jax.vmap(jnp.sum)(x),
    "checkpoint": lambda x: jax.checkpoint(jnp.sin)(x),
    "custom_jvp": lambda x: _twice(x),
    "jvp": lambda x: jax.jvp(jnp.sin, (x,), (x,))[1],
    "vjp": lambda x: jax.vjp(jnp.sin, x)[1](VALUE)[0],
    "eval_shape": lambda x: jax.eval_shape(jnp.sum, x).shape,
    "device_put": lambda x: jax.device_put(x),
    "device_get": lambda x: jax.device_get(x),
    "pure_callback": lambda x: jax.pure_callback(np.asarray, jax.ShapeDtypeStruct((2, 3), jnp.float32), x),
    "typeof": lambda x: str(jax.typeof(x)),
    "as an index": lambda x: jnp.arange(5.0)[(x > 0).astype(jnp.int32)],
}


@jax.custom_jvp
def _twice(x):
    return x * 2


_twice.defjvp(lambda primals, tangents: (primals[0] * 2, tangents[0] * 2))
EINOPS = {
    "rearrange": lambda x: einops.rearrange(x, "a b -> b a"),
    "rearrange split": lambda x: einops.rearrange(x, "a (b c) -> a b c", b=3),
    "reduce mean": lambda x: einops.reduce(x, "a b -> a", "mean"),
    "reduce max": lambda x: einops.reduce(x, "a b -> b", "max"),
    "reduce min": lambda x: einops.reduce(x, "a b -> ", "min"),
    "reduce sum": lambda x: einops.reduce(x, "a b -> a ()", "sum"),
    "reduce prod": lambda x: einops.reduce(x, "a b -> b", "prod"),
    "repeat": lambda x: einops.repeat(x, "a b -> a b c", c=2),
    "einsum": lambda x: einops.einsum(x, x, "a b, c b -> a c"),
    "pack": lambda x: einops.pack([x, x], "a *")[0],
    "stack": lambda x: einops.rearrange([x, x], "n a b -> a n b"),
    "parse_shape": lambda x: einops.parse_shape(x, "a b"),
}
TABLES = {
    f"{table}.{name}": f
    for table, functions in {"jnp": JNP, "nn": NN, "lax": LAX, "einops": EINOPS}.items()
    for name, f in functions.items()
}
# Directly to a primitive, in a table of functions that mostly are.
NEEDS_CONVERSION = {f"lax.{name}" for name in LAX} | {"nn.attention"}


def skipped(name):
    return pytest.mark.skipif(name in NEEDS_CONVERSION and not TAKES_BOXES, reason="this JAX takes arrays only")


CASES = [pytest.param(name, marks=skipped(name), id=name) for name in TABLES]


def leaves(tree):
    found = jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, (nn.Parameter, nn.Buffer)))
    assert not any(isinstance(leaf, (nn.Parameter, nn.Buffer)) for leaf in found)
    return found


def check(got, want):
    for one, other in zip(leaves(got), leaves(want), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6) if not isinstance(one, str) else one == other
        assert isinstance(one, str) or np.shape(one) == np.shape(other)


@pytest.mark.parametrize("name", CASES)
def test_the_same_as_of_the_array(name):
    check(TABLES[name](nn.Parameter(VALUE)), TABLES[name](VALUE))


def scalar(f):
    """A number made of all floats that ``f`` gives."""

    def loss(x):
        parts = [leaf for leaf in leaves(f(x)) if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)]
        return sum(((part * part).sum() for part in parts), jnp.zeros(())) + 0 * jnp.sum(x)

    return loss


# Without a gradient: no reverse rule, or the host sees it.
NO_GRADIENT = {"lax.while_loop", "lax.pure_callback", "lax.device_get"}
DIFFERENTIATED = [case for case in CASES if case.id.startswith(("lax", "nn")) and case.id not in NO_GRADIENT]


@pytest.mark.parametrize("name", DIFFERENTIATED)
def test_the_same_gradient(name):
    loss = scalar(TABLES[name])
    check(fnn.grad(loss)(nn.Parameter(VALUE)), jax.grad(loss)(VALUE))


UNDER_JIT = {
    "nn.sigmoid",
    "nn.relu",
    "jnp.concatenate",
    "lax.logistic",
    "lax.scan",
    "lax.cond operand",
    "lax.fori_loop",
}


@pytest.mark.parametrize("name", [case for case in CASES if case.id in UNDER_JIT])
def test_the_same_gradient_under_jit(name):
    loss = scalar(TABLES[name])
    check(fnn.jit(lambda p: fnn.grad(loss)(p))(nn.Parameter(VALUE)), jax.grad(loss)(VALUE))


# -- types -------------------------------------------------------------------------------------------


def test_it_is_an_array_by_isinstance():
    for box in (nn.Parameter(VALUE), nn.Buffer(VALUE)):
        assert isinstance(box, jax.Array) and isinstance(box, jnp.ndarray)
        assert isinstance(box, Float[Array, "2 3"]) and isinstance(box, Float[Array, "..."])
        assert not isinstance(box, Float[Array, "3 2"]) and not isinstance(box, Int[Array, "..."])
    assert not isinstance(nn.Parameter(VALUE), nn.Buffer) and not isinstance(VALUE, nn.Parameter)
    assert type(nn.Parameter(VALUE)) is nn.Parameter


def test_a_class_can_be_assigned():
    class Special(nn.Parameter):
        pass

    p = nn.Parameter(VALUE)
    p.__class__ = Special
    assert type(p) is Special and isinstance(p, jax.Array)


@pytest.mark.skipif(not TAKES_BOXES, reason="this JAX takes arrays only")
@pytest.mark.parametrize("how", [lambda f: f, jax.jit, fnn.jit, jax.vmap])
def test_a_buffer_is_an_index(how):
    module = nn.Module()
    module.idx = nn.Buffer(jnp.asarray([2, 0]))
    np.testing.assert_array_equal(how(lambda x: x[..., module.idx])(VALUE), VALUE[:, jnp.asarray([2, 0])])
    rows = nn.Buffer(jnp.asarray([1]))
    np.testing.assert_array_equal(VALUE[rows, module.idx], VALUE[jnp.asarray([1]), jnp.asarray([2, 0])])
    np.testing.assert_array_equal(VALUE.at[:, module.idx].set(0.0)[0], [0, -1, 0])


def test_a_box_is_an_index_of_a_box():
    p, rows = nn.Parameter(VALUE), nn.Buffer(jnp.asarray([1, 0]))
    np.testing.assert_array_equal(p[rows], VALUE[::-1])
    np.testing.assert_array_equal(p[:, rows], VALUE[:, jnp.asarray([1, 0])])
    p[rows, 0] = 0.0
    assert p.data[:, 0].tolist() == [0, 0]


@pytest.mark.skipif(not TAKES_BOXES, reason="this JAX takes arrays only")
def test_a_box_read_in_a_trace_has_the_scopes_value():
    p, other = nn.Parameter(VALUE), nn.Parameter(VALUE)

    def loss(p):
        other.data = lax.mul(p, p)  # what is read of it below depends on p
        return jnp.max(lax.exp(other))

    want = jax.grad(lambda x: jnp.max(jnp.exp(x * x)))(VALUE)
    np.testing.assert_allclose(fnn.grad(loss)(p), want, rtol=1e-6)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p)), copy.copy])
def test_a_copy_is_one_too(how):
    p = nn.Parameter(VALUE)
    p.note = "kept"
    new = how(p)
    assert type(new) is nn.Parameter and new is not p and new.note == "kept"
    np.testing.assert_array_equal(new, VALUE)


def test_dispatch_by_type_finds_the_array():
    @functools.singledispatch
    def kind(x):
        return "object"

    kind.register(jax.Array, lambda x: "array")
    assert kind(nn.Parameter(VALUE)) == "array"


# -- indices out of range ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (2, "index 2 is out of bounds for dimension 0 with size 2"),
        (-3, "index -3 is out of bounds for dimension 0 with size 2"),
        (np.int64(2), "index 2 is out of bounds for dimension 0 with size 2"),
        ((0, 3), "index 3 is out of bounds for dimension 1 with size 3"),
        ((slice(None), -4), "index -4 is out of bounds for dimension 1 with size 3"),
        ((..., 3), "index 3 is out of bounds for dimension 1 with size 3"),
        ((2, ...), "index 2 is out of bounds for dimension 0 with size 2"),
        ((None, 2), "index 2 is out of bounds for dimension 0 with size 2"),
        ((jnp.asarray([0, 1]), 3), "index 3 is out of bounds for dimension 1 with size 3"),
    ],
)
def test_an_integer_out_of_range_is_an_index_error(index, text):
    p = nn.Parameter(VALUE)
    with pytest.raises(IndexError, match=text):
        p[index]
    with pytest.raises(IndexError, match=text):
        p[index] = 5.0
    np.testing.assert_array_equal(p, VALUE)


@pytest.mark.parametrize(
    "index",
    [1, -2, np.int32(1), (1, 2), (-2, -3), (..., 2), (None, 1), (0, None, 2), (slice(5), 2), jnp.asarray([5]),
     (jnp.asarray([[True, False, True], [False, True, True]]), ), (True, 1), (0, jnp.asarray([7])), ()],
)  # fmt: skip
def test_other_indices_are_jaxs(index):
    np.testing.assert_array_equal(nn.Parameter(VALUE)[index], VALUE[index])


def test_iteration_and_membership_end():
    p = nn.Parameter(VALUE)
    assert len(list(p)) == 2 and [row.shape for row in p] == [(3,), (3,)]
    assert 2.0 in p and 7.0 not in p
