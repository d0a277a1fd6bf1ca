"""Devices and dtypes of a Module: ``to``, ``cuda``, ``half`` and their kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from fnn import init
from fnn.devices import to_device
from fnn.dtypes import canonical
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn._tables import Tables
from fnn.state.parameter import Parameter, is_lazy
from fnn.typing import Device, DType

_T = TypeVar("_T", bound="Movement")


def _is_dtype(value: object) -> bool:
    if isinstance(value, (np.dtype, type)):
        return True
    return hasattr(value, "dtype") and not hasattr(value, "shape")  # jnp.float32 and its like


class Movement(Tables):
    """Part of `Module`: everything that maps over all arrays."""

    def _apply(self: _T, fn: Callable[[jax.Array], jax.Array], recurse: bool = True) -> _T:
        """Replaces every parameter, gradient and buffer by ``fn`` of it."""
        for module in self.modules() if recurse else [self]:
            for box in (*module._parameters.values(), *module._buffers.values()):
                if box is None:
                    continue
                if is_lazy(box):
                    box._move(fn)
                    continue
                box.data = fn(box.data)
                if isinstance(box, Parameter) and box.grad is not None:
                    box._grad_box()._write(fn(box.grad))
        return self

    def to(self: _T, *args: Any, **kwargs: Any) -> _T:
        """Moves and casts all parameters and buffers, in place.

        Call it as ``to(device=None, dtype=None, non_blocking=False)``, ``to(dtype)``, ``to(array)``.

        Args:
            *args: a device (``"cuda"``, ``"cpu"``, ``"tpu:0"``, a `jax.Device` or Sharding), a dtype (of the
                floating or complex arrays; others keep theirs), or an array that has both.
            **kwargs: ``device``, ``dtype``, ``non_blocking`` (transfers are asynchronous in any case).

        Returns:
            The module itself.
        """
        device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
        kwargs.pop("non_blocking", None)
        if kwargs.pop("memory_format", None) is not None:
            raise ArgumentError("Module.to: memory_format is not supported; XLA chooses the layout of arrays in memory")
        if "tensor" in kwargs:
            args = (kwargs.pop("tensor"), *args)
        if kwargs:
            raise TypeError(f"Module.to: unexpected keyword argument {next(iter(kwargs))!r}")
        for n, value in enumerate(args):
            if isinstance(value, bool):
                continue  # non_blocking by position
            if _is_dtype(value):
                dtype = value
            elif hasattr(value, "dtype") and hasattr(value, "shape"):
                dtype, device = value.dtype, getattr(value, "sharding", None)
            elif value is not None:
                if n or device is not None:
                    raise ArgumentTypeError(f"Module.to: expected a device, dtype or array, got {value!r}")
                device = value
        device = to_device(device, "Module.to: ")
        if device is not None and any(
            getattr(box, "_layout", None) is not None
            for module in self.modules()
            for box in (*module._parameters.values(), *module._buffers.values())
        ):
            raise ArgumentError(
                f"Module.to: the module is distributed over a mesh and stays there, got device={device!r}; call to() "
                "before fnn.distributed.distribute, or leave the device out"
            )
        if dtype is not None:
            dtype = canonical(dtype, "Module.to: ")
            if not jnp.issubdtype(dtype, jnp.inexact):
                raise ArgumentTypeError(
                    f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype.name}"
                )

        def move(x: jax.Array) -> jax.Array:
            if dtype is not None and jnp.issubdtype(x.dtype, jnp.inexact):
                x = x.astype(dtype)
            return x if device is None else jax.device_put(x, device)

        return self._apply(move)

    _casts = True  # whether float(), half(), ... and type() cast this module's arrays; a metric's states they do not

    def _cast(self: _T, fn: Callable[[jax.Array], jax.Array]) -> _T:
        for module in self.modules():
            if module._casts:
                module._apply(fn, recurse=False)
        return self

    def _cast_floating(self: _T, dtype: DType, what: str) -> _T:
        dtype = canonical(dtype, what)
        return self._cast(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x)

    def float(self: _T) -> _T:
        """Casts all floating parameters and buffers to float32."""
        return self._cast_floating("float32", "Module.float: ")

    def double(self: _T) -> _T:
        """Casts all floating parameters and buffers to float64 (needs x64 mode)."""
        return self._cast_floating("float64", "Module.double: ")

    def half(self: _T) -> _T:
        """Casts all floating parameters and buffers to float16."""
        return self._cast_floating("float16", "Module.half: ")

    def bfloat16(self: _T) -> _T:
        """Casts all floating parameters and buffers to bfloat16."""
        return self._cast_floating(jnp.bfloat16, "Module.bfloat16: ")

    def type(self: _T, dst_type: DType) -> _T:
        """Casts all parameters and buffers to a dtype."""
        dtype = canonical(dst_type, "Module.type: ")
        return self._cast(lambda x: x.astype(dtype))

    def cpu(self: _T) -> _T:
        """Moves everything to the CPU."""
        return self.to("cpu")

    def _accelerator(self: _T, platform: str, device: Device | None) -> _T:
        if device is None:
            device = platform
        elif isinstance(device, int):
            device = f"{platform}:{device}"
        return self.to(device)

    def cuda(self: _T, device: Device | None = None) -> _T:
        """Moves everything to a GPU."""
        return self._accelerator("cuda", device)

    def tpu(self: _T, device: Device | None = None) -> _T:
        """Moves everything to a TPU."""
        return self._accelerator("tpu", device)

    def _unsupported(self, name: str) -> Any:
        raise ArgumentError(
            f"Module.{name}: JAX has no {name} backend here; use .cuda(), .tpu(), .cpu() or .to(jax_device)"
        )

    def xpu(self: _T, device: Device | None = None) -> _T:
        """Moves to an Intel XPU; refused where JAX has no such backend."""
        return self.to(device) if isinstance(device, jax.Device) else self._unsupported("xpu")

    def ipu(self: _T, device: Device | None = None) -> _T:
        """Moves to a Graphcore IPU; refused where JAX has no such backend."""
        return self.to(device) if isinstance(device, jax.Device) else self._unsupported("ipu")

    def mtia(self: _T, device: Device | None = None) -> _T:
        """Moves to an MTIA device; refused where JAX has no such backend."""
        return self.to(device) if isinstance(device, jax.Device) else self._unsupported("mtia")

    def share_memory(self: _T) -> _T:
        """Returns the module: arrays are immutable, so nothing needs to be shared to be read."""
        return self

    def to_empty(self: _T, *, device: Device, recurse: bool = True) -> _T:
        """Moves to a device without copying values; they become zeros."""
        target = to_device(device, "Module.to_empty: ")
        return self._apply(lambda x: jax.device_put(init.zeros(None, x.shape, x.dtype), target), recurse)
