"""What stands in brackets: masks, slices from places that are not known, numbers of arrays."""

from __future__ import annotations

import libcst as cst

from fnn.port._by_masks import read_whole
from fnn.port._edit import bare, call, grouped, keyword, name
from fnn.port._hindrances import STEP
from fnn.port._kinds import ROW, is_array
from fnn.port._masked import MASKED, Reduced, is_traced, mask_of, reduced
from fnn.port._method_calls import MethodCalls
from fnn.port._pointers import APART, is_apart, stretched
from fnn.port._report import LEFT

__all__ = ["Brackets"]


class Brackets(MethodCalls):
    """Reads of parts of arrays; `_writes` has what is written to them."""

    def visit_Assign(self, node: cst.Assign) -> None:
        target = node.targets[0].target
        self._by_mask |= read_whole(target, node.value, self.found, self._shapes(target), self._is_compiled)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._by_mask.add(id(node.target))

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        if not isinstance(node.operator, cst.DivideAssign):
            self._by_mask |= read_whole(
                node.target, node.value, self.found, self._shapes(node.target), self._is_compiled
            )
        self._by_mask.add(id(node.target))

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.BaseExpression:
        kind = self._kind(original_node.value)
        names = self._pointers[-1] if self._pointers else {}
        if is_apart(updated_node, names):
            self.note(original_node, LEFT, APART, STEP)
        elif (made := stretched(updated_node, names)) is not None:
            self.needs.add("fnn")
            updated_node = made
        if not is_array(kind) and (kind is not None or len(original_node.slice) < 2):
            return updated_node
        mask = mask_of(original_node, self.found)
        if mask is not None and id(original_node) not in self._by_mask and is_traced(mask, self._names_traced):
            if self._is_fixed(original_node, mask):
                return self._by_places(updated_node)
            self.note(original_node, LEFT, MASKED, STEP)
        parts: list[cst.SubscriptElement] = []
        for element in updated_node.slice:
            match element.slice:
                case cst.Index(value=cst.Call(func=cst.Name(value="range")) as index):  # no index to JAX
                    self.needs.add("fnn")
                    element = element.with_changes(slice=cst.Index(index.with_changes(func=name("fnn.arange"))))
            parts.append(element)
        return updated_node.with_changes(slice=parts)

    def leave_Slice(self, original_node: cst.Slice, updated_node: cst.Slice) -> cst.Slice:
        """``x[i.item() :]`` for ``x[i:]`` where ``i`` has the shape (1,), which is a number to PyTorch as well."""
        if any(self._in_step):
            return updated_node
        ends: dict[str, cst.BaseExpression] = {}
        for end in ("lower", "upper", "step"):
            kind, now = self._kind(getattr(original_node, end)), getattr(updated_node, end)
            if kind == ROW:
                ends[end] = cst.Call(cst.Attribute(grouped(now), cst.Name("item")))
        return updated_node.with_changes(**ends)

    def _by_places(self, node: cst.Subscript) -> cst.Subscript:
        """``x[fnn.nonzero(mask, as_tuple=True)]``, which compiled code knows of a mask that it makes itself."""
        self.needs.add("fnn")
        index = node.slice[0].slice
        assert isinstance(index, cst.Index)
        places = call("fnn.nonzero", bare(index.value), keyword("as_tuple", cst.Name("True")))
        return node.with_changes(slice=[cst.SubscriptElement(cst.Index(places))])

    def _reduced(self, node: cst.Call) -> Reduced | None:
        """A sum or a mean over what is read by a mask whose values are not known."""
        found = reduced(node, self._kind(node.func), self.found, self._shapes(node))
        mask = mask_of(found.reads[0], self.found) if found is not None else None
        return found if mask is not None and is_traced(mask, self._names_traced) else None

    @property
    def _names_traced(self) -> set[str]:
        return self._traced[-1] if self._traced else set()
