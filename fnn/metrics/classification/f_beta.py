"""F_β and F1; arrays and arguments are those of `fnn.metrics.functional.classification.stat_scores`."""

from __future__ import annotations

from fnn.metrics._checks import by_task, given
from fnn.metrics.classification._counting import BinaryCounting, MulticlassCounting, MultilabelCounting
from fnn.metrics.functional.classification.f_beta import check_beta, fbeta_of
from fnn.metrics.metric import Metric

__all__ = [
    "FBetaScore",
    "BinaryFBetaScore",
    "MulticlassFBetaScore",
    "MultilabelFBetaScore",
]


class BinaryFBetaScore(BinaryCounting):
    """F_β: (1 + β²) tp / ((1 + β²) tp + β² fn + fp).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryFBetaScore
        >>> metric = BinaryFBetaScore(beta=0.5)
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        0.71428573
    """

    higher_is_better = True
    formula = fbeta_of
    options = ("beta", "zero_division")

    def __init__(
        self,
        beta: float,
        threshold: float = 0.5,
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if validate_args:
            check_beta(beta)
        self.beta = beta
        self._start(threshold, multidim_average, ignore_index, validate_args, zero_division)


class MulticlassFBetaScore(MulticlassCounting):
    """F_β of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassFBetaScore
        >>> metric = MulticlassFBetaScore(beta=0.5, num_classes=3, average=None)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        [0.8333333  0.5555556  1.        ]
    """

    higher_is_better = True
    uses = ("tp", "fp", "fn")
    formula = fbeta_of
    options = ("beta", "zero_division")

    def __init__(
        self,
        beta: float,
        num_classes: int,
        top_k: int = 1,
        average: str | None = "macro",
        multidim_average: str = "global",
        ignore_index: int | None = None,
        validate_args: bool = True,
        zero_division: float = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if validate_args:
            check_beta(beta)
        self.beta = beta
        self._start(num_classes, top_k, average, multidim_average, ignore_index, validate_args, zero_division)


class MultilabelFBetaScore(MultilabelCounting):
    """F_β of labels.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelFBetaScore
        >>> metric = MultilabelFBetaScore(beta=0.5, num_labels=2, average=None)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        [1.         0.5555556]
    """

    higher_is_better = True
    formula = fbeta_of
    options = ("beta", "zero_division")

    def __init__(
        self,
        beta: float,
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
        if validate_args:
            check_beta(beta)
        self.beta = beta
        self._start(num_labels, threshold, average, multidim_average, ignore_index, validate_args, zero_division)


class FBetaScore:
    """The metric of a task: an instance of `BinaryFBetaScore`, `MulticlassFBetaScore` or `MultilabelFBetaScore`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import FBetaScore
        >>> metric = FBetaScore("multiclass", num_classes=3)
        >>> print(metric(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0])))
        0.75
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls,
        task: str,
        beta: float = 1.0,
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
            lambda: BinaryFBetaScore(beta, threshold, *common, **kwargs),
            lambda: MulticlassFBetaScore(
                beta, given(num_classes, "num_classes"), given(top_k, "top_k"), average, *common, **kwargs
            ),
            lambda: MultilabelFBetaScore(beta, given(num_labels, "num_labels"), threshold, average, *common, **kwargs),
        )
