"""What calls of the script's own classes and functions give, and what they tell of their parameters."""

from __future__ import annotations

import libcst as cst

from fnn.port._kinds import (
    ARRAY,
    BATCH,
    FOREIGN,
    PACKED,
    Kind,
    join,
    ways,
)
from fnn.port._scopes import Function, is_static
from fnn.port._torch import is_noisy, module_result, result
from fnn.port._values import Values

__all__ = ["Given"]


class Given(Values):
    """Calls of Modules, of objects and functions of the script."""

    def _given_by(self, kind: Kind, node: cst.Call, args: list[Kind | None]) -> Kind | None:
        """What a call of a Module, of an object, of a function of the script gives, or of one of several."""
        match kind.tag:
            case "either":
                joined = None
                for way in ways(kind):
                    joined = join(joined, self._given_by(way, node, args))
                return joined
            case "module":
                return self._module_call(kind, node, args)
            case "instance":
                function = self.classes[kind.name].methods.get("__call__")
                if function is not None:
                    self._pass(function, node, args, bound=True)
                    return function.returns
            case "function":
                function = self.functions[int(kind.name)]
                static = isinstance(function.node, cst.FunctionDef) and is_static(function.node)
                self._pass(function, node, args, bound=function.owner is not None and not static)
                return function.returns
        return None

    @property
    def _in_forward(self) -> bool:
        """Whether the statements are a Module's forward pass."""
        function = self._function
        if function is None or function.owner is None or not function.owner.module:
            return False
        return isinstance(function.node, cst.FunctionDef) and function.node.name.value == "forward"

    def _parts(self, given: list[Kind | None]) -> tuple[Kind, ...]:
        """The Modules of the script's, and the layers that draw numbers, among what a container is made of."""
        found: set[Kind] = set()
        waiting = list(given)
        while waiting:
            kind = waiting.pop()
            if kind is None:
                continue
            if kind.tag == "module" and (not kind.name or kind.name in self.classes or is_noisy(kind.name)):
                found.add(kind._replace(of=()))
            if kind.tag in ("module", "list", "tuple", "dict", "either"):
                waiting += kind.of
        return tuple(sorted(found))

    def _applied(self, kind: Kind | None, given: list[Kind | None]) -> Kind | None:
        """What a function gives for arguments of these kinds, by position."""
        if kind is None:
            return None
        if kind.tag == "module":
            return ARRAY
        if kind.tag == "torch" and kind.name == "torch.autograd.Variable":
            return given[0] or ARRAY
        if kind.tag == "torch":
            return result(kind.name, len(given), frozenset())
        if kind.tag != "function":
            return None
        function = self.functions[int(kind.name)]
        params = [p.name.value for p in function.node.params.params]
        for name, one in zip(params[1:] if function.owner is not None else params, given, strict=False):
            function.given[name] = join(function.given.get(name), one)
        return function.returns

    def _module_call(self, kind: Kind, node: cst.Call, args: list[Kind | None]) -> Kind | None:
        if kind == FOREIGN:
            return BATCH  # an array, or several
        owner = self.classes.get(kind.name)
        if owner is None:
            given = module_result(kind.name)
            if args and args[0] == PACKED and given is not None and given.tag == "tuple":
                return given._replace(of=(PACKED, *given.of[1:]))
            return given
        function = owner.methods.get("forward")
        if function is None:
            return ARRAY
        self._pass(function, node, args, bound=True)
        return function.returns or ARRAY

    def _told(self, node: cst.BaseExpression, kind: Kind = ARRAY) -> None:
        """Remembers what a call shows of a parameter, for what stands before the call."""
        if not isinstance(node, cst.Name) or self._function is None:
            return
        params = self._function.node.params
        names = {p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)}
        if node.value in names and self._envs[-1].get(node.value) is None:
            self._function.given.setdefault(node.value, kind)

    def _pass(self, function: Function, node: cst.Call, args: list[Kind | None], bound: bool) -> None:
        params = function.node.params
        names = [p.name.value for p in (*params.posonly_params, *params.params)][1 if bound else 0 :]
        named = {p.name.value for p in (*params.params, *params.kwonly_params)}
        place = 0
        for argument, kind in zip(node.args, args, strict=True):
            if argument.star:
                break
            if argument.keyword is not None:
                key = argument.keyword.value
                if key not in named and params.star_kwarg is not None:
                    key = f"**{key}"  # an entry of the function's dict of keywords
                if key in named or key[0] == "*":
                    function.given[key] = join(function.given.get(key), kind)
            elif place < len(names):
                function.given[names[place]] = join(function.given.get(names[place]), kind)
                place += 1
