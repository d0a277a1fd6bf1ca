"""Hooks: handles, the global tables, and backward hooks without a tape.

A backward hook is two identity functions with a custom derivative, one around the module's inputs and one
around its outputs.  In the backward pass the outer one sees ``grad_output`` first, the inner one sees
``grad_input`` last and may replace it.  So hooks work under `jax.grad`, `fnn.value_and_grad`, jit and all.

A scope's *anchor* is a differentiated zero: it makes the identities run also for a module none of whose inputs
is differentiated (the first layer), where PyTorch passes ``None`` in ``grad_input``.

Hooks see PyTorch's gradients: for complex values the conjugates of JAX's cotangents.
"""

from __future__ import annotations

import itertools
import types
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnn.dtypes import conjugated, to_array
from fnn.errors import ArgumentError
from fnn.state.scope import epoch, innermost
from fnn.state.watch import recorder
from fnn.tracing import surely_constant

_ids = itertools.count()

global_forward_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
global_forward_hooks: OrderedDict[int, Callable] = OrderedDict()
global_forward_hooks_with_kwargs: OrderedDict[int, bool] = OrderedDict()
global_forward_hooks_always_called: OrderedDict[int, bool] = OrderedDict()
global_backward_hooks: OrderedDict[int, Callable] = OrderedDict()
global_backward_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
buffer_registration_hooks: OrderedDict[int, Callable] = OrderedDict()
module_registration_hooks: OrderedDict[int, Callable] = OrderedDict()
parameter_registration_hooks: OrderedDict[int, Callable] = OrderedDict()


class RemovableHandle:
    """Removes a hook again; also a context manager that removes it on exit."""

    def __init__(self, hooks: OrderedDict, *extra: OrderedDict) -> None:
        self.id = next(_ids)
        self._tables = [weakref.ref(table) for table in (hooks, *extra)]

    def remove(self) -> None:
        """Removes the hook; removing it twice is harmless."""
        for table in self._tables:
            found = table()
            if found is not None:
                found.pop(self.id, None)
        epoch.structure += 1

    def __getstate__(self) -> tuple[int, list[Any]]:
        return self.id, [table() for table in self._tables]

    def __setstate__(self, state: tuple[int, list[Any]]) -> None:
        self.id = state[0]
        self._tables = [weakref.ref(OrderedDict() if table is None else table) for table in state[1]]

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class _Used:
    """Whether any backward hook has been registered; without one, no gradient pays for an anchor."""

    backward = False


def register_backward(table: OrderedDict, hook: Callable, prepend: bool = False) -> RemovableHandle:
    """Adds a hook of the backward pass."""
    _Used.backward = True
    return register(table, hook, prepend=prepend)


def backward_hooks_used() -> bool:
    """Whether a gradient needs an anchor."""
    return _Used.backward


def register(table: OrderedDict, hook: Callable, *flags: OrderedDict, prepend: bool = False) -> RemovableHandle:
    """Adds ``hook`` to ``table`` and its id to every table of flags."""
    handle = RemovableHandle(table, *flags)
    table[handle.id] = hook
    for flag in flags:
        flag[handle.id] = True
    if prepend:
        table.move_to_end(handle.id, last=False)
    epoch.structure += 1
    return handle


def filtered(table: OrderedDict, module: object, name: str, value: object) -> Any:
    """``value`` after the registration hooks of ``table``: each may replace it."""
    for hook in table.values():
        replaced = hook(module, name, value)
        if replaced is not None:
            value = replaced
    return value


class _Perturbed:
    """Which inputs are differentiated: static data that travels from the forward to the backward rule."""

    def __init__(self, flags: tuple[bool, ...]) -> None:
        self.flags = flags


jax.tree_util.register_pytree_node(_Perturbed, lambda p: ((), p.flags), lambda flags, _: _Perturbed(flags))


def _inexact(value: object) -> bool:
    return isinstance(value, jax.Array) and bool(jnp.issubdtype(value.dtype, jnp.inexact))


def _as_tuple(value: object) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _firmly(value: object) -> Callable[[], Any]:
    return lambda: value


def _weakly(value: object) -> Callable[[], Any]:
    """A reference for a compiled program, which must not keep a module alive that has gone with its hooks."""
    try:
        return weakref.WeakMethod(value) if isinstance(value, types.MethodType) else weakref.ref(value)
    except TypeError:
        return _firmly(value)


def _alive(references: list[Callable[[], Any]]) -> list[Any]:
    return [value for value in (reference() for reference in references) if value is not None]


class BackwardHook:
    """The two identities around one call of one module."""

    def __init__(self, module: object, hooks: list[Callable], pre_hooks: list[Callable]) -> None:
        hold = _weakly if recorder.get() is not None else _firmly
        self.module, self.hooks, self.pre_hooks = hold(module), [*map(hold, hooks)], [*map(hold, pre_hooks)]
        self.grad_outputs: tuple | None = None
        self.n_inputs = 0
        self.input_at: list[int] = []
        self.differentiated_input = False
        self.watched: list[Any] = []  # inputs in a program of which `fnn.backward` may take derivatives
        scope = innermost.get()
        anchor = None if scope is None else scope.anchor
        self.anchor = jnp.zeros(()) if anchor is None else anchor

    def _finish(self, grad_input: tuple) -> tuple:
        for hook in _alive(self.hooks):
            assert self.grad_outputs is not None
            shown = self.grad_outputs if len(self.grad_outputs) != 1 else (self.grad_outputs[0],)
            replaced = hook(self.module(), grad_input, shown)
            if replaced is None:
                continue
            replaced = _as_tuple(replaced)
            if len(replaced) != len(grad_input):
                raise ArgumentError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(replaced)}, but expected {len(grad_input)}"
                )
            grad_input = replaced
        self.grad_outputs = None
        return grad_input

    def wrap_inputs(self, args: tuple) -> tuple:
        """The module's positional arguments, watched."""
        self.n_inputs = len(args)
        self.input_at = [i for i, a in enumerate(args) if _inexact(a) and not surely_constant(a)]
        if not self.input_at:
            return args
        self.watched = [args[i] for i in self.input_at]
        scope = innermost.get()
        in_program = None if scope is None else scope.hooked(self.watched, self._inputs_back)
        if in_program is not None:
            result = list(args)
            for at, value in zip(self.input_at, in_program, strict=True):
                result[at] = value
            return tuple(result)
        self.watched = []

        @jax.custom_vjp
        def identity(xs: tuple, anchor: object) -> tuple:
            del anchor
            return xs

        def forward(xs: tuple, anchor: object) -> tuple:
            del anchor
            flags = tuple(bool(x.perturbed) for x in xs)
            self.differentiated_input = any(flags)
            return tuple(x.value for x in xs), _Perturbed(flags)

        def backward(perturbed: _Perturbed, cotangents: tuple) -> tuple:
            dense = conjugated([self._dense(c) for c in cotangents])
            back = self._inputs_hooked(dense, perturbed.flags)
            return conjugated(tuple(back)), jnp.zeros_like(self.anchor)

        identity.defvjp(forward, backward, symbolic_zeros=True)
        watched = identity(tuple(args[i] for i in self.input_at), self.anchor)
        result = list(args)
        for at, value in zip(self.input_at, watched, strict=True):
            result[at] = value
        return tuple(result)

    def _inputs_hooked(self, grads: list[Any], seen: Sequence[bool]) -> list[Any]:
        """The gradients of the watched inputs after the hooks; ``seen`` says which are differentiated."""
        if self.grad_outputs is None:  # no gradient reached the outputs, or the hooks have run already
            return grads
        grad_input: list[Any] = [None] * self.n_inputs
        for at, value, shown in zip(self.input_at, grads, seen, strict=True):
            grad_input[at] = value if shown else None
        result = self._finish(tuple(grad_input))
        return [
            value if result[at] is None else jnp.asarray(result[at], value.dtype).reshape(value.shape)
            for at, value in zip(self.input_at, grads, strict=True)
        ]

    def _outputs_hooked(self, grads: list[Any], at: list[int], count: int) -> list[Any]:
        """The gradients of the outputs ``at``, of ``count`` outputs, after the hooks before the backward pass."""
        shown: list[Any] = [None] * count
        for i, value in zip(at, grads, strict=True):
            shown[i] = value
        current = tuple(shown)
        for hook in _alive(self.pre_hooks):
            replaced = hook(self.module(), current)
            if replaced is None:
                continue
            replaced = _as_tuple(replaced)
            if len(replaced) != len(current):
                raise ArgumentError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(replaced)}, but expected {len(current)}"
                )
            current = replaced
        self.grad_outputs = current
        if not self.differentiated_input:  # nothing to wait for: torch calls the hooks at once
            self._finish((None,) * self.n_inputs)
        return [
            jnp.asarray(current[i], value.dtype) if current[i] is not None else jnp.zeros_like(value)
            for i, value in zip(at, grads, strict=True)
        ]

    def _inputs_back(self, grads: list[Any], reached: Callable[[list[Any]], list[bool]]) -> list[Any]:
        return self._inputs_hooked(grads, reached(self.watched))

    @staticmethod
    def _dense(cotangent: Any) -> Any:
        if type(cotangent).__name__ == "SymbolicZero":
            return jnp.zeros(cotangent.shape, cotangent.dtype)
        return cotangent

    def wrap_outputs(self, result: object) -> Any:
        """The module's result, watched."""
        outputs = _as_tuple(result)
        if not isinstance(result, (jax.Array, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors"
                f" but received {type(result)}",
                stacklevel=4,
            )
            return result
        at = [i for i, a in enumerate(outputs) if _inexact(a)]
        if not at:
            return result

        @jax.custom_vjp
        def identity(ys: tuple, anchor: object) -> tuple:
            del anchor
            return ys

        def forward(ys: tuple, anchor: object) -> tuple:
            del anchor
            return ys, None

        def backward(_: None, cotangents: tuple) -> tuple:
            back = self._outputs_hooked(conjugated(list(cotangents)), at, len(outputs))
            return conjugated(tuple(back)), jnp.zeros_like(self.anchor)

        identity.defvjp(forward, backward)

        def back(grads: list[Any], reached: Callable[[list[Any]], list[bool]]) -> list[Any]:
            self.differentiated_input = any(reached(self.watched))
            return self._outputs_hooked(grads, at, len(outputs))

        chosen = [outputs[i] for i in at]
        scope = innermost.get()
        seen = None if scope is None else scope.hooked(chosen, back)
        watched = list(outputs)
        for i, value in zip(at, identity(tuple(chosen), self.anchor) if seen is None else seen, strict=True):
            watched[i] = value
        return tuple(watched) if isinstance(result, tuple) else watched[0]


def run_hooks(box: object, grad: Any) -> Any:
    """The gradient of a parameter after the parameter's own hooks."""
    for hook in (getattr(box, "_grad_hooks", None) or {}).values():
        replaced = hook(grad)
        if replaced is not None:
            grad = to_array(replaced)
    return grad


def add_gradient(box: Any, grad: Any, finished: bool = True) -> None:
    """Adds to ``box.grad`` what a backward pass has found.

    Args:
        box: a Parameter.
        grad: the gradient, after the parameter's own hooks.
        finished: whether nothing more comes, so that the hooks run which wait for this.
    """
    before = box.grad
    box.grad = grad if before is None else before + grad
    if finished:
        run_post_hooks(box)


def run_post_hooks(box: Any) -> None:
    """Calls the hooks that wait until a parameter's ``.grad`` has been added to."""
    for hook in list((box._post_hooks or {}).values()):
        hook(box)


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(module, args)`` before every module's forward."""
    return register(global_forward_pre_hooks, hook)


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Calls ``hook(module, args, output)`` after every module's forward."""
    flags = [global_forward_hooks_with_kwargs] * with_kwargs + [global_forward_hooks_always_called] * always_call
    return register(global_forward_hooks, hook, *flags)


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(module, grad_input, grad_output)`` in the backward pass of every module."""
    return register_backward(global_backward_hooks, hook)


register_module_backward_hook = register_module_full_backward_hook


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(module, grad_output)`` before the backward pass of every module."""
    return register_backward(global_backward_pre_hooks, hook)


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(module, name, buffer)`` when a buffer is registered; a result replaces the buffer."""
    return register(buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(module, name, submodule)`` when a submodule is registered; a result replaces it."""
    return register(module_registration_hooks, hook)


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(module, name, parameter)`` when a parameter is registered; a result replaces it."""
    return register(parameter_registration_hooks, hook)
