"""Averages of a model's weights over the steps of its training: SWA (https://arxiv.org/abs/1803.05407) and EMA.

Example:
    >>> import jax.numpy as jnp
    >>> from fnn import nn
    >>> from fnn.optim import swa_utils
    >>> model = nn.Linear(1, 1, bias=False)
    >>> average = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.5))
    >>> for weight in (1.0, 3.0):
    ...     _ = model.weight.fill_(weight)
    ...     average.update_parameters(model)
    >>> print(average.module.weight.data)
    [[2.]]
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import jax
import jax.numpy as jnp

from fnn.devices import to_device
from fnn.dtypes import index_dtype, to_array
from fnn.func import jit
from fnn.nn import Module
from fnn.nn.modules.batchnorm import _BatchNorm
from fnn.optim._averages import (
    AvgFn,
    MultiAvgFn,
    compilable,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
)
from fnn.optim._swalr import SWALR
from fnn.state.box import Box
from fnn.state.layout import placed
from fnn.state.scope import innermost
from fnn.tracing import Tracer, tracing
from fnn.typing import Device, PyTree

__all__ = [
    "AveragedModel",
    "update_bn",
    "SWALR",
    "get_ema_multi_avg_fn",
    "get_swa_multi_avg_fn",
    "get_ema_avg_fn",
    "get_swa_avg_fn",
]


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
        device: Device | None = None,
        avg_fn: AvgFn | None = None,
        multi_avg_fn: MultiAvgFn | None = None,
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

    def forward(self, *args: object, **kwargs: object) -> Any:
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
        if function is not None and not (isinstance(function, types.FunctionType) and function in compilable):
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
        pairs = [(mean, _beside(box._read_whole(), mean)) for mean, box in zip(own, given, strict=False)]
        n = self.n_averaged.data
        # Under a transform n is not known: there the average is made of whatever is there, and not used if n is 0.
        unknown = isinstance(n, Tracer)
        if unknown or n > 0:
            self._average(pairs, n)
        for mean, now in pairs:
            if unknown:
                mean.copy_(jnp.where(n == 0, now.astype(mean.dtype), mean._read_whole()))
            elif n == 0:
                mean.copy_(now)
        if not self.use_buffers:
            for mean, box in zip(self.module.buffers(), model.buffers(), strict=True):
                mean.copy_(_beside(box._read_whole(), mean))
        self.n_averaged.copy_(n + 1)

    def _average(self, pairs: list[tuple[Box, jax.Array]], n: jax.Array) -> None:
        if self.multi_avg_fn is None:
            average = self.avg_fn or get_swa_avg_fn()
            for mean, now in pairs:
                new = to_array(average(mean._read_whole(), now, n), "the result", "AveragedModel: avg_fn: ")
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
    kept = box._read_whole()
    if isinstance(value, Tracer) or isinstance(kept, Tracer):
        return value
    return placed(value, kept.sharding)


def update_bn(loader: Iterable[PyTree], model: Module, device: Device | None = None) -> None:
    """Computes the running statistics of all batch norms anew, as the mean over the batches of ``loader``.

    To be called on an averaged model, whose weights no data has gone through.

    Args:
        loader: gives the inputs, or tuples and lists that begin with them.
        model: the model; a ``model.compile()``-d one runs compiled. Its mode is the same afterwards.
        device: where to put the inputs; None leaves them where they are.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.optim.swa_utils import update_bn
        >>> model = nn.BatchNorm1d(1)
        >>> update_bn([jnp.array([[1.0], [3.0]]), jnp.array([[5.0], [7.0]])], model)
        >>> print(model.running_mean.data)
        [4.]
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
