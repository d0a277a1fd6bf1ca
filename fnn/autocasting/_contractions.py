"""Which calls of `tensordot` PyTorch gives to a matrix product: only these have the lower precision on the CPU."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["tensordot_contracts"]


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
