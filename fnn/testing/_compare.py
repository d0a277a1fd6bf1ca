"""`compare`: a PyTorch module and its fnn counterpart, layer by layer, up to the first that departs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn.random
from fnn.errors import ArgumentTypeError
from fnn.func import grad
from fnn.nn import Module
from fnn.state.scope import Scope, current_scope, opened
from fnn.testing._arrays import is_array, is_tensor, to_numpy
from fnn.testing._close import difference
from fnn.typing import PyTree

__all__ = ["Departure", "Report", "compare"]


@dataclass
class Departure:
    """One compared value: how far fnn's is from torch's.

    Example:
        >>> from fnn import testing
        >>> shape = (8, 64, 7, 7)
        >>> print(testing.Departure("layer1.0.bn1", "BatchNorm2d", shape, absolute=0.25, relative=0.125, close=False))
        layer1.0.bn1 (BatchNorm2d) departs by 0.25 (relative 0.125)
    """

    name: str  #: the module's path, or the name of a parameter or buffer
    kind: str  #: the module's class, or what the value is
    shape: tuple[int, ...] | None
    absolute: float  #: greatest absolute difference; NaN where the shapes differ
    relative: float
    close: bool
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return f"{self.name} ({self.kind}): {self.note}"
        return f"{self.name} ({self.kind}) departs by {self.absolute:.3g} (relative {self.relative:.3g})"


@dataclass
class Report:
    """What `compare` found; printing it shows a table.

    Example:
        >>> from fnn import testing
        >>> close = testing.Departure("0", "Linear", (2, 3), 1e-7, 1e-7, close=True)
        >>> report = testing.Report(layers=[close, testing.Departure("1", "GELU", (2, 3), 0.25, 0.125, close=False)])
        >>> report.ok, report.first.name
        (False, '1')
    """

    state: list[str] = field(default_factory=list)  #: differences of the two state_dicts
    layers: list[Departure] = field(default_factory=list)  #: outputs, in the order in which the calls returned
    buffers: list[Departure] = field(default_factory=list)  #: the buffers after the call
    gradients: list[Departure] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)  #: modules called in one framework only

    @property
    def first(self) -> Departure | None:
        """The first layer (else buffer, else gradient) that departs."""
        return next((d for d in (*self.layers, *self.buffers, *self.gradients) if not d.close), None)

    @property
    def ok(self) -> bool:
        """Whether nothing departs."""
        return not self.state and self.first is None

    def __str__(self) -> str:
        lines = []
        if self.state:
            lines += ["The state_dicts differ:", *(f"  {line}" for line in self.state)]
        first = self.first
        if first is not None:
            lines.append(f"First to depart: {first}")
        else:
            lines.append("Everything compared is equal." if self.ok else "All outputs agree.")
        for title, rows in (("layer", self.layers), ("buffer", self.buffers), ("gradient", self.gradients)):
            if rows:
                lines += ["", *_table(title, rows)]
        if self.unmatched:
            lines += ["", "Called in one framework only: " + ", ".join(self.unmatched)]
        return "\n".join(lines)

    __repr__ = __str__


def _table(title: str, rows: list[Departure]) -> Iterator[str]:
    cells = [(title, "kind", "shape", "abs diff", "rel diff", "")]
    for row in rows:
        shape = "-" if row.shape is None else str(row.shape)
        mark = "" if row.close else "<- departs"
        cells.append((row.name, row.kind, shape, f"{row.absolute:.2e}", f"{row.relative:.2e}", mark))
    widths = [max(len(line[i]) for line in cells) for i in range(5)]
    for line in cells:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[5]]).rstrip()


def compare(
    torch_module: object,
    fnn_module: Module,
    *inputs: object,
    rtol: float = 1e-4,
    atol: float = 1e-5,
    gradients: bool = False,
) -> Report:
    """Runs a PyTorch module and an fnn Module on the same inputs and compares them layer by layer.

    Nothing is copied from one to the other (``load_state_dict`` does that) and neither is changed: buffers, gradients
    and random states are afterwards what they were before. Both draw from torch's random state, so that dropout
    masks agree where both draw alike. Outputs are matched by module path and number of the call.

    Args:
        torch_module: the reference.
        fnn_module: the Module to be judged.
        *inputs: arrays, torch tensors, or nests of them.
        rtol: relative tolerance.
        atol: absolute tolerance.
        gradients: whether to compare the gradients of parameters and floating inputs too, for fixed random cotangents.

    Returns:
        A `Report`: ``print(report)`` shows a table of all layers.

    Raises:
        AssertionError: fnn's Module raises, or something departs; the text is the report, which begins with the
            differences of the state_dicts and names the first layer that departs, and by how much.

    Example:
        Of a model that was ported, where PyTorch is installed:

        >>> import torch  # doctest: +SKIP
        >>> from fnn import nn, testing
        >>> original, ported = torch.nn.Linear(3, 2), nn.Linear(3, 2)  # doctest: +SKIP
        >>> ported.load_state_dict(original.state_dict())  # doctest: +SKIP
        <All keys matched successfully>
        >>> testing.compare(original, ported, torch.ones(4, 3), gradients=True).ok  # doctest: +SKIP
        True
    """
    if not hasattr(torch_module, "register_forward_hook") or isinstance(torch_module, Module):
        raise ArgumentTypeError(f"compare: expected a torch.nn.Module first, got {type(torch_module).__name__}")
    if not isinstance(fnn_module, Module):
        raise ArgumentTypeError(f"compare: expected an fnn.nn.Module second, got {type(fnn_module).__name__}")
    tolerance = (rtol, atol)
    report = Report(state=_state_differences(torch_module, fnn_module, tolerance))
    with _torch_unchanged(torch_module) as rng:
        theirs, their_out, their_inputs, their_buffers = _run_torch(torch_module, inputs, gradients)
        with _fnn_unchanged(rng):
            ours, our_buffers, error = _run_fnn(fnn_module, inputs)
        if error is None:
            report.unmatched = sorted({k[0] or "(root)" for k in theirs.keys() ^ ours.keys()})
        for key in (key for key in theirs if key in ours):
            name = (key[0] or "(root)") + (f" call {key[1] + 1}" if key[1] else "")
            report.layers.append(_departure(name, theirs[key][0], theirs[key][1], ours[key], tolerance))
        if error is not None:
            raise AssertionError(f"fnn raised {type(error).__name__}: {error}\n{report}") from error
        for name, value in their_buffers.items():
            if name in our_buffers:
                report.buffers.append(_departure(name, "buffer", value, our_buffers[name], tolerance))
        if gradients:
            wanted, cotangents = _torch_gradients(torch_module, their_out, their_inputs)
            with _fnn_unchanged(rng):
                found = _fnn_gradients(fnn_module, inputs, cotangents)
            for name, value in wanted.items():
                if name in found:
                    report.gradients.append(_departure(name, "gradient", value, found[name], tolerance))
    if not report.ok:
        raise AssertionError(str(report))
    return report


# -- values -----------------------------------------------------------------------------------------------


def _departure(name: str, kind: str, theirs: object, ours: object, tolerance: tuple[float, float]) -> Departure:
    theirs, ours = _arrays(theirs), _arrays(ours)
    shapes = [a.shape for a in theirs], [a.shape for a in ours]
    shape = shapes[0][0] if len(theirs) == 1 else None
    if shapes[0] != shapes[1]:
        note = f"has shape {_shown(shapes[1])}, torch's has {_shown(shapes[0])}"
        return Departure(name, kind, shape, float("nan"), float("nan"), False, note)
    found = [difference(b, a, *tolerance, equal_nan=True) for a, b in zip(theirs, ours, strict=True)]
    # The table shows the rounding of values that are close, too.
    whole = [difference(b, a, 0.0, 0.0, equal_nan=True) for a, b in zip(theirs, ours, strict=True)]
    close = not any(d.mismatched for d in found)
    shown = whole if close else found
    absolute = max((float(d.absolute) for d in shown), default=0.0)
    relative = max((d.relative for d in shown), default=0.0)
    return Departure(name, kind, shape, absolute, relative, close)


def _shown(shapes: list[tuple[int, ...]]) -> str:
    return str(shapes[0]) if len(shapes) == 1 else str(shapes)


def _arrays(tree: PyTree) -> list[np.ndarray]:
    """The arrays of an output of either framework, in one order."""
    if isinstance(tree, dict):
        return [a for key in sorted(tree, key=str) for a in _arrays(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [a for part in tree for a in _arrays(part)]
    return [to_numpy(tree)] if is_array(tree) else []


def _state_differences(torch_module: Any, fnn_module: Module, tolerance: tuple[float, float]) -> list[str]:
    theirs = {k: to_numpy(v) for k, v in torch_module.state_dict().items() if is_tensor(v)}
    ours = {k: to_numpy(v) for k, v in fnn_module.state_dict().items() if is_array(v)}
    lines = [f"missing in fnn: {k} {theirs[k].shape}" for k in theirs if k not in ours]
    lines += [f"only in fnn: {k} {ours[k].shape}" for k in ours if k not in theirs]
    for key in (k for k in theirs if k in ours):
        a, b = theirs[key], ours[key]
        if a.shape != b.shape:
            lines.append(f"{key} has shape {b.shape}, torch's has {a.shape}")
        elif (found := difference(b, a, *tolerance, equal_nan=True)).mismatched:
            extent = f"{found.mismatched} of {found.total} values, by up to {float(found.absolute):.3g}"
            lines.append(f"{key} differs in {extent}")
    return lines


# -- the two runs -----------------------------------------------------------------------------------------


@contextmanager
def _torch_unchanged(module: Any) -> Iterator[np.ndarray]:
    """Restores torch's buffers and random state; yields the latter."""
    import torch  # a module of it was given

    rng = torch.get_rng_state()
    kept = [(buffer, buffer.detach().clone()) for buffer in module.buffers()]
    try:
        yield rng.numpy().copy()
    finally:
        torch.set_rng_state(rng)
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)


@contextmanager
def _fnn_unchanged(rng: np.ndarray) -> Iterator[Scope]:
    """A scope whose writes are forgotten, and torch's random numbers."""
    with fnn.random.fork_rng(), opened(Scope(parent=current_scope())) as scope:
        fnn.random.set_rng_state(rng)
        yield scope


class _Recorder:
    """A forward hook that notes outputs by path and number of the call."""

    def __init__(self) -> None:
        self.calls: dict[tuple[str, int], Any] = {}
        self.counts: dict[str, int] = {}

    def note(self, path: str, value: object) -> None:
        number = self.counts.get(path, 0)
        self.counts[path] = number + 1
        self.calls[(path, number)] = value


@contextmanager
def _recorded(module: Any, take: Any) -> Iterator[_Recorder]:
    recorder, handles = _Recorder(), []
    for path, part in module.named_modules():

        def hook(part: object, args: object, output: object, path: str = path) -> None:
            recorder.note(path, take(part, output))

        handles.append(part.register_forward_hook(hook))
    try:
        yield recorder
    finally:
        for handle in handles:
            handle.remove()


def _run_torch(module: Any, inputs: tuple, gradients: bool) -> tuple[dict, Any, tuple, dict[str, Any]]:
    import torch

    given = tuple(_tensors(x, gradients) for x in inputs)

    def take(part: object, output: object) -> tuple[str, list[np.ndarray]]:
        # At once: a later layer may work in place.
        return type(part).__name__, [a.copy() for a in _arrays(output)]

    with _recorded(module, take) as recorder, torch.set_grad_enabled(gradients):
        out = module(*given)
    buffers = {name: to_numpy(b).copy() for name, b in module.named_buffers()}
    return recorder.calls, out, given, buffers


def _run_fnn(module: Module, inputs: tuple) -> tuple[dict, dict[str, Any], Exception | None]:
    error = None
    with _recorded(module, lambda part, output: _arrays(output)) as recorder:
        try:
            module(*map(_jax, inputs))
        except Exception as raised:  # what was reached before it is worth seeing
            error = raised
    return recorder.calls, {name: to_numpy(b.data) for name, b in module.named_buffers()}, error


def _tensors(tree: PyTree, gradients: bool) -> Any:
    import torch

    if isinstance(tree, dict):
        return {k: _tensors(v, gradients) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_tensors(v, gradients) for v in tree)
    if not is_array(tree):
        return tree
    if is_tensor(tree):
        tensor = tree.detach().clone()
    else:
        array = np.array(tree)
        if array.dtype == jnp.bfloat16:
            tensor = torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
        else:
            tensor = torch.from_numpy(array)
            tensor = tensor.long() if tensor.dtype == torch.int32 else tensor  # JAX's index dtype, and torch's
    return tensor.requires_grad_(gradients and (tensor.is_floating_point() or tensor.is_complex()))


def _jax(tree: PyTree) -> Any:
    return jax.tree.map(lambda x: jnp.asarray(to_numpy(x)) if is_array(x) else x, tree, is_leaf=is_array)


def _leaves(tree: PyTree) -> list[Any]:
    """The arrays of an output, unconverted, in `_arrays`' order."""
    if isinstance(tree, dict):
        return [a for key in sorted(tree, key=str) for a in _leaves(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [a for part in tree for a in _leaves(part)]
    return [tree] if is_array(tree) else []


def _torch_gradients(module: Any, out: Any, inputs: tuple) -> tuple[dict[str, Any], list[np.ndarray | None]]:
    import torch

    rng = np.random.default_rng(0)
    outs = _leaves(out)
    cotangents = [rng.standard_normal(tuple(o.shape)).astype(np.float32) if o.requires_grad else None for o in outs]
    wrt = {name: p for name, p in module.named_parameters() if p.requires_grad}
    for i, x in enumerate(a for a in _leaves(inputs) if a.requires_grad):
        wrt[f"input {i}"] = x
    pairs = [(o, torch.from_numpy(c).to(o.dtype)) for o, c in zip(outs, cotangents, strict=True) if c is not None]
    if not pairs or not wrt:
        return {}, cotangents
    grads = torch.autograd.grad([o for o, _ in pairs], list(wrt.values()), [c for _, c in pairs], allow_unused=True)
    zero = [torch.zeros_like(x) if g is None else g for x, g in zip(wrt.values(), grads, strict=True)]
    return dict(zip(wrt, zero, strict=True)), cotangents


def _fnn_gradients(module: Module, inputs: tuple, cotangents: list[np.ndarray | None]) -> dict[str, Any]:
    leaves, treedef = jax.tree.flatten(_jax(inputs))
    places = [i for i, x in enumerate(leaves) if is_array(x) and jnp.issubdtype(x.dtype, jnp.inexact)]

    def loss(module: Module, floats: list[Any]) -> Any:
        full = list(leaves)
        for i, value in zip(places, floats, strict=True):
            full[i] = value
        outs = _leaves(module(*jax.tree.unflatten(treedef, full)))
        total = jnp.zeros(())
        for out, cotangent in zip(outs, cotangents, strict=True):
            if cotangent is not None:
                total = total + (out * jnp.asarray(cotangent, out.dtype)).sum().real.astype(total.dtype)
        return total

    by_name, by_place = grad(loss, argnums=(0, 1))(module, [leaves[i] for i in places])
    return {**by_name, **{f"input {n}": g for n, g in enumerate(by_place)}}
