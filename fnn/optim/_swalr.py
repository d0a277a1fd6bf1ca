"""The learning rate of stochastic weight averaging."""

from __future__ import annotations

import math
from typing import Literal

from fnn.errors import ArgumentError
from fnn.optim._scheduler import LRScheduler, per_group, require_optimizer, values
from fnn.optim._tracking import HasGroups

__all__ = ["SWALR"]


class SWALR(LRScheduler):
    """Brings the learning rate to a constant: η = α swa_lr + (1 - α) η₀, and α goes from 0 to 1 in T steps.

    α = t / T (``"linear"``) or (1 - cos(π t / T)) / 2 (``"cos"``); computed from the previous value, so that another
    scheduler may run at the same time.

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        swa_lr: the learning rate to come to, one number or one for each group.
        anneal_epochs: T, the number of steps to it.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        last_epoch: the step to continue from, or -1.

    Raises:
        ArgumentError: an unknown strategy, a negative number of steps, or a ``swa_lr`` for another number of groups.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> from fnn.optim.swa_utils import SWALR
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
        >>> optimizer.step([jnp.ones(1)])
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.75]
    """

    _unsaved = frozenset({"optimizer", "anneal_func"})

    def __init__(
        self,
        optimizer: HasGroups,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ) -> None:
        require_optimizer(optimizer)
        for rate, group in zip(per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_strategy: str = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ArgumentError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """α at the fraction ``t`` of the way."""
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def _alpha(self, step: int) -> float:
        return self.anneal_func(max(0, min(1, step / max(1, self.anneal_epochs))))

    def _rates(self) -> list[float]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._alpha(step - 1), self._alpha(step)
        rates = []
        for goal, rate in zip(values(self.optimizer, "swa_lr"), values(self.optimizer, "lr"), strict=True):
            first = goal if before == 1 else (rate - before * goal) / (1 - before)
            rates.append(goal * now + first * (1 - now))
        return rates
