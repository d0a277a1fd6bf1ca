"""`Rule`: what an optimizer declares of its update rule, and all that its base class knows of it."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import optax

__all__ = ["Rule"]

# A NamedTuple of numbers, one of flags.
N = TypeVar("N", bound=tuple)
F = TypeVar("F", bound=tuple)

_DECAY = "weight_decay"


class Rule(Generic[N, F]):
    """An update rule: which hyper-parameters it takes, what they make, and how its state says what torch's does.

    A ``weight_decay`` that is a plain zero reaches ``numbers`` as None, for the rule to leave the term out, as
    PyTorch does: what is infinite, times zero, would be NaN.  So a first other weight decay compiles anew, and
    further ones do not.

    Args:
        numbers: makes a NamedTuple of the numbers, which are values to a compiled step, from the hyper-parameters
            that its arguments name.  The NamedTuple's class itself takes them as they are.
        form: likewise, of what a program is compiled for; everything in it can be hashed.
        transformation: the rule for both, as an optax transformation whose state is a NamedTuple of trees like the
            parameters, of vectors with one entry a parameter, and of None for what is not kept.
        updated: the vector of the state that is not zero for a parameter that has been updated; None if there is none.
        velocity: the part of the state whose presence tells torch of an update.  The vector ``updated`` is fnn's own
            then: ``state_dict`` leaves it out, and it is made anew from this part.

    Example:
        A whole rule, p ← p - η (g + λ p):

        >>> from typing import NamedTuple
        >>> import jax, jax.numpy as jnp, optax
        >>> from fnn.typing import Real
        >>> class Numbers(NamedTuple):
        ...     lr: Real
        ...     weight_decay: Real | None
        >>> class Form(NamedTuple):
        ...     maximize: bool
        >>> def transformation(n, form):
        ...     def update(grads, state, params=None):
        ...         sign = 1 if form.maximize else -1
        ...         with_decay = lambda g, p: g if n.weight_decay is None else g + n.weight_decay * p
        ...         return jax.tree.map(lambda g, p: sign * n.lr * with_decay(g, p), grads, params), state
        ...     return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
        >>> rule = Rule(Numbers, Form, transformation, updated=None)
        >>> print(rule.numbers({"lr": 0.5, "weight_decay": 0, "maximize": False}))
        Numbers(lr=0.5, weight_decay=None)
        >>> made = rule.make(lr=0.5, weight_decay=0, maximize=False)
        >>> print(made.update([jnp.ones(2)], made.init([]), [jnp.full(2, jnp.inf)])[0])
        [Array([-0.5, -0.5], dtype=float32)]
    """

    def __init__(
        self,
        numbers: Callable[..., N],
        form: Callable[..., F],
        transformation: Callable[[N, F], optax.GradientTransformation],
        *,
        updated: str | None = "step",
        velocity: str | None = None,
    ) -> None:
        self.transformation = transformation
        self.updated = updated
        self.velocity = velocity
        names = list(inspect.signature(numbers).parameters)
        self._numbers, self._number_values = numbers, _getter(names)
        self._form, self._form_values = form, _getter(list(inspect.signature(form).parameters))
        self._decay = names.index(_DECAY) if _DECAY in names else None

    def numbers(self, group: Mapping[str, Any]) -> N:
        """The numbers of a group of parameters."""
        values, at = self._number_values(group), self._decay
        if at is not None and isinstance(decay := values[at], (int, float)) and not decay:
            return self._numbers(*values[:at], None, *values[at + 1 :])
        return self._numbers(*values)

    def form(self, group: Mapping[str, Any]) -> F:
        """What a program for a group of parameters is compiled for."""
        return self._form(*self._form_values(group))

    def of(self, group: Mapping[str, Any]) -> optax.GradientTransformation:
        """The transformation for a group's hyper-parameters."""
        return self.transformation(self.numbers(group), self.form(group))

    def make(self, **hyper: object) -> optax.GradientTransformation:
        """The transformation for these hyper-parameters, by the names that a group has for them."""
        return self.of(hyper)

    @property
    def own(self) -> str | None:
        """The part of the state that torch does not have."""
        return None if self.velocity is None else self.updated


def _getter(names: list[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What takes the values of ``names`` out of a group."""
    if len(names) > 1:
        return operator.itemgetter(*names)
    return lambda group: tuple([group[name] for name in names])
