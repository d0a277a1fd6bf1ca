"""Noise in the place of pictures."""

from collections.abc import Callable
from typing import Any

from fnn.host_random import Generator
from fnn.vision.datasets.vision import VisionDataset
from fnn.vision.transforms.functional.conversion import planes_to_pil

__all__ = ["FakeData"]


class FakeData(VisionDataset):
    """Random pictures and targets, the same at every call; nothing is stored.

    A sample is (PIL image, int), the one that torchvision draws for the index.  The global generator is not used.

    Args:
        size: the number of samples.
        image_size: (channels, height, width).
        num_classes: the number of classes.
        transform: a function of the picture.
        target_transform: a function of the target.
        random_offset: sample i is drawn with the seed ``i + random_offset``.

    >>> img, target = FakeData(size=3, image_size=(3, 4, 5))[2]
    >>> img.size, target
    ((5, 4), 3)
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        generator = Generator().manual_seed(index + self.random_offset)
        img = generator.normal(tuple(self.image_size))
        target = int(generator.randint(0, self.num_classes, (1,))[0])
        return self._sample(planes_to_pil(img), target)

    def __len__(self) -> int:
        return self.size
