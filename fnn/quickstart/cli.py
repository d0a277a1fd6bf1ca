"""The command line of ``python -m fnn.quickstart``."""

import argparse
import dataclasses
import importlib.util
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fnn.errors import ArgumentError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from fnn.quickstart.data import Digits
    from fnn.quickstart.train import Epoch, Options, Run

__all__ = ["main", "parse"]

DESCRIPTION = """Trains a network on 1,797 real handwritten digits (8 x 8 pixels; they ship with scikit-learn, so
nothing is downloaded) and tests it on a fifth of them that it never saw. Writes a checkpoint after each epoch, and
two pictures at the end."""
EXTRAS = 'the quickstart needs {names}: pip install "fnn[examples]" (in a clone: pip install ".[examples]")'
LIBRARIES = {"matplotlib": "matplotlib", "rich": "rich", "safetensors": "safetensors", "sklearn": "scikit-learn"}
CHECKPOINT = "checkpoint.safetensors"
RECENT = 8  # rows of the table that are shown while it grows


def _positive(kind: type, text: str) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        noun = "integer" if kind is int else "number"
        raise argparse.ArgumentTypeError(f"expected a positive {noun}, got {text!r}")
    return value


def _count(text: str) -> int:
    return _positive(int, text)


def _rate(text: str) -> float:
    return _positive(float, text)


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) >= 1 << 64:
        raise argparse.ArgumentTypeError(f"expected an integer from 0 to 2**64 - 1, got {text!r}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The options and their help; an option of the run that is not given is absent."""
    top = argparse.ArgumentParser("python -m fnn.quickstart", description=DESCRIPTION)
    run = top.add_argument_group("what to train (with --resume: as in the checkpoint, unless given)")
    add = run.add_argument
    absent = argparse.SUPPRESS
    add("--model", choices=["cnn", "mlp"], default=absent, help="convolutional network or perceptron (default: cnn)")
    add("--epochs", type=_count, metavar="N", default=absent, help="passes over the training images (default: 30)")
    add("--batch-size", type=_count, metavar="N", default=absent, help="images in a training step (default: 64)")
    add("--optimizer", choices=["adam", "sgd"], default=absent, help="sgd has momentum 0.9 (default: adam)")
    add(
        "--lr",
        type=_rate,
        metavar="RATE",
        default=absent,
        help="learning rate of the first step, falls along a cosine (default: 0.003 for adam, 0.05 for sgd)",
    )
    add("--seed", type=_seed, metavar="N", default=absent, help="of weights, shuffles, dropout (default: 0)")
    add(
        "--precision",
        choices=["float32", "bfloat16"],
        default=absent,
        help="of parameters and computation (default: float32)",
    )
    top.add_argument(
        "--device", choices=["auto", "cpu", "gpu", "tpu"], default="auto", help="auto: what JAX finds best"
    )
    top.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        default=Path("runs/quickstart"),
        help="where checkpoint and pictures go (default: %(default)s)",
    )
    top.add_argument("--resume", action="store_true", help=f"continue from FOLDER/{CHECKPOINT}")
    return top


def parse(arguments: Sequence[str] | None = None) -> tuple["Options", argparse.Namespace]:
    """The options of the run, merged with the checkpoint's if it is resumed, and the other arguments.

    Raises:
        ArgumentError: for an option that contradicts the checkpoint's.
        SystemExit: for a bad argument; says which.
    """
    given = parser().parse_args(arguments)

    from fnn.quickstart.train import Options

    names = [field.name for field in dataclasses.fields(Options)]
    chosen = {name: getattr(given, name) for name in names if hasattr(given, name)}
    if not given.resume:
        return Options(**chosen), given

    from fnn.serialization import load_checkpoint

    path = given.output / CHECKPOINT
    if not path.exists():
        raise ArgumentError(f"--resume: there is no checkpoint at {path}")
    stored = load_checkpoint(path).get("options")
    if not isinstance(stored, dict) or set(stored) != set(names):
        raise ArgumentError(f"--resume: {path} is not a checkpoint of the quickstart")
    for name, value in chosen.items():
        # more epochs are a wish that can be met; another network is not
        if name != "epochs" and value != stored[name]:
            flag = f"--{name.replace('_', '-')}"
            raise ArgumentError(f"--resume: {path} was made with {flag} {stored[name]}, got {flag} {value}")
    return Options(**stored | chosen), given


def main(arguments: Sequence[str] | None = None, digits: "Digits | None" = None) -> int:
    """Runs the command.

    Args:
        arguments: the command line; None: ``sys.argv``.
        digits: other data than scikit-learn's digits.

    Returns:
        The exit status.
    """
    start = time.perf_counter()
    try:
        options, given = parse(arguments)
        missing = [name for module, name in LIBRARIES.items() if importlib.util.find_spec(module) is None]
        if missing:  # said now, not after the training
            raise ArgumentError(EXTRAS.format(names=", ".join(missing)))
        return _main(options, given, digits, start)
    except ArgumentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _main(options: "Options", given: argparse.Namespace, digits: "Digits | None", start: float) -> int:
    from rich.console import Console

    from fnn.devices import to_device
    from fnn.quickstart.data import load_digits
    from fnn.quickstart.train import Run

    console = Console()
    device = None if given.device == "auto" else to_device(given.device, "--device: ")
    run = Run(options, digits or load_digits(), device)
    given.output.mkdir(parents=True, exist_ok=True)
    checkpoint = given.output / CHECKPOINT
    if given.resume:
        run.load(checkpoint)
        console.print(f"resumed after epoch {len(run.history)} of {options.epochs}")
    parameters = sum(p.numel() for p in run.model.parameters())
    console.print(
        f"{options.model} of {parameters:,} parameters, {options.precision}; "
        f"{len(run.digits.train_labels):,} digits to train on, {len(run.digits.test_labels)} to test"
    )
    try:
        _train(run, checkpoint, console)
    except KeyboardInterrupt:
        console.print("interrupted; --resume continues after the last finished epoch")
        return 130
    console.print(_table(run.history))
    _draw(run, given.output)
    console.print(f"wrote {CHECKPOINT}, loss.png and predictions.png to {given.output}", highlight=False)
    console.print(f"{time.perf_counter() - start:.1f} s in all", highlight=False)
    print(f"test accuracy: {run.history[-1].test_accuracy:.2%}")
    return 0


def _train(run: "Run", checkpoint: Path, console: "Console") -> None:
    """Trains the epochs that are left, under a progress bar and the growing table."""
    from rich.console import Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console)
    steps = len(run.loader)
    task = bar.add_task("", total=run.options.epochs * steps, completed=len(run.history) * steps)
    with Live(console=console, transient=True, refresh_per_second=8) as live:
        while not run.done:
            bar.update(task, description=f"epoch {len(run.history) + 1}")
            live.update(Group(_table(run.history[-RECENT:]), bar))
            run.train_epoch(on_step=lambda: bar.advance(task))
            run.save(checkpoint)


def _table(history: list["Epoch"]) -> "Table":
    from rich.table import Table

    table = Table("epoch", "learning rate", "training loss", "test loss", "test accuracy", "seconds", box=None)
    for column in table.columns:
        column.justify = "right"
    for epoch in history:
        table.add_row(
            str(epoch.number),
            f"{epoch.lr:.5f}",
            f"{epoch.train_loss:.4f}",
            f"{epoch.test_loss:.4f}",
            f"{epoch.test_accuracy:.2%}",
            f"{epoch.seconds:.1f}",
        )
    return table


def _draw(run: "Run", folder: Path) -> None:
    from fnn.quickstart.picture import draw_history, draw_predictions

    draw_history(run.history, folder / "loss.png")
    _, probabilities = run.predict()
    draw_predictions(run.digits.test_images, run.digits.test_labels, probabilities, folder / "predictions.png")
