"""`no_grad` and its kin: whether what is computed has a derivative.

Nothing is recorded in fnn; a derivative is taken of a traced program.  So the mode is written into the program, as the
name of a `jax.named_scope`, and whoever takes a derivative of the program (`fnn.autograd`, `fnn.func`) looks it up.
Eagerly there is no derivative that it could stop, but for one that is being taken of a function while it runs
(`fnn.value_and_grad`, `fnn.backward` of a function, outside of `fnn.jit`): that one looks away meanwhile.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar

import jax

from fnn import tracing
from fnn.errors import ArgumentError, ArgumentTypeError, TracerEscapeError
from fnn.state.scope import Restage, Scope, innermost

__all__ = [
    "check_enabled", "check_staged", "contained", "disabled", "enable_grad", "inference_mode", "is_grad_enabled",
    "is_inference_mode_enabled", "no_grad", "set_grad_enabled",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])

_OFF, _ON = "fnn_no_grad", "fnn_enable_grad"
_enabled: ContextVar[bool] = ContextVar("fnn_grad_enabled", default=True)
_inference: ContextVar[bool] = ContextVar("fnn_inference_mode", default=False)

RAW = """\
fnn.{name} inside a derivative of JAX's own: jax.grad does not look for it.

    jax.grad(f)(x)   # wrong, if f enters fnn.{name}
    fnn.grad(f)(x)   # right; likewise fnn.value_and_grad, fnn.func.vjp, ..., or fnn.backward(loss) inside fnn.jit

Or put jax.lax.stop_gradient around what is to have no derivative."""


class _Used:
    """Whether any mode was entered while a program was traced; without one nothing need be looked up."""

    ever = False


def is_grad_enabled() -> bool:
    """Whether derivatives of what is computed now can be taken.

    Example:
        >>> import fnn
        >>> with fnn.no_grad():
        ...     print(fnn.is_grad_enabled())
        False
    """
    return _enabled.get()


def is_inference_mode_enabled() -> bool:
    """Whether an `inference_mode` is on.

    Example:
        >>> import fnn
        >>> with fnn.inference_mode():
        ...     fnn.is_inference_mode_enabled()
        True
    """
    return _inference.get()


def disabled(equation: Any) -> bool:
    """Whether an equation of a jaxpr was made without derivatives."""
    if not _Used.ever:
        return False
    for name, _ in reversed(tracing.stack(equation)):
        if name in (_OFF, _ON):
            return name == _OFF
    return False


@contextmanager
def contained() -> Iterator[None]:
    """What a statement (`set_grad_enabled`) sets inside the ``with`` block ends with it."""
    enabled, inference = _enabled.get(), _inference.get()
    try:
        yield
    finally:
        _enabled.set(enabled)
        _inference.set(inference)


def check_enabled(what: str) -> None:
    """Derivatives must not be turned off.

    Raises:
        ArgumentError: they are.
    """
    if not _enabled.get():
        raise ArgumentError(
            f"{what}: element 0 of tensors does not require grad and does not have a grad_fn: it is called where "
            "derivatives are turned off (fnn.no_grad, fnn.inference_mode or fnn.set_grad_enabled(False))"
        )


def check_staged(what: str) -> None:
    """The derivatives that are being taken must be of programs, which say what was computed in which mode.

    Raises:
        Restage: a transform of fnn's takes one directly; it begins anew, with a program.
        TracerEscapeError: one of JAX's takes one.
    """
    scope: Scope | None = innermost.get()
    if tracing.differentiating(None if scope is None else scope.trace):
        raise TracerEscapeError(RAW.format(name=what))
    while scope is not None:
        scope.modal = True
        if scope.unstaged == "derivative":
            raise Restage(scope)
        scope = scope.parent


def _switched(enabled: bool) -> Any:
    """A context in which the derivative that is being taken sees nothing, or again what is computed.

    None: there is no derivative of fnn's that is taken of code while it runs, on values that are known.
    """
    scope = innermost.get()
    if scope is None or scope.unstaged != "derivative" or scope.trace is not tracing.current_trace():
        return None
    return tracing.differentiated_by(scope.trace, enabled) if tracing.is_eager(scope.trace) else None


class _Mode:
    """A context manager and decorator that turns derivatives on or off."""

    def __init__(self, enabled: bool, name: str, inference: bool | None = None) -> None:
        self._mode, self._name, self._inference = enabled, name, inference
        self._open: list[Any] = []

    def __enter__(self) -> None:
        self._enter()

    def _enter(self) -> None:
        if self._mode == _enabled.get() and self._inference is None:
            self._open.append((None, None, None))
            return
        names: Any = None
        if tracing.tracing():
            names = _switched(self._mode)
            if names is None:
                check_staged(self._name)
                _Used.ever = True
                names = jax.named_scope(_ON if self._mode else _OFF)
            names.__enter__()
        inference = None if self._inference is None else _inference.set(self._inference)
        self._open.append((names, _enabled.set(self._mode), inference))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        names, token, inference = self._open.pop()
        if inference is not None:
            _inference.reset(inference)
        if token is not None:
            _enabled.reset(token)
        if names is not None:
            names.__exit__(kind, error, traceback)

    def _again(self) -> _Mode:
        return _Mode(self._mode, self._name, self._inference)

    def __call__(self, function: F) -> F:
        if inspect.isclass(function):
            raise ArgumentTypeError(f"{self._name}: decorate the methods of {function.__name__}, not the class")
        if inspect.isgeneratorfunction(function):
            return _generator(self, function)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


def _generator(mode: _Mode, function: Any) -> Any:
    """A generator function whose body runs in the mode, but not what runs between two of its values."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        with mode._again():
            try:
                value = next(generator)
            except StopIteration as done:
                return done.value
        while True:
            try:
                sent = yield value
            except GeneratorExit:
                with mode._again():
                    generator.close()
                raise
            except BaseException as error:
                step = functools.partial(generator.throw, error)
            else:
                step = functools.partial(generator.send, sent)
            with mode._again():
                try:
                    value = step()
                except StopIteration as done:
                    return done.value

    return wrapper


class no_grad(_Mode):
    """What is computed inside has no derivative; a context manager and a decorator, as ``torch.no_grad``.

    It holds for every derivative that fnn takes of what is computed here: by `fnn.backward`, `fnn.autograd.grad`,
    `fnn.value_and_grad` and their kin, inside loops and branches too.  Eagerly nothing records, so nothing changes.

    Raises:
        TracerEscapeError: a raw `jax.grad` or `jax.jvp` is under way, which would not notice.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> def f(x):
        ...     with fnn.no_grad():
        ...         factor = x * 2
        ...     return (factor * x).sum()
        >>> print(fnn.grad(f)(jnp.array([3.0])))
        [6.]
    """

    def __init__(self) -> None:
        super().__init__(False, "no_grad")

    def __new__(cls, function: Any = None) -> Any:
        """``@no_grad`` without parentheses decorates."""
        if function is None:
            return super().__new__(cls)
        return cls()(function)


class enable_grad(_Mode):
    """What is computed inside has a derivative, also inside `no_grad`; a context manager and a decorator.

    Example:
        >>> import fnn
        >>> with fnn.no_grad(), fnn.enable_grad():
        ...     print(fnn.is_grad_enabled())
        True
    """

    def __init__(self) -> None:
        super().__init__(True, "enable_grad")

    def __new__(cls, function: Any = None) -> Any:
        """``@enable_grad`` without parentheses decorates."""
        if function is None:
            return super().__new__(cls)
        return cls()(function)


class set_grad_enabled(_Mode):
    """Turns derivatives on or off: for a ``with`` block, or as a statement from here on.

    As a statement inside a traced function it holds to the end of that function.

    Args:
        mode: whether what is computed has derivatives.

    Example:
        >>> import fnn
        >>> with fnn.set_grad_enabled(False):
        ...     print(fnn.is_grad_enabled())
        False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode), "set_grad_enabled")
        self._enter()  # at once, as a statement

    def __enter__(self) -> None:
        pass

    def __call__(self, function: F) -> F:
        """As a decorator it does not hold outside of the function."""
        self.__exit__(None, None, None)
        return super().__call__(function)


class inference_mode(_Mode):
    """`no_grad`; arrays have no views and versions that it could save besides.

    Args:
        mode: whether it is on.

    Example:
        >>> import fnn
        >>> with fnn.inference_mode():
        ...     print(fnn.is_inference_mode_enabled(), fnn.is_grad_enabled())
        True False
    """

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode, "inference_mode", bool(mode))

    def __new__(cls, mode: Any = True) -> Any:
        """``@inference_mode`` without parentheses decorates."""
        if callable(mode):
            return cls()(mode)
        return super().__new__(cls)
