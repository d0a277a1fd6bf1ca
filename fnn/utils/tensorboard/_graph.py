"""A model's graph for TensorBoard: one node an operation of its jaxpr, named by the module it belongs to."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.errors import ArgumentError
from fnn.utils._flops import inner_jaxprs
from fnn.utils._rehearsal import Call, Rehearsal, rehearse
from fnn.utils.tensorboard._protos import AttrValue, DataType, GraphDef, NodeDef, VersionDef
from fnn.utils.tensorboard._records import shape_proto

if TYPE_CHECKING:
    from jax.extend.core import JaxprEqn


_TYPES = {
    "float16": "DT_HALF", "bfloat16": "DT_BFLOAT16", "float32": "DT_FLOAT", "float64": "DT_DOUBLE", "bool": "DT_BOOL",
    "int8": "DT_INT8", "int16": "DT_INT16", "int32": "DT_INT32", "int64": "DT_INT64", "uint8": "DT_UINT8",
    "uint16": "DT_UINT16", "uint32": "DT_UINT32", "uint64": "DT_UINT64", "complex64": "DT_COMPLEX64",
}  # fmt: skip
_ILLEGAL = re.compile(r"[^\w./\-]", re.ASCII)  # in a node's name
_NOT_OPENED = ("while", "cond")


def graph_def(model: Any, inputs: Any) -> Any:
    """The graph of ``model``, called with ``inputs`` (a tuple: several arguments, unless it is a shape)."""
    if inputs is None:
        raise ArgumentError("add_graph: input_to_model should be an example of the model's input, or its shape")
    several = isinstance(inputs, tuple) and not all(isinstance(n, (int, np.integer)) for n in inputs)
    rehearsal = rehearse(model, inputs if several else (inputs,), {}, None, "add_graph")
    return _Graph(rehearsal).made()


class _Graph:
    """Translates a jaxpr; functions that it calls are opened up, a loop shows its body once."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal = rehearsal
        self.root = rehearsal.root.kind
        self.nodes: list[Any] = []
        self.used: set[str] = set()
        self.repeated: Counter[str] = Counter()

    def made(self) -> Any:
        """The whole graph."""
        closed = self.rehearsal.jaxpr
        read = {id(v) for equation in closed.jaxpr.eqns for v in equation.invars}
        read |= {id(v) for v in closed.jaxpr.outvars}
        sources: dict[Any, str] = {}
        for var, name in zip(closed.jaxpr.invars, self.rehearsal.names, strict=True):
            if id(var) not in read:
                continue
            is_input = name == "key" or name.startswith("input_")
            path = name if is_input else f"{self.root}/{name.replace('.', '/')}"
            sources[var] = self._node(path, "Placeholder" if is_input else "Parameter", [], [var.aval])
        for var in closed.jaxpr.constvars:
            sources[var] = self._node(f"{self.root}/constant", "Const", [], [var.aval])
        self._translate(closed.jaxpr, sources, None)
        for i, var in enumerate(closed.jaxpr.outvars):
            self._node(f"output_{i}", "Output", _known([var], sources), [var.aval])
        return GraphDef(node=self.nodes, versions=VersionDef(producer=22))

    def _translate(self, jaxpr: Any, sources: dict[Any, str], around: Call | None) -> None:
        for equation in jaxpr.eqns:
            call = self.rehearsal.call_of(equation, around)
            inner = None if equation.primitive.name in _NOT_OPENED else _opened(equation)
            if inner is not None:
                within = {
                    v: sources[o]
                    for v, o in zip(inner.invars, equation.invars, strict=True)
                    if not hasattr(o, "val") and o in sources
                }
                self._translate(inner, within, call)
                for outer, v in zip(equation.outvars, inner.outvars, strict=True):
                    if not hasattr(v, "val") and v in within:
                        sources[outer] = within[v]
                continue
            path = self.root if call is None or not call.part.path else f"{self.root}/{call.part.path}"
            name = f"{path.replace('.', '/')}/{equation.primitive.name}"
            node = self._node(
                name, equation.primitive.name, _known(equation.invars, sources), [v.aval for v in equation.outvars],
                _settings(equation.params),
            )  # fmt: skip
            for i, var in enumerate(equation.outvars):
                sources[var] = node if i == 0 else f"{node}:{i}"

    def _node(self, name: str, op: str, inputs: list[str], avals: list[Any], settings: str = "") -> str:
        name = unique = _ILLEGAL.sub("_", name)
        while unique in self.used:
            self.repeated[name] += 1
            unique = f"{name}_{self.repeated[name]}"
        self.used.add(unique)
        shapes = AttrValue.ListValue(shape=[shape_proto(tuple(getattr(aval, "shape", ()))) for aval in avals])
        attributes = {"_output_shapes": AttrValue(list=shapes)}
        dtype = _TYPES.get(str(getattr(avals[0], "dtype", ""))) if avals else None
        if dtype is not None:
            attributes["dtype"] = AttrValue(type=DataType.Value(dtype))
        if settings:
            attributes["attr"] = AttrValue(s=settings.encode())
        self.nodes.append(NodeDef(name=unique, op=op, input=inputs, attr=attributes))
        return unique


def _opened(equation: JaxprEqn) -> Any:
    """The jaxpr of a function that an equation calls, if its inputs and outputs are those of the equation."""
    inner = inner_jaxprs(equation)
    if len(inner) != 1:
        return None
    same = len(inner[0].invars) == len(equation.invars) and len(inner[0].outvars) == len(equation.outvars)
    return inner[0] if same else None


def _known(variables: list[Any], sources: dict[Any, str]) -> list[str]:
    return [sources[v] for v in variables if not hasattr(v, "val") and v in sources]  # a literal has a val


def _settings(params: dict[str, Any]) -> str:
    """An operation's parameters, those that are short."""
    shown = {k: str(v) for k, v in params.items() if v is not None and not hasattr(v, "jaxpr") and not callable(v)}
    return ", ".join(f"{k}={v}" for k, v in shown.items() if len(v) <= 120)
