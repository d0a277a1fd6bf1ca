"""Writes the ``__init__.py`` of the packages that only hand names on, from the ``__all__`` of their modules.

python tools/write_exports.py            # writes them
python tools/write_exports.py --check    # fails if one is out of date
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPS = ROOT / "fnn" / "ops" / "__init__.py"
METHODS = ROOT / "fnn" / "state" / "tensor_methods.py"
TABLE = ROOT / "fnn" / "state" / "tensor_table.py"
NAMESPACES = ("fft", "linalg", "special")  # modules of fnn.ops that are handed on whole, as in torch

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


def exported(path: Path, elsewhere: bool = False) -> list[str]:
    """The names in a module's ``__all__``, less those that it has from ``elsewhere`` unless these are wanted too."""
    names, imported = [], set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = ast.literal_eval(node.value)
        elif isinstance(node, ast.ImportFrom):
            imported |= {alias.asname or alias.name for alias in node.names}
    return [name for name in names if elsewhere or name not in imported]


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


def lazy_source() -> str:
    """The text of ``fnn/ops/__init__.py``: no module is imported before one of its names is used."""
    text = OPS.read_text(encoding="utf-8")
    files = [path for path in sorted(OPS.parent.glob("[a-z]*.py")) if path.stem not in NAMESPACES]
    modules = {path.stem: sorted(exported(path, elsewhere=True)) for path in files}
    whole = list(NAMESPACES)
    every = [name for names in modules.values() for name in names]
    if twice := {name for name in every if every.count(name) > 1}:
        raise SystemExit(f"fnn.ops: defined in two modules: {', '.join(sorted(twice))}")
    lines = [NOTE, "if TYPE_CHECKING:"]
    lines += [f"    from fnn.ops import {', '.join(whole)}"]
    for module, names in modules.items():
        imported = [f"        {name}," for name in sorted(names, key=_isort)]
        lines += [f"    from fnn.ops.{module} import (", *imported, "    )"] if names else []
    lines += ["", "_NAMESPACES = (" + ", ".join(f'"{name}"' for name in whole) + ")", "_MODULES = {"]
    rows = [f'    "{module}": "{" ".join(names)}",' for module, names in modules.items()]
    lines += [row if len(row) <= 120 else f"{row}  # noqa: E501" for row in rows]
    lines += ["}", "", "__all__ = [", *(f'    "{name}",' for name in sorted([*every, *whole])), "]"]
    start, end = text.index(NOTE), text.index("# To here.")
    return text[:start] + "\n".join(lines) + "\n" + text[end:]


def methods_source(names: list[str]) -> str:
    """The text of the file of a box's methods: those that are functions of ``fnn.ops``, declared for type checkers."""
    text = METHODS.read_text(encoding="utf-8")
    tensors = TABLE.read_text(encoding="utf-8").split('"""')[3].split()
    own = re.findall(r"^    def (\w+)\(|^    (\w+) = ", text[text.index("# To here.") :], re.MULTILINE)
    rows = [f"        {name} = ops.{name}" for name in tensors if name in names and name not in sum(own, ())]
    note = "        # Written by tools/write_exports.py: the methods, for type checkers.\n"
    start, end = text.index(note) + len(note), text.index("        # To here.")
    return text[:start] + "\n".join(rows) + "\n" + text[end:]


def _isort(name: str) -> tuple[int, list[str | int]]:
    parts = re.split(r"(\d+)", name.lower())
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), [int(p) if p.isdigit() else p for p in parts]


def main() -> int:
    stale = []
    written = {ROOT.joinpath(*package.split("."), "__init__.py"): source(package) for package in PACKAGES}
    written[OPS] = lazy_source()
    written[METHODS] = methods_source(written[OPS].partition("__all__ = ")[2].split('"')[1::2])
    for path, text in written.items():
        if path.read_text(encoding="utf-8") != text:
            stale.append(str(path.relative_to(ROOT)))
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale:
        print("\n".join(f"{'out of date' if '--check' in sys.argv else 'written'}: {path}" for path in stale))
    return bool(stale) and "--check" in sys.argv


if __name__ == "__main__":
    sys.exit(main())
