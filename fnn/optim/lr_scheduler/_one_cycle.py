"""The one-cycle policy (https://arxiv.org/abs/1708.07120)."""

from __future__ import annotations

import math
from typing import Literal, TypedDict

from fnn.errors import ArgumentError
from fnn.optim._scheduler import per_group, require_optimizer
from fnn.optim._tracking import HasGroups
from fnn.optim.lr_scheduler._momentum import CyclesMomentum

__all__ = ["OneCycleLR"]


class _Phase(TypedDict):
    """Until which step, and between which entries of a group; torch's keys, since they are part of the state."""

    end_step: float
    start_lr: str
    end_lr: str
    start_momentum: str
    end_momentum: str


def _phase(end_step: float, lrs: tuple[str, str], momenta: tuple[str, str]) -> _Phase:
    return {
        "end_step": end_step,
        "start_lr": lrs[0],
        "end_lr": lrs[1],
        "start_momentum": momenta[0],
        "end_momentum": momenta[1],
    }


_DOWN, _UP, _STAY = (
    ("max_momentum", "base_momentum"),
    ("base_momentum", "max_momentum"),
    ("max_momentum", "max_momentum"),
)


def _positive_integer(name: str, value: object) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ArgumentError(f"Expected positive integer {name}, but got {value}")
    return value


class OneCycleLR(CyclesMomentum):
    """The learning rate goes up to ``max_lr``, then down far below its initial value; the momentum goes against it.

    Between two values it goes along half a cosine, end + (start - end) (1 + cos(π p)) / 2, or a line, for p in [0, 1].
    The initial learning rate is max_lr / div_factor, the last one initial / final_div_factor. Step it after each batch.

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` (and momentum) is set.
        max_lr: the highest learning rate, one number or one for each group.
        total_steps: the number of steps; None for ``epochs * steps_per_epoch``.
        epochs: the number of epochs.
        steps_per_epoch: the number of steps in each.
        pct_start: the fraction of the steps that go up.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: whether to move the momentum (``betas[0]`` where the optimizer has betas).
        base_momentum: its lower bound.
        max_momentum: its upper bound.
        div_factor: max_lr / initial learning rate.
        final_div_factor: initial / last learning rate.
        three_phase: whether it goes down first to the initial learning rate, as fast as it went up, and then below.
        last_epoch: the step to continue from, or -1.

    Raises:
        ArgumentError: no number of steps, a bad argument, an optimizer without momentum, or (in ``step``) more steps
            than there are.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 1.0, 4, pct_start=0.5, cycle_momentum=False)
        >>> rates = scheduler.get_last_lr()
        >>> for _ in range(3):
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        ...     rates += scheduler.get_last_lr()
        >>> print(rates)
        [0.040000000000000036, 1.0, 0.500002, 4e-06]
    """

    def __init__(
        self,
        optimizer: HasGroups,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        require_optimizer(optimizer)
        self.optimizer = optimizer
        if total_steps is not None:
            self.total_steps = _positive_integer("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive_integer("epochs", epochs) * _positive_integer(
                "steps_per_epoch", steps_per_epoch
            )
        else:
            raise ArgumentError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ArgumentError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        phases = [_phase(float(pct_start * self.total_steps) - 1, ("initial_lr", "max_lr"), _DOWN)]
        if three_phase:
            phases.append(_phase(float(2 * pct_start * self.total_steps) - 2, ("max_lr", "initial_lr"), _UP))
            phases.append(_phase(self.total_steps - 1, ("initial_lr", "min_lr"), _STAY))
        else:
            phases.append(_phase(self.total_steps - 1, ("max_lr", "min_lr"), _UP))
        self._schedule_phases = phases
        self._anneal_func_type: str = anneal_strategy
        highest = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, highest, strict=True):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._start_momentum(optimizer, base_momentum, max_momentum, begin=last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def _anneal(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)
        return (end - start) * part + start

    def _rates(self) -> list[float]:
        t = self.last_epoch
        if t > self.total_steps:
            raise ArgumentError(f"Tried to step {t} times. The specified number of total steps is {self.total_steps}")
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if t <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        part = (t - start) / (phase["end_step"] - start)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._anneal(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                momentum = self._anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], part)
                self._set_momentum(group, momentum)
        return rates
