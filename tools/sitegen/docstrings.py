"""A docstring of the house's form (Google's sections, plain text) as Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_SECTIONS = ("Args", "Attributes", "Shape", "Returns", "Yields", "Raises", "Warns", "Example", "Examples", "Note")
_ENTRIES = ("Args", "Attributes", "Raises", "Warns")
_HEADING = re.compile(rf"({'|'.join(_SECTIONS)}):")
_ENTRY = re.compile(r"(\*{0,2}[\w.`]+(?: *\([^)]*\))?(?:, \*{0,2}[\w.`]+)*): ?(.*)", re.DOTALL)
_CODE = re.compile(r"(``.+?``|`[^`\n]+`)", re.DOTALL)
_NAME = re.compile(r"`([A-Za-z_][\w.]*)(\(\))?`")

Linker = Callable[[str], "str | None"]


def escaped(text: str) -> str:
    """A text in which Markdown sees no markup."""
    return re.sub(r"([\\*_\[\]<>#|])", r"\\\1", text)


def prose(text: str, link: Linker) -> str:
    """Plain text: what stands in backticks stays code, or becomes a link if it is a public name."""

    def code(piece: str) -> str:
        match = _NAME.fullmatch(piece)
        target = link(match[1]) if match else None
        return f"[{piece}]({target})" if target else " ".join(piece.split("\n"))

    return "".join(code(piece) if n % 2 else escaped(piece) for n, piece in enumerate(_CODE.split(text)))


def _blocks(text: str, link: Linker) -> str:
    """Paragraphs, lists and indented code of a section."""
    made = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if block.lstrip().startswith(">>>"):
            made.append(fenced(block, "pycon"))
        elif block.startswith("    ") and not re.match(r"\s*[*-] ", block):
            made.append(fenced(_dedented(block), "python"))
        elif re.match(r"\s*[*-] ", block):
            items = re.split(r"\n(?=\s*[*-] )", block)
            made.append("\n".join("- " + prose(re.sub(r"^\s*[*-] ", "", item), link) for item in items))
        else:
            code = block.rstrip().endswith("::")
            made.append(prose(block.rstrip().removesuffix(":") if code else block, link))
    return "\n\n".join(made)


def _dedented(text: str) -> str:
    lines = text.split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines)


def fenced(text: str, language: str) -> str:
    """A block of code."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"


def _entries(text: str, types: Mapping[str, str], link: Linker) -> str:
    """The entries of ``Args`` and its like, as a list."""
    made = []
    for entry in re.split(r"\n(?=\S)", text):
        match = _ENTRY.fullmatch(entry)
        if not match:
            made.append(f"- {prose(entry, link)}")
            continue
        names = ", ".join(f"`{name.strip('` ')}`" for name in match[1].split(", "))
        kind = types.get(match[1].strip("*` "), "")
        words = re.sub(r"\n\s+", "\n  ", prose(match[2].strip(), link))
        made.append(f"- **{names}**" + (f" (`{kind}`)" if kind else "") + f": {words}")
    return "\n".join(made)


def markdown(text: str, types: Mapping[str, str], link: Linker) -> str:
    """A docstring as Markdown.

    Args:
        text: the docstring, without indentation.
        types: what the signature says of an argument's type.
        link: the address of a name in backticks, if it has one.
    """
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in text.split("\n"):
        if match := _HEADING.fullmatch(line):
            parts.append((match[1], []))
        else:
            parts[-1][1].append(line)
    made = []
    for heading, lines in parts:
        body = _dedented("\n".join(lines)) if heading else "\n".join(lines)
        if not body.strip():
            continue
        if heading:
            made.append(f"**{heading}**")
        made.append(_entries(body.strip("\n"), types, link) if heading in _ENTRIES else _blocks(body, link))
    return "\n\n".join(made)
