"""Model builders by name: `list_models`, `get_model` and the weights that go with a model.

`builder` registers a function under its name and lets it take the arguments that torchvision's builders took
before their version 0.13 (``pretrained=True``, positional ones), with a warning.
"""

import fnmatch
import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, get_args

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._weights import WeightsEnum

__all__ = ["builder", "expect", "get_model", "get_model_builder", "get_model_weights", "get_weight", "list_models"]

_P = ParamSpec("_P")
_M = TypeVar("_M", bound=nn.Module)

_BUILDERS: dict[str, Callable[..., nn.Module]] = {}
_NEW = ("weights", "progress")  # in the order of the old positional arguments


# -- builders -----------------------------------------------------------------------------------------


def builder(pretrained: WeightsEnum | None = None) -> Callable[[Callable[_P, _M]], Callable[_P, _M]]:
    """Decorates a builder: registers it, and makes ``pretrained=True`` mean ``weights=pretrained``."""

    def decorate(build: Callable[_P, _M]) -> Callable[_P, _M]:
        function: Callable[..., Any] = build
        name = function.__name__
        if name in _BUILDERS:
            raise ArgumentError(f"An entry is already registered under the name '{name}'.")

        @functools.wraps(function)
        def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> Any:
            if args or "weights" in kwargs or "pretrained" in kwargs:
                return function(**_modern(name, pretrained, args, kwargs))
            return function(**kwargs)

        _BUILDERS[name] = wrapper
        return wrapper

    return decorate


def _modern(name: str, default: WeightsEnum | None, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments that a call in the old manner means."""
    if len(args) > len(_NEW):
        raise TypeError(f"{name}() takes from 0 to {len(_NEW)} positional arguments but {len(args)} were given")
    given = dict(zip(_NEW, args, strict=False))
    if given:
        warnings.warn(
            f"Using {' and '.join(map(repr, given))} as positional parameter(s) is deprecated since 0.13 and may be "
            "removed in the future. Please use keyword parameter(s) instead.",
            stacklevel=3,
        )
        kwargs = {**kwargs, **given}
    weights = kwargs.get("weights")
    if "weights" in kwargs:
        if weights is None or isinstance(weights, WeightsEnum) or (isinstance(weights, str) and weights != "legacy"):
            return kwargs
        wanted = kwargs.pop("weights")  # the place of the old `pretrained`
        kwargs.pop("pretrained", None)
    else:
        wanted = kwargs.pop("pretrained")
        warnings.warn(
            "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, "
            "please use 'weights' instead.",
            stacklevel=3,
        )
    if wanted and default is None:
        raise ArgumentError(f"No weights available for model {name}")
    weights = default if wanted else None
    message = (
        "Arguments other than a weight enum or `None` for 'weights' are deprecated since 0.13 and may be removed in "
        f"the future. The current behavior is equivalent to passing `weights={weights}`."
    )
    if wanted:
        message += f" You can also use `weights={type(weights).__name__}.DEFAULT` to get the most up-to-date weights."
    warnings.warn(message, stacklevel=3)
    return {**kwargs, "weights": weights}


def expect(kwargs: dict[str, Any], name: str, value: object) -> None:
    """Sets a builder's keyword argument that the weights, or the variant, decide.

    Raises:
        ArgumentError: the caller gave another value.
    """
    if kwargs.setdefault(name, value) != value:
        raise ArgumentError(f"The parameter '{name}' expected value {value} but got {kwargs[name]} instead.")


def build(make: Callable[..., _M], weights: WeightsEnum | None, progress: bool, kwargs: dict[str, Any]) -> _M:
    """``make(**kwargs)``, with published weights if there are any.

    The file is fetched first, so that a failure costs no time; then the model is made without computing the initial
    values that are replaced at once.
    """
    if weights is None:
        return make(**kwargs)
    if weights.meta["categories"] is not None:
        expect(kwargs, "num_classes", len(weights.meta["categories"]))
    state = weights.get_state_dict(progress=progress, check_hash=True)
    with skipped_draws():
        model = make(**kwargs)
    model.load_state_dict(state)
    return model


# -- look-up ------------------------------------------------------------------------------------------


def list_models(
    module: ModuleType | None = None,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
) -> list[str]:
    """The names of the models.

    Args:
        module: only those of this package, such as `fnn.vision.models`.
        include: patterns like ``"resnet*"``; a model that fits one of them is listed. Default: all.
        exclude: patterns; a model that fits one of them is not.

    Returns:
        The names, sorted.

    >>> list_models(include="vgg1*", exclude=["*_bn"])
    ['vgg11', 'vgg13', 'vgg16', 'vgg19']
    """
    names = {n for n, f in _BUILDERS.items() if module is None or f.__module__.rpartition(".")[0] == module.__name__}
    kept = _fitting(names, include) if include else names
    return sorted(kept - _fitting(names, exclude) if exclude else kept)


def _fitting(names: set[str], patterns: Iterable[str] | str) -> set[str]:
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return {name for pattern in patterns for name in fnmatch.filter(names, pattern)}


def get_model_builder(name: str) -> Callable[..., nn.Module]:
    """The function that builds the model of this name.

    Raises:
        ArgumentError: there is no such model.
    """
    found = _BUILDERS.get(name.lower())
    if found is None:
        raise ArgumentError(f"Unknown model {name.lower()}; list_models() lists those that there are")
    return found


def get_model(name: str, **config: object) -> nn.Module:
    """Builds the model of this name.

    Args:
        name: one of `list_models`.
        **config: arguments of its builder: ``weights``, ``progress``, ``num_classes``, ...

    >>> get_model("squeezenet1_1", num_classes=10).num_classes
    10
    """
    return get_model_builder(name)(**config)


def get_model_weights(name: Callable[..., nn.Module] | str) -> type[WeightsEnum]:
    """The enum of a model's published weights.

    Args:
        name: the model's name or its builder.

    >>> list(get_model_weights("resnet50"))
    [ResNet50_Weights.IMAGENET1K_V1, ResNet50_Weights.IMAGENET1K_V2]
    """
    function = get_model_builder(name) if isinstance(name, str) else name
    parameter = inspect.signature(function).parameters.get("weights")
    if parameter is None:
        raise ArgumentError("The method is missing the 'weights' argument.")
    for kind in (parameter.annotation, *get_args(parameter.annotation)):
        if isinstance(kind, type) and issubclass(kind, WeightsEnum):
            return kind
    raise ArgumentError(
        "The WeightsEnum class for the specific method couldn't be retrieved. Make sure the typing info is correct."
    )


def get_weight(name: str) -> WeightsEnum:
    """The published weights of a full name.

    Args:
        name: enum and member, such as ``"ResNet50_Weights.IMAGENET1K_V1"``.

    >>> get_weight("VGG16_Weights.DEFAULT").url
    'https://download.pytorch.org/models/vgg16-397923af.pth'
    """
    enum_name, dot, member = name.partition(".")
    if not dot or "." in member:
        raise ArgumentError(f"Invalid weight name provided: '{name}'.")
    found = getattr(sys.modules[__package__ or ""], enum_name, None)
    if not (isinstance(found, type) and issubclass(found, WeightsEnum)):
        raise ArgumentError(f"The weight enum '{enum_name}' for the specific method couldn't be retrieved.")
    weights = found.verify(member)
    assert weights is not None
    return weights
