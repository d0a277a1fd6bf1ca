"""Calls of methods: a tensor's become functions of fnn's, a device's move is left out."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn.port._calls import OF_ARRAYS
from fnn.port._conditions import Conditions
from fnn.port._edit import arguments, bare, call
from fnn.port._hindrances import STEP
from fnn.port._kinds import Kind, is_array
from fnn.port._methods import method, numbered, stays
from fnn.port._outline import STAYS
from fnn.port._report import CHANGED, CONVERTED, LEFT
from fnn.port._reporting import DEVICES, DOUBLE
from fnn.port._scopes import dotted
from fnn.port._torch import hint

__all__ = ["SIZED", "MethodCalls"]

_AMBIGUOUS = frozenset(
    "repeat transpose sort squeeze flatten std var size expand argsort nonzero float long int bool half chunk flip "
    "roll add mul div pow exp log sqrt dim type index_put".split()
)
_SIZED = frozenset("nonzero argwhere masked_select unique unique_consecutive".split())
SIZED = (
    "{} gives as many elements as the values ask for, which is not known where a step is compiled; write it with a "
    "mask and fnn.where"
)


class MethodCalls(Conditions):
    """What the kind of a receiver says of a call."""

    def _tell_double(self, node: cst.CSTNode) -> None:
        if self.double:
            self.needs.add("jax")
            self.note(node, CHANGED, DOUBLE)
        else:
            self.note(node, CHANGED, "single precision: JAX has double precision in its 64-bit mode only")

    def _tell_sizes(self, node: cst.Call, called: str, of_arrays: bool) -> None:
        """Reports a result whose size depends on values, where it is compiled."""
        sized = called in _SIZED or (called == "where" and len(node.args) == 1)
        of_method = isinstance(node.func, cst.Attribute) and is_array(self._kind(node.func.value))
        parts = [*node.args, *([node.func.value] if of_method and isinstance(node.func, cst.Attribute) else [])]
        if sized and all(self._is_fixed(node, part) for part in parts):
            return
        if of_arrays and sized and self._forward and self._forward[-1]:
            self.note(node, LEFT, SIZED.format(called), STEP)

    def _method_call(
        self, original: cst.Call, updated: cst.Call, func: cst.Attribute, new: cst.Attribute
    ) -> cst.BaseExpression:
        attr, base = func.attr.value, self._kind(func.value)
        receiver = new.value
        kinds = [self._kind(a.value) for a in original.args]
        if self.found.is_backward(original):
            self.needs.add("fnn")
            if not any(self._in_step) and not any(STAYS in note.text for note in self.notes):
                self.note(original, LEFT, f"{STAYS}; write it as a function under @fnn.jit that calls "
                          "fnn.backward(loss)", STEP)  # fmt: skip
            return call("fnn.backward", bare(receiver), *updated.args)
        if attr in ("to", "cuda", "cpu"):
            moved = self._moved(original, updated, attr, base, receiver)
            if moved is not None:
                return moved
        if attr == "double" and not original.args and (is_array(base) or (base is not None and base.tag == "module")):
            self._tell_double(original)
            if base is not None and base.tag == "array" and not self.double:
                self.needs.add("fnn")
                return call("fnn.float", bare(receiver))
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
            and not self._steps.is_device(before.value)
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
            and (attr in ("items", "keys", "values", "get") or not (attr in OF_ARRAYS or attr.endswith("_")))
        ):
            return updated
        self._tell_sizes(original, attr, attr != "where")
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
        if attr == "to_sparse" and not original.args:
            self.needs.add("jax.experimental.sparse")
            return call("jax.experimental.sparse.BCOO.fromdense", bare(receiver))
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


def _undetached(node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, cst.Call) and dotted(node.func) == "fnn.detach" and len(node.args) == 1:
        return node.args[0].value
    return node


def _tensor_only(attr: str, args: Sequence[cst.Arg]) -> bool:
    """Whether a method of this name may be a tensor's and needs another word then."""
    keywords = {a.keyword.value for a in args if a.keyword is not None}
    return attr in _AMBIGUOUS or (attr in ("sum", "mean", "max", "min", "argmax") and bool(keywords & {"dim"}))
