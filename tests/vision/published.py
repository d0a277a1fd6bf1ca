"""What comparisons of whole published models share.

Both models in turn, what one finds waits in files: of the largest the weights alone are five gigabytes.
"""

import gc
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from tests.vision.oracle import torch


def numbers(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """For the parameter or buffer `name`: what leaves no branch of a model without a say."""
    draws = np.random.Generator(np.random.SFC64(zlib.crc32(name.encode())))
    if len(shape) > 1:
        # Uniform is quicker than normal; the deviation is that of kaiming_normal_.
        values = draws.random(shape, np.float32).astype(np.float64)
        values -= 0.5
        values *= np.sqrt(24 / max(1, np.prod(shape[1:])))
        return values
    if name.endswith(("weight", "running_var")):
        return draws.uniform(0.5, 1.5, shape)
    return draws.normal(0, 0.1, shape)


def undisturbed(model: Any) -> Any:
    """Without what is left to chance in training."""
    for module in model.modules():
        if type(module).__name__ in ("Dropout", "StochasticDepth"):
            module.p = 0.0
    return model


def settle(part: Any, run: Callable[[], Any]) -> None:
    """Gives a part of torchvision's model the statistics of what it sees when the model is run.

    Under random ones numbers grow from layer to layer of a deep model, and rounding with them: scores are all 0 or 1,
    and what two right models find is unequal.  The variance is the biased one, with which each layer finds again what
    it has seen: of few pixels the unbiased one is larger, and means depart from layer to layer.
    """
    norms = [module for module in part.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return

    def biased(norm: Any, given: Any, out: Any) -> None:
        norm.running_var *= 1 - norm.num_features / given[0].numel()

    momenta = [norm.momentum for norm in norms]
    hooks = [norm.register_forward_hook(biased) for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    part.train()
    with torch.no_grad():
        run()
    for norm, momentum, hook in zip(norms, momenta, hooks, strict=True):
        norm.momentum = momentum
        hook.remove()


class Store:
    """Arrays on disk, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.names = folder, {}

    def __setitem__(self, name: str, value: np.ndarray) -> None:
        self.names[name] = self.folder / f"{len(self.names)}.npy"
        np.save(self.names[name], value)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.load(self.names[name], mmap_mode="r")

    def under(self, what: str) -> list[str]:
        """The names that begin with the word, without it."""
        return [key.removeprefix(f"{what} ") for key in self.names if key.startswith(f"{what} ")]


def stored() -> Iterator[Store]:
    """A fixture's function: nothing of one model is left when the next begins."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders stay until the last test
        yield Store(Path(folder))
    torch.set_default_dtype(torch.float32)
    gc.collect()
    jax.clear_caches()


def same(found: Mapping[str, Any], store: Store, what: str, noise: float = 0) -> None:
    """All of them to 1e-6 of the largest number of each."""
    expected = set(store.under(what))
    assert expected <= set(found), what
    for key in sorted(expected):
        ours, theirs = np.asarray(found[key]), store[f"{what} {key}"]
        assert ours.shape == theirs.shape, (what, key)
        error, size = np.abs(ours - theirs).max(initial=0), np.abs(theirs).max(initial=0)
        assert error <= 1e-6 * size + noise, f"{what} {key}: off by {error} of {size}"
