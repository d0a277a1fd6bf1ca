"""The quickstart: its command line, its checkpoints, its pictures."""

import dataclasses
import io
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("rich")

import fnn
from fnn.errors import ArgumentError
from fnn.quickstart import cli, picture, show
from fnn.quickstart.data import Digits, jitter, load_digits
from fnn.quickstart.train import Options, Run
from fnn.serialization import CorruptFileError, load_checkpoint, save_checkpoint

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def digits():
    whole = load_digits()
    return Digits(whole.train_images[::10], whole.train_labels[::10], whole.test_images[::8], whole.test_labels[::8])


def run(arguments: str, folder: Path, digits: Digits) -> int:
    return cli.main([*arguments.split(), "--output", str(folder)], digits)


def weights(folder: Path) -> dict:
    state = load_checkpoint(folder / cli.CHECKPOINT)
    return {name: np.asarray(value) for name, value in state["model"].items()}


def seconds_apart(folder: Path) -> list[dict]:
    return [
        {k: v for k, v in row.items() if k != "seconds"} for row in load_checkpoint(folder / cli.CHECKPOINT)["history"]
    ]


# -- the data -----------------------------------------------------------------------------------------


def test_the_split_is_stratified_and_fixed():
    one, two = load_digits(), load_digits()
    assert one.train_images.shape == (1438, 1, 8, 8) and one.test_images.shape == (359, 1, 8, 8)
    assert abs(one.train_images.mean()) < 1e-4 and abs(one.train_images.std() - 1) < 1e-4
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    share = np.bincount(one.test_labels) / np.bincount(np.concatenate([one.train_labels, one.test_labels]))
    assert np.all(np.abs(share - 0.2) < 0.01)
    # no image is on both sides
    rows = {image.tobytes() for image in one.train_images.round(3)}
    assert len(rows) > 1400


def test_jitter_moves_by_a_share_of_a_pixel(monkeypatch):
    images = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)  # rises by 8 a row and 1 a column
    draws = iter([0.75, 0.25])  # down by half of reach, left by half of it
    monkeypatch.setattr(fnn, "rand", lambda *shape: np.full(shape, next(draws), np.float32))
    moved = jitter(images, reach=0.5)
    np.testing.assert_allclose(moved[..., 1:-1, 1:-1], (images - 0.25 * 8 + 0.25)[..., 1:-1, 1:-1])
    assert moved.shape == images.shape and moved.dtype == images.dtype


# -- the command ----------------------------------------------------------------------------------------


def test_help_explains_every_option():
    done = subprocess.run(
        [sys.executable, "-m", "fnn.quickstart", "--help"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    options = "--model --epochs --batch-size --optimizer --lr --seed --precision --device --output --resume"
    for option in options.split():
        assert f"{option} " in done.stdout or f"{option}\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--epochs 0", "argument --epochs: expected a positive integer, got '0'"),
        ("--epochs two", "argument --epochs: expected a positive integer, got 'two'"),
        ("--batch-size -3", "argument --batch-size: expected a positive integer, got '-3'"),
        ("--lr nan", "argument --lr: expected a positive number, got 'nan'"),
        ("--seed ²", "argument --seed: expected an integer from 0 to 2**64 - 1, got '²'"),
        ("--epochs ²", "argument --epochs: expected a positive integer, got '²'"),
        (f"--seed {1 << 64}", f"argument --seed: expected an integer from 0 to 2**64 - 1, got '{1 << 64}'"),
        ("--seed -1", "argument --seed: expected an integer from 0 to 2**64 - 1, got '-1'"),
        ("--model transformer", "argument --model: invalid choice: 'transformer'"),
        ("--precision float8", "argument --precision: invalid choice: 'float8'"),
        ("--what", "unrecognized arguments: --what"),
    ],
)
def test_a_bad_argument_is_named(arguments, message, tmp_path, digits, capsys):
    with pytest.raises(SystemExit) as stop:
        run(arguments, tmp_path, digits)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--batch-size 5000", "--batch-size must be at most the number of training images, 144, got 5000"),
        ("--device tpu", "--device: no tpu device is available"),
        ("--resume", "--resume: there is no checkpoint at"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, message, tmp_path, digits, capsys):
    if "tpu" in arguments and jax.default_backend() == "tpu":
        pytest.skip("there is one")
    assert run(arguments, tmp_path, digits) == 2
    assert message in capsys.readouterr().err


def test_a_missing_library_is_named_before_the_training(tmp_path, digits, capsys, monkeypatch):
    monkeypatch.setitem(cli.LIBRARIES, "no_such_library", "no-such-library")
    assert run("", tmp_path, digits) == 2
    error = capsys.readouterr().err
    assert "the quickstart needs no-such-library: pip install" in error and "[examples]" in error


# -- training -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory, digits):
    """Two epochs without a break."""
    folder = tmp_path_factory.mktemp("finished")
    assert run("--epochs 2 --seed 3 --batch-size 48", folder, digits) == 0
    return folder


def test_without_a_terminal_it_prints_a_line_after_each_epoch(tmp_path, digits, capsys, monkeypatch):
    folder, seen = tmp_path / "new" / "folder", []
    train_epoch = Run.train_epoch

    def looking(self, *arguments):
        seen.append(capsys.readouterr().out)  # what there is to read before the next epoch
        return train_epoch(self, *arguments)

    monkeypatch.setattr(Run, "train_epoch", looking)
    assert run("--epochs 2 --model mlp --optimizer sgd --device cpu", folder, digits) == 0
    first, second = load_checkpoint(folder / cli.CHECKPOINT)["history"]
    assert seen[0].startswith("mlp of ")
    assert seen[1] == (
        f"epoch 1 of 2: learning rate 0.05000, training loss {first['train_loss']:.4f}, "
        f"test loss {first['test_loss']:.4f}, test accuracy {first['test_accuracy']:.2%}, {first['seconds']:.1f} s\n"
    )
    out = capsys.readouterr().out
    assert out.startswith("epoch 2 of 2: ") and out.endswith(f"\ntest accuracy: {second['test_accuracy']:.2%}\n")


@pytest.mark.parametrize("width", [40, 80])
def test_a_terminal_of_any_width_shows_whole_numbers(width, finished):
    from rich.console import Console

    options = Options(epochs=2, seed=3, batch_size=48)
    other = Run(options, load_digits())
    other.load(finished / cli.CHECKPOINT)
    with open(os.devnull, "w") as nowhere:
        console = Console(file=nowhere, force_terminal=True, width=width, record=True, legacy_windows=False)
        show.train(other, console, lambda: None)
    table = console.export_text()
    for epoch in other.history:
        row = next(line for line in table.splitlines() if line.split()[:1] == [str(epoch.number)])
        wanted = [f"{epoch.train_loss:.4f}", f"{epoch.test_loss:.4f}", f"{epoch.test_accuracy:.2%}"]
        assert [word for word in row.split() if word in wanted] == wanted and len(row) <= width
    assert ("learning rate" in table) == (width == 80) and "…" not in table


def test_the_bar_of_a_narrow_terminal_is_whole(digits):
    from rich.console import Console

    short = Run(Options(model="mlp", epochs=1, batch_size=48), digits)
    stream = io.StringIO()
    show.train(short, Console(file=stream, force_terminal=True, width=40, color_system=None), lambda: None)
    assert "epoch 1" in stream.getvalue() and "/3" in stream.getvalue() and "…" not in stream.getvalue()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_output_that_cannot_be_made_is_said_before_the_training(place, tmp_path, digits, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Run, "train_epoch", None)
    assert run("", tmp_path / place, digits) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --output: cannot write to the folder {tmp_path / place}: ")
    assert error.count("\n") == 1


def test_an_interrupt_in_the_first_epoch_promises_no_checkpoint(tmp_path, digits, capsys, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "train_epoch", interrupted)
    assert run("--epochs 2", tmp_path, digits) == 130
    out = capsys.readouterr().out
    assert "interrupted before the end of the first epoch" in out and "--resume" not in out
    assert not (tmp_path / cli.CHECKPOINT).exists()
    monkeypatch.setattr(Run, "__init__", interrupted)
    assert run("--epochs 2", tmp_path, digits) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_training_that_diverges_ends_with_a_reason(optimizer, tmp_path, digits, capsys):
    assert run(f"--epochs 2 --lr 1e9 --model mlp --optimizer {optimizer}", tmp_path, digits) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(
        r"error: the (training|test) loss of epoch \d is (nan|inf|\d\S*e\+\d+): the training has diverged; "
        r"try a smaller --lr than 1e\+09(; the checkpoint of epoch 1 is kept)?\n",
        error,
    )
    assert not (tmp_path / "loss.png").exists()


def test_a_loss_that_is_no_number_is_not_kept(tmp_path, digits, capsys, monkeypatch):
    train_epoch = Run.train_epoch

    def breaking(self, *arguments):
        epoch = train_epoch(self, *arguments)
        if epoch.number == 2:
            self.history[-1] = dataclasses.replace(epoch, train_loss=math.nan)
        return self.history[-1]

    monkeypatch.setattr(Run, "train_epoch", breaking)
    assert run("--epochs 3 --model mlp", tmp_path, digits) == 1
    assert capsys.readouterr().err == (
        "error: the training loss of epoch 2 is nan: the training has diverged; "
        "try a smaller --lr than 0.003; the checkpoint of epoch 1 is kept\n"
    )
    assert len(seconds_apart(tmp_path)) == 1


def test_it_draws_two_pictures(finished):
    for name in ("loss.png", "predictions.png"):
        content = (finished / name).read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) > 5000


@pytest.mark.parametrize("end", ["killed between epochs", "interrupted in an epoch"])
def test_a_resumed_run_equals_an_uninterrupted_one(end, finished, tmp_path, digits, monkeypatch, capsys):
    train_epoch = Run.train_epoch

    def breaking(self, *arguments):
        if len(self.history) == 1:
            if end == "interrupted in an epoch":
                next(iter(self.loader))  # some numbers are drawn that the resumed run draws again
            raise KeyboardInterrupt
        return train_epoch(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "train_epoch", breaking)
        assert run("--epochs 2 --seed 3 --batch-size 48", tmp_path, digits) == 130
    assert "interrupted; --resume continues after epoch 1\n" in capsys.readouterr().out
    fnn.manual_seed(99)
    assert run("--resume", tmp_path, digits) == 0
    assert "resumed after epoch 1 of 2" in capsys.readouterr().out
    assert seconds_apart(tmp_path) == seconds_apart(finished)
    for name, value in weights(finished).items():
        np.testing.assert_array_equal(weights(tmp_path)[name], value, err_msg=name)


def test_a_finished_run_can_be_resumed_and_lengthened(finished, tmp_path, digits, capsys):
    (tmp_path / cli.CHECKPOINT).write_bytes((finished / cli.CHECKPOINT).read_bytes())
    before = weights(tmp_path)
    assert run("--resume", tmp_path, digits) == 0
    for name, value in weights(tmp_path).items():
        np.testing.assert_array_equal(value, before[name])
    assert run("--resume --epochs 3 --seed 3", tmp_path, digits) == 0
    assert [row["number"] for row in seconds_apart(tmp_path)] == [1, 2, 3]


def test_a_checkpoint_of_another_run_is_refused(finished, digits, capsys):
    assert run("--resume --seed 4", finished, digits) == 2
    assert "was made with --seed 3, got --seed 4" in capsys.readouterr().err
    assert run("--resume --batch-size 32", finished, digits) == 2
    assert "was made with --batch-size 48, got --batch-size 32" in capsys.readouterr().err


def test_a_damaged_or_foreign_checkpoint_is_refused(tmp_path, digits, capsys):
    path = tmp_path / cli.CHECKPOINT
    path.write_bytes(b"nothing")
    assert run("--resume", tmp_path, digits) == 2
    assert f"{path}: not a whole safetensors file" in capsys.readouterr().err
    save_checkpoint({"options": {"model": "cnn"}}, path)
    assert run("--resume", tmp_path, digits) == 2
    assert "is not a checkpoint of the quickstart" in capsys.readouterr().err
    with pytest.raises(ArgumentError):
        cli.parse(["--resume", "--output", str(tmp_path)])
    assert issubclass(CorruptFileError, ArgumentError)


def test_the_seed_decides(finished, digits, tmp_path):
    first = Run(Options(seed=3, batch_size=48, epochs=2), digits)
    other = Run(Options(seed=4, batch_size=48, epochs=2), digits)
    same = [np.array_equal(a, b) for a, b in zip(first.model.parameters(), other.model.parameters(), strict=True)]
    assert not all(same)


def test_bfloat16_learns(digits):
    short = Run(Options(model="mlp", precision="bfloat16", epochs=4, batch_size=16), digits)
    assert {str(p.dtype) for p in short.model.parameters()} == {"bfloat16"}
    losses = [short.train_epoch().train_loss for _ in range(4)]
    assert losses[-1] < 0.7 * losses[0] and short.history[-1].test_accuracy > 0.5


def test_predictions_show_the_mistakes_first(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("matplotlib.axes.Axes.set_title", lambda self, text, **_: shown.append(text))
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    picture.draw_predictions(np.zeros((3, 1, 8, 8)), np.array([0, 1, 1]), probabilities, tmp_path / "p.png")
    assert shown == ["0, is 1", "1 (80%)", "0 (90%)"]
