"""DataLoader without worker processes, against torch.utils.data.DataLoader."""

import collections
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.host_random import Generator, default_generator
from fnn.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    _fetch,
    default_collate,
)

torch_data = pytest.importorskip("torch.utils.data")
import torch  # noqa: E402


class Numbers(Dataset):
    def __init__(self, n=11):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        return index


class Stream(IterableDataset):
    def __init__(self, n=11, length=None):
        self.n, self.length = n, length

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        if self.length is None:
            raise TypeError("no length")
        return self.length


class TorchStream(torch_data.IterableDataset):
    def __iter__(self):
        return iter(range(11))


def epochs(loader, count=3):
    """What comes out of a loader, and what it leaves in the global generator."""
    out = []
    for _ in range(count):
        out.append([np.asarray(batch).tolist() for batch in loader])
        out.append(default_generator.uniform((2,)).tolist())
    return out


def torch_epochs(loader, count=3):
    out = []
    for _ in range(count):
        out.append([batch.tolist() if isinstance(batch, torch.Tensor) else batch for batch in loader])
        out.append(torch.rand(2).tolist())
    return out


ORDERS = [
    {},
    {"batch_size": 4},
    {"batch_size": 4, "drop_last": True},
    {"batch_size": 4, "shuffle": True},
    {"batch_size": 4, "shuffle": True, "drop_last": True, "generator": 5},
    {"batch_size": None},
    {"batch_size": None, "shuffle": True},
    {"batch_size": 3, "sampler": [5, 2, 2, 7]},
    {"batch_sampler": [[0, 1, 2], [9], [4, 4]]},
]


@pytest.mark.parametrize("kwargs", ORDERS, ids=str)
def test_batches_and_draws_are_pytorchs(kwargs):
    seed = kwargs.get("generator")
    ours, theirs = dict(kwargs), dict(kwargs)
    if seed is not None:
        ours["generator"], theirs["generator"] = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    fnn.manual_seed(3)
    torch.manual_seed(3)
    assert epochs(DataLoader(Numbers(), **ours)) == torch_epochs(torch_data.DataLoader(Numbers(), **theirs))
    if seed is not None:
        assert ours["generator"].get_state().tolist() == theirs["generator"].get_state().tolist()


@pytest.mark.parametrize("kwargs", [{"batch_size": 4}, {"batch_size": 4, "drop_last": True}, {"batch_size": None}])
def test_streams_are_pytorchs(kwargs):
    fnn.manual_seed(3)
    torch.manual_seed(3)
    assert epochs(DataLoader(Stream(), **kwargs)) == torch_epochs(torch_data.DataLoader(TorchStream(), **kwargs))


def test_samplers_are_made_as_in_pytorch():
    loader = DataLoader(Numbers(), 4, shuffle=True)
    assert type(loader.sampler) is RandomSampler and type(loader.batch_sampler) is BatchSampler
    assert type(DataLoader(Numbers()).sampler) is SequentialSampler
    assert DataLoader(Numbers(), batch_size=None).batch_sampler is None
    given = [[0, 1]]
    loader = DataLoader(Numbers(), batch_sampler=given)
    assert loader.batch_sampler is given and loader.batch_size is None and not loader.drop_last


BAD = [
    ({"num_workers": -1}, ValueError),
    ({"timeout": -1}, ValueError),
    ({"prefetch_factor": 2}, ValueError),
    ({"num_workers": 1, "prefetch_factor": -1}, ValueError),
    ({"persistent_workers": True}, ValueError),
    ({"sampler": [0], "shuffle": True}, ValueError),
    ({"batch_sampler": [[0]], "batch_size": 2}, ValueError),
    ({"batch_sampler": [[0]], "shuffle": True}, ValueError),
    ({"batch_sampler": [[0]], "sampler": [0]}, ValueError),
    ({"batch_sampler": [[0]], "drop_last": True}, ValueError),
    ({"batch_size": None, "drop_last": True}, ValueError),
    ({"batch_size": 0}, ValueError),
    ({"batch_size": True}, ValueError),
    ({"drop_last": 1}, ValueError),
    ({"multiprocessing_context": "spawn"}, ValueError),
    ({"multiprocessing_context": "nope", "num_workers": 1}, ValueError),
    ({"multiprocessing_context": 3, "num_workers": 1}, TypeError),
]


@pytest.mark.parametrize(("kwargs", "error"), BAD, ids=str)
def test_bad_arguments(kwargs, error):
    with pytest.raises(error) as theirs:
        torch_data.DataLoader(Numbers(), **kwargs)
    with pytest.raises(error) as ours:
        DataLoader(Numbers(), **kwargs)
    assert str(theirs.value) in str(ours.value).replace("BatchSampler: ", "")


@pytest.mark.parametrize("kwargs", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}], ids=str)
def test_a_stream_takes_no_order(kwargs):
    with pytest.raises(ValueError) as theirs:
        torch_data.DataLoader(TorchStream(), **kwargs)
    with pytest.raises(ValueError) as ours:
        DataLoader(Stream(), **kwargs)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"generator": 3}, TypeError, "expected generator to be a fnn.Generator"),
        ({"prefetch_to_device": -1}, ValueError, "prefetch_to_device option should be non-negative, got -1"),
        ({"prefetch_to_device": 1.5}, TypeError, "prefetch_to_device must be an int, got 1.5"),
        ({"device": "nowhere"}, ValueError, "DataLoader: unknown device='nowhere'"),
        ({"num_workers": 1, "multiprocessing_context": "fork"}, ValueError, "JAX runs threads"),
        ({"num_workers": "2"}, TypeError, "num_workers must be an int, got '2'"),
    ],
)
def test_bad_arguments_of_fnns_own(kwargs, error, message):
    with pytest.raises(error, match=message):
        DataLoader(Numbers(), **kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"timeout": 1}, "timeout == 0"),
        ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor must be greater than 0"),
    ],
)
def test_what_pytorch_asserts_when_iterated_over(kwargs, message):
    with pytest.raises(AssertionError, match=message):
        iter(DataLoader(Numbers(), **kwargs))


@pytest.mark.parametrize(
    "name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]
)
def test_attributes_that_are_fixed(name):
    loader = DataLoader(Numbers())
    with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"):
        setattr(loader, name, None)


def test_other_attributes_can_be_set():
    loader = DataLoader(Numbers(4), 2)
    loader.collate_fn = sum
    assert list(loader) == [1, 5]


def test_length_of_a_stream_and_the_warning_when_it_is_too_short():
    assert len(DataLoader(Stream(length=11), 4)) == 3
    assert len(DataLoader(Stream(length=11), 4, drop_last=True)) == 2
    loader = DataLoader(Stream(n=5, length=2), None)
    assert len(list(loader)) == 5  # nobody asked for the length yet
    assert len(loader) == 2
    with pytest.warns(UserWarning, match=r"Length of IterableDataset .* was reported to be 2\(when") as caught:
        list(loader)
    counts = [str(warning.message).rpartition("but ")[2] for warning in caught]
    assert counts == [f"{n} samples have been fetched. " for n in (3, 4, 5)]


def test_getitems_is_asked_for_whole_batches():
    class Whole(Numbers):
        def __getitems__(self, indices):
            return [10 * index for index in indices]

    assert [np.asarray(b).tolist() for b in DataLoader(Whole(5), 3)] == [[0, 10, 20], [30, 40]]


def test_an_error_of_the_dataset_is_raised_and_the_rest_comes():
    class Hole(Numbers):
        def __getitem__(self, index):
            if index == 3:
                raise KeyError("three")
            return index

    batches = iter(DataLoader(Hole(6), 2))
    assert next(batches).tolist() == [0, 1]
    with pytest.raises(KeyError, match="three"):
        next(batches)
    assert next(batches).tolist() == [4, 5]


# -- on the device ------------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")


def test_arrays_become_jax_arrays_and_the_structure_stays():
    class Mixed(Numbers):
        def __getitem__(self, index):
            return {"z": np.ones(2, np.float16), "p": Point(index, 0.5), "name": "a", "l": [True, (index, b"b")]}

    (batch,) = DataLoader(Mixed(3), 3)
    assert list(batch) == ["z", "p", "name", "l"]
    assert isinstance(batch["z"], jax.Array) and batch["z"].dtype == jnp.float16
    assert isinstance(batch["p"], Point) and batch["p"].x.dtype == jnp.int32 and batch["p"].y.dtype == jnp.float32
    assert batch["name"] == ["a", "a", "a"] and list(batch["l"][1][1]) == [b"b", b"b", b"b"]


def test_on_the_host_nothing_is_touched():
    (batch,) = DataLoader(Numbers(3), 3, device="host")
    assert type(batch) is np.ndarray and batch.dtype == np.int64


@pytest.mark.parametrize("device", ["cpu", jax.devices("cpu")[0]], ids=str)
def test_a_named_device(device):
    (batch,) = DataLoader(Numbers(3), 3, device=device)
    assert batch.committed and batch.devices() == {jax.devices("cpu")[0]}


def test_a_sharding():
    mesh = jax.make_mesh((1,), ("data",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    (batch,) = DataLoader(TensorDataset(np.ones((4, 2)), np.arange(4)), 4, device=sharding)
    assert [leaf.sharding for leaf in batch] == [sharding, sharding]


def test_integers_that_jax_would_cut_are_refused():
    with pytest.raises(ValueError, match=r"int64 numbers from 1 to 1099511627776, which JAX would cut to 32 bits"):
        list(DataLoader([1, 2**40], 2))


def test_a_batch_is_not_a_window_into_the_users_memory():
    memory = np.zeros((4, 16 * 64), np.float32)
    loader = DataLoader(memory, None)  # every sample is a row of it
    first = next(iter(loader))
    memory[:] = 7
    assert float(first.sum()) == 0


def test_batches_that_collate_fn_makes_of_other_things():
    class Custom:
        def __init__(self, samples):
            self.samples = samples

    (batch,) = DataLoader(Numbers(2), 2, collate_fn=Custom)
    assert type(batch) is Custom and batch.samples == [0, 1]


def test_pin_memory_warns_as_in_pytorch_without_an_accelerator():
    if jax.default_backend() != "cpu":
        pytest.skip("there is an accelerator")
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator is found"):
        assert len(list(DataLoader(Numbers(2), pin_memory=True))) == 2


@pytest.mark.parametrize("ahead", [1, 3, 20])
def test_prefetching_changes_when_not_what(ahead):
    fnn.manual_seed(0)
    plain = [b.tolist() for b in DataLoader(Numbers(), 2, shuffle=True)]
    fnn.manual_seed(0)
    assert [b.tolist() for b in DataLoader(Numbers(), 2, shuffle=True, prefetch_to_device=ahead)] == plain


def test_prefetching_raises_an_error_in_its_turn():
    class Hole(Numbers):
        def __getitem__(self, index):
            return 1 // (index - 2)

    batches = iter(DataLoader(Hole(4), prefetch_to_device=3))
    assert [next(batches).tolist(), next(batches).tolist()] == [[-1], [-1]]
    with pytest.raises(ZeroDivisionError):
        next(batches)
    assert next(batches).tolist() == [1]


# -- arrays in memory ---------------------------------------------------------------------------------


class Slow(Dataset):
    """The same samples, one by one."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return self.dataset[index]


def _rows(dtype, *shape):
    return (np.arange(7 * int(np.prod(shape))) % 5).reshape(7, *shape).astype(dtype)


@pytest.mark.parametrize(
    "tensors",
    [
        (_rows(np.float32, 2, 3), _rows(np.int64)),
        (_rows(np.uint8, 2), _rows(bool), _rows(np.complex64), _rows(np.float16)),
        (_rows(jnp.bfloat16, 2), _rows(np.float64)),
        (jnp.arange(14.0).reshape(7, 2), np.arange(7)),
        (np.asfortranarray(_rows(np.float32, 3, 2)), _rows(np.int16)[::-1]),
    ],
    ids=lambda tensors: "-".join(str(t.dtype) for t in tensors),
)
@pytest.mark.parametrize("subset", [None, [6, 0, 3, -2]])
@pytest.mark.parametrize("device", [None, "host"])
def test_whole_batches_of_arrays_are_those_made_one_by_one(tensors, subset, device):
    dataset = TensorDataset(*tensors)
    if subset is not None:
        dataset = Subset(Subset(dataset, [0, 1, 2, 3, 4, 5, 6]), subset)
    for order in ([2, -1, 0, 0], [np.int64(1), 3]):
        (ours,) = DataLoader(dataset, batch_sampler=[order], device=device)
        (theirs,) = DataLoader(Slow(dataset), batch_sampler=[order], device=device)
        assert type(ours) is type(theirs) is list
        for a, b in zip(ours, theirs, strict=True):
            assert type(a) is type(b) and a.dtype == b.dtype
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_rows_out_of_range():
    for dataset in (TensorDataset(np.arange(3)), Subset(TensorDataset(np.arange(3)), [0])):
        with pytest.raises(IndexError):
            list(DataLoader(dataset, batch_sampler=[[0, 3]]))


def test_rows_of_an_array_on_an_accelerator_stay_there(monkeypatch):
    dataset = Subset(TensorDataset(jnp.arange(14.0).reshape(7, 2)), [6, 0, 3, -2])
    take = _fetch.rows_of(dataset, on_device=True)
    monkeypatch.setattr(_fetch, "_is_on_accelerator", lambda array: True)
    there = _fetch.rows_of(dataset, on_device=True)
    (ours,), (theirs,) = there([0, 3, -4]), take([0, 3, -4])
    assert isinstance(ours, jax.Array) and type(theirs) is np.ndarray
    np.testing.assert_array_equal(np.asarray(ours), theirs)
    with pytest.raises(IndexError):
        _fetch._gather(jnp.arange(3), np.array([3]))


def test_a_subclass_of_tensor_dataset_is_asked_for_its_samples():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return super().__getitem__(index)[0] * 2

    (batch,) = DataLoader(Doubled(np.arange(3)), 3)
    assert batch.tolist() == [0, 2, 4]


# -- other ways to use it -----------------------------------------------------------------------------


def test_two_iterations_at_once_do_not_meet():
    fnn.manual_seed(0)
    loader = DataLoader(Numbers(8), 2, shuffle=True)
    pairs = [(a.tolist(), b.tolist()) for a, b in zip(loader, loader, strict=True)]
    for side in range(2):
        assert sorted(x for pair in pairs for x in pair[side]) == list(range(8))


def test_an_iterator_stays_at_its_end():
    batches = iter(DataLoader(Numbers(2)))
    assert len(list(batches)) == 2 and list(batches) == []
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        pickle.dumps(batches)


def test_a_loader_can_be_pickled():
    fnn.manual_seed(0)
    loader = DataLoader(TensorDataset(np.arange(5)), 2, shuffle=True, generator=Generator().manual_seed(4))
    copy = pickle.loads(pickle.dumps(loader))
    assert [b[0].tolist() for b in copy] == [b[0].tolist() for b in loader]


def test_subclasses():
    class Mine(DataLoader):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.extra = 1

    loader = Mine(Numbers(2))
    with pytest.raises(ValueError, match="batch_size attribute should not be set after Mine is initialized"):
        loader.batch_size = 3
    assert len(list(loader)) == 2


def test_more_workers_than_processors_is_a_warning(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    with pytest.warns(UserWarning, match="will create 3 worker processes in total. Our suggested max number of worker"):
        DataLoader(Numbers(), num_workers=3, multiprocessing_context="spawn")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DataLoader(Numbers(), num_workers=2, multiprocessing_context="spawn")


def test_collating_nothing_is_an_error_either_way():
    for dataset in (TensorDataset(np.arange(3)), Slow(TensorDataset(np.arange(3)))):
        with pytest.raises(IndexError):
            list(DataLoader(dataset, batch_sampler=[[]], collate_fn=default_collate))
