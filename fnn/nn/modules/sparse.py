"""Look-up tables: the facade of `fnn.layers.embedding`.

Beyond the layer, a Module takes a given table (``_weight``, ``from_pretrained``), and with ``max_norm`` updates
its weight at every call, as PyTorch does.
"""

from typing import Self

import jax
from jax import lax

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional.embedding import embedding_renorm
from fnn.layers import embedding as layers
from fnn.nn._module import Module
from fnn.nn.modules.layer_module import LayerModule
from fnn.state.parameter import Parameter
from fnn.typing import ArrayLike, Device, DType

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(LayerModule):
    """What both tables share."""

    weight: Parameter

    def _take(self, layer: layers.Embedding | layers.EmbeddingBag, weight: ArrayLike | None, freeze: bool) -> None:
        """Registers a new table, or the one that is given."""
        Module.__init__(self)
        if weight is None:
            self._install(layer)
        else:
            given = to_array(weight, "_weight", f"{self._get_name()}: ")
            shape = (layer.num_embeddings, layer.embedding_dim)
            if given.shape != shape:
                raise ArgumentError(
                    f"{self._get_name()}: Shape of weight does not match num_embeddings and embedding_dim; got "
                    f"{list(given.shape)}, expected {list(shape)}"
                )
            self._register(layer, {"weight": Parameter(given, requires_grad=not freeze)})
        self.weight.requires_grad = not freeze

    def _shorten(self, input: ArrayLike) -> None:
        """With ``max_norm``, shortens the rows of the weight that have been looked up, out of the gradient's sight."""
        if self.max_norm is not None:
            weight = lax.stop_gradient(self.weight.data)
            self.weight.data = embedding_renorm(weight, input, self.max_norm, self.norm_type)

    @classmethod
    def _size(cls, embeddings: ArrayLike) -> tuple[int, int]:
        shape = to_array(embeddings, "embeddings", f"{cls.__name__}: ").shape
        if len(shape) != 2:
            raise ArgumentError(
                f"{cls.__name__}: Embeddings parameter is expected to be 2-dimensional, got shape {list(shape)}"
            )
        return shape


class Embedding(_Table, layer=layers.Embedding):
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: ArrayLike | None = None,
        _freeze: bool = False,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        layer = layers.Embedding(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, device, dtype
        )
        self._take(layer, _weight, _freeze)

    def forward(self, input: ArrayLike) -> jax.Array:
        """The rows at these indices."""
        output = LayerModule.forward(self, input)
        self._shorten(input)
        return output

    @classmethod
    def from_pretrained(
        cls,
        embeddings: ArrayLike,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
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
        rows, columns = cls._size(embeddings)
        return cls(
            num_embeddings=rows,
            embedding_dim=columns,
            _weight=embeddings,
            _freeze=freeze,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
        )


class EmbeddingBag(_Table, layer=layers.EmbeddingBag):
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: ArrayLike | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        layer = layers.EmbeddingBag(
            num_embeddings,
            embedding_dim,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            include_last_offset,
            padding_idx,
            device,
            dtype,
        )
        self._take(layer, _weight, freeze=False)

    def forward(
        self, input: ArrayLike, offsets: ArrayLike | None = None, per_sample_weights: ArrayLike | None = None
    ) -> jax.Array:
        """The bags (B, E) of these indices."""
        output = LayerModule.forward(self, input, offsets, per_sample_weights)
        self._shorten(input)
        return output

    @classmethod
    def from_pretrained(
        cls,
        embeddings: ArrayLike,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
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
        rows, columns = cls._size(embeddings)
        module = cls(
            num_embeddings=rows,
            embedding_dim=columns,
            _weight=embeddings,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )
        module.weight.requires_grad = not freeze
        return module
