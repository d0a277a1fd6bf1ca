"""Which products of `einsum` and `tensordot` PyTorch gives to a matrix product, and which it makes of elementwise ones.

Under autocast on the CPU only a matrix product has the lower precision: an outer product, or one in which all that is
summed over has size 1, stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["einsum_contracts", "tensordot_contracts"]


def tensordot_contracts(given: Mapping[str, Any]) -> bool:
    """Whether it is a matrix product: for a single number PyTorch multiplies and adds up."""
    a, b, dims = np.shape(given["a"]), np.shape(given["b"]), given["dims"]
    if isinstance(dims, int):
        kept = a[: len(a) - dims] + b[dims:]
    else:
        first, second = (
            tuple(np.atleast_1d(np.asarray(d, int)) % max(len(s), 1)) for d, s in zip(dims, (a, b), strict=True)
        )
        kept = tuple(n for i, n in enumerate(a) if i not in first) + tuple(
            n for i, n in enumerate(b) if i not in second
        )
    return math.prod(kept) != 1


def einsum_contracts(given: Mapping[str, Any]) -> bool:
    """Whether the result comes out of matrix products, when the operands are taken from left to right."""
    terms, output, shapes = _parsed(given["equation"], given["operands"])
    if len(shapes) < 2:
        return False
    sizes = [dict(zip(term, shape, strict=False)) for term, shape in zip(terms, shapes, strict=True)]
    left = {label: sum(s.get(label, 1) != 1 for s in sizes) for label in set().union(*sizes) - set(output)}
    done, lowered = sizes[0], False
    for others in sizes[1:]:
        contracted = False
        for label in left:
            if done.get(label, 1) != 1 and others.get(label, 1) != 1:
                left[label] -= 1
                contracted |= left[label] == 1
        lowered = contracted  # a product with an operand that is no result is as wide as that
        done = {k: max(done.get(k, 1), others.get(k, 1)) for k in {**done, **others} if left.get(k, 2) > 1}
    return lowered


def _parsed(equation: Any, operands: Sequence[Any]) -> tuple[list[list[Any]], list[Any], list[tuple[int, ...]]]:
    """The labels of each operand, those of the result, and the operands' shapes; those of an ellipsis are numbers."""
    if not isinstance(equation, str):  # einsum(a, [0, 1], b, [1, 2], [0, 2])
        every = [equation, *operands]
        pairs = len(every) // 2 * 2
        shapes = [np.shape(x) for x in every[:pairs:2]]
        written = [["..." if i is Ellipsis else ("", i) for i in labels] for labels in every[1:pairs:2]]
        result = [["..." if i is Ellipsis else ("", i) for i in every[-1]]] if len(every) % 2 else []
    else:
        given = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
        shapes = [np.shape(x) for x in given]
        inputs, arrow, output = equation.replace(" ", "").partition("->")
        written = [_letters(term) for term in inputs.split(",")]
        result = [_letters(output)] if arrow else []
    terms = []
    for labels, shape in zip(written, shapes, strict=False):
        free = len(shape) - len(labels) + 1
        dots: list[Any] = [*range(-free, 0)]
        terms.append([x for label in labels for x in (dots if label == "..." else [label])])
    if result:
        longest = min((x for term in terms for x in term if isinstance(x, int)), default=0)
        output_labels = [x for label in result[0] for x in (range(longest, 0) if label == "..." else [label])]
    else:
        every_label = [x for term in terms for x in term]
        output_labels = [x for x in every_label if isinstance(x, int) or every_label.count(x) == 1]
    return terms, output_labels, shapes


def _letters(term: str) -> list[Any]:
    return ["..." if letter == "." else letter for letter in term.replace("...", ".")]
