"""What all transforms share: which parts of a sample they change, how they are drawn and printed."""

import enum
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import is_pil, of_jax
from fnn.vision.transforms import _draws
from fnn.vision.transforms._transform import single
from fnn.vision.transforms.v2._tree import flatten, unflatten
from fnn.vision.transforms.v2.functional import is_pure_tensor
from fnn.vision.transforms.v2.functional.registry import kernel_for
from fnn.vision.transforms.v2.queries import Check, check_type, has_any
from fnn.vision.tv_tensors import Image, Video

__all__ = ["RandomlyApplied", "Transform", "is_array", "sample_of"]


def is_array(inpt: object) -> bool:
    """Whether ``inpt`` is an array, plain or typed."""
    return isinstance(inpt, np.ndarray) or of_jax(inpt)


def sample_of(inputs: tuple[object, ...]) -> Any:
    """What a transform is called with: its only argument, or all of them."""
    if not inputs:
        raise ArgumentTypeError("a transform takes a sample, got no argument")
    return inputs[0] if len(inputs) == 1 else inputs


class Transform:
    """The base of transforms: a callable from sample to sample; a subclass defines `transform`.

    A sample is one image or any nesting of dicts, lists and tuples, given as one argument or as several.  Its images,
    videos, masks, boxes and points are changed alike, with parameters that are drawn once; all else is passed through.
    A plain array counts as an image if the sample has no other image or video, and if it is the first one.

    Transforms hold plain Python values: they pickle, and draw from fnn's global host generator when they are called.

    Example:
        >>> import numpy as np
        >>> class AddOne(Transform):
        ...     def transform(self, inpt, params):
        ...         return inpt + 1
        >>> AddOne()({"image": np.zeros(2), "label": 7})
        {'image': array([1., 1.]), 'label': 7}
    """

    # what is transformed: classes, and checks
    _transformed_types: ClassVar[tuple[Check, ...]] = (is_array, is_pil)
    _v1_transform_cls: ClassVar[type | None] = None

    def __init_subclass__(cls) -> None:
        draws = getattr(cls._v1_transform_cls, "get_params", None)
        if draws is not None:
            cls.get_params = staticmethod(draws)  # pyright: ignore[reportAttributeAccessIssue]

    def __call__(self, *inputs: object) -> Any:
        """``self.forward(*inputs)``."""
        return self.forward(*inputs)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuses samples, by their leaves."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draws what is the same for all parts of a sample, from those leaves that will be transformed."""
        return {}

    def transform(self, inpt: object, params: dict[str, Any]) -> Any:
        """One part of a sample, transformed."""
        raise NotImplementedError(f"{type(self).__name__} is missing the required 'transform' function")

    def forward(self, *inputs: object) -> Any:
        """The transformed sample."""
        sample = sample_of(inputs)
        leaves = flatten(sample)
        self.check_inputs(leaves)
        return self._transformed(sample, leaves)

    def _transformed(self, sample: object, leaves: list[Any]) -> Any:
        chosen = self._needs_transform_list(leaves)
        params = self.make_params([leaf for leaf, needed in zip(leaves, chosen, strict=True) if needed])
        changed = [
            self.transform(leaf, params) if needed else leaf for leaf, needed in zip(leaves, chosen, strict=True)
        ]
        return unflatten(changed, sample)

    def _needs_transform_list(self, flat_inputs: list[Any]) -> list[bool]:
        takes_plain = not has_any(flat_inputs, Image, Video, is_pil)
        chosen = []
        for inpt in flat_inputs:
            needed = check_type(inpt, self._transformed_types)
            if needed and is_pure_tensor(inpt):
                needed, takes_plain = takes_plain, False
            chosen.append(needed)
        return chosen

    def _call_kernel(self, functional: Callable[..., Any], inpt: object, *args: object, **kwargs: object) -> Any:
        return kernel_for(functional, inpt, allow_passthrough=True)(inpt, *args, **kwargs)

    def extra_repr(self) -> str:
        """The arguments, as printed."""
        shown = (bool, int, float, str, tuple, list, enum.Enum)
        kept = ((name, value) for name, value in vars(self).items() if not name.startswith("_") and name != "training")
        return ", ".join(f"{name}={value}" for name, value in kept if isinstance(value, shown))

    def __repr__(self) -> str:
        lines = self.extra_repr().split("\n")
        text = lines[0] if len(lines) == 1 else "\n  " + "\n  ".join(lines) + "\n"
        return f"{type(self).__name__}({text})"


class RandomlyApplied(Transform):
    """Does something with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        if not 0.0 <= p <= 1.0:
            raise ArgumentError(f"`p` should be a floating point value in the interval [0.0, 1.0], got {p}.")
        self.p = p

    def forward(self, *inputs: object) -> Any:
        sample = sample_of(inputs)
        leaves = flatten(sample)
        self.check_inputs(leaves)
        return sample if _draws.rand() >= single(self.p) else self._transformed(sample, leaves)
