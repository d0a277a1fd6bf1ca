"""Semantic segmentation: a class for each pixel, under torchvision's names."""

from fnn.vision.models.segmentation.deeplabv3 import *
from fnn.vision.models.segmentation.fcn import *
from fnn.vision.models.segmentation.lraspp import *
