"""Writes into a part of an array: brackets after brackets, ``x[..., 0][mask] = v``, and masks beside slices.

The part is written as an array of its own, and put back.
"""

from __future__ import annotations

import libcst as cst

from fnn.port._alike import Shapes
from fnn.port._by_masks import Write, put, written_by_mask
from fnn.port._edit import assign, bare, grouped
from fnn.port._kinds import MASK, NUMBER
from fnn.port._ranks import Ranks
from fnn.port._scopes import Scopes

__all__ = ["AT", "changed_at", "write_in_part"]

AT: dict[type[cst.BaseAugOp], str] = {
    cst.AddAssign: "add",
    cst.MultiplyAssign: "multiply",
    cst.DivideAssign: "divide",
    cst.PowerAssign: "power",
}


def changed_at(
    target: cst.Subscript, operator: cst.BaseAugOp | None, value: cst.BaseExpression
) -> cst.BaseExpression | None:
    """``x.at[i].set(v)`` for ``x[i] = v``, ``x.at[i].add(v)`` for ``x[i] += v``; None: it has no such form."""
    what = "set" if operator is None else AT.get(type(operator))
    if isinstance(operator, cst.SubtractAssign):
        what, value = "add", cst.UnaryOperation(cst.Minus(), grouped(value))
    if what is None:
        return None
    at = target.with_changes(value=cst.Attribute(target.value, cst.Name("at")))
    return cst.Call(cst.Attribute(at, cst.Name(what)), [cst.Arg(bare(value))])


def write_in_part(write: Write, found: Scopes, shapes: Shapes, ranks: Ranks, compiled: bool) -> cst.Assign | None:
    """The statement for such a write; None: it is another, or too little is known of it.

    Args:
        write: the write.
        found: what is known of its parts.
        shapes: what is known of shapes where it stands.
        ranks: what is known of numbers of dimensions there.
        compiled: whether it stands in a program that does not know a mask's values.
    """
    if isinstance(write.target.value, cst.Subscript) and isinstance(write.new_target.value, cst.Subscript):
        return _in_brackets(write, write.target.value, write.new_target.value, found, shapes, compiled)
    return _beside_slices(write, found, ranks) if compiled else None


def _in_brackets(
    write: Write, old: cst.Subscript, part: cst.Subscript, found: Scopes, shapes: Shapes, compiled: bool
) -> cst.Assign | None:
    """``x = x.at[..., 0].set(fnn.masked_fill(x[..., 0], mask, v))`` for ``x[..., 0][mask] = v``."""
    kind = found.of(old.value)
    if kind is None or kind.tag not in ("array", "box") or not isinstance(part.value, cst.Name | cst.Attribute):
        return None
    if not all(_is_view(e, found) for e in old.slice):
        return None  # brackets that copy: PyTorch writes into the copy, too
    made = written_by_mask(write, found, shapes, compiled)
    made = made or changed_at(write.new_target, write.operator, write.given)
    if made is None:
        return None
    if kind.tag == "box":
        return cst.Assign([cst.AssignTarget(part)], made)
    whole = changed_at(part, None, made)
    return assign(part.value, whole) if whole is not None else None


def _is_view(element: cst.SubscriptElement, found: Scopes) -> bool:
    """Whether brackets with this choose by a slice or a number."""
    match element.slice:
        case cst.Index(value=index):
            return isinstance(index, cst.Ellipsis) or found.of(index) == NUMBER
    return True


def _beside_slices(write: Write, found: Scopes, ranks: Ranks) -> cst.Assign | None:
    """``x = x.at[:, :2].set(fnn.index_put(x[:, :2], (mask,), v))`` for ``x[mask, :2] = v``."""
    x = write.new_target.value
    olds, news = write.target.slice, write.new_target.slice
    masks = [i for i, e in enumerate(olds) if isinstance(e.slice, cst.Index) and found.of(e.slice.value) == MASK]
    if not isinstance(x, cst.Name | cst.Attribute) or len(masks) != 1:
        return None
    at = masks[0]
    index, new = olds[at].slice, news[at].slice
    assert isinstance(index, cst.Index) and isinstance(new, cst.Index)
    around = [*olds[:at], *olds[at + 1 :]]
    if not all(_is_view(e, found) and not _is_open(e) for e in around):
        return None
    known, base = ranks.of(index.value), ranks.of(write.target.value)
    if known is not None and not known.root:
        middle = [cst.SubscriptElement(cst.Slice(None, None)) for _ in range(known.more)]
    elif known is not None and base is not None and known.root == base.root and not at:
        if base.more - known.more != len(olds) - 1:
            return None
        middle = [cst.SubscriptElement(cst.Index(cst.Ellipsis()))]
    else:
        return None
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    parts = [e.with_changes(comma=comma) for e in (*news[:at], *middle, *news[at + 1 :])]
    parts[-1] = parts[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    part = cst.Subscript(x, parts)
    whole = [cst.Name("None") for e in olds[:at] if isinstance(e.slice, cst.Slice)]
    made = put(part, [*whole, new.value], bare(write.given), write.operator)
    return None if made is None else assign(x, changed_at(part, None, made) or made)


def _is_open(element: cst.SubscriptElement) -> bool:
    return isinstance(element.slice, cst.Index) and isinstance(element.slice.value, cst.Ellipsis)
