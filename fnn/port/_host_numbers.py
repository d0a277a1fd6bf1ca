"""Numbers that a compiled program asks the host for while it runs, and what is made of them."""

from __future__ import annotations

import libcst as cst

from fnn.port._brackets import Brackets
from fnn.port._coins import COIN, NUMBERS, asked_numbers, is_one, is_whole
from fnn.port._edit import call, grouped, keyword, name
from fnn.port._flow import names_in
from fnn.port._kinds import ROW, Kind, is_array
from fnn.port._report import CHANGED
from fnn.port._scopes import dotted
from fnn.port._torch import TENSOR_CLASSES

__all__ = ["HostNumbers"]

_MAKERS = ("torch.from_numpy", "torch.tensor", "torch.as_tensor")


class HostNumbers(Brackets):
    """Calls that draw such numbers, that make arrays of them, that compare them."""

    def _is_array_already(self, node: cst.Call, kind: Kind) -> bool:
        """Whether a call makes an array of numbers that the compiled step asks the host for, which are one."""
        if len(node.args) != 1 or not self._is_compiled:
            return False
        first = node.args[0].value
        if id(first) not in self.found.asked.held:
            return False
        if kind.name in _MAKERS:
            return True
        match first:
            case cst.Call(func=cst.Attribute(value=cst.Call() as inner, attr=cst.Name(value="astype"))):
                first = inner
        if not isinstance(first, cst.Call) or id(first) not in self.found.asked.draws or self.double:
            return False
        wanted = ("long", "int32") if is_whole(first, self.found) else ("float32", "float64")
        return TENSOR_CLASSES.get(kind.name) in wanted

    def _asked(self, original: cst.Call, updated: cst.Call) -> cst.Call:
        """Numbers that the host is asked for while the program runs."""
        made = asked_numbers(original, updated, self.double, self.found)
        new = {n for n in ("functools", "numpy") if n in names_in(made) and n not in self.found.globals}
        self.needs |= {"jax.experimental"} | new
        self.note(original, CHANGED, COIN if is_one(original, self.found) else NUMBERS)
        return made

    def _plain_number(self, original: cst.Call, updated: cst.Call) -> cst.Call | None:
        """``int(x.item())`` for ``int(x)`` where ``x`` has dimensions, each of one, which is a number to PyTorch."""
        match original.args, updated.args:
            case [cst.Arg(value=given, keyword=None)], [cst.Arg(value=now)] if is_array(self._kind(given)):
                rank = self._ranks(given).of(given)
                if self._kind(given) == ROW or (rank is not None and not rank.root and rank.more > 0):
                    item = cst.Call(cst.Attribute(grouped(now), cst.Name("item")))
                    return updated.with_changes(args=[cst.Arg(item)])
        return None

    def _extreme(self, original: cst.Call, updated: cst.Call) -> cst.Call:
        """``fnn.maximum(a, b)`` for Python's ``max(a, b)`` of arrays, which asks for values."""
        kinds = [self._kind(a.value) for a in original.args]
        plain = len(kinds) == 2 and not any(a.star or a.keyword is not None for a in original.args)
        if not plain or not (self._forward and self._forward[-1]):
            return updated
        self.needs.add("fnn")
        called = dotted(original.func)
        if all(map(is_array, kinds)):
            return updated.with_changes(func=name(f"fnn.{called}imum"))
        array, number = updated.args if is_array(kinds[0]) else reversed(updated.args)
        bound = keyword("min" if called == "max" else "max", number.value)
        return call("fnn.clamp", array.value, bound)
