"""Written by tools/make_stubs.py from sparse.py and its layers; do not edit."""

import jax
from typing import Self
from fnn.state.parameter import Parameter
from fnn.typing import ArrayLike, DType, Device
from fnn.layers import embedding as layers
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['Embedding', 'EmbeddingBag']

class _Table(LayerModule):
    """What both tables share."""
    weight: Parameter
    def _take(self, layer: layers.Embedding | layers.EmbeddingBag, weight: ArrayLike | None, freeze: bool) -> None:
        """Registers a new table, or the one that is given."""
        ...
    def _shorten(self, input: ArrayLike) -> None:
        """With ``max_norm``, shortens the rows of the weight that have been looked up, out of the gradient's sight."""
        ...
    @classmethod
    def _size(cls, embeddings: ArrayLike) -> tuple[int, int]:
        ...

class Embedding(_Table):
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
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (V, E), standard normal; zero in the row ``padding_idx``.

    Shape:
        (*) of integers -> (*, E).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.Embedding(10, 3, padding_idx=0)
        >>> module(jnp.array([[0, 2, 0, 5]])).shape
        (1, 4, 3)
    """
    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    sparse: bool
    device: Device | None
    dtype: DType | None
    weight: Parameter
    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None=None, max_norm: float | None=None, norm_type: float=2.0, scale_grad_by_freq: bool=False, sparse: bool=False, _weight: ArrayLike | None=None, _freeze: bool=False, device: Device | None=None, dtype: DType | None=None) -> None:
        ...
    def forward(self, input: ArrayLike) -> jax.Array:
        """The rows at these indices."""
        ...
    @classmethod
    def from_pretrained(cls, embeddings: ArrayLike, freeze: bool=True, padding_idx: int | None=None, max_norm: float | None=None, norm_type: float=2.0, scale_grad_by_freq: bool=False, sparse: bool=False) -> Self:
        """A module that holds this table (V, E).

            Args:
                embeddings: the table.
                freeze: whether it is left out of the training.
                padding_idx: as in the constructor; here its row stays as it is.
                max_norm: as in the constructor.
                norm_type: as in the constructor.
                scale_grad_by_freq: as in the constructor.
                sparse: as in the constructor.
            """
        ...

class EmbeddingBag(_Table):
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
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (V, E), standard normal; zero in the row ``padding_idx``.

    Shape:
        (B, L) of integers -> (B, E); or (L,) of integers and offsets (B,) -> (B, E).  The third input,
        ``per_sample_weights``, has the shape of the first.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.EmbeddingBag(10, 3, mode="sum")
        >>> module(jnp.array([1, 2, 4, 5, 4]), jnp.array([0, 4])).shape
        (2, 3)
    """
    num_embeddings: int
    embedding_dim: int
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    mode: str
    sparse: bool
    include_last_offset: bool
    padding_idx: int | None
    device: Device | None
    dtype: DType | None
    weight: Parameter
    def __init__(self, num_embeddings: int, embedding_dim: int, max_norm: float | None=None, norm_type: float=2.0, scale_grad_by_freq: bool=False, mode: str='mean', sparse: bool=False, _weight: ArrayLike | None=None, include_last_offset: bool=False, padding_idx: int | None=None, device: Device | None=None, dtype: DType | None=None) -> None:
        ...
    def forward(self, input: ArrayLike, offsets: ArrayLike | None=None, per_sample_weights: ArrayLike | None=None) -> jax.Array:
        """The bags (B, E) of these indices."""
        ...
    @classmethod
    def from_pretrained(cls, embeddings: ArrayLike, freeze: bool=True, max_norm: float | None=None, norm_type: float=2.0, scale_grad_by_freq: bool=False, mode: str='mean', sparse: bool=False, include_last_offset: bool=False, padding_idx: int | None=None) -> Self:
        """A module that holds this table (V, E).

            Args:
                embeddings: the table.
                freeze: whether it is left out of the training.
                max_norm: as in the constructor.
                norm_type: as in the constructor.
                scale_grad_by_freq: as in the constructor.
                mode: as in the constructor.
                sparse: as in the constructor.
                include_last_offset: as in the constructor.
                padding_idx: as in the constructor; here its row stays as it is.
            """
        ...
