"""The boxes, where ``torch.nn.parameter`` has them."""

from fnn.state.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter, is_lazy
from fnn.state.parameter import _Uninitialised as UninitializedTensorMixin

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]
