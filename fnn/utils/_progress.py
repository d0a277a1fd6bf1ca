"""A progress bar of bytes on stderr: rich's where rich is installed, else a line of text.

In a notebook rich draws with ipywidgets, and without these nothing; a line of text needs neither.  It goes to stdout
there, since notebooks show stderr as a warning.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

__all__ = ["progress_bar"]

_MIB = 1 << 20
_WIDE = 76  # columns of a terminal that holds a whole bar


@contextlib.contextmanager
def progress_bar(name: str, total: int | None, show: bool = True) -> Iterator[Callable[[int], None]]:
    """Yields a function to call with the number of bytes that have been added.

    Args:
        name: what is shown beside the bar.
        total: the number of bytes to come, None if unknown.
        show: if False, nothing is shown.
    """
    if not show:
        yield lambda count: None
        return
    if _is_notebook():
        with _line(name, total, sys.stdout) as advance:
            yield advance
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column
    except ImportError:
        with _line(name, total, sys.stderr) as advance:
            yield advance
        return
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", table_column=Column(overflow="ellipsis")),  # what gives way to the numbers
        BarColumn(40 if console.width >= _WIDE else 4),
        DownloadColumn(True, table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.update(task, advance=count)


def _is_notebook() -> bool:
    """Whether this process is the kernel of a notebook; IPython in a terminal has none."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


@contextlib.contextmanager
def _line(name: str, total: int | None, stream: TextIO) -> Iterator[Callable[[int], None]]:
    """One line that is written over itself, at most ten times a second; it ends with the block."""
    count, shown = 0, 0.0

    def show() -> None:
        amount = f"{count / _MIB:.1f} MiB"
        if total:
            amount = f"{100 * count // total:3d}% of {total / _MIB:.1f} MiB"
        stream.write(f"\r{name}: {amount}")
        stream.flush()

    def advance(added: int) -> None:
        nonlocal count, shown
        count += added
        if time.monotonic() - shown > 0.1:
            shown = time.monotonic()
            show()

    try:
        yield advance
    finally:
        show()
        stream.write("\n")
