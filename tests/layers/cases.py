"""The words that the table of layers is written in: a constructor's arguments, the inputs, what cannot apply.

    layer("Conv2d", of(4, 6, 3, stride=2).on(x(2, 4, 5, 6)))

reads: ``nn.Conv2d(4, 6, 3, stride=2)`` is called with random numbers of shape (2, 4, 5, 6), and held to torch's
class of that name.  For a layer that torch lacks, the entry states what it is held to instead: a formula or another
layer.  This module and the table know nothing of torch: inputs are numpy arrays.

    layer("Doubled", of().on(x(2, 3)), reference=formula(lambda layer, params, x: 2 * x))
    layer("Thrice", of().on(x(2, 3)), reference=like(lambda: layers.Lambda(lambda x: 3 * x)))
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import func, layers, nn
from fnn.state.names import flatten, nest

# The properties that a case may be excused from, each with its reason.
PROPERTIES = ("training", "vmap", "check_grads", "half", "float64", "torch_gradient")


@dataclasses.dataclass(frozen=True, eq=False)
class Input:
    """A random array: its distribution, its shape, and whether its gradient is compared."""

    kind: str
    shape: tuple[int, ...]
    options: tuple = ()
    grad: bool = True

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return getattr(self, f"_{self.kind}")(rng, *self.options)

    def fixed(self) -> Input:
        """The same without a gradient."""
        return dataclasses.replace(self, grad=False)

    @property
    def floating(self) -> bool:
        return self.kind not in ("ints", "windows", "given")

    def _normal(self, rng: np.random.Generator, scale: float) -> np.ndarray:
        return (scale * rng.standard_normal(self.shape)).astype(np.float32)

    def _uniform(self, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, self.shape).astype(np.float32)

    def _log_softmax(self, rng: np.random.Generator, axis: int) -> np.ndarray:
        return np.asarray(jax.nn.log_softmax(self._normal(rng, 1.0), axis))

    def _softmax(self, rng: np.random.Generator, axis: int) -> np.ndarray:
        return np.asarray(jax.nn.softmax(self._normal(rng, 1.0), axis))

    def _sign(self, rng: np.random.Generator) -> np.ndarray:
        return rng.choice(np.float32([-1, 1]), self.shape)

    def _ints(self, rng: np.random.Generator, low: int, high: int) -> np.ndarray:
        return rng.integers(low, high, self.shape)

    def _given(self, rng: np.random.Generator, values: tuple) -> np.ndarray:
        return np.array(values).reshape(self.shape)

    def _windows(self, rng: np.random.Generator, rank: int) -> np.ndarray:
        """The flat position of one element in each window of 2 in each of the last ``rank`` axes."""
        sizes = self.shape[-rank:]
        flat = np.zeros(self.shape, np.int64)
        for axis, size in enumerate(sizes):
            start = 2 * np.arange(size).reshape(-1, *(1,) * (rank - axis - 1))
            flat = flat * 2 * size + start + rng.integers(0, 2, self.shape)
        return flat


def x(*shape: int, scale: float = 1.0) -> Input:
    """Normal numbers."""
    return Input("normal", shape, (scale,))


def uniform(*shape: int, low: float = 0.05, high: float = 0.95) -> Input:
    return Input("uniform", shape, (low, high))


def log_probabilities(*shape: int, axis: int = 1) -> Input:
    return Input("log_softmax", shape, (axis,))


def probabilities(*shape: int, axis: int = 1) -> Input:
    return Input("softmax", shape, (axis,))


def signs(*shape: int) -> Input:
    """-1 and 1: the targets of margin losses, which have no gradient."""
    return Input("sign", shape, grad=False)


def ints(high: int, *shape: int, low: int = 0) -> Input:
    return Input("ints", shape, (low, high), grad=False)


def given(values: Any) -> Input:
    array = np.array(values)
    return Input("given", array.shape, (tuple(array.ravel().tolist()),), grad=False)


def windows(rank: int, *shape: int) -> Input:
    return Input("windows", shape, (rank,), grad=False)


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """What a layer that torch lacks is held to: a pure function of the layer and what its ``apply`` gets.

    Attributes:
        apply: ``apply(layer, params, state, *inputs, training=..., **forward)``; the output.
    """

    apply: Callable[..., Any]


def formula(function: Callable[..., Any]) -> Reference:
    """A formula, written without the layer's own operation: ``function(layer, params, *inputs)`` is the output.

    It is the output in training as well, unless the layer draws random numbers there: then in evaluation only.
    """

    def apply(layer: Any, params: Any, state: Any, *inputs: Any, training: bool, **forward: Any) -> Any:
        del state, training
        return function(layer, params, *inputs, **forward)

    return Reference(apply)


def like(make: Callable[..., layers.Layer], names: Mapping[str, str] | None = None) -> Reference:
    """Another layer: ``make(*fields)``, with the values of the layer's fields.

    Args:
        make: makes it.
        names: its names for those of the parameters and the state that it calls otherwise, dots between parts.
    """
    other = dict(names or {})

    def renamed(tree: Any) -> Any:
        return nest({other.get(name, name): value for name, value in flatten(tree).items()})

    def apply(layer: Any, params: Any, state: Any, *inputs: Any, training: bool, **forward: Any) -> Any:
        fields = dataclasses.fields(layer)
        given = {field.name: getattr(layer, field.name) for field in fields}
        made = make(
            *(given[field.name] for field in fields if not field.kw_only),
            **{field.name: given[field.name] for field in fields if field.kw_only},
        )
        return made.apply(renamed(params), renamed(state), *inputs, training=training, **forward)[0]

    return Reference(apply)


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One constructor call and one call of what it made.

    Attributes:
        excused: the `PROPERTIES` that do not apply, each with the reason.
        stochastic: whether it draws random numbers in training.
        smooth: whether second derivatives exist everywhere near the inputs.
        reference: what it is held to; None is torch's class of the same name.
    """

    args: tuple
    kwargs: dict[str, Any]
    inputs: tuple[Input, ...] = ()
    forward: dict[str, Any] = dataclasses.field(default_factory=dict)
    name: str = ""
    number: int = 0
    excused: dict[str, str] = dataclasses.field(default_factory=dict)
    stochastic: bool = False
    smooth: bool = False
    reference: Reference | None = None

    def on(self, *inputs: Input, **forward: Any) -> Case:
        """The same, called with these arguments."""
        return dataclasses.replace(self, inputs=inputs, forward=forward)

    def but(self, **excused: str) -> Case:
        """The same, excused from these properties."""
        assert excused.keys() <= set(PROPERTIES), excused
        return dataclasses.replace(self, excused={**self.excused, **excused})

    @property
    def id(self) -> str:
        shown = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        text = ",".join(shown).replace(" ", "").replace("array", "").replace("dtype=float32", "")
        return f"{self.name}-{self.number}-{text[:50]}"

    def draw(self, seed: int = 0) -> tuple[np.ndarray, ...]:
        """The inputs; each seed has its own."""
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), self.number, seed])
        return tuple(i.draw(rng) for i in self.inputs)

    # -- fnn's two faces -------------------------------------------------------------------------------

    @property
    def cls(self) -> type[nn.Module]:
        return getattr(nn, self.name)

    def module(self) -> nn.Module:
        return self.cls(*self.args, **self.kwargs)

    def layer(self) -> layers.Layer:
        """The pure pair: a layer of `fnn.layers`; `fnn.pure` of the Module where there is none (lazy, composite)."""
        if hasattr(layers, self.name):
            return getattr(layers, self.name)(*self.args, **self.kwargs)
        return func.pure(self.cls)(*self.args, **self.kwargs)

    @property
    def lazy(self) -> bool:
        return self.name.startswith("Lazy")

    def init(self, layer: layers.Layer, key: Any) -> tuple[dict, dict]:
        """``layer.init``, with the inputs where they are needed."""
        return layer.init(key, *map(jnp.asarray, self.draw())) if self.lazy else layer.init(key)

    def differentiable(self) -> list[int]:
        return [i for i, spec in enumerate(self.inputs) if spec.floating and spec.grad]


def of(*args: Any, **kwargs: Any) -> Case:
    """A constructor's arguments."""
    return Case(args, kwargs)


TABLE: dict[str, list[Case]] = {}


def layer(
    name: str,
    *cases: Case,
    stochastic: bool = False,
    smooth: bool = False,
    reference: Reference | None = None,
    **excused: str,
) -> None:
    """Enters a class into the table.

    Args:
        name: of the layer and its Module.
        *cases: calls; the first stands for the class in tests that compile much.
        stochastic: whether it draws random numbers in training.
        smooth: whether second derivatives exist everywhere near the inputs.
        reference: what it is held to; None: torch's class of that name.
        **excused: the `PROPERTIES` that do not apply, each with the reason.
    """
    assert name not in TABLE and cases, name
    assert excused.keys() <= set(PROPERTIES), excused
    if name.startswith("Lazy"):
        excused |= dict.fromkeys(("check_grads", "half", "float64"), "after its first call it is the eager class")
    TABLE[name] = [
        dataclasses.replace(
            case,
            name=name,
            number=n,
            stochastic=stochastic,
            smooth=smooth,
            reference=reference,
            excused={**excused, **case.excused},
        )
        for n, case in enumerate(cases)
    ]
