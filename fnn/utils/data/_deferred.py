"""Stand-ins, in a worker, for modules that it has not imported, and for what belongs to JAX.

The code of a dataset often names JAX (an annotation, a constructor that is not called again) without using it where the
samples are loaded.  The stand-ins let such code arrive without an import; one that is used after all becomes the real
thing, on the CPU.
"""

import copyreg
import importlib
import sys
import types
from typing import Any

import numpy as np

__all__ = ["module", "reduce_jax"]

_PACKAGES = frozenset({"jax", "jaxlib"})


class _DeferredModule(types.ModuleType):
    """A module that is imported when one of its attributes is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)  # what introspection looks for
        value = getattr(importlib.import_module(self.__name__), name)
        self.__dict__[name] = value
        return value


def module(name: str) -> types.ModuleType:
    """A module by name, imported only if it is used."""
    loaded = sys.modules.get(name)
    return _DeferredModule(name) if loaded is None else loaded


class Deferred:
    """A class or function of JAX that is imported when it is used; nothing is an instance of it before."""

    def __init__(self, module: str, name: str) -> None:
        self._place = module, name

    def _resolve(self) -> Any:
        module, name = self._place
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found

    def __call__(self, *args: object, **kwargs: object) -> Any:
        return self._resolve()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return getattr(self._resolve(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return self._place[0].partition(".")[0] in sys.modules and isinstance(instance, self._resolve())

    def __or__(self, other: object) -> Any:
        return self  # in an annotation

    __ror__ = __or__

    def __reduce__(self) -> Any:
        return _real, self._place


def _real(module: str, name: str) -> Any:
    return Deferred(module, name)._resolve()


def reduce_jax(obj: object) -> Any:
    """How a class, a function or an object of JAX's (arrays apart) is pickled; NotImplemented for what is not JAX's."""
    place = _place_of(obj)
    if place is not None:
        dtype = getattr(obj, "dtype", None)
        return (_same, (dtype.type,)) if isinstance(dtype, np.dtype) else (Deferred, place)  # jnp.float32 is np.float32
    place = None if isinstance(obj, type) else _place_of(type(obj))
    if place is None:
        return NotImplemented
    reduced = obj.__reduce_ex__(5)
    if isinstance(reduced, tuple) and reduced[0] is copyreg.__newobj__:  # type: ignore[attr-defined]
        return _new_object, (*place, *reduced[1][1:]), *reduced[2:]  # which wants a class, not a stand-in
    return reduced


def _same(value: object) -> Any:
    return value


def _new_object(module: str, name: str, *args: object) -> Any:
    kind = _real(module, name)
    return kind.__new__(kind, *args)


def _place_of(obj: object) -> tuple[str, str] | None:
    """The place of a class or function of JAX; None for other objects."""
    home, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    if not isinstance(home, str) or not isinstance(name, str) or home.partition(".")[0] not in _PACKAGES:
        return None
    for path in (name, name.rpartition(".")[2]):  # jax.Array calls itself jax.jaxlib._jax.Array
        found: Any = sys.modules.get(home)
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is obj:
            return home, path
    return None
