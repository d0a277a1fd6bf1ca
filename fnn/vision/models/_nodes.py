"""What a model does, node by node: calls of its leaf Modules and of functions, by name and in order.

A node's name is the path of the Module whose call it is or whose ``forward`` calls the function, then the function;
``_1``, ``_2``, ... tell nodes of one name apart.  A model is walked while it is traced: Modules tell of their calls
(`fnn.state.paths.listener`), the trace of its operations (`fnn.tracing.watched`).  The operations of one call of one
library function, seen from the model's own code, are one node.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType, ModuleType
from typing import Any

import jax

from fnn import nn
from fnn.nn import Module
from fnn.state.paths import listener
from fnn.tracing import current_trace, watched

__all__ = ["Leaves", "Node", "Walk", "names_of_arguments"]

_FNN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
_JAX = os.path.dirname(os.path.abspath(jax.__file__)) + os.sep
_MODELS = tuple(os.path.join(_FNN, *part) + os.sep for part in (("vision", "models"), ("text",)))
# Frames that stand between the model and what it calls, and whose name says nothing of it.
_PASSAGES = tuple(
    os.path.join(_FNN, *part)
    for part in (
        ("autocasting", ""),
        ("func", ""),
        ("functional", "reduction.py"),
        ("layers", ""),
        ("nn", "modules", ""),
        ("state", ""),
    )
)
_PLUMBING = tuple(
    os.path.join(_JAX, "_src", *part)
    for part in (
        ("traceback_util.py",),
        ("pjit.py",),
        ("api.py",),
        ("custom_derivatives.py",),
        ("numpy", "array_methods.py"),
        ("numpy", "ufunc_api.py"),
        ("numpy", "indexing.py"),
        ("core.py",),
        ("interpreters", "partial_eval.py"),
    )
)
_CALL = Module.__call__.__code__
_CALLING = os.path.join(_FNN, "nn", "_module")  # the file of the call, and that of its hooks
# JAX's names and the ones that PyTorch's functions and Python's operators go by.
_TORCH = {
    "collapse": "flatten",
    "concatenate": "cat",
    "transpose": "permute",
    "moveaxis": "permute",
    "swapaxes": "transpose",
    "broadcast_to": "expand",
    "broadcast_in_dim": "expand",
    "multiply": "mul",
    "subtract": "sub",
    "div": "truediv",
    "divide": "truediv",
    "true_divide": "truediv",
    "dot_general": "matmul",
    "negative": "neg",
    "power": "pow",
    "integer_pow": "pow",
    "reduce_sum": "sum",
    "reduce_max": "amax",
    "slice": "getitem",
    "dynamic_slice": "getitem",
    "gather": "getitem",
    "rewriting_take": "getitem",
    "array_split": "chunk",
    "split": "chunk",
    "expand_dims": "unsqueeze",
}
# Functions of the models that torchvision's tracer takes for one operation, too.
_OURS = {"window_attention": "shifted_window_attention", "_bias": "_get_relative_position_bias"}


@dataclass(frozen=True)
class Leaves:
    """What a walk does not look into.

    Args:
        modules: classes of Modules, besides `fnn.nn`'s.
        files: of Python modules whose functions are nodes.
        functions: the code of further functions that are.
    """

    modules: tuple[type, ...] = ()
    files: frozenset[str] = frozenset()
    functions: frozenset[CodeType] = frozenset()

    @staticmethod
    def of(modules: tuple[type, ...], sources: tuple[ModuleType, ...], functions: tuple[Any, ...]) -> Leaves:
        """Of Python modules and functions."""
        files = set()
        for source in sources:
            file = getattr(source, "__file__", None)
            if file is not None:
                file = os.path.abspath(file)
                files.add(os.path.dirname(file) + os.sep if os.path.basename(file) == "__init__.py" else file)
        codes = (getattr(inspect.unwrap(function), "__code__", None) for function in functions)
        return Leaves(modules, frozenset(files), frozenset(code for code in codes if code is not None))

    def stop_at(self, module: object) -> bool:
        """Whether a Module's call is one node."""
        if isinstance(module, self.modules):
            return True
        home = type(module).__module__
        return (home == "fnn.nn" or home.startswith("fnn.nn.")) and not isinstance(module, nn.Sequential)

    def called(self, frame: FrameType) -> bool:
        """Whether a frame is that of a function that is a node."""
        code = frame.f_code
        file = code.co_filename
        if code in self.functions or file.startswith(_JAX):
            return True
        if file.startswith(_FNN):
            return not file.startswith(_MODELS) or any(file.startswith(f) for f in self.files)
        return any(file.startswith(f) if f.endswith(os.sep) else file == f for f in self.files)


@dataclass(eq=False)
class Node:
    """One step of a model.

    Args:
        name: its name, the only one that has it.
        kind: ``"input"``, ``"parameter"``, ``"module"`` or ``"function"``; ``"call"`` for the call of a Module that
            has nodes inside and is none itself.
        value: what it gives.
        inputs: the arrays that it takes.
        outputs: the arrays that it makes, its own in between among them.
        target: the path of the Module, of the parameter.
    """

    name: str
    kind: str
    value: Any
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    target: str = ""


class Walk:
    """Finds the nodes of one call of a model, while the innermost trace is traced.

    Args:
        model: the model.
        leaves: where to stop.
        found: called with each `Node`.
    """

    def __init__(self, model: Module, leaves: Leaves, found: Callable[[Node], None]) -> None:
        self._paths = {id(module): path for path, module in _below(model)}
        self._leaves, self._found = leaves, found
        self._counts: dict[str, int] = {}
        self._open: list[tuple[object, str]] = []
        self._leaf: tuple[object, str, Any] | None = None
        self._depth = 0  # calls inside the leaf
        self._trace = current_trace()
        self._call: FrameType | None = None  # of the function that is being called
        self._node: Node | None = None
        self._frames: list[FrameType] = []  # kept, so that none is taken for another
        self._boxes = {id(box._peek()): path for path, box in _boxes(model)}
        self._met: set[str] = set()

    @contextmanager
    def walking(self) -> Iterator[None]:
        """Inside the ``with`` block nodes are found."""
        token = listener.set(self)
        try:
            with watched(self._operation):
                yield
            self._close()
        finally:
            listener.reset(token)
            self._frames.clear()
            self._call = None

    def given(self, names: list[tuple[str, Any]]) -> None:
        """The model's arguments."""
        for name, value in names:
            self._found(Node(self._unique(name), "input", value, [], _arrays(value)))

    # -- Modules --------------------------------------------------------------------------------------

    def entered(self, module: object, arguments: object) -> None:
        """A call begins."""
        if current_trace() is not self._trace:
            return
        if self._leaf is not None:
            self._depth += 1
            return
        self._close()
        path = self._paths.get(id(module))
        if path is None:  # no child of anybody: one that forward has made
            path = self._within(type(module).__name__.lower())
        if self._open and self._leaves.stop_at(module):
            self._leaf, self._depth = (module, path, _arrays(arguments)), 0
        else:
            self._open.append((module, path))

    def left(self, module: object, output: object) -> None:
        """A call ends."""
        if current_trace() is not self._trace:
            return
        if self._leaf is not None:
            if self._depth or self._leaf[0] is not module:
                self._depth = max(0, self._depth - 1)
                return
            _, path, inputs = self._leaf
            self._leaf = None
            self._found(Node(self._unique(path), "module", output, inputs, _arrays(output), path))
            return
        self._close()
        while self._open:
            last, path = self._open.pop()
            if last is module:
                if path:
                    self._found(Node(path, "call", output, [], _arrays(output), path))
                return

    # -- functions ------------------------------------------------------------------------------------

    def _operation(self, name: str, params: Any, inputs: Any, outputs: Any) -> None:
        """One operation of the trace."""
        if self._leaf is not None or not self._open:
            return
        chain = _chain()
        inner = next((i for i, frame in enumerate(chain) if self._leaves.called(frame)), None)
        call = chain[inner] if inner is not None else None
        if call is None or call is not self._call or self._node is None:
            self._close()
            self._call = call
            if call is not None:
                self._frames.append(call)
            self._node = Node(_called(chain[inner:] if inner is not None else [], name, params), "function", None)
        self._read(inputs)
        self._node.inputs += inputs
        made = _arrays(outputs)
        self._node.outputs += made
        if made:
            self._node.value = made[0] if len(made) == 1 else made

    def _close(self) -> None:
        """The function's call has ended."""
        node, self._node, self._call = self._node, None, None
        if node is not None:
            node.name = self._unique(self._within(node.name))
            self._found(node)

    def _read(self, inputs: Any) -> None:
        """Parameters and buffers that the model's own code looks at."""
        for value in inputs:
            path = self._boxes.get(id(value))
            if path is not None and path not in self._met:
                self._met.add(path)
                name = path if "." not in path else self._within(path.replace(".", "_"))
                self._found(Node(self._unique(name), "parameter", value, [], [value], path))

    def _within(self, name: str) -> str:
        path = self._open[-1][1] if self._open else ""
        return f"{path}.{name}" if path else name

    def _unique(self, name: str) -> str:
        name = re.sub(
            r"(?<=.)_[0-9]+$", "", name
        )  # as torchvision has it: of ``ln_1`` and ``ln_2`` it is ``ln``, ``ln_1``
        n = self._counts[name] = self._counts.get(name, -1) + 1
        return f"{name}_{n}" if n else name


def _below(module: Module, path: str = "") -> Iterator[tuple[str, Module]]:
    """The Modules of a model with their paths, those too that have been taken out of its tables."""
    yield path, module
    children = [(name, child) for name, child in module._modules.items() if child is not None]
    out = [name for name, value in vars(module).items() if isinstance(value, Module)]
    for name, child in [*children, *((name, getattr(module, name)) for name in out)]:  # so that a trace sees it read
        yield from _below(child, f"{path}.{name}" if path else name)


def _boxes(model: Module) -> Iterator[tuple[str, Any]]:
    for path, module in model.named_modules():
        for name, box in [*module._parameters.items(), *module._buffers.items()]:
            if box is not None:
                yield (f"{path}.{name}" if path else name), box


def _arrays(tree: object) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(tree) if hasattr(leaf, "shape") and hasattr(leaf, "dtype")]


def _chain() -> list[FrameType]:
    """The frames from the innermost call of a Module inwards, without the call's own."""
    chain: list[FrameType] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is not _CALL:
        if not frame.f_code.co_filename.startswith(_CALLING):
            chain.append(frame)
        frame = frame.f_back
    return chain[::-1]


def _called(chain: list[FrameType], operation: str, params: Any) -> str:
    """The name of the function that a chain of frames begins with; else of the operation that it ends in."""
    for frame in chain:
        file = frame.f_code.co_filename
        if file.startswith(_PLUMBING):
            break
        name = frame.f_code.co_name
        decorator = file.startswith((_FNN, _JAX)) and "<locals>" in frame.f_code.co_qualname
        if not decorator and not file.startswith(_PASSAGES):
            return _plain(name) if file.startswith(_JAX) else _OURS.get(name, name)
    return _plain(str(params.get("name", operation)) if operation in ("jit", "pjit") else operation)


def _plain(name: str) -> str:
    """A name of JAX's as PyTorch has it."""
    name = name.strip("_")
    return _TORCH.get(name, name)


def names_of_arguments(model: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
    """The arguments of ``forward`` by name."""
    try:
        bound = inspect.signature(model.forward).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return []  # which the call itself will say better
    return list(bound.arguments.items())
