"""Cyclical learning rates (https://arxiv.org/abs/1506.01186)."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any, Literal

from fnn.errors import ArgumentError
from fnn.optim._scheduler import per_group, require_optimizer, set_value
from fnn.optim._tracking import HasGroups
from fnn.optim.lr_scheduler._momentum import CyclesMomentum

__all__ = ["CyclicLR"]


class CyclicLR(CyclesMomentum):
    """The learning rate goes up from one bound to the other and down again, over and over, in straight lines.

    η = base_lr + (max_lr - base_lr) · h · scale, with the height h in [0, 1] of the triangle at step t; the momentum
    is max_momentum - (max_momentum - base_momentum) · h · scale. The scale is 1 (``"triangular"``), 2^(1 - cycle)
    (``"triangular2"``), γᵗ (``"exp_range"``), or ``scale_fn``'s.

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` (and momentum) is set.
        base_lr: the lower bound, one number or one for each group.
        max_lr: the upper bound, likewise.
        step_size_up: the number of steps up.
        step_size_down: the number of steps down; None for ``step_size_up``.
        mode: ``"triangular"``, ``"triangular2"`` or ``"exp_range"``; not used with ``scale_fn``.
        gamma: γ of ``"exp_range"``.
        scale_fn: the scale as a function of the cycle (1, 2, ...) or of the step.
        scale_mode: ``"cycle"`` or ``"iterations"``: what ``scale_fn`` is a function of.
        cycle_momentum: whether to move the momentum (``betas[0]`` where the optimizer has betas).
        base_momentum: its lower bound.
        max_momentum: its upper bound.
        last_epoch: the step to continue from, or -1.

    Raises:
        ArgumentError: an unknown mode, bounds for another number of groups, or an optimizer without momentum.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0, momentum=0.9)
        >>> scheduler = optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.0, max_lr=1.0, step_size_up=2)
        >>> optimizer.step([jnp.ones(1)])
        >>> scheduler.step()
        >>> scheduler.get_last_lr(), round(optimizer.param_groups[0]["momentum"], 6)
        ([0.5], 0.85)
    """

    def __init__(
        self,
        optimizer: HasGroups,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: float = 2000,
        step_size_down: float | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        require_optimizer(optimizer)
        self.optimizer = optimizer
        lowest = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, lowest, strict=True):
                set_value(group, "lr", rate)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ArgumentError(f"mode is invalid and scale_fn is None: mode={mode!r}")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode: str = scale_mode
        self._init_scale_fn()
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._start_momentum(
                optimizer, base_momentum, max_momentum, begin=last_epoch == -1
            )
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lowest

    def _init_scale_fn(self) -> None:
        if self._scale_fn_custom is None:
            self.scale_mode = "iterations" if self.mode == "exp_range" else "cycle"

    def scale_fn(self, x: float) -> float:
        """The scale of cycle (or step) ``x``."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x

    def _rates(self) -> list[float]:
        t = self.last_epoch
        cycle = math.floor(1 + t / self.total_size)
        x = 1.0 + t / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        at = cycle if self.scale_mode == "cycle" else t
        rates = [
            low + (high - low) * height * self.scale_fn(at)
            for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]
        if self.cycle_momentum:
            bounds = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in bounds:
                self._set_momentum(group, high - (high - low) * height * self.scale_fn(at))
        return rates

    def state_dict(self) -> dict[str, Any]:
        """The state. Of ``scale_fn`` only a callable object is saved, by its ``__dict__``; a function is not."""
        state, function = super().state_dict(), self._scale_fn_custom
        plain = function is None or isinstance(function, types.FunctionType)
        state["_scale_fn_custom"] = None if plain else dict(function.__dict__)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the state; saved attributes of a callable object go into the present one.

        Args:
            state_dict: what `state_dict` returned, here or in torch.
        """
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_scale_fn_custom"})
        saved = state_dict["_scale_fn_custom"]
        if saved is not None:
            self._scale_fn_custom.__dict__.update(saved)
        self._init_scale_fn()
