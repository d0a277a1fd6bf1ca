"""What is left over after the conversion: imports that are needed now, names that nothing uses any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import libcst as cst

from fnn.port._edit import name, statement
from fnn.port._scopes import dotted

__all__ = ["tidied", "with_double", "with_imports"]


class _Names(cst.CSTVisitor):
    def __init__(self) -> None:
        self.count: Counter[str] = Counter()

    def visit_Name(self, node: cst.Name) -> None:
        self.count[node.value] += 1

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False  # what it is imported from is no use of a name

    def visit_Attribute_attr(self, node: cst.Attribute) -> None:
        self.count[node.attr.value] -= 1

    def visit_Arg_keyword(self, node: cst.Arg) -> None:
        if node.keyword is not None:
            self.count[node.keyword.value] -= 1


class _Unused(cst.CSTTransformer):
    """Removes ``name = <device>`` where the name stands nowhere else."""

    def __init__(self, count: Counter[str]) -> None:
        super().__init__()
        self._counts = [count]

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        names = _Names()
        node.visit(names)
        self._counts.append(names.count)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        self._counts.pop()
        return updated_node

    def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> cst.Assign | cst.RemovalSentinel:
        if len(updated_node.targets) != 1:
            return updated_node
        target = updated_node.targets[0].target
        if isinstance(target, cst.Tuple) and isinstance(updated_node.value, cst.Tuple):
            return self._unpacked(updated_node, target, updated_node.value)
        if isinstance(target, cst.Name) and self._counts[-1][target.value] == 1 and _is_device(updated_node.value):
            return cst.RemoveFromParent()
        return updated_node

    def _unpacked(self, node: cst.Assign, names: cst.Tuple, values: cst.Tuple) -> cst.Assign:
        """``b, n, device = *x.shape, x.device`` without the device."""
        left, right = list(names.elements), list(values.elements)
        for back in range(1, min(len(left), len(right)) + 1):
            name, value = left[-back].value, right[-back]
            if isinstance(value, cst.StarredElement) or isinstance(left[-back], cst.StarredElement):
                break
            unused = isinstance(name, cst.Name) and self._counts[-1][name.value] == 1
            if unused and _is_device(value.value) and len(left) > 2:
                left.pop(-back)
                right.pop(-back)
                targets = [node.targets[0].with_changes(target=names.with_changes(elements=_closed(left)))]
                if len(right) == 1 and isinstance(right[0], cst.StarredElement):
                    return node.with_changes(targets=targets, value=right[0].value)
                return node.with_changes(targets=targets, value=values.with_changes(elements=_closed(right)))
        return node

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        return updated_node if updated_node.body else original_node


def _closed(elements: list[cst.BaseElement]) -> list[cst.BaseElement]:
    return [*elements[:-1], elements[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]


def _is_device(node: cst.BaseExpression) -> bool:
    found = [False]

    class Finder(cst.CSTVisitor):
        def visit_Call(self, node: cst.Call) -> None:
            found[0] |= dotted(node.func) in ("fnn.device", "jax.default_backend", "jax.devices")

        def visit_Attribute(self, node: cst.Attribute) -> None:
            found[0] |= node.attr.value == "device"

    node.visit(Finder())
    return found[0]


def tidied(after: cst.Module) -> cst.Module:
    """The module without the names of devices that nothing uses any more."""
    for _ in range(2):
        names = _Names()
        after.visit(names)
        result = after.visit(_Unused(names.count))
        if result.deep_equals(after):
            break
        after = result
    return after


def with_imports(module: cst.Module, needs: set[str]) -> cst.Module:
    """The module with ``import`` statements for what it uses and does not import."""
    names = _Names()
    module.visit(names)
    bound = _bound(module)
    roots = {need.partition(".")[0] for need in needs}
    used = [n for n in ("functools", "numpy", "fnn", "jax") if n in names.count and n in roots]
    used += [need for need in sorted(needs) if need.startswith("jax.")]
    missing = [n for n in used if n not in bound]
    if any(n.startswith("jax.") for n in missing):
        missing = [n for n in missing if n != "jax"]
    if not missing:
        return module
    at = _place(module.body)
    made: list[cst.BaseStatement] = [cst.SimpleStatementLine([cst.Import([cst.ImportAlias(name(n))])]) for n in missing]
    body: list[cst.BaseStatement | cst.SimpleStatementLine] = [*module.body]
    first = body[at] if at < len(body) else None
    if isinstance(first, cst.SimpleStatementLine) and first.leading_lines:
        made[0] = made[0].with_changes(leading_lines=first.leading_lines)
        body[at] = first.with_changes(leading_lines=())
    return module.with_changes(body=[*body[:at], *made, *body[at:]])


def with_double(module: cst.Module) -> cst.Module:
    """The module with JAX's 64-bit mode on, right after its imports."""
    last = 0
    for i, line in enumerate(module.body):
        if not isinstance(line, cst.SimpleStatementLine):
            break
        if any(isinstance(small, cst.Import | cst.ImportFrom) for small in line.body):
            last = i + 1
    on = statement('jax.config.update("jax_enable_x64", True)')
    return module.with_changes(
        body=[*module.body[:last], on.with_changes(leading_lines=[cst.EmptyLine(indent=False)]), *module.body[last:]]
    )


def _bound(module: cst.Module) -> set[str]:
    found: set[str] = set()
    for line in module.body:
        if isinstance(line, cst.SimpleStatementLine):
            for small in line.body:
                if isinstance(small, cst.Import):
                    for alias in small.names:
                        if alias.asname is None:
                            found.add((dotted(alias.name) or "").partition(".")[0])
                        elif isinstance(alias.asname.name, cst.Name):
                            found.add(alias.asname.name.value)
    return found


def _place(body: Sequence[cst.CSTNode]) -> int:
    """Where an import goes: before the first of fnn, else after the docstring and the imports of __future__."""
    for i, line in enumerate(body):
        if isinstance(line, cst.SimpleStatementLine):
            for small in line.body:
                if isinstance(small, cst.ImportFrom) and (dotted(small.module) or "").partition(".")[0] == "fnn":
                    return i
                if isinstance(small, cst.Import) and any((dotted(a.name) or "").startswith("fnn") for a in small.names):
                    return i
    for i, line in enumerate(body):
        first = line.body[0] if isinstance(line, cst.SimpleStatementLine) and line.body else None
        docstring = i == 0 and isinstance(first, cst.Expr) and isinstance(first.value, cst.SimpleString)
        future = isinstance(first, cst.ImportFrom) and dotted(first.module) == "__future__"
        if not docstring and not future:
            return i
    return len(body)
