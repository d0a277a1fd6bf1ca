"""The expressions and statements of a PyTorch script, in fnn's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst
from libcst.metadata import CodeRange

from fnn.port._edit import arguments, assign, bare, call, grouped, name, replaced_self
from fnn.port._functions import Functions
from fnn.port._infer import Inference
from fnn.port._kinds import MASK, NUMBER, ROW, Kind, is_array
from fnn.port._methods import method, numbered, plain_name, stays
from fnn.port._report import CHANGED, CONVERTED, LEFT, Note, Status
from fnn.port._scopes import dotted
from fnn.port._torch import TENSOR_CLASSES, hint, place

__all__ = ["Rewriter"]

_AT = {
    cst.AddAssign: "add",
    cst.MultiplyAssign: "multiply",
    cst.DivideAssign: "divide",
    cst.PowerAssign: "power",
}
_INITS = {"normal_": "normal_", "uniform_": "uniform_", "zero_": "zeros_", "fill_": "constant_"}
_REMOVED_CALLS = frozenset(
    "torch.cuda.empty_cache torch.cuda.synchronize torch.cuda.manual_seed torch.cuda.manual_seed_all "
    "torch.cuda.set_device torch.set_num_threads torch.use_deterministic_algorithms "
    "torch.set_float32_matmul_precision torch.multiprocessing.set_start_method torch.cuda.reset_peak_memory_stats "
    "torch.set_flush_denormal torch.mps.manual_seed torch.multiprocessing.set_sharing_strategy".split()
)
_DOUBLE = frozenset(
    "torch.double torch.float64 torch.DoubleTensor torch.cuda.DoubleTensor torch.complex128 torch.cdouble".split()
)
_DEVICE_LIKE = frozenset("device dev gpu cuda rank local_rank devices".split())
DEVICES = "JAX computes on its default device, a GPU where there is one; JAX_PLATFORMS=cpu chooses the CPU"


class Rewriter(cst.CSTTransformer):
    """Rewrites a module whose expressions' kinds are known; `notes` tells what was done."""

    def __init__(self, found: Inference, positions: Mapping[cst.CSTNode, CodeRange]) -> None:
        super().__init__()
        self.found = found
        self.positions = positions
        self.notes: list[Note] = []
        self.needs: set[str] = set()
        self._inner: set[int] = set()
        self._statements: set[int] = set()  # calls that are statements
        self._names_nn = next((n for n, k in found.globals.items() if k == Kind("torch", "torch.nn")), "fnn.nn")
        self._functions = Functions(found, self.note)
        self.double = False  # whether something asks for double precision
        self._params: list[set[str]] = []

    def note(self, node: cst.CSTNode, status: Status, text: str, page: str = "") -> None:
        """Reports something at the line of a node of the original."""
        if text == DEVICES and any(n.text == DEVICES for n in self.notes):
            return  # once is enough
        place = self.positions.get(node)
        made = Note(place.start.line if place is not None else 0, status, text, page)
        if made not in self.notes:
            self.notes.append(made)

    def _kind(self, node: cst.CSTNode) -> Kind | None:
        return self.found.of(node)

    # names

    def visit_Attribute(self, node: cst.Attribute) -> None:
        kind = self._kind(node)
        if kind is not None and kind.tag in ("torch", "tensor class", "dtype"):
            self._inner.add(id(node.value))

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Attribute):
            self._inner.add(id(node.func))  # the call decides

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
        if kind is not None and kind.name in _DOUBLE and kind.tag in ("tensor class", "dtype"):
            self._ask_double(original_node)
        if kind is not None and kind.tag in ("torch", "tensor class", "dtype"):
            base = self._kind(original_node.value)
            if base is None or base.tag != "torch":
                return updated_node
            if id(original_node) in self._inner and self._is_module(kind.name):
                return updated_node
            return self._placed(original_node, updated_node, kind.name)
        base = self._kind(original_node.value)
        if id(original_node) in self._inner or base is None or base.tag not in ("array", "batch"):
            return updated_node
        return self._array_attribute(original_node, updated_node)

    def _ask_double(self, node: cst.CSTNode) -> None:
        if not self.double:
            self.note(node, CHANGED, 'double precision: jax.config.update("jax_enable_x64", True) after the imports')
        self.double = True
        self.needs.add("jax")

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
        if attr == "data":
            if isinstance(updated.value, cst.Attribute) and updated.value.attr.value == "grad":
                return updated.value
            self.needs.add("fnn")
            return call("fnn.detach", bare(updated.value))
        if attr in ("H", "mH"):
            return call("fnn.adjoint", bare(updated.value))
        if attr in ("is_cuda", "grad_fn", "is_leaf", "is_sparse", "layout"):
            self.note(original, LEFT, f"Tensor.{attr}: {hint(f'torch.{attr}')}")
        return updated

    # calls

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        func = original_node.func
        kind = self._kind(func)
        if kind is not None and kind.tag in ("torch", "tensor class"):
            return self._torch_call(original_node, updated_node, kind)
        if isinstance(func, cst.Attribute) and isinstance(updated_node.func, cst.Attribute):
            return self._method_call(original_node, updated_node, func, updated_node.func)
        return updated_node

    def _torch_call(self, original: cst.Call, updated: cst.Call, kind: Kind) -> cst.BaseExpression:
        self.needs.add("fnn")
        if kind.name.count(".") == 1 and kind.name.startswith("torch."):
            updated = numbered(updated)
        special = self._functions.call(original, updated, kind)
        if special is not None:
            code = dotted(special.func) if isinstance(special, cst.Call) else None
            if isinstance(special, cst.Comparison) or (code or "").startswith("jax."):
                self.needs.add("jax.experimental.sparse" if (code or "").startswith("jax.experimental") else "jax")
            return special
        if place(kind.name) is None and kind.name not in _REMOVED_CALLS:
            self.note(original, LEFT, f"{kind.name}: {hint(kind.name)}")
        return updated

    def _method_call(
        self, original: cst.Call, updated: cst.Call, func: cst.Attribute, new: cst.Attribute
    ) -> cst.BaseExpression:
        attr, base = func.attr.value, self._kind(func.value)
        receiver = new.value
        kinds = [self._kind(a.value) for a in original.args]
        if self.found.is_backward(original):
            self.needs.add("fnn")
            return call("fnn.backward", bare(receiver), *updated.args)
        if attr in ("to", "cuda", "cpu"):
            moved = self._moved(original, updated, attr, base, receiver)
            if moved is not None:
                return moved
        if attr == "double" and not original.args and (is_array(base) or (base is not None and base.tag == "module")):
            self._ask_double(original)
        if base is not None and base.tag in ("array", "batch"):
            return self._array_method(original, updated, attr, receiver, kinds)
        if base is not None and base.tag == "box":
            return self._box_method(original, updated, attr, receiver)
        if base is not None and base.tag == "sparse":
            return self._sparse_method(original, updated, attr, receiver)
        alone = id(original) in self._statements  # a result that nobody takes: xs.sort(), seen.add(x)
        if base is None and not alone and attr not in self.found.own_methods and _tensor_only(attr, original.args):
            self.note(original, LEFT, f"the receiver of .{attr}(...) is not known; if it is a tensor, "
                      f"write fnn.{attr}(x, ...)", "the script around the layers")  # fmt: skip
        return updated

    def _moved(
        self, original: cst.Call, updated: cst.Call, attr: str, base: Kind | None, receiver: cst.BaseExpression
    ) -> cst.BaseExpression | None:
        """What is left of a call that moves its receiver to a device; None: it is something else."""
        if attr in self.found.own_methods or (base is not None and base.tag in ("instance", "other", "numpy", "text")):
            return None
        if attr in ("cuda", "cpu"):
            self.note(original, CHANGED, DEVICES)
            return receiver
        kept = [
            a
            for a, before in zip(updated.args, original.args, strict=True)
            if not (a.keyword is not None and a.keyword.value in ("non_blocking", "device", "memory_format"))
            and not self._is_device(before.value)
        ]
        if len(kept) == len(updated.args):
            return None
        self.note(original, CHANGED, DEVICES)
        if not kept:
            return receiver
        rest = arguments(*(a.with_changes(comma=cst.MaybeSentinel.DEFAULT) for a in kept))
        if is_array(base):
            return call("fnn.to", bare(receiver), *rest)
        return updated.with_changes(args=rest)

    def _is_device(self, node: cst.BaseExpression) -> bool:
        kind = self._kind(node)
        if kind is not None:
            return kind.tag in ("device", "number")  # .to(0) is the first GPU
        last = (dotted(node) or "").rpartition(".")[2].lower()
        return last in _DEVICE_LIKE or last.endswith(("_device", "device"))

    def _array_method(
        self,
        original: cst.Call,
        updated: cst.Call,
        attr: str,
        receiver: cst.BaseExpression,
        kinds: Sequence[Kind | None],
    ) -> cst.BaseExpression:
        base = original.func.value if isinstance(original.func, cst.Attribute) else original.func
        if (
            (kind := self._kind(base)) is not None
            and kind.tag != "array"
            and attr in ("items", "keys", "values", "get")
        ):
            return updated
        if attr in ("type", "to") and len(kinds) == 1 and kinds[0] is not None and kinds[0].tag == "tensor class":
            self.needs.add("fnn")
            return call(f"fnn.{self._functions.cast(kinds[0].name)}", bare(receiver))
        if stays(attr, original.args) and attr != "item":
            return updated
        if attr == "requires_grad_":
            self.needs.add("fnn")
            return call(f"{self._names_nn}.Parameter", bare(receiver))
        if attr == "item":
            return updated.with_changes(func=cst.Attribute(_undetached(receiver), cst.Name("item")))
        owned = isinstance(base, cst.Attribute) and base.attr.value in ("data", "grad")
        if owned and attr.endswith("_") and id(original) in self._statements:
            return updated  # the statement decides
        written = method(attr, receiver, numbered(updated).args, updated, kinds)
        if written is None:
            self.note(original, LEFT, f"Tensor.{attr}: {hint(f'torch.{attr}')}", "the script around the layers")
            return updated
        self.needs.add("fnn")
        if id(original) in self.found.guessed:
            self.note(original, CONVERTED, f"the receiver is taken for a tensor, for only tensors have .{attr}()")
        if attr.endswith("_") and isinstance(base, cst.Name | cst.Attribute) and attr != "requires_grad_":
            self.note(original, CHANGED, f".{attr}() changes no array in place: its result is a new one")
        return written

    def _sparse_method(
        self, original: cst.Call, updated: cst.Call, attr: str, receiver: cst.BaseExpression
    ) -> cst.BaseExpression:
        if attr in ("to_dense", "t"):
            changed = cst.Attribute(receiver, cst.Name("todense" if attr == "to_dense" else "T"))
            return updated.with_changes(func=changed) if attr == "to_dense" else changed
        if attr in ("coalesce", "contiguous"):
            return receiver
        self.note(original, LEFT, f".{attr}() of a sparse matrix, which is a jax.experimental.sparse.BCOO here")
        return updated

    def _box_method(
        self, original: cst.Call, updated: cst.Call, attr: str, receiver: cst.BaseExpression
    ) -> cst.BaseExpression:
        if attr in ("cpu", "cuda", "contiguous"):
            return receiver
        return updated

    # statements

    def leave_Expr(
        self, original_node: cst.Expr, updated_node: cst.Expr
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel:
        before, after = original_node.value, updated_node.value
        if not isinstance(before, cst.Call):
            return updated_node
        kind = self._kind(before.func)
        if kind is not None and kind.tag == "torch":
            if kind.name in _REMOVED_CALLS or kind.name.startswith("torch.backends."):
                if "seed" not in kind.name:
                    self.note(original_node, CHANGED, f"{kind.name} has no meaning here: left out")
                return cst.RemoveFromParent()
            if kind.name == "torch.autograd.set_detect_anomaly":
                self.needs.add("jax")
                return cst.Expr(cst.parse_expression('jax.config.update("jax_debug_nans", True)'))
        if not isinstance(before.func, cst.Attribute):
            return updated_node
        target, attr = before.func.value, before.func.attr.value
        base = self._kind(target)
        if attr in ("to", "cuda", "cpu") and isinstance(after, cst.Name | cst.Attribute):
            return cst.RemoveFromParent()
        if attr.endswith("_") and not attr.startswith("_") and attr not in self.found.own_methods:
            return self._in_place(original_node, updated_node, target, attr, base)
        return updated_node

    def _in_place(
        self, original: cst.Expr, updated: cst.Expr, target: cst.BaseExpression, attr: str, base: Kind | None
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel:
        """``x.add_(y)`` as a statement."""
        before = original.value
        assert isinstance(before, cst.Call)
        args = updated.value.args if isinstance(updated.value, cst.Call) else ()
        if isinstance(target, cst.Attribute) and target.attr.value == "data":
            owner = self._kind(target.value)
            parameter = isinstance(target.value, cst.Attribute) and target.value.attr.value in ("weight", "bias")
            box = parameter or (owner is not None and owner.tag == "box")
            if box or (owner is None and isinstance(target.value, cst.Attribute) and attr in _INITS
                       and target.value.attr.value != "grad"):  # fmt: skip
                return self._parameter_in_place(target.value, attr, args)
        if isinstance(target, cst.Attribute) and (
            target.attr.value == "grad" or (dotted(target) or "").endswith(".grad.data")
        ):
            place_ = target if target.attr.value == "grad" else target.value
            if attr == "zero_":
                return assign(place_, cst.Name("None"))
            if attr in ("detach_", "requires_grad_"):
                return cst.RemoveFromParent()
            plain = plain_name(attr)
            if plain is not None:
                self.needs.add("fnn")
                return assign(place_, call(f"fnn.{plain}", place_, *args))
            return updated
        if base is not None and base.tag == "box":
            return updated
        if base is None or base.tag not in ("array", "batch"):
            return updated
        if isinstance(updated.value, cst.Call) and isinstance(target, cst.Name | cst.Attribute | cst.Subscript):
            function = dotted(updated.value.func) or ""
            if not (function.startswith("fnn.") or function.endswith("Parameter")):
                return updated
            if isinstance(target, cst.Subscript):
                return self._indexed(target, "set", updated.value) or updated
            return assign(target, updated.value)
        return updated

    def _parameter_in_place(
        self, parameter: cst.BaseExpression, attr: str, args: Sequence[cst.Arg]
    ) -> cst.BaseSmallStatement:
        self.needs.add("fnn")
        if attr in _INITS:
            return cst.Expr(call(f"{self._names_nn}.init.{_INITS[attr]}", parameter, *args))
        data = cst.Attribute(parameter, cst.Name("data"))
        plain = plain_name(attr)
        if attr == "copy_" and len(args) == 1:
            return assign(data, bare(args[0].value))
        return assign(data, call(f"fnn.{plain or attr}", data, *args))

    def _indexed(self, target: cst.Subscript, what: str, value: cst.BaseExpression) -> cst.Assign | None:
        """``x[i] = v`` as ``x = x.at[i].set(v)``."""
        target = _flat(target)
        if not isinstance(target.value, cst.Name | cst.Attribute):
            return None
        at = target.with_changes(value=cst.Attribute(target.value, cst.Name("at")))
        written = cst.Call(cst.Attribute(at, cst.Name(what)), [cst.Arg(bare(value))])
        return assign(target.value, written)

    def _written(
        self, original: cst.Subscript, target: cst.Subscript, value: cst.BaseExpression, given: cst.BaseExpression
    ) -> cst.Assign | None:
        """``x[i] = v`` for an array; where ``i`` is a mask and ``v`` a number, by `fnn.masked_fill`."""
        match original.slice:
            case [cst.SubscriptElement(slice=cst.Index(value=index))] if self._kind(index) == MASK:
                number = self._kind(value) == NUMBER or isinstance(value, cst.Integer | cst.Float | cst.UnaryOperation)
                new = target.slice[0].slice
                function = "fnn.masked_fill" if number else "fnn.masked_scatter" if is_array(self._kind(value)) else ""
                if function and isinstance(new, cst.Index) and isinstance(target.value, cst.Name | cst.Attribute):
                    self.needs.add("fnn")
                    return assign(target.value, call(function, target.value, bare(new.value), bare(given)))
        if self._kind(value) == ROW and isinstance(target.value, cst.Name | cst.Attribute):
            place = cst.Attribute(target, cst.Name("shape"))
            given = cst.Call(cst.Attribute(grouped(given), cst.Name("reshape")), [cst.Arg(place)])
        return self._indexed(target, "set", given)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
        if len(original_node.body) != 1 or len(updated_node.body) < 2:
            return updated_node
        *first, last = (cst.SimpleStatementLine([small]) for small in updated_node.body)
        lines = [*first, last.with_changes(trailing_whitespace=updated_node.trailing_whitespace)]
        lines[0] = lines[0].with_changes(leading_lines=updated_node.leading_lines)
        return cst.FlattenSentinel(lines)

    def _shared(self, original: cst.Assign, updated: cst.Assign) -> cst.FlattenSentinel[cst.BaseSmallStatement] | None:
        """``x[i] = y = v``: the names first, then the writes."""
        plain: list[cst.AssignTarget] = []
        writes: list[tuple[cst.Subscript, cst.Subscript]] = []
        for before, after in zip(original.targets, updated.targets, strict=True):
            target, new = before.target, after.target
            kind = self._kind(target.value) if isinstance(target, cst.Subscript) else None
            if isinstance(target, cst.Subscript) and isinstance(new, cst.Subscript) and kind is not None:
                if kind.tag == "array":
                    writes.append((target, new))
                    continue
            plain.append(after)
        if not writes:
            return None
        value = plain[0].target if plain else updated.value
        made: list[cst.BaseSmallStatement] = [updated.with_changes(targets=plain)] if plain else []
        for target, new in writes:
            written = self._written(target, new, original.value, value)
            if written is None:
                return None
            self._told_indexed(original, target)
            made.append(written)
        return cst.FlattenSentinel(made)

    def leave_Assign(
        self, original_node: cst.Assign, updated_node: cst.Assign
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel | cst.FlattenSentinel[cst.BaseSmallStatement]:
        target = original_node.targets[0].target
        kind = self._kind(original_node.value)
        full = self._kind(target.value) if isinstance(target, cst.Attribute) else None
        if full is not None and full.tag == "torch" and full.name.startswith("torch.backends."):
            return cst.RemoveFromParent()
        if kind is not None and kind.tag == "tensor class" and isinstance(target, cst.Name):
            return cst.RemoveFromParent()
        if replaced_self(updated_node.targets, updated_node.value) and not original_node.deep_equals(updated_node):
            return cst.RemoveFromParent()
        if len(original_node.targets) != 1:
            return self._shared(original_node, updated_node) or updated_node
        after = updated_node.targets[0].target
        if isinstance(target, cst.Subscript) and isinstance(after, cst.Subscript):
            base = self._kind(target.value)
            if base is not None and base.tag == "array":
                made = self._written(target, after, original_node.value, updated_node.value)
                if made is not None:
                    self._told_indexed(original_node, target)
                    return made
                self.note(original_node, LEFT, "a write into an array: write x = x.at[i].set(v)")
        if isinstance(target, cst.Attribute) and isinstance(after, cst.Attribute | cst.Call):
            base = self._kind(target.value)
            array = base is not None and base.tag == "array"
            if target.attr.value == "requires_grad" and array and isinstance(target.value, cst.Name):
                self.needs.add("fnn")
                return assign(target.value, call(f"{self._names_nn}.Parameter", target.value))
            if target.attr.value == "data" and array:
                return assign(target.value, updated_node.value)
        return updated_node

    def leave_AssignTarget(self, original_node: cst.AssignTarget, updated_node: cst.AssignTarget) -> cst.AssignTarget:
        if isinstance(original_node.target, cst.Attribute) and not isinstance(updated_node.target, cst.Attribute):
            return original_node
        return updated_node

    def _told_indexed(self, node: cst.CSTNode, target: cst.Subscript) -> None:
        self.note(node, CHANGED, "the write makes a new array: other names of the old one do not see it")
        del target

    def leave_AugAssign(self, original_node: cst.AugAssign, updated_node: cst.AugAssign) -> cst.BaseSmallStatement:
        target, after = original_node.target, updated_node.target
        kind = self._kind(target)
        if isinstance(target, cst.Subscript) and isinstance(after, cst.Subscript):
            base = self._kind(target.value)
            if base is not None and base.tag == "array":
                what, value = _AT.get(type(original_node.operator)), updated_node.value
                if isinstance(original_node.operator, cst.SubtractAssign):
                    what, value = "add", cst.UnaryOperation(cst.Minus(), grouped(value))
                made = self._indexed(after, what, value) if what is not None else None
                if made is not None:
                    self._told_indexed(original_node, target)
                    return made
                self.note(original_node, LEFT, "a write into an array: write x = x.at[i].set(x[i] ...)")
        if kind is not None and kind.tag == "box" and isinstance(target, cst.Name):
            return updated_node.with_changes(target=cst.Attribute(target, cst.Name("data")))
        if isinstance(target, cst.Attribute) and not isinstance(after, cst.Attribute):
            return updated_node.with_changes(target=target)
        return updated_node

    # what is left empty

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        if updated_node.body:
            return updated_node
        return updated_node.with_changes(body=[cst.SimpleStatementLine([cst.Pass()])])

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        return updated_node if updated_node.body else updated_node.with_changes(body=[cst.Pass()])

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> cst.BaseStatement | cst.RemovalSentinel:
        before, after = original_node.orelse, updated_node.orelse
        if isinstance(before, cst.Else) and isinstance(after, cst.Else):
            if _is_empty(after.body) and not _is_empty(before.body):
                updated_node = updated_node.with_changes(orelse=None)
        if _is_empty(updated_node.body) and not _is_empty(original_node.body) and updated_node.orelse is None:
            if not _calls(updated_node.test):
                return cst.RemoveFromParent()
        return updated_node


def _flat(target: cst.Subscript) -> cst.Subscript:
    """``x[i][j]`` as ``x[i, j]``, where nothing is sliced."""
    while isinstance(target.value, cst.Subscript):
        inner = target.value
        single = [e.slice.value for e in (*inner.slice, *target.slice) if isinstance(e.slice, cst.Index)]
        plain = all(isinstance(v, cst.Integer | cst.Name | cst.Call | cst.BinaryOperation) for v in single)
        if len(single) != len(inner.slice) + len(target.slice) or not plain:
            return target
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        joined = [e.with_changes(comma=comma) for e in inner.slice]
        target = target.with_changes(value=inner.value, slice=[*joined, *target.slice])
    return target


def _undetached(node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, cst.Call) and dotted(node.func) == "fnn.detach" and len(node.args) == 1:
        return node.args[0].value
    return node


def _is_empty(body: cst.BaseSuite) -> bool:
    lines = body.body
    if len(lines) != 1:
        return False
    line = lines[0]
    if isinstance(line, cst.SimpleStatementLine):
        return len(line.body) == 1 and isinstance(line.body[0], cst.Pass)
    return isinstance(line, cst.Pass)


def _calls(node: cst.BaseExpression) -> bool:
    found: list[cst.Call] = []

    class Finder(cst.CSTVisitor):
        def visit_Call(self, node: cst.Call) -> None:
            if dotted(node.func) not in ("jax.default_backend", "isinstance", "hasattr", "len"):
                found.append(node)

    node.visit(Finder())
    return bool(found)


_AMBIGUOUS = frozenset(
    "repeat transpose sort squeeze flatten std var size expand argsort nonzero float long int bool half chunk flip "
    "roll add mul div pow exp log sqrt dim type index_put".split()
)


def _tensor_only(attr: str, args: Sequence[cst.Arg]) -> bool:
    """Whether a method of this name may be a tensor's and needs another word then."""
    keywords = {a.keyword.value for a in args if a.keyword is not None}
    return attr in _AMBIGUOUS or (attr in ("sum", "mean", "max", "min", "argmax") and bool(keywords & {"dim"}))
