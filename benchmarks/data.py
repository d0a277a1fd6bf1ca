"""Data loading: `fnn.utils.data.DataLoader` against `torch.utils.data.DataLoader`, in samples a second.

Run with ``python benchmarks/data.py``. Four cases, each a whole shuffled epoch in batches of 64, from ``iter()`` to the
last batch: 60,000 images of 28 x 28 in memory, with no workers, with two, and through a dataset that is indexed sample
by sample; 2,000 JPEG files of 256 x 256, decoded, cropped and normalised by two workers. The two libraries run in a
process each (PyTorch's forks its workers, which a process that has used JAX must not do) and take turns. An epoch of
fnn ends with its batches on the device as JAX arrays, one of PyTorch with tensors.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

IMAGES, FILES, BATCH, CROP = 60_000, 2_000, 64, 224
CASES = ("memory, 0 workers", "memory, 2 workers", "sample by sample, 0 workers", "JPEG files, 2 workers")


class Rows:
    """Samples of arrays, one by one."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


class Files:
    """JPEG files: decoded, cropped in the centre, float32 (3, H, W) in [-1, 1]."""

    def __init__(self, paths, convert=None):
        self.paths, self.convert = paths, convert

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        from PIL import Image

        with Image.open(self.paths[index]) as image:
            pixels = np.asarray(image.convert("RGB"))
        start = (pixels.shape[0] - CROP) // 2
        pixels = pixels[start : start + CROP, start : start + CROP]
        sample = np.ascontiguousarray((pixels.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1))
        return sample if self.convert is None else self.convert(sample), index % 10


def write_files(folder: Path) -> None:
    """Crops of scikit-learn's two photographs."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images
    rng = np.random.default_rng(0)
    for number in range(FILES):
        photograph = photographs[number % len(photographs)]
        top, left = (int(rng.integers(0, size - 256)) for size in photograph.shape[:2])
        crop = photograph[top : top + 256, left : left + 256]
        Image.fromarray(crop[:, :: int(rng.choice([-1, 1]))]).save(folder / f"{number:05}.jpg", quality=90)


def loaders(library: str, folder: Path) -> dict[str, object]:
    """A loader for each case."""
    rng = np.random.default_rng(0)
    images = rng.random((IMAGES, 28, 28), np.float32)
    labels = rng.integers(0, 10, IMAGES)
    paths = sorted(str(path) for path in folder.iterdir())
    if library == "torch":
        import torch
        from torch.utils import data

        torch.set_num_threads(1)
        memory = data.TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))
        files = Files(paths, torch.from_numpy)
    else:
        from fnn.utils import data

        memory, files = data.TensorDataset(images, labels), Files(paths)
    made = (
        data.DataLoader(memory, BATCH, shuffle=True),
        data.DataLoader(memory, BATCH, shuffle=True, num_workers=2),
        data.DataLoader(Rows(images, labels), BATCH, shuffle=True),
        data.DataLoader(files, BATCH, shuffle=True, num_workers=2),
    )
    return dict(zip(CASES, made, strict=True))


def serve(library: str, folder: Path) -> None:
    """Runs an epoch of each case that is named on standard input, and prints its seconds."""
    made = loaders(library, folder)
    print("ready", flush=True)
    for line in sys.stdin:
        start, count, batch = time.perf_counter(), 0, None
        for batch in made[line.strip()]:
            count += len(batch[0])
        if library == "fnn":
            import jax

            jax.block_until_ready(batch)
        print(json.dumps([time.perf_counter() - start, count]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", nargs="*", default=CASES, choices=CASES)
    parser.add_argument("--serve", nargs=2, metavar=("LIBRARY", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve[0], Path(args.serve[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        command = [sys.executable, __file__, "--serve"]
        sides = {
            name: subprocess.Popen(
                [*command, name, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
            for name in ("fnn", "torch")
        }
        for side in sides.values():
            side.stdout.readline()
        for case in args.cases:
            rates: dict[str, list[float]] = {name: [] for name in sides}
            for round_ in range(args.rounds + 1):
                for name, side in sides.items():
                    print(case, file=side.stdin, flush=True)
                    seconds, count = json.loads(side.stdout.readline())
                    if round_:  # the first warms up
                        rates[name].append(count / seconds)
            ours, theirs = (statistics.median(rates[name]) for name in sides)
            print(f"{case:28} fnn {ours:12,.0f}/s   torch {theirs:12,.0f}/s   {ours / theirs:6.2f} x", flush=True)
        for side in sides.values():
            side.stdin.close()
            side.wait()


if __name__ == "__main__":
    main()
