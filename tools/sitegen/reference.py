"""The pages of the API: an index of all names, one page for each package, and one for each family of a large one.

They are made from the running package: its names are resolved when they are first used, and the documentation of
layers, modules and functions on arrays is put together at run time, which readers of the source do not see.
"""

from __future__ import annotations

import importlib
import inspect
import posixpath
import re
from collections.abc import Iterator

from sitegen import docstrings, signatures, torch_pages
from sitegen.names import SPELLINGS, Catalogue, Name

# Who searches for a name wants its entry before the pages that use it.
_FIRST = "---\nsearch:\n  boost: 3\n---\n"
# What every class of a kind has is described at its base.
_SHARED = {"forward", "extra_repr", "init", "apply", "reset_parameters"}


def relative(target: str, page: str) -> str:
    """The address of a page of the site as a link on another one."""
    path, mark, anchor = target.partition("#")
    return ("" if path == page else posixpath.relpath(path, posixpath.dirname(page))) + mark + anchor


class Reference:
    """Writes the pages."""

    def __init__(self) -> None:
        self.catalogue = Catalogue()

    def pages(self) -> dict[str, str]:
        """All pages: the text by the path."""
        made = {"api/index.md": self._index(), "api/names.md": self._names()}
        for page, names in self.catalogue.pages.items():
            made[page] = self._page(page, names)
        return made

    def navigation(self) -> list[dict[str, object]]:
        """The entries for the site's navigation."""
        entries: list[dict[str, object]] = [{"Packages": "api/index.md"}, {"All names": "api/names.md"}]
        for package in self.catalogue.packages:
            pages = [page for page in self.catalogue.pages if posixpath.dirname(page) == f"api/{package}"]
            index = f"api/{package}/index.md"
            families = sorted(page for page in pages if page != index)
            title = SPELLINGS.get(package, package)
            inner: list[object] = [index, *({_stem(page): page} for page in families)]
            entries.append({title: inner if families else index})
        return entries

    # -- the indices ------------------------------------------------------------------------------------

    def _index(self) -> str:
        rows = [
            "# API",
            "",
            "Every public name, by package, from the packages' `__all__` and docstrings.",
            "",
        ]
        rows += ["| package | names | |", "|---|---|---|"]
        for package, names in self.catalogue.packages.items():
            first = _first(inspect.getdoc(importlib.import_module(package)) or "")
            link = relative(f"api/{package}/index.md", "api/index.md")
            words = docstrings.prose(first, lambda _: None)
            rows.append(f"| [`{SPELLINGS.get(package, package)}`]({link}) | {len(names)} | {words} |")
        rows += ["", "[All names](names.md) lists every name beside PyTorch's page of that name."]
        return "\n".join(rows) + "\n"

    def _names(self) -> str:
        rows = [
            "# All names",
            "",
            "Every spelling of every public name. A name that PyTorch has links to PyTorch's page of it.",
        ]
        for package, names in self.catalogue.packages.items():
            rows += ["", f"## {SPELLINGS.get(package, package)}", "", "| name | | PyTorch |", "|---|---|---|"]
            rows += self._rows(sorted(names, key=lambda name: name.name.lower()), "api/names.md")
        return "\n".join(rows) + "\n"

    def _rows(self, names: list[Name], page: str) -> Iterator[str]:
        for name in names:
            link = relative(self.catalogue.page[name.path], page)
            words = docstrings.prose(_first(name.summary), lambda _: None)
            address = torch_pages.address(name)
            yield f"| [`{name.name}`]({link}) | {words} | " + (f"[{address[0]}]({address[1]}) |" if address else "|")

    # -- pages ------------------------------------------------------------------------------------------

    def _page(self, page: str, names: list[Name]) -> str:
        package = posixpath.basename(posixpath.dirname(page))
        spelling = SPELLINGS.get(package, package)
        is_index = page.endswith("/index.md")
        if is_index:
            module = inspect.getdoc(importlib.import_module(package)) or ""
            text = [_FIRST, f"# {spelling}", "", self._markdown(module, page, package, {}), ""]
            listed = self.catalogue.packages[package]
            text += ["| name | | PyTorch |", "|---|---|---|", *self._rows(listed, page), ""]
        else:
            text = [_FIRST, f"# {spelling}: {_stem(page)}", ""]
            home = str(getattr(names[0].value, "__module__", ""))
            if home and all(getattr(name.value, "__module__", "") == home for name in names):
                module = (inspect.getdoc(importlib.import_module(home)) or "").split("\n\n")[0]
                text += [self._markdown(module, page, package, {}), ""]
        for name in names:
            text += [self._entry(name, page), ""]
        return "\n".join(text) + "\n"

    def _entry(self, name: Name, page: str) -> str:
        signature = signatures.signature_of(name.value) if callable(name.value) else None
        kind = "class " if isinstance(name.value, type) else ""
        text = [f"## `{name.path}` {{ #{name.path} data-toc-label='{name.name}' }}", ""]
        if name.documentation:
            text += [docstrings.fenced(kind + signatures.shown(name.path, signature), "python"), ""]
            text += [self._markdown(name.documentation, page, name.package, signatures.types(signature))]
        elif isinstance(name.value, (int, float, str, type(None))):
            text += [docstrings.fenced(f"{name.path} = {name.value!r}", "python")]
        else:
            text += [docstrings.prose(f"A constant or a type: ``{name.value!r}``", lambda _: None)]
        if isinstance(name.value, type):
            text += ["", *self._methods(name, page)]
        others = self._other_spellings(name)
        notes = [f"Also as {', '.join(f'`{path}`' for path in others)}."] if others else []
        if address := torch_pages.address(name):
            notes.append(f"In PyTorch: [`{address[0]}`]({address[1]}).")
        if notes:
            text += ["", " ".join(notes) + "\n{ .fnn-also }"]
        return "\n".join(text)

    def _other_spellings(self, name: Name) -> list[str]:
        return [path for path in self.catalogue.spellings[name.name, id(name.value)] if path != name.path]

    def _methods(self, name: Name, page: str) -> Iterator[str]:
        cls = name.value
        assert isinstance(cls, type)
        for key, member in vars(cls).items():
            function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
            if isinstance(function, property):
                function = function.fget
            if key.startswith("_") or (key in _SHARED and not _is_base(cls)) or not inspect.isfunction(function):
                continue
            text = inspect.cleandoc(function.__doc__ or "")
            if not text:
                continue
            anchor = f"{name.path}.{key}"
            yield f"### `{key}` {{ #{anchor} data-toc-label='{name.name}.{key}' }}\n"
            if not isinstance(member, property):
                signature = signatures.signature_of(function)
                bound = not isinstance(member, staticmethod)
                yield docstrings.fenced(signatures.shown(key, signature, bound), "python") + "\n"
                yield self._markdown(text, page, name.package, signatures.types(signature)) + "\n"
            else:
                yield self._markdown(text, page, name.package, {}) + "\n"

    def _markdown(self, text: str, page: str, package: str, types: dict[str, str]) -> str:
        def link(name: str) -> str | None:
            for path in (f"{package}.{name}", name, f"fnn.{name}"):
                if target := self.catalogue.page.get(path):
                    return relative(target, page)
            return None

        return docstrings.markdown(text, types, link)


def _is_base(cls: type) -> bool:
    return cls.__name__ in ("Module", "Layer", "LayerModule", "Composite")


def _stem(page: str) -> str:
    return posixpath.basename(page).removesuffix(".md").replace("_", " ")


def _first(text: str) -> str:
    """The first sentence, without what a table cannot hold."""
    line = text.split("\n\n")[0].replace("\n", " ").strip()
    return re.split(r"(?<=[.:]) +(?=[A-Z`])", line)[0].rstrip(":").replace("|", "or")
