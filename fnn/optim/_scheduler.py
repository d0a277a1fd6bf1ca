"""`LRScheduler`: what all schedulers share.

A scheduler is host arithmetic: each ``step`` computes one Python float for each parameter group, by the recursion
that PyTorch uses (to the last bit), and stores it in the group.  A hyper-parameter is an input of a compiled step
and always a plain float, so a step of the scheduler never recompiles one.

``η`` is a group's learning rate, ``η₀`` its initial one, ``t`` the number of steps that the scheduler has taken.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, SupportsFloat

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.optim._tracking import HasGroups, follow, has_stepped, is_followed
from fnn.tracing import tracing

__all__ = [
    "EPOCH_DEPRECATION_WARNING",
    "LRScheduler",
    "per_group",
    "refuse_tracing",
    "require_optimizer",
    "set_value",
    "values",
]

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the closed "
    "form is used instead of the new chainable form, where available."
)

_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, and in fnn, you "
    "should call them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`. Failure to do this will "
    "result in skipping the first value of the learning rate schedule."
)
_OVERRIDDEN = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, make "
    "sure to call `optimizer.step()` before `lr_scheduler.step()`."
)
_IN_TRACE = """\
a scheduler was stepped inside fnn.jit or another transform, where it would step once, in the trace, and never again.

    @fnn.jit
    def train_step(model, optimizer, x, y):
        ...
        optimizer.step(grads)
        scheduler.step()                          # wrong: Python runs only while tracing

    loss = train_step(model, optimizer, x, y)
    scheduler.step()                              # right: a changed learning rate recompiles nothing"""
_MISSING_INITIAL_LR = (
    "param 'initial_lr' is not specified in param_groups[{}] when resuming scheduler with last_epoch >= 0.\n"
    "Load the optimizer's state_dict, which holds it, before making the scheduler; or start a new schedule with "
    "last_epoch=-1"
)


def require_optimizer(optimizer: HasGroups) -> None:
    """Raises unless ``optimizer`` has parameter groups."""
    if not isinstance(getattr(optimizer, "param_groups", None), list):
        raise ArgumentTypeError(f"{type(optimizer).__name__} is not an Optimizer")


def per_group(name: str, optimizer: HasGroups, value: float | list[float] | tuple[float, ...]) -> list[float]:
    """One number for each parameter group, from one for all or a list."""
    groups = optimizer.param_groups
    if not isinstance(value, (list, tuple)):
        return [float(value)] * len(groups)
    if len(value) != len(groups):
        raise ArgumentError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
            f"param_groups has {len(groups)}."
        )
    return [float(v) for v in value]


def values(optimizer: HasGroups, key: str) -> list[float]:
    """What every parameter group has as ``key``."""
    return [float(group[key]) for group in optimizer.param_groups]


def refuse_tracing() -> None:
    """Raises where a step would be taken by the trace alone."""
    if tracing():
        raise ArgumentError(_IN_TRACE)


def set_value(group: dict[str, Any], key: str, value: SupportsFloat) -> None:
    """Gives a parameter group a number, as a plain float: another type would recompile a jitted step."""
    refuse_tracing()
    group[key] = float(value)


class LRScheduler:
    """Base of all schedulers.

    A subclass defines ``get_lr``, which returns the learning rates of step ``self.last_epoch``, one for each group.
    To make a scheduler sets each group's ``"initial_lr"`` (unless it is there) and takes step 0.

    The first ``step`` warns if the optimizer has not stepped. Steps inside `fnn.jit` count, also those of a program
    that was compiled before: the parameters hold other arrays afterwards.

    Args:
        optimizer: an `fnn.optim.Optimizer`, or any object with ``param_groups``.
        last_epoch: the number of the last step taken; -1 begins a schedule, another continues one, for which the
            groups must have ``"initial_lr"``.

    Attributes:
        base_lrs: the initial learning rates η₀.
        last_epoch: the number of the step last taken.

    Raises:
        ArgumentTypeError: ``optimizer`` has no parameter groups.
        KeyError: ``last_epoch`` continues a schedule, and a group has no ``"initial_lr"``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> from fnn.optim.lr_scheduler import LRScheduler
        >>> class Harmonic(LRScheduler):
        ...     def get_lr(self):
        ...         return [lr / (1 + self.last_epoch) for lr in self.base_lrs]
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=0.6)
        >>> scheduler = Harmonic(optimizer)
        >>> optimizer.step([jnp.ones(1)])
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.3]
    """

    _get_lr_called_within_step: bool = False
    _is_initial: bool = False
    _unsaved: frozenset[str] = frozenset({"optimizer"})  # attributes that are no part of the state

    optimizer: Any
    base_lrs: list[float]
    last_epoch: int
    _last_lr: list[float]
    _step_count: int

    def __init__(self, optimizer: HasGroups, last_epoch: int = -1) -> None:
        require_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(_MISSING_INITIAL_LR.format(i))
        self.base_lrs = values(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        follow(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """The scheduler's state, in torch's format: every attribute but the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name not in self._unsaved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what `state_dict` returned, here or in torch.

        The learning rates themselves are part of the optimizer's state; load that too.

        Args:
            state_dict: the state.
        """
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[float]:
        """The learning rates that were last set, one for each group."""
        return self._last_lr

    def get_lr(self) -> list[float]:
        """Computes the learning rates of step ``last_epoch``; to be called by `step` (use `get_last_lr`)."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=2,
            )
        return self._rates()

    def _rates(self) -> list[float]:
        raise NotImplementedError(f"{type(self).__name__} must define get_lr()")

    def _scaled(self, factor: float) -> list[float]:
        return [rate * factor for rate in values(self.optimizer, "lr")]

    def _unchanged(self) -> list[float]:
        return values(self.optimizer, "lr")

    def step(self, epoch: int | None = None) -> None:
        """Sets the next learning rates. Call it after the optimizer's ``step``, and outside of `fnn.jit`.

        Args:
            epoch: deprecated: the step to go to, by the closed form where there is one.

        Raises:
            ArgumentError: called while a transform is being traced.
        """
        refuse_tracing()
        if self._step_count == 1 and hasattr(self.optimizer, "step"):
            if not is_followed(self.optimizer):
                warnings.warn(_OVERRIDDEN, UserWarning, stacklevel=2)
            elif not has_stepped(self.optimizer):
                warnings.warn(_ORDER, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    @contextlib.contextmanager
    def _stepping(self) -> Iterator[None]:
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    def _update_lr(self, epoch: int | None = None) -> None:
        with self._stepping():
            self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
            closed = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
            self._store(self.get_lr() if closed is None else closed())

    def _store(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_value(group, "lr", rate)
        self._last_lr = values(self.optimizer, "lr")


class _LRScheduler(LRScheduler):
    """The old name of `LRScheduler`."""
