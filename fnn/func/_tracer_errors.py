"""JAX's errors about the value of a traced array, which name what it depends on, with the user's names for it.

JAX knows the inputs of a compiled step as ``dynamic[1]`` and ``kept[0]``; the user knows ``x`` and ``model.weight``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import jax

from fnn.func._labels import argument_names, labelled
from fnn.state.recorder import Recorder

__all__ = ["ABOUT_VALUES", "in_the_users_words"]

ABOUT_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)
_DEPENDS = re.compile(r"(?<=depends on the value)s? of the arguments? [^\n]*")
_INPUT = re.compile(r"\b(donated|kept|hyper|dynamic)\[(\d+)\]((?:\[[^\]]*\]|\.\w+)*)|\bseed\b")


def in_the_users_words(
    error: Exception, called: Callable[..., Any], call: Any, recorder: Recorder, inputs: Any
) -> None:
    """Changes the error's message.

    Args:
        error: one of `ABOUT_VALUES`.
        called: the function, without its static arguments.
        call: the arguments.
        recorder: what the trace has read.
        inputs: the boxes and optimizers that the trace was given.
    """
    if not error.args or not isinstance(error.args[0], str):
        return
    names = argument_names(called, call.treedef, ())
    objects = [name for name, sort in zip(names, call.pattern, strict=True) if sort]
    dynamic = [name for name, sort in zip(names, call.pattern, strict=True) if not sort]
    roots: Sequence[Any] = [recorder.roots[0], *call.objects]
    names_of_roots = [getattr(recorder.roots[0], "__name__", "step"), *objects]
    labels = labelled(roots, names_of_roots, recorder.places, recorder.survey.nodes)

    def words(match: re.Match[str]) -> str:
        if match[1] is None:
            return "the random numbers of this call"
        n = int(match[2])
        if match[1] == "dynamic":
            return dynamic[n] if n < len(dynamic) else "a number that the step reads"
        if match[1] == "hyper":
            return "a hyper-parameter of an optimizer"
        return labels[getattr(inputs, match[1])[n]]

    def sentence(match: re.Match[str]) -> str:
        named = _INPUT.sub(words, match[0])
        others = any(found[1] != "dynamic" for found in _INPUT.finditer(match[0]))
        return re.sub(r"of the arguments? ", "of ", named) if others else named

    text = _DEPENDS.sub(sentence, error.args[0])
    error.args = (text, *error.args[1:])
