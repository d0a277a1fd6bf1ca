"""What all losses share as layers: no parameters, weights as state, the deprecated reductions."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar, TypedDict, cast

import jax
import jax.numpy as jnp

from fnn.functional.reduction import legacy_reduction
from fnn.layers._hashable import HashableArray
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Key


class How(TypedDict):
    """What every loss has in common with every other, as arguments of the functional (see `functional.reduction`)."""

    reduction: str


_NAMES = tuple(How.__annotations__)


class _Loss(Layer):
    """A subclass names its weights in ``STATE``.

    Args:
        weight: a weight for each class (C,).
        ignore_index: a target that contributes neither to the loss nor to the gradient.

    Attributes:
        weight: the argument; in the state unless it is None.
    """

    STATE: ClassVar[tuple[str, ...]] = ()

    _: KW_ONLY  # what all losses take besides their own arguments stands below, and in `How`

    def __post_init__(self) -> None:
        old = getattr(self, "size_average", None), getattr(self, "reduce", None)
        if old != (None, None):
            reduction = legacy_reduction(old[0], old[1], stacklevel=5)
            self._set(reduction=reduction, size_average=None, reduce=None)
        for name in self.STATE:
            weight = getattr(self, name)
            if weight is not None:
                self._set(**{name: HashableArray(weight, name)})

    def _how(self) -> How:
        """The fields that `How` names."""
        own = vars(self)
        return cast(How, {name: own[name] for name in _NAMES})

    def init(self, key: Key) -> tuple[Params, State]:
        del key
        given = {name: getattr(self, name) for name in self.STATE}
        return {}, {name: jnp.array(weight.__array__()) for name, weight in given.items() if weight is not None}


class _PairLoss(_Loss):
    """A loss of an input and a target: a subclass defines `_loss`.

    Shape:
        (*), (*) -> (), or (*) with ``reduction='none'``.
    """

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        target: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return self._loss(state, input, target), state

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        raise TypeError(f"{type(self).__name__} defines no _loss")
