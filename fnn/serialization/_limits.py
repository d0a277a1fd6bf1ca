"""What keeps a small hostile file from asking for large memory, long work or deep recursion.

A pickle may mention one object a thousand times in a few bytes.  So what is *built* from mentions is counted
(`Budget`), and the finished tree must be small and shallow when it is walked without looking for sharing, which
is what equality, printing and ``jax.tree`` do (`check_tree`).
"""

from typing import Any

import numpy as np

from fnn.serialization._corrupt import CorruptFileError, UnsafeFileError

__all__ = ["Budget", "Marker", "check_key", "check_tree"]

MAX_DEPTH = 500
_TOO_DEEP = f"containers nested more than {MAX_DEPTH} deep"
_MAX_TUPLE_KEYS = 10_000  # equal hashes of tuples are easy to make, and n of them cost n² comparisons
_MAX_KEY_PARTS = 100


class Marker:
    """Something that a pickle may mention but that is no value; a tree that still holds one is refused."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class Budget:
    """Counts the bytes that are built beyond those that the file holds; proportional to the file's size."""

    def __init__(self, file_size: int) -> None:
        self.limit = 2 * file_size + (16 << 20)
        self.left = self.limit
        self.tuple_keys = 0

    def spend(self, nbytes: int) -> None:
        """Takes ``nbytes`` or refuses the file."""
        if not self.allows(nbytes):
            raise CorruptFileError(
                f"building what it describes takes more memory than its size warrants (over {self.limit} bytes)"
            )

    def allows(self, nbytes: int) -> bool:
        """Takes ``nbytes`` if they are left."""
        if nbytes > self.left:
            return False
        self.left -= nbytes
        return True


def check_key(key: Any, budget: Budget) -> None:
    """A dict's key or a set's element must be cheap to hash and to compare."""
    kind = type(key)
    if kind is str or kind is bool or kind is float or kind is bytes or kind is complex or key is None:
        return
    if kind is int:
        if key.bit_length() > 64:  # hash(n) is n modulo 2**61 - 1
            raise CorruptFileError("an integer of more than 64 bits as a key")
        return
    if kind is tuple:
        budget.tuple_keys += 1
        if budget.tuple_keys > _MAX_TUPLE_KEYS:
            raise CorruptFileError(f"more than {_MAX_TUPLE_KEYS} tuples as keys")
        parts = [key]
        for n, part in enumerate(parts):
            if n > _MAX_KEY_PARTS:
                raise CorruptFileError(f"a tuple of more than {_MAX_KEY_PARTS} parts as a key")
            if type(part) is tuple:
                parts.extend(part)
            else:
                check_key(part, budget)
        return
    if not isinstance(key, np.dtype):
        raise UnsafeFileError(f"an object of type {kind.__name__} as a key")


def check_tree(root: object, pickle_size: int) -> None:
    """Refuses cycles, great depth, many-fold sharing and markers."""
    limit = 16 * pickle_size + 10_000
    done: dict[int, tuple[int, int]] = {}  # id -> (values below without regard to sharing, depth)
    entered: set[int] = set()
    todo: list[tuple[Any, bool]] = [(inner, False) for inner in _inner([root])]
    while todo:
        node, finished = todo.pop()
        if not finished:
            if id(node) in done:
                continue
            if id(node) in entered:
                raise CorruptFileError("a container that contains itself")
            entered.add(id(node))
            if len(entered) > MAX_DEPTH:
                raise CorruptFileError(_TOO_DEEP)
            todo.append((node, True))
            todo.extend((inner, False) for inner in _inner(_content(node)) if id(inner) not in done)
            continue
        content = _content(node)
        below = [done[id(inner)] for inner in _inner(content)]
        size = len(content) + sum(size for size, _ in below)
        depth = 1 + max((depth for _, depth in below), default=0)
        if depth > MAX_DEPTH:
            raise CorruptFileError(_TOO_DEEP)
        if size > limit:
            raise CorruptFileError("containers that hold each other so often that to walk them would not end")
        entered.discard(id(node))
        done[id(node)] = (size, depth)


def _content(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [*node.values(), *vars(node).values()] if hasattr(node, "__dict__") else list(node.values())
    return list(node)


def _inner(content: list[Any]) -> list[Any]:
    """The containers among the values."""
    for value in content:
        if isinstance(value, Marker):
            raise UnsafeFileError(f"holds {value.name} where a value should be; fnn has no counterpart of it")
    return [value for value in content if isinstance(value, (dict, list, tuple))]
