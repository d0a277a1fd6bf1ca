"""Optical flow: where each pixel of an image lies in the next one, under torchvision's names."""

from fnn.vision.models.optical_flow.raft import *
