"""Logging for TensorBoard: `SummaryWriter`, with the methods of the class of that name in `torch.utils.tensorboard`."""

from fnn.utils.tensorboard._writer import SummaryWriter

__all__ = ["SummaryWriter"]
