"""Downloads (from a server of this machine) and archives, good and bad."""

import bz2
import gzip
import hashlib
import http.server
import io
import lzma
import struct
import tarfile
import threading
import zipfile

import numpy as np
import pytest

from fnn.errors import ArgumentError
from fnn.serialization import CorruptFileError
from fnn.utils.hub import DownloadError
from fnn.vision import datasets
from fnn.vision.datasets import utils


@pytest.fixture
def server(tmp_path_factory):
    """The address of a server, and its folder."""
    folder = tmp_path_factory.mktemp("server")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=str(folder), **kwargs)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}/", folder
        httpd.shutdown()
        thread.join()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def tree(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_download(server, tmp_path):
    url, there = server
    (there / "x.bin").write_bytes(b"content")
    utils.download_url(url + "x.bin?version=2", tmp_path / "new", md5=md5(b"content"))
    assert (tmp_path / "new" / "x.bin").read_bytes() == b"content" and tree(tmp_path / "new") == {"x.bin"}
    (there / "x.bin").unlink()
    utils.download_url(url + "x.bin", str(tmp_path / "new"), md5=md5(b"content"))  # it is there and whole
    with pytest.raises(DownloadError) as caught:
        utils.download_url(url + "x.bin", tmp_path / "new", md5=md5(b"other"))
    assert url in str(caught.value) and str(tmp_path / "new" / "x.bin") in str(caught.value)
    assert ".download-" not in str(caught.value)
    assert (tmp_path / "new" / "x.bin").read_bytes() == b"content", "a failure must not harm what is there"


def test_download_of_another_hash(server, tmp_path):
    url, there = server
    (there / "x.bin").write_bytes(b"content")
    with pytest.raises(DownloadError, match=r"File not found or corrupted(.|\n)*put it at .*y.bin"):
        utils.download_url(url + "x.bin", tmp_path, "y.bin", md5(b"other"))
    assert not tree(tmp_path)


def mnist_files() -> dict[str, bytes]:
    files = {}
    for prefix in ("train", "t10k"):
        files[f"{prefix}-images-idx3-ubyte.gz"] = b"\0\0\x08\x03" + struct.pack(">3I", 2, 28, 28) + bytes(2 * 784)
        files[f"{prefix}-labels-idx1-ubyte.gz"] = b"\0\0\x08\x01" + struct.pack(">I", 2) + b"\1\2"
    return {name: gzip.compress(content) for name, content in files.items()}


def test_mnist_from_the_second_mirror(server, tmp_path, monkeypatch):
    url, there = server
    files = mnist_files()
    for name, content in files.items():
        (there / name).write_bytes(content)
    monkeypatch.setattr(datasets.MNIST, "resources", [(name, md5(content)) for name, content in files.items()])
    monkeypatch.setattr(datasets.MNIST, "mirrors", [url + "not/here/", url])
    data = datasets.MNIST(tmp_path, download=True)
    assert len(data) == 2 and data.targets.tolist() == [1, 2]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [])
    assert len(datasets.MNIST(tmp_path, train=False, download=True)) == 2  # nothing left to download


def test_mnist_from_no_mirror(server, tmp_path, monkeypatch):
    url, there = server
    name = datasets.MNIST.resources[0][0]
    (there / name).write_bytes(b"other")
    monkeypatch.setattr(datasets.MNIST, "mirrors", [url + "not/here/", url])
    with pytest.raises(RuntimeError, match=f"Error downloading {name}(.|\n)*404(.|\n)*sent a file with MD5") as caught:
        datasets.MNIST(tmp_path, download=True)
    assert str(tmp_path / "MNIST" / "raw" / name) in str(caught.value)


def test_cifar_from_a_server(server, tmp_path, monkeypatch):
    import pickle

    url, there = server
    files = {
        name: pickle.dumps({"data": np.full((2, 3072), i, np.uint8), "labels": [i, i]}, 2)
        for i, (name, _) in enumerate(datasets.CIFAR10.train_list + datasets.CIFAR10.test_list)
    }
    files["batches.meta"] = pickle.dumps({"label_names": ["a", "b"]}, 2)
    with tarfile.open(there / "cifar.tar.gz", "w:gz") as tar:
        add(tar, {f"cifar-10-batches-py/{name}": content for name, content in files.items()})
    monkeypatch.setattr(datasets.CIFAR10, "url", url + "cifar.tar.gz")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5((there / "cifar.tar.gz").read_bytes()))
    for key in ("train_list", "test_list"):
        listed = [[name, md5(files[name])] for name, _ in getattr(datasets.CIFAR10, key)]
        monkeypatch.setattr(datasets.CIFAR10, key, listed)
    monkeypatch.setattr(datasets.CIFAR10, "meta", datasets.CIFAR10.meta | {"md5": md5(files["batches.meta"])})
    assert datasets.CIFAR10(tmp_path, download=True).targets == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert datasets.CIFAR10(tmp_path, train=False, download=True).data.max() == 5


def add(tar: tarfile.TarFile, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))


FILES = {"a.txt": b"one", "b/c.txt": b"two" * 1000, "b/d/e.txt": b""}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".zip"])
def test_archives(suffix, tmp_path):
    archive = tmp_path / f"x.y{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr("b/", "")
            for name, content in FILES.items():
                zipped.writestr(name, content)
    else:
        mode = {"gz": "gz", "tgz": "gz", "bz2": "bz2", "tbz2": "bz2", "xz": "xz", "tar": ""}[suffix.split(".")[-1]]
        with tarfile.open(archive, f"w:{mode}") as tar:
            add(tar, FILES)
    out = tmp_path / "out"
    (out / "b").mkdir(parents=True)
    (out / "b" / "mine.txt").write_text("stays")
    assert utils.extract_archive(str(archive), out, remove_finished=True) == str(out)
    assert {name: (out / name).read_bytes() for name in FILES} == FILES
    assert tree(out) == {*FILES, "b", "b/d", "b/mine.txt"} and not archive.exists()


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_compressed_files(suffix, pack, tmp_path):
    packed = tmp_path / f"data-idx3-ubyte{suffix}"
    packed.write_bytes(pack(b"content"))
    assert utils.extract_archive(packed) == tmp_path / "data-idx3-ubyte"
    assert (tmp_path / "data-idx3-ubyte").read_bytes() == b"content"
    packed.write_bytes(pack(b"other content")[:-4])
    with pytest.raises(CorruptFileError, match="damaged"):
        utils.extract_archive(packed)
    assert (tmp_path / "data-idx3-ubyte").read_bytes() == b"content" and len(tree(tmp_path)) == 2
    packed.write_bytes(b"something else")
    with pytest.raises(CorruptFileError, match="damaged"):
        utils.extract_archive(packed)


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/fnn-out.txt", "b/../../out.txt", "..\\out.txt", "C:/out.txt"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_stay_inside(kind, name, tmp_path):
    archive, out = tmp_path / f"x.{kind}", tmp_path / "out" / "in"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("good.txt", "good")
            zipped.writestr(name, "bad")
    else:
        with tarfile.open(archive, "w") as tar:
            add(tar, {"good.txt": b"good", name: b"bad"})
    with pytest.raises(CorruptFileError, match="outside the folder"):
        utils.extract_archive(archive, out)
    assert tree(tmp_path) == {archive.name, "out", "out/in"}, "all or nothing"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_archives_have_no_links(kind, tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "/etc"
        tar.addfile(member)
        add(tar, {"link/passwd": b"bad"})
    with pytest.raises(CorruptFileError, match="is a link or a device"):
        utils.extract_archive(tmp_path / "x.tar", tmp_path / "out")
    assert not tree(tmp_path / "out")


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip", ".tar.xz"])
def test_damaged_archives(suffix, tmp_path):
    (tmp_path / f"x{suffix}").write_bytes(b"PK\3\4 no archive" * 100)
    with pytest.raises(CorruptFileError, match="damaged, or not of the format"):
        utils.extract_archive(tmp_path / f"x{suffix}", tmp_path / "out")
    assert not tree(tmp_path / "out")


def test_names(tmp_path):
    for name, text in (("x", "has no suffixes"), ("x.rar", "Unknown compression or archive type: '.rar'")):
        with pytest.raises(ArgumentError, match=text):
            utils.extract_archive(tmp_path / name)
    (tmp_path / "a").mkdir()
    (tmp_path / "b.txt").write_text("x")
    assert utils.list_dir(tmp_path) == ["a"] and utils.list_files(tmp_path, ".txt") == ["b.txt"]
    assert utils.list_files(tmp_path, ".txt", prefix=True) == [str(tmp_path / "b.txt")]
    assert utils.check_md5(tmp_path / "b.txt", md5(b"x")) and not utils.check_integrity(tmp_path / "b.txt", md5(b"y"))
    with pytest.raises(ArgumentError, match="Expected type str for argument split, but got type <class 'int'>"):
        utils.verify_str_arg(3, "split")
