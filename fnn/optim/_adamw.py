"""AdamW (Loshchilov and Hutter, arXiv:1711.05101): Adam with decoupled weight decay."""

from __future__ import annotations

import optax

from fnn.optim._adam import Adam, adam
from fnn.optim._groups import Params
from fnn.typing import Real

__all__ = ["AdamW", "adamw"]


def adamw(
    learning_rate: Real = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Real = 1e-2,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """`adam` with decoupled weight decay.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from fnn import optim
        >>> rule = optim.adamw(0.5, weight_decay=0.1)
        >>> params = {"w": jnp.ones(2)}
        >>> updates, state = rule.update({"w": jnp.array([1.0, -2.0])}, rule.init(params), params)
        >>> print(optax.apply_updates(params, updates)["w"])
        [0.45000005 1.4499999 ]
    """
    return adam(learning_rate, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)


class AdamW(Adam):
    """Adam with decoupled weight decay: p ← p - η λ p beside Adam's step.

    Args:
        params: Parameters, ``model.parameters()``, ``model.named_parameters()``, or a list of dicts (groups).
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ.
        amsgrad: whether to divide by the largest second moment so far.
        maximize: whether to go up the gradient.
        foreach: kept in the groups for torch's sake; XLA fuses the update in any case.
        capturable: kept likewise.
        differentiable: kept likewise.
        fused: kept likewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, optim
        >>> p = nn.Parameter(jnp.ones(2))
        >>> optimizer = optim.AdamW([p], lr=0.5, weight_decay=0.1)
        >>> optimizer.step([jnp.array([1.0, -2.0])])
        >>> print(p.data)
        [0.45000005 1.45      ]
    """

    def __init__(
        self,
        params: Params,
        lr: Real = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
