"""What builders and enums of weights say of themselves, put together from what is known about the weights."""

import inspect
from collections.abc import Mapping
from enum import Enum

__all__ = ["of_builder", "of_weights"]

_ARGUMENTS = {
    "weights": "published weights, a member of `{enum}` or its name; None leaves the model untrained.",
    "progress": "whether a download shows a progress bar.",
    "num_classes": "the number of classes. Default: as many as the weights have.",
    "aux_loss": "whether there is an auxiliary classifier. Default: as the weights have it.",
    "weights_backbone": "published weights of the backbone; of no account where ``weights`` are given.",
    "trainable_backbone_layers": "how many stages of the backbone are trained, from the last one.",
    "kwargs": "arguments of `{model}`.",
}

_BUILDER = """\
{text}

Example:
    >>> from {parent} import {face}
    >>> weights = {face}.{enum}.DEFAULT
    >>> weights.meta["num_params"]
    {params}
    >>> model = {face}.{name}(weights=weights)  # doctest: +SKIP
"""

_WEIGHTS = """\
{text}

Example:
    >>> from {parent} import {face}
    >>> weights = {face}.{enum}.DEFAULT
    >>> weights.meta["_metrics"]
    {metrics}
    >>> image = weights.transforms()(image)  # doctest: +SKIP
    >>> state = weights.get_state_dict()  # doctest: +SKIP
"""


def of_builder(
    text: str, module: str, name: str, parameters: Mapping[str, inspect.Parameter], model: str, enum: type[Enum]
) -> str:
    """A builder's docstring: its own, the arguments unless it describes them itself, and an example.

    Args:
        text: its own.
        module: that it is defined in.
        name: its name.
        parameters: its parameters by name.
        model: what it returns.
        enum: its weights.
    """
    text = inspect.cleandoc(text)
    if "Args:" not in text:
        stars = {inspect.Parameter.VAR_KEYWORD: "**"}
        known = [
            f"    {stars.get(p.kind, '')}{key}: {_ARGUMENTS[key].format(enum=enum.__name__, model=model)}"
            for key, p in parameters.items()
            if key in _ARGUMENTS and not (key == "kwargs" and "num_classes" in parameters)
        ]
        text = "\n".join([text, "", "Args:", *known])
    parent, face = _face(module)
    params = enum["DEFAULT"].value.meta["num_params"]
    return _BUILDER.format(text=text, parent=parent, face=face, name=name, enum=enum.__name__, params=params)


def of_weights(enum: type[Enum]) -> str:
    """An enum's docstring: its own, and an example."""
    parent, face = _face(enum.__module__)
    metrics = enum["DEFAULT"].value.meta["_metrics"]
    text = inspect.cleandoc(enum.__doc__ or "")
    return _WEIGHTS.format(text=text, parent=parent, face=face, enum=enum.__name__, metrics=metrics)


def _face(module: str) -> tuple[str, str]:
    """The package that a module hands its names to, as ``from parent import face`` has it."""
    parent, _, face = module.rpartition(".")[0].rpartition(".")
    return parent, face
