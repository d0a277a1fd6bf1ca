"""Samples as nested dicts, lists and tuples: taken apart to their leaves, and put together again.

The leaves come in the order of `torch.utils._pytree`: dicts in the order of their keys' insertion.  Everything else is
a leaf, ``None`` and subclasses of these containers among them.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator
from typing import Any

__all__ = ["flatten", "unflatten"]


def flatten(tree: object) -> list[Any]:
    """The leaves."""
    leaves: list[Any] = []
    _collect(tree, leaves)
    return leaves


def _collect(tree: Any, leaves: list[Any]) -> None:
    kind = type(tree)
    if kind in (dict, OrderedDict, defaultdict):
        parts = tree.values()
    elif kind in (tuple, list, deque) or _is_named(tree):
        parts = tree
    else:
        leaves.append(tree)
        return
    for part in parts:
        _collect(part, leaves)


def _is_named(tree: object) -> bool:
    """Whether it is a namedtuple."""
    return isinstance(tree, tuple) and type(tree).__bases__ == (tuple,) and hasattr(tree, "_fields")


def unflatten(leaves: list[Any], like: object) -> Any:
    """A tree of the form of ``like`` with other leaves."""
    return _built(like, iter(leaves))


def _built(tree: Any, leaves: Iterator[Any]) -> Any:
    kind = type(tree)
    if kind in (dict, OrderedDict):
        return kind((key, _built(value, leaves)) for key, value in tree.items())
    if kind is defaultdict:
        return defaultdict(tree.default_factory, {key: _built(value, leaves) for key, value in tree.items()})
    if kind is deque:
        return deque((_built(part, leaves) for part in tree), maxlen=tree.maxlen)
    if kind in (tuple, list):
        return kind(_built(part, leaves) for part in tree)
    if _is_named(tree):
        return kind(*(_built(part, leaves) for part in tree))
    return next(leaves)
