"""The look at a model: it is traced in both modes, with an input that fits, and its nodes are written down."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn, random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.state.scope import Scope, current_scope, opened
from fnn.vision import ops
from fnn.vision.models._nodes import Leaves, Node, Walk, names_of_arguments
from fnn.vision.models._windows import WindowAttention, window_attention

__all__ = ["is_array", "leaves_of", "nodes_of_modes"]

_OPTIONS = ("autowrap_functions", "autowrap_modules", "leaf_modules")
_SIDES = (224, 32, 64, 28, 256, 299, 128, 384, 512)


def leaves_of(where: str, options: Mapping[str, Any] | None) -> Leaves:
    options = dict(options or {})
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise ArgumentError(f"{where}: argument 'tracer_kwargs' has no entries {unknown}, expected some of {_OPTIONS}")
    own = [getattr(ops, name) for name in ops.__all__] if hasattr(ops, "__all__") else list(vars(ops).values())
    classes = [value for value in own if isinstance(value, type) and issubclass(value, nn.Module)]
    return Leaves.of(
        (*options.get("leaf_modules", ()), *classes),
        (*options.get("autowrap_modules", ()), math, ops),
        (*options.get("autowrap_functions", ()), window_attention, WindowAttention._bias),
    )


def is_array(value: object) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def nodes_of_modes(
    where: str, model: nn.Module, leaves: Leaves, concrete_args: Mapping[str, Any] | None
) -> tuple[list[Node], list[Node]]:
    """The nodes in training mode, and those in evaluation mode."""
    if not isinstance(model, nn.Module):
        raise ArgumentTypeError(f"{where}: argument 'model' must be a fnn.nn.Module, got {type(model).__name__}")
    problem: Exception | None = None
    for args in _candidates(where, model, dict(concrete_args or {})):
        try:
            with _in_mode(model, False):
                evaluation = _nodes(model, leaves, args)
            with _in_mode(model, True):
                return _nodes(model, leaves, args), evaluation
        except Exception as error:
            problem = problem or error
    raise ArgumentError(
        f"{where}: no input was found that fits {type(model).__name__}; give an example for each argument of its "
        "forward, as in concrete_args={'x': jnp.zeros((1, 3, 224, 224))}. The first one that was tried says: "
        f"{problem}"
    ) from problem


@contextmanager
def _in_mode(model: nn.Module, training: bool) -> Iterator[None]:
    """All Modules in one mode; afterwards each is in its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            if module.training != mode:
                module.training = mode


def _candidates(where: str, model: nn.Module, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Arguments to try."""
    parameters = inspect.signature(model.forward).parameters
    unknown = sorted(set(given) - set(parameters))
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise ArgumentError(f"{where}: argument 'concrete_args' names {unknown}, forward takes {list(parameters)}")
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    missing = [n for n, p in parameters.items() if p.kind in kinds and p.default is p.empty and n not in given]
    if not missing and (given or parameters):
        yield given
        return
    for example in _examples(model):
        yield {**dict.fromkeys(missing, example), **given}


def _examples(model: nn.Module) -> Iterator[jax.ShapeDtypeStruct]:
    """Inputs for the first layer of a model."""
    floats = [box.dtype for box in model.parameters() if jnp.issubdtype(box.dtype, jnp.floating)]
    dtype = floats[0] if floats else jnp.float32
    size = getattr(model, "image_size", getattr(model, "input_size", None))
    sides = [*([size] if isinstance(size, int) else []), *_SIDES]
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            yield jax.ShapeDtypeStruct((2, 8), jnp.int32)
        elif isinstance(module, nn.Linear):
            yield jax.ShapeDtypeStruct((2, module.in_features), dtype)
            yield jax.ShapeDtypeStruct((2, 8, module.in_features), dtype)
        elif isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            axes = len(module.kernel_size)
            for side in sides:
                time = (16,) if axes == 3 else ()
                yield jax.ShapeDtypeStruct((2, module.in_channels, *time, *(side,) * min(axes, 2)), dtype)
        else:
            continue
        return
    yield jax.ShapeDtypeStruct((2, 3, 224, 224), dtype)
    yield jax.ShapeDtypeStruct((2, 3), dtype)


def _nodes(model: nn.Module, leaves: Leaves, arguments: Mapping[str, Any]) -> list[Node]:
    """The nodes of one call, of which nothing is computed."""
    boxes = [box for _, box in [*model.named_parameters(), *model.named_buffers()] if box is not None]
    arrays = {name: value for name, value in arguments.items() if is_array(value)}
    nodes: list[Node] = []

    def run(values: list[Any], key: Any, given: dict[str, Any]) -> None:
        kwargs = {**arguments, **given}
        with random.ambient(random.stream(key)), opened(Scope(dict(zip(boxes, values, strict=True)), current_scope())):
            walk = Walk(model, leaves, nodes.append)
            with walk.walking():
                walk.given(names_of_arguments(model, (), kwargs))
                model(**kwargs)

    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), ([box._value for box in boxes], arrays))
    jax.make_jaxpr(run)(shapes[0], jax.eval_shape(jax.random.key, 0), shapes[1])
    return nodes
