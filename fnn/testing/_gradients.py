"""`check_grads`: are the derivatives of a function or Module those of its values?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnn import random
from fnn.errors import ArgumentError
from fnn.nn import Module, Parameter
from fnn.state.box import Box
from fnn.state.scope import Scope, current_scope, opened
from fnn.testing._arrays import is_tensor, to_numpy
from fnn.typing import ArrayLike

__all__ = ["check_grads"]


def check_grads(
    fn_or_module: Callable[..., Any],
    *inputs: object,
    order: int = 1,
    modes: Sequence[str] = ("fwd", "rev"),
    rtol: float | None = None,
    atol: float | None = None,
    eps: float | None = None,
) -> None:
    """Compares the derivatives of a function or Module with finite differences, by `jax.test_util.check_grads`.

    Differentiated are the floating inputs, and the trainable parameters of the Module and of every Module among the
    inputs. What the function writes to Modules is forgotten; random numbers are the same at every evaluation.

    Args:
        fn_or_module: a function of arrays and Modules, or a Module.
        *inputs: its arguments: arrays, Modules, or nests of them.
        order: the highest order of derivatives to check.
        modes: of ``"fwd"`` and ``"rev"``, which to check. (A function with a ``jax.custom_vjp`` has no ``"fwd"``.)
        rtol: relative tolerance; by default one that suits the dtype.
        atol: absolute tolerance; likewise.
        eps: the step of the finite differences; likewise.

    Raises:
        AssertionError: they differ; the text names the inputs and parameters at fault.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.testing import check_grads
        >>> check_grads(nn.Linear(2, 3), jnp.ones((4, 2)), order=2)
    """
    from jax import test_util  # only tests need it

    inputs = jax.tree.map(lambda x: to_numpy(x) if is_tensor(x) else x, inputs, is_leaf=_is_leaf)
    leaves, treedef = jax.tree.flatten(inputs, is_leaf=_is_leaf)
    boxes, places = _differentiated(fn_or_module, leaves)
    if not boxes and not places:
        raise ArgumentError("check_grads: nothing to differentiate: no input is floating and no parameter is trainable")

    def evaluate(values: dict[str, Any]) -> list[Any]:
        bound = {box: values[name] for name, box in boxes.items()}
        full = list(leaves)
        for name, i in places.items():
            full[i] = values[name]
        with opened(Scope(bound, current_scope())), random.ambient(random.stream(jax.random.key(0))):
            out = fn_or_module(*jax.tree.unflatten(treedef, full))
        return [x for x in map(jnp.asarray, jax.tree.leaves(out)) if jnp.issubdtype(x.dtype, jnp.inexact)]

    def check(names: Sequence[str]) -> None:
        rest = {name: value for name, value in point.items() if name not in names}
        chosen = {name: point[name] for name in names}
        test_util.check_grads(lambda some: evaluate({**rest, **some}), (chosen,), order, modes, atol, rtol, eps)

    point = {name: box.data for name, box in boxes.items()}
    point.update({name: jnp.asarray(leaves[i]) for name, i in places.items()})
    try:
        check(list(point))
    except AssertionError as error:
        wrong = [name for name in point if _fails(check, name)]
        named = f"with respect to {', '.join(wrong)}" if wrong else "(each input alone passes)"
        what = getattr(fn_or_module, "__name__", type(fn_or_module).__name__)
        raise AssertionError(f"check_grads: the derivatives of {what} are wrong {named}\n{error}") from None


def _fails(check: Callable[[Sequence[str]], None], name: str) -> bool:
    try:
        check([name])
    except AssertionError:
        return True
    return False


def _is_leaf(x: ArrayLike) -> bool:
    return isinstance(x, Box)


def _differentiated(function: object, leaves: list[Any]) -> tuple[dict[str, Box], dict[str, int]]:
    """The boxes to differentiate by name, and the places of the floating arrays by name."""
    boxes: dict[str, Box] = {}
    places: dict[str, int] = {}
    for i, leaf in enumerate([function, *leaves], -1):
        if isinstance(leaf, Module):
            prefix = "" if i < 0 else f"input {i}: "
            boxes.update({prefix + name: p for name, p in leaf.named_parameters() if p.requires_grad})
        elif isinstance(leaf, Parameter):
            boxes[f"input {i}"] = leaf
        elif i >= 0 and not callable(leaf) and jnp.issubdtype(jnp.result_type(leaf), jnp.inexact):
            places[f"input {i}"] = i
    return {name: box for name, box in boxes.items() if jnp.issubdtype(box.dtype, jnp.inexact)}, places
