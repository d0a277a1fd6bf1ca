"""RAFT (Teed and Deng, arXiv:2003.12039)."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.models._registry import build, builder
from fnn.vision.models.optical_flow._correlation import CorrBlock, pixels, upsampled
from fnn.vision.models.optical_flow._encoder import BottleneckBlock, FeatureEncoder, ResidualBlock
from fnn.vision.models.optical_flow._update import ConvGRU as ConvGRU
from fnn.vision.models.optical_flow._update import (
    FlowHead,
    MaskPredictor,
    MotionEncoder,
    RecurrentBlock,
    UpdateBlock,
)
from fnn.vision.models.optical_flow._weights import Raft_Large_Weights, Raft_Small_Weights

__all__ = ["RAFT", "Raft_Large_Weights", "Raft_Small_Weights", "raft_large", "raft_small"]


class RAFT(nn.Module):
    """Finds a flow by repeated small changes, each in terms of how well the places it points to fit.

    Args:
        feature_encoder: of both images, to an eighth of their resolution, as `FeatureEncoder`.
        context_encoder: of the first image, likewise. The first channels of what it gives are the initial state, the
            others the context.
        corr_block: has ``build_pyramid(fmap1, fmap2)``, after which ``index_pyramid(centroids_coords=...)`` gives the
            correlations at places, as `CorrBlock`. Each call of the model works with a shallow copy of it.
        update_block: changes state and flow, as `UpdateBlock`; has a ``hidden_state_size``.
        mask_predictor: predicts how the flow is brought to full resolution, as `MaskPredictor`. Default: bilinearly.

    Raises:
        ArgumentError: ``update_block`` has no ``hidden_state_size``.

    Shape:
        Two images (N, 3, H, W), in [-1, 1], with H and W multiples of 8, of at least 128 for four levels of
        correlations -> a list of flows (N, 2, H, W), (x, y) in pixels, one for each update.

    Example:
        >>> from fnn.vision.models import optical_flow
        >>> model = optical_flow.raft_small()
        >>> sum(p.numel() for p in model.parameters())
        990162
        >>> flows = model(image1, image2, num_flow_updates=20)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        feature_encoder: nn.Module,
        context_encoder: nn.Module,
        corr_block: Any,
        update_block: Any,
        mask_predictor: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.feature_encoder = feature_encoder
        self.context_encoder = context_encoder
        self.corr_block = corr_block
        self.update_block = update_block
        self.mask_predictor = mask_predictor
        if not hasattr(update_block, "hidden_state_size"):
            raise ArgumentError("RAFT: argument 'update_block' must have an attribute 'hidden_state_size'")

    def forward(self, image1: jax.Array, image2: jax.Array, num_flow_updates: int = 12) -> list[jax.Array]:
        n, _, h, w = image1.shape
        if image2.shape[-2:] != (h, w):
            raise ArgumentError(f"RAFT: the images must have the same size, got {(h, w)} and {image2.shape[-2:]}")
        if h % 8 or w % 8:
            raise ArgumentError(f"RAFT: 8 must divide the images' height and width, got {(h, w)}")
        size = (h // 8, w // 8)
        both = jnp.concatenate([image1, image2])
        fmap1, fmap2 = jnp.split(_downsampled("feature_encoder", self.feature_encoder, size, both), 2)
        correlations = copy.copy(self.corr_block)  # so that no traced array stays behind in the model
        correlations.build_pyramid(fmap1, fmap2)

        out = _downsampled("context_encoder", self.context_encoder, size, image1)
        state_size = self.update_block.hidden_state_size
        if out.shape[1] <= state_size:
            raise ArgumentError(
                f"RAFT: the context encoder must give more channels than the state's {state_size}, got {out.shape[1]}"
            )
        state, context = F.tanh(out[:, :state_size]), F.relu(out[:, state_size:])

        start = pixels(n, *size, like=fmap1)
        places, flows = start, []
        for _ in range(num_flow_updates):
            places = lax.stop_gradient(places)  # as the paper has it: each update learns on its own
            found = correlations.index_pyramid(centroids_coords=places).astype(out.dtype)
            state, change = self.update_block(state, context, found, (places - start).astype(out.dtype))
            places = places + change.astype(places.dtype)
            mask = None if self.mask_predictor is None else self.mask_predictor(state)
            flows.append(upsampled(places - start, mask))
        return flows


def _downsampled(name: str, encoder: nn.Module, size: tuple[int, int], images: jax.Array) -> jax.Array:
    maps = encoder(images)
    if maps.shape[-2:] != size:
        raise ArgumentError(f"RAFT: the {name} must give an eighth of the resolution, {size}, got {maps.shape[-2:]}")
    return maps


def _raft(
    *,
    block: Callable[..., nn.Module],
    feature_layers: Sequence[int],
    context_layers: Sequence[int],
    context_norm: Callable[..., nn.Module] | None,
    radius: int,
    corr_layers: Sequence[int],
    flow_layers: Sequence[int],
    motion_channels: int,
    state_size: int,
    kernel_size: Sequence[int | tuple[int, int]],
    padding: Sequence[int | tuple[int, int]],
    flow_hidden_size: int,
    masked: bool,
    feature_encoder: nn.Module | None = None,
    context_encoder: nn.Module | None = None,
    corr_block: Any = None,
    update_block: nn.Module | None = None,
    mask_predictor: nn.Module | None = None,
) -> RAFT:
    """The parts that are not given, in the order in which they draw their weights."""
    if feature_encoder is None:
        feature_encoder = FeatureEncoder(block=block, layers=feature_layers, norm_layer=nn.InstanceNorm2d)
    if context_encoder is None:
        context_encoder = FeatureEncoder(block=block, layers=context_layers, norm_layer=context_norm)
    if corr_block is None:
        corr_block = CorrBlock(num_levels=4, radius=radius)
    if update_block is None:
        motion_encoder = MotionEncoder(
            in_channels_corr=corr_block.out_channels,
            corr_layers=corr_layers,
            flow_layers=flow_layers,
            out_channels=motion_channels,
        )
        recurrent_block = RecurrentBlock(
            input_size=motion_channels + context_layers[-1] - state_size,
            hidden_size=state_size,
            kernel_size=kernel_size,
            padding=padding,
        )
        flow_head = FlowHead(in_channels=state_size, hidden_size=flow_hidden_size)
        update_block = UpdateBlock(motion_encoder=motion_encoder, recurrent_block=recurrent_block, flow_head=flow_head)
    if mask_predictor is None and masked:
        mask_predictor = MaskPredictor(in_channels=state_size, hidden_size=256)
    return RAFT(
        feature_encoder=feature_encoder,
        context_encoder=context_encoder,
        corr_block=corr_block,
        update_block=update_block,
        mask_predictor=mask_predictor,
    )


@builder(Raft_Large_Weights.C_T_SKHT_V2)
def raft_large(*, weights: Raft_Large_Weights | str | None = None, progress: bool = True, **kwargs: object) -> RAFT:
    """RAFT as in the paper."""
    make = partial(
        _raft,
        block=ResidualBlock,
        feature_layers=(64, 64, 96, 128, 256),
        context_layers=(64, 64, 96, 128, 256),
        context_norm=nn.BatchNorm2d,
        radius=4,
        corr_layers=(256, 192),
        flow_layers=(128, 64),
        motion_channels=128,
        state_size=128,
        kernel_size=((1, 5), (5, 1)),
        padding=((0, 2), (2, 0)),
        flow_hidden_size=256,
        masked=True,
    )
    return build(make, Raft_Large_Weights.verify(weights), progress, kwargs)


@builder(Raft_Small_Weights.C_T_V2)
def raft_small(*, weights: Raft_Small_Weights | str | None = None, progress: bool = True, **kwargs: object) -> RAFT:
    """The small RAFT, without a mask predictor."""
    make = partial(
        _raft,
        block=BottleneckBlock,
        feature_layers=(32, 32, 64, 96, 128),
        context_layers=(32, 32, 64, 96, 160),
        context_norm=None,
        radius=3,
        corr_layers=(96,),
        flow_layers=(64, 32),
        motion_channels=82,
        state_size=96,
        kernel_size=(3,),
        padding=(1,),
        flow_hidden_size=128,
        masked=False,
    )
    return build(make, Raft_Small_Weights.verify(weights), progress, kwargs)
