"""Convolution that the CPU backend runs at speed; README.md has the formulas and the rule that chooses between them.

`convolution` and `input_gradient` are bilinear and differentiable any number of times. On every backend but the
CPU they are `jax.lax.conv_general_dilated`.
"""

from fnn.kernels import memory
from fnn.kernels.cpu_convolution._entry import convolution, input_gradient
from fnn.kernels.cpu_convolution._geometry import Geometry, geometry

__all__ = ["Geometry", "convolution", "geometry", "input_gradient"]

memory.retain()  # before the first array: see there
