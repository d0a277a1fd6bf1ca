"""The transforms as functions, under the names of ``torchvision.transforms.functional``.

Each takes a PIL image or an array (..., C, H, W) of numpy's or JAX's, and returns the same kind.
"""

from fnn.vision.transforms.functional.colour import *
from fnn.vision.transforms.functional.conversion import *
from fnn.vision.transforms.functional.geometry import *
from fnn.vision.transforms.functional.modes import InterpolationMode as InterpolationMode
from fnn.vision.transforms.functional.modes import pil_modes_mapping as pil_modes_mapping
from fnn.vision.transforms.functional.warp import *
