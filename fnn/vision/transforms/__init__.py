"""Transforms of images, under the names of ``torchvision.transforms``.

Each takes a PIL image or an array (..., C, H, W) of numpy's or JAX's and returns the same kind; `ToTensor` makes a
numpy array of a PIL image.  The work is done on the host by Pillow and numpy, so that loading data needs no JAX.
Random choices are drawn from fnn's global host generator, in torchvision's order, so that after ``fnn.manual_seed``
the same choices fall as in torchvision after ``torch.manual_seed``.
"""

from fnn.vision.transforms import functional as functional
from fnn.vision.transforms.autoaugment import *
from fnn.vision.transforms.colour import *
from fnn.vision.transforms.containers import *
from fnn.vision.transforms.conversion import *
from fnn.vision.transforms.erasing import *
from fnn.vision.transforms.functional.modes import InterpolationMode as InterpolationMode
from fnn.vision.transforms.geometry import *
from fnn.vision.transforms.warp import *
