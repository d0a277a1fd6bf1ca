"""The kinds of what calls give: of torch's functions and classes, and all others by what they are called on."""

from __future__ import annotations

import libcst as cst

from fnn.port._calls import builtin_result
from fnn.port._coins import is_coin
from fnn.port._kinds import (
    ARRAY,
    BOX,
    FOREIGN,
    INDEX,
    LOADER,
    MASK,
    NUMBER,
    NUMPY,
    OTHER,
    ROW,
    Kind,
    element,
    list_of,
    torch_name,
)
from fnn.port._receivers import CONTAINERS, Receivers
from fnn.port._scopes import dotted
from fnn.port._torch import DOUBLES, result
from fnn.port._values import Values

__all__ = ["Invocations"]

_WHOLE = ("torch.long", "torch.int64", "torch.int", "torch.int32")


class Invocations(Receivers):
    """Calls: of torch's objects, of Modules, of functions of the script, and methods."""

    def _call(self, node: cst.Call) -> Kind | None:
        func = node.func
        base: Kind | None = None
        kind: Kind | None = None
        if isinstance(func, cst.Attribute):
            kind = self._eval(func)
            base = self.of(func.value)
        else:
            kind = self._eval(func)
        args = [self._eval(a.value) for a in node.args]
        keywords = frozenset(a.keyword.value for a in node.args if a.keyword is not None)
        count = sum(a.keyword is None for a in node.args)
        self.doubled |= base is not None and base.tag == "module" and kind is None and _double(node)
        self.doubled |= kind == torch_name("torch.set_default_dtype") and any(
            k is not None and k.name in DOUBLES for k in args
        )
        if self._in_forward and is_coin(node, self):
            return ARRAY  # asked anew by the compiled program
        if isinstance(func, cst.Attribute):
            found = self._method(node, func.attr.value, base, kind, args, keywords, count)
            if found is not None:
                return found
        if kind is None and dotted(func) == "map" and len(args) > 1:
            return list_of(self._applied(args[0], [element(a) for a in args[1:]]))
        if kind is None and (dotted(func) or "").rpartition(".")[2] == "deepcopy" and args:
            return args[0]
        if kind is None and dotted(func) in self.foreign:
            return FOREIGN
        if kind is None:
            return builtin_result(dotted(func), args) if isinstance(func, cst.Name) else None
        match kind.tag:
            case "torch":
                if kind.name == "torch.autograd.Variable":
                    return BOX if _true(node, "requires_grad") else (args or [ARRAY])[0] or ARRAY
                if kind.name == "torch.compile":
                    return (args or [None])[0]
                if kind.name in ("torch.nn.DataParallel", "torch.nn.parallel.DistributedDataParallel"):
                    return (args or [None])[0] or Kind("module")
                if "requires_grad" in keywords and not _true(node, "requires_grad"):
                    keywords -= {"requires_grad"}
                if _dtype_of(node, self) == "torch.bool" and kind.name.startswith("torch."):
                    return MASK
                if kind.name in ("torch.from_numpy", "torch.tensor", "torch.as_tensor") and len(node.args) == 1:
                    if self._holds(node.args[0].value):
                        return MASK
                if kind.name == "torch.utils.data.random_split":
                    return list_of(OTHER)
                if (collate := self._collated(kind, node)) is not None:
                    return collate
                if kind.name == "torch.randint" and any(_is_of_one(a.value) for a in node.args):
                    return ROW
                given = result(kind.name, count, keywords)
                if given is not None and given.tag == "module" and given.name in CONTAINERS:
                    return given._replace(of=self._parts(args))
                return (
                    ARRAY if given == INDEX and "dtype" in keywords and _dtype_of(node, self) not in _WHOLE else given
                )
            case "tensor class":
                if count > 1:  # torch.FloatTensor(rows, columns)
                    for argument in node.args:
                        self._told(argument.value, NUMBER)
                return result(kind.name, count, keywords) or ARRAY
            case "numpy module":
                return NUMPY
            case "einops":
                return result(kind.name, count, keywords)
            case "class":
                owner = self.classes[kind.name]
                if "__init__" in owner.methods:
                    self._pass(owner.methods["__init__"], node, args, bound=True)
                return self._made(owner)
            case "module" | "instance" | "function" | "either":
                return self._given_by(kind, node, args)
            case "operation":
                function = self.classes[kind.name].methods.get("forward")
                if function is None:
                    return ARRAY
                self._pass(function, node, args, bound=True)
                return function.returns or ARRAY
        return None

    def _holds(self, node: cst.BaseExpression, depth: int = 3) -> bool:
        """Whether an array of numpy's has truth values."""
        match node:
            case cst.Comparison(comparisons=[cst.ComparisonTarget(operator=operator)]):
                plain = not isinstance(operator, cst.In | cst.NotIn | cst.Is | cst.IsNot)
                return plain and self.of(node) in (NUMPY, MASK)
            case cst.UnaryOperation(operator=cst.BitInvert(), expression=inner):
                return self._holds(inner, depth)
            case cst.BinaryOperation(left=left, operator=cst.BitAnd() | cst.BitOr()):
                return self._holds(left, depth)
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="astype")), args=[cst.Arg(value=dtype)]):
                return (dotted(dtype) or "").rpartition(".")[2] in ("bool", "bool_")
            case cst.Name(value=name) if depth and self.of(node) == NUMPY:
                made = self.assigned.get(name)
                return made is not None and self._holds(made, depth - 1)
        return False

    def _collated(self, kind: Kind, node: cst.Call) -> Kind | None:
        """A loader whose batches a function of the script puts together."""
        if result(kind.name, 0, frozenset()) != LOADER:
            return None
        for argument in node.args:
            if argument.keyword is not None and argument.keyword.value == "collate_fn":
                given = self.of(argument.value)
                if given is not None and given.tag == "function":
                    return Kind("loader", "", (self.functions[int(given.name)].returns,))
        return None


def _double(node: cst.Call) -> bool:
    return isinstance(node.func, cst.Attribute) and node.func.attr.value == "double" and not node.args


def _true(node: cst.Call, keyword: str) -> bool:
    for argument in node.args:
        if argument.keyword is not None and argument.keyword.value == keyword:
            return not (isinstance(argument.value, cst.Name) and argument.value.value == "False")
    return False


def _is_of_one(size: cst.BaseExpression) -> bool:
    """Whether a size is ``(1,)``."""
    match size:
        case cst.Tuple(elements=[cst.Element(value=cst.Integer(value="1"))]):
            return True
        case cst.List(elements=[cst.Element(value=cst.Integer(value="1"))]):
            return True
    return False


def _dtype_of(node: cst.Call, found: Values) -> str:
    for argument in node.args:
        if argument.keyword is not None and argument.keyword.value == "dtype":
            kind = found.of(argument.value)
            return kind.name if kind is not None and kind.tag == "dtype" else ""
    return ""
