"""Bodies and branches that a conversion leaves empty."""

from __future__ import annotations

import libcst as cst

from fnn.port._scopes import dotted

__all__ = ["Emptied"]


class Emptied(cst.CSTTransformer):
    """Fills bodies that have lost all their statements, and removes branches that do nothing any more."""

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        if updated_node.body:
            return updated_node
        return updated_node.with_changes(body=[cst.SimpleStatementLine([cst.Pass()])])

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        return updated_node if updated_node.body else updated_node.with_changes(body=[cst.Pass()])

    def leave_If(
        self, original_node: cst.If, updated_node: cst.If
    ) -> cst.BaseStatement | cst.RemovalSentinel | cst.FlattenSentinel[cst.BaseStatement]:
        before, after = original_node.orelse, updated_node.orelse
        if isinstance(before, cst.Else) and isinstance(after, cst.Else):
            if _is_empty(after.body) and not _is_empty(before.body):
                updated_node = updated_node.with_changes(orelse=None)
        if _is_empty(updated_node.body) and not _is_empty(original_node.body) and updated_node.orelse is None:
            if not _calls(updated_node.test):
                return cst.RemoveFromParent()
        return updated_node


def _is_empty(body: cst.BaseSuite) -> bool:
    lines = body.body
    if len(lines) != 1:
        return False
    line = lines[0]
    if isinstance(line, cst.SimpleStatementLine):
        return len(line.body) == 1 and isinstance(line.body[0], cst.Pass)
    return isinstance(line, cst.Pass)


def _calls(node: cst.BaseExpression) -> bool:
    found: list[cst.Call] = []

    class Finder(cst.CSTVisitor):
        def visit_Call(self, node: cst.Call) -> None:
            if dotted(node.func) not in ("jax.default_backend", "isinstance", "hasattr", "len"):
                found.append(node)

    node.visit(Finder())
    return bool(found)
