"""Why a function was compiled again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnn.explain._report import Finding, Report, Table
from fnn.func.inspection import compilations

__all__ = ["recompiles"]


def recompiles(step: Callable[..., Any]) -> Report:
    """The programs that a function under `fnn.jit` was compiled to, and what made each of them necessary.

    A program is compared with the nearest one before it: shapes and dtypes of arguments, static arguments, what the
    function reads of Modules, objects, lists, globals and free variables, hooks, and hyper-parameters that are form.

    Args:
        step: a function under `fnn.jit`.

    Returns:
        The report; a finding for each reason.

    Raises:
        ArgumentTypeError: ``step`` is not under `fnn.jit`.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> double = fnn.jit(lambda x: x * 2)
        >>> y = double(jnp.ones((64, 3))), double(jnp.ones((5, 3)))
        >>> print(fnn.explain.recompiles(double).findings[0].what)
        float32[64, 3] is now float32[5, 3]
    """
    found = compilations(step, "explain.recompiles")
    name = getattr(step, "__name__", type(step).__name__)
    rows, findings = [], []
    for entry in found:
        for n, reason in enumerate(entry.reasons):
            rows.append((str(entry.number) if not n else "", reason))
            where, separator, what = reason.partition(": ")
            if separator:
                findings.append(Finding(where, what))
    count = found[-1].number if found else 0
    line = f"{count} program{'' if count == 1 else 's'}" if count else "it has not been called"
    return Report(f"Programs of {name}", [line], [Table(("program", "because"), rows)] if rows else (), findings)
