"""L-BFGS (Liu and Nocedal, Mathematical Programming 45, 1989), as PyTorch runs it.

The loop and the line search are Python: how often the closure is called depends on its values.  What is done to the
parameters (the two-loop recursion, the move along a direction) is compiled.  The history is kept in arrays that grow
by doubling, so that a run compiles a handful of programs; places not used yet hold zeros, which change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError, StateDictError
from fnn.optim._checks import learning_rate
from fnn.optim._groups import Params
from fnn.optim._lbfgs_history import (
    History,
    Measured,
    direction,
    flat,
    flat_gradient,
    grown,
    moved,
    remembered,
    slope_of,
)
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule_state import RuleState
from fnn.optim._stepping import Closure
from fnn.optim._tree import is_sparse
from fnn.optim._wolfe import strong_wolfe
from fnn.state.box import Box
from fnn.state.describe import Same, Survey
from fnn.state.scope import innermost
from fnn.tracing import tracing
from fnn.typing import ArrayLike, PyTree, Real

__all__ = ["LBFGS"]

_IN_JIT = (
    "LBFGS: step cannot be traced, as how often it calls the closure depends on the loss. Call it outside fnn.jit, and "
    "compile the closure's computation instead"
)


class LBFGS(Optimizer):
    """L-BFGS, a quasi-Newton method for deterministic losses, with a fixed step or a strong-Wolfe line search.

    d = -H g with H built from the last ``history_size`` changes of gradient and parameters (two-loop recursion),
    p ← p + t d.  One ``step`` makes up to ``max_iter`` iterations and calls the closure many times; it takes no
    gradients.  All parameters are in one group.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list with one dict.
        lr: the step t (with a line search: its first trial).
        max_iter: the greatest number of iterations in a step.
        max_eval: the greatest number of calls of the closure in a step; None is 1.25 ``max_iter``.
        tolerance_grad: a step ends when no number of the gradient is greater.
        tolerance_change: a step ends when the loss or the parameters change by less.
        history_size: how many changes are remembered.
        line_search_fn: None or ``"strong_wolfe"``.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> p = nn.Parameter(jnp.array([3.0, -2.0]))
        >>> optimizer = fnn.optim.LBFGS([p], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     return fnn.backward(lambda p: ((p - 1) ** 2 * jnp.array([1.0, 10.0])).sum())(p)
        >>> loss = optimizer.step(closure)
        >>> print(p.data.round(3))
        [1. 1.]
    """

    _own_step = False

    def __init__(
        self,
        params: Params,
        lr: Real = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        lr = learning_rate(lr)
        self._memory: dict[str, Any] = {}
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        if len(self.param_groups) != 1:
            raise ArgumentError("LBFGS doesn't support per-parameter options (parameter groups)")

    def _fnn_gather(self, survey: Survey) -> tuple[Hashable, ...]:
        # A compiled closure may call zero_grad.
        params = self.param_groups[0]["params"]
        return (
            type(self),
            tuple(survey.box(p) for p in params),
            tuple(survey.box(p._grad) for p in params if p._grad is not None),
            tuple(map(Same, self._step_pre_hooks.values())),
        )

    def _fnn_dynamic(self) -> tuple[tuple[Hashable, ...], list[PyTree]]:
        return (), []

    def step(self, closure: Closure | None = None, *, grads: PyTree = None) -> Any:
        """Makes up to ``max_iter`` iterations.

        Args:
            closure: clears the gradients, computes the loss, fills ``p.grad`` (`fnn.backward`), returns the loss.
            grads: not taken; the closure gives the gradients.

        Returns:
            The loss that the first call of ``closure`` returned.
        """
        if grads is not None or not callable(closure):
            raise ArgumentTypeError(
                "LBFGS: step needs a closure that computes the loss and fills p.grad, got "
                f"{'grads' if grads is not None else type(closure).__name__}"
            )
        if innermost.get() is not None or tracing():
            raise ArgumentError(_IN_JIT)
        for hook in self._step_pre_hooks.values():
            hook(self, (closure,), {})
        loss = self._iterate(closure)
        for hook in self._step_post_hooks.values():
            hook(self, (closure,), {})
        return loss

    def _values_now(self) -> list[jax.Array]:
        return [p.data for p in self.param_groups[0]["params"]]

    def _store(self, values: list[jax.Array]) -> None:
        for p, value in zip(self.param_groups[0]["params"], values, strict=True):
            p.data = value

    def _gradient_now(self) -> Measured:
        grads = [p.grad for p in self.param_groups[0]["params"]]
        grads = [grad.todense() if is_sparse(grad) else grad for grad in grads]
        return flat_gradient(grads, self._values_now())

    def _iterate(self, closure: Closure) -> Any:
        group, m = self.param_groups[0], self._memory
        lr, max_iter, max_eval = float(group["lr"]), group["max_iter"], group["max_eval"]
        small_change = group["tolerance_change"]
        search = group["line_search_fn"]
        m.setdefault("func_evals", 0)
        m.setdefault("n_iter", 0)
        first_loss = closure()
        loss, evals = float(first_loss), 1
        m["func_evals"] += 1
        g, largest, total = self._gradient_now()
        if float(largest) <= group["tolerance_grad"]:
            return first_loss
        for n in range(1, max_iter + 1):
            m["n_iter"] += 1
            if m["n_iter"] == 1:
                d = -g
                empty = jnp.zeros((1, g.size), g.dtype)
                zero, one = jnp.zeros((), jnp.int32), jnp.ones((), g.dtype)
                m["history"] = History(empty, empty, jnp.zeros((1,), g.dtype), zero, one)
                t = min(1.0, 1.0 / float(total)) * lr
            else:
                history = grown(m["history"], group["history_size"])
                m["history"] = remembered(history, g, m["prev_flat_grad"], m["d"], m["t"])
                d, t = direction(m["history"], g), lr
            m["prev_flat_grad"], m["prev_loss"] = g, loss
            slope, reach = map(float, slope_of(g, d))
            m["d"], m["t"] = d, t
            if slope > -small_change:
                break
            calls = 0
            start = self._values_now()
            if search is not None:
                if search != "strong_wolfe":
                    raise ArgumentError(f"only 'strong_wolfe' is supported, got line_search_fn={search!r}")

                def at(t: float, d: jax.Array = d, start: list[jax.Array] = start) -> tuple[float, Measured, float]:
                    self._store(moved(start, t, d))
                    value = float(closure())
                    gradient = self._gradient_now()
                    self._store(start)
                    return value, gradient, float(slope_of(gradient.vector, d)[0])

                loss, (g, largest, total), t, calls = strong_wolfe(
                    at, t, reach, loss, Measured(g, largest, total), slope, small_change, max_eval - evals
                )
                m["t"] = t
                self._store(moved(start, t, d))
            else:
                self._store(moved(start, t, d))
                if n != max_iter:
                    loss, calls = float(closure()), 1
                    g, largest, total = self._gradient_now()
            evals += calls
            m["func_evals"] += calls
            if (
                n == max_iter
                or evals >= max_eval
                or float(largest) <= group["tolerance_grad"]
                or reach * abs(t) <= small_change
                or abs(loss - m["prev_loss"]) < small_change
            ):
                break
        return first_loss

    # -- state ----------------------------------------------------------------------------------------------------

    def _entry(self, n: int, i: int, live: bool = False) -> dict[str, Any]:
        m = self._memory
        if not m or (n, i) != (0, 0):
            return {}
        # As in torch, the state of all is that of the first parameter.
        entry: dict[str, Any] = {"func_evals": m["func_evals"], "n_iter": m["n_iter"]}
        if "history" in m:
            dirs, steps, rho, count, scale = m["history"]
            entry |= {"d": m["d"], "t": m["t"]}
            for name, values in (("old_dirs", dirs), ("old_stps", steps), ("ro", rho)):
                entry[name] = [values[i] for i in range(int(count))]
            entry |= {"H_diag": scale, "prev_flat_grad": m["prev_flat_grad"], "prev_loss": m["prev_loss"]}
        return entry

    def reset_rule_entries(self, parameter: Box) -> None:
        """Forgets everything, if ``parameter`` is the one whose state is that of all."""
        if self._place(parameter) == (0, 0):
            self._memory = {}

    def _loaded_group(self, n: int, group: dict[str, Any], entries: list[Mapping[str, Any]]) -> RuleState | None:
        saved = entries[0] if entries else {}
        memory: dict[str, Any] = {k: int(saved[k]) for k in ("func_evals", "n_iter") if k in saved}
        if saved.get("d") is not None:
            like = jax.eval_shape(flat, [p._value for p in group["params"]])

            def vector(name: str, value: ArrayLike) -> jax.Array:
                array = jnp.array(np.asarray(value), like.dtype)
                if array.shape != like.shape:
                    raise StateDictError(f"size mismatch for {name}: got {array.shape}, expected {like.shape}")
                return array

            count = len(saved["ro"])
            room = min(2 ** math.ceil(math.log2(max(count, 1))), max(group["history_size"], count))
            parts = []
            for name in ("old_dirs", "old_stps"):
                rows = [vector(name, v) for v in saved[name]]
                parts.append(jnp.stack([*rows, *[jnp.zeros(like.shape, like.dtype)] * (room - count)]))
            rho = jnp.asarray([float(r) for r in saved["ro"]] + [0.0] * (room - count), like.dtype)
            scale = jnp.asarray(float(saved["H_diag"]), like.dtype)
            memory["history"] = History(parts[0], parts[1], rho, jnp.asarray(count, jnp.int32), scale)
            memory["d"] = vector("d", saved["d"])
            memory["prev_flat_grad"] = vector("prev_flat_grad", saved["prev_flat_grad"])
            memory["t"], memory["prev_loss"] = float(saved["t"]), float(saved["prev_loss"])
        self._memory = memory
        return None
