"""Normalisation layers without running statistics."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax

from fnn import init
from fnn.arguments import integer, ntuple
from fnn.errors import ArgumentError
from fnn.functional import norm, response
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Device, DType, Ints, Key, Tupled

__all__ = ["CrossMapLRN2d", "GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


def _shape(value: Ints, where: str) -> tuple[int, ...]:
    shape = ntuple(value, 1, "normalized_shape", where)
    _refuse_negative(where, shape, "normalized_shape")
    return shape


def _refuse_negative(where: str, shape: tuple[int, ...], name: str) -> None:
    if any(n < 0 for n in shape):
        raise ArgumentError(f"{where}Trying to create tensor with negative dimension {min(shape)}: {name}={shape}")


class LayerNorm(Layer):
    """Layer normalisation (arXiv:1607.06450): ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Mean and (biased) variance are taken over the last dimensions, the same while training and not.

    Args:
        normalized_shape: the sizes of the dimensions to normalise over; an int stands for one dimension.
        eps: added to the variance.
        elementwise_affine: whether there are weight and bias.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (*normalized_shape), initially 1.
        bias: (*normalized_shape), initially 0.

    Shape:
        (*, *normalized_shape) -> the same.

    Example:
        >>> norm = layers.LayerNorm(2, eps=0.0)
        >>> params, state = norm.init(jax.random.key(0))
        >>> norm.apply(params, state, jnp.array([[3.0, 5.0]]))[0]
        Array([[-1.,  1.]], dtype=float32)
    """

    PARAMS: ClassVar = ("weight", "bias")

    normalized_shape: Tupled  # an int or a sequence; kept as a tuple
    eps: float = 1e-5
    elementwise_affine: bool = True
    bias: bool = True
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        self._set(normalized_shape=_shape(self.normalized_shape, "LayerNorm: "))

    def init(self, key: Key) -> tuple[Params, State]:
        params = {}
        if self.elementwise_affine:
            params["weight"] = init.ones(key, self.normalized_shape, self.dtype)
            if self.bias:
                params["bias"] = init.zeros(key, self.normalized_shape, self.dtype)
        return params, {}

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del training, key
        weight, bias = params.get("weight"), params.get("bias")
        return norm.layer_norm(input, self.normalized_shape, weight, bias, self.eps), state

    def extra_repr(self) -> str:
        bias = bool(self.elementwise_affine and self.bias)
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, bias={bias}"


class RMSNorm(Layer):
    """Root-mean-square normalisation (arXiv:1910.07467): ``x / sqrt(mean(x^2) + eps) * weight``.

    Args:
        normalized_shape: the sizes of the dimensions to normalise over; an int stands for one dimension.
        eps: added to the mean square; None: the machine epsilon of the dtype that it is computed in.
        elementwise_affine: whether there is a weight.

    Attributes:
        weight: (*normalized_shape), initially 1.

    Shape:
        (*, *normalized_shape) -> the same.

    Example:
        >>> norm = layers.RMSNorm(2)
        >>> params, state = norm.init(jax.random.key(0))
        >>> norm.apply(params, state, jnp.array([[1.0, 7.0]]))[0]
        Array([[0.2, 1.4]], dtype=float32)
    """

    PARAMS: ClassVar = ("weight",)

    normalized_shape: Tupled  # an int or a sequence; kept as a tuple
    eps: float | None = None
    elementwise_affine: bool = True
    device: Device | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        self._set(normalized_shape=_shape(self.normalized_shape, "RMSNorm: "))

    def init(self, key: Key) -> tuple[Params, State]:
        return {"weight": init.ones(key, self.normalized_shape, self.dtype)} if self.elementwise_affine else {}, {}

    def apply(
        self, params: Params, state: State, x: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del training, key
        return norm.rms_norm(x, self.normalized_shape, params.get("weight"), self.eps), state

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Layer):
    """Group normalisation (arXiv:1803.08494): ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Mean and (biased) variance are taken over each group of channels and space, sample by sample, the same while
    training and not.

    Args:
        num_groups: how many groups the channels are divided into.
        num_channels: C, a multiple of ``num_groups``.
        eps: added to the variance.
        affine: whether there are weight and bias.
        bias: whether an affine layer has a bias.

    Attributes:
        weight: (C,), initially 1.
        bias: (C,), initially 0.

    Shape:
        (N, C, *) -> the same.

    Example:
        >>> norm = layers.GroupNorm(1, 2, eps=0.0)
        >>> params, state = norm.init(jax.random.key(0))
        >>> norm.apply(params, state, jnp.array([[3.0, 5.0]]))[0]
        Array([[-1.,  1.]], dtype=float32)
    """

    PARAMS: ClassVar = ("weight", "bias")

    num_groups: int
    num_channels: int
    eps: float = 1e-5
    affine: bool = True
    device: Device | None = None
    dtype: DType | None = None
    bias: bool = dataclasses.field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        where = "GroupNorm: "
        groups = integer(self.num_groups, "num_groups", where)
        channels = integer(self.num_channels, "num_channels", where)
        if groups <= 0:
            raise ArgumentError(f"{where}Expected num groups to be greater than 0, got num_groups={groups}")
        if channels % groups:
            raise ArgumentError(f"{where}num_channels ({channels}) must be divisible by num_groups ({groups})")
        _refuse_negative(where, (channels,), "num_channels")
        self._set(num_groups=groups, num_channels=channels)

    def init(self, key: Key) -> tuple[Params, State]:
        params, shape = {}, (self.num_channels,)
        if self.affine:
            params["weight"] = init.ones(key, shape, self.dtype)
            if self.bias:
                params["bias"] = init.zeros(key, shape, self.dtype)
        return params, {}

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del training, key
        return norm.group_norm(input, self.num_groups, params.get("weight"), params.get("bias"), self.eps), state

    def extra_repr(self) -> str:
        bias = bool(self.affine and self.bias)
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={bias}"


class _AcrossChannels(Layer):
    """A division by what neighbouring channels hold.

    Args:
        size: how many channels make a neighbourhood.
        alpha: the factor of the mean square.
        beta: the exponent.
        k: what is added.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class LocalResponseNorm(_AcrossChannels):
    """Local response normalisation (Krizhevsky et al. 2012): ``x / (k + alpha * mean(x^2))^beta``.

    The mean is over ``size`` neighbouring channels, with zeros beyond the first and the last.

    Shape:
        (N, C, *) -> the same.

    Example:
        >>> x = jnp.array([3.0, 4.0]).reshape(1, 2, 1)
        >>> layers.LocalResponseNorm(2, alpha=2.0, beta=1.0, k=0.0).apply({}, {}, x)[0].ravel()
        Array([0.33333334, 0.16      ], dtype=float32)
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return response.local_response_norm(input, self.size, self.alpha, self.beta, self.k), state


class CrossMapLRN2d(_AcrossChannels):
    """Local response normalisation of images, as `fnn.functional.cross_map_lrn2d`.

    Prefer `LocalResponseNorm`: this one reproduces an oddity of PyTorch's.

    Shape:
        (N, C, H, W) -> the same.

    Example:
        >>> x = jnp.array([3.0, 4.0]).reshape(1, 2, 1, 1)
        >>> layers.CrossMapLRN2d(3, alpha=3.0, beta=1.0, k=0.0).apply({}, {}, x)[0].ravel()
        Array([0.12, 0.16], dtype=float32)
    """

    k: float = 1

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        del params, training, key
        return response.cross_map_lrn2d(input, self.size, self.alpha, self.beta, self.k), state
