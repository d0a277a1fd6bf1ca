"""Values that a raw `jax.jit` has compiled as constants: who replaces one of them is warned.

For `jax.jit` a Module that a function reads without being given it is a constant, and after a training step the
program goes on using the values of its first call.  `note` remembers which boxes were read so; `check` warns, once,
when one of them gets another value while something (the program, as a rule) still holds the old one.
"""

from __future__ import annotations

import gc
import sys
import warnings
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from fnn.errors import ConstantWarning
from fnn.state.code import level_outside
from fnn.tracing import compiling_constants

__all__ = ["check", "kept", "note"]

kept: dict[int, Callable[[], Any]] = {}  # boxes, by id

_CONSTANT = """\
A {kind} of shape {shape} gets another value, but a raw jax.jit has compiled the old one as a constant: its program \
goes on using it.

    predict = jax.jit(lambda x: model(x))           # wrong: the weights of the first call, for ever
    predict = fnn.jit(lambda x: model(x))           # right: the weights of each call
    predict = jax.jit(lambda params, x: fnn.func.functional_call(model, params, (x,)))    # right, too"""

_OWN = 3  # references to a value that nobody else holds: of the box, of `_held` and of the function that counts


def note(box: Any) -> None:
    """Notes that ``box`` is read outside of all scopes, if that makes its value a constant of a raw `jax.jit`."""
    if compiling_constants():
        key = id(box)
        kept[key] = weakref.ref(box, lambda _: kept.pop(key, None))


def check(boxes: Iterable[Any]) -> None:
    """Warns if a value that is about to be replaced is a constant of a program that still exists."""
    for box in boxes:
        ref = kept.get(id(box))
        if ref is not None and ref() is box:
            del kept[id(box)]
            if _held(box):
                kept.clear()  # one warning is enough; one search, too
                if not _of_a_program(box):
                    return
                text = _CONSTANT.format(kind=type(box).__name__, shape=tuple(box._value.shape))
                warnings.warn(text, ConstantWarning, stacklevel=level_outside())
                return


def _held(box: Any) -> bool:
    value = box._value
    return value is not None and sys.getrefcount(value) > _OWN


def _of_a_program(box: Any) -> bool:
    """Whether a row of constants holds the value: a trace that failed keeps it, too, in a dict that JAX never frees."""
    return any(isinstance(holder, (list, tuple)) for holder in gc.get_referrers(box._value))
