"""A language model and a translation, ported from PyTorch: its losses at each of fifty steps, one program for all."""

import numpy as np
import pytest

from tests.ported import language_fnn, translation_fnn

torch = pytest.importorskip("torch")

STEPS = 50
CLOSE = {"rtol": 1e-4, "atol": 0}


def test_a_language_model():
    from tests.ported import language_torch

    torch.set_num_threads(1)
    want = language_torch.train(steps=STEPS)
    assert want[-1] < 0.9 * want[0], "it should learn"
    np.testing.assert_allclose(language_fnn.train(steps=STEPS), want, **CLOSE)


def test_a_translation_of_packed_sentences_compiles_once():
    from tests.ported import translation_torch

    torch.set_num_threads(1)
    want = translation_torch.train(steps=STEPS)
    assert want[-1] < 0.7 * want[0], "it should learn"
    traces = []
    np.testing.assert_allclose(translation_fnn.train(steps=STEPS, traces=traces), want, **CLOSE)
    first = len(traces)
    assert len(set(traces)) == 1, "every batch has one shape, whatever the lengths of its sentences"
    assert first < 6, "the step is traced a few times to find its state, not once for each batch"
