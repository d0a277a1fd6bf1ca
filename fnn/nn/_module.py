"""`Module`: torch.nn.Module's surface over boxes.

The parts stand in files of their own: registration and the call here; submodules, parameters and buffers by path and
one after the other in `_traversal`; hooks in `_module_hooks`; ``state_dict`` in `_state_dict`; devices and dtypes in
`_movement`.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.late import lookup
from fnn.nn._module_hooks import HookRegistrars
from fnn.nn._movement import Movement
from fnn.nn._state_dict import StateDict
from fnn.nn._traversal import Traversal
from fnn.state import hooks
from fnn.state.box import Box, type_name
from fnn.state.describe import module_print
from fnn.state.parameter import Buffer, Parameter
from fnn.state.paths import entered, listener, noted
from fnn.state.scope import assigning, born, epoch, innermost, watched_names
from fnn.state.watch import always, recorder
from fnn.tracing import tracing

__all__ = ["Module"]

_M = TypeVar("_M", bound="Module")
P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class _Forwarding(Protocol[P, R]):
    """What has a ``forward`` with these arguments and this result."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R: ...


class _IncompatibleName(ArgumentError, KeyError):
    """A name that cannot be registered; torch raises KeyError."""

    __str__ = Exception.__str__


class Module(HookRegistrars, StateDict, Movement, Traversal):
    r"""Base class of all networks.

    Subclass it, assign `Parameter`\ s, `Buffer`\ s and other Modules to attributes in ``__init__`` (after
    ``super().__init__()``), and define ``forward``.  The API is that of ``torch.nn.Module``.  Modules hold
    state, JAX functions do not; use `fnn.jit`, `fnn.value_and_grad`, ... on functions that take or close over
    Modules.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> class Scale(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.factor = nn.Parameter(jnp.full((1,), 3.0))
        ...     def forward(self, x):
        ...         return self.factor * x
        >>> Scale()(jnp.arange(3.0))
        Array([0., 3., 6.], dtype=float32)
    """

    dump_patches: bool = False
    call_super_init: bool = False

    _modules: dict[str, Any]  # of Module, or None
    _compiled_call_impl: Callable | None = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        if not self.call_super_init:
            if kwargs:
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given"
                )
        # One update of __dict__: nothing here needs the checks of __setattr__.
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _modules={},
            _backward_pre_hooks=OrderedDict(),
            _backward_hooks=OrderedDict(),
            _is_full_backward_hook=None,
            _forward_hooks=OrderedDict(),
            _forward_hooks_with_kwargs=OrderedDict(),
            _forward_hooks_always_called=OrderedDict(),
            _forward_pre_hooks=OrderedDict(),
            _forward_pre_hooks_with_kwargs=OrderedDict(),
            _state_dict_hooks=OrderedDict(),
            _state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_post_hooks=OrderedDict(),
        )
        born(self)
        told = recorder.get()
        if told is not None:
            told.born(self)
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # -- the call -------------------------------------------------------------------------------------

    def forward(self, *input: Any, **kwargs: Any) -> Any:
        """Computes the output; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self: _Forwarding[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the hooks and ``forward``; a type checker takes it for ``forward``."""
        module: Any = self
        if module._compiled_call_impl is not None and innermost.get() is None:
            return module._compiled_call_impl(*args, **kwargs)
        try:
            if tracing():
                with entered(module):
                    told = listener.get()
                    if told is None:
                        return module._forwarded(args, kwargs)
                    told.entered(module, (args, kwargs))
                    output = module._forwarded(args, kwargs)
                    told.left(module, output)
                    return output
            return module._forwarded(args, kwargs)
        except Exception as error:
            noted(error, module, args, kwargs)
            raise

    def _forwarded(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        if not (
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
            or hooks.global_forward_hooks
            or hooks.global_forward_pre_hooks
            or hooks.global_backward_hooks
            or hooks.global_backward_pre_hooks
        ):
            return self.forward(*args, **kwargs)
        return self._call_with_hooks(args, kwargs)

    def _call_impl(self, *args: object, **kwargs: object) -> Any:
        return self.__call__(*args, **kwargs)

    def compile(self, *args: object, **kwargs: object) -> None:
        """Makes calls of this module run under `fnn.jit`; arguments are those of `fnn.jit`."""
        self._compiled_call_impl = lookup("jit")(self._call_impl, *args, **kwargs)

    # -- registration ---------------------------------------------------------------------------------

    def _check_name(self, name: object, kind: str, table: dict[str, Any]) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise ArgumentTypeError(f"{kind} name should be a string. Got {type_name(name)}")
        if "." in name:
            raise _IncompatibleName(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise _IncompatibleName(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in table:
            raise _IncompatibleName(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter, reachable as the attribute ``name``.

        Args:
            name: without dots, not an existing attribute.
            param: the `Parameter`, or None for an absent one (not part of ``state_dict``).
        """
        self._check_name(name, "parameter", self.__dict__.get("_parameters", {}))
        if param is not None and not isinstance(param, Parameter):
            raise ArgumentTypeError(
                f"cannot assign '{type_name(param)}' object to parameter '{name}' (fnn.nn.Parameter or None required)"
            )
        if param is not None:
            param = hooks.filtered(hooks.parameter_registration_hooks, self, name, param)
        assigning(self, self._parameters, name, param)
        self._parameters[name] = param
        epoch.structure += 1

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Adds a buffer, reachable as the attribute ``name``.

        Args:
            name: without dots, not an existing attribute.
            tensor: an array or a `Buffer`, or None for an absent one.
            persistent: whether it is part of ``state_dict``.
        """
        self._check_name(name, "buffer", self.__dict__.get("_buffers", {}))
        if tensor is not None and not isinstance(tensor, Buffer):
            if not hasattr(tensor, "dtype") or not hasattr(tensor, "shape") or isinstance(tensor, Parameter):
                raise ArgumentTypeError(
                    f"cannot assign '{type_name(tensor)}' object to buffer '{name}' "
                    "(an array, fnn.nn.Buffer or None required)"
                )
            tensor = Buffer(tensor, persistent=persistent)
        tensor = hooks.filtered(hooks.buffer_registration_hooks, self, name, tensor)
        if tensor is not None and not isinstance(tensor, Buffer):
            tensor = Buffer(tensor, persistent=persistent)
        assigning(self, self._buffers, name, tensor)
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)
        epoch.structure += 1

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule, reachable as the attribute ``name``."""
        if module is not None and not isinstance(module, Module):
            raise ArgumentTypeError(f"{type_name(module)} is not a Module subclass")
        self._check_name(name, "module", self.__dict__.get("_modules", {}))
        assigning(self, self._modules, name, None)
        self._modules[name] = hooks.filtered(hooks.module_registration_hooks, self, name, module)
        epoch.structure += 1

    def register_module(self, name: str, module: Module | None) -> None:
        """Alias of `add_module`."""
        self.add_module(name, module)

    def __getattr__(self, name: str) -> Any:
        tables = self.__dict__
        found = tables.get("_parameters")
        if found is not None:
            if name in found:
                scope = innermost.get()
                if scope is not None and scope.overrides is not None:
                    return scope.overrides.get((id(self), name), found[name])
                return found[name]
            if name in tables["_buffers"]:
                scope = innermost.get()
                if scope is not None and scope.overrides is not None:
                    return scope.overrides.get((id(self), name), tables["_buffers"][name])
                return tables["_buffers"][name]
            if name in tables["_modules"]:
                return tables["_modules"][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def _forget(self, name: str, *keep: str) -> None:
        for table in ("_parameters", "_buffers", "_modules"):
            if table not in keep and name in self.__dict__[table]:
                assigning(self, self.__dict__[table], name, None)
                del self.__dict__[table][name]
        if name in self.__dict__:
            assigning(self, self.__dict__, name, None)
            del self.__dict__[name]
        if "_buffers" not in keep:
            self._non_persistent_buffers_set.discard(name)

    def __setattr__(self, name: str, value: object) -> None:
        tables = self.__dict__
        parameters = tables.get("_parameters")
        if isinstance(value, Box) and parameters is not None and self._holds(name, value):
            return  # self.steps += 1 has written to the box already
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif parameters is None:
            if isinstance(value, Module):
                raise AttributeError("cannot assign module before Module.__init__() call")
            object.__setattr__(self, name, value)
        elif name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as parameter '{name}' (fnn.nn.Parameter or None expected); "
                    f"to change its value write {name}.data = ..."
                )
            assigning(self, parameters, name, None)
            parameters[name] = None
        elif isinstance(value, Module):
            self._forget(name, "_modules")
            assigning(self, tables["_modules"], name, None)
            tables["_modules"][name] = hooks.filtered(hooks.module_registration_hooks, self, name, value)
        elif name in tables["_modules"]:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as child module '{name}' (fnn.nn.Module or None expected)"
                )
            assigning(self, tables["_modules"], name, None)
            tables["_modules"][name] = hooks.filtered(hooks.module_registration_hooks, self, name, None)
        elif isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        elif name in tables["_buffers"]:
            self._assign_buffer(name, value)
            return  # a value, not a change of structure
        else:
            assigning(self, tables, name, value)
            before = tables.get(name)
            object.__setattr__(self, name, value)
            if name not in watched_names:
                return  # no compiled step depends on it
            if type(value) in (int, float) and type(before) is type(value):
                epoch.numbers += 1
                return
        epoch.structure += 1

    def _holds(self, name: str, box: Box) -> bool:
        if self._parameters.get(name) is box:
            return True
        buffer = self._buffers.get(name)
        persistent = name not in self._non_persistent_buffers_set
        return isinstance(buffer, Buffer) and buffer is box and buffer.persistent is persistent

    def _assign_buffer(self, name: str, value: Any) -> None:
        if value is None:
            assigning(self, self._buffers, name, None)
            self._buffers[name] = None
            epoch.structure += 1
            return
        if not isinstance(value, Box) and not (hasattr(value, "dtype") and hasattr(value, "shape")):
            raise TypeError(
                f"cannot assign '{type_name(value)}' as buffer '{name}' (an array, fnn.nn.Buffer or None expected)"
            )
        box = self._buffers[name]
        if box is None:
            self.register_buffer(name, value, name not in self._non_persistent_buffers_set)
        else:
            box.data = value

    def __delattr__(self, name: str) -> None:
        for table in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__[table]:
                assigning(self, self.__dict__[table], name, None)
                del self.__dict__[table][name]
                self._non_persistent_buffers_set.discard(name)
                break
        else:
            assigning(self, self.__dict__, name, None)
            object.__delattr__(self, name)
        epoch.structure += 1

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if not name[0].isdigit())

    # -- modes ----------------------------------------------------------------------------------------------

    def train(self: _M, mode: bool = True) -> _M:
        """Sets training mode, of dropout and batch norm for example, here and below."""
        if not isinstance(mode, bool):
            raise ArgumentError(f"training mode is expected to be boolean, got mode={mode!r}")
        if self.training is not mode:
            self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: _M) -> _M:
        """Sets evaluation mode: ``train(False)``."""
        return self.train(False)

    def requires_grad_(self: _M, requires_grad: bool = True) -> _M:
        """Sets ``requires_grad`` of every parameter."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears ``p.grad`` of every parameter."""
        for parameter in self.parameters():
            parameter._clear_grad(set_to_none)

    # -- printing -------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What ``repr`` shows of this module's own settings."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        children = [f"({name}): {_indent(repr(module))}" for name, module in self._modules.items()]
        lines = extra_lines + children
        if not lines:
            return f"{self._get_name()}()"
        if len(extra_lines) == 1 and not children:
            return f"{self._get_name()}({extra_lines[0]})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from fnn.nn import _display

        return _display.bundle(self)

    def __treescope_repr__(self, path: str | None, subtree_renderer: Callable[..., Any]) -> Any:
        from fnn.nn import _display

        return _display.rendering(self, path, subtree_renderer)

    def _fnn_gather(self, gather: Any) -> Any:
        return module_print(self, gather)

    # -- copying and pickling ---------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("_compiled_call_impl", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        epoch.structure += 1
        born(self)
        told = recorder.get()
        if told is not None:
            told.born(self)

    def _replicate_for_data_parallel(self) -> Module:
        warnings.warn("fnn shards arrays instead of replicating modules; see jax.sharding", stacklevel=2)
        return self


always.append(Module)


def _indent(text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *("  " + line for line in rest)])
