"""F_β and F1; arrays and arguments are those of `fnn.metrics.functional.classification.stat_scores`."""

from __future__ import annotations

from fnn.metrics._checks import by_task, given
from fnn.metrics.classification.stat_scores import BinaryCounting, MulticlassCounting, MultilabelCounting
from fnn.metrics.functional.classification.f_beta import check_beta, fbeta_of
from fnn.metrics.metric import Metric
from fnn.typing import Array

__all__ = [
    "FBetaScore",
    "BinaryFBetaScore",
    "MulticlassFBetaScore",
    "MultilabelFBetaScore",
    "F1Score",
    "BinaryF1Score",
    "MulticlassF1Score",
    "MultilabelF1Score",
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

    def compute(self) -> Array:
        """The value of all batches: (), or (N,) if samplewise."""
        return fbeta_of(
            self._final(), "binary", self.multidim_average, beta=self.beta, zero_division=self.zero_division
        )


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

    def compute(self) -> Array:
        """The value of all batches: (), or (C,) with ``average="none"``; a first axis N if samplewise."""
        return fbeta_of(
            self._final(), self.average, self.multidim_average, beta=self.beta, zero_division=self.zero_division
        )


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

    def compute(self) -> Array:
        """The value of all batches: (), or (L,) with ``average="none"``; a first axis N if samplewise."""
        return fbeta_of(
            self._final(),
            self.average,
            self.multidim_average,
            multilabel=True,
            beta=self.beta,
            zero_division=self.zero_division,
        )


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


class BinaryF1Score(BinaryCounting):
    """F1: 2 tp / (2 tp + fn + fp).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryF1Score
        >>> metric = BinaryF1Score()
        >>> metric.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> print(metric.compute())
        0.8
    """

    higher_is_better = True

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

    def compute(self) -> Array:
        """The value of all batches: (), or (N,) if samplewise."""
        return fbeta_of(self._final(), "binary", self.multidim_average, beta=1.0, zero_division=self.zero_division)


class MulticlassF1Score(MulticlassCounting):
    """F1 of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MulticlassF1Score
        >>> metric = MulticlassF1Score(num_classes=3, average=None)
        >>> metric.update(jnp.array([2, 1, 0, 1]), jnp.array([2, 1, 0, 0]))
        >>> print(metric.compute())
        [0.6666667 0.6666667 1.       ]
    """

    higher_is_better = True
    uses = ("tp", "fp", "fn")

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
        super().__init__(**kwargs)
        self._start(num_classes, top_k, average, multidim_average, ignore_index, validate_args, zero_division)

    def compute(self) -> Array:
        """The value of all batches: (), or (C,) with ``average="none"``; a first axis N if samplewise."""
        return fbeta_of(self._final(), self.average, self.multidim_average, beta=1.0, zero_division=self.zero_division)


class MultilabelF1Score(MultilabelCounting):
    """F1 of labels.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MultilabelF1Score
        >>> metric = MultilabelF1Score(num_labels=2, average=None)
        >>> metric.update(jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 1], [1, 0]]))
        >>> print(metric.compute())
        [1.        0.6666667]
    """

    higher_is_better = True

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

    def compute(self) -> Array:
        """The value of all batches: (), or (L,) with ``average="none"``; a first axis N if samplewise."""
        return fbeta_of(
            self._final(),
            self.average,
            self.multidim_average,
            multilabel=True,
            beta=1.0,
            zero_division=self.zero_division,
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
