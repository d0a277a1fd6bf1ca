"""Optimizers: torch.optim's classes, and their rules as optax transformations."""

from fnn.optim import lr_scheduler, swa_utils
from fnn.optim._adadelta import Adadelta, AdadeltaState, adadelta
from fnn.optim._adafactor import Adafactor, AdafactorState, adafactor
from fnn.optim._adagrad import Adagrad, AdagradState, adagrad
from fnn.optim._adam import Adam, AdamState, adam
from fnn.optim._adamax import Adamax, AdamaxState, adamax
from fnn.optim._adamw import AdamW, adamw
from fnn.optim._asgd import ASGD, ASGDState, asgd
from fnn.optim._lbfgs import LBFGS
from fnn.optim._muon import Muon, MuonState, muon
from fnn.optim._nadam import NAdam, NAdamState, nadam
from fnn.optim._optax import Optax
from fnn.optim._optimizer import Optimizer
from fnn.optim._radam import RAdam, RAdamState, radam
from fnn.optim._rmsprop import RMSprop, RMSpropState, rmsprop
from fnn.optim._rprop import Rprop, RpropState, rprop
from fnn.optim._sgd import SGD, SGDState, sgd
from fnn.optim._sparse_adam import SparseAdam, SparseAdamState, sparse_adam

__all__ = [
    "lr_scheduler",
    "swa_utils",
    "ASGD",
    "LBFGS",
    "SGD",
    "ASGDState",
    "Adadelta",
    "AdadeltaState",
    "Adafactor",
    "AdafactorState",
    "Adagrad",
    "AdagradState",
    "Adam",
    "AdamState",
    "AdamW",
    "Adamax",
    "AdamaxState",
    "Muon",
    "MuonState",
    "NAdam",
    "NAdamState",
    "Optax",
    "Optimizer",
    "RAdam",
    "RAdamState",
    "RMSprop",
    "RMSpropState",
    "Rprop",
    "RpropState",
    "SGDState",
    "SparseAdam",
    "SparseAdamState",
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "asgd",
    "muon",
    "nadam",
    "radam",
    "rmsprop",
    "rprop",
    "sgd",
    "sparse_adam",
]
