"""The report in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fnn.port._report import CHANGED, LEFT

if TYPE_CHECKING:
    from fnn.port.check import Check
    from fnn.port.convert import Conversion

__all__ = ["show_check", "show_notes"]

_STYLES = {CHANGED: "yellow", LEFT: "red"}


def show_notes(path: Path, source: str, conversion: Conversion) -> None:
    """Prints what is to be said of a script's lines, to standard error."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(stderr=True)
    lines = source.splitlines()
    counts = {status: sum(n.status == status for n in conversion.notes) for status in ("converted", CHANGED, LEFT)}
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    table = Table(title=f"{path}: {said}", title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_column(overflow="fold")
    for note in conversion.notes:
        if note.status in _STYLES:
            line = lines[note.line - 1].strip() if 0 < note.line <= len(lines) else ""
            page = f" (guide: {note.page})" if note.page else ""
            text = Text(f"{note.text}{page}\n").append(line, style="dim")
            table.add_row(str(note.line), Text(note.status, style=_STYLES[note.status]), text)
    console.print(table)


def show_check(result: Check) -> None:
    """Prints both curves and the first step at which they differ."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    rounding = result.rounding
    table = Table("step", "torch", "fnn", "relative", *(["torch twice"] if rounding else []), box=None, pad_edge=False)
    for i, difference in enumerate(result.differences):
        more = [f"{rounding[i]:.1e}"] if i < len(rounding) else []
        table.add_row(str(i), f"{result.expected[i]:.7g}", f"{result.losses[i]:.7g}", f"{difference:.1e}", *more)
    console.print(table)
    for error in result.errors:
        console.print(error, style="red", markup=False, highlight=False)
    if result.agrees:
        console.print(f"the losses agree at all {len(result.losses)} steps", style="green")
    elif result.first is not None:
        at = result.first
        console.print(f"the losses differ first at step {at}, by {result.differences[at]:.1e}", style="red")
        if result.layer:
            console.print(result.layer, markup=False, highlight=False)
        if at < len(rounding):
            itself = f"by {max(rounding[: at + 1]):.1e} up to there"
            text = f"PyTorch, rounded otherwise (by other instructions, on one thread), differs from itself {itself}"
            console.print(text, highlight=False)
    elif not result.errors:
        console.print(f"torch differentiated {len(result.expected)} losses, fnn {len(result.losses)}", style="red")
