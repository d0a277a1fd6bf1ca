"""`regathering`: a program whose backward pass gathers weights again and keeps none from the forward pass.

A weight that is spread over devices is gathered where it is read (`fnn.state.gathering`), and its derivative needs it
once more.  JAX keeps the gathered array until then, that of every layer at a time.  Here each equation of the backward
pass has one that is gathered anew when the cotangent has arrived, and the first one is forgotten after its use.  What
is computed of gathered weights alone and by little work (another dtype, another order of dimensions) is computed again,
too.  Values do not change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from fnn import tracing
from fnn.state.gathering import gathered_p

__all__ = ["regathering"]

# What costs as much as it writes; of more than one input where all are weights.
_CHEAP = frozenset(
    "abs add broadcast_in_dim concatenate conj convert_element_type copy cos div exp expand_dims imag integer_pow log "
    "logistic max min mul name neg pad pow real reduce_precision reshape rev rsqrt select_n sign sin slice sqrt square "
    "squeeze stop_gradient sub tanh transpose".split()
)
_CALLS = frozenset(("jit", "pjit", "closed_call", "custom_jvp_call"))

Evaluate = Callable[..., list[Any]]


def regathering(evaluate: Evaluate) -> Evaluate:
    """The same function ``(consts, *args) -> results``, its backward pass with weights of its own.

    Args:
        evaluate: the function, whose derivatives are carried out when it is traced.
    """

    def run(consts: list[Any], *args: Any) -> list[Any]:
        closed = jax.make_jaxpr(lambda *args: evaluate(consts, *args))(*args)
        return _Run(closed.jaxpr)(closed.consts, args)

    return run


class _Run:
    """One evaluation of a jaxpr."""

    def __init__(self, jaxpr: Any) -> None:
        self.jaxpr = jaxpr
        self.values: dict[Any, Any] = {}
        self.sources: dict[Any, Any] = {}  # the equation that makes a gathered weight, or an array of weights alone
        self.anew: dict[Any, Any] = {}  # what the backward pass has in their place

    def __call__(self, consts: list[Any], args: tuple[Any, ...]) -> list[Any]:
        self.values.update(zip(self.jaxpr.constvars, consts, strict=True))
        self.values.update(zip(self.jaxpr.invars, args, strict=True))
        born: set[Any] = set()  # in the backward pass
        for equation in self.jaxpr.eqns:
            given = [self._read(atom) for atom in equation.invars]
            if _is_backward(equation):
                born.update(equation.outvars)
                if any(self._is_weight(atom) for atom in equation.invars):
                    after = _first(equation.invars, born)
                    if after is not None:
                        given = [
                            self._again(atom, self.values[after]) if self._is_weight(atom) else value
                            for atom, value in zip(equation.invars, given, strict=True)
                        ]
            elif _gathers(equation) or self._is_cheap(equation):
                self.sources.update(dict.fromkeys(equation.outvars, equation))
            self.values.update(zip(equation.outvars, tracing.bind(equation, given), strict=True))
        return [self._read(atom) for atom in self.jaxpr.outvars]

    def _read(self, atom: Any) -> Any:
        return atom.val if tracing.is_literal(atom) else self.values[atom]

    def _is_weight(self, atom: Any) -> bool:
        return not tracing.is_literal(atom) and atom in self.sources

    def _is_cheap(self, equation: Any) -> bool:
        variables = [atom for atom in equation.invars if not tracing.is_literal(atom)]
        return bool(variables) and all(atom in self.sources for atom in variables) and _costs_little(equation)

    def _again(self, variable: Any, after: Any) -> Any:
        """The weight, gathered when ``after`` is there."""
        if variable not in self.anew:
            equation = self.sources[variable]
            if _gathers(equation):
                # A barrier, for else XLA finds that the weight has been gathered before.
                given = [jax.lax.optimization_barrier((self._read(equation.invars[0]), after))[0]]
            else:
                given = [
                    self._again(atom, after) if self._is_weight(atom) else self._read(atom) for atom in equation.invars
                ]
            self.anew.update(zip(equation.outvars, tracing.bind(equation, given), strict=True))
        return self.anew[variable]


def _gathers(equation: Any) -> bool:
    return equation.primitive is gathered_p and equation.params["again"]


def _is_backward(equation: Any) -> bool:
    return any(transform and name == "transpose" for name, transform in tracing.stack(equation))


def _first(atoms: list[Any], among: set[Any]) -> Any:
    return next((atom for atom in atoms if not tracing.is_literal(atom) and atom in among), None)


def _costs_little(equation: Any) -> bool:
    name = equation.primitive.name
    if name not in _CALLS:
        return name in _CHEAP and not equation.effects
    inside = next((equation.params[key] for key in ("jaxpr", "call_jaxpr") if key in equation.params), None)
    return inside is not None and all(map(_costs_little, inside.jaxpr.eqns))
