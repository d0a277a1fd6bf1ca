"""Blocks that several models are made of."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn

__all__ = [
    "MLP",
    "Conv2dNormActivation",
    "Conv3dNormActivation",
    "ConvNormActivation",
    "FrozenBatchNorm2d",
    "Permute",
    "SqueezeExcitation",
]

Make = Callable[..., nn.Module]


class ConvNormActivation(nn.Sequential):
    """A convolution, a normalisation and an activation; the base of the classes for 2 and for 3 dimensions.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        kernel_size: of the convolution.
        stride: of the convolution.
        padding: of the convolution. Default: half of what the dilated kernel covers, so that an odd kernel with
            stride 1 keeps the size.
        groups: of the convolution.
        norm_layer: makes a normalisation of so many channels; None for none.
        activation_layer: makes an activation; None for none.
        dilation: of the convolution.
        inplace: passed to the activation, unless it is None.
        bias: of the convolution. Default: where there is no normalisation.
        conv_layer: makes the convolution.

    Example:
        >>> Conv2dNormActivation(3, 8, norm_layer=None)
        Conv2dNormActivation(
          (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (1): ReLU(inplace=True)
        )
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...] = 3,
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str | None = None,
        groups: int = 1,
        norm_layer: Make | None = nn.BatchNorm2d,
        activation_layer: Make | None = nn.ReLU,
        dilation: int | tuple[int, ...] = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
        conv_layer: Make = nn.Conv2d,
    ) -> None:
        if padding is None:
            padding = _same_size(kernel_size, dilation)
        if bias is None:
            bias = norm_layer is None
        layers = [
            conv_layer(
                in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, groups=groups, bias=bias
            )
        ]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**_unless_none(inplace)))
        super().__init__(*layers)
        self.out_channels = out_channels
        if type(self) is ConvNormActivation:
            warnings.warn(
                "Don't use ConvNormActivation directly, please use Conv2dNormActivation and Conv3dNormActivation "
                "instead.",
                stacklevel=2,
            )


def _same_size(kernel_size: int | Sequence[int], dilation: int | Sequence[int]) -> int | tuple[int, ...]:
    if isinstance(kernel_size, int) and isinstance(dilation, int):
        return (kernel_size - 1) // 2 * dilation
    n = len(dilation) if isinstance(kernel_size, int) else len(kernel_size)  # pyright: ignore[reportArgumentType]
    kernels = (kernel_size,) * n if isinstance(kernel_size, int) else kernel_size
    dilations = (dilation,) * n if isinstance(dilation, int) else dilation
    return tuple((k - 1) // 2 * d for k, d in zip(kernels, dilations, strict=True))


def _unless_none(inplace: bool | None) -> dict[str, bool]:
    return {} if inplace is None else {"inplace": inplace}


class Conv2dNormActivation(ConvNormActivation):
    """A 2-d convolution, a normalisation and an activation.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        kernel_size: of the convolution.
        stride: of the convolution.
        padding: of the convolution. Default: an odd kernel with stride 1 keeps the size.
        groups: of the convolution.
        norm_layer: makes a normalisation of so many channels; None for none.
        activation_layer: makes an activation; None for none.
        dilation: of the convolution.
        inplace: passed to the activation, unless it is None.
        bias: of the convolution. Default: where there is no normalisation.

    >>> Conv2dNormActivation(3, 8, stride=2)
    Conv2dNormActivation(
      (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)
      (1): BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
      (2): ReLU(inplace=True)
    )
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int] = 3,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str | None = None,
        groups: int = 1,
        norm_layer: Make | None = nn.BatchNorm2d,
        activation_layer: Make | None = nn.ReLU,
        dilation: int | tuple[int, int] = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            groups,
            norm_layer,
            activation_layer,
            dilation,
            inplace,
            bias,
            nn.Conv2d,
        )


class Conv3dNormActivation(ConvNormActivation):
    """A 3-d convolution, a normalisation and an activation; arguments as for `Conv2dNormActivation`.

    Example:
        >>> Conv3dNormActivation(3, 8)
        Conv3dNormActivation(
          (0): Conv3d(3, 8, kernel_size=(3, 3, 3), stride=(1, 1, 1), padding=(1, 1, 1), bias=False)
          (1): BatchNorm3d(8, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
          (2): ReLU(inplace=True)
        )
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int, int] = 3,
        stride: int | tuple[int, int, int] = 1,
        padding: int | tuple[int, int, int] | str | None = None,
        groups: int = 1,
        norm_layer: Make | None = nn.BatchNorm3d,
        activation_layer: Make | None = nn.ReLU,
        dilation: int | tuple[int, int, int] = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            groups,
            norm_layer,
            activation_layer,
            dilation,
            inplace,
            bias,
            nn.Conv3d,
        )


class SqueezeExcitation(nn.Module):
    """Scales each channel by a number in terms of all channels' means (Hu et al., arXiv:1709.01507).

    Args:
        input_channels: channels of input and output.
        squeeze_channels: channels between the two 1x1 convolutions.
        activation: makes the activation between them.
        scale_activation: makes the activation that gives the factors.

    Example:
        >>> SqueezeExcitation(8, 2)(jnp.ones((1, 8, 4, 4))).shape
        (1, 8, 4, 4)
    """

    def __init__(
        self,
        input_channels: int,
        squeeze_channels: int,
        activation: Make = nn.ReLU,
        scale_activation: Make = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation()
        self.scale_activation = scale_activation()

    def _scale(self, input: jax.Array) -> jax.Array:
        scale = self.activation(self.fc1(self.avgpool(input)))
        return self.scale_activation(self.fc2(scale))  # (N, C, 1, 1)

    def forward(self, input: jax.Array) -> jax.Array:
        return self._scale(input) * input


class FrozenBatchNorm2d(nn.Module):
    """BatchNorm2d in inference, with fixed statistics and a fixed affine map.

    Args:
        num_features: C of the input (N, C, H, W).
        eps: added to the variance.

    Example:
        >>> norm = FrozenBatchNorm2d(3, eps=0.0)
        >>> norm.running_mean = jnp.ones(3)
        >>> norm(3 * jnp.ones((1, 3, 1, 1))).ravel().tolist()
        [2.0, 2.0, 2.0]
        >>> list(norm.parameters())
        []
    """

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", jnp.ones(num_features))
        self.register_buffer("bias", jnp.zeros(num_features))
        self.register_buffer("running_mean", jnp.zeros(num_features))
        self.register_buffer("running_var", jnp.ones(num_features))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        state_dict.pop(prefix + "num_batches_tracked", None)  # of an ordinary BatchNorm2d
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def forward(self, x: jax.Array) -> jax.Array:
        scale = self.weight * jax.lax.rsqrt(self.running_var + self.eps)
        bias = self.bias - self.running_mean * scale
        return x * scale.reshape(1, -1, 1, 1) + bias.reshape(1, -1, 1, 1)

    def __repr__(self) -> str:
        return f"{self._get_name()}({self.weight.shape[0]}, eps={self.eps})"


class MLP(nn.Sequential):
    """Linear layers, with normalisation, activation and dropout between them, and a dropout at the end.

    Args:
        in_channels: input channels.
        hidden_channels: output channels of each linear layer.
        norm_layer: makes a normalisation of so many channels; None for none.
        activation_layer: makes an activation.
        inplace: passed to activations and dropouts, unless it is None.
        bias: of the linear layers.
        dropout: the probability of every dropout.

    Example:
        >>> MLP(4, [8, 2])
        MLP(
          (0): Linear(in_features=4, out_features=8, bias=True)
          (1): ReLU()
          (2): Dropout(p=0.0, inplace=False)
          (3): Linear(in_features=8, out_features=2, bias=True)
          (4): Dropout(p=0.0, inplace=False)
        )
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: Sequence[int],
        norm_layer: Make | None = None,
        activation_layer: Make = nn.ReLU,
        inplace: bool | None = None,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        options = _unless_none(inplace)
        layers: list[nn.Module] = []
        channels = in_channels
        for hidden in hidden_channels[:-1]:
            layers.append(nn.Linear(channels, hidden, bias=bias))
            if norm_layer is not None:
                layers.append(norm_layer(hidden))
            layers += [activation_layer(**options), nn.Dropout(dropout, **options)]
            channels = hidden
        layers += [nn.Linear(channels, hidden_channels[-1], bias=bias), nn.Dropout(dropout, **options)]
        super().__init__(*layers)


class Permute(nn.Module):
    """Reorders the axes.

    Args:
        dims: for each axis of the output, the one of the input.

    Example:
        >>> Permute((0, 2, 3, 1))(jnp.ones((1, 3, 4, 5))).shape
        (1, 4, 5, 3)
    """

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: jax.Array) -> jax.Array:
        return jnp.transpose(x, self.dims)
