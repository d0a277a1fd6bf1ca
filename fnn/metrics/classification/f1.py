"""F1: F_β with β = 1. Arrays and arguments are those of `fnn.metrics.functional.classification.stat_scores`."""

from __future__ import annotations

from fnn.metrics._checks import by_task, given
from fnn.metrics.classification.f_beta import BinaryFBetaScore, MulticlassFBetaScore, MultilabelFBetaScore
from fnn.metrics.metric import Metric

__all__ = ["BinaryF1Score", "F1Score", "MulticlassF1Score", "MultilabelF1Score"]


class BinaryF1Score(BinaryFBetaScore):
    """F1: 2 tp / (2 tp + fn + fp).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryF1Score
        >>> metric = BinaryF1Score()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        0.8
    """

    def __init__(
        self,
        threshold: float = 0.5,
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(1.0, threshold, multidim_average, ignore_index, validate_args, zero_division, **kwargs)


class MulticlassF1Score(MulticlassFBetaScore):
    """F1 of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassF1Score
        >>> metric = MulticlassF1Score(num_classes=3, average=None)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        [0.6666667 0.6666667 1.       ]
    """

    def __init__(
        self,
        num_classes: int,
        top_k: int = 1,
        average: str | None = "macro",
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(
            1.0, num_classes, top_k, average, multidim_average, ignore_index, validate_args, zero_division, **kwargs
        )


class MultilabelF1Score(MultilabelFBetaScore):
    """F1 of labels.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelF1Score
        >>> metric = MultilabelF1Score(num_labels=2, average=None)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        [1.        0.6666667]
    """

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
        super().__init__(
            1.0, num_labels, threshold, average, multidim_average, ignore_index, validate_args, zero_division, **kwargs
        )


class F1Score:
    """The metric of a task: an instance of `BinaryF1Score`, `MulticlassF1Score` or `MultilabelF1Score`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import F1Score
        >>> metric = F1Score("multiclass", num_classes=3)
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
        zero_division: float = 0,
        **kwargs: object,
    ) -> Metric:
        """Makes the metric."""
        common = multidim_average, ignore_index, validate_args, zero_division
        return by_task(
            task,
            lambda: BinaryF1Score(threshold, *common, **kwargs),
            lambda: MulticlassF1Score(
                given(num_classes, "num_classes"), given(top_k, "top_k"), average, *common, **kwargs
            ),
            lambda: MultilabelF1Score(given(num_labels, "num_labels"), threshold, average, *common, **kwargs),
        )
