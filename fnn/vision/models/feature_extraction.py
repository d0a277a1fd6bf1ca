"""Features from anywhere in a model, by the names of its nodes: torchvision's ``feature_extraction``.

torchvision traces a model symbolically; here it is traced as `fnn.jit` traces it, so any model can be looked into, but
arrays have shapes.  Where these cannot be told from the model, ``concrete_args`` gives an example.
"""

from __future__ import annotations

import copy
import difflib
import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from fnn import nn, random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func import jit
from fnn.state.scope import Scope, current_scope, opened
from fnn.tracing import tracing
from fnn.vision import ops
from fnn.vision.models._nodes import Leaves, Node, Walk, names_of_arguments
from fnn.vision.models._windows import WindowAttention, window_attention

__all__ = ["create_feature_extractor", "get_graph_node_names"]

Names = Sequence[str] | Mapping[str, str]
_OPTIONS = ("autowrap_functions", "autowrap_modules", "leaf_modules")
_SIDES = (224, 32, 64, 28, 256, 299, 128, 384, 512)
_ADVICE = (
    "When choosing nodes for feature extraction, you may need to specify output nodes for train and eval mode "
    "separately."
)


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
    leaves = _leaves("get_graph_node_names", tracer_kwargs)
    found = _both("get_graph_node_names", model, leaves, concrete_args)
    train, evaluation = ([node.name for node in nodes if _listed(node)] for nodes in found)
    if not suppress_diff_warning:
        _warn(train, evaluation)
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
    leaves = _leaves(where, tracer_kwargs)
    wanted = (
        _as_dict(where, return_nodes if train_return_nodes is None else train_return_nodes),
        _as_dict(where, return_nodes if eval_return_nodes is None else eval_return_nodes),
    )
    found = _both(where, model, leaves, concrete_args)
    targets, kept = [], set()
    for nodes, names, mode in zip(found, wanted, ("train", "eval"), strict=True):
        chosen = _chosen(where, nodes, names, mode)
        targets.append(chosen)
        kept |= _used(nodes, chosen)
    if not suppress_diff_warning:
        _warn(*([node.name for node in nodes if _listed(node)] for nodes in found))
    fixed = {name: value for name, value in (concrete_args or {}).items() if not _is_array(value)}
    plans = [
        {name: (wanted[i][name], n) for name, n in _passes(found[i], targets[i]).items()} for i in range(len(found))
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
        places = [i for i, leaf in enumerate(leaves) if _is_array(leaf)]
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
                if _fits(node.name, name):
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


# -- names --------------------------------------------------------------------------------------------


def _listed(node: Node) -> bool:
    return node.kind != "call"


def _fits(name: str, query: str) -> bool:
    return name == query or name.startswith(f"{query}.")


def _as_dict(where: str, names: Names | None) -> dict[str, str]:
    if isinstance(names, Mapping):
        return {str(name): str(given) for name, given in names.items()}
    if not isinstance(names, (list, tuple)):
        raise ArgumentTypeError(f"{where}: nodes must be given as a list or a dict of names, got {names!r}")
    return {str(name): str(name) for name in names}


def _chosen(where: str, nodes: list[Node], names: Mapping[str, str], mode: str) -> dict[str, Node]:
    """For each name the last node that fits."""
    chosen = {}
    for name in names:
        fitting = [node for node in nodes if _fits(node.name, name)]
        if not fitting:
            known = list(dict.fromkeys(node.name for node in nodes))
            near = difflib.get_close_matches(name, known, 3, 0.4)
            hint = f"; near: {', '.join(map(repr, near))}" if near else ""
            raise ArgumentError(
                f"{where}: node: '{name}' is not present in model (in {mode} mode){hint}. Hint: use "
                "`get_graph_node_names` to make sure the `return_nodes` you specified are present. It may even be that "
                "you need to specify `train_return_nodes` and `eval_return_nodes` separately."
            )
        chosen[name] = fitting[-1]
    return chosen


def _passes(nodes: list[Node], chosen: Mapping[str, Node]) -> dict[str, int]:
    return {name: sum(_fits(node.name, name) for node in nodes) for name in chosen}


def _used(nodes: list[Node], chosen: Mapping[str, Node]) -> set[str]:
    """The paths of the Modules, parameters and buffers on which nodes depend."""
    needed = {id(array) for node in chosen.values() for array in node.outputs}
    targets = {id(node) for node in chosen.values()}
    kept = set()
    for node in reversed(nodes):
        if node.kind == "call" or not (id(node) in targets or any(id(array) in needed for array in node.outputs)):
            continue
        needed |= {id(array) for array in node.inputs}
        if node.target:
            kept.add(node.target)
    return kept


def _warn(train: list[str], evaluation: list[str]) -> None:
    if train == evaluation:
        return

    def among(some: list[str], others: list[str]) -> bool:
        rest = iter(others)
        return all(name in rest for name in some)

    if among(evaluation, train):
        text = "NOTE: The nodes obtained by tracing the model in eval mode are a subsequence of those in train mode. "
    elif among(train, evaluation):
        text = "NOTE: The nodes obtained by tracing the model in train mode are a subsequence of those in eval mode. "
    else:
        text = "The nodes obtained by tracing the model in train mode are different to those obtained in eval mode. "
    warnings.warn(text + _ADVICE, stacklevel=3)


def _leaves(where: str, options: Mapping[str, Any] | None) -> Leaves:
    options = dict(options or {})
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise ArgumentError(f"{where}: argument 'tracer_kwargs' has no entries {unknown}, expected some of {_OPTIONS}")
    own = [getattr(ops, name) for name in ops.__all__] if hasattr(ops, "__all__") else list(vars(ops).values())
    classes = [value for value in own if isinstance(value, type) and issubclass(value, nn.Module)]
    return Leaves.of(
        (*options.get("leaf_modules", ()), *classes),
        (*options.get("autowrap_modules", ()), math, ops),
        (*options.get("autowrap_functions", ()), window_attention, WindowAttention._bias),
    )


# -- the look at a model ------------------------------------------------------------------------------


def _is_array(value: object) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _both(
    where: str, model: nn.Module, leaves: Leaves, concrete_args: Mapping[str, Any] | None
) -> tuple[list[Node], list[Node]]:
    """The nodes in training mode, and those in evaluation mode."""
    if not isinstance(model, nn.Module):
        raise ArgumentTypeError(f"{where}: argument 'model' must be a fnn.nn.Module, got {type(model).__name__}")
    problem: Exception | None = None
    for args in _candidates(where, model, dict(concrete_args or {})):
        try:
            with _in_mode(model, False):
                evaluation = _nodes(model, leaves, args)
            with _in_mode(model, True):
                return _nodes(model, leaves, args), evaluation
        except Exception as error:
            problem = problem or error
    raise ArgumentError(
        f"{where}: no input was found that fits {type(model).__name__}; give an example for each argument of its "
        "forward, as in concrete_args={'x': jnp.zeros((1, 3, 224, 224))}. The first one that was tried says: "
        f"{problem}"
    ) from problem


@contextmanager
def _in_mode(model: nn.Module, training: bool) -> Iterator[None]:
    """All Modules in one mode; afterwards each is in its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            if module.training != mode:
                module.training = mode


def _candidates(where: str, model: nn.Module, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Arguments to try."""
    parameters = inspect.signature(model.forward).parameters
    unknown = sorted(set(given) - set(parameters))
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise ArgumentError(f"{where}: argument 'concrete_args' names {unknown}, forward takes {list(parameters)}")
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    missing = [n for n, p in parameters.items() if p.kind in kinds and p.default is p.empty and n not in given]
    if not missing and (given or parameters):
        yield given
        return
    for example in _examples(model):
        yield {**dict.fromkeys(missing, example), **given}


def _examples(model: nn.Module) -> Iterator[jax.ShapeDtypeStruct]:
    """Inputs for the first layer of a model."""
    floats = [box.dtype for box in model.parameters() if jnp.issubdtype(box.dtype, jnp.floating)]
    dtype = floats[0] if floats else jnp.float32
    size = getattr(model, "image_size", getattr(model, "input_size", None))
    sides = [*([size] if isinstance(size, int) else []), *_SIDES]
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            yield jax.ShapeDtypeStruct((2, 8), jnp.int32)
        elif isinstance(module, nn.Linear):
            yield jax.ShapeDtypeStruct((2, module.in_features), dtype)
            yield jax.ShapeDtypeStruct((2, 8, module.in_features), dtype)
        elif isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            axes = len(module.kernel_size)
            for side in sides:
                time = (16,) if axes == 3 else ()
                yield jax.ShapeDtypeStruct((2, module.in_channels, *time, *(side,) * min(axes, 2)), dtype)
        else:
            continue
        return
    yield jax.ShapeDtypeStruct((2, 3, 224, 224), dtype)
    yield jax.ShapeDtypeStruct((2, 3), dtype)


def _nodes(model: nn.Module, leaves: Leaves, arguments: Mapping[str, Any]) -> list[Node]:
    """The nodes of one call, of which nothing is computed."""
    boxes = [box for _, box in [*model.named_parameters(), *model.named_buffers()] if box is not None]
    arrays = {name: value for name, value in arguments.items() if _is_array(value)}
    nodes: list[Node] = []

    def run(values: list[Any], key: Any, given: dict[str, Any]) -> None:
        kwargs = {**arguments, **given}
        with random.ambient(random.stream(key)), opened(Scope(dict(zip(boxes, values, strict=True)), current_scope())):
            walk = Walk(model, leaves, nodes.append)
            with walk.walking():
                walk.given(names_of_arguments(model, (), kwargs))
                model(**kwargs)

    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), ([box._value for box in boxes], arrays))
    jax.make_jaxpr(run)(shapes[0], jax.eval_shape(jax.random.key, 0), shapes[1])
    return nodes
