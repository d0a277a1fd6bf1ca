"""Look-up tables."""

from __future__ import annotations

from typing import Any, ClassVar

import jax

from fnn import dtypes, init, random
from fnn.arguments import integer
from fnn.errors import ArgumentError
from fnn.functional.embedding import embedding, embedding_bag, normalise_padding
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Device, DType, Key

__all__ = ["Embedding", "EmbeddingBag"]


class Embedding(Layer):
    """The rows of a learnable table at given indices.

    An index outside the table raises IndexError; under ``jit``, where it cannot be seen, its row is NaN.

    Args:
        num_embeddings: V, the rows of the table.
        embedding_dim: E, their length.
        padding_idx: a row that starts as zero and gets no gradient; negative ones count from the end.
        max_norm: rows that are looked up and longer than this are scaled down to it.  The core gives the rows so
            scaled and leaves ``weight`` as it is (its update is `fnn.functional.embedding_renorm`); the Module
            updates ``weight`` as well, as PyTorch does.
        norm_type: the order of the norm of ``max_norm``.
        scale_grad_by_freq: divide the gradient of a row by how often it occurs in the input.
        sparse: accepted; the gradient has the same values, in a dense array.

    Attributes:
        weight: (V, E), standard normal; zero in the row ``padding_idx``.

    Shape:
        (*) of integers -> (*, E).

    Example:
        >>> init, apply = layers.Embedding(10, 3, padding_idx=0)
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.array([[0, 2, 0, 5]]))[0].shape
        (1, 4, 3)
    """

    PARAMS: ClassVar[tuple[str, ...]] = ("weight",)

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = None
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False
    sparse: bool = False
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        _table(self)

    def init(self, key: Key) -> tuple[Params, State]:
        return {"weight": _draw(self, key)}, {}

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del training, key
        out = embedding(
            input,
            params["weight"],
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )
        return out, state

    def extra_repr(self) -> str:
        shown = _extra_repr(self)
        if self.padding_idx is not None:
            shown.insert(2, f"padding_idx={self.padding_idx}")
        if self.sparse is not False:
            shown.append("sparse=True")
        return ", ".join(shown)


class EmbeddingBag(Layer):
    """Sums, means or maxima of bags of rows of a learnable table; an empty bag is zero.

    Args:
        num_embeddings: V, the rows of the table.
        embedding_dim: E, their length.
        max_norm: as in `Embedding`.
        norm_type: the order of the norm of ``max_norm``.
        scale_grad_by_freq: divide the gradient of a row by how often it occurs; not with ``mode='max'``.
        mode: 'sum', 'mean' or 'max'.
        sparse: accepted (not with ``mode='max'``); the gradient has the same values, in a dense array.
        include_last_offset: the offsets have one more entry, the end of the last bag.
        padding_idx: a row that starts as zero, is left out of the bags and gets no gradient.

    Attributes:
        weight: (V, E), standard normal; zero in the row ``padding_idx``.

    Shape:
        (B, L) of integers -> (B, E); or (L,) of integers and offsets (B,) -> (B, E).  The third input,
        ``per_sample_weights``, has the shape of the first.

    Example:
        >>> init, apply = layers.EmbeddingBag(10, 3, mode="sum")
        >>> params, state = init(jax.random.key(0))
        >>> apply(params, state, jnp.array([1, 2, 4, 5, 4]), jnp.array([0, 4]))[0].shape
        (2, 3)
    """

    PARAMS: ClassVar[tuple[str, ...]] = ("weight",)

    num_embeddings: int
    embedding_dim: int
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False
    mode: str = "mean"
    sparse: bool = False
    include_last_offset: bool = False
    padding_idx: int | None = None
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        _table(self)

    def init(self, key: Key) -> tuple[Params, State]:
        return {"weight": _draw(self, key)}, {}

    def apply(
        self,
        params: Params,
        state: State,
        input: ArrayLike,
        offsets: ArrayLike | None = None,
        per_sample_weights: ArrayLike | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[jax.Array, State]:
        del training, key
        out = embedding_bag(
            input,
            params["weight"],
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )
        return out, state

    def extra_repr(self) -> str:
        shown = [*_extra_repr(self), f"mode={self.mode!r}"]
        if self.padding_idx is not None:
            shown.append(f"padding_idx={self.padding_idx}")
        return ", ".join(shown)


def _table(layer: Any) -> None:
    """Normalises the size of a table and the index of its padding."""
    where = f"{type(layer).__name__}: "
    sizes = {name: integer(getattr(layer, name), name, where) for name in ("num_embeddings", "embedding_dim")}
    for name, size in sizes.items():
        if size < 0:
            raise ArgumentError(f"{where}Trying to create tensor with negative dimension {size}: got {name}={size}")
    padding = layer.padding_idx
    if padding is not None:
        padding = integer(padding, "padding_idx", where)
        padding = normalise_padding(type(layer).__name__, padding, sizes["num_embeddings"])
    layer._set(**sizes, padding_idx=padding)


def _draw(layer: Any, key: Key) -> jax.Array:
    """The initial table."""
    shape, padding = (layer.num_embeddings, layer.embedding_dim), layer.padding_idx
    if padding is not None and isinstance(key, random.Generator):  # on the host, so that nothing is compiled
        table = key.normal(shape, dtypes.canonical(layer.dtype))
        table[padding] = 0
        return random.on_device(table)
    weight = init.normal(key, shape, layer.dtype)
    return weight if padding is None else weight.at[padding].set(0)


def _extra_repr(layer: Any) -> list[str]:
    """What both tables print."""
    shown = [str(layer.num_embeddings), str(layer.embedding_dim)]
    if layer.max_norm is not None:
        shown.append(f"max_norm={layer.max_norm}")
    if layer.norm_type != 2:
        shown.append(f"norm_type={layer.norm_type}")
    if layer.scale_grad_by_freq is not False:
        shown.append(f"scale_grad_by_freq={layer.scale_grad_by_freq}")
    return shown
