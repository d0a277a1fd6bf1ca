"""ArrayLoader against torch.utils.data.DataLoader."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import random
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.utils.data import ArrayLoader


@pytest.mark.parametrize("n", [1, 7, 23, 40])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("own_generator", [False, True])
def test_the_order_is_pytorchs(n, shuffle, own_generator):
    torch = pytest.importorskip("torch")
    data = np.arange(n)
    theirs_generator = torch.Generator().manual_seed(5) if own_generator else None
    ours_generator = random.Generator().manual_seed(5) if own_generator else None
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(data))
    theirs = torch.utils.data.DataLoader(dataset, batch_size=5, shuffle=shuffle, generator=theirs_generator)
    ours = ArrayLoader(data, batch_size=5, shuffle=shuffle, generator=ours_generator)
    torch.manual_seed(3)
    random.manual_seed(3)
    for _ in range(3):  # every epoch, and what is drawn between them
        assert [batch.tolist() for batch in ours] == [batch.tolist() for (batch,) in theirs]
        assert random.default_generator.uniform((2,)).tolist() == torch.rand(2).tolist()


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_the_last_batch(drop_last, sizes):
    loader = ArrayLoader(np.arange(10), batch_size=4, drop_last=drop_last)
    batches = list(loader)
    assert [len(batch) for batch in batches] == sizes and len(loader) == len(sizes)
    assert np.concatenate(batches).tolist() == list(range(sum(sizes)))


def test_rows_stay_together_and_kinds_stay():
    x, y = np.arange(12.0).reshape(6, 2), jnp.arange(6)
    for rows, labels in ArrayLoader(x, y, batch_size=4, shuffle=True):
        assert type(rows) is np.ndarray and isinstance(labels, jax.Array)
        np.testing.assert_array_equal(rows[:, 0], 2 * np.asarray(labels))


def test_two_iterations_at_once_do_not_meet():
    loader = ArrayLoader(np.arange(8), batch_size=3, shuffle=True)
    pairs = list(zip(loader, loader, strict=True))
    for side in range(2):
        assert sorted(np.concatenate([pair[side] for pair in pairs])) == list(range(8))


def test_no_rows_no_batches():
    assert list(ArrayLoader(np.zeros((0, 3)), batch_size=2)) == []


@pytest.mark.parametrize(
    ("arrays", "kwargs", "error", "message"),
    [
        ([], {}, ArgumentError, r"the same first dimension, got shapes \[\]"),
        ([np.zeros(3), np.zeros(4)], {}, ArgumentError, r"got shapes \[\(3,\), \(4,\)\]"),
        ([np.float32(1)], {}, ArgumentError, r"got shapes \[\(\)\]"),
        ([[1, 2]], {}, ArgumentError, r"got shapes \['list'\]"),
        (
            [np.zeros(3)],
            {"batch_size": 0},
            ArgumentError,
            "batch_size should be a positive integer value, got batch_size=0",
        ),
        ([np.zeros(3)], {"batch_size": 2.0}, ArgumentError, "got batch_size=2.0"),
        (
            [np.zeros(3)],
            {"generator": 3},
            ArgumentTypeError,
            "expected a fnn.random.Generator or None, got generator=3",
        ),
    ],
)
def test_bad_arguments(arrays, kwargs, error, message):
    with pytest.raises(error, match=message):
        ArrayLoader(*arrays, **kwargs)
