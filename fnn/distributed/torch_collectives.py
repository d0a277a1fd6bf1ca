"""``torch.distributed``'s collectives for ported scripts: what the processes have, put together.

PyTorch's processes hold one device each and exchange tensors; here every process runs the same program over the devices
of all.  So these are for what a script does between its steps, such as adding up counts: gradients need none of them.
They return the result; PyTorch writes it to an argument, which a Parameter or Buffer in its place receives as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from fnn.distributed import processes
from fnn.distributed.progress import exchanged
from fnn.distributed.torch_names import group_member
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.state.box import Box
from fnn.tracing import Tracer
from fnn.typing import ArrayLike

__all__ = [
    "ReduceOp", "all_gather", "all_gather_into_tensor", "all_reduce", "broadcast", "reduce_scatter",
    "reduce_scatter_tensor",
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


_REDUCE = {"sum": np.sum, "avg": np.mean, "product": np.prod, "min": np.min, "max": np.max}


def _host(tensor: ArrayLike, what: str) -> np.ndarray:
    value = tensor.data if isinstance(tensor, Box) else tensor
    if isinstance(value, Tracer):
        raise ArgumentTypeError(
            f"{what}: called in a compiled function, where values are those of all processes already: leave it out"
        )
    array = to_array(value, "tensor", f"{what}: ")
    if not array.is_fully_addressable:
        raise ArgumentError(
            f"{what}: the array is spread over all processes, so it is the whole already; fnn.distributed.gather(x) "
            "makes a numpy array of it"
        )
    return np.asarray(array)


def _stored(tensor: ArrayLike, value: np.ndarray) -> Any:
    if isinstance(tensor, Box):
        tensor.data = value
        return tensor
    return jax.numpy.asarray(value)


def _now(group: None, async_op: bool, where: str) -> None:
    group_member(group, where)
    if async_op:
        raise ArgumentError(f"{where}: async_op must be False, got {async_op!r}: the result is returned")


def _every(host: np.ndarray, where: str) -> np.ndarray:
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


def _reduced(every: np.ndarray, op: str, where: str) -> np.ndarray:
    if op not in _REDUCE:
        raise ArgumentError(f"{where}: unknown op {op!r}; expected one of {', '.join(_REDUCE)}")
    if op == "avg" and every.dtype.kind in "iub":
        raise ArgumentError(f"{where}: op AVG needs a floating dtype, got {every.dtype}")
    return _REDUCE[op](every, axis=0).astype(every.dtype)


def all_reduce(tensor: ArrayLike, op: str = ReduceOp.SUM, group: None = None, async_op: bool = False) -> Any:
    """What the processes have, combined; in PyTorch it is written to ``tensor``, here it is returned.

    Args:
        tensor: an array of the same shape in each process; a Parameter or Buffer is written to as well.
        op: of `ReduceOp`.
        group: None: all processes.
        async_op: False.

    Returns:
        The combined array.

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: an unknown operation, or an array that is spread over the processes.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.all_reduce(jnp.arange(3.0))
        Array([0., 1., 2.], dtype=float32)
    """
    _now(group, async_op, "all_reduce")
    return _stored(tensor, _reduced(_every(_host(tensor, "all_reduce"), "all_reduce"), op, "all_reduce"))


def all_gather(
    tensor_list: list[Any] | None, tensor: ArrayLike, group: None = None, async_op: bool = False
) -> list[jax.Array]:
    """What each process has, in a list.

    Args:
        tensor_list: a list of one entry for each process, whose entries are replaced; None makes one.
        tensor: an array of the same shape in each process.
        group: None: all processes.
        async_op: False.

    Returns:
        The list.

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: a list of another length, or an array that is spread over the processes.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.all_gather(None, jnp.arange(2.0))
        [Array([0., 1.], dtype=float32)]
    """
    _now(group, async_op, "all_gather")
    count = jax.process_count()
    if tensor_list is not None and len(tensor_list) != count:
        raise ArgumentError(f"all_gather: tensor_list must have {count} entries, got {len(tensor_list)}")
    found = list(_every(_host(tensor, "all_gather"), "all_gather"))
    if tensor_list is None:
        return [jax.numpy.asarray(part) for part in found]
    tensor_list[:] = [_stored(old, new) for old, new in zip(tensor_list, found, strict=True)]
    return tensor_list


def all_gather_into_tensor(
    output_tensor: ArrayLike | None, input_tensor: ArrayLike, group: None = None, async_op: bool = False
) -> Any:
    """What each process has, one behind the other along the first dimension.

    Args:
        output_tensor: a Parameter or Buffer to write to; of another array only the shape counts: (processes * N, ...),
            or (processes, N, ...).
        input_tensor: (N, ...), of the same shape in each process.
        group: None: all processes.
        async_op: False.

    Returns:
        The whole, (processes * N, ...) if there is no ``output_tensor``.

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: shapes that do not fit, or an array that is spread over the processes.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.all_gather_into_tensor(jnp.zeros((1, 2)), jnp.arange(2.0))
        Array([[0., 1.]], dtype=float32)
    """
    _now(group, async_op, "all_gather_into_tensor")
    every = _every(_host(input_tensor, "all_gather_into_tensor"), "all_gather_into_tensor")
    flat = every.reshape(-1, *every.shape[2:]) if every.ndim > 1 else every
    if output_tensor is None:
        return jax.numpy.asarray(flat)
    return _fitted(output_tensor, every if _shape(output_tensor) == every.shape else flat, "all_gather_into_tensor")


def _shape(output: ArrayLike) -> tuple[int, ...]:
    return tuple(output.shape) if isinstance(output, Box) else to_array(output, "output").shape


def _fitted(output: ArrayLike, value: np.ndarray, where: str) -> Any:
    if _shape(output) != value.shape:
        raise ArgumentError(f"{where}: expected an output of shape {value.shape}, got {_shape(output)}")
    return _stored(output, value)


def reduce_scatter(
    output: ArrayLike | None,
    input_list: Sequence[ArrayLike],
    op: str = ReduceOp.SUM,
    group: None = None,
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
    _now(group, async_op, "reduce_scatter")
    count = jax.process_count()
    if len(input_list) != count:
        raise ArgumentError(f"reduce_scatter: input_list must have {count} entries, got {len(input_list)}")
    hosts = [_host(one, "reduce_scatter") for one in input_list]
    value = _reduced(_every(np.stack(hosts), "reduce_scatter"), op, "reduce_scatter")[jax.process_index()]
    return jax.numpy.asarray(value) if output is None else _fitted(output, value, "reduce_scatter")


def reduce_scatter_tensor(
    output: ArrayLike | None, input: ArrayLike, op: str = ReduceOp.SUM, group: None = None, async_op: bool = False
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
    _now(group, async_op, "reduce_scatter_tensor")
    count, host = jax.process_count(), _host(input, "reduce_scatter_tensor")
    if not host.ndim or host.shape[0] % count:
        raise ArgumentError(f"reduce_scatter_tensor: {count} processes cannot share an input of shape {host.shape}")
    if output is None or len(_shape(output)) == host.ndim:
        host = host.reshape(count, -1, *host.shape[1:])
    value = _reduced(_every(host, "reduce_scatter_tensor"), op, "reduce_scatter_tensor")[jax.process_index()]
    return jax.numpy.asarray(value) if output is None else _fitted(output, value, "reduce_scatter_tensor")


def broadcast(
    tensor: ArrayLike,
    src: int | None = None,
    group: None = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Any:
    """What process ``src`` has; in PyTorch it is written to ``tensor``, here it is returned.

    Args:
        tensor: an array of the same shape in each process; a Parameter or Buffer is written to as well.
        src: the process whose values they are; None is ``group_src``, or 0.
        group: None: all processes.
        async_op: False.
        group_src: as ``src``, of which only one can be given.

    Returns:
        The array of that process.

    Raises:
        ArgumentTypeError: the array is traced.
        ArgumentError: there is no such process, or the array is spread over the processes.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> fnn.distributed.broadcast(jnp.arange(2.0), src=0)
        Array([0., 1.], dtype=float32)
    """
    _now(group, async_op, "broadcast")
    if src is not None and group_src is not None:
        raise ArgumentError(f"broadcast: Can't specify both group_src and src, got {group_src=}, {src=}")
    source = src if src is not None else group_src or 0
    return _stored(tensor, processes.broadcast_from(_host(tensor, "broadcast"), source))
