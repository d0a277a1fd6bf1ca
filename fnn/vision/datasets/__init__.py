"""Data sets of pictures, under the names of ``torchvision.datasets``.

They read the published files from disk, and download them if asked to.  A sample is a PIL image and its target;
`transforms` make arrays of it.  Reading needs no JAX.
"""

from typing import Any

from fnn.vision.datasets._optical_flow import HD1K, FlyingChairs, FlyingThings3D, KittiFlow, Sintel
from fnn.vision.datasets._stereo_matching import (
    CarlaStereo,
    CREStereo,
    ETH3DStereo,
    FallingThingsStereo,
    InStereo2k,
    Kitti2012Stereo,
    Kitti2015Stereo,
    Middlebury2014Stereo,
    SceneFlowStereo,
    SintelStereo,
)
from fnn.vision.datasets.caltech import Caltech101, Caltech256
from fnn.vision.datasets.celeba import CelebA
from fnn.vision.datasets.cifar import CIFAR10, CIFAR100
from fnn.vision.datasets.cityscapes import Cityscapes
from fnn.vision.datasets.clevr import CLEVRClassification
from fnn.vision.datasets.coco import CocoCaptions, CocoDetection
from fnn.vision.datasets.country211 import Country211
from fnn.vision.datasets.dtd import DTD
from fnn.vision.datasets.eurosat import EuroSAT
from fnn.vision.datasets.fakedata import FakeData
from fnn.vision.datasets.fer2013 import FER2013
from fnn.vision.datasets.fgvc_aircraft import FGVCAircraft
from fnn.vision.datasets.flickr import Flickr8k, Flickr30k
from fnn.vision.datasets.flowers102 import Flowers102
from fnn.vision.datasets.folder import DatasetFolder, ImageFolder
from fnn.vision.datasets.food101 import Food101
from fnn.vision.datasets.gtsrb import GTSRB
from fnn.vision.datasets.imagenet import ImageNet
from fnn.vision.datasets.imagenette import Imagenette
from fnn.vision.datasets.inaturalist import INaturalist
from fnn.vision.datasets.kitti import Kitti
from fnn.vision.datasets.lfw import LFWPairs, LFWPeople
from fnn.vision.datasets.lsun import LSUN, LSUNClass
from fnn.vision.datasets.mnist import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST
from fnn.vision.datasets.moving_mnist import MovingMNIST
from fnn.vision.datasets.omniglot import Omniglot
from fnn.vision.datasets.oxford_iiit_pet import OxfordIIITPet
from fnn.vision.datasets.pcam import PCAM
from fnn.vision.datasets.phototour import PhotoTour
from fnn.vision.datasets.places365 import Places365
from fnn.vision.datasets.rendered_sst2 import RenderedSST2
from fnn.vision.datasets.sbd import SBDataset
from fnn.vision.datasets.sbu import SBU
from fnn.vision.datasets.semeion import SEMEION
from fnn.vision.datasets.stanford_cars import StanfordCars
from fnn.vision.datasets.stl10 import STL10
from fnn.vision.datasets.sun397 import SUN397
from fnn.vision.datasets.svhn import SVHN
from fnn.vision.datasets.usps import USPS
from fnn.vision.datasets.vision import VisionDataset
from fnn.vision.datasets.voc import VOCDetection, VOCSegmentation
from fnn.vision.datasets.widerface import WIDERFace
from fnn.vision.datasets.wrapping import wrap_dataset_for_transforms_v2

__all__ = [
    "CIFAR10", "CIFAR100", "DTD", "EMNIST", "FER2013", "GTSRB", "HD1K", "KMNIST", "LSUN", "MNIST", "PCAM", "QMNIST",
    "SBU", "SEMEION", "STL10", "SUN397", "SVHN", "USPS", "CLEVRClassification", "CREStereo", "Caltech101",
    "Caltech256", "CarlaStereo", "CelebA", "Cityscapes", "CocoCaptions", "CocoDetection", "Country211",
    "DatasetFolder", "ETH3DStereo", "EuroSAT", "FGVCAircraft", "FakeData", "FallingThingsStereo", "FashionMNIST",
    "Flickr8k", "Flickr30k", "Flowers102", "FlyingChairs", "FlyingThings3D", "Food101", "INaturalist", "ImageFolder",
    "ImageNet", "Imagenette", "InStereo2k", "Kitti", "Kitti2012Stereo", "Kitti2015Stereo", "KittiFlow", "LFWPairs",
    "LFWPeople", "LSUNClass", "Middlebury2014Stereo", "MovingMNIST", "Omniglot", "OxfordIIITPet", "PhotoTour",
    "Places365", "RenderedSST2", "SBDataset", "SceneFlowStereo", "Sintel", "SintelStereo", "StanfordCars",
    "VOCDetection", "VOCSegmentation", "VisionDataset", "WIDERFace", "wrap_dataset_for_transforms_v2",
]  # fmt: skip

_OF_FILMS = """fnn.vision.datasets has no {name}: its files are films, which fnn does not decode. With a package that
does (torchcodec, av), a data set of clips is a few lines:

    class {name}(fnn.vision.datasets.VisionDataset):
        def __init__(self, root, transform=None):
            super().__init__(root, transform=transform)
            self.classes, class_to_idx = datasets.folder.find_classes(root)
            self.samples = datasets.folder.make_dataset(root, class_to_idx, (".avi", ".mp4"))

        def __getitem__(self, index):
            path, label = self.samples[index]
            frames = decode(path)                        # (T, C, H, W), uint8, of numpy
            return (frames if self.transform is None else self.transform(frames)), label

        def __len__(self):
            return len(self.samples)"""


def __getattr__(name: str) -> Any:
    if name in ("HMDB51", "Kinetics", "UCF101"):
        raise AttributeError(_OF_FILMS.format(name=name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
