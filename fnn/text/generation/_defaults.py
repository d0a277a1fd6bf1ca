"""Options of `generate` that the model's ``generation_config.json`` sets, where the call does not."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fnn.text.generation._settings import DRAWS

F = TypeVar("F", bound=Callable[..., Any])

# Either of a pair, given in a call, puts both of the file aside: they are two words for one bound.
_ALTERNATIVES = (("max_new_tokens", "max_length"), ("min_new_tokens", "min_length"))
# What changes transformers' tokens, and has no counterpart here; by the value that changes nothing.
_UNKNOWN: Mapping[str, Any] = {
    "constraints": None, "diversity_penalty": 0.0, "dola_layers": None, "force_words_ids": None, "guidance_scale": 1.0,
    "num_beam_groups": 1, "penalty_alpha": None, "prompt_lookup_num_tokens": None,
    "remove_invalid_values": False, "top_h": None, "token_healing": False,
    "watermarking_config": None,
}  # fmt: skip


def with_models_defaults(function: F) -> F:
    """Has options that a call leaves out from ``model.generation_config``, so far as it sets them."""
    known = frozenset(p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY)

    @functools.wraps(function)
    def with_defaults(model: Any, *args: Any, **given: Any) -> Any:
        held = getattr(model, "generation_config", None)
        return function(model, *args, **(_of_file(held, given, known) | given if held else given))

    return with_defaults  # type: ignore[return-value]


def _of_file(held: Mapping[str, Any], given: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    said = {name: value for name, value in held.items() if value is not None and name not in given}
    for pair in _ALTERNATIVES:
        first, second = pair
        if first in given or second in given or (first in said and second in said):
            said.pop(second, None)
        if second in given:
            said.pop(first, None)
    if not given.get("do_sample", said.get("do_sample", False)):
        said = {name: value for name, value in said.items() if name not in DRAWS}
    for name, neutral in _UNKNOWN.items():
        if name in said and said[name] != neutral:
            warnings.warn(
                f"generate: the model's generation_config sets {name}={said[name]!r}, unknown to fnn.generate: "
                "texts will differ from transformers'",
                stacklevel=3,
            )
    return {name: value for name, value in said.items() if name in known}
