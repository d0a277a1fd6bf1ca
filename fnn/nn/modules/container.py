"""Containers of modules: `Sequential`, `ModuleList`, `ModuleDict`."""

from __future__ import annotations

import operator
import warnings
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import chain
from typing import Any, Self, SupportsIndex, overload

from fnn.nn._module import Module, _indent
from fnn.state.scope import epoch
from fnn.typing import PyTree

__all__ = ["Container", "ModuleDict", "ModuleList", "Sequential"]


def position(index: SupportsIndex, size: int) -> int:
    """A list index, negative ones included, as one in ``range(size)``."""
    index = operator.index(index)
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of range")
    return index % size


def pairs(values: Iterable[Any], owner: str) -> Iterator[tuple[str, Any]]:
    """The key-value pairs of an iterable of pairs."""
    for n, pair in enumerate(values):
        if not isinstance(pair, Iterable):
            raise TypeError(f"{owner} update sequence element #{n} should be Iterable; is {type(pair).__name__}")
        pair = tuple(pair)
        if len(pair) != 2:
            raise ValueError(f"{owner} update sequence element #{n} has length {len(pair)}; 2 is required")
        yield pair


class Container(Module):
    """Deprecated name of a `Module` that is given its parts; subclass `Module` instead.

    Args:
        **kwargs: modules by name.

    Example:
        >>> import warnings
        >>> from fnn import nn
        >>> with warnings.catch_warnings(action="ignore"):
        ...     parts = nn.Container(first=nn.Linear(2, 3), second=nn.ReLU())
        >>> [name for name, _ in parts.named_children()]
        ['first', 'second']
    """

    def __init__(self, **kwargs: Any) -> None:
        warnings.warn(
            "`nn.Container` is deprecated. "
            "All of its functionality is now implemented in `nn.Module`. Subclass that instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__()
        for name, module in kwargs.items():
            self.add_module(name, module)


class _Numbered(Module):
    """What `Sequential` and `ModuleList` share: modules in order, under the names "0", "1", ..."""

    def _name_at(self, index: int) -> str:
        return list(self._modules)[position(index, len(self._modules))]

    def _renumber(self, modules: Iterable[Module]) -> None:
        self._modules = {str(i): module for i, module in enumerate(modules)}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, self._name_at(idx), module)

    def __delitem__(self, idx: int | slice) -> None:
        names = list(self._modules)[idx] if isinstance(idx, slice) else [self._name_at(idx)]
        self._renumber(module for name, module in self._modules.items() if name not in names)

    def append(self, module: Module) -> Self:
        """Adds a module at the end; returns the container."""
        self.add_module(str(len(self)), module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Removes and returns the module (or, for a slice, a container of the modules) at ``key``."""
        found = self[key]
        del self[key]
        return found

    def __getitem__(self, idx: int | slice) -> Any:
        raise TypeError(f"{type(self).__name__} defines no __getitem__")


class Sequential(_Numbered):
    """Modules in a chain: each is called with the output of the one before.

    Args:
        *args: modules, named "0", "1", ...; or one ``OrderedDict`` of named modules.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> model(jnp.ones((4, 2))).shape
        (4, 1)
        >>> model[:2]
        Sequential(
          (0): Linear(in_features=2, out_features=3, bias=True)
          (1): ReLU()
        )
    """

    @overload
    def __init__(self, *args: Module) -> None: ...

    @overload
    def __init__(self, arg: OrderedDict[str, Module], /) -> None: ...

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], OrderedDict) else enumerate(args)
        for name, module in named:
            self.add_module(str(name) if isinstance(name, int) else name, module)

    def forward(self, input: PyTree) -> Any:
        """Runs ``input`` through every module in turn."""
        for module in self._modules.values():
            input = module(input)
        return input

    @overload
    def __getitem__(self, idx: slice) -> Self: ...

    @overload
    def __getitem__(self, idx: int) -> Module: ...

    def __getitem__(self, idx: int | slice) -> Any:
        if isinstance(idx, slice):
            return type(self)(OrderedDict(list(self._modules.items())[idx]))
        return self._modules[self._name_at(idx)]

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *_sequential(other))

    def __iadd__(self, other: Sequential) -> Self:
        return self.extend(list(_sequential(other)))

    def __mul__(self, other: int) -> Sequential:
        return Sequential(*list(self) * _factor(self, other))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Self:
        return self.extend(list(self) * (_factor(self, other) - 1))

    def insert(self, index: int, module: Module) -> Self:
        """Puts a module before position ``index``; returns the container."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        n = len(self._modules)
        if not -n <= index <= n:
            raise IndexError(f"Index out of range: {index}")
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Adds modules at the end; returns the container."""
        for module in sequential:
            self.append(module)
        return self


def _sequential(other: object) -> Sequential:
    if not isinstance(other, Sequential):
        raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
    return other


def _factor(self: Sequential, other: object) -> int:
    if not isinstance(other, int):
        raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(other)}")
    if other <= 0:
        raise ValueError(f"Non-positive multiplication factor {other} for {type(self)}")
    return other


class ModuleList(_Numbered):
    """A list of modules; it is not called itself.

    Args:
        modules: an iterable of modules.

    Example:
        >>> from fnn import nn
        >>> nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
        ModuleList(
          (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
        )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self += modules

    @overload
    def __getitem__(self, idx: slice) -> Self: ...

    @overload
    def __getitem__(self, idx: int) -> Module: ...

    def __getitem__(self, idx: int | slice) -> Any:
        if isinstance(idx, slice):
            return type(self)(list(self._modules.values())[idx])
        return self._modules[str(position(idx, len(self)))]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def insert(self, index: int, module: Module) -> None:
        """Puts a module before position ``index``, which may be negative."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)

    def extend(self, modules: Iterable[Module]) -> Self:
        """Adds modules at the end; returns the container."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"ModuleList.extend should be called with an iterable, but got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def __repr__(self) -> str:
        runs: list[tuple[int, list[str]]] = []  # equal neighbours are printed once
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][1][0] == text:
                runs[-1][1].append(text)
            else:
                runs.append((i, [text]))
        if not runs:
            return f"{self._get_name()}()"
        lines = []
        for start, texts in runs:
            n = len(texts)
            lines.append(f"({start}): {texts[0]}" if n == 1 else f"({start}-{start + n - 1}): {n} x {texts[0]}")
        return f"{self._get_name()}(\n  " + "\n  ".join(map(_indent, lines)) + "\n)"


class ModuleDict(Module):
    """A dict of modules, in order of insertion; it is not called itself.

    Args:
        modules: a mapping, or an iterable of pairs, of names and modules.

    Example:
        >>> from fnn import nn
        >>> choices = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.ReLU()})
        >>> choices["b"]
        ReLU()
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]
        epoch.structure += 1

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Removes all modules."""
        self._modules.clear()
        epoch.structure += 1

    def pop(self, key: str) -> Module:
        """Removes the module called ``key`` and returns it."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._modules.keys()

    def items(self) -> ItemsView[str, Module]:
        """The names with their modules."""
        return self._modules.items()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Mapping[str, Module] | ModuleDict | Iterable[tuple[str, Module]]) -> None:
        """Adds modules from a mapping or from pairs, overwriting those of the same name."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                "ModuleDict.update should be called with an "
                f"iterable of key/value pairs, but got {type(modules).__name__}"
            )
        source: Any = modules
        named = source.items() if isinstance(source, (Mapping, ModuleDict)) else pairs(source, "ModuleDict")
        for name, module in named:
            self[name] = module
