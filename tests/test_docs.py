"""The documentation site: its pages' code runs, every public name is on a page, with a docstring and an example.

That the site builds without a warning, links and anchors included, is checked by ``.ci/run``.
"""

import inspect
import re
import textwrap

import jax
import pytest
from sitegen import teaching, torch_pages
from sitegen.docstrings import markdown
from sitegen.names import ROOT, Catalogue
from sitegen.reference import Reference, relative

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
CATALOGUE = Catalogue()


def blocks(page: str) -> list[str]:
    """The Python code of a page, block by block."""
    return [textwrap.dedent(code) for _, code in BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_code_of_a_page_runs(page, capsys):
    """All blocks of a page, one after the other, in one namespace, as a reader would paste them."""
    names: dict = {"__name__": "__main__"}
    with jax.numpy_rank_promotion("allow"):
        for number, code in enumerate(blocks(page)):
            exec(compile(code, f"{page}[{number}]", "exec"), names)


def test_guides_have_code():
    without = {page for page in PAGES if not blocks(page)}
    assert without <= {"guides/index.md"}, without


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert set(PAGES) <= listed


def test_every_public_name_has_a_page():
    names = [name.path for members in CATALOGUE.packages.values() for name in members]
    assert len(names) > 2500
    assert [name for name in names if name not in CATALOGUE.page] == []
    for package in ("fnn", "fnn.layers", "fnn.nn", "fnn.functional", "fnn.optim", "fnn.func", "fnn.explain"):
        assert package in CATALOGUE.packages


def described() -> list:
    return [name for names in CATALOGUE.pages.values() for name in names]


def test_every_public_name_has_a_docstring_with_an_example():
    """But constants, and types that are others'."""
    lacking = [name.path for name in described() if name.documentation and ">>> " not in name.documentation]
    assert sorted(lacking) == [], "write an example into their docstrings"


def test_every_class_and_function_has_a_docstring():
    ours = [n for n in described() if isinstance(n.value, type) or inspect.isroutine(n.value)]
    bare = [n.path for n in ours if not n.documentation and n.value.__module__.startswith("fnn.")]
    assert bare == []


def test_pages_of_names_link_to_pytorch():
    by_path = {name.path: name for name in described()}
    shown = {path: torch_pages.address(by_path[path]) for path in ("fnn.nn.Conv2d", "fnn.view", "fnn.optim.Adam")}
    stable = "https://docs.pytorch.org/docs/stable/generated"
    assert shown["fnn.nn.Conv2d"] == ("torch.nn.Conv2d", f"{stable}/torch.nn.Conv2d.html")
    assert shown["fnn.view"] == ("torch.Tensor.view", f"{stable}/torch.Tensor.view.html")
    assert shown["fnn.optim.Adam"] == ("torch.optim.Adam", f"{stable}/torch.optim.Adam.html")


def test_an_entry_of_the_reference():
    reference = Reference()
    page = CATALOGUE.page["fnn.nn.Conv2d"].partition("#")[0]
    text = reference.pages()[page]
    assert "class fnn.nn.Conv2d(\n    in_channels: int," in text
    assert "- **`in_channels`** (`int`): C." in text and ">>> module" in text


def test_teaching_errors_are_all_shown():
    page = teaching.page()
    found = teaching.teachings()
    assert len(found) > 20 and len({t.anchor for t in found}) == len(found)
    for name in ("scope-tracer-escape", "keys-missing-key", "losses-no-tape", "vmap-write"):
        assert f"{{ #{name} }}" in page


def test_docstrings_become_markdown():
    text = markdown(
        "Adds ``a * b`` to `x`, see `known`.\n\nArgs:\n    x: of shape (*, C),\n        any.\n\n"
        "Example:\n    >>> 1\n    1",
        {"x": "Array"},
        {"known": "page.md#known"}.get,
    )
    assert text.startswith("Adds ``a * b`` to `x`, see [`known`](page.md#known).")
    assert "- **`x`** (`Array`): of shape (\\*, C),\n  any." in text
    assert text.endswith("```pycon\n>>> 1\n1\n```")


@pytest.mark.parametrize(
    ("target", "page", "link"),
    [("a/b.md#x", "a/b.md", "#x"), ("a/b.md#x", "a/c.md", "b.md#x"), ("a/b.md", "c.md", "a/b.md")],
)
def test_links_between_pages(target, page, link):
    assert relative(target, page) == link
