"""Utilities around a model.

`data` feeds it, `checkpoint` saves memory and `compilation_cache` time, `hub` fetches its weights, `tensorboard` and
`visdom` show its training; `fnn.summary` shows itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fnn.utils import checkpoint, compilation_cache, data, hub, tensorboard, visdom

__all__ = ["checkpoint", "compilation_cache", "data", "hub", "tensorboard", "visdom"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"fnn.utils.{name}")
    raise AttributeError(f"module 'fnn.utils' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
