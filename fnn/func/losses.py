"""Derivatives of values: `backward` of a loss, and `grad` of outputs with respect to inputs, inside `fnn.jit`.

Both leave an equation in the program that is being traced; `_graph` carries it out.  What PyTorch knows while the
script runs (which parameters a loss depends on, what has been used up, what was assigned in between) is found in the
equations that have been traced so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import tree_leaves

from fnn import tracing
from fnn.dtypes import conjugated, to_array
from fnn.errors import ArgumentError, ArgumentTypeError, TracerEscapeError
from fnn.func._graph import backward_p, is_mark
from fnn.func._leaf_scope import LeafScope
from fnn.state.box import Box
from fnn.state.grad_mode import check_enabled, check_staged, disabled
from fnn.state.hooks import add_gradient, run_hooks
from fnn.state.leaf import hook_p
from fnn.state.parameter import Parameter
from fnn.state.scope import Restage, Scope, innermost
from fnn.typing import ArrayLike

NO_TAPE = """\
{what}: a loss can be differentiated where it is computed, inside a function compiled by fnn.jit.

    loss = loss_fn(model(x), y)         # wrong, outside of fnn.jit: {what} finds nothing there,
    {what}(loss)                        # since eager code is not recorded

    @fnn.jit
    def train_step(x, y):               # right: the same lines in a compiled step
        loss = loss_fn(model(x), y)
        {what}(loss)
        return loss

Without fnn.jit: loss, grads = fnn.value_and_grad(lambda model: loss_fn(model(x), y))(model)."""

RAW = """\
{what} inside {where}: only fnn's transform of the same name looks for it.

Use fnn.vmap, fnn.value_and_grad, fnn.scan, ... in place of JAX's."""

OUTER = """\
{what}: the loss was computed outside of {where}, in whose body it is to be differentiated.

Compute the loss inside, or differentiate it outside: a derivative does not cross the border."""

NO_GRAD = "element 0 of tensors does not require grad and does not have a grad_fn"

FREED = (
    "{what}: Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Specify retain_graph=True if you need to backward through the graph a second time"
)

ASSIGNED = (
    "{what}: one of the variables needed for gradient computation has been modified by an inplace operation: "
    "{parameter} was assigned (by optimizer.step(), say) after it was used for the loss; compute the loss anew, or "
    "differentiate it before"
)

# Of these PyTorch's backward needs values that it saved, and frees.
_SAVING = frozenset({
    "dot_general", "conv_general_dilated", "exp", "log", "log1p", "tanh", "logistic", "sin", "cos", "sqrt", "rsqrt",
    "integer_pow", "pow", "erf", "scan", "while", "custom_jvp_call", "custom_vjp_call", "remat2", "checkpoint",
})  # fmt: skip


def _total(parts: list[jax.Array]) -> jax.Array:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


class _Graph:
    """What some values depend on, in the innermost trace, as far as a derivative reaches."""

    def __init__(self, values: Iterable[Any], through_hooks: bool = True) -> None:
        self.variables: set[Any] = set()
        self.equations: dict[int, Any] = {}
        self.hooks: dict[int, Any] = {}  # by number
        stack = [v for v in values if isinstance(v, tracing.Tracer)]
        while stack:
            tracer = stack.pop()
            if tracing.is_literal(tracer.val) or tracer.val in self.variables:
                continue
            if not jnp.issubdtype(getattr(tracer, "dtype", bool), jnp.inexact):
                continue
            self.variables.add(tracer.val)
            equation = tracing.made_by(tracer)
            if equation is None or id(equation) in self.equations:
                continue
            if equation.primitive is hook_p:
                self.hooks[equation.params["number"]] = equation
                if through_hooks:
                    stack += equation.in_tracers
                continue
            if _ends(equation):
                continue
            self.equations[id(equation)] = equation
            stack += equation.in_tracers

    def holds(self, value: Any) -> bool:
        variable = tracing.variable(value)
        return variable is not None and not tracing.is_literal(variable) and variable in self.variables


def reaches(outputs: Iterable[Any], inputs: Iterable[Any]) -> list[list[bool]]:
    """For each of the traced ``outputs`` whether a derivative gets to each of the ``inputs``."""
    inputs = list(inputs)
    return [[graph.holds(x) for x in inputs] for graph in map(_Graph, [[output] for output in outputs])]


def _ends(equation: Any) -> bool:
    """Whether no derivative goes through an equation."""
    primitive = equation.primitive
    if primitive is backward_p:
        return not equation.params["create_graph"]
    return is_mark(equation) or primitive.name == "stop_gradient" or disabled(equation)


def _scope(what: str) -> LeafScope:
    """The innermost scope, noted as one in which a derivative is asked for."""
    scope = innermost.get()
    if scope is None:
        raise TracerEscapeError(NO_TAPE.format(what=what))
    check_staged(what)
    check_enabled(what)
    if not tracing.staged():
        if scope.unstaged:
            raise Restage(scope)
        raise TracerEscapeError(RAW.format(what=what, where=tracing.repeating(scope.trace) or "a raw JAX transform"))
    found: Scope | None = scope
    while found is not None:
        if isinstance(found, LeafScope):
            found.derives = True
        found = found.parent
    if not isinstance(scope, LeafScope):
        raise TracerEscapeError(NO_TAPE.format(what=what))
    return scope


def _losses(
    outputs: Sequence[ArrayLike], given: Sequence[ArrayLike | None], scope: LeafScope, what: str, name: str
) -> tuple[list[Any], list[Any]]:
    """Outputs and their cotangents, checked."""
    values, cotangents = [], []
    for n, (output, cotangent) in enumerate(zip(outputs, given, strict=True)):
        value = to_array(output, "loss", f"{what}: ")
        if not jnp.issubdtype(value.dtype, jnp.inexact):
            raise ArgumentTypeError(f"{what}: {NO_GRAD}; the loss has dtype {value.dtype}")
        if cotangent is None:
            if value.size != 1:
                raise ArgumentError(
                    f"{what}: grad can be implicitly created only for scalar outputs, got shape {value.shape}; give "
                    f"{name}, or take a mean or sum"
                )
            if jnp.iscomplexobj(value):
                raise ArgumentTypeError(f"{what}: grad can be implicitly created only for real scalar outputs")
            cotangent = jnp.ones_like(value)
        else:
            cotangent = to_array(cotangent, name, f"{what}: ")
            if cotangent.shape != value.shape:
                raise ArgumentError(
                    f"{what}: Mismatch in shape: grad_output[{n}] has a shape of {list(cotangent.shape)} and "
                    f"output[{n}] has a shape of {list(value.shape)}"
                )
            cotangent = cotangent.astype(value.dtype)
        if isinstance(value, tracing.Tracer) and value._trace is not tracing.current_trace():
            if not tracing.alive(value):
                raise TracerEscapeError(NO_TAPE.format(what=what))
            raise TracerEscapeError(OUTER.format(what=what, where=_where(value, scope)))
        values.append(value)
        cotangents.append(cotangent)
    return values, cotangents


def _graph(values: list[Any], scope: LeafScope, what: str) -> _Graph:
    """What ``values`` depend on: no parameter that was assigned since."""
    graph = _Graph(values)
    for box, value in scope.outdated():
        if graph.holds(value):
            parameter = f"a {type(box).__name__} of shape {tuple(value.shape)}"
            raise ArgumentError(ASSIGNED.format(what=what, parameter=parameter))
    return graph


def _where(value: Any, scope: LeafScope) -> str:
    if scope.rehearses:
        return f"fnn.{scope.rehearses}"
    found = tracing.repeating(value._trace)
    return "the transform" if found is None else found.replace("a raw jax.lax.", "fnn.").replace("a raw jax.", "fnn.")


def _gradients(
    values: list[Any], cotangents: list[Any], roots: list[Any], retain_graph: bool | None, create_graph: bool,
    graph: _Graph, scope: LeafScope, what: str,
) -> list[Any]:  # fmt: skip
    """The gradients of ``roots``, PyTorch's for complex values, after the hooks of Modules on the way."""
    _use_up(graph, create_graph if retain_graph is None else bool(retain_graph), scope, what)
    if not graph.hooks:
        return _bind(values, cotangents, roots, create_graph)
    found: dict[Any, Any] = {}
    waiting: dict[int, Any] = {}
    leaves = [leaf for values in scope.leaves().values() for leaf in values]

    def reached(values: list[Any]) -> list[bool]:
        graphs = map(_Graph, [[value] for value in values])
        return [any(map(graph.holds, (*leaves, *roots))) for graph in graphs]

    def back(values: list[Any], cotangents: list[Any]) -> None:
        part = _Graph(values, through_hooks=False)
        waiting.update(part.hooks)
        hooked = [output for number in part.hooks for output in scope.hooks[number][0]]
        targets = [root for root in (*roots, *hooked) if part.holds(root)]
        if targets:
            for target, grad in zip(targets, _bind(values, cotangents, targets, create_graph), strict=True):
                at = tracing.variable(target)
                found[at] = grad if at not in found else found[at] + grad

    back(values, cotangents)
    while waiting:
        number = max(waiting)  # what was computed last: nothing that is left comes after it
        equation = waiting.pop(number)
        outputs, hook = scope.hooks[number]
        grads = [found[o.val] if o.val in found else jnp.zeros_like(o) for o in outputs]
        back(equation.in_tracers, hook(grads, reached))
    return [found[at] if (at := tracing.variable(root)) in found else jnp.zeros_like(root) for root in roots]


def _bind(values: list[Any], cotangents: list[Any], roots: list[Any], create_graph: bool) -> list[Any]:
    operands = [*values, *conjugated(cotangents), *roots]
    return conjugated(backward_p.bind(*operands, losses=len(values), create_graph=bool(create_graph)))


def _use_up(graph: _Graph, retain: bool, scope: LeafScope, what: str) -> None:
    """Notes that the graph was freed, as PyTorch's is, and that it has not been before."""
    saving = {at: e for at, e in graph.equations.items() if e.primitive.name in _SAVING}
    if not scope.freed.keys().isdisjoint(saving):
        raise ArgumentError(FREED.format(what=what))
    if not retain:
        scope.freed.update(saving)


def backward_of(
    outputs: Sequence[ArrayLike], given: Sequence[ArrayLike | None], retain_graph: bool | None, create_graph: bool,
    inputs: object, what: str, name: str, finished: bool = True,
) -> None:  # fmt: skip
    """Adds the gradients of the sum of ``outputs`` to ``p.grad`` of the parameters that they depend on.

    ``finished`` says whether the hooks run that wait for a whole gradient.
    """
    scope = _scope(what)
    values, cotangents = _losses(outputs, given, scope, what, name)
    graph = _graph(values, scope, what)
    chosen = None if inputs is None else _chosen(inputs, what)
    reached: list[tuple[Parameter, list[Any]]] = []
    for box, leaves in scope.leaves().items():
        found = [leaf for leaf in leaves if graph.holds(leaf)]
        if found and (chosen is None or id(box) in chosen):
            reached.append((box, found))
    if not reached:
        if chosen is None:
            raise ArgumentError(f"{what}: {NO_GRAD}: the loss depends on no parameter that is trained")
        return
    roots = [leaf for _, leaves in reached for leaf in leaves]
    grads = iter(_gradients(values, cotangents, roots, retain_graph, create_graph, graph, scope, what))
    for box, leaves in reached:
        parts = [next(grads) for _ in leaves]
        add_gradient(box, run_hooks(box, _total(parts)), finished)


def trained_parameters(what: str) -> list[Parameter]:
    """The parameters of the program that is being traced that are trained."""
    return list(_scope(what).leaves())


def _chosen(inputs: object, what: str) -> set[int]:
    found = tree_leaves(inputs, is_leaf=lambda x: isinstance(x, Box))
    if not found:
        raise ArgumentError(f"{what}: `inputs` argument to `backward()` cannot be empty.")
    for box in found:
        if not isinstance(box, Parameter):
            raise ArgumentTypeError(
                f"{what}: inputs must be Parameters, which have a .grad, got {type(box).__name__}; the gradient of "
                "another array comes from fnn.autograd.grad"
            )
        if not box.requires_grad:
            raise ArgumentError(f"{what}: One of the differentiated Tensors does not require grad")
    return {id(box) for box in found}


def grad_of(
    outputs: Sequence[ArrayLike], inputs: Sequence[Any], given: Sequence[ArrayLike | None], retain_graph: bool | None,
    create_graph: bool, allow_unused: bool, zeros: bool, what: str,
) -> list[jax.Array | None]:  # fmt: skip
    """The gradients of the sum of ``outputs`` with respect to ``inputs``; None for one without influence."""
    scope = _scope(what)
    values, cotangents = _losses(outputs, given, scope, what, "grad_outputs")
    graph = _graph(values, scope, what)
    leaves = scope.leaves()
    roots: list[list[Any]] = []
    for n, given_input in enumerate(inputs):
        if isinstance(given_input, Parameter):
            if not given_input.requires_grad:
                raise ArgumentError(f"{what}: One of the differentiated Tensors does not require grad (inputs[{n}])")
            found = [leaf for leaf in leaves.get(given_input, ()) if graph.holds(leaf)]
        else:
            value = to_array(given_input, f"inputs[{n}]", f"{what}: ")
            if not jnp.issubdtype(value.dtype, jnp.inexact):
                raise ArgumentTypeError(f"{what}: inputs[{n}] must be floating or complex, got {value.dtype}")
            found = [value] if graph.holds(value) else []
        if not found and not allow_unused:
            raise ArgumentError(
                f"{what}: One of the differentiated Tensors appears to not have been used in the graph (inputs[{n}]). "
                "Set allow_unused=True if this is the desired behavior."
            )
        roots.append(found)
    flat = [root for found in roots for root in found]
    grads = iter(_gradients(values, cotangents, flat, retain_graph, create_graph, graph, scope, what) if flat else [])
    results: list[jax.Array | None] = []
    for found, given_input in zip(roots, inputs, strict=True):
        parts = [next(grads) for _ in found]
        if parts:
            results.append(_total(parts))
        else:
            results.append(jnp.zeros_like(to_array(given_input)) if zeros else None)
    return results
