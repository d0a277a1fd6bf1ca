"""Matthews' correlation coefficient.

Arrays and arguments are those of `fnn.metrics.functional.classification.matthews_corrcoef`.
"""

from __future__ import annotations

from fnn.metrics._checks import by_task, given
from fnn.metrics.classification.confusion_matrix import BinaryMatrix, MulticlassMatrix, MultilabelMatrix
from fnn.metrics.functional.classification.matthews_corrcoef import matthews_of
from fnn.metrics.metric import Metric
from fnn.typing import Array

__all__ = ["MatthewsCorrCoef", "BinaryMatthewsCorrCoef", "MulticlassMatthewsCorrCoef", "MultilabelMatthewsCorrCoef"]


class BinaryMatthewsCorrCoef(BinaryMatrix):
    """Matthews' correlation coefficient of the true and the predicted class.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryMatthewsCorrCoef
        >>> metric = BinaryMatthewsCorrCoef()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        0.57735026
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True

    def __init__(
        self,
        threshold: float = 0.5,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(threshold, ignore_index, None, validate_args)

    def compute(self) -> Array:
        """The value of all batches."""
        return matthews_of(self._final())


class MulticlassMatthewsCorrCoef(MulticlassMatrix):
    """Matthews' correlation coefficient of the true and the predicted class.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassMatthewsCorrCoef
        >>> metric = MulticlassMatthewsCorrCoef(num_classes=3)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        0.7
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True

    def __init__(
        self,
        num_classes: int,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_classes, ignore_index, None, validate_args)

    def compute(self) -> Array:
        """The value of all batches."""
        return matthews_of(self._final())


class MultilabelMatthewsCorrCoef(MultilabelMatrix):
    """Matthews' correlation coefficient of the true and the predicted class.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelMatthewsCorrCoef
        >>> metric = MultilabelMatthewsCorrCoef(num_labels=2)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        0.57735026
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True

    def __init__(
        self,
        num_labels: int,
        threshold: float = 0.5,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_labels, threshold, ignore_index, None, validate_args)

    def compute(self) -> Array:
        """The value of all batches."""
        return matthews_of(self._final())


class MatthewsCorrCoef:
    """The metric of a task.

    An instance of `BinaryMatthewsCorrCoef`, `MulticlassMatthewsCorrCoef` or `MultilabelMatthewsCorrCoef`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MatthewsCorrCoef
        >>> metric = MatthewsCorrCoef("binary")
        >>> value = metric(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(value)
        0.57735026
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls,
        task: str,
        threshold: float = 0.5,
        num_classes: int | None = None,
        num_labels: int | None = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        return by_task(
            task,
            lambda: BinaryMatthewsCorrCoef(threshold, ignore_index=ignore_index, validate_args=validate_args, **kwargs),
            lambda: MulticlassMatthewsCorrCoef(
                given(num_classes, "num_classes"), ignore_index=ignore_index, validate_args=validate_args, **kwargs
            ),
            lambda: MultilabelMatthewsCorrCoef(
                given(num_labels, "num_labels"),
                threshold,
                ignore_index=ignore_index,
                validate_args=validate_args,
                **kwargs,
            ),
        )
