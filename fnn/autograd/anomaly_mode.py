"""``torch.autograd.anomaly_mode``: finds the operation whose backward pass makes a NaN."""

from __future__ import annotations

import warnings

from fnn.func.anomaly import OFF, mode

__all__ = ["detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_detect_anomaly"]


def is_anomaly_enabled() -> bool:
    """Whether `detect_anomaly` is in force.

    Example:
        >>> import fnn
        >>> fnn.autograd.is_anomaly_enabled()
        False
    """
    return mode.get()[0]


def is_anomaly_check_nan_enabled() -> bool:
    """Whether it looks for NaN while it is in force.

    Example:
        >>> import fnn
        >>> fnn.autograd.is_anomaly_check_nan_enabled()
        True
    """
    return mode.get()[1]


def _set(on: bool, check_nan: bool) -> None:
    mode.set((True, check_nan) if on else OFF if check_nan else (False, False))


class set_detect_anomaly:
    """Turns the search for NaN in backward passes on or off, at once; as a context manager until its end.

    While it is on, each call of a function under `fnn.jit`, and each eager `fnn.grad`, `fnn.value_and_grad` and
    `fnn.backward`, is first evaluated with a look at every value of its backward pass, before anything is stored. A
    NaN is an error that names the operation of the forward pass, its module and its line. It costs a second
    compilation of each program, and a second evaluation at each call.

    Args:
        mode: whether to search.
        check_nan: whether a NaN is an error. Without it nothing is searched for: errors that are raised while a
            backward pass is traced name the operation in any case.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> with fnn.autograd.set_detect_anomaly(True):
        ...     try:
        ...         fnn.grad(lambda x: jnp.sqrt(x).sum() * 0)(jnp.zeros(2))
        ...     except RuntimeError as error:
        ...         print("returned nan values" in str(error))
        True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.prev, self.prev_check_nan = is_anomaly_enabled(), is_anomaly_check_nan_enabled()
        _set(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *args: object) -> None:
        _set(self.prev, self.prev_check_nan)


class detect_anomaly:
    """A context manager in which `set_detect_anomaly` is on; it warns that steps take longer.

    Args:
        check_nan: whether a NaN in a backward pass is an error.

    Example:
        >>> import warnings
        >>> import fnn
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     with fnn.autograd.detect_anomaly():
        ...         print(fnn.autograd.is_anomaly_enabled())
        True
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.prev, self.check_nan = is_anomaly_enabled(), check_nan
        self.prev_check_nan = is_anomaly_check_nan_enabled()
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        _set(True, self.check_nan)

    def __exit__(self, *args: object) -> None:
        _set(self.prev, self.prev_check_nan)
