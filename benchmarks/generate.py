"""Time per token of generation on a CPU: fnn beside transformers on PyTorch, eager, in turns, least of the rounds.

    python -P benchmarks/generate.py [tokens] [rounds] [part of a name]

``-P`` keeps this folder's ``transformers.py`` from being taken for the library; the root is the current folder.

Both make the same tokens greedily from one text; weights are random, in a folder that transformers saved.
"""

import importlib
import os
import sys
import tempfile
import time
import warnings

import numpy as np
import torch

sys.path.append(os.getcwd())
importlib.import_module("tests.vision.oracle")  # transformers takes a torchvision that it can import
import transformers  # noqa: E402

import fnn  # noqa: E402
from fnn import text  # noqa: E402

DECODER = dict(vocab_size=8000, hidden_size=512, intermediate_size=1376, num_hidden_layers=8, num_attention_heads=8,
               num_key_value_heads=4, bos_token_id=1, eos_token_id=2, pad_token_id=0)  # fmt: skip
T5 = dict(vocab_size=8000, d_model=512, d_kv=64, d_ff=1024, num_layers=6, num_heads=8, decoder_start_token_id=0)
MODELS = {
    "GPT-2, 12 layers of 256": transformers.GPT2Config(vocab_size=8000, n_embd=256, n_layer=12, n_head=8),
    "Llama, 8 layers of 512": transformers.LlamaConfig(**DECODER),
    "Mistral, 8 layers of 512": transformers.MistralConfig(**DECODER),
    "Qwen 2, 8 layers of 512": transformers.Qwen2Config(**DECODER),
    "Qwen 3, 8 layers of 512": transformers.Qwen3Config(**DECODER, head_dim=64),
    "Gemma, 8 layers of 512": transformers.GemmaConfig(**DECODER, head_dim=64),
    "Gemma 2, 8 layers of 512": transformers.Gemma2Config(**DECODER, head_dim=64),
    "Gemma 3, 8 layers of 512": transformers.Gemma3TextConfig(**DECODER, head_dim=64),
    "T5, 6 + 6 layers of 512": transformers.T5Config(**T5),
    "T5 v1.1, 6 + 6 layers of 512": transformers.T5Config(
        **T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False
    ),
    "Whisper, 4 + 4 layers of 384": transformers.WhisperConfig(
        vocab_size=8000, d_model=384, encoder_layers=4, decoder_layers=4, encoder_attention_heads=6,
        decoder_attention_heads=6, encoder_ffn_dim=1536, decoder_ffn_dim=1536, max_source_positions=100,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, suppress_tokens=None,
        begin_suppress_tokens=None,
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
        sound = config.model_type == "whisper"
        kind = "SpeechSeq2Seq" if sound else "Seq2SeqLM" if config.is_encoder_decoder else "CausalLM"
        reference = getattr(transformers, f"AutoModelFor{kind}").from_config(config).eval()
        begin = np.random.default_rng(0).standard_normal((1, 80, 200)).astype(np.float32) if sound else ids
        with tempfile.TemporaryDirectory() as folder:
            reference.save_pretrained(folder)
            model = text.from_pretrained(folder)
        how = {"max_new_tokens": tokens, "eos_token_id": None}

        def theirs(how=how, reference=reference, begin=begin) -> np.ndarray:
            with torch.no_grad():  # not Whisper's own, which cuts sounds into pieces
                made = transformers.GenerationMixin.generate(reference, torch.tensor(begin), pad_token_id=0, **how)
                return made.numpy()

        def ours(how=how, model=model, begin=begin) -> np.ndarray:
            return np.asarray(fnn.generate(model, begin, **how))

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
