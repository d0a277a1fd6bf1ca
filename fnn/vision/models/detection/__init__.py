"""Detection of objects, their boxes, masks and keypoints, under torchvision's names.

A model takes a list of images, (3, H, W) each, and in training a list of targets. With arrays it returns torchvision's
lists. In a traced program, where no size may depend on values, detections have as many rows as there may be at most,
and each dict also has ``"valid"``, which says of each row whether it is one.
"""

from fnn.vision.models.detection.faster_rcnn import *
from fnn.vision.models.detection.fcos import *
from fnn.vision.models.detection.keypoint_rcnn import *
from fnn.vision.models.detection.mask_rcnn import *
from fnn.vision.models.detection.retinanet import *
from fnn.vision.models.detection.ssd import *
from fnn.vision.models.detection.ssdlite import *
