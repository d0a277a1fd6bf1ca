"""Autocast for functions with derivatives of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from fnn.amp._autocast import autocast, get_autocast_dtype, is_autocast_enabled
from fnn.autocasting import cast
from fnn.dtypes import canonical
from fnn.typing import DType

__all__ = ["custom_bwd", "custom_fwd"]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def custom_fwd(fwd: Callable[P, R], *, device_type: str, cast_inputs: DType | None = None) -> Callable[P, R]: ...


@overload
def custom_fwd(
    fwd: None = None, *, device_type: str, cast_inputs: DType | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def custom_fwd(fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: DType | None = None) -> Any:
    """A decorator: in a region of autocast the function gets its floating arguments cast, and runs outside of it.

    For functions whose derivative is written by hand: those of ``jax.custom_vjp`` or ``jax.custom_jvp``, or the
    ``forward`` of a class as PyTorch has them, whose first argument, ``ctx``, is then told for `custom_bwd`.

    Args:
        fwd: the function; without it, what decorates it is returned.
        device_type: of the region.
        cast_inputs: the dtype; None leaves arguments and region as they are. Outside of a region nothing is cast.

    Returns:
        The function decorated.

    Raises:
        ArgumentError: the device type is unknown.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> @fnn.amp.custom_fwd(device_type="cpu", cast_inputs=jnp.float32)
        ... @jax.custom_vjp
        ... def cube(x):
        ...     return x**3
        >>> cube.defvjp(lambda x: (x**3, x), lambda x, g: (3 * x**2 * g,))
        >>> with fnn.autocast("cpu"):
        ...     cube(jnp.ones(2, jnp.bfloat16)).dtype.name
        'float32'
    """
    is_autocast_enabled(device_type)  # refuses an unknown one
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    wanted = None if cast_inputs is None else canonical(cast_inputs, "custom_fwd: ")
    function = fwd

    @functools.wraps(function)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        enabled = is_autocast_enabled(device_type)
        _tell(args, get_autocast_dtype(device_type), enabled and wanted is None)
        if wanted is None or not enabled:
            return function(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return function(*cast(args, wanted), **cast(kwargs, wanted))

    return _with_rules(decorated, function)


@overload
def custom_bwd(bwd: Callable[P, R], *, device_type: str) -> Callable[P, R]: ...


@overload
def custom_bwd(bwd: None = None, *, device_type: str) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """A decorator: the backward function runs under the autocast that its forward function ran under.

    PyTorch's has a ``ctx`` for its first argument, which `custom_fwd` has told. A backward rule of JAX's has none; it
    is traced wherever the derivative is taken, and runs without autocast, as PyTorch's backward passes do.

    Args:
        bwd: the function; without it, what decorates it is returned.
        device_type: of the region.

    Returns:
        The function decorated.

    Raises:
        ArgumentError: the device type is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import functional as F
        >>> @fnn.amp.custom_bwd(device_type="cpu")
        ... def backward(weight, g):
        ...     return (F.linear(g, weight.T),)
        >>> with fnn.autocast("cpu"):
        ...     backward(jnp.ones((2, 3)), jnp.ones(2))[0].dtype.name
        'float32'
    """
    is_autocast_enabled(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    function = bwd

    @functools.wraps(function)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        context = args[0] if args else None
        enabled = getattr(context, "_fwd_used_autocast", False)
        dtype = getattr(context, "_dtype", None)
        with autocast(device_type, dtype, enabled=enabled):
            return function(*args, **kwargs)

    return decorated


def _tell(args: tuple[Any, ...], dtype: Any, used: bool) -> None:
    """Notes on a ``ctx`` what `custom_bwd` will ask for; arrays and the like take no attributes."""
    if args and hasattr(type(args[0]), "save_for_backward"):
        args[0]._dtype, args[0]._fwd_used_autocast = dtype, used


def _with_rules(decorated: Callable[..., Any], function: Any) -> Callable[..., Any]:
    """``decorated``, with the methods that declare the derivative rules of a function of JAX's."""
    for name in ("defvjp", "defjvp", "defjvps", "def_vmap"):
        if hasattr(function, name):
            setattr(decorated, name, getattr(function, name))
    return decorated
