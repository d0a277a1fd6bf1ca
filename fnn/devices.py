"""Devices by the names that PyTorch users write."""

from typing import Any

import jax

from fnn.errors import ArgumentError, ArgumentTypeError

__all__ = ["NO_META", "is_available", "to_device"]

NO_META = (
    'there is no device "meta": a model that no host can hold is made on the devices of a mesh, '
    'fnn.distributed.distribute(lambda: Net(), mesh, "fsdp", init="device"); shapes alone are what jax.eval_shape gives'
)

_PLATFORMS = {"cpu": "cpu", "cuda": "gpu", "gpu": "gpu", "rocm": "gpu", "tpu": "tpu", "xla": "tpu"}


def to_device(device: object, where: str = "to: ") -> Any:
    """A `jax.Device` (or Sharding) from what torch users write: ``"cuda:1"``, ``1``, ``"cpu"``, a Device.

    In a job of several processes it is one of this process's own.

    Raises:
        ArgumentError: an unknown name, or a device that this machine lacks.
    """
    if device is None or isinstance(device, (jax.Device, jax.sharding.Sharding)):
        return device
    if isinstance(device, int) and not isinstance(device, bool):
        name, index = "gpu" if _has("gpu") else jax.default_backend(), device
    elif isinstance(device, str):
        name, _, number = device.partition(":")
        if name == "meta":
            raise ArgumentError(f"{where}{NO_META}")
        if name not in _PLATFORMS or (number and not number.isdigit()):
            raise ArgumentError(
                f"{where}unknown device={device!r}; expected one of 'cpu', 'cuda', 'gpu', 'tpu', 'cuda:0', ..."
            )
        name, index = _PLATFORMS[name], int(number or 0)
    else:
        raise ArgumentTypeError(f"{where}device must be a string, an int or a jax.Device, got {device!r}")
    if not _has(name):
        here = sorted({d.platform for d in jax.devices()})
        raise ArgumentError(f"{where}no {name} device is available for device={device!r}; JAX found {here}")
    devices = jax.local_devices(backend=name)  # the first of all may be another process's
    if len(devices) < jax.device_count(name):
        # Of a machine's accelerators a process may have one, which it calls by its number on the machine.
        for one in devices if name != "cpu" else ():
            if getattr(one, "local_hardware_id", None) == index:
                return one
    if index >= len(devices):
        raise ArgumentError(f"{where}device={device!r}: there are only {len(devices)} {name} devices")
    return devices[index]


def is_available(name: str) -> bool:
    """Whether this machine has a device of this name: ``"cuda"``, ``"tpu"``."""
    return _has(_PLATFORMS[name])


def _has(platform: str) -> bool:
    try:
        return bool(jax.devices(platform))
    except RuntimeError:
        return False
