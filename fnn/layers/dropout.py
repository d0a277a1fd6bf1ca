"""Dropout layers.  Each needs ``key`` when ``training`` is True and ``p`` is not 0."""

from __future__ import annotations

import jax

from fnn.errors import ArgumentError
from fnn.functional.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from fnn.layers.layer import Layer, Params, State
from fnn.typing import ArrayLike, Key

__all__ = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]


class _DropoutNd(Layer):
    p: float = 0.5
    inplace: bool = False

    def __post_init__(self) -> None:
        if self.p < 0 or self.p > 1:
            raise ArgumentError(
                f"{type(self).__name__}: dropout probability has to be between 0 and 1, but got {self.p}"
            )

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """While training, sets each element to zero with probability ``p`` and divides the others by ``1 - p``.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).

    Args:
        p: the probability of an element to be dropped, from 0 to 1.

    Shape:
        input and output: any.

    Example:
        >>> layer = layers.Dropout(0.2)
        >>> y, _ = layer.apply({}, {}, jnp.ones(1000), training=True, key=jax.random.key(0))
        >>> sorted(set(y.tolist()))
        [0.0, 1.25]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return dropout(input, self.p, training, self.inplace, key=key), state


class Dropout1d(_DropoutNd):
    """While training, sets whole channels of a signal to zero with probability ``p``; divides the others by ``1 - p``.

    Args:
        p: the probability of a channel to be dropped, from 0 to 1.

    Shape:
        input and output: (N, C, L) or (C, L).

    Example:
        >>> y, _ = layers.Dropout1d().apply({}, {}, jnp.ones((8, 3)), training=True, key=jax.random.key(0))
        >>> bool((y == y[:, :1]).all())
        True
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return dropout1d(input, self.p, training, self.inplace, key=key), state


class Dropout2d(_DropoutNd):
    """While training, sets whole channels of an image to zero with probability ``p``; divides the others by ``1 - p``.

    Args:
        p: the probability of a channel to be dropped, from 0 to 1.

    Shape:
        input and output: (N, C, H, W); (N, C, L) with a warning.

    Example:
        >>> y, _ = layers.Dropout2d().apply({}, {}, jnp.ones((1, 8, 3, 3)), training=True, key=jax.random.key(0))
        >>> bool((y == y[..., :1, :1]).all())
        True
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return dropout2d(input, self.p, training, self.inplace, key=key), state


class Dropout3d(_DropoutNd):
    """While training, sets whole channels of a volume to zero with probability ``p``; divides the others by ``1 - p``.

    Args:
        p: the probability of a channel to be dropped, from 0 to 1.

    Shape:
        input and output: (N, C, D, H, W) or (C, D, H, W).

    Example:
        >>> y, _ = layers.Dropout3d().apply({}, {}, jnp.ones((8, 2, 2, 2)), training=True, key=jax.random.key(0))
        >>> bool((y == y[..., :1, :1, :1]).all())
        True
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return dropout3d(input, self.p, training, self.inplace, key=key), state


class AlphaDropout(_DropoutNd):
    """While training, drops elements to SELU's negative limit and keeps mean 0 and variance 1.

    Klambauer et al., "Self-Normalizing Neural Networks" (2017), https://arxiv.org/abs/1706.02515

    Args:
        p: the probability of an element to be dropped, from 0 to 1.

    Shape:
        input and output: any.

    Example:
        >>> y, _ = layers.AlphaDropout().apply({}, {}, jnp.zeros(99), training=True, key=jax.random.key(0))
        >>> sorted({round(v, 4) for v in y.tolist()})
        [-0.7792, 0.7792]
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return alpha_dropout(input, self.p, training, key=key), state


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels.

    Args:
        p: the probability of a channel to be dropped, from 0 to 1.

    Shape:
        input and output: (N, C, ...).

    Example:
        >>> layer = layers.FeatureAlphaDropout()
        >>> y, _ = layer.apply({}, {}, jnp.ones((1, 8, 3)), training=True, key=jax.random.key(0))
        >>> bool((y == y[..., :1]).all())
        True
    """

    def apply(
        self, params: Params, state: State, input: ArrayLike, *, training: bool = False, key: Key | None = None
    ) -> tuple[jax.Array, State]:
        return feature_alpha_dropout(input, self.p, training, key=key), state
