"""The expressions of a PyTorch script, in fnn's words."""

from __future__ import annotations

from typing import TypeVar

import libcst as cst

from fnn.port._coins import FROZEN, is_coin, is_host_draw
from fnn.port._edit import bare, call, code, grouped, keyword, name
from fnn.port._fixed import Fixed
from fnn.port._flow import names_in
from fnn.port._hindrances import ITEM, STEP
from fnn.port._host_numbers import HostNumbers
from fnn.port._kinds import ARRAY, DTYPE, PACKED, Kind
from fnn.port._masked import (
    chosen,
    is_compiled,
    is_traced,
    mask_of,
    traced_names,
    with_ignored,
    with_where,
)
from fnn.port._methods import numbered
from fnn.port._pointers import pointers
from fnn.port._report import CHANGED, LEFT
from fnn.port._scopes import dotted
from fnn.port._torch import DOUBLES, TENSOR_CLASSES, hint, place
from fnn.port._values import ON_DEVICES
from fnn.port._writes import REMOVED

__all__ = ["Rewriter"]

_Node = TypeVar("_Node", bound=cst.CSTNode)


class Rewriter(HostNumbers):
    """Rewrites a module whose expressions' kinds are known; `notes` tells what was done."""

    def on_leave(self, original_node: _Node, updated_node: _Node) -> _Node | cst.RemovalSentinel | cst.FlattenSentinel:
        """Keeps the parentheses of what is replaced: ``assert(x)`` has nothing else between its words."""
        made = super().on_leave(original_node, updated_node)
        own = isinstance(original_node, cst.GeneratorExp)  # its parentheses are its own
        if isinstance(original_node, cst.BaseExpression) and not own and isinstance(made, cst.BaseExpression):
            if original_node.lpar and not made.lpar:
                return made.with_changes(lpar=original_node.lpar, rpar=original_node.rpar)
        return made

    # names

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        forward = id(node.params) in (self._steps.in_forward | self._compiled) - self.found.uncompiled
        self._forward.append(forward)
        self._in_step.append(forward or is_compiled(node) or any(self._in_step))
        self._pointers.append(pointers(node, self._steps) if forward else {})
        self._traced.append(traced_names(node) if forward or is_compiled(node) else set())
        self._fixed_in.append(Fixed(self.found, node, around=True) if is_compiled(node) else None)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        self._forward.pop()
        self._in_step.pop()
        self._pointers.pop()
        self._traced.pop()
        self._fixed_in.pop()
        return updated_node

    def visit_Attribute(self, node: cst.Attribute) -> None:
        kind = self._kind(node)
        if kind is not None and kind.tag in ("torch", "tensor class", "dtype"):
            self._inner.add(id(node.value))

    def visit_Call(self, node: cst.Call) -> None:
        super().visit_Call(node)
        self._by_mask |= {id(value) for value in chosen(node, self._kind(node.func), self.found)}
        if (found := self._reduced(node)) is not None:
            self._by_mask |= {id(read) for read in found.reads}
        if isinstance(node.func, cst.Attribute):
            self._inner.add(id(node.func))  # the call decides
        if id(node) in self.found.asked.draws and self._is_compiled:
            self._drawn.add(id(node))

    def visit_Expr(self, node: cst.Expr) -> None:
        self._statements.add(id(node.value))

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        kind = self._kind(original_node)
        if kind is None or kind.tag not in ("torch", "tensor class", "dtype") or not kind.name:
            return updated_node
        if original_node.value in ("torch", "torchvision") and kind.name == original_node.value:
            self.needs.add("fnn.vision" if kind.name == "torchvision" else "fnn")
            return name(place(kind.name) or "fnn")
        target = place(kind.name)
        if target is None or target.rpartition(".")[2] == kind.name.rpartition(".")[2]:
            return updated_node  # the import says it
        if self.found.globals.get(original_node.value) != kind or "." not in kind.name:
            return updated_node  # a variable of the script that holds it
        if original_node.value != kind.name.rpartition(".")[2]:
            return updated_node  # imported as something else
        self.needs.add(target.partition(".")[0])
        return name(target)

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        kind = self._kind(original_node)
        if kind is not None and kind.name in DOUBLES and kind.tag in ("tensor class", "dtype"):
            self._tell_double(original_node)
            if kind.tag == "dtype" and not self.double:
                self.needs.add("fnn")
                return name("fnn.float32")
        if kind is not None and kind.tag in ("torch", "tensor class", "dtype"):
            base = self._kind(original_node.value)
            if base is None or base.tag != "torch":
                return updated_node
            if id(original_node) in self._inner and self._is_module(kind.name):
                return updated_node
            return self._placed(original_node, updated_node, kind.name)
        base = self._kind(original_node.value)
        if base == DTYPE and original_node.attr.value in ("is_floating_point", "is_complex"):
            match updated_node.value:
                case cst.Attribute(value=array, attr=cst.Name(value="dtype")):
                    self.needs.add("fnn")
                    return call(f"fnn.{original_node.attr.value}", bare(array))
        if id(original_node) in self._inner or base is None or base.tag not in ("array", "batch", "box"):
            return updated_node
        if original_node.attr.value in ON_DEVICES:
            return self._on_device(original_node.attr.value)
        if base.tag == "box" and id(original_node) not in self._frozen:
            return updated_node
        return self._array_attribute(original_node, updated_node)

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:
        """Notes ``self.table.data[:n] + x`` in a forward pass, where PyTorch has no gradient for the Parameter."""
        for side in (node.left, node.right) if self._forward and self._forward[-1] else ():
            read = side.value if isinstance(side, cst.Subscript) else side
            if isinstance(read, cst.Attribute) and read.attr.value == "data":
                self._frozen.add(id(read))

    def _on_device(self, asked: str) -> cst.BaseExpression:
        """Whether arrays are held by devices of this kind: JAX's default one holds them."""
        backend = {"is_cuda": "gpu", "is_cpu": "cpu", "is_xla": "tpu"}.get(asked)
        if backend is None:
            return cst.Name("False")
        self.needs.add("jax")
        return cst.parse_expression(f'jax.default_backend() == "{backend}"')

    def _is_module(self, full: str) -> bool:
        target = place(full)
        return target is not None and target.rpartition(".")[2] == full.rpartition(".")[2]

    def _placed(self, original: cst.Attribute, updated: cst.Attribute, full: str) -> cst.BaseExpression:
        target = place(full)
        if target is None:
            known = full in TENSOR_CLASSES or full.startswith("torch.backends.")
            if id(original) not in self._inner and not known:
                self.note(original, LEFT, f"{full}: {hint(full)}")
            return updated
        usual = full.rpartition(".")
        if target.rpartition(".")[2] == usual[2] and target == (place(usual[0]) or "") + f".{usual[2]}":
            return updated
        self.needs.add(target.partition(".")[0])
        made = name(target)
        return made.with_changes(lpar=updated.lpar, rpar=updated.rpar)

    def _array_attribute(self, original: cst.Attribute, updated: cst.Attribute) -> cst.BaseExpression:
        attr = original.attr.value
        if attr == "data" and self._kind(original.value) == PACKED:
            return updated
        if attr == "data":
            if isinstance(updated.value, cst.Attribute) and updated.value.attr.value == "grad":
                return updated.value
            self.needs.add("fnn")
            return call("fnn.detach", bare(updated.value))
        if attr == "device":  # a traced array has none
            self.needs.add("jax")
            return cst.parse_expression("jax.devices()[0]")
        if attr in ("H", "mH"):
            return call("fnn.adjoint", bare(updated.value))
        if attr in ("grad_fn", "is_leaf", "is_sparse", "layout"):
            self.note(original, LEFT, f"Tensor.{attr}: {hint(f'torch.{attr}')}")
        return updated

    def leave_ListComp(self, original_node: cst.ListComp, updated_node: cst.ListComp) -> cst.BaseExpression:
        return self._each(original_node, updated_node, "list")

    def leave_GeneratorExp(self, original_node: cst.GeneratorExp, updated_node: cst.GeneratorExp) -> cst.BaseExpression:
        return self._each(original_node, updated_node, "")

    def leave_DictComp(self, original_node: cst.DictComp, updated_node: cst.DictComp) -> cst.BaseExpression:
        key, value = updated_node.key, updated_node.value
        pair = cst.Tuple([cst.Element(key), cst.Element(value)], lpar=[], rpar=[])
        items = updated_node.for_in.iter
        if original_node.deep_equals(updated_node) or not _is_itself(updated_node.for_in, pair):
            return updated_node
        match items:
            case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value="items")), args=[]):
                return call("dict", value)
        return updated_node

    def _each(
        self, original: cst.ListComp | cst.GeneratorExp, updated: cst.ListComp | cst.GeneratorExp, made: str
    ) -> cst.BaseExpression:
        """``list(batch)`` for ``[x.to(device) for x in batch]``; an array of rows stays as it is."""
        if original.deep_equals(updated) or not _is_itself(updated.for_in, updated.elt):
            return updated
        rows = updated.for_in.iter
        return call(made, bare(rows)) if made else grouped(rows)

    def visit_Arg(self, node: cst.Arg) -> None:
        if node.keyword is not None and node.keyword.value == "memory_format":
            self._inner.add(id(node.value))  # it is left out

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(value=_alone(original_node.value, updated_node.value))

    def leave_Return(self, original_node: cst.Return, updated_node: cst.Return) -> cst.Return:
        before, after = original_node.value, updated_node.value
        return (
            updated_node if before is None or after is None else updated_node.with_changes(value=_alone(before, after))
        )

    # calls

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        func = original_node.func
        if self._pointers and any(original_node is c for c in self._pointers[-1].values()):
            if self._steps.draws_place(original_node):
                return self._asked(original_node, updated_node)
            receiver = updated_node.func.value if isinstance(updated_node.func, cst.Attribute) else updated_node.func
            taken = updated_node.args[0].value if updated_node.args else receiver
            return cst.Call(cst.Attribute(grouped(taken), cst.Name("squeeze")))
        if self._forward and self._forward[-1] and self._steps.takes_value(original_node):
            self.note(original_node, CHANGED, ITEM, STEP)
        if id(original_node) in self._drawn:
            return self._asked(original_node, updated_node)
        if self._forward and self._forward[-1] and is_host_draw(original_node, self.found):
            if is_coin(original_node, self.found) and self._kind(original_node) == ARRAY:
                return self._asked(original_node, updated_node)
            self.note(original_node, LEFT, FROZEN, STEP)
        kind = self._kind(func)
        if dotted(func) in ("all", "any") and kind is None and original_node.args:
            self._tell_iterated(original_node, original_node.args[0].value)
        if dotted(func) in ("int", "float", "bool") and not any(self._in_step):
            if (number := self._plain_number(original_node, updated_node)) is not None:
                return number
        if id(original_node) in self.found.asked.computed and self._is_compiled and isinstance(func, cst.Attribute):
            self.needs.add("jax.numpy")
            return updated_node.with_changes(func=name(f"jax.numpy.{func.attr.value}"))
        if kind is None and dotted(func) in ("max", "min") and self._kind(original_node) == ARRAY:
            return self._extreme(original_node, updated_node)
        if (found := self._reduced(original_node)) is not None:
            self.needs.add("fnn")
            return with_where(updated_node, found)
        if rows := chosen(original_node, kind, self.found):
            new = [a.value for a in updated_node.args]
            mask = mask_of(rows[0], self.found)
            if mask is not None and is_traced(mask, self._names_traced):
                if isinstance(new[0], cst.Subscript) and isinstance(new[1], cst.Subscript):
                    self.needs.add("fnn")
                    updated_node = with_ignored(updated_node, new[0], new[1])
        if id(original_node) in self.found.written_states:
            return updated_node.with_changes(args=[keyword("keep_vars", cst.Name("True"))])
        if kind is None and dotted(func) == "map" and len(updated_node.args) == 2:
            if self._kind(original_node.args[0].value) == Kind("torch", "torch.autograd.Variable"):
                return updated_node.args[1].value  # a Variable is the array itself
        if kind is not None and kind.tag in ("torch", "tensor class"):
            return self._torch_call(original_node, updated_node, kind)
        if isinstance(func, cst.Attribute) and isinstance(updated_node.func, cst.Attribute):
            return self._method_call(original_node, updated_node, func, updated_node.func)
        return updated_node

    def _torch_call(self, original: cst.Call, updated: cst.Call, kind: Kind) -> cst.BaseExpression:
        self.needs.add("fnn")
        if any(a.keyword is not None and a.keyword.value == "inplace" and _is_true(a.value) for a in original.args):
            self.note(original, CHANGED, "inplace=True: the result is a new array; other names of the input keep its "
                      "old values, where in PyTorch they have the new ones")  # fmt: skip
        if kind.name.count(".") == 1 and kind.name.startswith("torch."):
            updated = numbered(updated)
        if self._is_array_already(original, kind) and len(updated.args) == 1:
            return updated.args[0].value
        special = self._functions.call(original, updated, kind)
        if special is not None:
            written = dotted(special.func) if isinstance(special, cst.Call) else None
            if isinstance(special, cst.Comparison) or "jax" in names_in(special):
                sparse = (written or "").startswith("jax.experimental.sparse")
                self.needs.add("jax.experimental.sparse" if sparse else "jax")
            return special
        if kind.name.startswith("torch."):
            self._tell_sizes(original, kind.name.rpartition(".")[2], kind.name.count(".") == 1)
        if place(kind.name) is None and kind.name not in REMOVED:
            self.note(original, LEFT, f"{kind.name}: {hint(kind.name)}")
        return updated


def _alone(before: cst.BaseExpression, after: cst.BaseExpression) -> cst.BaseExpression:
    """An expression that stands alone: without the parentheses that its replacement brought."""
    return (
        bare(after)
        if isinstance(before, cst.Call) and isinstance(after, cst.BinaryOperation) and not before.lpar
        else after
    )


def _is_itself(loop: cst.CompFor, element: cst.BaseExpression) -> bool:
    """Whether a comprehension gives what it goes over."""
    plain = not loop.ifs and loop.inner_for_in is None and loop.asynchronous is None
    return plain and code(bare(element)) == code(bare(loop.target))


def _is_true(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "True"
