"""Programs without their code: the same numbers, any batch size, JAX's primitives only."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.layer = nn.LayerNorm(4)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x))).mean((2, 3))
        return {"out": (self.fc(F.dropout(self.layer(x), 0.5, self.training)), x)}


def _model():
    fnn.manual_seed(0)
    return Net(), jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, 6, 6)), jnp.float32)


@pytest.mark.parametrize("dynamic", [False, True])
def test_there_and_back(tmp_path, dynamic):
    pytest.importorskip("flatbuffers")
    model, x = _model()
    model.fc.train(False)
    exported = fnn.export(model, x, dynamic_batch=dynamic)
    assert model.training and not model.fc.training  # each Module is in the mode that it was in
    expected = jax.tree.leaves(model.eval()(x))
    for _ in range(2):  # the second one takes the place of the first
        exported.save(tmp_path / "net")
    assert sorted(os.listdir(tmp_path)) == ["net"]
    loaded = fnn.load_exported(tmp_path / "net")
    out = loaded(x)
    assert list(out) == ["out"] and isinstance(out["out"], tuple)
    for a, b in zip(jax.tree.leaves(out), expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-6)
    if dynamic:
        assert loaded(jnp.concatenate([x, x, x]))["out"][0].shape == (6, 2)
    loaded.weights["fc.bias"] = loaded.weights["fc.bias"] + 1
    np.testing.assert_allclose(np.asarray(loaded(x)["out"][0]), np.asarray(expected[0]) + 1, atol=1e-6)


def test_its_primitives_are_jaxs():
    model, x = _model()
    weights = dict(fnn.split(model)[0])

    def loss(weights, x):
        return sum(leaf.sum() for leaf in jax.tree.leaves(fnn.func.functional_call(model.eval(), weights, (x,))))

    def program():
        return str(jax.make_jaxpr(loss)(weights, x))

    own = program()
    assert "convolution_forward" in own and "fnn_normalise" in own
    with fnn.portable():
        plain = program()
        with fnn.portable(False):
            assert program() == own
    assert "conv_general_dilated" in plain and "convolution_forward" not in plain and "fnn_" not in plain


def test_what_is_refused(tmp_path):
    model, _ = _model()
    with pytest.raises(ValueError, match="export: argument 'examples' is empty"):
        fnn.export(model)
    with pytest.raises(TypeError, match="export: argument 'examples' must consist of arrays, got int"):
        fnn.export(model, 3)
    with pytest.raises(ValueError, match=r"load_exported: argument 'folder' .* holds no manifest.json"):
        fnn.load_exported(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ValueError, match="is of format 99, this version reads format 1"):
        fnn.load_exported(tmp_path)


def test_onnx(tmp_path):
    pytest.importorskip("jax2onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, x = _model()
    fnn.export_onnx(model, x, path=tmp_path / "net.onnx")
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"))
    name = session.get_inputs()[0].name
    for batch in (x, jnp.concatenate([x, x])):
        out = session.run(None, {name: np.asarray(batch)})
        for a, b in zip(out, jax.tree.leaves(model.eval()(batch)), strict=True):
            np.testing.assert_allclose(a, np.asarray(b), atol=1e-4)


def test_importing_it_reads_no_files():
    late = "('safetensors', 'jax2onnx')"  # JAX itself reads flatbuffers where it is there
    code = f"import fnn, sys; fnn.export; print([m for m in {late} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
