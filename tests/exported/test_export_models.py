"""Vision models as programs without their code, for any size of the batch: the same logits."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.vision import models
from tests import extent
from tests.vision.test_models import SMALL

# With each the sides of the image, or of the frames and the images.
SIZES = {
    "efficientnet": (40, 40),
    "squeezenet": (48, 48),
    "mobilenet_v2": (40, 40),
    "densenet": (48, 48),
    "mobilenet_v3": (40, 40),
    "convnext": (32, 32),
    "vit": (8, 8),
    "swin": (18, 18),
    "swin_v2": (18, 18),
    "maxvit": (24, 24),
    "mnasnet": (33, 33),
    "shufflenet": (40, 40),
    "mvit": (4, 32, 32),
    "swin3d": (3, 20, 23),
}


@pytest.mark.parametrize("case", extent.some(SIZES, 1))
def test_there_and_back(case, tmp_path):
    pytest.importorskip("flatbuffers")
    model = SMALL[case](models).eval()
    numbers = np.random.default_rng(0)
    for parameter in model.parameters():  # a classifier that starts with zeros would hide everything
        if parameter.ndim > 1 and not np.asarray(parameter).any():
            parameter.data = jnp.asarray(numbers.normal(0, 0.2, parameter.shape), jnp.float32)
    x = jnp.asarray(numbers.standard_normal((3, 3, *SIZES[case])), jnp.float32)
    fnn.export(model, x[:2], dynamic_batch=True).save(tmp_path / case)
    expected = np.asarray(fnn.jit(lambda model, x: model(x))(model, x))
    loaded = fnn.load_exported(tmp_path / case)
    for batch in (x, x[:1]):
        # The program adds in another order than the model does here; in float32 that is a few roundings.
        np.testing.assert_allclose(
            np.asarray(loaded(batch)), expected[: len(batch)], rtol=0, atol=2e-6 * np.abs(expected).max()
        )
