"""`gradcheck` and `gradgradcheck`: derivatives against finite differences, with the arguments of ``torch.autograd``.

Complex numbers are pairs of real ones here, so that one comparison of real Jacobians serves all functions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import func as transforms
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A derivative is not what finite differences give, or is not what `gradcheck` was asked to expect.

    Example:
        >>> import fnn
        >>> issubclass(fnn.autograd.GradcheckError, RuntimeError)
        True
    """


_Values = tuple[jax.Array, ...]


def _tuple_of(values: Any, what: str) -> _Values:
    parts = tuple(values) if isinstance(values, (tuple, list)) else (values,)
    for part in parts:
        if not isinstance(part, (jax.Array, np.ndarray)):
            raise ArgumentTypeError(f"{what}: expected arrays, got {type(part).__name__}")
    return tuple(map(to_array, parts))


def _inexact(x: jax.Array) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))


def _reals(x: Any) -> np.ndarray:
    """The real numbers of an array, in a row."""
    x = np.asarray(x)
    x = x.reshape(-1)
    return np.stack([x.real, x.imag], -1).reshape(-1) if np.iscomplexobj(x) else x.astype(np.float64)


def _units(x: jax.Array) -> list[jax.Array]:
    """For each real number of ``x`` the array in which it alone is one."""
    found = []
    for at in range(x.size):
        for unit in (1, 1j) if jnp.iscomplexobj(x) else (1,):
            found.append(jnp.zeros(x.size, x.dtype).at[at].set(unit).reshape(x.shape))
    return found


class _Check:
    """A function at a point, its floating inputs and outputs."""

    def __init__(self, func: Callable[..., Any], inputs: Any, what: str) -> None:
        self.func, self.what = func, what
        self.inputs = _tuple_of(inputs, what)
        self.places = [i for i, x in enumerate(self.inputs) if _inexact(x)]
        if not self.places:
            raise ArgumentError(
                f"{what}: gradcheck expects at least one input tensor to require gradient, but none of them has a "
                "floating or complex dtype"
            )
        for i in self.places:
            if self.inputs[i].dtype not in (np.float64, np.complex128):
                warnings.warn(
                    f"{what}: Input #{i} requires gradient and is not a double precision floating point or complex. "
                    "This check will likely fail if all the inputs are not of double precision floating point or "
                    "complex: enable x64 mode (jax.enable_x64), or give eps, atol and rtol that fit the dtype.",
                    stacklevel=4,
                )
        self.variables = [self.inputs[i] for i in self.places]

    def __call__(self, *variables: jax.Array) -> _Values:
        full = list(self.inputs)
        for i, value in zip(self.places, variables, strict=True):
            full[i] = value
        return tuple(out for out in _tuple_of(self.func(*full), self.what) if _inexact(out))

    def moved(self, directions: Sequence[jax.Array], step: float) -> np.ndarray:
        """The outputs, in a row, a step along a direction."""
        out = self(*(x + step * d for x, d in zip(self.variables, directions, strict=True)))
        return np.concatenate([_reals(o) for o in out]) if out else np.zeros(0)

    def slope(self, directions: Sequence[jax.Array], eps: float) -> np.ndarray:
        """The derivative of the outputs along a direction, by central differences."""
        return (self.moved(directions, eps) - self.moved(directions, -eps)) / (2 * eps)


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
        func: a function of arrays that returns an array or a tuple of arrays.
        inputs: its argument or the sequence of its arguments; floating ones are checked. In double precision, which
            needs JAX's x64 mode, unless ``eps`` and the tolerances are chosen for less.
        eps: the step of the differences.
        atol: the absolute tolerance.
        rtol: the relative tolerance.
        raise_exception: whether a difference is an error, or False is returned.
        nondet_tol: by how much two backward passes may differ.
        check_undefined_grad: whether gradients of zero must give zeros.
        check_grad_dtypes: whether gradients must have the dtypes of their inputs.
        check_batched_grad: whether the backward pass under `jax.vmap` is compared with one at a time.
        check_batched_forward_grad: likewise for the forward mode.
        check_forward_ad: whether the forward mode is checked.
        check_backward_ad: whether the backward mode is checked.
        fast_mode: whether one random direction is compared instead of all; for real functions only.
        masked: concerns sparse arrays alone, and there are none.

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
    check = _Check(func, inputs, what)
    outputs = check(*check.variables)
    if not outputs:
        raise ArgumentError(f"{what}: none of the outputs has a floating or complex dtype")
    real = not any(map(jnp.iscomplexobj, (*check.variables, *outputs)))
    try:
        compare = _compare_one if fast_mode and real else _compare_all
        compare(check, outputs, eps, (rtol, atol), check_backward_ad, check_forward_ad)
        if check_backward_ad:
            _check_backward(check, outputs, nondet_tol, check_undefined_grad, check_grad_dtypes, check_batched_grad)
        if check_batched_forward_grad:
            _check_batched_forward(check)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _close(got: np.ndarray, want: np.ndarray, tolerance: tuple[float, float]) -> bool:
    return bool(np.allclose(got, want, *tolerance, equal_nan=True))


def _compare_all(
    check: _Check, outputs: _Values, eps: float, tolerance: tuple[float, float], backward: bool, forward: bool
) -> None:
    """The whole Jacobian, an input at a time."""
    pull = transforms.vjp(check, *check.variables)[1] if backward else None
    push = transforms.linearize(check, *check.variables)[1] if forward else None
    zeros = [jnp.zeros_like(x) for x in check.variables]
    sizes = np.cumsum([0, *(_reals(o).size for o in outputs)])
    rows = None
    if pull is not None:
        nothing = [jnp.zeros_like(o) for o in outputs]
        rows = [pull((*nothing[:i], unit, *nothing[i + 1 :])) for i, o in enumerate(outputs) for unit in _units(o)]
    for j, x in enumerate(check.variables):
        directions = [[*zeros[:j], unit, *zeros[j + 1 :]] for unit in _units(x)]
        if not directions:
            continue
        numerical = np.stack([check.slope(d, eps) for d in directions])
        found = []
        if rows is not None:
            found.append(("", np.stack([_reals(row[j]) for row in rows], -1)))
        if push is not None:
            tangents = [np.concatenate([_reals(t) for t in push(*d)]) for d in directions]
            found.append((" computed with forward mode AD", np.stack(tangents)))
        for mode, analytical in found:
            for i in range(len(outputs)):
                part = slice(sizes[i], sizes[i + 1])
                if not _close(analytical[:, part], numerical[:, part], tolerance):
                    raise GradcheckError(
                        f"{check.what}: Jacobian{mode} mismatch for output {i} with respect to input "
                        f"{check.places[j]},\nnumerical:{numerical[:, part]}\nanalytical:{analytical[:, part]}\n"
                    )


def _compare_one(
    check: _Check, outputs: _Values, eps: float, tolerance: tuple[float, float], backward: bool, forward: bool
) -> None:
    """One number: the derivative of a weighted sum of the outputs along a direction, both drawn at random."""
    rng = np.random.default_rng(0)
    direction = [jnp.asarray(rng.random(x.shape), x.dtype) for x in check.variables]
    weights = tuple(jnp.asarray(rng.random(o.shape), o.dtype) for o in outputs)
    flat = np.concatenate([_reals(w) for w in weights])
    numerical = float(flat @ check.slope(direction, eps))
    found = []
    if backward:
        grads = transforms.vjp(check, *check.variables)[1](weights)
        found.append(("", sum(float(np.vdot(g, d)) for g, d in zip(grads, direction, strict=True))))
    if forward:
        tangents = transforms.linearize(check, *check.variables)[1](*direction)
        found.append((" computed with forward mode AD", float(flat @ np.concatenate([_reals(t) for t in tangents]))))
    for mode, analytical in found:
        if not _close(np.array(analytical), np.array(numerical), tolerance):
            raise GradcheckError(
                f"{check.what}: Jacobian{mode} mismatch in fast mode,\nnumerical:{numerical}\nanalytical:{analytical}\n"
                "The numbers are sums over all outputs and inputs; fast_mode=False shows which differ."
            )


def _check_backward(
    check: _Check, outputs: _Values, tolerance: float, zeros: bool, dtypes: bool, batched: bool
) -> None:
    rng = np.random.default_rng(1)

    def drawn(o: jax.Array) -> jax.Array:
        part = rng.standard_normal(o.shape)
        return jnp.asarray(part + 1j * rng.standard_normal(o.shape) if jnp.iscomplexobj(o) else part, o.dtype)

    weights = tuple(map(drawn, outputs))
    first, again = (transforms.vjp(check, *check.variables)[1](weights) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        if a.size and float(jnp.max(jnp.abs(a - b))) > tolerance:
            raise GradcheckError(
                f"{check.what}: Backward is not reentrant, i.e., running backward with same input and grad_output "
                "multiple times gives different values, although analytical gradient matches numerical gradient. The "
                f"tolerance for nondeterminism was {tolerance}."
            )
    pull = transforms.vjp(check, *check.variables)[1]
    if zeros and any(bool((g != 0).any()) for g in pull(tuple(jnp.zeros_like(o) for o in outputs))):
        raise GradcheckError(f"{check.what}: backward not multiplied by grad_output: gradients of zero give others")
    for i, grad, x in zip(check.places, first, check.variables, strict=True):
        if dtypes and grad.dtype != x.dtype:
            raise GradcheckError(f"{check.what}: the gradient of input {i} has dtype {grad.dtype}, it has {x.dtype}")
    if batched:
        both = [tuple(map(drawn, outputs)) for _ in range(2)]
        together = jax.vmap(pull)(tuple(jnp.stack(parts) for parts in zip(*both, strict=True)))
        _check_rows(check, together, [pull(one) for one in both], "backward")


def _check_batched_forward(check: _Check) -> None:
    push = transforms.linearize(check, *check.variables)[1]
    both = [[jnp.full_like(x, n) for x in check.variables] for n in (1, 2)]
    together = jax.vmap(push)(*(jnp.stack(parts) for parts in zip(*both, strict=True)))
    _check_rows(check, together, [push(*one) for one in both], "forward")


def _check_rows(check: _Check, together: Any, alone: list[Any], mode: str) -> None:
    for column, parts in zip(together, zip(*alone, strict=True), strict=True):
        if not np.allclose(column, np.stack(parts), 1e-5, 1e-6):
            raise GradcheckError(f"{check.what}: the {mode} pass under vmap gives other values than one at a time")


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
        func: a function of arrays that returns an array or a tuple of arrays.
        inputs: its argument or the sequence of its arguments.
        grad_outputs: what the gradients are taken of, for each output; None: random numbers.
        eps: the step of the differences.
        atol: the absolute tolerance.
        rtol: the relative tolerance.
        gen_non_contig_grad_outputs: must be False: arrays have no strides.
        raise_exception: whether a difference is an error, or False is returned.
        nondet_tol: by how much two backward passes may differ.
        check_undefined_grad: whether gradients of zero must give zeros.
        check_grad_dtypes: whether gradients must have the dtypes of their inputs.
        check_batched_grad: whether the backward pass under `jax.vmap` is compared with one at a time.
        check_fwd_over_rev: whether the forward mode of the gradients is checked.
        check_rev_over_rev: whether their backward mode is checked.
        fast_mode: whether one random direction is compared instead of all; for real functions only.
        masked: concerns sparse arrays alone, and there are none.

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
        check = _Check(func, inputs, what)
    outputs = check(*check.variables)
    if grad_outputs is None:
        rng = np.random.default_rng(2)
        drawn = [rng.standard_normal((2, *o.shape)) for o in outputs]
        weights = tuple(
            jnp.asarray(part[0] + 1j * part[1] if jnp.iscomplexobj(o) else part[0], o.dtype)
            for part, o in zip(drawn, outputs, strict=True)
        )
    else:
        weights = _tuple_of(grad_outputs, what)
    count = len(check.variables)

    def gradients(*values: jax.Array) -> Any:
        return transforms.vjp(check, *values[:count])[1](tuple(values[count:]))

    return gradcheck(
        gradients, (*check.variables, *weights), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev, fast_mode=fast_mode, masked=masked,
    )  # fmt: skip
