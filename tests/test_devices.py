"""Names of devices in a job of several processes, of which each has some of a machine's accelerators."""

from types import SimpleNamespace

import jax
import pytest

from fnn.devices import to_device
from fnn.errors import ArgumentError


@pytest.mark.parametrize("name, found", [("cuda:3", 3), ("cuda:0", 2), ("cuda", 2), (3, 3)])
def test_an_accelerator_is_one_of_this_process(monkeypatch, name, found):
    own = [SimpleNamespace(local_hardware_id=n) for n in (2, 3)]
    monkeypatch.setattr(jax, "devices", lambda backend=None: [*"ab", *own])
    monkeypatch.setattr(jax, "local_devices", lambda backend=None: own)
    monkeypatch.setattr(jax, "device_count", lambda backend=None: 4)
    assert to_device(name).local_hardware_id == found
    with pytest.raises(ArgumentError, match="there are only 2 gpu devices"):
        to_device("cuda:4")
