"""What a seed gives: the parameters of every layer, and every kind of draw.  Written once for torch and fnn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.layers.cases import Case
from tests.layers.table import TORCH_CASES
from tests.recorded import digest

SEEDS = (0, 1, 1234, 2**31 + 5)
NORMAL_ATOL = (
    1e-6  # of draws of normal_ from 16 elements up, which go through other implementations of log, sin and cos
)

Values = dict[str, np.ndarray]


def case(name: str, *args: Any, **kwargs: Any) -> Case:
    return Case(args, kwargs, name=name, number=99)


# Sizes at which torch's kernels work in blocks and in several threads, and the classes that are made of others.
MORE = [
    case("Linear", 784, 256),
    case("Conv2d", 64, 128, 3),
    case("Conv2d", 3, 64, 7, stride=2, padding=3, bias=False),
    case("ConvTranspose2d", 32, 16, 4, groups=2),
    case("Embedding", 1000, 33),
    case("Embedding", 5, 3),
    case("Embedding", 1000, 16, padding_idx=3),
    case("EmbeddingBag", 77, 5),
    case("Bilinear", 20, 30, 40),
    case("MultiheadAttention", 16, 4),
    case("MultiheadAttention", 8, 2, bias=False),
    case("MultiheadAttention", 8, 2, kdim=4, vdim=6, add_bias_kv=True),
    case("MultiheadAttention", 32, 2, add_bias_kv=True),
    case("AdaptiveLogSoftmaxWithLoss", 16, 20, [5, 10], div_value=2.0),
    case("AdaptiveLogSoftmaxWithLoss", 16, 20, [15], head_bias=True),
    case("RNN", 5, 4, num_layers=2, bidirectional=True),
    case("LSTM", 5, 4, num_layers=2, proj_size=2),
    case("GRU", 5, 4, bias=False),
    case("LSTMCell", 5, 4),
    case("GRUCell", 5, 4),
    case("RNNCell", 5, 4),
    case("TransformerEncoderLayer", 8, 2, dim_feedforward=16),
    case("TransformerDecoderLayer", 8, 2, dim_feedforward=16),
    case("Transformer", 8, 2, 1, 1, 16),
]
LAYERS = {c.id: c for c in (*TORCH_CASES, *MORE)}


def is_normal(name: str, parameter: str) -> bool:
    """Whether a parameter is drawn by ``normal_``."""
    drawn = {"Embedding": ("weight",), "EmbeddingBag": ("weight",), "MultiheadAttention": ("bias_k", "bias_v")}
    return parameter in drawn.get(name, ())


def parameters(nn: Any, case: Case, convert: Callable[[Any], Any], to_numpy: Callable[[Any], Any]) -> Values:
    """The parameters and buffers of a fresh module; of a lazy one after its first call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy modules are under development, torch says; NLLLoss2d is deprecated
        kwargs = {k: convert(v) if isinstance(v, np.ndarray) else v for k, v in case.kwargs.items()}
        module = getattr(nn, case.name)(*(convert(v) if isinstance(v, np.ndarray) else v for v in case.args), **kwargs)
        if case.lazy:
            module.eval()(*map(convert, case.draw()))
    return {k: widened(to_numpy(v)) for k, v in module.state_dict().items()}


def widened(value: np.ndarray) -> np.ndarray:
    """Integers as int64, which is torch's dtype; without x64 JAX has int32."""
    return value.astype(np.int64) if value.dtype.kind == "i" else value


# -- draws ----------------------------------------------------------------------------------------------

DRAWS: dict[str, Callable[[Any, Callable[[Any], Any]], Any]] = {
    "rand": lambda lib, _: lib.rand(1000),
    "rand 0": lambda lib, _: lib.rand(()),
    "rand 3x5": lambda lib, _: lib.rand(3, 5),
    "rand_like": lambda lib, array: lib.rand_like(array(np.zeros((7,), np.float32))),
    "randn 7": lambda lib, _: lib.randn(7),
    "randn 15": lambda lib, _: lib.randn(3, 5),
    "randn 16": lambda lib, _: lib.randn(16),
    "randn 1001": lambda lib, _: lib.randn(7, 11, 13),
    "randn_like": lambda lib, array: lib.randn_like(array(np.zeros((4, 3), np.float32))),
    "randint": lambda lib, _: lib.randint(10, (100,)),
    "randint range": lambda lib, _: lib.randint(-5, 7, (3, 40)),
    "randint wide": lambda lib, _: lib.randint(0, 2**29, (33,)),
    "randint_like": lambda lib, array: lib.randint_like(array(np.zeros((7,), np.int32)), 3, 9),
    "randperm 0": lambda lib, _: lib.randperm(0),
    "randperm 1": lambda lib, _: lib.randperm(1),
    "randperm 10": lambda lib, _: lib.randperm(10),
    "randperm 60000": lambda lib, _: lib.randperm(60000),
    "bernoulli": lambda lib, array: lib.bernoulli(array(np.linspace(0, 1, 50, dtype=np.float32))),
    "multinomial": lambda lib, array: lib.multinomial(array(np.arange(20, dtype=np.float32)), 10),
    "multinomial replacement": lambda lib, array: lib.multinomial(array(np.arange(20, dtype=np.float32)), 30, True),
    "normal": lambda lib, array: lib.normal(array(np.arange(9, dtype=np.float32)), 0.5),
}


def draws(lib: Any, convert: Callable[[Any], Any], to_numpy: Callable[[Any], Any]) -> Values:
    """Every kind of draw, one after the other from one seed."""
    return {name: widened(to_numpy(draw(lib, convert))) for name, draw in DRAWS.items()}


def is_normal_draw(name: str) -> bool:
    return name.startswith(("randn", "normal"))


# -- records --------------------------------------------------------------------------------------------


def entry(value: np.ndarray, normal: bool) -> Any:
    """What is kept of an array: a digest of its bits; of many normal numbers, a few of them."""
    return sample(value) if normal and value.size >= 16 else digest(value)


def sample(value: np.ndarray) -> list[float]:
    flat = value.astype(np.float64).ravel()
    return [float(f"{v:.9g}") for v in (*flat[:2], *flat[-2:], flat.mean(), np.abs(flat).max())]


def record() -> dict[str, Any]:
    """What PyTorch gives."""
    import torch

    torch.set_num_threads(1)
    out: dict[str, Any] = {}
    for seed in SEEDS:
        torch.manual_seed(seed)
        drawn = draws(torch, torch.tensor, lambda v: v.numpy())
        out[f"draws, seed {seed}"] = {k: entry(v, is_normal_draw(k)) for k, v in drawn.items()}
    for name, case in LAYERS.items():
        found = {}
        for seed in SEEDS:
            torch.manual_seed(seed)
            values = parameters(torch.nn, case, torch.tensor, lambda v: v.numpy())
            found[f"{name}, seed {seed}"] = {k: entry(v, is_normal(case.name, k)) for k, v in values.items()}
        first = next(iter(found.values()))
        if any(values != first for values in found.values()):
            out.update(found)
        elif first:
            out[f"{name}, any seed"] = first
    return out
