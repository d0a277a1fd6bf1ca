"""Combinators: layers made of layers.

Each takes layers and returns a layer, so that compositions are hashable, picklable, static pytrees as well.  The
parameters of a composition nest those of its parts under the parts' names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fnn import random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.layers.layer import Layer, Params, State

__all__ = ["Named", "Parallel", "Remat", "Repeat", "Residual", "Serial", "WithoutState",
           "named", "parallel", "remat", "repeat", "residual", "serial", "without_state"]  # fmt: skip


def _check(layer: Any, what: str) -> Any:
    if not isinstance(layer, Layer):
        hint = "; make a Module class a layer with fnn.pure(cls)(...)" if callable(layer) else ""
        raise ArgumentTypeError(f"{what}: expected layers, got {layer!r}{hint}")
    return layer


def is_random(layer: Layer) -> bool:
    """Whether the layer may draw random numbers in training."""
    return bool(getattr(layer, "RANDOM", False))


class _Composite(Layer):
    """A layer with named parts."""

    def parts(self) -> list[tuple[str, Layer]]:
        """The parts by name."""
        raise TypeError(f"{type(self).__name__} defines no parts")

    @property
    def RANDOM(self) -> bool:
        return any(is_random(layer) for _, layer in self.parts())

    def init(self, key: Any) -> tuple[Params, State]:
        """The parts' parameters and states, under their names; parts without any are left out."""
        fresh = random.stream(key)
        params: Params = {}
        state: State = {}
        for name, layer in self.parts():
            own, buffers = layer.init(fresh())
            if own:
                params[name] = own
            if buffers:
                state[name] = buffers
        return params, state

    def _run(
        self,
        n: int,
        name: str,
        layer: Layer,
        params: Params,
        state: State,
        new: State,
        inputs: tuple,
        training: bool,
        key: Any,
    ) -> Any:
        out, buffers = layer.apply(
            params.get(name, {}), state.get(name, {}), *inputs, training=training, key=_part_key(key, n, layer)
        )
        if buffers:
            new[name] = buffers
        return out

    def _names_fit(self, params: Params, state: State) -> None:
        known = {name for name, _ in self.parts()}
        for what, tree in (("params", params), ("state", state)):
            extra = sorted(set(tree) - known)
            if extra:
                raise ArgumentError(f"{what} has parts named {extra}; this layer's are named {sorted(known)}")


def _part_key(key: Any, n: int, layer: Layer) -> Any:
    if key is None or key is random.AMBIENT or isinstance(key, random.Generator) or not is_random(layer):
        return key
    return jax.random.fold_in(key, n)


class Serial(_Composite):
    """Layers one after the other; made by `serial`."""

    layers: tuple[Layer, ...]

    def parts(self) -> list[tuple[str, Layer]]:
        """The layers by name: their numbers, or the names given with `named`."""
        found = []
        for i, layer in enumerate(self.layers):
            found.append((layer.name, layer.layer) if isinstance(layer, Named) else (str(i), layer))
        return found

    def __post_init__(self) -> None:
        names = [name for name, _ in self.parts()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ArgumentError(f"serial: the names {twice} are given twice")

    def apply(
        self, params: Params, state: State, *inputs: Any, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        """Feeds the output of each layer to the next."""
        self._names_fit(params, state)
        new: State = {}
        for n, (name, layer) in enumerate(self.parts()):
            inputs = (self._run(n, name, layer, params, state, new, inputs, training, key),)
        return (inputs[0] if len(inputs) == 1 else inputs), new

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: Any) -> Layer:
        return Serial(self.layers[index]) if isinstance(index, slice) else self.layers[index]


class Named(_Composite):
    """One layer under a name; made by `named`."""

    name: str
    layer: Layer

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or "." in self.name:
            raise ArgumentError(f"named: expected a name without dots, got name={self.name!r}")
        _check(self.layer, "named")

    def parts(self) -> list[tuple[str, Layer]]:
        """The one layer by its name."""
        return [(self.name, self.layer)]

    def apply(
        self, params: Params, state: State, *inputs: Any, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        """Applies the layer."""
        self._names_fit(params, state)
        new: State = {}
        return self._run(0, self.name, self.layer, params, state, new, inputs, training, key), new


class Parallel(_Composite):
    """Layers side by side; made by `parallel`."""

    layers: tuple[Layer, ...]
    combine: Callable[..., Any] | None = None

    __post_init__ = Serial.__post_init__
    parts = Serial.parts

    def apply(
        self, params: Params, state: State, *inputs: Any, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        """Applies each layer to the input, or to its own entry of a tuple of inputs."""
        self._names_fit(params, state)
        parts = self.parts()
        dealt = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], tuple) else inputs
        if len(dealt) == 1:
            dealt = dealt * len(parts)
        if len(dealt) != len(parts):
            raise ArgumentError(
                f"parallel: got {len(dealt)} inputs for {len(parts)} layers; expected 1 or {len(parts)}"
            )
        new: State = {}
        outs = tuple(
            self._run(n, name, layer, params, state, new, (x,), training, key)
            for n, ((name, layer), x) in enumerate(zip(parts, dealt, strict=True))
        )
        return (outs if self.combine is None else self.combine(*outs)), new


class Residual(_Composite):
    """``shortcut(x) + body(x)``; made by `residual`."""

    body: Layer
    shortcut: Layer | None = None

    def __post_init__(self) -> None:
        _check(self.body, "residual")
        if self.shortcut is not None:
            _check(self.shortcut, "residual")

    def parts(self) -> list[tuple[str, Layer]]:
        """``body``, and ``shortcut`` if there is one."""
        return [("body", self.body)] + ([] if self.shortcut is None else [("shortcut", self.shortcut)])

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        """The sum of the two paths."""
        self._names_fit(params, state)
        new: State = {}
        out = self._run(0, "body", self.body, params, state, new, (input,), training, key)
        if self.shortcut is not None:
            input = self._run(1, "shortcut", self.shortcut, params, state, new, (input,), training, key)
        if jnp.shape(out) != jnp.shape(input):
            raise ArgumentError(
                f"residual: the body maps to shape {jnp.shape(out)}, the shortcut gives {jnp.shape(input)}; both "
                "must agree: give a shortcut layer that projects"
            )
        return input + out, new


class Repeat(Layer):
    """A layer applied ``times`` times, each time with parameters of its own; made by `repeat`."""

    layer: Layer
    times: int
    unroll: int = 1

    def __post_init__(self) -> None:
        _check(self.layer, "repeat")
        if not isinstance(self.times, int) or isinstance(self.times, bool) or self.times < 1:
            raise ArgumentError(f"repeat: times must be a positive int, got times={self.times!r}")

    @property
    def RANDOM(self) -> bool:
        return is_random(self.layer)

    def init(self, key: Any) -> tuple[Params, State]:
        """The layer's parameters and state, stacked: every array gains a first axis of length ``times``."""
        fresh = random.stream(key)
        keys = [fresh() for _ in range(self.times)]
        if not isinstance(keys[0], random.Generator):
            return jax.vmap(self.layer.init)(jnp.stack(keys))
        drawn = [self.layer.init(k) for k in keys]
        return jax.tree.map(lambda *xs: jnp.stack(xs), *drawn)

    def apply(
        self, params: Params, state: State, input: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        """Scans over the stacked parameters, so that compile time does not grow with ``times``."""
        # Without a key, whatever does draw will say so.
        draws = training and self.RANDOM and key is not None
        for leaf in jax.tree.leaves((params, state)):
            if jnp.shape(leaf)[:1] != (self.times,):
                raise ArgumentError(
                    f"repeat: every array must be stacked along a first axis of {self.times}, got shape "
                    f"{jnp.shape(leaf)}"
                )
        keys = None
        if draws:
            key = random.resolve(key, "repeat")
            if isinstance(key, random.Generator):
                key = jax.random.key(int(key.randint(0, 1 << 31, (1,))[0]))
            keys = jax.random.split(key, self.times)

        def body(x: Any, part: Any) -> Any:
            own, buffers, k = part
            out, new = self.layer.apply(own, buffers, x, training=training, key=k if draws else None)
            if jax.tree.map(jnp.shape, out) != jax.tree.map(jnp.shape, x):
                raise ArgumentError(
                    f"repeat: the layer must keep the shape of its input, it maps {jnp.shape(x)} to {jnp.shape(out)}"
                )
            return out, new

        return jax.lax.scan(body, input, (params, state, keys), self.times, unroll=self.unroll)


class Remat(Layer):
    """A layer whose intermediate values are recomputed in the backward pass; made by `remat`."""

    layer: Layer
    policy: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        _check(self.layer, "remat")

    @property
    def RANDOM(self) -> bool:
        return is_random(self.layer)

    def init(self, key: Any) -> tuple[Params, State]:
        """The layer's own."""
        return self.layer.init(key)

    def apply(
        self, params: Params, state: State, *inputs: Any, training: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        """The layer's, under `jax.checkpoint`."""
        if isinstance(key, random.Generator) or key is random.AMBIENT:
            key = random.resolve(key, "remat")
        if isinstance(key, random.Generator):
            key = jax.random.key(int(key.randint(0, 1 << 31, (1,))[0])) if training and self.RANDOM else None

        def run(params: Params, state: State, inputs: tuple, key: Any) -> Any:
            return self.layer.apply(params, state, *inputs, training=training, key=key)

        return jax.checkpoint(run, policy=self.policy)(params, state, inputs, key)


class WithoutState:
    """The form of a stateless layer without the second tree; made by `without_state`."""

    RANDOM: ClassVar[bool] = False

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def init(self, key: Any) -> Params:
        """The parameters.

        Raises:
            ArgumentError: the layer has state, which would be lost.
        """
        params, state = self.layer.init(key)
        self._stateless(state)
        return params

    def apply(self, params: Params, *inputs: Any, training: bool = False, key: Any = None) -> Any:
        """The output.

        Raises:
            ArgumentError: the layer has state, which would be lost.
        """
        self._stateless(self._expected)
        out, state = self.layer.apply(params, {}, *inputs, training=training, key=key)
        self._stateless(state)
        return out

    @functools.cached_property
    def _expected(self) -> State:
        try:
            return jax.eval_shape(self.layer.init, jax.random.key(0))[1]
        except ArgumentError:  # a lazy module, whose shapes depend on its inputs
            return {}

    def _stateless(self, state: State) -> None:
        if state:
            raise ArgumentError(
                f"without_state: {self.layer!r} has state {sorted(state)}, which would be lost; use its init and apply"
            )

    def __iter__(self) -> Iterator[Any]:
        yield self.init
        yield self.apply

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WithoutState) and self.layer == other.layer

    def __hash__(self) -> int:
        return hash((WithoutState, self.layer))

    def __reduce__(self) -> tuple:
        return WithoutState, (self.layer,)

    def __repr__(self) -> str:
        return f"without_state({self.layer!r})"


jax.tree_util.register_static(WithoutState)


def serial(*layers: Layer) -> Serial:
    """Layers one after the other.

    The parts are named ``"0"``, ``"1"``, ... (or by `named`), so that the flattened names of the parameters are the
    ``state_dict`` keys of the Sequential of the same layers.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn import layers
        >>> net = layers.serial(layers.Linear(2, 3), layers.ReLU(), layers.Linear(3, 1))
        >>> params, state = net.init(jax.random.key(0))
        >>> sorted(params)
        ['0', '2']
        >>> y, state = net.apply(params, state, jnp.ones((4, 2)))
        >>> y.shape
        (4, 1)
    """
    return Serial(tuple(_check(layer, "serial") for layer in layers))


def parallel(*layers: Layer, combine: Callable[..., Any] | None = None) -> Parallel:
    """Layers side by side.

    Args:
        *layers: each gets the input; if the input is a tuple of as many entries, each gets its own.
        combine: what to do with the outputs; without it they come as a tuple.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn import layers
        >>> both = layers.parallel(layers.Identity(), layers.ReLU(), combine=jnp.add)
        >>> print(both.apply({}, {}, jnp.array([-1.0, 2.0]))[0])
        [-1.  4.]
    """
    return Parallel(tuple(_check(layer, "parallel") for layer in layers), combine)


def residual(body: Layer, shortcut: Layer | None = None) -> Residual:
    """``x + body(x)``, or ``shortcut(x) + body(x)``; the parts are named ``"body"`` and ``"shortcut"``."""
    return Residual(body, shortcut)


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
    """``layer``, its intermediate values recomputed in the backward pass instead of stored (`jax.checkpoint`)."""
    return Remat(layer, policy)


def named(name: str | None = None, layer: Layer | None = None, /, **layers: Layer) -> Layer:
    """A layer under a name, or several in series: ``named("conv", layer)``, ``named(conv=layer, act=other)``.

    Inside `serial` and `parallel` the name takes the place of the number.

    Example:
        >>> import jax
        >>> from fnn import layers
        >>> net = layers.named(fc=layers.Linear(2, 3), act=layers.ReLU())
        >>> list(net.init(jax.random.key(0))[0])
        ['fc']
    """
    if name is not None and layer is not None and not layers:
        return Named(name, layer)
    if name is None and layers:
        return Serial(tuple(Named(n, _check(part, "named")) for n, part in layers.items()))
    raise ArgumentError('named: write named("name", layer) or named(name=layer, ...)')


def without_state(layer: Layer) -> WithoutState:
    """The pair of a layer without state: ``init(key) -> params``, ``apply(params, *inputs) -> output``.

    Raises:
        ArgumentError: on ``init`` or ``apply``, if there is state to lose.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn import layers
        >>> init, apply = layers.without_state(layers.Linear(2, 3))
        >>> apply(init(jax.random.key(0)), jnp.ones((1, 2))).shape
        (1, 3)
    """
    return WithoutState(_check(layer, "without_state"))
