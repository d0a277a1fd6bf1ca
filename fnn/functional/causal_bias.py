"""Causal masks that hold no array: a variant and two lengths."""

from __future__ import annotations

import enum
import warnings

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError


class CausalVariant(enum.IntEnum):
    """Which corner the diagonal of a causal mask goes through; the same if it is square.

    Example:
        >>> from fnn.nn.attention.bias import CausalVariant
        >>> CausalVariant.LOWER_RIGHT
        <CausalVariant.LOWER_RIGHT: 2>
    """

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias:
    """A causal mask for `scaled_dot_product_attention`'s ``attn_mask``; JAX converts it to its booleans.

    Args:
        variant: whether query i attends to keys 0, ..., i (UPPER_LEFT), or the last query to all keys (LOWER_RIGHT).
        seq_len_q: L.
        seq_len_kv: S.

    Raises:
        ArgumentTypeError: the variant is no `CausalVariant`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.attention.bias import CausalBias, CausalVariant
        >>> jnp.asarray(CausalBias(CausalVariant.LOWER_RIGHT, 2, 3)).astype(int).tolist()
        [[1, 1, 0], [1, 1, 1]]
    """

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        if not isinstance(variant, CausalVariant):
            raise ArgumentTypeError(f"CausalBias: variant must be a CausalVariant, got {type(variant).__name__}")
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv
        if seq_len_q > seq_len_kv and variant == CausalVariant.LOWER_RIGHT:
            warnings.warn(
                "CausalBias: Lower right causal bias leaves the first queries no key when seq_len_q > seq_len_kv: "
                f"their outputs are zeros, got {seq_len_q} > {seq_len_kv}",
                stacklevel=2,
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(L, S)."""
        return self.seq_len_q, self.seq_len_kv

    def __jax_array__(self) -> jax.Array:
        shift = self.seq_len_kv - self.seq_len_q if self.variant == CausalVariant.LOWER_RIGHT else 0
        return jnp.asarray(np.tri(*self.shape, shift, dtype=np.bool_))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CausalBias):
            return NotImplemented
        return (self.variant, self.shape) == (other.variant, other.shape)

    def __hash__(self) -> int:
        return hash((self.variant, self.shape))

    def __repr__(self) -> str:
        return repr(self.__jax_array__())


jax.tree_util.register_static(CausalBias)


def causal_upper_left(*size: int) -> CausalBias:
    """The mask by which query i attends to keys 0, ..., i, as ``is_causal=True`` does.

    Args:
        size: L and S.

    Returns:
        A `CausalBias`.

    Raises:
        ArgumentError: other than two sizes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.attention.bias import causal_upper_left
        >>> jnp.asarray(causal_upper_left(2, 3)).astype(int).tolist()
        [[1, 0, 0], [1, 1, 0]]
    """
    return CausalBias(CausalVariant.UPPER_LEFT, *_two(size, "causal_upper_left"))


def causal_lower_right(*size: int) -> CausalBias:
    """The causal mask by which the last query attends to all keys: for queries that continue what the keys hold.

    Args:
        size: L and S.

    Returns:
        A `CausalBias`.

    Raises:
        ArgumentError: other than two sizes.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.attention.bias import causal_lower_right
        >>> jnp.asarray(causal_lower_right(2, 3)).astype(int).tolist()
        [[1, 1, 0], [1, 1, 1]]
    """
    return CausalBias(CausalVariant.LOWER_RIGHT, *_two(size, "causal_lower_right"))


def _two(size: tuple[int, ...], name: str) -> tuple[int, int]:
    if len(size) != 2:
        raise ArgumentError(f"{name}: {name} only supports 2D tensors, got {len(size)} sizes: {size}")
    return size[0], size[1]
