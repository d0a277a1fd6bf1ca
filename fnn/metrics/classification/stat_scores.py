"""Classes that count true and false positives and negatives.

Arrays and arguments are those of `fnn.metrics.functional.classification.stat_scores`.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from fnn.dtypes import index_dtype
from fnn.metrics._checks import by_task, given
from fnn.metrics._states import joined
from fnn.metrics.functional.classification.stat_scores import (
    COUNTS,
    Counts,
    binary_counts,
    check_binary_options,
    check_multiclass_options,
    check_multilabel_options,
    multiclass_counts,
    multilabel_counts,
    stat_scores_of,
)
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["BinaryStatScores", "MulticlassStatScores", "MultilabelStatScores", "StatScores"]


class Counting(Metric):
    """A metric of the four counts; with ``multidim_average="samplewise"`` they are lists."""

    is_differentiable = False
    full_state_update = False
    uses: ClassVar[tuple[str, ...]] = COUNTS  # the counts on which the result depends
    multidim_average: str

    def _create(self, size: int, multidim_average: str) -> None:
        self.multidim_average = multidim_average
        for name in COUNTS:
            if multidim_average == "samplewise":
                self.add_state(name, [], dist_reduce_fx="cat")
            else:
                self.add_state(name, np.zeros(size, index_dtype()), dist_reduce_fx="sum")

    def _accumulate(self, counts: Counts) -> None:
        for name, value in zip(COUNTS, counts, strict=True):
            if self.multidim_average == "samplewise":
                getattr(self, name).append(value)
            else:
                self._add(name, value)

    def _final(self) -> Counts:
        self._counts(*self.uses)
        return Counts(*(joined(self._state(name)) for name in COUNTS))


class BinaryCounting(Counting):
    """A metric of the counts of two classes."""

    def _start(
        self,
        threshold: float,
        multidim_average: str,
        ignore_index: int | None,
        validate_args: bool,
        zero_division: float = 0,
    ) -> None:
        if validate_args:
            check_binary_options(threshold, multidim_average, ignore_index, zero_division)
        self.threshold = threshold
        self.ignore_index = ignore_index
        self.validate_args = validate_args
        self.zero_division = zero_division
        self._create(1, multidim_average)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, ...)."""
        options = self.threshold, self.multidim_average, self.ignore_index, self.validate_args
        self._accumulate(binary_counts(preds, target, *options))


class MulticlassCounting(Counting):
    """A metric of the counts of classes."""

    def _start(
        self,
        num_classes: int | None,
        top_k: int,
        average: str | None,
        multidim_average: str,
        ignore_index: int | None,
        validate_args: bool,
        zero_division: float = 0,
    ) -> None:
        if validate_args:
            check_multiclass_options(num_classes, top_k, average, multidim_average, ignore_index, zero_division)
        self.num_classes = num_classes
        self.top_k = top_k
        self.average = average
        self.ignore_index = ignore_index
        self.validate_args = validate_args
        self.zero_division = zero_division
        self._create(1 if average == "micro" and top_k == 1 else num_classes or 1, multidim_average)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch: scores (N, C, ...) or classes (N, ...), and classes (N, ...)."""
        options = self.num_classes, self.top_k, self.average, self.multidim_average
        self._accumulate(multiclass_counts(preds, target, *options, self.ignore_index, self.validate_args))


class MultilabelCounting(Counting):
    """A metric of the counts of labels."""

    def _start(
        self,
        num_labels: int,
        threshold: float,
        average: str | None,
        multidim_average: str,
        ignore_index: int | None,
        validate_args: bool,
        zero_division: float = 0,
    ) -> None:
        if validate_args:
            check_multilabel_options(num_labels, threshold, average, multidim_average, ignore_index, zero_division)
        self.num_labels = num_labels
        self.threshold = threshold
        self.average = average
        self.ignore_index = ignore_index
        self.validate_args = validate_args
        self.zero_division = zero_division
        self._create(num_labels, multidim_average)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, L, ...)."""
        options = self.num_labels, self.threshold, self.multidim_average, self.ignore_index, self.validate_args
        self._accumulate(multilabel_counts(preds, target, *options))


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
