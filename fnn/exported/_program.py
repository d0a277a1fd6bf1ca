"""A model's inference as a pure function of its weights and of arrays."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func import functional_call
from fnn.nn import Module
from fnn.typing import PyTree

__all__ = ["batched_specs", "in_inference", "inference", "weights_of"]


def weights_of(model: Module) -> dict[str, jax.Array]:
    """All parameters and buffers by name, a tied one once."""
    boxes = [*model.named_parameters(), *model.named_buffers()]
    return {name: box.data for name, box in boxes if box is not None}


@contextlib.contextmanager
def in_inference(model: Module) -> Iterator[None]:
    """The model in evaluation mode; afterwards each Module is in the mode that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            if module.training != training:
                module.training = training


def inference(model: Module) -> Callable[..., PyTree]:
    """``(weights, *arrays) -> outputs``, in plain containers, which can be loaded without anybody's classes."""

    def run(weights: dict[str, jax.Array], *arrays: PyTree) -> PyTree:
        return _plain(functional_call(model, weights, arrays))

    return run


def _plain(tree: Any) -> PyTree:
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        named = {field.name: getattr(tree, field.name) for field in dataclasses.fields(tree)}
        return {name: _plain(value) for name, value in named.items() if value is not None}
    if isinstance(tree, Mapping):
        return {name: _plain(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_plain(value) for value in tree]
    if isinstance(tree, tuple):
        return tuple(_plain(value) for value in tree)
    if tree is None or hasattr(tree, "shape"):
        return None if tree is None else jax.numpy.asarray(tree)
    raise ArgumentTypeError(
        "export: the model's output must consist of arrays in dicts, dataclasses, lists and tuples, "
        f"got {type(tree).__name__}"
    )


def batched_specs(examples: tuple[PyTree, ...], symbol: Any) -> tuple[PyTree, ...]:
    """The examples' shapes and types, with ``symbol`` for the size of the first axis, if it is not None."""
    if not examples:
        raise ArgumentError("export: argument 'examples' is empty; pass the arrays that the model is called with")

    def spec(x: Any) -> jax.ShapeDtypeStruct:
        if not hasattr(x, "shape") or not hasattr(x, "dtype"):
            raise ArgumentTypeError(
                f"export: argument 'examples' must consist of arrays, got {type(x).__name__} (={x!r})"
            )
        if symbol is None:
            return jax.ShapeDtypeStruct(x.shape, x.dtype)
        if not x.shape:
            raise ArgumentError("export: dynamic_batch=True needs a first axis, and one of the examples has none")
        return jax.ShapeDtypeStruct((symbol, *x.shape[1:]), x.dtype)

    return jax.tree.map(spec, examples)
