"""Written by tools/make_stubs.py from batchnorm.py and its layers; do not edit."""

import jax
from collections.abc import Sequence
from typing import Any
from fnn.state.parameter import Buffer, Parameter
from fnn.typing import ArrayLike, AxisName, DType, Device
from fnn.nn._module import Module
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.modules.lazy import LazyLeaf

__all__ = ['BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d', 'LazyBatchNorm1d', 'LazyBatchNorm2d', 'LazyBatchNorm3d', 'SyncBatchNorm']

class _NormBase(LayerModule):
    """Base of batch and instance norm, for ``isinstance``."""
    _version: Any
    def reset_running_stats(self) -> None:
        """Sets the running statistics to their initial values, if they are tracked."""
        ...
    def _check_input_dim(self, input: jax.Array) -> None:
        """Raises for an input of the wrong number of dimensions; subclasses of PyTorch's classes call it."""
        ...
    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool, missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str]) -> None:
        ...

class _BatchNorm(_NormBase):
    """Base of the batch norms, for ``isinstance``."""
    ...

def drop_running_stats(module: Module) -> None:
    """Takes a batch norm its running statistics; other modules, and one that has none, stay as they are."""
    ...

class BatchNorm1d(_BatchNorm):
    """Batch normalisation of vectors or signals (arXiv:1502.03167).

    Each channel is normalised over all other axes: ``(x - mean) / sqrt(var + eps) * weight + bias``. While training,
    mean and (biased) variance are the batch's; else they are the running statistics, where these are tracked. While
    training with ``track_running_stats``, the state is updated: ``running = (1 - momentum) * running + momentum *
    batch``, with the unbiased variance.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the share of a new batch in the running statistics; None: their average over all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether running statistics are kept; without, the batch's are always used.
        device: where the parameters go.
        dtype: of parameters and statistics; None is the default dtype.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (C,), initially 1.
        bias: (C,), initially 0.
        running_mean: (C,), initially 0.
        running_var: (C,), initially 1.
        num_batches_tracked: (), the number of batches seen while training.

    Shape:
        (N, C) or (N, C, L) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.BatchNorm1d(1)
        >>> y = norm(jnp.array([1.0, 3.0]).reshape(2, 1))
        >>> norm.running_mean.data, norm.running_var.data
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images (arXiv:1502.03167).

    Each channel is normalised over all other axes: ``(x - mean) / sqrt(var + eps) * weight + bias``. While training,
    mean and (biased) variance are the batch's; else they are the running statistics, where these are tracked. While
    training with ``track_running_stats``, the state is updated: ``running = (1 - momentum) * running + momentum *
    batch``, with the unbiased variance.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the share of a new batch in the running statistics; None: their average over all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether running statistics are kept; without, the batch's are always used.
        device: where the parameters go.
        dtype: of parameters and statistics; None is the default dtype.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (C,), initially 1.
        bias: (C,), initially 0.
        running_mean: (C,), initially 0.
        running_var: (C,), initially 1.
        num_batches_tracked: (), the number of batches seen while training.

    Shape:
        (N, C, H, W) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.BatchNorm2d(1)
        >>> y = norm(jnp.array([1.0, 3.0]).reshape(2, 1, 1, 1))
        >>> norm.running_mean.data, norm.running_var.data
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class BatchNorm3d(_BatchNorm):
    """Batch normalisation of volumes (arXiv:1502.03167).

    Each channel is normalised over all other axes: ``(x - mean) / sqrt(var + eps) * weight + bias``. While training,
    mean and (biased) variance are the batch's; else they are the running statistics, where these are tracked. While
    training with ``track_running_stats``, the state is updated: ``running = (1 - momentum) * running + momentum *
    batch``, with the unbiased variance.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the share of a new batch in the running statistics; None: their average over all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether running statistics are kept; without, the batch's are always used.
        device: where the parameters go.
        dtype: of parameters and statistics; None is the default dtype.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (C,), initially 1.
        bias: (C,), initially 0.
        running_mean: (C,), initially 0.
        running_var: (C,), initially 1.
        num_batches_tracked: (), the number of batches seen while training.

    Shape:
        (N, C, D, H, W) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.BatchNorm3d(1)
        >>> y = norm(jnp.array([1.0, 3.0]).reshape(2, 1, 1, 1, 1))
        >>> norm.running_mean.data, norm.running_var.data
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class SyncBatchNorm(_BatchNorm):
    """Batch normalisation of inputs with any number of axes, with statistics of the whole batch wherever it is.

    Under `jax.jit` an array that is split over a mesh is one array, and its statistics are the whole batch's: there,
    as on one device, this layer is `BatchNorm1d` or its like. Inside `jax.shard_map`, `jax.pmap` or `jax.vmap` each
    call sees its own part; with ``process_group``, the name that the transform gives its axis, mean and variance are
    summed over the parts, and so are the gradients. All parts then hold the same running statistics. Nothing is summed
    when not training.

    Each channel is normalised over all other axes: ``(x - mean) / sqrt(var + eps) * weight + bias``. While training,
    mean and (biased) variance are the batch's; else they are the running statistics, where these are tracked. While
    training with ``track_running_stats``, the state is updated: ``running = (1 - momentum) * running + momentum *
    batch``, with the unbiased variance.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the share of a new batch in the running statistics; None: their average over all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether running statistics are kept; without, the batch's are always used.
        process_group: where PyTorch has a group of processes, the name of the mapped axis, or a tuple of several: the
            groups are what the axes left out tell apart. None: the statistics of what a call sees.
        device: where the parameters go.
        dtype: of parameters and statistics; None is the default dtype.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (C,), initially 1.
        bias: (C,), initially 0.
        running_mean: (C,), initially 0.
        running_var: (C,), initially 1.
        num_batches_tracked: (), the number of batches seen while training.

    Shape:
        (N, C, *) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.SyncBatchNorm(1, eps=5.0, affine=False, track_running_stats=False)
        >>> norm(jnp.array([2.0, 6.0]).reshape(2, 1)).ravel().round(4)
        Array([-0.6667,  0.6667], dtype=float32)
    """
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    process_group: AxisName | None
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: str | Sequence[str] | None = None,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: str | Sequence[str] | None=None) -> Module:
        """Replaces every batch norm of a model, in place, by a SyncBatchNorm with its parameters and buffers.

            Args:
                module: the model.
                process_group: of every one, see the class.

            Returns:
                ``module``; a new SyncBatchNorm if it is a batch norm itself.

            Example:
                >>> from fnn import nn
                >>> net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
                >>> nn.SyncBatchNorm.convert_sync_batchnorm(net, "data")[1]
                SyncBatchNorm(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
            """
        ...

def _channels(module: LayerModule, shape: tuple[int, ...]) -> int:
    ...

_INFER = {'num_features': _channels}

class _LazyNormBase(LazyLeaf):
    """Base of the lazy norms, for ``isinstance``."""
    ...

class LazyBatchNorm1d(_LazyNormBase, BatchNorm1d):
    """A `BatchNorm1d` that takes ``num_features`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `BatchNorm1d`, with the same `Parameter` objects.  All other arguments are those of `BatchNorm1d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.LazyBatchNorm1d()
        >>> y = norm(jnp.array([1.0, 3.0]).reshape(2, 1))
        >>> norm.running_mean.data, norm.running_var.data
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None
    def __init__(
        self,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LazyBatchNorm2d(_LazyNormBase, BatchNorm2d):
    """A `BatchNorm2d` that takes ``num_features`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `BatchNorm2d`, with the same `Parameter` objects.  All other arguments are those of `BatchNorm2d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.LazyBatchNorm2d()
        >>> y = norm(jnp.array([1.0, 3.0]).reshape(2, 1, 1, 1))
        >>> norm.running_mean.data, norm.running_var.data
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None
    def __init__(
        self,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LazyBatchNorm3d(_LazyNormBase, BatchNorm3d):
    """A `BatchNorm3d` that takes ``num_features`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `BatchNorm3d`, with the same `Parameter` objects.  All other arguments are those of `BatchNorm3d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.LazyBatchNorm3d()
        >>> y = norm(jnp.array([1.0, 3.0]).reshape(2, 1, 1, 1, 1))
        >>> norm.running_mean.data, norm.running_var.data
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None
    def __init__(
        self,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
