"""Layers of the margin losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import jax

from fnn.errors import ArgumentError
from fnn.functional import loss as functional
from fnn.layers._hashable import HashableArray
from fnn.layers._loss import _Loss, _PairLoss
from fnn.layers.layer import Params, State
from fnn.typing import ArrayLike, Key

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


class HingeEmbeddingLoss(_PairLoss):
    """The input where the target is 1, and ``max(0, margin - input)`` where it is -1.

    Args:
        margin: how far dissimilar pairs should be apart.

    Example:
        >>> loss = layers.HingeEmbeddingLoss()
        >>> loss.apply({}, {}, jnp.array([0.5, 0.25]), jnp.array([1, -1]))[0].round(4)
        Array(0.625, dtype=float32)
    """

    margin: float = 1.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        del state
        return functional.hinge_embedding_loss(input, target, self.margin, **self._how())


class MarginRankingLoss(_Loss):
    """``max(0, -target * (input1 - input2) + margin)``: 1 wants the first input larger, -1 the second.

    Args:
        margin: by how much they should differ.

    Shape:
        (N,), (N,), (N,) -> (), or (N,) with ``reduction='none'``.

    Example:
        >>> loss = layers.MarginRankingLoss()
        >>> loss.apply({}, {}, jnp.array([1.0]), jnp.array([3.0]), jnp.array([1.0]))[0].round(4)
        Array(2., dtype=float32)
    """

    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def apply(
        self,
        params: Params,
        state: State,
        input1: ArrayLike,
        input2: ArrayLike,
        target: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        loss = functional.margin_ranking_loss(input1, input2, target, self.margin, **self._how())
        return loss, state


class MultiMarginLoss(_PairLoss):
    """``sum_i max(0, margin - x[y] + x[i])**p * weight[y] / C`` over the classes ``i != y``.

    Args:
        p: 1 or 2.
        margin: by how much the right class should lead.

    Shape:
        (N, C), (N,) -> (), or (N,) with ``reduction='none'``; (C,), () -> ().

    Example:
        >>> loss = layers.MultiMarginLoss()
        >>> loss.apply({}, {}, jnp.array([[1.0, 0.5, 0.0, -1.0]]), jnp.array([0]))[0].round(4)
        Array(0.125, dtype=float32)
    """

    STATE: ClassVar[tuple[str, ...]] = ("weight",)

    p: int = 1
    margin: float = 1.0
    weight: ArrayLike | None = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p not in (1, 2):
            raise ArgumentError(f"MultiMarginLoss: only p == 1 and p == 2 supported, got p={self.p}")
        weight = self.weight
        if isinstance(weight, HashableArray) and weight.ndim != 1:
            raise ArgumentError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {weight.ndim}D instead")

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        return functional.multi_margin_loss(input, target, self.p, self.margin, state.get("weight"), **self._how())


class MultiLabelMarginLoss(_PairLoss):
    """``sum_ij max(0, 1 - x[y[j]] + x[i]) / C`` over the labels ``y[j]`` and the classes ``i`` that are no label.

    Shape:
        (N, C), (N, C) -> (), or (N,) with ``reduction='none'``; (C,), (C,) -> ().  The labels of a sample are those
        before its first -1.

    Example:
        >>> loss = layers.MultiLabelMarginLoss()
        >>> loss.apply({}, {}, jnp.array([[0.25, 0.5, 0.5, 1.0]]), jnp.array([[3, 0, -1, 1]]))[0].round(4)
        Array(0.875, dtype=float32)
    """

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        del state
        return functional.multilabel_margin_loss(input, target, **self._how())


class CosineEmbeddingLoss(_Loss):
    """``1 - cos(input1, input2)`` where the target is 1, ``max(0, cos(input1, input2) - margin)`` where it is -1.

    Args:
        margin: the cosine that dissimilar pairs may have, in [-1, 1].

    Shape:
        (N, D), (N, D), (N,) -> (), or (N,) with ``reduction='none'``; (D,), (D,), () -> ().

    Example:
        >>> loss = layers.CosineEmbeddingLoss()
        >>> loss.apply({}, {}, jnp.ones((1, 4)), jnp.array([[2.0, 0.0, 0.0, 0.0]]), jnp.array([1]))[0].round(4)
        Array(0.5, dtype=float32)
    """

    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def apply(
        self,
        params: Params,
        state: State,
        input1: ArrayLike,
        input2: ArrayLike,
        target: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        loss = functional.cosine_embedding_loss(input1, input2, target, self.margin, **self._how())
        return loss, state


class TripletMarginLoss(_Loss):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with ``d`` the p-norm distance.

    Balntas et al. 2016, http://www.bmva.org/bmvc/2016/papers/paper119/index.html.

    Args:
        margin: by how much the negative should be farther; positive.
        p: the order of the norm.
        eps: as in `PairwiseDistance`.
        swap: use the distance of positive and negative where it is the smaller one.

    Shape:
        (N, D), (N, D), (N, D) -> (), or (N,) with ``reduction='none'``; (D,), (D,), (D,) -> ().

    Example:
        >>> loss = layers.TripletMarginLoss()
        >>> loss.apply({}, {}, jnp.zeros((1, 2)), jnp.array([[3.0, 4.0]]), jnp.array([[0.0, 2.0]]))[0].round(4)
        Array(4., dtype=float32)
    """

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin <= 0:
            raise ArgumentError(f"TripletMarginLoss: expected margin to be greater than 0, got {self.margin} instead")

    def apply(
        self,
        params: Params,
        state: State,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        loss = functional.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, **self._how()
        )
        return loss, state


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with any distance.

    Args:
        distance_function: takes two inputs to their distances; a hashable function, or None for the Euclidean distance.
        margin: by how much the negative should be farther; positive.
        swap: use the distance of positive and negative where it is the smaller one.

    Shape:
        (N, *), (N, *), (N, *) -> (), or the distances' shape with ``reduction='none'``.

    Example:
        >>> loss = layers.TripletMarginWithDistanceLoss()
        >>> loss.apply({}, {}, jnp.zeros((1, 2)), jnp.array([[3.0, 4.0]]), jnp.array([[0.0, 2.0]]))[0].round(4)
        Array(4., dtype=float32)
    """

    _: dataclasses.KW_ONLY
    distance_function: Callable[[Any, Any], Any] | None = None
    margin: float = 1.0
    swap: bool = False
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin <= 0:
            raise ArgumentError(
                f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {self.margin} instead"
            )

    def apply(
        self,
        params: Params,
        state: State,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        loss = functional.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            **self._how(),
        )
        return loss, state
