"""The transforms as functions, under the names of ``torchvision.transforms.v2.functional``.

Each takes a PIL image, a plain array (..., C, H, W) of numpy's or JAX's, or a typed array of `fnn.vision.tv_tensors`,
and returns the same kind.  The work for a class is done by a kernel, such as ``resize_mask``, which takes plain arrays.
"""

from fnn.vision.transforms.functional.modes import InterpolationMode as InterpolationMode
from fnn.vision.transforms.v2.functional.affinity import *
from fnn.vision.transforms.v2.functional.boxes import *
from fnn.vision.transforms.v2.functional.colour import *
from fnn.vision.transforms.v2.functional.conversion import *
from fnn.vision.transforms.v2.functional.damage import *
from fnn.vision.transforms.v2.functional.deformation import *
from fnn.vision.transforms.v2.functional.dtypes import *
from fnn.vision.transforms.v2.functional.flips import *
from fnn.vision.transforms.v2.functional.levels import *
from fnn.vision.transforms.v2.functional.many_crops import *
from fnn.vision.transforms.v2.functional.noise import *
from fnn.vision.transforms.v2.functional.padding import *
from fnn.vision.transforms.v2.functional.projection import *
from fnn.vision.transforms.v2.functional.registry import is_pure_tensor as is_pure_tensor
from fnn.vision.transforms.v2.functional.registry import register_kernel as register_kernel
from fnn.vision.transforms.v2.functional.resized_windows import *
from fnn.vision.transforms.v2.functional.resizing import *
from fnn.vision.transforms.v2.functional.rotation import *
from fnn.vision.transforms.v2.functional.sizes import *
from fnn.vision.transforms.v2.functional.windows import *
