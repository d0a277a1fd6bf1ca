"""What to write instead, noted on JAX's error about a tree of boxes that meets a tree of arrays."""

from __future__ import annotations

__all__ = ["hint_on_tree"]

_NO_TREE = (
    "A Parameter or Buffer is a node of its own to jax.tree.map and optax, whose updates are arrays: give them arrays. "
    "params, _ = fnn.split(model) has the names of named_parameters() and of value_and_grad's gradients; then params = "
    "optax.apply_updates(params, updates), and fnn.merge(model, params) stores them. fnn.optim.Optax does all of it."
)


def hint_on_tree(error: BaseException) -> None:
    """Notes on an error about ``dict(model.named_parameters())`` in place of a tree of arrays how to get one.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.state.tree_hints import hint_on_tree
        >>> try:
        ...     jax.tree.map(jnp.add, {"w": nn.Parameter(jnp.ones(1))}, {"w": jnp.ones(1)})
        ... except ValueError as error:
        ...     hint_on_tree(error)
        ...     print("fnn.split(model)" in error.__notes__[-1])
        True
    """
    if isinstance(error, ValueError) and "pytree structure error" in str(error) and "fnn.state." in str(error):
        if _NO_TREE not in getattr(error, "__notes__", ()):
            error.add_note(_NO_TREE)
