"""Which random numbers a statement of a training loop asks for: of torch's generator, or of the host's."""

from __future__ import annotations

import libcst as cst

from fnn.port._coins import is_coin, is_one, is_sized_draw, is_whole
from fnn.port._flow import walk
from fnn.port._kinds import NUMPY, Kind, ways
from fnn.port._learning import Learning, method_of
from fnn.port._scopes import dotted
from fnn.port._torch import is_noisy

__all__ = ["Generators"]

_DRAWS = frozenset(
    "randn rand randint randperm normal bernoulli multinomial randn_like rand_like randint_like poisson".split()
)
_NOISY = frozenset(
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout rrelu gumbel_softmax".split()
)
_LOADS = frozenset("from_numpy".split())
_READS = frozenset("load loadtxt genfromtxt memmap fromfile".split())


class Generators(Learning):
    """Questions to the statements of one script, about the numbers that they draw."""

    def draws_on_host(self, node: cst.CSTNode) -> bool:
        """Whether numpy's or Python's generator is asked, a loader, or a numpy array is taken in."""
        return any(self._draws_there(part) for part in walk(node))

    def _draws_there(self, part: cst.CSTNode) -> bool:
        if not isinstance(part, cst.Call):
            return False
        if dotted(part.func) == "next" or self._asks_host(part):
            return True
        called = self._found.of(part.func)
        if called is not None and called.tag == "torch" and called.name.rpartition(".")[2] in _LOADS:
            return True
        if any(k.tag == "function" and self._function_draws(k, set()) for k in ways(called)):
            return True
        base = self._found.of(part.func.value) if isinstance(part.func, cst.Attribute) else None
        if base is not None and base.tag in ("list", "numpy"):
            return True
        return base is not None and base.tag == "instance" and called is None

    def can_ask(self, node: cst.CSTNode) -> bool:
        """Whether all that a statement draws on the host are numbers that a compiled step can ask it for."""
        asked = self._asked(node)
        return bool(asked) and not any(self._draws_there(p) for p in walk(node) if id(p) not in asked)

    def draws_place(self, node: cst.Call) -> bool:
        """Whether a call asks the host for one whole number."""
        found = self._found
        return is_sized_draw(node, found) and is_whole(node, found) and is_one(node, found)

    def asks(self, node: cst.CSTNode) -> bool:
        """Whether numbers are asked of the host while a statement runs, by a forward pass or a function."""
        elsewhere = self._found.asked_elsewhere
        return any(
            self._asked(body) or any(id(c) in elsewhere or is_coin(c, self._found) for c in self.calls(body))
            for body in self.run(node)
        )

    def _asks_host(self, node: cst.Call) -> bool:
        """Whether a function of numpy's, or a generator of Python's, is called on more than numbers and sizes."""
        base = node.func.value if isinstance(node.func, cst.Attribute) else node.func
        for kind in (self._found.of(node.func), self._found.of(base)):
            if kind is not None and kind.tag in ("numpy module", "number module"):
                words = f"{kind.name}.{dotted(node.func)}".split(".")
                if "random" in words or words[-1] in _READS:
                    return True
                return not all(_is_fixed(self._found.of(a.value)) for a in node.args)
        return False

    def _writes_numpy(self, target: cst.BaseExpression) -> bool:
        """Whether something is written into an array of numpy's at places that are not known."""
        if not isinstance(target, cst.Subscript) or self._found.of(target.value) != NUMPY:
            return False
        places = [e.slice.value for e in target.slice if isinstance(e.slice, cst.Index)]
        parts = [p for place in places for p in (place.elements if isinstance(place, cst.Tuple) else [place])]
        return not all(_is_fixed(self._found.of(p)) for p in parts)

    def draws(self, node: cst.CSTNode) -> bool:
        """Whether torch's generator is asked directly."""
        return any(
            kind is not None and kind.tag == "torch" and kind.name.rpartition(".")[2] in _DRAWS
            for c in self.calls(node)
            if (kind := self._found.of(c.func)) is not None
        ) or any(method_of(c) in ("normal_", "uniform_", "random_") for c in self.calls(node))

    def draws_inside(self, node: cst.CSTNode) -> bool:
        """Whether torch's generator is asked while a statement runs, by a layer, a forward pass or a function, too."""
        return any(self.draws(body) or any(map(self._is_noisy, self.calls(body))) for body in self.run(node))

    def _is_noisy(self, node: cst.Call) -> bool:
        """Whether a call is of a layer that draws numbers, of a container of such, or of their function."""
        kind = self._found.of(node.func)
        if kind is not None and kind.tag == "torch":
            return kind.name.rpartition(".")[2] in _NOISY
        if kind == Kind("module"):
            return any(k is not None and k.tag == "torch" and is_noisy(k.name) for k in self._found.kinds.values())
        return any(is_noisy(part.name) for way in ways(kind) for part in (way, *way.of) if part is not None)

    def _function_draws(self, kind: Kind, seen: set[str]) -> bool:
        if kind.name in seen:
            return False
        seen.add(kind.name)
        body = self._found.functions[int(kind.name)].node.body
        learns = self._runs(kind, set())  # then torch's generator is asked in the step, as a layer does
        asked = self._asked(body) if self._found.asking else set()
        for part in walk(body):
            if id(part) in asked:
                continue
            if isinstance(part, cst.AssignTarget | cst.AugAssign) and self._writes_numpy(part.target):
                return True
            if isinstance(part, cst.Call):
                called = self._found.of(part.func)
                if self._asks_host(part):
                    return True
                if called is None:
                    continue
                if called.tag == "torch" and called.name.rpartition(".")[2] in (_LOADS if learns else _DRAWS | _LOADS):
                    return True
                if any(k.tag == "function" and self._function_draws(k, seen) for k in ways(called)):
                    return True
        return False

    def _asked(self, body: cst.CSTNode) -> set[int]:
        """The calls in a statement that a compiled step can ask the host for, and those that take what it gave."""
        asked, found = self._found.asked, set[int]()
        for call in self.calls(body):
            first = call.args[0].value if call.args else None
            if id(call) in asked.draws or (self._loads(call) and id(first) in asked.held):
                found.add(id(call))
        return found

    def _loads(self, node: cst.Call) -> bool:
        """Whether an array of numpy's is taken in."""
        kind = self._found.of(node.func)
        return kind is not None and kind.tag == "torch" and kind.name.rpartition(".")[2] in _LOADS


def _is_fixed(kind: Kind | None) -> bool:
    """Whether a value is known while a step is compiled."""
    if kind is not None and kind.tag in ("tuple", "list"):
        return all(map(_is_fixed, kind.of))
    return kind is not None and kind.tag in ("number", "shape", "text", "dtype", "none", "numpy module")
