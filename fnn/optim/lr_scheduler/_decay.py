"""Schedules that decay the learning rate in steps, by powers or to a polynomial."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from fnn.optim._scheduler import LRScheduler
from fnn.optim._tracking import HasGroups

__all__ = ["ExponentialLR", "MultiStepLR", "PolynomialLR", "StepLR"]


class StepLR(LRScheduler):
    """Multiplies the learning rate by γ every ``step_size`` steps: η = η₀ γ^⌊t / step_size⌋.

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        step_size: the number of steps between two decays.
        gamma: γ.
        last_epoch: the step to continue from, or -1.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
        >>> for _ in range(5):
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        >>> scheduler.get_last_lr()
        [0.25]
    """

    def __init__(self, optimizer: HasGroups, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[float]:
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return self._unchanged()
        return self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[float]:
        return [rate * self.gamma ** (self.last_epoch // self.step_size) for rate in self.base_lrs]


class MultiStepLR(LRScheduler):
    """Multiplies the learning rate by γ at each milestone: η = η₀ γ^(number of milestones ≤ t).

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        milestones: the steps at which to decay; one that is given twice decays twice.
        gamma: γ.
        last_epoch: the step to continue from, or -1.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
        >>> rates = scheduler.get_last_lr()
        >>> for _ in range(3):
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        ...     rates += scheduler.get_last_lr()
        >>> print(rates)
        [1.0, 0.5, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: HasGroups, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[float]:
        if self.last_epoch not in self.milestones:
            return self._unchanged()
        return self._scaled(self.gamma ** self.milestones[self.last_epoch])

    def _get_closed_form_lr(self) -> list[float]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [rate * self.gamma**passed for rate in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Multiplies the learning rate by γ at each step: η = η₀ γᵗ.

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        gamma: γ.
        last_epoch: the step to continue from, or -1.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> rates = scheduler.get_last_lr()
        >>> for _ in range(2):
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        ...     rates += scheduler.get_last_lr()
        >>> print(rates)
        [1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: HasGroups, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[float]:
        return self._unchanged() if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[float]:
        return [rate * self.gamma**self.last_epoch for rate in self.base_lrs]


class PolynomialLR(LRScheduler):
    """Decays the learning rate to zero by a polynomial: η = η₀ (1 - min(t, T) / T)^power.

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        total_iters: T, the step at which it is zero.
        power: the polynomial's power.
        last_epoch: the step to continue from, or -1.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4, power=1.0)
        >>> rates = scheduler.get_last_lr()
        >>> for _ in range(2):
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        ...     rates += scheduler.get_last_lr()
        >>> print(rates)
        [1.0, 0.75, 0.5]
    """

    def __init__(self, optimizer: HasGroups, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[float]:
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._unchanged()
        left = 1.0 - self.last_epoch / self.total_iters
        left_before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return self._scaled((left / left_before) ** self.power)

    def _get_closed_form_lr(self) -> list[float]:
        done = min(self.total_iters, self.last_epoch)
        return [rate * (1.0 - done / self.total_iters) ** self.power for rate in self.base_lrs]
