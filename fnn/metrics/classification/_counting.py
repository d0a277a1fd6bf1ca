"""What classes that count true and false positives and negatives have in common.

Arrays and arguments are those of `fnn.metrics.functional.classification.stat_scores`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from fnn.dtypes import index_dtype
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
)
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = [
    "BinaryCounting",
    "BinaryRatio",
    "MulticlassCounting",
    "MulticlassRatio",
    "MultilabelCounting",
    "MultilabelRatio",
]


class Counting(Metric):
    """A metric of the four counts; with ``multidim_average="samplewise"`` they are lists."""

    is_differentiable = False
    full_state_update = False
    uses: ClassVar[tuple[str, ...]] = COUNTS  # the counts on which the result depends
    formula: ClassVar[Callable[..., Array]]  # what it is of the counts, and
    options: ClassVar[tuple[str, ...]] = ()  # the attributes that the formula takes, too
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

    def _value(self, average: str | None, **labels: bool) -> Array:
        options = {name: getattr(self, name) for name in self.options}
        return type(self).formula(self._final(), average, self.multidim_average, **labels, **options)


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

    def compute(self) -> Array:
        """The value of all batches: (), or (N,) if samplewise."""
        return self._value("binary")


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

    def compute(self) -> Array:
        """The value of all batches: (), or (C,) with ``average="none"``; a first axis N if samplewise."""
        return self._value(self.average)


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

    def compute(self) -> Array:
        """The value of all batches: (), or (L,) with ``average="none"``; a first axis N if samplewise."""
        return self._value(self.average, multilabel=True)


class BinaryRatio(BinaryCounting):
    """A quotient of counts of two classes."""

    higher_is_better = True
    options = ("zero_division",)

    def __init__(
        self,
        threshold: float = 0.5,
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(threshold, multidim_average, ignore_index, validate_args, zero_division)


class MulticlassRatio(MulticlassCounting):
    """A quotient of counts of classes."""

    higher_is_better = True
    uses = ("tp", "fp", "fn")
    options = ("top_k", "zero_division")

    def __init__(
        self,
        num_classes: int | None = None,
        top_k: int = 1,
        average: str | None = "macro",
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_classes, top_k, average, multidim_average, ignore_index, validate_args, zero_division)


class MultilabelRatio(MultilabelCounting):
    """A quotient of counts of labels."""

    higher_is_better = True
    options = ("zero_division",)

    def __init__(
        self,
        num_labels: int,
        threshold: float = 0.5,
        average: str | None = "macro",
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_labels, threshold, average, multidim_average, ignore_index, validate_args, zero_division)
