"""What an explanation looks like: sentences and tables, as text, in a terminal with colours, and in a notebook."""

from __future__ import annotations

import dataclasses
import html
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["Finding", "Report", "Table", "amount", "seconds"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        where: a module's path, a parameter's name, an argument.
        what: in words.
        phase: "forward", "backward", "optimizer", or empty where it does not matter.

    Example:
        >>> import fnn
        >>> fnn.explain.Finding("Net/head", "is not finite", "forward").where
        'Net/head'
    """

    where: str
    what: str
    phase: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: the names of its columns, and rows of texts.

    Example:
        >>> import fnn
        >>> fnn.explain.Table(("module", "size"), [("Net", "3 B")]).columns
        ('module', 'size')
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Report:
    """An explanation; ``print`` it, or leave it to the notebook.

    Attributes:
        title: what was asked.
        lines: the answer in sentences.
        tables: what it rests on.
        findings: the same for programs.
        parts: further reports below this one.

    Example:
        >>> import fnn
        >>> print(fnn.explain.Report("Memory", ["3 B at the peak"]))
        Memory
          3 B at the peak
    """

    title: str
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    findings: Sequence[Finding] = ()
    parts: Sequence[Report] = ()

    def __str__(self) -> str:
        blocks = ["\n".join([self.title, *(f"  {line}" for text in self.lines for line in text.split("\n"))])]
        blocks += [_plain(table) for table in self.tables]
        blocks += [str(part) for part in self.parts]
        return "\n\n".join(block for block in blocks if block)

    def __repr__(self) -> str:
        return str(self)

    def show(self) -> None:
        """Prints it: with rich's tables in a terminal where rich is installed, else as text."""
        if sys.stdout.isatty():
            try:
                import rich
            except ImportError:
                pass
            else:
                rich.print(self)
                return
        print(self)

    def __rich__(self) -> Any:
        """What rich prints."""
        from rich.console import Group
        from rich.table import Table as RichTable
        from rich.text import Text

        shown: list[Any] = [Text(self.title, style="bold"), *(Text(f"  {line}") for line in self.lines)]
        for table in self.tables:
            drawn = RichTable(box=None, pad_edge=True, header_style="bold cyan")
            for n, name in enumerate(table.columns):
                right = bool(table.rows) and all(_is_number(row[n]) for row in table.rows)
                # In a narrow terminal words go on in the next line; rich would cut them short.
                drawn.add_column(name, justify="right" if right else "left", no_wrap=right, overflow="fold")
            for row in table.rows:
                drawn.add_row(*(Text(cell) for cell in row))
            shown.append(drawn)
        return Group(*shown, *(part.__rich__() for part in self.parts))

    def _repr_html_(self) -> str:
        lines = "".join(f"<div>{html.escape(line)}</div>" for line in self.lines)
        tables = "".join(_html(table) for table in self.tables)
        parts = "".join(part._repr_html_() for part in self.parts)
        title = html.escape(self.title)
        return f"<details open><summary><b>{title}</b></summary>{lines}{tables}{self._picture()}{parts}</details>"

    def _picture(self) -> str:
        """What a notebook draws below the tables, as HTML."""
        return ""


def _plain(table: Table) -> str:
    rows = [list(table.columns), *map(list, table.rows)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(table.columns))]
    drawn = []
    for row in rows:
        cells = [
            cell.rjust(width) if _is_number(cell) else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ]
        drawn.append("  " + "  ".join(cells).rstrip())
    return "\n".join(drawn)


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] == "-"


def _html(table: Table) -> str:
    head = "".join(f"<th style='text-align:left'>{html.escape(name)}</th>" for name in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:{'right' if _is_number(cell) else 'left'}'>{html.escape(cell)}</td>"
                         for cell in row) + "</tr>" for row in table.rows
    )  # fmt: skip
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def amount(size: float) -> str:
    """A number of bytes: ``3.2 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return ""


def seconds(time: float) -> str:
    """A time: ``3.2 ms``."""
    return f"{time:.2f} s" if time >= 1 else f"{time * 1e3:.2f} ms" if time >= 1e-3 else f"{time * 1e6:.1f} us"
