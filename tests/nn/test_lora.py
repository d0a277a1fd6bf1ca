"""Adapters and quantised weights: what is trained, what is stored, what comes back."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.nn.utils import lora, quantization


def network():
    fnn.manual_seed(0)
    return nn.Sequential(nn.Embedding(7, 8), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))


def test_adapters_are_trained_alone_then_merged_or_taken_off():
    model, ids = network(), jnp.arange(6)
    names, before = list(model.state_dict()), model(ids)
    assert lora.add(model, r=2, alpha=3, targets="0|1|3") == ["0", "1", "3"]
    np.testing.assert_array_equal(model(ids), before)  # one of the factors starts as zero
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert len(trained) == 6 and all("lora" in name for name in trained)
    optimizer = fnn.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.02)

    @fnn.jit
    def step(model, optimizer):
        loss, grads = fnn.value_and_grad(lambda model: (model(ids) ** 2).sum())(model)
        optimizer.step(grads)
        return loss

    losses = [float(step(model, optimizer)) for _ in range(5)]
    assert losses[-1] < losses[0]
    after, state = model(ids), lora.state_dict(model)
    assert list(state)[:3] == [
        "base_model.model.0.lora_embedding_A", "base_model.model.0.lora_embedding_B",
        "base_model.model.1.lora_A.weight",
    ]  # fmt: skip
    lora.unload(model)
    np.testing.assert_array_equal(model(ids), before)
    assert sorted(model.state_dict()) == sorted(names) and all(
        p.requires_grad for n, p in model.named_parameters() if "weight" in n
    )
    lora.add(model, r=2, alpha=3, targets=["0", "1", "3"])
    lora.load_state_dict(model, state)
    np.testing.assert_allclose(model(ids), after, rtol=1e-6)
    lora.merge(model)
    assert sorted(model.state_dict()) == sorted(names) and type(model[1]) is nn.Linear
    np.testing.assert_allclose(model(ids), after, rtol=1e-5)


def test_errors_of_adapters():
    model = network()
    with pytest.raises(fnn.ArgumentError, match=r"no module matches targets=\['q_proj'\]"):
        lora.add(model, targets=["q_proj"])
    with pytest.raises(fnn.ArgumentError, match=r"2 is a ReLU; adapters are for linear layers and embeddings"):
        lora.add(model, targets=["2"])
    with pytest.raises(fnn.ArgumentError, match=r"r must be a positive int, got 0"):
        lora.add(model, r=0)
    lora.add(model, r=2)
    with pytest.raises(fnn.ArgumentError, match=r"1 has an adapter already"):
        lora.add(model, r=2)
    state = dict(lora.state_dict(model))
    state["other"] = state.pop("base_model.model.1.lora_A.weight")
    with pytest.raises(fnn.StateDictError, match=r"Missing key: .*1.lora_A.weight\n\tUnexpected key: other"):
        lora.load_state_dict(model, state)


@pytest.mark.parametrize(("bits", "error"), [(8, 0.5 / 127), (4, 0.5 / 7)])
def test_quantised_weights(bits, error):
    fnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 6), nn.Linear(6, 6, dtype=jnp.bfloat16))
    weight = np.asarray(model[0].weight)
    assert quantization.quantize(model, bits, 16, targets=["0"]) == ["0"]
    group = 64 if bits == 8 else 16
    largest = np.abs(weight.reshape(6, -1, group)).max(-1, keepdims=True).repeat(group, -1).reshape(6, 64)
    assert np.all(np.abs(np.asarray(model[0].weight) - weight) <= error * largest + 1e-7)
    stored = model[0].state_dict()
    assert stored["parametrizations.weight.original0"].nbytes == 6 * 64 * bits // 8
    assert stored["parametrizations.weight.original1"].shape == (6, 64 // group)
    other = nn.Sequential(nn.Linear(64, 6), nn.Linear(6, 6, dtype=jnp.bfloat16))
    quantization.quantize(other, bits, 16, targets=["0"])
    other.load_state_dict(model.state_dict())
    x = jnp.ones((2, 64))
    np.testing.assert_array_equal(other[0](x), model[0](x))
    lora.add(model, r=1, targets=["0"])  # trained on top of frozen numbers
    _, gradients = fnn.value_and_grad(lambda model: model[0](x).sum())(model)
    assert sorted(gradients) == ["0.parametrizations.weight.1.lora_A", "0.parametrizations.weight.1.lora_B"]
    lora.merge(model)
    np.testing.assert_allclose(model[0](x), other[0](x), atol=1e-5)
    quantization.dequantize(model)
    np.testing.assert_allclose(model[0].weight.data, other[0].weight, atol=1e-6)
    assert type(model[0]) is nn.Linear


def test_quantisation_leaves_ties_alone_and_says_what_it_cannot():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 6))
    model[1].weight = model[0].weight
    assert quantization.quantize(model) == ["2"]
    for how, message in (
        ({"bits": 3}, "bits must be 8 or 4, got 3"),
        ({"targets": ["0"]}, "the weight of 0 is tied to another"),
        ({"targets": ["5"]}, "no linear layer matches"),
        ({"targets": ["2"]}, "2 is a ParametrizedLinear without a plain weight"),
    ):
        with pytest.raises(fnn.ArgumentError, match=message):
            quantization.quantize(model, **how)
    with pytest.raises(fnn.ArgumentError, match=r"divide the 6 inputs of 0, got 4"):
        quantization.quantize(nn.Sequential(nn.Linear(6, 2)), 4, 4)
