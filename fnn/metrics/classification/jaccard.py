"""The Jaccard index; arrays and arguments are those of `fnn.metrics.functional.classification.jaccard`."""

from __future__ import annotations

from fnn.metrics._checks import AVERAGES, by_task, given, one_of
from fnn.metrics.classification.confusion_matrix import BinaryMatrix, MulticlassMatrix, MultilabelMatrix
from fnn.metrics.functional.classification.jaccard import jaccard_of
from fnn.metrics.metric import Metric
from fnn.typing import Array

__all__ = ["JaccardIndex", "BinaryJaccardIndex", "MulticlassJaccardIndex", "MultilabelJaccardIndex"]


class BinaryJaccardIndex(BinaryMatrix):
    """The Jaccard index, intersection over union: tp / (tp + fp + fn).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryJaccardIndex
        >>> metric = BinaryJaccardIndex()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        0.6666667
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True

    def __init__(
        self,
        threshold: float = 0.5,
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(threshold, ignore_index, None, validate_args)
        self.zero_division = zero_division

    def compute(self) -> Array:
        """The value of all batches."""
        return jaccard_of(self._final(), "binary", zero_division=self.zero_division)


class MulticlassJaccardIndex(MulticlassMatrix):
    """The Jaccard index, intersection over union: tp / (tp + fp + fn).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassJaccardIndex
        >>> metric = MulticlassJaccardIndex(num_classes=3, average=None)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        [0.5 0.5 1. ]
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True

    def __init__(
        self,
        num_classes: int,
        average: str | None = "macro",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_classes, ignore_index, None, validate_args)
        if validate_args:
            one_of(average, "average", AVERAGES)
        self.average = average
        self.zero_division = zero_division

    def compute(self) -> Array:
        """The value of all batches, one for each class with ``average="none"``."""
        return jaccard_of(self._final(), self.average, self.ignore_index, self.zero_division)


class MultilabelJaccardIndex(MultilabelMatrix):
    """The Jaccard index, intersection over union: tp / (tp + fp + fn).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelJaccardIndex
        >>> metric = MultilabelJaccardIndex(num_labels=2, average=None)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        [1.  0.5]
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True

    def __init__(
        self,
        num_labels: int,
        threshold: float = 0.5,
        average: str | None = "macro",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_labels, threshold, ignore_index, None, validate_args)
        if validate_args:
            one_of(average, "average", AVERAGES)
        self.average = average
        self.zero_division = zero_division

    def compute(self) -> Array:
        """The value of all batches, one for each class with ``average="none"``."""
        return jaccard_of(self._final(), self.average, zero_division=self.zero_division)


class JaccardIndex:
    """The metric of a task: an instance of `BinaryJaccardIndex`, `MulticlassJaccardIndex` or `MultilabelJaccardIndex`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import JaccardIndex
        >>> metric = JaccardIndex("binary")
        >>> value = metric(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(value)
        0.6666667
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls,
        task: str,
        threshold: float = 0.5,
        num_classes: int | None = None,
        num_labels: int | None = None,
        average: str | None = "macro",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        return by_task(
            task,
            lambda: BinaryJaccardIndex(
                threshold, ignore_index=ignore_index, validate_args=validate_args, zero_division=zero_division, **kwargs
            ),
            lambda: MulticlassJaccardIndex(
                given(num_classes, "num_classes"),
                average=average,
                ignore_index=ignore_index,
                validate_args=validate_args,
                zero_division=zero_division,
                **kwargs,
            ),
            lambda: MultilabelJaccardIndex(
                given(num_labels, "num_labels"),
                threshold,
                average=average,
                ignore_index=ignore_index,
                validate_args=validate_args,
                zero_division=zero_division,
                **kwargs,
            ),
        )
