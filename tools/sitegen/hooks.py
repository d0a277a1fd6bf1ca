"""What mkdocs asks for while it builds the site (``hooks`` in mkdocs.yml): the pages that are generated.

* ``api/``: every public name, from the running package (`reference`).
* ``errors/index.md``: the errors that teach, from their constants (`teaching`).
* ``gallery/``: the notebooks with their stored outputs (`gallery`).
* ``changelog.md``, ``contributing.md``, ``architecture.md``: the files of the repository's root.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sitegen import gallery, teaching
from sitegen.reference import Reference

ROOT = Path(__file__).resolve().parent.parent.parent
ROOT_PAGES = {
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "architecture.md": "ARCHITECTURE.md",
}
_made: dict[str, str | bytes] = {}


def generated() -> tuple[dict[str, str | bytes], list[dict[str, object]]]:
    """All generated pages, and the entries of the API in the navigation."""
    reference = Reference()
    made: dict[str, str | bytes] = dict(reference.pages())
    made["errors/index.md"] = teaching.page()
    found = gallery.notebooks()
    made["gallery/index.md"] = gallery.index(found)
    for notebook in found:
        made[f"gallery/{notebook.name}.md"] = notebook.text
        made |= {f"gallery/{file}": picture for file, picture in notebook.pictures.items()}
    made |= {page: root_page(ROOT / file) for page, file in ROOT_PAGES.items()}
    return made, reference.navigation()


def root_page(path: Path) -> str:
    """A file of the repository's root as a page: links to files that are no pages become plain words."""
    pages = {file: page for page, file in ROOT_PAGES.items()}

    def link(match: re.Match[str]) -> str:
        target = match[2].partition("#")[0]
        if "://" in match[2] or not target:
            return match[0]
        return f"[{match[1]}]({pages[target]})" if target in pages else f"`{target}`"

    return re.sub(r"\[([^\]\n]+)\]\(([^)\s]+)\)", link, path.read_text(encoding="utf-8"))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Makes the pages and puts those that are generated into the navigation."""
    made, api = generated()
    _made.clear()
    _made.update(made)
    notebooks = [page for page in made if page.startswith("gallery/") and page.endswith(".md")]
    for section in config.nav or ():
        if "API" in section:
            section["API"] = api
        if "Gallery" in section:
            section["Gallery"] = sorted(notebooks, key=lambda page: (not page.endswith("index.md"), page))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages."""
    for path, content in _made.items():
        files.append(File.generated(config, path, content=content))
    return files
