"""Data sets of pictures, under the names of ``torchvision.datasets``.

They read the published files from disk, and download them if asked to.  A sample is a PIL image and its target;
`transforms` make arrays of it.  Reading needs no JAX.
"""

from fnn.vision.datasets.cifar import CIFAR10, CIFAR100
from fnn.vision.datasets.fakedata import FakeData
from fnn.vision.datasets.folder import DatasetFolder, ImageFolder
from fnn.vision.datasets.mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from fnn.vision.datasets.vision import VisionDataset
from fnn.vision.datasets.wrapping import wrap_dataset_for_transforms_v2

__all__ = [
    "CIFAR10", "CIFAR100", "EMNIST", "KMNIST", "MNIST", "DatasetFolder", "FakeData", "FashionMNIST", "ImageFolder",
    "VisionDataset", "wrap_dataset_for_transforms_v2",
]  # fmt: skip
