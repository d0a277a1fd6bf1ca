"""Batch norms without running statistics, which nothing has to be written back from."""

from __future__ import annotations

from fnn.nn import Module
from fnn.nn.modules.batchnorm import drop_running_stats

__all__ = ["replace_all_batch_norm_modules_"]


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Makes every batch norm of a model use the statistics of its input alone, in place.

    Their running statistics become None and ``track_running_stats`` False, so that the model writes to no buffer and
    may be mapped over (`vmap`) or differentiated sample by sample.

    Args:
        root: the model; instance norms stay as they are.

    Returns:
        ``root``.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
        >>> fnn.func.replace_all_batch_norm_modules_(net)[1]
        BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=False)
        >>> [name for name, _ in net.named_buffers()]
        []
    """
    for module in root.modules():
        drop_running_stats(module)
    return root
