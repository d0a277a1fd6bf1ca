"""What an error of another library gets as a note on its way out: what to write instead."""

from __future__ import annotations

from fnn.state.array_hints import hint_on_array
from fnn.state.import_hints import hint_on_import
from fnn.state.spread_hints import hint_on_spread
from fnn.state.tree_hints import hint_on_tree

__all__ = ["hint_on"]


def hint_on(error: BaseException) -> None:
    """Notes on an error that is known what to write instead; on any other, nothing.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.state.hints import hint_on
        >>> try:
        ...     jnp.ones(3).size(0)
        ... except TypeError as error:
        ...     hint_on(error)
        ...     print(len(error.__notes__))
        1
    """
    hint_on_tree(error)
    hint_on_array(error)
    hint_on_import(error)
    hint_on_spread(error)
