"""`summary`: what a model is made of, layer by layer, without running it."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import Any

from fnn.errors import ArgumentError
from fnn.state.parameter import Parameter
from fnn.typing import ArrayLike, DType
from fnn.utils._flops import multiply_adds
from fnn.utils._parts import Part, bytes_of
from fnn.utils._rehearsal import Call, Rehearsal, rehearse
from fnn.utils._summary_table import html, text

__all__ = ["Row", "Summary", "summary"]


@dataclasses.dataclass(frozen=True)
class Row:
    """One part of the model.

    Attributes:
        path: its dotted path; ``""`` for the model itself.
        name: the last component of the path.
        depth: how many levels below the model it lies.
        kind: its class's name.
        output_shapes: the shapes of the arrays that its first call returned; empty if it was not called.
        calls: how often it ran.
        params: elements of its parameters, those of its parts included.
        trainable_params: of these, the ones that require a gradient.
        mult_adds: multiply-adds of all its calls, parts included; None if the model was not given inputs.
        activation_bytes: bytes of the outputs of the leaf layers in it; None without inputs.
        shared_with: for a module that stands in more than one place, the path of the first; its figures stand there.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> row = fnn.summary(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), (1, 3)).rows[1]
        >>> row.path, row.kind, row.output_shapes, row.params, row.flops
        ('0', 'Linear', ((1, 2),), 8, 12)
    """

    path: str
    name: str
    depth: int
    kind: str
    output_shapes: tuple[tuple[int, ...], ...]
    calls: int
    params: int
    trainable_params: int
    mult_adds: int | None
    activation_bytes: int | None
    shared_with: str | None = None

    @property
    def flops(self) -> int | None:
        """Twice `mult_adds`."""
        return None if self.mult_adds is None else 2 * self.mult_adds


@dataclasses.dataclass(frozen=True, repr=False)
class Summary:
    """What `summary` found; prints as a table, and as an HTML table in a notebook.

    Attributes:
        rows: one `Row` a part, the model itself first, every part before its own parts.
        total_params: elements of all parameters; a shared or tied one counts once.
        trainable_params: of these, the ones that require a gradient.
        param_bytes: bytes of the parameters.
        total_buffers: elements of all buffers.
        buffer_bytes: bytes of the buffers.
        total_mult_adds: multiply-adds of one forward pass; None without inputs.
        total_activation_bytes: bytes of the outputs of all leaf layers in it; None without inputs.
        depth: how deep the table goes; None: all the way.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> found = fnn.summary(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), (1, 3))
        >>> found.total_params, found.param_bytes, found.total_flops
        (8, 32, 12)
    """

    rows: tuple[Row, ...]
    total_params: int
    trainable_params: int
    param_bytes: int
    total_buffers: int
    buffer_bytes: int
    total_mult_adds: int | None
    total_activation_bytes: int | None
    depth: int | None = None

    @property
    def non_trainable_params(self) -> int:
        """Elements of the parameters that do not require a gradient."""
        return self.total_params - self.trainable_params

    @property
    def total_flops(self) -> int | None:
        """Floating-point operations of one forward pass: two per multiply-add; None without inputs."""
        return None if self.total_mult_adds is None else 2 * self.total_mult_adds

    def __str__(self) -> str:
        return text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html(self)


def summary(
    model: object, *inputs: object, depth: int | None = None, dtype: DType | None = None, **kwargs: object
) -> Summary:
    """The layers of a model with their output shapes, parameters, operations and activations.

    Nothing is computed and nothing changes: the model is traced with abstract arrays, in the mode that it is in (a
    functional layer: in evaluation mode), and keeps its buffers, its mode and the state of the random generator.

    Operations are those of matrix products and convolutions in one forward pass, as in `torch.utils.flop_counter`:
    ``total_flops`` counts two for a multiply-add, ``total_mult_adds`` one.  They are found in the traced program, so
    those that a ``forward`` writes itself count as well.

    Args:
        model: a Module, or a functional layer.
        *inputs: the arguments of ``forward``: arrays, `jax.ShapeDtypeStruct`, or shapes such as ``(1, 3, 224, 224)``.
            Without any (and without ``kwargs``) only parameters are reported.
        depth: how many levels of nesting to print; None: all.  The totals do not depend on it.
        dtype: the dtype of inputs that are given as shapes; None: that of the model's parameters.
        **kwargs: keyword arguments of ``forward``.

    Returns:
        A `Summary`.

    Raises:
        ArgumentTypeError: ``model`` is neither.
        ArgumentError: a lazy module whose shapes are not known yet, or inputs that the model refuses.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
        >>> fnn.summary(model, (1, 1, 8, 8))
        Layer          Output shape  Parameters  Trainable    FLOPs  Activations
        ------------------------------------------------------------------------
        Sequential          (1, 10)       2,970      2,970  10.94 k      3.4 KiB
          (0) Conv2d   (1, 8, 6, 6)          80         80   5.18 k      1.1 KiB
          (1) ReLU     (1, 8, 6, 6)           0          0        0      1.1 KiB
          (2) Flatten      (1, 288)           0          0        0      1.1 KiB
          (3) Linear        (1, 10)       2,890      2,890   5.76 k         40 B
        ------------------------------------------------------------------------
        Parameters: 2,970 (2,970 trainable), 11.6 KiB
        FLOPs: 10.94 k = 5.47 k multiply-adds (2 per multiply-add of matrix products and convolutions)
        Activations: 3.4 KiB (outputs of the leaf layers)
    """
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 0):
        raise ArgumentError(f"summary: depth must be a non-negative int or None, got {depth=}")
    rehearsal = rehearse(model, inputs, kwargs, dtype, "summary")
    measured = _Measured(rehearsal)
    root = rehearsal.root
    return Summary(
        rows=tuple(measured.row(part) for part in root.walk()),
        total_params=_elements(root.parameters),
        trainable_params=_elements(filter(_trainable, root.parameters)),
        param_bytes=bytes_of(root.parameters),
        total_buffers=_elements(root.buffers),
        buffer_bytes=bytes_of(root.buffers),
        total_mult_adds=measured.operations.total() if measured.ran else None,
        total_activation_bytes=measured.activations.total() if measured.ran else None,
        depth=depth,
    )


class _Measured:
    """Operations and activations by call, and what they come to for a part."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.ran = rehearsal.jaxpr is not None
        self.calls: dict[Part, list[Call]] = {}
        self.times: Counter[Call] = Counter()
        self.operations: Counter[Call | None] = Counter()
        self.activations: Counter[Call | None] = Counter()
        if not self.ran:
            return
        self.operations, times = multiply_adds(rehearsal)
        for call in rehearsal.calls:
            self.calls.setdefault(call.part, []).append(call)
        # A call that left no equation changed nothing (Identity), or belongs to a trace that was made only to learn
        # its shapes; then another call of the same part did leave some.
        for part, calls in self.calls.items():
            live = [call for call in calls if call in times]
            self.calls[part] = live or calls
            for call in self.calls[part]:
                self.times[call] = times[call] or (times[call.parent] or 1)
                if call.is_leaf:
                    self.activations[call] = self.times[call] * bytes_of(call.outputs)

    def row(self, part: Part) -> Row:
        calls = self.calls.get(part, [])
        shared = part.shared_with is not None
        return Row(
            path=part.path,
            name=part.name,
            depth=part.depth,
            kind=part.kind,
            output_shapes=tuple(tuple(x.shape) for x in calls[0].outputs) if calls else (),
            calls=sum(self.times[call] for call in calls),
            params=0 if shared else _elements(part.parameters),
            trainable_params=0 if shared else _elements(filter(_trainable, part.parameters)),
            mult_adds=self._within(part, self.operations) if self.ran else None,
            activation_bytes=self._within(part, self.activations) if self.ran else None,
            shared_with=part.shared_with,
        )

    def _within(self, part: Part, amounts: Counter[Call | None]) -> int:
        """The amounts of all calls that happened during calls of the part, or of its parts if it is only a list."""
        if part.path == "":
            return amounts.total()
        if part not in self.calls:
            return sum(self._within(child, amounts) for child in part.children)
        return sum(n for call, n in amounts.items() if _inside(call, part))


def _inside(call: Call | None, part: Part) -> bool:
    while call is not None:
        if call.part is part:
            return True
        call = call.parent
    return False


def _elements(arrays: Any) -> int:
    return sum(math.prod(x.shape) for x in arrays)


def _trainable(x: ArrayLike) -> bool:
    return x.requires_grad if isinstance(x, Parameter) else True
