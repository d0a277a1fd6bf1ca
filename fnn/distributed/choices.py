"""Which rule a parameter has: by a pattern of names, by a function, or the one for all."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from jax.sharding import PartitionSpec

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import Module
from fnn.state.parameter import Parameter

__all__ = ["NAMES", "Choice", "Found", "Rule", "chooser", "near", "shown"]

NAMES = ("replicate", "fsdp", "column", "row", "expert")
Choice: TypeAlias = str | tuple[str, ...] | PartitionSpec | None
Rule: TypeAlias = Choice | Mapping[str, Choice] | Callable[[str, Any], Choice]


@dataclass
class Found:
    """An array of a model with all its names, and the modules that they belong to."""

    box: Any
    names: list[str]
    owners: list[Module]


def chooser(found: list[Found], rule: Rule, where: str) -> Callable[[Found], Choice]:
    """A function that tells the choice for each array.

    Raises:
        ArgumentError: an unknown rule, or a pattern that matches nothing.
    """
    if rule is None or isinstance(rule, (str, tuple, PartitionSpec)):
        _check(rule, where)
        return lambda entry: rule
    if isinstance(rule, Mapping):
        for choice in rule.values():
            _check(choice, where)
        parameters = [entry for entry in found if isinstance(entry.box, Parameter)]
        for pattern in rule:
            if not isinstance(pattern, str):
                raise ArgumentTypeError(f"{where}: a pattern is a str, got {pattern!r}")
            for alternative in pattern.split("|"):
                if not any(_matches(alternative, name) for entry in parameters for name in entry.names):
                    raise ArgumentError(_nothing(where, alternative, parameters))
        patterns = dict(rule)
        return lambda entry: next(
            (
                choice
                for pattern, choice in patterns.items()
                if any(_matches(part, name) for part in pattern.split("|") for name in entry.names)
            ),
            None,
        )
    if callable(rule):
        function = rule

        def ask(entry: Found) -> Choice:
            choice = function(entry.names[0], entry.box)
            _check(choice, f"{where}: the rule of {entry.names[0]}")
            return choice

        return ask
    raise ArgumentTypeError(f"{where}: rule must be a name, a PartitionSpec, a dict or a function, got {rule!r}")


def _check(choice: object, where: str) -> None:
    if choice is None or isinstance(choice, PartitionSpec):
        return
    if isinstance(choice, tuple) and choice:
        for part in choice:
            _check(part, where)
            if not isinstance(part, str):
                raise ArgumentTypeError(f"{where}: of several rules each is a name, got {choice!r}")
        return
    if not isinstance(choice, str):
        raise ArgumentTypeError(f"{where}: a rule is one of {', '.join(NAMES)} or a PartitionSpec, got {choice!r}")
    if choice not in NAMES:
        raise ArgumentError(
            f"{where}: unknown rule {choice!r}; expected one of {', '.join(NAMES)}{near(choice, NAMES)}"
        )


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern fits a parameter's name or that of a module above it; ``*.fc`` fits ``fc`` as well."""
    pattern = pattern.strip()
    parts = name.split(".")
    paths = [".".join(parts[: n + 1]) for n in range(len(parts))]
    return any(fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(f".{path}", pattern) for path in paths)


def _nothing(where: str, pattern: str, parameters: list[Found]) -> str:
    names = [name for entry in parameters for name in entry.names]
    paths = dict.fromkeys(path for name in names for path in (name, name.rpartition(".")[0]) if path)
    bare = pattern.strip().strip("*.")
    scored = {path: max(difflib.SequenceMatcher(None, bare, end).ratio() for end in _ends(path)) for path in paths}
    near = [path for path in sorted(scored, key=lambda path: -scored[path]) if scored[path] > 0.5][:3]
    hint = (
        f"near names: {', '.join(near)}" if near else f"the names: {', '.join(names[:6])}{', ...' * (len(names) > 6)}"
    )
    return f"{where}: the pattern {pattern.strip()!r} matches no parameter; {hint}"


def _ends(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[n:]) for n in range(len(parts))]


def near(name: str, known: Iterable[str]) -> str:
    """The known name that somebody may have meant, for the end of a message."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def shown(choice: Choice) -> str:
    """A choice in a table."""
    if choice is None or isinstance(choice, str):
        return choice or "replicate"
    return f"P{tuple(choice)}" if isinstance(choice, PartitionSpec) else " + ".join(choice)
