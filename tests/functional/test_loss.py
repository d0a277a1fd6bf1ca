import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import functional as F
from fnn import layers, nn
from fnn.errors import ArgumentError
from tests import reference

torch = pytest.importorskip("torch")
TF = torch.nn.functional
INF = float("inf")

# -- torch's own cases --------------------------------------------------------------------------------

# Of these torch differentiates only some arguments: weights and targets have no derivative there.
MARKED = {
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "multi_margin_loss",
    "nll_loss",
    "soft_margin_loss",
}
PLAIN = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "triplet_margin_loss",
]


def _every(n):
    """Keeps one sample in n of the databases that are large."""
    seen = iter(range(10**6))
    return lambda sample: "thinned out" if next(seen) % n else None


@pytest.mark.filterwarnings("ignore:Using a target size", "ignore:reduction", "ignore:size_average")
@pytest.mark.parametrize("name", [*PLAIN, *sorted(MARKED)])
def test_op_db(name):
    skip = _every({"poisson_nll_loss": 5, "margin_ranking_loss": 3, "nll_loss": 3}.get(name, 1))
    reference.check_op(f"nn.functional.{name}", getattr(F, name), marked=name in MARKED, skip=skip)
    reference.check_op_errors(f"nn.functional.{name}", getattr(F, name))


def test_op_db_ctc():
    reference.check_op("nn.functional.ctc_loss", F.ctc_loss, rtol=2e-3, skip=_every(5))


def test_op_db_gaussian():
    reference.check_op("nn.functional.gaussian_nll_loss", F.gaussian_nll_loss, skip=_every(21))
    reference.check_op_errors("nn.functional.gaussian_nll_loss", F.gaussian_nll_loss)


@pytest.mark.filterwarnings("ignore:linear_cross_entropy. ``options`` ignored")
def test_op_db_linear_cross_entropy():
    def ours(*args, options=None, **kwargs):
        if options is not None:
            fields = {f.name: getattr(options, f.name) for f in dataclasses.fields(options)} | {"acc_dtype": None}
            options = nn.LinearCrossEntropyOptions(**fields)
        return F.linear_cross_entropy(*args, options=options, **kwargs)

    reference.check_op("nn.functional.linear_cross_entropy", ours, marked=True, skip=_every(21))
    reference.check_op_errors("nn.functional.linear_cross_entropy", ours)


# -- class labels --------------------------------------------------------------------------------------


def _both(name, args, kwargs=None, **more):
    reference.check_call(getattr(TF, name), getattr(F, name), args, kwargs, **more)


def _fixed_weight(function, weight):
    """The function with a class weight that is not differentiated, which torch refuses to do."""
    return lambda *args, **kwargs: function(*args, weight=weight, **kwargs)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weight", [None, [0.5, 0.0, 2.0, 1.0]])
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 4, 1, 3)])
@pytest.mark.parametrize("kind", ["classes", "probabilities"])
def test_cross_entropy(reduction, smoothing, weight, shape, kind):
    torch.manual_seed(0)
    x = torch.randn(shape) * 3
    if kind == "classes":
        target = torch.randint(0, 4, (*shape[:1], *shape[2:]) if len(shape) > 1 else ())
        if target.ndim:
            target.view(-1)[0] = 3
    else:
        target = torch.rand(shape)
    w = None if weight is None else torch.tensor(weight)
    theirs, ours = _fixed_weight(TF.cross_entropy, w), _fixed_weight(F.cross_entropy, reference.to_jax(w))
    kwargs = {"reduction": reduction, "label_smoothing": smoothing}
    if kind == "classes" and target.ndim:
        kwargs["ignore_index"] = int(target.view(-1)[-1])
    reference.check_call(theirs, ours, (x, target), kwargs)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
def test_all_ignored_is_nan_with_a_zero_gradient(name, reduction, weight):
    w = None if weight is None else torch.tensor(weight)
    theirs, ours = _fixed_weight(getattr(TF, name), w), _fixed_weight(getattr(F, name), reference.to_jax(w))
    args = (torch.randn(2, 3), torch.tensor([-100, -100]))
    reference.check_call(theirs, ours, args, {"reduction": reduction})


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_empty_batch(name, reduction):
    args = (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    _both(name, args, {"reduction": reduction})


@pytest.mark.parametrize("row", [[1e4, -1e4, 0.0], [-INF, 0.0, 1.0], [88.0, 89.0, 90.0], [3e38, -3e38, 0.0]])
def test_extreme_logits(row):
    _both("cross_entropy", (torch.tensor([row]), torch.tensor([1])))
    _both("cross_entropy", (torch.tensor([row]), torch.tensor([2])))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types(dtype):
    _both("cross_entropy", (torch.randn(4, 10).to(dtype), torch.tensor([0, 3, 9, 1])))
    _both("mse_loss", (torch.randn(4, 10).to(dtype), torch.randn(4, 10).to(dtype)))


def test_labels_out_of_range():
    x = jnp.ones((2, 3))
    for f in (F.cross_entropy, F.nll_loss, F.multi_margin_loss):
        with pytest.raises(IndexError, match="Target 5 is out of bounds"):
            f(x, jnp.array([0, 5]))
        with pytest.raises(IndexError, match="Target -1 is out of bounds"):
            f(x, jnp.array([-1, 0]))
        assert jnp.isnan(jax.jit(f)(x, jnp.array([0, 5])))
        assert jnp.isnan(jax.jit(f)(x, jnp.array([-1, 0])))


# -- kinks and edges -----------------------------------------------------------------------------------

T = torch.tensor
EDGES = [
    ("l1_loss", (T([1.0, 2.0, -0.0]), T([1.0, 1.0, 0.0])), {}),
    ("mse_loss", (T([1.0, 2.0]), T([1.0, 1.0])), {"weight": T([0.5, 3.0])}),
    ("l1_loss", (T([1.0, 2.0]), T([1.0, 1.0])), {"weight": T([0.5, 3.0]), "reduction": "sum"}),
    ("smooth_l1_loss", (T([1.0, 2.0, 0.0, 3.0]), T([0.0, 0.0, 0.0, 3.5])), {}),
    ("smooth_l1_loss", (T([1.0, 0.0]), T([0.0, 0.0])), {"beta": 0.0}),
    ("huber_loss", (T([1.0, 2.0, 0.0, 3.0]), T([0.0, 0.0, 0.0, 3.5])), {"weight": T([1.0, 2.0, 3.0, 4.0])}),
    ("binary_cross_entropy_with_logits", (T([0.0, 200.0, -200.0, 1e4]), T([0.5, 0.0, 1.0, 1.0])), {}),
    ("hinge_embedding_loss", (T([1.0, 0.5, 2.0, 1.0]), T([-1, -1, 1, 0])), {}),
    ("margin_ranking_loss", (T([1.0, 2.0]), T([1.0, 1.0]), T([1.0, -1.0])), {}),
    ("multi_margin_loss", (T([[1.0, 0.0, 2.0]]), T([0])), {}),
    ("multi_margin_loss", (T([[1.0, 0.0, 2.0]]), T([0])), {"p": 2}),
    ("multilabel_margin_loss", (T([[1.0, 0.0, 2.0]]), T([[0, 0, -1]])), {}),
    ("multilabel_soft_margin_loss", (T([[0.0, 300.0, -300.0]]), T([[1.0, 0.0, 1.0]])), {}),
    ("cosine_embedding_loss", (T([[0.0, 0.0]]), T([[1.0, 0.0]]), T([1])), {}),
    ("cosine_embedding_loss", (T([[1.0, 0.0]]), T([[0.0, 1.0]]), T([-1])), {}),
    ("triplet_margin_loss", (T([[0.0, 0.0]]), T([[0.0, 0.0]]), T([[1.0, 0.0]])), {"eps": 0.0, "swap": True}),
    ("triplet_margin_with_distance_loss", (T([[0.0, 0.0]]), T([[1.0, 0.0]]), T([[1.0, 1.0]])), {"swap": True}),
    ("gaussian_nll_loss", (T([0.0, 1.0]), T([1.0, 1.0]), T([0.0, 2.0])), {"full": True}),
    ("poisson_nll_loss", (T([0.0, 1.0]), T([1.0, 3.0])), {"full": True, "log_input": False}),
    ("kl_div", (T([-1.0, -2.0]), T([0.5, 1.0])), {"reduction": "sum"}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), EDGES)
def test_edges(name, args, kwargs):
    _both(name, args, kwargs)


def test_binary_cross_entropy_at_0_and_1():
    x, t = T([0.0, 0.0, 1.0, 1.0, 0.5], requires_grad=True), T([0.0, 1.0, 0.0, 1.0, 0.25])
    _both("binary_cross_entropy", (x, t), marked=True)


def test_soft_margin_does_not_overflow():
    # torch gives inf and NaN here
    value, slope = jax.value_and_grad(F.soft_margin_loss)(jnp.array([-200.0]), jnp.array([1.0]))
    assert value == 200 and slope[0] == -1


def test_ctc_with_no_alignment():
    log_probs = torch.randn(2, 2, 3).log_softmax(-1)
    args = (log_probs, T([[1, 1, 1], [1, 2, 0]]), T([2, 2]), T([3, 2]))
    for reduction in ("none", "mean"):
        _both("ctc_loss", args, {"reduction": reduction, "zero_infinity": True})
    assert F.ctc_loss(*reference.to_jax(args), reduction="none")[0] == jnp.inf


SMOOTH = {
    "cross_entropy": lambda x: F.cross_entropy(x, jnp.array([0, 2]), label_smoothing=0.1),
    "linear_cross_entropy": lambda x: F.linear_cross_entropy(x, x, jnp.array([0, 1])),
    "bce_logits": lambda x: F.binary_cross_entropy_with_logits(x, jnp.full((2, 3), 0.3)),
    "kl_div": lambda x: F.kl_div(x, jnp.full((2, 3), 0.3), reduction="batchmean"),
    "mse": lambda x: F.mse_loss(x, jnp.ones((2, 3))),
    "poisson": lambda x: F.poisson_nll_loss(x, jnp.ones((2, 3))),
    "cosine": lambda x: F.cosine_embedding_loss(x, jnp.ones((2, 3)), jnp.array([1, 1])),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_of_both_modes(name):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3)), jnp.float32)
    check_grads(SMOOTH[name], (x,), order=2, modes=["fwd", "rev"], rtol=5e-2, atol=5e-2)
    batch = jnp.stack([x, x + 1])
    np.testing.assert_allclose(jax.vmap(SMOOTH[name])(batch), [SMOOTH[name](b) for b in batch], rtol=1e-5)


# -- warnings and errors --------------------------------------------------------------------------------

X = jnp.ones((2, 3))


@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("reduce", [None, True, False])
def test_deprecated_reductions(size_average, reduce):
    if size_average is reduce is None:
        return
    x, kwargs = torch.randn(2, 3), {"size_average": size_average, "reduce": reduce}
    with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated, please use reduction="):
        ours = F.mse_loss(reference.to_jax(x), X, **kwargs)
    with pytest.warns(UserWarning, match="size_average"):
        reference.assert_equal(ours, TF.mse_loss(x, torch.ones(2, 3), **kwargs))
    with pytest.warns(UserWarning, match="size_average"):
        ours = nn.MSELoss(**kwargs)
    with pytest.warns(UserWarning, match="size_average"):
        assert ours.reduction == torch.nn.MSELoss(**kwargs).reduction


def test_warnings():
    with pytest.warns(
        UserWarning, match=r"Using a target size \(\[3\]\) that is different to the input size \(\[2, 3\]\)"
    ):
        F.mse_loss(X, jnp.ones(3))
    with pytest.warns(UserWarning, match="'batchmean' divides only by the batch size"):
        F.kl_div(X, X)
    with pytest.warns(FutureWarning, match="`NLLLoss2d` has been deprecated"):
        nn.NLLLoss2d()


ERRORS = [
    (lambda: F.mse_loss(X, X, reduction="avg"), "mse_loss: avg is not a valid value for reduction"),
    (lambda: F.mse_loss(X, X, weight=jnp.ones(3)), "Weights and input must have the same size"),
    (lambda: F.cross_entropy(X, jnp.array([0])), r"Expected input batch_size \(2\) to match target batch_size \(1\)"),
    (lambda: F.cross_entropy(X, jnp.array([[0], [1]])), "multi-target not supported"),
    (
        lambda: F.cross_entropy(X, jnp.ones((2, 3), jnp.int32)),
        "Expected floating point type for target with class prob",
    ),
    (lambda: F.cross_entropy(X, X, ignore_index=1), "ignore_index is not supported for floating point target"),
    (
        lambda: F.cross_entropy(X, jnp.array([0, 1]), label_smoothing=2),
        "label_smoothing must be between 0.0 and 1.0. Got: 2",
    ),
    (lambda: F.cross_entropy(X, jnp.array([0, 1]), weight=jnp.ones(2)), "either for all 3 classes or no classes"),
    (lambda: F.nll_loss(X, jnp.array([0.0, 1.0])), "expected scalar type Long"),
    (lambda: F.smooth_l1_loss(X, X, beta=-1.0), "does not support negative values for beta"),
    (lambda: F.huber_loss(X, X, delta=0.0), "does not support non-positive values for delta"),
    (lambda: F.binary_cross_entropy(X * 2, X), "all elements of input should be between 0 and 1"),
    (lambda: F.binary_cross_entropy(X, jnp.ones(3)), "that is different to the input size"),
    (lambda: F.binary_cross_entropy_with_logits(X, jnp.ones(3)), "must be the same as input size"),
    (lambda: F.gaussian_nll_loss(X, X, -X), "var has negative entry/entries"),
    (lambda: F.gaussian_nll_loss(X, X, jnp.ones(5)), "var is of incorrect size"),
    (lambda: F.margin_ranking_loss(X, X, jnp.ones(3)), "All input tensors should have same dimension but got sizes"),
    (lambda: F.multi_margin_loss(X, jnp.array([0, 1]), p=3), "only p == 1 and p == 2 supported"),
    (lambda: F.triplet_margin_loss(X, X, X, margin=0), "margin must be greater than 0, got 0"),
    (lambda: F.cosine_embedding_loss(X, X, jnp.array(1)), "0D target tensor expects 1D input tensors"),
    (lambda: F.ctc_loss(jnp.ones((2, 1, 3)), jnp.array([[1]]), (5,), (1,)), "input_lengths to have value at most 2"),
    (lambda: nn.HuberLoss(delta="1"), "delta must be a float or int"),
    (lambda: nn.MultiMarginLoss(weight=X), "expected weight to be None or 1D tensor, got 2D instead"),
    (lambda: nn.TripletMarginLoss(margin=0), "expected margin to be greater than 0, got 0 instead"),
]


@pytest.mark.parametrize(("call", "text"), ERRORS)
def test_errors(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


# -- layers and modules ---------------------------------------------------------------------------------

W = T([1.0, 0.5, 2.0])
PAIR = (torch.randn(2, 3), torch.rand(2, 3))
LABELS = (torch.randn(2, 3), T([0, 2]))
TRIPLE = (torch.randn(2, 3), torch.randn(2, 3), torch.randn(2, 3))
SIGNS = (torch.randn(2, 3), torch.randn(2, 3), T([1, -1]))
MODULES = [
    ("L1Loss", {"reduction": "none"}, PAIR),
    ("MSELoss", {}, PAIR),
    ("SmoothL1Loss", {"beta": 0.5}, PAIR),
    ("HuberLoss", {"delta": 0.3}, PAIR),
    ("PoissonNLLLoss", {"full": True, "eps": 1e-4}, PAIR),
    ("GaussianNLLLoss", {"full": True}, (*PAIR, torch.rand(2, 3))),
    ("KLDivLoss", {"reduction": "batchmean", "log_target": True}, PAIR),
    ("BCELoss", {"weight": W}, (torch.rand(2, 3), torch.rand(2, 3))),
    ("BCEWithLogitsLoss", {"weight": W, "pos_weight": W * 2}, PAIR),
    ("BCEWithLogitsLoss", {"pos_weight": W}, PAIR),
    ("NLLLoss", {"weight": W, "ignore_index": 0}, LABELS),
    ("CrossEntropyLoss", {"weight": W, "label_smoothing": 0.1}, LABELS),
    ("CrossEntropyLoss", {"reduction": "sum"}, LABELS),
    ("HingeEmbeddingLoss", {"margin": 0.5}, (torch.rand(3), T([1, -1, -1]))),
    ("MarginRankingLoss", {"margin": 0.5}, (torch.rand(3), torch.rand(3), T([1.0, -1.0, -1.0]))),
    ("MultiMarginLoss", {"p": 2, "weight": W}, LABELS),
    ("MultiLabelMarginLoss", {}, (torch.randn(2, 3), T([[2, -1, 0], [0, 1, -1]]))),
    ("MultiLabelSoftMarginLoss", {"weight": W}, PAIR),
    ("SoftMarginLoss", {}, PAIR),
    ("CosineEmbeddingLoss", {"margin": 0.1}, SIGNS),
    ("TripletMarginLoss", {"margin": 2.0, "p": 1, "swap": True}, TRIPLE),
    ("TripletMarginWithDistanceLoss", {"margin": 2.0}, TRIPLE),
    ("CTCLoss", {"blank": 1}, (torch.randn(4, 2, 3).log_softmax(-1), T([[0, 2], [2, 0]]), T([4, 3]), T([2, 1]))),
]


@pytest.mark.parametrize(("name", "kwargs", "inputs"), MODULES)
def test_modules(name, kwargs, inputs):
    theirs = getattr(torch.nn, name)(**kwargs)
    ours = getattr(nn, name)(**reference.to_jax(kwargs))
    assert repr(ours) == repr(theirs)
    reference.assert_equal(list(ours.state_dict().values()), list(theirs.state_dict().values()))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.reduction == theirs.reduction and not list(ours.parameters())
    want = theirs(*inputs)
    reference.assert_equal(ours(*reference.to_jax(inputs)), want)
    layer = getattr(layers, name)(**reference.to_jax(kwargs))
    params, state = layer.init(jax.random.key(0))
    assert sorted(state) == sorted(theirs.state_dict()) and layer == getattr(layers, name)(**reference.to_jax(kwargs))
    apply = jax.jit(functools.partial(layer.apply))
    inputs = reference.to_jax(inputs)
    reference.assert_equal(apply(params, state, *inputs)[0], want)
    assert hash(layer) == hash(layer.replace())


def test_weights_compare_by_value():
    one, same, other = (layers.NLLLoss(weight=np.float32(w)) for w in ([1, 2], [1, 2], [1, 3]))
    assert one == same and hash(one) == hash(same) and one != other


def test_linear_cross_entropy_module():
    theirs = torch.nn.LinearCrossEntropyLoss(3, 4, out_features=(2,), bias=True, weight=torch.ones(4))
    ours = nn.LinearCrossEntropyLoss(3, 4, out_features=(2,), bias=True, weight=jnp.ones(4))
    assert repr(ours) == repr(theirs) and list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: reference.to_jax(v) for k, v in theirs.state_dict().items()})
    x, t = torch.randn(5, 3), torch.randint(0, 4, (5, 2))
    reference.assert_equal(ours(reference.to_jax(x), reference.to_jax(t)), theirs(x, t))


def test_a_distance_that_is_a_module_is_a_submodule():
    distance = nn.PairwiseDistance(p=1)
    loss = nn.TripletMarginWithDistanceLoss(distance_function=distance)
    assert dict(loss.named_modules())["distance_function"] is distance
