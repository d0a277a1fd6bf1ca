"""The settings of the chunked linear cross entropy, under PyTorch's name for their module."""

from fnn.functional import linear_cross_entropy_options as options

__all__ = ["LinearCrossEntropyOptions"]

LinearCrossEntropyOptions = options.LinearCrossEntropyOptions
