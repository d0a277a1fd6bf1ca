"""The operations of ``torch.nn.functional`` as pure functions; randomness comes from ``key``."""

# Written by tools/write_exports.py from the modules' __all__.
from fnn.functional.activation import (
    gelu,
    glu,
    hardsigmoid,
    hardswish,
    logsigmoid,
    mish,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanh,
)
from fnn.functional.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices,
)
from fnn.functional.attention import (
    scaled_dot_product_attention,
)
from fnn.functional.average_pooling import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
)
from fnn.functional.batchnorm import (
    batch_norm,
    batch_norm_update,
    instance_norm,
    instance_norm_update,
)
from fnn.functional.conv import (
    conv1d,
    conv2d,
    conv3d,
    conv_tbc,
)
from fnn.functional.conv_transpose import (
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from fnn.functional.distance import (
    cosine_similarity,
    pairwise_distance,
    pdist,
)
from fnn.functional.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from fnn.functional.embedding import (
    embedding,
    embedding_bag,
    embedding_renorm,
    one_hot,
)
from fnn.functional.fold import (
    fold,
    unfold,
)
from fnn.functional.fractional_pooling import (
    fractional_max_pool2d,
    fractional_max_pool2d_with_indices,
    fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
)
from fnn.functional.grid import (
    affine_grid,
    grid_sample,
)
from fnn.functional.grouped import (
    grouped_mm,
)
from fnn.functional.interpolate import (
    interpolate,
    upsample,
    upsample_bilinear,
    upsample_nearest,
)
from fnn.functional.linear import (
    bilinear,
    linear,
)
from fnn.functional.loss_binary import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    kl_div,
    multilabel_soft_margin_loss,
    soft_margin_loss,
)
from fnn.functional.loss_classification import (
    cross_entropy,
    linear_cross_entropy,
    nll_loss,
)
from fnn.functional.loss_ctc import (
    ctc_loss,
)
from fnn.functional.loss_embedding import (
    cosine_embedding_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from fnn.functional.loss_margin import (
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
)
from fnn.functional.loss_regression import (
    gaussian_nll_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from fnn.functional.max_pooling import (
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool2d_with_indices,
    max_pool3d,
    max_pool3d_with_indices,
)
from fnn.functional.multi_head_attention import (
    multi_head_attention_forward,
)
from fnn.functional.norm import (
    group_norm,
    layer_norm,
    normalize,
    rms_norm,
)
from fnn.functional.packed import (
    PackedSequence,
    invert_permutation,
)
from fnn.functional.packing import (
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)
from fnn.functional.padding import (
    pad,
)
from fnn.functional.power_pooling import (
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
)
from fnn.functional.rectifier import (
    celu,
    elu,
    hardtanh,
    leaky_relu,
    prelu,
    relu,
    relu6,
    rrelu,
    selu,
    threshold,
)
from fnn.functional.rectifier_inplace import (
    celu_,
    elu_,
    hardtanh_,
    leaky_relu_,
    relu_,
    rrelu_,
    selu_,
    threshold_,
)
from fnn.functional.recurrent import (
    gru,
    lstm,
    rnn,
)
from fnn.functional.recurrent_cells import (
    gru_cell,
    lstm_cell,
    rnn_cell,
)
from fnn.functional.response import (
    cross_map_lrn2d,
    local_response_norm,
)
from fnn.functional.scaled import (
    ScalingType,
    SwizzleType,
    scaled_mm,
)
from fnn.functional.scaled_grouped import (
    scaled_grouped_mm,
)
from fnn.functional.shrink import (
    hardshrink,
    softshrink,
    tanhshrink,
)
from fnn.functional.shuffle import (
    channel_shuffle,
    native_channel_shuffle,
    pixel_shuffle,
    pixel_unshuffle,
)
from fnn.functional.simplex import (
    gumbel_softmax,
    log_softmax,
    softmax,
    softmin,
)
from fnn.functional.unpooling import (
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)

__all__ = [
    "PackedSequence",
    "ScalingType",
    "SwizzleType",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "affine_grid",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "batch_norm_update",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "cross_map_lrn2d",
    "ctc_loss",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "elu_",
    "embedding",
    "embedding_bag",
    "embedding_renorm",
    "feature_alpha_dropout",
    "fold",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "grid_sample",
    "group_norm",
    "grouped_mm",
    "gru",
    "gru_cell",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "instance_norm_update",
    "interpolate",
    "invert_permutation",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "linear_cross_entropy",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "lstm",
    "lstm_cell",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mish",
    "mse_loss",
    "multi_head_attention_forward",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "native_channel_shuffle",
    "nll_loss",
    "normalize",
    "one_hot",
    "pack_padded_sequence",
    "pack_sequence",
    "pad",
    "pad_packed_sequence",
    "pad_sequence",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rms_norm",
    "rnn",
    "rnn_cell",
    "rrelu",
    "rrelu_",
    "scaled_dot_product_attention",
    "scaled_grouped_mm",
    "scaled_mm",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
    "unpack_sequence",
    "unpad_sequence",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]
