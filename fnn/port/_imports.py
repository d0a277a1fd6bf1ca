"""Import statements: PyTorch's modules become fnn's, what has no place is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import libcst as cst

from fnn.port._edit import name
from fnn.port._report import LEFT, Status
from fnn.port._scopes import dotted
from fnn.port._torch import hint, place, root_of

__all__ = ["ImportRewriter"]

_GONE = (
    "torch.backends",
    "torch.autograd.Variable",
    "torch.Tensor",
    "torch.cuda",
    "torch.multiprocessing",
    "torch.onnx",
)
Note = Callable[[cst.CSTNode, Status, str], None]


class ImportRewriter(cst.CSTTransformer):
    """Rewrites the imports of a module; `bound` are the names that it had left out."""

    def __init__(self, note: Note) -> None:
        super().__init__()
        self._note = note

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine] | cst.RemovalSentinel:
        if not any(isinstance(s, cst.Import | cst.ImportFrom) for s in updated_node.body):
            return updated_node
        made: list[cst.BaseSmallStatement] = []
        for small in updated_node.body:
            if isinstance(small, cst.Import):
                made += self._plain(small)
            elif isinstance(small, cst.ImportFrom):
                made += self._names(small)
            else:
                made.append(small)
        if len(made) == len(updated_node.body):
            return updated_node.with_changes(body=made)
        if not made:
            return cst.RemoveFromParent()
        lines = [cst.SimpleStatementLine([small.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)]) for small in made]
        lines[0] = lines[0].with_changes(leading_lines=updated_node.leading_lines)
        lines[-1] = lines[-1].with_changes(trailing_whitespace=updated_node.trailing_whitespace)
        return cst.FlattenSentinel(lines)

    def _plain(self, node: cst.Import) -> list[cst.BaseSmallStatement]:
        kept: list[cst.ImportAlias] = []
        for alias in node.names:
            full = dotted(alias.name) or ""
            if root_of(full) is None:
                kept.append(alias)
                continue
            if full.startswith(_GONE) and place(full) is None:
                continue
            target = place(full)
            if target is None:
                self._note(node, LEFT, f"import {full}: {hint(full)}")
                kept.append(alias)
            else:
                made = alias.with_changes(name=name(target))
                if not any(made.with_changes(comma=k.comma).deep_equals(k) for k in kept):
                    kept.append(made)
        return [_import(node, kept)] if kept else []

    def _names(self, node: cst.ImportFrom) -> list[cst.BaseSmallStatement]:
        module = dotted(node.module) or ""
        if root_of(module) is None or node.relative:
            return [node]
        if isinstance(node.names, cst.ImportStar):
            target = place(module)
            return [node.with_changes(module=name(target))] if target is not None else [node]
        groups: dict[str, list[cst.ImportAlias]] = {}
        for alias in node.names:
            full = f"{module}.{dotted(alias.name)}"
            target = place(full)
            if full in ("torch.Tensor", "torch.autograd.Variable"):
                continue
            if target is None:
                if full.startswith(_GONE):
                    continue
                self._note(node, LEFT, f"from {module} import {dotted(alias.name)}: {hint(full)}")
                groups.setdefault(module, []).append(alias)
                continue
            parent, _, last = target.rpartition(".")
            if last != (dotted(alias.name) or ""):
                if alias.asname is None:
                    continue  # its uses are spelled out
                alias = alias.with_changes(name=name(last))
            groups.setdefault(parent, []).append(alias)
        if len(groups) == 1 and len(next(iter(groups.values()))) == len(node.names):
            return [node.with_changes(module=name(next(iter(groups))), names=next(iter(groups.values())))]
        if len(groups) == 1:
            parent, aliases = next(iter(groups.items()))
            return [node.with_changes(module=name(parent), names=_commas(aliases))]
        return [cst.ImportFrom(module=name(parent), names=_on_a_line(aliases)) for parent, aliases in groups.items()]


def _commas(aliases: Sequence[cst.ImportAlias]) -> list[cst.ImportAlias]:
    return [*aliases[:-1], aliases[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]


def _on_a_line(aliases: Sequence[cst.ImportAlias]) -> list[cst.ImportAlias]:
    return [alias.with_changes(comma=cst.MaybeSentinel.DEFAULT) for alias in aliases]


def _import(node: cst.Import, aliases: Sequence[cst.ImportAlias]) -> cst.Import:
    return node.with_changes(names=_commas(aliases))
