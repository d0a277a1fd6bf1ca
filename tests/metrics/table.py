"""Every metric with arguments and inputs: what `test_reference` compares with torchmetrics, and others hold to jit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

Batch = tuple[np.ndarray, ...]
N, C, L, S = 8, 4, 3, 5  # samples, classes, labels, places


class Case(NamedTuple):
    """A metric, its arguments and the name of its inputs."""

    metric: str
    arguments: dict[str, Any]
    inputs: str

    def __str__(self) -> str:
        arguments = ",".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.metric}({arguments}):{self.inputs}"


def _rng(n: int) -> np.random.Generator:
    return np.random.default_rng(n)


def _float(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x)
    return e / e.sum(1, keepdims=True)


def _binary(shape: tuple[int, ...], kind: str) -> Callable[[np.random.Generator], Batch]:
    def make(rng: np.random.Generator) -> Batch:
        target = rng.integers(0, 2, shape)
        scores = rng.random(shape).astype(np.float32)
        if kind == "logits":
            scores = _float(rng, *shape)
        elif kind == "half":
            return _float(rng, *shape).astype(jnp.bfloat16), target
        elif kind == "ties":
            scores = (np.round(scores * 4) / 4).astype(np.float32)
        elif kind == "labels":
            return rng.integers(0, 2, shape), target
        elif kind == "ignored":
            return scores, np.where(rng.random(shape) < 0.3, -1, target)
        elif kind in ("zeros", "ones"):
            return scores, np.full(shape, int(kind == "ones"))
        elif kind == "right":
            return target.copy(), target
        elif kind == "never":
            return np.zeros(shape, int), target
        return scores, target

    return make


def _classes(rest: tuple[int, ...], kind: str) -> Callable[[np.random.Generator], Batch]:
    def make(rng: np.random.Generator) -> Batch:
        target = rng.integers(0, C, (N, *rest))
        scores = _float(rng, N, C, *rest)
        if kind == "probabilities":
            scores = _softmax(scores)
        elif kind == "half":
            return scores.astype(jnp.bfloat16), target
        elif kind == "labels":
            return rng.integers(0, C, (N, *rest)), target
        elif kind == "ignored":
            return scores, np.where(rng.random((N, *rest)) < 0.3, -100, target)
        elif kind == "empty":  # classes that occur nowhere
            return rng.integers(0, 2, (N, *rest)), rng.integers(0, 2, (N, *rest))
        elif kind == "one":
            return scores, np.full((N, *rest), 1)
        return scores, target

    return make


def _regression(shape: tuple[int, ...], kind: str = "") -> Callable[[np.random.Generator], Batch]:
    def make(rng: np.random.Generator) -> Batch:
        preds = _float(rng, *shape)
        if kind == "constant":
            return preds, np.ones_like(preds)
        if kind == "equal":
            return preds, preds
        if kind == "integers":
            return rng.integers(0, 9, shape), rng.integers(1, 9, shape)
        target = preds + 0.3 * _float(rng, *shape)
        if kind == "half":
            return preds.astype(jnp.bfloat16), target.astype(jnp.bfloat16)
        if kind == "distributions":
            return _softmax(preds), _softmax(target)
        if kind == "logs":
            return np.log(_softmax(preds)), np.log(_softmax(target))
        return preds, target

    return make


def _values(kind: str) -> Callable[[np.random.Generator], Batch]:
    def make(rng: np.random.Generator) -> Batch:
        values = _float(rng, N, 2)
        if kind == "weights":
            return values, rng.random((N, 2)).astype(np.float32)
        if kind == "nan":
            return (np.where(rng.random((N, 2)) < 0.3, np.float32(np.nan), values),)
        return (values,)

    return make


def _tokens(kind: str) -> Callable[[np.random.Generator], Batch]:
    def make(rng: np.random.Generator) -> Batch:
        target = rng.integers(0, 6, (2, S))
        logits = _float(rng, 2, S, 6)
        if kind == "ignored":
            target = np.where(rng.random((2, S)) < 0.4, -100, target)
        return (logits.astype(jnp.bfloat16) if kind == "half" else logits), target

    return make


def _masks(kind: str) -> Callable[[np.random.Generator], Batch]:
    def make(rng: np.random.Generator) -> Batch:
        index = rng.integers(0, C, (N, 3, 3)), rng.integers(0, C - 1, (N, 3, 3))
        hot = tuple(np.moveaxis(np.eye(C, dtype=int)[x], -1, 1) for x in index)
        if kind == "index":
            return index
        if kind == "mixed":
            return _float(rng, N, C, 3, 3), index[1]
        return hot

    return make


INPUTS: dict[str, Callable[[np.random.Generator], Batch]] = {
    **{
        f"binary {kind}": _binary((N,), kind)
        for kind in (
            *("probabilities", "logits", "half", "ties", "labels", "ignored", "zeros", "ones", "right", "never"),
        )
    },
    **{f"places {kind}": _binary((N, S), kind) for kind in ("probabilities", "ignored")},
    **{
        f"labels {kind}": _binary((N, L), kind)
        for kind in ("probabilities", "logits", "half", "ties", "ignored", "labels", "ones")
    },
    **{f"label places {kind}": _binary((N, L, S), kind) for kind in ("probabilities", "ignored")},
    **{
        f"classes {kind}": _classes((), kind)
        for kind in ("scores", "probabilities", "half", "labels", "ignored", "empty", "one")
    },
    **{f"class places {kind}": _classes((S,), kind) for kind in ("scores", "labels", "ignored")},
    "numbers": _regression((N,)),
    "equal numbers": _regression((N,), "equal"),
    "constant targets": _regression((N,), "constant"),
    "integers": _regression((N,), "integers"),
    "half numbers": _regression((N,), "half"),
    "columns": _regression((N, 3)),
    "distributions": _regression((N, 3), "distributions"),
    "logs": _regression((N, 3), "logs"),
    "images": _regression((2, 3, 4, 4)),
    **{f"values {kind}": _values(kind) for kind in ("plain", "weights", "nan")},
    **{f"tokens {kind}": _tokens(kind) for kind in ("plain", "ignored", "half")},
    **{f"masks {kind}": _masks(kind) for kind in ("one-hot", "index", "mixed")},
}


def batches(inputs: str, how_many: int = 3) -> list[Batch]:
    """Batches of these inputs, always the same."""
    return [INPUTS[inputs](_rng(n)) for n in range(how_many)]


CASES: list[Case] = []


def _add(metric: str, inputs: str, **arguments: Any) -> None:
    CASES.append(Case(metric, arguments, inputs))


for _name in ("Accuracy", "Precision", "Recall", "F1Score", "FBetaScore", "Specificity", "StatScores"):
    _beta = {"beta": 0.5} if _name == "FBetaScore" else {}
    _metric = f"Binary{_name}"
    for _kind in ("probabilities", "half", "labels", "zeros", "never"):
        _add(_metric, f"binary {_kind}", **_beta)
    _add(_metric, "binary logits", **_beta, threshold=0.3)
    _add(_metric, "binary ignored", **_beta, ignore_index=-1)
    _add(_metric, "places ignored", **_beta, ignore_index=-1, multidim_average="samplewise")
    _metric, _with = f"Multiclass{_name}", {**_beta, "num_classes": C}
    for _average in ("macro", "micro", "weighted", "none"):
        _add(_metric, "classes scores", **_with, average=_average)
        _add(_metric, "class places ignored", **_with, average=_average, ignore_index=-100)
        _add(_metric, "class places scores", **_with, average=_average, multidim_average="samplewise")
        _add(_metric, "classes scores", **_with, average=_average, top_k=2)
    _add(_metric, "classes empty", **_with)
    _add(_metric, "classes half", **_with, ignore_index=1)
    _add(_metric, "classes ignored", **_with, ignore_index=-100, top_k=2)
    _add(_metric, "class places ignored", **_with, ignore_index=-100, multidim_average="samplewise", average=None)
    _add(_metric, "class places labels", **_with, validate_args=False)
    _metric, _with = f"Multilabel{_name}", {**_beta, "num_labels": L}
    for _average in ("macro", "micro", "weighted", "none"):
        _add(_metric, "labels logits", **_with, average=_average)
        _add(_metric, "label places ignored", **_with, average=_average, ignore_index=-1)
        _add(_metric, "label places probabilities", **_with, average=_average, multidim_average="samplewise")
    _add(_metric, "labels labels", **_with)
    _add(_metric, "labels half", **_with, threshold=0.4)
_add("MulticlassAccuracy", "classes labels", average="micro")
for _name in ("Precision", "Recall", "F1Score", "FBetaScore"):
    _beta = {"beta": 2.0} if _name == "FBetaScore" else {}
    _add(f"Binary{_name}", "binary never", **_beta, zero_division=1)
    _add(f"Multiclass{_name}", "classes empty", **_beta, num_classes=C, zero_division=1, average="none")
    _add(f"Multilabel{_name}", "labels ones", **_beta, num_labels=L, zero_division=1)

for _name in ("ConfusionMatrix", "JaccardIndex", "CohenKappa", "MatthewsCorrCoef"):
    for _kind in ("probabilities", "labels", "half", "zeros", "ones", "right", "never"):
        _add(f"Binary{_name}", f"binary {_kind}")
    _add(f"Binary{_name}", "binary ignored", ignore_index=-1)
    _add(f"Binary{_name}", "places probabilities", threshold=0.7)
    for _kind in ("classes scores", "classes empty", "classes one", "class places labels"):
        _add(f"Multiclass{_name}", _kind, num_classes=C)
    _add(f"Multiclass{_name}", "class places ignored", num_classes=C, ignore_index=-100)
    _add(f"Multiclass{_name}", "classes scores", num_classes=C, ignore_index=0)
    if _name != "CohenKappa":
        _add(f"Multilabel{_name}", "labels logits", num_labels=L)
        _add(f"Multilabel{_name}", "label places ignored", num_labels=L, ignore_index=-1)
        _add(f"Multilabel{_name}", "labels ones", num_labels=L)
for _how in ("true", "pred", "all"):
    _add("BinaryConfusionMatrix", "binary probabilities", normalize=_how)
    _add("MulticlassConfusionMatrix", "classes empty", num_classes=C, normalize=_how)
    _add("MultilabelConfusionMatrix", "labels logits", num_labels=L, normalize=_how)
for _how in ("linear", "quadratic"):
    _add("BinaryCohenKappa", "binary probabilities", weights=_how)
    _add("MulticlassCohenKappa", "classes scores", num_classes=C, weights=_how)
for _average in ("micro", "weighted", "none"):
    _add("MulticlassJaccardIndex", "class places ignored", num_classes=C, average=_average, ignore_index=-100)
    _add("MulticlassJaccardIndex", "classes scores", num_classes=C, average=_average, ignore_index=0)
    _add("MultilabelJaccardIndex", "labels logits", num_labels=L, average=_average)
_add("BinaryJaccardIndex", "binary right", zero_division=1)

_BINNED: tuple[dict[str, Any], ...] = ({"thresholds": 7}, {"thresholds": [0.1, 0.6, 0.25, 0.9]}, {})
for _name in ("PrecisionRecallCurve", "ROC", "AUROC", "AveragePrecision"):
    for _bins in _BINNED:
        for _kind in ("probabilities", "logits", "ties", "half", "zeros", "ones"):
            _add(f"Binary{_name}", f"binary {_kind}", **_bins)
        _add(f"Binary{_name}", "places ignored", **_bins, ignore_index=-1)
        for _kind in ("scores", "probabilities", "one"):
            _add(f"Multiclass{_name}", f"classes {_kind}", num_classes=C, **_bins)
        _add(f"Multiclass{_name}", "class places ignored", num_classes=C, **_bins, ignore_index=-100)
        for _kind in ("logits", "ties"):
            _add(f"Multilabel{_name}", f"labels {_kind}", num_labels=L, **_bins)
        _add(f"Multilabel{_name}", "label places ignored", num_labels=L, **_bins, ignore_index=-1)
        _averages = ("micro", "macro") if _name in ("PrecisionRecallCurve", "ROC") else ("weighted", "none")
        for _average in _averages:
            # torchmetrics' own state has not the shape that its micro-averaged update needs; see test_metrics
            if _average == "micro" and _bins:
                continue
            _add(f"Multiclass{_name}", "classes probabilities", num_classes=C, **_bins, average=_average)
        if _name in ("AUROC", "AveragePrecision"):
            for _average in ("micro", "weighted", "none"):
                _add(f"Multilabel{_name}", "labels ignored", num_labels=L, **_bins, average=_average, ignore_index=-1)
for _bins in ({"thresholds": 7}, {}):
    for _rate in (0.3, 0.8):
        _add("BinaryAUROC", "binary ties", **_bins, max_fpr=_rate)
_add("BinaryROC", "binary logits", thresholds=5, normalization=None)

for _name in ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError"):
    for _kind in ("numbers", "integers", "half numbers", "images"):
        _add(_name, _kind)
_add("MeanSquaredError", "numbers", squared=False)
_add("MeanSquaredError", "columns", num_outputs=3)
_add("MeanAbsoluteError", "columns", num_outputs=3)
for _how in ("raw_values", "uniform_average", "variance_weighted"):
    _add("R2Score", "columns", multioutput=_how)
    _add("ExplainedVariance", "columns", multioutput=_how)
for _kind in ("numbers", "equal numbers", "constant targets"):
    _add("R2Score", _kind)
    _add("ExplainedVariance", _kind)
    _add("PearsonCorrCoef", _kind)
_add("R2Score", "numbers", adjusted=2)
_add("R2Score", "numbers", adjusted=30)
_add("PearsonCorrCoef", "columns", num_outputs=3)
for _how in ("sum", "mean", "none"):
    _add("CosineSimilarity", "columns", reduction=_how)
    _add("KLDivergence", "distributions", reduction=_how)
_add("KLDivergence", "logs", log_prob=True)

for _name in ("SumMetric", "MeanMetric", "MaxMetric", "MinMetric", "CatMetric"):
    _add(_name, "values plain")
    for _how in ("warn", "ignore", 2.0):
        _add(_name, "values nan", nan_strategy=_how)
    if _name != "CatMetric":
        _add(_name, "values nan", nan_strategy="disable")
_add("MeanMetric", "values weights")

for _kind in ("plain", "half"):
    _add("Perplexity", f"tokens {_kind}")
_add("Perplexity", "tokens ignored", ignore_index=-100)
_add("PeakSignalNoiseRatio", "images", data_range=2.0)
_add("PeakSignalNoiseRatio", "images", data_range=(0.0, 1.0), base=2.0)
for _how in ("elementwise_mean", "sum", "none"):
    _add("PeakSignalNoiseRatio", "images", data_range=2.0, reduction=_how, dim=(1, 2, 3))
for _kind in ("one-hot", "index", "mixed"):
    _add("MeanIoU", f"masks {_kind}", num_classes=C, input_format=_kind)
    _add("MeanIoU", f"masks {_kind}", num_classes=C, input_format=_kind, per_class=True, include_background=False)
_add("MeanIoU", "masks one-hot")
_add("MeanIoU", "masks mixed", input_format="mixed", per_class=True)


def usual() -> list[Case]:
    """A case of each metric, another one for each than for its neighbour."""
    found: dict[str, list[Case]] = {}
    for case in CASES:
        found.setdefault(case.metric, []).append(case)
    return [cases[7 * n % len(cases)] for n, cases in enumerate(found.values())]


# The wrappers and what they make
TASKS = (
    *("Accuracy", "Precision", "Recall", "F1Score", "FBetaScore", "Specificity", "StatScores", "ConfusionMatrix"),
    *("JaccardIndex", "CohenKappa", "MatthewsCorrCoef", "PrecisionRecallCurve", "ROC", "AUROC", "AveragePrecision"),
)
OTHERS = ("Metric", "CompositionalMetric", "MetricCollection")


def function_name(metric: str) -> str:
    """The function that computes a metric of one batch."""
    special = {
        "MeanIoU": "mean_iou",
        "R2Score": "r2_score",
        "PearsonCorrCoef": "pearson_corrcoef",
        "KLDivergence": "kl_divergence",
    }
    if metric in special:
        return special[metric]
    for task in ("Binary", "Multiclass", "Multilabel"):
        if metric.startswith(task):
            return f"{task.lower()}_{function_name(metric.removeprefix(task))}"
    known = {"AUROC": "auroc", "ROC": "roc", "F1Score": "f1_score", "FBetaScore": "fbeta_score"}
    known["MatthewsCorrCoef"] = "matthews_corrcoef"
    if metric in known:
        return known[metric]
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in metric).removeprefix("_")


def is_compiled(case: Case) -> bool:
    """Whether a compiled step can hold the state."""
    lists = case.metric == "CatMetric" or case.metric == "CosineSimilarity"
    if case.metric.endswith(("PrecisionRecallCurve", "ROC", "AveragePrecision")):
        lists = "thresholds" not in case.arguments
    arguments = case.arguments
    lists = lists or arguments.get("multidim_average") == "samplewise"
    lists = lists or (case.metric == "KLDivergence" and arguments.get("reduction") == "none")
    return not (lists or (case.metric == "PeakSignalNoiseRatio" and "dim" in arguments))
