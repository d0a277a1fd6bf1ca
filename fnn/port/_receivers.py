"""The kinds of what methods give, by what they are called on."""

from __future__ import annotations

import libcst as cst

from fnn.port._calls import DUCKS, NO_ROWS
from fnn.port._given import Given
from fnn.port._kinds import (
    ARRAY,
    BATCH,
    BOX,
    FOREIGN,
    INDEX,
    MASK,
    NONE,
    NUMBER,
    NUMPY,
    ROW,
    TEXT,
    Kind,
    is_array,
    join,
    list_of,
    tuple_of,
    ways,
)
from fnn.port._options import OPTIONS, option
from fnn.port._scopes import Class
from fnn.port._torch import method_result

__all__ = ["CONTAINERS", "Receivers"]

_KEEPS = frozenset("to cpu cuda int clone detach contiguous view reshape flatten squeeze expand repeat fill_".split())
CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
_SELF = frozenset("to cuda cpu train eval half float double apply requires_grad_ share_memory".split())
# What hooks are given: a Module, its arguments, and what it gave.
_HOOKS: dict[str, list[Kind | None]] = {
    "register_forward_pre_hook": [Kind("module"), list_of(ARRAY)],
    "register_forward_hook": [Kind("module"), list_of(ARRAY), BATCH],
}


class Receivers(Given):
    """Methods of arrays, of Modules, of containers, and of what only a method shows to be one of these."""

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
        if name in _HOOKS and args:
            self._applied(args[0], _HOOKS[name])
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

    def _registered(self, owner: Class, node: cst.Call) -> None:
        """``self.register_buffer("mask", ...)``."""
        match node.args:
            case [cst.Arg(value=cst.SimpleString() as text), *_] if isinstance(text.evaluated_value, str):
                owner.attributes.setdefault(text.evaluated_value, BOX)

    def _shown(self, node: cst.Call) -> None:
        """``net.parameters()`` shows that ``net = Net()`` is a Module, wherever the class is defined."""
        target = node.func.value if isinstance(node.func, cst.Attribute) else None
        if isinstance(target, cst.Name) and (made := self.made_by.get(target.value)) is not None:
            self.foreign.add(made)
            self.kinds[id(target)] = FOREIGN
            self._bind(target.value, FOREIGN)


def _makes_row(method: str, node: cst.Call) -> bool:
    """Whether a method puts a dimension of one before the others."""
    first = node.args[0].value if node.args else None
    if method in ("reshape", "view"):
        return len(node.args) > 1 and isinstance(first, cst.Integer) and first.value == "1"
    return method == "unsqueeze" and isinstance(first, cst.Integer) and first.value == "0"
