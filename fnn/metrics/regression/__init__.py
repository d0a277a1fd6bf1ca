"""Metrics of regression."""

from fnn.metrics.regression.errors import *
from fnn.metrics.regression.pearson import *
from fnn.metrics.regression.similarity import *
from fnn.metrics.regression.variances import *
