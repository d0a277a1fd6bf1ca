"""Writes the type stubs of the facade's leaf modules: ``fnn/nn/modules/<file>.pyi``.

    python tools/make_stubs.py            # writes them
    python tools/make_stubs.py --check    # fails when one is stale, missing or left over

``class Conv2d(_ConvNd, layer=layers.Conv2d)`` gets its constructor, documentation and ``forward`` from its layer when
it is made, which a type checker cannot see.  A stub says it: the constructor's parameters with the types and defaults
of the layer's fields, the fields, parameters and buffers as attributes, ``__call__`` with the inputs of the layer's
``apply``, and ``forward``, which a subclass may write with other arguments.  What a class or a module writes by hand
is copied, without its body.
"""

import ast
import builtins
import dataclasses
import importlib
import inspect
import math
import re
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # this tree's fnn, whichever is installed

import fnn.typing
from fnn.layers import Layer

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "fnn" / "nn" / "modules"
HEAD = '"""Written by tools/make_stubs.py from {name}.py and its layers; do not edit."""\n'
WIDTH = 120

# What the text of a generated member may use.
ALWAYS = {
    "collections.abc": ("Callable", "Sequence"),
    "typing": ("Any", "Literal"),
    "fnn.state.parameter": ("Buffer", "Parameter"),
}
# The class keywords that say so.
FROM_LAYER = {"layer", "materializes"}
# A switch that leaves parameters out: they are then None.
SWITCHES = ("affine", "elementwise_affine")


class Types:
    """Annotations of layers as source text, and the imports that the text needs."""

    def __init__(self) -> None:
        self.plain: dict[str, None] = {}
        self.names: dict[str, dict[str, None]] = {}

    def text(self, annotation: Any, owner: type, held: bool = False) -> str:
        """``annotation``, of a member of ``owner``, as it is written in a stub."""
        if annotation is inspect.Parameter.empty:
            return "Any"
        text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
        text = re.sub(r"^dataclasses\.InitVar\[(.*)\]$", r"\1", text)
        tree = ast.parse(re.sub(r"\bTupled\b", fnn.typing.Tupled, text), mode="eval").body
        if isinstance(tree, ast.Subscript) and ast.unparse(tree.value) == "Held" and isinstance(tree.slice, ast.Tuple):
            text = ast.unparse(tree.slice.elts[held])  # what may be passed, and what is held
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
                self._import(node.id, owner)
        return text

    def _import(self, name: str, owner: type) -> None:
        """Notes where the module of ``owner`` or of one of its bases has a name from."""
        for cls in owner.__mro__:
            module = sys.modules[cls.__module__]
            for node in ast.parse(inspect.getsource(module)).body if module.__name__.startswith("fnn.") else ():
                if isinstance(node, ast.Import) and any((a.asname or a.name) == name for a in node.names):
                    self.plain[f"import {next(ast.unparse(a) for a in node.names if (a.asname or a.name) == name)}"] = (
                        None
                    )
                    return
                if isinstance(node, ast.ImportFrom) and any((a.asname or a.name) == name for a in node.names):
                    self.names.setdefault(node.module or "", {})[name] = None
                    return


def default_text(value: Any) -> str:
    """A default as source text, ``...`` where it has none."""
    plain = isinstance(value, (bool, int, str, type(None))) or (isinstance(value, float) and math.isfinite(value))
    return repr(value) if plain or (isinstance(value, tuple) and all(map(default_text, value))) else "..."


def signature_text(name: str, parameters: list[str], result: str) -> str:
    """``def name(...) -> result: ...``, a parameter a line if it is long."""
    line = f"    def {name}({', '.join(['self', *parameters])}) -> {result}: ..."
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"    def {name}(", *(f"        {p}," for p in ["self", *parameters]), f"    ) -> {result}: ..."])


def parameters_text(function: Any, skip: tuple[str, ...], owner: type, show: Types) -> list[str]:
    """The parameters of a function with their annotations and defaults."""
    shown, keyword_only = [], False
    for name, parameter in inspect.signature(function).parameters.items():
        if name in skip:
            continue
        text = show.text(parameter.annotation, owner)
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            shown.append("*")
        keyword_only |= parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f" = {default_text(parameter.default)}"
        if default == " = None" and "None" not in text and text != "Any":
            text += " | None"
        shown.append(f"{star}{name}: {text}{default}")
    return shown


def generated(cls: type, layer: type[Layer], by_hand: set[str], show: Types) -> list[str]:
    """The members that a leaf has from its layer."""
    annotations = {field.name: field.type for field in dataclasses.fields(layer)}
    fields = list(annotations)
    boxes = {name: _parameter_type(name, fields) for name in layer.PARAMS}
    boxes |= {name: "Buffer | None" for name in layer.STATE}
    shown = [name for name in fields if name not in {*boxes, *by_hand}]
    out = [f"    {name}: {show.text(annotations[name], layer, held=True)}" for name in shown]
    for name, value in inspect.getmembers_static(layer):
        if isinstance(value, property) and value.fget and not name.startswith("_") and name not in by_hand:
            result = inspect.signature(value.fget).return_annotation
            out.append(f"    {name}: {show.text(result, layer)}")
    out += [f"    {name}: {kind}" for name, kind in boxes.items() if name not in by_hand]
    if "__init__" not in by_hand:
        out.append(signature_text("__init__", parameters_text(cls.__init__, ("self",), layer, show), "None"))
    if "forward" not in by_hand:
        inputs = parameters_text(layer.apply, ("self", "params", "state", "training", "key"), layer, show)
        output = _output(show.text(inspect.signature(layer.apply).return_annotation, layer))
        # A subclass may give forward other names and narrower types; what is called is typed.
        out.append(f"    def forward(self, *args: Any, **kwargs: Any) -> {output}: ...")
        out.append(signature_text("__call__", inputs, output))
    return out


def _output(annotation: str) -> str:
    """The first of ``tuple[output, State]``."""
    pair = ast.parse(annotation, mode="eval").body
    return (
        ast.unparse(pair.slice.elts[0])
        if isinstance(pair, ast.Subscript) and isinstance(pair.slice, ast.Tuple)
        else "Any"
    )


def _parameter_type(name: str, fields: list[str]) -> str:
    return "Parameter | None" if {name, *SWITCHES}.intersection(fields) else "Parameter"


def copied(node: ast.ClassDef) -> tuple[list[str], set[str]]:
    """The stubs of the members of a class body, and their names; attributes set on ``self`` included."""
    out, names = [], set()
    for item in node.body:
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(item.name)
            out.append(textwrap.indent(function_text(item), "    "))
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            names.add(item.target.id)
            out.append(f"    {item.target.id}: {ast.unparse(item.annotation)}")
        elif isinstance(item, ast.Assign):
            for target in item.targets:
                if isinstance(target, ast.Name):
                    names.add(target.id)
                    alias = isinstance(item.value, ast.Name) and item.value.id in names
                    out.append(f"    {target.id} = {item.value.id}" if alias else f"    {target.id}: Any")
    for item in ast.walk(node):
        target = item.target if isinstance(item, ast.AnnAssign) else None
        for found in [target] if target else item.targets if isinstance(item, ast.Assign) else []:
            if isinstance(found, ast.Attribute) and isinstance(found.value, ast.Name) and found.value.id == "self":
                if found.attr not in names:
                    names.add(found.attr)
                    out.append(f"    {found.attr}: {ast.unparse(item.annotation) if target else 'Any'}")
    return out, names


def function_text(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A function without its body, with its docstring."""
    documentation = ast.get_docstring(node, clean=False)
    body: list[ast.stmt] = [ast.Expr(ast.Constant(...))]
    if documentation is not None:
        body.insert(0, ast.Expr(ast.Constant(documentation)))
    return ast.unparse(ast.fix_missing_locations(type(node)(**{**dict(ast.iter_fields(node)), "body": body})))


def class_text(node: ast.ClassDef, module: types.ModuleType, show: Types) -> str:
    """The stub of a class."""
    cls = getattr(module, node.name)
    members, by_hand = copied(node)
    if {keyword.arg for keyword in node.keywords} & FROM_LAYER:
        members = [*generated(cls, cls._layer_class, by_hand, show), *members]
    bases = ", ".join(map(ast.unparse, node.bases))
    lines = [f"class {node.name}({bases}):" if bases else f"class {node.name}:"]
    if documentation := cls.__doc__ if "__doc__" in cls.__dict__ else None:
        text = inspect.cleandoc(documentation).replace("\\", "\\\\").replace('"""', r"\"\"\"")
        end = "\n" if "\n" in text else ""
        lines.append(textwrap.indent(f'"""{text}{end}"""', "    "))
    return "\n".join([*lines, *(members or ["    ..."])])


def imports_text(tree: ast.Module, body: str, show: Types) -> list[str]:
    """The imports of the module and of the generated text that the stub's body uses."""
    parsed = ast.parse(body)
    used = {node.id for node in ast.walk(parsed) if isinstance(node, ast.Name)}
    for node in parsed.body:  # what is imported to be handed on
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            used |= set(ast.literal_eval(node.value))
    names: dict[str, dict[str, None]] = {module: dict.fromkeys(names) for module, names in ALWAYS.items()}
    for module, more in show.names.items():
        names.setdefault(module, {}).update(more)
    plain = dict(sorted(show.plain.items()))
    for node in tree.body:
        if isinstance(node, ast.Import):
            plain |= dict.fromkeys(f"import {ast.unparse(alias)}" for alias in node.names if alias.name in used)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            shown = names.setdefault(node.module, {})
            shown |= {ast.unparse(alias): None for alias in node.names if (alias.asname or alias.name) in used}
    froms = {module: [n for n in shown if n.split()[-1] in used] for module, shown in names.items()}
    return [*plain, *(f"from {module} import {', '.join(sorted(shown))}" for module, shown in froms.items() if shown)]


def stub(path: Path) -> str | None:
    """The text of the stub beside a module; None if none of its classes needs one."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    if not any(keyword.arg in FROM_LAYER for node in classes for keyword in node.keywords):
        return None
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    show, parts = Types(), []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            parts.append(class_text(node, module, show))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            parts.append(function_text(node))
        elif isinstance(node, ast.AnnAssign):
            parts.append(f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}")
        elif isinstance(node, ast.Assign):
            parts.append(ast.unparse(node))
    body = "\n\n".join(parts)
    return "\n".join([HEAD.format(name=path.stem), *imports_text(tree, body, show), "", body, ""])


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    stale = 0
    for path in sorted(MODULES.glob("*.py")):
        text, target = stub(path), path.with_suffix(".pyi")
        if (target.read_text(encoding="utf-8") if target.exists() else None) == text:
            continue
        stale += 1
        where = target.relative_to(ROOT)
        if check:
            print(f"{where} is {'left over' if text is None else 'stale'}: run python tools/make_stubs.py")
        elif text is None:
            target.unlink()
            print(f"removed {where}")
        else:
            target.write_text(text, encoding="utf-8")
            print(f"wrote {where}")
    if check and not stale:
        print("every stub is fresh")
    return bool(check and stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
