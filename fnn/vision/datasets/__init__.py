"""Data sets of pictures, under the names of ``torchvision.datasets``.

They read the published files from disk, and download them if asked to.  A sample is a PIL image and its target;
`transforms` make arrays of it.  Reading needs no JAX.
"""

from fnn.vision.datasets.cifar import CIFAR10, CIFAR100
from fnn.vision.datasets.coco import CocoCaptions, CocoDetection
from fnn.vision.datasets.dtd import DTD
from fnn.vision.datasets.fakedata import FakeData
from fnn.vision.datasets.flowers102 import Flowers102
from fnn.vision.datasets.folder import DatasetFolder, ImageFolder
from fnn.vision.datasets.food101 import Food101
from fnn.vision.datasets.gtsrb import GTSRB
from fnn.vision.datasets.mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from fnn.vision.datasets.oxford_iiit_pet import OxfordIIITPet
from fnn.vision.datasets.stl10 import STL10
from fnn.vision.datasets.svhn import SVHN
from fnn.vision.datasets.usps import USPS
from fnn.vision.datasets.vision import VisionDataset
from fnn.vision.datasets.voc import VOCDetection, VOCSegmentation
from fnn.vision.datasets.wrapping import wrap_dataset_for_transforms_v2

__all__ = [
    "CIFAR10", "CIFAR100", "DTD", "EMNIST", "GTSRB", "KMNIST", "MNIST", "STL10", "SVHN", "USPS", "CocoCaptions",
    "CocoDetection", "DatasetFolder", "FakeData", "FashionMNIST", "Flowers102", "Food101", "ImageFolder",
    "OxfordIIITPet", "VOCDetection", "VOCSegmentation", "VisionDataset", "wrap_dataset_for_transforms_v2",
]  # fmt: skip
