"""A Visdom client that takes fnn arrays, Parameters and Buffers.

The client itself turns torch tensors into numpy arrays and takes anything else as it comes.  Arrays and Parameters
convert themselves in most of its plots, but not in all (a picture of uint8; a number in ``opts``).  `Visdom`, the
class made here on first use, turns all of them into numpy arrays first.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from fnn.typing import PyTree
from fnn.utils._host import to_host

NEEDS_VISDOM = (
    "fnn.utils.visdom needs the visdom client, whose setup asks for an old setuptools: "
    'pip install "setuptools<80" wheel, then pip install --no-build-isolation visdom'
)


def _taking_arrays(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapper(self: object, *args: object, **kwargs: object) -> Any:
        args, kwargs = _plain(to_host((args, kwargs), f"Visdom.{method.__name__}"))
        return method(self, *args, **kwargs)

    return wrapper


def _plain(tree: PyTree) -> Any:
    """Arrays without axes as numbers."""
    if isinstance(tree, dict):
        return {key: _plain(value) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(map(_plain, tree))
    return tree.item() if isinstance(tree, np.ndarray) and tree.ndim == 0 else tree


@functools.cache
def _client() -> type:
    try:
        base = import_module("visdom").Visdom
    except ImportError as error:
        raise ImportError(NEEDS_VISDOM) from error
    methods = inspect.getmembers(base, inspect.isfunction)
    wrapped = {name: _taking_arrays(method) for name, method in methods if not name.startswith("_")}
    text = "``visdom.Visdom``, which takes arrays, Parameters and Buffers wherever it takes torch tensors."
    return type("Visdom", (base,), {"__doc__": text, "__module__": __name__, **wrapped})


def __getattr__(name: str) -> Any:
    if name == "Visdom":
        return _client()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
