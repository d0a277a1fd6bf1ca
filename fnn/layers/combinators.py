"""Combinators: layers made of layers.

Each takes layers and returns a layer, so that compositions are hashable, picklable, static pytrees as well.  The
parameters of a composition nest those of its parts under the parts' names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from fnn.errors import ArgumentError
from fnn.layers.composite import Composite, Run, check
from fnn.layers.layer import Layer, Params, State
from fnn.typing import Key, PyTree

__all__ = ["Named", "Parallel", "Residual", "Serial", "WithoutState", "named", "parallel", "residual", "serial",
           "without_state"]  # fmt: skip


class Serial(Composite):
    """Layers one after the other; made by `serial`.

    Example:
        >>> from fnn import layers
        >>> net = layers.serial(layers.Linear(2, 3), layers.ReLU())
        >>> type(net).__name__, len(net)
        ('Serial', 2)
    """

    layers: tuple[Layer, ...]

    def parts(self) -> dict[str, Layer]:
        """The layers by name: their numbers, or the names given with `named`."""
        return dict(self._named())

    def _named(self) -> Iterator[tuple[str, Layer]]:
        for i, layer in enumerate(self.layers):
            yield (layer.name, layer.layer) if isinstance(layer, Named) else (str(i), layer)

    def __post_init__(self) -> None:
        names = [name for name, _ in self._named()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ArgumentError(f"serial: the names {twice} are given twice")

    def call(self, run: Run, *inputs: PyTree) -> Any:
        """Feeds the output of each layer to the next."""
        for name in run.parts:
            inputs = (run(name, *inputs),)
        return inputs[0] if len(inputs) == 1 else inputs

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int | slice) -> Layer:
        return Serial(self.layers[index]) if isinstance(index, slice) else self.layers[index]


class Named(Composite):
    """One layer under a name; made by `named`.

    Example:
        >>> from fnn import layers
        >>> layers.named("head", layers.Linear(2, 3)).name
        'head'
    """

    name: str
    layer: Layer

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or "." in self.name:
            raise ArgumentError(f"named: expected a name without dots, got name={self.name!r}")
        check(self.layer, "named")

    def parts(self) -> dict[str, Layer]:
        """The one layer by its name."""
        return {self.name: self.layer}

    def call(self, run: Run, *inputs: PyTree) -> Any:
        """Applies the layer."""
        return run(self.name, *inputs)


class Parallel(Composite):
    """Layers side by side; made by `parallel`.

    Example:
        >>> from fnn import layers
        >>> type(layers.parallel(layers.Linear(2, 3), layers.Linear(2, 3))).__name__
        'Parallel'
    """

    layers: tuple[Layer, ...]
    combine: Callable[..., Any] | None = None

    __post_init__ = Serial.__post_init__
    parts = Serial.parts
    _named = Serial._named

    def call(self, run: Run, *inputs: PyTree) -> Any:
        """Applies each layer to the input, or to its own entry of a tuple of inputs."""
        dealt = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], tuple) else inputs
        if len(dealt) == 1:
            dealt = dealt * len(run.parts)
        if len(dealt) != len(run.parts):
            raise ArgumentError(
                f"parallel: got {len(dealt)} inputs for {len(run.parts)} layers; expected 1 or {len(run.parts)}"
            )
        outs = tuple(run(name, x) for name, x in zip(run.parts, dealt, strict=True))
        return outs if self.combine is None else self.combine(*outs)


class Residual(Composite):
    """``shortcut(x) + body(x)``; made by `residual`.

    Example:
        >>> from fnn import layers
        >>> type(layers.residual(layers.Linear(2, 2))).__name__
        'Residual'
    """

    body: Layer
    shortcut: Layer | None = None

    def __post_init__(self) -> None:
        check(self.body, "residual")
        if self.shortcut is not None:
            check(self.shortcut, "residual")

    def call(self, run: Run, input: PyTree) -> Any:
        """The sum of the two paths."""
        out = run("body", input)
        if self.shortcut is not None:
            input = run("shortcut", input)
        if jnp.shape(out) != jnp.shape(input):
            raise ArgumentError(
                f"residual: the body maps to shape {jnp.shape(out)}, the shortcut gives {jnp.shape(input)}; both "
                "must agree: give a shortcut layer that projects"
            )
        return input + out


class WithoutState:
    """The form of a stateless layer without the second tree; made by `without_state`.

    Example:
        >>> from fnn import layers
        >>> init, apply = layers.without_state(layers.Linear(2, 3))
        >>> type(layers.without_state(layers.Linear(2, 3))).__name__
        'WithoutState'
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def init(self, key: Key) -> Params:
        """The parameters.

        Raises:
            ArgumentError: the layer has state, which would be lost.
        """
        params, state = self.layer.init(key)
        self._stateless(state)
        return params

    def apply(self, params: Params, *inputs: PyTree, training: bool = False, key: Key | None = None) -> Any:
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
    return Serial(tuple(check(layer, "serial") for layer in layers))


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
    return Parallel(tuple(check(layer, "parallel") for layer in layers), combine)


def residual(body: Layer, shortcut: Layer | None = None) -> Residual:
    """``x + body(x)``, or ``shortcut(x) + body(x)``; the parts are named ``"body"`` and ``"shortcut"``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn import layers
        >>> block = layers.residual(layers.Linear(2, 2))
        >>> params, state = block.init(jax.random.key(0))
        >>> block.apply(params, state, jnp.ones((3, 2)))[0].shape
        (3, 2)
    """
    return Residual(body, shortcut)


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
        return Serial(tuple(Named(n, check(part, "named")) for n, part in layers.items()))
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
    return WithoutState(check(layer, "without_state"))
