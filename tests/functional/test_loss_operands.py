"""Which shapes and dtypes losses take, and what they say of others; values of complex inputs."""

import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import functional as F
from fnn.errors import ArgumentError, ArgumentTypeError
from tests import reference
from tests.functional.dtype_rows import PAIRS

torch = pytest.importorskip("torch")
TF = torch.nn.functional

Z = np.array([[3 + 4j, 1j], [2 - 1j, -1 + 0j]], np.complex64)
W = np.array([[0j, 1 + 1j], [2 + 2j, 3 + 0j]], np.complex64)

# -- complex numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["l1_loss", "pairwise_distance", "triplet_margin_loss"])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_complex_inputs_have_real_losses(name, p):
    arguments = (Z, W, 1j * W) if name == "triplet_margin_loss" else (Z, W)
    kwargs = {} if name == "l1_loss" else {"p": p}
    want = getattr(TF, name)(*map(torch.from_numpy, arguments), **kwargs)
    reference.assert_equal(getattr(F, name)(*map(jnp.asarray, arguments), **kwargs), want, name)


def test_the_modulus_is_the_error():
    assert F.l1_loss(jnp.asarray([3 + 4j]), jnp.asarray([0j])) == 5.0


REFUSED = {
    "l1_loss": None,  # takes them
    "soft_margin_loss": None,  # takes a complex input, and computes with it
    "poisson_nll_loss": None,
    "mse_loss": "mse_loss: not implemented for input.dtype=complex64; expected a real dtype",
    "smooth_l1_loss": "smooth_l1_loss: not implemented for input.dtype=complex64; expected a real dtype",
    "multilabel_soft_margin_loss": "multilabel_soft_margin_loss: not implemented for input.dtype=complex64; expected a",
}


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("name", PAIRS)
def test_complex_inputs_are_refused(name):
    message = REFUSED.get(name, f"{name}: not implemented for input.dtype=complex64; expected a ")
    if message is not None:
        with pytest.raises(ArgumentTypeError, match=message):
            getattr(F, name)(jnp.asarray(Z), jnp.ones((2, 2)))


def test_messages_of_dtypes():
    x, i = jnp.ones((2, 2)), jnp.ones((2, 2), int)
    for message, call in {
        "soft_margin_loss: result type complex64 can't be cast to that of input, float32": lambda: F.soft_margin_loss(
            x, jnp.asarray(Z)
        ),
        "binary_cross_entropy: expected arrays of the same dtype, got input.dtype=float32, target.dtype=bfloat16": (
            lambda: F.binary_cross_entropy(x, x.astype(jnp.bfloat16))
        ),
        "mse_loss: not implemented for input.dtype=int32, target.dtype=int32; expected a floating dtype for at least": (
            lambda: F.mse_loss(i, i)
        ),
        "l1_loss: reduction='mean' is not implemented for a result of dtype int32; expected a floating or": (
            lambda: F.l1_loss(i, i)
        ),
        "l1_loss: not implemented for target.dtype=bool; expected a numeric dtype": lambda: F.l1_loss(x, x > 0),
        "ctc_loss: not implemented for log_probs.dtype=complex64": lambda: F.ctc_loss(Z[:, None], [[1]], (2,), (1,)),
    }.items():
        with pytest.raises(ArgumentTypeError, match=message):
            call()


def test_an_array_without_dimensions_does_not_promote():
    x, y = torch.ones(3, dtype=torch.bfloat16), torch.tensor(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("l1_loss", "mse_loss", "poisson_nll_loss"):
            reference.assert_equal(getattr(F, name)(*reference.to_jax((x, y))), getattr(TF, name)(x, y), name)


# -- shapes --------------------------------------------------------------------------------------------

SHAPES = [
    ((4, 1), (4,)), ((4,), (4, 1)), ((3,), (4,)), ((1, 4), (3, 4)), ((3, 4), (4,)), ((4,), ()), ((), (4,)),
    ((2, 3), (3, 2)), ((0,), (1,)), ((3, 1, 4), (2, 4)),
]  # fmt: skip


def _values(shape):
    """Between 0 and 1, so that every loss is defined."""
    return np.random.default_rng([5, *shape]).uniform(0.1, 0.9, shape).astype(np.float32)


def _verdict(function, shapes, made, dims):
    """The result (None: refused) and the warnings about shapes."""
    arguments = [made(_values(s)) for s in shapes]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = np.asarray(function(*arguments, **dims))
        except (ArgumentError, ValueError, RuntimeError, IndexError):
            result = None
    said = [re.sub(r"torch\.Size\((\[.*?\])\)", r"\1", str(w.message)) for w in caught]
    return result, [m for m in said if m.startswith("Using a target size")]


@pytest.mark.parametrize(
    "name", [*PAIRS, "multilabel_soft_margin_loss", "margin_ranking_loss", "pairwise_distance", "cosine_similarity"]
)
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_shapes_broadcast_where_torch_broadcasts(name, reduction):
    dims = {} if name in ("pairwise_distance", "cosine_similarity") else {"reduction": reduction}
    for first, second in SHAPES:
        shapes = (first, first, second) if name == "margin_ranking_loss" else (first, second)
        want, warned = _verdict(getattr(TF, name), shapes, torch.tensor, dims)
        got, said = _verdict(getattr(F, name), shapes, jnp.asarray, dims)
        assert (got is None) == (want is None), (shapes, got, want)
        if want is not None:
            assert got.shape == want.shape, shapes
            np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-6, err_msg=str(shapes))
        assert said == warned, shapes


def test_message_of_a_target_that_does_not_broadcast_to_the_input():
    with pytest.raises(
        ArgumentError, match=r"soft_margin_loss: the shape \[4, 1\] of input doesn't match the broadcast"
    ):
        F.soft_margin_loss(jnp.ones((4, 1)), jnp.ones(4))


# -- lengths -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [list, tuple, jnp.array])
@pytest.mark.parametrize("jit", [jax.jit, fnn.jit, lambda function: function])
def test_ctc_lengths_as_arguments(kind, jit):
    log_probs = jax.nn.log_softmax(jnp.arange(24.0).reshape(4, 2, 3) % 5)
    targets = jnp.array([[1, 2], [1, 1]])
    loss = jit(lambda a, b: F.ctc_loss(log_probs, targets, a, b))(kind([4, 3]), kind([2, 1]))
    want = TF.ctc_loss(torch.tensor(np.asarray(log_probs)), torch.tensor([[1, 2], [1, 1]]), (4, 3), (2, 1))
    np.testing.assert_allclose(loss, want, rtol=1e-5)
