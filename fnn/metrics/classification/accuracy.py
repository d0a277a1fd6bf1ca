"""Accuracy; arrays and arguments are those of `fnn.metrics.functional.classification.stat_scores`."""

from __future__ import annotations

from fnn.metrics._checks import by_task, given
from fnn.metrics.classification._counting import BinaryCounting, MulticlassCounting, MultilabelCounting
from fnn.metrics.functional.classification.accuracy import accuracy_of
from fnn.metrics.metric import Metric

__all__ = ["Accuracy", "BinaryAccuracy", "MulticlassAccuracy", "MultilabelAccuracy"]


class BinaryAccuracy(BinaryCounting):
    """Accuracy: (tp + tn) / (tp + tn + fp + fn).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryAccuracy
        >>> metric = BinaryAccuracy()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        0.75
    """

    higher_is_better = True
    formula = accuracy_of

    def __init__(
        self,
        threshold: float = 0.5,
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(threshold, multidim_average, ignore_index, validate_args)


class MulticlassAccuracy(MulticlassCounting):
    """Accuracy of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassAccuracy
        >>> metric = MulticlassAccuracy(num_classes=3, average=None)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        [0.5 1.  1. ]
    """

    higher_is_better = True
    formula = accuracy_of
    options = ("top_k",)
    uses = ("tp", "fp", "fn")

    def __init__(
        self,
        num_classes: int | None = None,
        top_k: int = 1,
        average: str | None = "macro",
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_classes, top_k, average, multidim_average, ignore_index, validate_args)


class MultilabelAccuracy(MultilabelCounting):
    """Accuracy of labels.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelAccuracy
        >>> metric = MultilabelAccuracy(num_labels=2, average=None)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        [1.  0.5]
    """

    higher_is_better = True
    formula = accuracy_of

    def __init__(
        self,
        num_labels: int,
        threshold: float = 0.5,
        average: str | None = "macro",
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_labels, threshold, average, multidim_average, ignore_index, validate_args)


class Accuracy:
    """The metric of a task: an instance of `BinaryAccuracy`, `MulticlassAccuracy` or `MultilabelAccuracy`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import Accuracy
        >>> metric = Accuracy("multiclass", num_classes=3)
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
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        common = multidim_average, ignore_index, validate_args
        return by_task(
            task,
            lambda: BinaryAccuracy(threshold, *common, **kwargs),
            lambda: MulticlassAccuracy(
                given(num_classes, "num_classes"), given(top_k, "top_k"), average, *common, **kwargs
            ),
            lambda: MultilabelAccuracy(given(num_labels, "num_labels"), threshold, average, *common, **kwargs),
        )
