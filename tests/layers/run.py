"""Calls of a case, compiled once: what the tests of this folder share."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import layers
from tests.layers.cases import Case


def floats(tree: Any) -> list[Any]:
    """The floating arrays of an output, in order."""
    return [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def cotangents(outputs: list[Any], seed: int = 0) -> list[np.ndarray]:
    """Fixed random numbers of the outputs' shapes: a gradient in the wrong place cannot cancel."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(np.shape(o)).astype(np.float32) for o in outputs]


def scalar(outputs: Any) -> Any:
    """The sum of the floating outputs times fixed random numbers."""
    kept = floats(outputs)
    return sum((jnp.sum(o * c.astype(o.dtype)) for o, c in zip(kept, cotangents(kept), strict=True)), jnp.zeros(()))


def pair_step(case: Case, layer: layers.Layer, training: bool, params: Any, state: Any, inputs: Any, key: Any) -> Any:
    """Output, new state, and the gradients of `scalar` of the output by parameters and inputs."""
    where, names = case.differentiable(), forward_floats(case)

    def loss(params: Any, wanted: list[Any], named: dict[str, Any]) -> Any:
        given = list(inputs)
        for i, v in zip(where, wanted, strict=True):
            given[i] = v
        keywords = {**forward(case), **named}
        output, new = layer.apply(params, state, *given, training=training, key=key, **keywords)
        return scalar(output), (output, new)

    wanted = [inputs[i] for i in where]
    named = {name: forward(case)[name] for name in names}
    (_, (output, new)), gradients = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(params, wanted, named)
    return output, new, gradients


def forward(case: Case) -> dict[str, Any]:
    """The keyword arguments of the call, `Input`s among them drawn."""
    rng = np.random.default_rng(7)
    return {k: jnp.asarray(v.draw(rng)) if hasattr(v, "draw") else v for k, v in case.forward.items()}


def forward_floats(case: Case) -> list[str]:
    return [k for k, v in case.forward.items() if hasattr(v, "draw") and v.floating]
