"""Derivatives inside a traced program: the equations ``fnn_backward`` of a jaxpr are carried out.

While a function is traced, ``fnn.backward(loss)`` leaves an opaque equation: so many losses and their cotangents in,
the gradients of so many roots out.  When the program is evaluated for JAX to compile, the equations between roots and
losses are evaluated in *groups* under `jax.vjp`, each once; a backward equation then walks the groups in reverse order.

* An equation belongs to a group if it depends on a root and a loss depends on it.  Equations are in one group if the
  same backward equations come through them, the same roots in the middle of the program lie before them, and no
  backward equation or mark lies between them.  Dependence between groups is then acyclic.
* Whether something has a derivative (`lax.stop_gradient`, `no_grad`) does not matter for that: `jax.vjp` sees to it.
* A backward equation through which another one differentiates (``create_graph``) is carried out first, which makes
  ordinary equations of it, and so on with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.tree_util import tree_flatten, tree_unflatten

from fnn import tracing
from fnn.state.grad_mode import disabled
from fnn.state.leaf import hook_p, leaf_p
from fnn.tracing import Primitive

backward_p = Primitive("fnn_backward")
backward_p.multiple_results = True


@backward_p.def_abstract_eval
def _gradients(*operands: Any, losses: int, create_graph: bool) -> list[Any]:
    del create_graph
    return [root.update(weak_type=False) for root in operands[2 * losses :]]


def is_mark(equation: Any) -> bool:
    """Whether an equation only hands a value on, as the beginning of something new."""
    return equation.primitive is leaf_p or equation.primitive is hook_p


def marked(jaxpr: Any) -> bool:
    """Whether a jaxpr, or one inside it, holds what `evaluator` has to carry out."""
    return any(
        equation.primitive is backward_p or disabled(equation) or any(map(marked, _inside(equation)))
        for equation in jaxpr.eqns
    )


def evaluator(closed: Any) -> Callable[..., list[Any]]:
    """The function ``(consts, *args) -> results`` of a closed jaxpr, its backward equations carried out."""
    jaxpr = _resolved_inside(closed.jaxpr)
    equations = jaxpr.eqns
    first = _nested(equations)
    if first is None:
        plan = _Plan(jaxpr, [e for e in equations if e.primitive is backward_p], final=True)
        return plan.run

    def run(consts: list[Any], *args: Any) -> list[Any]:
        plan = _Plan(jaxpr, [first], final=False)
        again = jax.make_jaxpr(lambda *args: plan.run(consts, *args))(*args)
        return evaluator(again)(again.consts, *args)

    return run


def through_program(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)``, traced first and evaluated as a program, its backward equations carried out."""
    leaves, tree = tree_flatten(args)
    form: Any = None

    def run(*leaves: Any) -> list[Any]:
        nonlocal form
        results, form = tree_flatten(function(*tree_unflatten(tree, leaves)))
        return results

    closed = jax.make_jaxpr(run)(*leaves)
    return tree_unflatten(form, evaluator(closed)(closed.consts, *leaves))


def _nested(equations: list[Any]) -> Any:
    """The first backward equation through whose results another one may differentiate."""
    for at, equation in enumerate(equations):
        if equation.primitive is backward_p and equation.params["create_graph"]:
            if any(later.primitive is backward_p for later in equations[at + 1 :]):
                return equation
    return None


# -- jaxprs inside equations -------------------------------------------------------------------------


def _inside(equation: Any) -> Iterator[Any]:
    for value in equation.params.values():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            if _is_jaxpr(part):
                yield getattr(part, "jaxpr", part)


def _is_jaxpr(value: object) -> bool:
    return hasattr(getattr(value, "jaxpr", value), "eqns")


def _resolved_inside(jaxpr: Any) -> Any:
    """``jaxpr`` with the marks inside its loops, branches and calls carried out."""
    changed = False
    equations = []
    for equation in jaxpr.eqns:
        if any(map(marked, _inside(equation))):
            changed = True
            params = {name: _resolved_parameter(value) for name, value in equation.params.items()}
            equation = equation.replace(params=params)
        equations.append(equation)
    return jaxpr.replace(eqns=equations) if changed else jaxpr


def _resolved_parameter(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(map(_resolved_parameter, value))
    if not _is_jaxpr(value) or not marked(getattr(value, "jaxpr", value)):
        return value
    return tracing.rewritten(value, evaluator)


# -- the plan of one jaxpr ---------------------------------------------------------------------------


def _is_variable(atom: Any) -> bool:
    return not tracing.is_literal(atom)


def _inexact(variable: Any) -> bool:
    dtype = getattr(variable.aval, "dtype", None)
    return dtype is not None and bool(jnp.issubdtype(dtype, jnp.inexact))


class _Backward:
    """A backward equation that is to be carried out."""

    def __init__(self, equation: Any, at: int) -> None:
        n = equation.params["losses"]
        self.equation, self.at = equation, at
        self.losses, self.given = equation.invars[:n], equation.invars[n : 2 * n]
        self.roots = equation.invars[2 * n :]


class _Group:
    """Equations that are evaluated together, under `jax.vjp`."""

    def __init__(self, backs: frozenset[int]) -> None:
        self.backs = backs
        self.members: list[Any] = []
        self.places: list[int] = []  # where the members stand in the jaxpr
        self.inputs: list[Any] = []  # variables from outside
        self.differentiated: list[Any] = []  # those of them that have a derivative
        self.outputs: list[Any] = []  # variables that have one and are used by other groups or are losses
        self.rest: list[Any] = []  # other variables that are used outside
        self.pull: Callable[..., Any] | None = None


class _Plan:
    """How the equations of one jaxpr are evaluated."""

    def __init__(self, jaxpr: Any, chosen: list[Any], final: bool) -> None:
        self.jaxpr, self.final = jaxpr, final
        self.equations = jaxpr.eqns
        self.made = {v: at for at, e in enumerate(self.equations) for v in e.outvars}
        places = {id(e): at for at, e in enumerate(self.equations)}
        self.backs = [_Backward(e, places[id(e)]) for e in chosen]
        self.back_at = {back.at: back for back in self.backs}
        self.roots = {root for back in self.backs for root in back.roots if _is_variable(root)}
        self.needed = self._needed()
        self.group_of: dict[int, _Group] = {}
        self.groups: list[_Group] = []
        if self.backs:
            self._make_groups()

    def _needed(self) -> set[int]:
        needed: set[int] = set()
        stack = [self.made[v] for v in self.jaxpr.outvars if _is_variable(v) and v in self.made]
        stack += [at for at, e in enumerate(self.equations) if e.effects]
        while stack:
            at = stack.pop()
            if at not in needed:
                needed.add(at)
                stack += [self.made[v] for v in self.equations[at].invars if _is_variable(v) and v in self.made]
        return needed

    def _cuts(self, equation: Any) -> bool:
        """Whether no derivative of a chosen backward equation goes through."""
        return equation.primitive is backward_p or is_mark(equation)

    def _make_groups(self) -> None:
        tainted = set(self.roots)  # what depends on a root
        depends: list[bool] = []
        for equation in self.equations:
            depends.append(not self._cuts(equation) and any(v in tainted for v in equation.invars if _is_variable(v)))
            if depends[-1]:
                tainted.update(equation.outvars)
        backs: list[set[int]] = [set() for _ in self.equations]
        for number, back in enumerate(self.backs):
            stack = [self.made[v] for v in back.losses if _is_variable(v) and v in self.made]
            while stack:
                at = stack.pop()
                if depends[at] and at in self.needed and number not in backs[at]:
                    backs[at].add(number)
                    stack += [self.made[v] for v in self.equations[at].invars if _is_variable(v) and v in self.made]
        middle = self._middle(backs)
        interval = 0
        latest: dict[Any, int] = {}  # the interval of the last grouped equation on which a variable depends
        found: dict[Any, _Group] = {}
        for at, equation in enumerate(self.equations):
            before = max((latest.get(v, -1) for v in equation.invars if _is_variable(v)), default=-1)
            if equation.primitive is backward_p or (is_mark(equation) and before == interval):
                interval += 1
            if backs[at]:
                before = interval
                key = (interval, frozenset(backs[at]), middle[at])
                group = found.get(key)
                if group is None:
                    group = found[key] = _Group(frozenset(backs[at]))
                group.members.append(equation)
                group.places.append(at)
                self.group_of[at] = group
            for v in equation.outvars:
                latest[v] = before
        self.groups = [found[key] for key in sorted(found, key=lambda key: (key[0], len(key[2]) - len(key[1])))]
        self._connect()

    def _middle(self, backs: list[set[int]]) -> list[frozenset[int]]:
        """For each equation the roots before it that are themselves made by a grouped equation."""
        inner = [v for v in self.roots if v in self.made and backs[self.made[v]]]
        if not inner:
            return [frozenset()] * len(self.equations)
        after: dict[Any, frozenset[int]] = {v: frozenset((n,)) for n, v in enumerate(inner)}
        found = []
        none: frozenset[int] = frozenset()
        for equation in self.equations:
            met = none.union(*(after.get(v, none) for v in equation.invars if _is_variable(v)))
            found.append(met)
            if met:
                for v in equation.outvars:
                    after[v] = met | after.get(v, none)
        return found

    def _connect(self) -> None:
        """What goes in and out of each group."""
        grouped = {v for group in self.groups for e in group.members for v in e.outvars}
        outside = {v for v in self.jaxpr.outvars if _is_variable(v)}
        by_group: set[Any] = {v for back in self.backs for v in back.losses if _is_variable(v)}
        for at in self.needed:
            if at not in self.group_of:
                outside.update(v for v in self.equations[at].invars if _is_variable(v))
        for group in self.groups:
            inner = {v for e in group.members for v in e.outvars}
            seen = dict.fromkeys(v for e in group.members for v in e.invars if _is_variable(v) and v not in inner)
            # A root that is made in the group: what follows takes the derivative with respect to it.
            group.inputs = list(seen)
            group.differentiated = [v for v in seen if _inexact(v) and (v in self.roots or v in grouped)]
            by_group.update(group.inputs)
        for group in self.groups:
            made = [v for e in group.members for v in e.outvars]
            group.outputs = [v for v in made if v in by_group and _inexact(v)]
            kept = set(group.outputs)
            group.rest = [v for v in made if (v in outside or v in by_group) and v not in kept]

    # -- evaluation ----------------------------------------------------------------------------------

    def run(self, consts: list[Any], *args: Any) -> list[Any]:
        """The results of the jaxpr."""
        values: dict[Any, Any] = dict(zip(self.jaxpr.constvars, consts, strict=True))
        values.update(zip(self.jaxpr.invars, args, strict=True))
        done: set[int] = set()
        for at in range(len(self.equations)):
            if at in self.needed:
                self._ensure(at, values, done)
        return [values[v] if _is_variable(v) else v.val for v in self.jaxpr.outvars]

    def _ensure(self, at: int, values: dict[Any, Any], done: set[int]) -> None:
        """Evaluates an equation (of a group: all of them), after what it depends on."""
        stack = [at]
        while stack:
            at = stack[-1]
            if at in done:
                stack.pop()
                continue
            group = self.group_of.get(at)
            wanted = self.equations[at].invars if group is None else group.inputs
            missing = [self.made[v] for v in wanted if _is_variable(v) and v not in values]
            if missing:
                stack += sorted(missing, reverse=True)  # the first first, so that the host is asked in order
                continue
            stack.pop()
            if group is None:
                done.add(at)
                self._evaluate(at, values)
            else:
                done.update(group.places)
                self._differentiate(group, values)

    def _evaluate(self, at: int, values: dict[Any, Any]) -> None:
        equation = self.equations[at]
        back = self.back_at.get(at)
        results = self._pull_back(back, at, values) if back is not None else self._results(equation, values)
        values.update(zip(equation.outvars, results, strict=True))

    def _results(self, equation: Any, values: dict[Any, Any]) -> list[Any]:
        given = [values[v] if _is_variable(v) else v.val for v in equation.invars]
        if self.final and is_mark(equation):
            return given
        if disabled(equation) and equation.primitive is not backward_p:
            given = [lax.stop_gradient(x) for x in given]
        return tracing.bind(equation, given)

    def _differentiate(self, group: _Group, values: dict[Any, Any]) -> None:
        constant = {v: values[v] for v in group.inputs}

        def function(differentiated: list[Any]) -> tuple[list[Any], list[Any]]:
            inner = {**constant, **dict(zip(group.differentiated, differentiated, strict=True))}
            for equation in group.members:
                inner.update(zip(equation.outvars, self._results(equation, inner), strict=True))
            return [inner[v] for v in group.outputs], [inner[v] for v in group.rest]

        inputs = [values[v] for v in group.differentiated]
        outputs, group.pull, rest = jax.vjp(function, inputs, has_aux=True)
        values.update(zip(group.outputs, outputs, strict=True))
        values.update(zip(group.rest, rest, strict=True))

    def _pull_back(self, back: _Backward, at: int, values: dict[Any, Any]) -> list[Any]:
        number = self.backs.index(back)
        found: dict[Any, Any] = {}

        def add(variable: Any, cotangent: Any) -> None:
            found[variable] = cotangent if variable not in found else found[variable] + cotangent

        for loss, given in zip(back.losses, back.given, strict=True):
            if _is_variable(loss):
                add(loss, values[given] if _is_variable(given) else given.val)
        for group in reversed(self.groups):
            if number not in group.backs or group.pull is None:
                continue
            if not any(v in found for v in group.outputs):
                continue
            cotangents = [found[v] if v in found else jnp.zeros_like(values[v]) for v in group.outputs]
            (pulled,) = group.pull(cotangents)
            for variable, cotangent in zip(group.differentiated, pulled, strict=True):
                add(variable, cotangent)
        results = [
            found[root] if _is_variable(root) and root in found
            else jnp.zeros(root.aval.shape, root.aval.dtype)
            for root in back.roots
        ]  # fmt: skip
        return results if back.equation.params["create_graph"] else [lax.stop_gradient(x) for x in results]
