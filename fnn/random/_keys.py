"""Where keys come from: the ambient source, streams of keys, and what is refused."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np

from fnn import tracing
from fnn.drawn import ProgramGenerator
from fnn.errors import ArgumentTypeError, MissingKeyError
from fnn.host_random import Generator, default_generator
from fnn.typing import Key

__all__ = [
    "AMBIENT",
    "AnyKey",
    "Hosted",
    "MISSING_KEY",
    "Provider",
    "Relay",
    "Source",
    "ambient",
    "current_provider",
    "is_staging",
    "program_generator",
    "refuse_to_repeat",
    "resolve",
    "stream",
    "usable",
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


class _Ambient:
    __module__ = "fnn.random"  # by which pickles name it

    def __repr__(self) -> str:
        return "AMBIENT"

    def __reduce__(self) -> str:
        return "AMBIENT"


AMBIENT: Final = _Ambient()


class Source:
    """An ambient provider, and the trace that it was put up in and that its keys belong to."""

    __slots__ = ("provider", "trace")

    def __init__(self, provider: Provider) -> None:
        self.provider, self.trace = provider, tracing.current_trace()

    def draw(self, what: str) -> Key:
        refuse_to_repeat(what, self.trace)
        with tracing.in_trace(self.trace):
            return self.provider()


def refuse_to_repeat(what: str, trace: object) -> None:
    """Raises if between ``trace`` and here a transform stands that would use one draw many times."""
    transform = tracing.repeating(trace)
    if transform is not None:
        raise MissingKeyError(REPEATED.format(what=what, transform=transform))


_source: contextvars.ContextVar[Source | None] = contextvars.ContextVar("fnn_random_source", default=None)
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
    token = _source.set(None if provider is None else Source(provider))
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
        refuse_to_repeat(what, None)
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
    key = usable(key, "stream")
    if isinstance(key, Generator):
        return Hosted(key)
    count = 0

    def fresh() -> Key:
        nonlocal count
        count += 1
        return jax.random.fold_in(key, count - 1)

    return fresh


def usable(key: AnyKey, what: str) -> Key:
    key = resolve(key, what)
    if isinstance(key, (Generator, jax.Array)):
        return key
    if isinstance(key, np.ndarray) and key.dtype == np.uint32:
        return jnp.asarray(key)
    raise ArgumentTypeError(f"{what}: expected a JAX key such as jax.random.key(0) or a Generator, got key={key!r}")
