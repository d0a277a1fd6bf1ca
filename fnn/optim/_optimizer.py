"""`Optimizer`: torch.optim's facade over optax transformations, and the base class of users' own optimizers.

The parts: groups of parameters (`_grouping`, `_groups`), an update rule (`_rule`) and its state (`_ruled`), the state
that a subclass keeps for itself (`_state`, `_held`), whose gradient is whose (`_gradients`), what `fnn.jit` sees of it
all (`_compiled`), saving (`_saving`), and what happens around a ``step`` that a subclass defines (`_stepping`).
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import Any, Self

import jax

from fnn.errors import ArgumentTypeError
from fnn.func import jit
from fnn.optim._births import birth
from fnn.optim._groups import Params
from fnn.optim._hooks import KINDS
from fnn.optim._saving import Saved
from fnn.optim._state import State
from fnn.optim._stepping import Closure, Stepped
from fnn.optim._tree import Gradient
from fnn.state.scope import innermost
from fnn.tracing import tracing
from fnn.typing import PyTree

__all__ = ["Optimizer"]

_tokens = itertools.count()


class Optimizer(Stepped, Saved):
    """Base of all optimizers.

    ``step`` takes the gradients in one of three ways: ``step()`` uses ``p.grad`` (filled by `fnn.backward`);
    ``step(grads)`` takes what `fnn.value_and_grad` returns (or a list in the order of the parameters);
    ``step(closure)`` first calls ``closure``, which computes the loss and fills ``p.grad``.  Eager steps are
    compiled; inside `fnn.jit` the update becomes part of that program.

    A subclass written as for torch, with a ``step`` that loops over ``self.param_groups`` and keeps what it needs in
    ``self.state[p]``, runs eagerly and inside `fnn.jit`, where what it writes (entries of the state, ``group[...]``,
    numbers and arrays on ``self``) is carried out.  There numbers are traced values: compute with `jax.numpy` where
    torch's original used ``math`` or ``if``.

    Args:
        params: Parameters, ``(name, Parameter)`` pairs, or dicts with an entry ``"params"`` and hyper-parameters.
        defaults: the hyper-parameters of groups that do not give their own.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> class SignMomentum(optim.Optimizer):
        ...     def __init__(self, params, lr=0.5, beta=0.5):
        ...         super().__init__(params, {"lr": lr, "beta": beta})
        ...     def step(self, closure=None):
        ...         for group in self.param_groups:
        ...             for p in group["params"]:
        ...                 if p.grad is None:
        ...                     continue
        ...                 state = self.state[p]
        ...                 if len(state) == 0:
        ...                     state["average"] = jnp.zeros_like(p)
        ...                 state["average"].mul_(group["beta"]).add_(p.grad, alpha=1 - group["beta"])
        ...                 p.data = p.data - group["lr"] * jnp.sign(state["average"].data)
        >>> p = nn.Parameter(jnp.array([1.0, 2.0]))
        >>> SignMomentum([p]).step([jnp.array([3.0, -0.1])])
        >>> print(p.data)
        [0.5 2.5]
    """

    _own_step = False  # step is no subclass's

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        # Not in __init__: a wrapper of another optimizer often does without it.
        del args, kwargs
        self = super().__new__(cls)
        self.__dict__.update(
            _born=birth(), _token=next(_tokens), _groups=[], _own={}, _level=0, _stepping=False, _warned=False,
            **{f"_{kind}_hooks": OrderedDict() for kind in KINDS},
        )  # fmt: skip
        ruled = cls._rule is not None or cls._entry is not Optimizer._entry
        self.__dict__["_state"] = State(self if ruled else None)
        return self

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._start(params)

    def step(self, closure: Closure | PyTree = None, *, grads: PyTree = None) -> Any:
        """Updates the parameters once.

        Args:
            closure: None, a function that computes the loss and fills ``p.grad``, or the gradients themselves.
            grads: the gradients: a dict by parameter name (nested or flat), what `fnn.value_and_grad` returned for
                several models or nests of them, or a list in the parameters' order, with None for a parameter to be
                left alone. Without it, ``p.grad``. A gradient may be a `jax.experimental.sparse.BCOO` array where the
                rule allows it (SGD, Adagrad, SparseAdam).

        Returns:
            What ``closure`` returned, or None.
        """
        if closure is not None and not callable(closure):
            if grads is not None:
                raise ArgumentTypeError("step: gradients were given twice, by position and as grads=")
            closure, grads = None, closure
        self._adopt()
        outermost = not self._stepping  # in a subclass's step the hooks have been run
        for hook in self._step_pre_hooks.values() if outermost else ():
            hook(self, (closure,), {})
        loss = None if closure is None else closure()
        chosen = self._own_grads() if grads is None else self._given_grads(grads)
        if innermost.get() is None and not tracing():
            _apply(self, chosen)
        else:
            with jax.named_scope(type(self).__name__):
                self._update(chosen)
        for hook in self._step_post_hooks.values() if outermost else ():
            hook(self, (closure,), {})
        return loss

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for n, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {n}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
            lines.append("")
        return "\n".join([*lines[:-1], ")"])


@jit
def _apply(optimizer: Optimizer, grads: list[list[Gradient | None]]) -> None:
    """The eager step, compiled."""
    with jax.named_scope(type(optimizer).__name__):
        optimizer._update(grads)
