"""``torch.distributed``'s reductions for ported scripts; see `torch_collectives.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from fnn.distributed.progress import exchanged
from fnn.distributed.torch_groups import Group, group_member
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.state.box import Box
from fnn.tracing import Tracer
from fnn.typing import ArrayLike

__all__ = [
    "ReduceOp", "all_reduce", "every", "fitted", "held_by_all", "host_of", "now", "process_of", "reduce_scatter",
    "reduce_scatter_tensor", "shape_of", "stored",
]  # fmt: skip


class ReduceOp:
    """How `all_reduce` and `reduce_scatter` combine what the processes have.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import distributed as dist
        >>> print(dist.all_reduce(jnp.array([2.0, 5.0]), op=dist.ReduceOp.MAX))
        [2. 5.]
    """

    SUM = "sum"
    AVG = "avg"
    PRODUCT = "product"
    MIN = "min"
    MAX = "max"
    BAND = "band"
    BOR = "bor"
    BXOR = "bxor"


_REDUCE: dict[str, Callable[..., Any]] = {
    "sum": np.sum, "avg": np.mean, "product": np.prod, "min": np.min, "max": np.max,
    "band": np.bitwise_and.reduce, "bor": np.bitwise_or.reduce, "bxor": np.bitwise_xor.reduce,
}  # fmt: skip


_OF_EQUALS = ("avg", "min", "max", "band", "bor")  # what is combined so of equal values is that value


def host_of(tensor: ArrayLike, what: str) -> np.ndarray:
    """The array of this process, on the host."""
    value = tensor.data if isinstance(tensor, Box) else tensor
    if isinstance(value, Tracer):
        raise ArgumentTypeError(
            f"{what}: called in a compiled function, where values are those of all processes already: leave it out"
        )
    array = to_array(value, "tensor", f"{what}: ")
    if not array.is_fully_addressable:
        raise ArgumentError(
            f"{what}: the array is of all processes already, as the loss of their global batch is: leave out {what}, "
            "and a division by the number of processes behind it; fnn.distributed.gather(x) makes a numpy array of it"
        )
    return np.asarray(array)


def held_by_all(tensor: ArrayLike) -> np.ndarray | None:
    """An array that every process has whole, as they have a loss; None for this process's own."""
    value = tensor.data if isinstance(tensor, Box) else tensor
    if isinstance(value, Tracer) or not isinstance(value, jax.Array) or value.is_fully_addressable:
        return None
    return np.asarray(value) if value.is_fully_replicated else None


def stored(tensor: ArrayLike, value: np.ndarray) -> Any:
    """The result: in the box that was given, or as an array."""
    if isinstance(tensor, Box):
        tensor.data = value
        return tensor
    return jax.numpy.asarray(value)


def now(group: Group, async_op: bool, where: str) -> None:
    """Refuses what is not there: groups, and results that come later."""
    group_member(group, where)
    if async_op:
        raise ArgumentError(f"{where}: async_op must be False, got {async_op!r}: the result is returned")


def process_of(one: int | None, other: int | None, name: str, where: str) -> int:
    """The process that is meant by ``dst`` or ``group_dst`` (or ``src``), of which only one can be given.

    Raises:
        ArgumentError: both are given, or there is no such process.
    """
    if one is not None and other is not None:
        raise ArgumentError(f"{where}: Can't specify both group_{name} and {name}, got {other} and {one}")
    process = one if one is not None else other or 0
    if not 0 <= process < jax.process_count():
        raise ArgumentError(f"{where}: {name} must be from 0 to {jax.process_count() - 1}, got {process}")
    return process


def every(host: np.ndarray, where: str) -> np.ndarray:
    """What each process has, (processes, ...)."""
    if jax.process_count() == 1:
        return host[None]
    kinds = exchanged(where, f"{host.dtype}{list(host.shape)}")
    other = next((n for n, kind in enumerate(kinds) if kind != kinds[0]), None)
    if other is not None:
        raise ArgumentError(
            f"{where}: the processes must give arrays of one type, got {kinds[0]} from process 0 and {kinds[other]} "
            f"from process {other}"
        )
    return np.asarray(multihost_utils.process_allgather(host)).reshape(jax.process_count(), *host.shape)


def _checked(op: str, dtype: np.dtype, where: str) -> None:
    if op not in _REDUCE:
        raise ArgumentError(f"{where}: unknown op {op!r}; expected one of {', '.join(_REDUCE)}")
    if op == "avg" and dtype.kind in "iub":
        raise ArgumentError(f"{where}: op AVG needs a floating dtype, got {dtype}")
    if op in ("band", "bor", "bxor") and dtype.kind not in "iub":
        raise ArgumentError(f"{where}: op {op.upper()} needs an integer dtype, got {dtype}")


def _reduced(every: np.ndarray, op: str, where: str) -> np.ndarray:
    _checked(op, every.dtype, where)
    return _REDUCE[op](every, axis=0).astype(every.dtype)


def all_reduce(tensor: ArrayLike, op: str = ReduceOp.SUM, group: Group = None, async_op: bool = False) -> Any:
    """What the processes have, combined; in PyTorch it is written to ``tensor``, here it is returned.

    An array of all processes, such as the loss of their global batch, is its own mean, minimum and maximum; a sum of it
    is refused, since a script that adds up what its processes have seen would count everything several times.

    Args:
        tensor: an array of the same shape in each process; a Parameter or Buffer is written to as well.
        op: of `ReduceOp`.
        group: None: all processes.
        async_op: False.

    Returns:
        The combined array.

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: an unknown operation, or a sum, product or exclusive or of an array of all processes.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.all_reduce(jnp.arange(3.0))
        Array([0., 1., 2.], dtype=float32)
    """
    now(group, async_op, "all_reduce")
    if op in _OF_EQUALS and (same := held_by_all(tensor)) is not None:
        _checked(op, same.dtype, "all_reduce")
        return stored(tensor, same)
    return stored(tensor, _reduced(every(host_of(tensor, "all_reduce"), "all_reduce"), op, "all_reduce"))


def shape_of(output: ArrayLike) -> tuple[int, ...]:
    """The shape of what a result is to go to."""
    return tuple(output.shape) if isinstance(output, Box) else to_array(output, "output").shape


def fitted(output: ArrayLike, value: np.ndarray, where: str) -> Any:
    """The result, if the output has its shape."""
    if shape_of(output) != value.shape:
        raise ArgumentError(f"{where}: expected an output of shape {value.shape}, got {shape_of(output)}")
    return stored(output, value)


def reduce_scatter(
    output: ArrayLike | None,
    input_list: Sequence[ArrayLike],
    op: str = ReduceOp.SUM,
    group: Group = None,
    async_op: bool = False,
) -> Any:
    """The entry of this process's number in the combined lists of all.

    Args:
        output: a Parameter or Buffer to write to; of another array only the shape counts.
        input_list: one array for each process.
        op: of `ReduceOp`.
        group: None: all processes.
        async_op: False.

    Returns:
        The combined array.

    Raises:
        ArgumentTypeError: an array is traced.
        ArgumentError: a list of another length, an unknown operation, shapes that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.reduce_scatter(None, [jnp.arange(2.0)])
        Array([0., 1.], dtype=float32)
    """
    now(group, async_op, "reduce_scatter")
    count = jax.process_count()
    if len(input_list) != count:
        raise ArgumentError(f"reduce_scatter: input_list must have {count} entries, got {len(input_list)}")
    hosts = [host_of(one, "reduce_scatter") for one in input_list]
    value = _reduced(every(np.stack(hosts), "reduce_scatter"), op, "reduce_scatter")[jax.process_index()]
    return jax.numpy.asarray(value) if output is None else fitted(output, value, "reduce_scatter")


def reduce_scatter_tensor(
    output: ArrayLike | None, input: ArrayLike, op: str = ReduceOp.SUM, group: Group = None, async_op: bool = False
) -> Any:
    """The share of this process in the combined arrays of all, along the first dimension.

    Args:
        output: a Parameter or Buffer to write to; of another array only the shape counts.
        input: (processes * N, ...), or (processes, N, ...) where ``output`` is (N, ...).
        op: of `ReduceOp`.
        group: None: all processes.
        async_op: False.

    Returns:
        (N, ...).

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: an unknown operation, or shapes that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.reduce_scatter_tensor(None, jnp.arange(2.0))
        Array([0., 1.], dtype=float32)
    """
    now(group, async_op, "reduce_scatter_tensor")
    count, host = jax.process_count(), host_of(input, "reduce_scatter_tensor")
    if not host.ndim or host.shape[0] % count:
        raise ArgumentError(f"reduce_scatter_tensor: {count} processes cannot share an input of shape {host.shape}")
    if output is None or len(shape_of(output)) == host.ndim:
        host = host.reshape(count, -1, *host.shape[1:])
    value = _reduced(every(host, "reduce_scatter_tensor"), op, "reduce_scatter_tensor")[jax.process_index()]
    return jax.numpy.asarray(value) if output is None else fitted(output, value, "reduce_scatter_tensor")
