"""Values on their way out of JAX, to a logger or a plot."""

from typing import Any

import jax
import numpy as np

from fnn.errors import ArgumentTypeError
from fnn.state.box import Box
from fnn.tracing import Tracer
from fnn.typing import PyTree

TRACED = """\
{where} got a traced value. Log outside of the transformed function,

    loss = train_step(model, optimizer, x, y)
    writer.add_scalar("loss", loss, step)

or from inside it through a callback: jax.debug.callback(lambda loss: writer.add_scalar("loss", loss), loss)."""


def to_host(tree: PyTree, where: str) -> Any:
    """``tree`` with numpy arrays for all arrays, Parameters and Buffers in dicts, lists and tuples.

    Half types that numpy does not have (bfloat16, float8) become float32.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.utils.visdom import to_host
        >>> to_host({"loss": jnp.ones((), jnp.bfloat16), "weights": [nn.Parameter(jnp.zeros(2))]}, "plot")
        {'loss': array(1., dtype=float32), 'weights': [array([0., 0.], dtype=float32)]}
    """
    if isinstance(tree, Box):
        tree = tree.data
    if isinstance(tree, Tracer):
        raise ArgumentTypeError(TRACED.format(where=where))
    if isinstance(tree, jax.Array):
        tree = np.asarray(tree)
    if isinstance(tree, (np.ndarray, np.generic)):
        half = tree.dtype.kind == "V" and tree.dtype.names is None
        return tree.astype(np.float32) if half else tree
    if isinstance(tree, dict):
        return {key: to_host(value, where) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(to_host(value, where) for value in tree)
    return tree
