"""Strings that end a text, looked for in the compiled loop: an automaton that reads a token a step.

Its states are the beginnings of the strings (Aho and Corasick, 1975): where it stands is the longest one that the text
ends with.  It reads bytes; a table that is made once on the host says of each state and token where the bytes of the
token lead, and whether a string is completed on the way, be it in the middle of the token.  So a text has ended with
the first token by which it holds one of the strings, however its tokens divide it.
"""

from __future__ import annotations

import json
import re
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.text.generation._inputs import Inputs

_ROUNDING = 16  # states are rounded up to multiples of it, so that strings of similar length share a program


class Stops(NamedTuple):
    """The automaton, and where it stands behind the prompts."""

    table: jax.Array  # (V + 1, S): twice the next state, plus 1 where a string is completed; the last row: no token
    begin: jax.Array  # (N,)

    def behind_prompts(self, rows: int) -> jax.Array:
        """The states (rows,) to begin with, each text being there as often as it is continued."""
        return jnp.repeat(self.begin, rows // self.begin.shape[0])

    def after(self, state: jax.Array, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The states behind one token more, and whether a string is completed by it."""
        found = self.table[jnp.minimum(tokens, self.table.shape[0] - 1), state]
        return found // 2, found % 2 == 1


def stops_of(strings: str | Sequence[str] | None, tokenizer: Any, inputs: Inputs) -> Stops | None:
    """The automaton of the argument `stop_strings`; None without."""
    if strings is None:
        return None
    several = (strings,) if isinstance(strings, str) else tuple(strings)
    if not several or not all(isinstance(string, str) and string for string in several):
        raise ArgumentError(f"generate: stop_strings must be strings of at least one character, got {strings!r}")
    if tokenizer is None:
        raise ArgumentError(f"generate: stop_strings={strings!r} need the model's tokenizer, got tokenizer=None")
    backend = next(
        (found for found in (tokenizer, *(getattr(tokenizer, n, None) for n in ("backend", "backend_tokenizer")))
         if hasattr(found, "get_vocab") and hasattr(found, "to_str")),
        None,
    )  # fmt: skip
    if backend is None:
        raise ArgumentTypeError(
            f"generate: tokenizer must be a fnn.text.Tokenizer, or one that the tokenizers library stands behind, got "
            f"{type(tokenizer).__name__}"
        )
    tables = _tables.setdefault(backend, {})
    key = (backend.get_vocab_size(with_added_tokens=True), several)  # tokens may be added
    if key not in tables:
        table = _table(_bytes_of_tokens(backend), [string.encode() for string in several])
        if not (table % 2).any():
            raise ArgumentError(f"generate: no token of the tokenizer can complete one of stop_strings={strings!r}")
        tables[key] = table, jnp.asarray(table)
    table, on_device = tables[key]
    state = np.zeros(len(inputs.ids), np.int32)
    for column in inputs.ids.T[inputs.ids.shape[1] - inputs.length :]:
        state = table[np.minimum(column, len(table) - 1), state] // 2
    return Stops(on_device, jnp.asarray(state))


_tables: weakref.WeakKeyDictionary[Any, dict[Any, tuple[np.ndarray, jax.Array]]] = weakref.WeakKeyDictionary()


def _bytes_of_tokens(backend: Any) -> list[bytes | None]:
    """What each token adds to a text in whose middle it stands; None for numbers that are no tokens."""
    vocabulary: dict[str, int] = backend.get_vocab(with_added_tokens=True)
    decoder = json.loads(backend.to_str())["decoder"]
    kinds = _kinds(decoder)
    before = list(backend.encode("ab", add_special_tokens=False).tokens)
    begun = backend.decoder.decode(before) if decoder else ""
    letters = _letters_of_bytes() if "ByteLevel" in kinds and "ByteFallback" not in kinds else None
    found: list[bytes | None] = [None] * (max(vocabulary.values(), default=-1) + 1)
    for token, number in vocabulary.items():
        if letters is not None and all(letter in letters for letter in token):
            found[number] = bytes(letters[letter] for letter in token)
        elif "ByteFallback" in kinds and re.fullmatch("<0x[0-9a-fA-F]{2}>", token):
            found[number] = bytes.fromhex(token[3:5])
        elif decoder is None:
            found[number] = f" {token}".encode()
        else:
            found[number] = backend.decoder.decode([*before, token]).removeprefix(begun).encode()
    return found


def _kinds(decoder: Any) -> set[str]:
    """The types of the decoders that one is made of."""
    if decoder is None:
        return set()
    return {decoder["type"]}.union(*map(_kinds, decoder.get("decoders", ())))


def _letters_of_bytes() -> dict[str, int]:
    """The letters by which byte-level tokens write bytes: their own if it can be printed, or one from 256 on."""
    own = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in own]
    return {chr(byte): byte for byte in own} | {chr(256 + n): byte for n, byte in enumerate(others)}


def _automaton(strings: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Where each byte leads from each state, (S, 256), and where a string ends, (S,)."""
    children: list[dict[int, int]] = [{}]
    ends = [False]
    for string in strings:
        state = 0
        for byte in string:
            if byte not in children[state]:
                children[state][byte] = len(children)
                children.append({})
                ends.append(False)
            state = children[state][byte]
        ends[state] = True
    leads = np.zeros((len(children), 256), np.int32)
    waiting = deque([(0, 0)])  # states, nearest first, with the longest beginning that is a proper end of each
    while waiting:
        state, shorter = waiting.popleft()
        ends[state] |= ends[shorter]
        if state:
            leads[state] = leads[shorter]
        for byte, child in children[state].items():
            waiting.append((child, int(leads[shorter, byte]) if state else 0))
            leads[state, byte] = child
    return leads, np.asarray(ends)


def _table(tokens: Sequence[bytes | None], strings: Sequence[bytes]) -> np.ndarray:
    """`Stops.table`, of int32."""
    leads, ends = _automaton(strings)
    states = -(-len(leads) // _ROUNDING) * _ROUNDING
    table = np.zeros((len(tokens) + 1, states), np.int32)
    order = sorted((n for n, token in enumerate(tokens) if token is not None), key=lambda n: -len(tokens[n] or b""))
    lengths = np.asarray([len(tokens[n] or b"") for n in order], np.int64)
    state = np.tile(np.arange(len(leads), dtype=np.int32), (len(order), 1))
    hit = np.zeros(state.shape, bool)
    for place in range(int(lengths.max(initial=0))):
        count = int(np.searchsorted(-lengths, -place))  # of the tokens that are longer, the first ones
        read = np.asarray([(tokens[n] or b"")[place] for n in order[:count]], np.int64)
        state[:count] = leads[state[:count], read[:, None]]
        hit[:count] |= ends[state[:count]]
    table[order, : len(leads)] = 2 * state + hit
    return table
