"""Layers of the losses over class labels."""

from __future__ import annotations

from typing import ClassVar

import jax

from fnn.functional import loss as functional
from fnn.layers._loss import _Loss, _PairLoss
from fnn.layers.layer import Params, State
from fnn.typing import ArrayLike, Key

__all__ = ["CTCLoss", "CrossEntropyLoss", "NLLLoss"]


class CrossEntropyLoss(_PairLoss):
    """The cross entropy between logits and target classes or target probabilities.

    The mean is taken over the weights of the targets that are not ignored; with probabilities, over the samples.

    Args:
        label_smoothing: the share of the uniform distribution, in [0, 1].

    Shape:
        (C,), () -> (); (N, C, d1, ..., dK), (N, d1, ..., dK) -> (), or the target's shape with ``reduction='none'``.
        The target may also be probabilities of the input's shape.

    Example:
        >>> loss = layers.CrossEntropyLoss()
        >>> loss.apply({}, {}, jnp.array([[2.0, 0.0], [0.0, 2.0]]), jnp.array([0, 1]))[0].round(4)
        Array(0.1269, dtype=float32)
    """

    STATE: ClassVar[tuple[str, ...]] = ("weight",)

    weight: ArrayLike | None = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"
    label_smoothing: float = 0.0

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        return functional.cross_entropy(
            input,
            target,
            state.get("weight"),
            ignore_index=self.ignore_index,
            **self._how(),
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_PairLoss):
    """The negative log likelihood ``-weight[t] * input[t]`` of the target class ``t``.

    The mean is taken over the weights of the targets that are not ignored.

    Shape:
        (C,), () -> (); (N, C, d1, ..., dK), (N, d1, ..., dK) -> (), or the target's shape with ``reduction='none'``.

    Example:
        >>> loss = layers.NLLLoss()
        >>> loss.apply({}, {}, jnp.log(jnp.array([[0.5, 0.5], [0.25, 0.75]])), jnp.array([0, 1]))[0].round(4)
        Array(0.4904, dtype=float32)
    """

    STATE: ClassVar[tuple[str, ...]] = ("weight",)

    weight: ArrayLike | None = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"

    def _loss(self, state: State, input: ArrayLike, target: ArrayLike) -> jax.Array:
        return functional.nll_loss(input, target, state.get("weight"), ignore_index=self.ignore_index, **self._how())


class CTCLoss(_Loss):
    """Connectionist temporal classification: the negative log likelihood of label sequences over all alignments.

    Graves et al. 2006, https://www.cs.toronto.edu/~graves/icml_2006.pdf.

    Args:
        blank: the class of the blank.
        reduction: 'none', 'mean' (over the batch, of each loss divided by its target's length) or 'sum'.
        zero_infinity: replace infinite losses and their gradients by zero.

    Shape:
        (T, N, C), (N, S) or (sum of lengths,), (N,), (N,) -> (), or (N,) with ``reduction='none'``; unbatched
        (T, C), (S,), (), () -> ().

    Example:
        >>> loss = layers.CTCLoss()
        >>> loss.apply({}, {}, jnp.log(jnp.full((2, 1, 2), 0.5)), jnp.array([[1]]), (2,), (1,))[0].round(4)
        Array(0.2877, dtype=float32)
    """

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False

    def apply(
        self,
        params: Params,
        state: State,
        log_probs: ArrayLike,
        targets: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del params, training, key
        loss = functional.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            zero_infinity=self.zero_infinity,
            **self._how(),
        )
        return loss, state
