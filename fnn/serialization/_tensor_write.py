"""Arrays, boxes and dtypes as the calls that rebuild them in PyTorch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.serialization import _sparse
from fnn.serialization._elsewhere import check_here
from fnn.serialization._pickle_write import Call, Name, Persistent
from fnn.serialization._plan import Plan, Storage, View, is_storable, row_major
from fnn.serialization._torch_dtypes import STORAGE_OF, torch_name
from fnn.state.box import Box
from fnn.tracing import Tracer
from fnn.typing import ArrayLike, DType

__all__ = ["Reduction"]

_UTILS = "torch._utils"
_NO_HOOKS = Call(Name("collections", "OrderedDict"), ())
_ARRAYS = (np.ndarray, np.memmap)
# numpy's form of what Python has itself
_PYTHONS: tuple[type, ...] = (np.float64, np.int64, np.bool_, np.complex128, np.str_, np.bytes_)


class Reduction:
    """Says how values that are not plain are written.

    Args:
        plan: where the arrays are.
        storage_id: the persistent id of a storage.

    Attributes:
        planned: whether the plan is settled; before that, arrays are only noted.
    """

    def __init__(self, plan: Plan, storage_id: Callable[[Storage], Persistent]) -> None:
        self.plan, self.storage_id, self.planned = plan, storage_id, False
        self.parts: dict[int, Any] = {}  # of sparse arrays: both passes must see the same ones

    def __call__(self, value: Any, where: str) -> Any:
        """A Call or a plain value instead of ``value``, or None."""
        if isinstance(value, Box):
            return self._box(value, where)
        if isinstance(value, jax.Array) or type(value) in _ARRAYS:
            return self._array(value, where)
        if isinstance(value, np.generic):
            return value.item() if isinstance(value, _PYTHONS) else self._scalar(value, where)
        if hasattr(value, "__jax_array__"):
            return self._box(value, where)
        if isinstance(value, np.dtype) or _is_scalar_type(value):
            return Name("torch", _dtype_name(value, where))
        if isinstance(value, jax.ShapeDtypeStruct):
            return self._meta(value, where)
        if _sparse.is_sparse(value):
            return self._sparse(value, where)
        return None

    # -- arrays -----------------------------------------------------------------------------------------

    def _array(self, array: ArrayLike, where: str) -> Any:
        _check(array, where)
        if not self.planned:
            self.plan.note(array)
            return Call(Name(_UTILS, "_rebuild_tensor_v2"), ())
        return Call(*self._rebuilt(self.plan.view(array)))

    def _rebuilt(self, view: View) -> tuple[Name, tuple[Any, ...]]:
        """The function and the arguments that rebuild an array."""
        name = torch_name(view.storage.dtype)
        assert name is not None
        arguments = (
            self.storage_id(view.storage),
            view.offset,
            tuple(view.shape),
            tuple(view.stride),
            False,
            _NO_HOOKS,
        )
        if name in STORAGE_OF:
            return Name(_UTILS, "_rebuild_tensor_v2"), arguments
        return Name(_UTILS, "_rebuild_tensor_v3"), (*arguments, Name("torch", name))

    def _scalar(self, value: np.generic, where: str) -> Any:
        """A number of a dtype of its own: a tensor without dimensions."""
        if id(value) not in self.parts:
            self.parts[id(value)] = (value, np.asarray(value))
        return self._array(self.parts[id(value)][1], where)

    def _meta(self, value: jax.ShapeDtypeStruct, where: str) -> Call:
        dtype = Name("torch", _dtype_name(value.dtype, where))
        return Call(
            Name(_UTILS, "_rebuild_meta_tensor_no_storage"), (dtype, value.shape, row_major(value.shape), False)
        )

    def _sparse(self, value: object, where: str) -> Call:
        if id(value) not in self.parts:
            self.parts[id(value)] = (value, _sparse.to_coo(value, f"save: {where}"))
        indices, values, size, coalesced = self.parts[id(value)][1]
        layout = Call(Name("torch.serialization", "_get_layout"), ("torch.sparse_coo",))
        return Call(Name(_UTILS, "_rebuild_sparse_tensor"), (layout, (indices, values, size, coalesced)))

    # -- boxes ------------------------------------------------------------------------------------------

    def _box(self, box: Any, where: str) -> Any:
        from fnn.nn import Buffer, Parameter
        from fnn.nn.parameter import is_lazy

        if is_lazy(box):
            raise ArgumentError(f"save: {where} is uninitialized: it has no value to save yet")
        array = box.data if isinstance(box, (Parameter, Buffer)) else box.__jax_array__()
        _check(array, where)
        if isinstance(box, Parameter):
            attributes = dict(vars(box))
            if attributes:
                arguments = (array, box.requires_grad, _NO_HOOKS, attributes)
                return Call(Name(_UTILS, "_rebuild_parameter_with_state"), arguments)
            return Call(Name(_UTILS, "_rebuild_parameter"), (array, box.requires_grad, _NO_HOOKS))
        if not isinstance(box, Buffer):
            return array
        if not self.planned:
            return array
        # PyTorch's own buffers are tensors with these two attributes
        state = {"persistent": box.persistent, "_is_buffer": True}
        function, arguments = self._rebuilt(self.plan.view(array))
        return Call(
            Name("torch._tensor", "_rebuild_from_type_v2"), (function, Name("torch", "Tensor"), arguments, state)
        )


def _check(array: Any, where: str) -> None:
    """Refuses an array that PyTorch has no tensor for."""
    if isinstance(array, Tracer):
        raise ArgumentError(f"save: {where} is a traced value inside a JAX transform; save outside of it")
    if isinstance(array, jax.Array):
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
            raise ArgumentTypeError(f"save: {where} is a JAX key; save jax.random.key_data({where}) instead")
        if array.is_deleted():
            raise ArgumentError(f"save: {where} has been deleted or donated")
        check_here(array, f"save: {where}")
    if not is_storable(array.dtype):
        raise ArgumentTypeError(f"save: {where} has dtype {array.dtype}, which PyTorch does not have")


def _dtype_name(dtype: DType | None, where: str) -> str:
    name = torch_name(dtype)
    if name is None:
        raise ArgumentTypeError(f"save: {where} is the dtype {np.dtype(dtype)}, which PyTorch does not have")
    return name


def _is_scalar_type(value: object) -> bool:
    """``np.float32`` or ``jnp.float32``."""
    return isinstance(value, type) and (
        issubclass(value, np.generic) or isinstance(getattr(value, "dtype", 0), np.dtype)
    )
