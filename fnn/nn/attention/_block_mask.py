"""A mask by its blocks."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from fnn.devices import to_device
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn.attention._blocks import (
    blocks_of,
    cropped,
    dense_to_ordered,
    ordered_to_dense,
    transpose_ordered,
    write_order,
)
from fnn.nn.attention._mods import MaskMod, create_mask, is_score_mod, noop_mask
from fnn.typing import Device

_SIZE = 128
_ARRAYS = (
    "kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks", "q_indices",
    "full_q_num_blocks", "full_q_indices", "dq_write_order", "dq_write_order_full", "dq_kv_order",
)  # fmt: skip
_SLICED = """\
flex_attention: Cannot use mask_mod from a sliced BlockMask
Why:   an index moves the positions that the mask_mod is asked for
Wrong: part = mask[:, :, i]; flex_attention(..., block_mask=part)
Right: part = mask[:, :, i]; part.mask_mod = lambda b, h, q, kv: mask.mask_mod(b, h, q + offset, kv)"""


def sliced_mask(batch: jax.Array, head: jax.Array, token_q: jax.Array, token_kv: jax.Array) -> jax.Array:
    """Stands for the mask_mod of a sliced BlockMask until another is assigned."""
    del batch, head, token_q, token_kv
    raise ArgumentError(_SLICED)


class BlockMask:
    """A mask (B, H, L, S) by its blocks: those that allow something, those that allow all, and a mask_mod for the rest.

    `create_block_mask` makes one. It is a pytree: its arrays are the leaves, so it can be an argument of a jitted
    function; the lengths, the block's size and the mask_mod, by identity, are what such a function is compiled for.

    Args:
        seq_lengths: (L, S).
        kv_num_blocks: (B, H, rows), how many blocks of a row are computed with the mask_mod.
        kv_indices: (B, H, rows, columns), first the columns of those.
        full_kv_num_blocks: (B, H, rows), how many are computed without the mask_mod; or None.
        full_kv_indices: (B, H, rows, columns), or None.
        q_num_blocks: the same as ``kv_num_blocks`` by columns, or None.
        q_indices: the same as ``kv_indices`` by columns, or None.
        full_q_num_blocks: by columns, or None.
        full_q_indices: by columns, or None.
        BLOCK_SIZE: of a block, queries and keys.
        mask_mod: says of the elements of a block that is not full whether they are allowed.
        dq_write_order: the order in which PyTorch's kernel adds up gradients; kept for it, not used here.
        dq_write_order_full: that of the full blocks.
        dq_kv_order: the order of columns that it was made for.
        dq_kv_order_spt: whether that is descending.

    Raises:
        ArgumentError: arrays that belong together are not given together, or have too few dimensions.

    Example:
        >>> from fnn.nn.attention.flex_attention import create_block_mask
        >>> mask = create_block_mask(lambda b, h, q, k: q >= k, None, None, 4, 4, BLOCK_SIZE=2)
        >>> mask.shape, mask.sparsity(), mask.to_dense().tolist()
        ((1, 1, 4, 4), 25.0, [[[[1, 0], [1, 1]]]])
    """

    def __init__(
        self,
        seq_lengths: tuple[int, int],
        kv_num_blocks: jax.Array,
        kv_indices: jax.Array,
        full_kv_num_blocks: jax.Array | None,
        full_kv_indices: jax.Array | None,
        q_num_blocks: jax.Array | None,
        q_indices: jax.Array | None,
        full_q_num_blocks: jax.Array | None,
        full_q_indices: jax.Array | None,
        BLOCK_SIZE: tuple[int, int] = (_SIZE, _SIZE),
        mask_mod: MaskMod = noop_mask,
        *,
        dq_write_order: jax.Array | None = None,
        dq_write_order_full: jax.Array | None = None,
        dq_kv_order: jax.Array | None = None,
        dq_kv_order_spt: bool | None = None,
    ) -> None:
        _check(kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices)
        if (full_q_num_blocks is None) != (full_q_indices is None):
            raise ArgumentError(
                "BlockMask: full_q_num_blocks and full_q_indices must be both provided or omitted, got "
                f"{full_q_num_blocks} and {full_q_indices}"
            )
        if dq_write_order_full is not None and dq_write_order is None:
            raise ArgumentError("BlockMask: dq_write_order_full requires dq_write_order, got None")
        self.seq_lengths = seq_lengths
        self.kv_num_blocks, self.kv_indices = kv_num_blocks, kv_indices
        self.full_kv_num_blocks, self.full_kv_indices = full_kv_num_blocks, full_kv_indices
        self.q_num_blocks, self.q_indices = q_num_blocks, q_indices
        self.full_q_num_blocks, self.full_q_indices = full_q_num_blocks, full_q_indices
        self.dq_write_order, self.dq_write_order_full = dq_write_order, dq_write_order_full
        self.dq_kv_order, self.dq_kv_order_spt = dq_kv_order, dq_kv_order_spt
        self.BLOCK_SIZE, self.mask_mod = BLOCK_SIZE, mask_mod

    @classmethod
    def from_kv_blocks(
        cls,
        kv_num_blocks: jax.Array,
        kv_indices: jax.Array,
        full_kv_num_blocks: jax.Array | None = None,
        full_kv_indices: jax.Array | None = None,
        BLOCK_SIZE: int | tuple[int, int] = _SIZE,
        mask_mod: MaskMod | None = None,
        seq_lengths: tuple[int, int] | None = None,
        compute_q_blocks: bool = True,
        *,
        dq_write_order: jax.Array | None = None,
        dq_write_order_full: jax.Array | None = None,
        dq_kv_order: jax.Array | bool | None = None,
    ) -> Self:
        """One from its blocks by rows; those by columns follow, unless ``compute_q_blocks`` says no."""
        _check(kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices)
        q: tuple[Any, Any] = (None, None)
        full_q: tuple[Any, Any] = (None, None)
        if compute_q_blocks:
            q = transpose_ordered(kv_num_blocks, kv_indices)
            if full_kv_num_blocks is not None and full_kv_indices is not None:
                full_q = transpose_ordered(full_kv_num_blocks, full_kv_indices)
        size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
        if seq_lengths is None:
            seq_lengths = kv_indices.shape[-2] * size[0], kv_indices.shape[-1] * size[1]
        spt = dq_kv_order if isinstance(dq_kv_order, bool) else None
        if spt is None and dq_kv_order is not None and not hasattr(dq_kv_order, "shape"):
            raise ArgumentError(f"BlockMask: dq_kv_order must be a bool, an array, or None, got {dq_kv_order!r}")
        return cls(
            seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, *q, *full_q, size,
            noop_mask if mask_mod is None else mask_mod, dq_write_order=dq_write_order,
            dq_write_order_full=dq_write_order_full, dq_kv_order=None if isinstance(dq_kv_order, bool) else dq_kv_order,
            dq_kv_order_spt=spt,
        )  # fmt: skip

    def as_tuple(self, flatten: bool = True) -> tuple[Any, ...]:
        """What it consists of; with ``flatten`` the lengths and the sizes of a block are two entries each."""
        lengths = self.seq_lengths if flatten else (self.seq_lengths,)
        size = self.BLOCK_SIZE if flatten else (self.BLOCK_SIZE,)
        return (*lengths, *(getattr(self, name) for name in _ARRAYS), self.dq_kv_order_spt, *size, self.mask_mod)

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, L, S)."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """How many elements the whole mask has."""
        return math.prod(self.shape)

    def sparsity(self) -> float:
        """The share of the mask, in per cent, that lies in blocks that are not computed."""
        computed = int(self.kv_num_blocks.sum())
        if self.full_kv_num_blocks is not None:
            computed += int(self.full_kv_num_blocks.sum())
        return 100 * (1 - computed * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to_dense(self) -> jax.Array:
        """(B, H, rows, columns): 1 for the blocks that are computed."""
        partial, full = self.by_kind()
        return partial | full

    def by_kind(self) -> tuple[jax.Array, jax.Array]:
        """(B, H, rows, columns), twice: the blocks that are computed with the mask_mod, and those without."""
        columns = self.kv_indices.shape[-1]
        partial = ordered_to_dense(self.kv_num_blocks, self.kv_indices, columns)
        if self.full_kv_num_blocks is None or self.full_kv_indices is None:
            return partial, jnp.zeros_like(partial)
        return partial, ordered_to_dense(self.full_kv_num_blocks, self.full_kv_indices, columns)

    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """A picture of the blocks of ``limit`` (batch, head)s, each in a grid of at most this size; -1 is any."""
        dense = np.asarray(self.to_dense())
        high, wide = (grid_size, grid_size) if isinstance(grid_size, int) else grid_size
        steps = [max(1, -(-n // most)) for n, most in zip(dense.shape[-2:], (high, wide), strict=True)]
        pictures = []
        for n, at in enumerate(itertools.product(*map(range, dense.shape[:-2]))):
            if n == limit:
                pictures += ["...", "To print out more, set BlockMask.to_string(limit=N)"]
                pictures.append("You can also index (BlockMask[batch, head]) to choose a specific batch or head")
                break
            rows = [dense[at][r : r + steps[0]] for r in range(0, dense.shape[-2], steps[0])]
            lines = [
                "".join(_shade(row[:, c : c + steps[1]]) * 2 for c in range(0, dense.shape[-1], steps[1]))
                for row in rows
            ]
            pictures.append("\n".join([f"{at}", *lines, ""]))
        return "\n".join(pictures)

    def __str__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n{self.to_string().strip()}\n)"

    def __repr__(self) -> str:
        shapes = [
            f"    {name}={None if getattr(self, name) is None else getattr(self, name).shape}," for name in _ARRAYS[:8]
        ]
        rest = [
            f"    BLOCK_SIZE={self.BLOCK_SIZE},",
            f"    shape={self.shape},",
            f"    sparsity={self.sparsity():.2f}%,",
            f"    mask_mod={getattr(self.mask_mod, '__name__', self.mask_mod)}",
        ]
        return "\n".join(["BlockMask(", *shapes, *rest, ")"])

    def __getitem__(self, index: int | slice | jax.Array | tuple[int | slice | jax.Array, ...]) -> BlockMask:
        """The mask of some of the batch, heads and rows of blocks; an int keeps its axis. The mask_mod is to be set."""
        self._check_order("Slicing")
        given = index if isinstance(index, tuple) else (index,)
        padded = (*given, slice(None), slice(None), slice(None))[:3]
        at = tuple(
            (slice(i + n, i + n + 1) if -n <= i < 0 else slice(i, i + 1)) if isinstance(i, int) else i
            for i, n in zip(padded, self.kv_num_blocks.shape, strict=True)
        )
        return self._with([None if a is None else a[at] for a in self._kv()], sliced_mask, self.seq_lengths)

    def _adjust(self, new_q_len: int, new_kv_len: int) -> BlockMask:
        """The upper left corner, for other lengths; PyTorch's name, to which an error of its points."""
        self._check_order("Adjusting")
        rows, columns = -(-new_q_len // self.BLOCK_SIZE[0]), -(-new_kv_len // self.BLOCK_SIZE[1])
        counts, indices, full_counts, full_indices = self._kv()
        new = list(cropped(counts, indices, rows, columns))
        new += [None, None] if full_counts is None else cropped(full_counts, full_indices, rows, columns)
        return self._with(new, self.mask_mod, (new_q_len, new_kv_len))

    def to(self, device: Device) -> BlockMask:
        """The same with its arrays on another device."""
        target = to_device(device, "BlockMask.to: ")
        return jax.tree.map(lambda a: jax.device_put(a, target), self)

    def _kv(self) -> list[Any]:
        return [getattr(self, name) for name in _ARRAYS[:4]]

    def _check_order(self, doing: str) -> None:
        if self.dq_kv_order is not None:
            raise ArgumentError(
                f"BlockMask: {doing} BlockMask with an array as dq_kv_order (of shape {self.dq_kv_order.shape}) would "
                "leave its dq_write_order wrong. Construct a new BlockMask with matching metadata."
            )

    def _with(self, kv: list[Any], mask_mod: MaskMod, lengths: tuple[int, int]) -> BlockMask:
        counts, indices, full_counts, full_indices = kv
        new = BlockMask.from_kv_blocks(
            counts, indices, full_counts, full_indices, self.BLOCK_SIZE, mask_mod, lengths,
            self.q_indices is not None, dq_kv_order=self.dq_kv_order_spt,
        )  # fmt: skip
        if self.dq_write_order is not None:
            set_write_order(new, bool(self.dq_kv_order_spt))
        return new


def _flatten(mask: BlockMask) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    arrays = tuple(getattr(mask, name) for name in _ARRAYS)
    return arrays, (mask.seq_lengths, mask.BLOCK_SIZE, mask.mask_mod, mask.dq_kv_order_spt)


def _unflatten(rest: tuple[Any, ...], arrays: tuple[Any, ...]) -> BlockMask:
    mask = object.__new__(BlockMask)  # JAX puts other things than arrays in their place
    for name, value in zip(
        (*_ARRAYS, "seq_lengths", "BLOCK_SIZE", "mask_mod", "dq_kv_order_spt"), (*arrays, *rest), strict=True
    ):
        setattr(mask, name, value)
    return mask


jax.tree_util.register_pytree_node(BlockMask, _flatten, _unflatten)


def create_block_mask(
    mask_mod: MaskMod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Device | None = None,
    BLOCK_SIZE: int | tuple[int, int] = _SIZE,
    _compile: bool = False,
    separate_full_blocks: bool = True,
    compute_dq_write_order: bool = False,
    dq_kv_order: bool = True,
) -> BlockMask:
    """The blocks of the mask that a function describes; the whole mask is held while they are counted.

    Args:
        mask_mod: a function of (b, h, q_idx, kv_idx), whether the query may attend to the key.
        B: the size of the batch; None is 1, and serves all.
        H: the number of heads; None is 1, and serves all.
        Q_LEN: L.
        KV_LEN: S.
        device: where the arrays are put.
        BLOCK_SIZE: of a block, or its queries and its keys.
        _compile: deprecated in PyTorch: compiles this; `jax.jit` around it does the same.
        separate_full_blocks: whether blocks that allow all are known as such, and spared the mask_mod.
        compute_dq_write_order: whether to add what PyTorch's deterministic kernel wants.
        dq_kv_order: the order for that; True is descending.

    Returns:
        A `BlockMask`.

    Raises:
        ArgumentError: the function is no mask_mod, or ``dq_kv_order`` no bool.

    Example:
        >>> from fnn.nn.attention.flex_attention import create_block_mask
        >>> create_block_mask(lambda b, h, q, k: q >= k, 1, 1, 256, 256).kv_num_blocks.tolist()
        [[[1, 1]]]
    """
    if is_score_mod(mask_mod, "create_block_mask"):
        raise ArgumentError(f"create_block_mask: create-block_mask requires a mask_mod function! Got {mask_mod}")
    if not isinstance(dq_kv_order, bool):
        raise ArgumentError(
            f"create_block_mask: dq_kv_order must be a bool when using create_block_mask, got {dq_kv_order!r}"
        )
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE

    def blocks() -> tuple[jax.Array, jax.Array]:
        return blocks_of(create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device), *size)

    if _compile:
        warnings.warn(
            "create_block_mask: _compile is deprecated; call create_block_mask in a jitted function instead",
            DeprecationWarning,
            stacklevel=2,
        )
        blocks = jax.jit(blocks)
    partial, full = blocks()
    if separate_full_blocks:
        kv = (*dense_to_ordered(partial), *dense_to_ordered(full))
    else:
        kv = (*dense_to_ordered(partial | full), None, None)
    mask = BlockMask.from_kv_blocks(*kv, size, mask_mod, (Q_LEN, KV_LEN))
    if compute_dq_write_order:
        set_write_order(mask, dq_kv_order)
        mask.dq_kv_order_spt = dq_kv_order
    return mask


def set_write_order(mask: BlockMask, descending: bool) -> None:
    """Gives a mask that has its blocks by columns the order in which its gradients are added up."""
    if mask.q_indices is None:
        raise ArgumentError("BlockMask must have q_num_blocks and q_indices to compute dq_write_order, got None")
    dense = mask.to_dense()
    mask.dq_write_order = write_order(dense, mask.q_indices, descending)
    if mask.full_q_indices is not None:
        mask.dq_write_order_full = write_order(dense, mask.full_q_indices, descending)


def _check(counts: object, indices: jax.Array, full_counts: object, full_indices: object) -> None:
    for name, value in (("kv_num_blocks", counts), ("kv_indices", indices)):
        if value is None:
            raise ArgumentTypeError(f"BlockMask: {name} must be provided, got None")
    if indices.ndim < 2:
        raise ArgumentError(f"BlockMask must have at least 2 dimensions, got kv_indices of shape {list(indices.shape)}")
    if (full_counts is None) != (full_indices is None):
        raise ArgumentError(
            "BlockMask: full_kv_num_blocks and full_kv_indices must be both provided or omitted, got "
            f"{full_counts} and {full_indices}"
        )


def _shade(section: np.ndarray) -> str:
    share = section.mean()
    return "█" if share == 1 else " " if share == 0 else "░"
