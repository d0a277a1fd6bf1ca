"""Schedules that hold the learning rate down at first."""

from __future__ import annotations

from fnn.errors import ArgumentError
from fnn.optim._scheduler import LRScheduler
from fnn.optim._tracking import HasGroups

__all__ = ["ConstantLR", "LinearLR"]


class ConstantLR(LRScheduler):
    """A smaller learning rate at first: η = factor · η₀ for t < ``total_iters``, then η₀.

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        factor: in [0, 1].
        total_iters: the step at which the learning rate is restored.
        last_epoch: the step to continue from, or -1.

    Raises:
        ArgumentError: ``factor`` out of its range.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
        >>> rates = scheduler.get_last_lr()
        >>> for _ in range(2):
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        ...     rates += scheduler.get_last_lr()
        >>> print(rates)
        [0.5, 0.5, 1.0]
    """

    def __init__(
        self, optimizer: HasGroups, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1.0:
            raise ArgumentError(f"Constant multiplicative factor expected to be between 0 and 1. Got factor={factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[float]:
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        if self.last_epoch != self.total_iters:
            return self._unchanged()
        return self._scaled(1.0 / self.factor)

    def _get_closed_form_lr(self) -> list[float]:
        restored = self.last_epoch >= self.total_iters
        return [rate * (self.factor + restored * (1 - self.factor)) for rate in self.base_lrs]


class LinearLR(LRScheduler):
    """The learning rate's factor goes from ``start_factor`` to ``end_factor`` in a line.

    η = η₀ (start + (end - start) min(t, T) / T)

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        start_factor: in (0, 1].
        end_factor: in [0, 1].
        total_iters: T, the step at which ``end_factor`` is reached.
        last_epoch: the step to continue from, or -1.

    Raises:
        ArgumentError: a factor out of its range.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)
        >>> optimizer.step([jnp.ones(1)])
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: HasGroups,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1.0:
            raise ArgumentError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal to 1. "
                f"Got start_factor={start_factor}"
            )
        if not 0 <= end_factor <= 1.0:
            raise ArgumentError(
                f"Ending multiplicative factor expected to be between 0 and 1. Got end_factor={end_factor}"
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[float]:
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._unchanged()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return self._scaled(1.0 + rise / before)

    def _get_closed_form_lr(self) -> list[float]:
        done = min(self.total_iters, self.last_epoch)
        rise = self.end_factor - self.start_factor
        return [rate * (self.start_factor + rise * done / self.total_iters) for rate in self.base_lrs]
