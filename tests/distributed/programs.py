"""Programs on several devices, each run in a process of its own: ``python -m tests.distributed.programs NAME ...``.

A difference or an error is an ordinary exception.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

os.environ["JAX_NUM_CPU_DEVICES"] = os.environ.get("JAX_NUM_CPU_DEVICES", "8")
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

import fnn
from fnn import nn
from fnn.distributed.checkpoint import state_dict as states
from fnn.nn import functional as F
from fnn.utils.data import DataLoader, DistributedSampler, TensorDataset
from tests import extent
from tests.distributed.models import MODELS, Tied, classified

fnn.distributed.init()
RNG = np.random.default_rng(0)
distribute, make_mesh = fnn.distributed.distribute, fnn.distributed.mesh


def small() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 8), nn.Dropout(0.2))


def trained(
    make: Callable[[], nn.Module],
    batches: list[Any],
    mesh: Any = None,
    rule: Any = None,
    style: str = "grad",
    loss: Callable[..., jax.Array] = classified,
) -> tuple[list[float], dict[str, np.ndarray], nn.Module, Any, Any]:
    """Losses and the state after some steps.

    ``style``: "grad" makes the optimizer after `distribute` and calls value_and_grad, "backward" neither.
    """
    fnn.manual_seed(0)
    model = make()

    def made() -> Any:
        return fnn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    optimizer = made() if style == "backward" else None
    if mesh is not None:
        distribute(model, mesh, rule)
    optimizer = optimizer or made()

    @fnn.jit
    def step(*batch: Any) -> jax.Array:
        if style == "backward":
            optimizer.zero_grad()
            value = loss(model, *batch)
            fnn.backward(value)
            optimizer.step()
            return value
        value, grads = fnn.value_and_grad(lambda model: loss(model, *batch))(model)
        optimizer.step(grads)
        return value

    losses = [float(step(*batch)) for batch in batches]
    return losses, fnn.distributed.gather(model.state_dict()), model, optimizer, step


def close(got: Any, want: Any, what: str) -> None:
    for key in want if isinstance(want, dict) else range(len(want)):
        np.testing.assert_allclose(
            got[key], want[key], rtol=1e-5, atol=1e-5 * float(np.abs(want[key]).max()), err_msg=f"{what} {key}"
        )


def traffic(*names: str) -> None:
    """FSDP gathers weights and reduces gradients, at any batch size; nothing else moves."""
    for name in names:
        entry, volumes = MODELS[name], set[int]()
        for rows in (8, 64, 512, 4096) if extent.ALL else (8, 4096):
            *_, model, _, step = trained(entry.make, [], make_mesh(), "fsdp", loss=entry.loss)
            weights = {tuple(p.shape) for p in model.parameters()}
            found = fnn.explain.transfers(step, *entry.draw(RNG, rows))
            gathered = {t.shape for t in found if t.kind == "all-gather"}
            assert gathered and gathered <= weights, (name, rows, gathered - weights)
            assert {t.kind for t in found} <= {"all-gather", "all-reduce", "reduce-scatter"}, (name, rows, found)
            # Gradients, maybe in the form of a product of matrices, those of convolutions maybe for a part of the
            # kernel: a row, a place, or the 2 x 2 of 3 x 3 places that an image of 2 x 2 meets; the loss; the moments
            # of BatchNorm.
            reduced = {math.prod(t.shape) for t in found if t.kind != "all-gather"}
            cut = (itertools.product(*(range(1, n + 1) for n in w[2:])) for w in weights)
            places = {math.prod(w[:2]) * math.prod(k) for w, kernels in zip(weights, cut, strict=True) for k in kernels}
            known = {1, *map(math.prod, weights), *places, *(b.size for b in model.buffers())}
            assert reduced <= known, (name, rows, found)
            volumes.add(sum(t.bytes for t in found))
        assert max(volumes) <= 1.1 * min(volumes), (name, volumes)  # whatever the batch


class Deep(nn.Sequential):
    """Blocks, each computed again in the backward pass if ``again``."""

    def __init__(self, depth: int, again: bool) -> None:
        super().__init__(*(nn.Sequential(nn.Linear(256, 256), nn.ReLU()) for _ in range(depth)))
        self.again = again

    def forward(self, input: jax.Array) -> jax.Array:
        for block in self:
            input = fnn.checkpoint(block)(input) if self.again else block(input)
        return input


def memory() -> None:
    """What a step needs on a device falls with the number of devices as the formula says.

    Between two steps it is the device's share of parameters, gradients and the optimizer's moments. Within a step come
    at most three arrays of a block's size, however many blocks there are: a weight that is gathered, its whole
    gradient, and under `fnn.checkpoint` that of the block before, which is being added up; and the activations that the
    backward pass waits for: of each block its input, and without `fnn.checkpoint` what ReLU got.  ``held``: gradients
    stay in the parameters between two steps.
    """
    x, block = np.ones((8, 256), np.float32), 4 * (256 * 256 + 256)
    optimizers = {"sgd": (0, lambda p: fnn.optim.SGD(p, lr=0.1)), "adam": (2, fnn.optim.Adam)}
    cases = [(2, 8, "sgd", True, True), (8, 8, "adam", True, False), (8, 4, "adam", False, True)]
    if extent.ALL:
        sizes, both = [(2, 8), (4, 8), (8, 8), (8, 4), (8, 16)], (True, False)
        cases = [(*size, name, again, held) for size in sizes for name in optimizers for again in both for held in both]
    for count, depth, name, again, held in cases:
        mesh, (moments, make) = make_mesh(jax.devices()[:count], data=count), optimizers[name]
        factory = functools.partial(Deep, depth, again)
        model = distribute(factory, mesh, "fsdp", init="device")
        optimizer = make(model.parameters())

        def backwards(x: Any, model: Any = model, optimizer: Any = optimizer) -> jax.Array:
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            fnn.backward(loss)
            optimizer.step()
            return loss

        def handed(x: Any, model: Any = model, optimizer: Any = optimizer) -> jax.Array:
            loss, grads = fnn.value_and_grad(lambda model: (model(x) ** 2).mean())(model)
            optimizer.step(grads)
            return loss

        found: Any = fnn.jit(backwards if held else handed).lower(x).compile().memory_analysis()
        kept = found.argument_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes - x.nbytes // count
        plan = fnn.distributed.plan(factory, mesh, "fsdp")
        want = plan.training_bytes_per_device(moments) - (not held) * plan.bytes_per_device
        assert abs(kept - want) < 0.15 * want, (name, count, depth, kept, want)
        peak, most = kept + found.temp_size_in_bytes, want + 3 * block + depth * (1 if again else 2) * x.nbytes // count
        text = f"{name}, {depth} blocks, {count} devices, {again=}, {held=}: {peak / block:.2f} of {most / block:.2f}"
        assert peak < 1.15 * most, text
        print(text, flush=True)


def moved() -> None:
    """A step that is compiled anew, since arrays are elsewhere after it, draws no other numbers."""
    losses, batch = [], RNG.standard_normal((16, 16)).astype(np.float32)
    for mesh in (None, make_mesh()):
        fnn.manual_seed(0)
        model = nn.Sequential(nn.Linear(16, 32), nn.Dropout(0.2), nn.Linear(32, 8))
        if mesh is not None:
            distribute(model, mesh, "fsdp")
        optimizer = fnn.optim.SGD(model.parameters(), lr=0.1)
        averaged = fnn.optim.swa_utils.AveragedModel(model)  # its count is an array of one device, at first

        @fnn.jit
        def step(x: Any, y: Any, model: Any = model, optimizer: Any = optimizer, averaged: Any = averaged) -> Any:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            fnn.backward(loss)
            optimizer.step()
            averaged.update_parameters(model)
            return loss

        losses.append([float(step(batch, np.arange(16, dtype=np.int32) % 8)) for _ in range(3)])
    close(losses[1], losses[0], "losses")


def alone() -> None:
    """On a mesh of one device a step is compiled to what it is without a mesh."""
    for name in MODELS if extent.ALL else ("gpt",):
        entry = MODELS[name]
        found = []
        for mesh in (None, make_mesh(jax.devices()[:1], data=1)):
            *_, step = trained(entry.make, [], mesh, "fsdp", loss=entry.loss)
            text = step.lower(*entry.draw(RNG, 8)).compile().as_text()
            found.append(Counter(re.findall(r" = \S+ ([a-z\-]+)\(", text)))
        assert found[0] == found[1], (name, found[0] - found[1], found[1] - found[0])


def files() -> None:
    """A checkpoint of one mesh on others, bit-equal; with torch; and what an interrupted save leaves."""
    make, batches = MODELS["tied"].make, [MODELS["tied"].draw(RNG, 16)]
    *_, model, optimizer, _ = trained(make, batches, make_mesh(data=4, model=2), MODELS["tied"].matrices)
    folder = os.path.join(tempfile.mkdtemp(), "checkpoint")
    whole = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    fnn.distributed.save_sharded(whole, folder, 1500)
    assert len([name for name in os.listdir(folder) if name.endswith(".safetensors")]) > 1
    want = fnn.distributed.gather(whole)
    for mesh, rule in ((None, None), (make_mesh(), "fsdp"), (make_mesh(model=-1), {"*": "column"})):
        state = fnn.distributed.load_sharded(folder)
        assert state["epoch"] == 3
        *_, other, again, step = trained(make, [], mesh, rule)
        other.load_state_dict(state["model"])
        again.load_state_dict(state["optimizer"])
        got = fnn.distributed.gather({"model": other.state_dict(), "optimizer": again.state_dict(), "epoch": 3})
        jax.tree.map(np.testing.assert_array_equal, got, want)
        for p in other.parameters():
            moment = again.state[p]["momentum_buffer"].data
            assert mesh is None or moment.sharding.is_equivalent_to(p.data.sharding, p.ndim), (rule, moment.sharding)
        if rule == "fsdp":
            step(*batches[0])
    try:
        from safetensors.torch import load_file
    except ImportError:  # without PyTorch
        from safetensors.numpy import load_file
    for name in os.listdir(folder):
        if name.endswith(".safetensors"):
            for key, tensor in load_file(os.path.join(folder, name)).items():
                if key.startswith("model."):
                    np.testing.assert_array_equal(np.asarray(tensor), want["model"][key.removeprefix("model.")])
    # between the two renames of a save
    os.rename(folder, os.path.join(os.path.dirname(folder), ".checkpoint.before"))
    assert fnn.distributed.load_sharded(folder)["epoch"] == 3
    fnn.distributed.save_sharded({"epoch": jnp.ones(2)}, folder)
    assert sorted(os.listdir(os.path.dirname(folder))) == ["checkpoint"]


def background() -> None:
    """A save in the background holds what was there when it began, whatever the next steps do, and tells its errors."""
    entry = MODELS["mlp"]
    batches = [entry.draw(RNG, 16) for _ in range(2)]
    *_, model, optimizer, step = trained(entry.make, batches[:1], make_mesh(), "fsdp")
    folder = os.path.join(tempfile.mkdtemp(), "checkpoint")
    loader = DataLoader(TensorDataset(*batches[0]), 4, shuffle=True, mesh=make_mesh())
    rest = iter(loader)
    next(rest)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "loader": loader.state_dict()}
    want = fnn.distributed.gather(state)
    saving = fnn.distributed.save_sharded(state, folder, background=True)
    step(*batches[1])  # donates the arrays that are being saved
    fnn.distributed.save_sharded({"w": jnp.ones(2)}, folder + "-next")  # waits for the one before
    assert saving.done
    found = fnn.distributed.load_sharded(folder)
    for got, expected in zip(
        jax.tree.leaves(found), jax.tree.leaves(want | {"model": dict(want["model"])}), strict=True
    ):
        np.testing.assert_array_equal(got, expected)
    again = DataLoader(TensorDataset(*batches[0]), 4, shuffle=True, mesh=make_mesh())
    again.load_state_dict(found["loader"])
    for ours, theirs in zip(again, rest, strict=True):
        jax.tree.map(np.testing.assert_array_equal, ours, theirs)

    here = os.path.join(tempfile.mkdtemp(), "file", "checkpoint")
    for ask in (lambda saving: saving.wait(), lambda saving: fnn.distributed.save_sharded({"w": jnp.ones(2)}, folder)):
        with open(os.path.dirname(here), "w"):  # where a folder should be
            saving = fnn.distributed.save_sharded({"w": jnp.ones(2)}, here, background=True)
        try:
            ask(saving)
        except OSError as error:
            assert "file" in str(error), error
        else:
            raise AssertionError("an error of a save is not lost")


def orbax() -> None:
    """Orbax's format, if it is installed: bit-equal, on another mesh, keys and all."""
    if importlib.util.find_spec("orbax") is None:
        return
    entry = MODELS["mlp"]
    *_, model, optimizer, _ = trained(entry.make, [entry.draw(RNG, 16)], make_mesh(), "fsdp")
    folder = os.path.join(tempfile.mkdtemp(), "checkpoint")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    fnn.distributed.save_orbax(state, folder)
    *_, other, again, _ = trained(entry.make, [entry.draw(RNG, 16)], make_mesh(data=4, model=2), entry.matrices)
    found = fnn.distributed.load_orbax(
        folder, {"model": other.state_dict(), "optimizer": again.state_dict(), "epoch": 0}
    )
    assert (
        found["epoch"] == 3
        and found["model"]["0.weight"].sharding.spec == cast(Any, other)[0].weight.data.sharding.spec
    )
    other.load_state_dict(found["model"])
    again.load_state_dict(found["optimizer"])
    got = fnn.distributed.gather({"model": other.state_dict(), "optimizer": again.state_dict()})
    want = fnn.distributed.gather({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    jax.tree.map(np.testing.assert_array_equal, got, want)


def births() -> None:
    """A model born on its devices: the same numbers on every mesh, no device with more than its part."""

    class Net(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(512, 1024), nn.BatchNorm1d(1024), nn.Linear(1024, 512))
            self.scale = jnp.arange(512.0) / 512  # an array that is neither parameter nor buffer
            nn.init.xavier_uniform_(self[0].weight)

        def forward(self, input: jax.Array) -> jax.Array:
            return super().forward(input) * self.scale

    model: Any = None
    sums = []
    both = {"0": ("column", "fsdp"), "2": ("row", "fsdp")}
    cases = [(make_mesh(), "fsdp"), (make_mesh(data=4, model=2), both), (make_mesh(data=1, model=8), None)]
    for mesh, rule in cases[: 3 if extent.ALL else 2][::-1]:
        fnn.manual_seed(0)
        model = distribute(lambda: Net(), mesh, rule, init="device")
        sums.append(fnn.distributed.gather(model.state_dict())["0.weight"])
        assert isinstance(model.scale, jax.Array) and float(model.scale[256]) == 0.5
    for other in sums[1:]:
        np.testing.assert_array_equal(sums[0], other)
    weight = model[0].weight.data
    assert tuple(weight.sharding.spec) == ("data", None) and weight.addressable_data(0).size * 8 == weight.size
    bound = (6 / (512 + 1024)) ** 0.5
    assert abs(float(jnp.abs(weight).max()) - bound) < 0.01 * bound


class Attention(nn.Module):
    """Causal attention of two heads, with half of the steps as keys per device or fewer."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(16, 48)

    def forward(self, x: jax.Array) -> jax.Array:
        q, k, v = (part.reshape(*x.shape[:2], 2, 8).swapaxes(1, 2) for part in jnp.split(self.project(x), 3, axis=-1))
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def sequences() -> None:
    """Attention under a mesh that splits the steps; keys, values and their gradients move, scores never."""
    x = RNG.standard_normal((4, 12, 16)).astype(np.float32)
    found = []
    for mesh in (None, make_mesh(data=2, sequence=4)):
        fnn.manual_seed(0)
        model = Attention() if mesh is None else distribute(Attention(), mesh)

        @fnn.jit
        def step(x: Any, model: Any = model) -> Any:
            return fnn.value_and_grad(lambda model: (model(x) ** 2).sum())(model)

        found.append(fnn.distributed.gather(step(x)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), *found)
    shapes = [t.shape for t in fnn.explain.transfers(step, x) if len(t.shape) == 4]
    assert shapes and all(8 in shape[-2:] for shape in shapes), shapes  # features of heads, not the 12 steps of scores


def loaders() -> None:
    """Batches on a mesh as without one, workers or not, and a position to resume."""
    data = TensorDataset(np.arange(44 * 3, dtype=np.float32).reshape(44, 3), np.arange(44, dtype=np.int32))
    fnn.manual_seed(0)
    want = [[np.asarray(a) for a in batch] for batch in DataLoader(data, 16, shuffle=True)]
    for workers in (0, 1):
        fnn.manual_seed(0)
        loader = DataLoader(data, 16, shuffle=True, num_workers=workers, mesh=make_mesh())
        got = list(loader)
        for ours, theirs in zip(got, want, strict=True):
            jax.tree.map(np.testing.assert_array_equal, ours, theirs)
        assert [x.sharding.spec for x, _ in got] == [P("data"), P("data"), P()]


def messages() -> None:
    """The text of every error."""
    mesh, flat = make_mesh(data=4, model=2), make_mesh()

    def refused(text: str, call: Callable[[], object]) -> None:
        try:
            call()
        except (ValueError, TypeError) as error:
            assert text in str(error), f"expected {text!r} in {error}"
        else:
            raise AssertionError(f"expected {text!r}")

    refused("8 devices cannot be arranged as (data=3)", lambda: make_mesh(data=3))
    refused("only one axis can be -1, got data and model", lambda: make_mesh(data=-1, model=-1))
    refused("got data=0", lambda: make_mesh(data=0))
    refused("matches no parameter; near names: embed.weight", lambda: distribute(Tied(), mesh, {"embd.weight": "row"}))
    refused("unknown rule 'fdsp'", lambda: distribute(Tied(), mesh, "fdsp"))
    refused("did you mean 'fsdp'?", lambda: distribute(Tied(), mesh, {"*": "fdsp"}))
    refused(
        'needs an axis "model" or "tensor" or "tp"; the mesh has (\'data\',)', lambda: distribute(Tied(), flat, "row")
    )
    refused("the mesh has no axis 'modle'", lambda: distribute(Tied(), mesh, {"fc": P("modle")}))
    refused("more entries than the shape (16,)", lambda: distribute(Tied(), mesh, {"fc.bias": P(None, "model")}))
    refused("is not initialised yet", lambda: distribute(nn.LazyLinear(3), mesh))
    refused("expected a Module or a function, got int", lambda: distribute(cast(Any, 3), mesh))
    refused("mesh must be a mesh", lambda: distribute(Tied(), cast(Any, 8)))
    explicit = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Explicit,))
    refused("must be of type Auto", lambda: distribute(Tied(), explicit))
    refused("the model is not distributed", lambda: fnn.distributed.distribution(Tied()))
    refused("mutually exclusive with device", lambda: DataLoader([1], mesh=mesh, device="cpu"))
    refused("use shuffle=True", lambda: DataLoader([1], sampler=DistributedSampler([1], 2, 0), mesh=mesh))
    refused(
        "reshard_after_forward must be a bool", lambda: distribute(Tied(), flat, reshard_after_forward=cast(Any, 1))
    )
    refused('init must be "host" or "device"', lambda: distribute(Tied(), flat, init="gpu"))
    refused('init="device" needs a function that makes', lambda: distribute(Tied(), flat, init="device"))
    refused("of several rules each is a name", lambda: distribute(Tied(), mesh, cast(Any, ("row", P("data")))))
    refused('the rule "expert" needs an axis "expert" or "ep"', lambda: distribute(Tied(), mesh, "expert"))
    refused("max_shard_size must be positive, got 0", lambda: fnn.distributed.save_sharded({}, "x", 0))
    refused("there is no model.safetensors.index.json", lambda: fnn.distributed.load_sharded(tempfile.mkdtemp()))
    refused("new_group: ranks must be all 1 processes, got [0, 1]", lambda: fnn.distributed.new_group([1, 0]))
    refused("gather: dst must be from 0 to 0, got 3", lambda: fnn.distributed.gather(jnp.ones(2), dst=3))
    refused("group must be None, all processes, got 3", lambda: fnn.distributed.get_rank(cast(Any, 3)))
    refused("op BAND needs an integer dtype", lambda: fnn.distributed.all_reduce(jnp.ones(2), "band"))
    for name, text in (("isend", "jax.lax.ppermute"), ("TCPStore", "broadcast_object_list"), ("reduc", "'reduce'")):
        try:
            getattr(fnn.distributed, name)
        except AttributeError as error:
            assert text in str(error), error
        else:
            raise AssertionError(name)
    refused("unknown op 'mean'", lambda: fnn.distributed.all_reduce(jnp.ones(2), "mean"))
    table = fnn.distributed.plan(nn.Linear(6, 5), mesh, {"weight": "row", "*": "fsdp"})
    assert [row.note for row in table.rows] == ["", "whole: 4 divides no dimension"], table
    assert "<td>weight</td>" in table._repr_html_() and "60 on" not in str(table)
    model = distribute(Tied(), mesh, lambda name, p: "row" if "embed" in name else None)
    assert "also head.weight" in str(fnn.distributed.distribution(model))
    assert model.embed.weight.data.sharding.spec == P("model", None)


def exchanges(rank: int, count: int) -> None:
    """PyTorch's exchanges of arrays and objects."""
    dist, last, ranks = fnn.distributed, count - 1, list(range(count))
    objects: list[Any] = [None] * count
    dist.all_gather_object(objects, {"rank": rank, "text": "x" * (rank + 1)})
    assert objects == [{"rank": r, "text": "x" * (r + 1)} for r in ranks]
    found: list[Any] | None = [None] * count if rank == last else None
    dist.gather_object(rank, found, dst=last, group=dist.new_group())
    assert found is None if rank != last else found == ranks
    words = ["a", rank]
    dist.broadcast_object_list(words, src=last)
    assert words == ["a", last]
    mine: list[Any] = [None]
    dist.scatter_object_list(mine, [f"part {r}" for r in ranks] if rank == 0 else None)
    assert mine == [f"part {rank}"]
    x = np.arange(2, dtype=np.int32) + rank
    total = dist.reduce(x, dst=last)
    np.testing.assert_array_equal(total, sum(np.arange(2) + r for r in ranks) if rank == last else x)
    every = dist.gather(x, dst=0)
    assert every is None if rank else [int(part[0]) for part in every] == ranks
    parts = [np.full(3, 10.0 + r, np.float32) for r in ranks] if rank == last else None
    np.testing.assert_array_equal(dist.scatter(np.zeros(3, np.float32), parts, src=last), np.full(3, 10.0 + rank))
    came = dist.all_to_all(None, [np.array([rank, r]) for r in ranks])
    assert [part.tolist() for part in came] == [[r, rank] for r in ranks]
    # process r sends r + 1 rows to the first and one to each of the others
    sizes = [rank + 1] + [1] * last
    rows = np.arange(sum(sizes), dtype=np.float32)[:, None] + 100 * rank
    want = [100 * r + np.arange(r + 1) if rank == 0 else np.array([100 * r + r + rank]) for r in ranks]
    got = dist.all_to_all_single(None, rows, [r + 1 if rank == 0 else 1 for r in ranks], sizes)
    np.testing.assert_array_equal(got, np.concatenate(want)[:, None])
    assert int(dist.all_reduce(np.array([1 << rank]), dist.ReduceOp.BOR)[0]) == (1 << count) - 1
    dist.barrier(device_ids=[rank])
    dist.monitored_barrier()


def first_process(rank: int) -> None:
    """What process 0 has read is what every process gets, and it alone gets what is to be written."""
    options = states.StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    model = distribute(small(), make_mesh(), "fsdp")
    optimizer = fnn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    arrays = {"0.weight": np.full((8, 16), 2.0, np.float32), "0.bias": np.arange(8, dtype=np.float32)}
    groups = [{**optimizer.state_dict()["param_groups"][0], "lr": 0.5, "params": ["0.bias", "0.weight"]}]
    moments = {name: {"momentum_buffer": value + 1} for name, value in arrays.items()}
    states.set_state_dict(
        model, optimizer, model_state_dict=arrays if rank == 0 else {},
        optim_state_dict={"state": moments, "param_groups": groups} if rank == 0 else {}, options=options,
    )  # fmt: skip
    assert optimizer.param_groups[0]["lr"] == 0.5
    options = states.StateDictOptions(full_state_dict=True, cpu_offload=True)
    found, state = states.get_state_dict(model, optimizer, options=options)
    assert bool(found) == bool(state) == (rank == 0)
    for name, value in arrays.items() if rank == 0 else ():
        np.testing.assert_array_equal(found[name], value)
        np.testing.assert_array_equal(state["state"][name]["momentum_buffer"], value + 1)


def job() -> None:
    """Part of a job of two processes; prints what all of them must agree on."""
    mesh, count = make_mesh(), fnn.distributed.process_count()
    data = TensorDataset(RNG.standard_normal((46, 16)).astype(np.float32), RNG.integers(0, 8, 46).astype(np.int32))
    fnn.manual_seed(0)
    loader = DataLoader(data, 16, shuffle=True, mesh=mesh)
    losses, state, model, optimizer, _ = trained(small, list(loader), mesh, "fsdp")
    state = dict(state)
    print("losses", *(f"{loss:.5f}" for loss in losses), f"{sum(float(np.abs(v).sum()) for v in state.values()):.3f}")
    folder = sys.argv[2]
    whole = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    fnn.distributed.save_sharded(whole, folder, background=True).wait()
    read = fnn.distributed.load_sharded(folder)
    jax.tree.map(np.testing.assert_array_equal, read["model"], state)
    model.load_state_dict(read["model"])
    optimizer.load_state_dict(read["optimizer"])
    jax.tree.map(np.testing.assert_array_equal, dict(fnn.distributed.gather(model.state_dict())), state)
    rank = fnn.distributed.get_rank()
    total = fnn.distributed.all_reduce(np.full(2, rank + 1.0, np.float32))
    assert (
        total[0] == (3 if count == 2 else 1) and fnn.distributed.broadcast(np.full(2, rank), count - 1)[0] == count - 1
    )
    every = fnn.distributed.all_gather(None, np.full(2, rank))
    assert [int(part[0]) for part in every] == list(range(count))
    share = fnn.distributed.reduce_scatter_tensor(None, np.arange(2.0 * count))
    np.testing.assert_array_equal(share, count * np.arange(2.0 * rank, 2.0 * rank + 2))
    moments = fnn.distributed.gather(optimizer.state_dict())
    if rank == 0:
        fnn.save({"model": state, "optimizer": moments}, f"{folder}.pt")
    fnn.distributed.barrier()
    read = fnn.load(f"{folder}.pt", map_location="cpu")
    model.load_state_dict(read["model"])
    optimizer.load_state_dict(read["optimizer"])
    jax.tree.map(np.testing.assert_array_equal, dict(fnn.distributed.gather(model.state_dict())), state)
    nn.init.constant_(model.get_parameter("0.bias"), 1.0)
    averaged = fnn.optim.swa_utils.AveragedModel(model)
    averaged.update_parameters(model)
    np.testing.assert_array_equal(fnn.distributed.gather(averaged.module.get_parameter("0.bias")), 1.0)
    exchanges(rank, count)
    first_process(rank)
    sampler = DistributedSampler(range(46), shuffle=False)
    batches = [x for x, _ in DataLoader(data, 4, sampler=sampler)]
    assert batches[0].shape == (4 * count, 16), batches[0].shape
    wrapped = nn.parallel.DistributedDataParallel(small())
    assert wrapped(batches[0]).shape == (4 * count, 8)
    if count > 1:
        fnn.manual_seed(rank)
        try:
            distribute(small(), mesh)
        except ValueError as error:
            assert "process 1 holds other values (0.weight) than process 0" in str(error), error
        else:
            raise AssertionError("different processes")


if __name__ == "__main__":
    run: dict[str, Callable[..., None]] = {
        f.__name__: f
        for f in (traffic, memory, moved, alone, births, sequences, files, background, orbax, loaders, messages)
    }
    if sys.argv[1] == "job":
        job()
    elif sys.argv[1] == "traffic":
        traffic(*sys.argv[2:])
    else:
        for chosen in sys.argv[1:]:
            print(chosen, round(time.process_time(), 1), flush=True)
            run[chosen]()
