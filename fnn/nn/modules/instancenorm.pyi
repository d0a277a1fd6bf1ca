"""Written by tools/make_stubs.py from instancenorm.py and its layers; do not edit."""

import jax
from typing import Any
from fnn.state.parameter import Buffer, Parameter
from fnn.typing import ArrayLike, DType, Device
from fnn.nn.modules.batchnorm import _LazyNormBase, _NormBase

__all__ = ['InstanceNorm1d', 'InstanceNorm2d', 'InstanceNorm3d', 'LazyInstanceNorm1d', 'LazyInstanceNorm2d', 'LazyInstanceNorm3d']

class _InstanceNorm(_NormBase):
    """Base of the instance norms, for ``isinstance``."""
    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool, missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str]) -> None:
        ...

class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of signals (arXiv:1607.08022).

    Each channel of each sample is normalised over the axes that follow it:
    ``(x - mean) / sqrt(var + eps) * weight + bias``. With ``track_running_stats``, the state is updated while training,
    as batch norm does (the samples' statistics are averaged over the batch; ``num_batches_tracked`` stays 0), and used
    when not training.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the share of a new batch in the running statistics; None: 0.
        affine: whether there are weight and bias.
        track_running_stats: whether running statistics are kept.
        device: where the parameters go.
        dtype: of parameters and statistics; None is the default dtype.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (C,), initially 1; only if ``affine``.
        bias: (C,), initially 0; only if ``affine``.
        running_mean: (C,), initially 0; only if ``track_running_stats``, as the next two.
        running_var: (C,), initially 1.
        num_batches_tracked: (), 0.

    Shape:
        (N, C, L) or (C, L) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x = jnp.array([3.0, 5.0]).reshape(1, 1, 2)
        >>> nn.InstanceNorm1d(1, eps=0.0)(x).ravel()
        Array([-1.,  1.], dtype=float32)
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
        affine: bool = False,
        track_running_stats: bool = False,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of images (arXiv:1607.08022).

    Each channel of each sample is normalised over the axes that follow it:
    ``(x - mean) / sqrt(var + eps) * weight + bias``. With ``track_running_stats``, the state is updated while training,
    as batch norm does (the samples' statistics are averaged over the batch; ``num_batches_tracked`` stays 0), and used
    when not training.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the share of a new batch in the running statistics; None: 0.
        affine: whether there are weight and bias.
        track_running_stats: whether running statistics are kept.
        device: where the parameters go.
        dtype: of parameters and statistics; None is the default dtype.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (C,), initially 1; only if ``affine``.
        bias: (C,), initially 0; only if ``affine``.
        running_mean: (C,), initially 0; only if ``track_running_stats``, as the next two.
        running_var: (C,), initially 1.
        num_batches_tracked: (), 0.

    Shape:
        (N, C, H, W) or (C, H, W) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x = jnp.array([3.0, 5.0]).reshape(1, 1, 1, 2)
        >>> nn.InstanceNorm2d(1, eps=0.0)(x).ravel()
        Array([-1.,  1.], dtype=float32)
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
        affine: bool = False,
        track_running_stats: bool = False,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of volumes (arXiv:1607.08022).

    Each channel of each sample is normalised over the axes that follow it:
    ``(x - mean) / sqrt(var + eps) * weight + bias``. With ``track_running_stats``, the state is updated while training,
    as batch norm does (the samples' statistics are averaged over the batch; ``num_batches_tracked`` stays 0), and used
    when not training.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the share of a new batch in the running statistics; None: 0.
        affine: whether there are weight and bias.
        track_running_stats: whether running statistics are kept.
        device: where the parameters go.
        dtype: of parameters and statistics; None is the default dtype.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (C,), initially 1; only if ``affine``.
        bias: (C,), initially 0; only if ``affine``.
        running_mean: (C,), initially 0; only if ``track_running_stats``, as the next two.
        running_var: (C,), initially 1.
        num_batches_tracked: (), 0.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x = jnp.array([3.0, 5.0]).reshape(1, 1, 1, 1, 2)
        >>> nn.InstanceNorm3d(1, eps=0.0)(x).ravel()
        Array([-1.,  1.], dtype=float32)
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
        affine: bool = False,
        track_running_stats: bool = False,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

def _channels(module: Any, shape: tuple[int, ...]) -> int:
    ...

_INFER = {'num_features': _channels}

_ON = {'affine': True, 'track_running_stats': True}

class LazyInstanceNorm1d(_LazyNormBase, InstanceNorm1d):
    """A `InstanceNorm1d` that takes ``num_features`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `InstanceNorm1d`, with the same `Parameter` objects.  All other arguments are those of `InstanceNorm1d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x = jnp.array([3.0, 5.0]).reshape(1, 1, 2)
        >>> nn.LazyInstanceNorm1d(eps=0.0)(x).ravel()
        Array([-1.,  1.], dtype=float32)
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

class LazyInstanceNorm2d(_LazyNormBase, InstanceNorm2d):
    """A `InstanceNorm2d` that takes ``num_features`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `InstanceNorm2d`, with the same `Parameter` objects.  All other arguments are those of `InstanceNorm2d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x = jnp.array([3.0, 5.0]).reshape(1, 1, 1, 2)
        >>> nn.LazyInstanceNorm2d(eps=0.0)(x).ravel()
        Array([-1.,  1.], dtype=float32)
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

class LazyInstanceNorm3d(_LazyNormBase, InstanceNorm3d):
    """A `InstanceNorm3d` that takes ``num_features`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `InstanceNorm3d`, with the same `Parameter` objects.  All other arguments are those of `InstanceNorm3d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x = jnp.array([3.0, 5.0]).reshape(1, 1, 1, 1, 2)
        >>> nn.LazyInstanceNorm3d(eps=0.0)(x).ravel()
        Array([-1.,  1.], dtype=float32)
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
