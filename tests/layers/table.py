"""The one table of all layers: how each is constructed and called.  Every property test runs over it."""

from __future__ import annotations

import itertools

import numpy as np

from tests.layers.cases import (
    TABLE,
    Case,
    formula,  # noqa: F401 - for layers that torch lacks, as is `like`
    given,
    ints,
    layer,
    like,  # noqa: F401
    log_probabilities,
    of,
    probabilities,
    signs,
    uniform,
    windows,
    x,
)

__all__ = ["CASES", "OWN_CASES", "OWN_KEYWORDS", "TABLE", "TORCH_CASES", "Case"]

# Arguments by keyword that torch's layers and functions of the same name lack.
OWN_KEYWORDS: frozenset[str] = frozenset()


def size(rank: int) -> tuple[int, ...]:
    """Small and unequal sizes of the spatial axes."""
    return (5, 4, 6)[:rank] if rank < 3 else (3, 4, 3)


def weights(*values: float) -> np.ndarray:
    return np.float32(values)


# -- linear and shape ------------------------------------------------------------------------------------

layer("Identity", of().on(x(2, 3)), of(54, unused=0.1).on(x(3)), smooth=True)
layer("Linear", of(4, 3).on(x(2, 4)), of(4, 3, bias=False).on(x(4)), of(4, 3).on(x(2, 3, 4)), smooth=True)
layer("LazyLinear", of(3).on(x(2, 4)), of(3, bias=False).on(x(2, 4)), smooth=True)
layer("Bilinear", of(3, 4, 2).on(x(2, 3), x(2, 4)), of(3, 4, 2, bias=False).on(x(3), x(4)), smooth=True)
layer("Flatten", of().on(x(2, 3, 4)), of(0, 1).on(x(2, 3, 4)), of(start_dim=-2).on(x(2, 3, 4, 1)), smooth=True)
layer("Unflatten", of(1, (2, -1)).on(x(2, 6)), of(dim=-1, unflattened_size=(3, 2)).on(x(2, 6)), smooth=True)
layer("ChannelShuffle", of(2).on(x(1, 4, 2, 2)), smooth=True)
layer("PixelShuffle", of(2).on(x(2, 8, 2, 3)), of(2).on(x(4, 2, 2)), smooth=True)
layer("PixelUnshuffle", of(2).on(x(2, 2, 4, 6)), of(2).on(x(1, 4, 2)), smooth=True)
layer(
    "Fold",
    of((4, 5), (2, 2)).on(x(2, 8, 12)),
    of(4, 3, dilation=1, padding=1, stride=2).on(x(9, 4)),
    smooth=True,
)
layer(
    "Unfold",
    of((2, 3)).on(x(2, 2, 4, 5)),
    of(3, dilation=2, padding=1, stride=2).on(x(2, 2, 5, 6)),
    of(2).on(x(2, 3, 4)),
    smooth=True,
)
layer("CosineSimilarity", of().on(x(2, 3), x(2, 3)), of(dim=0, eps=0.1).on(x(3, 2), x(3, 2)), smooth=True)
layer(
    "PairwiseDistance",
    of().on(x(2, 3), x(2, 3)),
    of(p=1, keepdim=True).on(x(2, 3), x(2, 3)),
    of(3.0, 0.01).on(x(3), x(3)),
)

# -- convolutions ------------------------------------------------------------------------------------------

for n in (1, 2, 3):
    s = size(n)
    layer(
        f"Conv{n}d",
        of(4, 6, 3).on(x(2, 4, *s)),
        of(4, 6, 2, stride=2, padding=1, groups=2, bias=False).on(x(4, *s)),
        of(2, 3, (3, 2, 1)[:n], padding="same", dilation=(1, 2, 1)[:n]).on(x(1, 2, *s)),
        of(2, 2, 2, padding="valid").on(x(1, 2, *s)),
        of(2, 4, 3, padding=1, groups=2, padding_mode="circular").on(x(2, 2, *s)),
        of(2, 3, 3, padding=1, padding_mode="reflect").on(x(2, 2, *s)),
        of(2, 3, 3, padding="same", padding_mode="replicate").on(x(2, *s)),
        smooth=True,
    )
    layer(
        f"LazyConv{n}d",
        of(4, 2).on(x(2, 2, *s)),
        of(4, 2, groups=2, bias=False, padding_mode="replicate", padding=1).on(x(2, *s)),
        smooth=True,
    )
    layer(
        f"ConvTranspose{n}d",
        of(4, 6, 3).on(x(2, 4, *s)),
        of(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2, bias=False).on(x(4, *s)),
        of(2, 3, 2, dilation=2).on(x(1, 2, *s)),
        of(2, 2, 3, stride=2, padding=1).on(x(1, 2, *s), output_size=tuple(2 * v for v in s)),
        smooth=True,
    )
    layer(
        f"LazyConvTranspose{n}d",
        of(4, 2).on(x(2, 2, *s)),
        of(2, 2, stride=2, groups=2, bias=False).on(x(2, *s)),
        smooth=True,
    )

# -- padding -----------------------------------------------------------------------------------------------

for n in (1, 2, 3):
    s, sides = size(n), (1, 2, 0, 1, 2, 1)[: 2 * n]
    for kind in ("Reflection", "Replication", "Circular", "Zero", "Constant"):
        value = (1.5,) if kind == "Constant" else ()
        cases = [of(1, *value).on(x(2, 3, *s)), of(sides, *value).on(x(2, *s))]
        if kind not in ("Reflection", "Circular"):
            cases.append(of(tuple(-1 if i == 1 else v for i, v in enumerate(sides)), *value).on(x(1, 2, *s)))
        layer(f"{kind}Pad{n}d", *cases, smooth=True)

# -- pooling -----------------------------------------------------------------------------------------------

for n in (1, 2, 3):
    s = size(n)
    layer(
        f"MaxPool{n}d",
        of(2).on(x(2, 3, *s)),
        of((3, 2, 2)[:n], stride=1, padding=1, dilation=(1, 2, 1)[:n]).on(x(2, *s)),
        of(2, ceil_mode=True, return_indices=True).on(x(1, 2, *s)),
        of(3, 2, 1, return_indices=True).on(x(2, *s)),
    )
    layer(
        f"MaxUnpool{n}d",
        of(2).on(x(*(2, 2, 3, 2, 2)[: n + 2]), windows(n, *(2, 2, 3, 2, 2)[: n + 2])),
        of(2, stride=2).on(x(*(2, 3, 2, 2)[: n + 1]), windows(n, *(2, 3, 2, 2)[: n + 1]), output_size=(6, 4, 4)[:n]),
        smooth=True,
    )
    override = () if n == 1 else (of(2, divisor_override=3).on(x(1, 2, *s)),)
    layer(
        f"AvgPool{n}d",
        of(2).on(x(2, 3, *s)),
        of(3, stride=2, padding=1, ceil_mode=True).on(x(2, *s)),
        of(3, 2, 1, count_include_pad=False).on(x(1, 2, *s)),
        *override,
        smooth=True,
    )
    layer(
        f"AdaptiveAvgPool{n}d",
        of(2).on(x(2, 3, *s)),
        of((3, None, 2)[:n] if n > 1 else 3).on(x(2, *s)),
        smooth=True,
    )
    layer(
        f"AdaptiveMaxPool{n}d",
        of(2).on(x(2, 3, *s)),
        of((3, None, 2)[:n] if n > 1 else 3, return_indices=True).on(x(2, *s)),
    )
    layer(
        f"LPPool{n}d",
        of(2, 2).on(x(2, 3, *s)),
        of(3, 2, stride=1, ceil_mode=True).on(uniform(2, *s)),
    )

for n in (2, 3):
    s, samples = (5, 6, 5)[:n], np.random.default_rng(n).uniform(0.05, 0.95, (2, 3, n)).astype(np.float32)
    layer(
        f"FractionalMaxPool{n}d",
        of(2, output_size=3, _random_samples=samples).on(x(2, 3, *s)),
        of(2, output_ratio=0.5, return_indices=True, _random_samples=samples[:1]).on(x(3, *s)),
        **dict.fromkeys(("half", "float64", "check_grads"), "the given samples are float32, as the input must be"),
    )

# -- normalisation -----------------------------------------------------------------------------------------

for n in (1, 2, 3):
    s = (5, 4, 2)[:n]
    layer(
        f"BatchNorm{n}d",
        of(3).on(x(4, 3, *s)),
        of(3, eps=0.01, momentum=None).on(x(4, 3, *s)),
        of(3, affine=False, momentum=0.3).on(x(4, 3, *s)),
        of(3, track_running_stats=False).on(x(4, 3, *s)),
        of(3, bias=False).on(x(*((4, 3) if n == 1 else (2, 3, *s)))),
        smooth=True,
    )
    layer(f"LazyBatchNorm{n}d", of().on(x(4, 3, *s)), of(affine=False, momentum=None).on(x(4, 3, *s)), smooth=True)
    layer(
        f"InstanceNorm{n}d",
        of(3).on(x(2, 3, *s)),
        of(3, affine=True, track_running_stats=True).on(x(2, 3, *s)),
        of(3, eps=0.01, momentum=0.3, track_running_stats=True).on(x(3, *s)),
        of(3, affine=True, bias=False).on(x(2, 3, *s)),
        smooth=True,
    )
    layer(f"LazyInstanceNorm{n}d", of().on(x(2, 3, *s)), of(affine=False).on(x(4, 3, *s)), smooth=True)
layer(
    "SyncBatchNorm",
    of(3).on(x(4, 3, 5)),
    of(3, momentum=None, eps=0.01).on(x(4, 3)),
    of(3, affine=False, track_running_stats=False).on(x(2, 3, 2, 2, 2)),
    smooth=True,
)
layer(
    "GroupNorm",
    of(2, 4).on(x(2, 4, 3)),
    of(1, 4, eps=0.01, affine=False).on(x(2, 4, 2, 3)),
    of(4, 4, bias=False).on(x(2, 4, 3)),
    smooth=True,
)
layer(
    "LayerNorm",
    of(4).on(x(2, 3, 4)),
    of((3, 4), eps=0.01).on(x(2, 3, 4)),
    of([4], elementwise_affine=False).on(x(4)),
    of(4, bias=False).on(x(2, 4)),
    smooth=True,
)
layer(
    "RMSNorm",
    of(4).on(x(2, 3, 4)),
    of([3, 4], eps=0.01).on(x(2, 3, 4)),
    of(4, elementwise_affine=False).on(x(4)),
    smooth=True,
)
layer("LocalResponseNorm", of(2).on(x(2, 4, 3)), of(3, 0.1, 0.5, 2.0).on(x(2, 4, 2, 3)), smooth=True)
layer(
    "CrossMapLRN2d",
    of(2).on(x(2, 4, 2, 3)),
    of(3, 0.1, 0.5, 2.0).on(x(2, 4, 2, 3)),
    smooth=True,
    torch_gradient="torch's hand-written backward sums over channels shifted by one: its own gradcheck refuses it",
)

# -- activations -------------------------------------------------------------------------------------------

for name in ("Sigmoid", "Tanh", "LogSigmoid", "Tanhshrink"):
    layer(name, of().on(x(2, 3, scale=3.0)), smooth=True)
layer("Softsign", of().on(x(2, 3, scale=3.0)))  # its second derivative jumps at 0
for name in ("ReLU", "ReLU6", "Hardsigmoid", "Hardswish", "SELU"):
    layer(name, of().on(x(2, 3, scale=4.0)), of(inplace=True).on(x(5, scale=4.0)))
for name in ("SiLU", "Mish"):
    layer(name, of().on(x(2, 3, scale=3.0)), of(inplace=True).on(x(5)), smooth=True)
layer("ELU", of().on(x(2, 3)), of(0.5, True).on(x(5)))
layer("CELU", of().on(x(2, 3)), of(0.5, inplace=True).on(x(5)))
layer("GELU", of().on(x(2, 3)), of("tanh").on(x(5)), smooth=True)
layer("GLU", of().on(x(2, 4)), of(0).on(x(4, 3)), smooth=True)
layer("Hardshrink", of().on(x(2, 3)), of(0.2).on(x(5)))
layer("Softshrink", of().on(x(2, 3)), of(0.2).on(x(5)))
layer("Hardtanh", of().on(x(2, 3, scale=2.0)), of(-0.5, 2.0, True).on(x(5)))
layer("LeakyReLU", of().on(x(2, 3)), of(0.2, True).on(x(5)))
layer("PReLU", of().on(x(2, 3)), of(3, 0.1).on(x(2, 3, 2)))
layer(
    "RReLU",
    of().on(x(2, 3)),
    of(0.1, 0.5, True).on(x(5)),
    stochastic=True,
    torch_gradient="torch draws for negative elements only, and a trace does not know which these are",
)
layer("Softplus", of().on(x(2, 3, scale=3.0)), of(2.0, 1.0).on(x(5)))  # linear above the threshold
layer("Threshold", of(0.1, 20.0).on(x(2, 3)), of(-0.5, 1.0, True).on(x(5)))
layer("Softmax", of(1).on(x(2, 3)), of(dim=-1).on(x(4)), smooth=True)
layer("LogSoftmax", of(1).on(x(2, 3)), of(dim=0).on(x(4)), smooth=True)
layer("Softmin", of(1).on(x(2, 3)), of(dim=-2).on(x(4, 2)), smooth=True)
layer("Softmax2d", of().on(x(2, 3, 2, 2)), of().on(x(3, 2, 2)), smooth=True)

# -- dropout -----------------------------------------------------------------------------------------------

layer("Dropout", of().on(x(4, 5)), of(0.0).on(x(5)), of(1.0).on(x(5)), of(0.2, True).on(x(2, 3, 4)), stochastic=True)
for name, shape in (("Dropout1d", (3, 2)), ("Dropout2d", (3, 2, 2)), ("Dropout3d", (3, 2, 2, 1))):
    cases = [of().on(x(4, *shape)), of(0.2, inplace=True).on(x(4, *shape))]
    if name != "Dropout2d":  # torch warns of an unbatched input there
        cases.append(of(0.3).on(x(*shape)))
    layer(name, *cases, stochastic=True)
layer("AlphaDropout", of().on(x(4, 5)), of(0.2, True).on(x(2, 3, 4)), stochastic=True)
layer("FeatureAlphaDropout", of().on(x(4, 3, 2)), of(0.2).on(x(4, 3, 2, 2)), stochastic=True)

# -- tables ------------------------------------------------------------------------------------------------

SHORTENS = "the rows are shortened out of the gradient's sight, as in torch"
MISCOUNTS = "torch divides the gradient of the i-th row by the count of the i-th index"
COUNTS = "the gradient is divided by how often a row is looked up"
layer(
    "Embedding",
    of(6, 3).on(ints(6, 2, 4)),
    of(6, 3, padding_idx=1).on(ints(6, 5)),
    of(7, 3, padding_idx=-2, scale_grad_by_freq=True).on(ints(3, 2, 4)).but(check_grads=COUNTS),
    of(6, 3, max_norm=0.5).on(ints(6, 4)).but(check_grads=SHORTENS),
    smooth=True,
)
layer(
    "EmbeddingBag",
    of(6, 3).on(ints(6, 2, 4)),
    of(6, 3, mode="sum").on(ints(6, 7), given([0, 3, 3, 5])),
    of(6, 3, mode="max").on(ints(6, 7), given([0, 3, 5])),
    of(6, 3, mode="sum", include_last_offset=True, padding_idx=2).on(ints(6, 7), given([0, 3, 7])),
    of(6, 3, mode="sum").on(ints(6, 2, 3), per_sample_weights=x(2, 3)),
    of(6, 3, scale_grad_by_freq=True).on(ints(3, 2, 4)).but(check_grads=COUNTS, torch_gradient=MISCOUNTS),
)

# -- upsampling --------------------------------------------------------------------------------------------

layer(
    "Upsample",
    of(scale_factor=2).on(x(2, 2, 3)),
    of((4, 5)).on(x(1, 2, 2, 3)),
    of(scale_factor=1.5, mode="nearest-exact").on(x(1, 2, 4)),
    of(scale_factor=2, mode="linear", align_corners=True).on(x(1, 2, 3)),
    of(scale_factor=(2, 1.5), mode="bilinear").on(x(1, 2, 3, 4)),
    of((5, 4), mode="bicubic", align_corners=False).on(x(1, 1, 3, 3)),
    of(scale_factor=2.0, mode="trilinear", align_corners=True).on(x(1, 1, 2, 2, 2)),
    of(scale_factor=1.7, mode="bilinear", recompute_scale_factor=True).on(x(1, 1, 3, 4)),
    of(2, mode="area").on(x(1, 2, 5)),
    smooth=True,
)
layer("UpsamplingNearest2d", of(scale_factor=2).on(x(1, 2, 2, 3)), of((3, 5)).on(x(1, 1, 2, 2)), smooth=True)
layer("UpsamplingBilinear2d", of(scale_factor=2).on(x(1, 2, 2, 3)), of((3, 5)).on(x(1, 1, 2, 2)), smooth=True)

# -- losses ------------------------------------------------------------------------------------------------


def reductions(*inputs: object, **kwargs: object) -> list[Case]:
    return [of(reduction=r, **kwargs).on(*inputs) for r in ("mean", "sum", "none")]


layer("L1Loss", *reductions(x(2, 3), x(2, 3)))
layer("MSELoss", *reductions(x(2, 3), x(2, 3)), smooth=True)
layer("SmoothL1Loss", *reductions(x(2, 3), x(2, 3)), of(beta=0.3).on(x(4), x(4)), of(beta=0.0).on(x(4), x(4)))
layer("HuberLoss", *reductions(x(2, 3), x(2, 3)), of(delta=0.3).on(x(4), x(4)))
layer(
    "BCELoss",
    *reductions(uniform(2, 3), uniform(2, 3).fixed()),
    of(weights(0.5, 2.0, 1.0)).on(uniform(2, 3), uniform(2, 3).fixed()),
    smooth=True,
)
layer(
    "BCEWithLogitsLoss",
    *reductions(x(2, 3), uniform(2, 3)),
    of(weight=weights(0.5, 2.0, 1.0)).on(x(2, 3), uniform(2, 3)),
    of(pos_weight=weights(0.5, 2.0, 1.0), reduction="sum").on(x(2, 3), uniform(2, 3)),
    smooth=True,
)
layer(
    "KLDivLoss",
    *reductions(log_probabilities(2, 3), probabilities(2, 3)),
    of(reduction="batchmean").on(log_probabilities(2, 3), probabilities(2, 3)),
    of(reduction="batchmean", log_target=True).on(log_probabilities(2, 3), log_probabilities(2, 3)),
    smooth=True,
)
layer(
    "NLLLoss",
    *reductions(log_probabilities(4, 3), ints(3, 4)),
    of(weight=weights(0.5, 2.0, 1.0), ignore_index=1).on(log_probabilities(4, 3), ints(3, 4)),
    of(weights(0.5, 2.0, 1.0), reduction="none").on(log_probabilities(2, 3, 2, 2), ints(3, 2, 2, 2)),
    of().on(log_probabilities(3, axis=0), ints(3)),
    smooth=True,
)
layer("NLLLoss2d", of(reduction="sum").on(log_probabilities(2, 3, 2, 2), ints(3, 2, 2, 2)), smooth=True)
layer(
    "CrossEntropyLoss",
    *reductions(x(4, 3), ints(3, 4)),
    of(weights(0.5, 2.0, 1.0), ignore_index=1).on(x(4, 3), ints(3, 4)),
    of(weight=weights(0.5, 2.0, 1.0), label_smoothing=0.1, reduction="sum").on(x(2, 3, 2), ints(3, 2, 2)),
    of(label_smoothing=0.2).on(x(4, 3), probabilities(4, 3)),
    of(weights(0.5, 2.0, 1.0)).on(x(4, 3), probabilities(4, 3)),
    of().on(x(3), ints(3)),
    smooth=True,
)
layer(
    "LinearCrossEntropyLoss",
    of(4, 3).on(x(5, 4), ints(3, 5)),
    of(4, 3, bias=True, reduction="sum", weight=weights(0.5, 2.0, 1.0)).on(x(5, 4), ints(3, 5)),
    of(4, 3, label_smoothing=0.1).on(x(4), ints(3)),
    smooth=True,
)
layer(
    "PoissonNLLLoss",
    *reductions(x(2, 3), uniform(2, 3, high=3.0)),
    of(log_input=False, full=True, eps=0.01).on(uniform(2, 3), uniform(2, 3, low=1.5, high=3.0).fixed()),
    smooth=True,
)
layer(
    "GaussianNLLLoss",
    *reductions(x(2, 3), x(2, 3), uniform(2, 3, low=0.5)),
    of(full=True, eps=0.01).on(x(2, 3), x(2, 3), uniform(2, 1)),
    smooth=True,
)
layer("HingeEmbeddingLoss", *reductions(x(2, 3), signs(2, 3)), of(0.5).on(x(4), signs(4)))
layer("SoftMarginLoss", *reductions(x(2, 3), signs(2, 3)), smooth=True)
layer("CosineEmbeddingLoss", *reductions(x(4, 3), x(4, 3), signs(4)), of(0.3).on(x(3), x(3), signs()))
layer("MarginRankingLoss", *reductions(x(4), x(4), signs(4)), of(0.3).on(x(2, 3), x(2, 3), signs(2, 3)))
layer(
    "MultiLabelMarginLoss",
    *reductions(x(2, 4), given([[3, 0, -1, 1], [1, -1, 0, 2]])),
    of().on(x(3), given([2, 0, -1])),
)
layer(
    "MultiLabelSoftMarginLoss",
    *reductions(x(2, 3), uniform(2, 3)),
    of(weights(0.5, 2.0, 1.0)).on(x(3), uniform(3)),
    smooth=True,
)
layer(
    "MultiMarginLoss",
    *reductions(x(4, 3), ints(3, 4)),
    of(2, 0.5, weights(0.5, 2.0, 1.0)).on(x(4, 3), ints(3, 4)),
    of().on(x(3), ints(3)),
)
layer(
    "TripletMarginLoss",
    *reductions(x(4, 3), x(4, 3), x(4, 3)),
    of(0.5, p=1, swap=True).on(x(4, 3), x(4, 3), x(4, 3)),
    of().on(x(3), x(3), x(3)),
)
layer(
    "TripletMarginWithDistanceLoss",
    *reductions(x(4, 3), x(4, 3), x(4, 3)),
    of(margin=0.5, swap=True).on(x(3), x(3), x(3)),
)
CTC = "its gradient is that through log_softmax, as torch's, not that of the function itself"
layer(
    "CTCLoss",
    *reductions(log_probabilities(5, 2, 4, axis=2), ints(4, 2, 2, low=1), given([5, 4]), given([2, 1])),
    of(blank=3, zero_infinity=True).on(log_probabilities(5, 4, axis=1), ints(3, 2), given(5), given(2)),
    check_grads=CTC,
)

# -- layers that torch lacks: reference=formula(...) or like(...), see cases.py ---------------------------

# New entries go above this line; what follows counts them.
CASES = list(itertools.chain.from_iterable(TABLE.values()))
TORCH_CASES = [case for case in CASES if case.reference is None]
OWN_CASES = [case for case in CASES if case.reference is not None]

# -- recurrent networks --------------------------------------------------------------------------------------

for name in ("RNN", "LSTM", "GRU"):
    hx = () if name == "LSTM" else (x(4, 2, 4),)
    projected = (of(3, 4, proj_size=2, num_layers=2).on(x(4, 2, 3)),) if name == "LSTM" else ()
    rectified = (of(3, 4, 1, "relu").on(x(4, 2, 3)),) if name == "RNN" else ()
    layer(
        name,
        of(3, 4).on(x(5, 2, 3)),
        of(3, 4, num_layers=2, bias=False, batch_first=True, bidirectional=True).on(x(2, 5, 3), *hx),
        of(3, 4, bidirectional=True).on(x(4, 3)),
        *projected,
        *rectified,
        smooth=True,
    )
layer(
    "RNNCell",
    of(3, 4).on(x(2, 3)),
    of(3, 4, False).on(x(2, 3), x(2, 4)),
    of(3, 4, nonlinearity="relu").on(x(3), x(4)),
    smooth=True,
)
layer("LSTMCell", of(3, 4).on(x(2, 3)), of(3, 4, bias=False).on(x(3)), smooth=True)
layer("GRUCell", of(3, 4).on(x(2, 3)), of(3, 4, bias=False).on(x(2, 3), x(2, 4)), of(3, 4).on(x(3), x(4)), smooth=True)
