"""Look-up tables: embedding, embedding_bag, their renormalisation, and one_hot.

An index outside the table raises IndexError where its value is known; where it is traced (under ``jit``) it
cannot be checked, and its row is NaN rather than a neighbour's.

PyTorch's ``sparse=True`` chooses the storage of the weight's gradient.  JAX has no sparse gradients: the argument
is accepted, and the gradient holds the same numbers in a dense array.

PyTorch shortens the rows of ``max_norm`` in the weight itself.  So it is here where the weight is a `Parameter` or
`Buffer`; an array cannot change, and the rows are only returned as they would be (`embedding_renorm` gives the table).
Either way the gradient is that at the shortened rows and does not see the shortening.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import widen
from fnn.dtypes import index_dtype, is_floating, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import _bags as bags
from fnn.functional import _loss_common as common
from fnn.functional import _promotion as promotion
from fnn.functional.vector_norm import vector_norm
from fnn.tracing import concrete
from fnn.typing import ArrayLike

__all__ = ["embedding", "embedding_bag", "embedding_renorm", "one_hot"]


def embedding(
    input: ArrayLike,
    weight: ArrayLike,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> jax.Array:
    """The rows of ``weight`` at the indices ``input``.

    Args:
        input: indices of any shape (*).  One outside the table raises IndexError; under ``jit`` its row is NaN.
        weight: the table (V, E).
        padding_idx: a row that gets no gradient; negative ones count from the end.
        max_norm: rows that are looked up and longer than this are scaled down to it, also in ``weight`` where that
            is a Parameter; the gradient does not see it.
        norm_type: the order of the norm of ``max_norm``.
        scale_grad_by_freq: divide the gradient of a row by how often it occurs in ``input``.
        sparse: accepted; the gradient is the same, in a dense array.

    Returns:
        (*, E).

    Raises:
        ArgumentError: ``padding_idx`` is outside the table, or the indices are not integers.
        IndexError: an index is outside the table.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.embedding(jnp.array([2, 0]), jnp.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
        Array([[4., 5.],
               [0., 1.]], dtype=float32)
    """
    del sparse
    i, w = _indices("embedding", input), _table("embedding", weight)
    padding = normalise_padding("embedding", padding_idx, w.shape[0])
    _check_range("embedding", i, w.shape[0])
    out = _rows(w, i) if max_norm is None else _short_rows("embedding", weight, i, max_norm, norm_type)
    if scale_grad_by_freq:
        out = _by_frequency(out, i, w.shape[0])
    if padding is not None:
        out = lax.select(_repeated(i == padding, out.shape), lax.stop_gradient(out), out)
    return out


def embedding_renorm(weight: ArrayLike, input: ArrayLike, max_norm: float, norm_type: float = 2.0) -> jax.Array:
    """``weight`` after what PyTorch does to it in place when `embedding` is given ``max_norm``.

    The rows named by ``input`` whose norm exceeds ``max_norm`` are multiplied by ``max_norm / (norm + 1e-7)``.

    Args:
        weight: the table (V, E).
        input: indices of any shape.
        max_norm: the greatest norm.
        norm_type: the order of the norm.

    Returns:
        The new table (V, E).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.embedding_renorm(jnp.array([[3.0, 4.0], [6.0, 8.0]]), jnp.array([1]), max_norm=5.0).round(4)
        Array([[3., 4.],
               [3., 4.]], dtype=float32)
    """
    w, i = _table("embedding_renorm", weight), _indices("embedding_renorm", input).reshape(-1)
    _check_range("embedding_renorm", i, w.shape[0])
    promotion.require("embedding_renorm: ", "floating or complex", weight=w)
    return _with_shortened_rows(w, i, max_norm, norm_type)


def embedding_bag(
    input: ArrayLike,
    weight: ArrayLike,
    offsets: ArrayLike | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: ArrayLike | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> jax.Array:
    """Sums, means or maxima of bags of rows of ``weight``; an empty bag is zero.

    Args:
        input: indices (B, L), or all bags concatenated (L,).
        weight: the table (V, E).
        offsets: where each bag starts in a concatenated input (B,).
        max_norm: as in `embedding`.
        norm_type: as in `embedding`.
        scale_grad_by_freq: as in `embedding`; not with ``mode='max'``.
        mode: 'sum', 'mean' or 'max'.  The gradient of a maximum goes to its first place.
        sparse: accepted (not with ``mode='max'``); the gradient is the same, in a dense array.
        per_sample_weights: factors of the shape of ``input``; only with ``mode='sum'``.
        include_last_offset: ``offsets`` has one more entry (B + 1,), the end of the last bag.
        padding_idx: a row that is left out of the bags.

    Returns:
        (B, E).

    Raises:
        ArgumentError: shapes, offsets or modes do not agree.
        IndexError: an index is outside the table.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> table = jnp.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
        >>> F.embedding_bag(jnp.array([0, 1, 2]), table, jnp.array([0, 2]))
        Array([[1., 2.],
               [4., 5.]], dtype=float32)
    """
    name = "embedding_bag"
    i, w = _indices(name, input), _table(name, weight)
    factors = None if per_sample_weights is None else to_array(per_sample_weights, "per_sample_weights", f"{name}: ")
    _check_bag_arguments(i, w, factors, mode, scale_grad_by_freq, sparse)
    padding = normalise_padding(name, padding_idx, w.shape[0])
    _check_range(name, i, w.shape[0])
    if i.ndim == 2 and offsets is not None:
        raise ArgumentError(
            f"{name}: if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
            f"length sequences. However, found offsets of type {type(offsets).__name__}"
        )
    places, count = (None, len(i)) if i.ndim == 2 else _places(i, offsets, include_last_offset)
    rows = _rows(w, i) if max_norm is None else _short_rows(name, weight, i, max_norm, norm_type)
    dtype = rows.dtype
    if scale_grad_by_freq:
        rows = _by_frequency(rows, i, w.shape[0])
    rows = widen(rows)
    kept = None if padding is None else i != padding
    if factors is not None:
        rows = rows * _repeated(widen(factors), rows.shape)
    if places is None:
        return bags.of_one_length(rows, kept, mode).astype(dtype)
    if kept is not None:
        places = jnp.where(kept, places, count)  # a bag that does not exist
    return bags.of_places(rows, places, count, mode).astype(dtype)


def one_hot(tensor: ArrayLike, num_classes: int = -1) -> jax.Array:
    """1 at the index along a new last axis, 0 elsewhere.

    Args:
        tensor: indices of any shape (*).  One outside [0, num_classes) raises; under ``jit`` it cannot be checked
            and gives a row of zeros.
        num_classes: the length of the new axis; -1 takes the largest index plus one, which must be known (not
            under ``jit``).

    Returns:
        (*, num_classes) of the index dtype.

    Raises:
        ArgumentError: an index is out of range, or ``num_classes`` cannot be inferred.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.one_hot(jnp.array([0, 2]))
        Array([[1, 0, 0],
               [0, 0, 1]], dtype=int32)
    """
    x = to_array(tensor, "tensor", "one_hot: ")
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise ArgumentTypeError(
            f"one_hot: one_hot is only applicable to index tensor of type LongTensor (integers), got {x.dtype}"
        )
    values = concrete(x)
    if num_classes == -1:
        if values is None:
            raise ArgumentError("one_hot: num_classes=-1 needs the values of the indices, which are traced; pass it")
        if values.size == 0:
            raise ArgumentError("one_hot: Can not infer total number of classes from empty tensor.")
        num_classes = int(values.max()) + 1
    elif num_classes < 1:
        raise ArgumentError(f"one_hot: num_classes should be positive, got num_classes={num_classes}")
    if values is not None and values.size:
        if values.min() < 0:
            raise ArgumentError(f"one_hot: Class values must be non-negative, got {values.min()}")
        if values.max() >= num_classes:
            raise ArgumentError(
                f"one_hot: Class values must be smaller than num_classes={num_classes}, got {values.max()}"
            )
    shape = (*x.shape, num_classes)
    return (_repeated(x, shape) == lax.broadcasted_iota(x.dtype, shape, x.ndim)).astype(index_dtype())


def normalise_padding(name: str, padding_idx: int | None, rows: int) -> int | None:
    """``padding_idx`` counted from the front; refused outside the table."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows and padding_idx != 0:
        raise ArgumentError(
            f"{name}: Padding_idx must be within num_embeddings; got padding_idx={padding_idx}, num_embeddings={rows}"
        )
    return padding_idx + rows if padding_idx < 0 else padding_idx


def _indices(name: str, input: ArrayLike) -> jax.Array:
    i = to_array(input, "input", f"{name}: ")
    if not jnp.issubdtype(i.dtype, jnp.integer):
        raise ArgumentTypeError(
            f"{name}: Expected tensor for argument 'indices' to have one of the following scalar types: Long, Int; "
            f"but got {i.dtype}"
        )
    return i


def _table(name: str, weight: ArrayLike) -> jax.Array:
    w = to_array(weight, "weight", f"{name}: ")
    if w.ndim != 2:
        raise ArgumentError(
            f"{name}: 'weight' must be 2-D (weight has to be a 2D Tensor), but got Tensor of dimension {w.ndim}"
        )
    return w


def _check_range(name: str, i: jax.Array, rows: int) -> None:
    values = concrete(i)
    if values is not None and values.size:
        wrong = (values < 0) | (values >= rows)
        if wrong.any():
            raise IndexError(
                f"{name}: index out of range in self: got index {values[wrong].flat[0]} for a table of {rows} rows"
            )


def _rows(w: jax.Array, i: jax.Array) -> jax.Array:
    """``w[i]``; unlike indexing, a negative index is out of range, and gives NaN (0 in an integer table)."""
    numbers = lax.GatherDimensionNumbers(offset_dims=(i.ndim,), collapsed_slice_dims=(0,), start_index_map=(0,))
    fill = None if jnp.issubdtype(w.dtype, jnp.inexact) else 0
    mode = lax.GatherScatterMode.FILL_OR_DROP
    return lax.gather(w, i[..., None], numbers, (1, w.shape[1]), mode=mode, fill_value=fill)


def _repeated(x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """``x`` repeated along a new last axis."""
    return lax.broadcast_in_dim(x, shape, tuple(range(x.ndim)))


def _shortened(rows: jax.Array, max_norm: float, norm_type: float) -> jax.Array:
    """The rows scaled down to ``max_norm`` where they are longer."""
    wide = widen(rows)
    norm = vector_norm(wide, norm_type, (rows.ndim - 1,), keepdims=True)
    scale = jnp.where(norm > max_norm, max_norm / (norm + 1e-7), 1)
    return (wide * scale).astype(rows.dtype)


def _with_shortened_rows(w: jax.Array, i: jax.Array, max_norm: float, norm_type: float) -> jax.Array:
    """The table with the rows named by ``i`` (L,) shortened."""
    rows = _shortened(_rows(w, i), max_norm, norm_type)
    outside = (i < 0) | (i >= w.shape[0])
    return w.at[jnp.where(outside, w.shape[0], i)].set(rows, mode="drop")


def _short_rows(name: str, weight: ArrayLike, i: jax.Array, max_norm: float, norm_type: float) -> jax.Array:
    """The rows ``i``, shortened out of the gradient's sight; in ``weight`` too, if that can be written."""
    w = _table(name, weight)
    promotion.require(f"{name}: ", "floating or complex", weight=w)
    # Boxes are built on the floor above this one; what distinguishes them from arrays is that they can be written.
    write = getattr(weight, "copy_", None)
    if write is None:
        rows = _rows(w, i)
        return common.straight_through(_shortened(lax.stop_gradient(rows), max_norm, norm_type), rows)
    short = _with_shortened_rows(lax.stop_gradient(w), i.reshape(-1), max_norm, norm_type)
    short = common.straight_through(short, w)
    write(short)
    return _rows(short, i)


def _by_frequency(rows: jax.Array, i: jax.Array, table_rows: int) -> jax.Array:
    """The rows, with their gradients divided by the number of times that each occurs."""
    flat = i.reshape(-1)
    share = 1 / jax.ops.segment_sum(jnp.ones(flat.shape, rows.dtype), flat, table_rows)
    return common.straight_through(rows, rows * _repeated(share[i], rows.shape))


def _check_bag_arguments(
    i: jax.Array, w: jax.Array, factors: jax.Array | None, mode: str, scale_grad_by_freq: bool, sparse: bool
) -> None:
    """What PyTorch refuses before it looks at the bags."""
    name = "embedding_bag"
    if i.ndim not in (1, 2):
        raise ArgumentError(f"{name}: input has to be 1D or 2D Tensor, but got Tensor of dimension {i.ndim}")
    if mode not in ("sum", "mean", "max"):
        raise ArgumentError(f"{name}: mode has to be one of sum, mean or max, got mode={mode!r}")
    if not is_floating(w):
        raise ArgumentTypeError(f"{name}: expected a floating weight, got {w.dtype}")
    if mode == "max" and scale_grad_by_freq:
        raise ArgumentError(f"{name}: max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ArgumentError(f"{name}: max mode does not support sparse weights")
    if factors is None:
        return
    if factors.shape != i.shape:
        raise ArgumentError(
            f"{name}: If per_sample_weights ({list(factors.shape)}) is not None, then it must have the same shape as "
            f"the input ({list(i.shape)})"
        )
    if mode != "sum":
        raise ArgumentError(
            f"{name}: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' "
            f"(got mode='{mode}')"
        )
    if factors.dtype != w.dtype:
        raise ArgumentTypeError(
            f"{name}: expected weight and per_sample_weights to have the same dtype, got {w.dtype} and {factors.dtype}"
        )


def _places(i: jax.Array, offsets: ArrayLike | None, include_last_offset: bool) -> tuple[jax.Array, int]:
    """The bag of each index, and the number of bags (the bag of an index that belongs to none)."""
    name = "embedding_bag"
    if offsets is None:
        raise ArgumentError(f"{name}: offsets has to be a 1D Tensor but got None")
    o = to_array(offsets, "offsets", f"{name}: ")
    if o.ndim != 1:
        raise ArgumentError(f"{name}: offsets has to be a 1D Tensor, got shape {list(o.shape)}")
    if not jnp.issubdtype(o.dtype, jnp.integer) and o.dtype != jnp.bool_:
        raise ArgumentTypeError(f"{name}: expected integer offsets, got {o.dtype}")
    o = o.astype(index_dtype()) if o.dtype == jnp.bool_ else o
    if include_last_offset and o.shape[0] < 1:
        raise ArgumentError(f"{name}: include_last_offset: number of offset should be at least 1")
    values = concrete(o)
    if values is not None and values.size:
        if values[0] != 0:
            raise ArgumentError(
                f"{name}: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
                f"position 0. However, got {values[0]}"
            )
        if values[-1] > i.shape[0]:
            raise ArgumentError(
                f"{name}: offsets[-1] can not be greater than input's length({i.shape[0]}) but got offsets[-1] of "
                f"{values[-1]}"
            )
    place = jnp.arange(i.shape[0], dtype=o.dtype)
    return jnp.searchsorted(o, place, side="right") - 1, o.shape[0] - int(include_last_offset)
