"""What the inference knows: the kinds of nodes, the names in scope, the functions and classes of the script."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import libcst as cst

from fnn.port._kinds import Kind, is_array

__all__ = ["Class", "EachInPlace", "Function", "Scopes", "dotted", "each_in_place", "is_static", "requiring"]


def dotted(node: cst.BaseExpression | None) -> str | None:
    """``a.b.c`` as a string."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr.value}"
    return None


@dataclass
class Function:
    """A function of the script: what its parameters get and what it gives."""

    node: cst.FunctionDef | cst.Lambda
    owner: Class | None = None
    given: dict[str, Kind | None] = field(default_factory=dict)
    returns: Kind | None = None
    outer: list[dict[str, Kind | None]] = field(default_factory=list)


@dataclass
class Class:
    """A class of the script."""

    name: str
    bases: list[Kind | str]
    attributes: dict[str, Kind | None] = field(default_factory=dict)
    methods: dict[str, Function] = field(default_factory=dict)
    module: bool = False
    dataset: bool = False
    operation: bool = False  # derived from autograd.Function
    optimizer: bool = False


class Scopes(ABC):
    """What is known so far: kinds by the identity of nodes, names by scope, functions, classes."""

    def __init__(self) -> None:
        self.kinds: dict[int, Kind | None] = {}
        self.guessed: set[int] = set()  # calls whose receiver only a method's name makes a tensor
        self.functions: dict[int, Function] = {}
        self.classes: dict[str, Class] = {}
        self.globals: dict[str, Kind | None] = {}
        self.options: dict[str, Kind | None] = {}  # of the command line
        self.own_methods: set[str] = set()
        self.assigned: dict[str, cst.BaseExpression] = {}  # what a name was given last
        self.made_by: dict[str, str] = {}  # what a name was made with: a class, perhaps, of another file
        self.foreign: set[str] = set()  # of these, the Modules
        self.finishers: set[int] = set()  # parameters of functions that differentiate what callers have computed
        self.talking: dict[int, str] = {}  # of those, the ones that need values, and the statement that does
        self.written_states: set[int] = set()  # calls of state_dict whose tensors are written in place
        self.uncompiled: set[int] = set()  # parameters of functions that only uncompiled steps run
        self.doubled = False  # whether a Module, or the default, is set to double precision
        self.others: Callable[[str], Scopes | None] = lambda name: None  # what is known of other files
        self.seeds: Mapping[str, Mapping[str, Kind | None]] = {}  # what other files pass to functions, by name
        self.own_classes: set[str] = set()  # the names of the classes that this file defines
        self.asked_elsewhere: set[int] = set()  # draws of other files that a compiled step may ask for
        self._from: dict[int, Scopes] = {}  # the files that something is imported from
        self._envs: list[dict[str, Kind | None]] = [self.globals]
        self._class: Class | None = None
        self._function: Function | None = None

    def of(self, node: cst.CSTNode | None) -> Kind | None:
        """What is known of an expression."""
        return self.kinds.get(id(node))

    def is_backward(self, node: cst.Call) -> bool:
        """Whether a call is a tensor's ``backward``."""
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "backward":
            return False
        kind = self.of(node.func.value)
        return is_array(kind) or (kind is None and "backward" not in self.own_methods)

    def loads(self, node: cst.BaseExpression) -> bool:
        """Whether an expression is what ``torch.load`` gives."""
        return isinstance(node, cst.Call) and self.of(node.func) == Kind("torch", "torch.load")

    def _look(self, name: str) -> Kind | None:
        for env in reversed(self._envs):
            if name in env:
                return env[name]
        return None

    def _bind(self, name: str, kind: Kind | None) -> None:
        self._envs[-1][name] = kind

    def _made(self, owner: Class) -> Kind:
        return Kind("module" if owner.module else "optimizer" if owner.optimizer else "instance", owner.name)

    # what the floors above do

    @abstractmethod
    def _eval(self, node: cst.BaseExpression | cst.BaseSlice | None) -> Kind | None: ...

    @abstractmethod
    def _assign(self, target: cst.BaseExpression, kind: Kind | None) -> None: ...

    @abstractmethod
    def _children(self, node: cst.CSTNode) -> None: ...

    @abstractmethod
    def _block(self, body: Sequence[cst.CSTNode]) -> None: ...

    @abstractmethod
    def _statement(self, node: cst.CSTNode) -> None: ...

    @abstractmethod
    def _run(self, function: Function) -> None: ...

    @abstractmethod
    def _call(self, node: cst.Call) -> Kind | None: ...


def is_static(node: cst.FunctionDef) -> bool:
    return any(dotted(d.decorator) == "staticmethod" for d in node.decorators)


class EachInPlace(NamedTuple):
    """A loop that only changes each of its arrays in place."""

    name: str
    rows: cst.Name
    method: str


def each_in_place(node: cst.For) -> EachInPlace | None:
    """``for s in states: s.detach_()``, or one that sets ``requires_grad``; None: a loop of another kind."""
    match node:
        case cst.For(
            target=cst.Name(value=each),
            iter=cst.Name() as rows,
            body=cst.IndentedBlock(body=[cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call(
                func=cst.Attribute(value=cst.Name(value=written), attr=cst.Name(value=method)), args=args
            ))])]),
            orelse=None,
        ) if each == written:  # fmt: skip
            off = args and isinstance(args[0].value, cst.Name) and args[0].value.value == "False"
            if (method == "detach_" and not args) or (method == "requires_grad_" and not off):
                return EachInPlace(each, rows, method)
        case cst.For(
            target=cst.Name(value=each),
            iter=cst.Name() as rows,
            body=cst.IndentedBlock(body=[cst.SimpleStatementLine(body=[cst.Assign(
                targets=[cst.AssignTarget(target=cst.Attribute(
                    value=cst.Name(value=written), attr=cst.Name(value="requires_grad")
                ))],
                value=cst.Name(value="True"),
            )])]),
            orelse=None,
        ) if each == written:  # fmt: skip
            return EachInPlace(each, rows, "requires_grad_")
    return None


def requiring(node: cst.For) -> bool:
    """Whether a loop makes each of what it goes over require a gradient."""
    if not isinstance(node.target, cst.Name):
        return False
    for line in node.body.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else [line]:
            match small:
                case cst.Assign(
                    targets=[cst.AssignTarget(target=cst.Attribute(
                        value=cst.Name(value=each), attr=cst.Name(value="requires_grad")
                    ))],
                    value=cst.Name(value="True"),
                ) if each == node.target.value:  # fmt: skip
                    return True
                case cst.Expr(value=cst.Call(
                    func=cst.Attribute(value=cst.Name(value=each), attr=cst.Name(value="requires_grad_")), args=args
                )) if each == node.target.value:  # fmt: skip
                    return not (args and dotted(args[0].value) == "False")
    return False
