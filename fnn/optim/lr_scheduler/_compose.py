"""Schedulers of schedulers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.optim._scheduler import LRScheduler, refuse_tracing, set_value, values
from fnn.optim._tracking import HasGroups
from fnn.optim.lr_scheduler._plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Composite(LRScheduler):
    _schedulers: Sequence[LRScheduler]

    def _check(self, schedulers: Sequence[LRScheduler], optimizer: HasGroups | None) -> None:
        name = type(self).__name__
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise ArgumentTypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ArgumentError(
                    f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs to be "
                    f"specified when calling `step`, but got one at index {i} in the given schedulers sequence."
                )
            if optimizer is not scheduler.optimizer:
                raise ArgumentError(
                    f"{name} expects all schedulers to belong to the same optimizer, but got scheduler "
                    f"{type(scheduler).__name__} at index {i} has {scheduler.optimizer}, which is different from "
                    f"{type(optimizer).__name__}."
                )

    def _check_step(self, epoch: object) -> None:
        refuse_tracing()
        if epoch is not None:
            raise ArgumentTypeError(f"{type(self).__name__}.step() takes no epoch, but got {epoch!r}")

    def _update_lr(self, epoch: int | None = None) -> None:
        # What a `SequentialLR` asks of the scheduler that takes over.
        if epoch != 0:
            raise ArgumentError(f"{type(self).__name__} can only begin at step 0, but got epoch={epoch!r}")
        self._begin()

    def _begin(self) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """The state, with those of the schedulers."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the state and those of the schedulers.

        Args:
            state_dict: what `state_dict` returned, here or in torch.
        """
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Composite):
    """One scheduler after another: the n-th from the n-th milestone on, where it begins at its step 0.

    Args:
        optimizer: the optimizer of all of them.
        schedulers: the schedulers.
        milestones: the steps at which the second, the third ... takes over; one less than schedulers.
        last_epoch: the step to continue from, or -1.

    Raises:
        ArgumentError: no scheduler, one of another optimizer, a `ReduceLROnPlateau`, or another number of milestones.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> from fnn.optim.lr_scheduler import ConstantLR, ExponentialLR, SequentialLR
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> phases = [ConstantLR(optimizer, factor=0.1, total_iters=9), ExponentialLR(optimizer, gamma=0.5)]
        >>> scheduler = SequentialLR(optimizer, phases, milestones=[2])
        >>> rates = []
        >>> for _ in range(4):
        ...     rates += scheduler.get_last_lr()
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        >>> rates
        [0.1, 0.1, 1.0, 0.5]
    """

    def __init__(
        self, optimizer: HasGroups, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        if len(schedulers) < 1:
            raise ArgumentError(f"{type(self).__name__} expects at least one scheduler, but got no scheduler.")
        self._check(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                "Sequential Schedulers expects number of schedulers provided to be one more than the number of "
                f"milestone points, but got number of schedulers {len(schedulers)} and the number of milestones to be "
                f"equal to {len(milestones)}"
            )
        for i, scheduler in enumerate(schedulers):
            if i and not hasattr(scheduler, "_update_lr"):
                raise ArgumentTypeError(
                    f"{type(self).__name__} at index {i} expects an LRScheduler, which can begin at a milestone, got "
                    f"{type(scheduler).__name__}"
                )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # Each scheduler took its first step when it was made, all on the same learning rates: take them back.
        for group in optimizer.param_groups:
            set_value(group, "lr", group["initial_lr"])
        self.recursive_undo()
        self._take_first()

    def recursive_undo(self, sched: LRScheduler | None = None) -> None:
        """Takes back the first step of every scheduler, also of those inside others.

        Args:
            sched: a scheduler; None for this one.
        """
        sched = self if sched is None else sched
        if isinstance(sched, SequentialLR) and sched is not self:
            # It took back all first steps but that of its first scheduler.
            self.recursive_undo(sched._first())
        elif (parts := getattr(sched, "_schedulers", None)) is not None:
            for inner in parts:
                self.recursive_undo(inner)
        elif hasattr(sched, "last_epoch"):
            sched.last_epoch -= 1

    def _first(self) -> LRScheduler:
        return self._schedulers[bisect_right(self._milestones, 0)]

    def _initial_step(self) -> None:
        """Step 0 anew, as the first scheduler of another sequence, which has taken it back."""
        self._step_count, self._is_initial = 0, False
        self._take_first()

    def _take_first(self) -> None:
        first = self._first()
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def _begin(self) -> None:
        self.last_epoch = 0
        first = self._first()
        first._update_lr(0)
        self._last_lr = first.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """Steps the scheduler whose turn it is.

        Args:
            epoch: must be None.
        """
        self._check_step(epoch)
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composite):
    """Several schedulers at once: each step is one of each, in order, on the learning rates that the others left.

    Args:
        schedulers: the schedulers, all of one optimizer.
        optimizer: the optimizer; None takes the first scheduler's.

    Raises:
        ArgumentError: no scheduler, one of another optimizer, or a `ReduceLROnPlateau`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> from fnn.optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> both = [ConstantLR(optimizer, factor=0.5, total_iters=1), ExponentialLR(optimizer, gamma=0.5)]
        >>> scheduler = ChainedScheduler(both)
        >>> rates = scheduler.get_last_lr()
        >>> for _ in range(2):
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        ...     rates += scheduler.get_last_lr()
        >>> print(rates)
        [0.5, 0.5, 0.25]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: HasGroups | None = None) -> None:
        if len(schedulers) < 1:
            raise ArgumentError(
                f"{type(self).__name__} expects at least one scheduler to be chained, but got no scheduler."
            )
        optimizer = optimizer or getattr(schedulers[0], "optimizer", None)
        self._check(schedulers, optimizer)
        assert optimizer is not None
        self._schedulers = schedulers
        self.optimizer = optimizer
        self._last_lr = values(optimizer, "lr")

    def step(self, epoch: int | None = None) -> None:
        """Steps every scheduler.

        Args:
            epoch: must be None.
        """
        self._check_step(epoch)
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = values(self.optimizer, "lr")

    def _initial_step(self) -> None:
        """Step 0 of every scheduler, which all have taken back."""
        self._step_count, self._is_initial = 0, False  # torch saves them
        for scheduler in self._schedulers:
            scheduler._initial_step()
        self._last_lr = values(self.optimizer, "lr")

    def _begin(self) -> None:
        # As when they were made: each takes its first step on what the one before has left of the initial rates.
        for group in self.optimizer.param_groups:
            set_value(group, "lr", group["initial_lr"])
        for scheduler in self._schedulers:
            if isinstance(scheduler, _Composite):
                scheduler._begin()
            else:
                scheduler.last_epoch = -1
                scheduler._initial_step()
        self._last_lr = values(self.optimizer, "lr")
