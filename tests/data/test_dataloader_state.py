"""A loader's position: saved to a file, loaded into another loader, and exactly the rest comes."""

import random
from typing import Any

import numpy as np
import pytest

import fnn
from fnn.host_random import Generator, default_generator
from fnn.serialization import load_checkpoint, save_checkpoint
from fnn.utils.data import (
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    Sampler,
    WeightedRandomSampler,
    get_worker_info,
)


def draw():
    """One number of each of the global generators; the second of numpy's is the other half of a pair."""
    return default_generator.uniform((1,)).item(), random.gauss(0, 1), np.random.randn()


class Noisy(Dataset):
    def __len__(self):
        return 17

    def __getitem__(self, index):
        return index, *draw()


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for index in range(worker, 17 - 3 * worker, workers):
            yield index, *draw()


class Stateful(Stream):
    """Goes on by itself, and would fail if it were run through again."""

    def __init__(self):
        self.at = 0

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]

    def __iter__(self):
        while self.at < 9:
            self.at += 1
            yield self.at, *draw()
        self.at = 0


class Drawing(Sampler):
    """Draws as it goes, from numpy's global generator."""

    def __len__(self):
        return 17

    def __iter__(self):
        return (int(np.random.randint(17)) for _ in range(17))


def weighted():
    return WeightedRandomSampler(np.arange(1, 18), 15, generator=Generator().manual_seed(3))


def shared():
    sampler = DistributedSampler(range(17), 2, 1)
    sampler.set_epoch(4)
    return sampler


def named(value: Any) -> str:
    """The same name in every process that collects the tests."""
    if isinstance(value, dict):
        return "-".join(f"{key}={named(part)}" for key, part in value.items()) or "plain"
    return getattr(value, "__name__", str(value))


CASES = [
    (Noisy, {}),
    (Noisy, {"shuffle": True}),
    (Noisy, {"shuffle": True, "generator": 5, "drop_last": True}),
    (Noisy, {"sampler": weighted}),
    (Noisy, {"sampler": Drawing}),
    (Noisy, {"sampler": shared}),
    (Noisy, {"shuffle": True, "prefetch_to_device": 2}),
    (Stream, {"prefetch_to_device": 1}),
    (Stateful, {}),
    (Noisy, {"shuffle": True, "num_workers": 2}),
    (Noisy, {"shuffle": True, "num_workers": 2, "persistent_workers": True, "prefetch_to_device": 2, "generator": 5}),
    (Stream, {"num_workers": 2}),
    (Stream, {"num_workers": 2, "persistent_workers": True}),
    (Stateful, {"num_workers": 2, "prefetch_to_device": 1}),
]


def make(dataset, kwargs, seed=0):
    kwargs = dict(kwargs)
    if "generator" in kwargs:
        kwargs["generator"] = Generator().manual_seed(kwargs["generator"] + seed)
    if "sampler" in kwargs:
        kwargs["sampler"] = kwargs["sampler"]()
    return DataLoader(dataset(), 4, device="host", **kwargs)


def seed_all(seed):
    fnn.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def plain(batch):
    return [np.asarray(leaf).tolist() for leaf in batch]


@pytest.mark.parametrize(("dataset", "kwargs"), CASES, ids=named)
@pytest.mark.parametrize("stop", [(0, 0), (0, 3), (1, 1), (1, 5), (1, None)], ids=str)
def test_the_rest_is_what_it_would_have_been(dataset, kwargs, stop, tmp_path):
    between = (lambda: None) if kwargs.get("sampler") is Drawing else draw  # the training loop draws, too
    seed_all(1)
    loader, rest = make(dataset, kwargs), []
    for epoch in range(3):
        batches = iter(loader)
        for number in range(20):
            if (epoch, number) == stop:
                save_checkpoint({"data": loader.state_dict()}, tmp_path / "state.safetensors")
                rest = []
            batch = next(batches, None)
            if batch is None:
                break
            rest.append((plain(batch), between()))
        rest.append("end of epoch")
        if (epoch, None) == stop:
            save_checkpoint({"data": loader.state_dict()}, tmp_path / "state.safetensors")
            rest = []
    if not (tmp_path / "state.safetensors").exists():
        pytest.skip("the epoch is shorter")
    rest.append(draw())

    seed_all(99)
    loader, found = make(dataset, kwargs, seed=50), []
    loader.load_state_dict(load_checkpoint(tmp_path / "state.safetensors")["data"])
    for _ in range(stop[0] + (stop[1] is None), 3):
        for batch in loader:
            found.append((plain(batch), between()))
        found.append("end of epoch")
    found.append(draw())
    assert found == rest


@pytest.mark.parametrize("workers", [0, 2])
def test_skipped_samples_are_not_loaded(workers, tmp_path):
    class Logged(Dataset):
        def __len__(self):
            return 12

        def __getitem__(self, index):
            (tmp_path / str(index)).touch()
            return index

    loader = DataLoader(Logged(), 2, num_workers=workers, device="host")
    batches = iter(loader)
    for _ in range(3):
        next(batches)
    state = loader.state_dict()
    del batches
    for number in range(6):
        (tmp_path / str(number)).unlink()
    other = DataLoader(Logged(), 2, num_workers=workers, device="host")
    other.load_state_dict(state)
    assert [b.tolist() for b in other] == [[6, 7], [8, 9], [10, 11]]
    assert not any((tmp_path / str(number)).exists() for number in range(6))
    assert next(iter(other)).tolist() == [0, 1]  # the next epoch is whole


def test_the_position_is_known_after_the_iterator_is_gone():
    fnn.manual_seed(0)
    loader = DataLoader(range(10), 2, shuffle=True)
    for number, _ in enumerate(loader):
        if number == 1:
            break
    state = loader.state_dict()
    fnn.manual_seed(0)
    whole = [b.tolist() for b in loader]
    loader.load_state_dict(state)
    assert loader.state_dict()["epoch"]["yielded"] == 2
    assert [b.tolist() for b in loader] == whole[2:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("epoch"), "the state is damaged: KeyError"),
        (lambda s: s.update(version=7), "cannot read version 7"),
        (lambda s: s["loader"].update(batch_size=3), "saved with batch_size=3, this loader has 2"),
        (lambda s: s["loader"].update(num_workers=2), "saved with num_workers=2, this loader has 0"),
        (lambda s: s["loader"].update(batches=9), "saved with batches=9, this loader has 5"),
        (lambda s: s["now"]["rng"].update(fnn=np.zeros(3, np.uint8)), "the state of 'fnn' is not of 5056 bytes"),
        (lambda s: s["now"]["generators"].append(np.zeros(5056, np.uint8)), "with 1 generators, this loader has 0"),
        (lambda s: s["epoch"].update(pulled="x"), "the state is damaged"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    loader = DataLoader(range(10), 2, shuffle=True)
    next(iter(loader))
    state = loader.state_dict()
    change(state)
    before = default_generator.get_state().tolist()
    with pytest.raises(ValueError, match=message):
        loader.load_state_dict(state)
    assert default_generator.get_state().tolist() == before
    assert loader.state_dict()["epoch"]["yielded"] == 1
