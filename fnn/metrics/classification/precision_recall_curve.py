"""Precision against recall.

Arrays and arguments are those of `fnn.metrics.functional.classification.precision_recall_curve`.
"""

from __future__ import annotations

from fnn.metrics._checks import by_task, given
from fnn.metrics.classification._curves import BinaryCurve, MulticlassCurve, MultilabelCurve
from fnn.metrics.functional.classification.curves import (
    Curve,
    Curves,
    Thresholds,
    check_multiclass_options,
    check_multilabel_options,
)
from fnn.metrics.functional.classification.precision_recall_curve import (
    binary_curve_of,
    multiclass_curves_of,
    multilabel_curves_of,
)
from fnn.metrics.metric import Metric

__all__ = [
    "PrecisionRecallCurve",
    "BinaryPrecisionRecallCurve",
    "MulticlassPrecisionRecallCurve",
    "MultilabelPrecisionRecallCurve",
]


class BinaryPrecisionRecallCurve(BinaryCurve):
    """Precision and recall at each threshold.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryPrecisionRecallCurve
        >>> metric = BinaryPrecisionRecallCurve(thresholds=5)
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute()[1])
        [1.  1.  1.  0.5 0.  0. ]
    """

    def __init__(
        self,
        thresholds: Thresholds = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        normalization: str | None = "sigmoid",
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.normalization = normalization
        self._start(thresholds, ignore_index, validate_args)

    def compute(self) -> Curve:
        """The three arrays of all batches."""
        return binary_curve_of(self._final(), self._at())


class MulticlassPrecisionRecallCurve(MulticlassCurve):
    """Precision and recall at each threshold of each class, or (``average="micro"``, ``"macro"``) of all in one.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassPrecisionRecallCurve
        >>> metric = MulticlassPrecisionRecallCurve(num_classes=3, thresholds=5)
        >>> preds, target = jnp.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.3, 0.3, 0.4]]), jnp.array([0, 1, 2])
        >>> metric.update(preds, target)
        >>> print(metric.compute()[1].shape)
        (3, 6)
    """

    def __init__(
        self,
        num_classes: int,
        thresholds: Thresholds = None,
        average: str | None = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if validate_args:
            check_multiclass_options(num_classes, thresholds, ignore_index, average)
        self.average = average
        self.validate_args = validate_args
        self._start(num_classes, thresholds, ignore_index, average == "micro")

    def compute(self) -> Curves:
        """The three arrays of all batches, (C, ...); lists of C with ``thresholds=None``."""
        return multiclass_curves_of(self._final(), self.num_classes, self._at(), self.average)


class MultilabelPrecisionRecallCurve(MultilabelCurve):
    """Precision and recall at each threshold of each label.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelPrecisionRecallCurve
        >>> metric = MultilabelPrecisionRecallCurve(num_labels=2, thresholds=5)
        >>> metric.update(jnp.array([[0.1, 0.8], [0.7, 0.9]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute()[1].shape)
        (2, 6)
    """

    def __init__(
        self,
        num_labels: int,
        thresholds: Thresholds = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if validate_args:
            check_multilabel_options(num_labels, thresholds, ignore_index)
        self.validate_args = validate_args
        self._start(num_labels, thresholds, ignore_index)

    def compute(self) -> Curves:
        """The three arrays of all batches, (L, ...); lists of L with ``thresholds=None``."""
        return multilabel_curves_of(self._final(), self._at(), self.ignore_index)


class PrecisionRecallCurve:
    """The metric of a task.

    An instance of `BinaryPrecisionRecallCurve`, `MulticlassPrecisionRecallCurve` or `MultilabelPrecisionRecallCurve`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import PrecisionRecallCurve
        >>> metric = PrecisionRecallCurve("binary", thresholds=5)
        >>> value = metric(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> len(value)
        3
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls,
        task: str,
        thresholds: Thresholds = None,
        num_classes: int | None = None,
        num_labels: int | None = None,
        average: str | None = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        return by_task(
            task,
            lambda: BinaryPrecisionRecallCurve(thresholds, ignore_index, validate_args, "sigmoid", **kwargs),
            lambda: MulticlassPrecisionRecallCurve(
                given(num_classes, "num_classes"), thresholds, average, ignore_index, validate_args, **kwargs
            ),
            lambda: MultilabelPrecisionRecallCurve(
                given(num_labels, "num_labels"), thresholds, ignore_index, validate_args, **kwargs
            ),
        )
