"""What passes between a loader and its workers, as bytes and buffers.

Down to the workers go the dataset and the user's functions, by cloudpickle: classes and functions of ``__main__``, of
a notebook and of the user's own modules (those that are not installed) travel by value, so that a worker imports
neither the main script nor, with a module that happens to import it, JAX.  Up come batches, by plain pickle with the
arrays' memory out of band.  JAX arrays and fnn's Parameters travel as numpy arrays in both directions, and a memory
map as the name of its file.
"""

import functools
import importlib
import io
import mmap
import os
import pickle
import random
import site
import sys
import sysconfig
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from fnn import host_random
from fnn.errors import ArgumentTypeError
from fnn.utils.data._deferred import module as deferred_module
from fnn.utils.data._deferred import reduce_jax

__all__ = ["NEEDS_CLOUDPICKLE", "dump_batch", "dump_for_workers", "dump_inline", "load"]

NEEDS_CLOUDPICKLE: Final = (
    "DataLoader: {what} is defined in {module}, where worker processes cannot import it from. Either install "
    "cloudpickle (pip install fnn[data]), which sends it to them, or define it at the top of a module that can be "
    "imported without side effects."
)

Packed = tuple[bytes, list[pickle.PickleBuffer]]


def load(body: bytes, buffers: Sequence[Any]) -> Any:
    """What was dumped."""
    return pickle.loads(body, buffers=buffers)


# -- arrays -----------------------------------------------------------------------------------------


def _reduce_array(obj: Any) -> Any:
    """How an array travels; NotImplemented for other objects and where numpy's own way is right."""
    kind = type(obj)
    for place, instance in _GLOBAL_GENERATORS:
        if obj is instance:  # ``from random import shuffle`` holds it: a worker's is the one that was seeded there
            return _resolve, place
    if isinstance(obj, np.ndarray):
        if isinstance(obj, np.memmap):
            place = _file_of(obj)
            return (_open_memmap, place) if place else NotImplemented
        if kind is np.ndarray and not (obj.flags.c_contiguous or obj.flags.f_contiguous) and not obj.dtype.hasobject:
            return np.ascontiguousarray(obj).__reduce_ex__(5)  # numpy itself would put it in band
        return NotImplemented
    if hasattr(kind, "__jax_array__") and kind.__module__.startswith("fnn."):
        return _as_numpy, (np.asarray(obj),)
    jax = sys.modules.get("jax")
    if jax is None or not isinstance(obj, jax.Array):
        return NotImplemented
    if jax.dtypes.issubdtype(obj.dtype, jax.dtypes.prng_key):
        return _wrap_key, (np.asarray(jax.random.key_data(obj)), str(jax.random.key_impl(obj)))
    return _as_numpy, (np.asarray(obj),)


def _wrap_key(data: Any, implementation: str) -> Any:
    import jax  # a key is of no use without

    return jax.random.wrap_key_data(data, impl=implementation)


_GLOBAL_GENERATORS: Final = tuple(
    ((module.__name__, name), vars(module)[name])
    for module, name in ((random, "_inst"), (np.random.mtrand, "_rand"), (host_random, "default_generator"))
)


def _resolve(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _as_numpy(array: np.ndarray) -> np.ndarray:
    return array


def _file_of(array: np.memmap) -> tuple[Any, ...] | None:
    """What it takes to map the same part of the file again; None where that would not give the same numbers."""
    root: Any = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not isinstance(root, np.memmap) or not isinstance(root.base, mmap.mmap) or root.mode not in ("r", "r+", "w+"):
        return None  # no file behind it, or pages of its own (mode "c")
    name = root.filename
    if name is None or not array.flags.c_contiguous or not os.path.exists(name):
        return None
    offset = root.offset + array.ctypes.data - root.ctypes.data
    return os.fspath(name), array.dtype, "r" if root.mode == "r" else "r+", offset, array.shape


def _open_memmap(name: str, dtype: np.dtype, mode: Any, offset: int, shape: tuple[int, ...]) -> np.memmap:
    return np.memmap(name, dtype, mode, offset, shape)


# -- up: batches ------------------------------------------------------------------------------------


class _BatchPickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, (type, types.FunctionType)):
            return _reduce_definition(obj)
        return _reduce_array(obj)


def dump_batch(batch: object) -> Packed:
    """A batch, in a worker."""
    file, buffers = io.BytesIO(), []
    _BatchPickler(file, 5, buffer_callback=buffers.append).dump(batch)
    return file.getvalue(), buffers


def dump_inline(value: object) -> bytes:
    """Something small, such as a list of indices."""
    file = io.BytesIO()
    _BatchPickler(file, 5).dump(value)
    return file.getvalue()


def _reduce_definition(obj: Any) -> Any:
    """A class that came down by value goes up by name: the loader's process has the original."""
    module, name = obj.__module__, obj.__qualname__
    found: Any = sys.modules.get(module)
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        found = None
    if found is obj and module != "__main__":
        return NotImplemented
    return _definition, (_tracker("_DYNAMIC_CLASS_TRACKER_BY_CLASS").get(obj), module, name)


def _definition(tracked: str | None, module: str, name: str) -> Any:
    found = _tracker("_DYNAMIC_CLASS_TRACKER_BY_ID").get(tracked) if tracked else None
    if found is None:
        found = sys.modules.get(module) or importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    return found


def _tracker(name: str) -> Any:
    """The record that cloudpickle keeps of the classes that it has sent or received by value."""
    return getattr(sys.modules.get("cloudpickle.cloudpickle"), name, {})


# -- down: the dataset and the user's functions -----------------------------------------------------


def dump_for_workers(what: object) -> Packed:
    """The dataset and the functions, in the loader's process.

    Raises:
        ArgumentTypeError: for what cannot be pickled.
        ImportError: for what only cloudpickle can send, where that is not installed.
    """
    pickler = _cloud_pickler()
    if pickler is None:
        attempts: list[Callable[[], Packed]] = [lambda: _dump(_PlainPickler, what)]
    else:
        attempts = [lambda: _dump_by_value(pickler, what), lambda: _dump(pickler, what)]
    errors: list[Exception] = []
    for attempt in attempts:
        try:
            return attempt()
        except ImportError:
            raise
        except Exception as error:
            errors.append(error)
    raise ArgumentTypeError(
        "DataLoader: the dataset, collate_fn or worker_init_fn cannot be sent to worker processes: "
        f"{type(errors[0]).__name__}: {errors[0]}. What cannot be pickled (an open file, a lock, a connection) is "
        "best made in the worker, when it is first used."
    ) from errors[0]


def _dump(pickler: type[pickle.Pickler], what: object) -> Packed:
    file, buffers = io.BytesIO(), []
    pickler(file, 5, buffer_callback=buffers.append).dump(what)
    return file.getvalue(), buffers


class _PlainPickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, (type, types.FunctionType)):
            if obj.__module__ == "__main__" or "<" in obj.__qualname__:
                raise ImportError(NEEDS_CLOUDPICKLE.format(what=obj.__qualname__, module=obj.__module__))
            return NotImplemented
        return _reduce_array(obj)


_by_value_lock = threading.RLock()  # cloudpickle's register is the process's
_by_value: list[types.ModuleType] | None = None


def _dump_by_value(pickler: type[pickle.Pickler], what: object) -> Packed:
    global _by_value
    import cloudpickle

    with _by_value_lock:
        _by_value = registered = []
        try:
            return _dump(pickler, what)
        finally:
            _by_value = None
            for module in registered:
                cloudpickle.unregister_pickle_by_value(module)


@functools.cache
def _cloud_pickler() -> type[pickle.Pickler] | None:
    try:
        import cloudpickle
    except ImportError:
        return None

    class CloudPickler(cloudpickle.CloudPickler):
        def reducer_override(self, obj: object) -> Any:
            reduced = _reduce_array(obj)
            if reduced is NotImplemented:
                reduced = reduce_jax(obj)
            if reduced is not NotImplemented:
                return reduced
            if isinstance(obj, (type, types.FunctionType)):
                module = sys.modules.get(obj.__module__ or "")
                if _by_value is not None and module is not None and _is_users(module):
                    if module.__name__ not in cloudpickle.list_registry_pickle_by_value():
                        cloudpickle.register_pickle_by_value(module)
                        _by_value.append(module)
            elif isinstance(obj, types.ModuleType) and obj.__name__ in sys.modules and obj.__name__ != "__main__":
                return deferred_module, (obj.__name__,)  # a module as such is never sent by value
            elif isinstance(obj, types.CodeType):  # cloudpickle forgets the file, and a traceback should name it
                return _code_of_file, (obj.co_filename, *self.dispatch_table[types.CodeType](obj))
            return super().reducer_override(obj)

    return CloudPickler


def _code_of_file(name: str, make: Callable[..., types.CodeType], arguments: tuple[Any, ...]) -> types.CodeType:
    return make(*arguments).replace(co_filename=name)


def _is_users(module: types.ModuleType) -> bool:
    """Whether a module is neither of the standard library nor installed nor part of fnn."""
    name, path = module.__name__, getattr(module, "__file__", None)
    return name != "__main__" and path is not None and _is_users_file(name.partition(".")[0], os.path.abspath(path))


@functools.cache
def _is_users_file(package: str, path: str) -> bool:
    if package == "fnn" or path.startswith("<"):
        return False
    if not {"site-packages", "dist-packages"}.isdisjoint(path.split(os.sep)):
        return False
    homes = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    homes.append(site.getusersitepackages())
    return not any(home and path.startswith(os.path.abspath(home) + os.sep) for home in homes)
