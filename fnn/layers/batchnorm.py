"""Layers that keep running statistics: BatchNorm and InstanceNorm in one to three dimensions, SyncBatchNorm."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fnn import init
from fnn.arguments import integer
from fnn.dtypes import index_dtype, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import batchnorm
from fnn.layers.layer import Layer, Params, State, given
from fnn.tracing import ARRAYS
from fnn.typing import ArrayLike, AxisName, Device, DType, Held, Key

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "SyncBatchNorm",
]


class _Statistics(Layer):
    """The first arguments of every norm here.

    Args:
        num_features: C.
        eps: added to the variance.
        affine: whether there are weight and bias.
    """

    num_features: int
    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = True
    track_running_stats: bool = True


class _Grouped(_Statistics):
    """The argument that PyTorch's SyncBatchNorm has before ``device``: fields come in the order of these bases."""

    process_group: Held[str | Sequence[str] | None, AxisName | None] = given(default=None)


class _NormBase(_Statistics):
    """What batch and instance norm share: the parameters, the state and their initial values.

    Args:
        dtype: of parameters and statistics; None is the default dtype.
        bias: whether an affine layer has a bias.

    Attributes:
        running_var: (C,), initially 1.
    """

    PARAMS: ClassVar = ("weight", "bias")
    STATE: ClassVar = ("running_mean", "running_var", "num_batches_tracked")
    NDIM: ClassVar[tuple[int, ...]]  # the numbers of dimensions that an input may have

    device: Device | None = None
    dtype: DType | None = None
    bias: bool = dataclasses.field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        where = f"{type(self).__name__}: "
        features = integer(self.num_features, "num_features", where)
        if features < 0:
            raise ArgumentError(
                f"{where}Trying to create tensor with negative dimension {features}: num_features={features}"
            )
        self._set(num_features=features)

    def init(self, key: Key) -> tuple[Params, State]:
        shape = (self.num_features,)
        params, state = {}, {}
        if self.affine:
            params["weight"] = init.ones(key, shape, self.dtype)
            if self.bias:
                params["bias"] = init.zeros(key, shape, self.dtype)
        if self.track_running_stats:
            state["running_mean"] = init.zeros(key, shape, self.dtype)
            state["running_var"] = init.ones(key, shape, self.dtype)
            state["num_batches_tracked"] = init.zeros(key, (), index_dtype())
        return params, state

    def _check_ndim(self, ndim: int, shape: tuple[int, ...]) -> None:
        if ndim not in self.NDIM:
            allowed = " or ".join(f"{n}D" for n in self.NDIM)
            raise ArgumentError(f"expected {allowed} input (got {ndim}D input), input.shape={list(shape)}")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={bool(self.affine and self.bias)}, track_running_stats={self.track_running_stats}"
        )

    def _running(self, state: State) -> tuple[Any, Any]:
        """The running statistics; None in the facade where a buffer has been set to None, as torch allows."""
        if self.track_running_stats:
            return state["running_mean"], state["running_var"]
        return state.get("running_mean"), state.get("running_var")  # tracking was switched off later


class _BatchNorm(_NormBase):
    """Base of layers that share what follows.

    Each channel is normalised over all other axes: ``(x - mean) / sqrt(var + eps) * weight + bias``. While training,
    mean and (biased) variance are the batch's; else they are the running statistics, where these are tracked. While
    training with ``track_running_stats``, the state is updated: ``running = (1 - momentum) * running + momentum *
    batch``, with the unbiased variance.

    Args:
        momentum: the share of a new batch in the running statistics; None: their average over all batches.
        track_running_stats: whether running statistics are kept; without, the batch's are always used.

    Attributes:
        weight: (C,), initially 1.
        bias: (C,), initially 0.
        running_mean: (C,), initially 0.
        num_batches_tracked: (), the number of batches seen while training.
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del key
        x = input if isinstance(input, ARRAYS) else to_array(input)
        self._check_ndim(x.ndim, x.shape)
        mean, var = self._running(state)
        update = training and self.track_running_stats
        if training and not update:
            mean = var = None
        momentum = self.momentum
        new = dict(state)
        if update and state.get("num_batches_tracked") is not None:
            count = state["num_batches_tracked"] + 1
            new["num_batches_tracked"] = count
            if momentum is None:  # the mean over all batches so far
                momentum = 1.0 / count.astype(jnp.float32)
        y, new_mean, new_var = batchnorm.batch_norm_update(
            x,
            mean,
            var,
            params.get("weight"),
            params.get("bias"),
            training or (mean is None and var is None),
            0.0 if momentum is None else momentum,
            self.eps,
            axis_name=self._axis_name() if training else None,
        )
        if not update:
            return y, state
        if new_mean is not None:
            new |= {"running_mean": new_mean, "running_var": new_var}
        return y, new

    def _axis_name(self) -> AxisName | None:
        """The mapped axis that a batch is spread over."""
        return None


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of vectors or signals (arXiv:1502.03167).

    Shape:
        (N, C) or (N, C, L) -> the same.

    Example:
        >>> norm = layers.BatchNorm1d(1)
        >>> params, state = norm.init(jax.random.key(0))
        >>> y, state = norm.apply(params, state, jnp.array([1.0, 3.0]).reshape(2, 1), training=True)
        >>> state["running_mean"], state["running_var"]
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """

    NDIM = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images (arXiv:1502.03167).

    Shape:
        (N, C, H, W) -> the same.

    Example:
        >>> norm = layers.BatchNorm2d(1)
        >>> params, state = norm.init(jax.random.key(0))
        >>> y, state = norm.apply(params, state, jnp.array([1.0, 3.0]).reshape(2, 1, 1, 1), training=True)
        >>> state["running_mean"], state["running_var"]
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """

    NDIM = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of volumes (arXiv:1502.03167).

    Shape:
        (N, C, D, H, W) -> the same.

    Example:
        >>> norm = layers.BatchNorm3d(1)
        >>> params, state = norm.init(jax.random.key(0))
        >>> y, state = norm.apply(params, state, jnp.array([1.0, 3.0]).reshape(2, 1, 1, 1, 1), training=True)
        >>> state["running_mean"], state["running_var"]
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """

    NDIM = (5,)


class SyncBatchNorm(_BatchNorm, _Grouped):
    """Batch normalisation of inputs with any number of axes, with statistics of the whole batch wherever it is.

    Under `jax.jit` an array that is split over a mesh is one array, and its statistics are the whole batch's: there,
    as on one device, this layer is `BatchNorm1d` or its like. Inside `jax.shard_map`, `jax.pmap` or `jax.vmap` each
    call sees its own part; with ``process_group``, the name that the transform gives its axis, mean and variance are
    summed over the parts, and so are the gradients. All parts then hold the same running statistics. Nothing is summed
    when not training.

    Args:
        process_group: where PyTorch has a group of processes, the name of the mapped axis, or a tuple of several: the
            groups are what the axes left out tell apart. None: the statistics of what a call sees.

    Shape:
        (N, C, *) -> the same.

    Example:
        >>> norm = layers.SyncBatchNorm(1, eps=5.0, affine=False, track_running_stats=False)
        >>> norm.apply({}, {}, jnp.array([2.0, 6.0]).reshape(2, 1))[0].ravel().round(4)
        Array([-0.6667,  0.6667], dtype=float32)
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        group = self.process_group
        if isinstance(group, (list, tuple)):
            group = tuple(group)
        names = group if isinstance(group, tuple) else () if group is None else (group,)
        if not all(isinstance(name, str) for name in names):
            raise ArgumentTypeError(
                f"SyncBatchNorm: process_group is the name of an axis of jax.shard_map, jax.pmap or jax.vmap, a tuple "
                f"of names, or None, but got {group!r}; under jax.jit statistics are those of the whole batch with None"
            )
        self._set(process_group=group or None)

    def _check_ndim(self, ndim: int, shape: tuple[int, ...]) -> None:
        if ndim < 2:
            raise ArgumentError(f"expected at least 2D input (got {ndim}D input), input.shape={list(shape)}")
        if shape[1] == 0:
            raise ArgumentError(
                f"SyncBatchNorm number of input channels should be non-zero, but got input.shape={list(shape)}"
            )

    def _axis_name(self) -> AxisName | None:
        return self.process_group


class _InstanceNorm(_NormBase):
    """Base of layers that share what follows.

    Each channel of each sample is normalised over the axes that follow it:
    ``(x - mean) / sqrt(var + eps) * weight + bias``. With ``track_running_stats``, the state is updated while training,
    as batch norm does (the samples' statistics are averaged over the batch; ``num_batches_tracked`` stays 0), and used
    when not training.

    Args:
        momentum: the share of a new batch in the running statistics; None: 0.
        track_running_stats: whether running statistics are kept.

    Attributes:
        weight: (C,), initially 1; only if ``affine``.
        bias: (C,), initially 0; only if ``affine``.
        running_mean: (C,), initially 0; only if ``track_running_stats``, as the next two.
        num_batches_tracked: (), 0.

    Shape:
        $shape -> the same.
    """

    affine: bool = False
    track_running_stats: bool = False

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del key
        x = input if isinstance(input, ARRAYS) else to_array(input)
        self._check_ndim(x.ndim, x.shape)
        unbatched = x.ndim == self.NDIM[0]
        self._check_features(x, 0 if unbatched else 1)
        use_input_stats = training or not self.track_running_stats
        y, mean, var = batchnorm.instance_norm_update(
            x[None] if unbatched else x,
            *self._running(state),
            params.get("weight"),
            params.get("bias"),
            use_input_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        if use_input_stats and mean is not None:
            state = {**state, "running_mean": mean, "running_var": var}
        return y[0] if unbatched else y, state

    def _check_features(self, x: jax.Array, dim: int) -> None:
        found = x.shape[dim]
        if found == self.num_features:
            return
        if self.affine:
            raise ArgumentError(
                f"expected input's size at dim={dim} to match num_features ({self.num_features}), but got: {found}."
            )
        warnings.warn(
            f"input's size at dim={dim} does not match num_features. You can silence this warning by not passing in "
            "num_features, which is not used because affine=False",
            stacklevel=4,
        )


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of signals (arXiv:1607.08022).

    Example:
        >>> x = jnp.array([3.0, 5.0]).reshape(1, 1, 2)
        >>> layers.InstanceNorm1d(1, eps=0.0).apply({}, {}, x)[0].ravel()
        Array([-1.,  1.], dtype=float32)
    """

    NDIM = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of images (arXiv:1607.08022).

    Example:
        >>> x = jnp.array([3.0, 5.0]).reshape(1, 1, 1, 2)
        >>> layers.InstanceNorm2d(1, eps=0.0).apply({}, {}, x)[0].ravel()
        Array([-1.,  1.], dtype=float32)
    """

    NDIM = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of volumes (arXiv:1607.08022).

    Example:
        >>> x = jnp.array([3.0, 5.0]).reshape(1, 1, 1, 1, 2)
        >>> layers.InstanceNorm3d(1, eps=0.0).apply({}, {}, x)[0].ravel()
        Array([-1.,  1.], dtype=float32)
    """

    NDIM = (4, 5)
