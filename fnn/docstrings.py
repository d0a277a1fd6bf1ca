"""Docstrings that are completed: what is said of an argument that many functions share stands in one table."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

__all__ = ["completed", "described"]

F = TypeVar("F", bound=Callable[..., object])
_ARGS = re.compile(r"^( *)Args:\n", re.MULTILINE)  # from Python 3.13 on docstrings are not indented


def completed(doc: str, parameters: Sequence[str], descriptions: Mapping[str, str]) -> str:
    """The docstring of a function, the entries that its ``Args`` lack from ``descriptions``, in the parameters' order.

    Args:
        doc: the docstring as it is written; one without ``Args`` stays as it is.
        parameters: the function's.
        descriptions: what is said of a parameter, by name; further lines are indented by four blanks.

    Example:
        >>> doc = '''Doubles.
        ...
        ...     Args:
        ...         x: any.
        ... '''
        >>> print(completed(doc, ["x", "y"], {"y": "unused."}))
        Doubles.
        <BLANKLINE>
            Args:
                x: any.
                y: unused.
        <BLANKLINE>
    """
    found = _ARGS.search(doc)
    if not found:
        return doc
    before, rest = doc[: found.end()], doc[found.end() :]
    indent = f"{found[1]}    "
    args, gap, rest = rest.partition("\n\n")
    args, gap = args.rstrip(), args[len(args.rstrip()) :] + gap
    entries: dict[str, list[str]] = {}
    for line in args.split("\n"):
        if line.startswith(indent) and not line.startswith(f"{indent} "):
            entries[line.split(":")[0].strip()] = []
        entries[next(reversed(entries))].append(line)
    for name, text in descriptions.items():
        if name in parameters:
            entries.setdefault(name, [f"{indent}{name}: {text}".replace("\n", f"\n{indent}")])
    order = sorted(entries, key=lambda n: parameters.index(n) if n in parameters else len(parameters))
    return before + "\n".join(line for name in order for line in entries[name]) + gap + rest


def described(descriptions: Mapping[str, str]) -> Callable[[F], F]:
    """A decorator that completes a function's docstring.

    Args:
        descriptions: see `completed`.

    Example:
        >>> @described({"y": "unused."})
        ... def f(x, y):
        ...     '''Doubles.
        ...
        ...     Args:
        ...         x: any.
        ...     '''
        >>> "y: unused." in f.__doc__
        True
    """

    def complete(function: F) -> F:
        parameters = list(inspect.signature(function).parameters)
        function.__doc__ = completed(function.__doc__ or "", parameters, descriptions)
        return function

    return complete
