"""What a function computes of numbers and shapes alone: its values are known where the function is compiled."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._flow import scope_body, targets, walk
from fnn.port._scopes import Scopes, dotted

__all__ = ["Fixed", "matched"]

_PLAIN = frozenset(("number", "shape", "text", "none", "dtype", "device", "options"))
_OF_SHAPES = frozenset("shape ndim dtype device".split())
_METHODS_OF_SHAPES = frozenset("size dim numel ndimension".split())
_RANDOM = frozenset(
    "rand randn randint randperm normal bernoulli multinomial rand_like randn_like randint_like poisson normal_ "
    "uniform_ random_ bernoulli_".split()
)
_BUILTINS = frozenset("len range list tuple int float bool abs min max sum zip enumerate".split())


class Fixed:
    """Questions to one function, or module.

    Args:
        found: what is known of the script.
        scope: the function.
        around: whether what it reads from around it does not depend on what it is given either.
    """

    def __init__(self, found: Scopes, scope: cst.FunctionDef | cst.Module, around: bool = False) -> None:
        self._found, self._around = found, around
        given: dict[str, list[cst.BaseExpression | None]] = {}
        params = [scope.params] if isinstance(scope, cst.FunctionDef) else []
        for part in (n for root in (*params, *scope_body(scope)) for n in walk(root)):
            match part:
                case cst.Param(name=cst.Name(value=name)):
                    given.setdefault(name, []).append(None)
                case cst.Assign(targets=several, value=value):
                    for target in several:
                        for part_of, one in matched(target.target, value):
                            for n in targets(part_of)[0]:
                                given.setdefault(n, []).append(one)
                case cst.AnnAssign(target=target, value=value) | cst.NamedExpr(target=target, value=value):
                    for n in targets(target)[0]:
                        given.setdefault(n, []).append(value)
                case cst.AugAssign(target=target, value=value):
                    for n in targets(target)[0]:
                        given.setdefault(n, []).append(value)
                case cst.For(target=target, iter=value) | cst.CompFor(target=target, iter=value):
                    for n in targets(target)[0]:
                        given.setdefault(n, []).append(value)
                case cst.AsName(name=target):
                    for n in targets(target)[0]:
                        given.setdefault(n, []).append(None)
        self._given = given.keys()
        self._names = set(given)
        while True:
            lost = {n for n in self._names if not all(v is not None and self.is_fixed(v) for v in given[n])}
            if not lost:
                break
            self._names -= lost

    def is_fixed(self, node: cst.CSTNode) -> bool:
        """Whether the value of an expression does not depend on arrays that the function is given."""
        kind = self._found.of(node)
        if kind is not None and kind.tag in _PLAIN:
            return True
        match node:
            case cst.Name(value=name):
                if self._around and name not in self._given:
                    return True
                return name in self._names or (kind is not None and kind.tag in ("torch", "numpy module"))
            case cst.Attribute(value=value, attr=cst.Name(value=attr)):
                if attr in _OF_SHAPES or (kind is not None and kind.tag == "torch"):
                    return True
                settings = kind is None and (dotted(node) or "").startswith(("self.args.", "self.config.", "args."))
                return settings or self.is_fixed(value)
            case cst.Call(func=func, args=args):
                return self._called(func, args)
            case cst.Arg(value=value) | cst.Index(value=value):
                return self.is_fixed(value)
            case cst.ListComp(elt=each, for_in=loop) | cst.GeneratorExp(elt=each, for_in=loop):
                # How long a list or an array is, a compiled program knows.
                return self.is_fixed(each) and all(self.is_fixed(test.test) for test in loop.ifs)
            case cst.Lambda() | cst.Await() | cst.Yield():
                return False
        children = [n for n in node.children if not isinstance(n, cst.BaseUnaryOp | cst.BaseBinaryOp | cst.BaseCompOp)]
        return all(self.is_fixed(n) for n in children if _counts(n))

    def _called(self, func: cst.BaseExpression, args: Sequence[cst.Arg]) -> bool:
        kind = self._found.of(func)
        name = func.attr.value if isinstance(func, cst.Attribute) else dotted(func) or ""
        if isinstance(func, cst.Attribute) and name in _METHODS_OF_SHAPES:
            return True
        if name in _RANDOM:
            return False
        if name == "len":
            return True
        if not all(self.is_fixed(a) for a in args):
            return False
        if kind is not None and kind.tag in ("torch", "tensor class", "numpy module"):
            return True
        if isinstance(func, cst.Attribute):
            return (kind is None or kind.tag == "method") and self.is_fixed(func.value)
        return name in _BUILTINS


def matched(
    target: cst.BaseExpression, value: cst.BaseExpression
) -> list[tuple[cst.BaseExpression, cst.BaseExpression]]:
    """The parts of ``a, b = c, d`` one by one."""
    if isinstance(target, cst.Tuple | cst.List) and isinstance(value, cst.Tuple | cst.List):
        starred = any(isinstance(e, cst.StarredElement) for e in (*target.elements, *value.elements))
        if not starred and len(target.elements) == len(value.elements):
            return [(t.value, v.value) for t, v in zip(target.elements, value.elements, strict=True)]
    return [(target, value)]


def _counts(node: cst.CSTNode) -> bool:
    """Whether a part of an expression has a value of its own; commas, spaces and brackets have none."""
    parts = cst.BaseExpression | cst.BaseElement | cst.SubscriptElement | cst.BaseSlice | cst.ComparisonTarget
    return isinstance(node, parts | cst.CompFor | cst.CompIf | cst.Arg)
