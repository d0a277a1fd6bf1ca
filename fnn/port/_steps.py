"""What a statement of a training loop asks of the host: it talks to the user, takes values, draws, moves arrays."""

from __future__ import annotations

import libcst as cst

from fnn.port._flow import walk
from fnn.port._generators import Generators
from fnn.port._kinds import Kind, is_array, ways
from fnn.port._learning import VALUES, method_of
from fnn.port._scopes import Function, dotted

__all__ = ["Steps"]

_HOST_CALLS = frozenset("print input open save_image show display pprint".split())
_HOST_METHODS = frozenset(
    "append extend add_scalar add_scalars add_image add_images add_histogram set_description "
    "set_postfix set_postfix_str set_description_str info debug warning log write writelines flush imshow savefig "
    "line image tqdm_write insert save push".split()
)
_HOST_ROOTS = frozenset(
    "time logging logger log wandb writer plt os sys tqdm pbar viz vis datetime pickle json".split()
)
_DEVICE_LIKE = frozenset("device dev gpu cuda rank local_rank devices".split())


class Steps(Generators):
    """Questions to the statements of one script, what they ask of the host among them."""

    def talks(self, node: cst.CSTNode, own: frozenset[str] = frozenset()) -> bool:
        """Whether a statement needs values: it prints, logs, keeps numbers, or branches on an array.

        What is appended to the lists named in ``own`` does not count: they are made in the step itself.
        """
        if isinstance(node, cst.SimpleStatementLine) and all(isinstance(s, cst.Assert) for s in node.body):
            return True
        for part in walk(node):
            match part:
                case cst.Call() if self.finishes(part) is not None:
                    continue  # a part of the step; what it gives is an array
                case cst.Call():
                    name, root = dotted(part.func) or "", (dotted(part.func) or "").partition(".")[0]
                    method = method_of(part)
                    if name in _HOST_CALLS or (root in _HOST_ROOTS and not self._is_script(part)):
                        return True
                    kept = method in ("append", "extend") and _receiver(part) in own
                    if method in VALUES or (method in _HOST_METHODS and not kept and not self._on_arrays(part)):
                        return True
                    if method == "update" and "scaler" not in name:
                        return True
                    if method == "step" and self.optimizer(part) is None:
                        return True
                    if name in ("float", "int", "bool") and part.args and is_array(self._found.of(part.args[0].value)):
                        return True
                    kind = self._found.of(part.func)
                    if kind is not None and kind.tag == "numpy module" and part.args and any(
                        is_array(self._found.of(a.value)) for a in part.args
                    ):  # fmt: skip
                        return True
                    if any(k.tag == "function" and self._function_talks(k, set()) for k in ways(kind)):
                        return True
                case cst.If() | cst.While():
                    if self._array_test(part.test):
                        return True
                case cst.IfExp():
                    if self._array_test(part.test):
                        return True
                case cst.Subscript():
                    if isinstance(part.value, cst.Attribute) and part.value.attr.value == "data" and _zero(part):
                        return True
                case cst.Break() | cst.Continue():
                    return True
        return False

    def _function_talks(self, kind: Kind, seen: set[str]) -> bool:
        """Whether a function of the script takes values out of arrays."""
        if kind.name in seen:
            return False
        seen.add(kind.name)
        for part in walk(self._found.functions[int(kind.name)].node.body):
            if isinstance(part, cst.Call):
                if self.takes_value(part):
                    return True
                called = self._found.of(part.func)
                if any(k.tag == "function" and self._function_talks(k, seen) for k in ways(called)):
                    return True
        return False

    def takes_value(self, node: cst.Call) -> bool:
        """Whether a call makes a number of an array."""
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in VALUES:
            return is_array(self._found.of(node.func.value))
        plain = dotted(node.func) in ("float", "int", "bool")
        return plain and len(node.args) == 1 and is_array(self._found.of(node.args[0].value))

    def _is_script(self, node: cst.Call) -> bool:
        """Whether a call is one of a Module, its methods, or a function of the script, whatever its name."""
        parts = [node.func, node.func.value] if isinstance(node.func, cst.Attribute) else [node.func]
        kinds = [self._found.of(part) for part in parts]
        return any(kind is not None and kind.tag in ("module", "function", "either") for kind in kinds)

    def changes_gradients(self, node: cst.CSTNode) -> bool:
        """Whether ``p.grad`` is written, here or by a function that is called."""
        functions = [node, *(f.node.body for f in self._found_functions(node))]
        return any(_writes_gradient(part) for body in functions for part in walk(body))

    def _found_functions(self, node: cst.CSTNode) -> list[Function]:
        found: list[Function] = []
        waiting = self.called(node)
        while waiting:
            function = waiting.pop()
            if function not in found:
                found.append(function)
                waiting += self.called(function.node.body)
        return found

    def _on_arrays(self, node: cst.Call) -> bool:
        """Whether a call is one of a function of torch's, or of a tensor's method."""
        kind = self._found.of(node.func)
        return kind is not None and kind.tag in ("torch", "method", "module")

    def _array_test(self, test: cst.BaseExpression) -> bool:
        return is_array(self._found.of(test))

    def is_device(self, node: cst.BaseExpression) -> bool:
        """Whether an expression stands for a device."""
        kind = self._found.of(node)
        if kind is not None:
            return kind.tag in ("device", "number")  # .to(0) is the first GPU
        if isinstance(node, cst.Subscript):
            node = node.value  # devices[0]
        last = (node.attr.value if isinstance(node, cst.Attribute) else dotted(node) or "").lower()
        return last in _DEVICE_LIKE or last.endswith(("_device", "device"))

    def moves(self, node: cst.CSTNode) -> bool:
        """Whether a statement only takes arrays to a device: ``x, y = x.to(device), y.to(device)``."""
        match node:
            case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=target)], value=value)]):
                targets = target.elements if isinstance(target, cst.Tuple) else [cst.Element(target)]
                values = value.elements if isinstance(value, cst.Tuple) else [cst.Element(value)]
                pairs = zip(targets, values, strict=False)
                return len(targets) == len(values) and all(self._moved(v.value) == dotted(t.value) for t, v in pairs)
        return False

    def _moved(self, node: cst.BaseExpression) -> str:
        """The name of the array that an expression takes to a device."""
        match node:
            case cst.Call(func=cst.Attribute(value=array, attr=cst.Name(value="cuda" | "cpu"))):
                return dotted(array) or ""
            case cst.Call(func=cst.Attribute(value=array, attr=cst.Name(value="to")), args=[first, *rest]):
                plain = all(a.keyword is not None and a.keyword.value == "non_blocking" for a in rest)
                return (dotted(array) or "") if plain and self.is_device(first.value) else ""
        return ""

    def leaves(self, node: cst.CSTNode) -> bool:
        """Whether a statement may leave the loop or the function."""
        inside = [n for n in walk(node) if isinstance(n, cst.Return | cst.Yield | cst.Global | cst.Nonlocal)]
        return bool(inside)


def _writes_gradient(node: cst.CSTNode) -> bool:
    match node:
        case cst.AssignTarget(target=target) | cst.AugAssign(target=target):
            names = [dotted(t) or "" for t in (target, *([target.value] if isinstance(target, cst.Subscript) else []))]
            return any(n.endswith((".grad", ".grad.data")) for n in names)
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name(value=method))):
            in_place = method.endswith("_") and not method.endswith("__")
            return in_place and (dotted(base) or "").endswith((".grad", ".grad.data"))
    return False


def _receiver(node: cst.Call) -> str:
    target = node.func.value if isinstance(node.func, cst.Attribute) else None
    return target.value if isinstance(target, cst.Name) else ""


def _zero(node: cst.Subscript) -> bool:
    first = node.slice[0].slice
    return isinstance(first, cst.Index) and isinstance(first.value, cst.Integer) and first.value.value == "0"
