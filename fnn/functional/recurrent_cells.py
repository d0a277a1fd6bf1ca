"""The cells of recurrent networks: one step each; the legend is that of `fnn.functional.recurrent`."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from fnn.arguments import floating
from fnn.autocasting import Region, governed, region
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels.recurrence import matmul_t, one_step
from fnn.typing import ArrayLike

__all__ = ["gru_cell", "lstm_cell", "rnn_cell"]

Pair = tuple[jax.Array, jax.Array]


@governed
def rnn_cell(
    input: ArrayLike,
    hx: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    nonlinearity: str = "tanh",
) -> jax.Array:
    """One step of `rnn`.

    Args:
        input: (N, I) or (I,).
        hx: (N, H) or (H,); None is zeros.
        weight_ih: (H, I).
        weight_hh: (H, H).
        bias_ih: (H,) or None.
        bias_hh: (H,) or None.
        nonlinearity: 'tanh' or 'relu'.

    Returns:
        (N, H) or (H,).

    Raises:
        ArgumentError: shapes do not agree.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.rnn_cell(jnp.ones(1), jnp.ones(1), jnp.ones((1, 1)), jnp.ones((1, 1)), nonlinearity="relu").tolist()
        [2.0]
    """
    if nonlinearity not in ("tanh", "relu"):
        raise ArgumentError(f"RNNCell: Unknown nonlinearity: {nonlinearity}")
    states = None if hx is None else (hx,)
    return _cell("RNNCell", nonlinearity, input, states, (weight_ih, weight_hh, bias_ih, bias_hh))[0]


@governed
def lstm_cell(
    input: ArrayLike,
    hx: Sequence[ArrayLike] | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
) -> Pair:
    """One step of `lstm`.

    Args:
        input: (N, I) or (I,).
        hx: h and c, (N, H) or (H,); None is zeros.
        weight_ih: (4 H, I).
        weight_hh: (4 H, H).
        bias_ih: (4 H,) or None.
        bias_hh: (4 H,) or None.

    Returns:
        The next h and c.

    Raises:
        ArgumentError: shapes do not agree.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> h, c = F.lstm_cell(jnp.ones((3, 2)), None, jnp.zeros((4, 2)), jnp.ones((4, 1)))
        >>> h.shape, c.tolist()
        ((3, 1), [[0.0], [0.0], [0.0]])
    """
    h, c = _cell("LSTMCell", "lstm", input, hx, (weight_ih, weight_hh, bias_ih, bias_hh))
    return h, c


@governed
def gru_cell(
    input: ArrayLike,
    hx: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
) -> jax.Array:
    """One step of `gru`.

    Args:
        input: (N, I) or (I,).
        hx: (N, H) or (H,); None is zeros.
        weight_ih: (3 H, I).
        weight_hh: (3 H, H).
        bias_ih: (3 H,) or None.
        bias_hh: (3 H,) or None.

    Returns:
        (N, H) or (H,).

    Raises:
        ArgumentError: shapes do not agree.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import functional as F
        >>> F.gru_cell(jnp.ones(2), jnp.ones(1), jnp.zeros((3, 2)), jnp.zeros((3, 1))).tolist()
        [0.5]
    """
    states = None if hx is None else (hx,)
    return _cell("GRUCell", "gru", input, states, (weight_ih, weight_hh, bias_ih, bias_hh))[0]


def _cell(
    name: str, kind: str, input: ArrayLike, hx: Sequence[ArrayLike] | None, weights: Sequence[ArrayLike | None]
) -> tuple[jax.Array, ...]:
    where = f"{name}: "
    x = floating(input, where)
    if x.ndim not in (1, 2):
        raise ArgumentError(f"{where}Expected input to be 1D or 2D, got {x.ndim}D instead")
    arrays = [floating(w, where, "weights") for w in weights if w is not None]
    size = arrays[1].shape[-1]
    given = None if hx is None else [floating(h, where, "hx") for h in pair_of_states(where, kind, hx)]
    for n, h in enumerate(given or ()):
        if h.ndim not in (1, 2):
            what = f"hx[{n}]" if kind == "lstm" else "hidden"
            raise ArgumentError(f"{where}Expected {what} to be 1D or 2D, got {h.ndim}D instead")
    batch = x if x.ndim == 2 else x[None]
    if batch.shape[1] != arrays[0].shape[1]:
        raise ArgumentError(
            f"{where}input has inconsistent input_size: got {batch.shape[1]}, expected {arrays[0].shape[1]}"
        )
    cast = region()
    if given is None:
        carry = tuple(jnp.zeros((batch.shape[0], size), x.dtype) for _ in range(2 if kind == "lstm" else 1))
    else:
        carry = tuple(h[None] if x.ndim == 1 else h for h in given)
    for n, h in enumerate(carry):
        if h.ndim != 2 or h.shape[0] != batch.shape[0]:
            raise ArgumentError(
                f"{where}Input batch size {batch.shape[0]} doesn't match hidden{n} batch size {h.shape[0]}, got "
                f"hx of shape {list(h.shape)}"
            )
        if h.shape[1] != size:
            raise ArgumentError(f"{where}hidden{n} has inconsistent hidden_size: got {h.shape[1]}, expected {size}")
    if cast is not None:
        batch, arrays, carry = lowered(cast, kind, batch, arrays, carry)
    else:
        check_dtypes(where, x, *carry, *arrays)
    gates, recurrent = prepared(kind, batch, arrays)
    new = one_step(kind, gates, carry, recurrent)
    return tuple(h[0] for h in new) if x.ndim == 1 else new


def pair_of_states(where: str, kind: str, hx: Sequence[ArrayLike]) -> Sequence[ArrayLike]:
    """The states as they were given; two for an LSTM."""
    if kind == "lstm" and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
        raise ArgumentTypeError(f"{where}expected hx to be a tuple of two arrays, h and c, got {type(hx).__name__}")
    return hx


def lowered(
    cast: Region, kind: str, x: jax.Array, weights: Sequence[jax.Array], states: Sequence[jax.Array]
) -> tuple[jax.Array, list[jax.Array], tuple[jax.Array, ...]]:
    """The operands in a region of autocast that leaves the elementwise part to their dtypes.

    The products are in the region's dtype, the states wide, as where PyTorch composes the network of its ``linear``.
    """
    low = cast.dtype
    wide = [h.astype(jnp.promote_types(low, h.dtype)) for h in states]
    if kind == "lstm" and len(weights) % 2:
        wide[0] = wide[0].astype(low)  # a projection, a product, is what gives h
    return x.astype(low), [w.astype(low) for w in weights], tuple(wide)


def check_dtypes(where: str, x: jax.Array, *others: jax.Array) -> None:
    """Refuses weights and states of another dtype than the input's."""
    for other in others:
        if other.dtype != x.dtype:
            raise ArgumentTypeError(
                f"{where}RNN input dtype ({x.dtype}) does not match weight dtype ({other.dtype}), or that of hx. "
                f"Convert input: input.astype({str(other.dtype)!r}), or convert model: model.to({str(x.dtype)!r})"
            )


def prepared(kind: str, x: jax.Array, weights: Sequence[jax.Array]) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """The inputs' part of the gates, biases included, and the weights of the recurrence."""
    w_ih, w_hh, *rest = weights
    gates = matmul_t(x, w_ih)
    projection = tuple(rest[-1:] if len(rest) % 2 else ())
    if len(rest) < 2:
        return gates, (w_hh, *projection)
    b_ih, b_hh = rest[:2]
    if kind == "gru":
        b_rz, b_n = jnp.split(b_hh, [2 * w_hh.shape[1]])
        bias, inner = b_ih + jnp.concatenate((b_rz, jnp.zeros_like(b_n))), (b_n,)
    else:
        bias, inner = b_ih + b_hh, projection
    return gates + jnp.broadcast_to(bias, gates.shape), (w_hh, *inner)
