"""The settings of the chunked `fnn.functional.linear_cross_entropy`."""

import dataclasses
from typing import Any

from fnn.dtypes import canonical
from fnn.errors import ArgumentError

_POLICIES = ("accurate", "balanced", "compact", "auto")


@dataclasses.dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """Asks `linear_cross_entropy` to go through the batch in chunks.

    The logits (N, C) are then never held at once: each chunk's are computed again for the gradient.

    Args:
        allow_retain_graph: accepted; JAX keeps no graph that a gradient could consume.
        batch_chunk_size: rows in a chunk; None leaves it to ``chunking_method``.
        chunking_method: "aspect_ratio" makes a chunk of logits about as large as the input, "aspect_ratio:k" k times
            smaller, "auto" chooses between them, None makes one chunk of everything (or of ``batch_chunk_size``).
        acc_policy: "accurate", "balanced", "compact" or "auto": which scratch buffers PyTorch's kernel keeps; accepted,
            the compiler decides here.
        acc_dtype: the dtype of the logits and the losses; None takes float32 for half types.

    Example:
        >>> from fnn.functional.linear_cross_entropy_options import LinearCrossEntropyOptions
        >>> LinearCrossEntropyOptions(batch_chunk_size=2).rows(num_batches=8, in_features=4, num_classes=100)
        2
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        """Validates, as PyTorch's class does."""
        if self.acc_policy not in _POLICIES:
            raise ArgumentError(
                f"LinearCrossEntropyOptions: invalid acc_policy: {self.acc_policy!r}, expected one of {_POLICIES}"
            )
        if self.chunking_method not in (None, "auto"):
            name, colon, factor = self.chunking_method.partition(":")
            if name != "aspect_ratio" or (colon and not (factor.isdigit() and int(factor) > 0)):
                raise ArgumentError(
                    f"LinearCrossEntropyOptions: invalid chunking_method: {self.chunking_method!r}, expected 'auto', "
                    "'aspect_ratio', 'aspect_ratio:k' or None"
                )
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ArgumentError(
                f"LinearCrossEntropyOptions: batch_chunk_size must be positive int or None, got {size!r}"
            )
        if self.acc_dtype is not None and canonical(self.acc_dtype).kind not in "fV":
            raise ArgumentError(
                f"LinearCrossEntropyOptions: acc_dtype must be a floating dtype or None, got {self.acc_dtype!r}"
            )

    def rows(self, num_batches: int, in_features: int, num_classes: int) -> int:
        """The rows of a chunk of this problem."""
        method, size = self.chunking_method, self.batch_chunk_size
        if method is None or (method == "auto" and size is not None):
            return max(1, min(num_batches if size is None else size, num_batches))
        factor = 2 if method == "auto" else int(method.partition(":")[2] or 1)
        wanted = -(-num_batches // -(-num_classes // max(in_features, 1))) if num_classes else num_batches
        rows = max(1, min((1 << max(wanted - 1, 0).bit_length()) // factor, num_batches))
        if size not in (None, rows):
            raise ArgumentError(
                f"LinearCrossEntropyOptions: batch_chunk_size (={size}) and chunking_method ('{method}') give "
                f"different chunk sizes ({size} vs {rows}); pass only one."
            )
        return rows
