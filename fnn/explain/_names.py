"""The names of operations in a compiled program: back to a module's path and a phase."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

__all__ = ["operations", "place_of", "shared_beginning"]

_OWN = re.compile(r"\b(?:jit|pjit)\([^()]*\)/?")
_TRANSFORM = re.compile(r"[\w.]+\(")
_STRUCTURE = frozenset({
    "while", "body", "cond", "closed_call", "checkpoint", "rematted_computation", "remat", "scan", "core_call",
    "custom_jvp_call", "custom_vjp_call", "shard_map", "pjit", "eval_jaxpr", "fnn_no_grad", "fnn_enable_grad", "",
})  # fmt: skip
_OP = re.compile(r'^\s*(?:ROOT )?%?([\w.\-]+) = .*metadata=\{[^}]*?op_name="([^"]*)"')


def place_of(name: str, optimizers: Iterable[str] = ()) -> tuple[str, str]:
    """``(path, phase)`` of an operation's name, such as ``jit(step)/transpose(jvp(Net))/layer1/0/mul``.

    Of an operation that XLA made of several, the paths of all, one after the other.
    """
    bare = _OWN.sub("", name.split(";")[0])
    several = bare[1:-1].split(":") if bare.startswith("(") and bare.endswith(")") else [bare]
    places = [_single(part, frozenset(optimizers)) for part in several]
    paths = list(dict.fromkeys(path for path, _ in places if path))
    phases = {phase for _, phase in places}
    return ", ".join(paths), "backward" if "backward" in phases else places[0][1]


def _single(name: str, optimizers: frozenset[str]) -> tuple[str, str]:
    backward = "transpose(" in name
    bare = _TRANSFORM.sub("", name).replace(")", "")
    parts = [part for part in bare.split("/")[:-1] if part not in _STRUCTURE and not part.startswith("branch_")]
    if backward:
        return "/".join(parts), "backward"
    return "/".join(parts), "optimizer" if parts and parts[0] in optimizers else "forward"


def operations(text: str) -> dict[str, str]:
    """The operations of a compiled program's text, and the names of what they were made from."""
    found = {}
    for line in text.splitlines():
        match = _OP.match(line)
        if match:
            found[match[1]] = match[2]
    return found


def shared_beginning(*lists: Sequence[str]) -> list[str]:
    """What several lists begin with alike."""
    alike = itertools.takewhile(lambda names: len(set(names)) == 1, zip(*lists, strict=False))
    return [names[0] for names in alike]
