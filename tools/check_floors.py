"""Fails on an import that climbs: every module of fnn may import its own floor and those below it.

    python tools/check_floors.py [folder that contains fnn/]

Every import statement counts, wherever it stands (in a function, under TYPE_CHECKING, relative), and so
does ``importlib.import_module("fnn....")``.  ``fnn/__init__.py`` hands every floor on and is itself the
roof: a module below `quickstart` that imports ``fnn`` itself climbs.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "fnn"

# From the ground up.  A private module directly in fnn/ (_mt19937.py) belongs to the second floor.
FLOORS = (
    ("errors", "dtypes", "devices", "arguments", "tracing", "late", "version"),
    ("host_random", "random", "init", "creation", "functional"),
    ("state",),
    ("layers",),
    ("nn",),
    ("func", "optim"),
    ("serialization",),
    ("utils", "vision", "testing"),
    ("quickstart",),
)
ROOF = len(FLOORS)
_FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def floor_of(module: str) -> int | None:
    """The floor of a dotted module name; None for a part of fnn that has none assigned."""
    parts = module.split(".")
    if len(parts) == 1:
        return ROOF
    return 1 if parts[1].startswith("_") else _FLOOR_OF.get(parts[1])


def imports(tree: ast.AST, module: str, is_package: bool, known: set[str]) -> Iterator[tuple[int, str]]:
    """The line and dotted name of every import of a part of fnn."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            # `from fnn import nn` imports fnn.nn, `from fnn import jit` imports the roof
            names = [f"{source}.{a.name}" if f"{source}.{a.name}" in known else source for a in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            names = [str(node.args[0].value)] if called in ("import_module", "__import__") else []
        else:
            continue
        for name in names:
            if name.split(".")[0] == PACKAGE:
                yield node.lineno, name


def module_name(path: Path, root: Path) -> str:
    """``fnn/nn/__init__.py`` is ``fnn.nn``, ``fnn/nn/modules/conv.py`` is ``fnn.nn.modules.conv``."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def violations(root: Path) -> list[str]:
    """One line for each import below ``root/fnn`` that climbs, and for each module that has no floor."""
    files = {module_name(path, root): path for path in sorted((root / PACKAGE).rglob("*.py"))}
    found = []
    for module, path in files.items():
        here, where = floor_of(module), path.relative_to(root)
        if here is None:
            found.append(f"{where}: {module} has no floor; give it one in {Path(__file__).name}")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for line, name in imports(tree, module, path.name == "__init__.py", set(files)):
            there = floor_of(name)
            if there is None:
                found.append(f"{where}:{line}: imports {name}, which has no floor")
            elif there > here and not (name == PACKAGE and here == ROOF - 1):
                found.append(f"{where}:{line}: {module} (floor {here}) imports {name} (floor {there})")
    return found


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = violations(root)
    print("\n".join(found) or f"every import of {PACKAGE} goes down or stays on its floor")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
