"""What an optimizer is without its parameters: ``state_dict`` and back, in torch's format."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import StateDictError
from fnn.optim._hooks import Hooked
from fnn.optim._kinds import is_array
from fnn.optim._rule_state import RuleState
from fnn.optim._ruled import Ruled
from fnn.optim._state import State
from fnn.state.box import Box
from fnn.state.parameter import Parameter
from fnn.state.scope import epoch
from fnn.typing import ArrayLike, PyTree

__all__ = ["Saved"]


class Saved(Ruled, Hooked):
    """The part of `Optimizer` that saves and loads."""

    _state: State

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state in torch's format: ``{"state": {index: {...}}, "param_groups": [...]}``."""
        for hook in self._state_dict_pre_hooks.values():
            hook(self)
        state: dict[Any, Any] = {}
        groups, first = [], 0
        own = _own_entries(self._state)
        for n, group in enumerate(self.param_groups):
            indices = list(range(first, first + len(group["params"])))
            first += len(indices)
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": indices})
            for i, p in enumerate(group["params"]):
                entries = {**self._entry(n, i), **own.pop(p, {})}
                if entries:
                    state[indices[i]] = entries
        state.update((key, entries) for key, entries in own.items() if not isinstance(key, Box))
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._state_dict_post_hooks.values():
            replaced = hook(self, result)
            result = result if replaced is None else replaced
        return result

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned, here or in torch. If it does not fit, nothing is changed.

        Raises:
            StateDictError: other groups, other numbers of parameters, or other shapes.
        """
        state_dict = dict(state_dict)
        for hook in self._load_pre_hooks.values():
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups):
            raise StateDictError(
                f"loaded state dict has a different number of parameter groups: {len(saved)}, expected "
                f"{len(self.param_groups)}"
            )
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(saved, self.param_groups, strict=True)):
            raise StateDictError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        state = {_index(k): v for k, v in state_dict["state"].items()}
        ruled: list[RuleState | None] = []
        news: list[dict[str, Any]] = []
        own: list[tuple[Any, dict[str, Any]]] = []
        for n, (new, old) in enumerate(zip(saved, self.param_groups, strict=True)):
            group = {k: _copied(v) for k, v in new.items() if k not in ("params", "param_names")}
            # JSON knows no tuples.
            pairs = [k for k, v in group.items() if isinstance(v, list) and isinstance(old.get(k), tuple)]
            group.update((k, tuple(group[k])) for k in pairs)
            news.append(group)
            entries = [state.pop(i, {}) for i in new["params"]]
            names = self._rule_names(n)
            rule: list[Mapping[str, Any]] = [
                {k: v for k, v in entry.items() if names is None or k in names} for entry in entries
            ]
            kept = self._rule is not None or type(self)._loaded_group is not Saved._loaded_group
            ruled.append(self._loaded_group(n, {**old.now(), **group}, rule) if kept else None)
            for p, entry, taken in zip(old["params"], entries, rule, strict=True):
                rest = {k: v for k, v in entry.items() if not kept or k not in taken}
                own.append((p, {k: _cast(k, _copied(v), p) for k, v in rest.items()}))
        own += [(key, {k: _copied(v) for k, v in entry.items()}) for key, entry in state.items()]
        for group, new in zip(self.param_groups, news, strict=True):
            group.update(new)
        self._groups[:] = ruled
        self._state.restart(own)
        epoch.structure += 1
        for hook in self._load_post_hooks.values():
            hook(self)

    def _rule_names(self, n: int) -> frozenset[str] | None:
        """The names of what the rule keeps of a parameter of group ``n``; None where all are its own."""
        if self._rule is None or self._lazy(n):
            return None
        plain = self.param_groups[n].plain()
        make = self._rule.of(plain).init
        state = jax.eval_shape(make, [jax.ShapeDtypeStruct(p._value.shape, p._value.dtype) for p in plain["params"]])
        return frozenset(getattr(state, "_fields", ())) or None

    def _loaded_group(self, n: int, group: dict[str, Any], entries: list[Mapping[str, Any]]) -> RuleState | None:
        if not any(entries):
            return None
        rule, params = self._declared, group["params"]
        tree: PyTree = rule.of(group).init([p._value for p in params])
        fields = {}
        for name, value in tree._asdict().items():
            if value is None:
                continue
            if name == rule.own:
                fields[name] = jnp.asarray(np.array([rule.velocity in e for e in entries]))
            elif isinstance(value, list):
                rows = zip(value, entries, params, strict=True)
                fields[name] = [_loaded(name, like, entry.get(name), p) for like, entry, p in rows]
            else:
                fields[name] = jnp.asarray([float(e.get(name, 0)) for e in entries], value.dtype)
        result = RuleState(tree._replace(**fields), params, born=self._born)
        result.mark_started()
        for box in result.boxes:
            box._exposed = True
        return result


def _own_entries(state: State) -> dict[Any, dict[str, Any]]:
    """What a subclass of the user's keeps for itself."""
    return {key: own for key, entries in state.held.items() if (own := entries.own_now())}


def _index(key: object) -> object:
    return int(key) if isinstance(key, str) and key.isdecimal() else key


def _copied(value: object) -> Any:
    """A value of a state_dict; torch's tensors become arrays."""
    if isinstance(value, Box):
        return value.data
    detach = None if isinstance(value, jax.Array) else getattr(value, "detach", None)
    if detach is not None:
        return jnp.array(np.asarray(detach()))
    return value if isinstance(value, jax.Array) else deepcopy(value)


def _cast(name: str, value: object, parameter: Parameter) -> object:
    """As torch does: what is kept of a floating parameter has its dtype, but for step counts."""
    if name == "step" or not is_array(value) or not jnp.issubdtype(parameter.dtype, jnp.floating):
        return value
    return jnp.asarray(value, parameter.dtype)


def _loaded(name: str, like: jax.Array | None, value: ArrayLike | None, parameter: Parameter) -> jax.Array | None:
    if value is None or like is None:
        return like
    # torch keeps moments in the parameter's dtype, and casts on loading.
    array = jnp.array(np.asarray(value)) if not isinstance(value, jax.Array) else value
    if array.shape != like.shape:
        raise StateDictError(
            f"size mismatch for {name}: the state has shape {array.shape}, the parameter {parameter.shape}"
        )
    return array.astype(like.dtype)
