"""``torch.distributed``'s collectives for ported scripts: what the processes have, put together.

PyTorch's processes hold one device each and exchange tensors; here every process runs the same program over the devices
of all.  So these are for what a script does between its steps, such as adding up counts: gradients need none of them.
They return the result; PyTorch writes it to an argument, which a Parameter or Buffer in its place receives as well.
"""

from __future__ import annotations

from typing import Any

import jax

from fnn.distributed import meeting
from fnn.distributed.torch_groups import Group
from fnn.distributed.torch_reductions import every, fitted, held_by_all, host_of, now, process_of, shape_of, stored
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["all_gather", "all_gather_into_tensor", "broadcast"]


def all_gather(
    tensor_list: list[Any] | None, tensor: ArrayLike, group: Group = None, async_op: bool = False
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
    now(group, async_op, "all_gather")
    count = jax.process_count()
    if tensor_list is not None and len(tensor_list) != count:
        raise ArgumentError(f"all_gather: tensor_list must have {count} entries, got {len(tensor_list)}")
    found = list(every(host_of(tensor, "all_gather"), "all_gather"))
    if tensor_list is None:
        return [jax.numpy.asarray(part) for part in found]
    tensor_list[:] = [stored(old, new) for old, new in zip(tensor_list, found, strict=True)]
    return tensor_list


def all_gather_into_tensor(
    output_tensor: ArrayLike | None, input_tensor: ArrayLike, group: Group = None, async_op: bool = False
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
    now(group, async_op, "all_gather_into_tensor")
    gathered = every(host_of(input_tensor, "all_gather_into_tensor"), "all_gather_into_tensor")
    flat = gathered.reshape(-1, *gathered.shape[2:]) if gathered.ndim > 1 else gathered
    if output_tensor is None:
        return jax.numpy.asarray(flat)
    return fitted(
        output_tensor, gathered if shape_of(output_tensor) == gathered.shape else flat, "all_gather_into_tensor"
    )


def broadcast(
    tensor: ArrayLike,
    src: int | None = None,
    group: Group = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Any:
    """What process ``src`` has; in PyTorch it is written to ``tensor``, here it is returned.

    Args:
        tensor: an array of the same shape in each process; a Parameter or Buffer is written to as well. One of all
            processes, such as a loss, comes back as it is.
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
    now(group, async_op, "broadcast")
    source = process_of(src, group_src, "src", "broadcast")
    if (same := held_by_all(tensor)) is not None:
        return stored(tensor, same)
    return stored(tensor, meeting.broadcast_from(host_of(tensor, "broadcast"), source))
