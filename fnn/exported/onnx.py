"""ONNX, by jax2onnx."""

import importlib
import os
from typing import Any

import jax
from jax import export as jax_export

from fnn.exported._program import batched_specs, in_inference, inference, weights_of
from fnn.exported._simpler import simpler
from fnn.kernels.portable import portable
from fnn.nn import Module
from fnn.serialization.atomic import replacing
from fnn.typing import PyTree

__all__ = ["export_onnx"]

NEEDS_JAX2ONNX = 'export_onnx needs the jax2onnx library: pip install "fnn[onnx]"'


def export_onnx(model: Module, *examples: PyTree, path: str | os.PathLike[str], dynamic_batch: bool = True) -> None:
    """Writes a model's inference as an ONNX file, with its weights in it.

    Args:
        model: exported in evaluation mode, whatever mode it is in.
        *examples: arrays that the model is called with; only their shapes and types are looked at.
        path: the file to write.
        dynamic_batch: whether the first axis of all inputs may have any size.

    Raises:
        ArgumentError: there are no examples.
        ImportError: the jax2onnx library is missing.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model, x = nn.Linear(3, 2), jnp.ones((1, 3))
        >>> fnn.export_onnx(model, x, path="linear.onnx")  # doctest: +SKIP
    """
    try:
        jax2onnx, onnx = map(importlib.import_module, ("jax2onnx", "onnx"))  # packages that may not be there
    except ImportError as error:
        raise ImportError(NEEDS_JAX2ONNX) from error
    symbol = jax_export.symbolic_shape("B")[0] if dynamic_batch else None
    inputs, structure = jax.tree.flatten(batched_specs(examples, symbol))
    weights, run = weights_of(model), inference(model)

    def program(*arrays: Any) -> Any:
        return run(weights, *jax.tree.unflatten(structure, arrays))

    with in_inference(model), portable():
        made = jax2onnx.to_onnx(simpler(program, *inputs), inputs)
    with replacing(path) as temporary:
        onnx.save(made, str(temporary))
