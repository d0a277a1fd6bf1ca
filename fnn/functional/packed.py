r"""Sequences of different lengths, packed step by step.

The legend: T steps, N sequences, \* any further dimensions.

A `PackedSequence` holds the padded array and the lengths; the packed form of torch's, whose shape depends on the
lengths, is made when somebody asks for it.  So a program that packs, runs a recurrent network and pads again is
compiled once for all lengths, as long as the padded size is the same.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.devices import to_device
from fnn.dtypes import canonical, index_dtype, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.tracing import concrete
from fnn.typing import ArrayLike, Device, DType

__all__ = ["PackedSequence", "invert_permutation"]

LENGTHS_ARE_TRACED = """{what} depends on the values of the lengths, which are traced.
Wrong: loss = f(packed.data)                                      # inside of jit, with lengths as an argument
Why:   a compiled program has fixed shapes; how many elements there are is known only when it runs.
Right: output, lengths = pad_packed_sequence(packed)              # and a mask: jnp.arange(T)[:, None] < lengths[None]
   or: give the lengths as a Python list; then each set of lengths is a program of its own."""

_FIELDS = ("data", "batch_sizes", "sorted_indices", "unsorted_indices")
Indices = jax.Array | np.ndarray


class PackedSequence:
    r"""Sequences of different lengths, packed: step 0 of all, then step 1 of those that have one, and so on.

    `pack_padded_sequence` and `pack_sequence` make one; recurrent networks take it and give one back.  It unpacks into
    torch's four values and prints as torch's, but is no tuple, for what a tuple holds is there from the beginning, and
    the four have no shapes while the lengths are traced: it is a pytree of the padded array and the lengths.  Ask
    ``isinstance(x, PackedSequence)`` first where a program goes through tuples.

    Args:
        data: (sum of lengths, \*), the packed elements.
        batch_sizes: (T,), how many sequences have each step; with ``data`` a pair of both, None.
        sorted_indices: (N,), the sequences in the order of decreasing length; None if they are in it.
        unsorted_indices: (N,), the inverse; None follows from ``sorted_indices``.

    Attributes:
        padded: (T, N, \*), the sequences as they were given; what is behind their ends has no meaning.
        lengths: (N,), of the sequences as they were given.

    Raises:
        ArgumentError: ``batch_sizes`` do not fit ``data``, or the packed form is asked for while lengths are traced.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> packed = F.pack_sequence([jnp.array([1, 2, 3]), jnp.array([4, 5]), jnp.array([6])])
        >>> packed.data.tolist(), packed.batch_sizes.tolist()
        ([1, 4, 6, 2, 5, 3], [3, 2, 1])
    """

    padded: jax.Array
    lengths: Indices
    _order: Indices | None  # sorted_indices

    def __init__(
        self,
        data: ArrayLike | Sequence[ArrayLike],
        batch_sizes: ArrayLike | None = None,
        sorted_indices: ArrayLike | None = None,
        unsorted_indices: ArrayLike | None = None,
    ) -> None:
        where = "PackedSequence: "
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise ArgumentError(
                    f"{where}Expected data to be a list or tuple of length 2, got {type(data).__name__}"
                )
            data, batch_sizes = data
        values, sizes = to_array(data, "data", where), concrete(to_array(batch_sizes, "batch_sizes", where))
        if sizes is None:
            raise ArgumentError(LENGTHS_ARE_TRACED.format(what="PackedSequence(data, batch_sizes)"))
        if sizes.ndim != 1 or not sizes.size or (np.diff(sizes) > 0).any() or sizes.sum() != len(values):
            raise ArgumentError(
                f"{where}batch_sizes must not increase and sum to the number of elements of data, got batch_sizes="
                f"{sizes.tolist()} and data of shape {list(values.shape)}"
            )
        lengths = (sizes[:, None] > np.arange(sizes[0])[None]).sum(0)
        starts = np.cumsum(sizes) - sizes
        places = np.minimum(starts[:, None] + np.arange(sizes[0])[None], len(values) - 1)  # those behind an end: any
        order = None if sorted_indices is None else whole_numbers(sorted_indices, "sorted_indices")
        self.padded, self.lengths = values[places], lengths.astype(index_dtype())
        self._order = order
        if order is not None:
            back = invert_permutation(order) if unsorted_indices is None else to_array(unsorted_indices)
            assert back is not None
            known = concrete(back)
            self.padded = jnp.take(self.padded, back, 1)
            self.lengths = jnp.take(jnp.asarray(self.lengths), back) if known is None else self.lengths[known]

    @staticmethod
    def of(padded: jax.Array, lengths: Indices, order: Indices | None) -> PackedSequence:
        """One of padded sequences (T, N, ...), their lengths, and ``sorted_indices``."""
        made = object.__new__(PackedSequence)
        made.padded, made.lengths, made._order = padded, lengths, order
        return made

    def replace(self, padded: jax.Array) -> PackedSequence:
        """The same with other elements (T, N, ...)."""
        return self.of(padded, self.lengths, self._order)

    # -- the packed form ----------------------------------------------------------------------------------

    def _ends(self, what: str) -> tuple[np.ndarray, np.ndarray]:
        """The lengths in decreasing order, and that order."""
        lengths = concrete(self.lengths)
        order = None if self._order is None else concrete(self._order)
        if lengths is None or (order is None and self._order is not None):
            raise ArgumentError(LENGTHS_ARE_TRACED.format(what=what))
        order = np.arange(len(lengths)) if order is None else order
        return lengths[order], order

    @property
    def data(self) -> jax.Array:
        r"""(sum of lengths, \*): the elements, step by step."""
        lengths, order = self._ends("PackedSequence.data")
        steps, places = np.nonzero(np.arange(lengths[0])[:, None] < lengths[None])
        return self.padded[steps, order[places]]

    @property
    def batch_sizes(self) -> jax.Array:
        """(T,): how many sequences have each step."""
        lengths, _ = self._ends("PackedSequence.batch_sizes")
        return jnp.asarray((np.arange(lengths[0])[:, None] < lengths[None]).sum(1), index_dtype())

    @property
    def sorted_indices(self) -> jax.Array | None:
        """(N,): the sequences in the order of decreasing length; None if they are in it."""
        return None if self._order is None else jnp.asarray(self._order)

    @property
    def unsorted_indices(self) -> jax.Array | None:
        """(N,): the inverse of ``sorted_indices``."""
        return invert_permutation(self._order)

    # -- the tuple ----------------------------------------------------------------------------------------

    _fields = _FIELDS

    def __iter__(self) -> Iterator[jax.Array | None]:
        return (getattr(self, name) for name in _FIELDS)

    def __len__(self) -> builtins.int:
        return len(_FIELDS)

    def __getitem__(self, index: builtins.int | slice) -> Any:
        return tuple(self)[index]

    def _asdict(self) -> dict[str, jax.Array | None]:
        return dict(zip(_FIELDS, self, strict=True))

    def _replace(self, **changes: Any) -> PackedSequence:
        return PackedSequence(**{**self._asdict(), **changes})

    def __repr__(self) -> str:
        if concrete(self.lengths) is None:
            return f"PackedSequence(padded={self.padded}, lengths={self.lengths})"
        return f"PackedSequence({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"

    # -- dtypes and devices -------------------------------------------------------------------------------

    def to(
        self, *args: Any, dtype: DType | None = None, device: Device | None = None, **ignored: Any
    ) -> PackedSequence:
        """The same with its elements of another dtype, on another device, or as another array has them.

        Args:
            *args: a dtype, a device, or an array that has both.
            dtype: of the elements.
            device: where they go.
            **ignored: ``non_blocking``, ``copy``: arrays are immutable, and transfers asynchronous.

        Returns:
            A PackedSequence, or itself where nothing changes.
        """
        where = "PackedSequence.to: "
        del ignored
        for value in args:
            if value is None or isinstance(value, bool):
                continue
            if hasattr(value, "dtype") and hasattr(value, "shape"):
                dtype, device = value.dtype, getattr(value, "sharding", None)
            elif _is_dtype(value):
                dtype = value
            else:
                device = value
        new = self.padded if dtype is None else self.padded.astype(canonical(dtype, where))
        if device is not None:
            new = jax.device_put(new, to_device(device, where))
        return self if new is self.padded or (device is None and new.dtype == self.padded.dtype) else self.replace(new)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on the CPU; further arguments as `to`."""
        return self.to(*args, **{"device": "cpu", **kwargs})

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on a GPU; further arguments as `to`."""
        return self.to(*args, **kwargs) if args or "device" in kwargs else self.to(device="cuda", **kwargs)

    def double(self) -> PackedSequence:
        """The same as float64."""
        return self.to(dtype=jnp.float64)

    def float(self) -> PackedSequence:
        """The same as float32."""
        return self.to(dtype=jnp.float32)

    def half(self) -> PackedSequence:
        """The same as float16."""
        return self.to(dtype=jnp.float16)

    def long(self) -> PackedSequence:
        """The same as int64."""
        return self.to(dtype=jnp.int64)

    def int(self) -> PackedSequence:
        """The same as int32."""
        return self.to(dtype=jnp.int32)

    def short(self) -> PackedSequence:
        """The same as int16."""
        return self.to(dtype=jnp.int16)

    def char(self) -> PackedSequence:
        """The same as int8."""
        return self.to(dtype=jnp.int8)

    def byte(self) -> PackedSequence:
        """The same as uint8."""
        return self.to(dtype=jnp.uint8)

    def pin_memory(self) -> PackedSequence:
        """Itself: JAX pins memory for its transfers by itself."""
        return self

    def is_pinned(self) -> bool:
        """False: see `pin_memory`."""
        return False

    @property
    def is_cuda(self) -> bool:
        """Whether the elements are on a GPU."""
        return any(device.platform == "gpu" for device in self.padded.devices())


jax.tree_util.register_pytree_node(
    PackedSequence,
    lambda packed: ((packed.padded, packed.lengths, packed._order), None),
    lambda _, children: PackedSequence.of(*children),
)


def _is_dtype(value: object) -> bool:
    if isinstance(value, (np.dtype, type)):
        return True
    return hasattr(value, "dtype") and not hasattr(value, "shape")  # jnp.float32 and its like


def whole_numbers(value: object, name: str, where: str = "") -> Indices:
    """Whole numbers, on the host where their values are known."""
    if isinstance(value, (list, tuple)):
        value = np.asarray(value)
        value = value.astype(index_dtype()) if not value.size else value
    array = to_array(value, name, where)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise ArgumentTypeError(f"{where}argument '{name}' must be whole numbers, got {name} of dtype {array.dtype}")
    if isinstance(value, np.ndarray):
        return value.astype(index_dtype())  # in a traced program to_array gives a traced constant
    known = concrete(array)
    return array.astype(index_dtype()) if known is None else known.astype(index_dtype())


def invert_permutation(permutation: ArrayLike | None) -> jax.Array | None:
    """The inverse of a permutation.

    Args:
        permutation: (N,) of whole numbers, or None.

    Returns:
        (N,), or None.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.invert_permutation(jnp.array([2, 0, 1]))
        Array([1, 2, 0], dtype=int32)
    """
    if permutation is None:
        return None
    order = to_array(permutation, "permutation", "invert_permutation: ")
    return jnp.zeros_like(order).at[order].set(jnp.arange(order.size, dtype=order.dtype))
