"""What a statement does in a training loop, as far as gradients go: it computes, differentiates, updates, clears."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from functools import cached_property

import libcst as cst

from fnn import ops
from fnn.port._flow import walk
from fnn.port._infer import Inference
from fnn.port._kinds import BOX, FOREIGN, Kind, is_array, ways
from fnn.port._scopes import Function, dotted

__all__ = ["VALUES", "Learning", "method_of"]

VALUES = frozenset("item tolist numpy".split())
_BUILTINS = frozenset(dir(builtins))
_OF_ARRAYS = frozenset(ops.__all__) | VALUES | {"backward"}


class Learning:
    """Questions to the statements of one script."""

    def __init__(self, found: Inference) -> None:
        self._found = found
        self._inside: set[int] = set()  # functions that are looked into, as they may call themselves

    def kind(self, node: cst.CSTNode | None) -> Kind | None:
        """What is known of an expression."""
        return self._found.of(node)

    def tell(self, node: cst.CSTNode, kind: Kind) -> None:
        """Notes the kind of an expression that is new."""
        self._found.kinds[id(node)] = kind

    def calls(self, node: cst.CSTNode) -> list[cst.Call]:
        """The calls in a statement."""
        return [n for n in walk(node) if isinstance(n, cst.Call)]

    def differentiates(self, node: cst.CSTNode) -> bool:
        """Whether ``loss.backward()`` is called, here or by a function that is given what is computed here."""
        return any(self._found.is_backward(c) or self.finishes(c) is not None for c in self.calls(node))

    def steps_itself(self, node: cst.CSTNode) -> bool:
        """Whether a function is called that computes a loss and differentiates it."""
        return any(self._differentiates_own(f, set()) for f in self.called(node))

    def _differentiates_own(self, function: Function, seen: set[int]) -> bool:
        if id(function) in seen or id(function.node.params) in self._found.finishers:
            return False
        seen.add(id(function))
        body = function.node.body
        return self.differentiates(body) or any(self._differentiates_own(f, seen) for f in self.called(body))

    def function(self, node: cst.Call) -> Function | None:
        """The function of the script that a call runs; None: it runs none, or one of several."""
        found = self.functions(node)
        return found[0] if len(found) == 1 else None

    def functions(self, node: cst.Call) -> list[Function]:
        """The functions of the script that a call may run."""
        return [f for way in ways(self._found.of(node.func)) if (f := self._function_of(way)) is not None]

    def _function_of(self, kind: Kind) -> Function | None:
        if kind.tag == "function":
            return self._found.functions[int(kind.name)]
        if kind.tag == "instance":
            return self._found.classes[kind.name].methods.get("__call__")
        return None

    def finishes(self, node: cst.Call) -> Function | None:
        """The function that differentiates what it is given, if a call is one of it."""
        function = self.function(node)
        return function if function is not None and id(function.node.params) in self._found.finishers else None

    def _finished(self, node: cst.Call, question: Callable[[cst.CSTNode], bool]) -> bool:
        """Whether something holds for the body of such a function."""
        function = self.finishes(node)
        if function is None or id(function) in self._inside:
            return False
        self._inside.add(id(function))
        holds = question(function.node.body)
        self._inside.discard(id(function))
        return holds

    def updates(self, node: cst.CSTNode) -> bool:
        """Whether an optimizer takes a step (itself, or in a GradScaler's hands)."""
        return any(self.optimizer(c) is not None or self._finished(c, self.updates) for c in self.calls(node))

    def optimizer(self, node: cst.Call) -> str | None:
        """The name of the optimizer whose step a call is."""
        if method_of(node) != "step" or not isinstance(node.func, cst.Attribute):
            return None
        target = node.func.value
        wrapper = self.function(node)
        if wrapper is not None and wrapper.owner is not None and not wrapper.owner.module:
            return self._wrapped(wrapper)
        kind, name = self._found.of(target), (dotted(target) or "").rpartition(".")[2]
        if kind is not None and kind.tag == "optimizer":
            return name
        if "scaler" in name.lower() and node.args:
            return (dotted(node.args[0].value) or "").rpartition(".")[2] or name
        looks = any(word in name.lower() for word in ("opt", "solver", "trainer")) and "sched" not in name.lower()
        return name if looks and (kind is None or kind.tag == "list") else None

    def _wrapped(self, function: Function) -> str | None:
        """The name of the optimizer that a method called ``step`` of the script's own wrapper uses."""
        if id(function) in self._inside:
            return None
        self._inside.add(id(function))
        names = [name for call in self.calls(function.node.body) if (name := self.optimizer(call)) is not None]
        self._inside.discard(id(function))
        return names[0] if names else None

    def clears(self, node: cst.CSTNode) -> bool:
        """Whether gradients are set to zero."""
        return any(method_of(c) == "zero_grad" or self._finished(c, self.clears) for c in self.calls(node))

    def runs_module(self, node: cst.CSTNode, losses: bool = True) -> bool:
        """Whether a Module is called (or one of torch's losses), itself, by a method, or in a function."""
        for call in self.calls(node):
            kind = self._found.of(call.func)
            if kind is not None and (losses or not self.is_loss(kind)) and self._runs(kind, set()):
                return True
        return False

    def is_loss(self, kind: Kind) -> bool:
        """Whether a Module is one of torch's losses, which have no Parameters."""
        return kind.tag == "module" and kind.name.endswith("Loss") and kind.name not in self._found.classes

    def _runs(self, kind: Kind, seen: set[str]) -> bool:
        if kind.tag == "either":
            return any(self._runs(way, seen) for way in ways(kind))
        if kind.tag in ("module", "operation"):
            return True
        function = self._function_of(kind)
        if function is None or kind.name in seen:
            return False
        seen.add(kind.name)
        if function.owner is not None and function.owner.module and _gives_arrays(function.returns):
            return True
        for part in walk(function.node.body):
            if isinstance(part, cst.Name | cst.Attribute) and self._found.of(part) == BOX:
                return True
            if isinstance(part, cst.Call) and (called := self._found.of(part.func)) is not None:
                if self._runs(called, seen):
                    return True
        return False

    @cached_property
    def in_forward(self) -> set[int]:
        """The identities of the parameters of the functions that a forward pass consists of; bodies are moved about."""
        forwards = [owner.methods.get("forward") for owner in self._found.classes.values() if owner.module]
        return self.reached([function for function in forwards if function is not None])

    def reached(self, functions: Iterable[Function]) -> set[int]:
        """The identities of the parameters of functions, and of those that they call."""
        found: set[int] = set()
        waiting = list(functions)
        while waiting:
            function = waiting.pop()
            if id(function.node.params) in found:
                continue
            found.add(id(function.node.params))
            waiting += self.called(function.node.body)
        return found

    def called(self, node: cst.CSTNode) -> list[Function]:
        """The functions of the script that are called in a statement."""
        return [f for c in self.calls(node) for f in self.functions(c)]

    def forwards(self, kind: Kind | None) -> list[Function]:
        """The forward passes of the script that a call of a Module may run: its own, those of a container's parts."""
        found: list[Function] = []
        for way in ways(kind):
            if way.tag == "module":
                owner = self._found.classes.get(way.name)
                found += [owner.methods["forward"]] if owner is not None and "forward" in owner.methods else []
                found += [f for part in way.of for f in self.forwards(part)]
        return found

    def run_by(self, node: cst.Call) -> list[Function]:
        """The forward passes and functions of the script that a call may run."""
        return self.forwards(self._found.of(node.func)) or self.functions(node)

    def run(self, node: cst.CSTNode) -> list[cst.CSTNode]:
        """A statement, and the bodies of the functions and forward passes that may run with it."""
        found: dict[int, cst.CSTNode] = {}
        waiting: list[cst.CSTNode] = [node]
        while waiting:
            body = waiting.pop()
            if id(body) not in found:
                found[id(body)] = body
                for call in self.calls(body):
                    kind = self._found.of(call.func)
                    any_of = self._every_forward if any(map(self._is_any, ways(kind))) else self.forwards(kind)
                    waiting += [f.node.body for f in (*self.functions(call), *any_of)]
        return list(found.values())

    def _is_any(self, kind: Kind) -> bool:
        """Whether a Module may be any of the script's, as in a loop over a ModuleList, or runs those that it holds."""
        owner = self._found.classes.get(kind.name)
        open_ = kind.tag == "module" and (not kind.name or (owner is not None and "forward" not in owner.methods))
        return open_ or any(self._is_any(part) for part in kind.of if part is not None and part.tag == "module")

    @cached_property
    def _every_forward(self) -> list[Function]:
        return [o.methods["forward"] for o in self._found.classes.values() if o.module and "forward" in o.methods]

    def may_run(self, node: cst.CSTNode) -> bool:
        """Whether something is called that nothing is known of, such as what another file defines."""
        for call in self.calls(node):
            if self._found.of(call.func) is None and method_of(call) not in _OF_ARRAYS:
                base = call.func.value if isinstance(call.func, cst.Attribute) else call.func
                known = self._found.of(base)
                if (known is None or known == FOREIGN) and dotted(base) not in _BUILTINS:
                    return True
        return False


def _gives_arrays(kind: Kind | None) -> bool:
    return is_array(kind) or (kind is not None and kind.tag in ("tuple", "list") and any(map(_gives_arrays, kind.of)))


def method_of(node: cst.Call) -> str:
    """The name of the method that a call is of; empty: it is of none."""
    return node.func.attr.value if isinstance(node.func, cst.Attribute) else ""
