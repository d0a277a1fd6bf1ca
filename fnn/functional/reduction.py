"""The argument ``reduction`` of the losses, and the deprecated pair that it replaces."""

import warnings

from fnn.errors import ArgumentError

_LEGACY = "size_average and reduce args will be deprecated, please use reduction='{}' instead."
_ELEMENTWISE_MEAN = "reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead."


def legacy_reduction(size_average: bool | None, reduce: bool | None, stacklevel: int = 3) -> str:
    """The ``reduction`` that the deprecated pair means; warns as PyTorch does."""
    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    result = ("mean" if size_average else "sum") if reduce else "none"
    warnings.warn(_LEGACY.format(result), UserWarning, stacklevel=stacklevel)
    return result


def resolve_reduction(name: str, size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """``reduction`` of the loss called ``name``, validated, with the deprecated arguments taken into account."""
    if size_average is not None or reduce is not None:
        return legacy_reduction(size_average, reduce, stacklevel=4)
    if reduction == "elementwise_mean":
        warnings.warn(_ELEMENTWISE_MEAN, UserWarning, stacklevel=3)
        return "mean"
    if reduction not in ("none", "mean", "sum"):
        raise ArgumentError(f"{name}: {reduction} is not a valid value for reduction; expected 'none', 'mean' or 'sum'")
    return reduction
