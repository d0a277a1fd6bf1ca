"""Standardisation: the one computation that every normalisation layer makes."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from fnn.errors import ArgumentTypeError
from fnn.functional._operands import floating
from fnn.functional._squares import scaled_squares
from fnn.functional._sums import spread, total


class Standardised(NamedTuple):
    """``centred * rstd`` has mean 0 and variance 1 over the reduced axes."""

    centred: jax.Array  # the shape of the input
    mean: jax.Array  # the shape of the axes that were kept, as the next two
    var: jax.Array  # the biased variance
    rstd: jax.Array  # 1 / sqrt(var + eps)
    kept: tuple[int, ...]  # the axes that were kept, for `spread`


def standardise(x: jax.Array, axes: tuple[int, ...], eps: float) -> Standardised:
    """The statistics of ``x`` over ``axes``.

    The variance is the mean of squared deviations, since E[x^2] - E[x]^2 cancels where the mean is large.  Where it
    overflows it is infinite, but ``rstd`` is right.
    """
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    n = math.prod(x.shape[i] for i in axes)
    mean = total(x, axes) / n
    squares, scale = scaled_squares(x, axes, mean, eps)
    rstd = scale * lax.rsqrt(squares / n + eps * scale * scale)
    return Standardised(x - spread(mean, x.shape, kept), mean, squares / n / scale / scale, rstd, kept)


def parameters(where: str, x: jax.Array, given: Mapping[str, Any]) -> dict[str, jax.Array | None]:
    """The parameters of a normalisation as arrays; None stays None.

    Raises:
        ArgumentTypeError: not all of them have the dtype of ``x`` (or, for a half ``x``, all float32).
    """
    arrays = {name: None if v is None else floating(v, where, name) for name, v in given.items()}
    present = {name: v.dtype for name, v in arrays.items() if v is not None}
    if not present:
        return arrays
    mixed = set(present.values()) != {x.dtype}
    if mixed and not (x.dtype in (jnp.bfloat16, jnp.float16) and set(present.values()) == {jnp.dtype("float32")}):
        found = ", ".join(f"{name}.dtype={dtype}" for name, dtype in present.items())
        raise ArgumentTypeError(
            f"{where}mixed dtype: expect parameter to have scalar type {x.dtype}"
            f"{'' if x.dtype == jnp.float32 else ', or all float32 for a half input'}; "
            f"got input.dtype={x.dtype}, {found}"
        )
    return arrays
