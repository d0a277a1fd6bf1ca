"""Statements that write in place: indexed and augmented assignments; `_in_place` has the methods."""

from __future__ import annotations

import libcst as cst

from fnn.port._by_masks import Write, write_by_mask
from fnn.port._collectives import each_exchanged, written
from fnn.port._edit import assign, call, grouped, on_a_line, replaced_self
from fnn.port._in_parts import write_in_part
from fnn.port._in_place import InPlace
from fnn.port._kinds import BOX, MASK, ROW, element, is_array
from fnn.port._report import CHANGED, LEFT
from fnn.port._scopes import each_in_place, requiring

__all__ = ["REMOVED", "SHARED", "Writes"]

BESIDE = (
    "how many rows a mask chooses is not known where a step is compiled; write fnn.index_put for whole rows, or "
    "fnn.where of the whole array"
)
SHARED = (
    "these arrays have other names as well, which would not become Parameters: make each an fnn.nn.Parameter where it "
    "is made"
)
REMOVED = frozenset(
    "torch.cuda.empty_cache torch.cuda.synchronize torch.cuda.manual_seed torch.cuda.manual_seed_all "
    "torch.cuda.set_device torch.set_num_threads torch.use_deterministic_algorithms "
    "torch.set_float32_matmul_precision torch.multiprocessing.set_start_method torch.cuda.reset_peak_memory_stats "
    "torch.accelerator.set_device_index torch.accelerator.synchronize torch.accelerator.set_device "
    "torch.cuda.reset_max_memory_allocated torch.cuda.ipc_collect torch.set_num_interop_threads "
    "torch.set_flush_denormal torch.mps.manual_seed torch.multiprocessing.set_sharing_strategy".split()
)


class Writes(InPlace):
    """What is written in place gets a new value."""

    def leave_Expr(
        self, original_node: cst.Expr, updated_node: cst.Expr
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel:
        before, after = original_node.value, updated_node.value
        if not isinstance(before, cst.Call):
            return updated_node
        kind = self._kind(before.func)
        if kind is not None and kind.tag == "torch":
            if kind.name in REMOVED or kind.name.startswith("torch.backends."):
                if "seed" not in kind.name:
                    self.note(original_node, CHANGED, f"{kind.name} has no meaning here: left out")
                return cst.RemoveFromParent()
            if kind.name == "torch.autograd.set_detect_anomaly":
                self.needs.add("jax")
                return cst.Expr(cst.parse_expression('jax.config.update("jax_debug_nans", True)'))
        if isinstance(after, cst.Call) and (place := written(kind, before)) is not None:
            return self._exchanged(updated_node, after, place, written(kind, after))
        if not isinstance(before.func, cst.Attribute):
            return updated_node
        target, attr = before.func.value, before.func.attr.value
        base = self._kind(target)
        if attr in ("to", "cuda", "cpu") and isinstance(after, cst.Name | cst.Attribute):
            return cst.RemoveFromParent()
        if attr.endswith("_") and not attr.startswith("_") and attr not in self.found.own_methods:
            if isinstance(target, cst.Call):
                return self._chained(original_node, updated_node, target)
            return self._in_place(original_node, updated_node, target, attr, base)
        return updated_node

    def leave_For(
        self, original_node: cst.For, updated_node: cst.For
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """``for s in states: s.detach_()``, which has to change what it goes over."""
        if (line := each_exchanged(updated_node)) is not None:
            return cst.SimpleStatementLine([line]).with_changes(leading_lines=updated_node.leading_lines)
        loop = each_in_place(original_node)
        if loop is None and requiring(original_node):
            held = element(self._kind(original_node.iter))
            if held != BOX and is_array(held):
                self.note(original_node, LEFT, SHARED)
        kind = self._kind(loop.rows) if loop is not None else None
        held = element(kind)
        if loop is None or held == BOX or (loop.method == "requires_grad_" and not is_array(held)):
            return updated_node
        made = {"detach_": "fnn.detach", "requires_grad_": f"{self._names_nn}.Parameter"}[loop.method]
        self.needs.add("fnn")
        row, (left, right) = loop.rows.value, ("[", "]") if kind is not None and kind.tag == "list" else ("tuple(", ")")
        text = f"{left}{made}({loop.name}) for {loop.name} in {row}{right}"
        line = cst.SimpleStatementLine([assign(cst.Name(row), cst.parse_expression(text))])
        line = line.with_changes(leading_lines=updated_node.leading_lines)
        names = self.found.shared.get(id(loop.rows), ())
        if names is None:
            self.note(original_node, LEFT, SHARED)
        if not names:
            return line
        target = cst.Tuple([cst.Element(cst.Name(n)) for n in names], lpar=[], rpar=[])
        return cst.FlattenSentinel([line, cst.SimpleStatementLine([assign(target, cst.Name(row))])])

    def _written(self, line: cst.CSTNode, write: Write) -> cst.Assign | None:
        """``x[i] = v`` or ``x[i] += v`` for an array; None: what to write is not known."""
        compiled = self._is_compiled
        target, new, found = write.target, write.new_target, self.found
        shapes, ranks = self._shapes(target), self._ranks(target)
        masks = [e.slice.value for e in target.slice if isinstance(e.slice, cst.Index)]
        masks = [m for m in masks if self._kind(m) == MASK and not (compiled and self._is_fixed(target, m))]
        made = write_by_mask(write, found, shapes, compiled)
        if made is None and masks:
            made = write_in_part(write, found, shapes, ranks, compiled)
        if made is not None:
            self.needs.add("fnn")
            return made
        given = write.given
        row = write.operator is None and self._kind(write.value) == ROW
        if row and isinstance(new.value, cst.Name | cst.Attribute):
            place = cst.Attribute(new, cst.Name("shape"))
            given = cst.Call(cst.Attribute(grouped(given), cst.Name("reshape")), [cst.Arg(place)])
        made = self._indexed(new, write.operator, given) or write_in_part(write, found, shapes, ranks, compiled)
        if masks and compiled and made is not None:
            self.note(line, LEFT, BESIDE, "the training step")
        return made

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
            written = self._written(original, Write(target, original.value, new, value))
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
        before, after = original_node.value, updated_node.value
        replaced = isinstance(before, cst.Call) and (before.lpar or isinstance(after, cst.BinaryOperation))
        if replaced and not before.deep_equals(after):
            updated_node = updated_node.with_changes(value=on_a_line(after))
        match before, after:
            case cst.ListComp(), cst.Call(func=cst.Name(value="list"), args=[cst.Arg(value=rows)]):
                if isinstance(target, cst.Tuple | cst.List):
                    updated_node = updated_node.with_changes(value=rows)
                elif target.deep_equals(rows):
                    return cst.RemoveFromParent()
        full = self._kind(target.value) if isinstance(target, cst.Attribute) else None
        if full is not None and full.tag == "torch" and full.name.startswith("torch.backends."):
            return cst.RemoveFromParent()
        if kind is not None and kind.tag == "tensor class" and isinstance(target, cst.Name):
            return cst.RemoveFromParent()
        if replaced_self(updated_node.targets, updated_node.value) and not original_node.deep_equals(updated_node):
            return cst.RemoveFromParent()
        if self.found.loads(original_node.value) and (module := self._kind(target)) is not None:
            if module.tag == "module" and isinstance(target, cst.Name):
                self.note(original_node, CHANGED, "the file holds the weights of the model, which is there already")
                loading = cst.Attribute(cst.Name(target.value), cst.Name("load_state_dict"))
                return cst.Expr(cst.Call(loading, [cst.Arg(updated_node.value)]))
        if len(original_node.targets) != 1:
            return self._shared(original_node, updated_node) or updated_node
        place = updated_node.targets[0].target
        if isinstance(target, cst.Subscript) and isinstance(place, cst.Subscript):
            base = self._kind(target.value)
            if base is not None and base.tag == "array":
                made = self._written(original_node, Write(target, original_node.value, place, updated_node.value))
                if made is not None:
                    self._told_indexed(original_node, target)
                    return made
                self.note(original_node, LEFT, "a write into an array: write x = x.at[i].set(v)")
        if isinstance(target, cst.Attribute) and isinstance(place, cst.Attribute | cst.Call):
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
            if base is not None and base.tag == "array" and _is_whole(target):
                return updated_node.with_changes(target=after.value)
            if base is not None and base.tag == "array":
                write = Write(target, original_node.value, after, updated_node.value, original_node.operator)
                made = self._written(original_node, write)
                if made is not None:
                    self._told_indexed(original_node, target)
                    return made
                self.note(original_node, LEFT, "a write into an array: write x = x.at[i].set(x[i] ...)")
        if kind is not None and kind.tag == "box" and isinstance(target, cst.Name):
            return updated_node.with_changes(target=cst.Attribute(target, cst.Name("data")))
        if isinstance(target, cst.Attribute) and not isinstance(after, cst.Attribute):
            return updated_node.with_changes(target=target)
        return updated_node


def _is_whole(target: cst.Subscript) -> bool:
    """``x[:]``."""
    match target.slice:
        case [cst.SubscriptElement(slice=cst.Slice(lower=None, upper=None, step=None))]:
            return True
    return False
