"""Random numbers: keys, the ambient source, and the samplers that every layer draws from.

A *key* is a JAX key (``jax.random.key(0)`` or a raw uint32 ``PRNGKey``) or a `Generator`.  Under a JAX key the
samplers use `jax.random`; under a `Generator` they return PyTorch's numbers, computed on the host and put on the
device, so that nothing is compiled.  `AMBIENT` in place of a key means: take a fresh one from the innermost scope.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np

from fnn import dtypes, tracing
from fnn.drawn import Drawn, ProgramGenerator
from fnn.errors import ArgumentError, ArgumentTypeError, MissingKeyError
from fnn.host_random import Generator, default_generator
from fnn.typing import ArrayLike, DType, Key

__all__ = [
    "AMBIENT",
    "program_source",
    "set_program_source",
    "AnyKey",
    "Generator",
    "Relay",
    "ambient",
    "bernoulli",
    "constructing",
    "current_provider",
    "default_generator",
    "draw_key",
    "exponential",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "initialisation_key",
    "is_staging",
    "iteration",
    "manual_seed",
    "normal",
    "on_device",
    "randint",
    "randperm",
    "resolve",
    "seed",
    "set_rng_state",
    "stream",
    "uniform",
]

Provider = Callable[[], Key]

# Also a raw uint32 PRNGKey, `AMBIENT`, and None, which is refused in so many words.
AnyKey: TypeAlias = "Key | np.ndarray | _Ambient | None"

MISSING_KEY = """{what} draws random numbers and got key=None.
Wrong: y = F.dropout(x, 0.5, training=True, key=None)
Why:   a pure function has no hidden random state; the numbers must come from an argument.
Right: y = F.dropout(x, 0.5, training=True, key=jax.random.key(0))
or pass a fnn.random.Generator, which draws PyTorch's numbers on the host."""

AMBIENT_IN_TRACE = """{what} draws random numbers inside a JAX transformation that carries no random state.
Wrong: step = jax.jit(lambda x: model(x))        # a draw here would be made once and baked in
Why:   the global generator lives on the host; the traced function would return the same numbers at every call.
Right: step = fnn.jit(lambda model, x: model(x))  # threads a fresh key through each call
or pass a JAX key as an argument: F.dropout(x, 0.5, training=True, key=key)."""

REPEATED = """{what} draws random numbers inside {transform}, which runs the traced body more often than Python does.
Wrong: jax.lax.fori_loop(0, 9, lambda i, x: F.dropout(x, 0.5), x)  # the same mask in all iterations
Why:   the draw is traced once, with one key: every iteration, batch member or later call would get the same numbers.
Right: fnn.fori_loop(0, 9, lambda i, x: F.dropout(x, 0.5), x)      # a key of its own for each iteration
fnn.scan, fnn.map, fnn.while_loop, fnn.cond, fnn.switch, fnn.checkpoint, fnn.vmap(..., randomness="different") and
fnn.jit give keys likewise; or pass keys through JAX's transform: F.dropout(x, 0.5, training=True, key=key)."""


# -- the global generator ---------------------------------------------------------------------------


def manual_seed(seed: int) -> Generator:
    """Seeds the global generator, from which modules are constructed; returns it.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(0)
        >>> print(fnn.rand(2))
        [0.4962566 0.7682218]
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seeds the global generator from the operating system's entropy; returns the seed.

    Example:
        >>> import fnn
        >>> seed = fnn.seed()
        >>> fnn.initial_seed() == seed
        True
    """
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the global generator was given last.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(7)
        >>> fnn.initial_seed()
        7
    """
    return default_generator.initial_seed()


def get_rng_state() -> np.ndarray:
    """The global generator's state: 5056 bytes in PyTorch's layout.

    Example:
        >>> import fnn
        >>> state = fnn.get_rng_state()
        >>> a = fnn.rand(1)
        >>> fnn.set_rng_state(state)
        >>> bool(a == fnn.rand(1))
        True
    """
    return default_generator.get_state()


def set_rng_state(new_state: ArrayLike) -> None:
    """Restores a state of the global generator.

    Example:
        >>> import fnn
        >>> state = fnn.get_rng_state()
        >>> a = fnn.rand(1)
        >>> fnn.set_rng_state(state)
        >>> bool(a == fnn.rand(1))
        True
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(enabled: bool = True) -> Iterator[None]:
    """On leaving the ``with`` block the global generator is where it was on entering it.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(0)
        >>> with fnn.fork_rng():
        ...     a = fnn.rand(1)
        >>> bool(a == fnn.rand(1))
        True
    """
    state = get_rng_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            set_rng_state(state)


# -- where keys come from ---------------------------------------------------------------------------


class _Ambient:
    def __repr__(self) -> str:
        return "AMBIENT"

    def __reduce__(self) -> str:
        return "AMBIENT"


AMBIENT: Final = _Ambient()


class _Source:
    """An ambient provider, and the trace that it was put up in and that its keys belong to."""

    __slots__ = ("provider", "trace")

    def __init__(self, provider: Provider) -> None:
        self.provider, self.trace = provider, tracing.current_trace()

    def draw(self, what: str) -> Key:
        _refuse_to_repeat(what, self.trace)
        with tracing.in_trace(self.trace):
            return self.provider()


def _refuse_to_repeat(what: str, trace: object) -> None:
    """Raises if between ``trace`` and here a transform stands that would use one draw many times."""
    transform = tracing.repeating(trace)
    if transform is not None:
        raise MissingKeyError(REPEATED.format(what=what, transform=transform))


_source: contextvars.ContextVar[_Source | None] = contextvars.ContextVar("fnn_random_source", default=None)
_construction: contextvars.ContextVar[_Source | None] = contextvars.ContextVar("fnn_construction", default=None)
_PROBE = np.zeros((), np.float32)


@contextlib.contextmanager
def ambient(provider: Provider | None) -> Iterator[None]:
    """Inside the ``with`` block `AMBIENT` keys come from ``provider()``.

    They belong to the trace that is current now: a draw inside an inner transform that runs its body repeatedly (a
    raw ``lax.scan`` or ``jax.vmap``) is refused, since it would be the same draw each time.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn import random
        >>> from fnn.nn import functional as F
        >>> with random.ambient(random.stream(jax.random.key(0))):
        ...     print(F.dropout(jnp.ones(4), 0.5))
        [0. 2. 2. 2.]
    """
    token = _source.set(None if provider is None else _Source(provider))
    try:
        yield
    finally:
        _source.reset(token)


class Relay:
    """A provider that draws as if where it was made: for a body that JAX traces apart but runs once for each call.

    Example:
        >>> from fnn import random
        >>> generator = random.Generator().manual_seed(0)
        >>> with random.ambient(lambda: generator):
        ...     relay = random.Relay()
        >>> relay() is generator  # drawn from the source of the place where it was made
        True
    """

    def __init__(self) -> None:
        self.trace, self.source = tracing.current_trace(), _source.get()

    @property
    def generator(self) -> Generator | None:
        """See `program_generator`."""
        return None if self.source is None else getattr(self.source.provider, "generator", None)

    def __call__(self) -> Key:
        """A fresh key, as drawn there."""
        token = _source.set(self.source)
        try:
            with tracing.in_trace(self.trace):
                return resolve(AMBIENT, "the function")
        finally:
            _source.reset(token)


@contextlib.contextmanager
def iteration(provider: Provider) -> Iterator[None]:
    """Inside the ``with`` block all draws, those of constructors too, come from ``provider()``: a loop's body.

    Example:
        >>> import jax
        >>> from fnn import nn, random
        >>> with random.iteration(random.stream(jax.random.key(0))):
        ...     a, b = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> bool(a.weight == b.weight)  # each took a key of its own
        False
    """
    token = _construction.set(_Source(provider))
    try:
        with ambient(provider):
            yield
    finally:
        _construction.reset(token)


def current_provider() -> Provider | None:
    """The innermost ambient provider, or None.

    Example:
        >>> from fnn import random
        >>> print(random.current_provider())
        None
        >>> keys = random.stream(random.Generator())
        >>> with random.ambient(keys):
        ...     random.current_provider() is keys
        True
    """
    source = _source.get()
    return None if source is None else source.provider


class Hosted:
    """A provider of one host generator."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def __call__(self) -> Generator:
        return self.generator


def program_generator() -> ProgramGenerator | None:
    """What notes the draws of a program with PyTorch's numbers, if that is what is drawn from here."""
    source = _source.get()
    found = None if source is None else getattr(source.provider, "generator", None)
    return found if isinstance(found, ProgramGenerator) else None


@contextlib.contextmanager
def constructing(key: AnyKey) -> Iterator[None]:
    """Inside the ``with`` block modules draw their parameters from ``key``.

    Example:
        >>> import jax
        >>> from fnn import nn, random
        >>> with random.constructing(jax.random.key(0)):
        ...     a = nn.Linear(2, 2)
        >>> with random.constructing(jax.random.key(0)):
        ...     b = nn.Linear(2, 2)
        >>> (a.weight == b.weight).tolist()
        [[True, True], [True, True]]
    """
    token = _construction.set(_Source(stream(key)))
    try:
        yield
    finally:
        _construction.reset(token)


def is_constructing() -> bool:
    """Whether a `constructing` block is open here."""
    return _construction.get() is not None


def initialisation_key() -> Key:
    """What a module constructor draws from: a fresh key of `constructing`, else the global generator.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.initialisation_key() is random.default_generator
        True
        >>> with random.constructing(jax.random.key(0)):
        ...     random.uniform(random.initialisation_key(), (2,)).shape
        (2,)
    """
    source = _construction.get()
    if source is None:
        return default_generator
    # Not in the source's trace: a module may be constructed under jax.ensure_compile_time_eval.
    _refuse_to_repeat("the constructor of a module", source.trace)
    return source.provider()


def is_staging() -> bool:
    """Whether JAX is staging a program out here (jit, scan, eval_shape, ...), so that new arrays are tracers.

    Not true in an eager ``jax.grad`` or ``jax.vmap``, where what is computed from constants is concrete.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> def f(x):
        ...     print(random.is_staging())
        ...     return x
        >>> _ = jax.grad(f)(1.0), jax.jit(f)(1.0)
        False
        True
    """
    return tracing.tracing() and isinstance(jax.device_put(_PROBE), tracing.Tracer)


def draw_key(what: str) -> Key:
    """The key of a draw that names none (``fnn.randn(3)``): the construction's, else the ambient one.

    Example:
        >>> from fnn import random
        >>> random.draw_key("my_noise") is random.default_generator
        True
    """
    source = _construction.get()
    return resolve(AMBIENT, what) if source is None else source.draw(what)


def resolve(key: AnyKey, what: str) -> Key:
    """A key that can be drawn from.

    `AMBIENT` becomes a fresh key of the innermost `ambient` provider, or else the global generator.

    Args:
        key: a key, a Generator, `AMBIENT` or None.
        what: the name of the operation that draws, for the message.

    Raises:
        MissingKeyError: for None; and for `AMBIENT` inside a trace that no fnn scope provides for, or that would
            repeat one draw for every iteration of a loop or every member of a batch.

    Example:
        >>> from fnn import random
        >>> random.resolve(random.AMBIENT, "my_noise") is random.default_generator
        True
        >>> random.resolve(None, "my_noise")
        Traceback (most recent call last):
            ...
        fnn.errors.MissingKeyError: my_noise draws random numbers and got key=None.
        ...
    """
    if key is AMBIENT:
        source = _source.get()
        if source is not None:
            return source.draw(what)
        if is_staging():
            raise MissingKeyError(AMBIENT_IN_TRACE.format(what=what))
        _refuse_to_repeat(what, None)
        return default_generator
    if key is None:
        raise MissingKeyError(MISSING_KEY.format(what=what))
    return cast("Key", key)


def stream(key: AnyKey) -> Provider:
    """A callable that gives a fresh key at each call (for a `Generator`: the generator itself).

    Example:
        >>> import jax
        >>> from fnn import random
        >>> fresh = random.stream(jax.random.key(0))
        >>> bool((jax.random.key_data(fresh()) != jax.random.key_data(fresh())).any())
        True
    """
    key = _usable(key, "stream")
    if isinstance(key, Generator):
        return Hosted(key)
    count = 0

    def fresh() -> Key:
        nonlocal count
        count += 1
        return jax.random.fold_in(key, count - 1)

    return fresh


def _usable(key: AnyKey, what: str) -> Key:
    key = resolve(key, what)
    if isinstance(key, (Generator, jax.Array)):
        return key
    if isinstance(key, np.ndarray) and key.dtype == np.uint32:
        return jnp.asarray(key)
    raise ArgumentTypeError(f"{what}: expected a JAX key such as jax.random.key(0) or a Generator, got key={key!r}")


# -- samplers ---------------------------------------------------------------------------------------


def on_device(values: np.ndarray) -> jax.Array:
    """A concrete JAX array that takes over freshly made host values, also in a trace; compiles nothing.

    Example:
        >>> import numpy as np
        >>> from fnn import random
        >>> random.on_device(np.arange(3, dtype=np.float32))
        Array([0., 1., 2.], dtype=float32)
    """
    draw = values.draw if isinstance(values, Drawn) else None
    if draw is not None and draw.given is not None:
        draw.array = draw.given
        return draw.given
    if draw is not None:
        values = np.array(values)
    array = jax.device_put(values)
    if isinstance(array, tracing.Tracer):
        with jax.ensure_compile_time_eval():
            array = jax.device_put(values)
    if draw is None:
        return array
    draw.array = array
    return tracing.as_traced(array)  # so that Python cannot compute with the numbers of this call


_SOURCES = ("jax", "torch")
_program_source = "jax"


def set_program_source(source: str) -> None:
    """Where the random numbers of compiled programs come from, unless `fnn.jit` says it itself.

    Args:
        source: ``"jax"``: keys of JAX's, drawn on the device, fastest. ``"torch"``: the numbers that PyTorch draws
            for the seed, made on the host before each call.

    Example:
        >>> import fnn
        >>> fnn.random.set_program_source("torch")
        >>> _ = fnn.manual_seed(0)
        >>> print(fnn.jit(lambda: fnn.randn(3))())
        [ 1.5409961 -0.2934289 -2.1787894]
        >>> fnn.random.set_program_source("jax")
    """
    global _program_source
    _program_source = checked_source(source, "set_program_source: source")


def program_source() -> str:
    """What `set_program_source` has set.

    Example:
        >>> from fnn import random
        >>> random.program_source()
        'jax'
    """
    return _program_source


def checked_source(source: object, what: str) -> str:
    """``source``, if it is one.

    Raises:
        ArgumentError: it is not.
    """
    if source not in _SOURCES:
        raise ArgumentError(f"{what} must be 'jax' or 'torch', got {source!r}")
    return str(source)


def uniform(
    key: AnyKey, shape: Sequence[int], dtype: DType | None = None, low: float = 0.0, high: float = 1.0
) -> jax.Array:
    """Numbers from the uniform distribution on [low, high).

    Example:
        >>> import jax
        >>> from fnn import init
        >>> w = init.uniform(jax.random.key(0), (100,), low=-1.0, high=1.0)
        >>> bool(abs(w).max() <= 1)
        True
    """
    key, shape, dtype = _usable(key, "uniform"), tuple(shape), dtypes.canonical(dtype, "uniform: ")
    if isinstance(key, Generator):
        return on_device(key.uniform(shape, dtype, low, high))
    return jax.random.uniform(key, shape, dtype, low, high)


def normal(
    key: AnyKey, shape: Sequence[int], dtype: DType | None = None, mean: float = 0.0, std: float = 1.0
) -> jax.Array:
    """Numbers from the normal distribution with this mean and standard deviation.

    Example:
        >>> import jax
        >>> from fnn import init
        >>> init.normal(jax.random.key(0), (2, 3), std=0.1).shape
        (2, 3)
    """
    key, shape, dtype = _usable(key, "normal"), tuple(shape), dtypes.canonical(dtype, "normal: ")
    if isinstance(key, Generator):
        return on_device(key.normal(shape, dtype, mean, std))
    return jax.random.normal(key, shape, dtype) * jnp.asarray(std, dtype) + jnp.asarray(mean, dtype)


def bernoulli(key: AnyKey, p: ArrayLike, shape: Sequence[int]) -> jax.Array:
    """Booleans that are True with probability ``p``.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.bernoulli(jax.random.key(0), 0.5, (3,)).shape
        (3,)
    """
    key, shape = _usable(key, "bernoulli"), tuple(shape)
    if isinstance(key, Generator):
        return on_device(key.bernoulli(float(np.asarray(p)), shape))
    return jax.random.bernoulli(key, jnp.asarray(p), shape)


def exponential(key: AnyKey, shape: Sequence[int], dtype: DType | None = None) -> jax.Array:
    """Numbers from the exponential distribution of rate 1.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.exponential(jax.random.key(0), (3,)).shape
        (3,)
    """
    key, shape, dtype = _usable(key, "exponential"), tuple(shape), dtypes.canonical(dtype, "exponential: ")
    if isinstance(key, Generator):
        return on_device(key.exponential(shape, dtype))
    return jax.random.exponential(key, shape, dtype)


def randint(key: AnyKey, low: int, high: int, shape: Sequence[int], dtype: DType | None = None) -> jax.Array:
    """Integers in [low, high); ``dtype`` None is PyTorch's int64 where x64 mode is on, else int32.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.randint(jax.random.key(0), 0, 9, (3,)).shape
        (3,)
    """
    key, shape = _usable(key, "randint"), tuple(shape)
    dtype = dtypes.index_dtype() if dtype is None else dtypes.canonical(dtype, "randint: ")
    if isinstance(key, Generator):
        return on_device(key.randint(low, high, shape, dtype))
    if jnp.issubdtype(dtype, jnp.integer):
        return jax.random.randint(key, shape, low, high, dtype)
    return jax.random.randint(key, shape, low, high).astype(dtype)


def randperm(key: AnyKey, n: int) -> jax.Array:
    """A permutation of 0, ..., n-1.

    Example:
        >>> import jax
        >>> from fnn import random
        >>> random.randperm(jax.random.key(0), 3).shape
        (3,)
    """
    key = _usable(key, "randperm")
    if isinstance(key, Generator):
        return on_device(key.randperm(n).astype(dtypes.index_dtype()))
    return jax.random.permutation(key, n).astype(dtypes.index_dtype())
