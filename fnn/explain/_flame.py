"""A flame graph: what each place takes, drawn below the place that it is in, as SVG, in a web page, or as a picture."""

from __future__ import annotations

import dataclasses
import html
import os
from collections.abc import Iterator, Mapping

from fnn.errors import ArgumentError
from fnn.explain._names import shared_beginning
from fnn.explain._report import seconds

__all__ = ["Node", "page", "picture", "svg", "tree"]

NEEDS_MATPLOTLIB = 'a flame graph as PNG needs matplotlib: pip install "fnn[examples]"; HTML and SVG need nothing'
_COLOURS = {"forward": "#8ec1f0", "backward": "#f4b183", "optimizer": "#a9d18e", "": "#c9c9c9"}
_WIDTH, _ROW, _LETTER = 1000.0, 20.0, 6.6
_NARROW = 0.5  # what is narrower, in units of the drawing, is left out


@dataclasses.dataclass
class Node:
    """A place: what it takes in all, and the places inside it."""

    name: str
    path: str = ""
    phase: str = ""
    size: float = 0.0
    inner: dict[str, Node] = dataclasses.field(default_factory=dict)

    def add(self, names: list[str], phase: str, size: float) -> None:
        """Counts something for a place below this one, and for all on the way."""
        self.size += size
        if names:
            name, *rest = names
            path = "/".join(part for part in (self.path, name) if part and part != phase)
            self.inner.setdefault(name, Node(name, path, phase)).add(rest, phase, size)

    def boxes(self, left: float = 0.0, depth: int = 0) -> Iterator[tuple[Node, float, int]]:
        """Every place with where it begins and how deep it lies; the widest first."""
        yield self, left, depth
        for node in sorted(self.inner.values(), key=lambda node: -node.size):
            yield from node.boxes(left, depth + 1)
            left += node.size


def tree(name: str, places: Mapping[tuple[str, str], float]) -> Node:
    """The tree of places below a step, its phases first.

    Args:
        name: of the step.
        places: what each path and phase take.
    """
    root = Node(name)
    for (path, phase), size in places.items():
        root.add([phase, *_names(path)], phase, size)
    return root


def _names(path: str) -> list[str]:
    """The names on the way; several places that share an operation are one below what they have in common."""
    paths = [one.split("/") for one in path.split(", ")] if path else []
    if len(paths) < 2:
        return paths[0] if paths else ["(outside of modules)"]
    shared = shared_beginning(*(one[:-1] for one in paths))
    return [*shared, " + ".join("/".join(one[len(shared) :]) for one in paths)]


def _words(node: Node, whole: float) -> str:
    share = node.size / whole if whole else 0.0
    return " · ".join(filter(None, (node.path or node.name, node.phase, seconds(node.size), f"{share:.1%}")))


def _shown(root: Node) -> tuple[list[tuple[Node, float, float, int]], int]:
    """What is wide enough to be seen, with its place from 0 to 1, and the number of rows."""
    whole = root.size or 1.0
    shown = [(node, left / whole, node.size / whole, depth) for node, left, depth in root.boxes()]
    shown = [entry for entry in shown if entry[2] * _WIDTH >= _NARROW]
    return shown, 1 + max((depth for *_, depth in shown), default=0)


def svg(root: Node) -> str:
    """The drawing; pointing at a box shows its path, its phase, its time and its share."""
    shown, rows = _shown(root)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {rows * _ROW:g}" width="100%" role="img" '
        f'font-family="ui-monospace, monospace" font-size="11"><title>{html.escape(root.name)}</title>'
    ]
    for node, left, share, depth in shown:
        x, width, y = left * _WIDTH, share * _WIDTH, depth * _ROW
        letters = int((width - 6) / _LETTER)
        label = node.name if len(node.name) <= letters else node.name[: letters - 1] + "…" if letters > 2 else ""
        parts.append(
            f'<g><title>{html.escape(_words(node, root.size))}</title><rect x="{x:.2f}" y="{y:g}" '
            f'width="{max(width - 0.6, 0.4):.2f}" height="{_ROW - 1:g}" rx="2" fill="{_COLOURS[node.phase]}"/>'
            + (f'<text x="{x + 4:.2f}" y="{y + 13:g}" fill="#1b1b1b">{html.escape(label)}</text>' if label else "")
            + "</g>"
        )
    return "".join([*parts, "</svg>"])


def page(root: Node) -> str:
    """The drawing as a web page of its own, for light and dark screens."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(root.name)}</title><style>:root {{ color-scheme: light dark }} "
        f"body {{ font: 14px system-ui, sans-serif; margin: 1.5rem }}</style>"
        f"<h1>{html.escape(root.name)}: {seconds(root.size)}</h1>{svg(root)}</html>\n"
    )


def picture(root: Node, path: str | os.PathLike[str]) -> None:
    """Writes the drawing as a picture.

    Raises:
        ImportError: matplotlib is not there; the message names the extra.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError as error:
        raise ImportError(NEEDS_MATPLOTLIB) from error
    shown, rows = _shown(root)
    figure = Figure(figsize=(14, 0.6 + 0.3 * rows), dpi=120, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.01, 0.02, 0.98, 0.96 - 0.35 / (0.6 + 0.3 * rows)))
    axes.set(xlim=(0, 1), ylim=(rows, 0), title=f"{root.name}: {seconds(root.size)}")
    axes.axis("off")
    for node, left, share, depth in shown:
        axes.add_patch(Rectangle((left, depth), share, 0.95, facecolor=_COLOURS[node.phase], edgecolor="white", lw=0.5))
        letters = int(share * 155)
        if letters > 2:
            label = node.name if len(node.name) <= letters else node.name[: letters - 1] + "…"
            axes.text(left + 0.003, depth + 0.5, label, va="center", fontsize=8, family="monospace", color="#1b1b1b")
    figure.savefig(path)


def write(root: Node, path: str | os.PathLike[str]) -> None:
    """Writes the drawing in the form that the file's ending says.

    Raises:
        ArgumentError: it is none of .html, .svg and .png.
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending == ".png":
        return picture(root, path)
    if ending not in (".html", ".svg"):
        raise ArgumentError(f"flame_graph: the file must end in .html, .svg or .png, got path={os.fspath(path)!r}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(page(root) if ending == ".html" else svg(root))
