import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import functional as F
from fnn import layers, nn
from fnn.errors import ArgumentError, ArgumentTypeError
from tests import reference

torch = pytest.importorskip("torch")
TABLE = jnp.arange(8.0).reshape(4, 2)


def _weight_first(function):
    return lambda weight, indices, **kwargs: function(indices, weight, **kwargs)


def _no_backward(sample):
    both = sample.kwargs.get("sparse") and sample.kwargs.get("scale_grad_by_freq")
    return "torch has no backward for sparse gradients by frequency" if both else None


def test_op_db():
    reference.check_op("nn.functional.embedding", _weight_first(F.embedding), skip=_no_backward)
    reference.check_op_errors("nn.functional.embedding", _weight_first(F.embedding))
    reference.check_op("nn.functional.embedding_bag", _weight_first(F.embedding_bag), marked=True)
    reference.check_op("nn.functional.embedding_bag", _weight_first(F.embedding_bag), marked=True, dtype=torch.bfloat16)


@pytest.mark.parametrize("padding_idx", [0, 2, -1])
@pytest.mark.parametrize("by_frequency", [False, True])
@pytest.mark.parametrize("max_norm", [None, 0.5])
def test_embedding_arguments(padding_idx, by_frequency, max_norm):
    args = (torch.tensor([[0, 2, 2], [3, 1, 2]]), torch.randn(4, 3))
    kwargs = {"padding_idx": padding_idx, "scale_grad_by_freq": by_frequency, "max_norm": max_norm, "norm_type": 1.0}
    with torch.random.fork_rng():
        reference.check_call(
            lambda i, w, **k: torch.nn.functional.embedding(i, w * 1, **k), F.embedding, args, kwargs, grad=True
        )


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("include_last_offset", [False, True])
@pytest.mark.parametrize("padding_idx", [None, 1])
def test_bags(mode, include_last_offset, padding_idx):
    indices = torch.tensor([1, 2, 2, 1, 0, 3, 1])
    offsets = torch.tensor([0, 3, 3, 4, 7] if include_last_offset else [0, 3, 3, 4])  # the second bag is empty
    reference.check_call(
        torch.nn.functional.embedding_bag,
        F.embedding_bag,
        (indices, torch.randn(4, 3), offsets),
        {"mode": mode, "include_last_offset": include_last_offset, "padding_idx": padding_idx},
    )


def test_a_maximum_tie_goes_to_the_first():
    weight = torch.tensor([[1.0, 2.0], [1.0, 3.0], [1.0, 3.0]])
    args = (torch.tensor([[2, 0, 1]]), weight)
    reference.check_call(torch.nn.functional.embedding_bag, F.embedding_bag, args, {"mode": "max"})


@pytest.mark.parametrize("norm_type", [1.0, 2.0, float("inf")])
def test_renorm_is_torchs_update_in_place(norm_type):
    weight = torch.randn(5, 3) * 3
    ours = F.embedding_renorm(reference.to_jax(weight), jnp.array([1, 3, 3]), 1.5, norm_type)
    torch.nn.functional.embedding(torch.tensor([1, 3, 3]), weight, max_norm=1.5, norm_type=norm_type)
    reference.assert_equal(ours, weight)


@pytest.mark.parametrize("index", [4, -1])
@pytest.mark.parametrize("function", [F.embedding, lambda i, w: F.embedding_bag(i[None], w)])
def test_an_index_outside_raises_or_is_nan_under_jit(function, index):
    with pytest.raises(IndexError, match=f"index out of range in self: got index {index} for a table of 4 rows"):
        function(jnp.array([index]), TABLE)
    assert jnp.isnan(jax.jit(function)(jnp.array([index]), TABLE)).all()


def test_vmap_and_forward_mode():
    i = jnp.array([[0, 3], [1, 1]])
    np.testing.assert_array_equal(jax.vmap(F.embedding, (0, None))(i, TABLE), F.embedding(i, TABLE))
    _, tangent = jax.jvp(lambda w: F.embedding(i, w, padding_idx=3), (TABLE,), (jnp.ones_like(TABLE),))
    np.testing.assert_array_equal(tangent[..., 0], [[1, 0], [1, 1]])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: F.embedding(jnp.array([0]), TABLE, padding_idx=4), "Padding_idx must be within num_embeddings"),
        (lambda: F.embedding(jnp.array([0.0]), TABLE), "one of the following scalar types: Long, Int"),
        (lambda: F.embedding(jnp.array([0]), TABLE[0]), "'weight' must be 2-D"),
        (lambda: F.embedding_bag(jnp.array([0]), TABLE), "offsets has to be a 1D Tensor but got None"),
        (
            lambda: F.embedding_bag(jnp.array([[0]]), TABLE, jnp.array([0])),
            "if input is 2D, then offsets has to be None",
        ),
        (lambda: F.embedding_bag(jnp.array([0]), TABLE, jnp.array([1])), r"offsets\[0\] has to be 0"),
        (lambda: F.embedding_bag(jnp.array([0]), TABLE, jnp.array([0, 2])), r"offsets\[-1\] can not be greater"),
        (lambda: F.embedding_bag(jnp.array([[0]]), TABLE, mode="min"), "mode has to be one of sum, mean or max"),
        (
            lambda: F.embedding_bag(jnp.array([[0]]), TABLE, per_sample_weights=jnp.ones((1, 1))),
            "only supported for mode='sum'",
        ),
        (lambda: F.embedding_bag(jnp.array([[0]]), TABLE, mode="max", sparse=True), "does not support sparse weights"),
        (lambda: F.one_hot(jnp.array([3]), 3), "Class values must be smaller than num_classes"),
        (lambda: F.one_hot(jnp.array([-1])), "Class values must be non-negative|should be positive"),
        (lambda: F.one_hot(jnp.zeros((0,), jnp.int32)), "Can not infer total number of classes from empty tensor"),
        (lambda: jax.jit(F.one_hot)(jnp.array([1])), "needs the values of the indices"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


@pytest.mark.parametrize(("indices", "classes"), [([0, 2, 1], -1), ([[0], [2]], 5), (1, 3)])
def test_one_hot(indices, classes):
    theirs = torch.nn.functional.one_hot(torch.tensor(indices), classes)
    reference.assert_equal(F.one_hot(jnp.array(indices), classes), theirs)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("Embedding", {"padding_idx": -1, "max_norm": 1.0, "norm_type": 1, "scale_grad_by_freq": True}),
        ("Embedding", {"sparse": True}),
        ("EmbeddingBag", {"mode": "sum", "padding_idx": 2, "max_norm": 0.5}),
    ],
)
def test_modules(name, kwargs):
    ours, theirs = getattr(nn, name)(4, 3, **kwargs), getattr(torch.nn, name)(4, 3, **kwargs)
    assert repr(ours) == repr(theirs)
    for attribute in ("num_embeddings", "embedding_dim", "padding_idx", "max_norm", "norm_type", "sparse"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    if kwargs.get("padding_idx") is not None:
        assert not ours.weight.data[kwargs["padding_idx"]].any()
    ours.load_state_dict({k: reference.to_jax(v) for k, v in theirs.state_dict().items()})
    indices = torch.tensor([[0, 2], [1, 1]])
    reference.assert_equal(ours(reference.to_jax(indices)), theirs(indices))
    reference.assert_equal(ours.weight, theirs.weight)  # the update of max_norm included


def test_from_pretrained_and_given_weights():
    frozen = nn.Embedding.from_pretrained(TABLE, padding_idx=1)
    assert not frozen.weight.requires_grad and (frozen.weight.data == TABLE).all()
    assert nn.EmbeddingBag.from_pretrained(TABLE, freeze=False).weight.requires_grad
    with pytest.raises(ArgumentError, match="Shape of weight does not match num_embeddings and embedding_dim"):
        nn.Embedding(3, 2, _weight=TABLE)
    with pytest.raises(ArgumentError, match="expected to be 2-dimensional"):
        nn.Embedding.from_pretrained(TABLE[0])


def test_layer_leaves_its_parameters_alone():
    layer = layers.Embedding(4, 2, max_norm=0.1)
    params, state = layer.init(jax.random.key(0))
    out, _ = layer.apply(params, state, jnp.array([1]))
    np.testing.assert_allclose(jnp.linalg.norm(out), 0.1, rtol=1e-4)
    assert jnp.linalg.norm(params["weight"][1]) > 0.1


@pytest.mark.parametrize("name", ["embedding", "embedding_bag"])
@pytest.mark.parametrize("jitted", [False, True])
def test_max_norm_renormalises_a_parameter(name, jitted):
    """The table changes as torch's does, and so does its use later in the same step; the gradient is taken there."""
    rows, factors = [[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]], np.arange(9.0, dtype=np.float32).reshape(3, 3)
    indices = [[0, 1], [0, 0], [1, 1]]

    def loss(look_up, i, weight, factors):
        out = look_up(i, weight, max_norm=1.0).reshape(3, -1)[:, :2]
        return ((out @ weight.T) * factors).sum()

    theirs = torch.nn.Parameter(torch.tensor(rows))
    want = loss(getattr(torch.nn.functional, name), torch.tensor(indices), theirs, torch.from_numpy(factors))
    want.backward()

    model = nn.ParameterList([nn.Parameter(jnp.array(rows))])
    step = fnn.value_and_grad(lambda m: loss(getattr(F, name), jnp.array(indices), m[0], factors))
    got, gradients = (fnn.jit(step) if jitted else step)(model)
    np.testing.assert_allclose(got, want.item(), rtol=1e-5)
    np.testing.assert_allclose(gradients["0"], theirs.grad, rtol=1e-5)
    np.testing.assert_allclose(model[0].data, theirs.detach(), rtol=1e-6)


def test_max_norm_leaves_an_array_alone():
    table = jnp.array([[3.0, 4.0]])
    np.testing.assert_allclose(F.embedding(jnp.array([0]), table, max_norm=1.0), [[0.6, 0.8]], rtol=1e-5)
    np.testing.assert_array_equal(table, [[3.0, 4.0]])
    with pytest.raises(ArgumentTypeError, match=r"embedding: not implemented for weight.dtype=int32; expected a float"):
        F.embedding(jnp.array([0]), table.astype(int), max_norm=1.0)
