"""Scopes of traced functions inside which `fnn.backward` may be called: they know what the leaves are."""

from __future__ import annotations

from typing import Any

from fnn import tracing
from fnn.state.box import Box
from fnn.state.leaf import marked_frozen, marked_hook, marked_leaf
from fnn.state.parameter import Parameter
from fnn.state.scope import Back, Scope

__all__ = ["LeafScope"]


class LeafScope(Scope):
    """A scope whose parameters are leaves.

    The first value of a parameter that the scope binds is a variable of the program, and stands for it.  What is
    assigned later is marked when it is read, once for each trace that reads it, and so is the value of a parameter
    whose ``requires_grad`` has changed.
    """

    __slots__ = ("above", "derives", "freed", "hooks", "marks", "stale", "toggled")

    def __init__(self, values: dict[Box, Any] | None = None, parent: Scope | None = None) -> None:
        super().__init__(values, parent)
        self.marks: dict[Box, list[tuple[Any, Any, Any, bool]]] = {}  # (trace, value, mark, whether it is a leaf)
        self.stale: list[tuple[Parameter, Any]] = []  # leaves of parameters that were assigned since
        self.toggled: dict[Box, bool] = {}  # with the first ``requires_grad``
        self.derives = False  # whether a derivative was asked for
        while parent is not None and not isinstance(parent, LeafScope):
            parent = parent.parent
        self.above: LeafScope | None = parent
        self.hooks: dict[int, tuple[list[Any], Back]] = {} if parent is None else parent.hooks  # by number
        # The equations of freed graphs, by id; they are kept, so that no other gets the id.
        self.freed: dict[int, Any] = {} if parent is None else parent.freed

    def read(self, box: Box) -> Any:
        value = super().read(box)
        if box in self.values and (box in self.written or box in self.toggled):
            return self.marked(box, value)
        return value

    def marked(self, box: Box, value: Any) -> Any:
        """What stands in the program for ``value``, which ``box`` holds and which is no input."""
        if not isinstance(box, Parameter) or not isinstance(value, tracing.ARRAYS) or not tracing.staged():
            return value
        trainable = box._requires_grad
        if box in self.toggled and box not in self.written and box in self.values:
            if trainable and self.toggled[box]:
                return value  # the leaf that it was
        elif not trainable and box not in self.toggled:
            return value
        trace = tracing.current_trace()
        known = self.marks.setdefault(box, [])
        for where, of, mark, leaf in known:
            if where is trace and of is value and leaf == trainable:
                return mark
        mark = marked_leaf(value) if trainable else marked_frozen(value)
        known.append((trace, value, mark, trainable))
        return mark

    def hooked(self, values: list[Any], back: Back) -> list[Any] | None:
        scope: Scope | None = self
        while scope is not None:
            if scope.derivative:
                return None
            scope = scope.parent
        if not tracing.staged():
            return None
        number = len(self.hooks)
        outputs = marked_hook(values, number)
        self.hooks[number] = (outputs, back)
        return outputs

    def write(self, box: Box, value: object) -> None:
        if isinstance(box, Parameter) and box._requires_grad:
            self.stale += [(box, leaf) for leaf in self._leaves_of(box)]
        self.marks.pop(box, None)
        super().write(box, value)

    def retyped(self, box: Box) -> None:
        if isinstance(box, Parameter):
            self.toggled.setdefault(box, box._requires_grad)
        super().retyped(box)

    def _leaves_of(self, box: Parameter) -> list[Any]:
        found = [mark for _, _, mark, leaf in self.marks.get(box, ()) if leaf]
        value = self.values.get(box)
        if value is not None and box not in self.written and self.toggled.get(box, box._requires_grad):
            found.append(value)
        return found

    def leaves(self) -> dict[Parameter, list[Any]]:
        """The values that stand for parameters which are trainable now."""
        found: dict[Parameter, list[Any]] = {}
        for box in dict.fromkeys((*self.values, *self.marks)):
            if isinstance(box, Parameter) and box._requires_grad:
                found[box] = self._leaves_of(box)
        if self.above is not None:
            for box, values in self.above.leaves().items():
                found.setdefault(box, values)
        return found

    def outdated(self) -> list[tuple[Parameter, Any]]:
        """What stood for parameters until they were assigned."""
        return self.stale + (self.above.outdated() if self.above is not None else [])
