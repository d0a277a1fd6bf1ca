"""What the leaves of a transform's arguments are: traced, or Python objects."""

from __future__ import annotations

import functools

from fnn.state.box import Box
from fnn.state.describe import array_like_type
from fnn.typing import PyTree

DYNAMIC, OBJECT = 0, 1
kinds: dict[type, int] = {}


def kind(cls: type) -> int:
    """DYNAMIC for leaves that are traced (arrays, numbers), OBJECT for all others."""
    found = kinds.get(cls)
    if found is None:
        dynamic = not issubclass(cls, (Box, str, bytes)) and (array_like_type(cls) or hasattr(cls, "__jax_array__"))
        found = DYNAMIC if dynamic else OBJECT
        if "<locals>" not in cls.__qualname__:  # a class made in a function may go again
            kinds[cls] = found
    return found


def is_box(node: object) -> bool:
    """Whether a node of a tree is a box, which counts as a leaf."""
    return isinstance(node, Box)


def is_dynamic(leaf: object) -> bool:
    """Whether an argument's leaf is a value for JAX: not a Module, a box, or another object."""
    return kind(type(leaf)) == DYNAMIC


@functools.lru_cache(maxsize=64)  # a structure may hold objects of the user's
def has_dicts(treedef: PyTree) -> bool:
    """Whether there is a dict of several keys, whose order JAX does not keep."""

    def found(treedef: PyTree) -> bool:
        data = treedef.node_data()
        return (data is not None and data[0] is dict and len(data[1]) > 1) or any(map(found, treedef.children()))

    return found(treedef)
