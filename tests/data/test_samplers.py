"""Samplers and splits: PyTorch's orders, bit for bit, and as much taken from the generators."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.utils.data import dataset, distributed, sampler
from tests import recorded
from tests.data import orders

OURS = SimpleNamespace(**vars(dataset), **{n: vars(sampler)[n] for n in sampler.__all__}, **{
    "DistributedSampler": distributed.DistributedSampler
})  # fmt: skip


@pytest.mark.parametrize("seed", orders.SEEDS)
@pytest.mark.parametrize("name", orders.CASES)
def test_recorded_orders(name, seed):
    fnn.manual_seed(seed)
    drawn = orders.CASES[name](OURS, fnn.Generator)
    state = fnn.get_rng_state()
    expected = recorded.load("orders")[f"{name}, seed {seed}"]
    assert [recorded.digest(str(drawn).encode()), recorded.digest(state)] == expected


@pytest.mark.parametrize("name", orders.CASES)
def test_orders_of_torch(name):
    torch = pytest.importorskip("torch")
    from torch.utils import data

    torch.manual_seed(99)
    fnn.manual_seed(99)
    assert orders.CASES[name](OURS, fnn.Generator) == orders.CASES[name](data, torch.Generator)
    np.testing.assert_array_equal(fnn.get_rng_state(), torch.get_rng_state().numpy())


def test_nothing_is_drawn_before_the_first_index():
    state = fnn.get_rng_state()
    for made in (sampler.RandomSampler(range(5)), sampler.SubsetRandomSampler([1, 2])):
        iterator = iter(made)
        np.testing.assert_array_equal(fnn.get_rng_state(), state)
        next(iterator)
        assert (fnn.get_rng_state() != state).any()
        state = fnn.get_rng_state()


def test_the_last_permutation_is_drawn_at_the_end():
    own = fnn.Generator().manual_seed(0)
    iterator = iter(sampler.RandomSampler(range(5), generator=own))
    for _ in range(5):
        next(iterator)
    state = own.get_state()
    assert next(iterator, None) is None
    assert (own.get_state() != state).any()


def test_a_random_sampler_follows_data_that_grows():
    data = [1, 2]
    made = sampler.RandomSampler(data)
    data.append(3)
    assert len(made) == made.num_samples == 3 and sorted(made) == [0, 1, 2]


def test_lengths():
    assert len(sampler.SequentialSampler("abc")) == 3
    assert len(sampler.RandomSampler("abc", num_samples=8)) == 8
    assert len(sampler.SubsetRandomSampler([4, 4])) == 2
    assert len(sampler.WeightedRandomSampler([1, 1], 7)) == 7
    assert len(sampler.BatchSampler(range(7), 3, False)) == 3
    assert len(sampler.BatchSampler(range(7), 3, True)) == 2
    assert len(sampler.BatchSampler(range(6), 3, False)) == 2


def test_a_batch_sampler_takes_any_iterable():
    assert list(sampler.BatchSampler((c for c in "abcde"), 2, False)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(sampler.BatchSampler((c for c in "abcde"), 2, True)) == [["a", "b"], ["c", "d"]]
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        len(sampler.BatchSampler((c for c in "abc"), 2, False))


def test_a_distributed_sampler_takes_part_in_the_jax_job():
    made = distributed.DistributedSampler(range(4), shuffle=False)
    assert (made.num_replicas, made.rank, list(made)) == (1, 0, [0, 1, 2, 3])


def test_samplers_pickle():
    for made in (
        sampler.RandomSampler(range(9), generator=fnn.Generator().manual_seed(3)),
        sampler.WeightedRandomSampler([1, 2], 5, generator=fnn.Generator().manual_seed(3)),
        sampler.BatchSampler(sampler.SequentialSampler(range(5)), 2, False),
        distributed.DistributedSampler(range(9), 2, 1),
    ):
        assert list(pickle.loads(pickle.dumps(made))) == list(made)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda d: d.RandomSampler([1], replacement=1), TypeError, "replacement should be a boolean value, but got"),
        (lambda d: d.RandomSampler([]), ValueError, "num_samples should be a positive integer value, but got"),
        (lambda d: d.RandomSampler([1], num_samples=0), ValueError, "positive integer value, but got num_samples=0"),
        (lambda d: d.RandomSampler([1], num_samples=2.5), ValueError, "positive integer value, but got num_samples=2"),
        (lambda d: list(d.RandomSampler([], True, 3)), RuntimeError, "random_ expects 'from' to be less than 'to'"),
        (lambda d: d.WeightedRandomSampler([1], 0), ValueError, "positive integer value, but got num_samples=0"),
        (lambda d: d.WeightedRandomSampler([1], True), ValueError, "positive integer value, but got num_samples=True"),
        (lambda d: d.WeightedRandomSampler([1], 1, 2), ValueError, "replacement should be a boolean value, but got"),
        (lambda d: d.WeightedRandomSampler([[1.0]], 1), ValueError, r"weights have shape \(1, 1\)"),
        (lambda d: d.WeightedRandomSampler("ab", 1), TypeError, None),
        (lambda d: list(d.WeightedRandomSampler([1, 2], 3, False)), RuntimeError, r"cannot sample n_sample"),
        (lambda d: list(d.WeightedRandomSampler([0, 0], 1)), RuntimeError, r"\(sum of probabilities <= 0\)"),
        (lambda d: list(d.WeightedRandomSampler([3, -1], 2, False)), RuntimeError, "`nan` or element < 0"),
        (lambda d: d.BatchSampler([1], 0, False), ValueError, "batch_size should be a positive integer value, but got"),
        (lambda d: d.BatchSampler([1], 2.0, False), ValueError, "got batch_size=2.0"),
        (lambda d: d.BatchSampler([1], True, False), ValueError, "got batch_size=True"),
        (lambda d: d.BatchSampler([1], 2, 1), ValueError, "drop_last should be a boolean value, but got drop_last=1"),
        (lambda d: d.DistributedSampler([1], 2, 2), ValueError, r"Invalid rank 2, .* interval \[0, 1\]"),
        (lambda d: d.DistributedSampler([1], 2, -1), ValueError, "Invalid rank -1"),
        (lambda d: d.Sampler().__iter__(), NotImplementedError, None),
        (lambda d: d.random_split([1, 2], [1, 2]), ValueError, "Sum of input lengths does not equal the length of the"),
        (lambda d: d.random_split([1, 2], [0.5, 0.6]), ValueError, "Sum of input lengths does not equal the length"),
        (lambda d: d.random_split([1, 2], [-0.5, 1.5]), ValueError, "Fraction at index 0 is not between 0 and 1"),
        (lambda d: d.random_split([1, 2], [1.0, 1.0]), TypeError, None),
        (lambda d: d.random_split([1, 2], []), ValueError, "Sum of input lengths does not equal the length"),
    ],
)  # fmt: skip
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make(OURS)
    torch_data = pytest.importorskip("torch.utils.data")
    with pytest.raises(error, match=message):
        make(torch_data)


@pytest.mark.parametrize(
    "make",
    [
        lambda: sampler.RandomSampler([1], generator=3),
        lambda: sampler.SubsetRandomSampler([1], generator=3),
        lambda: sampler.WeightedRandomSampler([1], 1, generator=3),
    ],
)
def test_what_is_no_generator(make):
    with pytest.raises(ArgumentTypeError, match=r"expected generator to be a fnn.Generator or None, got generator=3"):
        make()


def test_an_empty_part_of_a_split_is_warned_of():
    with pytest.warns(UserWarning, match=r"Length of split at index 1 is 0. This might result in an empty dataset."):
        parts = dataset.random_split(range(1), [0.5, 0.5])
    assert [len(part) for part in parts] == [1, 0]


def test_a_dataset_that_has_become_shorter():
    data = [1, 2, 3]
    made = distributed.DistributedSampler(data, 2, 0, drop_last=True)
    data.clear()
    with pytest.raises(ArgumentError, match=r"Number of indices \(0\) does not match total_size \(2\)"):
        list(made)
