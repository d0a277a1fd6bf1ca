"""How the terms of a loss come together: the argument ``reduction``, and the deprecated pair that it replaces.

A loss is written as a function that returns `Unreduced`; the decorator `reduced` does the rest, so that what all losses
share (these arguments, what is said of them, the sum and the mean) is declared here alone.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, ParamSpec

import jax
import jax.numpy as jnp
from jax import lax

from fnn.autocasting import admit, closed, region
from fnn.docstrings import completed
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.functional import _promotion as promotion
from fnn.typing import DType

P = ParamSpec("P")

_LEGACY = "size_average and reduce args will be deprecated, please use reduction='{}' instead."
_UNKNOWN = "{}: {} is not a valid value for reduction; expected 'none', 'mean' or 'sum'"
_ELEMENTWISE_MEAN = "reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead."

# What `reduced` says of a parameter that a loss's own docstring leaves out.
DESCRIPTIONS = {
    "size_average": "deprecated, see ``reduction``.",
    "reduce": "deprecated, see ``reduction``.",
    "reduction": "'none', 'mean' or 'sum'.",
}


_OPEN = nullcontext()


class Unreduced(NamedTuple):
    """The terms of a loss.

    Attributes:
        terms: what ``reduction='none'`` gives and 'sum' adds up.
        dtype: of the result; that of the terms if None.
        mean: forms the mean where it is another than that of the terms.
        batch: the size by which 'batchmean' divides the sum, for a loss that has it.
    """

    terms: jax.Array
    dtype: DType | None = None
    mean: Callable[[], jax.Array] | None = None
    batch: int | None = None


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
        raise ArgumentError(_UNKNOWN.format(name, reduction))
    return reduction


def total(x: jax.Array) -> jax.Array:
    """The sum over all axes."""
    return lax.reduce_sum(x, tuple(range(x.ndim)))


def combine(name: str, loss: Unreduced, reduction: str) -> jax.Array:
    """The terms under a ``reduction``; the mean of nothing is NaN.

    Integers add up in the index dtype and have no mean, as in PyTorch; the message names the loss ``name``.
    """
    terms = loss.terms
    result = terms.dtype if loss.dtype is None else jnp.dtype(loss.dtype)
    if reduction == "batchmean" and loss.batch is None:
        raise ArgumentError(_UNKNOWN.format(name, reduction))
    if reduction == "none":
        return terms.astype(result)
    if reduction == "mean" and loss.mean is not None:
        return loss.mean().astype(promotion.floating_type(result))
    result = promotion.sum_type(result)
    if reduction == "mean" and not jnp.issubdtype(result, jnp.inexact):
        raise ArgumentTypeError(
            f"{name}: reduction='mean' is not implemented for a result of dtype {terms.dtype}; expected a floating or "
            "complex dtype"
        )
    out = total(terms.astype(result) if jnp.issubdtype(result, jnp.integer) else terms)
    if reduction == "mean":
        out = out / terms.size
    elif reduction == "batchmean" and loss.batch is not None:
        out = out / loss.batch
    return out.astype(result)


def reduced(function: Callable[P, Unreduced]) -> Callable[P, jax.Array]:
    """A loss of what ``function`` returns, which has the parameter ``reduction`` and mostly the deprecated pair.

    They are read here; the function need not look at them.  One that gives `Unreduced.batch` takes 'batchmean', too.
    """
    name, signature = function.__name__, inspect.signature(function)
    places = {n: i for i, (n, p) in enumerate(signature.parameters.items()) if p.kind is p.POSITIONAL_OR_KEYWORD}
    last = len(places)
    terms_of: Any = function

    def given(what: str, default: object, args: tuple, kwargs: dict[str, Any]) -> Any:
        at = places.get(what, last)
        return args[at] if at < len(args) else kwargs.get(what, default)

    @functools.wraps(function)
    def loss(*args: P.args, **kwargs: P.kwargs) -> jax.Array:
        size_average, reduce = given("size_average", None, args, kwargs), given("reduce", None, args, kwargs)
        reduction = given("reduction", "mean", args, kwargs)
        if reduction != "batchmean" or size_average is not None or reduce is not None:
            reduction = resolve_reduction(name, size_average, reduce, reduction)
        where = region()
        admitted = None if where is None else admit(where, name, function, (args, kwargs))
        within: AbstractContextManager[object] = _OPEN
        inputs: Any = args, kwargs
        if admitted is not None:  # closed here and not by a decorator: warnings count the frames to the caller
            within, inputs = closed(), admitted
        with within:
            return combine(name, terms_of(*inputs[0], **inputs[1]), reduction)

    vars(loss)["__signature__"] = signature.replace(return_annotation="jax.Array")
    loss.__annotations__ = function.__annotations__ | {"return": "jax.Array"}
    loss.__doc__ = completed(function.__doc__ or "", list(signature.parameters), DESCRIPTIONS)
    return loss
