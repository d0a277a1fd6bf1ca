"""The kinds of a script's expressions, by following its statements in order.

Functions are gone through with what their callers in the same file pass, methods of Modules with tensors for
`forward`; a few rounds, until returns and attributes of ``self`` are known where they are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import libcst as cst

from fnn.port._calls import DUCKS, builtin_result
from fnn.port._kinds import (
    ARRAY,
    BATCH,
    BOX,
    DEVICE,
    DTYPE,
    MASK,
    NONE,
    NUMBER,
    NUMPY,
    OTHER,
    ROW,
    SHAPE,
    TEXT,
    Kind,
    element,
    is_array,
    join,
    list_of,
    part,
    torch_name,
    tuple_of,
)
from fnn.port._torch import DTYPES, TENSOR_CLASSES, method_result, module_result, result, root_of

__all__ = ["Class", "Inference", "dotted"]

_ROUNDS = 4
_DEVICE_WORDS = frozenset(("cpu", "cuda", "mps"))
_SELF = frozenset("to cuda cpu train eval half float double apply requires_grad_ share_memory".split())
_NUMBER_TYPES = frozenset(("int", "float", "bool"))


def dotted(node: cst.BaseExpression | None) -> str | None:
    """``a.b.c`` as a string."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr.value}"
    return None


@dataclass
class Function:
    """A function of the script: what its parameters get and what it gives."""

    node: cst.FunctionDef | cst.Lambda
    owner: Class | None = None
    given: dict[str, Kind | None] = field(default_factory=dict)
    returns: Kind | None = None
    outer: list[dict[str, Kind | None]] = field(default_factory=list)


@dataclass
class Class:
    """A class of the script."""

    name: str
    bases: list[Kind | str]
    attributes: dict[str, Kind | None] = field(default_factory=dict)
    methods: dict[str, Function] = field(default_factory=dict)
    module: bool = False
    dataset: bool = False
    operation: bool = False  # derived from autograd.Function


class Inference:
    """The kinds of a module's expressions, by the identity of their nodes."""

    def __init__(self, module: cst.Module) -> None:
        self.kinds: dict[int, Kind | None] = {}
        self.guessed: set[int] = set()  # calls whose receiver only a method's name makes a tensor
        self.functions: dict[int, Function] = {}
        self.classes: dict[str, Class] = {}
        self.globals: dict[str, Kind | None] = {}
        self.own_methods: set[str] = set()
        self._envs: list[dict[str, Kind | None]] = [self.globals]
        self._class: Class | None = None
        self._function: Function | None = None
        for _ in range(_ROUNDS):
            self._envs = [self.globals]
            self.guessed.clear()
            self._block(module.body)

    def of(self, node: cst.CSTNode | None) -> Kind | None:
        """What is known of an expression."""
        return self.kinds.get(id(node))

    def is_backward(self, node: cst.Call) -> bool:
        """Whether a call is a tensor's ``backward``."""
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "backward":
            return False
        kind = self.of(node.func.value)
        return is_array(kind) or (kind is None and "backward" not in self.own_methods)

    # names

    def _look(self, name: str) -> Kind | None:
        for env in reversed(self._envs):
            if name in env:
                return env[name]
        return None

    def _bind(self, name: str, kind: Kind | None) -> None:
        self._envs[-1][name] = kind

    def _assign(self, target: cst.BaseExpression, kind: Kind | None) -> None:
        self.kinds[id(target)] = kind
        match target:
            case cst.Name():
                self._bind(target.value, kind)
            case cst.Tuple() | cst.List():
                for i, item in enumerate(target.elements):
                    if isinstance(item, cst.StarredElement):
                        self._assign(item.value, list_of(element(kind)))
                    else:
                        self._assign(item.value, part(kind, i))
            case cst.Attribute():
                base = self._eval(target.value)
                if base is not None and base.tag in ("module", "instance") and base.name in self.classes:
                    owner = self.classes[base.name]
                    name = target.attr.value
                    owner.attributes[name] = join(owner.attributes.get(name), kind)
            case cst.Subscript():
                self._eval(target)
                base = self.of(target.value)
                if isinstance(target.value, cst.Name) and base is not None and base.tag in ("list", "dict"):
                    self._bind(target.value.value, Kind(base.tag, "", (join(element(base), kind),)))
            case _:
                self._eval(target)

    # statements

    def _block(self, body: Sequence[cst.CSTNode]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: cst.CSTNode) -> None:
        match node:
            case cst.SimpleStatementLine() | cst.SimpleStatementSuite() | cst.IndentedBlock():
                self._block(node.body)
            case cst.Import():
                self._import(node)
            case cst.ImportFrom():
                self._import_from(node)
            case cst.Assign():
                kind = self._eval(node.value)
                for target in node.targets:
                    self._assign(target.target, kind)
            case cst.AnnAssign():
                kind = self._annotation(node.annotation)
                if node.value is not None:
                    kind = self._eval(node.value) or kind
                self._assign(node.target, kind)
            case cst.AugAssign():
                before, kind = self._eval(node.target), self._eval(node.value)
                if not (before is not None and before.tag in ("box", "list", "numpy")):
                    kind = before if before is not None and is_array(before) else join(before, kind)
                    if isinstance(node.target, cst.Name):
                        self._bind(node.target.value, kind)
            case cst.Expr():
                self._eval(node.value)
                self._appended(node.value)
                self._required(node.value)
            case cst.Return():
                kind = self._eval(node.value) if node.value is not None else NONE
                if self._function is not None:
                    self._function.returns = join(self._function.returns, kind)
            case cst.For():
                self._assign(node.target, element(self._eval(node.iter)))
                self._loop(node.body)
                if node.orelse is not None:
                    self._statement(node.orelse.body)
            case cst.While():
                self._eval(node.test)
                self._loop(node.body)
            case cst.If():
                self._eval(node.test)
                before = dict(self._envs[-1])
                narrowed = self._narrowed(node.test)
                if narrowed is not None:
                    self._bind(narrowed, ARRAY)
                self._statement(node.body)
                after = dict(self._envs[-1])
                if node.orelse is not None:
                    self._envs[-1].clear()
                    self._envs[-1].update(before)
                    self._statement(node.orelse)
                    for name, kind in after.items():
                        self._bind(name, join(kind, self._envs[-1].get(name)))
                else:
                    for name, kind in before.items():
                        self._bind(name, join(after.get(name), kind))
            case cst.Else() | cst.Finally():
                self._statement(node.body)
            case cst.With():
                for item in node.items:
                    kind = self._eval(item.item)
                    if item.asname is not None:
                        self._assign(item.asname.name, kind)
                self._statement(node.body)
            case cst.Try() | cst.TryStar():
                self._statement(node.body)
                for handler in node.handlers:
                    if handler.type is not None:
                        self._eval(handler.type)
                    self._statement(handler.body)
                for rest in (node.orelse, node.finalbody):
                    if rest is not None:
                        self._statement(rest)
            case cst.FunctionDef():
                self._define(node)
            case cst.ClassDef():
                self._define_class(node)
            case cst.Match():
                self._eval(node.subject)
                for case in node.cases:
                    self._statement(case.body)
            case _:
                self._children(node)

    def _narrowed(self, test: cst.BaseExpression) -> str | None:
        """The variable that ``isinstance(x, torch.Tensor)`` shows to be one."""
        match test:
            case cst.Call(func=cst.Name(value="isinstance"), args=[cst.Arg(value=cst.Name() as name), argument]):
                kind = self.of(argument.value)
                if kind is not None and kind.tag == "tensor class":
                    return name.value
            case cst.Call(func=function, args=[cst.Arg(value=cst.Name() as name)]):
                if self.of(function) == torch_name("torch.is_tensor"):
                    return name.value
        return None

    def _loop(self, body: cst.CSTNode) -> None:
        self._statement(body)
        self._statement(body)  # what the first turn has bound

    def _appended(self, node: cst.BaseExpression) -> None:
        """``xs.append(x)``: what the list holds."""
        match node:
            case cst.Call(func=cst.Attribute(value=target, attr=cst.Name(value="append" | "add")), args=[argument]):
                kind = self.of(target)
                if kind is not None and kind.tag == "list":
                    held = list_of(join(kind.of[0], self.of(argument.value)))
                    if isinstance(target, cst.Name):
                        for env in reversed(self._envs):
                            if target.value in env:
                                env[target.value] = held
                                break
                    elif isinstance(target, cst.Attribute):
                        self._assign(target, held)

    def _required(self, node: cst.BaseExpression) -> None:
        """``x.requires_grad_()``: the array is a Parameter from here on."""
        match node:
            case cst.Call(func=cst.Attribute(value=cst.Name() as target, attr=cst.Name(value="requires_grad_"))):
                if (kind := self.of(target)) is not None and kind.tag == "array":
                    self._bind(target.value, BOX)

    def _children(self, node: cst.CSTNode) -> None:
        for child in node.children:
            if isinstance(child, cst.BaseExpression):
                self._eval(child)
            elif not isinstance(child, cst.BaseParenthesizableWhitespace):
                self._statement(child)

    # imports

    def _import(self, node: cst.Import) -> None:
        for alias in node.names:
            name = dotted(alias.name) or ""
            if alias.asname is not None:
                if isinstance(alias.asname.name, cst.Name):
                    self._bind(alias.asname.name.value, _imported(name))
            else:
                root = name.partition(".")[0]
                self._bind(root, _imported(root))

    def _import_from(self, node: cst.ImportFrom) -> None:
        if isinstance(node.names, cst.ImportStar) or node.module is None or node.relative:
            return
        module = dotted(node.module) or ""
        for alias in node.names:
            bound = alias.asname.name if alias.asname is not None else alias.name
            if isinstance(bound, cst.Name):
                self._bind(bound.value, _imported(f"{module}.{dotted(alias.name)}"))

    # functions and classes

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
        function = self.functions.setdefault(id(node), Function(node))
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
            if first and owner is not None and isinstance(node, cst.FunctionDef) and not _static(node):
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
                env[star.name.value] = made(held) if made else Kind("dict", "", (None,))
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
                if base.tag == "class" and base.name in self.classes:
                    parent = self.classes[base.name]
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

    def _made(self, owner: Class) -> Kind:
        return Kind("module" if owner.module else "instance", owner.name)

    # expressions

    def _eval(self, node: cst.BaseExpression | cst.BaseSlice | None) -> Kind | None:
        if node is None:
            return None
        kind = self._evaluated(node)
        self.kinds[id(node)] = kind
        return kind

    def _evaluated(self, node: cst.CSTNode) -> Kind | None:
        match node:
            case cst.Name():
                if node.value == "None":
                    return NONE
                if node.value in ("True", "False"):
                    return NUMBER
                return self._look(node.value)
            case cst.Integer() | cst.Float() | cst.Imaginary():
                return NUMBER
            case cst.SimpleString() | cst.ConcatenatedString():
                text = node.evaluated_value
                return DEVICE if isinstance(text, str) and text.partition(":")[0] in _DEVICE_WORDS else TEXT
            case cst.FormattedString():
                self._children(node)
                return TEXT
            case cst.Attribute():
                return self._attribute(node)
            case cst.Call():
                return self._call(node)
            case cst.Subscript():
                return self._subscript(node)
            case cst.BinaryOperation():
                return self._binary(self._eval(node.left), self._eval(node.right), node.operator)
            case cst.UnaryOperation():
                kind = self._eval(node.expression)
                if isinstance(node.operator, cst.Not):
                    return NUMBER
                masked = kind == MASK and isinstance(node.operator, cst.BitInvert)
                return kind if masked or not is_array(kind) else ARRAY
            case cst.Comparison():
                kinds = [self._eval(node.left)]
                plain = False
                for target in node.comparisons:
                    kinds.append(self._eval(target.comparator))
                    plain |= isinstance(target.operator, cst.Is | cst.IsNot | cst.In | cst.NotIn)
                if plain:
                    return NUMBER
                return MASK if any(map(is_array, kinds)) else NUMPY if NUMPY in kinds else NUMBER
            case cst.BooleanOperation():
                return join(self._eval(node.left), self._eval(node.right))
            case cst.IfExp():
                self._eval(node.test)
                return join(self._eval(node.body), self._eval(node.orelse))
            case cst.Tuple():
                return tuple_of(*(self._eval(item.value) for item in node.elements))
            case cst.List() | cst.Set():
                held = None
                for item in node.elements:
                    kind = self._eval(item.value)
                    held = join(held, element(kind) if isinstance(item, cst.StarredElement) else kind)
                return list_of(held)
            case cst.Dict():
                held = None
                for entry in node.elements:
                    if isinstance(entry, cst.DictElement):
                        self._eval(entry.key)
                    held = join(held, self._eval(entry.value))
                return Kind("dict", "", (held,))
            case cst.ListComp() | cst.SetComp() | cst.GeneratorExp():
                self._comprehension(node.for_in)
                return list_of(self._eval(node.elt))
            case cst.DictComp():
                self._comprehension(node.for_in)
                self._eval(node.key)
                return Kind("dict", "", (self._eval(node.value),))
            case cst.Lambda():
                function = self.functions.setdefault(id(node), Function(node))
                function.outer = list(self._envs)
                self._run(function)
                return Kind("function", str(id(node)))
            case cst.NamedExpr():
                kind = self._eval(node.value)
                self._assign(node.target, kind)
                return kind
            case cst.Index():
                return self._eval(node.value)
            case _:
                self._children(node)
                return None

    def _comprehension(self, node: cst.CompFor) -> None:
        self._assign(node.target, element(self._eval(node.iter)))
        for test in node.ifs:
            self._eval(test.test)
        if node.inner_for_in is not None:
            self._comprehension(node.inner_for_in)

    def _binary(self, a: Kind | None, b: Kind | None, operator: cst.BaseBinaryOp) -> Kind | None:
        if is_array(a) or is_array(b):
            logical = isinstance(operator, cst.BitAnd | cst.BitOr | cst.BitXor)
            return MASK if logical and a == b == MASK else ROW if ROW in (a, b) else ARRAY
        tags = [k.tag for k in (a, b) if k is not None]
        for tag in ("text", "list", "tuple", "numpy"):
            if tag in tags:
                return a if a is not None and a.tag == tag else b
        if tags == ["shape", "shape"] or (tags == ["shape"] and isinstance(operator, cst.Add)):
            return SHAPE
        return NUMBER if tags == ["number", "number"] else None

    def _attribute(self, node: cst.Attribute) -> Kind | None:
        base, name = self._eval(node.value), node.attr.value
        if base is None:
            if name == "grad":
                return ARRAY
            return BOX if name in ("weight", "bias") else None
        match base.tag:
            case "torch":
                full = f"{base.name}.{name}"
                parent = base.name
                if parent == "torch" and name in DTYPES:
                    return Kind("dtype", full)
                if full in TENSOR_CLASSES:
                    return Kind("tensor class", full)
                return torch_name(full)
            case "numpy module":
                return Kind("numpy module", name)
            case "einops":
                return Kind("einops", f"{base.name}.{name}")
            case "context":  # of an autograd.Function
                return list_of(ARRAY) if name in ("saved_tensors", "saved_variables") else None
            case "class":
                owner = self.classes[base.name]
                if name == "apply" and owner.operation:
                    return Kind("operation", base.name)
                if name in owner.methods:
                    return Kind("function", str(id(owner.methods[name].node)))
                return owner.attributes.get(name)
            case "array" | "box" | "batch":
                if name in ("shape",):
                    return SHAPE
                if name in ("ndim", "itemsize", "nbytes", "is_cuda", "requires_grad", "is_leaf"):
                    return NUMBER
                if name == "dtype":
                    return DTYPE
                if name == "device":
                    return DEVICE
                if name in ("data", "grad", "T", "mT", "H", "real", "imag", "at", "values", "indices"):
                    return ARRAY
                return Kind("method", name)
            case "module" | "instance":
                owner = self.classes.get(base.name)
                if owner is not None:
                    if name in owner.attributes:
                        return owner.attributes[name]
                    if name in owner.methods:
                        function = owner.methods[name]
                        return Kind("function", str(id(function.node)))
                if base.tag == "module" and name in ("weight", "bias", "running_mean", "running_var"):
                    return BOX
                return None
            case "numpy":
                return SHAPE if name == "shape" else NUMPY if name == "T" else None
            case "tuple":  # a named tuple of torch's
                return ARRAY if name in ("values", "indices") else None
        return None

    def _subscript(self, node: cst.Subscript) -> Kind | None:
        base = self._eval(node.value)
        index: int | None = None
        sliced = False
        for item in node.slice:
            if isinstance(item.slice, cst.Slice):
                sliced = True
                for end in (item.slice.lower, item.slice.upper, item.slice.step):
                    self._eval(end)
            elif isinstance(item.slice, cst.Index):
                self._eval(item.slice)
                value = item.slice.value
                if isinstance(value, cst.Integer):
                    index = value.evaluated_value
                elif isinstance(value, cst.UnaryOperation) and isinstance(value.expression, cst.Integer):
                    index = -value.expression.evaluated_value
        if is_array(base):
            return ARRAY
        if base is not None and base.tag in ("numpy", "module", "text"):
            return base
        if base is not None and sliced and base.tag in ("shape", "list"):
            return base
        if base is not None and sliced and base.tag == "tuple":
            return list_of(element(base))
        return part(base, index)

    # calls

    def _call(self, node: cst.Call) -> Kind | None:
        func = node.func
        base: Kind | None = None
        kind: Kind | None = None
        if isinstance(func, cst.Attribute):
            kind = self._eval(func)
            base = self.of(func.value)
        else:
            kind = self._eval(func)
        args = [self._eval(a.value) for a in node.args]
        keywords = frozenset(a.keyword.value for a in node.args if a.keyword is not None)
        count = sum(a.keyword is None for a in node.args)
        if isinstance(func, cst.Attribute):
            found = self._method(node, func.attr.value, base, kind, args, keywords, count)
            if found is not None:
                return found
        if kind is None:
            return builtin_result(dotted(func), args) if isinstance(func, cst.Name) else None
        match kind.tag:
            case "torch":
                if kind.name == "torch.autograd.Variable":
                    return BOX if _true(node, "requires_grad") else (args or [ARRAY])[0] or ARRAY
                if kind.name == "torch.compile":
                    return (args or [None])[0]
                if kind.name in ("torch.nn.DataParallel", "torch.nn.parallel.DistributedDataParallel"):
                    return (args or [None])[0] or Kind("module")
                if "requires_grad" in keywords and not _true(node, "requires_grad"):
                    keywords -= {"requires_grad"}
                if _dtype_of(node, self) == "torch.bool" and kind.name.startswith("torch."):
                    return MASK
                if kind.name == "torch.utils.data.random_split":
                    return list_of(OTHER)
                return result(kind.name, count, keywords)
            case "tensor class":
                return ARRAY
            case "numpy module":
                return NUMPY
            case "einops":
                return result(kind.name, count, keywords)
            case "class":
                owner = self.classes[kind.name]
                if "__init__" in owner.methods:
                    self._pass(owner.methods["__init__"], node, args, bound=True)
                return self._made(owner)
            case "module":
                return self._module_call(kind, node, args)
            case "instance":
                owner = self.classes[kind.name]
                if "__call__" in owner.methods:
                    function = owner.methods["__call__"]
                    self._pass(function, node, args, bound=True)
                    return function.returns
            case "operation":
                function = self.classes[kind.name].methods.get("forward")
                if function is None:
                    return ARRAY
                self._pass(function, node, args, bound=True)
                return function.returns or ARRAY
            case "function":
                function = self.functions[int(kind.name)]
                static = isinstance(function.node, cst.FunctionDef) and _static(function.node)
                self._pass(function, node, args, bound=function.owner is not None and not static)
                return function.returns
        return None

    def _module_call(self, kind: Kind, node: cst.Call, args: list[Kind | None]) -> Kind | None:
        owner = self.classes.get(kind.name)
        if owner is None:
            return module_result(kind.name)
        function = owner.methods.get("forward")
        if function is None:
            return ARRAY
        self._pass(function, node, args, bound=True)
        return function.returns or ARRAY

    def _method(
        self,
        node: cst.Call,
        name: str,
        base: Kind | None,
        kind: Kind | None,
        args: list[Kind | None],
        keywords: frozenset[str],
        count: int,
    ) -> Kind | None:
        if is_array(base):
            if base == BATCH and name in ("items", "keys", "values"):
                return list_of(tuple_of(TEXT, ARRAY)) if name == "items" else list_of(ARRAY if name[0] == "v" else TEXT)
            found = ROW if _makes_row(name, node) else method_result(name, count, keywords)
            if base == BOX and name in ("to", "cuda", "cpu", "requires_grad_"):
                return BOX
            if name == "requires_grad_":
                return BOX
            return found
        if base is not None:
            match base.tag:
                case "module" | "optimizer" if name in _SELF and base.tag == "module":
                    return base
                case "module" if kind is None:
                    if name in ("parameters", "buffers"):
                        return list_of(BOX)
                    if name in ("named_parameters", "named_buffers"):
                        return list_of(tuple_of(TEXT, BOX))
                    if name == "state_dict":
                        return Kind("dict", "", (ARRAY,))
                    if name in ("modules", "children"):
                        return list_of(Kind("module"))
                    if name in ("forward",):
                        return self._module_call(base, node, args)
                case "dict" if kind is None:
                    if name == "items":
                        return list_of(tuple_of(None, base.of[0]))
                    if name == "values":
                        return list_of(base.of[0])
                    if name in ("get", "pop", "setdefault"):
                        return base.of[0]
                    if name == "copy":
                        return base
                case "list":
                    if name in ("pop", "popleft"):
                        return base.of[0]
                    if name == "copy":
                        return base
                    return NONE if name in ("append", "extend") else NUMBER
                case "numpy":
                    return list_of(NUMBER) if name == "tolist" else NUMBER if name == "item" else NUMPY
                case "text":
                    return list_of(TEXT) if name == "split" else NUMBER if name == "index" else TEXT
                case "loader":
                    return None
                case "sparse":
                    return ARRAY if name == "to_dense" else base
                case "torch object" if base.name.startswith("torch.distributions."):
                    return ARRAY if name != "expand" else base
                case "torch object":
                    return ARRAY
                case "other":
                    if name == "scale":
                        return ARRAY
                    return None
            return None
        if kind is None and name in DUCKS and name not in self.own_methods:
            if isinstance(node.func, cst.Attribute):
                self.kinds[id(node.func.value)] = ARRAY
            self.guessed.add(id(node))
            return method_result(name, count, keywords)
        return None

    def _pass(self, function: Function, node: cst.Call, args: list[Kind | None], bound: bool) -> None:
        params = function.node.params
        names = [p.name.value for p in (*params.posonly_params, *params.params)][1 if bound else 0 :]
        named = {p.name.value for p in (*params.params, *params.kwonly_params)}
        place = 0
        for argument, kind in zip(node.args, args, strict=True):
            if argument.star:
                break
            if argument.keyword is not None:
                if argument.keyword.value in named:
                    function.given[argument.keyword.value] = join(function.given.get(argument.keyword.value), kind)
            elif place < len(names):
                function.given[names[place]] = join(function.given.get(names[place]), kind)
                place += 1


def _true(node: cst.Call, keyword: str) -> bool:
    for argument in node.args:
        if argument.keyword is not None and argument.keyword.value == keyword:
            return not (isinstance(argument.value, cst.Name) and argument.value.value == "False")
    return False


def _makes_row(method: str, node: cst.Call) -> bool:
    """Whether a method puts a dimension of one before the others."""
    first = node.args[0].value if node.args else None
    if method in ("reshape", "view"):
        return len(node.args) > 1 and isinstance(first, cst.Integer) and first.value == "1"
    return method == "unsqueeze" and isinstance(first, cst.Integer) and first.value == "0"


def _dtype_of(node: cst.Call, found: Inference) -> str:
    for argument in node.args:
        if argument.keyword is not None and argument.keyword.value == "dtype":
            kind = found.of(argument.value)
            return kind.name if kind is not None and kind.tag == "dtype" else ""
    return ""


def _static(node: cst.FunctionDef) -> bool:
    return any(dotted(d.decorator) == "staticmethod" for d in node.decorators)


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
