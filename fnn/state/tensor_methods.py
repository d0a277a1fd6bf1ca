"""The methods of `torch.Tensor` on a box: functions of `fnn.ops`, with the box's value as their first argument.

What numpy and JAX call by the same name and mean otherwise (``std``, ``repeat``, ``transpose``, ``max(0)``, ``size``)
means here what it means in PyTorch; a call that only numpy knows (``axis=``, ``keepdims=``, a tuple of axes for
``transpose``) is numpy's.  All but the methods in place return arrays, so that a chain of calls goes on with JAX's
methods: ``p.t().reshape(-1)``.  A method in place, ``add_``, writes the result of ``add`` to the box.

`fnn.ops` is asked for a function when its method is first called, so that a box brings in none of it.  The names that
a box does not have stand in `tensor_names`, with what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from fnn import ops
from fnn.state.tensor_reductions import Reductions
from fnn.state.tensor_table import FUNCTIONS, IN_PLACE
from fnn.typing import Device

__all__ = ["Size", "TensorMethods", "install"]

# The arguments by which a call is numpy's.
_NUMPYS = frozenset({"axis", "axis1", "axis2", "ddof", "initial", "keepdims", "mode", "order", "where"})
_AS_TORCHS = {"axis": "dim", "keepdims": "keepdim"}


class Size(int):
    """The number of elements, as numpy's and JAX's ``size``; called, it is torch's ``size()`` or ``size(dim)``."""

    _shape: tuple[int, ...]  # under this name numpy would take the number for an array

    def __new__(cls, number: int, shape: tuple[int, ...]) -> Size:
        """The number with the shape that it counts."""
        self = super().__new__(cls, number)
        self._shape = shape
        return self

    def __call__(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        if dim is None:
            return self._shape
        if not -len(self._shape) <= dim < len(self._shape):
            n = max(len(self._shape), 1)
            raise IndexError(
                f"size: Dimension out of range (expected to be in range of [{-n}, {n - 1}], got dim={dim})"
            )
        return self._shape[dim]

    def __reduce__(self) -> Any:
        return int, (int(self),)


class TensorMethods(Reductions):
    """A mixin of `Box`, which has ``data``; `install` adds the methods that are functions of `fnn.ops`."""

    __slots__ = ()

    if TYPE_CHECKING:
        # Written by tools/write_exports.py: the methods, for type checkers.
        adjoint = ops.adjoint
        argwhere = ops.argwhere
        as_strided = ops.as_strided
        as_strided_scatter = ops.as_strided_scatter
        bfloat16 = ops.bfloat16
        bool = ops.bool
        broadcast_to = ops.broadcast_to
        byte = ops.byte
        cdouble = ops.cdouble
        cfloat = ops.cfloat
        char = ops.char
        chunk = ops.chunk
        clone = ops.clone
        contiguous = ops.contiguous
        cpu = ops.cpu
        detach = ops.detach
        diag = ops.diag
        diag_embed = ops.diag_embed
        diagflat = ops.diagflat
        diagonal = ops.diagonal
        diagonal_scatter = ops.diagonal_scatter
        double = ops.double
        dsplit = ops.dsplit
        expand = ops.expand
        expand_as = ops.expand_as
        flatten = ops.flatten
        flip = ops.flip
        fliplr = ops.fliplr
        flipud = ops.flipud
        float = ops.float
        gather = ops.gather
        half = ops.half
        hardshrink = ops.hardshrink
        hsplit = ops.hsplit
        index_add = ops.index_add
        index_copy = ops.index_copy
        index_fill = ops.index_fill
        index_put = ops.index_put
        index_reduce = ops.index_reduce
        index_select = ops.index_select
        int = ops.int
        is_contiguous = ops.is_contiguous
        is_nonzero = ops.is_nonzero
        is_same_size = ops.is_same_size
        is_signed = ops.is_signed
        item = ops.item
        log_softmax = ops.log_softmax
        long = ops.long
        masked_fill = ops.masked_fill
        masked_scatter = ops.masked_scatter
        masked_select = ops.masked_select
        moveaxis = ops.moveaxis
        movedim = ops.movedim
        narrow = ops.narrow
        narrow_copy = ops.narrow_copy
        new_empty = ops.new_empty
        new_full = ops.new_full
        new_ones = ops.new_ones
        new_tensor = ops.new_tensor
        new_zeros = ops.new_zeros
        nonzero = ops.nonzero
        nonzero_static = ops.nonzero_static
        numpy = ops.numpy
        permute = ops.permute
        prelu = ops.prelu
        put = ops.put
        ravel = ops.ravel
        relu = ops.relu
        repeat = ops.repeat
        repeat_interleave = ops.repeat_interleave
        reshape = ops.reshape
        reshape_as = ops.reshape_as
        roll = ops.roll
        rot90 = ops.rot90
        scatter = ops.scatter
        scatter_add = ops.scatter_add
        scatter_reduce = ops.scatter_reduce
        select = ops.select
        select_scatter = ops.select_scatter
        short = ops.short
        sigmoid = ops.sigmoid
        slice_scatter = ops.slice_scatter
        softmax = ops.softmax
        split = ops.split
        split_with_sizes = ops.split_with_sizes
        squeeze = ops.squeeze
        sum_to_size = ops.sum_to_size
        swapaxes = ops.swapaxes
        t = ops.t
        take = ops.take
        take_along_dim = ops.take_along_dim
        tanh = ops.tanh
        tensor_split = ops.tensor_split
        tile = ops.tile
        to = ops.to
        tolist = ops.tolist
        tril = ops.tril
        triu = ops.triu
        type = ops.type
        type_as = ops.type_as
        unbind = ops.unbind
        unflatten = ops.unflatten
        unfold = ops.unfold
        unsafe_chunk = ops.unsafe_chunk
        unsafe_split = ops.unsafe_split
        unsafe_split_with_sizes = ops.unsafe_split_with_sizes
        unsqueeze = ops.unsqueeze
        view = ops.view
        view_as = ops.view_as
        vsplit = ops.vsplit
        # To here.

    def cuda(self, device: Device | int | None = None) -> jax.Array:
        """The value on a GPU."""
        return ops.to(self.data, "cuda" if device is None else device)

    def transpose(self, dim0: Any = None, dim1: Any = None, *others: int) -> jax.Array:
        """The value with two dimensions swapped; without dimensions, or with a permutation of all, numpy's."""
        if dim0 is None:
            return self.data.transpose()
        if dim1 is None or others:
            return self.data.transpose(*([dim0] if dim1 is None else [dim0, dim1, *others]))
        return ops.transpose(self.data, dim0, dim1)

    swapdims = transpose

    def where(self, condition: Any, other: Any) -> jax.Array:
        """The value where ``condition``, else ``other``."""
        return ops.where(condition, self.data, other)

    def round(self, *args: int, **kwargs: int) -> jax.Array:
        """The nearest integers; given digits without a name, numpy's."""
        if args or not hasattr(ops, "round"):
            return self.data.round(*args, **kwargs)
        return ops.round(self.data, **kwargs)


def install(cls: type) -> None:
    """Gives ``cls``, which has ``data`` and ``_combine``, the methods that `fnn.ops` has functions for."""
    own = vars(TensorMethods)
    for name in FUNCTIONS:
        if name not in own:
            _set(cls, name, _method(name))
    for name in IN_PLACE:
        _set(cls, f"{name}_", _in_place(name))


def _set(cls: type, name: str, method: Callable[..., Any]) -> None:
    method.__name__, method.__qualname__, method.__module__ = name, f"{cls.__qualname__}.{name}", cls.__module__
    setattr(cls, name, method)


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs and not _NUMPYS.isdisjoint(kwargs):
            return _as_numpys(name, self.data, args, kwargs)
        return getattr(ops, name)(self.data, *args, **kwargs)

    method.__doc__ = f"`fnn.{name}` of the value."
    return method


def _in_place(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._combine(f"{name}_", getattr(ops, name)(self.data, *args, **kwargs))

    method.__doc__ = f"Writes `fnn.{name}` of the value to the box; returns the box."
    return method


def _as_numpys(name: str, value: jax.Array, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The method of JAX's arrays; where they have none of this name, torch's, which takes ``axis`` for ``dim`` too."""
    numpys = getattr(value, name, None)
    if numpys is not None:
        return numpys(*args, **kwargs)
    return getattr(ops, name)(value, *args, **{_AS_TORCHS.get(key, key): given for key, given in kwargs.items()})
