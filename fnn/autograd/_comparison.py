"""Derivatives beside finite differences: what `gradcheck` compares, and its error.

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

__all__ = [
    "Check",
    "GradcheckError",
    "Values",
    "check_backward",
    "check_batched_forward",
    "compare_all",
    "compare_one",
    "tuple_of",
]


class GradcheckError(RuntimeError):
    """A derivative is not what finite differences give, or is not what `gradcheck` was asked to expect.

    Example:
        >>> import fnn
        >>> issubclass(fnn.autograd.GradcheckError, RuntimeError)
        True
    """


Values = tuple[jax.Array, ...]


def tuple_of(values: Any, what: str) -> Values:
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


class Check:
    """A function at a point, its floating inputs and outputs."""

    def __init__(self, func: Callable[..., Any], inputs: Any, what: str) -> None:
        self.func, self.what = func, what
        self.inputs = tuple_of(inputs, what)
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

    def __call__(self, *variables: jax.Array) -> Values:
        full = list(self.inputs)
        for i, value in zip(self.places, variables, strict=True):
            full[i] = value
        return tuple(out for out in tuple_of(self.func(*full), self.what) if _inexact(out))

    def moved(self, directions: Sequence[jax.Array], step: float) -> np.ndarray:
        """The outputs, in a row, a step along a direction."""
        out = self(*(x + step * d for x, d in zip(self.variables, directions, strict=True)))
        return np.concatenate([_reals(o) for o in out]) if out else np.zeros(0)

    def slope(self, directions: Sequence[jax.Array], eps: float) -> np.ndarray:
        """The derivative of the outputs along a direction, by central differences."""
        return (self.moved(directions, eps) - self.moved(directions, -eps)) / (2 * eps)


def _close(got: np.ndarray, want: np.ndarray, tolerance: tuple[float, float]) -> bool:
    return bool(np.allclose(got, want, *tolerance, equal_nan=True))


def compare_all(
    check: Check, outputs: Values, eps: float, tolerance: tuple[float, float], backward: bool, forward: bool
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


def compare_one(
    check: Check, outputs: Values, eps: float, tolerance: tuple[float, float], backward: bool, forward: bool
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


def check_backward(check: Check, outputs: Values, tolerance: float, zeros: bool, dtypes: bool, batched: bool) -> None:
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


def check_batched_forward(check: Check) -> None:
    push = transforms.linearize(check, *check.variables)[1]
    both = [[jnp.full_like(x, n) for x in check.variables] for n in (1, 2)]
    together = jax.vmap(push)(*(jnp.stack(parts) for parts in zip(*both, strict=True)))
    _check_rows(check, together, [push(*one) for one in both], "forward")


def _check_rows(check: Check, together: Any, alone: list[Any], mode: str) -> None:
    for column, parts in zip(together, zip(*alone, strict=True), strict=True):
        if not np.allclose(column, np.stack(parts), 1e-5, 1e-6):
            raise GradcheckError(f"{check.what}: the {mode} pass under vmap gives other values than one at a time")
