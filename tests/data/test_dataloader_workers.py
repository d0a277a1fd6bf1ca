"""DataLoader with worker processes.

This module imports JAX, and its datasets assert that the workers do not: they get the classes by value.
"""

import dataclasses
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import random as draw_one

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.host_random import default_generator
from fnn.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, _processes, get_worker_info

pytestmark = pytest.mark.skipif(not _processes.HAS_ZYGOTE, reason="needs fork and descriptor passing")

CONSTANT = jnp.arange(3.0)  # at the top of a module, as in users' scripts


class Pure(Dataset):
    """Loads without JAX."""

    def __init__(self, n=8):
        self.n = n
        self.weight, self.dtype, self.convert = nn.Parameter(jnp.ones(2)), jnp.float32, jnp.asarray  # not called there

    def __len__(self):
        return self.n

    def __getitem__(self, index) -> "jax.Array | None":
        assert "jax" not in sys.modules, "the worker has imported JAX"
        assert type(self.weight) is type(CONSTANT) is np.ndarray and self.dtype is np.float32
        return self.value(index)

    def value(self, index):
        return np.float32(index) + CONSTANT


class Draws(Pure):
    def value(self, index):
        info = get_worker_info()
        numbers = default_generator.uniform((1,)).item(), draw_one(), np.random.rand()
        return index, info.id, info.num_workers, info.seed, info.dataset is self, *numbers


def values(loader):
    return [np.asarray(batch).tolist() for batch in loader]


@pytest.mark.parametrize(
    "kwargs", [{}, {"prefetch_factor": 1}, {"prefetch_to_device": 2}, {"batch_size": None}], ids=str
)
def test_batches_and_draws_are_those_without_workers(kwargs):
    found = []
    for workers in (0, 2):
        given = {"batch_size": 3, "shuffle": True, **kwargs, "num_workers": workers}
        if workers == 0:
            given.pop("prefetch_factor", None)
        fnn.manual_seed(1)
        loader = DataLoader(range(10), **given)
        found.append([values(loader), values(loader), fnn.rand(2).tolist()])
    assert found[0] == found[1]


def test_an_array_in_shared_memory_is_not_used_again_while_it_is_held():
    loader = DataLoader(TensorDataset(np.arange(40_000.0, dtype=np.float32).reshape(40, 1000)), 2, num_workers=1)
    kept = [batch[0] for batch in loader]  # 8000 bytes each, taken over by JAX without a copy
    assert np.concatenate([np.asarray(b) for b in kept]).ravel().tolist() == list(range(40_000))
    views = [np.asarray(b)[1:, ::7] for (b,) in DataLoader(loader.dataset, 2, num_workers=1, device="host")]
    assert [float(v[0, 0]) for v in views] == [1000.0 * n for n in range(1, 40, 2)]


def test_seeds_are_pytorchs():
    fnn.manual_seed(0)
    rows = [sample for batch in DataLoader(Draws(), 2, num_workers=2, collate_fn=list) for sample in batch]
    base = rows[0][3]
    assert [row[:5] for row in rows] == [(i, i // 2 % 2, 2, base + i // 2 % 2, True) for i in range(8)]
    for worker in range(2):
        theirs = random.Random(base + worker)
        ours = fnn.Generator().manual_seed(base + worker)
        draws = [row[5:] for row in rows if row[1] == worker]
        assert [d[1] for d in draws] == [theirs.random() for _ in draws]
        assert [d[0] for d in draws] == [ours.uniform((1,)).item() for _ in draws]
        torch_worker = pytest.importorskip("torch.utils.data._utils.worker")
        numpy = np.random.RandomState(torch_worker._generate_state(base, worker))
        assert [d[2] for d in draws] == [numpy.rand() for _ in draws]
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    assert base == torch.empty((), dtype=torch.int64).random_().item()


@dataclasses.dataclass
class Batch:
    x: np.ndarray
    n: int


def test_classes_of_the_users_modules_come_back_as_themselves():
    loader = DataLoader(Pure(4), 2, num_workers=2, collate_fn=lambda samples: Batch(np.stack(samples), len(samples)))
    for batch in loader:
        assert type(batch) is Batch and batch.n == 2 and type(batch.x) is np.ndarray


class Part(IterableDataset):
    """Worker w gives 100 w, 100 w + 1, ...; fewer of them the higher w is."""

    def __init__(self, counts=(5, 2, 3)):
        self.counts = counts

    def __iter__(self):
        info = get_worker_info()
        return iter(range(100 * info.id, 100 * info.id + self.counts[info.id]))


def test_a_stream_takes_turns_and_skips_those_that_have_ended():
    batches = values(DataLoader(Part((5, 2)), 2, num_workers=2))
    assert batches == [[0, 1], [100, 101], [2, 3], [4]]
    assert values(DataLoader(Part((5, 0)), 2, num_workers=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert sorted(values(DataLoader(Part((3, 1)), None, num_workers=2, in_order=False))) == [0, 1, 2, 100]


def test_out_of_order_nobody_waits_for_a_slow_worker(tmp_path):
    gate = tmp_path / "open"

    class Gated(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            while index == 0 and not gate.exists():
                time.sleep(0.005)
            return index

    loader = DataLoader(Gated(), None, num_workers=2, in_order=False, prefetch_factor=1)
    order = []
    for sample in loader:
        order.append(int(sample))
        if len(order) == 5:
            gate.touch()
    assert order == [1, 2, 3, 4, 5, 0]


class Pid(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return os.getpid()


def test_persistent_workers_stay():
    loader = DataLoader(Pid(), 1, num_workers=1, persistent_workers=True)
    first, second, third = ({int(p[0]) for p in each} for each in (loader, loader, DataLoader(Pid(), num_workers=1)))
    assert first == second != third
    next(iter(loader))
    assert len(list(loader)) == 6  # what was left of the epoch before is not part of this one


def test_worker_init_fn_and_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FNN_TEST_VARIABLE", "seen")
    monkeypatch.chdir(tmp_path)

    def init(worker):
        get_worker_info().dataset.tag = f"{worker} {os.environ['FNN_TEST_VARIABLE']} {os.environ['JAX_PLATFORMS']}"

    class Tagged(Pid):
        def __getitem__(self, index):
            return self.tag, os.getcwd()

    first = next(iter(DataLoader(Tagged(), None, num_workers=1, worker_init_fn=init)))
    assert first == ["0 seen cpu", str(tmp_path)]


class OddError(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [(ValueError("bad"), ValueError), (KeyError("k"), KeyError), (OddError(1, "x"), RuntimeError)],
    ids=["ValueError", "KeyError", "two arguments"],
)
def test_an_exception_is_raised_again_with_its_traceback(raised, kind):
    class Bad(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            if index == 1:
                raise raised
            return index

    batches = iter(DataLoader(Bad(), None, num_workers=1))
    assert int(next(batches)) == 0
    with pytest.raises(kind) as error:
        next(batches)
    assert f"Caught {type(raised).__name__} in DataLoader worker process 0.\nOriginal Traceback" in str(error.value)
    assert "test_dataloader_workers.py" in str(error.value) and "raise raised" in str(error.value)
    assert int(next(batches)) == 2  # the worker goes on


def test_exceptions_of_worker_init_fn_and_of_opening_a_stream():
    def init(worker):
        raise LookupError("at the start")

    with pytest.raises(LookupError, match="Caught LookupError in DataLoader worker process 0"):
        list(DataLoader(Pid(), num_workers=1, worker_init_fn=init))
    with pytest.raises(IndexError, match="tuple index out of range"):
        list(DataLoader(Part(()), num_workers=1))


class Sleeps(Dataset):
    """The first sample at once, the others never."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index:
            time.sleep(600)
        return os.getpid()


def test_a_killed_worker_is_an_error_at_once():
    batches = iter(DataLoader(Sleeps(), None, num_workers=2))
    pid = int(next(batches))
    os.kill(pid, signal.SIGKILL)
    story = rf"pid\(s\) {pid}\) exited unexpectedly: worker 0 .* Killed \(SIGKILL\).*memory"
    with pytest.raises(RuntimeError, match=story):
        next(batches)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):  # and stays one
        next(batches)


def test_a_worker_that_exits_is_an_error():
    class Exits(Pid):
        def __getitem__(self, index):
            sys.exit(3)

    with pytest.raises(RuntimeError, match=r"worker 0 .* ended with exit code 3"):
        list(DataLoader(Exits(), num_workers=1))


def test_the_helper_process_may_die():
    batches = iter(DataLoader(Sleeps(), None, num_workers=1))
    next(batches)
    os.kill(_processes._zygote.process.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        next(batches)
    assert len(list(DataLoader(Pid(), num_workers=1))) == 6  # another one is started


def test_timeout():
    batches = iter(DataLoader(Sleeps(), None, num_workers=1, timeout=0.2))
    next(batches)
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.2 seconds"):
        next(batches)


def _gone(pid, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_an_abandoned_iteration_lets_go_of_its_workers():
    pids = []
    for pid in DataLoader(Pid(), 1, num_workers=2):
        pids.append(int(pid[0]))
        break
    assert _gone(pids[0])


PARENT = """
import os, signal, sys, time
import numpy as np
from fnn.utils.data import DataLoader, _processes

class Sleeps:  # of __main__, which has no guard
    def __len__(self):
        return 4
    def __getitem__(self, index):
        if index:
            time.sleep(600)
        return np.full(10_000, os.getpid())

batches = iter(DataLoader(Sleeps(), None, num_workers=1, device="host", multiprocessing_context=CONTEXT))
pids = [int(next(batches)[0])]
assert "jax" not in sys.modules
print(*pids, *([_processes._zygote.process.pid] if _processes._zygote else []), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("context", [None, "spawn"])
def test_nothing_survives_a_parent_that_is_killed(context):
    before = set(os.listdir("/dev/shm")) if Path("/dev/shm").exists() else set()
    script = PARENT.replace("CONTEXT", repr(context))
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    for pid in map(int, done.stdout.split()):
        assert _gone(pid)
    if before:
        assert set(os.listdir("/dev/shm")) <= before


def test_no_module_that_a_worker_imports_needs_jax():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['jax', 'jaxlib', 'torch']));"
        "from fnn.utils.data import DataLoader, TensorDataset, random_split, _multi, _zygote;"
        "print([int(b[1]) for b in DataLoader(range(4), 2, device='host')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[1, 3]\n", done.stderr


def test_a_dataset_that_uses_jax_after_all_gets_the_cpu():
    class Uses(Pid):
        def __init__(self):
            self.key = jax.random.key(3)

        def __getitem__(self, index):
            return jax.random.uniform(self.key), jax.default_backend()

    number, backend = next(iter(DataLoader(Uses(), None, num_workers=1)))
    assert float(number) == float(jax.random.uniform(jax.random.key(3))) and backend == "cpu"


def test_a_loader_inside_a_worker():
    class Nested(Pid):
        def __init__(self, workers):
            self.workers = workers

        def __getitem__(self, index):
            return [batch.tolist() for batch in DataLoader(np.arange(3), 2, num_workers=self.workers)]

    assert next(iter(DataLoader(Nested(0), None, num_workers=1, collate_fn=list))) == [[0, 1], [2]]
    with pytest.raises(AssertionError, match="daemonic processes are not allowed to have children"):
        list(DataLoader(Nested(1), None, num_workers=1))


def test_what_cannot_be_sent():
    dataset = Pid()
    dataset.lock = threading.Lock()
    with pytest.raises(TypeError, match=r"cannot be sent to worker processes: TypeError: cannot pickle '_thread.lock'"):
        iter(DataLoader(dataset, num_workers=1))


def test_without_cloudpickle(monkeypatch):
    from fnn.utils.data import _pickling

    monkeypatch.setattr(_pickling, "_cloud_pickler", lambda: None)
    assert len(list(DataLoader(range(3), num_workers=1))) == 3
    with pytest.raises(ImportError, match=r"pip install fnn\[data\]"):
        iter(DataLoader(range(3), num_workers=1, collate_fn=lambda samples: samples))


def test_a_memory_map_travels_as_its_file(tmp_path):
    rows = np.arange(30.0).reshape(10, 3)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")[2:]

    class Mapped(Dataset):
        def __len__(self):
            return len(mapped)

        def __getitem__(self, index):
            assert isinstance(mapped, np.memmap)
            return mapped[index]

    batches = list(DataLoader(Mapped(), 4, num_workers=1, device="host"))
    np.testing.assert_array_equal(np.concatenate(batches), rows[2:])


def test_changes_to_the_dataset_arrive_with_the_next_epoch():
    data = np.zeros((4, 10_000))
    loader = DataLoader(TensorDataset(data), 4, num_workers=1)
    for value in range(3):
        data[:] = value
        ((batch,),) = loader
        assert float(batch.min()) == float(batch.max()) == value
