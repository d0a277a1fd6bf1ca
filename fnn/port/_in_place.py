"""Methods with an underscore: what they write gets a new value."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._draws import DRAWN
from fnn.port._edit import assign, bare, call, replaced
from fnn.port._in_parts import changed_at
from fnn.port._kinds import COMPUTED, Kind, is_array
from fnn.port._methods import plain_name
from fnn.port._report import CHANGED, LEFT
from fnn.port._reporting import Reporting
from fnn.port._scopes import dotted

__all__ = ["InPlace"]

_VIEWS = frozenset(
    "view reshape t transpose permute squeeze unsqueeze detach select narrow flatten view_as expand diagonal "
    "unfold chunk split".split()
)
LOST = "the weight is computed anew at each call, so what is written into it is lost, here as in PyTorch"
VIEW = "a write into a view of an array, which has none here: write x = ... with the whole array"
_INITS = {"normal_": "normal_", "uniform_": "uniform_", "zero_": "zeros_", "fill_": "constant_"}


class InPlace(Reporting):
    """Statements that call such methods, of arrays, boxes and gradients."""

    def _chained(self, original: cst.Expr, updated: cst.Expr, target: cst.Call) -> cst.BaseSmallStatement:
        """``x.mul_(a).add_(b)``, whose result goes where ``x`` was."""
        root: cst.BaseExpression = target
        while isinstance(root, cst.Call) and isinstance(root.func, cst.Attribute):
            method = root.func.attr.value
            if not method.endswith("_") or method.startswith("_"):
                return self._through_a_view(original, updated, root)
            root = root.func.value
        if not isinstance(updated.value, cst.Call) or not (dotted(updated.value.func) or "").startswith("fnn."):
            return updated
        made = self._root_of(updated.value)
        owner = self._kind(root.value) if isinstance(root, cst.Attribute) and root.attr.value == "data" else None
        if isinstance(root, cst.Attribute) and root.attr.value == "data" and (owner is None or owner.tag == "box"):
            return assign(root, replaced(updated.value, {id(made): [root.deep_clone()]}))
        kind = self._kind(root)
        if kind is None or kind.tag != "array" or not isinstance(made, cst.Name | cst.Attribute | cst.Subscript):
            return updated
        if isinstance(root, cst.Subscript) and isinstance(made, cst.Subscript) and is_array(self._kind(root.value)):
            return self._indexed(made, None, updated.value) or updated
        return assign(made, updated.value)

    def _through_a_view(self, original: cst.Expr, updated: cst.Expr, made: cst.Call) -> cst.BaseSmallStatement:
        """``x.view(-1).mul_(2)`` is reported; ``x.clone().mul_(2)`` has no effect in PyTorch either."""
        method = made.func.attr.value if isinstance(made.func, cst.Attribute) else ""
        kind = self._kind(made.func.value) if isinstance(made.func, cst.Attribute) else None
        if method in _VIEWS and is_array(kind) and not original.deep_equals(updated):
            self.note(original, LEFT, VIEW)
        return updated

    @staticmethod
    def _root_of(value: cst.BaseExpression) -> cst.BaseExpression:
        """``x`` in ``fnn.add(fnn.mul(x, a), b)``."""
        while isinstance(value, cst.Call) and (dotted(value.func) or "").startswith("fnn.") and value.args:
            if dotted(value.func) == "fnn.detach":
                return value
            value = value.args[0].value
        return value

    def _exchanged(
        self, updated: cst.Expr, made: cst.Call, given: cst.BaseExpression, place: cst.BaseExpression | None
    ) -> cst.BaseSmallStatement:
        """``dist.all_reduce(x)`` as a statement; what is no place for a result is left, and a box is written to."""
        kind = self._kind(given)
        if kind is not None and kind.tag == "box":
            return updated
        if isinstance(place, cst.Subscript):
            return self._indexed(place, None, made) or updated
        return assign(place, made) if isinstance(place, cst.Name | cst.Attribute) else updated

    def _in_place(
        self, original: cst.Expr, updated: cst.Expr, target: cst.BaseExpression, attr: str, base: Kind | None
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel:
        """``x.add_(y)`` as a statement."""
        before = original.value
        assert isinstance(before, cst.Call)
        args = updated.value.args if isinstance(updated.value, cst.Call) else ()
        if isinstance(target, cst.Attribute) and target.attr.value == "data":
            owner = self._kind(target.value)
            if (
                isinstance(target.value, cst.Attribute)
                and self._kind(target.value.value) == COMPUTED
                and (target.value.attr.value == "weight")
            ):
                return self._lost(original, target.value, attr)
            parameter = isinstance(target.value, cst.Attribute) and target.value.attr.value in ("weight", "bias")
            box = parameter or (owner is not None and owner.tag == "box")
            unknown = owner is None and isinstance(target.value, cst.Name | cst.Attribute)
            grad = isinstance(target.value, cst.Attribute) and target.value.attr.value == "grad"
            if box or (unknown and not grad and (attr in _INITS or attr == "copy_" or plain_name(attr) is not None)):
                return self._parameter_in_place(target.value, attr, args)
        if isinstance(target, cst.Attribute) and (
            target.attr.value == "grad" or (dotted(target) or "").endswith(".grad.data")
        ):
            place_ = target if target.attr.value == "grad" else target.value
            if attr == "zero_":
                return assign(place_, cst.Name("None"))
            if attr in ("detach_", "requires_grad_"):
                return cst.RemoveFromParent()
            plain = plain_name(attr)
            if plain is not None:
                self.needs.add("fnn")
                return assign(place_, call(f"fnn.{plain}", place_, *args))
            return updated
        if base is not None and base.tag == "box":
            return updated
        if base is None or base.tag not in ("array", "batch"):
            return updated
        if isinstance(updated.value, cst.BinaryOperation) and isinstance(target, cst.Name | cst.Attribute):
            return assign(target, bare(updated.value))
        if isinstance(updated.value, cst.Call) and isinstance(target, cst.Name | cst.Attribute | cst.Subscript):
            function = dotted(updated.value.func) or ""
            if not (function.startswith("fnn.") or function.endswith("Parameter")):
                return updated
            if isinstance(target, cst.Subscript):
                return self._indexed(target, None, updated.value) or updated
            return assign(target, updated.value)
        return updated

    def _lost(
        self, original: cst.Expr, weight: cst.Attribute, attr: str
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel:
        """A write into a weight that is computed at each call: only the random numbers are drawn, as in PyTorch."""
        self.note(original, CHANGED, LOST)
        if attr not in DRAWN:
            return cst.RemoveFromParent()
        self.needs.add("fnn")
        return cst.Expr(call(f"fnn.{DRAWN[attr][1]}", weight))

    def _parameter_in_place(
        self, parameter: cst.BaseExpression, attr: str, args: Sequence[cst.Arg]
    ) -> cst.BaseSmallStatement:
        self.needs.add("fnn")
        if attr in _INITS:
            return cst.Expr(call(f"{self._names_nn}.init.{_INITS[attr]}", parameter, *args))
        data = cst.Attribute(parameter, cst.Name("data"))
        plain = plain_name(attr)
        if attr == "copy_" and len(args) == 1:
            return assign(data, bare(args[0].value))
        return assign(data, call(f"fnn.{plain or attr}", data, *args))

    def _indexed(
        self, target: cst.Subscript, operator: cst.BaseAugOp | None, value: cst.BaseExpression
    ) -> cst.Assign | None:
        """``x[i] = v`` as ``x = x.at[i].set(v)``."""
        target = _flat(target)
        made = changed_at(target, operator, value) if isinstance(target.value, cst.Name | cst.Attribute) else None
        return None if made is None else assign(target.value, made)


def _flat(target: cst.Subscript) -> cst.Subscript:
    """``x[i][j]`` as ``x[i, j]``, where nothing is sliced."""
    while isinstance(target.value, cst.Subscript):
        inner = target.value
        single = [e.slice.value for e in (*inner.slice, *target.slice) if isinstance(e.slice, cst.Index)]
        plain = all(isinstance(v, cst.Integer | cst.Name | cst.Call | cst.BinaryOperation) for v in single)
        if len(single) != len(inner.slice) + len(target.slice) or not plain:
            return target
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        joined = [e.with_changes(comma=comma) for e in inner.slice]
        target = target.with_changes(value=inner.value, slice=[*joined, *target.slice])
    return target
