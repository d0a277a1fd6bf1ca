"""PyTorch's functions on arrays: ``torch.cat``, ``torch.max(x, dim)``, ``x.masked_fill(m, v)`` as ``fnn.cat``, ...

Signatures, defaults, result types, dtypes and refusals are those of ``torch``; what is only a method of a Tensor
is a function whose first argument is the array.  What PyTorch does in place returns the new array.  All are pure, and
work on arrays, boxes and numbers, eagerly and under every transform.
"""

from fnn.ops import activations as _activations
from fnn.ops import comparison as _comparison
from fnn.ops import counting as _counting
from fnn.ops import cumulative as _cumulative
from fnn.ops import extremes as _extremes
from fnn.ops import fft as fft
from fnn.ops import linalg as linalg
from fnn.ops import linear_algebra as _linear_algebra
from fnn.ops import pointwise_arithmetic as _pointwise_arithmetic
from fnn.ops import pointwise_binary as _pointwise_binary
from fnn.ops import pointwise_clamp as _pointwise_clamp
from fnn.ops import pointwise_parts as _pointwise_parts
from fnn.ops import pointwise_unary as _pointwise_unary
from fnn.ops import products as _products
from fnn.ops import reductions as _reductions
from fnn.ops import returns as _returns
from fnn.ops import sorting as _sorting
from fnn.ops import special as special
from fnn.ops import spectral as _spectral
from fnn.ops import spread as _spread
from fnn.ops.activations import *
from fnn.ops.comparison import *
from fnn.ops.counting import *
from fnn.ops.cumulative import *
from fnn.ops.extremes import *
from fnn.ops.linear_algebra import *
from fnn.ops.pointwise_arithmetic import *
from fnn.ops.pointwise_binary import *
from fnn.ops.pointwise_clamp import *
from fnn.ops.pointwise_parts import *
from fnn.ops.pointwise_unary import *
from fnn.ops.products import *
from fnn.ops.reductions import *
from fnn.ops.returns import *
from fnn.ops.sorting import *
from fnn.ops.spectral import *
from fnn.ops.spread import *

__all__: list[str] = ["fft", "linalg", "special"]
__all__ += _activations.__all__
__all__ += _comparison.__all__
__all__ += _counting.__all__
__all__ += _cumulative.__all__
__all__ += _extremes.__all__
__all__ += _linear_algebra.__all__
__all__ += _pointwise_arithmetic.__all__
__all__ += _pointwise_binary.__all__
__all__ += _pointwise_clamp.__all__
__all__ += _pointwise_parts.__all__
__all__ += _pointwise_unary.__all__
__all__ += _products.__all__
__all__ += _reductions.__all__
__all__ += _returns.__all__
__all__ += _sorting.__all__
__all__ += _spectral.__all__
__all__ += _spread.__all__
