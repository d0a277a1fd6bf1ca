"""Where the random numbers of compiled programs come from."""

from __future__ import annotations

from fnn.errors import ArgumentError

__all__ = ["checked_source", "program_source", "set_program_source"]

_SOURCES = ("jax", "torch")
_program_source = "jax"


def set_program_source(source: str) -> None:
    """Where the random numbers of compiled programs come from, unless `fnn.jit` says it itself.

    Args:
        source: ``"jax"``: keys of JAX's, drawn on the device, fastest. ``"torch"``: the numbers that PyTorch draws
            for the seed, made on the host before each call.

    Example:
        >>> import fnn
        >>> fnn.random.set_program_source("torch")
        >>> _ = fnn.manual_seed(0)
        >>> print(fnn.jit(lambda: fnn.randn(3))())
        [ 1.5409961 -0.2934289 -2.1787894]
        >>> fnn.random.set_program_source("jax")
    """
    global _program_source
    _program_source = checked_source(source, "set_program_source: source")


def program_source() -> str:
    """What `set_program_source` has set.

    Example:
        >>> from fnn import random
        >>> random.program_source()
        'jax'
    """
    return _program_source


def checked_source(source: object, what: str) -> str:
    """``source``, if it is one.

    Raises:
        ArgumentError: it is not.
    """
    if source not in _SOURCES:
        raise ArgumentError(f"{what} must be 'jax' or 'torch', got {source!r}")
    return str(source)
