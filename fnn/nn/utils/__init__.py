"""The utilities of ``torch.nn.utils``; a part of them is imported when it is first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fnn.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from fnn.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters

# Functions with the names of their modules, which an import of such a module would put in the function's place.
from fnn.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from fnn.nn.utils.weight_norm import remove_weight_norm, weight_norm

if TYPE_CHECKING:
    from fnn.nn.utils import (
        fusion,
        lora,
        memory_format,
        parametrizations,
        parametrize,
        prune,
        quantization,
        rnn,
        stateless,
    )
    from fnn.nn.utils.fusion import (
        fuse_conv_bn_eval,
        fuse_conv_bn_weights,
        fuse_linear_bn_eval,
        fuse_linear_bn_weights,
    )
    from fnn.nn.utils.init import skip_init
    from fnn.nn.utils.memory_format import convert_conv2d_weight_memory_format, convert_conv3d_weight_memory_format

_MODULES = (
    "fusion", "init", "lora", "memory_format", "parametrizations", "parametrize", "prune", "quantization", "rnn",
    "stateless",
)  # fmt: skip
_HOME = {
    "convert_conv2d_weight_memory_format": "memory_format",
    "convert_conv3d_weight_memory_format": "memory_format",
    "fuse_conv_bn_eval": "fusion",
    "fuse_conv_bn_weights": "fusion",
    "fuse_linear_bn_eval": "fusion",
    "fuse_linear_bn_weights": "fusion",
    "skip_init": "init",
}

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "convert_conv2d_weight_memory_format",
    "convert_conv3d_weight_memory_format",
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
    "fusion",
    "get_total_norm",
    "lora",
    "memory_format",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "prune",
    "quantization",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "skip_init",
    "spectral_norm",
    "stateless",
    "vector_to_parameters",
    "weight_norm",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"fnn.nn.utils.{name}")
    if name in _HOME:
        value = globals()[name] = getattr(import_module(f"fnn.nn.utils.{_HOME[name]}"), name)
        return value
    raise AttributeError(f"module 'fnn.nn.utils' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
