"""Feeding data to a training loop."""

from fnn.utils.data.arrays import ArrayLoader

__all__ = ["ArrayLoader"]
