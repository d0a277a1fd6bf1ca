"""Written by tools/make_stubs.py from activation.py and its layers; do not edit."""

import jax
from typing import Any
from fnn.state.parameter import Parameter
from fnn.typing import ArrayLike, DType, Device
from fnn.nn.modules.attention import MultiheadAttention
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['Threshold', 'ReLU', 'RReLU', 'Hardtanh', 'ReLU6', 'Sigmoid', 'Hardsigmoid', 'Tanh', 'SiLU', 'Mish', 'Hardswish', 'ELU', 'CELU', 'SELU', 'GLU', 'GELU', 'Hardshrink', 'LeakyReLU', 'LogSigmoid', 'Softplus', 'Softshrink', 'PReLU', 'Softsign', 'Tanhshrink', 'Softmin', 'Softmax', 'Softmax2d', 'LogSoftmax', 'MultiheadAttention']

class Threshold(LayerModule):
    """Keeps what exceeds a threshold and replaces the rest.

    Args:
        threshold: what an element must exceed to be kept.
        value: what the others become.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Threshold(2.0, 20.0)(jnp.array([1.0, 2.0, 3.0]))
        Array([20., 20.,  3.], dtype=float32)
    """
    threshold: float
    value: float
    inplace: bool
    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ReLU(LayerModule):
    """The rectified linear unit, ``max(0, x)``; its gradient at 0 is 0.

    Args:
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ReLU()(jnp.array([-1.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class RReLU(LayerModule):
    """A leaky rectifier with random slopes (arXiv:1505.00853).

    While training each element at or below 0 is multiplied by a number from U(lower, upper), else by the mean
    ``(lower + upper) / 2``.

    Args:
        lower: the least slope.
        upper: the greatest slope.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.RReLU(0.25, 0.75).eval()(jnp.array([-2.0, 3.0]))
        Array([-1.,  3.], dtype=float32)
    """
    lower: float
    upper: float
    inplace: bool
    def __init__(self, lower: float = 0.125, upper: float = 0.3333333333333333, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Hardtanh(LayerModule):
    """Clamps to ``[min_val, max_val]``; the gradient is 0 at both ends.

    Args:
        min_val: the least value.
        max_val: the greatest value, above ``min_val``.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Hardtanh()(jnp.array([-3.0, 0.5, 3.0]))
        Array([-1. ,  0.5,  1. ], dtype=float32)
    """
    min_val: float
    max_val: float
    inplace: bool
    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ReLU6(Hardtanh):
    """``min(max(0, x), 6)``; the gradient is 0 at 0 and at 6.

    Args:
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ReLU6()(jnp.array([-1.0, 3.0, 8.0]))
        Array([0., 3., 6.], dtype=float32)
    """
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Sigmoid(LayerModule):
    """The logistic function, ``1 / (1 + exp(-x))``.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Sigmoid()(jnp.array([0.0, jnp.inf]))
        Array([0.5, 1. ], dtype=float32)
    """
    def __init__(self) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Hardsigmoid(LayerModule):
    """The line ``x / 6 + 1/2`` clamped to [0, 1]; the gradient is 0 at -3 and at 3.

    Args:
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Hardsigmoid()(jnp.array([-4.0, 0.0, 3.0]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Tanh(LayerModule):
    """The hyperbolic tangent.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Tanh()(jnp.array([0.0, jnp.inf]))
        Array([0., 1.], dtype=float32)
    """
    def __init__(self) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class SiLU(LayerModule):
    """The sigmoid linear unit, also called swish: ``x * sigmoid(x)``.

    Args:
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.SiLU()(jnp.array([0.0, 1.0]))
        Array([0.       , 0.7310586], dtype=float32)
    """
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Mish(LayerModule):
    """``x * tanh(softplus(x))`` (arXiv:1908.08681).

    Args:
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Mish()(jnp.array([0.0, 1.0]))
        Array([0.        , 0.86509836], dtype=float32)
    """
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Hardswish(LayerModule):
    """``x * relu6(x + 3) / 6`` (arXiv:1905.02244).

    Args:
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Hardswish()(jnp.array([-4.0, 0.0, 3.0]))
        Array([0., 0., 3.], dtype=float32)
    """
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ELU(LayerModule):
    """The exponential linear unit: ``x`` above 0, ``alpha * (exp(x) - 1)`` from 0 down (arXiv:1511.07289).

    Args:
        alpha: minus the value at minus infinity.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ELU()(jnp.array([-jnp.inf, 2.0]))
        Array([-1.,  2.], dtype=float32)
    """
    alpha: float
    inplace: bool
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class CELU(LayerModule):
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`` (arXiv:1704.07483).

    Args:
        alpha: minus the value at minus infinity; not 0.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.CELU(2.0)(jnp.array([-jnp.inf, 2.0]))
        Array([-2.,  2.], dtype=float32)
    """
    alpha: float
    inplace: bool
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class SELU(LayerModule):
    """The self-normalising `ELU` (arXiv:1706.02515): ``scale * elu(x, alpha)`` with fixed constants.

    Args:
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.SELU()(jnp.array([0.0, 1.0]))
        Array([0.      , 1.050701], dtype=float32)
    """
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class GLU(LayerModule):
    """The gated linear unit (arXiv:1612.08083): the first half times the sigmoid of the second.

    Args:
        dim: the dimension to halve.

    Shape:
        (*, 2 E, *) -> (*, E, *).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.GLU()(jnp.array([2.0, 3.0, 0.0, jnp.inf]))
        Array([1., 3.], dtype=float32)
    """
    dim: int
    def __init__(self, dim: int = -1) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class GELU(LayerModule):
    """The Gaussian error linear unit (arXiv:1606.08415): ``x * Phi(x)`` with the normal distribution function.

    Args:
        approximate: ``"none"``, or ``"tanh"`` for the approximation by a hyperbolic tangent.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.GELU()(jnp.array([0.0, 1.0]))
        Array([0.       , 0.8413447], dtype=float32)
    """
    approximate: str
    def __init__(self, approximate: str = 'none') -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Hardshrink(LayerModule):
    """Sets what lies in ``[-lambd, lambd]`` to 0 and keeps the rest.

    Args:
        lambd: half the width of the gap.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Hardshrink()(jnp.array([-1.0, 0.5, 2.0]))
        Array([-1.,  0.,  2.], dtype=float32)
    """
    lambd: float
    def __init__(self, lambd: float = 0.5) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LeakyReLU(LayerModule):
    """``x`` above 0, ``negative_slope * x`` from 0 down.

    Args:
        negative_slope: the slope from 0 down.
        inplace: accepted for compatibility; arrays are immutable.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.LeakyReLU(0.5)(jnp.array([-2.0, 3.0]))
        Array([-1.,  3.], dtype=float32)
    """
    negative_slope: float
    inplace: bool
    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LogSigmoid(LayerModule):
    """``log(sigmoid(x))``, computed without overflow.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.LogSigmoid()(jnp.array([-1000.0, 0.0]))
        Array([-1.000000e+03, -6.931472e-01], dtype=float32)
    """
    def __init__(self) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Softplus(LayerModule):
    """A smooth rectifier, ``log(1 + exp(beta * x)) / beta``.

    Args:
        beta: the sharpness of the bend.
        threshold: where ``beta * x`` exceeds it the result is ``x`` itself.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Softplus()(jnp.array([0.0, 30.0]))
        Array([ 0.6931472, 30.       ], dtype=float32)
    """
    beta: float
    threshold: float
    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Softshrink(LayerModule):
    """Moves every element towards 0 by ``lambd``, but not past it.

    Args:
        lambd: the distance, at least 0.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Softshrink()(jnp.array([-1.0, 0.5, 2.0]))
        Array([-0.5,  0. ,  1.5], dtype=float32)
    """
    lambd: float
    def __init__(self, lambd: float = 0.5) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class PReLU(LayerModule):
    """A leaky rectifier with learned slopes (arXiv:1502.01852): ``x`` above 0, ``weight * x`` from 0 down.

    Args:
        num_parameters: 1, or the number of channels C for a slope each.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (num_parameters,), initially ``init``.

    Shape:
        (N, C, *), or any shape if there is one slope -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> prelu = nn.PReLU(init=0.5)
        >>> prelu(jnp.array([-2.0, 3.0]))
        Array([-1.,  3.], dtype=float32)
    """
    num_parameters: int
    initial: float
    device: Device | None
    dtype: DType | None
    weight: Parameter
    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
    @property
    def init(self) -> Any:
        """The initial slope."""
        ...
    @init.setter
    def init(self, value: Any) -> None:
        ...
    _layer: Any

class Softsign(LayerModule):
    """``x / (1 + |x|)``.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Softsign()(jnp.array([-1.0, 3.0]))
        Array([-0.5 ,  0.75], dtype=float32)
    """
    def __init__(self) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Tanhshrink(LayerModule):
    """``x - tanh(x)``.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Tanhshrink()(jnp.array([0.0, 100.0]))
        Array([ 0., 99.], dtype=float32)
    """
    def __init__(self) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Softmin(LayerModule):
    """`Softmax` of ``-x``.

    Args:
        dim: the dimension that is normalised; None is deprecated.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Softmin(0)(jnp.array([0.0, 0.0, jnp.inf]))
        Array([0.5, 0.5, 0. ], dtype=float32)
    """
    dim: int | None
    def __init__(self, dim: int | None = None) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Softmax(LayerModule):
    """``exp(x) / sum(exp(x))``: non-negative, and summing to 1 over ``dim``.

    Args:
        dim: the dimension that is normalised; None is deprecated.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Softmax(0)(jnp.array([0.0, 0.0, -jnp.inf]))
        Array([0.5, 0.5, 0. ], dtype=float32)
    """
    dim: int | None
    def __init__(self, dim: int | None = None) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Softmax2d(LayerModule):
    """`Softmax` over the channels of images.

    Shape:
        (N, C, H, W) or (C, H, W) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Softmax2d()(jnp.zeros((2, 1, 1))).ravel()
        Array([0.5, 0.5], dtype=float32)
    """
    def __init__(self) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class LogSoftmax(LayerModule):
    """The logarithm of `Softmax`, computed without taking the logarithm of a small number.

    Args:
        dim: the dimension that is normalised; None is deprecated.

    Shape:
        (*) -> the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.LogSoftmax(0)(jnp.array([0.0, 1000.0]))
        Array([-1000.,     0.], dtype=float32)
    """
    dim: int | None
    def __init__(self, dim: int | None = None) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
