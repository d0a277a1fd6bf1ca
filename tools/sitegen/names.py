"""The public names of fnn: which packages there are, what they hand on, and on which page each name is described.

A name is public if its package's ``__all__`` has it; a package without one hands on what it imports from fnn.  The same
object under the same name in several packages is described once, in the package with the shortest path.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import types
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Packages that users have no business in, and commands, whose pages are guides.
INTERNAL = ("fnn.kernels", "fnn.port", "fnn.quickstart", "fnn.utils", "fnn.nn.modules", "fnn.autocasting")
# Modules that are public beside the packages, and those that a package hands on.
MODULES = ("fnn.errors", "fnn.typing", "fnn.init", "fnn.random", "fnn.utils.hub", "fnn.utils.summary")
# A package with more names than this has a page for each family of them.
_MANY = 70
# What stands between a package and its families in the names of modules.
_TRANSPARENT = ("ops", "modules")
# Other ways to write a package's name, which is the one that users write.
SPELLINGS = {"fnn.ops.fft": "fnn.fft", "fnn.ops.linalg": "fnn.linalg", "fnn.ops.special": "fnn.special"}


@dataclasses.dataclass(frozen=True)
class Name:
    """A public name.

    Attributes:
        package: the package that hands it on.
        name: how it is called there.
        value: what it is.
    """

    package: str
    name: str
    value: object = dataclasses.field(compare=False)

    @property
    def path(self) -> str:
        """How users write it: ``fnn.nn.Conv2d``."""
        return f"{SPELLINGS.get(self.package, self.package)}.{self.name}"

    @property
    def family(self) -> str:
        """The module below the package that defines it, without underscores; empty if it is defined elsewhere."""
        module = getattr(self.value, "__module__", None) or ""
        parts = module.split(".")
        inner = parts[len(self.package.split(".")) :] if f"{module}.".startswith(f"{self.package}.") else []
        if inner and inner[0] in _TRANSPARENT:
            inner = inner[1:]
        return inner[0].strip("_") if inner else ""

    @property
    def documentation(self) -> str:
        """Its docstring, empty for constants and for types that are JAX's or numpy's."""
        value = self.value
        if not callable(value) or not str(getattr(value, "__module__", "")).startswith("fnn."):
            return ""
        text = value.__doc__
        if not isinstance(value, type) and text is type(value).__doc__:  # an instance: what its class says, or its call
            text = max(text or "", type(value).__call__.__doc__ or "", key=lambda words: ">>> " in words)
        return inspect.cleandoc(text or "")

    @property
    def summary(self) -> str:
        """The first sentence of its docstring, or what it is."""
        first = self.documentation.split("\n\n")[0].replace("\n", " ")
        return first or (repr(self.value) if isinstance(self.value, (int, float, str)) else "")


def packages() -> list[str]:
    """The public packages and modules, by path."""
    folders = [path.parent.relative_to(ROOT) for path in (ROOT / "fnn").rglob("__init__.py")]
    names = {".".join(folder.parts) for folder in folders}
    public = {name for name in names if not any(part[0] == "_" for part in name.split("."))}
    public -= {name for name in public if any(f"{name}.".startswith(f"{i}.") for i in ("fnn.kernels", *INTERNAL[1:3]))}
    handed_on = {
        value.__name__
        for name in public
        for key in getattr(importlib.import_module(name), "__all__", ())
        if isinstance(value := getattr(importlib.import_module(name), key), types.ModuleType)
        and value.__name__.startswith("fnn.")
    }
    found = (public | handed_on | set(MODULES)) - set(INTERNAL)
    return sorted(name for name in found if any(members(name)))


def members(package: str) -> Iterator[Name]:
    """What a package or module hands on, but for modules."""
    module = importlib.import_module(package)
    listed = getattr(module, "__all__", None)
    if listed is None:
        listed = [
            key
            for key, value in vars(module).items()
            if not key.startswith("_") and str(getattr(value, "__module__", "")).startswith("fnn.")
        ]
    for key in listed:
        value = getattr(module, key)
        if not isinstance(value, types.ModuleType) and key != "__version__":
            yield Name(package, key, value)


class Catalogue:
    """All public names, and where each is described."""

    @cached_property
    def packages(self) -> dict[str, list[Name]]:
        """The public names by package."""
        return {package: list(members(package)) for package in packages()}

    @cached_property
    def _canonical(self) -> dict[tuple[str, int], Name]:
        found: dict[tuple[str, int], Name] = {}
        order = sorted(self.packages, key=lambda package: (package.count("."), list(self.packages).index(package)))
        for package in order:
            for name in self.packages[package]:
                found.setdefault((name.name, id(name.value)), name)
        return found

    @cached_property
    def spellings(self) -> dict[tuple[str, int], list[str]]:
        """How else each thing is written, by its name and identity."""
        found: dict[tuple[str, int], list[str]] = {}
        for names in self.packages.values():
            for name in names:
                found.setdefault((name.name, id(name.value)), []).append(name.path)
        return found

    def canonical(self, name: Name) -> Name:
        """The name under which the same thing is described."""
        return self._canonical[name.name, id(name.value)]

    @cached_property
    def pages(self) -> dict[str, list[Name]]:
        """The pages, ``api/fnn/joining.md``, with the names that are described there."""
        found: dict[str, list[Name]] = {}
        for package, names in self.packages.items():
            own = [name for name in names if self.canonical(name) is name]
            for name in own:
                family = name.family if len(own) > _MANY else ""
                found.setdefault(f"api/{package}/{family or 'index'}.md", []).append(name)
            found.setdefault(f"api/{package}/index.md", [])
        return found

    @cached_property
    def page(self) -> dict[str, str]:
        """The page on which a path, ``fnn.nn.Conv2d``, is described, with its anchor."""
        home = {id(name): page for page, names in self.pages.items() for name in names}
        found = {}
        for names in self.packages.values():
            for name in names:
                described = self.canonical(name)
                for path in (name.path, f"{name.package}.{name.name}"):
                    found[path] = f"{home[id(described)]}#{described.path}"
        return found
