"""The receiver operating characteristic.

Arrays and arguments are those of `fnn.metrics.functional.classification.roc`.
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
from fnn.metrics.functional.classification.roc import binary_roc_of, multiclass_roc_of, multilabel_roc_of
from fnn.metrics.metric import Metric

__all__ = ["ROC", "BinaryROC", "MulticlassROC", "MultilabelROC"]


class BinaryROC(BinaryCurve):
    """The false and the true positive rate at each threshold.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryROC
        >>> metric = BinaryROC(thresholds=5)
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute()[1])
        [0.  0.5 1.  1.  1. ]
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
        return binary_roc_of(self._final(), self._at())


class MulticlassROC(MulticlassCurve):
    """The false and the true positive rate of each class, or (``average="micro"``, ``"macro"``) of all in one.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassROC
        >>> metric = MulticlassROC(num_classes=3, thresholds=5)
        >>> preds, target = jnp.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.3, 0.3, 0.4]]), jnp.array([0, 1, 2])
        >>> metric.update(preds, target)
        >>> print(metric.compute()[1].shape)
        (3, 5)
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
        return multiclass_roc_of(self._final(), self.num_classes, self._at(), self.average)


class MultilabelROC(MultilabelCurve):
    """The false and the true positive rate at each threshold of each label.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelROC
        >>> metric = MultilabelROC(num_labels=2, thresholds=5)
        >>> metric.update(jnp.array([[0.1, 0.8], [0.7, 0.9]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute()[1].shape)
        (2, 5)
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
        return multilabel_roc_of(self._final(), self._at(), self.ignore_index)


class ROC:
    """The metric of a task: an instance of `BinaryROC`, `MulticlassROC` or `MultilabelROC`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import ROC
        >>> metric = ROC("binary", thresholds=5)
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
            lambda: BinaryROC(thresholds, ignore_index, validate_args, "sigmoid", **kwargs),
            lambda: MulticlassROC(
                given(num_classes, "num_classes"), thresholds, average, ignore_index, validate_args, **kwargs
            ),
            lambda: MultilabelROC(given(num_labels, "num_labels"), thresholds, ignore_index, validate_args, **kwargs),
        )
