"""The gradients of convolutions by themselves, as ``torch.nn.grad`` has them.

A convolution is linear in its input and in its weight: either gradient is the transpose of that map, applied to the
output's gradient.  Legend: N batch, C input channels, O output channels, k sizes of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable

import jax

from fnn.arguments import integers, listed
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import conv1d, conv2d, conv3d
from fnn.typing import ArrayLike, Ints, Shape

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]

_CONVOLUTIONS = {1: conv1d, 2: conv2d, 3: conv3d}


def conv1d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> jax.Array:
    """The gradient of `conv1d` with respect to its input.

    Args:
        input_size: (N, C, L), the input's shape, which follows from nothing else if the stride is not 1.
        weight: (O, C / groups, k).
        grad_output: (N, O, M).
        stride: of the convolution, as the next three.
        padding: zeros on both sides of the input.
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels.

    Returns:
        The shape of the input.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.grad.conv1d_input((1, 1, 3), jnp.ones((1, 1, 2)), jnp.ones((1, 1, 2))).ravel().tolist()
        [1.0, 2.0, 1.0]
    """
    return _input(1, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> jax.Array:
    """The gradient of `conv1d` with respect to its weight.

    Args:
        input: (N, C, L).
        weight_size: (O, C / groups, k), the weight's shape.
        grad_output: (N, O, M).
        stride: of the convolution, as the next three.
        padding: zeros on both sides of the input.
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels.

    Returns:
        The shape of the weight.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.grad.conv1d_weight(jnp.ones((1, 1, 3)), (1, 1, 2), jnp.ones((1, 1, 2))).ravel().tolist()
        [2.0, 2.0]
    """
    return _weight(1, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv2d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> jax.Array:
    """The gradient of `conv2d` with respect to its input.

    Args:
        input_size: (N, C, H, W), the input's shape, which follows from nothing else if the stride is not 1.
        weight: (O, C / groups, k0, k1).
        grad_output: (N, O, H', W').
        stride: of the convolution, as the next three.
        padding: zeros on both sides of the input.
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels.

    Returns:
        The shape of the input.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.grad.conv2d_input((1, 1, 3, 3), jnp.ones((1, 1, 2, 2)), jnp.ones((1, 1, 2, 2))).ravel().tolist()
        [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0]
    """
    return _input(2, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> jax.Array:
    """The gradient of `conv2d` with respect to its weight.

    Args:
        input: (N, C, H, W).
        weight_size: (O, C / groups, k0, k1), the weight's shape.
        grad_output: (N, O, H', W').
        stride: of the convolution, as the next three.
        padding: zeros on both sides of the input.
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels.

    Returns:
        The shape of the weight.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.grad.conv2d_weight(jnp.ones((1, 1, 3, 3)), (1, 1, 2, 2), jnp.ones((1, 1, 2, 2))).ravel().tolist()
        [4.0, 4.0, 4.0, 4.0]
    """
    return _weight(2, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> jax.Array:
    """The gradient of `conv3d` with respect to its input.

    Args:
        input_size: (N, C, D, H, W), the input's shape, which follows from nothing else if the stride is not 1.
        weight: (O, C / groups, k0, k1, k2).
        grad_output: (N, O, D', H', W').
        stride: of the convolution, as the next three.
        padding: zeros on both sides of the input.
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels.

    Returns:
        The shape of the input.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> float(nn.grad.conv3d_input((1, 1, 3, 3, 3), jnp.ones((1, 1, 2, 2, 2)), jnp.ones((1, 1, 2, 2, 2))).max())
        8.0
    """
    return _input(3, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> jax.Array:
    """The gradient of `conv3d` with respect to its weight.

    Args:
        input: (N, C, D, H, W).
        weight_size: (O, C / groups, k0, k1, k2), the weight's shape.
        grad_output: (N, O, D', H', W').
        stride: of the convolution, as the next three.
        padding: zeros on both sides of the input.
        dilation: step between two elements of the kernel.
        groups: number of blocks of channels.

    Returns:
        The shape of the weight.

    Raises:
        ArgumentError: shapes, dtypes or hyper-parameters that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> float(nn.grad.conv3d_weight(jnp.ones((1, 1, 3, 3, 3)), (1, 1, 2, 2, 2), jnp.ones((1, 1, 2, 2, 2))).max())
        8.0
    """
    return _weight(3, input, weight_size, grad_output, stride, padding, dilation, groups)


def _input(
    rank: int,
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> jax.Array:
    where = f"conv{rank}d_input: "
    w = to_array(weight, "weight", where)

    def convolve(x: jax.Array) -> jax.Array:
        return _CONVOLUTIONS[rank](x, w, None, stride, padding, dilation, groups)

    return _transposed(rank, where, convolve, "input_size", input_size, w, grad_output, padding)


def _weight(
    rank: int,
    input: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> jax.Array:
    where = f"conv{rank}d_weight: "
    x = to_array(input, "input", where)

    def convolve(w: jax.Array) -> jax.Array:
        return _CONVOLUTIONS[rank](x, w, None, stride, padding, dilation, groups)

    return _transposed(rank, where, convolve, "weight_size", weight_size, x, grad_output, padding)


def _transposed(
    rank: int,
    where: str,
    convolve: Callable[[jax.Array], jax.Array],
    name: str,
    size: Shape,
    other: jax.Array,
    grad_output: ArrayLike,
    padding: Ints,
) -> jax.Array:
    if isinstance(padding, str):  # PyTorch's functions know no other: the gradients' shapes are all given
        raise ArgumentTypeError(f"{where}padding must be one int or one an axis, got padding={padding!r}")
    g = to_array(grad_output, "grad_output", where)
    shape = integers(size, name, where)
    if isinstance(shape, int) or len(shape) != rank + 2 or other.ndim != rank + 2:
        raise ArgumentError(
            f"{where}Expected {rank + 2}-dimensional input and weight, got {name}={size} and the other of shape "
            f"{listed(other.shape)}"
        )
    if g.dtype != other.dtype:
        raise ArgumentTypeError(f"{where}expected arrays of one dtype, got {other.dtype} and grad_output of {g.dtype}")
    primal = jax.ShapeDtypeStruct(shape, other.dtype)
    want = jax.eval_shape(convolve, primal).shape
    if g.shape != want:
        raise ArgumentError(
            f"{where}grad_output has the shape of the convolution's output, expected {listed(want)}, got "
            f"{listed(g.shape)}"
        )
    return jax.linear_transpose(convolve, primal)(g)[0]
