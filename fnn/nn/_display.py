"""How Modules look in a notebook: a tree that folds, and the same for those who use treescope."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, Final

from fnn.state.parameter import is_lazy

if TYPE_CHECKING:
    from fnn.nn._module import Module

_UNFOLDED: Final = 40  # a tree of more modules begins folded


def bundle(module: Module) -> dict[str, str]:
    """What a notebook shows: ``repr``, or in HTML a tree that folds.

    The tree is ``<details>`` without scripts or style sheets, which a notebook that is not trusted drops, and names no
    colour, so that it has those of the reader's theme.  It is not ``_repr_html_``, since treescope would draw a box
    with that beside its own tree.
    """
    unfolded = sum(1 for _ in module.modules()) <= _UNFOLDED
    tree = _tree("", module, unfolded)
    return {
        "text/plain": repr(module),
        "text/html": f'<div style="font-family: monospace; font-size: 13px; line-height: 1.5">{tree}</div>',
    }


def _tree(label: str, module: Module, unfolded: bool) -> str:
    """One module, and below it those in it."""
    extra = "<br>".join(escape(line) for line in module.extra_repr().split("\n"))
    head = f"{escape(label)}<b>{escape(module._get_name())}</b>({extra})"
    if note := _note(module):
        head += f' <span style="opacity: 0.65">{escape(note.strip())}</span>'
    children = [
        f"<li>{escape(f'({name}): None') if child is None else _tree(f'({name}): ', child, unfolded)}</li>"
        for name, child in module._modules.items()
    ]
    if not children:
        return head
    is_open = " open" if unfolded or not label else ""
    below = f'<ul style="list-style: none; margin: 0; padding-left: 2em">{"".join(children)}</ul>'
    return f"<details{is_open}><summary>{head}</summary>{below}</details>"


def rendering(module: Module, path: str | None, subtree_renderer: Callable[..., Any]) -> Any:
    """What treescope asks ``__treescope_repr__`` for: the text of ``repr``, foldable, with the arrays' shapes."""
    from treescope import rendering_parts as parts

    children = []
    for name, child in module._modules.items():
        below = None if path is None else f"{path}.get_submodule({name!r})"
        label = parts.text(f"({name}): ")
        children.append(parts.siblings_with_annotations(label, subtree_renderer(child, path=below)))
    note = parts.comment_color(parts.text(_note(module)))
    lines = [parts.text(line) for line in module.extra_repr().split("\n")] if module.extra_repr() else []
    if not children and len(lines) < 2:
        return parts.siblings_with_annotations(f"{module._get_name()}(", *lines, ")", extra_annotations=[note])
    return parts.build_foldable_tree_node_from_children(
        prefix=parts.text(f"{module._get_name()}("),
        children=[*lines, *children],
        suffix=parts.text(")"),
        path=path,
        first_line_annotation=note,
    )


def _note(module: Module) -> str:
    """``# weight (3, 2), bias (3,): 9 parameters``: the module's own, and the number of all that are in it."""
    boxes = list(module.parameters())
    if not boxes:
        return ""
    lazy = any(map(is_lazy, boxes))
    count = "not initialised" if lazy else f"{sum(math.prod(box.shape) for box in boxes):,} parameters"
    own = [(name, box) for name, box in module._parameters.items() if box is not None]
    shown = ", ".join(name if is_lazy(box) else f"{name} {tuple(box.shape)}" for name, box in own)
    return f"  # {shown}: {count}" if own else f"  # {count}"
