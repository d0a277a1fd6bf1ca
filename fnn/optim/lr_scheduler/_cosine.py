"""Cosine annealing, once and with restarts (https://arxiv.org/abs/1608.03983)."""

from __future__ import annotations

import math

from fnn.errors import ArgumentError
from fnn.optim._scheduler import LRScheduler, refuse_tracing, values
from fnn.optim._tracking import HasGroups

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


class CosineAnnealingLR(LRScheduler):
    """Lowers the learning rate along half a cosine, and raises it again after ``T_max`` steps.

    η = η_min + (η₀ - η_min) (1 + cos(π t / T_max)) / 2; computed from the previous value, so that other schedulers
    may change the learning rate too.

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        T_max: the step at which ``eta_min`` is reached.
        eta_min: the smallest learning rate.
        last_epoch: the step to continue from, or -1.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
        >>> optimizer.step([jnp.ones(1)])
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: HasGroups, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[float]:
        if self._is_initial:
            return self._unchanged()
        t, period, low = self.last_epoch, self.T_max, self.eta_min
        if self._step_count == 1 and t > 0:
            return [low + (base - low) * (1 + math.cos(t * math.pi / period)) / 2 for base in self.base_lrs]
        rates = values(self.optimizer, "lr")
        if (t - 1 - period) % (2 * period) == 0:  # the previous value was the lowest: the ratio would be 0 / 0
            rise = 1 - math.cos(math.pi / period)
            return [rate + (base - low) * rise / 2 for base, rate in zip(self.base_lrs, rates, strict=True)]
        ratio = (1 + math.cos(math.pi * t / period)) / (1 + math.cos(math.pi * (t - 1) / period))
        return [ratio * (rate - low) + low for rate in rates]

    def _get_closed_form_lr(self) -> list[float]:
        height = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Cosine annealing that starts anew after T_0 steps, then after T_0 · T_mult, T_0 · T_mult² ...

    η = η_min + (η₀ - η_min) (1 + cos(π T_cur / T_i)) / 2, with T_cur steps since the last of the restarts and T_i
    between it and the next.

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        T_0: the number of steps to the first restart.
        T_mult: by what the number grows at each restart.
        eta_min: the smallest learning rate.
        last_epoch: the step to continue from, or -1.

    Raises:
        ArgumentError: ``T_0`` or ``T_mult`` no positive integer, ``eta_min`` no number.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
        >>> rates = scheduler.get_last_lr()
        >>> for _ in range(3):
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        ...     rates += scheduler.get_last_lr()
        >>> print(rates)
        [1.0, 0.5, 1.0, 0.5]
    """

    def __init__(
        self, optimizer: HasGroups, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ArgumentError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ArgumentError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ArgumentError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[float]:
        height = 1 + math.cos(math.pi * self.T_cur / self.T_i)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Sets the next learning rates, or those of ``epoch``.

        Args:
            epoch: a step to go to; fractions are allowed (``epoch + i / batches``).

        Raises:
            ArgumentError: a negative ``epoch``.
        """
        refuse_tracing()
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur = self.T_cur + 1
            if self.T_cur >= self.T_i:
                self.T_cur = self.T_cur % self.T_i
                self.T_i = self.T_i * self.T_mult
        elif epoch < 0:
            raise ArgumentError(f"Expected non-negative epoch, but got {epoch}")
        elif epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            restarts = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**restarts - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**restarts
        self.last_epoch = math.floor(epoch)
        with self._stepping():
            self._store(self.get_lr())
