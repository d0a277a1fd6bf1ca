"""Metrics: torchmetrics' classes over JAX, whose states are Buffers, and (`fnn.metrics.functional`) their functions.

Every metric is here, whichever of torchmetrics' packages (``classification``, ``text``, ...) it is from.

Example:
    >>> import jax.numpy as jnp
    >>> import fnn
    >>> accuracy = fnn.metrics.Accuracy(task="multiclass", num_classes=3)
    >>> @fnn.jit
    ... def evaluate(accuracy, logits, target):
    ...     accuracy.update(logits, target)
    >>> for target in (0, 1):
    ...     evaluate(accuracy, jnp.array([[2.0, 0.0, 1.0]]), jnp.array([target]))
    >>> print(accuracy.compute())
    0.5
"""

from fnn.metrics import classification as classification
from fnn.metrics import functional as functional
from fnn.metrics import image as image
from fnn.metrics import regression as regression
from fnn.metrics import segmentation as segmentation
from fnn.metrics import text as text
from fnn.metrics.aggregation import *
from fnn.metrics.classification import *
from fnn.metrics.collections import *
from fnn.metrics.image import *
from fnn.metrics.metric import *
from fnn.metrics.regression import *
from fnn.metrics.segmentation import *
from fnn.metrics.text import *
