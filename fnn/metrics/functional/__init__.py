"""Metrics as pure functions of one batch, under torchmetrics' names; the classes call what they call."""

from fnn.metrics.functional.classification import *
from fnn.metrics.functional.image import *
from fnn.metrics.functional.regression import *
from fnn.metrics.functional.segmentation import *
from fnn.metrics.functional.text import *
