"""Labelled pictures for the scripts: ten patterns of 4 x 4 fields, under noise."""

import numpy as np


def pictures(count: int = 200, size: int = 8, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (count, channels, size, size) float32 and labels (count,) int64."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, count)
    patterns = np.kron(rng.standard_normal((10, channels, 4, 4)), np.ones((size // 4, size // 4)))
    noise = rng.standard_normal((count, channels, size, size))
    return (patterns[labels] + noise).astype(np.float32), labels
