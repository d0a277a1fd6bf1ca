"""Datasets against torch.utils.data's."""

import itertools
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.errors import ArgumentError
from fnn.utils.data import dataset


class Batched:
    """Fetches many at once, and counts how often it is asked."""

    def __init__(self, data, surplus=0):
        self.data, self.calls, self.surplus = data, 0, surplus

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.data[index]

    def __getitems__(self, indices):
        self.calls += 1
        return [self.data[i] for i in indices] + [0] * self.surplus


def stream(data, items, sized=True):
    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter(items)

    class Sized(Stream):
        def __len__(self):
            return len(items)

    return Sized() if sized else Stream()


def both(check):
    """Runs with fnn's module, and with torch's where there is one; the results are equal."""
    ours = check(dataset)
    try:
        from torch.utils import data
    except ImportError:
        return ours
    assert ours == check(data)
    return ours


def test_tensor_dataset_keeps_arrays():
    x, y = np.arange(6.0).reshape(3, 2), jnp.arange(3)
    rows = dataset.TensorDataset(x, y)
    assert rows.tensors[0] is x and rows.tensors[1] is y and len(rows) == 3
    first, label = rows[2]
    assert first.tolist() == [4.0, 5.0] and int(label) == 2 and isinstance(rows[2], tuple)
    several, labels = rows[1:]
    assert several.tolist() == [[2.0, 3.0], [4.0, 5.0]] and labels.tolist() == [1, 2]
    assert rows[-1][0].tolist() == [4.0, 5.0]
    with pytest.raises(IndexError):
        rows[3]


def test_stack_dataset():
    def check(data):
        pair, named = data.StackDataset([1, 2, 3], "abc"), data.StackDataset(x=[1, 2, 3], y="abc")
        fetched = Batched([7, 8, 9])
        mixed = data.StackDataset(fetched, "abc").__getitems__([2, 0]), fetched.calls
        by_name = data.StackDataset(a=fetched, b="abc").__getitems__([1]), fetched.calls
        return pair[1], named[2], len(pair), len(named), list(pair), mixed, by_name, named.__getitems__([])

    assert both(check)[:2] == ((2, "b"), {"x": 3, "y": "c"})


def test_subset():
    def check(data):
        fetched = Batched(range(10, 20))
        part = data.Subset(fetched, [4, 0, 7])
        nested = data.Subset(part, [2, 1])
        array = data.Subset(np.arange(5), [2, 0, 4])
        results = part[0], part[-1], part.__getitems__([1, 2]), nested.__getitems__([0, 1]), nested[0], len(part)
        return results, list(part), fetched.calls, array[[0, 2]].tolist(), array.__getitems__([2])

    assert both(check)[0][:3] == (14, 17, [10, 17])


def test_a_subset_must_override_both():
    def check(data):
        class Half(data.Subset):
            def __getitem__(self, idx):
                return super().__getitem__(idx) * 2

        class Whole(Half):
            def __getitems__(self, indices):
                return [self[i] for i in indices]

        with pytest.raises(NotImplementedError, match="Half overrides __getitem__ but not __getitems__"):
            Half([1, 2], [0])
        return Whole([1, 2], [1]).__getitems__([0])

    assert both(check) == [4]


def test_concat_dataset():
    def check(data):
        whole = data.ConcatDataset([[0, 1], [], [2, 3, 4]])
        sums = [whole[i] for i in range(-5, 5)], whole.cumulative_sizes, len(whole), list(whole)
        with pytest.raises(ValueError, match="absolute value of index should not exceed dataset length"):
            whole[-6]
        with pytest.raises(IndexError, match="list index out of range"):
            whole[5]
        with pytest.raises(AssertionError, match="datasets should not be an empty iterable"):
            data.ConcatDataset([])
        with pytest.raises(AssertionError, match="ConcatDataset does not support IterableDataset"):
            data.ConcatDataset([stream(data, [1])])
        return sums, data.ConcatDataset.cumsum([[1], [2, 3]])

    both(check)


def test_sum_of_datasets():
    def check(data):
        class Numbers(data.Dataset):
            def __len__(self):
                return 3

            def __getitem__(self, index):
                return index * 10

        whole = Numbers() + Numbers() + data.Subset("ab", [1])
        return type(whole).__name__, [whole[i] for i in range(len(whole))], list(stream(data, [1]) + stream(data, "ab"))

    assert both(check) == ("ConcatDataset", [0, 10, 20, 0, 10, 20, "b"], [1, "a", "b"])


def test_chain_dataset():
    def check(data):
        chain = data.ChainDataset([stream(data, [1, 2]), stream(data, "c")])
        with pytest.raises(TypeError):
            len(data.ChainDataset([stream(data, [1], sized=False)]))
        with pytest.raises(AssertionError, match="ChainDataset only supports IterableDataset"):
            list(data.ChainDataset([[1]]))
        with pytest.raises(AssertionError, match="ChainDataset only supports IterableDataset"):
            len(data.ChainDataset([[1]]))
        lazy = iter(data.ChainDataset([stream(data, [5]), [1]]))
        return list(chain), list(chain), len(chain), next(lazy), isinstance(chain, data.IterableDataset)

    assert both(check) == ([1, 2, "c"], [1, 2, "c"], 3, 5, True)


def test_abstract_classes():
    def check(data):
        with pytest.raises(NotImplementedError, match="Subclasses of Dataset should implement __getitem__"):
            data.Dataset()[0]
        with pytest.raises(TypeError, match="object of type 'Dataset' has no len"):
            len(data.Dataset())
        with pytest.raises(TypeError, match=r"Can't instantiate abstract class IterableDataset.*__iter__"):
            data.IterableDataset()
        return issubclass(data.IterableDataset, data.Dataset), hasattr(data.Dataset(), "__getitems__")

    assert both(check) == (True, False)
    assert dataset.Dataset[int] and dataset.IterableDataset[str] and dataset.Subset[int]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda d, a: d.TensorDataset(a(3), a(2)), AssertionError, "Size mismatch between tensors"),
        (lambda d, a: d.StackDataset(), ValueError, "At least one dataset should be passed"),
        (lambda d, a: d.StackDataset([1], [1, 2]), ValueError, "Size mismatch between datasets"),
        (lambda d, a: d.StackDataset(x=[1], y=[1, 2]), ValueError, "Size mismatch between datasets"),
        (
            lambda d, a: d.StackDataset([1], x=[1]),
            ValueError,
            "Supported either ``tuple``- .* but both types are given",
        ),
        (
            lambda d, a: d.StackDataset(Batched([1, 2], surplus=1)).__getitems__([0, 1]),
            ValueError,
            "Nested dataset's output size mismatch. Expected 2, got 3",
        ),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make(dataset, np.zeros)
    torch = pytest.importorskip("torch")
    with pytest.raises(error, match=message):
        make(torch.utils.data, torch.zeros)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((), "expected one or more arrays, got none"),
        ((np.zeros(2), [1, 2]), r"expected arrays, got tensors\[1\]=\[1, 2\]"),
        ((np.float32(1),), r"tensors\[0\] has shape \(\)"),
        ((np.zeros(3), np.zeros((2, 1))), r"got shapes \[\(3,\), \(2, 1\)\]"),
    ],
)
def test_what_is_no_tensor_dataset(arrays, message):
    with pytest.raises(ArgumentError, match=message):
        dataset.TensorDataset(*arrays)


ROWS = jnp.arange(3.0)
OF_THREE = {
    "TensorDataset": dataset.TensorDataset(ROWS, jnp.ones((3, 2))),
    "TensorDataset of numpy": dataset.TensorDataset(np.arange(3.0)),
    "StackDataset": dataset.StackDataset(ROWS, [1, 2, 3]),
    "StackDataset of names": dataset.StackDataset(x=ROWS, y=dataset.TensorDataset(ROWS)),
    "Subset": dataset.Subset(dataset.TensorDataset(jnp.arange(5.0)), [4, 0, 1]),
    "Subset by an array": dataset.Subset(jnp.arange(5.0), jnp.array([4, 0, 1])),
    "ConcatDataset": dataset.ConcatDataset([ROWS[:1], dataset.TensorDataset(ROWS[1:])]),
}


@pytest.mark.parametrize("name", OF_THREE)
def test_a_sample_that_there_is_not_is_an_index_error(name):
    """JAX reads the last row for it, and a loop over the dataset would never end."""
    whole = OF_THREE[name]
    for index in (3, 10, -4, np.int64(3), np.int32(-4)):
        with pytest.raises(IndexError):
            whole[index]
    assert len(list(itertools.islice(whole, 9))) == 3
    whole[-3], whole[np.int64(2)], whole[2]


def test_many_samples_that_there_are_not():
    rows = OF_THREE["TensorDataset"]
    for indices in ([0, 3], np.array([-4, 0]), jnp.array([0, 10]), (10, 0)):
        with pytest.raises(IndexError, match=r"TensorDataset: index (3|-4|10) is out of range of 3 samples"):
            rows[indices]
    assert rows[1:9][0].tolist() == [1, 2] and rows[np.array([True, False, True])][1].shape == (2, 2)
    assert rows[np.array([2, 0])][0].tolist() == [2, 0] and rows[...][1].shape == (3, 2)
    for whole in (OF_THREE["StackDataset"], OF_THREE["Subset by an array"]):
        with pytest.raises(IndexError, match="Dataset: index 3 is out of range of 3 samples"):
            whole.__getitems__([0, 3])
    with pytest.raises(IndexError, match="index 7 is out of range of 3 samples"):
        dataset.Subset(ROWS, [0, 7])[1]


def test_a_traced_index_is_jax_s_own():
    rows = OF_THREE["TensorDataset"]
    assert float(jax.jit(lambda i: rows[i][0])(1)) == 1


def test_datasets_pickle():
    whole = dataset.ConcatDataset(dataset.random_split(dataset.TensorDataset(np.arange(6)), [2, 4]))
    again = pickle.loads(pickle.dumps(whole))
    assert list(again) == list(whole) and again.cumulative_sizes == [2, 6]


def test_workers_need_no_jax():
    """Nothing that a worker process imports to load samples brings JAX in."""
    code = (
        "import sys\n"
        "from fnn.utils.data import collate, dataset, distributed, sampler\n"
        "data = dataset.TensorDataset(__import__('numpy').arange(4))\n"
        "collate.default_collate([data[i] for i in sampler.RandomSampler(data)])\n"
        "assert 'jax' not in sys.modules, 'jax'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
