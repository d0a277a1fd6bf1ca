"""The submodules, parameters and buffers of a Module: by dotted path, and one after the other."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from fnn.errors import ArgumentError
from fnn.nn._tables import Tables
from fnn.state.parameter import Buffer, Parameter

if TYPE_CHECKING:
    from fnn.nn._module import Module

_T = TypeVar("_T", bound="Traversal")


class Traversal(Tables):
    """Part of `Module`: what there is below it."""

    # -- access by path ---------------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """The submodule at a dotted path; ``""`` is this module.

        Raises:
            AttributeError: the path leads nowhere, or to something that is no Module.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            part = getattr(module, name)
            if not isinstance(part, Traversal):
                raise AttributeError(f"`{name}` is not an nn.Module")
            module = part
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Replaces (or, unless ``strict``, adds) the submodule at a dotted path."""
        if target == "":
            raise ArgumentError("Cannot set the submodule without a target name!")
        if not isinstance(module, Traversal):
            raise ArgumentError(f"`module` is not an nn.Module, found {type(module)}")
        *path, name = target.split(".")
        parent = self.get_submodule(".".join(path))
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Traversal):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        return self._get_box(target, Parameter, "_parameters", "nn.Parameter")

    def get_buffer(self, target: str) -> Buffer:
        """The buffer at a dotted path."""
        return self._get_box(target, Buffer, "_buffers", "buffer")

    def _get_box(self, target: str, kind: type, table: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        box = getattr(module, name)
        if not isinstance(box, kind) or name not in module.__dict__[table]:
            raise AttributeError(f"`{name}` is not {'an' if what[0] == 'n' else 'a'} {what}")
        return box

    # -- traversal ----------------------------------------------------------------------------------------

    def _named_members(
        self, members: Callable[[Module], Any], prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        memo: set[int] = set()
        here: Any = self
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, here)]
        for path, module in modules:
            for name, box in members(module):
                if box is None or id(box) in memo:
                    continue
                if remove_duplicate:
                    memo.add(id(box))
                yield f"{path}.{name}" if path else name, box

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yields ``(name, parameter)``, each parameter once."""
        yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yields the parameters, each once."""
        for name, parameter in self.named_parameters(recurse=recurse):
            if not parameter._names:
                parameter._names = (name,)  # by which an optimizer finds its gradient
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Buffer]]:
        """Yields ``(name, buffer)``, each buffer once."""
        yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Buffer]:
        """Yields the buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yields ``(name, submodule)`` of this level."""
        memo = set()
        for name, module in self._modules.items():
            if module is not None and module not in memo:
                memo.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yields the submodules of this level."""
        for _, module in self.named_children():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yields ``(path, module)`` for this module and all below it."""
        memo = set() if memo is None else memo
        here: Any = self
        if here in memo:
            return
        if remove_duplicate:
            memo.add(here)
        yield prefix, here
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Yields this module and all below it."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def apply(self: _T, fn: Callable[[Module], None]) -> _T:
        """Calls ``fn`` on every submodule, then on this module; for initialisation."""
        for module in self.children():
            module.apply(fn)
        here: Any = self
        fn(here)
        return self


for _name, _method in vars(Traversal).items():  # as PyTorch shows them: <generator object Module.parameters at 0x...>
    if inspect.isgeneratorfunction(_method) and not _name.startswith("_"):
        _method.__qualname__ = f"Module.{_name}"
