"""Every published model, whole: torchvision's weights for a seed, its outputs, gradients and buffers.

In double precision on small images.  Both models in turn, what one finds waits in files: of the largest the weights
alone are five gigabytes, so that of these only the vectors' gradients are taken, which every layer's passes through.
"""

import gc
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.vision import models
from tests import extent
from tests.vision.oracle import torch, torchvision
from tests.vision.published import numbers, same, settle, stored, undisturbed

OTHERS = (models.segmentation, models.video, models.optical_flow)
NAMES = [name for package in (models, *OTHERS) for name in models.list_models(package)]
LARGE = 150_000_000  # parameters

# The sides of the images, 64 for a model that is not here: as small as leaves more than one pixel to its last
# normalisation. With them the arguments that tell the model.
SIZES = {
    "alexnet": (63, {}),
    "googlenet": (64, {"init_weights": False}),
    "inception_v3": (299, {"init_weights": False}),
    "lraspp_mobilenet_v3_large": (65, {"weights_backbone": None}),
    "maxvit_t": (224, {}),
    "mvit_v1_b": ((16, 224, 224), {}),
    "mvit_v2_s": ((16, 224, 224), {}),
    "raft_large": (128, {}),
    "raft_small": (128, {}),
    "s3d": ((13, 209, 209), {}),
    "vit_b_16": (32, {"image_size": 32}),
    "vit_b_32": (64, {"image_size": 64}),
    "vit_h_14": (28, {"image_size": 28}),
    "vit_l_16": (32, {"image_size": 32}),
    "vit_l_32": (64, {"image_size": 64}),
}

LARGE_SIDES = ("maxvit_t", "mvit_v1_b", "mvit_v2_s", "s3d")  # of which one image is enough


def _case(name):
    """Sides, arguments, and the size of the batch."""
    sides, kwargs = SIZES.get(name, (64, {}))
    if models.get_model_builder(name).__module__.startswith(models.video.__name__):
        sides = sides if isinstance(sides, tuple) else (4, 32, 32)
    if "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters:
        kwargs = {"weights_backbone": None, **kwargs}
    sides = sides if isinstance(sides, tuple) else (sides, sides)
    return sides, kwargs, 1 if name in LARGE_SIDES else 2


def _inputs(name):
    sides, _, rows = _case(name)
    count = 2 if name.startswith("raft") else 1
    return list(np.random.default_rng(0).standard_normal((count, rows, 3, *sides)))


def _named(out):
    if hasattr(out, "_asdict"):
        return out._asdict()
    if isinstance(out, list):
        return {f"flow {i}": flow for i, flow in enumerate(out)}
    return out if isinstance(out, dict) else {"logits": out}


def _outputs(model, inputs):
    return _named(model(*inputs, **({"num_flow_updates": 2} if type(model).__name__ == "RAFT" else {})))


def _theirs(name, store, monkeypatch):
    """What torchvision's model finds: outputs in evaluation, outputs and gradients in training, and buffers after."""
    _, kwargs, _ = _case(name)
    torch.manual_seed(7)
    model = torchvision.models.get_model(name, **kwargs)
    store["draw"] = torch.rand(3).numpy()
    state = model.state_dict()
    for key, value in state.items():
        store[f"state {key}"] = value.numpy()
    listed = [(key, tuple(value.shape)) for key, value in state.items()]
    printed, count = repr(model), sum(p.numel() for p in model.parameters())
    model.to(torch.float64)
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.from_numpy(numbers(key, value.shape)))
    undisturbed(model)
    if count > LARGE:
        for parameter in model.parameters():
            parameter.requires_grad_(parameter.ndim == 1)
    if name.startswith("raft"):  # its coordinates are in single precision
        raft = inspect.getmodule(torchvision.models.optical_flow.RAFT)
        grid = raft.make_coords_grid
        monkeypatch.setattr(raft, "make_coords_grid", lambda *args, **kwargs: grid(*args, **kwargs).double())
    torch.set_default_dtype(torch.float64)
    inputs = [torch.from_numpy(x) for x in _inputs(name)]
    settle(model, lambda: _outputs(model, inputs))
    for key, value in model.named_buffers():
        store[f"given {key}"] = value.numpy()
    with torch.no_grad():
        for key, value in _outputs(model.eval(), inputs).items():
            store[f"eval {key}"] = value.numpy()
    found = _outputs(model.train(), inputs)
    draws = np.random.default_rng(1)
    loss = 0
    for key, value in found.items():
        store[f"train {key}"] = value.detach().numpy()
        store[f"cotangent {key}"] = draws.standard_normal(value.shape)
        loss = loss + (value * torch.from_numpy(np.array(store[f"cotangent {key}"]))).sum()
    loss.backward()
    largest = 0.0
    for key, parameter in model.named_parameters():
        if parameter.grad is not None:
            store[f"gradient {key}"] = parameter.grad.numpy()
            largest = max(largest, parameter.grad.abs().max().item())
            parameter.grad = None
    for key, value in model.named_buffers():
        store[f"buffer {key}"] = value.numpy()
    return listed, printed, count, largest


@fnn.jit
def _step(model, inputs, cotangents):
    def loss(model):
        out = _outputs(model, inputs)
        return sum((out[key] * c).sum() for key, c in cotangents.items()), out

    (_, out), gradients = fnn.value_and_grad(loss, has_aux=True)(model)
    return out, gradients


_look = fnn.jit(_outputs)


store = pytest.fixture(name="store")(stored)


@pytest.mark.parametrize("name", NAMES if extent.ALL else ["squeezenet1_1"])
def test_a_published_model(name, store, monkeypatch):
    listed, printed, count, largest = _theirs(name, store, monkeypatch)
    gc.collect()

    _, kwargs, _ = _case(name)
    fnn.manual_seed(7)
    model = models.get_model(name, **kwargs)
    np.testing.assert_array_equal(np.asarray(fnn.rand(3)), store["draw"])  # as many numbers drawn
    assert [(key, tuple(value.shape)) for key, value in model.state_dict().items()] == listed
    assert repr(model) == printed
    for key, value in model.state_dict().items():
        np.testing.assert_allclose(np.asarray(value), store[f"state {key}"], rtol=1e-6, atol=1e-6, err_msg=key)

    undisturbed(model)
    with jax.enable_x64(True):
        for key, box in model.named_parameters():
            box.data = jnp.asarray(numbers(key, box.shape))
        for key, box in model.named_buffers():
            box.data = jnp.asarray(store[f"given {key}"])
        for parameter in model.parameters():
            parameter.requires_grad_(count <= LARGE or parameter.ndim == 1)
        inputs = [jnp.asarray(x) for x in _inputs(name)]
        same(_look(model.eval(), inputs), store, "eval")
        cotangents = {key: jnp.asarray(store[f"cotangent {key}"]) for key in store.under("cotangent")}
        found, gradients = _step(model.train(), inputs, cotangents)
    same(found, store, "train")
    # of a bias that a normalisation takes away again, both compute nothing but rounding errors
    same(gradients, store, "gradient", 1e-12 * largest)
    same({key: box.data for key, box in model.named_buffers()}, store, "buffer")
