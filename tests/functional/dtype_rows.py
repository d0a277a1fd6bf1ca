"""The calls of the dtype sweep: every function with floating inputs, called with arrays of two dtypes.

A row is a function of fnn.functional and of torch's, a label, and `build(a, b)`, which gives the arguments with arrays
of the dtypes ``a`` and ``b`` (names) as torch's tensors.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.reference import torch

DTYPES = ("float32", "bfloat16", "float16", "float64", "int32", "int64", "bool", "complex64")

# Values that every dtype holds, most of them.
X = np.array([[0.25, 1.0, 0.75, 0.5], [1.0, 0.5, 0.0, 1.0]])
Y = np.array([[1.0, 0.25, 0.5, 1.0], [0.0, 0.75, 1.0, 1.0]])
Z = np.array([[0.5, 0.0, 1.0, 0.25], [1.0, 0.0, 0.75, 1.0]])
V = np.array([0.5, 1.0, 0.25, 1.0])
CLASSES = np.array([1, 0])


class Row(NamedTuple):
    """One call; ``build(a, b)`` gives its positional and keyword arguments."""

    name: str
    label: str
    build: Callable[[str, str], tuple[tuple, dict]]


ROWS: list[Row] = []


def _row(name: str, label: str, build: Callable[[str, str], tuple[tuple, dict]]) -> None:
    ROWS.append(Row(name, label, build))


def t(values: Any, dtype: str) -> Any:
    """A tensor; a complex one gets an imaginary part."""
    values = np.asarray(values)
    if dtype.startswith("complex"):
        values = values + 0.25j * values[..., ::-1]
    return torch.from_numpy(np.ascontiguousarray(values)).to(getattr(torch, dtype))


def grid(*shape: int) -> np.ndarray:
    """Quarters from 0 to 1 in this shape."""
    return (np.arange(math.prod(shape)) * 7 % 5 / 4).reshape(shape)


# -- losses ------------------------------------------------------------------------------------------------

PAIRS = (
    "l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "kl_div", "soft_margin_loss",
    "hinge_embedding_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "multilabel_soft_margin_loss",
)  # fmt: skip
for _n in PAIRS:
    for _r in ("none", "sum", "mean"):
        _row(_n, _r, lambda a, b, r=_r: ((t(X, a), t(Y, b)), {"reduction": r}))
for _n in ("mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"):
    _row(_n, "weight", lambda a, b: ((t(X, a), t(Y, a)), {"weight": t(Z, b)}))
    _row(_n, "weight, none", lambda a, b: ((t(X, a), t(Y, a)), {"weight": t(Z, b), "reduction": "none"}))
_row("binary_cross_entropy_with_logits", "pos", lambda a, b: ((t(X, a), t(Y, a)), {"pos_weight": t(Z, b)}))
_row("multilabel_soft_margin_loss", "weight", lambda a, b: ((t(X, a), t(Y, a)), {"weight": t(V, b)}))
_row("poisson_nll_loss", "full", lambda a, b: ((t(X, a), t(Y + 1, b)), {"full": True}))
_row("poisson_nll_loss", "rate", lambda a, b: ((t(X + 1, a), t(Y + 1, b)), {"log_input": False}))
_row("kl_div", "log", lambda a, b: ((t(X, a), t(Y, b)), {"log_target": True, "reduction": "batchmean"}))
_row("gaussian_nll_loss", "var", lambda a, b: ((t(X, a), t(Y, a), t(Z + 1, b)), {}))
_row("gaussian_nll_loss", "target", lambda a, b: ((t(X, a), t(Y, b), t(Z + 1, a)), {}))
_row("gaussian_nll_loss", "number", lambda a, b: ((t(X, a), t(Y, b), 0.5), {"full": True}))
_row("smooth_l1_loss", "beta=0", lambda a, b: ((t(X, a), t(Y, b)), {"beta": 0.0}))
for _n in ("cross_entropy", "nll_loss", "multi_margin_loss"):
    _row(_n, "index", lambda a, b: ((t(X, a), t(CLASSES, b)), {}))
    _row(_n, "weight", lambda a, b: ((t(X, a), t(CLASSES, "int64")), {"weight": t(V, b)}))
_row("cross_entropy", "probabilities", lambda a, b: ((t(X, a), t(Y, b)), {"label_smoothing": 0.25}))
_row("cross_entropy", "probabilities, weight", lambda a, b: ((t(X, a), t(Y, a)), {"weight": t(V, b)}))
_row("multilabel_margin_loss", "index", lambda a, b: ((t(X, a), t([[1, 0, 0, 0], [0, 0, 1, 0]], b)), {}))
_row("cosine_embedding_loss", "", lambda a, b: ((t(X, a), t(Y, b), t([1, -1], "int64")), {}))
_row("cosine_embedding_loss", "target", lambda a, b: ((t(X, a), t(Y, a), t([1, 1], b)), {}))
_row("margin_ranking_loss", "", lambda a, b: ((t(X, a), t(Y, b), t(Z, a)), {}))
_row("margin_ranking_loss", "target", lambda a, b: ((t(X, a), t(Y, a), t(Z, b)), {"margin": 0.5}))
_row("triplet_margin_loss", "swap", lambda a, b: ((t(X, a), t(Y, b), t(Z, b)), {"swap": True, "reduction": "none"}))
_row("triplet_margin_with_distance_loss", "", lambda a, b: ((t(X, a), t(Y, b), t(Z, a)), {}))
_LOGS = np.log(np.array([[[0.5, 0.25, 0.25]], [[0.25, 0.5, 0.25]], [[0.25, 0.25, 0.5]]]))
_row("ctc_loss", "targets", lambda a, b: ((t(_LOGS, a), t([[1, 1]], b), (3,), (2,)), {}))
_row("ctc_loss", "lengths", lambda a, b: ((t(_LOGS, a), t([[1, 1]], "int64"), t([3], b), t([1], b)), {}))
_row("linear_cross_entropy", "weight", lambda a, b: ((t(X, a), t(grid(3, 4), b), t(CLASSES, "int64")), {}))
_row("linear_cross_entropy", "index", lambda a, b: ((t(X, a), t(grid(3, 4), a), t(CLASSES, b)), {}))

# -- distances and norms -----------------------------------------------------------------------------------

for _p in (2.0, 1.0, 3.0, math.inf, 0.0):
    _row("pairwise_distance", f"p={_p}", lambda a, b, p=_p: ((t(X, a), t(Y, b)), {"p": p}))
    _row("pdist", f"p={_p}", lambda a, b, p=_p: ((t(X, a),), {"p": p}))
    _row("normalize", f"p={_p}", lambda a, b, p=_p: ((t(X, a),), {"p": p}))
    _row("triplet_margin_loss", f"p={_p}", lambda a, b, p=_p: ((t(X, a), t(Y, a), t(Z, b)), {"p": p}))
_row("cosine_similarity", "", lambda a, b: ((t(X, a), t(Y, b)), {}))
for _n in ("layer_norm", "rms_norm"):
    _row(_n, "weight", lambda a, b: ((t(X, a), (4,), t(V, b)), {}))
_row("layer_norm", "both", lambda a, b: ((t(X, a), (4,), t(V, b), t(V, b)), {}))
_row("layer_norm", "mixed", lambda a, b: ((t(X, a), (4,), t(V, a), t(V, b)), {}))
_row("group_norm", "both", lambda a, b: ((t(X, a), 2, t(V, b), t(V, b)), {}))
_row("group_norm", "mixed", lambda a, b: ((t(X, a), 2, t(V, a), t(V, b)), {}))
_row("batch_norm", "running", lambda a, b: ((t(X, a), t(V, b), t(V, b)), {}))
_row("batch_norm", "mixed", lambda a, b: ((t(X, a), t(V, b), t(V, b), t(V, a), t(V, a)), {}))
_row("batch_norm", "training", lambda a, b: ((t(X, a), None, None, t(V, b), t(V, b), True), {}))
_row("batch_norm", "training, running", lambda a, b: ((t(X, a), t(V, b), t(V, b), None, None, True), {}))
_row("instance_norm", "affine", lambda a, b: ((t(grid(2, 4, 3), a), None, None, t(V, b), t(V, b)), {}))
_row("instance_norm", "running", lambda a, b: ((t(grid(2, 4, 3), a), t(V, b), t(V, b)), {}))
_row("instance_norm", "eval", lambda a, b: ((t(grid(2, 4, 3), a), t(V, b), t(V, b), None, None, False), {}))
_row("local_response_norm", "", lambda a, b: ((t(grid(2, 4, 3), a), 2), {}))

# -- maps, tables, activations -----------------------------------------------------------------------------

_row("linear", "weight", lambda a, b: ((t(X, a), t(grid(3, 4), b)), {}))
_row("linear", "bias", lambda a, b: ((t(X, a), t(grid(3, 4), a), t(V[:3], b)), {}))
_row("bilinear", "weight", lambda a, b: ((t(X, a), t(Y, a), t(grid(3, 4, 4), b)), {}))
_row("bilinear", "input2", lambda a, b: ((t(X, a), t(Y, b), t(grid(3, 4, 4), a)), {}))
_row("bilinear", "bias", lambda a, b: ((t(X, a), t(Y, a), t(grid(3, 4, 4), a), t(V[:3], b)), {}))
_row("embedding", "", lambda a, b: ((t(CLASSES, b), t(X, a)), {}))
_row("embedding", "max_norm", lambda a, b: ((t(CLASSES, b), t(X, a), 0, 0.5), {}))
for _m in ("sum", "mean", "max"):
    _row("embedding_bag", _m, lambda a, b, m=_m: ((t(CLASSES, b), t(X, a), t([0, 1], b)), {"mode": m}))
_row("embedding_bag", "offsets", lambda a, b: ((t(CLASSES, "int64"), t(X, a), t([0, 1], b)), {}))
_row(
    "embedding_bag",
    "factors",
    lambda a, b: ((t([[1, 0]], "int64"), t(X, a)), {"mode": "sum", "per_sample_weights": t(V[None, :2], b)}),
)
for _n in (
    "sigmoid", "tanh", "softsign", "hardsigmoid", "softplus", "logsigmoid", "gelu", "silu", "mish", "hardswish", "relu",
    "relu6", "hardtanh", "elu", "selu", "celu", "leaky_relu", "hardshrink", "softshrink", "tanhshrink", "rrelu", "glu",
    "gumbel_softmax",
):  # fmt: skip
    _row(_n, "", lambda a, b: ((t(X - 0.5 * (a != "bool"), a),), {}))
_row("threshold", "", lambda a, b: ((t(X, a), 0.5, 0.25), {}))
_row("prelu", "", lambda a, b: ((t(X, a), t(V, b)), {}))
for _n in ("softmax", "log_softmax", "softmin"):
    _row(_n, "", lambda a, b: ((t(X, a),), {"dim": 1}))
    _row(_n, "dtype", lambda a, b: ((t(X, a),), {"dim": 1, "dtype": getattr(torch, b)}))
_row("dropout", "", lambda a, b: ((t(X, a), 0.5, True), {}))
_row("dropout", "eval", lambda a, b: ((t(X, a), 0.5, False), {}))
_row("alpha_dropout", "", lambda a, b: ((t(X, a), 0.5, True), {}))

# -- attention ---------------------------------------------------------------------------------------------

_Q = grid(1, 2, 3, 4)
_row("scaled_dot_product_attention", "value", lambda a, b: ((t(_Q, a), t(_Q, a), t(_Q, b)), {}))
_row("scaled_dot_product_attention", "key", lambda a, b: ((t(_Q, a), t(_Q, b), t(_Q, b)), {}))
_row("scaled_dot_product_attention", "mask", lambda a, b: ((t(_Q, a), t(_Q, a), t(_Q, a), t(grid(3, 3), b)), {}))


def _heads(a: str, key: str = "", weight: str = "", bias: str = "", out: str = "", **more: Any) -> tuple[tuple, dict]:
    x, y = t(grid(3, 1, 4), a), t(grid(3, 1, 4), key or a)
    projections = t(grid(12, 4), weight or a), t(grid(12), bias or a), None, None, False, 0.0
    return (x, y, y, 4, 2, *projections, t(grid(4, 4), out or a), t(V, out or a)), {"training": False, **more}


_M, _MASK, _PADDING = "multi_head_attention_forward", grid(3, 3) > 0.5, np.array([[1, 0, 0]])
_row(_M, "key", lambda a, b: _heads(a, key=b))
_row(_M, "in_proj", lambda a, b: _heads(a, weight=b))
_row(_M, "in_bias", lambda a, b: _heads(a, bias=b))
_row(_M, "out_proj", lambda a, b: _heads(a, out=b))
for _need in (True, False):
    _row(_M, f"mask, {_need}", lambda a, b, n=_need: _heads(a, attn_mask=t(_MASK, b), need_weights=n))
    _row(_M, f"padding, {_need}", lambda a, b, n=_need: _heads(a, key_padding_mask=t(_PADDING, b), need_weights=n))

# -- images ------------------------------------------------------------------------------------------------

_MODES = ("linear",), ("bilinear", "bicubic"), ("trilinear",)
for _d, _s in ((1, (5,)), (2, (4, 5)), (3, (3, 4, 3))):
    for _n in (f"conv{_d}d", f"conv_transpose{_d}d"):
        _row(_n, "weight", lambda a, b, s=_s: ((t(grid(1, 2, *s), a), t(grid(2, 2, *[2] * len(s)), b)), {}))
        _row(
            _n,
            "bias",
            lambda a, b, s=_s: ((t(grid(1, 2, *s), a), t(grid(2, 2, *[2] * len(s)), a), t(V[:2], b)), {}),
        )
    for _n in ("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool"):
        _row(f"{_n}{_d}d", "", lambda a, b, s=_s: ((t(grid(1, 2, *s), a), 2), {}))
    _row(f"lp_pool{_d}d", "", lambda a, b, s=_s: ((t(grid(1, 2, *s), a), 2, 2), {}))
    for _m in ("nearest", "nearest-exact", "area", *_MODES[_d - 1]):
        _row("interpolate", f"{_d}, {_m}", lambda a, b, s=_s, m=_m: ((t(grid(1, 2, *s), a), None, 2, m), {}))
_row("fold", "", lambda a, b: ((t(grid(1, 4, 4), a), (3, 3), (2, 2)), {}))
_row("unfold", "", lambda a, b: ((t(grid(1, 2, 3, 3), a), (2, 2)), {}))
for _m in ("constant", "reflect", "replicate", "circular"):
    _row("pad", _m, lambda a, b, m=_m: ((t(grid(1, 2, 4), a), (1, 1), m), {}))
for _m in ("bilinear", "nearest", "bicubic"):
    _row(
        "grid_sample",
        _m,
        lambda a, b, m=_m: ((t(grid(1, 2, 3, 3), a), t(grid(1, 2, 2, 2), b), m), {"align_corners": False}),
    )
_row("affine_grid", "", lambda a, b: ((t(grid(1, 2, 3), a), (1, 1, 2, 2)), {"align_corners": False}))
_row("pixel_shuffle", "", lambda a, b: ((t(grid(1, 4, 2, 2), a), 2), {}))
_row("pixel_unshuffle", "", lambda a, b: ((t(grid(1, 1, 4, 4), a), 2), {}))
_row("channel_shuffle", "", lambda a, b: ((t(grid(1, 4, 2, 2), a), 2), {}))
