"""Layers of the losses over probabilities."""

from __future__ import annotations

from typing import ClassVar

import jax

from fnn.functional import loss as functional
from fnn.layers._loss import _PairLoss
from fnn.layers.layer import State
from fnn.typing import ArrayLike

__all__ = ["BCELoss", "BCEWithLogitsLoss", "KLDivLoss", "MultiLabelSoftMarginLoss", "SoftMarginLoss"]


class BCELoss(_PairLoss):
    """``-weight * (target * log(input) + (1 - target) * log(1 - input))``, the logarithms at least -100.

    Args:
        weight: weights of a shape that broadcasts.

    Example:
        >>> loss = layers.BCELoss()
        >>> loss.apply({}, {}, jnp.array([0.5, 0.5]), jnp.array([1.0, 0.0]))[0].round(4)
        Array(0.6931, dtype=float32)
    """

    STATE: ClassVar[tuple[str, ...]] = ("weight",)

    weight: ArrayLike | None = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        return functional.binary_cross_entropy(input, target, state.get("weight"), **self._how())


class BCEWithLogitsLoss(_PairLoss):
    """`BCELoss` of ``sigmoid(input)``, without overflow.

    Args:
        weight: weights of a shape that broadcasts.
        pos_weight: weights of the positive class, of a shape that broadcasts.

    Attributes:
        pos_weight: the argument; in the state unless it is None.

    Example:
        >>> loss = layers.BCEWithLogitsLoss()
        >>> loss.apply({}, {}, jnp.array([0.0, 100.0]), jnp.array([1.0, 0.0]))[0].round(4)
        Array(50.3466, dtype=float32)
    """

    STATE: ClassVar[tuple[str, ...]] = ("weight", "pos_weight")

    weight: ArrayLike | None = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    pos_weight: ArrayLike | None = None

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        return functional.binary_cross_entropy_with_logits(
            input, target, state.get("weight"), pos_weight=state.get("pos_weight"), **self._how()
        )


class KLDivLoss(_PairLoss):
    """The Kullback-Leibler divergence ``target * (log(target) - input)``, elementwise, then reduced.

    Args:
        reduction: 'none', 'sum', 'batchmean' (the divergence) or 'mean' (over the elements, with a warning).
        log_target: whether the target is given as logarithms.

    Shape:
        (*), (*) of log-probabilities and probabilities -> (), or (*) with ``reduction='none'``.

    Example:
        >>> loss = layers.KLDivLoss(reduction="batchmean")
        >>> loss.apply({}, {}, jnp.log(jnp.array([[0.5, 0.5]])), jnp.array([[1.0, 0.0]]))[0].round(4)
        Array(0.6931, dtype=float32)
    """

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    log_target: bool = False

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        del state
        return functional.kl_div(input, target, log_target=self.log_target, **self._how())


class SoftMarginLoss(_PairLoss):
    """``log(1 + exp(-target * input))`` for targets of 1 or -1.

    Example:
        >>> loss = layers.SoftMarginLoss()
        >>> loss.apply({}, {}, jnp.array([0.0, 2.0]), jnp.array([1.0, -1.0]))[0].round(4)
        Array(1.41, dtype=float32)
    """

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        del state
        return functional.soft_margin_loss(input, target, **self._how())


class MultiLabelSoftMarginLoss(_PairLoss):
    """The mean over the classes of the binary cross entropy of each label, one against all.

    Shape:
        (N, C), (N, C) -> (), or (N,) with ``reduction='none'``.

    Example:
        >>> loss = layers.MultiLabelSoftMarginLoss()
        >>> loss.apply({}, {}, jnp.array([[0.0, 2.0]]), jnp.array([[1.0, 1.0]]))[0].round(4)
        Array(0.41, dtype=float32)
    """

    STATE: ClassVar[tuple[str, ...]] = ("weight",)

    weight: ArrayLike | None = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        return functional.multilabel_soft_margin_loss(input, target, state.get("weight"), **self._how())
