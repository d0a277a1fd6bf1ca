"""What to write instead, noted on the errors of scripts that call the methods of `torch.Tensor` on JAX arrays."""

from __future__ import annotations

import ast
import linecache
import re
from itertools import islice
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import jax

from fnn.state.tensor_names import HINTS, OF_SPREAD
from fnn.state.tensor_table import FUNCTIONS, IN_PLACE
from fnn.tracing import ARRAYS

__all__ = ["hint_on_array"]

_LACKS = "A jax.Array does not have PyTorch's methods: write fnn.{name}(x, ...)."
_OTHER = "A jax.Array's {name} is NumPy's: for PyTorch's write fnn.{name}(x, ...)."
_WRITES = (
    "An array is never written to in place: write p.{name}(...), of the Parameter or Buffer itself (not of p.data, "
    "p.grad or an entry of a state_dict, which are arrays)"
)
_NO_TAPE = (
    "An array remembers no graph and holds no gradient: write fnn.grad or fnn.autograd.grad(loss, x) inside a function "
    "under fnn.jit; a leaf of your own is nn.Parameter(x)."
)
_BACKWARD = (
    "An array remembers no graph: write fnn.backward(loss) where the loss is computed, inside a function under "
    "fnn.jit, or loss, grads = fnn.value_and_grad(f)(model)."
)
_TEXTS = {
    "backward": _BACKWARD,
    **dict.fromkeys(("requires_grad", "requires_grad_", "grad", "grad_fn", "is_leaf", "retain_grad"), _NO_TAPE),
    **dict.fromkeys(("register_hook", "retains_grad"), _NO_TAPE),
    "data": "A jax.Array is its own data: leave .data out.",
    "cuda": "A jax.Array does not have PyTorch's methods: write fnn.to(x, 'cuda').",
}
_TRACED = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)
_READS = ("item", "tolist", "numpy")
_UNKNOWN = "A transform like fnn.jit knows no values while it traces: return the array, and call .{name}() outside."
# The functions of which an array has a namesake that takes other arguments: properties are called, dim is axis, ...
_METHODS = frozenset({*FUNCTIONS, "size"})
_TOLD = (TypeError, ValueError, NotImplementedError)
# Errors of calls whose receiver's value cannot be looked up, that only an array's own methods give.
_NUMPYS = re.compile(
    r"'int' object is not callable|unexpected keyword argument '(?:dim|keepdim|unbiased|correction|descending|dims)'"
    r"|as a data type|argument of array.view|positional argument|axes|axis|permutation"
)


def hint_on_array(error: BaseException) -> None:
    """Notes on an error about a method of `torch.Tensor` that an array does not have what to write instead.

    That method may be missing, or be NumPy's of the same name: ``x.size(0)``, ``x.sum(dim=1)``, ``x.view(-1)``.
    """
    try:
        note = _of_attribute(error) if isinstance(error, AttributeError) else _of_call(error)
        if note and note not in getattr(error, "__notes__", ()):
            error.add_note(note)
    except Exception:  # a hint must not hide the error
        return


def _of_attribute(error: AttributeError) -> str:
    name = error.name
    if not isinstance(name, str) or not isinstance(error.obj, ARRAYS):
        return ""
    base = name.removesuffix("_")
    if name in _TEXTS:
        return _TEXTS[name]
    if base != name and (base in IN_PLACE or base in ("copy", "fill", "zero", "normal", "uniform")):
        return _WRITES.format(name=name) + (f", or x = fnn.{base}(x, ...)." if base in FUNCTIONS else ".")
    if name in FUNCTIONS:
        return _LACKS.format(name=name)
    if name in HINTS:
        hint = re.sub(r"\bp\b", "x", HINTS[name])
        return f"A jax.Array does not have PyTorch's methods: {hint}."
    if name in OF_SPREAD:
        return f"A jax.Array does not have the methods of a DTensor: {OF_SPREAD[name]}."
    return ""


def _of_call(error: BaseException) -> str:
    if not isinstance(error, _TOLD):
        return ""
    place = _innermost(error.__traceback__)
    call = place and _expression(place)
    if not place or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return ""
    name = call.func.attr
    if name in _READS and isinstance(
        error, (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)
    ):
        return _UNKNOWN.format(name=name)
    if name not in _METHODS:
        return ""
    known, value = _value(call.func.value, place.tb_frame)
    if isinstance(value, ARRAYS) if known else _NUMPYS.search(str(error)):
        return _OTHER.format(name=name)
    return ""


def _innermost(traceback: TracebackType | None) -> TracebackType | None:
    """The last frame of somebody's own code."""
    found = None
    while traceback is not None:
        if not _is_library(traceback.tb_frame.f_code.co_filename):
            found = traceback
        traceback = traceback.tb_next
    return found


def _is_library(filename: str) -> bool:
    parts = Path(filename).parts
    return any(name in parts for name in ("jax", "jaxlib", "numpy")) or str(_FNN) in filename


_FNN = Path(__file__).resolve().parent.parent


def _expression(traceback: TracebackType) -> ast.expr | None:
    """The source of what a frame was evaluating, parsed."""
    code = traceback.tb_frame.f_code
    line, last, column, end = next(islice(code.co_positions(), traceback.tb_lasti // 2, None), (None,) * 4)
    if line is None or last is None or column is None or end is None:
        return None
    lines = [
        text.encode() for text in linecache.getlines(code.co_filename, traceback.tb_frame.f_globals)[line - 1 : last]
    ]
    if len(lines) != last - line + 1:
        return None
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][column:]
    try:
        return ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except SyntaxError:
        return None


def _value(node: ast.expr, frame: FrameType) -> tuple[bool, Any]:
    """Whether a receiver is a plain variable, and its value: nothing is evaluated anew."""
    if isinstance(node, ast.Name):
        for names in (frame.f_locals, frame.f_globals):
            if node.id in names:
                return True, names[node.id]
    return False, None
