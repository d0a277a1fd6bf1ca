"""Schedules given by a function of the step."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any, cast

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.optim._scheduler import LRScheduler, values
from fnn.optim._tracking import HasGroups

__all__ = ["LambdaLR", "MultiplicativeLR"]

_Factor = Callable[[int], float]


class _FromFunctions(LRScheduler):
    lr_lambdas: list[_Factor]

    def __init__(self, optimizer: HasGroups, lr_lambda: _Factor | Sequence[_Factor], last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        count = len(getattr(optimizer, "param_groups", ()))
        if isinstance(lr_lambda, (list, tuple)):
            if len(lr_lambda) != count:
                raise ArgumentError(f"Expected {count} lr_lambdas, but got {len(lr_lambda)}")
            self.lr_lambdas = [*lr_lambda]
        else:
            self.lr_lambdas = [cast(_Factor, lr_lambda)] * count
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """The state. Of the functions only callable objects are saved, by their ``__dict__``; functions are not."""
        state = super().state_dict()
        state["lr_lambdas"] = [
            None if isinstance(function, types.FunctionType) else dict(function.__dict__)
            for function in self.lr_lambdas
        ]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the state; saved attributes of callable objects go into the present ones.

        Args:
            state_dict: what `state_dict` returned, here or in torch.
        """
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for i, saved in enumerate(state_dict["lr_lambdas"]):
            if saved is not None:
                self.lr_lambdas[i].__dict__.update(saved)


class LambdaLR(_FromFunctions):
    """The initial learning rate times a function of the step: η = η₀ f(t).

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        lr_lambda: f, a function of the step, or a list with one for each group.
        last_epoch: the step to continue from, or -1.

    Raises:
        ArgumentError: a list of another length than there are groups.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda t: 0.5**t)
        >>> optimizer.step([jnp.ones(1)])
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def _rates(self) -> list[float]:
        return [rate * f(self.last_epoch) for f, rate in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(_FromFunctions):
    """The learning rate is multiplied by a function of the step: η ← η f(t).

    Args:
        optimizer: the optimizer whose groups' ``"lr"`` is set.
        lr_lambda: f, a function of the step, or a list with one for each group.
        last_epoch: the step to continue from, or -1.

    Raises:
        ArgumentError: a list of another length than there are groups.
        ArgumentTypeError: something that is no function.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
        >>> scheduler = optim.lr_scheduler.MultiplicativeLR(optimizer, lambda step: 0.5)
        >>> rates = scheduler.get_last_lr()
        >>> for _ in range(2):
        ...     optimizer.step([jnp.ones(1)])
        ...     scheduler.step()
        ...     rates += scheduler.get_last_lr()
        >>> print(rates)
        [1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: HasGroups, lr_lambda: _Factor | Sequence[_Factor], last_epoch: int = -1) -> None:
        for function in lr_lambda if isinstance(lr_lambda, (list, tuple)) else [lr_lambda]:
            if not callable(function):
                raise ArgumentTypeError(f"lr_lambda should be a function, but got {type(function).__name__}")
        super().__init__(optimizer, lr_lambda, last_epoch)

    def _rates(self) -> list[float]:
        if self._is_initial:
            return self._unchanged()
        rates = values(self.optimizer, "lr")
        return [rate * f(self.last_epoch) for f, rate in zip(self.lr_lambdas, rates, strict=True)]
