"""Models of videos, under torchvision's names."""

from fnn.vision.models.video.mvit import *
from fnn.vision.models.video.resnet import *
from fnn.vision.models.video.s3d import *
from fnn.vision.models.video.swin_transformer import *
