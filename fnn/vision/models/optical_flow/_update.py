"""RAFT's update: what it is told of the motion, the recurrent unit, and the heads that read its state."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["ConvGRU", "FlowHead", "MaskPredictor", "MotionEncoder", "RecurrentBlock", "UpdateBlock"]

Size = int | tuple[int, int]


def _unit(in_channels: int, out_channels: int, kernel_size: int) -> Conv2dNormActivation:
    return Conv2dNormActivation(in_channels, out_channels, norm_layer=None, kernel_size=kernel_size)


class MotionEncoder(nn.Module):
    """Features of the present flow and of the correlations at the places that it points to.

    Args:
        in_channels_corr: channels of the correlations.
        corr_layers: output channels of one or two convolutions of the correlations.
        flow_layers: output channels of two convolutions of the flow.
        out_channels: of the result, the last two of which are the flow itself.
    """

    def __init__(
        self,
        *,
        in_channels_corr: int,
        corr_layers: Sequence[int] = (256, 192),
        flow_layers: Sequence[int] = (128, 64),
        out_channels: int = 128,
    ) -> None:
        super().__init__()
        if len(flow_layers) != 2:
            raise ArgumentError(
                f"MotionEncoder: argument 'flow_layers' (={flow_layers!r}) must have 2 entries, not {len(flow_layers)}"
            )
        if len(corr_layers) not in (1, 2):
            raise ArgumentError(
                f"MotionEncoder: argument 'corr_layers' (={corr_layers!r}) must have 1 or 2 entries, "
                f"not {len(corr_layers)}"
            )
        self.convcorr1 = _unit(in_channels_corr, corr_layers[0], 1)
        self.convcorr2 = _unit(corr_layers[0], corr_layers[1], 3) if len(corr_layers) == 2 else nn.Identity()
        self.convflow1 = _unit(2, flow_layers[0], 7)
        self.convflow2 = _unit(flow_layers[0], flow_layers[1], 3)
        self.conv = _unit(corr_layers[-1] + flow_layers[-1], out_channels - 2, 3)
        self.out_channels = out_channels

    def forward(self, flow: jax.Array, corr_features: jax.Array) -> jax.Array:
        """(N, 2, H, W) and (N, in_channels_corr, H, W) -> (N, out_channels, H, W)."""
        corr = self.convcorr2(self.convcorr1(corr_features))
        both = jnp.concatenate([corr, self.convflow2(self.convflow1(flow))], 1)
        return jnp.concatenate([self.conv(both), flow], 1)


class ConvGRU(nn.Module):
    """A gated recurrent unit whose products are convolutions.

    Args:
        input_size: channels of the input.
        hidden_size: channels of the state.
        kernel_size: of the convolutions.
        padding: of the convolutions, which must keep the size.
    """

    def __init__(self, *, input_size: int, hidden_size: int, kernel_size: Size, padding: Size) -> None:
        super().__init__()
        both = hidden_size + input_size
        self.convz = nn.Conv2d(both, hidden_size, kernel_size=kernel_size, padding=padding)
        self.convr = nn.Conv2d(both, hidden_size, kernel_size=kernel_size, padding=padding)
        self.convq = nn.Conv2d(both, hidden_size, kernel_size=kernel_size, padding=padding)

    def forward(self, h: jax.Array, x: jax.Array) -> jax.Array:
        """The next state, as ``h``."""
        hx = jnp.concatenate([h, x], 1)
        z, r = F.sigmoid(self.convz(hx)), F.sigmoid(self.convr(hx))
        q = F.tanh(self.convq(jnp.concatenate([r * h, x], 1)))
        return (1 - z) * h + z * q


def _as_it_is(h: jax.Array, x: jax.Array) -> jax.Array:
    """In the place of a second unit; no Module, for which there would be a line in the print."""
    del x
    return h


class RecurrentBlock(nn.Module):
    """One or two `ConvGRU`, the second of which continues with the first one's state.

    Args:
        input_size: channels of the input.
        hidden_size: channels of the state.
        kernel_size: for each unit.
        padding: for each unit.
    """

    def __init__(
        self,
        *,
        input_size: int,
        hidden_size: int,
        kernel_size: Sequence[Size] = ((1, 5), (5, 1)),
        padding: Sequence[Size] = ((0, 2), (2, 0)),
    ) -> None:
        super().__init__()
        if len(kernel_size) != len(padding) or len(kernel_size) not in (1, 2):
            raise ArgumentError(
                f"RecurrentBlock: arguments 'kernel_size' (={kernel_size!r}) and 'padding' (={padding!r}) must both "
                "have 1 entry, or both 2"
            )
        units = [
            ConvGRU(input_size=input_size, hidden_size=hidden_size, kernel_size=kernel, padding=pad)
            for kernel, pad in zip(kernel_size, padding, strict=True)
        ]
        self.convgru1 = units[0]
        self.convgru2: Callable[..., jax.Array] = units[1] if len(units) == 2 else _as_it_is
        self.hidden_size = hidden_size

    def forward(self, h: jax.Array, x: jax.Array) -> jax.Array:
        """The next state, as ``h``."""
        return self.convgru2(self.convgru1(h, x), x)


class FlowHead(nn.Module):
    """By how much the flow changes, in terms of the state.

    Args:
        in_channels: channels of the state.
        hidden_size: channels between the two convolutions.
    """

    def __init__(self, *, in_channels: int, hidden_size: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, hidden_size, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden_size, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.conv2(self.relu(self.conv1(x)))


class UpdateBlock(nn.Module):
    """One step of RAFT: the next state, and by how much the flow changes.

    Args:
        motion_encoder: of the flow and the correlations, as `MotionEncoder`.
        recurrent_block: of the state, the context and the motion, as `RecurrentBlock`; has a ``hidden_size``.
        flow_head: of the state, as `FlowHead`.
    """

    def __init__(self, *, motion_encoder: nn.Module, recurrent_block: Any, flow_head: nn.Module) -> None:
        super().__init__()
        self.motion_encoder = motion_encoder
        self.recurrent_block = recurrent_block
        self.flow_head = flow_head
        self.hidden_state_size = recurrent_block.hidden_size

    def forward(
        self, hidden_state: jax.Array, context: jax.Array, corr_features: jax.Array, flow: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """All (N, C, H, W), with C of their own."""
        x = jnp.concatenate([context, self.motion_encoder(flow, corr_features)], 1)
        hidden_state = self.recurrent_block(hidden_state, x)
        return hidden_state, self.flow_head(hidden_state)


class MaskPredictor(nn.Module):
    """The logits with which a flow is brought to full resolution.

    Args:
        in_channels: channels of the state.
        hidden_size: channels between the two convolutions.
        multiplier: of the result, and so of the gradients of this branch.
    """

    def __init__(self, *, in_channels: int, hidden_size: int, multiplier: float = 0.25) -> None:
        super().__init__()
        self.convrelu = _unit(in_channels, hidden_size, 3)
        self.conv = nn.Conv2d(hidden_size, 8 * 8 * 9, 1, padding=0)
        self.multiplier = multiplier

    def forward(self, x: jax.Array) -> jax.Array:
        return self.multiplier * self.conv(self.convrelu(x))
