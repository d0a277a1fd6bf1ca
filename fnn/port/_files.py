"""The files of one conversion: what each defines is known where another imports it, and so is what they pass to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import libcst as cst

from fnn.port._flow import walk
from fnn.port._hindrances import Hindrance
from fnn.port._infer import Inference
from fnn.port._kinds import Kind
from fnn.port._scopes import dotted

__all__ = ["Files", "Neighbours"]

# Kinds that mean the same in another file; classes and functions are known by name in their own.
_PLAIN = frozenset("array box batch number text numpy none device dtype shape optimizer group options".split())


class Files:
    """The kinds of what several files define.

    Args:
        texts: their texts, by where they lie below the folder that is converted.
    """

    def __init__(self, texts: Mapping[Path, str]) -> None:
        self._texts = {_words(path): (path, text) for path, text in texts.items()}
        self._made: dict[tuple[str, ...], Inference | None] = {}
        self._given: dict[tuple[str, ...], dict[str, dict[str, Kind | None]]] = {}
        self._hindered: dict[tuple[str, ...], Mapping[str, Hindrance]] = {}

    def around(self, path: Path) -> Neighbours:
        """What a file may import."""
        return Neighbours(self, path)

    def imported(self, by: Path, name: str) -> Inference | None:
        """What is known of a file, by the name under which another imports it; None: it is none of these."""
        words = self._meant(by, name)
        return None if words is None else self.known(words)

    def _meant(self, by: Path, name: str) -> tuple[str, ...] | None:
        """The file that another imports under a name: of its own folder first, then of those above it."""
        folder = by.parent.parts
        for depth in range(len(folder), -1, -1):
            words = (*folder[:depth], *name.split("."))
            if words in self._texts and words != _words(by):
                return words
        return None

    def tell(self, path: Path, hindered: Mapping[str, Hindrance]) -> bool:
        """Remembers the functions and classes of a file that come to what cannot be compiled.

        Returns:
            Whether they are others than before.
        """
        named = {n: h if h.file else h._replace(file=str(path)) for n, h in hindered.items()}
        before, self._hindered[_words(path)] = self._hindered.get(_words(path), {}), named
        return before.keys() != named.keys()

    def hindrances(self, by: Path, module: cst.Module) -> dict[str, Hindrance]:
        """Those that a file imports, by the names that they have there and by their own."""
        found: dict[str, Hindrance] = {}
        for node in walk(module, functions=True) if self._hindered else ():
            if isinstance(node, cst.Import):
                for alias in node.names:
                    words = self._meant(by, dotted(alias.name) or "")
                    found |= self._hindered.get(words, {}) if words is not None else {}
            if not isinstance(node, cst.ImportFrom):
                continue
            source = dotted(node.module) or "" if node.module is not None else ""
            words = self._meant(by, source) if source else None
            there = self._hindered.get(words, {}) if words is not None else {}
            if isinstance(node.names, cst.ImportStar):
                found |= there
                continue
            for alias in node.names:
                name = dotted(alias.name) or ""
                whole = self._meant(by, f"{source}.{name}".lstrip("."))
                found |= self._hindered.get(whole, {}) if whole is not None else {}
                if name in there:
                    bound = alias.asname.name if alias.asname is not None else alias.name
                    found |= {name: there[name], dotted(bound) or name: there[name]}  # type: ignore[arg-type]
        return found

    def known(self, words: tuple[str, ...]) -> Inference | None:
        """What is known of a file; None: it is being looked at, as two files may import each other, or is no Python."""
        if words not in self._made:
            self._made[words] = None
            path, text = self._texts[words]
            try:
                self._made[words] = Inference(
                    cst.parse_module(text), others=self.around(path), seeds=self._given.get(words)
                )
            except (cst.ParserSyntaxError, RecursionError):
                return None
        return self._made[words]

    def given(self, path: Path) -> dict[str, dict[str, Kind | None]]:
        """What other files pass to the functions of one, by the functions' names (``Class.method``)."""
        if not self._given:
            for _ in range(2):  # what a function gives may depend on what another file passes to it
                self._made.clear()
                for words in self._texts:
                    self.known(words)
                self._given = {words: _passed(file) for words, file in self._made.items()}
        return self._given.get(_words(path), {})


class Neighbours:
    """The other files of a conversion, as one of them sees them."""

    def __init__(self, files: Files, path: Path) -> None:
        self._files, self._path = files, path

    def __call__(self, name: str) -> Inference | None:
        """What is known of a file that is imported under a name."""
        return self._files.imported(self._path, name)

    def hindrances(self, module: cst.Module) -> dict[str, Hindrance]:
        """Their functions and classes that this one imports and that come to what cannot be compiled."""
        return self._files.hindrances(self._path, module)

    def given(self) -> dict[str, dict[str, Kind | None]]:
        """What they pass to this one's functions."""
        return self._files.given(self._path)


def _passed(file: Inference | None) -> dict[str, dict[str, Kind | None]]:
    """What the functions of a file are given, by their names."""
    found: dict[str, dict[str, Kind | None]] = {}
    for function in file.own_functions() if file is not None else ():
        given: dict[str, Kind | None] = {n: kind for n, k in function.given.items() if (kind := _plain(k)) is not None}
        if given and isinstance(function.node, cst.FunctionDef):
            owner = f"{function.owner.name}." if function.owner is not None else ""
            found[f"{owner}{function.node.name.value}"] = given
    return found


def _words(path: Path) -> tuple[str, ...]:
    """The parts of the name of a module; a package is its ``__init__.py``."""
    words = path.with_suffix("").parts
    return words[:-1] if words[-1:] == ("__init__",) and len(words) > 1 else words


def _plain(kind: Kind | None) -> Kind | None:
    """A kind without what only its own file knows; None: nothing is left of it."""
    if kind is None or (kind.tag in _PLAIN and not kind.of):
        return kind
    if kind.tag == "module":
        return Kind("module")
    if kind.tag == "loader":
        return Kind("loader")
    if kind.tag in ("list", "tuple") or (kind.tag == "dict" and not kind.name):
        return Kind(kind.tag, "", tuple(map(_plain, kind.of)))
    return None
