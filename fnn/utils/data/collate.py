"""From a list of samples to one batch.

`default_collate` puts the samples' arrays and numbers on a new first axis and keeps their structure (dicts, named
tuples, lists), by PyTorch's rules, with numpy arrays where PyTorch makes tensors.  The dtypes are PyTorch's too: a
Python float becomes float64, an int int64.  What JAX makes of those when the batch moves to a device (float32 and
int32 without x64) is JAX's affair.  Nothing here imports JAX: worker processes collate as well.
"""

import copy
import functools
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError

__all__ = ["ArrayLike", "collate", "default_collate", "default_collate_fn_map", "default_convert"]

CollateMap = Mapping[type | tuple[type, ...], Callable[..., Any]]

_REFUSED: Final = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
_SPARSE: Final = (
    "default_collate: Batches of sparse tensors are not currently supported by the default collate_fn; "
    "please provide a custom collate_fn to handle them appropriately."
)
_PYTHON_DTYPES: Final = {bool: np.bool_, int: np.int64, float: np.float32, complex: np.complex64}  # as torch.tensor


@runtime_checkable
class ArrayLike(Protocol):
    """An array of any library that numpy can read: JAX's, PyTorch's.

    The key of `default_collate_fn_map` that stands for such arrays without their libraries being imported; arrays
    of a class that has an entry of its own are left to that.
    """

    shape: Any
    dtype: Any

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray: ...
    def __dlpack__(self, **kwargs: object) -> Any: ...


def default_convert(data: object) -> Any:
    """What a loader without batches makes of a sample: numpy numbers become arrays, tuples lists, the rest stays.

    Args:
        data: a sample.

    Returns:
        The sample, of the same structure.

    >>> import numpy as np
    >>> default_convert({"x": np.float32(1.5), "name": "a"})
    {'x': array(1.5, dtype=float32), 'name': 'a'}
    """
    if isinstance(data, np.generic) and not isinstance(data, (np.str_, np.bytes_)):
        return np.asarray(data)
    if isinstance(data, (str, bytes, np.ndarray, ArrayLike)):
        return data
    if isinstance(data, Mapping):
        return rebuilt(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence):
        return rebuilt(data, [default_convert(item) for item in data])
    return data


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Turns a list of samples into a batch, leaf by leaf.

    Args:
        batch: the samples, all of the structure of the first.
        collate_fn_map: for each type (or tuple of types) of leaf, a function
            ``fn(leaves, *, collate_fn_map) -> batch``. The type itself is looked up first, then the first entry
            of which the leaf is an instance. Containers that have no entry are gone into.

    Returns:
        Of the structure of a sample; tuples become lists.

    Raises:
        ArgumentTypeError: for a leaf without an entry.
        ArgumentError: for sequences of unequal lengths.

    >>> collate([(1, "a"), (2, "b")], collate_fn_map={int: lambda n, **_: sum(n), str: lambda s, **_: "".join(s)})
    [3, 'ab']
    """
    first = batch[0]
    function = _registered(first, collate_fn_map) if collate_fn_map else None
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        columns = {key: [sample[key] for sample in batch] for key in first}
        return rebuilt(first, {key: collate(column, collate_fn_map=collate_fn_map) for key, column in columns.items()})
    if isinstance(first, Sequence) and not isinstance(first, (str, bytes)):
        if any(len(sample) != len(first) for sample in batch):
            raise ArgumentError(
                "default_collate: each element in list of batch should be of equal size, "
                f"got sizes {[len(sample) for sample in batch]}"
            )
        return rebuilt(first, [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=True)])
    if type(first).__module__.startswith("jax.experimental.sparse"):
        raise ArgumentError(_SPARSE)
    raise ArgumentTypeError(_REFUSED.format(type(first)))


def _registered(leaf: object, table: CollateMap) -> Callable[..., Any] | None:
    kind = type(leaf)
    if kind in table:
        return table[kind]
    for key, function in table.items():
        if key is not ArrayLike and isinstance(leaf, key):
            return function
    # the cheap question first: that for a protocol takes microseconds
    return table.get(ArrayLike) if hasattr(leaf, "__dlpack__") and isinstance(leaf, ArrayLike) else None


def rebuilt(original: Any, values: Any) -> Any:
    """A container of the kind of ``original`` with these values; a dict or list where the kind cannot be made."""
    kind = type(original)
    if kind is list or kind is dict or kind is tuple:  # PyTorch makes lists of tuples, too
        return values
    if isinstance(original, tuple):
        return kind(*values) if hasattr(original, "_fields") else values
    try:
        if isinstance(original, MutableMapping):  # a copy keeps what else the object carries
            clone = copy.copy(original)
            clone.update(values)
            return clone
        if isinstance(original, MutableSequence):
            clone = copy.copy(original)
            for position, value in enumerate(values):
                clone[position] = value
            return clone
        return kind(values)
    except TypeError:
        return values


def default_collate(batch: Sequence[Any]) -> Any:
    """What a loader makes of a list of samples: arrays and numbers are stacked, structure is kept.

    Args:
        batch: the samples. Arrays (numpy's, JAX's) of equal shapes are stacked; numpy numbers keep their dtype, an
            int gives int64, a float float64, a bool bool; strings and bytes stay a list. Mappings, named tuples,
            lists and tuples of these are gone into; tuples become lists.

    Returns:
        Of the structure of a sample, with arrays (N, ...) as leaves for a batch of N.

    Raises:
        ArgumentTypeError: for leaves of another kind.
        ArgumentError: for arrays of unequal shapes and sequences of unequal lengths.

    >>> import numpy as np
    >>> default_collate([{"x": np.zeros(2), "y": 3}, {"x": np.ones(2), "y": 4}])
    {'x': array([[0., 0.],
           [1., 1.]]), 'y': array([3, 4])}
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


# -- leaves -----------------------------------------------------------------------------------------


def collate_arrays(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> np.ndarray:
    """Arrays of equal shapes on a new first axis."""
    del collate_fn_map
    arrays = [np.asarray(leaf) for leaf in batch]
    shape = arrays[0].shape
    for position, array in enumerate(arrays):
        if array.shape != shape:
            raise ArgumentError(
                f"default_collate: stack expects each tensor to be equal size, but got {list(shape)} at entry 0 "
                f"and {list(array.shape)} at entry {position}"
            )
    dtype = _common({array.dtype for array in arrays})
    return np.array(arrays, dtype)  # twice as fast as np.stack


def collate_numbers(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> np.ndarray:
    """Python's and numpy's numbers, except those that begin with a Python float."""
    del collate_fn_map
    kinds = set(map(type, batch))
    if len(kinds) == 1:  # mostly; and the dtype of a number is that of its type
        dtype = _common({_dtype_of(batch[0])})
    else:
        dtype = _common({_dtype_of(number) for number in batch})
    try:
        return np.array(batch, dtype)
    except OverflowError:
        raise ArgumentError(f"default_collate: Overflow when unpacking long long, got {list(batch)}") from None


def collate_floats(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> np.ndarray:
    """Python floats, in their own precision."""
    del collate_fn_map
    for number in batch:
        if not hasattr(number, "__float__") and not hasattr(number, "__index__"):
            raise ArgumentTypeError(f"default_collate: must be real number, not {type(number).__name__}")
    return np.array(batch, np.float64)


def collate_strings(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Sequence[Any]:
    """Strings and bytes, as they are."""
    del collate_fn_map
    return batch


def _dtype_of(number: object) -> np.dtype:
    if isinstance(number, np.generic):
        return number.dtype
    for kind, dtype in _PYTHON_DTYPES.items():
        if isinstance(number, kind):
            return np.dtype(dtype)
    raise ArgumentTypeError(f"default_collate: Could not infer dtype of {type(number).__name__}, got {number!r}")


def _common(dtypes: set[np.dtype]) -> np.dtype:
    """The dtype that PyTorch stacks these to; refuses those it has no tensors of."""
    for dtype in dtypes:
        if dtype.kind in "SUO":
            raise ArgumentTypeError(_REFUSED.format(dtype))
        if dtype.kind in "Mm" or dtype.type in (np.void, np.longdouble, np.clongdouble):
            raise ArgumentTypeError(f"default_collate: can't convert np.ndarray of type {dtype}, expected numbers")
        if not dtype.isnative:
            raise ArgumentError(
                "default_collate: given numpy array has byte order different from the native byte order. Conversion "
                f"between byte orders is currently not supported. Got {dtype=}; see numpy.ndarray.astype"
            )
    if len(dtypes) == 1:
        return next(iter(dtypes))
    rank = max(_RANKS[dtype.kind] for dtype in dtypes)
    if rank < 2 and any(dtype in _BARE for dtype in dtypes):
        raise ArgumentError(
            "default_collate: Promotion for uint16, uint32, uint64 types is not supported, "
            f"attempted to promote {sorted(map(str, dtypes))}"
        )
    # integers do not widen floats, but a float64 does widen a complex64
    wide = [dtype for dtype in dtypes if _RANKS[dtype.kind] >= min(rank, 2)]
    try:
        return functools.reduce(np.promote_types, wide)
    except TypeError:  # of the half types
        return np.dtype(np.float32)


_RANKS: Final = {"b": 0, "i": 1, "u": 1, "f": 2, "V": 2, "c": 3}  # V: bfloat16 and its like
_BARE: Final = (np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.uint64))

default_collate_fn_map: dict[type | tuple[type, ...], Callable[..., Any]] = {
    np.ndarray: collate_arrays,
    (np.bool_, np.number): collate_numbers,
    float: collate_floats,
    int: collate_numbers,
    str: collate_strings,
    bytes: collate_strings,
    ArrayLike: collate_arrays,
}
