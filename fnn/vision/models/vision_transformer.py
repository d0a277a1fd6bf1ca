"""Vision transformers: an image as a sequence of patches (Dosovitskiy et al., arXiv:2010.11929).

The builders take ``weights`` (published weights or their name, by default None), ``progress`` (whether a download
shows a progress bar) and the keyword arguments of `VisionTransformer`.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnn import init, nn
from fnn.errors import ArgumentError
from fnn.nn import functional as F
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._registry import build, builder, expect
from fnn.vision.models._vit_weights import (
    ViT_B_16_Weights,
    ViT_B_32_Weights,
    ViT_H_14_Weights,
    ViT_L_16_Weights,
    ViT_L_32_Weights,
)
from fnn.vision.models._weights import WeightsEnum
from fnn.vision.ops.misc import MLP, Conv2dNormActivation

__all__ = [
    "ViT_B_16_Weights",
    "ViT_B_32_Weights",
    "ViT_H_14_Weights",
    "ViT_L_16_Weights",
    "ViT_L_32_Weights",
    "VisionTransformer",
    "vit_b_16",
    "vit_b_32",
    "vit_h_14",
    "vit_l_16",
    "vit_l_32",
]

Make = Callable[..., nn.Module]
_norm = partial(nn.LayerNorm, eps=1e-6)


class ConvStemConfig(NamedTuple):
    """One convolution before the transformer (Xiao et al., arXiv:2106.14881)."""

    out_channels: int
    kernel_size: int
    stride: int
    norm_layer: Make = nn.BatchNorm2d
    activation_layer: Make = nn.ReLU


class MLPBlock(MLP):
    """Two linear layers with GELU between them.

    Args:
        in_dim: features of input and output.
        mlp_dim: features between.
        dropout: the probability of both dropouts.
    """

    _version = 2

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        with skipped_draws():
            super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        version = local_metadata.get("version")
        if version is None or version < 2:  # its layers had names of their own
            for i in (1, 2):
                for name in ("weight", "bias"):
                    old = f"{prefix}linear_{i}.{name}"
                    if old in state_dict:
                        state_dict[f"{prefix}{3 * (i - 1)}.{name}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args, **kwargs)


class EncoderBlock(nn.Module):
    """Self-attention and an MLP, each after a normalisation and with the input added.

    Args:
        num_heads: of the attention.
        hidden_dim: features of input and output.
        mlp_dim: features within the MLP.
        dropout: the probability of the dropouts behind attention and MLP.
        attention_dropout: that of the attention's weights.
        norm_layer: makes a normalisation of so many features.
    """

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Make = _norm,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(hidden_dim, num_heads, dropout=attention_dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: jax.Array) -> jax.Array:
        if input.ndim != 3:
            raise ArgumentError(f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x) + input  # (N, L, E)
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Learned positions and a stack of `EncoderBlock`.

    Args:
        seq_length: the number of positions.
        num_layers: the number of blocks.
        num_heads: of the attention.
        hidden_dim: features of input and output.
        mlp_dim: features within the MLPs.
        dropout: the probability of the dropouts behind positions, attention and MLP.
        attention_dropout: that of the attention's weights.
        norm_layer: makes a normalisation of so many features.
    """

    def __init__(
        self,
        seq_length: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Make = _norm,
    ) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(init.zeros(None, (1, seq_length, hidden_dim)))
        nn.init.normal_(self.pos_embedding, std=0.02)
        self.dropout = nn.Dropout(dropout)
        block = partial(EncoderBlock, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
        self.layers = nn.Sequential(OrderedDict((f"encoder_layer_{i}", block()) for i in range(num_layers)))
        self.ln = norm_layer(hidden_dim)

    def forward(self, input: jax.Array) -> jax.Array:
        if input.ndim != 3:
            raise ArgumentError(f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """A transformer's encoder over the patches of an image and a class token, whose output is classified.

    Args:
        image_size: height and width of the input, a multiple of ``patch_size``.
        patch_size: height and width of a patch.
        num_layers: the number of blocks.
        num_heads: of the attention.
        hidden_dim: features of a token.
        mlp_dim: features within the MLPs.
        dropout: the probability of the dropouts behind positions, attention and MLP.
        attention_dropout: that of the attention's weights.
        num_classes: the number of outputs.
        representation_size: features of a layer with tanh before the last one; None: there is none.
        norm_layer: makes a normalisation of so many features. Default: `fnn.nn.LayerNorm` with eps 1e-6.
        conv_stem_configs: convolutions that make the tokens. Default: one, with the patches as its windows.

    Shape:
        Input (N, 3, image_size, image_size), output (N, num_classes).

    Example:
        >>> from fnn.vision import models
        >>> model = models.VisionTransformer(
        ...     image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=10
        ... )
        >>> sum(p.numel() for p in model.parameters())
        8026
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
        representation_size: int | None = None,
        norm_layer: Make = _norm,
        conv_stem_configs: Sequence[ConvStemConfig] | None = None,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ArgumentError(
                f"Input shape indivisible by patch size! Got image_size={image_size}, patch_size={patch_size}"
            )
        self.image_size = image_size
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.num_classes = num_classes
        self.representation_size = representation_size
        self.norm_layer = norm_layer
        self.conv_proj: nn.Module = self._stem(conv_stem_configs)
        self.class_token = nn.Parameter(init.zeros(None, (1, 1, hidden_dim)))
        self.seq_length = (image_size // patch_size) ** 2 + 1
        self.encoder = Encoder(
            self.seq_length, num_layers, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer
        )
        heads: OrderedDict[str, nn.Module] = OrderedDict()
        with skipped_draws():
            if representation_size is not None:
                heads["pre_logits"] = nn.Linear(hidden_dim, representation_size)
                heads["act"] = nn.Tanh()
            heads["head"] = nn.Linear(representation_size or hidden_dim, num_classes)
        self.heads = nn.Sequential(heads)
        self._initialise()

    def _stem(self, configs: Sequence[ConvStemConfig] | None) -> nn.Module:
        if configs is None:
            with skipped_draws():
                return nn.Conv2d(3, self.hidden_dim, kernel_size=self.patch_size, stride=self.patch_size)
        stem: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 3
        for i, config in enumerate(configs):
            out, kernel_size, stride, norm_layer, activation_layer = config
            stem[f"conv_bn_relu_{i}"] = Conv2dNormActivation(
                channels, out, kernel_size, stride, norm_layer=norm_layer, activation_layer=activation_layer
            )
            channels = out
        with skipped_draws():
            stem["conv_last"] = nn.Conv2d(channels, self.hidden_dim, kernel_size=1)
        return nn.Sequential(stem)

    def _initialise(self) -> None:
        stem: Any = self.conv_proj
        if isinstance(stem, nn.Conv2d):
            fan_in = stem.in_channels * math.prod(stem.kernel_size)
            nn.init.trunc_normal_(stem.weight, std=math.sqrt(1 / fan_in))
            nn.init.zeros_(stem.bias)
        else:
            nn.init.normal_(stem.conv_last.weight, std=math.sqrt(2.0 / stem.conv_last.out_channels))
            nn.init.zeros_(stem.conv_last.bias)
        if self.representation_size is not None:
            before: Any = self.heads.pre_logits
            nn.init.trunc_normal_(before.weight, std=math.sqrt(1 / before.in_features))
            nn.init.zeros_(before.bias)
        head: Any = self.heads.head
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)

    def _process_input(self, x: jax.Array) -> jax.Array:
        """(N, 3, H, W) to (N, H * W / patch_size^2, hidden_dim)."""
        n, _, h, w = x.shape
        for name, size in (("height", h), ("width", w)):
            if size != self.image_size:
                raise ArgumentError(f"Wrong image {name}! Expected {self.image_size} but got {size}!")
        x = self.conv_proj(x).reshape(n, self.hidden_dim, (h // self.patch_size) * (w // self.patch_size))
        return jnp.transpose(x, (0, 2, 1))

    def forward(self, x: jax.Array) -> jax.Array:
        x = self._process_input(x)
        token = jnp.broadcast_to(self.class_token.data, (x.shape[0], 1, self.hidden_dim)).astype(x.dtype)
        x = self.encoder(jnp.concatenate([token, x], 1))
        return self.heads(x[:, 0])


def interpolate_embeddings(
    image_size: int,
    patch_size: int,
    model_state: Mapping[str, Any],
    interpolation_mode: str = "bicubic",
    reset_heads: bool = False,
) -> Mapping[str, Any]:
    """Published weights for images of another size: the positions are interpolated.

    Args:
        image_size: height and width of the images.
        patch_size: height and width of a patch.
        model_state: a `VisionTransformer`'s ``state_dict``; its entry of the positions is replaced.
        interpolation_mode: as of `fnn.nn.functional.interpolate`.
        reset_heads: whether to leave out the classifier's entries.

    Returns:
        The ``state_dict``.

    Raises:
        ArgumentError: the positions are not those of a square image.

    >>> import jax.numpy as jnp
    >>> state = {"encoder.pos_embedding": jnp.zeros((1, 5, 8))}
    >>> interpolate_embeddings(32, 8, state)["encoder.pos_embedding"].shape
    (1, 17, 8)
    """
    positions = jnp.asarray(model_state["encoder.pos_embedding"])
    n, length, dim = positions.shape
    if n != 1:
        raise ArgumentError(f"Unexpected position embedding shape: {positions.shape}")
    new = image_size // patch_size
    if new**2 + 1 == length:
        return model_state
    side = math.isqrt(length - 1)
    if side * side != length - 1:
        raise ArgumentError(
            "seq_length is not a perfect square! Instead got seq_length_1d * seq_length_1d = "
            f"{side * side} and seq_length = {length - 1}"
        )
    grid = jnp.swapaxes(positions[:, 1:], 1, 2).reshape(1, dim, side, side)
    grid = F.interpolate(grid, size=new, mode=interpolation_mode, align_corners=True).reshape(1, dim, new * new)
    state: Any = model_state
    state["encoder.pos_embedding"] = jnp.concatenate([positions[:, :1], jnp.swapaxes(grid, 1, 2)], 1)
    if reset_heads:
        return OrderedDict((name, value) for name, value in state.items() if not name.startswith("heads"))
    return state


def _vision_transformer(
    patch_size: int,
    num_layers: int,
    num_heads: int,
    hidden_dim: int,
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
) -> VisionTransformer:
    if weights is not None:
        expect(kwargs, "image_size", weights.meta["min_size"][0])
    make = partial(
        VisionTransformer,
        patch_size=patch_size,
        num_layers=num_layers,
        num_heads=num_heads,
        hidden_dim=hidden_dim,
        mlp_dim=4 * hidden_dim,
    )
    return build(make, weights, progress, {"image_size": 224, **kwargs})


@builder(ViT_B_16_Weights.IMAGENET1K_V1)
def vit_b_16(
    *, weights: ViT_B_16_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> VisionTransformer:
    """The base vision transformer with patches of 16 x 16."""
    return _vision_transformer(16, 12, 12, 768, ViT_B_16_Weights.verify(weights), progress, kwargs)


@builder(ViT_B_32_Weights.IMAGENET1K_V1)
def vit_b_32(
    *, weights: ViT_B_32_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> VisionTransformer:
    """The base vision transformer with patches of 32 x 32."""
    return _vision_transformer(32, 12, 12, 768, ViT_B_32_Weights.verify(weights), progress, kwargs)


@builder(ViT_L_16_Weights.IMAGENET1K_V1)
def vit_l_16(
    *, weights: ViT_L_16_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> VisionTransformer:
    """The large vision transformer with patches of 16 x 16."""
    return _vision_transformer(16, 24, 16, 1024, ViT_L_16_Weights.verify(weights), progress, kwargs)


@builder(ViT_L_32_Weights.IMAGENET1K_V1)
def vit_l_32(
    *, weights: ViT_L_32_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> VisionTransformer:
    """The large vision transformer with patches of 32 x 32."""
    return _vision_transformer(32, 24, 16, 1024, ViT_L_32_Weights.verify(weights), progress, kwargs)


@builder()
def vit_h_14(
    *, weights: ViT_H_14_Weights | str | None = None, progress: bool = True, **kwargs: object
) -> VisionTransformer:
    """The huge vision transformer with patches of 14 x 14."""
    return _vision_transformer(14, 32, 16, 1280, ViT_H_14_Weights.verify(weights), progress, kwargs)
