"""Model builders by name: `list_models`, `get_model` and the weights that go with a model.

`builder` registers a function under its name, completes its docstring, and lets it take the arguments that
torchvision's builders took before their version 0.13 (``pretrained=True``, positional ones), with a warning.
"""

import fnmatch
import functools
import importlib
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, get_args

from fnn import nn
from fnn.errors import ArgumentError
from fnn.vision.models import _documentation
from fnn.vision.models._draws import skipped_draws
from fnn.vision.models._weights import WeightsEnum

__all__ = [
    "build",
    "builder",
    "expect",
    "get_model",
    "get_model_builder",
    "get_model_weights",
    "get_weight",
    "list_models",
    "settled",
]

_P = ParamSpec("_P")
_M = TypeVar("_M", bound=nn.Module)
_V = TypeVar("_V")

_BUILDERS: dict[str, Callable[..., nn.Module]] = {}
_PACKAGES = ("detection", "optical_flow", "segmentation", "video")  # imported when one of their names is asked for


# -- builders -----------------------------------------------------------------------------------------


def builder(
    pretrained: WeightsEnum | None = None, backbone: WeightsEnum | None = None
) -> Callable[[Callable[_P, _M]], Callable[_P, _M]]:
    """Decorates a builder: registers it, and lets it take old arguments.

    ``pretrained=True`` then means ``weights=pretrained``, ``pretrained_backbone=True`` ``weights_backbone=backbone``.
    """

    def decorate(build: Callable[_P, _M]) -> Callable[_P, _M]:
        function: Callable[..., Any] = build
        name = function.__name__
        if name in _BUILDERS:
            raise ArgumentError(f"An entry is already registered under the name '{name}'.")
        parameters = inspect.signature(function).parameters
        order = [p for p in parameters if parameters[p].kind is inspect.Parameter.KEYWORD_ONLY]
        defaults = {"weights": pretrained}
        if "weights_backbone" in order:
            defaults["weights_backbone"] = backbone
        watched = {name for new in defaults for name in (new, _old(new))}

        @functools.wraps(function)
        def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> Any:
            if args or not watched.isdisjoint(kwargs):
                return function(**_modern(name, order, defaults, args, kwargs))
            return function(**kwargs)

        weights = _weights_of(parameters)
        if weights is not None:
            made = inspect.signature(function).return_annotation
            model = getattr(made, "__name__", str(made))
            text, module = function.__doc__ or "", function.__module__
            wrapper.__doc__ = _documentation.of_builder(text, module, name, parameters, model, weights)
        _BUILDERS[name] = wrapper
        return wrapper

    return decorate


def _weights_of(parameters: Mapping[str, inspect.Parameter]) -> type[WeightsEnum] | None:
    """The enum that a builder's ``weights`` is annotated with."""
    annotation = parameters["weights"].annotation
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, WeightsEnum):
            return kind
    return None


def _old(parameter: str) -> str:
    """What the parameter was called before."""
    return parameter.replace("weights", "pretrained")


def _modern(
    name: str, order: list[str], defaults: dict[str, WeightsEnum | None], args: tuple, kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The keyword arguments that a call in the old manner means."""
    if len(args) > len(order):
        raise TypeError(f"{name}() takes from 0 to {len(order)} positional arguments but {len(args)} were given")
    given = dict(zip(order, args, strict=False))
    if given:
        shown = [repr(n) for n in given]
        listed = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
        warnings.warn(
            f"Using {listed} as positional parameter(s) is deprecated since 0.13 and may be "
            "removed in the future. Please use keyword parameter(s) instead.",
            stacklevel=3,
        )
        kwargs = {**kwargs, **given}
    for parameter, default in defaults.items():
        kwargs = _with_weights(name, parameter, default, kwargs)
    return kwargs


def _with_weights(name: str, parameter: str, default: WeightsEnum | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    old, weights = _old(parameter), kwargs.get(parameter)
    if parameter in kwargs:
        if weights is None or isinstance(weights, WeightsEnum) or (isinstance(weights, str) and weights != "legacy"):
            return kwargs
        wanted = kwargs.pop(parameter)  # the place of the old `pretrained`
        kwargs.pop(old, None)
    elif old in kwargs:
        wanted = kwargs.pop(old)
        warnings.warn(
            f"The parameter '{old}' is deprecated since 0.13 and may be removed in the future, "
            f"please use '{parameter}' instead.",
            stacklevel=4,
        )
    else:
        return kwargs
    if wanted and default is None:
        raise ArgumentError(f"No weights available for model {name}")
    weights = default if wanted else None
    message = (
        f"Arguments other than a weight enum or `None` for '{parameter}' are deprecated since 0.13 and may be "
        f"removed in the future. The current behavior is equivalent to passing `{parameter}={weights}`."
    )
    if wanted:
        message += (
            f" You can also use `{parameter}={type(weights).__name__}.DEFAULT` to get the most up-to-date weights."
        )
    warnings.warn(message, stacklevel=4)
    return {**kwargs, parameter: weights}


def expect(kwargs: dict[str, Any], name: str, value: object) -> None:
    """Sets a builder's keyword argument that the weights, or the variant, decide.

    Raises:
        ArgumentError: the caller gave another value.
    """
    if kwargs.setdefault(name, value) != value:
        raise ArgumentError(f"The parameter '{name}' expected value {value} but got {kwargs[name]} instead.")


def settled(name: str, given: _V | None, wanted: _V) -> _V:
    """The value that the weights decide, which the caller may repeat; ``given`` None: not said.

    Raises:
        ArgumentError: the caller gave another value.
    """
    if given is not None and given != wanted:
        raise ArgumentError(f"The parameter '{name}' expected value {wanted} but got {given} instead.")
    return wanted


def build(make: Callable[..., _M], weights: WeightsEnum | None, progress: bool, kwargs: dict[str, Any]) -> _M:
    """``make(**kwargs)``, with published weights if there are any.

    The file is fetched first, so that a failure costs no time; then the model is made without computing the initial
    values that are replaced at once.
    """
    if weights is None:
        return make(**kwargs)
    if weights.meta.get("categories") is not None:
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
        module: those of this package, such as `fnn.vision.models.detection`. Default: `fnn.vision.models`, the
            classifiers.
        include: patterns like ``"resnet*"``; a model that fits one of them is listed. Default: all.
        exclude: patterns; a model that fits one of them is not.

    Returns:
        The names, sorted.

    >>> list_models(include="vgg1*", exclude=["*_bn"])
    ['vgg11', 'vgg13', 'vgg16', 'vgg19']
    """
    package = __package__ if module is None else module.__name__
    names = {n for n, f in _BUILDERS.items() if f.__module__.rpartition(".")[0] == package}
    kept = _fitting(names, include) if include else names
    return sorted(kept - _fitting(names, exclude) if exclude else kept)


def _fitting(names: set[str], patterns: Iterable[str] | str) -> set[str]:
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return {name for pattern in patterns for name in fnmatch.filter(names, pattern)}


def get_model_builder(name: str) -> Callable[..., nn.Module]:
    """The function that builds the model of this name.

    Args:
        name: one of `list_models`, of any of the packages; capitals do not matter.

    Raises:
        ArgumentError: there is no such model.

    >>> build = get_model_builder("SqueezeNet1_1")
    >>> build(num_classes=10).num_classes
    10
    """
    if name.lower() not in _BUILDERS:
        _packages()
    found = _BUILDERS.get(name.lower())
    if found is None:
        raise ArgumentError(f"Unknown model {name.lower()}; list_models() lists those that there are")
    return found


def _packages() -> list[ModuleType]:
    """All packages of models."""
    return [sys.modules[__package__ or ""], *(importlib.import_module(f"{__package__}.{p}") for p in _PACKAGES)]


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
    parameters = inspect.signature(function).parameters
    if "weights" not in parameters:
        raise ArgumentError("The method is missing the 'weights' argument.")
    found = _weights_of(parameters)
    if found is None:
        raise ArgumentError(
            "The WeightsEnum class for the specific method couldn't be retrieved. Make sure the typing info is correct."
        )
    return found


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
    if found is None:
        found = next((vars(p)[enum_name] for p in _packages() if enum_name in vars(p)), None)
    if not (isinstance(found, type) and issubclass(found, WeightsEnum)):
        raise ArgumentError(f"The weight enum '{enum_name}' for the specific method couldn't be retrieved.")
    weights = found.verify(member)
    assert weights is not None
    return weights
