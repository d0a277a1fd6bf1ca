"""Schedules of the learning rate, under the names of ``torch.optim.lr_scheduler``.

Example:
    >>> import jax.numpy as jnp
    >>> from fnn import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter(jnp.ones(1))], lr=1.0)
    >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    >>> optimizer.step([jnp.ones(1)])
    >>> scheduler.step()
    >>> print(optimizer.param_groups[0]["lr"])
    0.5
"""

from fnn.optim._scheduler import EPOCH_DEPRECATION_WARNING as EPOCH_DEPRECATION_WARNING
from fnn.optim._scheduler import LRScheduler
from fnn.optim._scheduler import _LRScheduler as _LRScheduler
from fnn.optim.lr_scheduler._compose import ChainedScheduler, SequentialLR
from fnn.optim.lr_scheduler._cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from fnn.optim.lr_scheduler._cyclic import CyclicLR
from fnn.optim.lr_scheduler._decay import ExponentialLR, MultiStepLR, PolynomialLR, StepLR
from fnn.optim.lr_scheduler._lambda import LambdaLR, MultiplicativeLR
from fnn.optim.lr_scheduler._one_cycle import OneCycleLR
from fnn.optim.lr_scheduler._plateau import ReduceLROnPlateau
from fnn.optim.lr_scheduler._warmup import ConstantLR, LinearLR

__all__ = [
    "LambdaLR",
    "MultiplicativeLR",
    "StepLR",
    "MultiStepLR",
    "ConstantLR",
    "LinearLR",
    "ExponentialLR",
    "SequentialLR",
    "CosineAnnealingLR",
    "ChainedScheduler",
    "ReduceLROnPlateau",
    "CyclicLR",
    "CosineAnnealingWarmRestarts",
    "OneCycleLR",
    "PolynomialLR",
    "LRScheduler",
]
