"""Published weights: where a file lies, what it expects as input, and what is known about it.

A family's enum lists its files; `WeightsEnum` is their base, and the value of each member is a `Weights`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final, Self, TypedDict

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision.models._documentation import of_weights
from fnn.vision.models._imagenet import CATEGORIES

__all__ = ["NEW_RECIPE", "SWAG", "Weights", "WeightsEnum", "imagenet", "published"]

_SERVER = "https://download.pytorch.org/models/"
_REFERENCE = "https://github.com/pytorch/vision/tree/main/references/"
NEW_RECIPE = "https://github.com/pytorch/vision/issues/3995#new-recipe"


class _Source(TypedDict):
    recipe: str
    license: str


SWAG: Final[_Source] = {
    "recipe": "https://github.com/facebookresearch/SWAG",
    "license": "https://github.com/facebookresearch/SWAG/blob/main/LICENSE",
}


class _UnknownWeights(ArgumentError, KeyError):
    """A name that is not in the enum; torchvision raises KeyError."""

    __str__ = Exception.__str__


@dataclass(eq=False)
class Weights:
    """One published file of weights.

    Args:
        url: where it is published.
        transforms: makes the preprocessing that the model was trained with, when called.
        meta: what is known: ``categories`` (the names of the classes), ``num_params``, ``min_size`` (of the
            input, in pixels), ``recipe`` (a URL), ``_metrics`` (accuracies in per cent), ``_ops`` (GFLOPs of one
            image), ``_file_size`` (MiB).

    Example:
        >>> from fnn.vision import models
        >>> weights = models.Weights("https://example.org/small.pth", transforms=lambda image: image, meta={})
        >>> weights.url
        'https://example.org/small.pth'
    """

    url: str
    transforms: Callable[..., Any]
    meta: dict[str, Any]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Weights):
            return NotImplemented
        return (self.url, _comparable(self.transforms), self.meta) == (
            other.url,
            _comparable(other.transforms),
            other.meta,
        )


def _comparable(function: object) -> Any:
    """A ``partial`` is equal to no other; its parts are."""
    return (function.func, function.args, function.keywords) if isinstance(function, partial) else function


class WeightsEnum(Enum):
    """Base of the enums of published weights; each member's value is a `Weights`.

    Example:
        >>> from fnn.vision import models
        >>> weights = models.ResNet50_Weights.IMAGENET1K_V1
        >>> weights.meta["num_params"], weights.meta["categories"][:2]
        (25557032, ['tench', 'goldfish'])
        >>> models.ResNet50_Weights.verify("IMAGENET1K_V1") is weights
        True
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "DEFAULT" in cls.__members__:
            cls.__doc__ = of_weights(cls)

    @classmethod
    def verify(cls, obj: object) -> Self | None:
        """A member, found by name if need be (``"IMAGENET1K_V1"`` or ``"ResNet18_Weights.IMAGENET1K_V1"``); or None.

        Raises:
            ArgumentError: there is no member of this name (also a KeyError).
            ArgumentTypeError: ``obj`` is a member of another enum, or of no enum (also a TypeError).
        """
        if obj is None or isinstance(obj, cls):
            return obj
        if not isinstance(obj, str):
            raise ArgumentTypeError(
                f"Invalid Weight class provided; expected {cls.__name__} but received {type(obj).__name__}."
            )
        name = obj.replace(f"{cls.__name__}.", "")
        if name not in cls.__members__:
            raise _UnknownWeights(f"{cls.__name__} has no weights={obj!r}, expected one of {list(cls.__members__)}")
        return cls[name]

    def get_state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The arrays by name, downloaded unless they are in the cache; see `fnn.utils.hub.load_state_dict_from_url`."""
        from fnn.utils import hub  # with all that reads files

        return hub.load_state_dict_from_url(self.url, *args, **kwargs)

    @property
    def url(self) -> str:
        """Where the file is published."""
        return self.value.url

    @property
    def transforms(self) -> Callable[..., Any]:
        """Makes the preprocessing that goes with these weights, when called."""
        return self.value.transforms

    @property
    def meta(self) -> dict[str, Any]:
        """What is known about these weights; see `Weights`."""
        return self.value.meta

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> Any:
        return getattr, (type(self), self.name)


def _preprocessing(preset: str, **options: Any) -> Any:
    from fnn.vision.transforms import InterpolationMode, _presets

    if "interpolation" in options:
        options["interpolation"] = InterpolationMode(options["interpolation"])
    return getattr(_presets, preset)(**options)


def _classification(**options: Any) -> Any:
    return _preprocessing("ImageClassification", **options)


def imagenet(
    file: str,
    params: int,
    accuracy: tuple[float, float],
    gflops: float,
    megabytes: float,
    recipe: str | None = None,
    *,
    min_size: tuple[int, int] = (1, 1),
    categories: list[str] | None = CATEGORIES,
    crop_size: int = 224,
    license: str | None = None,
    **preset: object,
) -> Weights:
    """Weights trained on ImageNet-1K.

    Args:
        file: the published file's name without its suffix.
        params: the number of parameters.
        accuracy: on the validation set, in per cent: the first guess is right; one of the first five is.
        gflops: billions of multiplications and additions for one image.
        megabytes: the size of the file in MiB.
        recipe: where the training is described: a URL, or a heading on the page of torchvision's reference scripts.
        min_size: the smallest input, in pixels.
        categories: the names of the classes; None if the classifier has not been trained.
        crop_size: the size of the input that the preprocessing makes.
        license: where the licence of the weights is, if it is not torchvision's.
        **preset: more arguments of the preprocessing.
    """
    facts: dict[str, Any] = {"num_params": params, "min_size": min_size, "categories": categories}
    if recipe is not None:
        facts["recipe"] = f"{_REFERENCE}classification{recipe}" if recipe.startswith("#") else recipe
    if license is not None:
        facts["license"] = license
    facts["_metrics"] = {"ImageNet-1K": {"acc@1": accuracy[0], "acc@5": accuracy[1]}}
    facts |= {"_ops": gflops, "_file_size": megabytes}
    return Weights(f"{_SERVER}{file}.pth", partial(_classification, crop_size=crop_size, **preset), facts)


def published(
    file: str,
    params: int,
    metrics: dict[str, dict[str, float]],
    gflops: float,
    megabytes: float,
    recipe: str,
    *,
    preset: str,
    options: dict[str, object] | None = None,
    **facts: object,
) -> Weights:
    """Weights of a model that does not classify images.

    Args:
        file: the published file's name without its suffix.
        params: the number of parameters.
        metrics: for each data set, its measures.
        gflops: billions of multiplications and additions for one input.
        megabytes: the size of the file in MiB.
        recipe: where the training is described: a URL, or a path below torchvision's reference scripts.
        preset: the class of the preprocessing.
        options: its arguments.
        **facts: ``categories``, ``min_size``, ...
    """
    url = recipe if recipe.startswith("http") else _REFERENCE + recipe
    known = {**facts, "num_params": params, "recipe": url}
    known |= {"_metrics": metrics, "_ops": gflops, "_file_size": megabytes}
    return Weights(f"{_SERVER}{file}.pth", partial(_preprocessing, preset, **(options or {})), known)
