"""PyTorch's functions on arrays: ``torch.cat``, ``torch.max(x, dim)``, ``x.masked_fill(m, v)`` as ``fnn.cat``, ...

Signatures, defaults, result types, dtypes and refusals are those of ``torch``; what is only a method of a Tensor
is a function whose first argument is the array.  What PyTorch does in place returns the new array.  All are pure, and
work on arrays, boxes and numbers, eagerly and under every transform.
"""

from fnn.ops import returns as _returns
from fnn.ops.returns import *

__all__: list[str] = []
__all__ += _returns.__all__
