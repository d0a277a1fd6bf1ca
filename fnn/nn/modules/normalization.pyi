"""Written by tools/make_stubs.py from normalization.py and its layers; do not edit."""

import jax
from collections.abc import Sequence
from typing import Any
from fnn.state.parameter import Parameter
from fnn.typing import ArrayLike, DType, Device
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['CrossMapLRN2d', 'GroupNorm', 'LayerNorm', 'LocalResponseNorm', 'RMSNorm']

class LocalResponseNorm(LayerModule):
    """Local response normalisation (Krizhevsky et al. 2012): ``x / (k + alpha * mean(x^2))^beta``.

    The mean is over ``size`` neighbouring channels, with zeros beyond the first and the last.

    Args:
        size: how many channels make a neighbourhood.
        alpha: the factor of the mean square.
        beta: the exponent.
        k: what is added.

    Shape:
        (N, C, *) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x = jnp.array([3.0, 4.0]).reshape(1, 2, 1)
        >>> nn.LocalResponseNorm(2, alpha=2.0, beta=1.0, k=0.0)(x).ravel()
        Array([0.33333334, 0.16      ], dtype=float32)
    """
    size: int
    alpha: float
    beta: float
    k: float
    def __init__(self, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class CrossMapLRN2d(LayerModule):
    """Local response normalisation of images, as `fnn.functional.cross_map_lrn2d`.

    Prefer `LocalResponseNorm`: this one reproduces an oddity of PyTorch's.

    Args:
        size: how many channels make a neighbourhood.
        alpha: the factor of the mean square.
        beta: the exponent.
        k: what is added.

    Shape:
        (N, C, H, W) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x = jnp.array([3.0, 4.0]).reshape(1, 2, 1, 1)
        >>> nn.CrossMapLRN2d(3, alpha=3.0, beta=1.0, k=0.0)(x).ravel()
        Array([0.12, 0.16], dtype=float32)
    """
    size: int
    alpha: float
    beta: float
    k: float
    def __init__(self, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LayerNorm(LayerModule):
    """Layer normalisation (arXiv:1607.06450): ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Mean and (biased) variance are taken over the last dimensions, the same while training and not.

    Args:
        normalized_shape: the sizes of the dimensions to normalise over; an int stands for one dimension.
        eps: added to the variance.
        elementwise_affine: whether there are weight and bias.
        bias: whether an affine layer has a bias.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (*normalized_shape), initially 1.
        bias: (*normalized_shape), initially 0.

    Shape:
        (*, *normalized_shape) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.LayerNorm(2, eps=0.0)
        >>> norm(jnp.array([[3.0, 5.0]]))
        Array([[-1.,  1.]], dtype=float32)
    """
    normalized_shape: tuple[int, ...]
    eps: float
    elementwise_affine: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    bias: Parameter | None
    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-05,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class GroupNorm(LayerModule):
    """Group normalisation (arXiv:1803.08494): ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Mean and (biased) variance are taken over each group of channels and space, sample by sample, the same while
    training and not.

    Args:
        num_groups: how many groups the channels are divided into.
        num_channels: C, a multiple of ``num_groups``.
        eps: added to the variance.
        affine: whether there are weight and bias.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (C,), initially 1.
        bias: (C,), initially 0.

    Shape:
        (N, C, *) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.GroupNorm(1, 2, eps=0.0)
        >>> norm(jnp.array([[3.0, 5.0]]))
        Array([[-1.,  1.]], dtype=float32)
    """
    num_groups: int
    num_channels: int
    eps: float
    affine: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    bias: Parameter | None
    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-05,
        affine: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class RMSNorm(LayerModule):
    """Root-mean-square normalisation (arXiv:1910.07467): ``x / sqrt(mean(x^2) + eps) * weight``.

    Args:
        normalized_shape: the sizes of the dimensions to normalise over; an int stands for one dimension.
        eps: added to the mean square; None: the machine epsilon of the dtype that it is computed in.
        elementwise_affine: whether there is a weight.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (*normalized_shape), initially 1.

    Shape:
        (*, *normalized_shape) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> norm = nn.RMSNorm(2)
        >>> norm(jnp.array([[1.0, 7.0]]))
        Array([[0.2, 1.4]], dtype=float32)
    """
    normalized_shape: tuple[int, ...]
    eps: float | None
    elementwise_affine: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter | None
    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, x: ArrayLike) -> jax.Array: ...
