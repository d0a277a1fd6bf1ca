"""The kinds of what calls give, and what they tell of the parameters of functions."""

from __future__ import annotations

import libcst as cst

from fnn.port._calls import DUCKS, NO_ROWS, builtin_result
from fnn.port._coins import is_coin
from fnn.port._kinds import (
    ARRAY,
    BATCH,
    BOX,
    FOREIGN,
    INDEX,
    LOADER,
    MASK,
    NONE,
    NUMBER,
    NUMPY,
    OTHER,
    PACKED,
    ROW,
    TEXT,
    Kind,
    element,
    is_array,
    join,
    list_of,
    torch_name,
    tuple_of,
    ways,
)
from fnn.port._options import OPTIONS, option
from fnn.port._scopes import Class, Function, dotted, is_static
from fnn.port._torch import DOUBLES, is_noisy, method_result, module_result, result
from fnn.port._values import Values

__all__ = ["Invocations"]


_KEEPS = frozenset("to cpu cuda int clone detach contiguous view reshape flatten squeeze expand repeat fill_".split())
_WHOLE = ("torch.long", "torch.int64", "torch.int", "torch.int32")
CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
_SELF = frozenset("to cuda cpu train eval half float double apply requires_grad_ share_memory".split())


class Invocations(Values):
    """Calls: of torch's objects, of Modules, of functions of the script, and methods."""

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
        self.doubled |= base is not None and base.tag == "module" and kind is None and _double(node)
        self.doubled |= kind == torch_name("torch.set_default_dtype") and any(
            k is not None and k.name in DOUBLES for k in args
        )
        if self._in_forward and is_coin(node, self):
            return ARRAY  # asked anew by the compiled program
        if isinstance(func, cst.Attribute):
            found = self._method(node, func.attr.value, base, kind, args, keywords, count)
            if found is not None:
                return found
        if kind is None and dotted(func) == "map" and len(args) > 1:
            return list_of(self._applied(args[0], [element(a) for a in args[1:]]))
        if kind is None and (dotted(func) or "").rpartition(".")[2] == "deepcopy" and args:
            return args[0]
        if kind is None and dotted(func) in self.foreign:
            return FOREIGN
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
                if kind.name in ("torch.from_numpy", "torch.tensor", "torch.as_tensor") and len(node.args) == 1:
                    if self._holds(node.args[0].value):
                        return MASK
                if kind.name == "torch.utils.data.random_split":
                    return list_of(OTHER)
                if (collate := self._collated(kind, node)) is not None:
                    return collate
                if kind.name == "torch.randint" and any(_is_of_one(a.value) for a in node.args):
                    return ROW
                given = result(kind.name, count, keywords)
                if given is not None and given.tag == "module" and given.name in CONTAINERS:
                    return given._replace(of=self._parts(args))
                return (
                    ARRAY if given == INDEX and "dtype" in keywords and _dtype_of(node, self) not in _WHOLE else given
                )
            case "tensor class":
                if count > 1:  # torch.FloatTensor(rows, columns)
                    for argument in node.args:
                        self._told(argument.value, NUMBER)
                return result(kind.name, count, keywords) or ARRAY
            case "numpy module":
                return NUMPY
            case "einops":
                return result(kind.name, count, keywords)
            case "class":
                owner = self.classes[kind.name]
                if "__init__" in owner.methods:
                    self._pass(owner.methods["__init__"], node, args, bound=True)
                return self._made(owner)
            case "module" | "instance" | "function" | "either":
                return self._given_by(kind, node, args)
            case "operation":
                function = self.classes[kind.name].methods.get("forward")
                if function is None:
                    return ARRAY
                self._pass(function, node, args, bound=True)
                return function.returns or ARRAY
        return None

    def _given_by(self, kind: Kind, node: cst.Call, args: list[Kind | None]) -> Kind | None:
        """What a call of a Module, of an object, of a function of the script gives, or of one of several."""
        match kind.tag:
            case "either":
                joined = None
                for way in ways(kind):
                    joined = join(joined, self._given_by(way, node, args))
                return joined
            case "module":
                return self._module_call(kind, node, args)
            case "instance":
                function = self.classes[kind.name].methods.get("__call__")
                if function is not None:
                    self._pass(function, node, args, bound=True)
                    return function.returns
            case "function":
                function = self.functions[int(kind.name)]
                static = isinstance(function.node, cst.FunctionDef) and is_static(function.node)
                self._pass(function, node, args, bound=function.owner is not None and not static)
                return function.returns
        return None

    @property
    def _in_forward(self) -> bool:
        """Whether the statements are a Module's forward pass."""
        function = self._function
        if function is None or function.owner is None or not function.owner.module:
            return False
        return isinstance(function.node, cst.FunctionDef) and function.node.name.value == "forward"

    def _holds(self, node: cst.BaseExpression, depth: int = 3) -> bool:
        """Whether an array of numpy's has truth values."""
        match node:
            case cst.Comparison(comparisons=[cst.ComparisonTarget(operator=operator)]):
                plain = not isinstance(operator, cst.In | cst.NotIn | cst.Is | cst.IsNot)
                return plain and self.of(node) in (NUMPY, MASK)
            case cst.UnaryOperation(operator=cst.BitInvert(), expression=inner):
                return self._holds(inner, depth)
            case cst.BinaryOperation(left=left, operator=cst.BitAnd() | cst.BitOr()):
                return self._holds(left, depth)
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="astype")), args=[cst.Arg(value=dtype)]):
                return (dotted(dtype) or "").rpartition(".")[2] in ("bool", "bool_")
            case cst.Name(value=name) if depth and self.of(node) == NUMPY:
                made = self.assigned.get(name)
                return made is not None and self._holds(made, depth - 1)
        return False

    def _parts(self, given: list[Kind | None]) -> tuple[Kind, ...]:
        """The Modules of the script's, and the layers that draw numbers, among what a container is made of."""
        found: set[Kind] = set()
        waiting = list(given)
        while waiting:
            kind = waiting.pop()
            if kind is None:
                continue
            if kind.tag == "module" and (not kind.name or kind.name in self.classes or is_noisy(kind.name)):
                found.add(kind._replace(of=()))
            if kind.tag in ("module", "list", "tuple", "dict", "either"):
                waiting += kind.of
        return tuple(sorted(found))

    def _collated(self, kind: Kind, node: cst.Call) -> Kind | None:
        """A loader whose batches a function of the script puts together."""
        if result(kind.name, 0, frozenset()) != LOADER:
            return None
        for argument in node.args:
            if argument.keyword is not None and argument.keyword.value == "collate_fn":
                given = self.of(argument.value)
                if given is not None and given.tag == "function":
                    return Kind("loader", "", (self.functions[int(given.name)].returns,))
        return None

    def _registered(self, owner: Class, node: cst.Call) -> None:
        """``self.register_buffer("mask", ...)``."""
        match node.args:
            case [cst.Arg(value=cst.SimpleString() as text), *_] if isinstance(text.evaluated_value, str):
                owner.attributes.setdefault(text.evaluated_value, BOX)

    def _applied(self, kind: Kind | None, given: list[Kind | None]) -> Kind | None:
        """What a function gives for arguments of these kinds, by position."""
        if kind is None:
            return None
        if kind.tag == "module":
            return ARRAY
        if kind.tag == "torch" and kind.name == "torch.autograd.Variable":
            return given[0] or ARRAY
        if kind.tag == "torch":
            return result(kind.name, len(given), frozenset())
        if kind.tag != "function":
            return None
        function = self.functions[int(kind.name)]
        params = [p.name.value for p in function.node.params.params]
        for name, one in zip(params[1:] if function.owner is not None else params, given, strict=False):
            function.given[name] = join(function.given.get(name), one)
        return function.returns

    def _module_call(self, kind: Kind, node: cst.Call, args: list[Kind | None]) -> Kind | None:
        if kind == FOREIGN:
            return BATCH  # an array, or several
        owner = self.classes.get(kind.name)
        if owner is None:
            given = module_result(kind.name)
            if args and args[0] == PACKED and given is not None and given.tag == "tuple":
                return given._replace(of=(PACKED, *given.of[1:]))
            return given
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
            if base in (INDEX, MASK) and found == ARRAY and name in _KEEPS and not (base == MASK and name == "int"):
                found = ARRAY if any(k is not None and k.tag in ("dtype", "tensor class") for k in args) else base
            in_place = name.endswith("_") and not name.startswith("_")
            if base == BOX and (name in ("to", "cuda", "cpu") or in_place):
                return BOX
            if name == "requires_grad_":
                return BOX
            return found
        if (
            base is not None
            and base.tag in ("list", "tuple")
            and name in NO_ROWS
            and isinstance(node.func, cst.Attribute)
        ):
            self.kinds[id(node.func.value)], self.kinds[id(node.func)] = ARRAY, Kind("method", name)
            if isinstance(node.func.value, cst.Name):
                self._bind(node.func.value.value, ARRAY)
            return method_result(name, count, keywords)
        if base is not None and base.tag == "either" and any(way.tag == "module" for way in ways(base)):
            joined = None
            for way in ways(base):
                own = self._of_object(way, name)
                given = (
                    self._given_by(own, node, args)
                    if own is not None
                    else self._method(node, name, way, None, args, keywords, count)
                )
                joined = join(joined, given)
            return joined
        if base is not None:
            match base.tag:
                case "module" | "optimizer" if name in _SELF and base.tag == "module":
                    return base
                case "module" if kind is None:
                    if name in ("register_buffer", "register_parameter") and base.name in self.classes:
                        self._registered(self.classes[base.name], node)
                    if name in ("append", "extend", "insert", "add_module", "update") and base.name in CONTAINERS:
                        parts = self._parts([base, *args])
                        if parts != base.of and isinstance(node.func, cst.Attribute):
                            self._assign(node.func.value, base._replace(of=parts))
                    if name in ("parameters", "buffers"):
                        return list_of(BOX)
                    if name in ("named_parameters", "named_buffers"):
                        return list_of(tuple_of(TEXT, BOX))
                    if name == "state_dict":
                        return Kind("dict", "", (BOX if id(node) in self.written_states else ARRAY,))
                    if name in ("modules", "children", "values"):
                        return list_of(Kind("module"))
                    if name in ("named_modules", "named_children", "items"):
                        return list_of(tuple_of(TEXT, Kind("module")))
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
        if base is None and kind is None and name in ("parameters", "named_parameters") and not args:
            self._shown(node)
        if kind is None and name == "add_argument" and (added := option(node)) is not None:
            self.options[added[0]] = added[1]
        if kind is None and name == "parse_args":
            return OPTIONS
        if kind is None and name == "parse_known_args":
            return tuple_of(OPTIONS, list_of(TEXT))
        duck = name in DUCKS or (name == "size" and count == 1)  # arrays of numpy's have a number there
        if kind is None and duck and name not in self.own_methods:
            if isinstance(node.func, cst.Attribute):
                self.kinds[id(node.func.value)] = ARRAY
                self._told(node.func.value)
            self.guessed.add(id(node))
            return method_result(name, count, keywords)
        return None

    def _shown(self, node: cst.Call) -> None:
        """``net.parameters()`` shows that ``net = Net()`` is a Module, wherever the class is defined."""
        target = node.func.value if isinstance(node.func, cst.Attribute) else None
        if isinstance(target, cst.Name) and (made := self.made_by.get(target.value)) is not None:
            self.foreign.add(made)
            self.kinds[id(target)] = FOREIGN
            self._bind(target.value, FOREIGN)

    def _told(self, node: cst.BaseExpression, kind: Kind = ARRAY) -> None:
        """Remembers what a call shows of a parameter, for what stands before the call."""
        if not isinstance(node, cst.Name) or self._function is None:
            return
        params = self._function.node.params
        names = {p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)}
        if node.value in names and self._envs[-1].get(node.value) is None:
            self._function.given.setdefault(node.value, kind)

    def _pass(self, function: Function, node: cst.Call, args: list[Kind | None], bound: bool) -> None:
        params = function.node.params
        names = [p.name.value for p in (*params.posonly_params, *params.params)][1 if bound else 0 :]
        named = {p.name.value for p in (*params.params, *params.kwonly_params)}
        place = 0
        for argument, kind in zip(node.args, args, strict=True):
            if argument.star:
                break
            if argument.keyword is not None:
                key = argument.keyword.value
                if key not in named and params.star_kwarg is not None:
                    key = f"**{key}"  # an entry of the function's dict of keywords
                if key in named or key[0] == "*":
                    function.given[key] = join(function.given.get(key), kind)
            elif place < len(names):
                function.given[names[place]] = join(function.given.get(names[place]), kind)
                place += 1


def _double(node: cst.Call) -> bool:
    return isinstance(node.func, cst.Attribute) and node.func.attr.value == "double" and not node.args


def _true(node: cst.Call, keyword: str) -> bool:
    for argument in node.args:
        if argument.keyword is not None and argument.keyword.value == keyword:
            return not (isinstance(argument.value, cst.Name) and argument.value.value == "False")
    return False


def _is_of_one(size: cst.BaseExpression) -> bool:
    """Whether a size is ``(1,)``."""
    match size:
        case cst.Tuple(elements=[cst.Element(value=cst.Integer(value="1"))]):
            return True
        case cst.List(elements=[cst.Element(value=cst.Integer(value="1"))]):
            return True
    return False


def _makes_row(method: str, node: cst.Call) -> bool:
    """Whether a method puts a dimension of one before the others."""
    first = node.args[0].value if node.args else None
    if method in ("reshape", "view"):
        return len(node.args) > 1 and isinstance(first, cst.Integer) and first.value == "1"
    return method == "unsqueeze" and isinstance(first, cst.Integer) and first.value == "0"


def _dtype_of(node: cst.Call, found: Values) -> str:
    for argument in node.args:
        if argument.keyword is not None and argument.keyword.value == "dtype":
            kind = found.of(argument.value)
            return kind.name if kind is not None and kind.tag == "dtype" else ""
    return ""
