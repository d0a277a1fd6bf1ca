"""How Modules and boxes look in a notebook, drawn by treescope where that is installed."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fnn.nn._parameter import is_lazy

if TYPE_CHECKING:
    from fnn.nn._box import Box
    from fnn.nn._module import Module


def bundle(module: Module) -> dict[str, str]:
    """What a notebook shows: ``repr``, and with treescope a foldable tree.

    It is not ``_repr_html_``, since treescope would draw a box with that beside its own tree.
    """
    shown = {"text/plain": repr(module)}
    if find_spec("treescope") is not None:
        import treescope

        shown["text/html"] = treescope.render_to_html(module)
    return shown


def rendering(module: Module, path: str | None, subtree_renderer: Any) -> Any:
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


def box_rendering(box: Box, path: str | None, subtree_renderer: Any) -> Any:
    """A Parameter or Buffer: its array, drawn by treescope, and what else there is to know."""
    from treescope import repr_lib

    attributes: dict[str, Any] = {} if is_lazy(box) else {"data": box.data}
    attributes |= {name: getattr(box, name) for name in ("requires_grad", "persistent") if hasattr(type(box), name)}
    return repr_lib.render_object_constructor(type(box), attributes, path, subtree_renderer)


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
