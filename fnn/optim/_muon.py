"""Muon (Jordan et al., 2024; Liu et al., Muon is Scalable for LLM Training, arXiv:2502.16982), PyTorch's form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from fnn.errors import ArgumentError
from fnn.optim._checks import at_least_zero, learning_rate
from fnn.optim._groups import Params
from fnn.optim._optimizer import Optimizer
from fnn.optim._rule import Rule
from fnn.optim._tree import Leaves, promoting, shrunk, zeros
from fnn.typing import PyTree, Real

__all__ = ["Muon", "MuonState", "muon"]

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ADJUSTMENTS = (None, "original", "match_rms_adamw")


class MuonState(NamedTuple):
    """The state of `muon`.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import optim
        >>> state = optim.muon().init(jnp.ones(2))
        >>> print(state.momentum_buffer)
        [0. 0.]
    """

    momentum_buffer: PyTree  # like the parameters


def _orthogonal(matrix: jax.Array, coefficients: Sequence[Real], steps: int, eps: Real) -> jax.Array:
    """UVᵀ of ``matrix`` = USVᵀ, roughly: Newton-Schulz steps X ← a X + (b XXᵀ + c (XXᵀ)²) X, in bfloat16."""
    half, full = jnp.bfloat16, jnp.float32

    def rounded(x: jax.Array) -> jax.Array:
        # A conversion to bfloat16 and back is one that XLA leaves out ("excess precision"); this is not.
        return lax.reduce_precision(x.astype(full), exponent_bits=8, mantissa_bits=7)

    def product(x: jax.Array, y: jax.Array) -> jax.Array:
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


class Numbers(NamedTuple):
    """The numbers of the rule."""

    lr: Real
    weight_decay: Real | None
    momentum: Real
    rest: Real  # 1 - μ
    coefficients: tuple[Real, ...]
    eps: Real


class Form(NamedTuple):
    """What a program is compiled for."""

    nesterov: bool
    ns_steps: int
    adjust_lr_fn: str | None


def _numbers(
    lr: Real, weight_decay: Real | None, momentum: Real, ns_coefficients: Sequence[float], eps: Real
) -> Numbers:
    return Numbers(lr, weight_decay, momentum, 1 - momentum, tuple(map(float, ns_coefficients)), eps)


def _transformation(n: Numbers, form: Form) -> optax.GradientTransformation:
    def init(params: PyTree) -> MuonState:
        return MuonState(zeros(params))

    def update(updates: PyTree, state: MuonState, params: PyTree = None) -> tuple[PyTree, MuonState]:
        leaves = Leaves(updates, params, "muon")
        buffers = leaves.slot(state.momentum_buffer)
        changes: list[jax.Array] = []
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
            buffer = buffers[i] + n.rest * (g - buffers[i])
            buffers[i] = buffer.astype(p.dtype)
            ahead = g + n.momentum * (buffer - g) if form.nesterov else buffer
            direction = _orthogonal(ahead, n.coefficients, form.ns_steps, n.eps).astype(p.dtype)
            change = (-n.lr * _adjusted(p.shape, form.adjust_lr_fn)) * direction
            changes.append(shrunk(change, n.lr, n.weight_decay, p).astype(p.dtype))
        return leaves.build(changes), MuonState(leaves.build(buffers))

    return optax.GradientTransformation(init, promoting(update))


_RULE = Rule(_numbers, Form, _transformation, updated=None, velocity="momentum_buffer")


def _check(ns_coefficients: Sequence[float], ns_steps: int, adjust_lr_fn: str | None) -> None:
    if adjust_lr_fn not in _ADJUSTMENTS:
        raise ArgumentError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
    if len(ns_coefficients) != 3:
        raise ArgumentError(f"Coefficients must be a tuple of exactly 3 values, got {ns_coefficients}")
    if ns_steps >= 100:
        raise ArgumentError(f"Number of steps must be less than 100 for computational efficiency, got {ns_steps}")


def muon(
    learning_rate: Real = 1e-3,
    weight_decay: Real = 0.1,
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

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.muon(0.5)
        >>> params = {"w": jnp.ones((2, 2))}
        >>> updates, state = rule.update({"w": jnp.array([[1.0, 0.0], [0.0, -2.0]])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [[0.39140624 0.95      ]
         [0.95       1.2957032 ]]
    """
    _check(ns_coefficients, ns_steps, adjust_lr_fn)
    return _RULE.make(
        lr=learning_rate, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov, eps=eps, ns_steps=ns_steps,
        ns_coefficients=ns_coefficients, adjust_lr_fn=adjust_lr_fn,
    )  # fmt: skip


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

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones((2, 2)))
        >>> optimizer = optim.Muon([p], lr=0.5)
        >>> optimizer.step([jnp.array([[1.0, 0.0], [0.0, -2.0]])])
        >>> print(p.data)
        [[0.39140624 0.95      ]
         [0.95       1.2957032 ]]
    """

    _rule = _RULE

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-3,
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
