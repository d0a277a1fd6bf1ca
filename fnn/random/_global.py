"""The global generator, from which modules are constructed and eager code draws."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from fnn.host_random import Generator, default_generator
from fnn.typing import ArrayLike

__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]


def manual_seed(seed: int) -> Generator:
    """Seeds the global generator, from which modules are constructed; returns it.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(0)
        >>> print(fnn.rand(2))
        [0.4962566 0.7682218]
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seeds the global generator from the operating system's entropy; returns the seed.

    Example:
        >>> import fnn
        >>> seed = fnn.seed()
        >>> fnn.initial_seed() == seed
        True
    """
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the global generator was given last.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(7)
        >>> fnn.initial_seed()
        7
    """
    return default_generator.initial_seed()


def get_rng_state() -> np.ndarray:
    """The global generator's state: 5056 bytes in PyTorch's layout.

    Example:
        >>> import fnn
        >>> state = fnn.get_rng_state()
        >>> a = fnn.rand(1)
        >>> fnn.set_rng_state(state)
        >>> bool(a == fnn.rand(1))
        True
    """
    return default_generator.get_state()


def set_rng_state(new_state: ArrayLike) -> None:
    """Restores a state of the global generator.

    Example:
        >>> import fnn
        >>> state = fnn.get_rng_state()
        >>> a = fnn.rand(1)
        >>> fnn.set_rng_state(state)
        >>> bool(a == fnn.rand(1))
        True
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(enabled: bool = True) -> Iterator[None]:
    """On leaving the ``with`` block the global generator is where it was on entering it.

    Example:
        >>> import fnn
        >>> _ = fnn.manual_seed(0)
        >>> with fnn.fork_rng():
        ...     a = fnn.rand(1)
        >>> bool(a == fnn.rand(1))
        True
    """
    state = get_rng_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            set_rng_state(state)
