"""Transforms: JAX's, made aware of Modules, under the names of ``torch.func`` and of JAX."""

from fnn.func._accumulate import accumulate
from fnn.func._batch_norm import replace_all_batch_norm_modules_
from fnn.func._control import checkpoint, cond, switch
from fnn.func._derivatives import jvp, linearize, vjp
from fnn.func._functional import functional_call, stack_module_state
from fnn.func._grad import backward, grad, grad_and_value, value_and_grad
from fnn.func._jacobians import hessian, jacfwd, jacrev
from fnn.func._jit import jit
from fnn.func._loops import fori_loop, map, scan, while_loop
from fnn.func._split import merge, split
from fnn.func._vmap import vmap
from fnn.func.pure_module import pure

__all__ = [
    "accumulate",
    "backward",
    "checkpoint",
    "cond",
    "fori_loop",
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jit",
    "jvp",
    "linearize",
    "map",
    "merge",
    "pure",
    "replace_all_batch_norm_modules_",
    "scan",
    "split",
    "stack_module_state",
    "switch",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
