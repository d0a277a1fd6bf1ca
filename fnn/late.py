"""Names that a lower floor needs at call time from a higher one, as ``Module.compile`` needs ``jit``.

The roof (``fnn/__init__.py``), which every import of a part of fnn runs first, says here how it resolves names.  So a
lower floor never imports a higher one.
"""

from collections.abc import Callable
from typing import Any


def _unset(name: str) -> Any:
    raise AttributeError(name)


_resolver: Callable[[str], Any] = _unset


def provide(resolver: Callable[[str], Any]) -> None:
    """Sets how public names of fnn are found."""
    global _resolver
    _resolver = resolver


def lookup(name: str) -> Any:
    """The public ``fnn.<name>``."""
    return _resolver(name)
