"""How Modules look in a notebook."""

import subprocess
import sys

import jax.numpy as jnp
import pytest

from fnn import layers, nn
from fnn.nn import _display


def model():
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Sequential(nn.Flatten(), nn.LazyLinear(3)))


TEXT = """\
Sequential(  # not initialised
  (0): Conv2d(3, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))  # weight (16, 3, 3, 3), bias (16,): 448 parameters
  (1): ReLU()
  (2): Sequential(  # not initialised
    (0): Flatten(start_dim=1, end_dim=-1)
    (1): LazyLinear(in_features=0, out_features=3, bias=True)  # weight, bias: not initialised
  )
)"""  # noqa: E501


def without_notes(text):
    return "\n".join(line.split("  #")[0] for line in text.split("\n"))


def test_treescope_draws_repr_with_notes():
    treescope = pytest.importorskip("treescope")
    net = model()
    text = treescope.render_to_text(net)
    assert text == TEXT and without_notes(text) == repr(net)
    net[2][1](jnp.ones((2, 5)))
    text = treescope.render_to_text({"net": net})
    assert "Sequential(  # 466 parameters" in text
    assert "Linear(in_features=5, out_features=3, bias=True)  # weight (3, 5), bias (3,): 18 parameters" in text


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(jnp.ones(3), requires_grad=False)
        self.register_buffer("count", jnp.zeros(2))
        self.sub = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))


def test_treescope_draws_parameters():
    treescope = pytest.importorskip("treescope")
    own = Own()
    assert treescope.render_to_text(own).startswith("Own(  # scale (3,): 27 parameters\n  (sub): Sequential(")
    text = treescope.render_to_text({"scale": own.scale, "count": own.count})
    assert "Parameter(" in text and "requires_grad=False" in text and "[1., 1., 1.]" in text
    assert "Buffer(" in text and "persistent=True" in text and "[0., 0.]" in text
    assert "UninitializedParameter(requires_grad=True)" in treescope.render_to_text(nn.LazyLinear(3).weight)


def test_treescope_draws_layers():
    treescope = pytest.importorskip("treescope")
    text = treescope.render_to_text(layers.serial(layers.Linear(2, 3), layers.ReLU()))
    assert "".join(text.split()).startswith("Serial(layers=(Linear(in_features=2,out_features=3,bias=True,")


def test_what_a_notebook_is_given(monkeypatch):
    pytest.importorskip("treescope")
    net = model()
    shown = net._repr_mimebundle_()
    assert shown["text/plain"] == repr(net) and "treescope" in shown["text/html"]
    monkeypatch.setattr(_display, "find_spec", lambda name: None)
    assert net._repr_mimebundle_(include=None, exclude=None) == {"text/plain": repr(net)}


def test_a_notebook_asks_for_it():
    formatters = pytest.importorskip("IPython.core.formatters")
    pytest.importorskip("treescope")
    net = model()
    data, _ = formatters.DisplayFormatter().format(net)
    assert data["text/plain"] == repr(net) and "treescope" in data["text/html"]


def test_nothing_is_imported_for_it():
    code = "import sys, fnn; m = fnn.nn.Linear(2, 3); repr(m); assert not {'treescope', 'IPython'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
