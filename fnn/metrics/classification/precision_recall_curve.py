"""Precision against recall.

Arrays and arguments are those of `fnn.metrics.functional.classification.precision_recall_curve`.
"""

from __future__ import annotations

import numpy as np

from fnn.dtypes import index_dtype, to_array
from fnn.metrics._checks import by_task, given
from fnn.metrics._states import OUTSIDE, joined
from fnn.metrics.functional.classification.curves import (
    Curve,
    Curves,
    Scores,
    State,
    Thresholds,
    as_thresholds,
    binary_state,
    check_multiclass_options,
    check_multilabel_options,
    check_options,
    multiclass_state,
    multilabel_state,
)
from fnn.metrics.functional.classification.precision_recall_curve import (
    binary_curve_of,
    multiclass_curves_of,
    multilabel_curves_of,
)
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = [
    "PrecisionRecallCurve",
    "BinaryPrecisionRecallCurve",
    "MulticlassPrecisionRecallCurve",
    "MultilabelPrecisionRecallCurve",
]


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
