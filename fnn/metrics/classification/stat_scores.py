"""The counts of true and false positives and negatives.

Arrays and arguments are those of `fnn.metrics.functional.classification.stat_scores`.
"""

from __future__ import annotations

from fnn.metrics._checks import by_task, given
from fnn.metrics.classification._counting import BinaryCounting, MulticlassCounting, MultilabelCounting
from fnn.metrics.functional.classification.stat_scores import stat_scores_of
from fnn.metrics.metric import Metric
from fnn.typing import Array

__all__ = ["BinaryStatScores", "MulticlassStatScores", "MultilabelStatScores", "StatScores"]


class BinaryStatScores(BinaryCounting):
    """True and false positives, true and false negatives, and the support: along a last axis of 5.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryStatScores
        >>> metric = BinaryStatScores()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        [2 1 1 0 2]
    """

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

    def compute(self) -> Array:
        """The value of all batches: (), or (N,) if samplewise."""
        return stat_scores_of(self._final(), "binary", self.multidim_average)


class MulticlassStatScores(MulticlassCounting):
    """True and false positives, true and false negatives, and the support of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassStatScores
        >>> metric = MulticlassStatScores(num_classes=3, average=None)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        [[1 0 2 1 2]
         [1 1 2 0 1]
         [1 0 3 0 1]]
    """

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

    def compute(self) -> Array:
        """The value of all batches: (), or (C,) with ``average="none"``; a first axis N if samplewise."""
        return stat_scores_of(self._final(), self.average, self.multidim_average)


class MultilabelStatScores(MultilabelCounting):
    """True and false positives, true and false negatives, and the support of labels.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelStatScores
        >>> metric = MultilabelStatScores(num_labels=2, average=None)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        [[1 0 1 0 1]
         [1 1 0 0 1]]
    """

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

    def compute(self) -> Array:
        """The value of all batches: (), or (L,) with ``average="none"``; a first axis N if samplewise."""
        return stat_scores_of(self._final(), self.average, self.multidim_average, multilabel=True)


class StatScores:
    """The metric of a task: an instance of `BinaryStatScores`, `MulticlassStatScores` or `MultilabelStatScores`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import StatScores
        >>> metric = StatScores("multiclass", num_classes=3)
        >>> print(metric(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])))
        [3 1 7 1 4]
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
            lambda: BinaryStatScores(threshold, *common, **kwargs),
            lambda: MulticlassStatScores(
                given(num_classes, "num_classes"), given(top_k, "top_k"), average, *common, **kwargs
            ),
            lambda: MultilabelStatScores(given(num_labels, "num_labels"), threshold, average, *common, **kwargs),
        )
