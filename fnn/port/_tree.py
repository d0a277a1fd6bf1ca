"""What the nodes of a module stand in: the node above each, and the function around it."""

from __future__ import annotations

import libcst as cst

__all__ = ["Scope", "Tree"]

Scope = cst.Module | cst.FunctionDef


class Tree:
    """Questions upwards, which libcst's nodes do not answer.

    Attributes:
        above: the node that each stands in, by identity.
        scope: the function, or the module, around each.
    """

    def __init__(self, module: cst.Module) -> None:
        self.above: dict[int, cst.CSTNode] = {}
        self.scope: dict[int, Scope] = {}
        self._names: dict[int, dict[str, list[cst.Name]]] = {id(module): {}}
        self._inner: dict[int, list[cst.FunctionDef]] = {id(module): []}
        self._look(module, module)

    def _look(self, node: cst.CSTNode, scope: Scope) -> None:
        if isinstance(node, cst.FunctionDef):
            self._inner[id(scope)].append(node)
            self._inner[id(node)], self._names[id(node)] = [], {}
            scope = node
        for child in node.children:
            self.above[id(child)], self.scope[id(child)] = node, scope
            attribute = isinstance(node, cst.Attribute) and child is node.attr
            keyword = isinstance(node, cst.Arg) and child is node.keyword
            if isinstance(child, cst.Name) and not attribute and not keyword:
                self._names[id(scope)].setdefault(child.value, []).append(child)
            self._look(child, scope)

    def names(self, scope: Scope, name: str) -> list[cst.Name]:
        """Where a name stands in a function, the functions inside it left out."""
        return self._names[id(scope)].get(name, [])

    def inside(self, scope: Scope) -> list[cst.FunctionDef]:
        """The functions inside a function, at any depth."""
        found = list(self._inner[id(scope)])
        for function in found:
            found += self._inner[id(function)]
        return found
