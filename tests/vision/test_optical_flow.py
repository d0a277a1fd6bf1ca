"""RAFT: torchvision's weights for a seed, its flows and gradients, and what it refuses."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.vision import models
from tests import extent
from tests.vision.oracle import torch, torchvision


def _raft(optical_flow, block, corr_layers, kernel_size, padding, context_norm, masked):
    """A small one of the parts of either package."""
    raft = sys.modules[f"{optical_flow.__name__}.raft"]
    block = getattr(raft, block)
    corr_block = raft.CorrBlock(num_levels=2, radius=1)
    motion_encoder = raft.MotionEncoder(
        in_channels_corr=corr_block.out_channels, corr_layers=corr_layers, flow_layers=(6, 4), out_channels=8
    )
    return optical_flow.RAFT(
        feature_encoder=raft.FeatureEncoder(block=block, layers=(4, 4, 8, 8, 12), norm_layer=raft.nn.InstanceNorm2d),
        context_encoder=raft.FeatureEncoder(
            block=block, layers=(4, 4, 8, 8, 12), norm_layer=raft.nn.BatchNorm2d if context_norm else None
        ),
        corr_block=corr_block,
        update_block=raft.UpdateBlock(
            motion_encoder=motion_encoder,
            recurrent_block=raft.RecurrentBlock(input_size=14, hidden_size=6, kernel_size=kernel_size, padding=padding),
            flow_head=raft.FlowHead(in_channels=6, hidden_size=4),
        ),
        mask_predictor=raft.MaskPredictor(in_channels=6, hidden_size=8) if masked else None,
    )


CASES = {
    "small": ("BottleneckBlock", (6,), (3,), (1,), False, False),
    "large": ("ResidualBlock", (6, 5), ((1, 5), (5, 1)), ((0, 2), (2, 0)), True, True),
}


@pytest.fixture
def doubles(monkeypatch):
    """torchvision's coordinates in double precision, which it has in single precision only."""
    raft = sys.modules["torchvision.models.optical_flow.raft"]
    grid = raft.make_coords_grid
    monkeypatch.setattr(raft, "make_coords_grid", lambda *args: grid(*args).double())
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("case", extent.some(CASES, 1))
def test_flows_and_gradients(case, doubles):
    theirs = _raft(torchvision.models.optical_flow, *CASES[case]).double().train()
    ours = _raft(models.optical_flow, *CASES[case])
    assert repr(ours) == repr(theirs)
    numbers = np.random.default_rng(0)
    images = numbers.uniform(-1, 1, (2, 2, 3, 32, 40))
    expected = theirs(*map(torch.from_numpy, images), num_flow_updates=2)
    cotangents = [numbers.standard_normal(flow.shape) for flow in expected]
    sum((flow * torch.from_numpy(c)).sum() for flow, c in zip(expected, cotangents, strict=True)).backward()

    @fnn.jit
    def step(model, first, second, cotangents):
        def loss(model):
            flows = model(first, second, num_flow_updates=2)
            return sum((flow * c).sum() for flow, c in zip(flows, cotangents, strict=True)), flows

        return fnn.value_and_grad(loss, has_aux=True)(model)

    with jax.enable_x64(True):
        ours.double()
        ours.load_state_dict({name: value.numpy() for name, value in _before(theirs).items()})
        (_, flows), gradients = step(ours, *map(jnp.asarray, images), [jnp.asarray(c) for c in cotangents])
    assert len(flows) == 2
    for flow, value in zip(flows, expected, strict=True):
        _close(flow, value.detach(), "flow")
    found = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    assert len(found) == len(dict(theirs.named_parameters()))
    noise = 1e-12 * max(gradient.abs().max().item() for gradient in found.values())
    for name, gradient in found.items():
        _close(gradients[name], gradient, name, noise)


def _before(model):
    """The state with the running statistics of a new model: training has changed them."""
    fresh = {"running_mean": torch.zeros_like, "running_var": torch.ones_like, "num_batches_tracked": torch.zeros_like}
    state = model.state_dict()
    return {name: fresh.get(name.rpartition(".")[2], lambda x: x)(value) for name, value in state.items()}


def _close(ours, theirs, what, atol=0.0):
    ours, theirs = np.asarray(ours), theirs.numpy()
    assert ours.shape == theirs.shape, what
    assert np.abs(ours - theirs).max() <= 1e-6 * np.abs(theirs).max() + atol, what


@pytest.mark.parametrize("name", extent.some(["raft_small", "raft_large"], 1))
def test_a_seed_gives_torchvisions_weights(name):
    torch.manual_seed(5), fnn.manual_seed(5)
    theirs, ours = getattr(torchvision.models.optical_flow, name)(), models.get_model(name)
    state = ours.state_dict()
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(np.asarray(state[key]), value.numpy(), rtol=0, atol=1e-6, err_msg=key)
    np.testing.assert_array_equal(np.asarray(fnn.rand(3)), torch.rand(3).numpy())  # as many numbers drawn


def test_published_weights():
    for ours, theirs in (
        (models.optical_flow.Raft_Large_Weights, torchvision.models.optical_flow.Raft_Large_Weights),
        (models.optical_flow.Raft_Small_Weights, torchvision.models.optical_flow.Raft_Small_Weights),
    ):
        assert {k: w.name for k, w in ours.__members__.items()} == {k: w.name for k, w in theirs.__members__.items()}
        for member in ours:
            other = theirs[member.name]
            facts = {name: value for name, value in other.meta.items() if name != "_docs"}
            assert (member.url, member.meta) == (other.url, facts)
    first, second = models.optical_flow.Raft_Small_Weights.DEFAULT.transforms()(*np.full((2, 3, 8, 8), 255, np.uint8))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32 and float(first.min()) == 1.0


def test_half_precision_and_own_parts():
    """Coordinates stay in single precision; a call leaves nothing behind in the model."""
    model = _raft(models.optical_flow, *CASES["small"]).eval().bfloat16()
    image = jnp.ones((1, 3, 32, 32), jnp.bfloat16)
    flows = jax.eval_shape(lambda a, b: model(a, b, num_flow_updates=1), image, image)
    assert flows[0].dtype == jnp.float32 and flows[0].shape == (1, 2, 32, 32)
    assert model.corr_block.corr_pyramid == []


def test_what_is_refused():
    raft = models.optical_flow.raft
    model = _raft(models.optical_flow, *CASES["small"])
    image = jnp.ones((1, 3, 32, 32))

    def shapes(a, b):
        jax.eval_shape(model.eval(), a, b)

    for call, text in (
        (lambda: shapes(image, image[..., :24]), r"the images must have the same size, got \(32, 32\) and \(32, 24\)"),
        (lambda: shapes(image[..., :30], image[..., :30]), r"8 must divide the images' height and width"),
        (lambda: shapes(image[..., :24], image[..., :24]), r"must be at least 4 for 2 levels, got \(4, 3\); images"),
        (lambda: raft.FeatureEncoder(layers=(1, 2)), r"argument 'layers' \(=\(1, 2\)\) must have 5 entries, not 2"),
        (lambda: raft.MotionEncoder(in_channels_corr=3, flow_layers=(1,)), r"'flow_layers' .* must have 2 entries"),
        (lambda: raft.MotionEncoder(in_channels_corr=3, corr_layers=()), r"'corr_layers' .* must have 1 or 2 entries"),
        (
            lambda: raft.RecurrentBlock(input_size=1, hidden_size=1, kernel_size=(3,), padding=(1, 1)),
            r"must both have 1 entry, or both 2",
        ),
        (lambda: models.optical_flow.raft_small(update_block=fnn.nn.ReLU()), r"have an attribute 'hidden_state_size'"),
    ):
        with pytest.raises(ValueError, match=text):
            call()
