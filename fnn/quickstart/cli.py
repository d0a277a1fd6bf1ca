"""The command line of ``python -m fnn.quickstart``."""

import argparse
import contextlib
import dataclasses
import importlib.util
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fnn.errors import ArgumentError

if TYPE_CHECKING:
    from jax.sharding import Mesh

    from fnn.quickstart.data import Digits
    from fnn.quickstart.train import Options, Run

__all__ = ["main", "parse"]

DESCRIPTION = """Trains a network on 1,797 real handwritten digits (8 x 8 pixels; they ship with scikit-learn, so
nothing is downloaded) and tests it on a fifth of them that it never saw. Writes a checkpoint after each epoch, and
two pictures at the end."""
EXTRAS = 'the quickstart needs {names}: pip install "fnn[examples]" (in a clone: pip install ".[examples]")'
LIBRARIES = {"matplotlib": "matplotlib", "rich": "rich", "safetensors": "safetensors", "sklearn": "scikit-learn"}
DIVERGED = 1e6  # a loss that no training comes back from; guessing has one of 2.3
CHECKPOINT = "checkpoint.safetensors"


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
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if not 0 <= seed < 1 << 64:
        raise argparse.ArgumentTypeError(f"expected an integer from 0 to 2**64 - 1, got {text!r}")
    return seed


class Diverged(RuntimeError):
    """The loss is beyond all bounds, or no number any more."""


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
        "--devices",
        type=_count,
        metavar="N",
        help="train on N devices, with the same numbers; simulated ones on a CPU (default: 1)",
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
    except Diverged as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _make_folder(path: Path) -> None:
    """The folder of the output, tried with a file: found out now, not after the training."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ArgumentError(f"--output: cannot write to the folder {path}: {error.strerror or error}") from None


def _main(options: "Options", given: argparse.Namespace, digits: "Digits | None", start: float) -> int:
    from rich.console import Console

    from fnn.devices import to_device
    from fnn.quickstart.data import load_digits
    from fnn.quickstart.show import train
    from fnn.quickstart.train import Run

    mesh, is_first = _mesh(given)
    console = Console(quiet=not is_first)
    device = None if given.device == "auto" or mesh is not None else to_device(given.device, "--device: ")
    run = Run(options, digits or load_digits(), device, mesh)
    _make_folder(given.output)
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
        if is_first:
            train(run, console, lambda: _keep(run, checkpoint))
        else:  # of several processes one shows what all do, and writes
            while not run.done:
                run.train_epoch()
    except KeyboardInterrupt:
        if run.saved:
            console.print(f"interrupted; --resume continues after epoch {run.saved}")
        else:
            console.print("interrupted before the end of the first epoch, so that there is nothing to resume")
        return 130
    _draw(run, given.output, is_first)
    console.print(
        f"wrote {CHECKPOINT}, loss.png and predictions.png to {given.output}", highlight=False, soft_wrap=True
    )
    console.print(f"{time.perf_counter() - start:.1f} s in all", highlight=False)
    if is_first:
        print(f"test accuracy: {run.history[-1].test_accuracy:.2%}")
    return 0


def _mesh(given: argparse.Namespace) -> tuple["Mesh | None", bool]:
    """The devices to train on, if there are several, and whether this process is the one that speaks and writes."""
    import jax

    from fnn import distributed

    platform = None if given.device == "auto" else given.device
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    if given.devices is not None and alone:
        with contextlib.suppress(RuntimeError):  # JAX is in use already, with the devices that it has
            jax.config.update("jax_num_cpu_devices", given.devices)
    distributed.init()
    if given.devices is None and distributed.process_count() == 1:
        return None, True
    devices = jax.devices(platform)
    if given.devices is not None and len(devices) < given.devices and alone:
        devices = jax.devices("cpu")
    if given.devices is not None and len(devices) < given.devices:
        raise ArgumentError(f"--devices {given.devices}: there are only {len(devices)} devices")
    mesh = distributed.mesh(devices[: given.devices], data=-1)
    return mesh, distributed.process_index() == 0


def _keep(run: "Run", checkpoint: Path) -> None:
    """Writes the checkpoint, unless there is nothing worth keeping."""
    epoch = run.history[-1]
    for name, loss in (("training", epoch.train_loss), ("test", epoch.test_loss)):
        if not loss < DIVERGED:  # nor is NaN
            kept = f"; the checkpoint of epoch {run.saved} is kept" if run.saved else ""
            raise Diverged(
                f"the {name} loss of epoch {epoch.number} is {loss:g}: the training has diverged; "
                f"try a smaller --lr than {run.options.peak_lr:g}{kept}"
            )
    run.save(checkpoint)


def _draw(run: "Run", folder: Path, writes: bool) -> None:
    from fnn.quickstart.picture import draw_history, draw_predictions

    _, probabilities = run.predict()
    if not writes:
        return
    draw_history(run.history, folder / "loss.png")
    draw_predictions(run.digits.test_images, run.digits.test_labels, probabilities, folder / "predictions.png")
