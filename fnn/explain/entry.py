"""`explain`: all explanations of one step together, and each by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnn.explain import _anomaly, _collectives, _gradients, _keys, _memory, _nonfinite, _recompiles, _time
from fnn.explain._report import Report
from fnn.func.inspection import inspect

__all__ = ["Explain", "explain"]


class Explain:
    """What `fnn.explain` is: called, it says everything about a step."""

    recompiles = staticmethod(_recompiles.recompiles)
    nonfinite = staticmethod(_nonfinite.nonfinite)
    backward_nan = staticmethod(_anomaly.backward_nan)
    memory = staticmethod(_memory.memory)
    live = staticmethod(_memory.live)
    time = staticmethod(_time.time)
    gradients = staticmethod(_gradients.gradients)
    dead = staticmethod(_gradients.dead)
    keys = staticmethod(_keys.keys)
    collectives = staticmethod(_collectives.collectives)
    transfers = staticmethod(_collectives.transfers)
    Transfer = _collectives.Transfer

    def __call__(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
        """Everything that can be said about ``step(*args, **kwargs)``, whose state stays as it is.

        Args:
            step: a function, under `fnn.jit` or not.
            *args: its arguments.
            **kwargs: likewise.

        Returns:
            The report: ``print`` it, ``.show()`` it with rich's tables, or leave it to the notebook.  Its parts are
            those of `recompiles` (of a function under `fnn.jit`), `nonfinite`, `gradients`, `dead`, `keys`, `memory`,
            `time` and, if there are any, `collectives`.

        Example:
            >>> import jax.numpy as jnp
            >>> import fnn
            >>> from fnn import nn
            >>> model = nn.Linear(2, 2)
            >>> report = fnn.explain(lambda x: model(x).sum(), jnp.ones((3, 2)))
            >>> print(report.parts[0])
            Numbers that are not finite in <lambda>
              all results are finite
        """
        found = inspect(step, args, kwargs, "explain")
        parts = []
        if hasattr(getattr(step, "__func__", step), "history"):
            parts.append(_recompiles.recompiles(step))
        parts += [
            _nonfinite.report(found), _gradients.gradients_report(found), _gradients.dead_report(found),
            _keys.report(found), _memory.report(found), _time.report(found),
        ]  # fmt: skip
        traffic = _collectives.report(found)
        if traffic.tables:
            parts.append(traffic)
        findings = [finding for part in parts for finding in part.findings]
        return Report(f"What happens in {found.name}", (), (), findings, parts)

    def __repr__(self) -> str:
        return "<fnn.explain>"


explain = Explain()
