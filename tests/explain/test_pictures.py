"""The flame graph and the trace of `fnn.explain.time`."""

import gzip
import json
import re
import xml.etree.ElementTree as ElementTree

import jax.numpy as jnp
import pytest

import fnn
from fnn import nn
from fnn.explain import _flame, _trace
from fnn.explain._time import _own_times
from fnn.explain._trace import Event

PLACES = {
    ("Net/a/conv", "forward"): 3e-3,
    ("Net/a/norm", "forward"): 1e-3,
    ("Net/a/conv", "backward"): 4e-3,
    ("Net/a/conv, Net/a/norm", "backward"): 1e-3,
    ("", "forward"): 5e-4,
    ("Adam", "optimizer"): 5e-4,
}


def sizes(root):
    return {(node.path, node.phase): round(node.size, 6) for node, _, _ in root.boxes()}


def test_the_tree_adds_up():
    root = _flame.tree("step", PLACES)
    found = sizes(root)
    assert round(root.size, 6) == 0.01
    assert found["Net", "forward"] == 4e-3 and found["Net/a", "backward"] == 5e-3
    assert found["Net/a/conv + norm", "backward"] == 1e-3
    assert found["(outside of modules)", "forward"] == 5e-4


def test_boxes_lie_inside_of_those_above():
    above = {}
    for node, left, depth in _flame.tree("step", PLACES).boxes():
        if depth:
            start, end = above[depth - 1]
            assert start - 1e-9 <= left and left + node.size <= end + 1e-9
        above[depth] = (left, left + node.size)


def test_the_drawing_is_svg_and_shows_paths():
    drawing = _flame.svg(_flame.tree("a <step>", PLACES))
    tree = ElementTree.fromstring(drawing)
    titles = [title.text for title in tree.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0] == "a <step>"
    assert "Net/a/conv · backward · 4.00 ms · 40.0%" in titles
    assert "color-scheme: light dark" in _flame.page(_flame.tree("step", PLACES))


@pytest.mark.parametrize("ending", [".html", ".svg", ".png"])
def test_files(tmp_path, ending):
    if ending == ".png":
        pytest.importorskip("matplotlib")
    path = tmp_path / f"step{ending}"
    _flame.write(_flame.tree("step", PLACES), path)
    assert path.read_bytes()[:5] == {".html": b"<!doc", ".svg": b"<svg ", ".png": b"\x89PNG\r"}[ending]


EVENTS = [
    Event(("cpu", "line"), 0.0, 10.0, "a", "Net/conv", "forward"),
    Event(("cpu", "line"), 2.0, 3.0, "b", "Net/conv", "forward"),  # inside of a
    Event(("cpu", "line"), 10.0, 5.0, "c", "Net/norm", "forward"),
    Event(("cpu", "line"), 20.0, 5.0, "d", "Net/conv", "backward"),
    Event(("cpu", "other"), 0.0, 7.0, "e", "", "forward"),
]


def test_own_times_leave_out_what_is_inside():
    own = {}
    for event, time in _own_times(EVENTS):
        own[event.operation] = own.get(event.operation, 0) + time
    assert own == {"a": 7, "b": 3, "c": 5, "d": 5, "e": 7}


@pytest.mark.parametrize("name", ["step.json", "step.json.gz"])
def test_a_trace_has_modules_around_operations(tmp_path, name):
    _trace.write(EVENTS, tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    events = json.loads(gzip.decompress(raw) if name.endswith(".gz") else raw)["traceEvents"]
    slices = {(e["name"], e["ts"], e["dur"]) for e in events if e["ph"] == "X"}
    assert {("forward", 0.0, 0.015), ("Net", 0.0, 0.015), ("conv", 0.0, 0.01), ("norm", 0.01, 0.005)} <= slices
    assert ("backward", 0.02, 0.005) in slices and ("a", 0.0, 0.01) in slices
    assert [e["args"]["module"] for e in events if e["name"] == "c"] == ["Net/norm"]
    names = {e["args"]["name"] for e in events if e["ph"] == "M"}
    assert names == {"cpu", "line", "other"}


@pytest.mark.parametrize(
    ("write", "path"), [(lambda p, path: p.flame_graph(path), "x.gif"), (lambda p, path: p.trace(path), "x.html")]
)
def test_other_endings_are_refused(write, path, tmp_path):
    profile = fnn.explain.Profile("t", places=PLACES, events=EVENTS)
    with pytest.raises(ValueError, match=re.escape(repr(str(tmp_path / path)))):
        write(profile, tmp_path / path)


def test_a_step_draws_itself(tmp_path):
    model = nn.Sequential(nn.Linear(32, 32), nn.ReLU())
    profile = fnn.explain.time(lambda x: model(x).sum(), jnp.ones((64, 32)), repeats=2)
    assert any(path == "Sequential/0" for path, _ in profile.places)
    assert {event.path for event in profile.events} >= {"Sequential/0"}
    assert "<svg" in profile._repr_html_() and "Sequential/0" in profile._repr_html_()
