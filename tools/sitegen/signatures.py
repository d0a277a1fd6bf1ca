"""Signatures as they are shown: annotations as they were written, one argument a line if they are long."""

from __future__ import annotations

import inspect
import re

_LONG = 92
_MODULES = re.compile(r"\b(?:fnn|jax|jaxlib|collections|typing|numpy|optax)(?:\.\w+)*\.(?=[A-Z])")


def _words(annotation: object) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = _MODULES.sub("", text.strip("'\""))
    text = text.replace("Tupled", "Ints")  # of fields that hold tuples: what they take is a number or several
    held = re.match(r"Held\[(.*?), (?!\.\.\.)[^\[]*(?:\[.*\][^\[]*)?\]$", text)  # what a field takes, what it holds
    return held[1] if held else text


def _default(value: object) -> str:
    if isinstance(value, type) or inspect.isroutine(value):
        return getattr(value, "__qualname__", repr(value))
    text = repr(value)
    return "..." if re.search(r" at 0x[0-9a-f]+|\n", text) or len(text) > 60 else text


def signature_of(value: object) -> inspect.Signature | None:
    """The signature, where there is one."""
    try:
        return inspect.signature(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def types(signature: inspect.Signature | None) -> dict[str, str]:
    """What the signature says of each argument's type."""
    if signature is None:
        return {}
    return {name: text for name, p in signature.parameters.items() if (text := _words(p.annotation))}


def shown(path: str, signature: inspect.Signature | None, method: bool = False) -> str:
    """``path(argument: type = default, ...) -> type``."""
    if signature is None:
        return path
    pieces, star = [], False
    parameters = list(signature.parameters.values())[1 if method else 0 :]
    for n, p in enumerate(parameters):
        if p.kind is p.KEYWORD_ONLY and not star:
            pieces.append("*")
        star = star or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        mark = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        text = f"{mark}{p.name}"
        kind = _words(p.annotation)
        if kind:
            text += f": {kind}"
        if p.default is not p.empty:
            text += f" = {_default(p.default)}" if kind else f"={_default(p.default)}"
        pieces.append(text)
        following = parameters[n + 1].kind if n + 1 < len(parameters) else None
        if p.kind is p.POSITIONAL_ONLY and following is not p.POSITIONAL_ONLY:
            pieces.append("/")
    result = _words(signature.return_annotation)
    tail = f") -> {result}" if result and result != "None" else ")"
    line = f"{path}({', '.join(pieces)}{tail}"
    if len(line) <= _LONG:
        return line
    return "\n".join([f"{path}(", *(f"    {piece}," for piece in pieces), tail])
