"""The example of a layer as its module's: what ``init`` and ``apply`` do there, a call of the module does here."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Collection, Iterator

from fnn.layers.documentation import with_imports


class _AsModule(ast.NodeTransformer):
    """Rewrites a statement of a layer's example to the module's."""

    def __init__(self) -> None:
        self.pairs: dict[str, str] = {}  # what ``init, apply = layer`` named ``apply``: the module's name
        self.latest = "module"

    def _applied(self, node: ast.AST) -> ast.Call | None:
        """The call of a module that ``layer.apply(...)`` stands for."""
        if not isinstance(node, ast.Call):
            return None
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == "apply":
            called = self.visit(function.value)
        elif isinstance(function, ast.Name) and function.id in self.pairs:
            called = ast.Name(self.pairs[function.id])
        else:
            return None
        kept = [keyword for keyword in node.keywords if keyword.arg not in ("training", "key")]
        if any(keyword.arg == "training" and ast.unparse(keyword.value) == "False" for keyword in node.keywords):
            called = ast.Call(ast.Attribute(called, "eval"), [], [])
        return ast.Call(called, [self.visit(value) for value in node.args[2:]], kept)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """``layer.apply(...)[0]`` is the module's output, ``state["name"]`` its buffer."""
        if called := self._applied(node.value):
            return called
        if isinstance(node.value, ast.Name) and node.value.id in ("params", "state"):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                return ast.Attribute(ast.Attribute(ast.Name(self.latest), node.slice.value), "data")
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """``layers.Linear`` is ``nn.Linear``."""
        if isinstance(node.value, ast.Name) and node.value.id == "layers":
            return ast.Attribute(ast.Name("nn"), node.attr)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        """``y, state = layer.apply(...)`` gives an output, ``layer.init`` falls away."""
        target = node.targets[0]
        names = [item.id for item in target.elts if isinstance(item, ast.Name)] if isinstance(target, ast.Tuple) else []
        if names[:1] == ["init"]:
            self.pairs[names[1]] = self.latest
            return ast.Assign([ast.Name(self.latest)], self.visit(node.value))
        if called := self._applied(node.value):
            return ast.Assign([target.elts[0] if isinstance(target, ast.Tuple) else target], called)
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func).rpartition(".")[2] == "init":
            return None
        made = self.visit(node.value)
        if isinstance(target, ast.Name) and isinstance(made, ast.Call) and ast.unparse(made.func).startswith("nn."):
            self.latest = target.id
        return ast.Assign([target], made)


def _statements(example: str) -> Iterator[tuple[str, str]]:
    """The statements of an example, each with what it prints."""
    for part in re.split(r"(?m)^>>> ", example)[1:]:
        code, printed = [], []
        for n, line in enumerate(part.rstrip("\n").split("\n")):
            (code if n == 0 or line.startswith("...") else printed).append(line)
        yield "\n".join(line.removeprefix("... ") for line in code), "\n".join(printed)


def module_example(example: str) -> str:
    """The example of a layer as its module's.

    Example:
        >>> from fnn.nn.modules._example import module_example
        >>> module_example(">>> layers.ReLU().apply({}, {}, 2.0)[0].shape").splitlines()
        ['>>> from fnn import nn', '>>> nn.ReLU()(2.0).shape']
    """
    rewrite, lines = _AsModule(), []
    for source, printed in _statements(example):
        if not source.startswith(("import ", "from ")):
            changed = rewrite.visit(ast.parse(source).body[0])
            lines += [f">>> {_text(changed)}", printed] if changed is not None else []
    return with_imports("\n".join(line for line in lines if line), "nn")


def lazy_example(example: str, eager: type, lazy: str, inferred: Collection[str]) -> str:
    """The example of a module as that of its lazy class, which is not given the ``inferred`` arguments."""
    lines = []
    for source, printed in _statements(example):
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"nn.{eager.__name__}":
                names = list(inspect.signature(eager).parameters)
                node.func = ast.Attribute(ast.Name("nn"), lazy)
                node.args = [value for name, value in zip(names, node.args, strict=False) if name not in inferred]
                node.keywords = [keyword for keyword in node.keywords if keyword.arg not in inferred]
        lines += [f">>> {_text(tree.body[0])}", printed]
    return "\n".join(line for line in lines if line)


def _text(statement: ast.stmt) -> str:
    """A statement as it is written by hand: double quotes, no parentheses around a tuple."""
    value = getattr(statement, "value", None)
    text = ast.unparse(ast.fix_missing_locations(statement))
    if isinstance(value, ast.Tuple):
        inner = ast.unparse(value)
        text = text.removesuffix(inner) + inner[1:-1]
    return re.sub(r"'([^'\"\\]*)'", r'"\1"', text)
