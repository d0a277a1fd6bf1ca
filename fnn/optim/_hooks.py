"""`Hooked`: the hooks of an optimizer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from fnn.state.hooks import RemovableHandle, register

__all__ = ["KINDS", "Hooked"]

KINDS = ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_pre", "load_post")


class Hooked:
    """The part of `Optimizer` that registers hooks."""

    _step_pre_hooks: OrderedDict[int, Callable]
    _step_post_hooks: OrderedDict[int, Callable]
    _state_dict_pre_hooks: OrderedDict[int, Callable]
    _state_dict_post_hooks: OrderedDict[int, Callable]
    _load_pre_hooks: OrderedDict[int, Callable]
    _load_post_hooks: OrderedDict[int, Callable]

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(optimizer, args, kwargs)`` before every step."""
        return register(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(optimizer, args, kwargs)`` after every step."""
        return register(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(optimizer)`` before `state_dict`."""
        return register(self._state_dict_pre_hooks, hook, prepend=prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(optimizer, state_dict)`` after `state_dict`; a result replaces it."""
        return register(self._state_dict_post_hooks, hook, prepend=prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(optimizer, state_dict)`` before `load_state_dict`; a result replaces it."""
        return register(self._load_pre_hooks, hook, prepend=prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(optimizer)`` after `load_state_dict`."""
        return register(self._load_post_hooks, hook, prepend=prepend)
