"""The area under the ROC curve; arrays and arguments are those of `fnn.metrics.functional.classification.auroc`."""

from __future__ import annotations

from fnn.metrics._checks import by_task, given
from fnn.metrics.classification._curves import BinaryCurve, MulticlassCurve, MultilabelCurve
from fnn.metrics.functional.classification.auroc import (
    binary_auroc_of,
    check_max_fpr,
    check_multiclass,
    check_multilabel,
    multiclass_auroc_of,
    multilabel_auroc_of,
)
from fnn.metrics.functional.classification.curves import Thresholds
from fnn.metrics.metric import Metric
from fnn.typing import Array

__all__ = ["AUROC", "BinaryAUROC", "MulticlassAUROC", "MultilabelAUROC"]


class BinaryAUROC(BinaryCurve):
    """The area under the ROC curve.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryAUROC
        >>> metric = BinaryAUROC(thresholds=5)
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        0.625
    """

    higher_is_better = True

    def __init__(
        self,
        max_fpr: float | None = None,
        thresholds: Thresholds = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if validate_args:
            check_max_fpr(max_fpr)
        self.max_fpr = max_fpr
        self._start(thresholds, ignore_index, validate_args)

    def compute(self) -> Array:
        """The value of all batches."""
        return binary_auroc_of(self._final(), self._at(), self.max_fpr)


class MulticlassAUROC(MulticlassCurve):
    """The area under the ROC curve, of each class against all others.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassAUROC
        >>> metric = MulticlassAUROC(num_classes=3, thresholds=5)
        >>> preds, target = jnp.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.3, 0.3, 0.4]]), jnp.array([0, 1, 2])
        >>> metric.update(preds, target)
        >>> print(metric.compute())
        0.75
    """

    higher_is_better = True

    def __init__(
        self,
        num_classes: int,
        average: str | None = "macro",
        thresholds: Thresholds = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if validate_args:
            check_multiclass(num_classes, average, thresholds, ignore_index)
        self.average = average
        self.validate_args = validate_args
        self._start(num_classes, thresholds, ignore_index, False)

    def compute(self) -> Array:
        """The average of all batches, or (C,) with ``average="none"``."""
        return multiclass_auroc_of(self._final(), self.num_classes, self.average, self._at())


class MultilabelAUROC(MultilabelCurve):
    """The area under the ROC curve, of each label.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelAUROC
        >>> metric = MultilabelAUROC(num_labels=2, thresholds=5)
        >>> metric.update(jnp.array([[0.1, 0.8], [0.7, 0.9]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        0.75
    """

    higher_is_better = True

    def __init__(
        self,
        num_labels: int,
        average: str | None = "macro",
        thresholds: Thresholds = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if validate_args:
            check_multilabel(num_labels, average, thresholds, ignore_index)
        self.average = average
        self.validate_args = validate_args
        self._start(num_labels, thresholds, ignore_index)

    def compute(self) -> Array:
        """The average of all batches, or (L,) with ``average="none"``."""
        return multilabel_auroc_of(self._final(), self.average, self._at(), self.ignore_index)


class AUROC:
    """The metric of a task: an instance of `BinaryAUROC`, `MulticlassAUROC` or `MultilabelAUROC`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import AUROC
        >>> metric = AUROC("binary", thresholds=5)
        >>> value = metric(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(value)
        0.625
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls,
        task: str,
        thresholds: Thresholds = None,
        num_classes: int | None = None,
        num_labels: int | None = None,
        average: str | None = "macro",
        max_fpr: float | None = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        return by_task(
            task,
            lambda: BinaryAUROC(max_fpr, thresholds, ignore_index, validate_args, **kwargs),
            lambda: MulticlassAUROC(
                given(num_classes, "num_classes"), average, thresholds, ignore_index, validate_args, **kwargs
            ),
            lambda: MultilabelAUROC(
                given(num_labels, "num_labels"), average, thresholds, ignore_index, validate_args, **kwargs
            ),
        )
