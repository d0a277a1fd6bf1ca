"""The named tuples that functions with several results return, as ``torch.return_types``."""

from __future__ import annotations

from typing import NamedTuple

import jax

__all__ = ["ValuesAndIndices"]


class ValuesAndIndices(NamedTuple):
    """What ``max(dim)``, ``min(dim)``, ``median(dim)``, ``sort`` and ``topk`` return."""

    values: jax.Array
    indices: jax.Array
