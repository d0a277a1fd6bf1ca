"""PyTorch's tables: what becomes of a function's arguments, by its name, for the CPU and for a GPU.

They are those of PyTorch 2.13 (its documentation's "Autocast Op Reference"), with two kinds of names more.  PyTorch
has entries for the operators below a function; where it depends on the arguments which of them it calls, the entry is
a function of these.  And a function that PyTorch composes of others, where fnn does not, has what results from them:
`normalize` on a GPU that of ``norm``, `lp_pool2d` that of ``pow``.  Functions that fnn composes in the same way
(`multi_head_attention_forward`, on a CPU `einsum`) have no entry.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from fnn.autocasting._contractions import tensordot_contracts

__all__ = ["DEVICES", "TABLES", "Entry", "Policy"]


class Policy(enum.Enum):
    """What a door does with the floating arguments, those of float64 excepted."""

    LOWER = "lower_precision_fp"  # casts them to the region's dtype
    FLOAT32 = "fp32"  # casts them to float32
    OPTION = "fp32_set_opt_dtype"  # asks for dtype=float32, if the first is one and no dtype is given
    PROMOTE = "promote"  # casts them to the widest among them
    BANNED = "banned"  # refuses the call


Entry: TypeAlias = Policy | Callable[[Mapping[str, Any]], Policy | None]


def _pad(given: Mapping[str, Any]) -> Policy | None:
    """Of volumes, which have three pairs of margins, only the replication is in the table."""
    mode = given.get("mode")
    return Policy.FLOAT32 if mode == "replicate" or (mode == "reflect" and np.size(given["pad"]) < 6) else None


def _returns_values(given: Mapping[str, Any]) -> Policy | None:
    """With indices it is another operator, which is in no table."""
    return None if given.get("return_indices") else Policy.FLOAT32


def _averaged(given: Mapping[str, Any]) -> Policy | None:
    """Of `local_response_norm`: signals are averaged by avg_pool2d, the rest by avg_pool3d, which is in the table."""
    return None if np.ndim(given["input"]) == 3 else Policy.FLOAT32


def _area_of_volumes(given: Mapping[str, Any]) -> Policy | None:
    """Of `interpolate`: "area" is adaptive_avg_pool1d, 2d or 3d."""
    return Policy.FLOAT32 if given.get("mode") == "area" and np.ndim(given["input"]) == 5 else None


def _resampled(given: Mapping[str, Any]) -> Policy | None:
    return None if given.get("mode") == "area" else Policy.FLOAT32


def _tensordot(given: Mapping[str, Any]) -> Policy | None:
    return Policy.LOWER if tensordot_contracts(given) else None


def _table(**lists: str) -> dict[str, Entry]:
    return {name: Policy[policy.upper()] for policy, names in lists.items() for name in names.split()}


_LOSSES = (
    "cosine_embedding_loss hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss mse_loss"
    " multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss"
    " triplet_margin_loss binary_cross_entropy_with_logits cross_entropy"
)
_CPU: dict[str, Entry] = _table(
    lower=(
        "conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d linear matmul mm bmm addmm"
        " addbmm baddbmm linalg_vecdot prelu scaled_dot_product_attention"
        # composed of mm, bmm, matmul or linear
        " chain_matmul linalg_multi_dot rnn rnn_cell"
    ),
    float32=(
        f"{_LOSSES} binary_cross_entropy ctc_loss avg_pool3d adaptive_avg_pool3d adaptive_max_pool3d grid_sample"
        " fractional_max_pool2d fractional_max_pool2d_with_indices fractional_max_pool3d"
        " fractional_max_pool3d_with_indices max_unpool1d max_unpool2d max_unpool3d lp_pool3d"
        " adaptive_max_pool3d_with_indices grid_sampler grid_sampler_2d grid_sampler_3d"
        " cdist prod polar trace quantile nanquantile stft view_as_complex cholesky cholesky_inverse cholesky_solve"
        " inverse pinverse geqrf orgqr ormqr qr svd lu_solve triangular_solve"
        " fft_fft fft_fft2 fft_fftn fft_hfft fft_ifft fft_ifft2 fft_ifftn fft_ihfft fft_irfft fft_irfft2 fft_irfftn"
        " fft_rfft fft_rfft2 fft_rfftn"
        " linalg_cholesky linalg_cholesky_ex linalg_cond linalg_eig linalg_eigh linalg_eigvals linalg_eigvalsh"
        " linalg_householder_product linalg_inv linalg_inv_ex linalg_lstsq linalg_matrix_rank linalg_qr linalg_solve"
        " linalg_svd linalg_svdvals linalg_tensorinv linalg_tensorsolve"
    ),
    promote="cat concat concatenate stack index_copy",
) | {
    "tensordot": _tensordot,
    "interpolate": _area_of_volumes,
    "local_response_norm": _averaged,
    "max_pool3d": _returns_values,
    "pad": _pad,
}  # fmt: skip
_GPU: dict[str, Entry] = _table(
    lower=(
        "conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d linear prelu matmul mm mv bmm"
        " addmm addmv addr addbmm baddbmm chain_matmul einsum linalg_vecdot linalg_multi_dot"
        " scaled_dot_product_attention lstm gru rnn lstm_cell gru_cell rnn_cell"
    ),
    float32=(
        f"{_LOSSES} acos arccos asin arcsin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh tan pow"
        " square softplus layer_norm rms_norm group_norm frobenius_norm nuclear_norm cosine_similarity dist pdist cdist"
        " renorm logsumexp"
        # composed of pow, norm, log, sum or softmax
        " lp_pool1d lp_pool2d lp_pool3d local_response_norm normalize pairwise_distance gaussian_nll_loss"
        " multilabel_soft_margin_loss gumbel_softmax"
    ),
    option=(
        "prod softmax softmin log_softmax cumprod cumsum sum linalg_vector_norm linalg_matrix_norm linalg_norm norm"
    ),
    promote=(
        "addcdiv addcmul atan2 arctan2 bilinear cross dot vdot inner grid_sample grid_sampler grid_sampler_2d"
        " grid_sampler_3d index_put tensordot scatter_add"
    ),
    banned="binary_cross_entropy",
) | {"interpolate": _resampled}  # fmt: skip

TABLES: dict[str, Mapping[str, Entry]] = {"cpu": _CPU, "cuda": _GPU, "tpu": _GPU}

# The device types with the dtype that a region has by default.  A TPU has bfloat16 only, as PyTorch's "xla".
DEVICES: dict[str, np.dtype] = {
    "cpu": np.dtype(jnp.bfloat16), "cuda": np.dtype(np.float16), "tpu": np.dtype(jnp.bfloat16),
}  # fmt: skip
