"""Nodes of a model by name: which are meant, what they depend on, and how two modes differ."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping, Sequence

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.models._nodes import Node

__all__ = ["Names", "as_dict", "chosen_nodes", "fits", "listed", "passes", "used_targets", "warn_of_difference"]

Names = Sequence[str] | Mapping[str, str]
_ADVICE = (
    "When choosing nodes for feature extraction, you may need to specify output nodes for train and eval mode "
    "separately."
)


def listed(node: Node) -> bool:
    return node.kind != "call"


def fits(name: str, query: str) -> bool:
    return name == query or name.startswith(f"{query}.")


def as_dict(where: str, names: Names | None) -> dict[str, str]:
    if isinstance(names, Mapping):
        return {str(name): str(given) for name, given in names.items()}
    if not isinstance(names, (list, tuple)):
        raise ArgumentTypeError(f"{where}: nodes must be given as a list or a dict of names, got {names!r}")
    return {str(name): str(name) for name in names}


def chosen_nodes(where: str, nodes: list[Node], names: Mapping[str, str], mode: str) -> dict[str, Node]:
    """For each name the last node that fits."""
    chosen = {}
    for name in names:
        fitting = [node for node in nodes if fits(node.name, name)]
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


def passes(nodes: list[Node], chosen: Mapping[str, Node]) -> dict[str, int]:
    return {name: sum(fits(node.name, name) for node in nodes) for name in chosen}


def used_targets(nodes: list[Node], chosen: Mapping[str, Node]) -> set[str]:
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


def warn_of_difference(train: list[str], evaluation: list[str]) -> None:
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
