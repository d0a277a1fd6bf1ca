"""Several threads read and sum up what is large: the bytes, the sums and the errors are those of one thread."""

import gc
import gzip
import io
import os
import threading
import weakref
import zlib

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.serialization import CorruptFileError, _summed_read
from fnn.serialization._summed_read import SummedReader

CHUNK = 64
SIZES = [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK - 1, 8 * CHUNK, 11 * CHUNK + 5]
CONTENT = np.random.RandomState(0).bytes(7 + max(SIZES))


@pytest.fixture(params=[1, 2, 4, 16])
def threads(request, monkeypatch):
    monkeypatch.setattr(_summed_read, "_CHUNK", CHUNK)
    monkeypatch.setattr(_summed_read, "_MAX_THREADS", request.param)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    return request.param


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file.pth"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("size", SIZES)
def test_the_bytes_and_their_sum(path, threads, size):
    expected = CONTENT[7 : 7 + size]
    with open(path, "rb", buffering=0) as raw, open(path, "rb") as buffered, open(path, "r+b") as written:
        for file in (raw, buffered, written, io.BytesIO(CONTENT)):
            target = bytearray(size)
            assert SummedReader(file).read(7, memoryview(target)) == zlib.crc32(expected)
            assert bytes(target) == expected


def test_a_file_that_ends_early(path, threads):
    with open(path, "rb", buffering=0) as file, pytest.raises(CorruptFileError, match="cut short"):
        SummedReader(file).read(8, memoryview(bytearray(len(CONTENT) - 7)))


@pytest.mark.parametrize("place", [0, CHUNK, 500, 999])
def test_damage_in_any_part_is_noticed(path, threads, place):
    values = np.random.RandomState(1).randint(0, 256, 1000).astype(np.uint8)
    fnn.save({"x": values}, path)
    np.testing.assert_array_equal(fnn.load(path)["x"], values)
    content = bytearray(path.read_bytes())
    content[content.index(values.tobytes()) + place] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"data/0' is damaged: its CRC-32 is"):
        fnn.load(path)


def test_the_threads_end_with_the_reader(path):
    before = set(threading.enumerate())
    with open(path, "rb", buffering=0) as file:
        reader = SummedReader(file)
        reader.threads = 2
        reader.pool.submit(int).result()
        (thread,) = set(threading.enumerate()) - before
        del reader
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("new", [True, False])
def test_a_file_that_unpacks_has_other_bytes_than_its_descriptor(path, new):
    with gzip.open(path, "wb") as file:
        fnn.save({"x": jnp.arange(3)}, file, _use_new_zipfile_serialization=new)
    with gzip.open(path) as file:
        np.testing.assert_array_equal(fnn.load(file)["x"], [0, 1, 2])


@pytest.mark.parametrize("new", [True, False])
def test_arrays_that_are_let_go_are_gone_at_once(path, new):
    fnn.save({"x": np.arange(3, dtype=np.int64)}, path, _use_new_zipfile_serialization=new)
    gc.disable()
    try:
        loaded = fnn.load(path)
        gone = weakref.ref(loaded["x"])
        del loaded
        assert gone() is None
    finally:
        gc.enable()


def test_arrays_do_not_change_with_the_file(path):
    values = np.arange(5000, dtype=np.float32)
    fnn.save({"x": jnp.asarray(values)}, path)
    loaded = fnn.load(path)["x"]
    with open(path, "r+b") as file:
        file.write(b"\xff" * os.path.getsize(path))
        file.truncate(100)
    np.testing.assert_array_equal(loaded, values)
