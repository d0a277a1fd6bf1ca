"""``torch.nn`` for JAX: Modules, Parameters, containers and every layer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fnn.nn import functional, init, modules, parameter, utils
from fnn.nn.modules import *
from fnn.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

if TYPE_CHECKING:
    from fnn.nn import attention, common_types, grad, parallel
    from fnn.nn.parallel import DataParallel

_LATE = ("attention", "common_types", "grad", "parallel")  # imported when first asked for

__all__ = [
    "Buffer",
    "DataParallel",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "attention",
    "common_types",
    "factory_kwargs",
    "functional",
    "grad",
    "init",
    "modules",
    "parallel",
    "parameter",
    "utils",
]
__all__ += modules.__all__


def factory_kwargs(kwargs: dict | None) -> dict:
    """The ``device`` and ``dtype`` among a constructor's keyword arguments, for handing on.

    Args:
        kwargs: with no keys but ``device``, ``dtype``, ``memory_format`` and ``factory_kwargs`` (a dict of these).

    Returns:
        A dict with the ones that are there.

    Raises:
        TypeError: another key, or one that is given twice.

    Example:
        >>> from fnn import nn
        >>> nn.factory_kwargs({"dtype": "float16"})
        {'dtype': 'float16'}
    """
    if kwargs is None:
        return {}
    simple = {"device", "dtype", "memory_format"}
    unknown = kwargs.keys() - simple - {"factory_kwargs"}
    if unknown:
        raise TypeError(f"unexpected kwargs {unknown}")
    inner = dict(kwargs.get("factory_kwargs", {}))
    twice = simple & kwargs.keys() & inner.keys()
    if twice:
        raise TypeError(f"{min(twice)} specified twice, in **kwargs and in factory_kwargs")
    return inner | {name: kwargs[name] for name in simple if name in kwargs}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return import_module(f"fnn.nn.{name}")
    if name == "DataParallel":
        value = globals()[name] = import_module("fnn.nn.parallel").DataParallel
        return value
    raise AttributeError(f"module 'fnn.nn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
