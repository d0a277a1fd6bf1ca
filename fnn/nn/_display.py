"""How a Module looks in a notebook, drawn by treescope where that is installed."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def _note(module: Module) -> str:
    """``# weight (3, 2), bias (3,): 9 parameters``, or for a composite the number alone."""
    boxes = [(name, box) for name, box in module.named_parameters(recurse=not _is_leaf(module))]
    if not boxes:
        return ""
    shapes = [_shape(box) for _, box in boxes]
    known = [shape for shape in shapes if shape is not None]
    count = f"{sum(map(math.prod, known)):,} parameters" if len(known) == len(shapes) else "not initialised"
    if not _is_leaf(module):
        return f"  # {count}"
    arrays = [name if shape is None else f"{name} {shape}" for (name, _), shape in zip(boxes, shapes, strict=True)]
    return f"  # {', '.join(arrays)}: {count}"


def _is_leaf(module: Module) -> bool:
    return not any(child is not None for child in module._modules.values())


def _shape(box: Any) -> tuple[int, ...] | None:
    from fnn.nn._parameter import is_lazy

    return None if is_lazy(box) else tuple(box.shape)
