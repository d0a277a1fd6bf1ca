"""What the command shows while it trains: a growing table on a terminal, elsewhere a line for each epoch."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from fnn.quickstart.train import Epoch, Run

__all__ = ["train"]

RECENT = 8  # rows of the table that are shown while it grows
WIDE = 76  # columns of a terminal that holds the whole table


def train(run: "Run", console: "Console", after: Callable[[], None]) -> None:
    """Trains the epochs that are left and shows how it goes.

    Args:
        run: the run.
        console: where to; what is no terminal, such as a file or a pipe, gets lines that stay.
        after: called after each epoch, before it is shown.
    """
    if not console.is_terminal:
        while not run.done:
            epoch = run.train_epoch()
            after()
            print(_line(epoch, run.options.epochs), flush=True)
        return

    from rich.console import Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    is_wide = console.width >= WIDE
    bar = BarColumn(40 if is_wide else 8)
    progress = Progress(TextColumn("{task.description}"), bar, MofNCompleteColumn(), TimeRemainingColumn())
    steps = len(run.loader)
    task = progress.add_task("", total=run.options.epochs * steps, completed=len(run.history) * steps)
    with Live(console=console, transient=True, refresh_per_second=8) as live:
        while not run.done:
            progress.update(task, description=f"epoch {len(run.history) + 1}")
            live.update(Group(_table(run.history[-RECENT:], is_wide), progress))
            run.train_epoch(on_step=lambda: progress.advance(task))
            after()
    console.print(_table(run.history, is_wide))


def _line(epoch: "Epoch", epochs: int) -> str:
    return (
        f"epoch {epoch.number:{len(str(epochs))}} of {epochs}: learning rate {epoch.lr:.5f}, "
        f"training loss {epoch.train_loss:.4f}, test loss {epoch.test_loss:.4f}, "
        f"test accuracy {epoch.test_accuracy:.2%}, {epoch.seconds:.1f} s"
    )


def _table(history: list["Epoch"], is_wide: bool) -> "Table":
    """The epochs; on a narrow terminal without what can be done without, rather than with numbers cut short."""
    from rich.table import Table

    names = ("epoch", "learning rate", "training loss", "test loss", "test accuracy", "seconds")
    table = Table(*(names if is_wide else ("epoch", "loss", "test", "accuracy")), box=None)
    for column in table.columns:
        column.justify, column.no_wrap = "right", True
    for epoch in history:
        number, losses = str(epoch.number), (f"{epoch.train_loss:.4f}", f"{epoch.test_loss:.4f}")
        accuracy = f"{epoch.test_accuracy:.2%}"
        if is_wide:
            table.add_row(number, f"{epoch.lr:.5f}", *losses, accuracy, f"{epoch.seconds:.1f}")
        else:
            table.add_row(number, *losses, accuracy)
    return table
