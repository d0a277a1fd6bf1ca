"""Transformers on the CPU, torch eager against fnn, interleaved in one process: ``python benchmarks/transformers.py``.

Training steps of small models (forward, loss, backward, AdamW), whose first two losses must agree, and
``nn.TransformerEncoderLayer`` and ``nn.TransformerDecoderLayer`` alone: forward as in evaluation, where torch takes its
fast path, then forward and the gradients of all parameters and of the input. Dropout is 0 but in the row that says so.

``python benchmarks/transformers.py [part of a name ...] [--seconds 4]``. Times are the least of all rounds, which is
what a busy machine spoils least; the last column of a step is the seconds of fnn's first call.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from conv import least  # these two beside this file
from train import Kit, adamw, fnn_step, measure, torch_step

import fnn

VOCABULARY = 2000


# -- models -------------------------------------------------------------------------------------------------


def vit(width: int, heads: int, depth: int, patch: int, tokens: int) -> Callable[[Kit], Any]:
    """A classifier of patches: arXiv:2010.11929."""

    def build(k: Kit) -> Any:
        nn, xp = k.nn, k.xp

        class ViT(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.patches = nn.Conv2d(3, width, patch, patch)
                self.token = nn.Parameter(xp.zeros((1, 1, width)))
                self.position = nn.Parameter(xp.zeros((1, tokens + 1, width)))
                layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", 1e-6, True, True)
                norm = nn.LayerNorm(width, eps=1e-6)
                self.encoder = nn.TransformerEncoder(layer, depth, norm, enable_nested_tensor=False)
                self.head = nn.Linear(width, 10)

            def forward(self, x: Any) -> Any:
                x = self.patches(x).reshape(x.shape[0], width, tokens).swapaxes(1, 2)  # (N, tokens, E)
                first = xp.broadcast_to(self.token + 0, (x.shape[0], 1, width))
                return self.head(self.encoder(xp.concatenate((first, x), 1) + self.position)[:, 0])

        return ViT()

    return build


def gpt(width: int, heads: int, depth: int, tokens: int, dropout: float = 0.0) -> Callable[[Kit], Any]:
    """A decoder-only language model with attention written by hand; its output is (N T, vocabulary)."""

    def build(k: Kit) -> Any:
        nn, F, xp = k.nn, k.F, k.xp

        class Block(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
                self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
                self.dropout = nn.Dropout(dropout)

            def forward(self, x: Any) -> Any:
                n, t, _ = x.shape
                qkv = self.qkv(self.norm1(x)).reshape(n, t, 3, heads, width // heads)
                q, key, v = (qkv[:, :, i].swapaxes(1, 2) for i in range(3))  # (N, H, T, E / H)
                y = F.scaled_dot_product_attention(q, key, v, is_causal=True)
                x = x + self.dropout(self.out(y.swapaxes(1, 2).reshape(n, t, width)))
                return x + self.dropout(self.down(F.gelu(self.up(self.norm2(x)))))

        class GPT(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.token, self.position = nn.Embedding(VOCABULARY, width), nn.Embedding(tokens, width)
                self.blocks = nn.Sequential(*(Block() for _ in range(depth)))
                self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, VOCABULARY, bias=False)

            def forward(self, x: Any) -> Any:
                x = self.token(x) + self.position(xp.arange(x.shape[1]))
                return self.head(self.norm(self.blocks(x))).reshape(-1, VOCABULARY)

        return GPT()

    return build


def translator(width: int, heads: int, depth: int) -> Callable[[Kit], Any]:
    """``nn.Transformer`` from the first half of the tokens to the second."""

    def build(k: Kit) -> Any:
        nn = k.nn

        class Translator(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(VOCABULARY, width)
                self.body = nn.Transformer(width, heads, depth, depth, 4 * width, 0.0, batch_first=True)
                self.head = nn.Linear(width, VOCABULARY)

            def forward(self, x: Any) -> Any:
                x, length = self.embedding(x), x.shape[1] // 2
                mask = nn.Transformer.generate_square_subsequent_mask(length)
                y = self.body(x[:, :length], x[:, length:], tgt_mask=mask, tgt_is_causal=True)
                return self.head(y).reshape(-1, VOCABULARY)

        return Translator()

    return build


def language(build: Callable[[Kit], Any], batch: int, tokens: int, targets: int) -> tuple:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, VOCABULARY, (batch, tokens)), rng.integers(0, VOCABULARY, batch * targets)
    return lambda: torch_step(build, adamw, x, y), lambda: fnn_step(build, adamw, x.astype(np.int32), y)


def pictures(build: Callable[[Kit], Any], *shape: int) -> tuple:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(shape, np.float32), rng.integers(0, 10, shape[0])
    return lambda: torch_step(build, adamw, x, y), lambda: fnn_step(build, adamw, x, y)


STEPS = {
    "ViT 192 x6, 65 tokens, b16": pictures(vit(192, 3, 6, 4, 64), 16, 3, 32, 32),
    "ViT-S 384 x4, 65 tokens, b8": pictures(vit(384, 6, 4, 4, 64), 8, 3, 32, 32),
    "GPT 256 x4, 128 tokens, b4": language(gpt(256, 4, 4, 128), 4, 128, 128),
    "GPT-S 384 x4, 256 tokens, b2": language(gpt(384, 6, 4, 256), 2, 256, 256),
    "GPT 256 x4, dropout 0.1": language(gpt(256, 4, 4, 128, 0.1), 4, 128, 128),
    "Transformer 256 x2+2, 2 x 64, b4": language(translator(256, 4, 2), 4, 128, 64),
}


# -- layers alone -------------------------------------------------------------------------------------------

# name: (class, features, heads, hidden, batch, tokens, the mask's kind)
LAYERS = {
    "encoder 256, 128 tokens, b8": ("TransformerEncoderLayer", 256, 4, 1024, 8, 128, None),
    "encoder 512, 64 tokens, b4": ("TransformerEncoderLayer", 512, 8, 2048, 4, 64, None),
    "encoder 256, 512 tokens, b1": ("TransformerEncoderLayer", 256, 4, 1024, 1, 512, None),
    "encoder 256, padded, b8": ("TransformerEncoderLayer", 256, 4, 1024, 8, 128, "padding"),
    "encoder 64, 16 tokens, b2": ("TransformerEncoderLayer", 64, 4, 256, 2, 16, None),
    "decoder 256, causal, b4": ("TransformerDecoderLayer", 256, 4, 1024, 4, 128, "causal"),
    "decoder 256, a mask, b4": ("TransformerDecoderLayer", 256, 4, 1024, 4, 128, "mask"),
}


def layer_calls(row: tuple) -> list[Callable[[], Any]]:
    """torch's and fnn's forward, then their forward and backward."""
    name, width, heads, hidden, batch, tokens, kind = row
    torch.manual_seed(0), fnn.manual_seed(0)
    theirs = getattr(torch.nn, name)(width, heads, hidden, 0.0, batch_first=True)
    ours = getattr(fnn.nn, name)(width, heads, hidden, 0.0, batch_first=True)
    x = torch.randn(batch, tokens, width)
    repeated = 2 if name == "TransformerDecoderLayer" else 1  # the decoder attends to its own input
    if kind == "padding":
        mask = np.arange(tokens) >= np.linspace(tokens // 2, tokens, batch, dtype=int)[:, None]
        masks = {"src_key_padding_mask": mask}
    else:
        masks = {"tgt_mask": np.triu(np.ones((tokens, tokens), bool), 1)} if kind else {}
    hints = {"tgt_is_causal": True} if kind == "causal" else {}
    torchs = {**{k: torch.from_numpy(v) for k, v in masks.items()}, **hints}
    wanted = [x.clone().requires_grad_(), *theirs.parameters()]
    evaluated = getattr(torch.nn, name)(width, heads, hidden, 0.0, batch_first=True).eval()
    evaluated.load_state_dict(theirs.state_dict())
    params, given = dict(ours.named_parameters()), jnp.asarray(x.numpy())
    params = {k: p.data for k, p in params.items()}
    masks = {k: jnp.asarray(v) for k, v in masks.items()}

    def run(params: Any, x: jax.Array, masks: Any) -> jax.Array:
        return fnn.func.functional_call(ours, params, (x,) * repeated, {**masks, **hints})

    forward = jax.jit(run)
    both = jax.jit(jax.grad(lambda *a: jnp.sum(run(*a) ** 2), (0, 1)))

    def torch_forward() -> torch.Tensor:
        with torch.no_grad():
            return evaluated(*(x,) * repeated, **torchs)

    np.testing.assert_allclose(forward(params, given, masks), torch_forward().numpy(), rtol=1e-3, atol=1e-4)
    return [
        torch_forward,
        lambda: jax.block_until_ready(forward(params, given, masks)),
        lambda: torch.autograd.grad(theirs(*(wanted[0],) * repeated, **torchs).square().sum(), wanted),
        lambda: jax.block_until_ready(both(params, given, masks)),
    ]


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only the rows with one of these in their name")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each row, once compiled")
    options = parser.parse_args()

    def chosen(rows: dict[str, tuple]) -> dict[str, tuple]:
        return {n: row for n, row in rows.items() if not options.names or any(part in n for part in options.names)}

    ratios = []
    print(f"{'step':32}{'torch ms':>10}{'fnn ms':>10}{'ratio':>8}{'median':>8}{'compile s':>10}", flush=True)
    for name, makers in chosen(STEPS).items():
        ratios += measure(name, makers, options.seconds, False, same_losses="dropout" not in name)
    print(f"{'layer':32}{'torch':>10}{'fnn':>10}{'ratio':>8}{'both':>10}{'fnn':>10}{'ratio':>8}", flush=True)
    for name, row in chosen(LAYERS).items():
        a, b, c, d = least(layer_calls(row), options.seconds)
        ratios += [b / a, d / c]
        print(
            f"{name:32}{a * 1e3:10.2f}{b * 1e3:10.2f}{b / a:8.2f}{c * 1e3:10.2f}{d * 1e3:10.2f}{d / c:8.2f}", flush=True
        )
    if ratios:
        print(f"geometric mean of fnn / torch: {np.exp(np.log(ratios).mean()):.2f}, worst {max(ratios):.2f}")


if __name__ == "__main__":
    main()
