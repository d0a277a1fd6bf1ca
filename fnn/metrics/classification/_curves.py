"""What metrics of scores at thresholds have in common.

Arrays and arguments are those of `fnn.metrics.functional.classification.precision_recall_curve`.
"""

from __future__ import annotations

import numpy as np

from fnn.dtypes import index_dtype, to_array
from fnn.metrics._states import OUTSIDE, joined
from fnn.metrics.functional.classification.curves import (
    Scores,
    State,
    Thresholds,
    as_thresholds,
    binary_state,
    check_options,
    multiclass_state,
    multilabel_state,
)
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["BinaryCurve", "MulticlassCurve", "MultilabelCurve"]


class _Curve(Metric):
    """A metric of counts at given thresholds, or of all scores."""

    is_differentiable = False
    full_state_update = False
    _instead = (
        "pass thresholds=100, say, or a list of them (counts at these are a state of constant size), or " + OUTSIDE
    )

    validate_args: bool
    ignore_index: int | None
    thresholds: Array | None

    def _create(self, thresholds: Thresholds, *shape: int) -> None:
        at = as_thresholds(thresholds)
        if at is None:
            self.thresholds = None
            self.add_state("preds", [], dist_reduce_fx="cat")
            self.add_state("target", [], dist_reduce_fx="cat")
        else:
            self.register_buffer("thresholds", at, persistent=False)
            counts = np.zeros((len(at), *shape, 2, 2), index_dtype())
            self.add_state("confmat", counts, dist_reduce_fx="sum")

    def _at(self) -> Array | None:
        return None if self.thresholds is None else to_array(self.thresholds)

    def _accumulate(self, state: State) -> None:
        if isinstance(state, Scores):
            self._list_of("preds").append(state.preds)
            self._list_of("target").append(state.target)
        else:
            self._add("confmat", state)

    def _list_of(self, name: str) -> list[Array]:
        return getattr(self, name)

    def _final(self) -> State:
        if self.thresholds is None:
            return Scores(joined(self._state("preds")), joined(self._state("target")))
        self._counts("confmat")
        return joined(self._state("confmat"))


class BinaryCurve(_Curve):
    """A metric of scores of two classes."""

    normalization: str | None = "sigmoid"

    def _start(self, thresholds: Thresholds, ignore_index: int | None, validate_args: bool) -> None:
        if validate_args:
            check_options(thresholds, ignore_index)
        self.ignore_index = ignore_index
        self.validate_args = validate_args
        self._create(thresholds)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, ...)."""
        options = self._at(), self.ignore_index, self.validate_args, type(self).__name__, self.normalization
        self._accumulate(binary_state(preds, target, *options))


class MulticlassCurve(_Curve):
    """A metric of scores of classes."""

    average: str | None = None

    def _start(self, num_classes: int, thresholds: Thresholds, ignore_index: int | None, together: bool) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.together = together
        self._create(thresholds, *(() if together else (num_classes,)))

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch: scores (N, C, ...) and classes (N, ...)."""
        options = "micro" if self.together else None, self.ignore_index, self.validate_args, type(self).__name__
        self._accumulate(multiclass_state(preds, target, self.num_classes, self._at(), *options))


class MultilabelCurve(_Curve):
    """A metric of scores of labels."""

    def _start(self, num_labels: int, thresholds: Thresholds, ignore_index: int | None) -> None:
        self.num_labels = num_labels
        self.ignore_index = ignore_index
        self._create(thresholds, num_labels)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, L, ...)."""
        options = self._at(), self.ignore_index, self.validate_args, type(self).__name__
        self._accumulate(multilabel_state(preds, target, self.num_labels, *options))
