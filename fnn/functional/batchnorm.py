"""Normalisation with running statistics: batch_norm and instance_norm.

PyTorch updates ``running_mean`` and ``running_var`` in place.  Arrays are immutable, so here the functions
of PyTorch's names leave them as they are, and `batch_norm_update` and `instance_norm_update` return the new ones.
Half inputs are normalised in float32.

Where the batch is spread over a mapped axis (`jax.shard_map`, `jax.pmap`, `jax.vmap`), ``axis_name`` makes the
statistics those of the whole: sums over the axis, of the elements first and of their squared deviations then. Every
index of the axis holds as many elements, so that the mean weighted by counts is the plain one.

Where a traced program holds more samples than there are, because their number is not known to it, `counting` says
which there are: the statistics of a batch are theirs.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import floating, listed, narrow, norm_parameters, widen
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.normalise import normalise, scaled
from fnn.kernels.sums import spread, total
from fnn.typing import ArrayLike, AxisName, Scalar

__all__ = ["batch_norm", "batch_norm_update", "instance_norm", "instance_norm_update"]

Updated = tuple[jax.Array, jax.Array | None, jax.Array | None]

_UNBOUND = """{where}process_group={axis!r} names an axis of a mapped function, and there is none of this name here.
Wrong: norm.apply(params, state, x, training=True)
Why:   while training, the statistics are summed over that axis, which only the transform that maps it defines.
Right: jax.shard_map(lambda x: norm.apply(params, state, x, training=True), mesh=mesh, ...)   # an axis of the mesh
   or: jax.vmap(..., axis_name={axis!r});  or process_group=None under jax.jit, where arrays are whole anyway"""


def batch_norm(
    input: ArrayLike,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: Scalar | None = 0.1,
    eps: float = 1e-5,
) -> jax.Array:
    r"""Normalises each channel over the batch and space (arXiv:1502.03167).

    ``(x - mean) / sqrt(var + eps) * weight + bias`` with the biased variance. The running statistics are read
    (``training=False``) but never updated: `batch_norm_update` returns the new ones.

    Args:
        input: (N, C, \*), floating.
        running_mean: (C,) or None; used in place of the batch's unless ``training``.
        running_var: (C,) or None.
        weight: (C,) or None.
        bias: (C,) or None.
        training: normalise with the statistics of this batch.
        momentum: of the running statistics: without effect here.
        eps: added to the variance.

    Returns:
        The shape and dtype of ``input``.

    Raises:
        ArgumentError: one value per channel while training, or a parameter that has not C elements.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.batch_norm(jnp.array([[1.0], [3.0]]), None, None, training=True)
        Array([[-0.999995],
               [ 0.999995]], dtype=float32)
    """
    return batch_norm_update(input, running_mean, running_var, weight, bias, training, momentum, eps)[0]


def batch_norm_update(
    input: ArrayLike,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: Scalar | None = 0.1,
    eps: float = 1e-5,
    *,
    axis_name: AxisName | None = None,
) -> Updated:
    r"""`batch_norm` together with the running statistics after it.

    While training, ``new = (1 - momentum) * running + momentum * batch``, with the unbiased variance of the batch;
    an empty batch changes nothing. No gradient flows through the running statistics.

    Args:
        input: (N, C, \*), floating.
        running_mean: (C,) or None.
        running_var: (C,) or None.
        weight: (C,) or None.
        bias: (C,) or None.
        training: normalise with the statistics of this batch, and update the running ones.
        momentum: the share of this batch; may be a traced value.
        eps: added to the variance.
        axis_name: of the mapped axis, or a tuple of several, that the batch is spread over; it counts while training.

    Returns:
        ``(output, new_running_mean, new_running_var)``; the last two are None where the arguments are.

    Raises:
        ArgumentError: one value per channel while training, or a parameter that has not C elements, no such axis.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> y, mean, var = F.batch_norm_update(jnp.array([[1.0], [3.0]]), jnp.zeros(1), jnp.ones(1), training=True)
        >>> mean, var
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """
    where = "batch_norm: "
    x, params = _operands(where, input, running_mean, running_var, weight, bias)
    shards = 1
    if training:
        shards = _axis_size(where, axis_name)
        if x.shape[0] * math.prod(x.shape[2:]) * shards == 1:
            raise ArgumentError(
                f"{where}Expected more than 1 value per channel when training, got input size {listed(x.shape)}"
            )
        if eps <= 0:
            raise ArgumentError(f"{where}batch_norm eps must be positive during training, but got {eps}")
    else:
        if eps < 0:
            raise ArgumentError(f"{where}batch_norm eps must be non-negative, but got {eps}")
        for name in ("running_mean", "running_var"):
            if params[name] is None:
                raise ArgumentError(f"{where}{name} must be defined in evaluation mode, got {name}=None")
    axes = (0, *range(2, x.ndim))
    across, rows = (axis_name, _counted_rows(where, x)) if training else (None, None)
    return _normalise(
        where,
        x,
        **params,
        axes=axes,
        training=training,
        momentum=momentum,
        eps=eps,
        across=across,
        shards=shards,
        rows=rows,
    )


def instance_norm(
    input: ArrayLike,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    use_input_stats: bool = True,
    momentum: Scalar | None = 0.1,
    eps: float = 1e-5,
) -> jax.Array:
    r"""Normalises each channel of each sample over space (arXiv:1607.08022).

    The running statistics are read (``use_input_stats=False``) but never updated: `instance_norm_update` returns
    the new ones.

    Args:
        input: (N, C, \*), floating.
        running_mean: (C,) of any dtype, or None; used in place of the input's unless ``use_input_stats``.
        running_var: (C,) or None.
        weight: (C,) or None.
        bias: (C,) or None.
        use_input_stats: normalise with the statistics of this input.
        momentum: of the running statistics: without effect here.
        eps: added to the variance.

    Returns:
        The shape and dtype of ``input``.

    Raises:
        ArgumentError: one spatial element with ``use_input_stats``, or a parameter that has not C elements.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.instance_norm(jnp.array([[[1.0, 3.0], [10.0, 30.0]]]))
        Array([[[-0.999995  ,  0.999995  ],
                [-0.99999994,  0.99999994]]], dtype=float32)
    """
    return instance_norm_update(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)[0]


def instance_norm_update(
    input: ArrayLike,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    use_input_stats: bool = True,
    momentum: Scalar | None = 0.1,
    eps: float = 1e-5,
) -> Updated:
    r"""`instance_norm` together with the running statistics after it.

    As `batch_norm_update`, with the samples' statistics averaged over the batch.

    Args:
        input: (N, C, \*), floating.
        running_mean: (C,) or None.
        running_var: (C,) or None.
        weight: (C,) or None.
        bias: (C,) or None.
        use_input_stats: normalise with the statistics of this input, and update the running ones.
        momentum: the share of this input; may be a traced value.
        eps: added to the variance.

    Returns:
        ``(output, new_running_mean, new_running_var)``; the last two are None where the arguments are.

    Raises:
        ArgumentError: one spatial element with ``use_input_stats``, or a parameter that has not C elements.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> y, mean, var = F.instance_norm_update(jnp.array([[[1.0, 3.0]]]), jnp.zeros(1), jnp.ones(1))
        >>> mean, var
        (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """
    where = "instance_norm: "
    x, params = _operands(where, input, running_mean, running_var, weight, bias, any_dtype=True)
    if use_input_stats:
        if math.prod(x.shape[2:]) == 1:
            raise ArgumentError(
                f"{where}Expected more than 1 spatial element when training, got input size {listed(x.shape)}"
            )
    elif params["running_mean"] is None or params["running_var"] is None:
        raise ArgumentError(f"{where}Expected running_mean and running_var to be defined when use_input_stats is false")
    axes = tuple(range(2, x.ndim))
    return _normalise(where, x, **params, axes=axes, training=use_input_stats, momentum=momentum, eps=eps)


_counted: ContextVar[jax.Array | None] = ContextVar("fnn_counted_samples", default=None)


@contextlib.contextmanager
def counting(rows: jax.Array) -> Iterator[None]:
    """Inside the ``with`` block batch_norm takes the statistics of a batch from these samples of it.

    All samples are normalised by them; of what becomes of the others nothing should be used. With no sample at all the
    running statistics stay what they are, as those of an empty batch do. A function that is compiled inside the block,
    and not around it, would keep the rows that it was compiled with.

    Args:
        rows: (N,), booleans.
    """
    token = _counted.set(rows)
    try:
        yield
    finally:
        _counted.reset(token)


def _counted_rows(where: str, x: jax.Array) -> jax.Array | None:
    """Which of the samples count; None: all."""
    rows = _counted.get()
    if rows is not None and rows.shape != x.shape[:1]:
        raise ArgumentError(
            f"{where}of {rows.size} samples it is known which count, but input.shape={listed(x.shape)} has "
            f"{x.shape[0]}: a head with batch normalisation must keep the samples it is given, one a row"
        )
    return rows


def _operands(
    where: str,
    input: ArrayLike,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    weight: ArrayLike | None,
    bias: ArrayLike | None,
    any_dtype: bool = False,
) -> tuple[jax.Array, dict[str, Any]]:
    """The input and the parameters as arrays, checked; of any dtype, if asked for, the running statistics."""
    x = floating(input, where)
    if x.ndim < 2 and x.size:
        raise IndexError(
            f"{where}Dimension out of range: expected input of shape (N, C, *), got input.shape={listed(x.shape)}"
        )
    running = {"running_mean": running_mean, "running_var": running_var}
    affine = {"weight": weight, "bias": bias}
    if any_dtype:  # PyTorch copies them, once for each sample
        params = {n: None if v is None else to_array(v, n, where) for n, v in running.items()}
        params |= norm_parameters(where, x, affine)
    else:
        params = norm_parameters(where, x, running | affine)
    for name, value in params.items():
        if x.ndim > 1 and value is not None and value.shape != (x.shape[1],):
            raise ArgumentError(
                f"{where}{name} should contain {x.shape[1]} elements not {value.size}: expected shape "
                f"({x.shape[1]},) for input.shape={listed(x.shape)}, got {listed(value.shape)}"
            )
    return x, params


def _normalise(
    where: str,
    x: jax.Array,
    running_mean: jax.Array | None,
    running_var: jax.Array | None,
    weight: jax.Array | None,
    bias: jax.Array | None,
    axes: tuple[int, ...],
    training: bool,
    momentum: Scalar | None,
    eps: float,
    across: AxisName | None = None,
    shards: int = 1,
    rows: jax.Array | None = None,
) -> Updated:
    """Both norms: they differ in the axes that the statistics are taken over."""
    if x.size == 0:
        return x, running_mean, running_var
    weight, bias = (None if p is None else widen(p) for p in (weight, bias))
    wide = widen(x)
    if training:
        if (running_mean is None) != (running_var is None):
            raise ArgumentError(f"{where}running_mean and running_var must either both be None or neither be None")
        n = math.prod(x.shape[i] for i in axes) * shards
        if rows is not None:
            n = _sum(rows.astype(wide.dtype), (0,), across) * math.prod(x.shape[2:])
        if across is None and rows is None:
            y, mean, var = normalise(wide, axes, eps, weight, bias, (1,))
        else:
            mean, var = _moments(wide, axes, n, across, rows)
            y = scaled(_standardised(wide, mean, var, eps), weight, bias, (1,))
        if running_mean is not None and running_var is not None:
            move = _moving_average(where, momentum)
            new = move(running_mean, mean), move(running_var, var * (n / _positive(n - 1)))
            if rows is not None:
                new = (jnp.where(n > 0, a, b) for a, b in zip(new, (running_mean, running_var), strict=True))
            running_mean, running_var = new
    else:
        assert running_mean is not None and running_var is not None  # checked by the callers
        mean, var = (lax.stop_gradient(s).real.astype(wide.dtype) for s in (running_mean, running_var))
        y = scaled(_standardised(wide, mean, var, eps), weight, bias, (1,))
    return narrow(y, x), running_mean, running_var


def _standardised(x: jax.Array, mean: jax.Array, var: jax.Array, eps: float) -> jax.Array:
    return (x - spread(mean, x.shape, (1,))) * spread(lax.rsqrt(var + eps), x.shape, (1,))


def _sum(values: jax.Array, axes: tuple[int, ...], across: AxisName | None) -> jax.Array:
    here = total(values, axes)
    return here if across is None else lax.psum(here, across)


def _positive(n: int | jax.Array) -> int | jax.Array:
    return max(n, 1) if isinstance(n, int) else jnp.maximum(n, 1)


def _moments(
    x: jax.Array, axes: tuple[int, ...], n: int | jax.Array, across: AxisName | None, rows: jax.Array | None
) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance of the ``n`` elements of a channel: on all indices of the mapped axis, in these rows."""

    def mean_of(values: jax.Array) -> jax.Array:
        if rows is not None:
            values = jnp.where(jnp.expand_dims(rows, tuple(range(1, x.ndim))), values, 0)
        return _sum(values, axes, across) / _positive(n)

    mean = mean_of(x)
    deviation = x - spread(mean, x.shape, (1,))
    return mean, mean_of(deviation * deviation)


def _axis_size(where: str, axis: AxisName | None) -> int:
    if axis is None:
        return 1
    try:
        return lax.psum(1, axis)  # of a Python number: known while tracing
    except NameError:
        raise ArgumentError(_UNBOUND.format(where=where, axis=axis)) from None


def _moving_average(where: str, momentum: Scalar | None) -> Callable[[jax.Array, jax.Array], jax.Array]:
    if momentum is None:
        raise ArgumentTypeError(f"{where}argument 'momentum' must be float, got None")

    def move(running: jax.Array, new: jax.Array) -> jax.Array:
        running, new = lax.stop_gradient((running, new))
        if new.ndim == 2:  # (N, C): instance_norm keeps the batch's average
            new = lax.reduce_sum(new, (0,)) / new.shape[0]
        return narrow((1 - momentum) * widen(running) + momentum * new, running)

    return move
