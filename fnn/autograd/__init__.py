"""Derivatives of values, as ``torch.autograd`` takes them, inside `fnn.jit`; and the modes that turn them off."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fnn.autograd._grad import backward, grad
from fnn.autograd._gradcheck import GradcheckError, gradcheck, gradgradcheck
from fnn.autograd.anomaly_mode import (
    detect_anomaly,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    set_detect_anomaly,
)
from fnn.autograd.function import Function, FunctionCtx, once_differentiable
from fnn.state.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

if TYPE_CHECKING:
    from fnn.autograd import functional

__all__ = [
    "backward",
    "grad",
    "Function",
    "FunctionCtx",
    "once_differentiable",
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
    "detect_anomaly",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "set_detect_anomaly",
    "functional",
    "GradcheckError",
    "gradcheck",
    "gradgradcheck",
]

_INSTEAD = {
    "Variable": "arrays are differentiated as they are, Parameters are trained: leave it out",
    "forward_ad": "use fnn.func.jvp or fnn.func.linearize",
    "graph": "there is no tape to look into; p.register_hook sees gradients, fnn.checkpoint(policy=...) says what is "
    "kept for the backward pass",
    "profiler": "use jax.profiler, or fnn.explain(step, *args)",
    "set_multithreading_enabled": "XLA decides how the backward pass runs: leave it out",
}


def __getattr__(name: str) -> Any:
    if name == "functional":
        return import_module("fnn.autograd.functional")
    hint = f"; {_INSTEAD[name]}" if name in _INSTEAD else ""
    raise AttributeError(f"module 'fnn.autograd' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
