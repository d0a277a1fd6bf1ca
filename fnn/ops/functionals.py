"""The functions of ``torch.nn.functional`` that ``torch`` has under the same name with the same arguments.

Where the arguments differ, the function stands in `functional_forms`.
"""

from fnn.functional import (
    adaptive_avg_pool1d,
    avg_pool1d,
    bilinear,
    celu,
    channel_shuffle,
    conv1d,
    conv2d,
    conv3d,
    conv_tbc,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    cosine_similarity,
    group_norm,
    gru_cell,
    hardshrink,
    layer_norm,
    lstm_cell,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool3d,
    native_channel_shuffle,
    pairwise_distance,
    pdist,
    pixel_shuffle,
    pixel_unshuffle,
    prelu,
    relu,
    rms_norm,
    rrelu,
    selu,
    sigmoid,
    tanh,
    threshold,
)

__all__ = [
    "adaptive_avg_pool1d", "avg_pool1d", "bilinear", "celu", "channel_shuffle", "conv1d", "conv2d", "conv3d",
    "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_similarity", "group_norm",
    "gru_cell", "hardshrink", "layer_norm", "lstm_cell", "max_pool1d", "max_pool1d_with_indices", "max_pool2d",
    "max_pool3d", "native_channel_shuffle", "pairwise_distance", "pdist", "pixel_shuffle", "pixel_unshuffle",
    "prelu", "relu", "rms_norm", "rrelu", "selu", "sigmoid", "tanh", "threshold",
]  # fmt: skip
