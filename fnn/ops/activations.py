"""What of ``torch.nn.functional`` stands in ``torch`` too, handed on from `fnn.functional`."""

from fnn.functional import (
    bilinear,
    celu,
    channel_shuffle,
    cosine_similarity,
    hardshrink,
    log_softmax,
    pairwise_distance,
    pdist,
    pixel_shuffle,
    pixel_unshuffle,
    prelu,
    relu,
    rrelu,
    selu,
    sigmoid,
    softmax,
    tanh,
    threshold,
)

__all__ = [
    "bilinear", "celu", "channel_shuffle", "cosine_similarity", "hardshrink", "log_softmax", "pairwise_distance",
    "pdist", "pixel_shuffle", "pixel_unshuffle", "prelu", "relu", "rrelu", "selu", "sigmoid", "softmax", "tanh",
    "threshold",
]  # fmt: skip
