"""Models as programs without their code, for any size of the batch: the same outputs, as StableHLO and as ONNX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.exported._program import inference, weights_of
from tests import extent
from tests.exported.zoo import ZOO, made


def _expected(model, inputs):
    run = fnn.jit(lambda model, *inputs: inference(model)(weights_of(model), *inputs))
    return [np.asarray(x) for x in jax.tree.leaves(run(model, *map(jnp.asarray, inputs)))]


def _close(found, expected, rows, tolerance):
    """To within a part of the largest number: the programs add in another order."""
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), b[:rows], rtol=0, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("name", ZOO if extent.ALL else ["efficientnet_v2", "BertModel"])
def test_there_and_back(name, tmp_path):
    pytest.importorskip("flatbuffers")
    model, inputs = made(name)
    expected = _expected(model, inputs)
    fnn.export(model, *(x[:2] for x in inputs), dynamic_batch=True).save(tmp_path / name)
    loaded = fnn.load_exported(tmp_path / name)
    for rows in (3, 1):
        _close(jax.tree.leaves(loaded(*(x[:rows] for x in inputs))), expected, rows, 4e-6)


# Among them what needs more than one kind of padding, integers, masks and a mapping of outputs.
@pytest.mark.parametrize(
    "name",
    ZOO if extent.ALL else ["squeezenet", "resnet_bottleneck", "BertModel", "LlamaForCausalLM"],
)
def test_onnx(name, tmp_path):
    pytest.importorskip("jax2onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, inputs = made(name)
    expected = _expected(model, inputs)
    fnn.export_onnx(model, *(x[:2] for x in inputs), path=tmp_path / "model.onnx")
    session = runtime.InferenceSession(str(tmp_path / "model.onnx"))
    names = [given.name for given in session.get_inputs()]
    for rows in (3, 1):
        found = session.run(None, dict(zip(names, (x[:rows] for x in inputs), strict=True)))
        _close(found, expected, rows, 1e-4)
