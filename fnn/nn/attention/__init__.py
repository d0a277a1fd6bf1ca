"""How `scaled_dot_product_attention` is computed, and attention with functions for masks and biases."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fnn.errors import ArgumentTypeError
from fnn.kernels.attention import Backends, SDPBackend
from fnn.kernels.attention import backends as _current
from fnn.nn.attention import bias as bias
from fnn.nn.attention import flex_attention as flex_attention
from fnn.nn.attention import varlen as varlen

__all__ = ["SDPBackend", "sdpa_kernel"]


@contextlib.contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[dict]:
    """Inside the ``with`` block `scaled_dot_product_attention` is computed by one of these backends.

    MATH is the plain formula, which holds all (L, S) scores.  FLASH_ATTENTION and EFFICIENT_ATTENTION both go over
    blocks of queries, in memory linear in S; they drop no weights.  CUDNN_ATTENTION is cuDNN's kernel, for half types
    on a GPU, without a mask.  Of several that can run, long inputs take blocks and others the formula, unless
    ``set_priority`` says that the first of them is to be taken.  ERROR and OVERRIDEABLE name no way to compute it.

    The choice is made when a function is traced, and is part of what JAX and `fnn.jit` look up their programs by: a
    jitted function that is called inside and outside has two programs.

    Args:
        backends: one, or a list of those that are allowed.
        set_priority: whether the list says in which order they are tried.

    Returns:
        A context manager, which gives an empty dict.

    Raises:
        ArgumentTypeError: neither a backend nor a list of backends.
        ArgumentError: raised by the attention itself, if no backend that is allowed can run the inputs.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn import functional as F
        >>> from fnn.nn.attention import SDPBackend, sdpa_kernel
        >>> x = jnp.ones((2, 3))
        >>> with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        ...     F.scaled_dot_product_attention(x, x, x).shape
        (2, 3)
    """
    some = [backends] if isinstance(backends, SDPBackend) else backends
    if not isinstance(some, list) or not all(isinstance(b, SDPBackend) for b in some):
        got = [type(b).__name__ for b in some] if isinstance(some, list) else type(backends).__name__
        raise ArgumentTypeError(
            "sdpa_kernel: Backend must be an instance of SDPBackend or a list of SDPBackend instances, "
            f"got {got} (backends={backends!r})"
        )
    order = tuple(dict.fromkeys(some))
    if set_priority:
        order += tuple(b for b in _current.value.order or () if b not in order)
    with _current(Backends(frozenset(some), order if set_priority else _current.value.order)):
        yield {}
