"""The layers of a Transformer against torch's: the same draws, names, repr and values."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn

torch = pytest.importorskip("torch")

FORMS = [{}, {"norm_first": True, "batch_first": True, "activation": "gelu"}, {"bias": False}]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(("name", "inputs"), [("TransformerEncoderLayer", 1), ("TransformerDecoderLayer", 2)])
def test_a_layer_is_torchs(name, inputs, form):
    torch.manual_seed(1234)
    theirs = getattr(torch.nn, name)(8, 2, 16, 0.0, **form)
    fnn.manual_seed(1234)
    ours = getattr(nn, name)(8, 2, 16, 0.0, **form)
    assert repr(ours) == repr(theirs)
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        np.testing.assert_array_equal(state[key], value.numpy(), err_msg=key)
    draw, mask = np.random.default_rng(0), np.triu(np.ones((5, 5), bool), 1)
    which = "src_mask" if inputs == 1 else "tgt_mask"
    for shape in ((5, 3, 8), (5, 8)) if "batch_first" not in form else ((3, 5, 8), (5, 8)):
        arrays = [draw.standard_normal(shape, np.float32) for _ in range(inputs)]
        expected = theirs(*map(torch.tensor, arrays), **{which: torch.tensor(mask)}).detach().numpy()
        got = ours(*map(jnp.asarray, arrays), **{which: jnp.asarray(mask)})
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
def test_an_unknown_activation_is_refused_by_name(layer):
    with pytest.raises(ValueError, match=f"{layer.__name__}: activation should be relu/gelu, not tanh"):
        layer(8, 2, activation="tanh")
