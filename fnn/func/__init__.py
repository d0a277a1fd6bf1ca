"""Transforms: JAX's, made aware of Modules, under the names of ``torch.func`` and of JAX."""

from fnn.func._control import checkpoint, cond, scan
from fnn.func._derivatives import hessian, jacfwd, jacrev, jvp, linearize, vjp
from fnn.func._grad import backward, grad, grad_and_value, value_and_grad
from fnn.func._jit import jit
from fnn.func._pure import functional_call, pure, split, stack_module_state
from fnn.func._vmap import vmap

__all__ = [
    "backward",
    "checkpoint",
    "cond",
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jit",
    "jvp",
    "linearize",
    "pure",
    "scan",
    "split",
    "stack_module_state",
    "value_and_grad",
    "vjp",
    "vmap",
]
