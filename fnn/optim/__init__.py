"""Optimizers: torch.optim's classes, and their rules as optax transformations."""

from fnn.optim._adam import Adam, AdamState, AdamW, adam, adamw
from fnn.optim._optimizer import Optimizer
from fnn.optim._sgd import SGD, SGDState, sgd

__all__ = ["Adam", "AdamState", "AdamW", "Optimizer", "SGD", "SGDState", "adam", "adamw", "sgd"]
