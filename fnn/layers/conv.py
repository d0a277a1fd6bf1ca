"""Convolutions and transposed convolutions in one, two and three dimensions, each defined once for any rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, cast

import jax

from fnn import init, random
from fnn.arguments import integer, integers, listed, ntuple
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import conv, conv_transpose, padding
from fnn.layers.layer import Layer, Params, State, given
from fnn.typing import ArrayLike, Device, DType, Held, Ints, Key, Tupled

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_CONV = {1: conv.conv1d, 2: conv.conv2d, 3: conv.conv3d}
_CONV_TRANSPOSE = {
    1: conv_transpose.conv_transpose1d,
    2: conv_transpose.conv_transpose2d,
    3: conv_transpose.conv_transpose3d,
}


class _ConvNd(Layer):
    """Base of layers that share what follows.

    Args:
        in_channels: C.
        out_channels: O.
        stride: step between two outputs.
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels that do not see each other; divides C and O.
        bias: whether to add a learnable bias.
        padding_mode: what the added entries hold: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.

    Attributes:
        bias: (O,), from the same distribution.
    """

    RANK: ClassVar[int]
    PARAMS: ClassVar[tuple[str, ...]] = ("weight", "bias")
    transposed: ClassVar[bool] = False

    in_channels: int
    out_channels: int
    kernel_size: Tupled
    stride: Tupled = given(default=1)
    padding: Held[Ints | str, tuple[int, ...] | str] = given(default=0)
    dilation: Tupled = given(default=1)
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        _normalise(self)
        name, modes = type(self).__name__, ("zeros", "reflect", "replicate", "circular")
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ArgumentError(
                    f"{name}: Invalid padding string {self.padding!r}, should be one of ('same', 'valid')"
                )
            if self.padding == "same" and any(s != 1 for s in self.stride):
                raise ArgumentError(
                    f"{name}: padding='same' is not supported for strided convolutions, got stride={self.stride}"
                )
        if self.padding_mode not in modes:
            raise ArgumentError(
                f"{name}: padding_mode must be one of {modes}, but got padding_mode='{self.padding_mode}'"
            )

    @property
    def output_padding(self) -> tuple[int, ...]:
        """Zeros: what a transposed convolution has."""
        return (0,) * self.RANK

    @property
    def _reversed_padding_repeated_twice(self) -> tuple[int, ...]:
        """The padding as `fnn.functional.pad` takes it: (low, high) from the last axis backwards."""
        if self.padding == "valid":
            return (0, 0) * self.RANK
        if self.padding == "same":
            spans = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            return tuple(p for span in reversed(spans) for p in (span // 2, span - span // 2))
        amounts = cast("tuple[int, ...]", self.padding)
        amounts = amounts if len(amounts) == self.RANK else amounts * self.RANK
        return tuple(p for p in reversed(amounts) for _ in range(2))

    def init(self, key: Key) -> tuple[Params, State]:
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        return _init(self, shape, key), {}

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del training, key
        return self._conv_forward(input, params["weight"], params.get("bias")), state

    def _conv_forward(self, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None) -> jax.Array:
        convolution = _CONV[self.RANK]
        if self.padding_mode == "zeros":
            return convolution(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        padded = padding.pad(input, self._reversed_padding_repeated_twice, self.padding_mode)
        return convolution(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

    def extra_repr(self) -> str:
        return _extra_repr(self)


class Conv1d(_ConvNd):
    """A convolution over a signal: ``out[n, o] = bias[o] + sum over c of weight[o, c] ⋆ input[n, c]``.

    ⋆ is cross-correlation: the kernel is not mirrored.

    Args:
        kernel_size: k.
        padding: entries added at both ends, ``"valid"`` (none), or ``"same"`` (output as long as the input).

    Attributes:
        weight: (O, C / groups, k), uniform in ±1 / sqrt(C / groups * k).

    Shape:
        (N, C, L) or (C, L) -> (N, O, M) or (O, M),
        ``M = (L + 2 * padding - dilation * (k - 1) - 1) // stride + 1``.

    Example:
        >>> init, apply = layers.Conv1d(16, 33, 3, stride=2)
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.ones((20, 16, 50)))[0].shape
        (20, 33, 24)
    """

    RANK = 1


class Conv2d(_ConvNd):
    """A convolution over an image: ``out[n, o] = bias[o] + sum over c of weight[o, c] ⋆ input[n, c]``.

    ⋆ is cross-correlation: the kernel is not mirrored.  With ``groups=in_channels`` it is depthwise.

    Args:
        kernel_size: (k0, k1); one int stands for both, as in the next three.
        padding: entries added on all sides, ``"valid"`` (none), or ``"same"`` (output as large as the input).

    Attributes:
        weight: (O, C / groups, k0, k1), uniform in ±1 / sqrt(C / groups * k0 * k1).

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, O, H', W') or (O, H', W'),
        ``H' = (H + 2 * padding - dilation * (k0 - 1) - 1) // stride + 1``.

    Example:
        >>> init, apply = layers.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 2))
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.ones((4, 3, 32, 32)))[0].shape
        (4, 8, 16, 32)
    """

    RANK = 2


class Conv3d(_ConvNd):
    """A convolution over a volume: ``out[n, o] = bias[o] + sum over c of weight[o, c] ⋆ input[n, c]``.

    ⋆ is cross-correlation: the kernel is not mirrored.

    Args:
        kernel_size: (k0, k1, k2); one int stands for all, as in the next three.
        padding: entries added on all sides, ``"valid"`` (none), or ``"same"`` (output as large as the input).

    Attributes:
        weight: (O, C / groups, k0, k1, k2), uniform in ±1 / sqrt(C / groups * k0 * k1 * k2).

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> (N, O, D', H', W') or (O, D', H', W'),
        ``D' = (D + 2 * padding - dilation * (k0 - 1) - 1) // stride + 1``.

    Example:
        >>> init, apply = layers.Conv3d(2, 4, 3, padding="same")
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.ones((2, 5, 6, 7)))[0].shape
        (4, 5, 6, 7)
    """

    RANK = 3


class _ConvTransposeNd(Layer):
    """Base of layers that share what follows.

    Args:
        in_channels: C.
        out_channels: O.
        stride: step between two copies of the filter in the output.
        groups: number of blocks of channels that do not see each other; divides C and O.
        bias: whether to add a learnable bias.
        dilation: step between two elements of the kernel.
        padding_mode: only ``"zeros"``.

    Attributes:
        bias: (O,), from the same distribution.
    """

    RANK: ClassVar[int]
    PARAMS: ClassVar[tuple[str, ...]] = ("weight", "bias")
    transposed: ClassVar[bool] = True

    in_channels: int
    out_channels: int
    kernel_size: Tupled
    stride: Tupled = given(default=1)
    padding: Tupled = given(default=0)
    output_padding: Tupled = given(default=0)
    groups: int = 1
    bias: bool = True
    dilation: Tupled = given(default=1)
    padding_mode: str = "zeros"
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        if self.padding_mode != "zeros":
            raise ArgumentError(
                f'{type(self).__name__}: Only "zeros" padding mode is supported for {type(self).__name__}, '
                f"got padding_mode={self.padding_mode!r}"
            )
        _normalise(self)
        self._set(output_padding=_spatial(self, "output_padding"))

    def init(self, key: Key) -> tuple[Params, State]:
        shape = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        return _init(self, shape, key), {}

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        output_size: Sequence[int] | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del training, key
        extra = self.output_padding if output_size is None else self._output_padding(input, output_size)
        y = _CONV_TRANSPOSE[self.RANK](
            input, params["weight"], params.get("bias"), self.stride, self.padding, extra, self.groups, self.dilation
        )
        return y, state

    def _output_padding(self, input: ArrayLike, output_size: Sequence[int]) -> tuple[int, ...]:
        """The output padding that leads to ``output_size``."""
        rank = self.RANK
        shape = to_array(input, "input", f"{type(self).__name__}: ").shape
        sizes = integers(output_size, "output_size", f"{type(self).__name__}: ")
        if isinstance(sizes, int):
            raise ArgumentTypeError(
                f"{type(self).__name__}: argument 'output_size' must be a list of ints, not int (={sizes})"
            )
        lead = 2 if len(shape) == rank + 2 else 1
        if len(sizes) not in (rank, lead + rank) or len(shape) < rank:
            raise ArgumentError(
                f"ConvTranspose{rank}D: for {len(shape)}D input, output_size must have {rank} or {lead + rank} "
                f"elements (got {len(sizes)})"
            )
        sizes = sizes[-rank:]
        expanded = [v * rank if len(v) == 1 else v for v in (self.stride, self.padding, self.dilation)]
        along = list(zip(shape[-rank:], *expanded, self.kernel_size, strict=True))
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in along]
        most = [size + s - 1 for size, s in zip(least, expanded[0], strict=True)]
        if any(not low <= size <= high for low, size, high in zip(least, sizes, most, strict=True)):
            raise ArgumentError(
                f"requested an output size of {listed(sizes)}, but valid sizes range from "
                f"{least} to {most} (for an input of {listed(shape[-rank:])})"
            )
        return tuple(size - low for size, low in zip(sizes, least, strict=True))

    def extra_repr(self) -> str:
        return _extra_repr(self)


class ConvTranspose1d(_ConvTransposeNd):
    """The adjoint of a convolution over a signal (a fractionally strided convolution, a "deconvolution").

    Args:
        kernel_size: k.
        padding: entries cut off both ends of the output.
        output_padding: entries added to the far end, to tell apart the sizes that a stride confuses.

    Attributes:
        weight: (C, O / groups, k), uniform in ±1 / sqrt(O / groups * k).

    Shape:
        (N, C, L) or (C, L) -> (N, O, M) or (O, M),
        ``M = (L - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1``.
        A second input ``output_size`` chooses M among the sizes that the stride confuses.

    Example:
        >>> init, apply = layers.ConvTranspose1d(4, 2, 4, stride=2, padding=1)
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.ones((1, 4, 8)))[0].shape
        (1, 2, 16)
    """

    RANK = 1


class ConvTranspose2d(_ConvTransposeNd):
    """The adjoint of a convolution over an image (a fractionally strided convolution, a "deconvolution").

    Args:
        kernel_size: (k0, k1); one int stands for both, as in the next three and ``dilation``.
        padding: rows and columns cut off all sides of the output.
        output_padding: rows and columns added to the far sides, to tell apart the sizes that a stride confuses.

    Attributes:
        weight: (C, O / groups, k0, k1), uniform in ±1 / sqrt(O / groups * k0 * k1).

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, O, H', W') or (O, H', W'),
        ``H' = (H - 1) * stride - 2 * padding + dilation * (k0 - 1) + output_padding + 1``.
        A second input ``output_size`` chooses (H', W') among the sizes that the stride confuses.

    Example:
        >>> init, apply = layers.ConvTranspose2d(4, 2, 3, stride=2, padding=1)
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.ones((1, 4, 6, 6)), output_size=(12, 12))[0].shape
        (1, 2, 12, 12)
    """

    RANK = 2


class ConvTranspose3d(_ConvTransposeNd):
    """The adjoint of a convolution over a volume (a fractionally strided convolution, a "deconvolution").

    Args:
        kernel_size: (k0, k1, k2); one int stands for all, as in the next three and ``dilation``.
        padding: entries cut off all sides of the output.
        output_padding: entries added to the far sides, to tell apart the sizes that a stride confuses.

    Attributes:
        weight: (C, O / groups, k0, k1, k2), uniform in ±1 / sqrt(O / groups * k0 * k1 * k2).

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> (N, O, D', H', W') or (O, D', H', W'),
        ``D' = (D - 1) * stride - 2 * padding + dilation * (k0 - 1) + output_padding + 1``.
        A second input ``output_size`` chooses (D', H', W') among the sizes that the stride confuses.

    Example:
        >>> init, apply = layers.ConvTranspose3d(2, 4, 2, stride=2)
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.ones((1, 2, 2, 3, 4)))[0].shape
        (1, 4, 4, 6, 8)
    """

    RANK = 3


def _normalise(layer: _ConvNd | _ConvTransposeNd) -> None:
    where = f"{type(layer).__name__}: "
    for name in ("in_channels", "out_channels", "groups"):
        layer._set(**{name: integer(getattr(layer, name), name, where)})
    for name in ("kernel_size", "stride", "dilation"):
        layer._set(**{name: _spatial(layer, name)})
    if layer.transposed or not isinstance(layer.padding, str):
        layer._set(padding=_spatial(layer, "padding"))
    layer._set(bias=bool(layer.bias))
    if layer.groups <= 0:
        raise ArgumentError(f"{where}groups must be a positive integer, got groups={layer.groups}")
    for name in ("in_channels", "out_channels"):
        channels = getattr(layer, name)
        if channels % layer.groups:
            raise ArgumentError(
                f"{where}{name} must be divisible by groups, got {name}={channels}, groups={layer.groups}"
            )
        if channels < 0:
            raise ArgumentError(f"{where}{name} must not be a negative dimension, got {name}={channels}")
    if len(layer.kernel_size) != layer.RANK or min(layer.kernel_size) < 0:
        raise ArgumentError(
            f"{where}kernel_size must be {layer.RANK} sizes without a negative dimension, "
            f"got kernel_size={layer.kernel_size}"
        )


def _spatial(layer: _ConvNd | _ConvTransposeNd, name: str) -> tuple[int, ...]:
    where = f"{type(layer).__name__}: "
    values = ntuple(getattr(layer, name), layer.RANK, name, where)
    if len(values) not in (1, layer.RANK):
        raise ArgumentError(
            f"{where}expected {name} to be a single integer value or a list of {layer.RANK} values to match the "
            f"convolution dimensions, but got {name}={listed(values)}"
        )
    return values


def _init(layer: _ConvNd | _ConvTransposeNd, shape: tuple[int, ...], key: Key) -> Params:
    """Kaiming uniform with a = sqrt(5) is uniform in ±1 / sqrt(fan_in), for the weight as for the bias."""
    stream = random.stream(key)
    params = {"weight": init.kaiming_uniform(stream(), shape, layer.dtype, a=math.sqrt(5))}
    if layer.bias:
        fan_in, _ = init.fan_in_and_fan_out(shape)
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
        params["bias"] = init.uniform(stream(), (layer.out_channels,), layer.dtype, low=-bound, high=bound)
    return params


def _extra_repr(layer: _ConvNd | _ConvTransposeNd) -> str:
    shown = [f"{layer.in_channels}, {layer.out_channels}, kernel_size={layer.kernel_size}, stride={layer.stride}"]
    for name, default in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
        value = getattr(layer, name)
        if value != (default,) * len(value):
            shown.append(f"{name}={value}")
    if layer.groups != 1:
        shown.append(f"groups={layer.groups}")
    if not layer.bias:
        shown.append("bias=False")
    if layer.padding_mode != "zeros":
        shown.append(f"padding_mode={layer.padding_mode}")
    return ", ".join(shown)
