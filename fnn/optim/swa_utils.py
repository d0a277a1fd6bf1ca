"""Averages of a model's weights over the steps of its training: SWA (https://arxiv.org/abs/1803.05407) and EMA."""

from __future__ import annotations

import itertools
import math
import types
import weakref
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, Literal, TypeVar

import jax
import jax.numpy as jnp

from fnn.devices import to_device
from fnn.dtypes import index_dtype, to_array
from fnn.errors import ArgumentError
from fnn.func import jit
from fnn.nn import Module
from fnn.nn.modules.batchnorm import _BatchNorm
from fnn.optim._scheduler import LRScheduler, per_group, require_optimizer, values
from fnn.state.box import Box
from fnn.state.scope import innermost
from fnn.tracing import Tracer, tracing

__all__ = [
    "AveragedModel",
    "update_bn",
    "SWALR",
    "get_ema_multi_avg_fn",
    "get_swa_multi_avg_fn",
    "get_ema_avg_fn",
    "get_swa_avg_fn",
]

_AvgFn = Callable[[Any, Any, Any], Any]
_F = TypeVar("_F", bound=Callable)
_MultiAvgFn = Callable[[Sequence[Any], Sequence[Any], Any], Any]


def _lerp(start: Any, end: Any, weight: Any) -> jax.Array:
    """``start + weight (end - start)``, from the nearer end: exact at both."""
    way = end - start
    weight = jnp.asarray(weight, way.dtype)
    return jnp.where(weight < 0.5, start + weight * way, end - (1 - weight) * way)


_compilable: weakref.WeakSet[Callable] = weakref.WeakSet()


def _ours(function: _F) -> _F:
    """Notes that ``function`` may be compiled; a user's may look at its arguments' values."""
    _compilable.add(function)
    return function


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ArgumentError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay: float = 0.999) -> _AvgFn:
    """The exponential moving average of one array: decay · average + (1 - decay) · current.

    Args:
        decay: in [0, 1].

    Returns:
        An ``avg_fn`` for `AveragedModel`.

    Raises:
        ArgumentError: ``decay`` out of its range.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.optim.swa_utils import get_ema_avg_fn
        >>> print(get_ema_avg_fn(0.75)(jnp.zeros(2), jnp.ones(2), 3))
        [0.25 0.25]
    """
    _check_decay(decay)

    def average(averaged: Any, current: Any, num_averaged: Any) -> Any:
        del num_averaged
        return decay * averaged + (1 - decay) * current

    return _ours(average)


def get_swa_avg_fn() -> _AvgFn:
    """The mean over all steps, of one array: average + (current - average) / (n + 1)."""

    def average(averaged: Any, current: Any, num_averaged: Any) -> Any:
        return averaged + (current - averaged) / (num_averaged + 1)

    return _ours(average)


def get_ema_multi_avg_fn(decay: float = 0.999) -> _MultiAvgFn:
    """The exponential moving average of a list of arrays; see `get_ema_avg_fn`.

    Args:
        decay: in [0, 1].

    Returns:
        A ``multi_avg_fn`` for `AveragedModel`.

    Raises:
        ArgumentError: ``decay`` out of its range.
    """
    _check_decay(decay)

    def average(averaged: Sequence[Any], current: Sequence[Any], num_averaged: Any) -> None:
        del num_averaged
        for mean, now in zip(averaged, current, strict=True):
            old, new = mean.data, to_array(now, "current")
            inexact = jnp.issubdtype(old.dtype, jnp.inexact)
            mean.copy_(_lerp(old, new, 1 - decay) if inexact else _truncated(old * decay + new * (1 - decay), old))

    return _ours(average)


def get_swa_multi_avg_fn() -> _MultiAvgFn:
    """The mean over all steps, of a list of arrays; see `get_swa_avg_fn`."""

    def average(averaged: Sequence[Any], current: Sequence[Any], num_averaged: Any) -> None:
        for mean, now in zip(averaged, current, strict=True):
            old, new = mean.data, to_array(now, "current")
            if jnp.issubdtype(old.dtype, jnp.inexact):
                mean.copy_(_lerp(old, new, 1 / (num_averaged + 1)))
            else:
                mean.copy_(_truncated(old + (new - old) / (num_averaged + 1), old))

    return _ours(average)


def _truncated(value: jax.Array, like: jax.Array) -> jax.Array:
    return value.astype(like.dtype)


class AveragedModel(Module):
    """A copy of a model whose weights are an average of those that the model had at each `update_parameters`.

    The first update copies the model's weights. `update_parameters` may be part of a function under `fnn.jit`.

    Args:
        model: the model; it is copied.
        device: where the copy is kept; None for where the model is.
        avg_fn: ``avg_fn(averaged, current, n)`` returns the new average of one array, from the average of n. None
            for the mean (`get_swa_avg_fn`).
        multi_avg_fn: ``multi_avg_fn(averaged, current, n)`` does so for lists: it overwrites the averaged Parameters
            (``mean.copy_(...)``, ``mean.lerp_(...)``), or returns the new arrays as a list.
        use_buffers: whether to average the buffers too (running statistics); otherwise the model's are copied.

    Attributes:
        module: the averaged copy.
        n_averaged: buffer, the number of updates.

    Raises:
        AssertionError: both functions were given.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.optim.swa_utils import AveragedModel
        >>> model = nn.Linear(1, 1, bias=False)
        >>> averaged = AveragedModel(model)
        >>> for weight in (1.0, 2.0, 6.0):
        ...     _ = model.weight.fill_(weight)
        ...     averaged.update_parameters(model)
        >>> print(averaged(jnp.ones((1, 1))))
        [[3.]]
    """

    n_averaged: Any

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: _AvgFn | None = None,
        multi_avg_fn: _MultiAvgFn | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        count = jnp.zeros((), index_dtype())
        self.register_buffer("n_averaged", count if device is None else jax.device_put(count, to_device(device)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged copy makes of its inputs."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Takes the present weights of ``model`` into the average.

        Args:
            model: the model, of the same structure as the one that this was made of.
        """
        if innermost.get() is None and not tracing() and self._may_compile(model):
            _update(self, model)
        else:
            self._update(model)

    def _may_compile(self, model: Module) -> bool:
        function = self.multi_avg_fn or self.avg_fn
        if function is not None and not (isinstance(function, types.FunctionType) and function in _compilable):
            return False
        # One program runs on one set of devices; an average that is kept elsewhere is updated array by array.
        boxes = itertools.chain(self.parameters(), self.buffers(), model.parameters(), model.buffers())
        return len({getattr(box._value, "sharding", None) for box in boxes}) == 1

    def _update(self, model: Module) -> None:
        if self.use_buffers:
            own: Iterable[Box] = itertools.chain(self.module.parameters(), self.module.buffers())
            given: Iterable[Box] = itertools.chain(model.parameters(), model.buffers())
        else:
            own, given = self.parameters(), model.parameters()
        pairs = [(mean, _beside(box.data, mean)) for mean, box in zip(own, given, strict=False)]
        n = self.n_averaged.data
        # Under a transform n is not known: there the average is made of whatever is there, and not used if n is 0.
        unknown = isinstance(n, Tracer)
        if unknown or n > 0:
            self._average(pairs, n)
        for mean, now in pairs:
            if unknown:
                mean.copy_(jnp.where(n == 0, now.astype(mean.dtype), mean.data))
            elif n == 0:
                mean.copy_(now)
        if not self.use_buffers:
            for mean, box in zip(self.module.buffers(), model.buffers(), strict=True):
                mean.copy_(_beside(box.data, mean))
        self.n_averaged.copy_(n + 1)

    def _average(self, pairs: list[tuple[Box, jax.Array]], n: jax.Array) -> None:
        if self.multi_avg_fn is None:
            average = self.avg_fn or get_swa_avg_fn()
            for mean, now in pairs:
                new = to_array(average(mean.data, now, n), "the result", "AveragedModel: avg_fn: ")
                mean.copy_(new.astype(mean.dtype))
            return
        by_dtype: dict[Any, list[tuple[Box, jax.Array]]] = {}
        for mean, now in pairs:
            by_dtype.setdefault(mean.dtype, []).append((mean, now))
        for alike in by_dtype.values():
            means = [mean for mean, _ in alike]
            returned = self.multi_avg_fn(means, [now for _, now in alike], n)
            if returned is not None:
                for mean, new in zip(means, returned, strict=True):
                    mean.copy_(new)


@jit
def _update(averaged: AveragedModel, model: Module) -> None:
    """The eager update, compiled."""
    averaged._update(model)


def _beside(value: jax.Array, box: Box) -> jax.Array:
    """``value`` on the device where ``box`` keeps its own."""
    kept = box.data
    if isinstance(value, Tracer) or isinstance(kept, Tracer) or value.sharding == kept.sharding:
        return value
    return jax.device_put(value, kept.sharding)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Computes the running statistics of all batch norms anew, as the mean over the batches of ``loader``.

    To be called on an averaged model, whose weights no data has gone through.

    Args:
        loader: gives the inputs, or tuples and lists that begin with them.
        model: the model; a ``model.compile()``-d one runs compiled. Its mode is the same afterwards.
        device: where to put the inputs; None leaves them where they are.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    was_training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    for batch in loader:
        input = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(input if device is None else jax.device_put(input, to_device(device)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)


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
        optimizer: Any,
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
