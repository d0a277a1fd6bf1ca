"""The same steps of an optimizer in torch and in fnn."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

import fnn
from fnn import nn
from tests import reference

torch = reference.torch

SHAPES = ((3, 2), (4,), ())
RNG = np.random.default_rng(0)
START = [RNG.standard_normal(shape).astype(np.float32) for shape in SHAPES]
GRADS = [[RNG.standard_normal(shape).astype(np.float32) for shape in SHAPES] for _ in range(10)]
GRADS[1][2] = np.zeros((), np.float32)


def tensors(values: list[np.ndarray] = START, dtype: Any = None) -> list[Any]:
    """Fresh torch parameters."""
    return [torch.nn.Parameter(torch.tensor(v, dtype=dtype)) for v in values]


def parameters(values: list[np.ndarray] = START, dtype: Any = None) -> list[nn.Parameter]:
    """Fresh fnn parameters of the same values."""
    return [nn.Parameter(jnp.array(v, dtype)) for v in values]


def torch_step(optimizer: Any, grads: list[Any]) -> None:
    """One step of torch's with these gradients; None for a parameter without."""
    flat = [p for group in optimizer.param_groups for p in group["params"]]
    for p, g in zip(flat, grads, strict=True):
        p.grad = None if g is None else torch.tensor(g, dtype=p.dtype)
    optimizer.step()


def values(params: Any) -> list[np.ndarray]:
    """The parameters' values in either framework."""
    return [np.array(reference.to_numpy(p), np.float32) for p in params]


def as_tensors(tree: Any) -> Any:
    """A state_dict of fnn's as torch's."""
    if isinstance(tree, dict):
        return {k: as_tensors(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [as_tensors(v) for v in tree]
    return torch.tensor(np.asarray(tree)) if isinstance(tree, jnp.ndarray) else tree


def pair(name: str, **options: Any) -> tuple[list, Any, list, Any]:
    """``(torch parameters, torch optimizer, fnn parameters, fnn optimizer)``."""
    theirs, ours = tensors(), parameters()
    plain = {k: float(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()}
    return theirs, getattr(torch.optim, name)(theirs, **options), ours, getattr(fnn.optim, name)(ours, **plain)
