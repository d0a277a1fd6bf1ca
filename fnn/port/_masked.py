"""What is read by a mask, ``x[mask]``, where it is compiled: its size is not known there."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from fnn.port._alike import Shapes
from fnn.port._by_masks import is_mask
from fnn.port._edit import arguments, bare, call, grouped, keyword
from fnn.port._flow import bound, names_in, walk
from fnn.port._kinds import Kind
from fnn.port._scopes import Scopes, dotted

__all__ = [
    "MASKED", "Reduced", "chosen", "is_compiled", "is_traced", "mask_of", "reduced", "traced_names", "with_ignored",
    "with_where",
]  # fmt: skip

MASKED = (
    "x[mask] has as many elements as the mask has true ones, which is not known where a step is compiled; write "
    "fnn.where(mask, x, 0), or the mean of all with where=mask"
)
_LOSSES = frozenset(("torch.nn.functional.cross_entropy", "torch.nn.functional.nll_loss"))
_LAYERS = frozenset(("CrossEntropyLoss", "NLLLoss"))
_ELEMENTWISE = frozenset(
    f"torch.nn.functional.{name}"
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
                 "binary_cross_entropy_with_logits")
)  # fmt: skip


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
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=index))]) if is_mask(index, found):
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


class Reduced(NamedTuple):
    """A sum or a mean over what is read by a mask: ``x[mask].mean()``, ``F.mse_loss(x[mask], y[mask])``."""

    reads: tuple[cst.Subscript, ...]
    how: str
    alike: bool  # whether the mask surely has the array's shape


def reduced(node: cst.Call, kind: Kind | None, found: Scopes, shapes: Shapes) -> Reduced | None:
    """What a call reduces; None: it is something else, or the shapes are not known well enough."""
    match node:
        case cst.Call(
            func=cst.Attribute(value=cst.Subscript() as x, attr=cst.Name(value="sum" | "mean" as how)), args=[]
        ):
            mask = mask_of(x, found)
            if mask is None:
                return None
            alike = shapes.alike(mask, x.value)
            return Reduced((x,), how, alike) if alike or how == "sum" else None
    if kind is None or kind.tag != "torch" or kind.name not in _ELEMENTWISE:
        return None
    rest = [a for a in node.args if a.keyword is not None]
    how = "mean"
    match rest:
        case []:
            pass
        case [cst.Arg(keyword=cst.Name(value="reduction"), value=cst.SimpleString() as text)]:
            how = str(text.evaluated_value)
        case _:
            return None
    given = [a.value for a in node.args if a.keyword is None and not a.star]
    reads = [g for g in given if isinstance(g, cst.Subscript)]
    if len(given) != 2 or len(reads) != 2 or how not in ("sum", "mean"):
        return None
    masks = [mask_of(read, found) for read in reads]
    first, second = masks
    if first is None or second is None or not first.deep_equals(second):
        return None
    alike = any(shapes.alike(first, read.value) for read in reads)
    return Reduced((reads[0], reads[1]), how, alike) if alike else None


def with_where(node: cst.Call, found: Reduced) -> cst.Call:
    """``x.mean(where=mask)``, or the loss of all elements reduced so; ``node`` has the reads as they are now."""
    if len(found.reads) == 1:
        assert isinstance(node.func, cst.Attribute) and isinstance(node.func.value, cst.Subscript)
        x, mask = node.func.value.value, _index(node.func.value)
        if found.alike:
            return cst.Call(cst.Attribute(x, cst.Name(found.how)), [keyword("where", mask)])
        outside = cst.Tuple([cst.Element(cst.UnaryOperation(cst.BitInvert(), grouped(mask)), cst.Comma())])
        return cst.Call(cst.Attribute(call("fnn.index_put", x, outside, cst.Integer("0")), cst.Name("sum")))
    reads = [a.value for a in node.args[:2]]
    assert isinstance(reads[0], cst.Subscript) and isinstance(reads[1], cst.Subscript)
    every = keyword("reduction", cst.SimpleString('"none"'))
    losses = node.with_changes(args=arguments(reads[0].value, reads[1].value, every))
    return cst.Call(cst.Attribute(losses, cst.Name(found.how)), [keyword("where", _index(reads[0]))])


def _index(node: cst.Subscript) -> cst.BaseExpression:
    index = node.slice[0].slice
    assert isinstance(index, cst.Index)
    return bare(index.value)


def is_traced(mask: cst.BaseExpression, names: set[str]) -> bool:
    """Whether a mask depends on what is only known while a step runs."""
    return bool(names_in(mask) & names)
