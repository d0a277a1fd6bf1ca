"""Features from anywhere in a model, by the names of its nodes: torchvision's ``feature_extraction``.

torchvision traces a model symbolically; here it is traced as `fnn.jit` traces it, so any model can be looked into, but
arrays have shapes.  Where these cannot be told from the model, ``concrete_args`` gives an example.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax

from fnn import nn
from fnn.errors import ArgumentError
from fnn.func import jit
from fnn.tracing import tracing
from fnn.vision.models._looks import is_array, leaves_of, nodes_of_modes
from fnn.vision.models._node_names import (
    Names,
    as_dict,
    chosen_nodes,
    fits,
    listed,
    passes,
    used_targets,
    warn_of_difference,
)
from fnn.vision.models._nodes import Leaves, Node, Walk, names_of_arguments

__all__ = ["create_feature_extractor", "get_graph_node_names"]


class _Done(BaseException):
    """Not an error: all that was asked for has been found. No `Exception`, so that nobody takes it."""


# -- what there is ------------------------------------------------------------------------------------


def get_graph_node_names(
    model: nn.Module,
    tracer_kwargs: Mapping[str, Any] | None = None,
    suppress_diff_warning: bool = False,
    concrete_args: Mapping[str, Any] | None = None,
) -> tuple[list[str], list[str]]:
    """The names of a model's nodes in the order in which they are computed.

    A node is an argument of the model, a call of a Module of `fnn.nn` or `fnn.vision.ops`, a parameter that the model's
    own code looks at, or the call of a function, whose name stands behind the path of the Module that calls it.

    Args:
        model: the model, of which nothing is changed.
        tracer_kwargs: ``leaf_modules``, a list of classes of further Modules that are one node each;
            ``autowrap_functions`` and ``autowrap_modules``, functions that are one, and Python modules all of whose
            functions are.
        suppress_diff_warning: whether to say nothing if training and evaluation mode have different nodes.
        concrete_args: arguments of ``forward`` by name: an array, or `jax.ShapeDtypeStruct`, as an example of what
            the model takes, of which only shape and type count; anything else as it is. Default: inputs that fit
            the model's first layer.

    Returns:
        The names in training mode and those in evaluation mode.

    Raises:
        ArgumentError: no input fits the model.

    >>> import jax.numpy as jnp
    >>> from fnn import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc1 = nn.Linear(3, 3)
    ...         self.fc2 = nn.Linear(3, 2)
    ...     def forward(self, x):
    ...         return self.fc2(x + nn.functional.relu(self.fc1(x)))
    >>> get_graph_node_names(Net())[1]
    ['x', 'fc1', 'relu', 'add', 'fc2']
    """
    leaves = leaves_of("get_graph_node_names", tracer_kwargs)
    found = nodes_of_modes("get_graph_node_names", model, leaves, concrete_args)
    train, evaluation = ([node.name for node in nodes if listed(node)] for nodes in found)
    if not suppress_diff_warning:
        warn_of_difference(train, evaluation)
    return train, evaluation


def create_feature_extractor(
    model: nn.Module,
    return_nodes: Names | None = None,
    train_return_nodes: Names | None = None,
    eval_return_nodes: Names | None = None,
    tracer_kwargs: Mapping[str, Any] | None = None,
    suppress_diff_warning: bool = False,
    concrete_args: Mapping[str, Any] | None = None,
) -> nn.Module:
    """A Module that gives what some nodes of a model give.

    It has those parts of the model, shared with it, on which the nodes depend, under the same names; what is behind the
    last of the nodes is not computed.

    Args:
        model: the model.
        return_nodes: names of nodes, as `get_graph_node_names` has them, or of Modules; a dict gives each the name
            that it has in the result. Of several nodes below a name it is the last one.
        train_return_nodes: likewise, for training mode only; then ``eval_return_nodes`` must be given, too.
        eval_return_nodes: likewise, for evaluation mode.
        tracer_kwargs: as of `get_graph_node_names`.
        suppress_diff_warning: as of `get_graph_node_names`.
        concrete_args: as of `get_graph_node_names`; what is no array is also passed to the model where a call of the
            result leaves it out.

    Returns:
        A Module with the arguments of the model, which returns a dict of the nodes' values in the order in which they
        are computed, and which is in the mode that the model is in.

    Raises:
        ArgumentError: the model has no such node, or the arguments do not go together.

    >>> import jax.numpy as jnp
    >>> from fnn import nn
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> extractor = create_feature_extractor(model, {"1": "hidden"})
    >>> {name: value.shape for name, value in extractor(jnp.ones((5, 3))).items()}
    {'hidden': (5, 4)}
    >>> list(extractor.state_dict())
    ['0.weight', '0.bias']
    """
    where = "create_feature_extractor"
    if return_nodes is None and train_return_nodes is None and eval_return_nodes is None:
        raise ArgumentError(
            f"{where}: either 'return_nodes' or both 'train_return_nodes' and 'eval_return_nodes' must be given"
        )
    if (train_return_nodes is None) != (eval_return_nodes is None):
        raise ArgumentError(f"{where}: 'train_return_nodes' and 'eval_return_nodes' must be given together")
    if return_nodes is not None and train_return_nodes is not None:
        raise ArgumentError(
            f"{where}: 'return_nodes' must not be given beside 'train_return_nodes' and 'eval_return_nodes'"
        )
    leaves = leaves_of(where, tracer_kwargs)
    wanted = (
        as_dict(where, return_nodes if train_return_nodes is None else train_return_nodes),
        as_dict(where, return_nodes if eval_return_nodes is None else eval_return_nodes),
    )
    found = nodes_of_modes(where, model, leaves, concrete_args)
    targets, kept = [], set()
    for nodes, names, mode in zip(found, wanted, ("train", "eval"), strict=True):
        chosen = chosen_nodes(where, nodes, names, mode)
        targets.append(chosen)
        kept |= used_targets(nodes, chosen)
    if not suppress_diff_warning:
        warn_of_difference(*([node.name for node in nodes if listed(node)] for nodes in found))
    fixed = {name: value for name, value in (concrete_args or {}).items() if not is_array(value)}
    plans = [
        {name: (wanted[i][name], n) for name, n in passes(found[i], targets[i]).items()} for i in range(len(found))
    ]
    return FeatureExtractor(_pruned(model, "", kept), plans[0], plans[1], leaves, fixed)


# -- the result ---------------------------------------------------------------------------------------


class FeatureExtractor(nn.Module):
    """Runs a model as far as the nodes that are asked for; made by `create_feature_extractor`.

    Args:
        model: a shallow copy of the model, which keeps in its tables what is part of this Module.
        train_plan: for training mode, by name of a node: its name in the result, and how often a node of this name or
            below it is passed.
        eval_plan: for evaluation mode.
        leaves: what is one node.
        fixed: arguments where a call gives none.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.vision.models.feature_extraction import create_feature_extractor
        >>> extractor = create_feature_extractor(nn.Sequential(nn.ReLU(), nn.Linear(3, 2)), ["0"])
        >>> print(extractor(jnp.array([[-1.0, 0.0, 2.0]])))
        {'0': Array([[0., 0., 2.]], dtype=float32)}
    """

    def __init__(
        self,
        model: nn.Module,
        train_plan: Mapping[str, tuple[str, int]],
        eval_plan: Mapping[str, tuple[str, int]],
        leaves: Leaves,
        fixed: Mapping[str, Any],
    ) -> None:
        super().__init__()
        tables = ("_modules", "_parameters", "_buffers", "_non_persistent_buffers_set", "training")
        # not registered: its tables are this Module's
        vars(self).update({name: vars(model)[name] for name in tables}, _model=model)
        self._plans = {True: dict(train_plan), False: dict(eval_plan)}
        self._leaves = leaves
        self._fixed = dict(fixed)
        self._programs: dict[Any, Callable[..., Any]] = {}

    def train(self, mode: bool = True) -> FeatureExtractor:
        """Sets the mode, which also decides which nodes are returned."""
        super().train(mode)
        self._model.training = mode
        return self

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if tracing():
            return self._extracted(args, kwargs)
        leaves, structure = jax.tree.flatten((args, kwargs))
        places = [i for i, leaf in enumerate(leaves) if is_array(leaf)]
        rest = [None if i in places else leaf for i, leaf in enumerate(leaves)]
        key = (structure, tuple(places), tuple((type(leaf), repr(leaf)) for leaf in rest))
        if key not in self._programs:
            self._programs[key] = _program(structure, places, rest)
        return self._programs[key](self, *(leaves[i] for i in places))

    def _extracted(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        plan = self._plans[self.training]
        left = {name: n for name, (_, n) in plan.items()}
        values: dict[str, Any] = {}

        def found(node: Node) -> None:
            for name in left:
                if fits(node.name, name):
                    values.pop(name, None)
                    values[name] = node.value
                    left[name] -= 1
            if all(n <= 0 for n in left.values()):
                raise _Done

        kwargs = {**self._missing(args, kwargs), **kwargs}
        walk = Walk(self._model, self._leaves, found)
        try:
            with walk.walking():
                walk.given(names_of_arguments(self._model, args, kwargs))
                self._model(*args, **kwargs)
        except _Done:
            pass
        lost = [name for name in plan if name not in values]
        if lost:
            raise ArgumentError(
                f"FeatureExtractor: with these inputs the model has no nodes {lost}, which it had when it was looked at"
            )
        return {plan[name][0]: value for name, value in values.items()}

    def _missing(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        positional = list(inspect.signature(self._model.forward).parameters)[: len(args)]
        return {name: value for name, value in self._fixed.items() if name not in positional and name not in kwargs}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_programs": {}}

    def __deepcopy__(self, memo: dict[int, Any]) -> FeatureExtractor:
        new = memo[id(self)] = type(self).__new__(type(self))
        vars(new).update(copy.deepcopy(self.__getstate__(), memo))
        return new


def _program(structure: Any, places: list[int], rest: list[Any]) -> Callable[..., Any]:
    """A compiled call, for what stands in the arguments beside arrays."""

    @jit
    def extract(extractor: FeatureExtractor, *arrays: jax.Array) -> dict[str, Any]:
        leaves = list(rest)
        for i, array in zip(places, arrays, strict=True):
            leaves[i] = array
        args, kwargs = jax.tree.unflatten(structure, leaves)
        return extractor._extracted(args, kwargs)

    return extract


def _pruned(module: nn.Module, path: str, kept: set[str]) -> nn.Module:
    """The Module itself if it is kept, else a copy whose tables hold what is.

    Attributes lead to the rest as before: it is not computed with, or thrown away.
    """
    if path in kept:
        return module
    new = copy.copy(module)
    inner = {name for name in kept if not path or name.startswith(f"{path}.")}
    rest: dict[str, Any] = {}
    for table in ("_modules", "_parameters", "_buffers"):
        entries: dict[str, Any] = {}
        for name, value in getattr(module, table).items():
            full = f"{path}.{name}" if path else name
            whole = full in inner or any(other.startswith(f"{full}.") for other in inner)
            if not whole and value is not None:
                rest[name] = value
            else:
                entries[name] = _pruned(value, full, kept) if isinstance(value, nn.Module) else value
        vars(new)[table] = entries
    vars(new).update(rest)
    vars(new)["_non_persistent_buffers_set"] = set(module._non_persistent_buffers_set) & set(new._buffers)
    return new
