"""Tensors in a pickle: what PyTorch's ``_rebuild_*`` functions build, as arrays.

A plain tensor becomes what `Leaves.make` says; ``requires_grad`` of one is dropped, since arrays have none.  A
``torch.nn.Parameter`` becomes a `fnn.nn.Parameter`, a Buffer a `fnn.nn.Buffer`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.serialization import _sparse
from fnn.serialization._corrupt import CorruptFileError, UnsafeFileError
from fnn.serialization._leaves import Leaves
from fnn.serialization._limits import Marker
from fnn.serialization._pickle_read import Builder
from fnn.serialization._plain_names import set_attributes
from fnn.serialization._storage import Storage, check_sizes
from fnn.serialization._torch_dtypes import COMPLEX32, DTYPES, STORAGES
from fnn.state.box import Box
from fnn.typing import Device, DType, PyTree

__all__ = ["TensorNames", "VALUES"]

_REFUSED_TENSORS = "a tensor subclass, which only its own class can rebuild"
_QSCHEMES = ("per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
             "per_channel_affine_float_qparams")  # fmt: skip
_LAYOUTS = tuple(f"torch.{name}" for name in ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr",
                                             "sparse_bsc", "_mkldnn", "jagged"))  # fmt: skip


class StorageType(Marker):
    """A class of storages."""

    __slots__ = ("dtype",)

    def __init__(self, name: str, dtype: np.dtype) -> None:
        super().__init__(name)
        self.dtype = dtype


class Opaque(Marker):
    """A dtype without a counterpart, whose elements are read as another."""

    __slots__ = ("dtype",)

    def __init__(self, name: str, dtype: np.dtype) -> None:
        super().__init__(name)
        self.dtype = dtype


_TENSOR = Marker("torch.Tensor")

VALUES: dict[str, Any] = {
    "torch.Tensor": _TENSOR,
    **{f"torch.{name}": Marker(f"torch.{name}") for name in _QSCHEMES},
    **{
        f"torch.{name}": dtype if dtype.name == name else Opaque(f"torch.{name}", dtype)
        for name, dtype in DTYPES.items()
    },
    **{
        f"{module}.{name}": StorageType(f"{module}.{name}", dtype)
        for module in ("torch", "torch.cuda", "torch.storage")
        for name, dtype in STORAGES.items()
    },
}


def _storage(value: object) -> Storage:
    if not isinstance(value, Storage):
        raise CorruptFileError("a tensor without a storage")
    return value


class TensorNames:
    """The builders of tensors for one file.

    Args:
        leaves: what makes the arrays.
    """

    def __init__(self, leaves: Leaves) -> None:
        self.leaves = leaves
        self.made: dict[Any, Any] = {}  # views that are the same become the same array

    def calls(self) -> dict[str, Callable[..., Any]]:
        """The builders by name; not kept, since a cycle would keep the arrays until the garbage collector runs."""
        return {
            "torch._utils._rebuild_tensor": self.tensor,
            "torch._utils._rebuild_tensor_v2": self.tensor_v2,
            "torch._utils._rebuild_tensor_v3": self.tensor_v3,
            "torch._utils._rebuild_parameter": self.parameter,
            "torch._utils._rebuild_parameter_with_state": self.parameter_with_state,
            "torch._utils._rebuild_qtensor": self.quantised,
            "torch._utils._rebuild_sparse_tensor": self.sparse,
            "torch._utils._rebuild_nested_tensor": self.nested,
            "torch._utils._rebuild_meta_tensor_no_storage": self.meta,
            "torch._utils._rebuild_device_tensor_from_numpy": self.from_host,
            "torch._utils._rebuild_device_tensor_from_cpu_tensor": self.from_host,
            "torch._utils._rebuild_xla_tensor": self.from_host,
            "torch._utils._rebuild_wrapper_subclass": self.refused,
            "torch._tensor._rebuild_from_type_v2": self.from_type,
            "torch.nn.parameter.Parameter": self.parameter,
        }

    # -- dense ------------------------------------------------------------------------------------------

    def _dense(self, storage: Storage, dtype: Any, offset: Any, size: Any, stride: Any, metadata: Any = None) -> Any:
        flags = _flags(metadata)
        check_sizes("size", size)
        check_sizes("stride", stride)
        check_sizes("storage offset", (offset,))
        key = (storage.key, id(storage), dtype, offset, tuple(size), tuple(stride), flags)
        if key not in self.made:
            array = storage.view(dtype, offset, size, stride)
            if array.dtype == COMPLEX32 or flags:
                self.leaves.budget.spend(4 * array.nbytes)
            if array.dtype == COMPLEX32:
                array = array["real"] + 1j * array["imag"].astype(np.complex64)
            for flag in flags:
                array = np.conj(array) if flag == "conj" else np.negative(array)
            self.made[key] = self.leaves.make(array, storage.location, storage.nbytes)
        return self.made[key]

    def tensor(self, storage: Any, offset: Any, size: Any, stride: Any) -> Any:
        """A tensor whose dtype is its storage's."""
        return self._dense(_storage(storage), storage.dtype, offset, size, stride)

    def tensor_v2(
        self, storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, metadata: Any = None
    ) -> Any:
        """The same, with flags."""
        del grad, hooks
        return self._dense(_storage(storage), storage.dtype, offset, size, stride, metadata)

    def tensor_v3(
        self,
        storage: object,
        offset: object,
        size: object,
        stride: object,
        grad: object,
        hooks: object,
        dtype: DType | None,
        metadata: object = None,
    ) -> Any:
        """A tensor of a dtype that has no class of storages."""
        del grad, hooks
        return self._dense(_storage(storage), _dtype(dtype), offset, size, stride, metadata)

    def quantised(
        self, storage: Any, offset: Any, size: Any, stride: Any, scheme: Any, grad: Any = False, hooks: Any = None
    ) -> Any:
        """The float32 numbers that a quantised tensor stands for: ``(q - zero_point) * scale``."""
        del grad, hooks
        storage = _storage(storage)
        if storage.type_name not in ("QInt8Storage", "QUInt8Storage", "QInt32Storage"):
            raise UnsafeFileError(f"asks for a quantised tensor in a {storage.type_name}, which is not supported")
        array = storage.view(storage.dtype, offset, size, stride)
        self.leaves.budget.spend(12 * array.size)
        kind = scheme[0].name if type(scheme) is tuple and scheme and isinstance(scheme[0], Marker) else ""
        if kind == "torch.per_tensor_affine" and len(scheme) == 3:
            scale, zero = np.float32(_number(scheme[1])), np.int32(_number(scheme[2]))
        elif kind in ("torch.per_channel_affine", "torch.per_channel_affine_float_qparams") and len(scheme) == 4:
            axis = scheme[3]
            if type(axis) is not int or not 0 <= axis < array.ndim:
                raise CorruptFileError(f"a tensor of size {array.shape} that is quantised along axis {axis!r}")
            shape = [1] * array.ndim
            shape[axis] = array.shape[axis]
            scale = np.asarray(scheme[1], np.float64).astype(np.float32).reshape(shape)
            zero = np.asarray(scheme[2]).astype(np.float32).reshape(shape)
        else:
            raise CorruptFileError(f"a quantised tensor of the scheme {kind or scheme!r}")
        values = (array.astype(np.float32) - zero.astype(np.float32)) * scale
        return self.leaves.make(values.astype(np.float32), storage.location)

    def meta(self, dtype: Any, size: Any, stride: Any, grad: Any = False) -> Any:
        """A tensor without values: a `jax.ShapeDtypeStruct`."""
        del grad
        check_sizes("size", size)
        check_sizes("stride", stride)
        return jax.ShapeDtypeStruct(tuple(size), _dtype(dtype))

    def from_host(self, data: object, dtype: DType | None, device: Device | None, grad: object = False) -> Any:
        """A tensor of a device without storages, saved by its values."""
        del grad
        if not isinstance(data, (np.ndarray, jax.Array)):
            raise CorruptFileError("a tensor without values")
        self.leaves.budget.spend(16 * data.size)
        return self.leaves.make(np.asarray(data).astype(_dtype(dtype)), str(device))

    # -- boxes ------------------------------------------------------------------------------------------

    def parameter(self, data: object = None, requires_grad: object = True, hooks: object = None) -> Any:
        """A Parameter; where its values cannot be a `jax.Array`, or shall not be, the values alone."""
        del hooks
        from fnn.nn import Parameter

        if not isinstance(data, jax.Array):
            return data if isinstance(data, np.ndarray) else _no_tensor(data)
        if type(requires_grad) is not bool:
            raise CorruptFileError(f"a Parameter with requires_grad={requires_grad!r}")
        return Parameter(data, requires_grad and jnp.issubdtype(data.dtype, jnp.inexact))

    def parameter_with_state(self, data: object, requires_grad: object, hooks: object, state: PyTree) -> Any:
        """The same, with attributes of its own."""
        result = self.parameter(data, requires_grad, hooks)
        if not isinstance(result, np.ndarray):
            set_attributes(result, state)
        return result

    def from_type(self, function: object, kind: object, arguments: object, state: PyTree) -> Any:
        """A tensor with attributes: of a Parameter they are kept; an array cannot have any."""
        if not isinstance(function, Builder) or function.call not in self.calls().values():
            raise UnsafeFileError("asks to rebuild a tensor by something else than a function for it")
        name = kind.name if isinstance(kind, Marker) else type(kind).__name__
        if name not in ("torch.Tensor", "torch.nn.parameter.Parameter"):
            raise UnsafeFileError(f"asks for {name}: {_REFUSED_TENSORS}")
        if type(arguments) is not tuple:
            raise CorruptFileError("the arguments of a tensor are no tuple")
        result = function.call(*arguments)
        if name != "torch.Tensor":
            bare = isinstance(result, (jax.Array, np.ndarray)) and not isinstance(result, Box)
            result = self.parameter(result) if bare else result
            if not isinstance(result, np.ndarray):
                set_attributes(result, state)
        elif isinstance(state, dict) and state.get("_is_buffer") is True and isinstance(result, jax.Array):
            from fnn.nn import Buffer

            return Buffer(result, persistent=state.get("persistent") is not False)
        return result

    def refused(self, *arguments: object) -> Any:
        """A subclass of Tensor."""
        del arguments
        raise UnsafeFileError(f"asks for torch._utils._rebuild_wrapper_subclass: {_REFUSED_TENSORS}")

    # -- several tensors in one -------------------------------------------------------------------------

    def sparse(self, layout: object, data: object) -> Any:
        """A sparse tensor: a BCOO."""
        if type(layout) is not str or type(data) is not tuple or len(data) < 3:
            raise CorruptFileError("a sparse tensor without its parts")
        size = data[3] if len(data) == 4 and layout != "torch.sparse_coo" else data[2]
        check_sizes("size", size)
        for part in data:
            if not isinstance(part, (jax.Array, np.ndarray, tuple, list, bool, type(None))):
                _no_tensor(part)
        return _sparse.from_torch(self.leaves.budget, layout, data)

    def nested(self, buffer: object, sizes: object, strides: object, offsets: object) -> Any:
        """A nested tensor: the list of its tensors."""
        values = np.asarray(buffer if isinstance(buffer, (jax.Array, np.ndarray)) else _no_tensor(buffer))
        if values.ndim != 1 or not values.flags.c_contiguous:
            raise CorruptFileError("a nested tensor whose values are not flat")
        parts = [np.asarray(part if isinstance(part, (jax.Array, np.ndarray)) else _no_tensor(part))
                 for part in (sizes, strides, offsets)]  # fmt: skip
        if parts[0].shape != parts[1].shape or parts[0].ndim != 2 or parts[2].shape != parts[0].shape[:1]:
            raise CorruptFileError("a nested tensor whose sizes, strides and offsets do not match")
        self.leaves.budget.spend(200 * parts[0].size)
        flat = Storage("nested", values.dtype, "cpu", values.view(np.uint8), False)
        return [
            self.leaves.make(flat.view(values.dtype, offset, size, stride))
            for size, stride, offset in zip(*(part.tolist() for part in parts), strict=True)
        ]


def set_parameter(instance: Any, state: Any) -> bool:
    """The state of a Parameter before PyTorch 0.4, (requires_grad, volatile, hooks); False if it is none."""
    if not hasattr(type(instance), "requires_grad_") or type(state) is not tuple or len(state) != 3:
        return False
    instance.requires_grad_(state[0] is True)
    return True


def plain_calls() -> dict[str, Callable[..., Any]]:
    """What PyTorch's own plain values become: tuples and names."""
    return {"torch.Size": _size, "torch.device": _device, "torch.serialization._get_layout": _layout}


def _size(sizes: Any = ()) -> tuple[int, ...]:
    check_sizes("size", sizes)
    return tuple(sizes)


def _device(kind: object, index: object = None) -> str:
    if type(kind) is not str or type(index) not in (int, type(None)):
        raise CorruptFileError("a torch.device that is none")
    return kind if index is None else f"{kind}:{index}"


def _layout(name: Any) -> str:
    if name not in _LAYOUTS:
        raise CorruptFileError(f"the layout {name!r}")
    return name


def _dtype(value: object) -> np.dtype:
    if isinstance(value, Opaque):
        return value.dtype
    if not isinstance(value, np.dtype):
        raise CorruptFileError("a tensor without a dtype")
    return value


def _flags(metadata: object) -> tuple[str, ...]:
    if not metadata:
        return ()
    if type(metadata) is not dict or not set(metadata) <= {"conj", "neg"}:
        raise UnsafeFileError("asks for a tensor with flags other than 'conj' and 'neg'")
    return tuple(sorted(name for name, value in metadata.items() if value is True))


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise CorruptFileError("a quantised tensor without a scale and a zero point")
    return value


def _no_tensor(value: object) -> Any:
    name = value.name if isinstance(value, Marker) else type(value).__name__
    raise CorruptFileError(f"a tensor expected, got {name}")
