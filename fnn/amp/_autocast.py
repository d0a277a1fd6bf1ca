"""`autocast`, and what is set in a thread."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ParamSpec, TypeVar

import numpy as np

from fnn.autocasting import DEVICES, Region, State, current, opened
from fnn.devices import is_available
from fnn.dtypes import canonical
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import DType

__all__ = [
    "autocast", "get_autocast_dtype", "is_autocast_available", "is_autocast_cache_enabled", "is_autocast_enabled",
    "set_autocast_cache_enabled", "set_autocast_dtype", "set_autocast_enabled",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")

_ALIASES = {"gpu": "cuda", "rocm": "cuda", "xla": "tpu"}
_SUPPORTED = ("bfloat16", "float16")


def _known(device_type: object) -> str:
    """The device type by the name that the tables use."""
    if not isinstance(device_type, str):
        raise ArgumentTypeError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    name = _ALIASES.get(device_type, device_type)
    if name not in DEVICES:
        names = ", ".join([*DEVICES, *_ALIASES])
        raise ArgumentError(f"Expected one of {names} device type at start of device string: {device_type}")
    return name


def _dtype_of(state: State, device: str) -> np.dtype:
    return next((entry.dtype for entry in state.dtypes if entry.device == device), DEVICES[device])


def _with_dtype(state: State, device: str, dtype: np.dtype) -> State:
    others = [entry for entry in state.dtypes if entry.device != device]
    changed = [] if dtype == DEVICES[device] else [Region(device, dtype)]
    enabled = tuple(Region(device, dtype) if entry.device == device else entry for entry in state.enabled)
    return state._replace(dtypes=tuple(sorted([*others, *changed], key=lambda e: e.device)), enabled=enabled)


def _with_enabled(state: State, device: str, enabled: bool) -> State:
    others = tuple(entry for entry in state.enabled if entry.device != device)
    return state._replace(enabled=(*others, Region(device, _dtype_of(state, device))) if enabled else others)


class autocast:
    """A region in which functions compute in the dtype that PyTorch's tables name for them.

    As a context manager or a decorator. In the region products (`linear`, convolutions, attention, recurrent networks)
    cast what they are given to ``dtype``; losses and, on a GPU, norms, powers and softmaxes cast to float32; others
    take what comes. Parameters stay as they are, and so do their gradients. The tables differ for CPU and GPU
    ("Autocast Op Reference" in PyTorch's documentation); a TPU has the GPU's.

    What follows is what goes through fnn: `fnn.functional`, `fnn.nn`, `fnn.ops`, operators and methods of Parameters
    and Buffers. An operator between two arrays of JAX's (``a @ b``) cannot know of a region, nor can ``jnp``; there is
    ``fnn.ops.matmul`` for it, or a Parameter on the left.

    The region that holds when a function is *traced* decides; it is part of what JAX and `fnn.jit` look up programs by,
    so a function that is called inside and outside has two. It may be entered within a jitted function. As a program
    does not know, when it is traced, where it will run, ``device_type`` says whose table is meant; of regions of
    several device types the innermost holds. A derivative is taken of what was traced: `fnn.value_and_grad` may stand
    inside or outside of the region.

    Args:
        device_type: "cpu", "cuda" (also "gpu", "rocm") or "tpu" (also "xla").
        dtype: bfloat16 or float16; None is what `get_autocast_dtype` gives: float16 for "cuda", else bfloat16.
        enabled: False makes it a region without autocast, within another one.
        cache_enabled: what `is_autocast_cache_enabled` says in the region. PyTorch keeps the casts of weights for the
            region; a compiled program casts each once, so nothing else depends on it.

    Raises:
        ArgumentTypeError: ``device_type`` is no string, or what is decorated no function.
        ArgumentError: the device type is unknown.

    Warns:
        UserWarning: another ``dtype``, or no such device in this machine; the region is then disabled.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Linear(2, 3)
        >>> with fnn.autocast("cpu"):
        ...     y = model(jnp.ones((4, 2)))
        >>> y.dtype.name, model.weight.dtype.name
        ('bfloat16', 'float32')
    """

    def __init__(
        self, device_type: str, dtype: DType | None = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        self.device = device_type
        self._table = _known(device_type)
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else canonical(dtype, "autocast: ")
        self._cache_enabled = is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        if enabled and self._table != "cpu" and not is_available(self._table):
            warnings.warn(f"{self._table.upper()} is not available. Disabling autocast.", stacklevel=2)
            enabled = False
        elif enabled and self._table != "cuda" and self.fast_dtype.name not in _SUPPORTED:  # PyTorch's takes any there
            name = self._table.upper()
            warnings.warn(
                f"In {name} autocast, but the target dtype is not supported. Disabling autocast.\n"
                f"{name} Autocast only supports dtypes of {', '.join(_SUPPORTED)} currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled
        self._entered: list[AbstractContextManager[object]] = []  # one region may be entered within itself

    def __enter__(self) -> autocast:
        state = _with_dtype(current(), self._table, self.fast_dtype)
        state = _with_enabled(state, self._table, self._enabled)._replace(cache=self._cache_enabled)
        inside = opened(state)
        inside.__enter__()
        self._entered.append(inside)
        return self

    def __exit__(self, *error: object) -> None:
        self._entered.pop().__exit__(None, None, None)

    def __call__(self, func: Callable[P, R]) -> Callable[P, R]:
        """``func``, which runs in a region like this one."""
        if not callable(func):
            raise ArgumentTypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}. "
                "Did you mean to use autocast as a context manager? For example:\n"
                "    with fnn.autocast(device_type=...):\n"
                "        output = model(input)"
            )

        @functools.wraps(func)
        def decorated(*args: P.args, **kwargs: P.kwargs) -> R:
            state = _with_dtype(current(), self._table, self.fast_dtype)
            state = _with_enabled(state, self._table, self._enabled)._replace(cache=self._cache_enabled)
            with opened(state):
                return func(*args, **kwargs)

        return decorated


def _set(state: State) -> None:
    opened(state).__enter__()  # and never left: it holds for the rest of the thread, or of the region around


def is_autocast_available(device_type: str) -> bool:
    """Whether there are tables for this device type.

    Args:
        device_type: "cpu", "cuda", "tpu", or one of their other names.

    Returns:
        True; whether this machine has such a device is another question.

    Raises:
        ArgumentError: the device type is unknown.

    Example:
        >>> import fnn
        >>> fnn.amp.is_autocast_available("cpu")
        True
    """
    return _known(device_type) in DEVICES


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether a region of this device type is open.

    Args:
        device_type: "cuda" if not given, as in PyTorch.

    Returns:
        A bool.

    Raises:
        ArgumentError: the device type is unknown.

    Example:
        >>> import fnn
        >>> with fnn.autocast("cpu"):
        ...     fnn.amp.is_autocast_enabled("cpu"), fnn.amp.is_autocast_enabled()
        (True, False)
    """
    name = _known(device_type)
    return any(entry.device == name for entry in current().enabled)


def get_autocast_dtype(device_type: str) -> np.dtype:
    """The lower precision of a device type: that of the region, or what one gets that is opened without ``dtype``.

    Args:
        device_type: "cpu", "cuda", "tpu", or one of their other names.

    Returns:
        A dtype.

    Raises:
        ArgumentError: the device type is unknown.

    Example:
        >>> import fnn
        >>> fnn.amp.get_autocast_dtype("cpu").name, fnn.amp.get_autocast_dtype("cuda").name
        ('bfloat16', 'float16')
    """
    return _dtype_of(current(), _known(device_type))


def is_autocast_cache_enabled() -> bool:
    """What ``cache_enabled`` of the region says, True outside of regions; see `autocast`.

    Returns:
        A bool.

    Example:
        >>> import fnn
        >>> with fnn.autocast("cpu", cache_enabled=False):
        ...     fnn.amp.is_autocast_cache_enabled()
        False
    """
    return current().cache


def set_autocast_enabled(device_type: str, enabled: bool) -> None:
    """Opens or closes autocast for this thread, up to the end of the region around.

    Args:
        device_type: "cpu", "cuda", "tpu", or one of their other names.
        enabled: whether functions follow the tables from now on.

    Raises:
        ArgumentError: the device type is unknown.

    Example:
        >>> import fnn
        >>> with fnn.autocast("cpu"):
        ...     fnn.amp.set_autocast_enabled("cpu", False)
        ...     fnn.amp.is_autocast_enabled("cpu")
        False
    """
    _set(_with_enabled(current(), _known(device_type), enabled))


def set_autocast_dtype(device_type: str, dtype: DType) -> None:
    """Sets the lower precision of a device type for this thread, up to the end of the region around.

    Args:
        device_type: "cpu", "cuda", "tpu", or one of their other names.
        dtype: bfloat16 or float16.

    Raises:
        ArgumentError: the device type is unknown, or the dtype neither of the two.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> with fnn.autocast("cpu"):
        ...     fnn.amp.set_autocast_dtype("cpu", jnp.float16)
        ...     fnn.amp.get_autocast_dtype("cpu").name
        'float16'
    """
    wanted = canonical(dtype, "set_autocast_dtype: ")
    if wanted.name not in _SUPPORTED:
        raise ArgumentError(f"set_autocast_dtype: expected one of {', '.join(_SUPPORTED)}, got dtype={wanted.name}")
    _set(_with_dtype(current(), _known(device_type), wanted))


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Sets what `is_autocast_cache_enabled` says in this thread, up to the end of the region around.

    Args:
        enabled: see `autocast`.

    Example:
        >>> import fnn
        >>> with fnn.autocast("cpu"):
        ...     fnn.amp.set_autocast_cache_enabled(False)
        ...     fnn.amp.is_autocast_cache_enabled()
        False
    """
    _set(current()._replace(cache=enabled))
