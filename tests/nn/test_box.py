"""Boxes: they compute like the arrays they hold, can be written, and are pytrees."""

import copy
import operator
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError, TracerEscapeError
from fnn.state.scope import epoch
from tests.nn.both import same, torch

ARRAY = jnp.asarray([[1.5, -2.0], [3.0, 0.5]])
OTHERS = {
    "box": nn.Parameter(ARRAY + 1),
    "jnp": ARRAY + 1,
    "np": np.asarray(ARRAY) + 1,
    "float": 2.0,
    "int": 2,
    "np scalar": np.float32(2.0),
}
BINARY = "add sub mul truediv floordiv mod pow lt le gt ge eq ne".split()


# Each operator against a box, and each kind of operand once.
@pytest.mark.parametrize(("name", "other"), [*((n, "box") for n in BINARY), *(("sub", other) for other in OTHERS)])
def test_operators_on_both_sides(name, other):
    op, box, value = getattr(operator, name), nn.Parameter(ARRAY), OTHERS[other]
    bare = value.data if isinstance(value, nn.Parameter) else value
    for got, want in ((op(box, value), op(ARRAY, bare)), (op(value, box), op(bare, ARRAY))):
        assert isinstance(got, jax.Array)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("other", ["box", "jnp", "np"])
def test_matmul_on_both_sides(other):
    box, value = nn.Parameter(ARRAY), OTHERS[other]
    bare = value.data if isinstance(value, nn.Parameter) else value
    np.testing.assert_array_equal(box @ value, ARRAY @ bare)
    np.testing.assert_array_equal(value @ box, bare @ ARRAY)


def test_divmod_and_bits():
    box, bits = nn.Parameter(ARRAY), nn.Buffer(jnp.asarray([1, 6]))
    for got, want in zip(divmod(box, 2), divmod(ARRAY, 2), strict=True):
        np.testing.assert_array_equal(got, want)
    for name, want in {"lshift": [2, 12], "rshift": [0, 3], "and_": [1, 0], "or_": [1, 7], "xor": [0, 7]}.items():
        np.testing.assert_array_equal(getattr(operator, name)(bits, 1), want)
    np.testing.assert_array_equal(1 << bits, [2, 64])


@pytest.mark.parametrize("op", [operator.neg, operator.pos, abs, round, jnp.exp, jnp.sum, jax.nn.relu, np.sin])
def test_functions_of_one_argument(op):
    np.testing.assert_allclose(op(nn.Parameter(ARRAY)), op(ARRAY), rtol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda p: jnp.matmul(p, jnp.ones((2, 3))),
        lambda p: jnp.matmul(jnp.ones((3, 2)), p),
        lambda p: jnp.where(p > 0, p, 0.0),
        lambda p: jnp.concatenate([p, p]),
        lambda p: jnp.stack([p, ARRAY]),
        lambda p: jnp.einsum("ij,jk->ik", p, p),
        lambda p: jnp.broadcast_to(p, (3, 2, 2)),
        lambda p: jax.nn.softmax(p, axis=-1),
        lambda p: jnp.linalg.norm(p),
        lambda p: jnp.asarray(p),
        lambda p: jnp.array(p),
        lambda p: np.dot(p, np.ones(2, np.float32)),
        lambda p: np.asarray(p),
        lambda p: p.T,
        lambda p: p.sum(0),
        lambda p: p.reshape(-1),
        lambda p: p.at[0, 0].set(9.0),
        lambda p: p.astype(jnp.float16),
        lambda p: p.detach() if hasattr(p, "detach") else p,
        lambda p: p[0],
        lambda p: p[:, 1],
        lambda p: p[..., None],
        lambda p: p[jnp.asarray([1, 0])],
        lambda p: p[p > 0],
        lambda p: jnp.asarray(list(p)),
    ],
)
def test_it_computes_as_the_array_does(call):
    np.testing.assert_array_equal(call(nn.Parameter(ARRAY)), call(ARRAY))


def test_attributes():
    p = nn.Parameter(ARRAY)
    assert (p.shape, p.dtype, p.ndim, p.size, len(p)) == ((2, 2), jnp.float32, 2, 4, 2)
    assert (p.numel(), p.nelement(), p.dim(), p.element_size()) == (4, 4, 2, 4)
    assert p.is_floating_point() and not p.is_complex() and hash(p) == hash(p)
    scalar = nn.Buffer(jnp.asarray([2.0]))
    assert (float(scalar), int(scalar), complex(scalar), bool(scalar)) == (2.0, 2, 2 + 0j, True)
    assert [10, 11, 12][nn.Buffer(jnp.asarray(2))] == 12
    assert f"{nn.Buffer(jnp.asarray(2.5)):.2f}" == "2.50"
    assert p.numpy().flags.writeable and (p.numpy() == np.asarray(ARRAY)).all()
    with pytest.raises(AttributeError, match="no attribute 'nowhere'"):
        _ = p.nowhere
    p.mine = 3
    assert p.mine == 3


IN_PLACE = {
    "copy_": lambda t, api: t.copy_(api.array(2, 2)),
    "copy_ broadcasts": lambda t, api: t.copy_(api.array(2)),
    "fill_": lambda t, api: t.fill_(3.0),
    "zero_": lambda t, api: t.zero_(),
    "add_": lambda t, api: t.add_(2.0),
    "add_ alpha": lambda t, api: t.add_(api.array(2, 2), alpha=0.5),
    "sub_ alpha": lambda t, api: t.sub_(api.array(2, 2), alpha=2),
    "mul_": lambda t, api: t.mul_(api.array(2, 2)),
    "div_": lambda t, api: t.div_(2),
    "lerp_": lambda t, api: t.lerp_(api.array(2, 2), 0.25),
    "clamp_": lambda t, api: t.clamp_(-0.5, 0.5),
    "clamp_ min": lambda t, api: t.clamp_(min=0.1),
    "setitem": lambda t, api: [t.__setitem__((0, 1), 7.0), t][1],
    "setitem rows": lambda t, api: [t.__setitem__(0, api.array(2)), t][1],
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_methods_are_torchs(name):
    def act(api):
        box = api.nn.Buffer(api.array(2, 2) * 2)
        result = IN_PLACE[name](box, api)
        return [result is box, box]

    same(act)


def test_augmented_assignment_of_an_attribute_writes_the_buffer():
    m = nn.Module()
    m.count = nn.Buffer(jnp.zeros(()))
    box = m.count
    m.count += 2
    assert m.count is box and float(box) == 2


def test_in_place_methods_keep_shape_and_dtype():
    box = nn.Buffer(jnp.zeros((2,), jnp.int32))
    box.fill_(2.7)
    assert box.dtype == jnp.int32 and box.data.tolist() == [2, 2]
    with pytest.raises((ValueError, TypeError)):
        box.add_(jnp.ones(3))
    with pytest.raises(ArgumentError, match=r"The size of tensor a \(2,\) must match the size of tensor b \(3,\)"):
        box.copy_(jnp.ones(3))


def test_draws_in_place_are_torchs():
    import fnn

    fnn.manual_seed(3), torch.manual_seed(3)
    ours, theirs = nn.Buffer(jnp.zeros((3, 3))), torch.zeros(3, 3)
    np.testing.assert_array_equal(ours.uniform_(-1, 2), theirs.uniform_(-1, 2).numpy())
    np.testing.assert_allclose(ours.normal_(1, 2), theirs.normal_(1, 2).numpy(), rtol=1e-5)
    a, b = (nn.Buffer(jnp.zeros(4)).normal_(generator=jax.random.key(0)) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_repr():
    text = "Parameter containing:\nArray([1., 1.], dtype=float32, requires_grad=True)"
    assert repr(nn.Parameter(jnp.ones(2))) == text
    assert repr(nn.Parameter(jnp.ones(()), False)).endswith("Array(1., dtype=float32, requires_grad=False)")
    assert repr(nn.Buffer(jnp.zeros(1))) == "Buffer(Array([0.], dtype=float32))"
    assert f"{nn.Buffer(jnp.zeros(1))}" == repr(nn.Buffer(jnp.zeros(1)))


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda: nn.Parameter(jnp.ones(2, jnp.int32)), ArgumentError, "Only Tensors of floating point and complex"),
        (lambda: nn.Parameter(jnp.ones(2, jnp.int32), False).requires_grad_(), ArgumentError, "floating point"),
        (lambda: nn.Parameter(jnp.ones(2), 1), ArgumentTypeError, "requires_grad must be a bool, got requires_grad=1"),
        (lambda: nn.Parameter("text"), ArgumentTypeError, "Parameter: argument 'data' must be an array, got 'text'"),
        (lambda: setattr(nn.Parameter(jnp.ones(2)), "data", None), ArgumentTypeError, "must be an array, got None"),
        (lambda: setattr(nn.Parameter(jnp.ones(2)), "grad", ARRAY), ArgumentError, r"expected \(2,\), got \(2, 2\)"),
        (lambda: bool(nn.Buffer(jnp.ones(2))), ValueError, "truth value"),
    ],
)
def test_errors(act, error, text):
    with pytest.raises(error, match=text):
        act()


def test_a_numpy_array_is_copied():
    source = np.ones(2, np.float32)
    box = nn.Parameter(source)
    source[:] = 5
    assert box.data.tolist() == [1, 1]


def test_an_empty_parameter_and_a_box_of_a_box():
    assert nn.Parameter().shape == (0,)
    assert nn.Parameter(nn.Buffer(jnp.ones(2))).shape == (2,)


def test_grad():
    p = nn.Parameter(jnp.ones(2))
    assert p.grad is None
    p.grad = np.ones(2, np.float32)
    assert isinstance(p.grad, jax.Array)
    p.grad = None
    assert p.grad is None


# -- pytrees ----------------------------------------------------------------------------------------


def test_tree_map_and_leaves():
    tree = {"p": nn.Parameter(jnp.ones(2), requires_grad=False), "b": nn.Buffer(jnp.zeros(1), persistent=False)}
    assert [x.shape for x in jax.tree.leaves(tree)] == [(1,), (2,)]
    doubled = jax.tree.map(lambda x: x * 2, tree)
    assert_array(doubled["p"], [2, 2]), assert_array(doubled["b"], [0])
    assert tree["p"].data.tolist() == [1, 1]
    kept = jax.tree.map(lambda x: x, tree, is_leaf=lambda x: isinstance(x, nn.Parameter))
    assert kept["p"] is tree["p"]


def assert_array(got, want):
    """``got`` is an array, no box."""
    assert not isinstance(got, (nn.Parameter, nn.Buffer)) and isinstance(got, jax.Array)
    np.testing.assert_array_equal(got, want)


def test_jit_sees_the_array_of_a_box():
    p = nn.Parameter(jnp.ones(2))
    out = jax.jit(lambda p, x: (p, p * x))(p, 3.0)
    assert_array(out[0], [1, 1]), assert_array(out[1], [3, 3])


def test_grad_with_respect_to_a_box():
    p = nn.Parameter(jnp.asarray([1.0, 2.0]))
    assert_array(jax.grad(lambda p: jnp.sum(p**2))(p), [2, 4])
    assert jax.vmap(lambda p: p.sum())(nn.Parameter(jnp.ones((3, 2)))).tolist() == [2, 2, 2]


def test_what_comes_out_of_a_box_is_no_parameter():
    m = nn.Linear(2, 2)
    m.fixed = jax.lax.stop_gradient(m.weight)
    m.sines = jax.tree.map(jnp.sin, dict(m.named_parameters()))
    assert_array(m.fixed, m.weight.data), assert_array(m.sines["bias"], jnp.sin(m.bias.data))
    assert [name for name, _ in m.named_parameters()] == ["weight", "bias"]


def test_a_closed_over_box_is_a_constant_of_raw_jax():
    p = nn.Parameter(jnp.ones(2))
    assert jax.jit(lambda x: p * x)(2.0).tolist() == [2, 2]
    np.testing.assert_array_equal(jax.grad(lambda x: jnp.sum(p * x))(3.0), 2.0)


@pytest.mark.parametrize(
    "write", [lambda b, x: b.copy_(x), lambda b, x: setattr(b, "data", x), lambda b, x: b.__setitem__(0, x[0])]
)
@pytest.mark.parametrize("transform", [jax.jit, lambda f: jax.grad(lambda x: f(x).sum()), jax.vmap, jax.checkpoint])
def test_a_traced_value_does_not_escape_into_a_box(write, transform):
    box = nn.Buffer(jnp.zeros(2))

    def f(x):
        write(box, x * jnp.ones(2))
        return x

    with pytest.raises(TracerEscapeError, match=r"a Buffer of shape \(2,\), which outlives the trace"):
        transform(f)(jnp.ones(2))
    assert box.data.tolist() == [0, 0]


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))])
def test_copies(how):
    for box in (nn.Parameter(jnp.ones(2, jnp.bfloat16), requires_grad=False), nn.Buffer(jnp.ones(1), persistent=False)):
        box.note = "kept"
        new = how(box)
        assert type(new) is type(box) and new.note == "kept" and new.dtype == box.dtype
        assert getattr(new, "requires_grad", None) == getattr(box, "requires_grad", None)
        assert getattr(new, "persistent", None) == getattr(box, "persistent", None)
        new.fill_(7)
        assert box.data[0] == 1


def test_subclasses_of_a_parameter():
    class Special(nn.Parameter):
        pass

    m = nn.Module()
    m.p = Special(jnp.ones(2))
    assert next(m.parameters()) is m.p and type(copy.deepcopy(m).p) is Special
    assert jnp.sum(m.p) == 2


AUGMENTED = "iadd isub imul itruediv ifloordiv imod ipow".split()


@pytest.mark.parametrize(("name", "other"), [*((n, "box") for n in AUGMENTED), *(("isub", other) for other in OTHERS)])
def test_operators_in_place_write_to_the_box(name, other):
    box, value = nn.Parameter(ARRAY), OTHERS[other]
    want = getattr(operator, name)(ARRAY, value.data if isinstance(value, nn.Parameter) else value)
    assert getattr(operator, name)(box, value) is box
    np.testing.assert_array_equal(box.data, want)


def test_bits_in_place():
    for name, want in {"ilshift": [2, 12], "irshift": [0, 3], "iand": [1, 0], "ior": [1, 7], "ixor": [0, 7]}.items():
        bits = nn.Buffer(jnp.asarray([1, 6]))
        assert getattr(operator, name)(bits, 1) is bits
        np.testing.assert_array_equal(bits.data, want)


def test_a_loop_over_parameters_changes_them():
    linear = nn.Linear(2, 2)
    boxes, before = list(linear.parameters()), [p.numpy() for p in linear.parameters()]
    for p in linear.parameters():
        p -= 0.5
    linear.weight *= 2  # an attribute, too: it stays the box that it was
    assert all(box is p for box, p in zip(boxes, linear.parameters(), strict=True))
    np.testing.assert_allclose(linear.weight.data, 2 * (before[0] - 0.5), rtol=1e-6)
    np.testing.assert_allclose(linear.bias.data, before[1] - 0.5, rtol=1e-6)


def _float_into_int(box):
    box += 0.5


def _broadcast(box):
    box += jnp.ones((2, 1), box.dtype)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_float_into_int, "result type .* can't be cast to the desired output type"),
        (lambda box: box.mul_(jnp.ones(1)), "result type .* can't be cast to the desired output type"),
        (_broadcast, r"output with shape \[1\] doesn't match the broadcast shape \[2, 1\]"),
    ],
)
def test_in_place_keeps_shape_and_kind(change, text):
    box = nn.Buffer(jnp.asarray([3]))
    with jax.numpy_rank_promotion("allow"), pytest.raises(ArgumentError, match=text):
        change(box)
    np.testing.assert_array_equal(box.data, [3])


def test_in_place_on_an_attribute_is_no_change_of_structure():
    module = nn.Module()
    module.register_buffer("steps", jnp.zeros((), jnp.int32))
    before = epoch.structure
    module.steps += 1
    assert epoch.structure == before and int(module.steps) == 1


def test_a_buffer_is_not_differentiated():
    buffer = nn.BatchNorm1d(2).running_mean
    assert buffer.requires_grad is False
    buffer.requires_grad = False
    with pytest.raises(ArgumentError, match="requires_grad must be False, got True; make it a Parameter"):
        buffer.requires_grad = True
