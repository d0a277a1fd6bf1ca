"""In which scope something was made, and what a compiled call was given for it."""

from __future__ import annotations

from typing import Any, Protocol

from fnn.state.scope import Scope, innermost

__all__ = ["Born", "Source", "birth", "hands_values", "owned_values"]


def birth() -> int:
    """The serial of the scope that is open: who is made now dies with it."""
    scope = innermost.get()
    return 0 if scope is None else scope.serial


class Born(Protocol):
    """What was made in some scope, and whose values a compiled call may pass in."""

    _born: int


def hands_values(scope: Scope) -> bool:
    """Whether ``scope`` is that of a compiled call, which passes the values of boxes and owners in as they are."""
    return type(scope).object_values is not Scope.object_values


def owned_values(owner: Born) -> Any:
    """What the compiled call around passed in for ``owner``; None outside of one, or where ``owner`` was made in it."""
    scope = innermost.get()
    while scope is not None and scope.serial > owner._born:
        if hands_values(scope):
            return scope.object_values(owner)
        scope = scope.parent
    return None


class Source:
    """Of a copy made in a trace: what it is a copy of, whose hyper-parameters the compiled call was given."""

    __slots__ = ("owner",)

    def __init__(self, owner: Any) -> None:
        self.owner = owner

    def __deepcopy__(self, memo: dict[int, object]) -> Source:
        return self
