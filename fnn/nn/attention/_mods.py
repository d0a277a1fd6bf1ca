"""Functions of indices: what a mask or a score depends on, each written for one element and mapped over all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np

from fnn.devices import to_device
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import Device

# (b, h, q_idx, kv_idx) -> whether the query may attend to the key.
MaskMod: TypeAlias = Callable[[jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]
# (score, b, h, q_idx, kv_idx) -> the score to take.
ScoreMod: TypeAlias = Callable[[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]


def noop_mask(batch: jax.Array, head: jax.Array, token_q: jax.Array, token_kv: jax.Array) -> jax.Array:
    """The mask_mod by which every query attends to every key.

    Args:
        batch: (), the index in the batch.
        head: (), that of the head.
        token_q: (), that of the query.
        token_kv: (), that of the key.

    Returns:
        (), True.

    Example:
        >>> from fnn.nn.attention.flex_attention import noop_mask
        >>> noop_mask(0, 0, 0, 0).item()
        True
    """
    del batch, head, token_q, token_kv
    return jnp.ones((), bool)


def and_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask_mod that allows what all of these allow.

    Args:
        mask_mods: functions of (b, h, q_idx, kv_idx).

    Returns:
        A function of the same.

    Raises:
        ArgumentTypeError: one is not callable.

    Example:
        >>> from fnn.nn.attention.flex_attention import and_masks, create_mask
        >>> window = and_masks(lambda b, h, q, k: q >= k, lambda b, h, q, k: q - k < 2)
        >>> create_mask(window, 1, 1, 3, 3)[0, 0].astype(int).tolist()
        [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    _check_callable("and_masks", mask_mods)

    def and_mask(b: jax.Array, h: jax.Array, q_idx: jax.Array, kv_idx: jax.Array) -> jax.Array:
        result = jnp.ones((), bool)
        for mask in mask_mods:
            result = result & mask(b, h, q_idx, kv_idx)
        return result

    return and_mask


def or_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask_mod that allows what one of these allows.

    Args:
        mask_mods: functions of (b, h, q_idx, kv_idx).

    Returns:
        A function of the same.

    Raises:
        ArgumentTypeError: one is not callable.

    Example:
        >>> from fnn.nn.attention.flex_attention import create_mask, or_masks
        >>> prefix = or_masks(lambda b, h, q, k: q >= k, lambda b, h, q, k: k < 2)
        >>> create_mask(prefix, 1, 1, 3, 3)[0, 0].astype(int).tolist()
        [[1, 1, 0], [1, 1, 0], [1, 1, 1]]
    """
    _check_callable("or_masks", mask_mods)

    def or_mask(b: jax.Array, h: jax.Array, q_idx: jax.Array, kv_idx: jax.Array) -> jax.Array:
        result = jnp.zeros((), bool)
        for mask in mask_mods:
            result = result | mask(b, h, q_idx, kv_idx)
        return result

    return or_mask


def create_mask(
    mod_fn: ScoreMod | MaskMod, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Device | None = None
) -> jax.Array:
    """The whole mask that a function describes.

    Args:
        mod_fn: a mask_mod, or a score_mod, which masks what it turns into minus infinity from a score of 0.
        B: the size of the batch; None is 1.
        H: the number of heads; None is 1.
        Q_LEN: L.
        KV_LEN: S.
        device: where the result is put.

    Returns:
        (B, H, L, S), booleans.

    Raises:
        ArgumentError: the function has other than 4 or 5 arguments without a default.

    Example:
        >>> from fnn.nn.attention.flex_attention import create_mask
        >>> create_mask(lambda b, h, q, k: q >= k, None, None, 2, 2).astype(int).tolist()
        [[[[1, 0], [1, 1]]]]
    """
    shape = (1 if B is None else B, 1 if H is None else H, Q_LEN, KV_LEN)
    at = tuple(jnp.arange(n, dtype=np.int32) for n in shape)
    if is_score_mod(mod_fn, "create_mask"):
        mask = ~jnp.isneginf(over_scores(cast(ScoreMod, mod_fn), jnp.zeros(shape), *at))
    else:
        mask = over_indices(cast(MaskMod, mod_fn), *at)
    return mask if device is None else jax.device_put(mask, to_device(device, "create_mask: "))


def is_score_mod(function: ScoreMod | MaskMod, where: str) -> bool:
    """Whether a function has the five arguments of a score_mod and not the four of a mask_mod."""
    parameters = inspect.signature(function).parameters.values()
    count = sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    if count not in (4, 5):
        raise ArgumentError(f"{where}: Expected 4 or 5 positional args, got {count} of {function}")
    return count == 5


def over_indices(mask_mod: MaskMod, *at: jax.Array) -> jax.Array:
    """A mask_mod of all combinations of four vectors of indices: (B, H, L, S)."""
    mapped = mask_mod
    for axis in reversed(range(4)):
        mapped = jax.vmap(mapped, in_axes=tuple(0 if i == axis else None for i in range(4)))
    return mapped(*at)


def over_scores(score_mod: ScoreMod, scores: jax.Array, *at: jax.Array) -> jax.Array:
    """A score_mod of all scores (B, H, L, S) and their indices, four vectors."""
    mapped = score_mod
    for axis in reversed(range(4)):
        mapped = jax.vmap(mapped, in_axes=(0, *(0 if i == axis else None for i in range(4))))
    return mapped(scores, *at)


def _check_callable(where: str, mask_mods: tuple[MaskMod, ...]) -> None:
    if not all(callable(mask) for mask in mask_mods):
        raise ArgumentTypeError(f"{where}: All inputs should be callable mask_mods: {mask_mods}")
