"""Comparing arrays, checking derivatives, and finding where a Module departs from its PyTorch original."""

from fnn.testing._close import assert_close
from fnn.testing._compare import Departure, Report, compare
from fnn.testing._gradients import check_grads

__all__ = ["Departure", "Report", "assert_close", "check_grads", "compare"]
