"""PyTorch's functions on arrays: ``torch.cat``, ``torch.max(x, dim)``, ``x.masked_fill(m, v)`` as ``fnn.cat``, ...

Signatures, defaults, result types, dtypes and refusals are those of ``torch``; what is only a method of a Tensor
is a function whose first argument is the array.  What PyTorch does in place returns the new array.  All are pure, and
work on arrays, boxes and numbers, eagerly and under every transform.
"""

from fnn.ops import comparison as _comparison
from fnn.ops import pointwise_arithmetic as _pointwise_arithmetic
from fnn.ops import pointwise_binary as _pointwise_binary
from fnn.ops import pointwise_clamp as _pointwise_clamp
from fnn.ops import pointwise_parts as _pointwise_parts
from fnn.ops import pointwise_unary as _pointwise_unary
from fnn.ops import returns as _returns
from fnn.ops.comparison import *
from fnn.ops.pointwise_arithmetic import *
from fnn.ops.pointwise_binary import *
from fnn.ops.pointwise_clamp import *
from fnn.ops.pointwise_parts import *
from fnn.ops.pointwise_unary import *
from fnn.ops.returns import *

__all__: list[str] = []
__all__ += _comparison.__all__
__all__ += _pointwise_arithmetic.__all__
__all__ += _pointwise_binary.__all__
__all__ += _pointwise_clamp.__all__
__all__ += _pointwise_parts.__all__
__all__ += _pointwise_unary.__all__
__all__ += _returns.__all__
