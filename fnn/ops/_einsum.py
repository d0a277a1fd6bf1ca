"""`einsum` as PyTorch composes it: of one product after the other, of which autocast on the CPU lowers those that sum.

A product in which nothing is summed over is elementwise and stays as it is, and so is a sum over what a single operand
has, before it is multiplied.  Which operands come first is opt_einsum's choice, PyTorch's as JAX's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from fnn.autocasting import lower
from fnn.errors import ArgumentTypeError
from fnn.ops._promote import promoted

__all__ = ["composed", "written"]

Label: TypeAlias = "str | int"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def written(labels: Iterable[object]) -> str:
    """The term of an equation that a list of numbers stands for, as in ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.

    Raises:
        ArgumentTypeError: one is neither ``...`` nor from 0 to 51.
    """
    term = ""
    for label in labels:
        if label is Ellipsis:
            term += "..."
        elif isinstance(label, int) and 0 <= label < len(_LETTERS):
            term += _LETTERS[label]
        else:
            raise ArgumentTypeError(
                f"einsum(): subscript in subscript list is not within the valid range [0, 52), got {label!r}"
            )
    return term


class _Operand(NamedTuple):
    """An array whose dimensions have names, each once and of a size other than 1."""

    array: jax.Array
    labels: tuple[Label, ...]


def composed(equation: str, arrays: Sequence[jax.Array]) -> jax.Array:
    """The result of an equation that fits two or more arrays."""
    terms, output = _parsed(equation, [x.ndim for x in arrays])
    operands = [_named(x, term) for x, term in zip(arrays, terms, strict=True)]
    # How many operands a label that is summed over has yet to come from; 0 once that is done.
    left = {label: sum(label in x.labels for x in operands) for term in terms for label in term if label not in output}
    for pair in jnp.einsum_path(equation, *arrays)[0]:
        first, second = sorted(pair)
        b, a = operands.pop(second), operands.pop(first)
        operands.append(_product(a, b, left))
    (x,) = operands
    x = _summed(x, [label for label in x.labels if label not in output])
    kept = [label for label in output if label in x.labels]
    array = lax.transpose(x.array, [x.labels.index(label) for label in kept])
    return lax.expand_dims(array, [n for n, label in enumerate(output) if label not in kept])


def _product(a: _Operand, b: _Operand, left: dict[Label, int]) -> _Operand:
    contracted = [label for label in left if label in a.labels and label in b.labels]
    for label in contracted:
        left[label] -= 1
    last = {label for label in contracted if left[label] == 1}
    alone = [label for label in left if left[label] == 1 and label not in last]
    for label in last:
        left[label] = 0
    a, b = _summed(a, alone), _summed(b, alone)
    labels = tuple(dict.fromkeys((*a.labels, *b.labels)))
    if not last:
        x, y = promoted(_aligned(a, labels), _aligned(b, labels))
        return _Operand(x * y, labels)
    x, y = lower(a.array, b.array)
    if x.dtype != y.dtype:
        raise ArgumentTypeError(f"einsum(): expected operands of one dtype, got {x.dtype} and {y.dtype}")
    places = {label: n for n, label in enumerate(labels)}
    labels = tuple(label for label in labels if label not in last)
    numbers = [[places[label] for label in those] for those in (a.labels, b.labels, labels)]
    return _Operand(jnp.einsum(x, numbers[0], y, numbers[1], numbers[2]), labels)


def _named(array: jax.Array, labels: Sequence[Label]) -> _Operand:
    """With the diagonal where a label comes twice, and without dimensions of size 1, which broadcast."""
    names = list(labels)
    for label in dict.fromkeys(labels):
        while names.count(label) > 1:
            first = names.index(label)
            second = names.index(label, first + 1)
            array = jnp.diagonal(array, axis1=first, axis2=second)
            names = [name for n, name in enumerate(names) if n not in (first, second)] + [label]
    ones = [n for n, size in enumerate(array.shape) if size == 1]
    return _Operand(lax.squeeze(array, ones), tuple(name for n, name in enumerate(names) if n not in ones))


def _summed(x: _Operand, labels: Sequence[Label]) -> _Operand:
    axes = tuple(n for n, label in enumerate(x.labels) if label in labels)
    if not axes:
        return x
    return _Operand(jnp.sum(x.array, axes), tuple(label for label in x.labels if label not in labels))


def _aligned(x: _Operand, labels: Sequence[Label]) -> jax.Array:
    kept = [label for label in labels if label in x.labels]
    array = lax.transpose(x.array, [x.labels.index(label) for label in kept])
    return lax.expand_dims(array, [n for n, label in enumerate(labels) if label not in kept])


def _parsed(equation: str, ranks: Sequence[int]) -> tuple[list[list[Label]], list[Label]]:
    """The labels of each operand and of the result; those of an ellipsis are negative numbers."""
    inputs, arrow, result = equation.replace(" ", "").partition("->")
    terms: list[list[Label]] = []
    for term, rank in zip(inputs.split(","), ranks, strict=True):
        free = rank - len(term.replace("...", ""))
        terms.append(_labels(term, free))
    every = [label for term in terms for label in term]
    dots = sorted({label for label in every if isinstance(label, int)})
    if arrow:
        return terms, _labels(result, len(dots))
    return terms, [*dots, *sorted(x for x in set(every) if isinstance(x, str) and every.count(x) == 1)]


def _labels(term: str, free: int) -> list[Label]:
    found: list[Label] = []
    for letter in term.replace("...", "."):
        found += range(-free, 0) if letter == "." else [letter]
    return found
