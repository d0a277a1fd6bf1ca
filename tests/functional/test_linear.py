import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import functional as F
from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from tests import reference

torch = pytest.importorskip("torch")


def arrays(*shapes, dtype=jnp.float32):
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.standard_normal(s), dtype) for s in shapes]


@pytest.mark.parametrize("name", ["linear", "bilinear"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_op_db(name, dtype):
    reference.check_op(f"nn.functional.{name}", getattr(F, name), dtype=dtype)


@pytest.mark.parametrize("shape", [(3,), (0, 3), (2, 0, 3), (2, 1, 4, 3)])
def test_leading_dimensions(shape):
    x, w, b = (torch.randn(s) for s in (shape, (5, 3), (5,)))
    reference.check_call(torch.nn.functional.linear, F.linear, (x, w, b))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_types_accumulate_in_float32(dtype):
    # 4096 + 1 is not representable in either type: a half accumulator would stand still at 256 or 2048.
    n = 4096
    out = jax.jit(F.linear)(jnp.ones((1, n), dtype), jnp.ones((1, n), dtype))
    assert out.dtype == dtype and out[0, 0] == n


def test_gradients_of_both_modes():
    check_grads(F.linear, arrays((2, 3), (4, 3), (4,)), order=2, modes=["fwd", "rev"], rtol=1e-2)
    check_grads(F.bilinear, arrays((2, 3), (2, 5), (4, 3, 5), (4,)), order=2, modes=["fwd", "rev"], rtol=1e-2)


def test_vmap_is_the_batch():
    x, w, b = arrays((4, 2, 3), (5, 3), (5,))
    np.testing.assert_allclose(jax.vmap(F.linear, (0, None, None))(x, w, b), F.linear(x, w, b), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: F.linear(jnp.ones((2, 3)), jnp.ones((5, 4))),
            r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 4x5\)",
        ),
        (lambda: F.linear(jnp.ones(3), jnp.ones((5, 4))), r"cannot be multiplied \(1x3 and 4x5\)"),
        (lambda: F.linear(jnp.ones(()), jnp.ones((5, 4))), "need to be at least 1D, but they are 0D and 2D"),
        (lambda: F.linear(jnp.ones((2, 3)), jnp.ones((5, 3)), jnp.ones(4)), r"expanded size of the bias \[4\]"),
        (lambda: F.bilinear(jnp.ones((2, 3)), jnp.ones((1, 3)), jnp.ones((2, 3, 3))), "batch dimensions do not match"),
        (lambda: F.bilinear(jnp.ones((2, 4)), jnp.ones((2, 3)), jnp.ones((2, 3, 3))), "input1 size does not match"),
    ],
)
def test_shape_errors(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


def test_dtypes_are_not_mixed():
    with pytest.raises(ArgumentTypeError, match="must have the same dtype, but got input of float32 and weight of bfl"):
        F.linear(jnp.ones((2, 3)), jnp.ones((5, 3), jnp.bfloat16))


CLASSES = [
    ("Linear", (3, 4), {}, [(2, 3)]),
    ("Linear", (3, 4), {"bias": False}, [(3,)]),
    ("Bilinear", (3, 2, 4), {}, [(5, 3), (5, 2)]),
    ("Identity", (3, "anything"), {"at": "all"}, [(5, 3)]),
    ("Flatten", (), {}, [(2, 3, 4)]),
    ("Flatten", (0, 1), {}, [(2, 3, 4)]),
    ("Unflatten", (1, (2, -1)), {}, [(2, 6)]),
    ("Unflatten", (-1, (3, 2)), {}, [(6,)]),
    ("CosineSimilarity", (), {"dim": 0}, [(3, 2), (3, 2)]),
    ("PairwiseDistance", (), {"p": 1, "keepdim": True}, [(3, 2), (3, 2)]),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "shapes"), CLASSES)
def test_modules(name, args, kwargs, shapes):
    ours, theirs = getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: reference.to_jax(v) for k, v in theirs.state_dict().items()})
    inputs = [torch.randn(s) for s in shapes]
    reference.assert_equal(ours(*reference.to_jax(inputs)), theirs(*inputs))


@pytest.mark.parametrize(("name", "args"), [("Linear", (30, 4)), ("Bilinear", (5, 2, 4)), ("Embedding", (9, 2, 1))])
def test_a_seed_gives_torchs_parameters(name, args):
    import fnn

    fnn.manual_seed(3)
    torch.manual_seed(3)
    ours, theirs = getattr(nn, name)(*args).state_dict(), getattr(torch.nn, name)(*args).state_dict()
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value.numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.Linear(-1, 2), "Trying to create tensor with negative dimension -1"),
        (lambda: nn.Linear(2.0, 2), "argument 'in_features' must be int, not float"),
        (lambda: nn.Bilinear(0, 2, 2), r"in1_features must be > 0, but got \(in1_features=0\)"),
        (lambda: nn.Unflatten(1, ("a", 2)), "must be tuple of ints, but found element of type str at pos 0"),
        (lambda: nn.Unflatten(1, 3), "must be a tuple of ints, but found type int"),
        (
            lambda: nn.Unflatten(1, (2, 2))(jnp.ones((2, 6))),
            r"Provided sizes \[2, 2\] don't multiply up to the size of",
        ),
        (lambda: nn.Unflatten(1, (-1, -1))(jnp.ones((2, 6))), "only one dimension can be inferred"),
        (lambda: nn.Flatten(1, 0)(jnp.ones((2, 6))), "start_dim cannot come after end_dim"),
    ],
)
def test_constructor_and_shape_errors(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


def test_lazy_linear_becomes_linear():
    lazy = nn.LazyLinear(4)
    weight = lazy.weight
    assert lazy(jnp.ones((2, 3))).shape == (2, 4)
    assert type(lazy) is nn.Linear and lazy.in_features == 3 and lazy.weight is weight
