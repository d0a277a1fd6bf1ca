"""A guess at what a function will read, so that its first trace is mostly the last."""

from __future__ import annotations

import types

from fnn.state.box import Box
from fnn.state.describe import Survey, by_value, has_state, watchable
from fnn.state.parameter import is_lazy
from fnn.state.places import own_dict

__all__ = ["guess"]


def guess(survey: Survey) -> Survey:
    """The Modules, Optimizers and boxes that a user's objects hold: a trace will probably read them."""
    found, seen = Survey(), set()
    for node in list(survey.nodes):
        if not isinstance(node, (types.FunctionType, type, types.ModuleType)):
            for inner in own_dict(node).values():
                _look(inner, 0, found, seen)
    return found


# Not inside of `guess`: a function that calls itself there is a cycle, which keeps what was found until a collection.
def _look(value: object, depth: int, found: Survey, seen: set[int]) -> None:
    if id(value) in seen or depth > 5 or by_value(value):
        return
    seen.add(id(value))
    if isinstance(value, Box):
        if not is_lazy(value):
            found.box(value)
    elif has_state(type(value)):
        found.object(value)
    elif isinstance(value, (list, tuple, set, dict)):
        if len(value) <= 256:
            for inner in value.values() if isinstance(value, dict) else value:
                _look(inner, depth + 1, found, seen)
    elif watchable(type(value)):
        for inner in own_dict(value).values():
            _look(inner, depth + 1, found, seen)
