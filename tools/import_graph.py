"""What the modules of fnn import, of one another and from outside, read from their source and not by importing them.

Every import statement counts, wherever it stands (in a function, under TYPE_CHECKING, relative), and so does
``importlib.import_module("fnn....")``.
"""

import ast
import graphlib
import itertools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "fnn"

# When an import is carried out: with the module, when a function is called, or never (under TYPE_CHECKING).
NOW, LATER, NEVER = "now", "later", "never"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Import:
    """``from fnn.nn import linear`` in line 3 of fnn.func.jit."""

    importer: str
    line: int
    module: str  # fnn.nn.linear if that is a module, else fnn.nn
    name: str  # fnn.nn.linear: all that is said, whether it is a module or not
    when: str


@dataclass(frozen=True)
class Tree:
    """The modules below ``root/fnn``."""

    root: Path
    files: dict[str, Path]

    @classmethod
    def below(cls, root: Path) -> "Tree":
        """Found by their files."""
        paths = sorted((root / PACKAGE).rglob("*.py"))
        return cls(root, {_module_name(path, root): path for path in paths})

    def where(self, module: str) -> str:
        """The module's file, as a message names it."""
        return self.files[module].relative_to(self.root).as_posix()

    def folder(self, module: str) -> str:
        """The package that a module stands in; of a package (an ``__init__.py``), itself."""
        return module if self.files[module].name == "__init__.py" else module.rpartition(".")[0]

    def parsed(self, module: str) -> ast.Module:
        """The module's syntax."""
        return ast.parse(self.files[module].read_text(encoding="utf-8"), str(self.files[module]))

    def imports(self, module: str, syntax: ast.Module) -> Iterator[Import]:
        """Every import of a part of fnn; ``import a, b`` and ``from a import b, c`` are two."""
        for name, node, when in self._imported(module, syntax):
            if _ours(name):
                # `from fnn import nn` imports fnn.nn, `from fnn import jit` imports the roof
                is_attribute = isinstance(node, ast.ImportFrom) and name not in self.files
                yield Import(module, node.lineno, name.rpartition(".")[0] if is_attribute else name, name, when)

    def external(self, module: str, syntax: ast.Module) -> Iterator[Import]:
        """Every import of what is neither a part of fnn nor of Python's standard library."""
        for name, node, when in self._imported(module, syntax):
            first = name.split(".")[0]
            if first and first != PACKAGE and first not in sys.stdlib_module_names:
                yield Import(module, node.lineno, first, name, when)

    def _imported(self, module: str, syntax: ast.Module) -> Iterator[tuple[str, ast.stmt | ast.expr, str]]:
        folder = self.folder(module)
        for node, when in _walk(syntax, NOW):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{_source(node, folder)}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                names = [str(node.args[0].value)] if called in ("import_module", "__import__") else []
            else:
                continue
            for name in names:
                yield name, node, when

    def private_attributes(self, module: str, syntax: ast.Module) -> Iterator[Import]:
        """``random._construction`` where ``random`` is imported from fnn, as if it were imported itself."""
        known = {}
        for node in ast.walk(syntax):
            if isinstance(node, ast.Import):
                known |= {a.asname or PACKAGE: a.name if a.asname else PACKAGE for a in node.names if _ours(a.name)}
            elif isinstance(node, ast.ImportFrom) and _ours(source := _source(node, self.folder(module))):
                known |= {a.asname or a.name: f"{source}.{a.name}" for a in node.names}
        for node in ast.walk(syntax):
            if isinstance(node, ast.Attribute) and is_private(node.attr):
                start, *rest = ast.unparse(node.value).split(".")
                holder = ".".join([known.get(start, ""), *rest])
                if start in known and not any(map(is_private, holder.split("."))):
                    yield Import(module, node.lineno, self.owner(holder), f"{holder}.{node.attr}", NOW)

    def owner(self, name: str) -> str:
        """The module that a dotted name leads into: the longest part of it that is one."""
        while name not in self.files and "." in name:
            name = name.rpartition(".")[0]
        return name

    def entered(self, found: Import) -> Iterator[str]:
        """The modules that an import runs if nothing has before: the packages above the one named, and itself."""
        parts = found.module.split(".")
        for n in range(1, len(parts) + 1):
            module = ".".join(parts[:n])
            if module in self.files and not f"{found.importer}.".startswith(f"{module}."):
                yield module
        if found.module in self.files and f"{found.importer}.".startswith(f"{found.module}."):
            yield found.module  # a package whose own module imports it


def is_private(part: str) -> bool:
    """Whether a part of a dotted name begins with an underscore and is not one of Python's own."""
    return part.startswith("_") and not (part.startswith("__") and part.endswith("__"))


def circles(imports: Iterable[tuple[str, str, Import]]) -> list[list[Import]]:
    """The imports that lead from a place back to it; ``(from, to, import)`` are the steps.

    Each circle has a step that no other one of the list has, and without these steps there is none.
    """
    steps: dict[tuple[str, str], Import] = {}
    for start, end, found in imports:
        if start != end:
            steps.setdefault((start, end), found)
    graph: dict[str, list[str]] = {}
    for start, end in sorted(steps):
        graph.setdefault(start, []).append(end)
    result = []
    while True:
        try:
            graphlib.TopologicalSorter(graph).prepare()
            return result
        except graphlib.CycleError as error:
            places = error.args[1][::-1]  # graphlib's go from what is needed to what needs it
        first = places.index(min(places))
        places = [*places[first:-1], *places[: first + 1]] if first else places
        result.append([steps[step] for step in itertools.pairwise(places)])
        graph[places[-2]].remove(places[-1])


def _walk(node: ast.AST, when: str) -> Iterator[tuple[ast.AST, str]]:
    yield node, when
    if isinstance(node, _FUNCTIONS) and when == NOW:
        when = LATER
    guarded = node.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) else []
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, NEVER if any(child is statement for statement in guarded) else when)


def _source(node: ast.ImportFrom, folder: str) -> str:
    """The dotted name between ``from`` and ``import``."""
    parts = folder.split(".")
    above = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def _ours(name: str) -> bool:
    return name.split(".")[0] == PACKAGE


def _module_name(path: Path, root: Path) -> str:
    """``fnn/nn/__init__.py`` is ``fnn.nn``, ``fnn/nn/modules/conv.py`` is ``fnn.nn.modules.conv``."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
