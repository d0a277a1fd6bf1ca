"""Muon (Jordan et al., 2024; Liu et al., Muon is Scalable for LLM Training, arXiv:2502.16982), PyTorch's form."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jax import lax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._optimizer import Optimizer
from fnn.optim._tree import Leaves, promoting, zeros

__all__ = ["Muon", "MuonState", "muon"]

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ADJUSTMENTS = (None, "original", "match_rms_adamw")


class MuonState(NamedTuple):
    """The state of `muon`."""

    momentum_buffer: Any  # like the parameters


def _orthogonal(matrix: Any, coefficients: Any, steps: int, eps: Any) -> Any:
    """UVᵀ of ``matrix`` = USVᵀ, roughly: Newton-Schulz steps X ← a X + (b XXᵀ + c (XXᵀ)²) X, in bfloat16."""
    half, full = jnp.bfloat16, jnp.float32

    def rounded(x: Any) -> Any:
        # A conversion to bfloat16 and back is one that XLA leaves out ("excess precision"); this is not.
        return lax.reduce_precision(x.astype(full), exponent_bits=8, mantissa_bits=7)

    def product(x: Any, y: Any) -> Any:
        return jnp.matmul(x.astype(half), y.astype(half), preferred_element_type=full)

    a, b, c = (jnp.asarray(x, full) for x in coefficients)
    tall = matrix.shape[0] > matrix.shape[1]
    x = rounded(matrix.T if tall else matrix)
    x = rounded(x / jnp.maximum(rounded(jnp.sqrt(jnp.sum(x * x))), rounded(jnp.asarray(eps))))
    for _ in range(steps):
        # Products are summed, scaled and added in float32, and rounded once.
        gram = rounded(product(x, x.T))
        weight = rounded(b * gram + c * product(gram, gram))
        x = rounded(a * x + product(weight, x))
    return x.T if tall else x


def _adjusted(shape: tuple[int, ...], how: str | None) -> float:
    rows, columns = shape
    return 0.2 * math.sqrt(max(rows, columns)) if how == "match_rms_adamw" else math.sqrt(max(1, rows / columns))


def _rule(
    lr: Any, weight_decay: Any, momentum: Any, rest: Any, coefficients: Any, eps: Any,
    nesterov: bool, steps: int, adjustment: str | None,
) -> optax.GradientTransformation:  # fmt: skip
    def init(params: Any) -> MuonState:
        return MuonState(zeros(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, MuonState]:
        leaves = Leaves(updates, params, "muon")
        buffers = leaves.slot(state.momentum_buffer)
        changes: list[Any] = []
        for i, (p, g) in enumerate(zip(leaves.params, leaves.grads, strict=True)):
            if g is None:
                changes.append(jnp.zeros_like(p))
                continue
            if jnp.iscomplexobj(p):
                raise ArgumentError("Muon does not support complex parameters")
            if p.ndim != 2:
                raise ArgumentError(
                    f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}"
                )
            g = g.astype(p.dtype)
            buffer = buffers[i] + rest * (g - buffers[i])
            buffers[i] = buffer.astype(p.dtype)
            ahead = g + momentum * (buffer - g) if nesterov else buffer
            direction = _orthogonal(ahead, coefficients, steps, eps).astype(p.dtype)
            change = (-lr * _adjusted(p.shape, adjustment)) * direction - (lr * weight_decay) * p
            changes.append(change.astype(p.dtype))
        return leaves.build(changes), MuonState(leaves.build(buffers))

    return optax.GradientTransformation(init, promoting(update))


def _check(ns_coefficients: Any, ns_steps: int, adjust_lr_fn: str | None) -> None:
    if adjust_lr_fn not in _ADJUSTMENTS:
        raise ArgumentError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
    if len(ns_coefficients) != 3:
        raise ArgumentError(f"Coefficients must be a tuple of exactly 3 values, got {ns_coefficients}")
    if ns_steps >= 100:
        raise ArgumentError(f"Number of steps must be less than 100 for computational efficiency, got {ns_steps}")


def muon(
    learning_rate: Any = 1e-3,
    weight_decay: Any = 0.1,
    momentum: float = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[float, float, float] = _COEFFICIENTS,
    eps: float = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: str | None = None,
) -> optax.GradientTransformation:
    """Muon as an optax transformation, with PyTorch's rule, for trees of matrices.

    Args:
        learning_rate: η; a number or a traced scalar.
        weight_decay: λ.
        momentum: μ, a number.
        nesterov: whether to use Nesterov's momentum.
        ns_coefficients: a, b and c of the Newton-Schulz step.
        eps: ε.
        ns_steps: how many of them.
        adjust_lr_fn: how η follows the shape: ``"original"`` (as None) or ``"match_rms_adamw"``.

    Returns:
        An `optax.GradientTransformation`; ``update`` needs ``params``.
    """
    _check(ns_coefficients, ns_steps, adjust_lr_fn)
    return _rule(
        learning_rate, weight_decay, momentum, 1 - momentum, ns_coefficients, eps, nesterov, ns_steps, adjust_lr_fn
    )


class Muon(Optimizer):
    """Muon: momentum, made orthogonal, for the matrices of hidden layers.

    b ← μ b + (1 - μ) g,  o = g + μ (b - g) (Nesterov) or b,  p ← p - η λ p - η s NS(o), where NS takes ``ns_steps``
    Newton-Schulz steps X ← a X + (b XXᵀ + c (XXᵀ)²) X from o / max(‖o‖, ε), in bfloat16, and s is
    √max(1, rows / columns) (``"original"``) or 0.2 √max(rows, columns) (``"match_rms_adamw"``).

    Args:
        params: matrices: Parameters, pairs with their names, or a list of dicts (groups). Give vectors and embeddings
            to another optimizer.
        lr: the learning rate η.
        weight_decay: λ.
        momentum: μ.
        nesterov: whether to use Nesterov's momentum.
        ns_coefficients: a, b and c.
        eps: ε.
        ns_steps: the number of Newton-Schulz steps.
        adjust_lr_fn: which s; None is ``"original"``.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = _COEFFICIENTS,
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        lr = learning_rate(lr, "Learning rate should be >= 0 but is")
        at_least_zero(momentum, "momentum should be >= 0 but is")
        at_least_zero(weight_decay, "weight decay should be >= 0 but is")
        _check(ns_coefficients, ns_steps, adjust_lr_fn)
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ArgumentError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}"
                    )

    def _flags(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return bool(group["nesterov"]), int(group["ns_steps"]), group["adjust_lr_fn"]

    def _values(self, group: dict[str, Any]) -> tuple[Any, ...]:
        momentum = group["momentum"]
        coefficients = tuple(map(float, group["ns_coefficients"]))
        return group["lr"], group["weight_decay"], momentum, 1 - momentum, coefficients, group["eps"]

    def _transformation(self, values: tuple[Any, ...], flags: tuple[Any, ...]) -> optax.GradientTransformation:
        return _rule(*values, *flags)
