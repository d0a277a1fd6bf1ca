"""Arrays out of data (``tensor``), in another dtype or place (``to``), and data out of arrays (``item``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from fnn.devices import to_device
from fnn.dtypes import canonical, get_default_dtype, index_dtype, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.ops._given import placed
from fnn.ops._promote import complex_of
from fnn.random import on_device
from fnn.tracing import known
from fnn.typing import ArrayLike, Device, DType

__all__ = [
    "as_tensor",
    "asarray",
    "clone",
    "contiguous",
    "cpu",
    "detach",
    "from_dlpack",
    "from_numpy",
    "frombuffer",
    "item",
    "new_tensor",
    "numpy",
    "tensor",
    "to",
    "tolist",
    "type",
    "type_as",
]

_Nested: TypeAlias = ArrayLike | Sequence["_Nested"]
_kind = type


def tensor(data: _Nested, *, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """An array of numbers in nested sequences, or a copy of another array.

    Args:
        data: a number, an array, or sequences of them, nested to any depth.
        dtype: if None that of the data: of Python's numbers bool, PyTorch's int64 (int32 without x64 mode), the default
            dtype or its complex one.
        device: where the result lies.

    Raises:
        ArgumentError: sequences of different lengths; an integer that the dtype cannot hold.

    >>> tensor([[1, 2], [3, 4]])
    Array([[1, 2],
           [3, 4]], dtype=int32)
    >>> tensor([1, 2.5]).dtype
    dtype('float32')
    """
    where = "tensor: "
    kept = None if dtype is None else canonical(dtype, where)
    return placed(_made(data, kept, where), device, where)


def new_tensor(
    input: ArrayLike, data: _Nested, *, dtype: DType | None = None, device: Device | None = None
) -> jax.Array:
    """As `tensor`, in the dtype of ``input`` if none is named.

    >>> new_tensor(jnp.ones(1), [1, 2])
    Array([1., 2.], dtype=float32)
    """
    where = "new_tensor: "
    kept = to_array(input, "input", where).dtype if dtype is None else canonical(dtype, where)
    return placed(_made(data, kept, where), device, where)


def as_tensor(data: _Nested, dtype: DType | None = None, device: Device | None = None) -> jax.Array:
    """As `tensor`; an array that has the dtype and place already is not copied.

    >>> as_tensor([1.0, 2.0])
    Array([1., 2.], dtype=float32)
    """
    return asarray(data, dtype=dtype, device=device)


def asarray(
    obj: _Nested, *, dtype: DType | None = None, device: Device | None = None, copy: bool | None = None
) -> jax.Array:
    """As `tensor`; an array is copied if ``copy`` says so.

    Args:
        obj: what `tensor` takes.
        dtype: that of the data if None.
        device: where the result lies.
        copy: None copies if need be; False refuses what needs a copy.

    >>> asarray(np.ones(2, np.float32), dtype="int32")
    Array([1, 1], dtype=int32)
    """
    where = "asarray: "
    kept = None if dtype is None else canonical(dtype, where)
    if isinstance(obj, jax.Array) or hasattr(obj, "__jax_array__"):
        x = to_array(obj, "obj", where)
        moved = placed(x if kept is None else x.astype(kept), device, where)
        if copy is False and moved is not x:
            raise ArgumentError(f"{where}can't alias the data with copy=False, got dtype={dtype}, device={device}")
        return jnp.copy(x) if copy and moved is x else moved
    if copy is False:
        raise ArgumentError(
            f"{where}can't alias arbitrary sequences or numpy arrays with copy=False: JAX owns its arrays"
        )
    return placed(_made(obj, kept, where), device, where)


def from_numpy(ndarray: np.ndarray) -> jax.Array:
    """A numpy array as JAX's; a copy, for JAX's arrays never change.

    Raises:
        ArgumentTypeError: it is no numpy array, or of a dtype without numbers.

    >>> from_numpy(np.arange(2, dtype=np.int32))
    Array([0, 1], dtype=int32)
    """
    if not isinstance(ndarray, np.ndarray):
        raise ArgumentTypeError(f"from_numpy: expected np.ndarray (got {_kind(ndarray).__name__})")
    return _from_host(ndarray, None, "from_numpy: ")


def frombuffer(buffer: bytes | bytearray | memoryview, *, dtype: DType, count: int = -1, offset: int = 0) -> jax.Array:
    """The bytes of a buffer as numbers of a dtype; a copy.

    Args:
        buffer: an object with Python's buffer interface.
        dtype: of the numbers.
        count: how many; all if negative.
        offset: bytes to leave out in front.

    >>> frombuffer(bytes([1, 0, 2, 0]), dtype="int16")
    Array([1, 2], dtype=int16)
    """
    where, kept = "frombuffer: ", canonical(dtype, "frombuffer: ")
    try:
        found = np.frombuffer(buffer, kept, count if count >= 0 else -1, offset)
    except ValueError as error:
        raise ArgumentError(f"{where}{error}, got count={count}, offset={offset}") from None
    return _from_host(found, None, where)


def from_dlpack(ext_tensor: object) -> jax.Array:
    """An array of another library that speaks DLPack, without a copy where JAX can.

    >>> from_dlpack(jnp.ones(2))
    Array([1., 1.], dtype=float32)
    """
    return jnp.from_dlpack(ext_tensor)


def to(
    input: ArrayLike,
    *args: DType | Device | ArrayLike,
    dtype: DType | None = None,
    device: Device | None = None,
    non_blocking: bool = False,
    copy: bool = False,
) -> jax.Array:
    """The array in another dtype, on another device, or both as another array has them.

    Args:
        input: any shape.
        *args: a dtype, a device, or an array; then ``non_blocking`` and ``copy``.
        dtype: the dtype.
        device: the device.
        non_blocking: makes no difference: transfers of JAX's arrays never block.
        copy: whether to copy what is of this dtype and in this place already.

    >>> to(jnp.arange(2), "float32")
    Array([0., 1.], dtype=float32)
    """
    where = "to: "
    x = to_array(input, "input", where)
    flags = [value for value in args if isinstance(value, bool)]
    for value in args:
        if isinstance(value, bool) or value is None:
            continue
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            other: Any = value
            dtype, device = other.dtype, getattr(other, "sharding", None)
        elif isinstance(value, (int, jax.Device, jax.sharding.Sharding)) or _names_device(value):
            device = value  # type: ignore[assignment]
        else:
            dtype = value  # type: ignore[assignment]
    y = x if dtype is None else x.astype(canonical(dtype, where))
    y = y if device is None else jax.device_put(y, to_device(device, where))
    return jnp.copy(y) if y is x and (copy or (len(flags) > 1 and flags[1])) else y


def type(input: ArrayLike, dtype: DType | None = None) -> Any:
    """The array in another dtype; without one, the name of its dtype.

    >>> type(jnp.arange(2), "float32")
    Array([0., 1.], dtype=float32)
    >>> type(jnp.arange(2))
    'int32'
    """
    x = to_array(input, "input", "type: ")
    return x.dtype.name if dtype is None else x.astype(canonical(dtype, "type: "))


def type_as(input: ArrayLike, other: ArrayLike) -> jax.Array:
    """The array in the dtype of another.

    >>> type_as(jnp.arange(2), jnp.ones(1))
    Array([0., 1.], dtype=float32)
    """
    return to_array(input, "input", "type_as: ").astype(to_array(other, "other", "type_as: ").dtype)


def cpu(input: ArrayLike) -> jax.Array:
    """The array in the host's memory.

    >>> cpu(jnp.ones(2)).device.platform
    'cpu'
    """
    return to(input, "cpu")


def contiguous(input: ArrayLike) -> jax.Array:
    """The array itself: JAX chooses its layout in memory.

    >>> contiguous(jnp.ones(2))
    Array([1., 1.], dtype=float32)
    """
    return to_array(input, "input", "contiguous: ")


def clone(input: ArrayLike) -> jax.Array:
    """The array itself, which nothing can change; of a Parameter or Buffer its present value.

    >>> clone(jnp.ones(2))
    Array([1., 1.], dtype=float32)
    """
    return to_array(input, "input", "clone: ")


def detach(input: ArrayLike) -> jax.Array:
    """The array as a constant for differentiation.

    >>> import jax
    >>> jax.grad(lambda x: x * detach(x))(3.0)
    Array(3., dtype=float32, weak_type=True)
    """
    return jax.lax.stop_gradient(to_array(input, "input", "detach: "))


def item(input: ArrayLike) -> Any:
    """The one element as a Python number.

    Raises:
        ArgumentError: there is more than one, or none.

    >>> item(jnp.ones((1, 1)))
    1.0
    """
    x = to_array(input, "input", "item: ")
    if x.size != 1:
        raise ArgumentError(f"item: a Tensor with {x.size} elements cannot be converted to Scalar, got shape={x.shape}")
    return x.item()


def tolist(input: ArrayLike) -> Any:
    """The elements as Python numbers in nested lists.

    >>> tolist(jnp.ones((1, 2)))
    [[1.0, 1.0]]
    """
    values = numpy(input)
    return (values.astype(np.float32) if values.dtype.kind == "V" else values).tolist()


def numpy(input: ArrayLike) -> np.ndarray:
    """A copy of the array as numpy's, which may be written to.

    >>> numpy(jnp.ones(2, "int32"))
    array([1, 1], dtype=int32)
    """
    x = to_array(input, "input", "numpy: ")
    values = known(x)  # a compiled program knows what it makes itself, of numbers and shapes
    return np.array(x if values is None else values)


# -- from data ---------------------------------------------------------------------------------------


def _made(data: Any, dtype: np.dtype | None, where: str) -> jax.Array:
    if hasattr(data, "__jax_array__") or isinstance(data, jax.Array):
        x = to_array(data, "data", where)
        return jnp.copy(x) if dtype in (None, x.dtype) else x.astype(dtype)
    if isinstance(data, (np.ndarray, np.generic)):
        return _from_host(np.asarray(data), dtype, where)
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        kept = _inferred(data, where) if dtype is None else dtype
        if _holds_arrays(data):
            return _stacked(data, kept, where)
        _check_lengths(data, where)
        return _from_numbers(data, kept, where)
    return _from_numbers(data, _inferred(data, where) if dtype is None else dtype, where)


def _from_host(values: np.ndarray, dtype: np.dtype | None, where: str) -> jax.Array:
    if values.dtype.kind not in "biufcV" or values.dtype.fields:
        raise ArgumentTypeError(
            f"{where}can't convert np.ndarray of type {values.dtype}; supported are numbers and bools"
        )
    kept = jax.dtypes.canonicalize_dtype(values.dtype) if dtype is None else dtype
    return on_device(np.array(values, kept, order="C"))


def _from_numbers(data: Any, dtype: np.dtype, where: str) -> jax.Array:
    try:
        return on_device(np.array(data, dtype))
    except OverflowError:
        raise ArgumentError(f"{where}value cannot be converted to type {dtype.name} without overflow") from None
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"{where}{error}, got data={data!r}") from None


def _holds_arrays(data: Any) -> bool:
    if isinstance(data, Sequence):
        return any(map(_holds_arrays, data))
    return isinstance(data, jax.Array) or hasattr(data, "__jax_array__")


def _stacked(data: Any, dtype: np.dtype, where: str) -> jax.Array:
    if not isinstance(data, Sequence):
        return to_array(data, "data", where).astype(dtype)
    parts = [_stacked(part, dtype, where) for part in data]
    for n, part in enumerate(parts):
        if part.shape != parts[0].shape:
            raise ArgumentError(
                f"{where}expected elements of one shape, got {parts[0].shape} at 0 and {part.shape} at {n}"
            )
    return jnp.stack(parts) if parts else jnp.zeros((0,), dtype)


def _check_lengths(data: Sequence[Any], where: str) -> None:
    level, dim = [data], 0
    while level and all(isinstance(part, (Sequence, np.ndarray)) for part in level):
        lengths = [len(part) for part in level]
        for length in lengths:
            if length != lengths[0]:
                raise ArgumentError(f"{where}expected sequence of length {lengths[0]} at dim {dim} (got {length})")
        level, dim = [item for part in level for item in part], dim + 1


def _inferred(data: Any, where: str) -> np.dtype:
    """The dtype of Python's numbers as PyTorch infers it; arrays and numpy's numbers bring theirs."""
    if isinstance(data, bool):
        return np.dtype(bool)
    if isinstance(data, int):
        return index_dtype()
    if isinstance(data, float):
        return get_default_dtype()
    if isinstance(data, complex):
        return complex_of(get_default_dtype())
    if hasattr(data, "dtype"):
        return np.dtype(jax.dtypes.canonicalize_dtype(data.dtype))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        found = {_inferred(part, where) for part in data}
        if not found:
            return get_default_dtype()
        result = found.pop()
        for dtype in found:
            result = np.dtype(jnp.promote_types(result, dtype))
        return result
    raise ArgumentTypeError(f"{where}Could not infer dtype of {_kind(data).__name__}, got {data!r}")


def _names_device(value: object) -> bool:
    """Whether a string is a device's name, not a dtype's."""
    if not isinstance(value, str):
        return False
    try:
        return np.dtype(value) is None
    except TypeError:
        return True
