"""The 1,797 handwritten digits that ship with scikit-learn, and their augmentation."""

from typing import NamedTuple

import numpy as np

import fnn

__all__ = ["Digits", "jitter", "load_digits"]

TEST_SHARE = 0.2
SPLIT_SEED = 0  # of the split only: it is the same for every run, so that runs can be compared


class Digits(NamedTuple):
    """Images (N, 1, 8, 8), normalised with the training images' mean and deviation, and labels (N,)."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load_digits() -> Digits:
    """Reads the digits and holds out a fifth of each class for the test; needs no network."""
    from sklearn import datasets

    pixels, labels = datasets.load_digits(return_X_y=True)
    images, labels = pixels.reshape(-1, 1, 8, 8).astype(np.float32), labels.astype(np.int32)
    rng = np.random.default_rng(SPLIT_SEED)
    held_out = np.zeros(len(labels), bool)
    for digit in range(10):
        rows = rng.permutation(np.flatnonzero(labels == digit))
        held_out[rows[: round(TEST_SHARE * len(rows))]] = True
    train, test = images[~held_out], images[held_out]
    mean, deviation = train.mean(), train.std()
    return Digits((train - mean) / deviation, labels[~held_out], (test - mean) / deviation, labels[held_out])


def jitter(images: np.ndarray, reach: float = 0.7) -> np.ndarray:
    """Moves each image by its own random share of a pixel along both axes, up to ``reach`` each way.

    Args:
        images: (N, 1, H, W).
        reach: in pixels, at most 1.

    Returns:
        (N, 1, H, W), interpolated linearly; beyond the border is paper.
    """
    paper = images.min()
    for axis in (2, 3):
        shift = reach * (2 * np.asarray(fnn.rand(len(images), 1, 1, 1)) - 1)
        margins = [(0, 0)] * axis + [(1, 1)] + [(0, 0)] * (3 - axis)
        padded = np.pad(images, margins, constant_values=paper)
        size = images.shape[axis]
        before, after = (np.take(padded, range(start, start + size), axis) for start in (0, 2))
        images = images + np.abs(shift) * (np.where(shift > 0, before, after) - images)
    return images
