"""Metrics without torchmetrics: known values, compiled steps, states, and that the table has them all."""

import copy
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import metrics, nn
from fnn.metrics import functional as F
from tests import extent
from tests.metrics.table import CASES, OTHERS, TASKS, batches, function_name, is_compiled, usual


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def test_the_table_has_every_metric():
    known = {case.metric for case in CASES} | set(TASKS) | set(OTHERS)
    classes = {name for name in dir(metrics) if isinstance(getattr(metrics, name), type)}
    assert classes == known
    functions = {function_name(case.metric) for case in CASES} | {function_name(name) for name in TASKS}
    assert {name for name in dir(F) if callable(getattr(F, name))} <= functions


P, T = jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1])


@pytest.mark.parametrize(
    ("metric", "args", "value"),
    [
        (metrics.BinaryAccuracy(), (P, T), 3 / 4),
        (metrics.BinaryF1Score(), (P, T), 4 / 5),
        (metrics.BinaryAUROC(), (P, T), 3 / 4),
        (metrics.BinaryAveragePrecision(), (P, T), 1 / 2 + 1 / 3),
        (metrics.BinaryMatthewsCorrCoef(), (P, T), 1 / np.sqrt(3)),
        (metrics.BinaryCohenKappa(), (P, T), 1 / 2),
        (metrics.MulticlassAccuracy(3), (jnp.array([0, 1, 1, 2]), jnp.array([0, 0, 1, 2])), (1 / 2 + 1 + 1) / 3),
        (metrics.MulticlassJaccardIndex(3), (jnp.array([0, 1, 1, 2]), jnp.array([0, 0, 1, 2])), 2 / 3),
        (metrics.R2Score(), (jnp.array([1.0, 2, 4]), jnp.array([1.0, 2, 3])), 1 / 2),
        (metrics.PearsonCorrCoef(), (jnp.array([1.0, 2, 3]), jnp.array([2.0, 4, 6])), 1),
        (metrics.MeanMetric(), (jnp.array([1.0, 4]), jnp.array([2.0, 1])), 2),
        (metrics.Perplexity(), (jnp.zeros((1, 2, 8)), jnp.array([[1, 7]])), 8),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, metrics.Metric) else "",
)
def test_known_values(metric, args, value):
    np.testing.assert_allclose(metric(*args), value, rtol=1e-6)
    np.testing.assert_allclose(metric.compute(), value, rtol=1e-6)


# Those that test_reference leaves to runs of everything
COMPILED = [case for case in (CASES if extent.ALL else usual()[1::2]) if is_compiled(case)]


@pytest.mark.parametrize("case", COMPILED, ids=str)
def test_compiled_is_eager(case):
    """In one program, after a reset too; where the first batch gives the states their shape, it comes before."""
    eager, compiled = (quietly(getattr(metrics, case.metric), **case.arguments) for _ in range(2))
    traced = []

    @fnn.jit
    def step(metric, *batch):
        traced.append(1)
        return metric(*batch), metric.compute()

    shapes = [getattr(state, "shape", None) for state in compiled.metric_state.values()]
    unknown = case.metric == "MeanIoU" and "num_classes" not in case.arguments
    grows = unknown or (() in shapes and "columns" in case.inputs)
    for batch in batches(case.inputs):
        batch = tuple(map(jnp.asarray, batch))
        if grows and not compiled.update_called:
            compiled(*batch)
            eager(*batch)
            continue
        want = quietly(eager, *batch), quietly(eager.compute)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5), step(compiled, *batch), want)
    assert len(traced) == 1 and compiled.update_count == 3
    if not grows:
        compiled.reset()
        step(compiled, *batch)
        assert len(traced) == 1 and compiled.update_count == 1


def test_a_metric_in_a_training_step():
    """As an argument and by closure, inside value_and_grad, and under scan."""
    model, seen, loss_mean = nn.Linear(3, 4), metrics.MulticlassAccuracy(4), metrics.MeanMetric()
    rng = np.random.default_rng(0)
    x, y = jnp.asarray(rng.standard_normal((3, 8, 3)), jnp.float32), jnp.asarray(rng.integers(0, 4, (3, 8)))

    @fnn.jit
    def step(model, metric, x, y):
        def loss(model):
            out = model(x)
            metric.update(out, y)
            value = fnn.functional.cross_entropy(out, y)
            loss_mean.update(value)
            return value

        return fnn.value_and_grad(loss)(model)

    losses = [float(step(model, seen, a, b)[0]) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(loss_mean.compute(), np.mean(losses), rtol=1e-6)
    want = F.multiclass_accuracy(model(x.reshape(-1, 3)), y.reshape(-1), 4)
    np.testing.assert_allclose(seen.compute(), want, rtol=1e-6)
    seen.reset()

    def body(carry, batch):
        seen.update(model(batch[0]), batch[1])
        return carry, seen.compute()

    _, values = fnn.scan(body, 0, (x, y))
    np.testing.assert_allclose(values[-1], want, rtol=1e-6)
    assert seen.update_count == 3


def test_a_batch_value_has_derivatives():
    """forward's value has, the state has none."""
    metric = metrics.MeanSquaredError()
    x = jnp.arange(3.0)
    np.testing.assert_allclose(fnn.grad(lambda x: metric(x, jnp.zeros(3)))(x), 2 * x / 3)
    np.testing.assert_allclose(metric.compute(), 5 / 3, rtol=1e-6)


LISTS = [
    (metrics.BinaryAUROC, {}, (P, T), "thresholds=100"),
    (metrics.MultilabelROC, {"num_labels": 2}, (P.reshape(2, 2), T.reshape(2, 2)), "thresholds=100"),
    (metrics.MulticlassAveragePrecision, {"num_classes": 2}, (P.reshape(2, 2), T[:2]), "thresholds=100"),
    (metrics.CosineSimilarity, {}, (P.reshape(2, 2), P.reshape(2, 2)), "outside of the compiled step"),
    (metrics.KLDivergence, {"reduction": None}, (P.reshape(2, 2), P.reshape(2, 2)), 'reduction="mean"'),
    (metrics.CatMetric, {}, (P,), "outside of the compiled step"),
    (metrics.BinaryAccuracy, {"multidim_average": "samplewise"}, (P.reshape(2, 2), T.reshape(2, 2)), "outside"),
    (metrics.SumMetric, {"nan_strategy": "error"}, (P,), "nan_strategy='error'"),
]


@pytest.mark.parametrize(("cls", "arguments", "batch", "text"), LISTS, ids=lambda x: getattr(x, "__name__", ""))
def test_what_a_compiled_step_cannot_hold(cls, arguments, batch, text):
    metric = cls(**arguments)
    step = fnn.jit(lambda metric, *batch: metric.update(*batch))
    with pytest.raises(fnn.ArgumentError, match=cls.__name__) as error:
        step(metric, *batch)
    assert text in str(error.value)
    metric.update(*batch)  # nothing is left of the attempt
    assert metric.update_count == 1


def test_exact_functions_refuse_traced_values():
    with pytest.raises(fnn.ArgumentError, match="binary_auroc: thresholds=None"):
        jax.jit(F.binary_auroc)(P, T)


def test_binned_micro_curves():
    """All classes in one: what the function gives, which torchmetrics' class cannot."""
    (scores, target), *_ = batches("classes probabilities")
    arguments = {"num_classes": 4, "thresholds": 5, "average": "micro"}
    for cls, function in (
        (metrics.MulticlassROC, F.multiclass_roc),
        (metrics.MulticlassPrecisionRecallCurve, F.multiclass_precision_recall_curve),
    ):
        got = cls(**arguments)(jnp.asarray(scores), jnp.asarray(target))
        want = function(jnp.asarray(scores), jnp.asarray(target), **arguments)
        jax.tree.map(np.testing.assert_array_equal, got, want)


def test_weights_count_without_a_search_for_nan():
    metric = metrics.MeanMetric(nan_strategy="disable")
    metric.update(jnp.array([1.0, 4.0]), jnp.array([2.0, 1.0]))
    assert metric.compute() == 2


def test_nan():
    x = jnp.array([1.0, jnp.nan, 3.0])
    with pytest.raises(RuntimeError, match="Encountered `nan`"):
        metrics.SumMetric("error").update(x)
    metric = metrics.SumMetric()
    with pytest.warns(UserWarning, match="Will be removed"):
        metric.update(x)
    fnn.jit(lambda m, x: m.update(x))(metric, x)
    assert metric.compute() == 8


def test_a_count_that_is_full():
    """It stays where it is and says so; a metric that does not need it goes on."""
    accuracy, specificity = metrics.MulticlassAccuracy(3), metrics.MulticlassSpecificity(3)
    for metric in (accuracy, specificity):
        metric.tn = jnp.full(3, 2**31 - 2, jnp.int32)
        metric.update(jnp.array([0, 1, 2, 1]), jnp.array([0, 1, 2, 1]))
        assert int(metric.tn.max()) == 2**31 - 1
    assert accuracy.compute() == 1
    with pytest.raises(fnn.ArgumentError, match=r"MulticlassSpecificity: the count 'tn' has reached .* int32"):
        specificity.compute()


def test_labels_that_are_no_classes():
    with pytest.raises(RuntimeError, match="Detected more unique values in `target`"):
        metrics.MulticlassAccuracy(3).update(jnp.array([0, 1]), jnp.array([0, 3]))
    with pytest.raises(ValueError, match="top_k=2 needs scores"):
        metrics.MulticlassAccuracy(3, top_k=2).update(jnp.array([0, 1]), jnp.array([0, 2]))


def test_torchmetrics_options_are_refused():
    with pytest.raises(ValueError, match=r"Unexpected keyword arguments: `dist_sync_on_step`\. BinaryAccuracy"):
        metrics.Accuracy(task="binary", dist_sync_on_step=True)
    with pytest.raises(RuntimeError, match="Can't change const `higher_is_better`"):
        metrics.BinaryAccuracy().higher_is_better = False


def test_compute_before_update_warns():
    with pytest.warns(UserWarning, match="BinaryAccuracy was called before the ``update``"):
        metrics.BinaryAccuracy().compute()


@pytest.mark.parametrize("make", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), lambda m: m.clone()])
def test_copies(make):
    """Copies go their own way, with lists and composed metrics, too."""
    binned = metrics.MetricCollection([metrics.BinaryAUROC(thresholds=5)], prefix="x_")
    for metric in (metrics.BinaryAccuracy() + 1, metrics.BinaryAUROC(), binned):
        metric.update(P, T)
        other = make(metric)
        value = metric.compute()
        other.update(P, 1 - T)
        jax.tree.map(np.testing.assert_array_equal, metric.compute(), value)
        assert jax.tree.leaves(other.compute()) != jax.tree.leaves(value)


def test_saving():
    """Only persistent states are saved; a state that is missing is left alone, one that is there is taken."""
    metric = metrics.MetricCollection([metrics.BinaryAccuracy(), metrics.BinaryAUROC()])
    metric.update(P, T)
    assert not metric.state_dict()
    metric.persistent(True)
    state = metric.state_dict()
    assert list(state) == [
        *(f"BinaryAccuracy.{n}" for n in ("tp", "fp", "tn", "fn")),
        "BinaryAUROC.preds",
        "BinaryAUROC.target",
    ]
    other = metrics.MetricCollection([metrics.BinaryAccuracy(), metrics.BinaryAUROC()])
    other.load_state_dict(state)
    jax.tree.map(np.testing.assert_array_equal, quietly(other.compute), metric.compute())
    other.persistent(True)
    other.load_state_dict({})
    with pytest.raises(fnn.StateDictError, match="Unexpected key"):
        other.load_state_dict({"BinaryAccuracy.x": P})


def test_dtypes():
    """half() leaves states alone, also in a model; set_dtype and to(dtype) do not."""
    model = nn.Linear(2, 2)
    model.metric = metrics.MeanMetric()
    model.half()
    assert model.weight.dtype == jnp.float16 and model.metric.weight.dtype == jnp.float32
    assert model.metric.set_dtype(jnp.bfloat16).mean_value.dtype == jnp.bfloat16
    model.to(jnp.float16)
    assert model.metric.dtype == jnp.float16
    model.metric.update(1.0)
    assert model.metric.compute().dtype == jnp.float16


def test_merging():
    one, two = metrics.BinaryAccuracy(), metrics.BinaryAccuracy()
    one.update(P, T), two.update(P, 1 - T)
    one.merge_state(two)
    assert one.compute() == 0.5
    with pytest.raises(ValueError, match="to be an instance of BinaryAccuracy"):
        one.merge_state(metrics.BinaryRecall())
    with pytest.raises(RuntimeError, match="not supported"):
        metrics.PearsonCorrCoef().merge_state(metrics.PearsonCorrCoef())


class Range(metrics.Metric):
    """One's own metric, with states of every kind."""

    full_state_update = False

    def __init__(self):
        super().__init__()
        self.add_state("low", jnp.asarray(jnp.inf), "min")
        self.add_state("high", jnp.asarray(-jnp.inf), "max")
        self.add_state("center", jnp.zeros(()), "mean")
        self.add_state("total", jnp.zeros(()), jnp.sum)

    def update(self, x):
        self.low = jnp.minimum(self.low, x.min())
        self.high = jnp.maximum(self.high, x.max())
        self.center = x.mean()
        self.total += x.sum()

    def compute(self):
        return jnp.stack([self.low, self.high, self.center, self.total])


class Wider(Range):
    """Its update calls that of its base: one call is one update."""

    def update(self, x):
        super().update(2 * x)


def test_own_metrics():
    for cls, factor in ((Range, 1), (Wider, 2)):
        metric = cls()
        assert metric(jnp.array([1.0, 3.0])).tolist() == [factor * v for v in (1, 3, 2, 4)]
        assert metric(jnp.array([5.0, 5.0])).tolist() == [factor * v for v in (5, 5, 5, 10)]
        assert metric.compute().tolist() == [factor * v for v in (1, 5, 3.5, 14)]
        metric.update(jnp.array([1.0]))
        assert metric.update_count == 3
    with pytest.raises(ValueError, match="state variable must be"):
        Range().add_state("x", [1])
    with pytest.raises(ValueError, match="`dist_reduce_fx` must be callable"):
        Range().add_state("x", jnp.zeros(()), "median")


def test_collections():
    accuracy = metrics.BinaryAccuracy()
    with pytest.raises(ValueError, match="both named BinaryAccuracy"):
        metrics.MetricCollection([accuracy, metrics.BinaryAccuracy()])
    with pytest.raises(ValueError, match="`prefix` to be a string"):
        metrics.MetricCollection(accuracy, prefix=1)
    collection = metrics.MetricCollection({"b": accuracy, "a": metrics.BinaryRecall()}, prefix="x_")
    step = fnn.jit(lambda collection, p, t: collection(p, t))
    assert list(step(collection, P, T)) == ["x_a", "x_b"]
    assert collection["x_b"] is accuracy and accuracy.compute() == 0.75
    collection.reset()
    assert not accuracy.update_called
