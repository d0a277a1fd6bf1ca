"""Momentum that moves against the learning rate; for Adam and its like, β₁."""

from __future__ import annotations

from typing import Any

from fnn.errors import ArgumentError
from fnn.optim._scheduler import LRScheduler, per_group, set_value
from fnn.optim._tracking import HasGroups

__all__ = ["CyclesMomentum"]


class CyclesMomentum(LRScheduler):
    """Base of the schedulers that may cycle the momentum."""

    cycle_momentum: bool
    use_beta1: bool

    def _start_momentum(
        self, optimizer: HasGroups, base_momentum: float | list[float], max_momentum: float | list[float], begin: bool
    ) -> tuple[list[float], list[float]]:
        """The two bounds for each group; sets them, and the greater as momentum, in a new schedule."""
        known = getattr(optimizer, "defaults", optimizer.param_groups[0])
        if "momentum" not in known and "betas" not in known:
            raise ArgumentError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = "betas" in known
        lowest = per_group("base_momentum", optimizer, base_momentum)
        highest = per_group("max_momentum", optimizer, max_momentum)
        if begin:
            for group, low, high in zip(optimizer.param_groups, lowest, highest, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"] = high
                group["base_momentum"] = low
        return lowest, highest

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (float(value), *group["betas"][1:])
        else:
            set_value(group, "momentum", value)
