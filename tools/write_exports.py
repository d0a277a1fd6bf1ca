"""Writes the ``__init__.py`` of the packages that only hand names on, from the ``__all__`` of their modules.

python tools/write_exports.py            # writes them
python tools/write_exports.py --check    # fails if one is out of date
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PACKAGES = {
    "fnn.functional": "The operations of ``torch.nn.functional`` as pure functions; randomness comes from ``key``.",
    "fnn.layers": "The functional core: every layer as a frozen dataclass with ``init`` and ``apply``.",
    "fnn.nn.modules": "The modules of ``torch.nn``.",
}
NOTE = "# Written by tools/write_exports.py from the modules' __all__."
# Names that stand in private modules, by package.
PRIVATE = {
    "fnn.layers": {"fnn.layers.layer": ["Layer"]},
    "fnn.nn.modules": {"fnn.nn._module": ["Module"]},
}
# Modules of other than layers: they themselves are handed on, as in torch.
WHOLE = {"fnn.nn.modules": ["lazy", "module", "utils"]}


def exported(path: Path) -> list[str]:
    """The names in a module's ``__all__``, less those that it has from elsewhere."""
    names, imported = [], set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = ast.literal_eval(node.value)
        elif isinstance(node, ast.ImportFrom):
            imported |= {alias.asname or alias.name for alias in node.names}
    return [name for name in names if name not in imported]


def source(package: str) -> str:
    """The text of a package's ``__init__.py``."""
    folder = ROOT.joinpath(*package.split("."))
    modules = dict(PRIVATE.get(package, {}))
    for path in sorted(folder.glob("[a-z]*.py")):
        if path.stem not in WHOLE.get(package, ()):
            modules[f"{package}.{path.stem}"] = exported(path)
    lines = [f'"""{PACKAGES[package]}"""', "", NOTE]
    for module, names in sorted([*modules.items(), (package, [])]):
        lines += [f"from {package} import {name} as {name}" for name in WHOLE.get(module, ())]
        if names:
            lines += [f"from {module} import (", *(f"    {name}," for name in sorted(names, key=_isort)), ")"]
    every = [name for names in modules.values() for name in names]
    twice = {name for name in every if every.count(name) > 1}
    if twice:
        raise SystemExit(f"{package}: defined in two modules: {', '.join(sorted(twice))}")
    lines += ["", "__all__ = [", *(f'    "{name}",' for name in sorted(every)), "]"]
    return "\n".join(lines) + "\n"


def _isort(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name.lower()


def main() -> int:
    stale = []
    for package in PACKAGES:
        path = ROOT.joinpath(*package.split("."), "__init__.py")
        text = source(package)
        if path.read_text(encoding="utf-8") != text:
            stale.append(str(path.relative_to(ROOT)))
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale:
        print("\n".join(f"{'out of date' if '--check' in sys.argv else 'written'}: {path}" for path in stale))
    return bool(stale) and "--check" in sys.argv


if __name__ == "__main__":
    sys.exit(main())
