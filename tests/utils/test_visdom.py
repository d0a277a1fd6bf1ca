"""`fnn.utils.visdom`: what reaches the client, and a real server where visdom is installed."""

import json
import socket
import subprocess
import sys
import time
import types
from importlib.util import find_spec

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn.utils.visdom
from fnn import nn
from fnn.errors import ArgumentTypeError


class Client:
    """A client that notes what its plots are given."""

    def line(self, Y, X=None, opts=None, update=None):
        self.given = Y, X, opts, update
        return "win"

    def _send(self, message):
        return message


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setitem(sys.modules, "visdom", types.SimpleNamespace(Visdom=Client))
    fnn.utils.visdom._client.cache_clear()
    yield fnn.utils.visdom.Visdom()
    fnn.utils.visdom._client.cache_clear()


def test_arrays_are_numpys_when_they_reach_the_client(client):
    parameter = nn.Parameter(jnp.array([1.0, 2.0]))
    opts = {"title": "t", "width": jnp.int32(3), "legend": ["a", jnp.float32(0.5)]}
    assert client.line(parameter, X=[jnp.array([1], jnp.bfloat16)], opts=opts, update="append") == "win"
    y, (x,), opts, update = client.given
    assert type(y) is np.ndarray and y.tolist() == [1, 2]
    assert type(x) is np.ndarray and x.dtype == np.float32
    assert opts == {"title": "t", "width": 3, "legend": ["a", 0.5]} and type(opts["width"]) is int
    assert update == "append" and isinstance(client, Client) and client._send(parameter) is parameter
    with pytest.raises(ArgumentTypeError, match=r"Visdom.line got a traced value"):
        jax.jit(client.line)(jnp.ones(2))


def test_without_visdom(monkeypatch):
    monkeypatch.setitem(sys.modules, "visdom", None)
    fnn.utils.visdom._client.cache_clear()
    with pytest.raises(ImportError, match="pip install --no-build-isolation visdom"):
        fnn.utils.visdom.Visdom  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        fnn.utils.visdom.Other  # noqa: B018


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(find_spec("visdom") is None, reason="visdom is not installed")
def test_a_real_server(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = "from visdom.server.run_server import main; main()"  # without fetching the scripts of its pages
    command = [sys.executable, "-c", start, "-port", str(port), "-bind_local", "-env_path", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        vis = fnn.utils.visdom.Visdom(
            server="http://127.0.0.1", port=port, env="first", use_incoming_socket=False, raise_exceptions=True
        )
        vis.text("first", win="text")
        vis.text("second", win="text", append=True)
        for i in range(3):
            vis.line(X=jnp.array([i]), Y=nn.Parameter(jnp.array([i * i * 1.0])), win="loss", update="append")
        vis.image(jnp.zeros((3, 4, 4), jnp.uint8), win="image")
        line = vis.get_window_data(win="loss")
        line = json.loads(line) if isinstance(line, str) else line
        (trace,) = line["content"]["data"]
        assert (trace["x"], trace["y"]) == ([0, 1, 2], [0, 1, 4])
        assert "first<br>second" in str(vis.get_window_data(win="text"))
        assert "data:image/png;base64" in str(vis.get_window_data(win="image"))
    finally:
        server.terminate()
        server.wait(10)
