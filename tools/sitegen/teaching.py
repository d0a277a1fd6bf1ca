"""The page of the errors that teach: the constants of fnn that show the wrong code, the reason and the right code."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from pathlib import Path

from sitegen.docstrings import fenced

ROOT = Path(__file__).resolve().parent.parent.parent
_TEACHES = re.compile(r"(?i)^wrong:|# *wrong|# *right|\n    \S|# asks", re.MULTILINE)
_NO_ERRORS = ("_PLAIN", "_IN_PLACE", "_NAMES", "DESCRIPTION", "_DOC")  # tables, and templates of docstrings
_FIELD = re.compile(r"\{(\w+)[^{}]*\}")


@dataclasses.dataclass(frozen=True)
class Teaching:
    """A text that teaches.

    Attributes:
        name: the constant's, in words.
        module: where it stands.
        text: as the user reads it, but for what is filled in.
        anchor: of its section.
    """

    name: str
    module: str
    text: str

    @property
    def anchor(self) -> str:
        """The constant's name and its module's: stable, and the same for nobody else."""
        return f"{self.module.rpartition('.')[2].strip('_')}-{self.name.strip('_').lower().replace('_', '-')}"

    @property
    def title(self) -> str:
        """What happened, in the words of its first sentence."""
        first = re.split(r"(?<=[.:])\s", self.text.replace("\n", " "))
        line = first[0] if len(first[0]) > 24 else " ".join(first[:2])
        return line.rstrip(".:")


def _strings(path: Path) -> list[tuple[str, str]]:
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found += [(t.id, node.value.value) for t in node.targets if isinstance(t, ast.Name) and t.id.isupper()]
    return found


@functools.cache
def teachings() -> list[Teaching]:
    """All of them, in the order of the files."""
    found = []
    for path in sorted((ROOT / "fnn").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name, text in _strings(path):
            if _TEACHES.search(text) and not name.endswith(_NO_ERRORS):
                filled = _FIELD.sub(lambda match: f"‹{match[1]}›", text)
                found.append(Teaching(name, module, filled.replace("{{", "{").replace("}}", "}")))
    return found


def page() -> str:
    """The page."""
    rows = [
        "# Errors that teach",
        "",
        "Some faults are easier to make than to understand. Their errors show the wrong code, the reason and the right",
        "code. This page lists them, from the constants in the source; ‹words› are filled in with your own names.",
        "",
        "Every other error names the function or layer, the argument, its value and what was expected; an error out of",
        "a `forward` ends with the module's path and the shapes of the innermost calls"
        " (see [debugging](../guides/debugging.md)).",
    ]
    for teaching in teachings():
        title = re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", teaching.title)
        rows += ["", f"## {title} {{ #{teaching.anchor} }}", "", fenced(teaching.text, "text"), ""]
        rows += [f"From `{teaching.module}`."]
    return "\n".join(rows) + "\n"
