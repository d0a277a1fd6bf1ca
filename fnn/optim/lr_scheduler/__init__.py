"""Schedules of the learning rate, under the names of ``torch.optim.lr_scheduler``."""

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
