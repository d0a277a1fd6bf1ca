"""Transforms of samples, under the names of ``torchvision.transforms.v2``.

Each takes a sample, any nesting of dicts, lists and tuples, and changes its images, videos, masks, boxes and points
alike: PIL images, arrays of numpy's or JAX's, and the typed arrays of `fnn.vision.tv_tensors`.  The work is done on the
host by Pillow and numpy, so that loading data needs no JAX.  Random choices are drawn from fnn's global host generator,
in torchvision's order, so that after ``fnn.manual_seed`` the same choices fall as after ``torch.manual_seed``.
"""

from fnn.vision.transforms import AutoAugmentPolicy as AutoAugmentPolicy
from fnn.vision.transforms import InterpolationMode as InterpolationMode
from fnn.vision.transforms.v2 import functional as functional
from fnn.vision.transforms.v2.autoaugment import *
from fnn.vision.transforms.v2.boxes import *
from fnn.vision.transforms.v2.colour import *
from fnn.vision.transforms.v2.containers import *
from fnn.vision.transforms.v2.conversion import *
from fnn.vision.transforms.v2.crops import *
from fnn.vision.transforms.v2.detection import *
from fnn.vision.transforms.v2.geometry import *
from fnn.vision.transforms.v2.levels import *
from fnn.vision.transforms.v2.mixing import *
from fnn.vision.transforms.v2.noise import *
from fnn.vision.transforms.v2.queries import *
from fnn.vision.transforms.v2.transform import Transform as Transform
from fnn.vision.transforms.v2.warp import *
