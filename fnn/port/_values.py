"""The kinds of expressions."""

from __future__ import annotations

import libcst as cst

from fnn.port._calls import OF_ARRAYS
from fnn.port._kinds import (
    ARRAY,
    BATCH,
    BOX,
    COMPUTED,
    DEVICE,
    DTYPE,
    GROUP,
    INDEX,
    MASK,
    NONE,
    NUMBER,
    NUMPY,
    OTHER,
    ROW,
    SHAPE,
    TEXT,
    Kind,
    either,
    element,
    is_array,
    join,
    list_of,
    part,
    torch_name,
    tuple_of,
    ways,
)
from fnn.port._scopes import Function, Scopes
from fnn.port._torch import DTYPES, TENSOR_CLASSES

__all__ = ["ON_DEVICES", "Values"]

# Attributes of a tensor that say which kind of device holds it.
ON_DEVICES = frozenset("is_cuda is_cpu is_mps is_xpu is_xla is_ipu is_maia is_meta is_mkldnn is_mtia is_vulkan".split())
STATES = Kind("dict", "", (Kind("dict", "", (BOX,)),))  # of an optimizer, by parameter and name
_DEVICE_WORDS = frozenset(("cpu", "cuda", "mps"))


class Values(Scopes):
    """Expressions, but for calls."""

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
                if node.value == "fnn":  # what is written already, as where a loss becomes a function
                    return OTHER
                return self._look(node.value)
            case cst.Integer() | cst.Float() | cst.Imaginary():
                return NUMBER
            case cst.ConcatenatedString() if node.evaluated_value is None:  # an f-string is a part of it
                self._eval(node.left)
                self._eval(node.right)
                return TEXT
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
            case cst.Yield():
                given = node.value.item if isinstance(node.value, cst.From) else node.value
                kind = self._eval(given) if given is not None else NONE
                if self._function is not None:
                    held = kind if isinstance(node.value, cst.From) else list_of(kind)
                    self._function.returns = join(self._function.returns, held)
                return None
            case _:
                self._children(node)
                return None

    def _comprehension(self, node: cst.CompFor) -> None:
        self._assign(node.target, self._element(self._eval(node.iter)))
        for test in node.ifs:
            self._eval(test.test)
        if node.inner_for_in is not None:
            self._comprehension(node.inner_for_in)

    def _element(self, kind: Kind | None) -> Kind | None:
        """What iteration gives, over an object of a class of the script too."""
        owner = self.classes.get(kind.name) if kind is not None and kind.tag == "instance" else None
        if owner is None:
            return element(kind)
        for method in ("__iter__", "__getitem__"):
            if method in owner.methods:
                given = owner.methods[method].returns
                return element(given) if method == "__iter__" else given
        return None

    def _binary(self, a: Kind | None, b: Kind | None, operator: cst.BaseBinaryOp) -> Kind | None:
        if is_array(a) or is_array(b):
            logical = isinstance(operator, cst.BitAnd | cst.BitOr | cst.BitXor)
            if INDEX in (a, b) and {a, b} <= {INDEX, NUMBER} and not isinstance(operator, cst.Divide):
                return INDEX
            return MASK if logical and a == b == MASK else ROW if ROW in (a, b) else ARRAY
        tags = [k.tag for k in (a, b) if k is not None]
        for tag in ("text", "list", "tuple", "numpy"):
            if tags == ["list", "list"]:
                return join(a, b)
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
            case "file":
                other = self.others(base.name)
                return other.globals.get(name) if other is not None else None
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
                if name in ("ndim", "itemsize", "nbytes", "requires_grad", "is_leaf") or name in ON_DEVICES:
                    return NUMBER
                if name == "dtype":
                    return DTYPE
                if name == "device":
                    return DEVICE
                if name in ("data", "grad", "T", "mT", "H", "real", "imag", "at", "values", "indices"):
                    return ARRAY
                if base == BATCH and name not in OF_ARRAYS and not name.endswith("_"):  # out.logits
                    return ARRAY
                return Kind("method", name)
            case "module" | "instance" | "optimizer":
                return self._of_object(base, name)
            case "either":
                found = [kind for way in ways(base) if (kind := self._of_object(way, name)) is not None]
                if found and all(kind.tag == "function" for kind in found):
                    return either(*found)
                joined = None
                for kind in found:
                    joined = join(joined, kind)
                return joined
            case "other":
                return ARRAY if base.name == "digits" and name in ("data", "targets") else None
            case "numpy":
                return SHAPE if name == "shape" else NUMPY if name == "T" else None
            case "options":
                return self.options.get(name)
            case "tuple":  # a named tuple of torch's
                return ARRAY if name in ("values", "indices") else None
        return None

    def _of_object(self, base: Kind, name: str) -> Kind | None:
        """An attribute of a Module, an optimizer, or an object of a class of the script."""
        if base.tag == "optimizer" and name in ("param_groups", "state"):
            return list_of(GROUP) if name == "param_groups" else STATES
        owner = self.classes.get(base.name)
        if owner is not None:
            if name in owner.attributes:
                return owner.attributes[name]
            if name in owner.methods:
                return Kind("function", str(id(owner.methods[name].node)))
        if base == COMPUTED and name == "weight":
            return ARRAY
        if base.tag == "module" and name in ("weight", "bias", "running_mean", "running_var"):
            return BOX
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
            return INDEX if base == INDEX else ARRAY
        if base == GROUP:
            return list_of(BOX) if _key(node) == "params" else NUMBER
        if base is not None and base.tag in ("numpy", "module", "text"):
            return base
        if base is not None and sliced and base.tag in ("shape", "list"):
            return base
        if base is not None and sliced and base.tag == "tuple":
            return list_of(element(base))
        if base is not None and base.tag == "dict" and base.name:  # of a function's keywords
            return self.functions[int(base.name)].given.get(f"**{_key(node)}")
        return part(base, index)


def _key(node: cst.Subscript) -> str:
    match node.slice:
        case [cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))]:
            return str(key.evaluated_value)
    return ""
