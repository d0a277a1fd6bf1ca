"""Written by tools/make_stubs.py from linear.py and its layers; do not edit."""

import jax
from typing import Any
from fnn.state.parameter import Parameter
from fnn.typing import ArrayLike, DType, Device
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.modules.lazy import LazyLeaf

__all__ = ['Bilinear', 'Identity', 'LazyLinear', 'Linear']

class Identity(LayerModule):
    """Returns its input; takes any arguments and ignores them, so that it can stand in for any other.

    Shape:
        (*) -> (*).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Identity(54, unused=True)(jnp.array([1.0]))
        Array([1.], dtype=float32)
    """
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, input: ArrayLike) -> Any: ...

class Linear(LayerModule):
    """``input @ weight.T + bias``.

    Args:
        in_features: I, the size of the input's last dimension.
        out_features: O, that of the output's.
        bias: whether to add a learnable bias.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (O, I), uniform in ±1 / sqrt(I).
        bias: (O,), from the same distribution.

    Shape:
        (*, I) -> (*, O).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.Linear(20, 30)
        >>> module(jnp.ones((128, 20))).shape
        (128, 30)
    """
    in_features: int
    out_features: int
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class NonDynamicallyQuantizableLinear(Linear):
    """The output projection of `MultiheadAttention`: a `Linear` that says in its name what it is for."""
    in_features: int
    out_features: int
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class Bilinear(LayerModule):
    """``out[k] = input1 @ weight[k] @ input2 + bias[k]``.

    Args:
        in1_features: I, the size of the first input's last dimension; positive.
        in2_features: J, that of the second's.
        out_features: O, that of the output's.
        bias: whether to add a learnable bias.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        weight: (O, I, J), uniform in ±1 / sqrt(I).
        bias: (O,), from the same distribution.

    Shape:
        (*, I), (*, J) -> (*, O).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.Bilinear(20, 30, 40)
        >>> module(jnp.ones((128, 20)), jnp.ones((128, 30))).shape
        (128, 40)
    """
    in1_features: int
    in2_features: int
    out_features: int
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input1: ArrayLike, input2: ArrayLike) -> jax.Array: ...

class LazyLinear(LazyLeaf, Linear):
    """A `Linear` that takes ``in_features`` from its first input.

    Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
    a `Linear`, with the same `Parameter` objects.  All other arguments are those of `Linear`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.LazyLinear(30)
        >>> module(jnp.ones((128, 20))).shape
        (128, 30)
    """
    in_features: int
    out_features: int
    device: Device | None
    dtype: DType | None
    weight: Parameter
    bias: Parameter | None
    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
