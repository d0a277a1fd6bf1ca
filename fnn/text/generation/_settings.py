"""The arguments of `generate` that are no tokens of the model: checked, and as `Form` and `Numbers` take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fnn.errors import ArgumentError

# Lengths are rounded up to multiples of it, so that texts of similar length share a program.
ROUNDING = 32
DRAWS = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
SequenceBias = Mapping[tuple[int, ...], float] | Sequence[Sequence[Any]]
Processors = dict[str, tuple[np.ndarray | np.number, ...]]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `generate` was given; its fields are the arguments of that name."""

    max_new_tokens: int | None
    max_length: int | None
    min_new_tokens: int
    min_length: int
    do_sample: bool
    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    typical_p: float | None
    epsilon_cutoff: float
    eta_cutoff: float
    repetition_penalty: float
    encoder_repetition_penalty: float
    no_repeat_ngram_size: int
    encoder_no_repeat_ngram_size: int
    bad_words_ids: Sequence[Sequence[int]] | None
    sequence_bias: SequenceBias | None
    exponential_decay_length_penalty: tuple[int, float] | None
    forced_bos_token_id: int | None
    forced_eos_token_id: int | Sequence[int] | None
    renormalize_logits: bool
    num_beams: int
    length_penalty: float
    early_stopping: bool | str
    num_return_sequences: int
    num_assistant_tokens: int
    max_time: float | None

    def __post_init__(self) -> None:
        demand = _demand
        for name in ("max_new_tokens", "max_length"):
            value = getattr(self, name)
            demand(value is None or (isinstance(value, int) and value > 0), f"{name} must be a positive int", value)
        both = self.max_new_tokens is not None and self.max_length is not None
        demand(not both, "give max_new_tokens or max_length, not both", (self.max_new_tokens, self.max_length))
        for name in ("min_new_tokens", "min_length", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "top_k"):
            value = getattr(self, name)
            least = isinstance(value, int) and value >= 0
            demand(least or (name == "top_k" and value is None), f"{name} must be an int from 0 on", value)
        demand(
            self.temperature > 0,
            "temperature must be positive (do_sample=False takes the likeliest token)",
            self.temperature,
        )
        for name in ("top_p", "min_p"):
            value = getattr(self, name)
            demand(value is None or 0 <= value <= 1, f"{name} must be from 0 to 1", value)
        demand(self.typical_p is None or 0 < self.typical_p <= 1, "typical_p must be in (0, 1]", self.typical_p)
        for name in ("epsilon_cutoff", "eta_cutoff"):
            demand(0 <= getattr(self, name) < 1, f"{name} must be in [0, 1)", getattr(self, name))
        for name in ("repetition_penalty", "encoder_repetition_penalty"):
            demand(getattr(self, name) > 0, f"{name} must be positive", getattr(self, name))
        for name in ("num_beams", "num_return_sequences", "num_assistant_tokens"):
            value = getattr(self, name)
            demand(isinstance(value, int) and value > 0, f"{name} must be a positive int", value)
        demand(
            self.early_stopping in (True, False, "never"),
            "early_stopping must be True, False or 'never'",
            self.early_stopping,
        )
        demand(self.max_time is None or self.max_time > 0, "max_time must be positive", self.max_time)
        copies = self.num_return_sequences
        if self.num_beams > 1:
            demand(self.max_time is None, "max_time must be None with num_beams > 1", self.max_time)
            demand(copies <= self.num_beams, f"num_return_sequences must be at most num_beams={self.num_beams}", copies)
        elif not self.do_sample:
            demand(copies == 1, "num_return_sequences > 1 needs do_sample=True or num_beams > 1", copies)
        if not self.do_sample:
            neutral = {"temperature": 1.0, "epsilon_cutoff": 0.0, "eta_cutoff": 0.0}
            unused = [name for name in DRAWS if getattr(self, name) != neutral.get(name)]
            demand(not unused, f"{', '.join(unused)} need do_sample=True", self.do_sample)

    def most(self, length: int) -> int:
        """How many tokens are made at most behind so many."""
        if self.max_length is not None:
            limit = f"max_length must be above the length of what there is, {length}"
            _demand(self.max_length > length, limit, self.max_length)
            most = self.max_length - length
        else:
            most = 20 if self.max_new_tokens is None else self.max_new_tokens
        _demand(self.min_new_tokens <= most, f"min_new_tokens must be from 0 to {most}", self.min_new_tokens)
        return most

    def processors(self, length: int, ends: list[int], vocabulary: int | None) -> Processors:
        """What is done to scores by these arguments, with its numbers, for texts of this length to begin with."""
        acting: Processors = {}
        real = {"repetition_penalty": 1.0, "encoder_repetition_penalty": 1.0}
        if self.do_sample:
            real |= {"temperature": 1.0, "top_p": 1.0, "min_p": None, "typical_p": 1.0, "epsilon_cutoff": 0.0,
                     "eta_cutoff": 0.0}  # fmt: skip
        for name, neutral in real.items():
            value = getattr(self, name)
            if value is not None and value != neutral:
                acting[name] = (np.float32(value),)
        for name in ("no_repeat_ngram_size", "encoder_no_repeat_ngram_size") + ("top_k",) * self.do_sample:
            if getattr(self, name):
                acting[name] = (np.int32(getattr(self, name)),)
        least = max(self.min_new_tokens, self.min_length - length)
        if ends and least > 0:
            acting["min_new_tokens"] = (np.int32(least),)
        if self.sequence_bias is not None:
            acting["sequence_bias"] = _biases("sequence_bias", _pairs(self.sequence_bias), vocabulary)
        if self.bad_words_ids is not None:
            _demand(len(self.bad_words_ids) > 0, "bad_words_ids must not be empty", self.bad_words_ids)
            words = [word for word in self.bad_words_ids if list(word) not in [[end] for end in ends]]
            acting["bad_words_ids"] = _biases("bad_words_ids", [(word, -np.inf) for word in words], vocabulary)
        if self.forced_bos_token_id is not None:
            acting["forced_bos_token_id"] = (tokens(self.forced_bos_token_id, "forced_bos_token_id"),)
        if self.forced_eos_token_id is not None:
            acting["forced_eos_token_id"] = (tokens(self.forced_eos_token_id, "forced_eos_token_id"),)
        decay = self.exponential_decay_length_penalty
        if decay is not None:
            _demand(len(decay) == 2, "exponential_decay_length_penalty must be (start, factor)", decay)
            _demand(bool(ends), "exponential_decay_length_penalty needs eos_token_id", decay)
            acting["exponential_decay_length_penalty"] = (np.int32(decay[0]), np.float32(decay[1]))
        if self.renormalize_logits:
            acting["renormalize_logits"] = ()
        return acting


def _demand(holds: bool, what: str, got: object) -> None:
    if not holds:
        raise ArgumentError(f"generate: {what}, got {got!r}")


def tokens(given: Any, name: str) -> np.ndarray:
    """(any,) of int32, of one token, several or None."""
    several = [] if given is None else [given] if isinstance(given, (int, np.integer)) else list(given)
    fit = all(isinstance(token, (int, np.integer)) and token >= 0 for token in several)
    _demand(fit, f"{name} must be tokens", given)
    return np.asarray(several, np.int32)


def _pairs(given: SequenceBias) -> list[tuple[Any, Any]]:
    if isinstance(given, Mapping):
        return list(given.items())
    fit = all(len(pair) == 2 for pair in given)
    _demand(fit, "sequence_bias must map sequences to numbers, or be pairs of them", given)
    return list({tuple(pair[0]): pair[1] for pair in given}.items())


def _biases(name: str, pairs: list[tuple[Any, Any]], vocabulary: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (B, M) behind -1 and their biases (B,); B and M are rounded up, so that lists share a program."""
    longest = max((len(sequence) for sequence, _ in pairs), default=1)
    width = 1 if longest == 1 else -(-longest // 4) * 4
    sequences = np.full((-(-max(len(pairs), 1) // 8) * 8, width), -1, np.int32)
    biases = np.zeros(len(sequences), np.float32)
    for n, (sequence, bias) in enumerate(pairs):
        row = tokens(sequence, f"{name}: each sequence")
        _demand(len(row) > 0, f"{name}: no sequence may be empty", sequence)
        fit = vocabulary is None or int(row.max()) < vocabulary
        _demand(fit, f"{name}: tokens must be below the vocabulary's size, {vocabulary}", sequence)
        sequences[n, width - len(row) :], biases[n] = row, bias
    return sequences, biases
