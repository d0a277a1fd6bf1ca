"""Writes by a mask: ``x[mask] = v``, also where the mask has fewer dimensions than the array.

A mask with the array's shape chooses element by element (`fnn.masked_fill`, `fnn.where`).  Where the statements do not
show that it has, `fnn.index_put` takes it for the first dimensions, as PyTorch's brackets do, in compiled code too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import libcst as cst

from fnn.port._alike import Shapes
from fnn.port._edit import assign, bare, call, code, grouped, keyword, replaced
from fnn.port._flow import walk
from fnn.port._kinds import ARRAY, MASK, NUMBER
from fnn.port._scopes import Scopes, dotted

__all__ = ["Write", "is_mask", "put", "read_whole", "write_by_mask", "written_by_mask"]

_OPERATORS: dict[type[cst.BaseAugOp], type[cst.BaseBinaryOp]] = {
    cst.AddAssign: cst.Add,
    cst.SubtractAssign: cst.Subtract,
    cst.MultiplyAssign: cst.Multiply,
    cst.DivideAssign: cst.Divide,
    cst.PowerAssign: cst.Power,
}
_SMOOTH = cst.Add | cst.Subtract | cst.Multiply


class Write(NamedTuple):
    """A write into an array: its target and value as they stood, and as they are now; an operator with ``+=``."""

    target: cst.Subscript
    value: cst.BaseExpression
    new_target: cst.Subscript
    given: cst.BaseExpression
    operator: cst.BaseAugOp | None = None


def is_mask(index: cst.BaseExpression, found: Scopes) -> bool:
    """Whether an index is of truth values, by its kind or by what it is called."""
    kind = found.of(index)
    if kind == MASK or kind not in (None, ARRAY):
        return kind == MASK
    if isinstance(index, cst.UnaryOperation) and isinstance(index.operator, cst.BitInvert):
        return True
    return "mask" in (dotted(index) or "").rpartition(".")[2].lower()


def write_by_mask(write: Write, found: Scopes, shapes: Shapes, compiled: bool = False) -> cst.Assign | None:
    """The statement for a write by one mask, beside whole dimensions and numbers; None: it is no such write."""
    x = write.new_target.value
    made = written_by_mask(write, found, shapes, compiled) if isinstance(x, cst.Name | cst.Attribute) else None
    return None if made is None else assign(x, made)


def written_by_mask(write: Write, found: Scopes, shapes: Shapes, compiled: bool) -> cst.BaseExpression | None:
    """The array after such a write.

    Args:
        write: the write.
        found: what is known of its parts.
        shapes: what is known of shapes where it stands.
        compiled: whether it stands in a program that does not know the mask's values.
    """
    x = write.new_target.value
    places = _places(write, found)
    if places is None:
        return None
    index = write.target.slice[0].slice
    if len(places) == 1 and isinstance(index, cst.Index):
        mask = bare(places[0])
        if shapes.alike(index.value, write.target.value):
            made = _chosen(write, index.value, mask, mask, found)
            if made is not None:
                return made
        elif compiled and is_mask(index.value, found) and _by_same(write.value, index.value, found):
            # y[mask] has a size there that nobody knows; the mask stands for the first dimensions of both.
            text = f"{{m}}.reshape({{m}}.shape + (1,) * ({code(x)}.ndim - {{m}}.ndim))"
            wide = cst.parse_expression(text.format(m=code(grouped(mask))))
            made = _chosen(write, index.value, mask, wide, found)
            if made is not None:
                return made
    return put(x, places, bare(write.given), write.operator)


def put(
    x: cst.BaseExpression,
    places: Sequence[cst.BaseExpression],
    given: cst.BaseExpression,
    operator: cst.BaseAugOp | None,
) -> cst.BaseExpression | None:
    """``x`` with values at places, or with ``+=`` and its like; None: the operator is none of these."""
    at = cst.Tuple([cst.Element(p) for p in places])
    if len(places) == 1:
        at = cst.Tuple([cst.Element(bare(places[0]), cst.Comma())])
    if operator is None:
        return call("fnn.index_put", x, at, given)
    added = keyword("accumulate", cst.Name("True"))
    if isinstance(operator, cst.AddAssign):
        return call("fnn.index_put", x, at, given, added)
    if isinstance(operator, cst.SubtractAssign):
        return call("fnn.index_put", x, at, cst.UnaryOperation(cst.Minus(), grouped(given)), added)
    ones = call("fnn.index_put", call("fnn.ones_like", x), at, given)
    plain = _OPERATORS.get(type(operator))
    return None if plain is None else cst.BinaryOperation(x, plain(), ones)


def read_whole(
    target: cst.BaseExpression, value: cst.BaseExpression, found: Scopes, shapes: Shapes, compiled: bool = False
) -> set[int]:
    """What a write by a mask reads by the same one, and will read whole: identities."""
    match target:
        case cst.Subscript(value=x, slice=[cst.SubscriptElement(slice=cst.Index(value=mask))]):
            if is_mask(mask, found) and (compiled or shapes.alike(mask, x)) and _by_same(value, mask, found):
                return {id(n) for n in walk(value) if isinstance(n, cst.Subscript)}
    return set()


def _places(write: Write, found: Scopes) -> list[cst.BaseExpression] | None:
    """What `fnn.index_put` takes for the brackets; None: they hold no mask, or something else beside it."""
    places: list[cst.BaseExpression] = []
    masks: list[int] = []
    taken: list[int] = []
    alone = len(write.target.slice) == 1
    for i, (old, new) in enumerate(zip(write.target.slice, write.new_target.slice, strict=True)):
        match old.slice, new.slice:
            case cst.Slice(lower=None, upper=None, step=None), _:
                places.append(cst.Name("None"))
                continue
            case cst.Index(value=index), cst.Index(value=value):
                # By its name alone a mask is known only where nothing stands beside it.
                if found.of(index) == MASK or (alone and is_mask(index, found)):
                    masks.append(i)
                    places.append(value)
                elif found.of(index) == NUMBER:
                    places.append(call("fnn.tensor", value))
                else:
                    return None
                taken.append(i)
            case _:
                return None
    if len(masks) != 1 or taken[-1] - taken[0] + 1 != len(taken):
        return None
    return places[: taken[-1] + 1]


def _chosen(
    write: Write, mask: cst.BaseExpression, read: cst.BaseExpression, new_mask: cst.BaseExpression, found: Scopes
) -> cst.BaseExpression | None:
    """The array after a write by a mask of its own shape, element by element; None: the values have another."""
    x, number = write.new_target.value, _is_number(write.value, found)
    if write.operator is None and number:
        return call("fnn.masked_fill", x, new_mask, bare(write.given))
    operator = _OPERATORS.get(type(write.operator)) if write.operator is not None else None
    if write.operator is not None and (operator is None or operator is cst.Power):
        return None
    if number or (_by_same(write.value, mask, found) and operator is not cst.Divide):
        value = _unmasked(write.given, read)
        if operator is not None:
            value = cst.BinaryOperation(x, operator(), grouped(value))
        return call("fnn.where", new_mask, bare(value), x)
    return None


def _is_number(value: cst.BaseExpression, found: Scopes) -> bool:
    if found.of(value) == NUMBER:
        return True
    plain = isinstance(value, cst.Integer | cst.Float | cst.UnaryOperation)
    return plain and not any(isinstance(n, cst.Subscript) for n in walk(value))


def _by_same(value: cst.BaseExpression, mask: cst.BaseExpression, found: Scopes) -> bool:
    """Whether a value is formed of ``y[mask]`` and numbers, in ways that are harmless where the mask is false."""
    match value:
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
            return index.deep_equals(mask)
        case cst.BinaryOperation(left=left, right=right, operator=operator) if isinstance(operator, _SMOOTH):
            sides = [side for side in (left, right) if found.of(side) != NUMBER]
            return bool(sides) and all(_by_same(side, mask, found) for side in sides)
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            return _by_same(inner, mask, found)
    return False


def _unmasked(value: cst.BaseExpression, mask: cst.BaseExpression) -> cst.BaseExpression:
    """``y`` for ``y[mask]`` in an expression."""
    text = code(mask)

    def is_read(node: cst.CSTNode) -> bool:
        match node:
            case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
                return code(bare(index)) == text
        return False

    if is_read(value) and isinstance(value, cst.Subscript):
        return value.value
    return replaced(value, {id(n): [n.value] for n in walk(value) if isinstance(n, cst.Subscript) and is_read(n)})
