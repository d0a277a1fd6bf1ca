"""The download cache, against a local server: what arrives, what is left behind, what the errors say."""

import contextlib
import functools
import hashlib
import http.server
import io
import os
import socket
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fnn import serialization
from fnn.utils import hub

STATE = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.zeros(2, np.float32)}


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` by path; `short` ones end a byte too early."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.short: set[str] = set()
        self.unsized: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def publish(self, name: str, content: bytes) -> str:
        self.files[f"/{name}"] = content
        return self.url(name)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.asked.append((path, self.headers["User-Agent"]))
        if path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", path.removeprefix("/moved"))
            self.end_headers()
            return
        content = self.server.files.get(path)
        if content is None:
            self.send_error(404, "Not Found")
            return
        self.send_response(200)
        if path not in self.server.unsized:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:-1] if path in self.server.short else content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder of torch's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(hub, "_folder", None)
    return tmp_path / "torch" / "hub" / "checkpoints"


def safetensors(state=STATE) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.safetensors")
        serialization.save_file(state, path)
        return path.read_bytes()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def equal(state, expected=STATE):
    assert set(state) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(np.asarray(state[name]), value)


# -- folders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "~/.cache/torch/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/torch/hub"),
        ({"TORCH_HOME": "/t", "XDG_CACHE_HOME": "/x"}, "/t/hub"),
        ({"TORCH_HOME": "~/t"}, "~/t/hub"),
    ],
)
def test_folder(variables, expected, monkeypatch):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "TORCH_HUB"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(hub, "_folder", None)
    assert hub.get_dir() == os.path.expanduser(expected)
    torch_hub = pytest.importorskip("torch.hub")
    assert hub.get_dir() == torch_hub.get_dir()


def test_set_dir_wins(monkeypatch):
    monkeypatch.setenv("TORCH_HOME", "/t")
    monkeypatch.setattr(hub, "_folder", None)
    hub.set_dir(Path("~/here"))
    assert hub.get_dir() == os.path.expanduser("~/here")


def test_torch_hub_variable_is_said_to_be_old(monkeypatch):
    monkeypatch.setenv("TORCH_HUB", "/old")
    with pytest.warns(UserWarning, match="TORCH_HUB is deprecated, please use env TORCH_HOME instead"):
        assert not hub.get_dir().startswith("/old")


# -- downloads ----------------------------------------------------------------------------------------


def test_download(server, cache, capsys):
    content = safetensors()
    url = server.publish("net.safetensors", content)
    equal(hub.load_state_dict_from_url(url, progress=False))
    assert (cache / "net.safetensors").read_bytes() == content
    assert os.listdir(cache) == ["net.safetensors"]
    out, err = capsys.readouterr()
    assert out == f'Downloading: "{url}" to {cache / "net.safetensors"}\n' and err == ""
    assert server.asked[0][1].startswith("fnn/")


def test_what_is_in_the_cache_is_not_asked_for(server, cache, capsys):
    cache.mkdir(parents=True)
    (cache / "net-00000000.safetensors").write_bytes(safetensors())
    equal(hub.load_state_dict_from_url("http://host.invalid/net-00000000.safetensors", check_hash=True))
    assert capsys.readouterr() == ("", "") and not server.asked


def test_the_names_in_the_folder(server, cache, tmp_path):
    url = server.publish("net.safetensors", safetensors())
    hub.load_state_dict_from_url(url + "?version=2", tmp_path / "mine", progress=False)
    hub.load_state_dict_from_url(url, tmp_path / "mine", progress=False, file_name="other.safetensors")
    assert sorted(os.listdir(tmp_path / "mine")) == ["net.safetensors", "other.safetensors"]
    assert not cache.exists()
    with pytest.raises(ValueError, match=r"the URL names no file, pass file_name="):
        hub.load_state_dict_from_url(server.url(""), progress=False)


def test_redirected_and_without_a_length(server, tmp_path, capsys):
    server.publish("a.bin", b"x" * 300_000)
    server.unsized.add("/a.bin")
    hub.download_url_to_file(server.url("moved/a.bin"), tmp_path / "a.bin", digest(b"x" * 300_000))
    assert (tmp_path / "a.bin").stat().st_size == 300_000
    assert "a.bin" in capsys.readouterr().err


def test_map_location(server, cache):
    url = server.publish("net.safetensors", safetensors())
    state = hub.load_state_dict_from_url(url, map_location="cpu", progress=False)
    equal(state)
    assert next(iter(state["weight"].devices())).platform == "cpu"
    with pytest.raises(ValueError, match=r"'nowhere'"):
        hub.load_state_dict_from_url(url, map_location="nowhere")


@pytest.mark.parametrize("how", ["zip", "legacy", "archived"])
def test_files_of_pytorch(how, server, cache):
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    state = {name: torch.from_numpy(value) for name, value in STATE.items()}
    torch.save(state, file, _use_new_zipfile_serialization=how == "zip")
    if how == "archived":  # as torch.hub takes them
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive:
            archive.writestr("../net.pth", file.getvalue())
        file = whole
    url = server.publish(f"net-{digest(file.getvalue())[:8]}.pth", file.getvalue())
    equal(hub.load_state_dict_from_url(url, progress=False, check_hash=True))
    assert len(os.listdir(cache)) == 1
    with pytest.raises(ValueError, match=r"weights_only=False would execute"):
        hub.load_state_dict_from_url(url, weights_only=False)


def test_progress_by_text_where_rich_is_missing(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    url = server.publish("a.bin", bytes(3 << 20))
    hub.download_url_to_file(url, tmp_path / "a.bin")
    assert capsys.readouterr().err.endswith("\ra.bin: 100% of 3.0 MiB\n")


# -- failures -----------------------------------------------------------------------------------------


def refused(url, path, *, reason, **kwargs):
    """The download fails for this reason, says what to do, and leaves nothing."""
    with pytest.raises(hub.DownloadError) as caught:
        hub.load_state_dict_from_url(url, progress=False, **kwargs)
    assert isinstance(caught.value, (OSError, RuntimeError))
    text = str(caught.value)
    assert f"could not download {url}" in text and str(path) in text and "by hand" in text
    assert reason in text, text
    assert not path.parent.exists() or os.listdir(path.parent) == []


def test_not_found(server, cache):
    refused(server.url("net.safetensors"), cache / "net.safetensors", reason="HTTP 404: Not Found")


def test_nobody_answers(cache):
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refused(f"http://127.0.0.1:{port}/net.pth", cache / "net.pth", reason="Connection refused")


def test_no_such_host(cache, monkeypatch):
    def resolve(*args, **kwargs):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    refused("http://host.invalid/net.pth", cache / "net.pth", reason="Temporary failure in name resolution")


def test_hash(server, cache):
    content = safetensors()
    good, bad = f"net-{digest(content)[:8]}.safetensors", "net-01234567.safetensors"
    equal(hub.load_state_dict_from_url(server.publish(good, content), progress=False, check_hash=True))
    os.remove(cache / good)
    url = server.publish(bad, content)
    reason = f'invalid hash value (expected "01234567", got "{digest(content)}")'
    refused(url, cache / bad, reason=reason, check_hash=True)
    equal(hub.load_state_dict_from_url(url, progress=False))  # nobody asked


def test_cut_short(server, cache):
    url = server.publish("net.safetensors", safetensors())
    server.short.add("/net.safetensors")
    n = len(server.files["/net.safetensors"])
    refused(url, cache / "net.safetensors", reason=f"the connection ended after {n - 1} of {n} bytes")


def test_a_failed_download_leaves_the_old_file(server, tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(hub.DownloadError):
        hub.download_url_to_file(server.publish("a.bin", b"new"), path, "0000", progress=False)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.bin"]
    hub.download_url_to_file(server.url("a.bin"), path, progress=False)
    assert path.read_bytes() == b"new"


def test_an_interruption_leaves_nothing(server, tmp_path, monkeypatch):
    url = server.publish("a.bin", b"x" * 10)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(hub, "_receive", interrupt)
    with pytest.raises(KeyboardInterrupt):
        hub.download_url_to_file(url, tmp_path / "a.bin", progress=False)
    assert os.listdir(tmp_path) == []


def test_what_is_no_url(tmp_path):
    with pytest.raises(ValueError, match=r"expected a URL .*url='net.pth'"):
        hub.download_url_to_file("net.pth", tmp_path / "net.pth")


def test_a_damaged_file_is_named(cache):
    cache.mkdir(parents=True)
    (cache / "net.safetensors").write_bytes(b"not that")
    with pytest.raises(serialization.CorruptFileError) as caught:
        hub.load_state_dict_from_url("http://host.invalid/net.safetensors")
    (note,) = caught.value.__notes__
    assert str(cache / "net.safetensors") in note and "delete it" in note
