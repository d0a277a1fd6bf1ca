"""What a function's code reads and writes besides its arguments: free variables, globals, attributes of modules.

Read off the bytecode, nested functions included, without running anything; strings that are evaluated count as code.
It names more than one run reads (the branch not taken too), never less, but for names and code that are only made at
run time; what ``globals()[name]`` reads is noticed by `watch`.
"""

from __future__ import annotations

import dis
import functools
import sys
import types
from typing import NamedTuple

__all__ = ["Names", "is_library", "level_outside", "names_of"]

# Code whose own globals are no part of a user's program. Their names are not followed.
_LIBRARIES = frozenset({
    *sys.stdlib_module_names, "jax", "jaxlib", "numpy", "ml_dtypes", "optax", "chex", "scipy", "fnn", "einops",
    "opt_einsum", "jaxtyping", "absl", "treescope", "torch", "pytest", "_pytest",
}) - {"__main__"}  # fmt: skip


class Names(NamedTuple):
    """What a code object names: paths such as ``("config", "scale")`` below a global or a free variable."""

    globals: tuple[tuple[str, ...], ...]
    cells: tuple[tuple[str, ...], ...]
    imports: tuple[tuple[str, ...], ...]  # imported inside the function: (module, names that may be its attributes...)
    stored_globals: frozenset[str]
    stored_cells: frozenset[str]
    named: frozenset[str]  # what may be a name of an attribute of anything
    finds_modules: bool  # whether it may take a Python module from a table, by name


def is_library(module: object) -> bool:
    """Whether code of this module (a name) is a library's, whose globals no step of a user's depends on."""
    return isinstance(module, str) and module.partition(".")[0] in _LIBRARIES


def level_outside() -> int:
    """The ``stacklevel`` of the innermost frame outside of libraries, seen from the function that calls this."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and is_library(frame.f_globals.get("__name__")):
        level, frame = level + 1, frame.f_back
    return level


@functools.lru_cache(maxsize=4096)
def names_of(code: types.CodeType) -> Names:
    """The names that ``code`` and the code nested in it read and write."""
    globals_: dict[tuple[str, ...], None] = {}
    cells: dict[tuple[str, ...], None] = {}
    imports: dict[tuple[str, ...], None] = {}
    stored_globals, stored_cells = set(), set()
    free = set(code.co_freevars)
    named = {*code.co_names, *(part for text in code.co_consts if isinstance(text, str) for part in _identifiers(text))}
    path: tuple[str, ...] = ()
    table: dict[tuple[str, ...], None] | None = None
    for instruction in dis.get_instructions(code):
        name, value = instruction.opname, instruction.argval
        if name in ("LOAD_ATTR", "LOAD_METHOD") and table is not None:
            path = (*path, str(value))
            table[path] = None
            continue
        table = None
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            path, table = (str(value),), globals_
        elif name in ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF") and value in free:
            path, table = (str(value),), cells
        elif name == "IMPORT_NAME":
            imports[(str(value), *code.co_names)] = None
        elif name in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            stored_globals.add(str(value))
        elif name in ("STORE_DEREF", "DELETE_DEREF") and value in free:
            stored_cells.add(str(value))
        if table is not None:
            table[path] = None
    finds_modules = not _FINDERS.isdisjoint(code.co_names)
    evaluates = not _EVALUATORS.isdisjoint(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, str) and finds_modules:
            imports[(constant, *code.co_names)] = None
        if isinstance(constant, str) and evaluates:
            constant = _compiled(constant)
        if isinstance(constant, types.CodeType):
            inner = names_of(constant)
            finds_modules |= inner.finds_modules
            globals_.update(dict.fromkeys(inner.globals))
            imports.update(dict.fromkeys(inner.imports))
            cells.update((path, None) for path in inner.cells if path[0] in free)
            stored_globals |= inner.stored_globals
            named |= inner.named
            stored_cells |= {name for name in inner.stored_cells if name in free}
    return Names(
        tuple(globals_), tuple(cells), tuple(imports), frozenset(stored_globals), frozenset(stored_cells),
        frozenset(named), finds_modules,
    )  # fmt: skip


def _identifiers(text: str) -> list[str]:
    """The names in a string that may be one, or a path of them as `operator.attrgetter` takes."""
    parts = text.split(".")
    return parts if all(part.isidentifier() for part in parts) else []


_FINDERS = frozenset({"modules", "import_module", "__import__"})
_EVALUATORS = frozenset({"eval", "exec"})


def _compiled(text: str) -> object:
    try:
        return compile(text, "<string>", "exec")
    except (SyntaxError, ValueError):
        return None
