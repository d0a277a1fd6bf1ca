"""What `fnn.load` refuses: every way in which a pickle runs code, and files of other kinds, each by its name."""

import io
import os
import pickle
import re
import struct
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.serialization import CorruptFileError, UnsafeFileError
from tests.serialization import reading
from tests.serialization.hostile import archive, call, legacy, name, pickled, text

# -- code -----------------------------------------------------------------------------------------------

TOUCH = "touch executed"
OD = call("collections.OrderedDict")
TENSOR = name("torch._utils._rebuild_tensor_v2")

ATTACKS = {
    "REDUCE": (call("os.system", text(TOUCH)), "os.system"),
    "REDUCE, protocol 0": (b"cos\nsystem\n(S'" + TOUCH.encode() + b"'\ntR", "os.system"),
    "posix": (call("posix.system", text(TOUCH)), "posix.system"),
    "STACK_GLOBAL": (text("os") + text("system") + b"\x93" + text(TOUCH) + b"\x85R", "os.system"),
    "INST": (b"(" + text(TOUCH) + b"ios\nsystem\n", "os.system"),
    "OBJ": (b"(" + name("os.system") + text(TOUCH) + b"o", "os.system"),
    "NEWOBJ": (name("os.system") + text(TOUCH) + b"\x85\x81", "os.system"),
    "NEWOBJ_EX": (name("os.system") + text(TOUCH) + b"\x85}\x92", "os.system"),
    "a name alone": (name("os.system"), "os.system"),
    "eval": (call("builtins.eval", text("__import__('os').system('" + TOUCH + "')")), "builtins.eval"),
    "exec": (call("__builtin__.exec", text("open('executed', 'w')")), "builtins.exec"),
    "open": (call("builtins.open", text("executed"), text("w")), "builtins.open"),
    "getattr": (call("builtins.getattr", OD, text("__class__")), "builtins.getattr"),
    "__import__": (call("builtins.__import__", text("os")), "builtins.__import__"),
    "subprocess": (call("subprocess.Popen", text(TOUCH)), "subprocess.Popen"),
    "functools": (call("functools.partial", name("os.system")), "functools.partial"),
    "copyreg": (call("copyreg._reconstructor", name("builtins.object")), "copyreg._reconstructor"),
    "torch.load": (call("torch.load", text("executed")), "torch.load"),
    "torch.hub": (call("torch.hub.load", text("x"), text("y")), "torch.hub.load"),
    "numpy.load": (call("numpy.load", text("executed")), "numpy.load"),
    "fnn's own": (call("fnn.save", b"N", text("executed")), "fnn.save"),
    "a class": (call("torch.nn.modules.linear.Linear", b"K\x01", b"K\x01"), "torch.nn.modules.linear.Linear"),
    "__main__": (call("__main__.Net"), "__main__.Net"),
    "a path through a known name": (b"ccollections\nOrderedDict.__init__.__globals__\n", "__init__.__globals__"),
    "a path by STACK_GLOBAL": (text("torch._utils") + text("_rebuild_tensor_v2.__globals__") + b"\x93", "__globals__"),
    "a tensor made by it": (
        name("torch._tensor._rebuild_from_type_v2")
        + b"(" + name("os.system") + name("torch.Tensor") + text(TOUCH) + b"\x85}tR",
        "os.system",
    ),
    "a default": (call("collections.defaultdict", name("os.system")), "os.system"),
    "a default that may be named": (call("collections.defaultdict", name("torch.Tensor")), "calls torch.Tensor"),
    "numpy's object": (call("numpy._core.multiarray._reconstruct", name("os.system"), b"K\x00"), "os.system"),
    "calling a value": (text("os.system") + text(TOUCH) + b"\x85R", "call an object of type str"),
    "calling a dtype": (name("torch.float32") + b")R", "call"),
    "EXT1": (b"\x82\x01", "EXT"),
    "EXT2": (b"\x83\x01\x00", "EXT"),
    "EXT4": (b"\x84\x01\x00\x00\x00", "EXT"),
    "NEXT_BUFFER": (b"\x97", "NEXT_BUFFER"),
    "keywords": (name("collections.OrderedDict") + b")}" + text("a") + b"Ns\x92", "with keywords"),
    "a method hidden": (OD + b"}" + text("items") + b"Nsb", "the attribute 'items'"),
    "__class__": (OD + b"}" + text("__class__") + b"Nsb", "the attribute '__class__'"),
    "__reduce__": (OD + b"}" + text("__reduce__") + b"Nsb", "the attribute '__reduce__'"),
    "__setstate__": (OD + b"}" + text("__setstate__") + b"Nsb", "the attribute '__setstate__'"),
    "__deepcopy__": (OD + b"}" + text("__deepcopy__") + b"Nsb", "the attribute '__deepcopy__'"),
    "the state of a list": (b"]}" + text("append") + b"Nsb", "set the state of an object of type list"),
    "the state of a name": (TENSOR + b"}" + text("call") + b"Nsb", "set the state of torch._utils._rebuild_tensor_v2"),
    "items into a name": (TENSOR + text("k") + b"Ns", "put items into"),
    "a persistent id": (text("os.system") + b"\x85Q", "names no storage"),
    "another persistent id": (
        b"(" + text("module") + name("torch.FloatStorage") + text("0") + text("cpu") + b"K\x01tQ",
        "persistent 'module'",
    ),
    "a name as a value": (b"]" + TENSOR + b"a", "torch._utils._rebuild_tensor_v2"),
    "a codec": (call("_codecs.encode", text("x"), text("rot13")), "the encoding 'rot13'"),
    "a wrapper": (call("torch._utils._rebuild_wrapper_subclass", b"N"), "_rebuild_wrapper_subclass"),
    "a key": (b"}" + name("torch.Tensor") + b"Ns", "as a key"),
}  # fmt: skip


@pytest.mark.parametrize("form", [archive, legacy])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_executed(tmp_path, monkeypatch, attack, form):
    content, asked = ATTACKS[attack]
    path = tmp_path / "hostile.pth"
    path.write_bytes(form(content))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorruptFileError, match=re.escape(asked)) as caught:
        fnn.load(path)
    assert "hostile.pth" in str(caught.value)
    if attack != "a persistent id":
        assert caught.type is UnsafeFileError and isinstance(caught.value, pickle.UnpicklingError)
    assert os.listdir(tmp_path) == ["hostile.pth"]


NAMES = (
    "os.execv os.unlink nt.system builtins.compile builtins.globals builtins.setattr builtins.type builtins.object "
    "builtins.map builtins.print builtins.breakpoint subprocess.check_output runpy._run_code importlib.import_module "
    "pickle.loads _pickle.loads marshal.loads types.FunctionType types.CodeType functools.reduce operator.attrgetter "
    "operator.methodcaller socket.socket ctypes.CDLL webbrowser.open code.interact pty.spawn shutil.rmtree sys.exit "
    "timeit.timeit pydoc.pipepager logging.config.listen asyncio.run pathlib.PosixPath collections.namedtuple "
    "copyreg.__newobj__ numpy.f2py.capi_maps.eval numpy.testing._private.utils.runstring torch.serialization.load "
    "torch.jit.load torch.utils.cpp_extension.load torch.storage._load_from_bytes torch.UntypedStorage.from_file "
    "torch.FloatTensor jax.jit fnn.load fnn.serialization.files.save"
).split()


@pytest.mark.parametrize("form", [archive, legacy])
def test_no_other_name_is_known(form):
    """However it is asked for, and although most of these modules are loaded."""
    for full in NAMES:
        module, _, last = full.rpartition(".")
        asked = [name(full), text(module) + text(last) + b"\x93", f"(i{module}\n{last}\n".encode()]
        for content in asked:
            with pytest.raises(UnsafeFileError, match=rf"GLOBAL {re.escape(full)} was not an allowed global"):
                fnn.load(io.BytesIO(form(content)))


def test_the_attack_is_real(tmp_path, monkeypatch):
    """The same bytes do run where Python's own pickle reads them."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickled(ATTACKS["REDUCE"][0]))
    assert os.listdir(tmp_path) == ["executed"]


def test_hostile_machine_facts_and_storage_lists():
    """The legacy format's other pickles are read by the same machine."""
    whole = legacy(b"N")
    attack = pickled(call("os.system", text("touch it")))
    facts = pickle.dumps({"little_endian": True}, 2)
    assert facts in whole
    for hostile in (whole.replace(facts, attack), whole[: -len(pickle.dumps([], 2))] + attack, attack):
        with pytest.raises(UnsafeFileError, match=r"os\.system"):
            fnn.load(io.BytesIO(hostile))


# -- bombs ----------------------------------------------------------------------------------------------


def tensor(size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, numel: int = 12, key: str = "0") -> bytes:
    def number(n: int) -> bytes:
        return b"\x8a\x09" + n.to_bytes(9, "little", signed=True)

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    storage = b"(" + text("storage") + name("torch.FloatStorage") + text(key) + text("cpu") + number(numel) + b"tQ"
    return TENSOR + b"(" + storage + number(offset) + numbers(size) + numbers(stride) + b"\x89)tR"


BOMBS = {
    "a thousand laughs": b"]q\x00(K\x01e" + b"".join(b"0]q%c(h%ch%ce" % (n + 1, n, n) for n in range(60)),
    "laughing tuples": b"K\x01" + b"2\x86" * 60,
    "a key of laughing tuples": b"}K\x01" + b"2\x86" * 60 + b"K\x01s",
    "depth of lists": b"]" * 100_000 + b"a" * 99_999,
    "depth of tuples": b"N" + b"\x85" * 100_000,
    "a list in itself": b"]q\x00h\x00a",
    "a dict in itself": b"}q\x00K\x01h\x00s",
    "an int of 2 GiB": b"\x8b\xff\xff\xff\x7f" + b"\1" * 10,
    "text of 4 GiB": b"X\xff\xff\xff\xffa",
    "bytes of 2**63": b"\x8e" + b"\xff" * 7 + b"\x7fa",
    "a frame of 2**64": b"\x95" + b"\xff" * 8 + b"N",
    "a million digits": b"I" + b"9" * 1_000_000 + b"\n",
    "keys of one hash": b"}(" + b"".join(b"\x8a\x0b" + (1 + k * (2**61 - 1)).to_bytes(11, "little") + b"N"
                                         for k in range(9, 2000)) + b"u",
    "copies of a large text": (
        text("a" * 200_000) + b"q\x000](" + name("_codecs.encode") + b"q\x01(h\x00tR" + b"h\x01(h\x00tR" * 3000 + b"e"
    ),
    "a negative stride": tensor((2,), (-1,)),
    "a negative offset": tensor((2,), (1,), -1),
    "out of the storage": tensor((3,), (1,), 10),
    "a stride of 2**62": tensor((2**62,), (2**62,)),
    "65 dimensions": tensor((1,) * 65, (1,) * 65),
    "a storage of 2**60": tensor((1,), (1,), numel=2**60),
    "a storage that there is not": tensor((1,), (1,), key="7"),
    "sizes without strides": tensor((2, 2), (1,)),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_cannot_ask_for_much(bomb):
    file = archive(BOMBS[bomb], **{"data/0": bytes(48)})
    with pytest.raises(CorruptFileError):
        fnn.load(io.BytesIO(file))


def test_expanded_tensors_take_no_memory():
    """A terabyte of one number is legitimate; it comes as a view of that number."""
    found = fnn.load(io.BytesIO(archive(tensor((2**40,), (0,)), **{"data/0": bytes(48)})))
    assert type(found) is np.ndarray and found.shape == (2**40,) and found.strides == (0,)


# -- files of other kinds -------------------------------------------------------------------------------


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as out:
        for member, content in members.items():
            out.writestr(member, content)
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.zeros(3))
    return file.getvalue()


WHOLE = (reading.RECORDED / "objects.zip.pth").read_bytes()
OTHERS = {
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
    "npy": (b"\x93NUMPY\x01\x00" + bytes(100), r"numpy\.load"),
    "npz": (npz(), r"npz\): load it with numpy\.load"),
    "GGUF": (b"GGUF" + bytes(100), "a GGUF file"),
    "gzip": (b"\x1f\x8b\x08" + bytes(100), "a gzip file: unpack it first"),
    "TorchScript": (archive(b"N", **{"constants.pkl": pickled(b")")}), "TorchScript archives"),
    "tar": (bytes(257) + b"ustar" + bytes(300), r"legacy \.tar format"),
    "HTML": (b"\n<!DOCTYPE html><html>", "a page of HTML or XML"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "run `git lfs pull`"),
    "empty": (b"", "the file is empty"),
    "one byte": (b"\x80", "neither a file of PyTorch"),
    "text": (b"hello", r"it starts with b'hello'"),
    "an empty archive": (zipped({}), "an empty zip archive"),
    "another archive": (zipped({"readme.txt": b"hello"}), "torch.save did not write: it has no data.pkl"),
    "a compressed archive": (zipped({"a/data.pkl": pickled(b"N") * 9}, zipfile.ZIP_DEFLATED), "is compressed"),
    "a cut archive": (WHOLE[:-1], "zip archive is"),
    "half an archive": (WHOLE[: len(WHOLE) // 2], "cut short: it has no directory at its end"),
    "an archive and more": (WHOLE + b"\0", "zip archive is damaged: bytes after its end"),
    "a plain pickle": (pickle.dumps({"a": 1}, 2), "a pickle that torch.save did not write"),
    "a pickle of an object": (pickle.dumps(zipfile.ZipInfo("x"), 2), "a pickle that torch.save did not write"),
    "a version to come": (pickle.dumps(int("1950A86A20F9469CFC6C", 16), 2) + pickle.dumps(1002, 2), "version: 1002"),
    "a longer header": (struct.pack("<Q", 1 << 40) + b"{}" + bytes(20), "neither a file of PyTorch"),
}  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_another_kind_of_file_is_named(tmp_path, other):
    content, message = OTHERS[other]
    path = tmp_path / "other.bin"
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"other\.bin: .*" + message):
        fnn.load(path)


def test_a_damaged_member_is_named(tmp_path):
    flipped = bytearray(WHOLE)
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as whole:
        member = next(info for info in whole.infolist() if info.filename.endswith("/data/1"))
    start = member.header_offset + 30 + sum(struct.unpack_from("<2H", WHOLE, member.header_offset + 26))
    flipped[start] ^= 1
    with pytest.raises(CorruptFileError, match=rf"{member.filename}' is damaged: its CRC-32 is .* expected"):
        fnn.load(io.BytesIO(flipped))


# -- arguments ------------------------------------------------------------------------------------------


def test_arguments_of_load(tmp_path):
    path = tmp_path / "f"
    fnn.save({"x": 1}, path, _use_new_zipfile_serialization=False)
    for error, message, arguments in [
        (ArgumentError, "weights_only=False would execute what the file says", {"weights_only": False}),
        (ArgumentError, "explicit pickle_module", {"pickle_module": pickle}),
        (ArgumentError, "mmap can only be used with files saved with", {"mmap": True}),
    ]:
        with pytest.raises(error, match=message):
            fnn.load(path, **arguments)
    with pytest.raises(ArgumentTypeError, match="f must be a path or a file"):
        fnn.load(3)
    with open(path, encoding="latin1") as file, pytest.raises(ArgumentTypeError, match="open in binary mode"):
        fnn.load(file)
    with pytest.raises(ArgumentError, match="f must be a file path in order to use the mmap argument"):
        fnn.load(io.BytesIO(), mmap=True)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fnn.load(tmp_path / "nowhere")


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_a_whole_model_is_refused_with_advice(tmp_path, new):
    torch = pytest.importorskip("torch")
    path = tmp_path / "model.pth"
    torch.save(torch.nn.Linear(2, 2), path, _use_new_zipfile_serialization=new)
    with pytest.raises(UnsafeFileError) as error:
        fnn.load(path)
    assert "If it holds a whole model, or another object of a class, load it with torch and save its state_dict: " in (
        str(error.value)
    )
    assert str(error.value).endswith("torch.save(model.state_dict(), path)") and "model.pth" in str(error.value)


class Net(fnn.nn.Module):
    pass


CYCLE: list = []
CYCLE.append(CYCLE)
LOCAL = type("Local", (), {})


@pytest.mark.parametrize(
    ("obj", "error", "message"),
    [
        (fnn.nn.Linear(1, 1), ArgumentTypeError, r"obj is a Linear; save its state_dict\(\) instead"),
        ({"net": [Net()]}, ArgumentTypeError, r"obj\['net'\]\[0\] is a Net; save its state_dict\(\) instead"),
        ({"a": {"b": (1, len)}}, ArgumentTypeError, r"obj\['a'\]\['b'\]\[1\] is of type builtin_function_or_method"),
        ({"f": lambda: 0}, ArgumentTypeError, r"obj\['f'\] is of type function.*functions are code"),
        ([LOCAL()], ArgumentTypeError, r"obj\[0\] is of type .*Local, which a file that is safe to load cannot hold"),
        ({"r": range(3)}, ArgumentTypeError, r"obj\['r'\] is of type range.*convert it with list"),
        ({"x": frozenset()}, ArgumentTypeError, r"obj\['x'\] is of type frozenset.*convert it with set"),
        ({"x": np.array(["text"])}, ArgumentError, r"obj\['x'\]"),
        ({"x": np.array([None])}, ArgumentError, r"obj\['x'\]"),
        ({"x": {frozenset(): 1}}, ArgumentTypeError, r"obj\['x'\] has the key frozenset\(\)"),
        ({2**70: 1}, ArgumentError, "of more than 64 bits"),
        ({"x": 1 << 3000}, ArgumentError, r"obj\['x'\] is an int of"),
        (CYCLE, ArgumentError, "a container that contains itself"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_what_cannot_be_written_is_named_and_nothing_is(tmp_path, obj, error, message, new):
    with pytest.raises(error, match=message):
        fnn.save(obj, tmp_path / "f", _use_new_zipfile_serialization=new)
    assert os.listdir(tmp_path) == []
    file = io.BytesIO()
    with pytest.raises(error, match=message):
        fnn.save(obj, file, _use_new_zipfile_serialization=new)
    assert file.getvalue() == b""


def test_arguments_of_save(tmp_path):
    for error, message, arguments in [
        (ArgumentError, "pickle_module must be None", {"pickle_module": os}),
        (ArgumentError, "pickle_protocol must be 2", {"pickle_protocol": 5}),
    ]:
        with pytest.raises(error, match=message):
            fnn.save({}, tmp_path / "f", **arguments)
    with pytest.raises(ArgumentTypeError, match="f must be a path or a file that can write"):
        fnn.save({}, 3)
    with pytest.raises(ArgumentTypeError, match="holds a dict of arrays by name, got list"):
        fnn.save([jnp.ones(1)], tmp_path / "f.safetensors")
    assert os.listdir(tmp_path) == []
