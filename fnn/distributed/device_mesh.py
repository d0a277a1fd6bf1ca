"""``torch.distributed.device_mesh`` for ported scripts: a `jax.sharding.Mesh` with PyTorch's way to name its parts."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from fnn.distributed.meshes import BATCH, MODEL, OF_RULE, SEQUENCE, mesh
from fnn.distributed.torch_groups import WORLD, ProcessGroup
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import Ints

__all__ = ["DeviceMesh", "init_device_mesh", "jax_mesh"]

_KNOWN = tuple(dict.fromkeys((*BATCH, *MODEL, *SEQUENCE, *OF_RULE["expert"])))


class DeviceMesh:
    """Devices in an array whose axes may have names; ``mesh["tp"]`` is the part that is one axis of it.

    PyTorch's mesh is of processes with one device each, this one of all devices, however many a process has.

    Args:
        device_type: ``"cpu"``, ``"cuda"`` (or ``"gpu"``), ``"tpu"``: the platform whose devices they are.
        mesh: the numbers of the devices, as a nested list or an array.
        mesh_dim_names: the names of its axes; what they mean is said in `fnn.distributed.mesh`.

    Raises:
        ArgumentError: a device that is not there, or names that do not fit.

    Example:
        >>> import fnn
        >>> mesh = fnn.distributed.DeviceMesh("cpu", [[0]], mesh_dim_names=("dp", "tp"))
        >>> mesh.shape, mesh["tp"].size(), mesh
        ((1, 1), 1, DeviceMesh((dp=1, tp=1), 'cpu'))
    """

    def __init__(self, device_type: str, mesh: Any, *, mesh_dim_names: tuple[str, ...] | None = None) -> None:
        self.device_type = "cuda" if device_type == "gpu" else device_type
        self.mesh = np.asarray(mesh)
        devices = _devices(self.device_type)
        if self.mesh.dtype.kind not in "iu":
            raise ArgumentTypeError(f"DeviceMesh: mesh must hold the numbers of devices, got {mesh!r}")
        if self.mesh.size and not 0 <= self.mesh.min() <= self.mesh.max() < len(devices):
            raise ArgumentError(f"DeviceMesh: mesh must hold numbers from 0 to {len(devices) - 1}, got {mesh!r}")
        if mesh_dim_names is not None:
            mesh_dim_names = tuple(mesh_dim_names)
            if len(mesh_dim_names) != self.mesh.ndim or len(set(mesh_dim_names)) != len(mesh_dim_names):
                raise ArgumentError(
                    f"DeviceMesh: mesh_dim_names must be {self.mesh.ndim} different names, got {mesh_dim_names!r}"
                )
        self.mesh_dim_names = mesh_dim_names
        self._root: DeviceMesh = self
        self._made: dict[tuple[str, ...], Mesh] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.mesh.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.mesh.ndim

    def size(self, mesh_dim: int | None = None) -> int:
        """How many devices there are, or how many along one axis."""
        return self.mesh.size if mesh_dim is None else self.mesh.shape[mesh_dim]

    def __getitem__(self, mesh_dim_names: str | tuple[str, ...]) -> DeviceMesh:
        names = (mesh_dim_names,) if isinstance(mesh_dim_names, str) else tuple(mesh_dim_names)
        if self.mesh_dim_names is None:
            raise ArgumentError("DeviceMesh: cannot slice a DeviceMesh without mesh_dim_names!")
        unknown = [name for name in names if name not in self.mesh_dim_names]
        if unknown or not names:
            raise KeyError(
                f"Invalid mesh_dim_names {names} specified. Valid mesh_dim_names are {list(self.mesh_dim_names)}."
            )
        at = [self.mesh_dim_names.index(name) for name in names]
        others = [n for n in range(self.ndim) if n not in at]
        first = np.moveaxis(self.mesh, others, range(len(others)))[(0,) * len(others)]
        order = np.argsort(np.argsort(at))
        part = DeviceMesh(self.device_type, np.transpose(first, order), mesh_dim_names=names)
        part._root = self._root
        return part

    def get_rank(self) -> int:
        """The number of this process."""
        return jax.process_index()

    def get_local_rank(self, mesh_dim: int | str | None = None) -> int:
        """Where the first device of this process stands along one axis, which may be left out if it is the only one.

        Raises:
            ArgumentError: an axis that there is not, or none named of several.
        """
        if mesh_dim is None and self.ndim != 1:
            raise ArgumentError(f"DeviceMesh.get_local_rank: mesh_dim must be one of the {self.ndim} axes, got None")
        names = self.mesh_dim_names or ()
        at = names.index(mesh_dim) if mesh_dim in names else 0 if mesh_dim is None else mesh_dim
        if not isinstance(at, int) or not -self.ndim <= at < self.ndim:
            raise ArgumentError(f"DeviceMesh.get_local_rank: there is no axis {mesh_dim!r} in {self}")
        found = self.get_coordinate()
        if found is None:
            raise ArgumentError(f"DeviceMesh.get_local_rank: no device of process {jax.process_index()} is in {self}")
        return found[at]

    def get_group(self, mesh_dim: int | str | None = None) -> ProcessGroup:
        """The group of all processes, for a mesh of one axis with all devices.

        Raises:
            ArgumentError: a part of the devices, which is no group of processes.
        """
        if self.ndim == 1 and self.size() == len(_devices(self.device_type)):
            return WORLD
        raise ArgumentError(
            f"DeviceMesh.get_group: {self} is no group of processes, got mesh_dim={mesh_dim!r}: a compiled step "
            "exchanges data along the axes of its mesh by itself"
        )

    def get_coordinate(self) -> list[int] | None:
        """Where the first device of this process stands; None if none of them is in the mesh."""
        here = [d.id for d in _devices(self.device_type) if d.process_index == jax.process_index()]
        devices = _devices(self.device_type)
        found = [at for at in np.ndindex(self.shape) if devices[int(self.mesh[at])].id in here]
        return list(found[0]) if found else None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DeviceMesh)
            and self.device_type == other.device_type
            and self.mesh_dim_names == other.mesh_dim_names
            and np.array_equal(self.mesh, other.mesh)
        )

    def __hash__(self) -> int:
        return hash((self.device_type, self.mesh_dim_names, self.mesh.tobytes()))

    def __repr__(self) -> str:
        names = self.mesh_dim_names
        axes = [f"{names[n]}={size}" if names else str(size) for n, size in enumerate(self.shape)]
        return f"DeviceMesh(({', '.join(axes)}), '{self.device_type}')"


def init_device_mesh(
    device_type: str,
    mesh_shape: Ints,
    *,
    mesh_dim_names: tuple[str, ...] | None = None,
    backend_override: None = None,
) -> DeviceMesh:
    """A `DeviceMesh` of all devices, in their order.

    Args:
        device_type: ``"cpu"``, ``"cuda"`` (or ``"gpu"``), ``"tpu"``.
        mesh_shape: the sizes of the axes, whose product is the number of devices of all processes.
        mesh_dim_names: the names of the axes.
        backend_override: None: JAX chooses how its devices exchange data.

    Returns:
        The mesh.

    Raises:
        ArgumentError: a shape that does not make the number of devices, or names that do not fit.

    Example:
        >>> import fnn
        >>> fnn.distributed.init_device_mesh("cpu", (1,), mesh_dim_names=("dp",))
        DeviceMesh((dp=1), 'cpu')
    """
    if backend_override is not None:
        raise ArgumentError(f"init_device_mesh: backend_override must be None, got {backend_override!r}")
    shape = (mesh_shape,) if isinstance(mesh_shape, int) else tuple(mesh_shape)
    count = len(_devices(device_type))
    if math.prod(shape) != count:
        raise ArgumentError(f"init_device_mesh: mesh_shape {shape} needs {math.prod(shape)} devices, there are {count}")
    return DeviceMesh(device_type, np.arange(count).reshape(shape), mesh_dim_names=mesh_dim_names)


def _devices(device_type: str) -> list[Any]:
    try:
        return jax.devices({"cuda": "gpu"}.get(device_type, device_type))
    except RuntimeError:
        raise ArgumentError(f"DeviceMesh: there are no devices of device_type={device_type!r}") from None


def jax_mesh(of: DeviceMesh | Mesh | None, names: tuple[str, ...], where: str) -> tuple[Mesh, tuple[str, ...]]:
    """The whole mesh that one belongs to, and the axes that are meant.

    Args:
        of: what a script gives; None is all devices on one axis.
        names: of the axes, where it has none.
        where: the caller, for messages.

    Raises:
        ArgumentTypeError: it is no mesh.
        ArgumentError: it has more axes than there are names, or one whose name says nothing.
    """
    if of is None:
        return mesh(**{names[-1]: -1}), names[-1:]
    if isinstance(of, Mesh):
        return of, of.axis_names
    if not isinstance(of, DeviceMesh):
        raise ArgumentTypeError(f"{where}: expected a DeviceMesh or a jax.sharding.Mesh, got {of!r}")
    root, chosen = of._root, of.mesh_dim_names
    if chosen is None and of.ndim > len(names):
        raise ArgumentError(f"{where}: a mesh of {of.ndim} axes needs mesh_dim_names, got {of}")
    own = root.mesh_dim_names or names[len(names) - root.ndim :]
    unknown = [name for name in own if name not in _KNOWN]
    if unknown:
        raise ArgumentError(f"{where}: the name {unknown[0]!r} of an axis says nothing; expected one of {_KNOWN}")
    if own not in root._made:
        devices = _devices(root.device_type)
        chosen_devices = [devices[int(n)] for n in root.mesh.ravel()]
        root._made[own] = mesh(chosen_devices, **dict(zip(own, root.shape, strict=True)))
    return root._made[own], chosen or own
