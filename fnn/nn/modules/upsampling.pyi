"""Written by tools/make_stubs.py from upsampling.py and its layers; do not edit."""

import jax
from typing import Any
from fnn.typing import ArrayLike, Floats, Ints
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['Upsample', 'UpsamplingNearest2d', 'UpsamplingBilinear2d']

class Upsample(LayerModule):
    """Resizes the spatial axes to ``size``, or by ``scale_factor``, with `fnn.functional.interpolate`.

    Args:
        size: the new sizes, one number or one an axis.
        scale_factor: instead of it, the ratio of new and old size, one number or one an axis.
        mode: "nearest", "linear", "bilinear", "bicubic" or "trilinear" (and what else `interpolate` knows).
        align_corners: whether the centres of the corner elements coincide; for all modes but nearest.
        recompute_scale_factor: interpolate with the ratio of the rounded sizes instead of ``scale_factor``.

    Shape:
        input: (N, C, L), (N, C, H, W) or (N, C, D, H, W).
        output: (N, C, *size), or ``floor(size * scale_factor)``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Upsample(scale_factor=2)(jnp.array([[[0.0, 4.0]]])).tolist()
        [[[0.0, 0.0, 4.0, 4.0]]]
    """
    size: Ints | None
    scale_factor: Floats | None
    mode: str
    align_corners: bool | None
    recompute_scale_factor: bool | None
    name: str
    def __init__(
        self,
        size: Ints | None = None,
        scale_factor: Floats | None = None,
        mode: str = 'nearest',
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class UpsamplingNearest2d(Upsample):
    """Resizes an image by repeating the nearest element: `Upsample` with ``mode="nearest"``.

    Args:
        size: the new (H, W), or one number for both.
        scale_factor: instead of it, the ratio of new and old size, one number or two.

    Shape:
        input: (N, C, H, W).
        output: (N, C, *size).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.UpsamplingNearest2d(scale_factor=2)(jnp.ones((1, 1, 1, 1))).tolist()
        [[[[1.0, 1.0], [1.0, 1.0]]]]
    """
    size: Ints | None
    scale_factor: Floats | None
    mode: str
    align_corners: bool | None
    recompute_scale_factor: bool | None
    name: str
    def __init__(self, size: Ints | None = None, scale_factor: Floats | None = None) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class UpsamplingBilinear2d(Upsample):
    """Resizes an image linearly, corner on corner: `Upsample` with ``mode="bilinear", align_corners=True``.

    Args:
        size: the new (H, W), or one number for both.
        scale_factor: instead of it, the ratio of new and old size, one number or two.

    Shape:
        input: (N, C, H, W).
        output: (N, C, *size).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> x = jnp.array([[[[0.0, 2.0]]]])
        >>> nn.UpsamplingBilinear2d((1, 3))(x).tolist()
        [[[[0.0, 1.0, 2.0]]]]
    """
    size: Ints | None
    scale_factor: Floats | None
    mode: str
    align_corners: bool | None
    recompute_scale_factor: bool | None
    name: str
    def __init__(self, size: Ints | None = None, scale_factor: Floats | None = None) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
