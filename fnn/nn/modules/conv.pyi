"""Written by tools/make_stubs.py from conv.py and its layers; do not edit."""

import jax
from collections.abc import Sequence
from typing import Any
from fnn.state.parameter import Parameter
from fnn.typing import ArrayLike, DType, Device, Ints
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.modules.lazy import LazyLeaf

__all__ = ['Conv1d', 'Conv2d', 'Conv3d', 'ConvTranspose1d', 'ConvTranspose2d', 'ConvTranspose3d', 'LazyConv1d', 'LazyConv2d', 'LazyConv3d', 'LazyConvTranspose1d', 'LazyConvTranspose2d', 'LazyConvTranspose3d']

class _ConvNd(LayerModule):
    """Base of all convolutions, transposed ones included, for ``isinstance``."""
    def _conv_forward(self, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None) -> jax.Array:
        """The convolution with another weight and bias, which subclasses of PyTorch's classes call."""
        ...

class _ConvTransposeNd(_ConvNd):
    """Base of the transposed convolutions, for ``isinstance``."""
    ...

class Conv1d(_ConvNd):
    """A convolution over a signal: ``out[n, o] = bias[o] + sum over c of weight[o, c] ⋆ input[n, c]``.

    ⋆ is cross-correlation: the kernel is not mirrored.

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: k.
        stride: step between two outputs.
        padding: entries added at both ends, ``"valid"`` (none), or ``"same"`` (output as long as the input).
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels that do not see each other; divides C and O.
        bias: whether to add a learnable bias.
        padding_mode: what the added entries hold: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (O, C / groups, k), uniform in ±1 / sqrt(C / groups * k).
        bias: (O,), from the same distribution.

    Shape:
        (N, C, L) or (C, L) -> (N, O, M) or (O, M),
        ``M = (L + 2 * padding - dilation * (k - 1) - 1) // stride + 1``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.Conv1d(16, 33, 3, stride=2)
        >>> module(jnp.ones((20, 16, 50))).shape
        (20, 33, 24)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    padding_mode: str
    device: Device | None
    dtype: DType | None
    output_padding: tuple[int, ...]
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Ints | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Conv2d(_ConvNd):
    """A convolution over an image: ``out[n, o] = bias[o] + sum over c of weight[o, c] ⋆ input[n, c]``.

    ⋆ is cross-correlation: the kernel is not mirrored.  With ``groups=in_channels`` it is depthwise.

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: (k0, k1); one int stands for both, as in the next three.
        stride: step between two outputs.
        padding: entries added on all sides, ``"valid"`` (none), or ``"same"`` (output as large as the input).
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels that do not see each other; divides C and O.
        bias: whether to add a learnable bias.
        padding_mode: what the added entries hold: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (O, C / groups, k0, k1), uniform in ±1 / sqrt(C / groups * k0 * k1).
        bias: (O,), from the same distribution.

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, O, H', W') or (O, H', W'),
        ``H' = (H + 2 * padding - dilation * (k0 - 1) - 1) // stride + 1``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 2))
        >>> module(jnp.ones((4, 3, 32, 32))).shape
        (4, 8, 16, 32)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    padding_mode: str
    device: Device | None
    dtype: DType | None
    output_padding: tuple[int, ...]
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Ints | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Conv3d(_ConvNd):
    """A convolution over a volume: ``out[n, o] = bias[o] + sum over c of weight[o, c] ⋆ input[n, c]``.

    ⋆ is cross-correlation: the kernel is not mirrored.

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: (k0, k1, k2); one int stands for all, as in the next three.
        stride: step between two outputs.
        padding: entries added on all sides, ``"valid"`` (none), or ``"same"`` (output as large as the input).
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels that do not see each other; divides C and O.
        bias: whether to add a learnable bias.
        padding_mode: what the added entries hold: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (O, C / groups, k0, k1, k2), uniform in ±1 / sqrt(C / groups * k0 * k1 * k2).
        bias: (O,), from the same distribution.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> (N, O, D', H', W') or (O, D', H', W'),
        ``D' = (D + 2 * padding - dilation * (k0 - 1) - 1) // stride + 1``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.Conv3d(2, 4, 3, padding="same")
        >>> module(jnp.ones((2, 5, 6, 7))).shape
        (4, 5, 6, 7)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    padding_mode: str
    device: Device | None
    dtype: DType | None
    output_padding: tuple[int, ...]
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Ints | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ConvTranspose1d(_ConvTransposeNd):
    """The adjoint of a convolution over a signal (a fractionally strided convolution, a "deconvolution").

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: k.
        stride: step between two copies of the filter in the output.
        padding: entries cut off both ends of the output.
        output_padding: entries added to the far end, to tell apart the sizes that a stride confuses.
        groups: number of blocks of channels that do not see each other; divides C and O.
        bias: whether to add a learnable bias.
        dilation: step between two elements of the kernel.
        padding_mode: only ``"zeros"``.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (C, O / groups, k), uniform in ±1 / sqrt(O / groups * k).
        bias: (O,), from the same distribution.

    Shape:
        (N, C, L) or (C, L) -> (N, O, M) or (O, M),
        ``M = (L - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1``.
        A second input ``output_size`` chooses M among the sizes that the stride confuses.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.ConvTranspose1d(4, 2, 4, stride=2, padding=1)
        >>> module(jnp.ones((1, 4, 8))).shape
        (1, 2, 16)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    dilation: tuple[int, ...]
    padding_mode: str
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> jax.Array: ...

class ConvTranspose2d(_ConvTransposeNd):
    """The adjoint of a convolution over an image (a fractionally strided convolution, a "deconvolution").

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: (k0, k1); one int stands for both, as in the next three and ``dilation``.
        stride: step between two copies of the filter in the output.
        padding: rows and columns cut off all sides of the output.
        output_padding: rows and columns added to the far sides, to tell apart the sizes that a stride confuses.
        groups: number of blocks of channels that do not see each other; divides C and O.
        bias: whether to add a learnable bias.
        dilation: step between two elements of the kernel.
        padding_mode: only ``"zeros"``.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (C, O / groups, k0, k1), uniform in ±1 / sqrt(O / groups * k0 * k1).
        bias: (O,), from the same distribution.

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, O, H', W') or (O, H', W'),
        ``H' = (H - 1) * stride - 2 * padding + dilation * (k0 - 1) + output_padding + 1``.
        A second input ``output_size`` chooses (H', W') among the sizes that the stride confuses.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1)
        >>> module(jnp.ones((1, 4, 6, 6)), output_size=(12, 12)).shape
        (1, 2, 12, 12)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    dilation: tuple[int, ...]
    padding_mode: str
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> jax.Array: ...

class ConvTranspose3d(_ConvTransposeNd):
    """The adjoint of a convolution over a volume (a fractionally strided convolution, a "deconvolution").

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: (k0, k1, k2); one int stands for all, as in the next three and ``dilation``.
        stride: step between two copies of the filter in the output.
        padding: entries cut off all sides of the output.
        output_padding: entries added to the far sides, to tell apart the sizes that a stride confuses.
        groups: number of blocks of channels that do not see each other; divides C and O.
        bias: whether to add a learnable bias.
        dilation: step between two elements of the kernel.
        padding_mode: only ``"zeros"``.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (C, O / groups, k0, k1, k2), uniform in ±1 / sqrt(O / groups * k0 * k1 * k2).
        bias: (O,), from the same distribution.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> (N, O, D', H', W') or (O, D', H', W'),
        ``D' = (D - 1) * stride - 2 * padding + dilation * (k0 - 1) + output_padding + 1``.
        A second input ``output_size`` chooses (D', H', W') among the sizes that the stride confuses.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.ConvTranspose3d(2, 4, 2, stride=2)
        >>> module(jnp.ones((1, 2, 2, 3, 4))).shape
        (1, 4, 4, 6, 8)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    dilation: tuple[int, ...]
    padding_mode: str
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> jax.Array: ...

class LazyConv1d(LazyLeaf, Conv1d):
    """A `Conv1d` that takes ``in_channels`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `Conv1d`, with the same `Parameter` objects.  All other arguments are those of `Conv1d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.LazyConv1d(33, 3, stride=2)
        >>> module(jnp.ones((20, 16, 50))).shape
        (20, 33, 24)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    padding_mode: str
    device: Device | None
    dtype: DType | None
    output_padding: tuple[int, ...]
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Ints | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LazyConv2d(LazyLeaf, Conv2d):
    """A `Conv2d` that takes ``in_channels`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `Conv2d`, with the same `Parameter` objects.  All other arguments are those of `Conv2d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.LazyConv2d(8, (3, 5), stride=(2, 1), padding=(1, 2))
        >>> module(jnp.ones((4, 3, 32, 32))).shape
        (4, 8, 16, 32)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    padding_mode: str
    device: Device | None
    dtype: DType | None
    output_padding: tuple[int, ...]
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Ints | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LazyConv3d(LazyLeaf, Conv3d):
    """A `Conv3d` that takes ``in_channels`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `Conv3d`, with the same `Parameter` objects.  All other arguments are those of `Conv3d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.LazyConv3d(4, 3, padding="same")
        >>> module(jnp.ones((2, 5, 6, 7))).shape
        (4, 5, 6, 7)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    padding_mode: str
    device: Device | None
    dtype: DType | None
    output_padding: tuple[int, ...]
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Ints | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LazyConvTranspose1d(LazyLeaf, ConvTranspose1d):
    """A `ConvTranspose1d` that takes ``in_channels`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `ConvTranspose1d`, with the same `Parameter` objects.  All other arguments are those of `ConvTranspose1d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.LazyConvTranspose1d(2, 4, stride=2, padding=1)
        >>> module(jnp.ones((1, 4, 8))).shape
        (1, 2, 16)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    dilation: tuple[int, ...]
    padding_mode: str
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> jax.Array: ...

class LazyConvTranspose2d(LazyLeaf, ConvTranspose2d):
    """A `ConvTranspose2d` that takes ``in_channels`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `ConvTranspose2d`, with the same `Parameter` objects.  All other arguments are those of `ConvTranspose2d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.LazyConvTranspose2d(2, 3, stride=2, padding=1)
        >>> module(jnp.ones((1, 4, 6, 6)), output_size=(12, 12)).shape
        (1, 2, 12, 12)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    dilation: tuple[int, ...]
    padding_mode: str
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> jax.Array: ...

class LazyConvTranspose3d(LazyLeaf, ConvTranspose3d):
    """A `ConvTranspose3d` that takes ``in_channels`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `ConvTranspose3d`, with the same `Parameter` objects.  All other arguments are those of `ConvTranspose3d`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.LazyConvTranspose3d(4, 2, stride=2)
        >>> module(jnp.ones((1, 2, 2, 3, 4))).shape
        (1, 4, 4, 6, 8)
    """
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    dilation: tuple[int, ...]
    padding_mode: str
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = 'zeros',
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> jax.Array: ...
