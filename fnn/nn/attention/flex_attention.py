"""Attention whose scores go through a function of one's own, and whose mask is known by blocks.

Dong et al., "Flex Attention: A Programming Model for Generating Optimized Attention Kernels" (2024), arXiv:2412.05496.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal, NamedTuple, TypedDict, get_args

import jax
import jax.numpy as jnp

from fnn.arguments import floating
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.kernels.attention import Attended, by_tiles
from fnn.nn.attention._block_mask import BlockMask, create_block_mask, sliced_mask
from fnn.nn.attention._mods import (
    ScoreMod,
    and_masks,
    create_mask,
    noop_mask,
    or_masks,
    over_indices,
    over_scores,
)
from fnn.typing import ArrayLike

__all__ = [
    "BlockMask",
    "flex_attention",
    "AuxOutput",
    "AuxRequest",
    "FlexKernelOptions",
    "create_block_mask",
    "create_mask",
    "or_masks",
    "and_masks",
    "noop_mask",
]

_NAME = "flex_attention: "
_TILE = 512  # the side of a tile of scores without a mask to say
_Backend = Literal["AUTO", "TRITON", "FLASH", "TRITON_DECODE"]


class FlexKernelOptions(TypedDict, total=False):
    """PyTorch's options for its kernels.

    BLOCK_M and BLOCK_N, queries and keys of a tile, are used here where there is no block_mask, whose blocks are the
    tiles otherwise. The others choose among CUDA kernels that give the same results: they are checked by name.
    """

    num_warps: int
    num_stages: int
    BLOCK_M: int
    BLOCK_N: int
    BLOCK_M1: int
    BLOCK_N1: int
    BLOCK_M2: int
    BLOCK_N2: int
    PRESCALE_QK: bool
    ROWS_GUARANTEED_SAFE: bool
    BLOCKS_ARE_CONTIGUOUS: bool
    WRITE_DQ: bool
    FORCE_USE_FLEX_ATTENTION: bool
    USE_TMA: bool
    kpack: int
    matrix_instr_nonkdim: int
    waves_per_eu: int
    BACKEND: _Backend


class AuxRequest(NamedTuple):
    """What `flex_attention` is to return besides its output.

    Example:
        >>> from fnn.nn.attention.flex_attention import AuxRequest
        >>> AuxRequest(lse=True)
        AuxRequest(lse=True, max_scores=False)
    """

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What `flex_attention` returns besides its output: (B, Hq, L) each, None where it was not asked for.

    Example:
        >>> from fnn.nn.attention.flex_attention import AuxOutput
        >>> AuxOutput()
        AuxOutput(lse=None, max_scores=None)
    """

    lse: jax.Array | None = None
    max_scores: jax.Array | None = None


def flex_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    score_mod: ScoreMod | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: FlexKernelOptions | None = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """``softmax(score_mod(query @ key.T * scale)) @ value``, with minus infinity where ``block_mask`` masks.

    Scores are computed a tile at a time, forward and backward, in memory linear in L and S. A tile whose block is
    empty in all of the batch and all heads is left out, unless its mask is mapped by `jax.vmap`, which computes both
    branches of a conditional; a block that is empty in some of them is computed and masked. score_mod and
    mask_mod are mapped over tiles; arrays and Parameters that they use get gradients. A query without any key gives
    zeros, and an lse of minus infinity.

    Args:
        query: (B, Hq, L, E), floating.
        key: (B, H, S, E); its batch may be 1 with a block_mask of the batch of ``query``.
        value: (B, H, S, Ev).
        score_mod: a function of (score, b, h, q_idx, kv_idx), scalars; h counts the heads of ``query``. The score is
            float32 for half types.
        block_mask: what `create_block_mask` gives; made for these lengths.
        scale: what scores are multiplied with; None is ``1 / sqrt(E)``.
        enable_gqa: H may be a divisor of Hq.
        return_lse: deprecated in PyTorch; returns (output, lse).
        kernel_options: see `FlexKernelOptions`.
        return_aux: what else is returned: (output, `AuxOutput`). ``lse`` is the natural logarithm of the sum of
            the scores' exponentials, ``max_scores`` the highest score, which has no gradient.

    Returns:
        (B, Hq, L, Ev) in the dtype of ``query``, or a pair.

    Raises:
        ArgumentError: shapes do not agree, or an option is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.attention.flex_attention import create_block_mask, flex_attention
        >>> q = k = jnp.zeros((1, 1, 2, 1))
        >>> v = jnp.array([1.0, 3.0]).reshape(1, 1, 2, 1)
        >>> mask = create_block_mask(lambda b, h, q, k: q >= k, None, None, 2, 2)
        >>> flex_attention(q, k, v, block_mask=mask).ravel().tolist()
        [1.0, 2.0]
        >>> flex_attention(q, k, v, lambda score, b, h, q, k: jnp.where(k == q, score, -jnp.inf)).ravel().tolist()
        [1.0, 3.0]
    """
    q, k, v = (to_array(x, n, _NAME) for x, n in ((query, "query"), (key, "key"), (value, "value")))
    _check_operands(q, k, v, enable_gqa)
    _check_mask(q, k, block_mask)
    if return_lse and return_aux is not None:
        raise ArgumentError(
            f"{_NAME}Cannot specify both return_lse and return_aux, got return_lse=True and return_aux={return_aux}; "
            "return_lse is deprecated, please use return_aux=AuxRequest(lse=True) instead."
        )
    if return_lse:
        warnings.warn(
            f"{_NAME}return_lse is deprecated. Please use return_aux=AuxRequest(lse=True) instead.",
            FutureWarning,
            stacklevel=2,
        )
    tile = _options(kernel_options, return_aux)
    found = _attend(q, k, v, score_mod, block_mask, 1 / math.sqrt(q.shape[-1]) if scale is None else scale, tile)
    output = found.output.astype(q.dtype)
    if return_lse:
        return output, found.lse
    if return_aux is None:
        return output
    return output, AuxOutput(found.lse if return_aux.lse else None, found.highest if return_aux.max_scores else None)


def _attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    score_mod: ScoreMod | None,
    mask: BlockMask | None,
    scale: float,
    tile: tuple[int, int],
) -> Attended:
    batch, heads, length, _ = q.shape
    keys = k.shape[2]
    dtype = jnp.float32 if q.dtype.itemsize == 2 else q.dtype
    if not q.size or not k.size:
        rows = jnp.full((batch, heads, length), -jnp.inf, dtype)
        return Attended(jnp.zeros((batch, heads, length, v.shape[-1]), dtype), rows, rows)
    if k.dtype != q.dtype:
        q, k = q.astype(dtype), k.astype(dtype)
    v = v.astype(q.dtype)
    k, v = (jnp.broadcast_to(x, (batch, *x.shape[1:])) for x in (k, v))
    k, v = (jnp.repeat(x, heads // x.shape[1], axis=1) if x.shape[1] != heads else x for x in (k, v))
    partial = full = visit = None
    if mask is not None:
        tile = mask.BLOCK_SIZE
        partial, full = (x.astype(bool) for x in mask.by_kind())
        visit = (partial | full).any((0, 1))[: -(-length // tile[0]), : -(-keys // tile[1])]
    at_b, at_h = jnp.arange(batch, dtype="int32"), jnp.arange(heads, dtype="int32")

    def modify(scores: jax.Array, at_q: jax.Array, at_k: jax.Array, i: jax.Array, j: jax.Array) -> jax.Array:
        at = at_b, at_h, at_q, at_k
        out = scores if score_mod is None else over_scores(score_mod, scores, *at)
        if mask is None or partial is None or full is None:
            return out
        allowed = full[:, :, i, j][..., None, None] | (
            partial[:, :, i, j][..., None, None] & over_indices(mask.mask_mod, *at)
        )
        return jnp.where(allowed, out, jnp.asarray(-jnp.inf, out.dtype))

    sizes = min(tile[0], length), min(tile[1], keys)
    return by_tiles(q, k, v, scale, modify, visit, sizes)


def _check_operands(q: jax.Array, k: jax.Array, v: jax.Array, enable_gqa: bool) -> None:
    shapes = f"query of shape {list(q.shape)}, key of {list(k.shape)} and value of {list(v.shape)}"
    if not q.ndim == k.ndim == v.ndim == 4:
        raise ArgumentError(f"{_NAME}query, key, and value must be 4D, (B, H, L, E), got {shapes}")
    for x, name in ((q, "query"), (k, "key"), (v, "value")):
        floating(x, _NAME, name)
    if q.shape[-1] != k.shape[-1]:
        raise ArgumentError(
            f"{_NAME}Expect query and key/value to have the same embedding dimension but got E={q.shape[-1]} and "
            f"E={k.shape[-1]}."
        )
    if k.shape[:3] != v.shape[:3]:
        raise ArgumentError(f"{_NAME}Expect key and value to have the same B, H and S, got {shapes}")
    if not enable_gqa and q.shape[1] != k.shape[1]:
        raise ArgumentError(
            f"{_NAME}Expect query and key/value to have the same number of heads but got Hq={q.shape[1]} and "
            f"Hkv={k.shape[1]}. Try setting enable_gqa=True for GQA."
        )
    if not k.shape[1] or q.shape[1] % k.shape[1]:
        raise ArgumentError(
            f"{_NAME}Expect number of query heads to be a multiple of kv heads for GQA but got Hq={q.shape[1]} and "
            f"Hkv={k.shape[1]}."
        )


def _check_mask(q: jax.Array, k: jax.Array, mask: BlockMask | None) -> None:
    if q.shape[0] != k.shape[0]:
        if mask is None:
            raise ArgumentError(
                f"{_NAME}Expect query and key/value to have the same batch size, or non-none block_mask, but got "
                f"block_mask=None, Bq={q.shape[0]}, and Bkv={k.shape[0]}."
            )
        if mask.kv_num_blocks.shape[0] != q.shape[0] or k.shape[0] != 1:
            raise ArgumentError(
                f"{_NAME}Expect query and key/value to have the same batch size, or block_mask and query to have the "
                f"same batch size and key/value one of 1, but got Bq={q.shape[0]}, Bkv={k.shape[0]}, "
                f"B_block_mask={mask.kv_num_blocks.shape[0]}."
            )
    if mask is None:
        return
    if mask.mask_mod is sliced_mask:
        sliced_mask(*[jnp.zeros((), int)] * 4)
    length, keys = q.shape[2], k.shape[2]
    if (length, keys) != tuple(mask.shape[-2:]):
        larger = length <= mask.shape[-2] and keys <= mask.shape[-1]
        advice = (
            "a larger length than you're using it for, you can either 1. create a new block mask with the correct "
            "length, or 2. 'adjust' the existing block mask to the correct length by calling block_mask._adjust(q_len, "
            "kv_len), which crops it to the upper left corner; that does not work for all mask_mods"
            if larger
            else "a smaller length than you're using it for, you likely need to create a new block mask"
        )
        raise ArgumentError(
            f"{_NAME}block_mask was created for block_mask.shape={mask.shape} but got q_len={length} and "
            f"kv_len={keys}. As the block mask was created for {advice}."
        )
    lead = mask.shape[:-2]
    if len(lead) != 2 or any(m not in (1, n) for m, n in zip(lead, q.shape[:2], strict=True)):
        raise ArgumentError(
            f"{_NAME}block_mask must be for B={q.shape[0]} and Hq={q.shape[1]}, or 1 of them, got "
            f"block_mask.shape={mask.shape}"
        )


def _options(options: FlexKernelOptions | None, aux: AuxRequest | None) -> tuple[int, int]:
    """The size of a tile, queries and keys."""
    given: dict[str, Any] = {} if options is None else dict(options)
    known = FlexKernelOptions.__annotations__
    for name in given:
        if name.removeprefix("fwd_").removeprefix("bwd_") not in known:
            raise ArgumentError(f"{_NAME}unknown kernel option {name}={given[name]!r}; expected one of {[*known]}")
    backend = given.get("BACKEND", "AUTO")
    if "BACKEND" in given and given.get("FORCE_USE_FLEX_ATTENTION"):
        raise ArgumentError(
            f"{_NAME}BACKEND cannot be combined with legacy FORCE_USE_FLEX_ATTENTION, got BACKEND={backend!r}"
        )
    if backend not in get_args(_Backend):
        raise ArgumentError(f"{_NAME}Invalid BACKEND value '{backend}'. Must be one of {get_args(_Backend)}")
    if backend == "FLASH" and aux is not None and aux.max_scores:
        raise ArgumentError(
            f"{_NAME}Returning max scores is not supported with BACKEND='FLASH'. Use return_aux=AuxRequest(lse=True)"
        )
    tile = tuple(given.get(f"fwd_{name}", given.get(name, _TILE)) for name in ("BLOCK_M", "BLOCK_N"))
    if not all(isinstance(n, int) and n > 0 for n in tile):
        raise ArgumentError(f"{_NAME}BLOCK_M and BLOCK_N must be positive ints, got {tile}")
    return tile[0], tile[1]
