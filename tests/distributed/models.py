"""Twelve models with their batches and the rules that spread their matrices: the rows of the table in `table.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

from fnn import nn
from fnn.nn import functional as F
from fnn.vision.models import resnet18

CLASSES, WORDS, LENGTH = 8, 32, 8


class Tied(nn.Module):
    """Embeddings whose weight is that of the head."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.fc, self.head = nn.Embedding(32, 16), nn.Linear(16, 16), nn.Linear(16, 32, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x: jax.Array) -> jax.Array:
        return self.head(F.relu(self.fc(self.embed(x))))


class GPT(nn.Module):
    """One causal block of two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(WORDS, 16), nn.Linear(16, WORDS)
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True, norm_first=True)
        mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
        self.mask = nn.Buffer(mask, persistent=False)

    def forward(self, x: jax.Array) -> jax.Array:
        return self.head(self.block(self.embed(x), src_mask=self.mask, is_causal=True))


class Recurrent(nn.Module):
    """Two layers of an LSTM with dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(8, 16, num_layers=2, dropout=0.2, batch_first=True), nn.Linear(16, CLASSES)

    def forward(self, x: jax.Array) -> jax.Array:
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


class ViT(nn.Module):
    """Patches, a class token, positions, two blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.token, self.positions = nn.Parameter(jnp.zeros((1, 1, 16))), nn.Parameter(jnp.zeros((1, 5, 16)))
        nn.init.trunc_normal_(self.positions, std=0.02)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, activation="gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, CLASSES)

    def forward(self, x: jax.Array) -> jax.Array:
        x = self.patches(x).reshape(x.shape[0], 16, -1).swapaxes(1, 2)  # (N, L, E)
        x = jnp.concatenate([jnp.broadcast_to(self.token.data, (x.shape[0], 1, 16)), x], axis=1) + self.positions
        return self.head(self.norm(self.blocks(x)[:, 0]))


def _double(inside: int, out: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
        nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """One step down and up again, and what stands beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle, self.up = _double(1, 8), _double(8, 16), _double(16, 8)
        self.wider, self.head = nn.ConvTranspose2d(16, 8, 2, stride=2), nn.Conv2d(8, CLASSES, 1)

    def forward(self, x: jax.Array) -> jax.Array:
        left = self.down(x)
        x = self.wider(self.middle(F.max_pool2d(left, 2)))
        return jnp.moveaxis(self.head(self.up(jnp.concatenate([left, x], axis=1))), 1, -1)


class Translator(nn.Module):
    """An encoder-decoder Transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(WORDS, 16), nn.Embedding(WORDS, 16)
        self.core = nn.Transformer(16, 2, 1, 1, 32, dropout=0.1, batch_first=True)
        self.head = nn.Linear(16, WORDS)
        self.mask = nn.Buffer(nn.Transformer.generate_square_subsequent_mask(LENGTH), persistent=False)

    def forward(self, source: jax.Array, target: jax.Array) -> jax.Array:
        out = self.core(self.source(source), self.target(target), tgt_mask=self.mask, tgt_is_causal=True)
        return self.head(out)


class Experts(nn.Module):
    """Eight experts, each token is computed by the two that suit it best."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.gate = nn.Embedding(WORDS, 16), nn.Linear(16, 8, bias=False)
        self.up, self.down = nn.Parameter(jnp.zeros((8, 16, 32))), nn.Parameter(jnp.zeros((8, 32, 16)))
        for weight in (self.up, self.down):
            nn.init.normal_(weight, std=0.2)
        self.drop, self.head = nn.Dropout(0.1), nn.Linear(16, WORDS)

    def forward(self, x: jax.Array) -> jax.Array:
        tokens = self.embed(x).reshape(-1, 16)  # (T, E)
        share, chosen = jax.lax.top_k(jax.nn.softmax(self.gate(tokens)), 2)  # (T, 2)
        order = jnp.argsort(chosen.reshape(-1), stable=True)  # (2T,)
        ends = jnp.cumsum(jnp.bincount(chosen.reshape(-1), length=8)).astype(jnp.int32)
        hidden = F.gelu(F.grouped_mm(tokens[order // 2], self.up, offs=ends))
        out = F.grouped_mm(hidden, self.down, offs=ends)
        back = jnp.zeros((2 * len(tokens), 16)).at[order].set(out).reshape(-1, 2, 16)
        mixed = tokens + self.drop((back * share[..., None]).sum(1))
        return self.head(mixed).reshape(*x.shape, WORDS)


class Recommender(nn.Module):
    """Bags of things that a user liked, and one that is offered."""

    def __init__(self) -> None:
        super().__init__()
        self.bag, self.offer = nn.EmbeddingBag(64, 16, mode="mean"), nn.Embedding(64, 16)
        self.tower = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2))

    def forward(self, liked: jax.Array, offered: jax.Array) -> jax.Array:
        return self.tower(jnp.concatenate([self.bag(liked), self.offer(offered)], axis=-1))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 8))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1), nn.Flatten(), nn.Linear(128, 8)
    )


def autoencoder() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 2, stride=2), nn.ReLU(), nn.ConvTranspose2d(8, 1, 2, stride=2),
    )  # fmt: skip


Batch = tuple[np.ndarray, ...]
Draw = Callable[[np.random.Generator, int], Batch]


def _labelled(*shape: int) -> Draw:
    def draw(random: np.random.Generator, rows: int) -> Batch:
        return random.standard_normal((rows, *shape)).astype(np.float32), _numbers(random, CLASSES, rows)

    return draw


def _numbers(random: np.random.Generator, most: int, *shape: int) -> np.ndarray:
    return random.integers(0, most, shape).astype(np.int32)


def _words(random: np.random.Generator, rows: int) -> Batch:
    return _numbers(random, WORDS, rows, LENGTH), _numbers(random, WORDS, rows, LENGTH)


def _pairs(random: np.random.Generator, rows: int) -> Batch:
    return *_words(random, rows), _numbers(random, WORDS, rows, LENGTH)


def _segmented(random: np.random.Generator, rows: int) -> Batch:
    return random.standard_normal((rows, 1, 8, 8)).astype(np.float32), _numbers(random, CLASSES, rows, 8, 8)


def _images(random: np.random.Generator, rows: int) -> Batch:
    pictures = random.standard_normal((rows, 1, 8, 8)).astype(np.float32)
    return pictures, pictures


def _liked(random: np.random.Generator, rows: int) -> Batch:
    return _numbers(random, 64, rows, 5), _numbers(random, 64, rows), _numbers(random, 2, rows)


def classified(model: nn.Module, *batch: Any) -> jax.Array:
    """Cross entropy of what the model says of all but the last array."""
    out, labels = model(*batch[:-1]), batch[-1]
    return F.cross_entropy(out.reshape(-1, out.shape[-1]), labels.reshape(-1))


def rebuilt(model: nn.Module, *batch: Any) -> jax.Array:
    """The mean squared error of a picture."""
    return F.mse_loss(model(batch[0]), batch[-1])


@dataclass(frozen=True)
class Entry:
    """A model of the table.

    Args:
        make: makes it.
        draw: a batch of so many rows.
        matrices: the rule that spreads its matrices over the axis "model".
        loss: of the model and a batch.
        lr: of SGD with momentum.
        double: whether it is trained in double precision, as it must be where rounding grows: a difference of 1e-7 in
            one weight of the ResNet is one of 1 in its gradients after six steps, on one device.
    """

    make: Callable[[], nn.Module]
    draw: Draw
    matrices: dict[str, Any] = field(default_factory=dict)
    loss: Callable[..., jax.Array] = classified
    lr: float = 0.05
    double: bool = False


_BLOCK = {"*.linear1|*.in_proj_*": "column", "*.linear2|*.out_proj": "row"}
_CONVS = {"*.conv1|*.bn1": "column", "*.conv2": "row"}
MODELS = {
    "mlp": Entry(mlp, _labelled(16), {"0": "column", "3": "row"}),
    "cnn": Entry(cnn, _labelled(1, 6, 6), {"0": "column", "5": "row", "1": P("model")}),
    "resnet18": Entry(
        lambda: resnet18(num_classes=CLASSES),
        _labelled(3, 32, 32),
        {**_CONVS, "fc": "row", "*": "replicate"},
        lr=0.01,
        double=True,
    ),
    "lstm": Entry(Recurrent, _labelled(6, 8), {"lstm": "column", "head": "row"}),
    "vit": Entry(ViT, _labelled(3, 8, 8), {**_BLOCK, "patches": "column", "*": "replicate"}),
    "gpt": Entry(GPT, _words, {**_BLOCK, "embed|head": "column"}),
    "unet": Entry(UNet, _segmented, {"*.0|*.1": "column", "*.3": "row", "wider": "column"}),
    "tied": Entry(Tied, _words, {"embed": "row", "fc": "column"}),
    "translator": Entry(Translator, _pairs, {**_BLOCK, "source|target": "column", "head": "row"}),
    "experts": Entry(Experts, _words, {"up": P(None, None, "model"), "down": P(None, "model"), "head": "column"}),
    "autoencoder": Entry(autoencoder, _images, {"0|4": "column", "2": "row"}, rebuilt),
    "recommender": Entry(Recommender, _liked, {"bag|offer": "column", "tower.0": "column", "tower.3": "row"}),
}
