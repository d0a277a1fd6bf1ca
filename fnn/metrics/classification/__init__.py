"""Metrics of classification."""

from fnn.metrics.classification.accuracy import *
from fnn.metrics.classification.auroc import *
from fnn.metrics.classification.average_precision import *
from fnn.metrics.classification.cohen_kappa import *
from fnn.metrics.classification.confusion_matrix import *
from fnn.metrics.classification.f1 import *
from fnn.metrics.classification.f_beta import *
from fnn.metrics.classification.jaccard import *
from fnn.metrics.classification.matthews_corrcoef import *
from fnn.metrics.classification.precision_recall import *
from fnn.metrics.classification.precision_recall_curve import *
from fnn.metrics.classification.roc import *
from fnn.metrics.classification.specificity import *
from fnn.metrics.classification.stat_scores import *
