"""What `fnn.save` writes, ``torch.load(weights_only=True)`` reads as the same values, and so does `fnn.load`."""

import collections
import io

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from jax.experimental import sparse

import fnn
from fnn import nn
from tests.serialization import reading

DTYPES = ("bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "bfloat16",
          "float32", "float64", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
          "float8_e5m2fnuz", "float8_e8m0fnu")  # fmt: skip
FORMS = ("zip", "legacy")
BASE = np.arange(24, dtype=np.float32)
TIED = jnp.arange(6.0).reshape(2, 3)


def arrays():
    return {
        "dtypes": {name: np.array([[1, 2], [1, 4]]).astype(getattr(ml_dtypes, name, name)) for name in DTYPES},
        "0-d": {name: np.array(1).astype(getattr(ml_dtypes, name, name)) for name in DTYPES},
        "empty": {name: np.zeros((0, 3), getattr(ml_dtypes, name, name)) for name in DTYPES},
        "jax": [TIED, jnp.zeros((0, 2)), jnp.float32(2.5), jnp.ones(3, jnp.bfloat16), TIED.T],
        "tied": [TIED, TIED, {"again": TIED}],
        "views": [BASE, BASE[::2], BASE[1::2], BASE[4:8]],
        "transposed": BASE.copy().reshape(4, 6).T,
        "fortran": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "reversed": np.arange(5, dtype=np.int16)[::-1],
        "broadcast": np.broadcast_to(np.float32(2), (3, 4)),
        "column": np.arange(100, dtype=np.float32).reshape(10, 10)[:, 3],
        "big-endian": np.arange(3, dtype=">i4"),
        "numpy's numbers": [np.float32(0.5), np.int8(3), np.float64(0.5), np.int64(3), np.bool_(True)],
        "nan": jnp.array([float("nan"), float("-inf"), -0.0]),
    }


def plain():
    metadata = collections.OrderedDict({"weight": 1})
    vars(metadata)["_metadata"] = collections.OrderedDict({"": {"version": 1}})
    return {
        "integers": [0, 255, 256, 65535, 65536, -1, -(2**31), 2**31, 2**200, -(2**200)],
        "numbers": [0.1, float("inf"), 1 + 2j, True, False, None],
        "text": ["", "naïve ☃", "same", "same", b"abc\xff", b"", bytearray(b"xyz")],
        "tuples": ((), (1,), (1, (2, "x")), (1, 2, 3), (1, 2, 3, 4)),
        "sets": [{3}, set()],
        "counter": collections.Counter("aab"),
        "ordered": collections.OrderedDict(b=1, a=collections.OrderedDict()),
        "metadata": metadata,
        "long": list(range(2001)),
        "large": {str(n): n for n in range(1001)},
        "keys": {1: 1, None: 2, (1, "a"): 3, 1.5: 4, False: 5, b"k": 6},
    }


def boxes():
    return {
        "parameter": nn.Parameter(jnp.arange(3.0)),
        "frozen": nn.Parameter(jnp.ones(2, jnp.bfloat16), requires_grad=False),
        "buffer": nn.BatchNorm1d(2).running_mean,
    }


TREES = {"arrays": arrays, "plain": plain, "boxes": boxes}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    for name, make in TREES.items():
        for form in FORMS:
            fnn.save(make(), folder / f"{name}.{form}", _use_new_zipfile_serialization=form == "zip")
    return folder


def native(tree):
    """The tree as it comes back: numpy's numbers as Python's or arrays, byte orders the machine's."""
    if isinstance(tree, dict):
        copy = type(tree)({key: native(value) for key, value in tree.items()})
        if isinstance(tree, collections.OrderedDict):
            copy.__dict__.update(vars(tree))
        return copy
    if isinstance(tree, (list, tuple)):
        return type(tree)(native(value) for value in tree)
    if type(tree) in (np.float64, np.int64, np.bool_):
        return tree.item()
    if isinstance(tree, (np.ndarray, np.generic)):
        return np.asarray(tree).astype(tree.dtype.newbyteorder("="))
    return tree


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", TREES)
def test_fnn_reads_it(files, name, form):
    reading.same(fnn.load(files / f"{name}.{form}"), native(TREES[name]()))


@pytest.mark.parametrize(("form", "mapped"), [("zip", False), ("zip", True), ("legacy", False)])
@pytest.mark.parametrize("name", TREES)
def test_torch_reads_it(files, name, form, mapped):
    torch = pytest.importorskip("torch")
    from tests.serialization import written_by_torch

    found = torch.load(files / f"{name}.{form}", weights_only=True, mmap=mapped)
    theirs, ours = written_by_torch.flatten(found), reading.flatten(native(TREES[name]()))
    assert list(theirs) == list(ours)
    for path, value in ours.items():
        if isinstance(value, (jax.Array, np.ndarray)):
            reading.same_array(theirs[path], np.asarray(value), path)
        else:
            assert theirs[path] == value, path


@pytest.mark.parametrize("form", FORMS)
def test_what_is_shared_stays_shared(files, form):
    torch = pytest.importorskip("torch")
    for found in (torch.load(files / f"arrays.{form}", weights_only=True), fnn.load(files / f"arrays.{form}")):
        assert found["tied"][0] is found["tied"][1] is found["tied"][2]["again"] is found["jax"][0]
    theirs = torch.load(files / f"arrays.{form}", weights_only=True)
    assert len({view.untyped_storage().data_ptr() for view in theirs["views"]}) == 1
    theirs["views"][0][0] = 77
    assert theirs["views"][1][0] == 77
    assert theirs["transposed"].stride() == (1, 6) and theirs["fortran"].stride() == (1, 2)
    assert theirs["broadcast"].untyped_storage().nbytes() == 4 and theirs["column"].untyped_storage().nbytes() == 40


@pytest.mark.parametrize("form", FORMS)
def test_values_of_jax(tmp_path, form):
    torch = pytest.importorskip("torch")
    dense = np.array([[0, 1.5, 0], [2, 0, 0]])
    tree = {
        "sparse": sparse.BCOO((jnp.array([1.5, 2]), jnp.array([[0, 1], [1, 0]])), shape=(2, 3)),
        "meta": jax.ShapeDtypeStruct((2, 3), jnp.float16),
        "dtypes": [np.dtype("float32"), jnp.bfloat16, np.int64, np.dtype("uint16")],
    }
    fnn.save(tree, tmp_path / "f", _use_new_zipfile_serialization=form == "zip")
    found = torch.load(tmp_path / "f", weights_only=True)
    assert found["sparse"].layout == torch.sparse_coo
    np.testing.assert_array_equal(found["sparse"].to_dense().numpy(), dense)
    assert found["meta"].is_meta and found["meta"].shape == (2, 3) and found["meta"].dtype == torch.float16
    assert found["dtypes"] == [torch.float32, torch.bfloat16, torch.int64, torch.uint16]
    ours = fnn.load(tmp_path / "f")
    np.testing.assert_array_equal(reading.dense(ours["sparse"]), dense)
    assert ours["meta"] == tree["meta"] and ours["dtypes"] == [np.dtype(dtype) for dtype in tree["dtypes"]]


def test_the_archive_is_laid_out_as_torch_does(files):
    """Python's zip reader finds every sum right, and every storage starts at a multiple of 64."""
    import zipfile

    with zipfile.ZipFile(files / "arrays.zip") as archive:
        assert archive.testzip() is None
        names = [member.filename.partition("/")[2] for member in archive.infolist()]
        assert {"data.pkl", "byteorder", "version", "data/0"} <= set(names)
        content = (files / "arrays.zip").read_bytes()
        for member in archive.infolist():
            header = member.header_offset
            start = header + 30 + sum(int.from_bytes(content[header + n : header + n + 2], "little") for n in (26, 28))
            assert start % 64 == 0, member.filename


def test_torch_finds_storages_by_computed_offsets(files):
    torch = pytest.importorskip("torch")
    from torch.utils.serialization import config

    config.load.calculate_storage_offsets = True
    try:
        found = torch.load(files / "arrays.zip", weights_only=True, mmap=True)
    finally:
        config.load.calculate_storage_offsets = False
    np.testing.assert_array_equal(found["transposed"].numpy(), arrays()["transposed"])


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_cannot_seek_and_one_that_has_begun(form):
    class Pipe:
        def __init__(self):
            self.content = b""

        def write(self, part):
            self.content += bytes(part)
            return len(part)

    pipe = Pipe()
    fnn.save({"x": jnp.arange(3)}, pipe, _use_new_zipfile_serialization=form == "zip")
    file = io.BytesIO(b"before" + pipe.content)
    file.seek(6)
    assert fnn.load(file)["x"].tolist() == [0, 1, 2]
    torch = pytest.importorskip("torch")
    assert torch.load(io.BytesIO(pipe.content), weights_only=True)["x"].tolist() == [0, 1, 2]
