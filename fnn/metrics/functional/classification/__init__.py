"""Functions for classification."""

from fnn.metrics.functional.classification.accuracy import *
from fnn.metrics.functional.classification.auroc import *
from fnn.metrics.functional.classification.average_precision import *
from fnn.metrics.functional.classification.cohen_kappa import *
from fnn.metrics.functional.classification.confusion_matrix import *
from fnn.metrics.functional.classification.f_beta import *
from fnn.metrics.functional.classification.jaccard import *
from fnn.metrics.functional.classification.matthews_corrcoef import *
from fnn.metrics.functional.classification.precision_recall import *
from fnn.metrics.functional.classification.precision_recall_curve import *
from fnn.metrics.functional.classification.roc import *
from fnn.metrics.functional.classification.specificity import *
from fnn.metrics.functional.classification.stat_scores import *
