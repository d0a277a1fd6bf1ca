"""Imports, functions and classes of the script."""

from __future__ import annotations

import libcst as cst

from fnn.port._invocations import Invocations
from fnn.port._kinds import ARRAY, NONE, NUMBER, TEXT, Kind, join, list_of, torch_name, tuple_of
from fnn.port._scopes import Class, Function, Scopes, dotted, is_static
from fnn.port._torch import DTYPES, TENSOR_CLASSES, result, root_of

__all__ = ["Definitions"]


_NUMBER_TYPES = frozenset(("int", "float", "bool"))


class Definitions(Invocations):
    """Statements that define: a function is gone through with what its callers pass."""

    def _import(self, node: cst.Import) -> None:
        for alias in node.names:
            name = dotted(alias.name) or ""
            root = name.partition(".")[0]
            whole = name if alias.asname is not None else root
            other = self.others(whole)
            if other is not None:
                self._take(other)
            kind = _imported(whole) if other is None else Kind("file", whole)
            if alias.asname is None:
                self._bind(root, kind)
            elif isinstance(alias.asname.name, cst.Name):
                self._bind(alias.asname.name.value, kind)

    def _import_from(self, node: cst.ImportFrom) -> None:
        module = dotted(node.module) or "" if node.module is not None else ""
        if len(node.relative) > 1:
            return
        other = self.others(module) if module else None
        if other is not None:
            self._take(other)
        if isinstance(node.names, cst.ImportStar):
            if other is not None:
                self._envs[-1].update({n: k for n, k in other.globals.items() if n[:1] != "_"})
            return
        for alias in node.names:
            bound = alias.asname.name if alias.asname is not None else alias.name
            if not isinstance(bound, cst.Name):
                continue
            name = dotted(alias.name) or ""
            if other is not None:
                self._bind(bound.value, other.globals.get(name))
            elif (whole := self.others(f"{module}.{name}".lstrip("."))) is not None:
                self._take(whole)
                self._bind(bound.value, Kind("file", f"{module}.{name}".lstrip(".")))
            elif not node.relative:
                self._bind(bound.value, _imported(f"{module}.{name}"))

    def _take(self, other: Scopes) -> None:
        """Takes over what is known of another file's nodes, functions and classes."""
        if id(other) in self._from:
            return
        self._from[id(other)] = other
        self.kinds.update(other.kinds)
        self.functions.update(other.functions)
        self.asked_elsewhere |= other.asked_elsewhere
        for name, owner in other.classes.items():
            if name not in self.own_classes:
                self.classes.setdefault(name, owner)

    def _annotation(self, node: cst.Annotation | None) -> Kind | None:
        if node is None:
            return None
        kind = self._eval(node.annotation)
        if kind is not None and kind.tag in ("torch", "tensor class"):
            if kind.tag == "tensor class" or kind.name in TENSOR_CLASSES:
                return ARRAY
            return result(kind.name, 0, frozenset())
        name = dotted(node.annotation) or ""
        if name in _NUMBER_TYPES:
            return NUMBER
        if name == "str":
            return TEXT
        if name in self.classes:
            return self._made(self.classes[name])
        if isinstance(node.annotation, cst.Subscript):
            inner = [
                self._annotation(cst.Annotation(item.slice.value))
                for item in node.annotation.slice
                if isinstance(item.slice, cst.Index)
            ]
            outer = (dotted(node.annotation.value) or "").rpartition(".")[2].lower()
            if outer == "optional" and inner:
                return inner[0]
            if outer in ("list", "sequence", "iterable", "iterator") and inner:
                return list_of(inner[0])
            if outer == "tuple":
                return tuple_of(*inner)
            if outer == "dict" and len(inner) == 2:
                return Kind("dict", "", (inner[1],))
        return None

    def _define(self, node: cst.FunctionDef) -> None:
        for decorator in node.decorators:
            self._eval(decorator.decorator)
        if id(node) not in self.functions:
            owner = f"{self._class.name}." if self._class is not None else ""
            given = self.seeds.get(f"{owner}{node.name.value}", {})
            self.functions[id(node)] = Function(node, given=dict(given))
        function = self.functions[id(node)]
        function.owner = self._class
        if self._class is not None:
            self._class.methods[node.name.value] = function
            if not self._class.operation:
                self.own_methods.add(node.name.value)
        else:
            self._bind(node.name.value, Kind("function", str(id(node))))
        function.outer = list(self._envs)
        self._run(function)

    def _run(self, function: Function) -> None:
        node = function.node
        params = node.params
        env: dict[str, Kind | None] = {}
        first = True
        owner = function.owner
        name = node.name.value if isinstance(node, cst.FunctionDef) else ""
        every = [*params.posonly_params, *params.params, *params.kwonly_params]
        for param in every:
            kind = self._annotation(param.annotation)
            default = self._eval(param.default) if param.default is not None else None
            if first and owner is not None and isinstance(node, cst.FunctionDef) and not is_static(node):
                kind = self._made(owner)
            else:
                kind = kind or function.given.get(param.name.value)
                if kind is None and owner is not None and owner.module and name == "forward":
                    kind = ARRAY if default is None or default == NONE else default
                if kind is None and owner is not None and owner.operation and name in ("forward", "backward"):
                    kind = Kind("context") if first else ARRAY
                kind = kind or (default if default != NONE else None)
            env[param.name.value] = kind
            first = False
        for star, made in ((params.star_arg, list_of), (params.star_kwarg, None)):
            if isinstance(star, cst.Param):
                held = ARRAY if owner is not None and owner.module and name == "forward" else None
                env[star.name.value] = made(held) if made else Kind("dict", str(id(node)), (None,))
        saved = self._envs, self._class, self._function
        self._envs, self._class, self._function = [*function.outer, env], None, function
        if isinstance(node, cst.Lambda):
            function.returns = self._eval(node.body)
        else:
            function.returns = self._annotation(node.returns)
            for statement in _globals_of(node):
                env.pop(statement, None)
            self._statement(node.body)
            for statement in _globals_of(node):  # what a function assigns to globals
                if statement in env:
                    self.globals[statement] = join(self.globals.get(statement), env[statement])
        self._envs, self._class, self._function = saved

    def _define_class(self, node: cst.ClassDef) -> None:
        bases: list[Kind | str] = []
        for argument in node.bases:
            kind = self._eval(argument.value)
            bases.append(kind if kind is not None else dotted(argument.value) or "")
        found = self.classes.setdefault(node.name.value, Class(node.name.value, bases))
        found.bases = bases
        for base in bases:
            if isinstance(base, Kind):
                if base.tag == "torch" and base.name.startswith(("torch.nn.", "torchvision.models.")):
                    found.module = True
                if base.tag == "torch" and ("Dataset" in base.name or base.name.startswith("torchvision.datasets")):
                    found.dataset = True
                if base.tag == "torch" and base.name in ("torch.autograd.Function", "torch.autograd.function.Function"):
                    found.operation = True
                if base.tag == "torch" and (kind := result(base.name, 0, frozenset())) is not None:
                    found.optimizer |= kind.tag == "optimizer"
                if base.tag == "class" and base.name in self.classes:
                    parent = self.classes[base.name]
                    found.optimizer |= parent.optimizer
                    found.module |= parent.module
                    found.operation |= parent.operation
                    for name, kind in parent.attributes.items():
                        found.attributes.setdefault(name, kind)
                    for name, function in parent.methods.items():
                        found.methods.setdefault(name, function)
        self._bind(node.name.value, Kind("class", node.name.value))
        for decorator in node.decorators:
            self._eval(decorator.decorator)
        saved = self._class
        self._class = found
        self._envs.append({})
        self._block(node.body.body)
        for name, kind in self._envs.pop().items():
            found.attributes[name] = join(found.attributes.get(name), kind)
        self._class = saved


def _globals_of(node: cst.FunctionDef) -> list[str]:
    found: list[str] = []
    for statement in node.body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                if isinstance(small, cst.Global):
                    found += [item.name.value for item in small.names]
    return found


def _imported(name: str) -> Kind | None:
    root, _, rest = name.partition(".")
    if root_of(name) is not None:
        if name in TENSOR_CLASSES:
            return Kind("tensor class", name)
        if root == "torch" and rest in DTYPES:
            return Kind("dtype", name)
        return torch_name(name)
    if root == "numpy":
        return Kind("numpy module", name)
    if root == "einops":
        return Kind("einops", name)
    if root in ("math", "random"):
        return Kind("number module", name)
    return None
