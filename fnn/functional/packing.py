r"""Sequences of different lengths: padded to one array, packed, and back.

The legend: T steps, N sequences, \* any further dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.dtypes import index_dtype, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.packed import LENGTHS_ARE_TRACED, PackedSequence, whole_numbers
from fnn.kernels.mesh import select
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = [
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


def pack_padded_sequence(
    input: ArrayLike, lengths: ArrayLike | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    r"""Packs padded sequences.

    Inside of `fnn.jit` the lengths may be traced.  Then their values are not checked, and any order will do.

    Args:
        input: (T, N, \*), with ``batch_first`` (N, T, \*).
        lengths: (N,), from 1 to T.
        batch_first: whether N comes first.
        enforce_sorted: refuse lengths that increase; if not, the packed form is sorted.

    Returns:
        The packed sequences.

    Raises:
        ArgumentError: lengths that do not fit the input, or increase.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> padded = jnp.array([[1, 2, 0], [3, 0, 0], [4, 5, 6]])
        >>> packed = F.pack_padded_sequence(padded, [2, 1, 3], batch_first=True, enforce_sorted=False)
        >>> packed.data.tolist(), packed.sorted_indices.tolist()
        ([4, 1, 3, 5, 2, 6], [2, 0, 1])
    """
    where = "pack_padded_sequence: "
    x, ends = to_array(input, "input", where), whole_numbers(lengths, "lengths", where)
    if x.ndim < 2:
        raise ArgumentError(f"{where}input must have at least 2 dimensions, T and N, got shape {list(x.shape)}")
    if batch_first:
        x = jnp.swapaxes(x, 0, 1)
    steps, batch = x.shape[:2]
    if ends.shape != (batch,):
        raise ArgumentError(
            f"{where}Expected `len(lengths)` to be equal to batch_size, but got {list(ends.shape)} (batch_size={batch})"
        )
    known = concrete(ends)
    if known is not None:
        if not batch or not steps:
            raise ArgumentError(f"{where}Cannot pack empty tensors, got input of shape {list(x.shape)}")
        if known.min() <= 0:
            raise ArgumentError(
                f"{where}Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= "
                f"0: {known.tolist()}"
            )
        if known.max() > steps:
            raise ArgumentError(f"{where}expected lengths of at most T={steps}, got {known.tolist()}")
        if enforce_sorted and (np.diff(known) > 0).any():
            raise ArgumentError(
                f"{where}`lengths` array must be sorted in decreasing order when `enforce_sorted` is True, got "
                f"{known.tolist()}. You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence"
            )
    if enforce_sorted:
        return PackedSequence.of(x, ends, None)
    order = jnp.argsort(-ends, stable=True) if known is None else np.argsort(-known, kind="stable")
    return PackedSequence.of(x, ends, order.astype(index_dtype()))


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[jax.Array, jax.Array]:
    r"""Pads packed sequences: the inverse of `pack_padded_sequence`.

    T is the greatest length.  Where the lengths are traced, it is that of the padded sequences that were packed.

    Args:
        sequence: the packed sequences.
        batch_first: whether the output has N first.
        padding_value: what stands behind the end of a sequence.
        total_length: T, at least the greatest length; where lengths are traced, at least that of what was packed.

    Returns:
        (T, N, \*), with ``batch_first`` (N, T, \*); and the lengths (N,).

    Raises:
        ArgumentError: a ``total_length`` that is too small.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> packed = F.pack_sequence([jnp.array([4, 5, 6]), jnp.array([1, 2])])
        >>> padded, lengths = F.pad_packed_sequence(packed, batch_first=True, padding_value=-1)
        >>> padded.tolist(), lengths.tolist()
        ([[4, 5, 6], [1, 2, -1]], [3, 2])
    """
    where = "pad_packed_sequence: "
    if not isinstance(sequence, PackedSequence):
        raise ArgumentTypeError(f"{where}expected a PackedSequence, got sequence of type {type(sequence).__name__}")
    x, known = sequence.padded, concrete(sequence.lengths)
    longest = len(x) if known is None else int(known.max())
    if total_length is not None and total_length < longest:
        what = "max sequence length" if known is not None else "the padded length (the lengths are traced)"
        raise ArgumentError(
            f"{where}Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and {what} being {longest}"
        )
    steps = longest if total_length is None else total_length
    ends = jnp.asarray(sequence.lengths)
    if steps <= len(x):
        x = x[:steps]
    else:
        x = jnp.pad(x, [(0, steps - len(x)), *[(0, 0)] * (x.ndim - 1)])
    here = lax.broadcasted_iota(ends.dtype, x.shape[:2], 0) < lax.broadcast_in_dim(ends, x.shape[:2], (1,))
    x = select(lax.broadcast_in_dim(here, x.shape, (0, 1)), x, jnp.full_like(x, padding_value))
    return (jnp.swapaxes(x, 0, 1) if batch_first else x), ends


def pad_sequence(
    sequences: ArrayLike | Iterable[ArrayLike],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> jax.Array:
    r"""Stacks sequences of different lengths, padded to the longest.

    Args:
        sequences: N arrays (L, \*), alike but for L.
        batch_first: whether the output has N first.
        padding_value: what stands where a sequence has no element.
        padding_side: 'right' or 'left'.

    Returns:
        (T, N, \*), with ``batch_first`` (N, T, \*), in the dtype of the first.

    Raises:
        ArgumentError: no sequences, or such that differ in more than their lengths.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.pad_sequence([jnp.array([1, 2]), jnp.array([3])], batch_first=True).tolist()
        [[1, 2], [3, 0]]
    """
    where = "pad_sequence: "
    if not isinstance(sequences, Iterable):
        raise ArgumentTypeError(f"{where}Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    if padding_side not in ("left", "right"):
        raise ArgumentError(f"{where}Expected padding_side to be one of left or right, but got {padding_side}.")
    arrays = [to_array(x, "sequences", where) for x in sequences]
    if not arrays:
        raise ArgumentError(f"{where}received an empty list of sequences")
    first = arrays[0]
    if any(x.ndim < 1 or x.shape[1:] != first.shape[1:] for x in arrays):
        raise ArgumentError(
            f"{where}expected sequences (L, *) that differ in L only, got shapes {[list(x.shape) for x in arrays]}"
        )
    longest = max(len(x) for x in arrays)

    def padded(x: jax.Array) -> jax.Array:
        more = longest - len(x)
        sides = (more, 0) if padding_side == "left" else (0, more)
        value = jnp.asarray(padding_value).astype(first.dtype)
        return jnp.pad(x.astype(first.dtype), [sides, *[(0, 0)] * (x.ndim - 1)], constant_values=value)

    return jnp.stack([padded(x) for x in arrays], 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: ArrayLike, lengths: ArrayLike | Sequence[int], batch_first: bool = False
) -> list[jax.Array]:
    r"""The sequences of a padded array, each of its own length.

    Args:
        padded_sequences: (T, N, \*), with ``batch_first`` (N, T, \*).
        lengths: (N,).
        batch_first: whether N comes first.

    Returns:
        N arrays (L, \*).

    Raises:
        ArgumentError: lengths that do not fit, or are traced.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> [x.tolist() for x in F.unpad_sequence(jnp.array([[1, 2], [3, 0]]), [2, 1], batch_first=True)]
        [[1, 2], [3]]
    """
    where = "unpad_sequence: "
    x, known = to_array(padded_sequences, "padded_sequences", where), concrete(whole_numbers(lengths, "lengths", where))
    if known is None:
        raise ArgumentError(LENGTHS_ARE_TRACED.format(what="unpad_sequence"))
    if not batch_first:
        x = jnp.swapaxes(x, 0, 1)
    if known.shape != x.shape[:1]:
        raise ArgumentError(f"{where}expected {len(x)} lengths, got lengths of shape {list(known.shape)}")
    return [each[: max(int(length), 0)] for each, length in zip(x, known, strict=True)]


def pack_sequence(sequences: Sequence[ArrayLike], enforce_sorted: bool = True) -> PackedSequence:
    r"""Packs sequences of different lengths.

    Args:
        sequences: N arrays (L, \*), alike but for L.
        enforce_sorted: refuse lengths that increase; if not, the packed form is sorted.

    Returns:
        The packed sequences.

    Raises:
        ArgumentError: sequences that differ in more than their lengths, or lengths that increase.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.pack_sequence([jnp.array([1, 2, 3]), jnp.array([4, 5]), jnp.array([6])]).data.tolist()
        [1, 4, 6, 2, 5, 3]
    """
    lengths = [len(to_array(x, "sequences", "pack_sequence: ")) for x in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[jax.Array]:
    r"""The sequences that were packed: the inverse of `pack_sequence`.

    Args:
        packed_sequences: the packed sequences.

    Returns:
        N arrays (L, \*), in the order in which they were packed.

    Raises:
        ArgumentError: the lengths are traced.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> [x.tolist() for x in F.unpack_sequence(F.pack_sequence([jnp.array([1, 2]), jnp.array([3])]))]
        [[1, 2], [3]]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
