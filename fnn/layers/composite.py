"""`Composite`: the base of layers made of layers, and `Lambda`, a function as a layer.

The parameters and the state of a composite nest those of its parts under the parts' names.  Every part draws from a
key of its own, whether it is fnn's or one's own; a `fnn.random.Generator` is handed on as it is, so that all parts
draw from it in turn, as PyTorch's modules do from the global generator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from fnn import random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.layers.layer import Layer, Params, State, field_names
from fnn.state.names import nest
from fnn.state.paths import noted, part_entered
from fnn.typing import Key, PyTree

__all__ = ["Composite", "Lambda"]


def check(layer: object, what: str) -> Layer:
    """``layer``, if it is one."""
    if not isinstance(layer, Layer):
        hint = "; make a Module class a layer with fnn.pure(cls)(...)" if callable(layer) else ""
        raise ArgumentTypeError(f"{what}: expected layers, got {layer!r}{hint}")
    return layer


def part_key(key: Key | None, n: int) -> Any:
    """The key of the ``n``-th part: its own, of a JAX key; a Generator, `random.AMBIENT` and None for all."""
    if key is None or key is random.AMBIENT or isinstance(key, random.Generator):
        return key
    return jax.random.fold_in(key, n)


class Run:
    """One application of a composite: ``run(name, *inputs)`` applies a part; ``run.state`` is the state after it."""

    def __init__(self, parts: dict[str, Layer], params: Params, state: State, training: bool, key: Key | None) -> None:
        params, state = nest(params), nest(state)  # fnn.split gives flat ones
        for what, tree in (("params", params), ("state", state)):
            extra = sorted(set(tree) - set(parts))
            if extra:
                raise ArgumentError(f"{what} has parts named {extra}; this layer's are named {sorted(parts)}")
        self.parts, self.params, self.state = parts, params, dict(state)
        self.training, self.key = training, key
        self._numbers = {name: n for n, name in enumerate(parts)}
        self._calls: dict[str, int] = {}

    def __call__(self, name: str, *inputs: PyTree, **options: Any) -> Any:
        """The part's output for these inputs and its further keyword arguments."""
        if name not in self.parts:
            raise ArgumentError(f"there is no part named {name!r}; this layer's are named {sorted(self.parts)}")
        key, again = part_key(self.key, self._numbers[name]), self._calls.get(name, 0)
        self._calls[name] = again + 1
        try:
            with part_entered(name):
                output, state = self.parts[name].apply(
                    self.params.get(name, {}),
                    self.state.get(name, {}),
                    *inputs,
                    training=self.training,
                    key=part_key(key, again) if again else key,
                    **options,
                )
        except Exception as error:
            noted(error, self.parts[name], inputs, options, name)
            raise
        if state:
            self.state[name] = state
        return output


class Composite(Layer):
    """Base of layers with parts: it splits keys, nests names, and takes a `fnn.random.Generator` for a key.

    A subclass has layers for fields (or defines `parts`), and defines ``call(run, *inputs)``, which computes the output
    with ``run(name, *inputs)``, the output of a part.  A part may be called several times: with the same parameters,
    the state that the last call left, and other random numbers.

    Example:
        >>> class FeedForward(layers.Composite):
        ...     norm: layers.Layer
        ...     inner: layers.Layer
        ...     outer: layers.Layer
        ...     rate: float = 0.0
        ...     def parts(self):
        ...         return super().parts() | {"drop": layers.Dropout(self.rate)}
        ...     def call(self, run, x):
        ...         return x + run("drop", run("outer", jax.nn.gelu(run("inner", run("norm", x)))))
        >>> block = FeedForward(layers.LayerNorm(4), layers.Linear(4, 8), layers.Linear(8, 4), rate=0.1)
        >>> params, state = block.init(jax.random.key(0))
        >>> list(params)
        ['norm', 'inner', 'outer']
        >>> y, state = block.apply(params, state, jnp.ones((2, 4)), training=True, key=jax.random.key(1))
        >>> y.shape
        (2, 4)
    """

    def parts(self) -> dict[str, Layer]:
        """The parts by name: the fields that are layers."""
        values = ((name, getattr(self, name)) for name in field_names(type(self)))
        return {name: value for name, value in values if isinstance(value, Layer)}

    def init(self, key: Key) -> tuple[Params, State]:
        """The parts' parameters and states, under their names; parts without any are left out."""
        fresh = random.stream(key)
        params: Params = {}
        state: State = {}
        for name, layer in self.parts().items():
            own, buffers = check(layer, f"{type(self).__name__}.parts").init(fresh())
            if own:
                params[name] = own
            if buffers:
                state[name] = buffers
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: PyTree,
        training: bool = False,
        key: Key | None = None,
        **options: Any,
    ) -> tuple[Any, State]:
        """What ``call`` returns, and the parts' states."""
        run = Run(self.parts(), params, state, training, key)
        return self.call(run, *inputs, **options), run.state

    def call(self, run: Run, *inputs: PyTree, **options: Any) -> Any:
        """Computes the output; subclasses define it."""
        raise TypeError(f"{type(self).__name__} defines no call")


class Lambda(Layer):
    """A function of arrays as a layer without parameters.

    Args:
        function: takes the inputs (and the keyword arguments, if any), returns the output.  It is compared by identity,
            so one that is defined once makes equal layers, and pickles.

    Example:
        >>> net = layers.serial(layers.Lambda(jnp.square), layers.Lambda(lambda x: x.reshape(len(x), -1)))
        >>> net.apply({}, {}, jnp.ones((2, 3, 4)))[0].shape
        (2, 12)
    """

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        if not callable(self.function) or isinstance(self.function, (type, Layer)):
            raise ArgumentTypeError(f"Lambda: function must be a function of arrays, got function={self.function!r}")

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: PyTree,
        training: bool = False,
        key: Key | None = None,
        **options: Any,
    ) -> tuple[Any, State]:
        """``function(*inputs)``."""
        del params, training, key
        return self.function(*inputs, **options), state
