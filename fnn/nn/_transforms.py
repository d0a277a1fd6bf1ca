"""Access from this floor to the transforms of the floor above: `fnn.func` registers them here when imported."""

import importlib
from collections.abc import Callable

_registered: dict[str, Callable] = {}


def provide(name: str, transform: Callable) -> None:
    """Called by `fnn.func` for the transforms that Modules need by name."""
    _registered[name] = transform


def lookup(name: str) -> Callable:
    """The transform called ``name``; loads `fnn.func` if nothing has yet."""
    if name not in _registered:
        importlib.import_module("fnn.func")
    return _registered[name]
