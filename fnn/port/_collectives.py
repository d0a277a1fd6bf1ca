"""Statements that exchange tensors: torch.distributed writes results to an argument, `fnn.distributed` returns them."""

from __future__ import annotations

import libcst as cst

from fnn.port._edit import assign
from fnn.port._kinds import Kind

__all__ = ["each_exchanged", "written"]

# Of the functions that have one such argument, its name; it is the first.  Lists are written to here, too.
_WRITES = {
    "all_reduce": "tensor",
    "broadcast": "tensor",
    "reduce": "tensor",
    "scatter": "tensor",
    "all_gather_into_tensor": "output_tensor",
    "reduce_scatter": "output",
    "reduce_scatter_tensor": "output",
    "all_to_all_single": "output",
}
_PLACES = cst.Name | cst.Attribute


def written(kind: Kind | None, call: cst.Call) -> cst.BaseExpression | None:
    """The argument that a call writes to; None of a call that is no such exchange.

    Args:
        kind: of the function.
        call: the call.
    """
    if kind is None or kind.tag != "torch" or not kind.name.startswith("torch.distributed."):
        return None
    name = _WRITES.get(kind.name.rpartition(".")[2])
    if name is None or not call.args:
        return None
    first = call.args[0]
    named = next((arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value == name), None)
    return first.value if first.keyword is None and not first.star else named


def each_exchanged(node: cst.For) -> cst.Assign | None:
    """``for t in (a, b): t = dist.all_reduce(t)``, a loop whose statement has been converted, as one that changes a, b.

    Args:
        node: the loop.

    Returns:
        ``a, b = [dist.all_reduce(t) for t in (a, b)]``; None of a loop of another kind.
    """
    match node:
        case cst.For(
            target=cst.Name(value=each),
            iter=(cst.Tuple() | cst.List()) as rows,
            body=cst.IndentedBlock(body=[cst.SimpleStatementLine(body=[cst.Assign(
                targets=[cst.AssignTarget(target=cst.Name(value=name))], value=cst.Call() as made
            )])]),
            orelse=None,
        ) if each == name and all(isinstance(row.value, _PLACES) for row in rows.elements):  # fmt: skip
            generated = cst.CompFor(target=cst.Name(each), iter=rows)
            places = cst.Tuple([cst.Element(row.value) for row in rows.elements], lpar=[], rpar=[])
            return assign(places, cst.ListComp(made, generated))
    return None
