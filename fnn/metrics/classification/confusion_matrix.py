"""Confusion matrices; arrays and arguments are those of `fnn.metrics.functional.classification.confusion_matrix`."""

from __future__ import annotations

import numpy as np

from fnn.dtypes import index_dtype
from fnn.metrics._checks import by_task, given
from fnn.metrics._states import joined
from fnn.metrics.functional.classification.confusion_matrix import (
    binary_matrix,
    check_binary_options,
    check_multiclass_options,
    check_multilabel_options,
    multiclass_matrix,
    multilabel_matrix,
    normalized,
)
from fnn.metrics.metric import Metric
from fnn.typing import Array, ArrayLike

__all__ = ["ConfusionMatrix", "BinaryConfusionMatrix", "MulticlassConfusionMatrix", "MultilabelConfusionMatrix"]


class _Matrix(Metric):
    """A metric of a confusion matrix."""

    validate_args: bool
    ignore_index: int | None

    def _create(self, *shape: int) -> None:
        self.add_state("confmat", np.zeros(shape, index_dtype()), dist_reduce_fx="sum")

    def _final(self) -> Array:
        self._counts("confmat")
        return joined(self._state("confmat"))


class BinaryMatrix(_Matrix):
    """A metric of the confusion matrix of two classes."""

    def _start(self, threshold: float, ignore_index: int | None, normalize: str | None, validate_args: bool) -> None:
        if validate_args:
            check_binary_options(threshold, ignore_index, normalize)
        self.threshold = threshold
        self.ignore_index = ignore_index
        self.normalize = normalize
        self.validate_args = validate_args
        self._create(2, 2)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, ...)."""
        options = self.threshold, self.ignore_index, self.validate_args
        self._add("confmat", binary_matrix(preds, target, *options))


class MulticlassMatrix(_Matrix):
    """A metric of the confusion matrix of classes."""

    def _start(self, num_classes: int, ignore_index: int | None, normalize: str | None, validate_args: bool) -> None:
        if validate_args:
            check_multiclass_options(num_classes, ignore_index, normalize)
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.normalize = normalize
        self.validate_args = validate_args
        self._create(num_classes, num_classes)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch: scores (N, C, ...) or classes (N, ...), and classes (N, ...)."""
        options = self.num_classes, self.ignore_index, self.validate_args
        self._add("confmat", multiclass_matrix(preds, target, *options))


class MultilabelMatrix(_Matrix):
    """A metric of the confusion matrices of labels."""

    def _start(
        self,
        num_labels: int,
        threshold: float,
        ignore_index: int | None,
        normalize: str | None,
        validate_args: bool,
    ) -> None:
        if validate_args:
            check_multilabel_options(num_labels, threshold, ignore_index, normalize)
        self.num_labels = num_labels
        self.threshold = threshold
        self.ignore_index = ignore_index
        self.normalize = normalize
        self.validate_args = validate_args
        self._create(num_labels, 2, 2)

    def update(self, preds: ArrayLike, target: ArrayLike) -> None:
        """Adds a batch (N, L, ...)."""
        options = self.num_labels, self.threshold, self.ignore_index, self.validate_args
        self._add("confmat", multilabel_matrix(preds, target, *options))


class BinaryConfusionMatrix(BinaryMatrix):
    """How often each class is predicted for each (2, 2), the true ones in rows.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryConfusionMatrix
        >>> metric = BinaryConfusionMatrix()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> metric.compute().tolist()
        [[1, 1], [0, 2]]
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = None

    def __init__(
        self,
        threshold: float = 0.5,
        ignore_index: int | None = None,
        normalize: str | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(threshold, ignore_index, normalize, validate_args)

    def compute(self) -> Array:
        """The value of all batches, (2, 2)."""
        return normalized(self._final(), self.normalize)


class MulticlassConfusionMatrix(MulticlassMatrix):
    """How often each class is predicted for each (C, C), the true ones in rows.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassConfusionMatrix
        >>> metric = MulticlassConfusionMatrix(num_classes=3)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> metric.compute().tolist()
        [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = None

    def __init__(
        self,
        num_classes: int,
        ignore_index: int | None = None,
        normalize: str | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_classes, ignore_index, normalize, validate_args)

    def compute(self) -> Array:
        """The value of all batches, (C, C)."""
        return normalized(self._final(), self.normalize)


class MultilabelConfusionMatrix(MultilabelMatrix):
    """How often each class is predicted for each (L, 2, 2), the true ones in rows.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelConfusionMatrix
        >>> metric = MultilabelConfusionMatrix(num_labels=2)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> metric.compute().tolist()
        [[[1, 0], [0, 1]], [[0, 1], [0, 1]]]
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = None

    def __init__(
        self,
        num_labels: int,
        threshold: float = 0.5,
        ignore_index: int | None = None,
        normalize: str | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_labels, threshold, ignore_index, normalize, validate_args)

    def compute(self) -> Array:
        """The value of all batches, (L, 2, 2)."""
        return normalized(self._final(), self.normalize)


class ConfusionMatrix:
    """The metric of a task.

    An instance of `BinaryConfusionMatrix`, `MulticlassConfusionMatrix` or `MultilabelConfusionMatrix`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import ConfusionMatrix
        >>> metric = ConfusionMatrix("binary")
        >>> value = metric(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> value.tolist()
        [[1, 1], [0, 2]]
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls,
        task: str,
        threshold: float = 0.5,
        num_classes: int | None = None,
        num_labels: int | None = None,
        normalize: str | None = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        return by_task(
            task,
            lambda: BinaryConfusionMatrix(
                threshold, normalize=normalize, ignore_index=ignore_index, validate_args=validate_args, **kwargs
            ),
            lambda: MulticlassConfusionMatrix(
                given(num_classes, "num_classes"),
                normalize=normalize,
                ignore_index=ignore_index,
                validate_args=validate_args,
                **kwargs,
            ),
            lambda: MultilabelConfusionMatrix(
                given(num_labels, "num_labels"),
                threshold,
                normalize=normalize,
                ignore_index=ignore_index,
                validate_args=validate_args,
                **kwargs,
            ),
        )
