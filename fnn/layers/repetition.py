"""A layer many times in a row (`repeat`), and one that is computed again in the backward pass (`remat`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp

from fnn import random
from fnn.errors import ArgumentError
from fnn.layers.composite import check
from fnn.layers.layer import Layer, Params, State
from fnn.typing import Key, PyTree

__all__ = ["Remat", "Repeat", "remat", "repeat"]


def _jax_key(key: Key | None, apply: Callable[[Any], Any], what: str) -> jax.Array | None:
    """A JAX key for a loop or a checkpoint, in which a Generator cannot draw; None if ``apply(key)`` draws nothing.

    So that a layer that draws nothing takes nothing from the Generator, ``apply`` is tried without computing anything.
    """
    if key is None or not (isinstance(key, random.Generator) or key is random.AMBIENT):
        return cast("jax.Array | None", key)
    drawn = []

    def fresh() -> Any:
        drawn.append(True)
        return jax.random.key(0)

    if key is random.AMBIENT:
        with random.ambient(fresh):
            jax.eval_shape(lambda: apply(random.AMBIENT))
    elif isinstance(key, random.Generator):
        probe = key.clone_state()
        before = probe.get_state()
        jax.eval_shape(lambda: apply(probe))
        if (probe.get_state() != before).any():
            drawn.append(True)
    if not drawn:
        return None
    resolved = random.resolve(key, what)
    if isinstance(resolved, random.Generator):
        return jax.random.key(int(resolved.randint(0, 1 << 31, (1,))[0]))
    return cast(jax.Array, resolved)


class Repeat(Layer):
    """A layer applied ``times`` times, each time with parameters of its own; made by `repeat`.

    Example:
        >>> from fnn import layers
        >>> type(layers.repeat(layers.Linear(2, 2), 3)).__name__
        'Repeat'
    """

    layer: Layer
    times: int
    unroll: int = 1

    def __post_init__(self) -> None:
        check(self.layer, "repeat")
        if not isinstance(self.times, int) or isinstance(self.times, bool) or self.times < 1:
            raise ArgumentError(f"repeat: times must be a positive int, got times={self.times!r}")

    def init(self, key: Key) -> tuple[Params, State]:
        """The layer's parameters and state, stacked: every array gains a first axis of length ``times``."""
        fresh = random.stream(key)
        keys = [fresh() for _ in range(self.times)]
        if not isinstance(keys[0], random.Generator):
            return jax.vmap(self.layer.init)(jnp.stack(cast("list[jax.Array]", keys)))
        drawn = [self.layer.init(k) for k in keys]
        return jax.tree.map(lambda *xs: jnp.stack(xs), *drawn)

    def apply(
        self, params: Params, state: State, input: PyTree, *, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        """Scans over the stacked parameters, so that compile time does not grow with ``times``."""
        for leaf in jax.tree.leaves((params, state)):
            if jnp.shape(leaf)[:1] != (self.times,):
                raise ArgumentError(
                    f"repeat: every array must be stacked along a first axis of {self.times}, got shape "
                    f"{jnp.shape(leaf)}"
                )

        def once(key: Key) -> Any:
            first = jax.tree.map(lambda leaf: leaf[0], (params, state))
            return self.layer.apply(*first, input, training=training, key=key)[0]

        own_key = _jax_key(key, once, "repeat")
        keys = None if own_key is None else jax.random.split(own_key, self.times)

        def body(x: PyTree, part: Any) -> Any:
            own, buffers, k = part
            out, new = self.layer.apply(own, buffers, x, training=training, key=k)
            if jax.tree.map(jnp.shape, out) != jax.tree.map(jnp.shape, x):
                raise ArgumentError(
                    f"repeat: the layer must keep the shape of its input, it maps {jnp.shape(x)} to {jnp.shape(out)}"
                )
            return out, new

        return jax.lax.scan(body, input, (params, state, keys), self.times, unroll=self.unroll)


class Remat(Layer):
    """A layer whose intermediate values are recomputed in the backward pass; made by `remat`.

    Example:
        >>> from fnn import layers
        >>> type(layers.remat(layers.Linear(2, 2))).__name__
        'Remat'
    """

    layer: Layer
    policy: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        check(self.layer, "remat")

    def init(self, key: Key) -> tuple[Params, State]:
        """The layer's own."""
        return self.layer.init(key)

    def apply(
        self, params: Params, state: State, *inputs: PyTree, training: bool = False, key: Key | None = None
    ) -> tuple[Any, State]:
        """The layer's, under `jax.checkpoint`."""

        def once(key: Key) -> Any:
            return self.layer.apply(params, state, *inputs, training=training, key=key)[0]

        def run(params: Params, state: State, inputs: tuple, key: Key) -> Any:
            return self.layer.apply(params, state, *inputs, training=training, key=key)

        return jax.checkpoint(run, policy=self.policy)(params, state, inputs, _jax_key(key, once, "remat"))


def repeat(layer: Layer, times: int, *, unroll: int = 1) -> Repeat:
    """``layer`` applied ``times`` times in a row, each time with parameters (and state) of its own.

    Every array of ``params`` and ``state`` has a first axis of length ``times``; the repetition is one `jax.lax.scan`,
    so that trace and compile time do not depend on it.

    Args:
        layer: keeps the shape of its input.
        times: how often.
        unroll: how many repetitions to unroll in the loop.

    Example:
        >>> import jax
        >>> from fnn import layers
        >>> tower = layers.repeat(layers.Linear(8, 8), 50)
        >>> params, state = tower.init(jax.random.key(0))
        >>> params["weight"].shape
        (50, 8, 8)
    """
    return Repeat(layer, times, unroll)


def remat(layer: Layer, *, policy: Callable[..., Any] | None = None) -> Remat:
    """``layer``, its intermediate values recomputed in the backward pass instead of stored (`jax.checkpoint`).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn import layers
        >>> block = layers.remat(layers.Linear(2, 2))
        >>> params, state = block.init(jax.random.key(0))
        >>> jax.grad(lambda params: block.apply(params, state, jnp.ones(2))[0].sum())(params)["bias"].tolist()
        [1.0, 1.0]
    """
    return Remat(layer, policy)
