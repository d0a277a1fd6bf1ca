"""`AdaptiveLogSoftmaxWithLoss`: a softmax over very many classes, the rare ones in clusters."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from fnn.arguments import integer, wrap_dim
from fnn.dtypes import index_dtype, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional.simplex import log_softmax
from fnn.nn._module import Module
from fnn.nn.modules.container import ModuleList, Sequential
from fnn.nn.modules.linear import Linear
from fnn.tracing import concrete
from fnn.typing import ArrayLike, Device, DType, PyTree

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_NAME = "AdaptiveLogSoftmaxWithLoss: "


class _ASMoutput(NamedTuple):
    output: jax.Array
    loss: jax.Array


class AdaptiveLogSoftmaxWithLoss(Module):
    r"""The negative log-likelihood of a softmax whose rare classes stand in clusters of small rank.

    The head is a softmax over the frequent classes and one entry for each cluster; for a class ``y`` of cluster ``c``
    ``log p(y) = log p_head(c) + log p_c(y)``.  Cluster i = 1, 2, ... projects to ``in_features // div_value**i``
    features first.  Grave et al., "Efficient softmax approximation for GPUs" (2017), arXiv:1609.04309.

    Classes are numbered by falling frequency.  All clusters are computed and the target's is selected, so that shapes
    do not depend on targets.  A target outside [0, n_classes) raises; under ``jit``, where it cannot be seen, its
    output is NaN.

    Args:
        in_features: I.
        n_classes: C.
        cutoffs: increasing class numbers in [1, C - 1]: where the head ends, and all clusters but the last.
        div_value: by how much each cluster has fewer features than the one before.
        head_bias: whether the head has a bias.
        device: where the parameters go.
        dtype: of the parameters; None is the default dtype.

    Attributes:
        head: a Linear from I to ``cutoffs[0] + len(cutoffs)``.
        tail: for each cluster two Linears without bias.

    Shape:
        (N, I) and targets (N,) -> output (N,), the log-probabilities of the targets, and loss (), minus their mean;
        or (I,) and () -> () and ().

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> softmax = nn.AdaptiveLogSoftmaxWithLoss(8, 100, cutoffs=[10, 40], div_value=2.0)
        >>> output, loss = softmax(jnp.ones((3, 8)), jnp.array([0, 20, 99]))
        >>> output.shape, softmax.predict(jnp.ones((3, 8))).shape
        ((3,), (3,))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        bounds = list(cutoffs)
        if not bounds:
            raise ArgumentError(f"{_NAME}cutoffs should be a sequence of length larger than 0, got cutoffs={cutoffs!r}")
        if (
            bounds != sorted(set(bounds))
            or bounds[0] <= 0
            or bounds[-1] > n_classes - 1
            or any(int(c) != c for c in bounds)
        ):
            raise ArgumentError(
                f"{_NAME}cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                f"where each value is between 1 and n_classes-1, got cutoffs={cutoffs!r} and n_classes={n_classes}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*(integer(c, "cutoffs", _NAME) for c in bounds), n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, device=device, dtype=dtype)
        self.tail = ModuleList()
        for i, (start, stop) in enumerate(pairwise(self.cutoffs), 1):
            features = int(in_features // div_value**i)
            self.tail.append(
                Sequential(
                    Linear(in_features, features, bias=False, device=device, dtype=dtype),
                    Linear(features, stop - start, bias=False, device=device, dtype=dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        self.head.reset_parameters()
        for module in self.tail.modules():
            if isinstance(module, Linear):
                module.reset_parameters()

    def forward(self, input_: ArrayLike, target_: ArrayLike) -> _ASMoutput:
        """The targets' log-probabilities, and the loss.

        Args:
            input_: (N, I) or (I,).
            target_: (N,) or (), integers.

        Returns:
            A named tuple ``(output, loss)`` of shapes (N,) or (), and ().
        """
        x, y = to_array(input_, "input_", _NAME), to_array(target_, "target_", _NAME)
        self._check(x, y)
        batched = y.ndim == 1
        if not batched:
            x, y = x[None], y[None]
        head = log_softmax(self.head(x), 1)
        position, output = y, jnp.zeros(y.shape, head.dtype)
        for i, (start, stop) in enumerate(pairwise(self.cutoffs)):
            inside = (y >= start) & (y < stop)
            local = _pick(log_softmax(self.tail[i](x), 1), y - start)
            output = lax.select(inside, local, output)
            position = lax.select(inside, lax.full_like(y, self.shortlist_size + i), position)
        output = output + _pick(head, position)
        output = lax.select((y >= 0) & (y < self.n_classes), output, lax.full_like(output, jnp.nan))
        loss = -jnp.mean(output)
        return _ASMoutput(output if batched else output[0], loss)

    def _check(self, x: jax.Array, y: jax.Array) -> None:
        if y.ndim > 1:
            raise ArgumentError(
                f"{_NAME}0D or 1D target tensor expected, multi-target not supported; got shape {list(y.shape)}"
            )
        if y.ndim == 1 and x.shape[:1] != y.shape:
            raise ArgumentError(
                f"{_NAME}Input and target should have the same size in the batch dimension. Got shapes "
                f"{list(x.shape)} and {list(y.shape)}"
            )
        if x.ndim != y.ndim + 1:
            raise ArgumentError(
                f"{_NAME}{y.ndim}D target tensor expects {y.ndim + 1}D input tensors, but found inputs with size "
                f"{list(x.shape)}"
            )
        if not jnp.issubdtype(y.dtype, jnp.integer):
            raise ArgumentTypeError(f"{_NAME}expected an integer dtype for index, got target_ of {y.dtype}")
        values = concrete(y)
        if values is not None and values.size and not 0 <= values.min() <= values.max() < self.n_classes:
            raise ArgumentError(
                f"{_NAME}Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{values.min()}, {values.max()}] were found. "
            )

    def _get_full_log_prob(self, input: ArrayLike, head_output: jax.Array) -> jax.Array:
        """The log-probabilities of all classes, given the head's output."""
        head = log_softmax(head_output, 1)
        parts = [head[:, : self.shortlist_size]]
        for i, projection in enumerate(self.tail):
            cluster = log_softmax(projection(input), 1)
            entry = head[:, self.shortlist_size + i]
            parts.append(cluster + lax.broadcast_in_dim(entry, cluster.shape, (0,)))
        return lax.concatenate(parts, 1)

    def _head_output(self, input: PyTree) -> jax.Array:
        output = self.head(input)
        wrap_dim(1, output.ndim, _NAME)
        if output.ndim != 2:
            raise ArgumentError(f"{_NAME}expected an input (N, in_features), got shape {list(jnp.shape(input))}")
        return output

    def log_prob(self, input: ArrayLike) -> jax.Array:
        """The log-probabilities of all classes.

        Args:
            input: (N, I).

        Returns:
            (N, C).
        """
        return self._get_full_log_prob(input, self._head_output(input))

    def predict(self, input: ArrayLike) -> jax.Array:
        """The most probable class; where the head prefers a frequent class to every cluster, that one.

        Args:
            input: (N, I).

        Returns:
            (N,) of integers.
        """
        head_output = self._head_output(input)
        frequent = lax.argmax(head_output, 1, index_dtype())
        any_class = lax.argmax(self._get_full_log_prob(input, head_output), 1, index_dtype())
        return lax.select(frequent >= self.shortlist_size, any_class, frequent)


def _pick(rows: jax.Array, index: jax.Array) -> jax.Array:
    """One element of each row; an index that is out of range picks any."""
    index = lax.clamp(jnp.zeros((), index.dtype), index, jnp.asarray(rows.shape[1] - 1, index.dtype))
    return jnp.take_along_axis(rows, index[:, None], 1, mode="promise_in_bounds")[:, 0]
