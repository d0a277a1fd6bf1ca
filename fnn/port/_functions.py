"""Calls of PyTorch's functions that are not written with the same name and the same arguments."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from fnn.port._edit import arguments, bare, call, grouped, keyword, name, product
from fnn.port._infer import Inference
from fnn.port._kinds import Kind
from fnn.port._report import CHANGED, Status
from fnn.port._scopes import dotted
from fnn.port._torch import SPARSE_MAKERS, TENSOR_CLASSES

__all__ = ["Functions"]

_AVAILABLE = frozenset(
    ("torch.cuda.is_available", "torch.backends.mps.is_available", "torch.xpu.is_available", "torch.mps.is_available",
     "torch.backends.mps.is_built", "torch.accelerator.is_available")
)  # fmt: skip
# What is asked of an accelerator's runtime, and what JAX says of it.
_RUNTIME = {
    "torch.accelerator.current_accelerator": 'fnn.device("cuda")',
    "torch.accelerator.current_device_index": "0",
    "torch.accelerator.device_count": "jax.device_count()",
    "torch.cuda.current_device": "0",
    "torch.cuda.device_count": "jax.device_count()",
    "torch.cuda.get_device_name": "jax.devices()[0].device_kind",
    "torch.cuda.is_bf16_supported": "True",
    "torch.cuda.max_memory_allocated": '(jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)',
    "torch.cuda.memory_allocated": '(jax.devices()[0].memory_stats() or {}).get("bytes_in_use", 0)',
}
WEIGHTS = "the weights of the model are saved, not its code: build it, then load_state_dict(fnn.load(file))"
_DROPPED_KEYWORDS = frozenset(("requires_grad", "pin_memory", "layout", "memory_format", "only_inputs"))
_FLOATS = {"float32": "float", "float64": "double", "float16": "half", "int32": "int"}


class Functions:
    """Rewrites one call; names inside it are done already."""

    def __init__(self, found: Inference, note: Callable[[cst.CSTNode, Status, str], None], double: bool) -> None:
        self._found = found
        self._double = double
        self._note = note

    def _dtype(self, full: str) -> str:
        dtype = TENSOR_CLASSES.get(full, "float32")
        return "float32" if dtype == "float64" and not self._double else dtype

    def cast(self, full: str) -> str:
        """The function that converts to the dtype of a class such as torch.LongTensor."""
        dtype = self._dtype(full)
        return _FLOATS.get(dtype, dtype)

    def call(self, original: cst.Call, updated: cst.Call, kind: Kind) -> cst.BaseExpression | None:
        """What stands for a call of this object; None: the same call."""
        full = kind.name
        if kind.tag == "tensor class" or full in TENSOR_CLASSES:
            return self._constructed(original, updated, full)
        if full == "torch.autograd.Variable":
            if not updated.args:
                return None
            value = updated.args[0].value
            if _given(original, "requires_grad") not in (None, "False"):
                return call("fnn.nn.Parameter", bare(value))
            return value
        if full in _AVAILABLE:
            if "mps" in full or "xpu" in full:
                return cst.Name("False")
            return cst.parse_expression('jax.default_backend() == "gpu"')
        if full in _RUNTIME:
            return cst.parse_expression(_RUNTIME[full])
        if full == "torch.save" and updated.args and _is_module(self._found.of(original.args[0].value)):
            self._note(original, CHANGED, WEIGHTS)
            first = updated.args[0]
            weights = cst.Call(cst.Attribute(first.value, cst.Name("state_dict")))
            return updated.with_changes(args=[first.with_changes(value=weights), *updated.args[1:]])
        if full == "torch.onnx.export" and len(updated.args) >= 3:
            return self._onnx(original, updated)
        if full == "torch.compile" and updated.args:
            self._note(original, CHANGED, "fnn.jit compiles the whole training step; the model is left as it is")
            return updated.args[0].value
        if full.startswith("torch.nn.init.") and full.endswith("_") and updated.args:
            first = updated.args[0]
            if isinstance(first.value, cst.Attribute) and first.value.attr.value == "data":
                return updated.with_changes(args=[first.with_changes(value=first.value.value), *updated.args[1:]])
            return None
        if full in ("torch.spmm", "torch.sparse.mm") and len(updated.args) == 2:
            return product(*(a.value for a in updated.args))
        if full in SPARSE_MAKERS and len(updated.args) >= 3:
            return self._sparse(updated)
        if full == "torch.cuda.amp.autocast":
            return call("fnn.amp.autocast", cst.SimpleString('"cuda"'), *updated.args)
        if full == "torch.cuda.amp.GradScaler":
            return call("fnn.amp.GradScaler", *updated.args)
        return self._keywords(original, updated, full)

    def _onnx(self, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
        """``fnn.export_onnx(model, *examples, path=file)``; None: the arguments are not plain."""
        model, examples, path = (a.value for a in updated.args[:3])
        if any(a.star or a.keyword is not None for a in updated.args[:3]):
            return None
        given = [e.value for e in examples.elements] if isinstance(examples, cst.Tuple) else [examples]
        options = {"path": path}
        if _given(original, "dynamic_axes") is None:
            options["dynamic_batch"] = cst.Name("False")
        self._note(original, CHANGED, "fnn.export_onnx chooses the operator set and the names of inputs and outputs")
        return call("fnn.export_onnx", model, *given, *(keyword(n, v) for n, v in options.items()), like=updated)

    def _sparse(self, updated: cst.Call) -> cst.BaseExpression:
        """A matrix of coordinates and values."""
        indices, values, size = (a.value for a in updated.args[:3])
        parts = cst.Tuple([cst.Element(values), cst.Element(cst.Attribute(grouped(indices), cst.Name("T")))])
        return call("jax.experimental.sparse.BCOO", parts, keyword("shape", size), like=updated)

    def _constructed(self, original: cst.Call, updated: cst.Call, full: str) -> cst.BaseExpression | None:
        dtype = self._dtype(full)
        typed = keyword("dtype", name(f"fnn.{dtype}"))
        tags = [k.tag if (k := self._found.of(a.value)) is not None else "" for a in original.args]
        stars = any(a.star for a in original.args)
        if not updated.args:
            return call("fnn.empty", cst.Integer("0"), *([] if dtype == "float32" else [typed]))
        if stars or len(tags) > 1 or tags == ["number"] or tags == ["shape"]:
            return call("fnn.empty", *updated.args, *([] if dtype == "float32" else [typed]))
        if tags == [""]:
            self._note(original, CHANGED, "taken for the data of an array; if it is a size, write fnn.empty(size)")
        first = updated.args[0].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return call("fnn.tensor", first, typed, like=updated)

    def _keywords(self, original: cst.Call, updated: cst.Call, full: str) -> cst.BaseExpression | None:
        """The call without the arguments that mean nothing here, and as a Parameter if it asks for a gradient."""
        if full.startswith(("torch.utils.", "torch.optim", "torch.load", "torch.save", "torchvision.", "torch.nn.P")):
            drop = frozenset(("fused", "foreach")) if full.startswith("torch.optim") else frozenset()
        else:
            drop = _DROPPED_KEYWORDS | {"device"}
        if full == "torch.load":
            drop = frozenset(("weights_only", "pickle_module"))  # nothing is executed that stands in a file
        kept = [a for a in updated.args if a.keyword is None or a.keyword.value not in drop]
        if len(kept) == len(updated.args):
            return None
        if kept:
            end = updated.args[-1]
            last = kept[-1].with_changes(comma=end.comma, whitespace_after_arg=end.whitespace_after_arg)
            kept = [*kept[:-1], last]
        made = updated.with_changes(args=arguments(*kept))
        if _given(original, "requires_grad") not in (None, "False") and "requires_grad" in drop:
            return call("fnn.nn.Parameter", made)
        return made


def _is_module(kind: Kind | None) -> bool:
    return kind is not None and kind.tag == "module"


def _given(node: cst.Call, keyword: str) -> str | None:
    for argument in node.args:
        if argument.keyword is not None and argument.keyword.value == keyword:
            return dotted(argument.value) or "?"
    return None
