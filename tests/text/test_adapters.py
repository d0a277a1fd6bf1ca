"""PEFT's adapter files, both ways."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import fnn
from fnn import text
from fnn.nn.utils import lora
from tests.text.oracle import folder_of, model_of, torch

peft = pytest.importorskip("peft")  # behind the oracle, which makes transformers' imports possible

pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::UserWarning"
)  # peft asks transformers for what is deprecated

CASES = {
    "LlamaForCausalLM": {"target_modules": ["q_proj", "v_proj", "embed_tokens"], "rank_pattern": {"v_proj": 2},
                         "alpha_pattern": {"layers.1.self_attn.q_proj": 5}},
    "GPT2LMHeadModel": {"target_modules": ["c_attn"], "fan_in_fan_out": True, "use_rslora": True},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_adapters_equal_peft(case, tmp_path):
    ids = np.arange(12).reshape(2, 6) + 3
    how = {"r": 3, "lora_alpha": 7, "init_lora_weights": False, "task_type": "CAUSAL_LM", **CASES[case]}
    reference = peft.get_peft_model(model_of(case), peft.LoraConfig(**how)).eval()
    reference.save_pretrained(tmp_path / "theirs")
    expected = reference(torch.tensor(ids)).logits.detach().numpy()
    model = text.from_pretrained(folder_of(case))
    plain, names = np.asarray(model(ids).logits), sorted(model.state_dict())
    found = text.load_adapter(model, tmp_path / "theirs")
    assert abs(plain - expected).max() > 1e-2
    np.testing.assert_allclose(model(ids).logits, expected, atol=1e-5)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert len(trained) == 2 * len(found) and all(".lora_" in name for name in trained)
    text.save_adapter(model, tmp_path / "ours")
    back = peft.PeftModel.from_pretrained(model_of(case), tmp_path / "ours").eval()
    np.testing.assert_allclose(back(torch.tensor(ids)).logits.detach().numpy(), expected, atol=1e-6)
    lora.merge(model)
    assert sorted(model.state_dict()) == names
    np.testing.assert_allclose(model(ids).logits, expected, atol=1e-5)


def test_other_kinds_are_refused(tmp_path):
    model = text.from_pretrained(folder_of("GPT2LMHeadModel"))
    lora.add(model, targets=["c_attn"])
    text.save_adapter(model, tmp_path)
    lora.unload(model)
    said = json.loads((tmp_path / "adapter_config.json").read_text())
    for field, value in (("use_dora", True), ("peft_type", "IA3"), ("modules_to_save", ["lm_head"])):
        (tmp_path / "adapter_config.json").write_text(json.dumps(said | {field: value}))
        with pytest.raises(fnn.ArgumentError, match=f"{field}=.* is not supported"):
            text.load_adapter(model, tmp_path)
    (tmp_path / "adapter_config.json").write_text(json.dumps(said))
    with pytest.raises(fnn.StateDictError, match=r"the model has no modules transformer.h.0.attn.c_attn"):
        text.load_adapter(text.from_pretrained(folder_of("LlamaForCausalLM")), tmp_path)
    with pytest.raises(fnn.ArgumentError, match=r"the model has no adapters"):
        text.save_adapter(model, tmp_path)
