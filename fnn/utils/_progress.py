"""A progress bar of bytes on stderr: rich's where rich is installed, else a line of text."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

__all__ = ["progress_bar"]

_MIB = 1 << 20


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
    try:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        line = _Line(name, total)
        yield line.advance
        line.end()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(True), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.update(task, advance=count)


class _Line:
    """One line that is written over itself, at most ten times a second."""

    def __init__(self, name: str, total: int | None) -> None:
        self._name, self._total = name, total
        self._count, self._shown = 0, 0.0

    def advance(self, count: int) -> None:
        self._count += count
        if time.monotonic() - self._shown > 0.1:
            self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        amount = f"{self._count / _MIB:.1f} MiB"
        if self._total:
            amount = f"{100 * self._count // self._total:3d}% of {self._total / _MIB:.1f} MiB"
        sys.stderr.write(f"\r{self._name}: {amount}")
        sys.stderr.flush()

    def end(self) -> None:
        self._show()
        sys.stderr.write("\n")
