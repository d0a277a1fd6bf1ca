"""Sparse tensors of PyTorch's layouts as `jax.experimental.sparse.BCOO`, and back.

A COO tensor is a BCOO as it stands.  The compressed layouts (CSR, CSC, and BSR, BSC of blocks) become element-wise
coordinates, since JAX has no layout of blocks.
"""

from typing import Any

import numpy as np

from fnn.serialization._corrupt import CorruptFileError
from fnn.serialization._leaves import as_jax
from fnn.serialization._limits import Budget

__all__ = ["from_torch", "is_sparse", "to_coo"]

_COMPRESSED = {"torch.sparse_csr": 0, "torch.sparse_csc": 1, "torch.sparse_bsr": 0, "torch.sparse_bsc": 1}


def from_torch(budget: Budget, layout: str, data: tuple[Any, ...]) -> Any:
    """The BCOO of a sparse tensor's parts.

    Args:
        budget: counts what is built.
        layout: torch's name of it.
        data: (indices, values, size[, coalesced]) or (compressed indices, plain indices, values, size).

    Raises:
        CorruptFileError: the indices do not fit the size.
    """
    if layout == "torch.sparse_coo" and len(data) in (3, 4):
        indices, values, size = (np.asarray(data[0]), data[1], data[2])
        coalesced = bool(data[3]) if len(data) == 4 else False
        return _coo(np.moveaxis(indices, 0, -1), values, size, 0, coalesced)
    if layout in _COMPRESSED and len(data) == 4:
        compressed, plain, values, size = np.asarray(data[0]), np.asarray(data[1]), data[2], data[3]
        return _compressed(budget, compressed, plain, values, size, layout)
    raise CorruptFileError(f"a sparse tensor of the layout {layout!r}")


def _coo(indices: np.ndarray, values: Any, size: Any, batch: int, sorted_and_unique: bool) -> Any:
    from jax.experimental import sparse

    size = tuple(size)
    n_sparse = indices.shape[-1] if indices.ndim else 0
    expected = (*size[:batch], *values.shape[batch : batch + 1], *size[batch + n_sparse :])
    if indices.ndim != batch + 2 or values.shape != expected or indices.shape[:-1] != values.shape[: batch + 1]:
        raise CorruptFileError(f"a sparse tensor of size {size} with indices {indices.shape} and values {values.shape}")
    _check_range(indices, size[batch : batch + n_sparse])
    parts = (as_jax(values, "a sparse tensor: "), _narrow(indices))
    return sparse.BCOO(parts, shape=size, indices_sorted=sorted_and_unique, unique_indices=sorted_and_unique)


def _compressed(budget: Budget, compressed: Any, plain: Any, values: Any, size: Any, layout: str) -> Any:
    size, axis = tuple(size), _COMPRESSED[layout]
    block = 2 if layout in ("torch.sparse_bsr", "torch.sparse_bsc") else 0
    batch = compressed.ndim - 1
    if batch < 0 or len(size) < batch + 2 or plain.ndim != batch + 1 or values.ndim < batch + 1 + block:
        raise CorruptFileError(f"a {layout} tensor of size {size} with indices {compressed.shape}, {plain.shape}")
    blocks = values.shape[batch + 1 : batch + 3] if block else (1, 1)
    rows, columns = size[batch : batch + 2]
    if 0 in blocks or rows % blocks[0] or columns % blocks[1]:
        raise CorruptFileError(f"a {layout} tensor of size {size} in blocks of {blocks}")
    grid = (rows // blocks[0], columns // blocks[1])
    count = plain.shape[-1]
    if (
        compressed.shape != (*size[:batch], grid[axis] + 1)
        or plain.shape != (*size[:batch], count)
        or values.shape[: batch + 1] != plain.shape
    ):
        raise CorruptFileError(f"a {layout} tensor of size {size} with indices {compressed.shape}, {plain.shape}")
    steps = np.diff(compressed.astype(np.int64), axis=-1)
    if (compressed[..., 0] != 0).any() or (compressed[..., -1] != count).any() or (steps < 0).any():
        raise CorruptFileError(f"a {layout} tensor whose compressed indices do not rise from 0 to {count}")
    per_element = blocks[0] * blocks[1]
    budget.spend(int(np.prod(plain.shape, dtype=object)) * per_element * 32)

    # (*batch, count): which row (column, in the layouts of columns) each entry or block stands in
    lines = (
        np.stack([np.repeat(np.arange(grid[axis]), row) for row in steps.reshape(-1, grid[axis])]) if count else plain
    )
    pair = (lines.reshape(plain.shape), plain.astype(np.int64))
    first = np.stack(pair if axis == 0 else pair[::-1], -1)
    if not block:
        return _coo(first, values, size, batch, False)
    inside = np.stack(np.meshgrid(np.arange(blocks[0]), np.arange(blocks[1]), indexing="ij"), -1)  # (R, C, 2)
    first = (first * np.array(blocks))[..., None, None, :] + inside  # (*batch, count, R, C, 2)
    flat = (*size[:batch], count * per_element)
    return _coo(
        first.reshape(*flat, 2), np.asarray(values).reshape(*flat, *values.shape[batch + 3 :]), size, batch, False
    )


def _check_range(indices: np.ndarray, size: tuple[int, ...]) -> None:
    if indices.dtype.kind not in "iu":
        raise CorruptFileError(f"a sparse tensor with indices of dtype {indices.dtype}")
    if indices.size and ((indices < 0).any() or (indices >= np.array(size, np.int64)).any()):
        raise CorruptFileError(f"a sparse tensor of size {size} with an index out of it")


def _narrow(indices: np.ndarray) -> Any:
    import jax.numpy as jnp

    from fnn.dtypes import index_dtype

    return jnp.asarray(indices.astype(index_dtype()))


def is_sparse(value: object) -> bool:
    """Whether it is one of JAX's sparse arrays; imports them only if somebody has."""
    import sys

    module = sys.modules.get("jax.experimental.sparse")
    return module is not None and isinstance(value, module.JAXSparse)


def to_coo(value: object, where: str) -> tuple[Any, Any, tuple[int, ...], bool]:
    """The parts of a COO tensor: indices (sparse dimensions, entries), values, size, whether coalesced."""
    from jax.experimental import sparse

    from fnn.errors import ArgumentTypeError

    if isinstance(value, sparse.BCSR):
        value = value.to_bcoo()
    if not isinstance(value, sparse.BCOO) or value.n_batch:
        raise ArgumentTypeError(f"{where} is a {type(value).__name__} that is no BCOO without batch dimensions")
    indices = np.ascontiguousarray(np.asarray(value.indices).astype(np.int64).T)
    return indices, value.data, tuple(value.shape), bool(value.indices_sorted and value.unique_indices)
