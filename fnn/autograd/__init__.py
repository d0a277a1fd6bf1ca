"""Derivatives of values, as ``torch.autograd`` takes them, inside `fnn.jit`; and the modes that turn them off."""

from fnn.autograd._grad import backward, grad
from fnn.autograd.function import Function, FunctionCtx, once_differentiable
from fnn.state.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

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
]
