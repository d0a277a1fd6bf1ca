r"""Recurrent networks.

The legend: T steps, N sequences of I features, H the hidden size, P the size of h (H, or that of a projection), D
directions (2 if bidirectional, else 1), K layers.  ``weights`` has for each layer and, within it, each direction the
arrays that ``all_weights`` of a module has: ``weight_ih`` (G, I or D P), ``weight_hh`` (G, P), with biases ``bias_ih``
and ``bias_hh`` (G,), with a projection ``weight_hr`` (P, H); G is H, 4 H (gates i, f, g, o) or 3 H (r, z, n).

``lengths`` says how long each sequence is: what lies behind its end is neither read nor written (outputs are zeros),
its last state is the one at its end, and the reverse direction begins there.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import random
from fnn.arguments import floating
from fnn.autocasting import governed, region
from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.functional.dropout import dropout as drop
from fnn.functional.dropout import keep_only
from fnn.functional.recurrent_cells import Pair, check_dtypes, lowered, pair_of_states, prepared
from fnn.kernels.mesh import select
from fnn.kernels.recurrence import recurrence
from fnn.tracing import concrete
from fnn.typing import ArrayLike, Key

__all__ = ["gru", "lstm", "rnn"]

Weights = Sequence[Sequence[ArrayLike]]


@governed
def rnn(
    input: ArrayLike,
    weights: Weights,
    hx: ArrayLike | None = None,
    *,
    nonlinearity: str = "tanh",
    lengths: ArrayLike | None = None,
    batch_first: bool = False,
    bidirectional: bool = False,
    dropout: float = 0.0,
    training: bool = False,
    key: Key | None = None,
) -> Pair:
    """Elman's network: ``h[t] = tanh(W_ih x[t] + b_ih + W_hh h[t - 1] + b_hh)`` in each layer.

    Elman, "Finding Structure in Time" (1990).

    Args:
        input: (T, N, I), with ``batch_first`` (N, T, I), or (T, I).
        weights: see the head of this module.
        hx: (K D, N, H) or (K D, H), the first states; None is zeros.
        nonlinearity: 'tanh' or 'relu'.
        lengths: (N,), see the head of this module; with a batch only.
        batch_first: whether input and output have N first; the states never do.
        bidirectional: whether each layer also reads the sequence from its end.
        dropout: the probability of an element of a layer's output to be dropped, the last layer's excepted.
        training: whether to drop at all.
        key: a JAX key or a `fnn.random.Generator`, for ``dropout``.

    Returns:
        The last layer's states (T, N, D H), and the last states of all layers (K D, N, H).

    Raises:
        ArgumentError: shapes do not agree.
        MissingKeyError: a draw is needed and ``key`` is None.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> one = jnp.ones((1, 1))
        >>> output, h = F.rnn(jnp.ones((3, 1)), [(one, one)], nonlinearity="relu")
        >>> output.ravel().tolist(), h.tolist()
        ([1.0, 2.0, 3.0], [[3.0]])
    """
    if nonlinearity not in ("tanh", "relu"):
        raise ArgumentError(f"rnn: Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
    states = None if hx is None else (hx,)
    output, (h,) = _network(
        "RNN", nonlinearity, input, weights, states, lengths, batch_first, bidirectional, dropout, training, key
    )
    return output, h


@governed
def lstm(
    input: ArrayLike,
    weights: Weights,
    hx: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    lengths: ArrayLike | None = None,
    batch_first: bool = False,
    bidirectional: bool = False,
    dropout: float = 0.0,
    training: bool = False,
    key: Key | None = None,
) -> tuple[jax.Array, Pair]:
    """Long short-term memory: ``c[t] = f c[t - 1] + i g``, ``h[t] = o tanh(c[t])``.

    The gates i, f, o are sigmoids of ``W_ih x[t] + b_ih + W_hh h[t - 1] + b_hh``, g is a tanh.  Hochreiter and
    Schmidhuber (1997); with forget gates Gers et al. (2000); with a projection of h Sak et al. (2014), arXiv:1402.1128.

    Args:
        input: (T, N, I), with ``batch_first`` (N, T, I), or (T, I).
        weights: see the head of this module.
        hx: (K D, N, P) and (K D, N, H), or both without N: the first h and c; None is zeros.
        lengths: (N,), see the head of this module; with a batch only.
        batch_first: whether input and output have N first; the states never do.
        bidirectional: whether each layer also reads the sequence from its end.
        dropout: the probability of an element of a layer's output to be dropped, the last layer's excepted.
        training: whether to drop at all.
        key: a JAX key or a `fnn.random.Generator`, for ``dropout``.

    Returns:
        The last layer's h (T, N, D P), and the last h and c of all layers.

    Raises:
        ArgumentError: shapes do not agree.
        MissingKeyError: a draw is needed and ``key`` is None.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> weights = [(jnp.ones((8, 3)), jnp.ones((8, 2)))]
        >>> output, (h, c) = F.lstm(jnp.ones((5, 4, 3)), weights, lengths=jnp.array([5, 1, 2, 3]))
        >>> output.shape, h.shape, c.shape
        ((5, 4, 2), (1, 4, 2), (1, 4, 2))
    """
    output, (h, c) = _network(
        "LSTM", "lstm", input, weights, hx, lengths, batch_first, bidirectional, dropout, training, key
    )
    return output, (h, c)


@governed
def gru(
    input: ArrayLike,
    weights: Weights,
    hx: ArrayLike | None = None,
    *,
    lengths: ArrayLike | None = None,
    batch_first: bool = False,
    bidirectional: bool = False,
    dropout: float = 0.0,
    training: bool = False,
    key: Key | None = None,
) -> Pair:
    """Gated recurrent units: ``h[t] = (1 - z) n + z h[t - 1]``, ``n = tanh(x_n + b_in + r (W_hn h[t - 1] + b_hn))``.

    The gates r and z are sigmoids of ``W_ih x[t] + b_ih + W_hh h[t - 1] + b_hh``.  Cho et al. (2014), arXiv:1406.1078,
    with r applied after the product, as cuDNN has it.

    Args:
        input: (T, N, I), with ``batch_first`` (N, T, I), or (T, I).
        weights: see the head of this module.
        hx: (K D, N, H) or (K D, H), the first states; None is zeros.
        lengths: (N,), see the head of this module; with a batch only.
        batch_first: whether input and output have N first; the states never do.
        bidirectional: whether each layer also reads the sequence from its end.
        dropout: the probability of an element of a layer's output to be dropped, the last layer's excepted.
        training: whether to drop at all.
        key: a JAX key or a `fnn.random.Generator`, for ``dropout``.

    Returns:
        The last layer's states (T, N, D H), and the last states of all layers (K D, N, H).

    Raises:
        ArgumentError: shapes do not agree.
        MissingKeyError: a draw is needed and ``key`` is None.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> weights = [(jnp.ones((6, 3)), jnp.ones((6, 2)))]
        >>> output, h = F.gru(jnp.ones((5, 4, 3)), weights)
        >>> output.shape, h.shape
        ((5, 4, 2), (1, 4, 2))
    """
    states = None if hx is None else (hx,)
    output, (h,) = _network(
        "GRU", "gru", input, weights, states, lengths, batch_first, bidirectional, dropout, training, key
    )
    return output, h


def _network(
    name: str,
    kind: str,
    input: ArrayLike,
    weights: Weights,
    hx: Sequence[ArrayLike] | None,
    lengths: ArrayLike | None,
    batch_first: bool,
    bidirectional: bool,
    dropout: float,
    training: bool,
    key: Key | None,
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    where = f"{name}: "
    x = floating(input, where)
    if x.ndim not in (2, 3):
        raise ArgumentError(f"{where}Expected input to be 2D or 3D, got {x.ndim}D tensor instead")
    arrays = [[floating(w, where, "weights") for w in part] for part in weights]
    directions = 2 if bidirectional else 1
    if not arrays or len(arrays) % directions or any(not 2 <= len(part) <= 5 for part in arrays):
        raise ArgumentError(
            f"{where}expected weights to have two to five arrays for each layer and direction (bidirectional="
            f"{bidirectional}), got {[len(part) for part in arrays]}"
        )
    batched = x.ndim == 3
    if x.shape[-1] != arrays[0][0].shape[1]:
        raise ArgumentError(
            f"{where}input.size(-1) must be equal to input_size. Expected {arrays[0][0].shape[1]}, got {x.shape[-1]}"
        )
    if not batched:
        if lengths is not None:
            raise ArgumentError(f"{where}lengths need a batch of sequences, got input of shape {list(x.shape)}")
        x = x[:, None]
    elif batch_first:
        x = jnp.swapaxes(x, 0, 1)
    first = _first_states(where, kind, x, arrays, hx, batched)
    cast = region()
    if cast is None:
        check_dtypes(where, x, *first, *(w for part in arrays for w in part))
    mask = None if lengths is None else _mask(where, x, lengths)
    if mask is not None:
        x = _zeroed(mask, x)
    stream = random.stream(key) if training and dropout > 0 and len(arrays) > directions else None
    last = []
    for n in range(0, len(arrays), directions):
        if n and stream is not None:
            x = _dropped(x, dropout, lengths, stream())
        outputs = []
        for direction in range(directions):
            operands, carry = arrays[n + direction], tuple(state[n + direction] for state in first)
            if cast is not None:
                x, operands, carry = lowered(cast, kind, x, operands, carry)
            gates, recurrent = prepared(kind, x, operands)
            output, carry = recurrence(kind, direction == 1, gates, carry, recurrent, mask)
            outputs.append(output)
            last.append(carry)
        x = jnp.concatenate(outputs, -1) if directions == 2 else outputs[0]
        if mask is not None:
            x = _zeroed(mask, x)
    states = tuple(jnp.stack(each) for each in zip(*last, strict=True))
    if not batched:
        return x[:, 0], tuple(state[:, 0] for state in states)
    return (jnp.swapaxes(x, 0, 1) if batch_first else x), states


def _first_states(
    where: str,
    kind: str,
    x: jax.Array,
    weights: list[list[jax.Array]],
    hx: Sequence[ArrayLike] | None,
    batched: bool,
) -> tuple[jax.Array, ...]:
    """(K D, N, P), and (K D, N, H) for an LSTM: what is given, or zeros."""
    gates, size = weights[0][1].shape
    shapes = [(len(weights), x.shape[1], size)]
    if kind == "lstm":
        shapes.append((len(weights), x.shape[1], gates // 4))
    if hx is None:
        return tuple(jnp.zeros(shape, x.dtype) for shape in shapes)
    given = [floating(h, where, "hx") for h in pair_of_states(where, kind, hx)]
    rank = 3 if batched else 2
    if any(h.ndim != rank for h in given):
        adjective = "batched 3-D" if batched else "unbatched 2-D"
        if kind == "lstm":
            text = f"hx and cx should also be {rank}-D but got ({given[0].ndim}-D, {given[1].ndim}-D) tensors"
        else:
            text = f"hx should also be {rank}-D but got {given[0].ndim}-D tensor"
        raise ArgumentError(f"{where}For {adjective} input, {text}")
    states = tuple(h if batched else h[:, None] for h in given)
    for n, (h, shape) in enumerate(zip(states, shapes, strict=True)):
        if h.shape != shape:
            what = f"hidden[{n}]" if kind == "lstm" else "hidden"
            raise ArgumentError(f"{where}Expected {what} size {shape}, got {list(h.shape)}")
    return states


def _mask(where: str, x: jax.Array, lengths: ArrayLike) -> jax.Array:
    """(T, N): whether a sequence has such a step."""
    ends = to_array(lengths, "lengths", where)
    if ends.shape != x.shape[1:2]:
        raise ArgumentError(f"{where}expected lengths of shape {list(x.shape[1:2])}, got {list(ends.shape)}")
    return lax.broadcasted_iota(ends.dtype, x.shape[:2], 0) < lax.broadcast_in_dim(ends, x.shape[:2], (1,))


def _zeroed(mask: jax.Array, x: jax.Array) -> jax.Array:
    return select(lax.broadcast_in_dim(mask, x.shape, (0, 1)), x, jnp.zeros_like(x))


def _dropped(x: jax.Array, p: float, lengths: ArrayLike | None, key: Key) -> jax.Array:
    """Dropout of (T, N, P); a Generator draws for what is there only, in the order in which torch packs it."""
    ends = None if lengths is None else concrete(lengths)
    if ends is None or p == 1 or not isinstance(key, random.Generator):
        return drop(x, p, key=key)
    order = np.argsort(-ends, kind="stable")
    steps, places = np.nonzero(np.arange(len(x))[:, None] < ends[order][None])
    keep = np.zeros(x.shape, bool)
    keep[steps, order[places]] = random.bernoulli(key, 1 - p, (steps.size, *x.shape[2:]))
    return keep_only(x, random.on_device(keep), p)
