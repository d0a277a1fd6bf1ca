"""Functions for regression."""

from fnn.metrics.functional.regression.errors import *
from fnn.metrics.functional.regression.explained_variance import *
from fnn.metrics.functional.regression.pearson import *
from fnn.metrics.functional.regression.r2 import *
from fnn.metrics.functional.regression.similarity import *
