"""Precision and recall; arrays and arguments are those of `fnn.metrics.functional.classification.stat_scores`."""

from __future__ import annotations

from fnn.metrics._checks import by_task, given
from fnn.metrics.classification._counting import BinaryRatio, MulticlassRatio, MultilabelRatio
from fnn.metrics.functional.classification.precision_recall import precision_of, recall_of
from fnn.metrics.metric import Metric

__all__ = [
    "Precision",
    "BinaryPrecision",
    "MulticlassPrecision",
    "MultilabelPrecision",
    "Recall",
    "BinaryRecall",
    "MulticlassRecall",
    "MultilabelRecall",
]


class BinaryPrecision(BinaryRatio):
    """Precision: tp / (tp + fp).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryPrecision
        >>> metric = BinaryPrecision()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        0.6666667
    """

    formula = precision_of


class MulticlassPrecision(MulticlassRatio):
    """Precision of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassPrecision
        >>> metric = MulticlassPrecision(num_classes=3, average=None)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        [1.  0.5 1. ]
    """

    formula = precision_of


class MultilabelPrecision(MultilabelRatio):
    """Precision of labels.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelPrecision
        >>> metric = MultilabelPrecision(num_labels=2, average=None)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        [1.  0.5]
    """

    formula = precision_of


class Precision:
    """The metric of a task: an instance of `BinaryPrecision`, `MulticlassPrecision` or `MultilabelPrecision`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import Precision
        >>> metric = Precision("multiclass", num_classes=3)
        >>> print(metric(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])))
        0.75
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls,
        task: str,
        threshold: float = 0.5,
        num_classes: int | None = None,
        num_labels: int | None = None,
        average: str | None = "micro",
        multidim_average: str = "global",
        top_k: int = 1,
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        common = multidim_average, ignore_index, validate_args, zero_division
        return by_task(
            task,
            lambda: BinaryPrecision(threshold, *common, **kwargs),
            lambda: MulticlassPrecision(
                given(num_classes, "num_classes"), given(top_k, "top_k"), average, *common, **kwargs
            ),
            lambda: MultilabelPrecision(given(num_labels, "num_labels"), threshold, average, *common, **kwargs),
        )


class BinaryRecall(BinaryRatio):
    """Recall: tp / (tp + fn).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryRecall
        >>> metric = BinaryRecall()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        1.0
    """

    formula = recall_of


class MulticlassRecall(MulticlassRatio):
    """Recall of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassRecall
        >>> metric = MulticlassRecall(num_classes=3, average=None)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        [0.5 1.  1. ]
    """

    formula = recall_of


class MultilabelRecall(MultilabelRatio):
    """Recall of labels.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelRecall
        >>> metric = MultilabelRecall(num_labels=2, average=None)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        [1. 1.]
    """

    formula = recall_of


class Recall:
    """The metric of a task: an instance of `BinaryRecall`, `MulticlassRecall` or `MultilabelRecall`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import Recall
        >>> metric = Recall("multiclass", num_classes=3)
        >>> print(metric(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])))
        0.75
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls,
        task: str,
        threshold: float = 0.5,
        num_classes: int | None = None,
        num_labels: int | None = None,
        average: str | None = "micro",
        multidim_average: str = "global",
        top_k: int = 1,
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        common = multidim_average, ignore_index, validate_args, zero_division
        return by_task(
            task,
            lambda: BinaryRecall(threshold, *common, **kwargs),
            lambda: MulticlassRecall(
                given(num_classes, "num_classes"), given(top_k, "top_k"), average, *common, **kwargs
            ),
            lambda: MultilabelRecall(given(num_labels, "num_labels"), threshold, average, *common, **kwargs),
        )
