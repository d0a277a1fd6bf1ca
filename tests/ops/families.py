"""Names of a family, each run over torch's op_db: values, gradients in float32, errors."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any, NamedTuple

import jax

from tests import extent, reference

torch = reference.torch

OTHERS = ("int64", "bfloat16", "bool", "complex64")
MOST_ELEMENTS = 2000
X64 = ("float64", "complex128", "torch.int64")


class Row(NamedTuple):
    """What is special of a name."""

    entry: str | None = None  # op_db's name, if it is another
    call: Callable[[Callable], Callable] = lambda fun: fun  # adapts the function to op_db's order of arguments
    skip: Callable[[Any], bool] = lambda sample: False
    others: tuple[str, ...] = OTHERS  # dtypes of which values are compared
    grad: bool = True
    marked: bool = False  # only gradients of what op_db marks: torch refuses the others
    eager: bool = False  # the shape depends on values
    errors: tuple[str, ...] = ()  # patterns of errors that JAX cannot have
    tolerance: tuple[float, float] | None = None
    x64: bool = False
    variants: Mapping[str, Callable] = MappingProxyType({})  # see `reference.check_op`


PLAIN = Row()


def _wide(sample: Any) -> bool:
    given = (*sample.args, *sample.kwargs.values())
    return any(v in (torch.float64, torch.complex128, torch.int64) for v in given if isinstance(v, torch.dtype))


def _large(sample: Any) -> bool:
    tensors = [v for v in torch.utils._pytree.tree_leaves((sample.input, sample.args)) if hasattr(v, "numel")]
    return any(t.numel() > MOST_ELEMENTS for t in tensors)


class Limit:
    """Lets so many samples through, after those that a row leaves out."""

    def __init__(self, row: Row, most: int) -> None:
        self.row, self.left, self.seen = row, most, 0

    def __call__(self, sample: Any) -> str | None:
        if (_wide(sample) and not self.row.x64) or _large(sample) or self.row.skip(sample):
            return "left out"
        self.seen += 1
        if not extent.ALL and (self.left == 0 or self.seen % 3 == 2):  # not only the first ones, which are alike
            return "few"
        self.left -= 1
        return None


@functools.cache
def entry_of(name: str) -> str | None:
    """op_db's entry of a name, also of one that is another name of it."""
    for op in reference._op_db():
        if op.name == name:
            return name
    for op in reference._op_db():
        if any(alias.name == name for alias in op.aliases):
            return op.name
    return None


def run(name: str, fun: Callable, row: Row = PLAIN, path: str = "") -> None:
    """Everything of one name."""
    entry = row.entry or entry_of(path + name)
    assert entry, f"op_db has no {path}{name}"
    call = row.call(fun)
    rtol, atol = row.tolerance or (None, None)
    with jax.disable_jit(row.eager), jax.enable_x64(True) if row.x64 else nullcontext(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # By default every third name in one other dtype, too, so that the table stays cheap.
        turn = sum(map(ord, name))
        others = row.others if extent.ALL else row.others[turn % 4 : turn % 4 + 1] if turn % 3 == 0 else ()
        for dtype in ("float32", *others):
            kept = getattr(torch, dtype)
            if not any(kept in op.supported_dtypes("cpu") for op in reference.ops(entry)):
                continue
            first = dtype == "float32"
            limit = Limit(row, 1)
            try:
                reference.check_op(
                    entry,
                    call,
                    dtype=kept,
                    skip=limit,
                    grad=row.grad and first,
                    marked=row.marked,
                    rtol=rtol,
                    atol=atol,
                    variants=row.variants,
                )
            except AssertionError as error:
                if "nothing was compared" not in str(error) or first:
                    raise
        reference.check_op_errors(entry, call, row.errors)
