"""Bad input is refused by the Module and by the pair alike, in torch's known words, naming the layer and the value."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from fnn import layers, nn
from fnn.errors import ArgumentError
from tests import reference

torch = reference.torch
REFUSALS = (ValueError, TypeError, RuntimeError, IndexError, AssertionError)


@dataclasses.dataclass
class Bad:
    """A constructor call, the shapes (or integer arrays) of a call's inputs, and what the message must hold.

    Attributes:
        known: words that torch's message has, and so fnn's.
        shown: values and expectations that only fnn's must have.
    """

    name: str
    args: tuple
    inputs: tuple = ()
    known: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.name}-{self.args}-{self.kwargs}-{self.inputs}".replace(" ", "")


def bad(name: str, *args: Any, on: tuple = (), known: Any = (), shown: Any = (), **kwargs: Any) -> Bad:
    words = [(v,) if isinstance(v, str) else tuple(v) for v in (known, shown)]
    return Bad(name, args, on, *words, kwargs)


CONSTRUCTORS = [
    *(
        case
        for n in "123"
        for case in (
            bad(f"Conv{n}d", 3, 4, 3, groups=2, known="in_channels must be divisible by groups", shown="in_channels=3"),
            bad(f"Conv{n}d", 4, 3, 3, groups=2, known="out_channels must be divisible by groups", shown="groups=2"),
            bad(f"Conv{n}d", 4, 4, 3, groups=0, known="groups must be a positive integer", shown="groups=0"),
            bad(f"Conv{n}d", 2, 2, 3, padding="full", known="Invalid padding string 'full'", shown="'same', 'valid'"),
            bad(f"Conv{n}d", 2, 2, 3, padding="same", stride=2, known="padding='same' is not supported for strided"),
            bad(f"Conv{n}d", 2, 2, 3, padding_mode="mirror", known=("padding_mode must be one of", "'mirror'")),
            bad(f"ConvTranspose{n}d", 2, 2, 3, padding_mode="reflect", known='Only "zeros" padding mode is supported'),
            bad(f"ConvTranspose{n}d", 3, 4, 3, groups=2, known="in_channels must be divisible by groups"),
        )
    ),
    bad("GroupNorm", 3, 4, known="num_channels (4) must be divisible by num_groups (3)"),
    *(bad(name, -0.1, known="dropout probability has to be between 0 and 1, but got -0.1") for name in
      ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")),
    bad("Dropout", 1.5, known="has to be between 0 and 1, but got 1.5"),
    bad("Embedding", 4, 3, padding_idx=4, known="Padding_idx must be within num_embeddings", shown="4"),
    bad("Embedding", 4, 3, padding_idx=-5, known="Padding_idx must be within num_embeddings", shown="-5"),
    bad("Bilinear", 0, 2, 3, known="in1_features must be > 0", shown="0"),
    bad("Hardtanh", 1.0, -1.0, shown=("min_val", "1.0", "-1.0")),
    bad("HuberLoss", delta=0.0, on=((2,), (2,)), known="does not support non-positive values for delta"),
    bad("SmoothL1Loss", beta=-1.0, on=((2,), (2,)), known="does not support negative values for beta"),
    bad("GaussianNLLLoss", on=((2,), (2,), (3,)), known="var is of incorrect size"),
    bad("MultiMarginLoss", 3, known="only p == 1 and p == 2 supported", shown="3"),
    bad("FractionalMaxPool2d", 2, known="requires specifying either an output size, or a pooling ratio"),
    bad("FractionalMaxPool2d", 2, output_ratio=(1.5, 0.5), known="output_ratio must be between 0 and 1", shown="1.5"),
    bad("Unflatten", 1, "ab", known="unflattened_size must be"),
]  # fmt: skip

CALLS = [
    bad("Linear", 3, 4, on=((2, 5),), known=("2x5", "3x4"), shown="input"),
    bad("Bilinear", 2, 3, 4, on=((2, 5), (2, 3)), shown="5"),
    *(
        case
        for n in (1, 2, 3)
        for case in (
            bad(
                f"Conv{n}d", 3, 4, 1, on=((2, 5, *(4,) * n),), known=("expected input", "to have 3 channels, but got 5")
            ),
            bad(
                f"Conv{n}d",
                3,
                4,
                1,
                on=((3,),),
                known=f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to conv{n}d",
            ),
            bad(
                f"Conv{n}d",
                3,
                4,
                7,
                on=((1, 3, *(4,) * n),),
                known="Kernel size can't be greater than actual input size",
            ),
            bad(f"ConvTranspose{n}d", 3, 4, 2, on=((2, 5, *(4,) * n),), known="to have 3 channels, but got 5 channels"),
            bad(f"BatchNorm{n}d", 3, on=((3,),), known="expected", shown="1D"),
            bad(f"BatchNorm{n}d", 3, on=((2, 4, *(3,) * n),), shown=("4", "3")),
            bad(f"InstanceNorm{n}d", 3, on=((2,),), known="input (got 1D input)"),
            bad(f"MaxPool{n}d", 2, on=((4,),), shown="MaxPool"),
            bad(f"MaxPool{n}d", 2, padding=2, on=((1, 2, *(4,) * n),), known="should be at most half of"),
            bad(f"AvgPool{n}d", 2, padding=2, on=((1, 2, *(4,) * n),), known="pad should be at most half of"),
            bad(f"MaxPool{n}d", 6, on=((1, 2, *(4,) * n),), known="output size"),
            bad(
                f"ReflectionPad{n}d",
                5,
                on=((1, 2, *(4,) * n),),
                known="Padding size should be less than the corresponding input dimension",
            ),
            bad(f"CircularPad{n}d", 1, on=((4,),), known=f"expected {n + 1}D or {n + 2}D input (got 1D input)"),
        )
    ),
    bad("BatchNorm1d", 3, on=((1, 3),), known="Expected more than 1 value per channel when training", shown="1, 3"),
    bad("InstanceNorm1d", 3, on=((2, 3, 1),), known="Expected more than 1 spatial element when training"),
    bad("GroupNorm", 2, 4, on=((2, 6, 3),), known="weight", shown=("6", "4")),
    bad("LayerNorm", (3, 4), on=((2, 5, 4),), known="normalized_shape=[3, 4]", shown="[2, 5, 4]"),
    bad("RMSNorm", (3, 4), on=((2, 5, 4),), known="normalized_shape=[3, 4]", shown="[2, 5, 4]"),
    bad("LocalResponseNorm", 2, on=((3, 4),), known="Expected 3D or higher dimensionality", shown="2"),
    bad("CrossMapLRN2d", 2, on=((3, 4, 2),), known="Expected input to be 4D, got 3D instead"),
    bad("PReLU", 3, on=((2, 4),), shown=("3", "4")),
    bad("GLU", on=((3,),), known="Halving dimension must be even", shown="3"),
    bad("Softmax", 3, on=((2, 3),), known="Dimension out of range", shown="3"),
    bad("LogSoftmax", -3, on=((2, 3),), known="Dimension out of range"),
    bad("Softmax2d", on=((2, 3),), known="Softmax2d: expected input to be 3D or 4D, got 2D"),
    bad("Flatten", 2, 1, on=((2, 3, 4),), known="start_dim cannot come after end_dim"),
    bad("Unflatten", 1, (2, 2), on=((2, 6),), shown=("6", "2, 2")),
    bad(
        "PixelShuffle",
        2,
        on=((1, 3, 2, 2),),
        known="pixel_shuffle expects its input's 'channel' dimension to be divisible",
    ),
    bad(
        "PixelUnshuffle",
        2,
        on=((1, 3, 3, 2),),
        known="pixel_unshuffle expects height to be divisible by downscale_factor",
    ),
    bad("ChannelShuffle", 3, on=((1, 4, 2, 2),), known="Number of channels must be divisible by groups", shown="4"),
    bad("Fold", (4, 4), 2, on=((1, 7, 9),), known="divisible by the product of kernel_size", shown="7"),
    bad("Unfold", 5, on=((1, 2, 3, 3),), shown=("5", "3")),
    bad("Upsample", on=((1, 2, 3),), known="either size or scale_factor should be defined"),
    bad("Upsample", scale_factor=2, mode="bilinear", on=((1, 2, 3),), known="3D", shown="bilinear"),
    bad("Upsample", scale_factor=2, mode="wild", on=((1, 2, 3),), shown="wild"),
    bad("L1Loss", reduction="average", on=((2,), (2,)), known="average is not a valid value for reduction"),
    bad("NLLLoss", on=((2, 3), "targets of 4"), shown="4"),
    bad(
        "CrossEntropyLoss",
        label_smoothing=1.5,
        on=((2, 3), (2, 3)),
        known="label_smoothing must be between 0.0 and 1.0. Got: 1.5",
    ),
    bad("BCELoss", on=((2, 3), (2, 4)), known="Please ensure they have the same size", shown=("2, 3", "2, 4")),
    bad("BCEWithLogitsLoss", on=((2, 3), (2, 4)), known="must be the same as input size", shown=("2, 3", "2, 4")),
    bad("GaussianNLLLoss", on=((2, 3), (2, 3), (4,)), known="var is of incorrect size"),
    bad("CosineEmbeddingLoss", on=((2,), (3,), (4,)), shown=("2", "3")),
    bad("TripletMarginLoss", on=((2, 3), (3,), (2, 3)), known="dimension"),
    bad("EmbeddingBag", 4, 3, on=("targets of 4",), known="offsets has to be a 1D Tensor but got None"),
]


def inputs(case: Bad, module: Any) -> list[Any]:
    zeros, ints = (torch.ones, torch.int64) if module is torch else (jnp.ones, jnp.int32)
    return [zeros(4, dtype=ints) if isinstance(v, str) else zeros(v) for v in case.inputs]


def refusal(action: Any) -> BaseException:
    with warnings.catch_warnings(), pytest.raises(REFUSALS) as caught:
        warnings.simplefilter("ignore")
        action()
    return caught.value


def torch_call(case: Bad) -> Any:
    module = getattr(torch.nn, case.name)(*case.args, **case.kwargs)
    return module(*inputs(case, torch))


def our_call(case: Bad) -> Any:
    module = getattr(nn, case.name)(*case.args, **case.kwargs)
    return module(*inputs(case, jnp))


def pair_call(case: Bad) -> Any:
    layer = getattr(layers, case.name)(*case.args, **case.kwargs)
    params, state = layer.init(jax.random.key(0))
    return layer.apply(params, state, *inputs(case, jnp), training=True, key=jax.random.key(0))


@pytest.mark.parametrize("case", CONSTRUCTORS + CALLS, ids=lambda c: c.id)
def test_bad_input(case):
    theirs = str(refusal(lambda: torch_call(case)))
    for word in case.known:
        assert word in theirs, f"torch does not say this: {theirs}"
    for face in (our_call, pair_call):
        error = refusal(lambda face=face: face(case))
        assert isinstance(error, (ArgumentError, IndexError)), repr(error)
        text = str(error)
        for word in (*case.known, *case.shown):
            assert word in text
        assert case.name.lower() in text.lower().replace("_", ""), "the message names the layer"
