"""Time per token of generation on a CPU: fnn beside transformers on PyTorch, eager, in turns, least of the rounds.

    python -P benchmarks/generate.py [tokens] [rounds] [part of a name]

``-P`` keeps this folder's ``transformers.py`` from being taken for the library.

Both make the same tokens greedily from one text; weights are random, in a folder that transformers saved.
"""

import sys
import tempfile
import time
import warnings

import numpy as np
import torch
import transformers

import fnn
from fnn import text

MODELS = {
    "GPT-2, 12 layers of 256": transformers.GPT2Config(vocab_size=8000, n_embd=256, n_layer=12, n_head=8),
    "Llama, 8 layers of 512": transformers.LlamaConfig(
        vocab_size=8000, hidden_size=512, intermediate_size=1376, num_hidden_layers=8, num_attention_heads=8,
        num_key_value_heads=4,
    ),
    "T5, 6 + 6 layers of 512": transformers.T5Config(
        vocab_size=8000, d_model=512, d_kv=64, d_ff=1024, num_layers=6, num_heads=8, decoder_start_token_id=0,
    ),
}  # fmt: skip


def main(tokens: int = 64, rounds: int = 5, part: str = "") -> None:
    """Prints milliseconds per token, and their ratio."""
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    ids = np.arange(20)[None] + 5
    for name, config in MODELS.items():
        if part not in name:
            continue
        torch.manual_seed(0)
        kind = "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"
        reference = getattr(transformers, kind).from_config(config).eval()
        with tempfile.TemporaryDirectory() as folder:
            reference.save_pretrained(folder)
            model = text.from_pretrained(folder)
        how = {"max_new_tokens": tokens, "eos_token_id": None}

        def theirs(how=how, reference=reference) -> np.ndarray:
            with torch.no_grad():
                return reference.generate(torch.tensor(ids), do_sample=False, pad_token_id=0, **how).numpy()

        def ours(how=how, model=model) -> np.ndarray:
            return np.asarray(fnn.generate(model, ids, **how))

        same = np.array_equal(ours(), theirs())
        best = {ours: np.inf, theirs: np.inf}
        for _ in range(rounds):
            for run in best:
                start = time.perf_counter()
                run()
                best[run] = min(best[run], time.perf_counter() - start)
        a, b = (1e3 * seconds / tokens for seconds in best.values())
        print(f"{name}: fnn {a:.2f} ms a token, transformers {b:.2f} ms, ratio {a / b:.2f}; equal tokens: {same}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
