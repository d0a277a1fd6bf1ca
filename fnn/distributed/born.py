"""`born`: a model that a compiled program makes on the devices, each its own part, so that it is nowhere whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from fnn import random
from fnn.distributed.rules import Placed, Rule, resolved
from fnn.errors import ArgumentTypeError
from fnn.nn import Module
from fnn.state.box import Box
from fnn.state.layout import placed
from fnn.state.scope import Scope, current_scope, opened
from fnn.tracing import Tracer

__all__ = ["abstractly", "born"]


def abstractly(factory: Callable[[], Module], key: jax.Array, where: str) -> tuple[Module, Scope]:
    """The model that a function makes while JAX traces: its boxes hold tracers.

    Args:
        factory: makes the model.
        key: that parameters are drawn from.
        where: the caller, for messages.

    Returns:
        The model, and the scope that has the values of its boxes.
    """
    scope = Scope(parent=current_scope())
    with random.constructing(key), random.ambient(random.stream(key)), opened(scope):
        model = factory()
        if not isinstance(model, Module):
            raise ArgumentTypeError(f"{where}: the function made {type(model).__name__}, expected a Module")
    return model, scope


def born(factory: Callable[[], Module], mesh: Mesh, rule: Rule, where: str) -> tuple[Module, list[Placed]]:
    """Makes a model inside one compiled program, whose results are the parts of the devices.

    JAX's generator draws the numbers, so that each device draws those of its part; the global generator gives the key.
    The numbers do not depend on the mesh.

    Args:
        factory: makes the model.
        mesh: the mesh.
        rule: as for `distribute`.
        where: the caller, for messages.

    Returns:
        The model, with its arrays in place, and where each of them went.
    """
    made: list[tuple[Module, list[Placed], list[Callable[[Any], None]]]] = []

    def construct(seed: jax.Array) -> list[Any]:
        key = jax.random.fold_in(jax.random.key(seed[0]), seed[1])
        model, scope = abstractly(factory, key, where)
        plan = resolved(model, mesh, rule, where)
        values = [jax.lax.with_sharding_constraint(scope.read(e.box), e.layout(mesh).sharding) for e in plan]
        # An array in a plain attribute is no box, and must not stay the tracer that it is here.
        others = [(m, name) for m in model.modules() for name, v in vars(m).items() if _holds_tracers(v)]
        made.append((model, plan, [_setter(m, name) for m, name in others]))
        return [*values, *(vars(m)[name] for m, name in others)]

    seed = random.default_generator.randint(0, 1 << 32, (2,), np.int64).astype(np.uint32)
    results = jax.jit(construct)(seed)
    model, plan, setters = made[-1]
    for entry, value in zip(plan, results, strict=False):
        entry.box._value = placed(value, entry.layout(mesh).sharding)
        entry.box._born = 0
    for setter, value in zip(setters, results[len(plan) :], strict=True):
        setter(value)
    return model, plan


def _setter(module: Module, name: str) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        vars(module)[name] = value

    return put


def _holds_tracers(value: object) -> bool:
    if isinstance(value, (Box, Module)):
        return False
    if isinstance(value, dict):
        return any(map(_holds_tracers, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_holds_tracers, value))
    return isinstance(value, Tracer)
