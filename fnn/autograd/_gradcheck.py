"""`gradcheck` and `gradgradcheck`: derivatives against finite differences, with the arguments of ``torch.autograd``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import func as transforms
from fnn.autograd._comparison import (
    Check,
    GradcheckError,
    check_backward,
    check_batched_forward,
    compare_all,
    compare_one,
    tuple_of,
)
from fnn.docstrings import described
from fnn.errors import ArgumentError
from fnn.typing import ArrayLike

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


# What both functions take.
_ARGUMENTS = {
    "func": "a function of arrays that returns an array or a tuple of arrays.",
    "inputs": "its argument or the sequence of its arguments.",
    "eps": "the step of the differences.",
    "atol": "the absolute tolerance.",
    "rtol": "the relative tolerance.",
    "raise_exception": "whether a difference is an error, or False is returned.",
    "nondet_tol": "by how much two backward passes may differ.",
    "check_undefined_grad": "whether gradients of zero must give zeros.",
    "check_grad_dtypes": "whether gradients must have the dtypes of their inputs.",
    "check_batched_grad": "whether the backward pass under `jax.vmap` is compared with one at a time.",
    "fast_mode": "whether one random direction is compared instead of all; for real functions only.",
    "masked": "concerns sparse arrays alone, and there are none.",
}


@described(_ARGUMENTS)
def gradcheck(
    func: Callable[..., Any],
    inputs: ArrayLike | Sequence[ArrayLike],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compares the derivatives of ``func`` with finite differences.

    Args:
        inputs: its argument or the sequence of its arguments; floating ones are checked. In double precision, which
            needs JAX's x64 mode, unless ``eps`` and the tolerances are chosen for less.
        check_batched_forward_grad: likewise for the forward mode.
        check_forward_ad: whether the forward mode is checked.
        check_backward_ad: whether the backward mode is checked.

    Returns:
        True; or False where ``raise_exception`` is.

    Raises:
        GradcheckError: a derivative differs.
        ArgumentError: no input is floating, or options that do not go together.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> with jax.enable_x64(True):
        ...     fnn.autograd.gradcheck(lambda x: jnp.sin(x) * x, jnp.array([0.5, 2.0]))
        True
    """
    del masked
    what = "fnn.autograd.gradcheck"
    if not check_forward_ad and not check_backward_ad:
        raise ArgumentError(f"{what}: Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise ArgumentError(f"{what}: Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise ArgumentError(f"{what}: Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    check = Check(func, inputs, what)
    outputs = check(*check.variables)
    if not outputs:
        raise ArgumentError(f"{what}: none of the outputs has a floating or complex dtype")
    real = not any(map(jnp.iscomplexobj, (*check.variables, *outputs)))
    try:
        compare = compare_one if fast_mode and real else compare_all
        compare(check, outputs, eps, (rtol, atol), check_backward_ad, check_forward_ad)
        if check_backward_ad:
            check_backward(check, outputs, nondet_tol, check_undefined_grad, check_grad_dtypes, check_batched_grad)
        if check_batched_forward_grad:
            check_batched_forward(check)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


@described(_ARGUMENTS)
def gradgradcheck(
    func: Callable[..., Any],
    inputs: ArrayLike | Sequence[ArrayLike],
    grad_outputs: ArrayLike | Sequence[ArrayLike] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compares the derivatives of the gradients of ``func`` with finite differences; the rest is as for `gradcheck`.

    Args:
        grad_outputs: what the gradients are taken of, for each output; None: random numbers.
        gen_non_contig_grad_outputs: must be False: arrays have no strides.
        check_fwd_over_rev: whether the forward mode of the gradients is checked.
        check_rev_over_rev: whether their backward mode is checked.

    Returns:
        True; or False where ``raise_exception`` is.

    Raises:
        GradcheckError: a derivative differs.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> with jax.enable_x64(True):
        ...     fnn.autograd.gradgradcheck(lambda x: jnp.sin(x) * x, jnp.array([0.5, 2.0]))
        True
    """
    what = "fnn.autograd.gradgradcheck"
    if gen_non_contig_grad_outputs:
        raise ArgumentError(f"{what}: gen_non_contig_grad_outputs=True: arrays have no strides; leave it out")
    if not check_fwd_over_rev and not check_rev_over_rev:
        raise ArgumentError(f"{what}: Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gradcheck says it again
        check = Check(func, inputs, what)
    outputs = check(*check.variables)
    if grad_outputs is None:
        rng = np.random.default_rng(2)
        drawn = [rng.standard_normal((2, *o.shape)) for o in outputs]
        weights = tuple(
            jnp.asarray(part[0] + 1j * part[1] if jnp.iscomplexobj(o) else part[0], o.dtype)
            for part, o in zip(drawn, outputs, strict=True)
        )
    else:
        weights = tuple_of(grad_outputs, what)
    count = len(check.variables)

    def gradients(*values: jax.Array) -> Any:
        return transforms.vjp(check, *values[:count])[1](tuple(values[count:]))

    return gradcheck(
        gradients, (*check.variables, *weights), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev, fast_mode=fast_mode, masked=masked,
    )  # fmt: skip
