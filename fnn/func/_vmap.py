"""`vmap` with torch.func's arguments, over functions that read and write Modules."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, cast

import jax
import jax.numpy as jnp
from jax.tree_util import tree_flatten, tree_leaves, tree_map

from fnn import random
from fnn.drawn import Replay
from fnn.errors import ArgumentError, MissingKeyError, TracerEscapeError
from fnn.func._carry import Carried, Rehearsal, fresh_key
from fnn.func._function import check_function
from fnn.func._graph import through_program
from fnn.func._leaves import is_box, is_dynamic
from fnn.state.box import Box
from fnn.state.results import order_of, pack, reordered
from fnn.state.scope import Restage, Slot, is_fresh, write_out
from fnn.typing import P, PyTree, R

_WRITE = """\
vmap: a {kind} of shape {shape} that is not mapped over would be replaced by a different value for each member of the
batch.

    fnn.vmap(lambda x: model(x))(xs)             # wrong: which of the batch's running means should model keep?

Call model.eval(), or use layers without running statistics (track_running_stats=False, GroupNorm, LayerNorm), or map
over the model too: stack its state (fnn.func.stack_module_state) and use functional_call inside vmap."""

_ASSIGNED = """\
vmap: a traced value is assigned to {what} for each member of the batch, and there is one place for all.

    fnn.vmap(lambda x: model(x))(xs)             # wrong: which member's value should it keep?
    fnn.vmap(lambda x: (model(x), value))(xs)    # right: returned, it comes back stacked

Return the value, or remove the hook that stores it."""

_SAME_IN_CHUNKS = """\
vmap: with randomness='same' and PyTorch's numbers (fnn.jit with random="torch") the batch cannot be cut into chunks,
got chunk_size={chunk_size}. Leave it out, or use random="jax"."""

_RANDOM = """\
vmap: the function draws random numbers, and randomness='error' (the default).
Say randomness='different' for numbers of its own for each member of the batch, or randomness='same' for one set of
numbers shared by all."""


def vmap(
    func: Callable[P, R],
    in_dims: PyTree = 0,
    out_dims: PyTree = 0,
    randomness: Literal["error", "different", "same"] = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[P, R]:
    """Maps ``func`` over an axis of its arguments.

    Args:
        func: a function of arrays and Modules.
        in_dims: which axis of each argument to map over: an int, None (not mapped), or a nest matching the
            arguments. A Module is never mapped over (its boxes are shared); use `stack_module_state`.
        out_dims: where the mapped axis stands in the results.
        randomness: ``"error"``, ``"different"`` or ``"same"``: what random operations do.
        chunk_size: at most so many members of the batch at once; None for all.

    Returns:
        The mapped function. Keyword arguments are not mapped over, as in torch.func.

    Raises:
        ArgumentError: bad ``in_dims``, axes of different lengths, or a write of a mapped value to a box.
        MissingKeyError: random numbers are drawn with ``randomness="error"``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> print(fnn.vmap(jnp.dot)(jnp.ones((2, 3)), jnp.ones((2, 3))))
        [3. 3.]
    """
    check_function(func, "vmap")
    if randomness not in ("error", "different", "same"):
        raise ArgumentError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got randomness={randomness!r}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ArgumentError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        leaves, treedef = tree_flatten((args, kwargs), is_box)
        order = order_of((args, kwargs))
        dims = _axes(in_dims, args, kwargs)
        at = [i for i, leaf in enumerate(leaves) if is_dynamic(leaf)]
        for i, leaf in enumerate(leaves):
            if i not in at and isinstance(dims[i], int) and not _static(leaf) and in_dims != 0:
                raise ArgumentError(
                    f"vmap: in_dims={in_dims!r} maps over a {type(leaf).__name__}, whose boxes are shared by the "
                    "batch; give it in_dims None, or stack states with fnn.func.stack_module_state"
                )
        dynamic = [leaves[i] for i in at]
        axes = [dims[i] for i in at]
        size = _batch_size(dynamic, axes, in_dims)

        def call(values: list[Any]) -> Any:
            full = list(leaves)
            for i, value in zip(at, values, strict=True):
                full[i] = value
            a, k = reordered(jax.tree_util.tree_unflatten(treedef, full), order)
            return cast(Callable[..., R], func)(*a, **k)

        one = [_member(v, d) for v, d in zip(dynamic, axes, strict=True)]
        chunked = chunk_size is not None and chunk_size < size
        # One set of numbers for all comes by itself from the key around, unless there are several maps.
        rehearsal = Rehearsal("vmap", initialises=False)
        if randomness != "same" or chunked:
            rehearsal.run(call, one)
        draws, noted = rehearsal.draws, rehearsal.noted
        if draws and randomness == "error":
            raise MissingKeyError(_RANDOM)
        keys = None
        if noted and chunked and randomness == "same":
            raise MissingKeyError(_SAME_IN_CHUNKS.format(chunk_size=chunk_size))
        if draws and not noted:
            key = fresh_key("vmap")
            keys = jax.random.split(key, size) if randomness == "different" else key
        key_axis = 0 if draws and randomness == "different" else None

        def provider(key: Any) -> random.Provider:
            return random.stream(Replay(noted, key) if noted else key)

        def mapped(values: list[Any], keys: Any, size: int) -> Any:
            run, outer = Carried(), random.Relay()
            run.unstaged = "batch"

            def called(values: list[Any], key: random.AnyKey) -> Any:
                with random.ambient(provider(key) if draws else outer):
                    return run(call, (values,), {})

            def member(values: list[Any], key: random.AnyKey) -> Any:
                return called(values, key) if run.unstaged else through_program(called, values, key)

            def body(values: list[Any], key: random.AnyKey) -> Any:
                out, written = member(values, key)
                kept = [i for i, box in enumerate(run.boxes) if not is_fresh(box)]
                run.boxes, written = [run.boxes[i] for i in kept], [written[i] for i in kept]
                mapped_writes = [_is_mapped(value) for value in written]
                if any(mapped_writes):
                    box = run.boxes[mapped_writes.index(True)]
                    if isinstance(box, Slot):
                        raise TracerEscapeError(_ASSIGNED.format(what=box.what))
                    raise ArgumentError(_WRITE.format(kind=type(box).__name__, shape=box.shape))
                return out, written

            generator = random.program_generator()
            if noted and generator is not None:
                keys = [random.on_device(numbers) for numbers in generator.batched(noted, size)]
            batched = jax.vmap(body, (axes, key_axis), (out_dims, None), axis_size=size)
            mark = None if generator is None else generator.mark()
            try:
                out, written = batched(values, keys)
            except Restage as needed:
                if needed.scope is not run.scope or not run.unstaged:
                    raise
                run.unstaged = ""
                if generator is not None and mark is not None:
                    generator.rewind(mark)
                out, written = batched(values, keys)
            write_out(run.boxes, written)
            return run.rebuild(out)

        if chunk_size is None or not chunked:
            return mapped(dynamic, keys, size)
        parts = []
        for start in range(0, size, chunk_size):
            stop = min(size, start + chunk_size)
            some = [v if d is None else _slice(v, d, start, stop) for v, d in zip(dynamic, axes, strict=True)]
            parts.append(mapped(some, keys[start:stop] if keys is not None and key_axis == 0 else keys, stop - start))
        return _joined(parts, out_dims)

    return functools.wraps(func, updated=())(wrapper)


def _static(leaf: object) -> bool:
    return not isinstance(leaf, Box) and not hasattr(type(leaf), "_fnn_gather")


def _axes(in_dims: object, args: tuple, kwargs: dict[str, Any]) -> list[Any]:
    """The axis of every leaf of ``(args, kwargs)``."""
    if isinstance(in_dims, list):
        in_dims = tuple(in_dims)
    if isinstance(in_dims, int) or in_dims is None:
        in_dims = tuple(in_dims for _ in args)
    if not isinstance(in_dims, tuple):
        raise ArgumentError(f"vmap: in_dims must be an int, None or a tuple like the arguments, got {in_dims!r}")
    if len(in_dims) != len(args):
        raise ArgumentError(
            f"vmap: in_dims is not compatible with the structure of inputs: in_dims={in_dims!r} has {len(in_dims)} "
            f"entries, the function was given {len(args)} arguments"
        )
    result: list[Any] = []
    for dim, arg in zip(in_dims, args, strict=True):
        result.extend(_spread(dim, arg))
    result.extend(None for _ in tree_leaves(kwargs, is_leaf=is_box))
    return result


def _spread(dim: object, arg: object) -> list[Any]:
    if dim is None or isinstance(dim, int):
        return [dim] * len(tree_leaves(arg, is_leaf=is_box))
    if isinstance(dim, (tuple, list)) and isinstance(arg, (tuple, list)) and len(dim) == len(arg):
        return [axis for d, a in zip(dim, arg, strict=True) for axis in _spread(d, a)]
    if isinstance(dim, dict) and isinstance(arg, dict) and dim.keys() == arg.keys():
        return [axis for name in sorted(arg) for axis in _spread(dim[name], arg[name])]
    raise ArgumentError(
        f"vmap: in_dims is not compatible with the structure of inputs: {dim!r} for {type(arg).__name__}"
    )


def _batch_size(values: list[Any], axes: list[Any], in_dims: object) -> int:
    sizes = {}
    for value, axis in zip(values, axes, strict=True):
        if axis is None:
            continue
        shape = jnp.shape(value)
        if not -len(shape) <= axis < len(shape):
            raise ArgumentError(
                f"vmap: Got in_dim={axis} for some input, but that input is an array of dimensionality {len(shape)} "
                f"(shape {shape}), so expected in_dim to satisfy -{len(shape)} <= in_dim < {len(shape)}"
            )
        sizes[shape[axis]] = shape
    if not sizes:
        raise ArgumentError(f"vmap: at least one input must be mapped over, got in_dims={in_dims!r}")
    if len(sizes) > 1:
        raise ArgumentError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(sizes)}"
        )
    return next(iter(sizes))


def _member(value: PyTree, axis: int | None) -> Any:
    shape = list(jnp.shape(value))
    if axis is not None:
        del shape[axis % len(shape)]
    return jax.ShapeDtypeStruct(tuple(shape), jnp.result_type(value) if not hasattr(value, "dtype") else value.dtype)


def _is_mapped(value: object) -> bool:
    return getattr(value, "batch_dim", None) is not None


def _slice(value: jax.Array, axis: int, start: int, stop: int) -> jax.Array:
    return jax.lax.slice_in_dim(jnp.asarray(value), start, stop, axis=axis % jnp.ndim(value))


def _joined(results: list[Any], out_dims: object) -> Any:
    """The results of the chunks, put together along ``out_dims`` (a prefix of their structure)."""
    parts, rebuilds = zip(*(pack(result, every=True) for result in results), strict=True)
    dims: list[Any] = []
    tree_map(lambda d, part: dims.extend([d] * len(tree_leaves(part))), out_dims, parts[0])
    columns = zip(*(tree_leaves(part) for part in parts), strict=True)
    joined = [jnp.concatenate(xs, axis=d) for xs, d in zip(columns, dims, strict=True)]
    return rebuilds[0](jax.tree.unflatten(jax.tree.structure(parts[0]), joined))
