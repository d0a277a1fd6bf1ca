"""The gallery: every notebook as a page, with the outputs and pictures that are stored in it."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from pathlib import Path

from latex2mathml.converter import convert
from markdown.extensions.toc import slugify

from sitegen.docstrings import fenced

ROOT = Path(__file__).resolve().parent.parent.parent
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_MOST_LINES = 40


@dataclasses.dataclass
class Notebook:
    """A notebook as a page.

    Attributes:
        name: the file's, without its ending.
        title: its first heading.
        summary: its first paragraph.
        text: the page.
        pictures: the pictures by file name.
    """

    name: str
    title: str
    summary: str
    text: str
    pictures: dict[str, bytes]


def _joined(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def _shortened(text: str) -> str:
    lines = _ANSI.sub("", text).rstrip("\n").split("\n")
    left_out = len(lines) - _MOST_LINES
    return "\n".join(lines if left_out <= 0 else [*lines[:_MOST_LINES], f"... {left_out} more lines"])


def _outputs(cell: dict, name: str, pictures: dict[str, bytes]) -> list[str]:
    made = []
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        if "image/png" in data:
            file = f"{name}-{len(pictures) + 1}.png"
            pictures[file] = base64.b64decode(_joined(data["image/png"]))
            made.append(f"![What the cell draws]({file}){{ .fnn-picture loading=lazy }}")
        elif "text/plain" in data or "text" in output:
            text = _joined(data.get("text/plain") or output.get("text", ""))
            if text.strip():
                made.append(fenced(_shortened(text), "text { .fnn-output }"))
    return made


def read(path: Path) -> Notebook:
    """Reads a notebook."""
    pictures: dict[str, bytes] = {}
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = _joined(cell["source"]).strip()
        if not source:
            continue
        if cell["cell_type"] == "markdown":
            parts.append(_formulas(_links(source)))
        elif cell["cell_type"] == "code":
            parts += [fenced(source, "python"), *_outputs(cell, path.stem, pictures)]
    text = "\n\n".join(parts) + "\n"
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    paragraph = re.search(r"^# .+\n\n([^#`\n][^\n]*(?:\n[^\n]+)*)", text, re.MULTILINE)
    summary = re.split(r"(?<=\.)\s", paragraph[1].replace("\n", " "))[0] if paragraph else ""
    return Notebook(path.stem, heading[1] if heading else path.stem, summary, text, pictures)


def _links(source: str) -> str:
    """Links lead to the pages of notebooks and to the anchors that the site gives to headings."""
    source = re.sub(r"\]\((?:\./)?([\w-]+)\.ipynb(#[^)]*)?\)", r"](\1.md)", source)
    return re.sub(r"\]\(#([^)]+)\)", lambda match: f"](#{slugify(match[1], '-')})", source)


def _formulas(source: str) -> str:
    """TeX between dollars as MathML, which browsers draw by themselves; code stays as it is."""

    def drawn(match: re.Match[str]) -> str:
        if match["code"]:
            return match["code"]
        display = "block" if match["block"] else "inline"
        return convert(match["block"] or match["line"], display=display)

    pattern = r"(?P<code>```.*?```|`[^`]+`)|\$\$(?P<block>.+?)\$\$|\$(?P<line>[^$\n]+?)\$"
    return re.sub(pattern, drawn, source, flags=re.DOTALL)


def notebooks() -> list[Notebook]:
    """All of them, in order."""
    return [read(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]


def index(found: list[Notebook]) -> str:
    """The page with all of them: a card each, with its first picture."""
    rows = [
        "# Gallery",
        "",
        'The notebooks, executed. They run offline: `pip install ".[notebooks]"`, then open them in `notebooks/`.',
        "",
        '<div class="grid cards" markdown>',
        "",
    ]
    for notebook in found:
        rows += [f"-   **[{notebook.title}]({notebook.name}.md)**", ""]
        if notebook.pictures:
            best = max(notebook.pictures, key=lambda file: len(notebook.pictures[file]))
            rows += [f"    [![From {notebook.title}]({best}){{ loading=lazy }}]({notebook.name}.md)", ""]
        rows += [f"    {notebook.summary}", ""]
    return "\n".join([*rows, "</div>", ""])
