"""``torch.linalg``: decompositions, solutions, norms and products of matrices, as ``fnn.linalg``.

Matrices are the last two dimensions, what is before them is a batch.  The dtypes are float32, float64 and the complex
ones.  What PyTorch raises for a singular matrix is raised where values are known; under a transform the result has
infinities or NaN there.
"""

from fnn.ops.linalg import decompositions as _decompositions
from fnn.ops.linalg import eigen as _eigen
from fnn.ops.linalg import ldl as _ldl
from fnn.ops.linalg import matrices as _matrices
from fnn.ops.linalg import norms as _norms
from fnn.ops.linalg import reflections as _reflections
from fnn.ops.linalg import solutions as _solutions
from fnn.ops.linalg.decompositions import *
from fnn.ops.linalg.eigen import *
from fnn.ops.linalg.ldl import *
from fnn.ops.linalg.matrices import *
from fnn.ops.linalg.norms import *
from fnn.ops.linalg.reflections import *
from fnn.ops.linalg.solutions import *

__all__: list[str] = []
__all__ += _decompositions.__all__
__all__ += _eigen.__all__
__all__ += _ldl.__all__
__all__ += _matrices.__all__
__all__ += _norms.__all__
__all__ += _reflections.__all__
__all__ += _solutions.__all__
