"""How arguments are read: fills, paddings, pairs of numbers, and ways to find the labels."""

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.transforms._layout import PADDING_MODES
from fnn.vision.transforms.v2.functional import is_pure_tensor

__all__ = [
    "Fill", "check_padding", "check_padding_mode", "fill_for", "fills", "labels_getter", "number_or_pair",
    "sequence_of", "value_for",
]  # fmt: skip

Colour = int | float | Sequence[float] | None
Fill = Colour | dict[type | str, Colour]


def number_or_pair(value: object, name: str) -> list[float]:
    """One number for both, or a sequence of one or two."""
    if isinstance(value, (int, float)):
        return [float(value), float(value)]
    if not isinstance(value, Sequence):
        raise ArgumentTypeError(f"{name} should be a number or a sequence of numbers. Got {type(value)}")
    if len(value) not in (1, 2):
        raise ArgumentError(f"If {name} is a sequence its length should be 1 or 2. Got {len(value)}")
    for element in value:
        if not isinstance(element, (int, float)):
            raise ArgumentError(f"{name} should be a sequence of numbers. Got {type(element)}")
    return [float(value[0]), float(value[-1])]


def sequence_of(value: object, name: str, length: int) -> None:
    """Refuses what is no sequence of this length."""
    if not isinstance(value, Sequence):
        raise ArgumentTypeError(f"{name} should be a sequence of length {length}. Got {value!r}")
    if len(value) != length:
        raise ArgumentError(f"{name} should be a sequence of length {length}. Got {value!r}")


def fills(fill: Fill) -> dict[type | str, Any]:
    """A fill for each class of inputs: of one fill, for ``"others"``."""
    if isinstance(fill, dict):
        return {key: fills(value)["others"] for key, value in fill.items()}
    if fill is not None and not isinstance(fill, (numbers.Number, tuple, list)):
        raise ArgumentTypeError(
            f"Got inappropriate fill arg, only Numbers, tuples, lists and dicts are allowed. Got {fill!r}"
        )
    if fill is not None and not isinstance(fill, (int, float)):
        fill = [float(v) for v in fill]
    return {"others": fill}


def value_for(table: dict[Any, Any], inpt: object, default: object = None) -> Any:
    """What a table says for the class of an input, for ``"others"``, or ``default``.

    The class of all JAX arrays is ``jax.Array``, for which ``np.ndarray`` stands, too, as for all plain arrays.
    """
    if type(inpt) in table:
        return table[type(inpt)]
    if is_pure_tensor(inpt):
        for key in table:
            if key is np.ndarray or (isinstance(key, type) and isinstance(inpt, key)):
                return table[key]
    else:
        for key in table:  # of PIL's images there are classes for each format
            if isinstance(key, type) and key.__module__.startswith("PIL.") and isinstance(inpt, key):
                return table[key]
    return table.get("others", default)


def fill_for(table: dict[Any, Any], inpt: object) -> Any:
    """The fill for an input."""
    return value_for(table, inpt)


def check_padding(padding: Any) -> None:
    """Refuses what is no padding of integers."""
    alright = isinstance(padding, int)
    if isinstance(padding, (tuple, list)):
        alright = len(padding) in (1, 2, 4) and all(isinstance(p, int) for p in padding)
    if not alright:
        raise ArgumentError(f"Padding must be an int or a 1, 2, or 4 element of tuple or list, got {padding}.")


def check_padding_mode(padding_mode: object) -> None:
    """Refuses unknown modes of padding."""
    if padding_mode not in PADDING_MODES:
        raise ArgumentError(f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}")


def _default_labels(inputs: Any) -> Any:
    """The labels of a batch (images, labels), or those of a sample under the key that is, or has in it, "labels"."""
    if isinstance(inputs, (tuple, list)):
        inputs = inputs[1]
    if is_pure_tensor(inputs):
        return inputs
    if not isinstance(inputs, Mapping):
        raise ArgumentError(
            "When using the default labels_getter, the input passed to forward must be a dictionary or a two-tuple "
            f"whose second item is a dictionary or a tensor, but got {inputs} instead."
        )
    for fits in (lambda key: key.lower() == "labels", lambda key: "label" in key.lower()):
        for key in inputs:
            if fits(key):
                return inputs[key]
    raise ArgumentError(
        "Could not infer where the labels are in the sample. Try passing a callable as the labels_getter parameter? "
        "If there are no labels in the sample by design, pass labels_getter=None."
    )


def _no_labels(inputs: object) -> None:
    return None


def labels_getter(getter: Any) -> Callable[[Any], Any]:
    """The function that finds the labels: ``"default"``, one's own, or None for no labels."""
    if isinstance(getter, str) and getter == "default":
        return _default_labels
    if getter is None:
        return _no_labels
    if not callable(getter):
        raise ArgumentError(f"labels_getter should either be 'default', a callable, or None, but got {getter}.")
    return getter
