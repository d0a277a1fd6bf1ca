"""Every metric of the table against torchmetrics."""

import inspect
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from fnn import metrics as ours
from fnn.metrics import functional as F
from tests import extent
from tests.metrics.oracle import find, find_function, torch
from tests.metrics.table import CASES, Case, batches, function_name, usual
from tests.reference import to_numpy


def tensor(x):
    return torch.tensor(np.asarray(x, np.float32)).bfloat16() if x.dtype == jnp.bfloat16 else torch.tensor(x)


def same(mine, theirs, what, tolerance=2e-5):
    """Equal in structure, shape, kind of dtype and value."""
    if isinstance(theirs, (list, tuple)):
        assert isinstance(mine, (list, tuple)) and len(mine) == len(theirs), what
        for n, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            same(a, b, f"{what}[{n}]", tolerance)
        return
    a, b = to_numpy(mine), to_numpy(theirs)
    assert a.shape == b.shape, f"{what}: {a.shape}, torchmetrics has {b.shape}"
    np.testing.assert_allclose(a.astype(np.float64), b.astype(np.float64), tolerance, tolerance, err_msg=what)


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


@pytest.mark.parametrize("case", CASES if extent.ALL else usual()[::2], ids=str)
def test_values(case: Case):
    """forward's batch values, compute, reset, update, the functions, the states."""
    mine, theirs = quietly(getattr(ours, case.metric), **case.arguments), quietly(find(case.metric), **case.arguments)
    tolerance = 3e-2 if "half" in case.inputs else 2e-5
    data = batches(case.inputs)
    pairs = [(tuple(map(jnp.asarray, b)), tuple(map(tensor, b))) for b in data]
    for a, b in pairs:
        same(quietly(mine, *a), quietly(theirs, *b), "forward", tolerance)
    same(quietly(mine.compute), quietly(theirs.compute), "compute", tolerance)
    assert mine.update_count == theirs.update_count == 3
    mine.reset(), theirs.reset()
    assert mine.update_count == 0
    for a, b in pairs[:2]:
        quietly(mine.update, *a), quietly(theirs.update, *b)
    same(quietly(mine.compute), quietly(theirs.compute), "compute after reset", tolerance)
    assert list(mine.metric_state) == list(theirs.metric_state)
    grown = case.metric == "MeanIoU" and "num_classes" not in case.arguments  # torchmetrics makes these states anew
    if case.metric != "PearsonCorrCoef" and not grown:
        for name, value in theirs.metric_state.items():
            same(mine.metric_state[name], value, name, 10 * tolerance)
    mine.persistent(True), theirs.persistent(True)
    assert set(mine.state_dict()) == set(theirs.state_dict())
    function = find_function(function_name(case.metric))
    if function is not None:
        taken = inspect.signature(function).parameters
        arguments = {name: value for name, value in case.arguments.items() if name in taken}
        values = quietly(getattr(F, function.__name__), *pairs[0][0], **arguments)
        same(values, quietly(function, *pairs[0][1], **arguments), "function", tolerance)


def parameters(function):
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.default) for p in found if p.kind is not p.VAR_KEYWORD and p.name not in ("cls", "self")]


@pytest.mark.parametrize("name", sorted({case.metric for case in CASES}))
def test_signatures(name):
    """The same parameters in the same order with the same defaults."""
    theirs = parameters(find(name).__init__)
    assert parameters(getattr(ours, name).__init__)[: len(theirs)] == theirs
    function = find_function(function_name(name))
    if function is not None:
        assert parameters(getattr(F, function.__name__)) == parameters(function)


BAD = [
    ("BinaryAccuracy", {"threshold": 2.0}),
    ("BinaryAccuracy", {"multidim_average": "x"}),
    ("BinaryRecall", {"ignore_index": 1.5}),
    ("MulticlassAccuracy", {"num_classes": 1}),
    ("MulticlassAccuracy", {"num_classes": None}),
    ("MulticlassAccuracy", {"num_classes": 3, "top_k": 4}),
    ("MulticlassAccuracy", {"num_classes": 3, "average": "x"}),
    ("MultilabelF1Score", {"num_labels": 1}),
    ("BinaryFBetaScore", {"beta": -1.0}),
    ("BinaryF1Score", {"zero_division": 3}),
    ("BinaryConfusionMatrix", {"normalize": "x"}),
    ("BinaryCohenKappa", {"weights": "x"}),
    ("MulticlassJaccardIndex", {"num_classes": 3, "average": "x"}),
    ("BinaryAUROC", {"thresholds": 1}),
    ("BinaryAUROC", {"thresholds": [2.0]}),
    ("BinaryROC", {"thresholds": "x"}),
    ("MulticlassAUROC", {"num_classes": 3, "average": "micro"}),
    ("MulticlassROC", {"num_classes": 3, "average": "weighted"}),
    ("MeanSquaredError", {"squared": 1}),
    ("MeanSquaredError", {"num_outputs": 0}),
    ("R2Score", {"adjusted": -1}),
    ("R2Score", {"multioutput": "x"}),
    ("ExplainedVariance", {"multioutput": "x"}),
    ("CosineSimilarity", {"reduction": "x"}),
    ("KLDivergence", {"reduction": "x"}),
    ("KLDivergence", {"log_prob": 1}),
    ("Perplexity", {"ignore_index": "x"}),
    ("MeanMetric", {"nan_strategy": "x"}),
    ("MeanIoU", {"input_format": "index"}),
    ("MeanIoU", {"input_format": "x"}),
    ("MeanIoU", {"per_class": 1}),
    ("Accuracy", {"task": "x"}),
    ("Precision", {"task": "multiclass"}),
    ("MetricCollection", {"metrics": [1]}),
]
WRONG = [
    ("BinaryAccuracy", {}, np.zeros(3), np.zeros(2, int)),
    ("BinaryAccuracy", {}, np.zeros(3), np.array([0, 1, 2])),
    ("BinaryAccuracy", {}, np.array([0, 1, 2]), np.zeros(3, int)),
    ("MulticlassAccuracy", {"num_classes": 3}, np.zeros((2, 4)), np.zeros(2, int)),
    ("MulticlassAccuracy", {"num_classes": 3}, np.zeros((2, 3), int), np.zeros(2, int)),
    ("MulticlassAccuracy", {"num_classes": 3}, np.zeros(2), np.zeros((2, 3), int)),
    ("MultilabelAccuracy", {"num_labels": 3}, np.zeros((2, 4)), np.zeros((2, 4), int)),
    ("BinaryROC", {}, np.zeros(3, int), np.zeros(3, int)),
    ("BinaryROC", {}, np.zeros(3), np.zeros(3)),
    ("MulticlassAUROC", {"num_classes": 3}, np.zeros(3), np.zeros(3, int)),
    ("MeanSquaredError", {}, np.zeros(3), np.zeros(2)),
    ("CosineSimilarity", {}, np.zeros(3), np.zeros(3)),
    ("KLDivergence", {}, np.zeros(3), np.zeros(3)),
    ("R2Score", {}, np.zeros((3, 1, 1)), np.zeros((3, 1, 1))),
    ("Perplexity", {}, np.zeros((2, 3)), np.zeros((2, 3), int)),
    ("Perplexity", {}, np.zeros((2, 3, 4), int), np.zeros((2, 3), int)),
]


def raised(call, *args, **kwargs):
    with pytest.raises((ValueError, RuntimeError, TypeError)) as error:
        quietly(call, *args, **kwargs)
    return error.value


def check_errors(mine, theirs):
    """The same class of error, and a text that begins alike."""
    assert isinstance(mine, type(theirs)), (mine, theirs)
    n = min(30, len(str(theirs)))
    assert str(mine)[:n] == str(theirs)[:n]


@pytest.mark.parametrize(("name", "arguments"), BAD)
def test_errors_of_arguments(name, arguments):
    check_errors(raised(getattr(ours, name), **arguments), raised(find(name), **arguments))


@pytest.mark.parametrize(("name", "arguments", "preds", "target"), WRONG)
def test_errors_of_arrays(name, arguments, preds, target):
    preds = preds.astype(np.float32) if preds.dtype == np.float64 else preds
    target = target.astype(np.float32) if target.dtype == np.float64 else target
    mine = raised(getattr(ours, name)(**arguments).update, jnp.asarray(preds), jnp.asarray(target))
    check_errors(mine, raised(find(name)(**arguments).update, torch.tensor(preds), torch.tensor(target)))


def test_composition_and_collection():
    """Operators, prefixes and printed forms."""
    preds, target = batches("binary probabilities")[0]
    results = []
    for m, wrap in ((ours, jnp.asarray), (find, torch.tensor)):
        get = (lambda name, m=m: getattr(m, name)) if m is ours else m
        a, b = get("BinaryAccuracy")(), get("BinaryRecall")()
        forms = [a + b, 2 * a, 1 - a, a / 2, a // 0.3, a**2, a % 0.4, abs(-a), a > b, a == b, a <= 0.5, -a, +a]
        values = [form(wrap(preds), wrap(target)) for form in forms] + [form.compute() for form in forms]
        collection = get("MetricCollection")([a.clone(), b.clone()], prefix="x_", postfix="_y")
        collection.reset()
        values += list(collection(wrap(preds), wrap(target)).values())
        collection.update(wrap(preds), target=wrap(target))
        named = collection.compute()
        nested = get("MetricCollection")({"a": a, "c": collection})
        names = [
            list(named),
            list(nested.keys()),
            list(collection.keys(keep_base=True)),
            list(collection.clone("z").keys()),
        ]
        results.append((values + list(named.values()), names, [repr(collection), repr(a + 2), repr(a)]))
    for mine, theirs in zip(results[0][0], results[1][0], strict=True):
        same(mine, theirs, "value")
    assert results[0][1] == results[1][1]
    assert results[0][2] == results[1][2]
