"""What is asked of values: branches, choices, assertions, loops over arrays, patterns."""

from __future__ import annotations

import libcst as cst

from fnn.port._branches import BRANCH, branched
from fnn.port._edit import bare, call, name
from fnn.port._hindrances import STEP
from fnn.port._kinds import ARRAY, BOX, INDEX, MASK, NONE, is_array
from fnn.port._report import CHANGED, LEFT
from fnn.port._writes import Writes

__all__ = ["Conditions"]


class Conditions(Writes):
    """Statements and expressions that a value decides, which compiled code does not know."""

    def leave_If(
        self, original_node: cst.If, updated_node: cst.If
    ) -> cst.BaseStatement | cst.RemovalSentinel | cst.FlattenSentinel[cst.BaseStatement]:
        kind, test = self._kind(original_node.test), original_node.test
        of_array = kind == MASK or (is_array(kind) and kind != BOX and isinstance(test, cst.Comparison | cst.Call))
        if of_array and self._forward and self._forward[-1]:
            rows = branched(original_node, updated_node, self.found)
            if rows is not None:
                self.needs.add("fnn")
                return cst.FlattenSentinel(rows)
            self.note(original_node, LEFT, BRANCH, STEP)
        elif isinstance(test, cst.UnaryOperation):
            self._tell_asked(original_node, test)
        return super().leave_If(original_node, updated_node)

    def leave_While(self, original_node: cst.While, updated_node: cst.While) -> cst.While:
        self._tell_asked(original_node, original_node.test)
        return updated_node

    def leave_CompIf(self, original_node: cst.CompIf, updated_node: cst.CompIf) -> cst.CompIf:
        self._tell_asked(original_node, original_node.test)
        return updated_node

    def _tell_asked(self, node: cst.CSTNode, test: cst.BaseExpression) -> None:
        """Reports a test in a forward pass that asks for the value of an array."""
        while isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            test = test.expression
        kind = self._kind(test)
        computed = isinstance(test, cst.Comparison | cst.Call)
        if self._forward and self._forward[-1] and (kind == MASK or (is_array(kind) and kind != BOX and computed)):
            self.note(node, LEFT, BRANCH, STEP)

    def _tell_iterated(self, node: cst.Call, rows: cst.BaseExpression) -> None:
        """Reports `all` and `any`, which ask for each value of an array, in a forward pass."""
        if self._forward and self._forward[-1] and is_array(self._kind(rows)):
            self.note(node, LEFT, BRANCH, STEP)

    def leave_IfExp(self, original_node: cst.IfExp, updated_node: cst.IfExp) -> cst.BaseExpression:
        kind, test = self._kind(original_node.test), original_node.test
        of_array = kind == MASK or (kind == ARRAY and isinstance(test, cst.Comparison | cst.Call))
        if not of_array or not (self._forward and self._forward[-1]):
            return updated_node
        ways = [self._kind(n) for n in (original_node.body, original_node.orelse)]
        if NONE in ways or not any(map(is_array, ways)):
            self.note(original_node, LEFT, BRANCH, STEP)
            return updated_node
        self.needs.add("fnn")
        return call("fnn.where", bare(updated_node.test), bare(updated_node.body), bare(updated_node.orelse))

    def visit_CompIf(self, node: cst.CompIf) -> None:
        """Notes ``[x for x, dropped in zip(xs, mask) if not dropped]``."""
        test = node.test
        while isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            test = test.expression
        if self._kind(test) in (ARRAY, MASK) and self._forward and self._forward[-1]:
            self.note(node, LEFT, BRANCH, "the training step")

    def visit_Call(self, node: cst.Call) -> None:
        """Notes ``all(mask)``, which asks for the value of each element."""
        super().visit_Call(node)
        match node:
            case cst.Call(func=cst.Name(value="all" | "any"), args=[cst.Arg(value=rows)]):
                asked = self._kind(node.func) is None and self._kind(rows) in (ARRAY, MASK)
                if asked and self._forward and self._forward[-1] and not self._is_fixed(node, rows):
                    self.note(node, LEFT, BRANCH, "the training step")

    def leave_Assert(
        self, original_node: cst.Assert, updated_node: cst.Assert
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel:
        if is_array(self._kind(original_node.test)) and self._forward and self._forward[-1]:
            self.note(original_node, CHANGED, "what is asserted is a value, which is not known where a step is "
                      "compiled: left out")  # fmt: skip
            return cst.RemoveFromParent()
        return updated_node

    def leave_For(
        self, original_node: cst.For, updated_node: cst.For
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        rows = original_node.iter
        if (
            self._forward
            and self._forward[-1]
            and self._kind(rows) in (ARRAY, INDEX)
            and self._is_fixed(original_node, rows)
        ):
            self.needs.add("fnn")
            return updated_node.with_changes(iter=call("fnn.numpy", bare(updated_node.iter)))
        return super().leave_For(original_node, updated_node)

    def leave_MatchClass(self, original_node: cst.MatchClass, updated_node: cst.MatchClass) -> cst.MatchClass:
        kind = self._kind(original_node.cls)
        if kind is not None and kind.tag == "tensor class":
            self.needs.add("jax")
            return updated_node.with_changes(cls=name("jax.Array"))
        return updated_node
