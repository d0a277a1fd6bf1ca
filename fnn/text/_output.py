"""The base of what models return: named arrays, of which those that were not asked for are None.

An output is a pytree, so it goes through transforms, and a sequence of what it has, as transformers' outputs are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform

import jax

__all__ = ["BaseModelOutput", "Output"]


_T = TypeVar("_T", bound=type)


@dataclass_transform(frozen_default=True, eq_default=False)
def _registered(cls: _T) -> _T:
    """``cls`` as a frozen dataclass that is a pytree."""
    made = dataclass(frozen=True, eq=False)(cls)
    jax.tree_util.register_dataclass(made, [f.name for f in dataclasses.fields(made)], [])
    return made


@_registered
class Output:
    """The base of outputs: fields by name, ``output["logits"]`` and ``output[0]``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> output = text.outputs.LMOutput(logits=jnp.zeros((1, 2, 3)))
        >>> output.loss is None, output[0].shape, output.keys()
        (True, (1, 2, 3), ('logits',))
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def keys(self) -> tuple[str, ...]:
        """The names of the fields that are not None."""
        return tuple(f.name for f in dataclasses.fields(self) if getattr(self, f.name) is not None)

    def to_tuple(self) -> tuple[Any, ...]:
        """The fields that are not None."""
        return tuple(getattr(self, name) for name in self.keys())

    def __getitem__(self, index: str | int | slice) -> Any:
        return getattr(self, index) if isinstance(index, str) else self.to_tuple()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_tuple())

    def __len__(self) -> int:
        return len(self.keys())


@_registered
class BaseModelOutput(Output):
    """Of a model without a head.

    Attributes:
        last_hidden_state: (N, L, E).
        pooler_output: (N, E), of one position of each sequence, where the model has it.
        hidden_states: (N, L, E) each: before the first layer, after each layer; on demand.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import text
        >>> output = text.outputs.BaseModelOutput(last_hidden_state=jnp.zeros((1, 3, 4)))
        >>> output.last_hidden_state.shape, output.pooler_output is None, output.keys()
        ((1, 3, 4), True, ('last_hidden_state',))
    """

    last_hidden_state: jax.Array | None = None
    pooler_output: jax.Array | None = None
    hidden_states: tuple[jax.Array, ...] | None = None
