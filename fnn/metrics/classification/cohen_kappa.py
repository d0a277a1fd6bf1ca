"""Cohen's kappa; arrays and arguments are those of `fnn.metrics.functional.classification.cohen_kappa`."""

from __future__ import annotations

from fnn.metrics._checks import by_task, given, one_of
from fnn.metrics.classification.confusion_matrix import BinaryMatrix, MulticlassMatrix
from fnn.metrics.functional.classification.cohen_kappa import WEIGHTS, cohen_kappa_of
from fnn.metrics.metric import Metric
from fnn.typing import Array

__all__ = ["CohenKappa", "BinaryCohenKappa", "MulticlassCohenKappa"]


class BinaryCohenKappa(BinaryMatrix):
    """Cohen's kappa: agreement beyond chance.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryCohenKappa
        >>> metric = BinaryCohenKappa()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        0.5
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True

    def __init__(
        self,
        threshold: float = 0.5,
        ignore_index: int | None = None,
        weights: str | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(threshold, ignore_index, None, validate_args)
        if validate_args:
            one_of(weights, "weight", WEIGHTS)
        self.weights = weights

    def compute(self) -> Array:
        """The value of all batches."""
        return cohen_kappa_of(self._final(), self.weights)


class MulticlassCohenKappa(MulticlassMatrix):
    """Cohen's kappa: agreement beyond chance.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassCohenKappa
        >>> metric = MulticlassCohenKappa(num_classes=3)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        0.6363636
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True

    def __init__(
        self,
        num_classes: int,
        ignore_index: int | None = None,
        weights: str | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._start(num_classes, ignore_index, None, validate_args)
        if validate_args:
            one_of(weights, "weight", WEIGHTS)
        self.weights = weights

    def compute(self) -> Array:
        """The value of all batches."""
        return cohen_kappa_of(self._final(), self.weights)


class CohenKappa:
    """The metric of a task: an instance of `BinaryCohenKappa` or `MulticlassCohenKappa`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import CohenKappa
        >>> metric = CohenKappa("binary")
        >>> value = metric(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(value)
        0.5
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls,
        task: str,
        threshold: float = 0.5,
        num_classes: int | None = None,
        weights: str | None = None,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        return by_task(
            task,
            lambda: BinaryCohenKappa(
                threshold, weights=weights, ignore_index=ignore_index, validate_args=validate_args, **kwargs
            ),
            lambda: MulticlassCohenKappa(
                given(num_classes, "num_classes"),
                weights=weights,
                ignore_index=ignore_index,
                validate_args=validate_args,
                **kwargs,
            ),
            None,
        )
