"""Damaged files, 900 of them, always the same: each is refused in a documented way or read as it was.

In a zip archive every byte that counts is checked, by a sum or by a second copy, so that what is read at all is what
was written.  The legacy format and safetensors have no sums: a flipped bit among an array's bytes, or a name's, gives
another value there, which nothing can notice; of those files only a cut is always seen.  No file makes Python do
anything but compute.
"""

import gc
import io
import random
import sys
import threading
from collections import Counter

import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError
from fnn.serialization import CorruptFileError
from tests.serialization import reading

COUNT = 300  # of each format
# What reading raises of its own accord; all else (open, import, exec, compile, os.*, socket.*, ...) is forbidden.
HARMLESS = {"object.__getattr__", "builtins.id", "sys._getframe"}


class Watch:
    """Notes the audit events while it is on; a hook cannot be taken away, so that there is one for all tests."""

    def __init__(self) -> None:
        self.on, self.thread = False, 0
        self.seen: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event, arguments) -> None:
        if self.on and threading.get_ident() == self.thread and event not in HARMLESS:
            self.seen.append(f"{event}{arguments}"[:200])

    def __enter__(self) -> list[str]:
        gc.disable()  # others' finalizers are not meant, nor others' threads
        self.seen, self.thread = [], threading.get_ident()
        self.on = True
        return self.seen

    def __exit__(self, *_: object) -> None:
        self.on = False
        gc.enable()


@pytest.fixture(scope="module")
def watch():
    return Watch()


def safetensors(folder) -> bytes:
    found = fnn.load(reading.RECORDED / "objects.zip.pth")
    dense = {name: value for name, value in found["dense"].items() if name != "views"}
    fnn.save({"model": dense, "epoch": 3}, folder / "f.safetensors")
    return (folder / "f.safetensors").read_bytes()


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    found = {form: (reading.RECORDED / f"objects.{form}.pth").read_bytes() for form in ("zip", "legacy")}
    found["safetensors"] = safetensors(tmp_path_factory.mktemp("original"))
    return found


def flip(content: bytes, draw: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 3])):
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def overwrite(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(content))
    part = draw.choice([b"\0", b"\xff", b"\x80", draw.randbytes(4), b"\xff" * 8])
    return content[:start] + part + content[start + len(part) :]


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


def splice(content: bytes, draw: random.Random) -> bytes:
    start, to = draw.randrange(len(content)), draw.randrange(len(content))
    part = content[start : start + draw.randrange(1, 400)]
    return draw.choice([
        content[:to] + part + content[to:],
        content[:start] + content[start + len(part) :],
        content[:to] + part + content[to + len(part) :],
    ])  # fmt: skip


def head(content: bytes, draw: random.Random) -> bytes:
    """Damage where the headers or the pickle are: at the start, or (a zip archive's) at the end."""
    size = min(2000, len(content) // 3)
    change = draw.choice([flip, overwrite])
    if content[:2] == b"PK" and draw.random() < 0.5:
        return content[:-size] + change(content[-size:], draw)
    return change(content[:size], draw) + content[size:]


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_damage(originals, watch, form):
    original = originals[form]
    expected = reading.flatten(fnn.load(io.BytesIO(original)))  # the first load also imports what loading imports
    draw = random.Random(f"damage of {form}")
    outcomes: Counter[str] = Counter()
    for n in range(COUNT):
        change = (flip, overwrite, cut, splice, head)[n % 5]
        damaged = change(original, draw)
        found, refusal = None, ""
        with watch as seen:
            try:
                found = fnn.load(io.BytesIO(damaged))
            except (CorruptFileError, ArgumentError) as error:
                refusal = str(error)
        where = f"{form}, case {n} ({change.__name__})"
        assert not seen, (where, seen)
        if found is None:
            outcomes["refused"] += 1
            assert refusal.startswith("the file: "), where
            continue
        outcomes["read"] += 1
        assert damaged == original or change is not cut, where
        if form == "zip":
            assert list(reading.flatten(found)) == list(expected), where
            reading.same(found, fnn.load(io.BytesIO(original)), where)
        else:
            reading.flatten(found)  # holds nothing but arrays and plain values
    assert outcomes["refused"] > COUNT // 4 and outcomes["read"] > 0, outcomes


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_every_cut_is_noticed(originals, form):
    original = originals[form]
    for length in [*range(64), *range(64, len(original), 97), *range(len(original) - 32, len(original))]:
        with pytest.raises(CorruptFileError, match=r"^the file: "):
            fnn.load(io.BytesIO(original[:length]))


def test_every_flip_of_an_array_of_an_archive_is_noticed():
    file = io.BytesIO()
    fnn.save({"x": np.arange(4, dtype="f4")}, file)
    original = file.getvalue()
    start = original.index(np.arange(4, dtype="<f4").tobytes())
    for place in range(start, start + 16):
        for bit in range(8):
            damaged = bytearray(original)
            damaged[place] ^= 1 << bit
            with pytest.raises(CorruptFileError, match="'archive/data/0' is damaged: its CRC-32"):
                fnn.load(io.BytesIO(damaged))


def test_the_watch_sees(watch, tmp_path):
    """Or the test above would hold of anything."""
    with watch as seen:
        (tmp_path / "f").write_bytes(b"")
    assert any(event.startswith("open") for event in seen)
