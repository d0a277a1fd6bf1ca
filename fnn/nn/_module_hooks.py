"""The hook registrars of `Module`, and the call that runs hooks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, cast

from fnn.errors import ArgumentError
from fnn.nn._tables import Tables
from fnn.state import hooks
from fnn.state.hooks import RemovableHandle, register, register_backward


class HookRegistrars(Tables):
    """Part of `Module`: everything about hooks."""

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(module, args)`` before forward; a result replaces the arguments.

        Args:
            hook: with ``with_kwargs``, ``hook(module, args, kwargs)`` returning None or ``(args, kwargs)``.
            prepend: whether it runs before the hooks that are there.
            with_kwargs: whether it is given the keyword arguments.
        """
        flags = [self._forward_pre_hooks_with_kwargs] * with_kwargs
        return register(self._forward_pre_hooks, hook, *flags, prepend=prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(module, args, output)`` after forward; a result replaces the output.

        Args:
            hook: with ``with_kwargs``, ``hook(module, args, kwargs, output)``.
            prepend: whether it runs before the hooks that are there.
            with_kwargs: whether it is given the keyword arguments.
            always_call: whether it runs even if forward raised.
        """
        flags = [self._forward_hooks_with_kwargs] * with_kwargs + [self._forward_hooks_always_called] * always_call
        return register(self._forward_hooks, hook, *flags, prepend=prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(module, grad_output)`` in the backward pass; a result replaces ``grad_output``."""
        return register_backward(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(module, grad_input, grad_output)`` in the backward pass; a result replaces ``grad_input``.

        ``grad_input`` holds one entry per positional argument, None where that argument is not differentiated.
        """
        if self._is_full_backward_hook is False:
            raise ArgumentError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. "
                "Please use only one of them."
            )
        self._is_full_backward_hook = True
        return register_backward(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """The deprecated form of `register_full_backward_hook`; here both see the true gradients."""
        if self._is_full_backward_hook is True:
            raise ArgumentError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. "
                "Please use only one of them."
            )
        self._is_full_backward_hook = False
        return register_backward(self._backward_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(module, prefix, keep_vars)`` before ``state_dict``."""
        return register(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(module, state_dict, prefix, local_metadata)`` after ``state_dict``; it returns None."""
        cast(Any, hook)._from_public_api = True
        return register(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        if getattr(hook, "_from_public_api", False):
            raise ArgumentError(
                "Cannot register the same function as the state dict post hook that was previously registered via "
                "register_state_dict_post_hook"
            )
        return register(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook`` before loading.

        Its arguments are ``module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors``.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        handle = register(self._load_state_dict_pre_hooks, hook)
        self._load_state_dict_pre_hooks[handle.id] = _LoadPreHook(hook, self if with_module else None)
        return handle

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(module, incompatible_keys)`` after loading; it may edit the two lists of keys."""
        return register(self._load_state_dict_post_hooks, hook)

    # -- running them -------------------------------------------------------------------------------------

    def _call_with_hooks(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        run = _HookedCall(self, args, kwargs)
        try:
            return run()
        except Exception:
            run.call_the_rest()
            raise


class _LoadPreHook:
    """A load_state_dict pre-hook, bound to its module or not."""

    def __init__(self, hook: Callable, module: Any) -> None:
        self.hook, self.module = hook, module

    def __call__(self, *args: object) -> Any:
        return self.hook(*args) if self.module is None else self.hook(self.module, *args)


class _HookedCall:
    """One call of a module with hooks."""

    def __init__(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self.module, self.args, self.kwargs = module, args, kwargs
        self.result: Any = None
        self.called: set[int] = set()

    def __call__(self) -> Any:
        module = self.module
        for id_, hook in (*hooks.global_forward_pre_hooks.items(), *module._forward_pre_hooks.items()):
            self._pre(id_, hook)
        backward = None
        own = [*hooks.global_backward_hooks.values(), *module._backward_hooks.values()]
        pre_hooks = [*hooks.global_backward_pre_hooks.values(), *module._backward_pre_hooks.values()]
        if own or pre_hooks:
            backward = hooks.BackwardHook(module, own, pre_hooks)
            self.args = backward.wrap_inputs(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        for id_, hook in (*hooks.global_forward_hooks.items(), *module._forward_hooks.items()):
            self._post(id_, hook)
        if backward is not None:
            self.result = backward.wrap_outputs(self.result)
        return self.result

    def _pre(self, id_: int, hook: Callable) -> None:
        if id_ not in self.module._forward_pre_hooks_with_kwargs:
            replaced = hook(self.module, self.args)
            if replaced is not None:
                self.args = replaced if isinstance(replaced, tuple) else (replaced,)
            return
        replaced = hook(self.module, self.args, self.kwargs)
        if replaced is not None:
            if not (isinstance(replaced, tuple) and len(replaced) == 2):
                raise ArgumentError(
                    f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {replaced}."
                )
            self.args, self.kwargs = replaced

    def _post(self, id_: int, hook: Callable) -> None:
        module = self.module
        if id_ in module._forward_hooks_always_called or id_ in hooks.global_forward_hooks_always_called:
            self.called.add(id_)
        if id_ in module._forward_hooks_with_kwargs or id_ in hooks.global_forward_hooks_with_kwargs:
            replaced = hook(module, self.args, self.kwargs, self.result)
        else:
            replaced = hook(module, self.args, self.result)
        if replaced is not None:
            self.result = replaced

    def call_the_rest(self) -> None:
        """After an exception: the ``always_call`` hooks that have not run."""
        tables = (
            (hooks.global_forward_hooks, hooks.global_forward_hooks_always_called),
            (self.module._forward_hooks, self.module._forward_hooks_always_called),
        )
        for table, always in tables:
            for id_, hook in table.items():
                if id_ in always and id_ not in self.called:
                    try:
                        self._post(id_, hook)
                    except Exception as error:
                        warnings.warn(
                            "module forward hook with ``always_call=True`` raised an exception that was silenced "
                            f"as another error was raised in forward: {error}",
                            stacklevel=4,
                        )
