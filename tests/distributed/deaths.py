"""Saves that are killed in the middle: ``python -m tests.distributed.deaths COUNT`` and ``... jobs COUNT``.

A save in a loop is killed from outside at a random moment, or by itself at a chosen one of its calls of the file
system, among them the two renames of the exchange.  What can be read afterwards must be one whole state: at least the
last that was said to be saved.  A difference is an ordinary exception.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np

import fnn
from fnn.serialization.atomic import replacing_folder

ARRAYS, SIZE, SHARD = 8, 1000, 9000
CALLS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}  # as `sys.audit` names them


def state(number: float) -> dict[str, np.ndarray]:
    """Arrays that all hold one number."""
    return {f"w{n}": np.full(SIZE, number, np.float32) for n in range(ARRAYS)}


def found(folder: Path) -> int:
    """The number that the arrays of a folder hold; refuses a mixture."""
    read = fnn.distributed.load_sharded(folder)
    numbers = {float(x) for value in read.values() for x in (value.min(), value.max())}
    assert len(read) == ARRAYS and len(numbers) == 1, (sorted(read), numbers)
    (number,) = numbers
    assert number.is_integer(), number
    return int(number)


def _sharded(folder: Path, number: int) -> None:
    fnn.distributed.save_sharded(state(number), folder, SHARD)


def _background(folder: Path, number: int) -> None:
    """As a training loop saves: the arrays change while a thread writes."""
    arrays = state(number)
    saving = fnn.distributed.save_sharded(arrays, folder, SHARD, background=True)
    for array in arrays.values():
        array += 0.5
    saving.wait()


def _folder(folder: Path, number: int) -> None:
    """As `save_pretrained` and `fnn.export` do."""
    with replacing_folder(folder) as new:
        fnn.serialization.save_file(state(number), new / "model.safetensors")


WAYS: tuple[Callable[[Path, int], None], ...] = (_sharded, _background, _folder)


def _saves(way: Callable[[Path, int], None], folder: Path, first: int, told: int, limit: int | None) -> None:
    """Saves one number after the other and tells which are saved, until it dies."""
    left = [limit]

    def count(event: str, args: object) -> None:
        if left[0] is not None and event in CALLS:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    if limit is not None:
        sys.addaudithook(count)
    for number in range(first, first + 10_000):
        way(folder, number)
        os.write(told, b"%d\n" % number)


def main(count: str) -> None:
    """So many deaths of processes that are alone."""
    draw = random.Random(0)
    root = Path(tempfile.mkdtemp())
    for way in WAYS:
        way(root / way.__name__, 0)
    said = dict.fromkeys(WAYS, 0)
    for death in range(int(count)):
        way = WAYS[death % len(WAYS)]
        folder = root / way.__name__
        by_itself = death // len(WAYS) % 2 == 0
        limit = draw.randrange(120) if by_itself else None
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _saves(way, folder, said[way] + 1, tell, limit)
            finally:
                os._exit(1)
        os.close(tell)
        if not by_itself:
            time.sleep(draw.uniform(0.0, 0.15))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
        with os.fdopen(told) as lines:
            last = max((int(line) for line in lines), default=said[way])
        got = found(folder)
        assert last <= got <= last + 1, f"death {death}, {way.__name__}: saved {last}, read {got}"
        said[way] = got
    for way in WAYS:
        way(root / way.__name__, -1)
        assert found(root / way.__name__) == -1
    assert len(os.listdir(root)) == len(WAYS), os.listdir(root)  # what was left over is gone
    print({way.__name__: number for way, number in said.items()})


def jobs(count: str) -> None:
    """So many deaths of one of two processes that save together."""
    draw = random.Random(1)
    root = Path(tempfile.mkdtemp())
    folder, last = root / "checkpoint", -1
    launched = [sys.executable, "-m", "fnn.distributed.launch", "-n", "2", "-m", "tests.distributed.deaths", "member"]
    for death in range(int(count)):
        with subprocess.Popen([*launched, str(folder), str(last + 1)], stdout=subprocess.PIPE, text=True) as launcher:
            assert launcher.stdout is not None
            members = {}
            for line in launcher.stdout:
                rank, word, *rest = line.split()
                if word == "process":
                    members[rank] = int(rest[0])
                if word == "saved":
                    last = int(rest[0])
                    if len(members) == 2:
                        break
            time.sleep(draw.uniform(0.0, 0.3))
            os.kill(members[draw.choice(sorted(members))], signal.SIGKILL)
            for line in launcher.stdout:
                last = int(line.split()[-1]) if "] saved " in line else last
        assert launcher.returncode == 128 + signal.SIGKILL, launcher.returncode
        got = found(folder)
        assert last <= got <= last + 1, f"death {death}: saved {last}, read {got}"
        last = got
        print(f"death {death}: {got} saved", flush=True)


def member(folder: str, first: str) -> None:
    """One of the two processes."""
    fnn.distributed.init(heartbeat_timeout=600)
    print("process", os.getpid(), flush=True)
    for number in range(int(first), int(first) + 10_000):
        (_background if number % 2 else _sharded)(Path(folder), number)
        if fnn.distributed.process_index() == 0:
            print("saved", number, flush=True)


if __name__ == "__main__":
    if sys.argv[1] in ("jobs", "member"):
        {"jobs": jobs, "member": member}[sys.argv[1]](*sys.argv[2:])
    else:
        main(sys.argv[1])
