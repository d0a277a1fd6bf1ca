"""The quickstart: its command line, its checkpoints, its pictures."""

import os
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
from fnn.quickstart import cli, picture
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


def test_it_prints_a_table_and_the_accuracy(tmp_path, digits, capsys):
    assert run("--epochs 1 --model mlp --optimizer sgd --device cpu", tmp_path / "new" / "folder", digits) == 0
    out = capsys.readouterr().out
    accuracy = load_checkpoint(tmp_path / "new" / "folder" / cli.CHECKPOINT)["history"][0]["test_accuracy"]
    assert "training loss" in out and "test accuracy" in out
    assert out.endswith(f"\ntest accuracy: {accuracy:.2%}\n")


def test_it_draws_two_pictures(finished):
    for name in ("loss.png", "predictions.png"):
        content = (finished / name).read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) > 5000


@pytest.mark.parametrize("end", ["killed between epochs", "interrupted in an epoch"])
def test_a_resumed_run_equals_an_uninterrupted_one(end, finished, tmp_path, digits, monkeypatch, capsys):
    train_epoch = Run.train_epoch

    def breaking(self, on_step):
        if len(self.history) == 1:
            if end == "interrupted in an epoch":
                next(iter(self.loader))  # some numbers are drawn that the resumed run draws again
            raise KeyboardInterrupt
        return train_epoch(self, on_step)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "train_epoch", breaking)
        assert run("--epochs 2 --seed 3 --batch-size 48", tmp_path, digits) == 130
    assert "--resume continues" in capsys.readouterr().out
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
