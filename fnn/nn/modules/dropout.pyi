"""Written by tools/make_stubs.py from dropout.py and its layers; do not edit."""

import jax
from typing import Any
from fnn.typing import ArrayLike
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['Dropout', 'Dropout1d', 'Dropout2d', 'Dropout3d', 'AlphaDropout', 'FeatureAlphaDropout']

class _DropoutNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class Dropout(_DropoutNd):
    """While training, sets each element to zero with probability ``p`` and divides the others by ``1 - p``.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).

    Args:
        p: the probability of an element to be dropped, from 0 to 1.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        input and output: any.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> layer = nn.Dropout(0.2)
        >>> y = layer(jnp.ones(1000))
        >>> sorted(set(y.tolist()))
        [0.0, 1.25]
    """
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Dropout1d(_DropoutNd):
    """While training, sets whole channels of a signal to zero with probability ``p``; divides the others by ``1 - p``.

    Args:
        p: the probability of a channel to be dropped, from 0 to 1.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        input and output: (N, C, L) or (C, L).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> y = nn.Dropout1d()(jnp.ones((8, 3)))
        >>> bool((y == y[:, :1]).all())
        True
    """
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Dropout2d(_DropoutNd):
    """While training, sets whole channels of an image to zero with probability ``p``; divides the others by ``1 - p``.

    Args:
        p: the probability of a channel to be dropped, from 0 to 1.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        input and output: (N, C, H, W); (N, C, L) with a warning.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> y = nn.Dropout2d()(jnp.ones((1, 8, 3, 3)))
        >>> bool((y == y[..., :1, :1]).all())
        True
    """
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Dropout3d(_DropoutNd):
    """While training, sets whole channels of a volume to zero with probability ``p``; divides the others by ``1 - p``.

    Args:
        p: the probability of a channel to be dropped, from 0 to 1.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        input and output: (N, C, D, H, W) or (C, D, H, W).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> y = nn.Dropout3d()(jnp.ones((8, 2, 2, 2)))
        >>> bool((y == y[..., :1, :1, :1]).all())
        True
    """
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class AlphaDropout(_DropoutNd):
    """While training, drops elements to SELU's negative limit and keeps mean 0 and variance 1.

    Klambauer et al., "Self-Normalizing Neural Networks" (2017), https://arxiv.org/abs/1706.02515

    Args:
        p: the probability of an element to be dropped, from 0 to 1.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        input and output: any.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> y = nn.AlphaDropout()(jnp.zeros(99))
        >>> sorted({round(v, 4) for v in y.tolist()})
        [-0.7792, 0.7792]
    """
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels.

    Args:
        p: the probability of a channel to be dropped, from 0 to 1.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        input and output: (N, C, ...).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> layer = nn.FeatureAlphaDropout()
        >>> y = layer(jnp.ones((1, 8, 3)))
        >>> bool((y == y[..., :1]).all())
        True
    """
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
