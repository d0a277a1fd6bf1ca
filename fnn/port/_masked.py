"""What is read by a mask, ``x[mask]``, where it is compiled: its size is not known there."""

from __future__ import annotations

import libcst as cst

from fnn.port._edit import bare, call, grouped
from fnn.port._flow import bound, names_in, walk
from fnn.port._kinds import MASK, Kind
from fnn.port._scopes import Scopes, dotted

__all__ = ["MASKED", "chosen", "is_compiled", "is_traced", "mask_of", "traced_names", "with_ignored"]

MASKED = (
    "x[mask] has as many elements as the mask has true ones, which is not known where a step is compiled; write "
    "fnn.where(mask, x, 0), or the mean of all with where=mask"
)
_LOSSES = frozenset(("torch.nn.functional.cross_entropy", "torch.nn.functional.nll_loss"))
_LAYERS = frozenset(("CrossEntropyLoss", "NLLLoss"))


def is_compiled(node: cst.FunctionDef) -> bool:
    """Whether a function stands under ``@fnn.jit``."""
    decorators = [d.decorator.func if isinstance(d.decorator, cst.Call) else d.decorator for d in node.decorators]
    return any((dotted(d) or "").endswith("jit") for d in decorators)


def traced_names(node: cst.FunctionDef) -> set[str]:
    """The names that stand for traced values in a compiled function."""
    return {p.name.value for p in walk(node.params) if isinstance(p, cst.Param)} | bound(node.body.body)


def mask_of(node: cst.BaseExpression, found: Scopes) -> cst.BaseExpression | None:
    """The mask by which an expression reads, if it does."""
    match node:
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=index))]) if found.of(index) == MASK:
            return index
    return None


def chosen(node: cst.Call, kind: Kind | None, found: Scopes) -> list[cst.Subscript]:
    """The two arguments of a cross entropy that are read by one mask."""
    loss = kind is not None and (kind.name in _LOSSES if kind.tag == "torch" else kind.name in _LAYERS)
    if not loss or len(node.args) != 2 or any(a.keyword is not None or a.star for a in node.args):
        return []
    values = [a.value for a in node.args]
    masks = [mask_of(value, found) for value in values]
    if masks[0] is None or masks[1] is None or not masks[0].deep_equals(masks[1]):
        return []
    return [value for value in values if isinstance(value, cst.Subscript)]


def with_ignored(node: cst.Call, scores: cst.Subscript, labels: cst.Subscript) -> cst.Call:
    """``loss(scores[mask], labels[mask])`` with all rows, where those outside of the mask are ignored."""
    index = labels.slice[0].slice
    assert isinstance(index, cst.Index)
    outside = cst.UnaryOperation(cst.BitInvert(), grouped(index.value))
    ignored = call("fnn.masked_fill", bare(labels.value), outside, cst.parse_expression("-100"))
    given = [node.args[0].with_changes(value=bare(scores.value)), node.args[1].with_changes(value=ignored)]
    return node.with_changes(args=given)


def is_traced(mask: cst.BaseExpression, names: set[str]) -> bool:
    """Whether a mask depends on what is only known while a step runs."""
    return bool(names_in(mask) & names)
