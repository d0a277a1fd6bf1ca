"""PyTorch's names on eight devices: ``python -m tests.distributed.ported``.  A difference is an ordinary exception."""

from __future__ import annotations

import copy
import os
import tempfile
import warnings
from collections.abc import Callable
from typing import Any, cast

os.environ["JAX_NUM_CPU_DEVICES"] = os.environ.get("JAX_NUM_CPU_DEVICES", "8")
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np

import fnn
import fnn.distributed.checkpoint as dcp
from fnn import nn
from fnn.distributed import fsdp, init_device_mesh
from fnn.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    get_state_dict,
    set_state_dict,
)
from fnn.distributed.fsdp import FSDPModule, fully_shard
from fnn.distributed.tensor import Partial, Replicate, Shard
from fnn.distributed.tensor.parallel import (
    ColwiseParallel,
    PrepareModuleInput,
    PrepareModuleInputOutput,
    PrepareModuleOutput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)
from tests import extent


class Block(nn.Module):
    """A perceptron beside an identity."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(16), nn.Linear(16, 64), nn.Linear(64, 16)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: jax.Array, scale: Any = None) -> jax.Array:
        x = x + self.drop(self.down(jax.nn.relu(self.up(self.norm(x)))))
        return x if scale is None else x * scale


def net() -> Any:
    fnn.manual_seed(0)
    return nn.Sequential(Block(), nn.Linear(16, 8))


def trained(model: nn.Module) -> tuple[list[float], Callable[[], list[Any]]]:
    """The losses of two steps, and what tells the transfers of one."""
    optimizer = fnn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @fnn.jit
    def step(x: Any) -> jax.Array:
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        fnn.backward(loss)
        optimizer.step()
        return loss

    x = np.random.default_rng(0).standard_normal((16, 8, 16)).astype(np.float32)
    return [float(step(x)) for _ in range(2)], lambda: fnn.explain.transfers(step, x)


def refused(text: str, call: Callable[[], object], kind: type[Exception] = ValueError) -> None:
    try:
        call()
    except kind as error:
        assert text in str(error), f"expected {text!r} in {error}"
    else:
        raise AssertionError(f"expected {text!r}")


def same(model: nn.Module, want: list[float]) -> Any:
    got, moved = trained(model)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    return moved


def models() -> None:
    """The losses are those of one device under every way to spread a model."""
    want, _ = trained(net())
    mesh = init_device_mesh("cpu", (4, 2), mesh_dim_names=("dp", "tp"))
    plan = {
        "norm": SequenceParallel(),
        "up": ColwiseParallel(input_layouts=Shard(1)),
        "down": RowwiseParallel(output_layouts=Shard(1)),
    }
    model = net()
    for block in model[:1]:
        parallelize_module(block, mesh["tp"], plan)
        fully_shard(block, mesh=mesh["dp"])
    model = fully_shard(model, mesh=mesh["dp"])
    specs = {name: tuple(p.data.sharding.spec) for name, p in model.named_parameters()}
    assert specs["0.up.weight"] == ("tp", "dp") and specs["0.down.weight"] == ("dp", "tp"), specs
    assert specs["0.norm.weight"] == ("dp",) and specs["1.weight"] == (None, "dp"), specs
    same(model, want)

    counts = []
    for kept in (None, True, False) if extent.ALL else (None,):
        model = net()
        fully_shard(list(model[:1]), reshard_after_forward=kept)
        model = fully_shard(model)
        assert (
            isinstance(model[0], FSDPModule) and type(model[0]).__name__ == "FSDPBlock" and isinstance(model[0], Block)
        )
        assert not isinstance(model[1], FSDPModule)
        moved = same(model, want)
        counts.append(sum(t.kind == "all-gather" and t.shape == (64, 16) for t in moved()))
    assert counts == [2, 2, 1][: len(counts)], counts  # of the weight of this shape, gathered again or kept
    model[0].set_reshard_after_forward(True)
    refused("reshard_after_forward should be a bool", lambda: model[0].set_reshard_after_forward(cast(Any, 1)))

    if not extent.ALL:
        return
    hybrid = init_device_mesh("cpu", (2, 4), mesh_dim_names=("dp_replicate", "dp_shard"))
    whole = net()
    model = fully_shard(
        whole, mesh=hybrid, ignored_params={whole[1].bias},
        shard_placement_fn=lambda p: Shard(0) if p.ndim == 2 and p.shape[0] == 16 else None,
    )  # fmt: skip
    assert model is whole and tuple(model[1].bias.data.sharding.spec) == ()
    assert tuple(model[0].down.weight.data.sharding.spec) == ("dp_shard", None)
    same(model, want)

    model = net()
    layouts = PrepareModuleInputOutput(
        input_layouts=Replicate(), desired_input_layouts=Shard(1), output_layouts=Shard(1),
        desired_output_layouts=Replicate(),
    )  # fmt: skip
    plan = {
        "*": layouts, "0.up": ColwiseParallel(output_layouts=Replicate()),
        "0.down": RowwiseParallel(input_layouts=Replicate()),
        "1": PrepareModuleInput(input_layouts=(Shard(0),), desired_input_layouts=(Replicate(),)),
    }  # fmt: skip
    same(parallelize_module(model, init_device_mesh("cpu", (8,)), cast(Any, plan)), want)
    wrapped = nn.parallel.DistributedDataParallel(net(), device_mesh=init_device_mesh("cpu", (8,)))
    with wrapped.no_sync():
        same(wrapped, want)


def checkpoints() -> None:
    """A checkpoint of a hybrid mesh on another and on one device, with the optimizer's state."""
    models, folder = [], tempfile.mkdtemp()
    tall = init_device_mesh("cpu", (2, 4), mesh_dim_names=("replicate", "shard"))
    for n, mesh in enumerate((tall, init_device_mesh("cpu", (8,)), None)):
        fnn.manual_seed(n)
        model = nn.Sequential(Block(), nn.Linear(16, 8))
        model = model if mesh is None else fully_shard(model, mesh=mesh)
        optimizer = fnn.optim.AdamW(model.parameters(), lr=0.1)
        app = {"model": get_model_state_dict(model), "optimizer": get_optimizer_state_dict(model, optimizer)}
        if n == 0:
            _, grads = fnn.value_and_grad(lambda model: (model(np.ones((16, 8, 16), np.float32)) ** 2).mean())(model)
            optimizer.step(grads)
            dcp.async_save(
                {"model": model, "optimizer": get_optimizer_state_dict(model, optimizer)}, checkpoint_id=folder
            ).result()
        else:
            dcp.load(app, checkpoint_id=folder)
            set_state_dict(model, optimizer, model_state_dict=app["model"], optim_state_dict=app["optimizer"])
            assert mesh is None or tuple(app["model"]["1.weight"].sharding.spec) == (None, "dp_shard")
        options = StateDictOptions(full_state_dict=True)
        models.append(get_state_dict(model, optimizer, options=options))
    for other in models[1:]:
        jax.tree.map(np.testing.assert_array_equal, other, models[0])
    assert models[0][1]["state"]["1.weight"]["step"] == 1


def steering() -> None:
    """What steers PyTorch's module has no effect; what would change values is refused."""
    model = fully_shard(net())
    for name in ("requires_gradient_sync", "requires_all_reduce", "is_last_backward", "reshard_after_backward"):
        getattr(model, f"set_{name}")(False)
    model.set_unshard_in_backward(True)
    model.set_modules_to_forward_prefetch([model])
    model.set_modules_to_backward_prefetch([model])
    model.unshard(async_op=True).wait()
    assert model.unshard() is None and model.reshard() is None
    refused("gradients are those of the mean", lambda: model.set_gradient_divide_factor(2.0))
    refused("gradients are those of the mean", lambda: model.set_reduce_scatter_divide_factor(2.0))
    for name in ("all_reduce_hook", "custom_all_gather", "custom_reduce_scatter"):
        refused("which calls nothing in between, got 1", lambda name=name: getattr(model, f"set_{name}")(1))
    refused("must be OffloadPolicy(), got CPUOff", lambda: fully_shard(net(), offload_policy=fsdp.CPUOffloadPolicy()))
    mesh = init_device_mesh("cpu", (2, 4), mesh_dim_names=("dp", "tp"))
    assert (mesh.get_rank(), mesh.get_local_rank("tp"), mesh.get_local_rank(0), mesh["dp"].get_local_rank()) == (0,) * 4
    assert init_device_mesh("cpu", (8,)).get_group() is fnn.distributed.group.WORLD
    refused("must be one of the 2 axes, got None", mesh.get_local_rank)
    refused("there is no axis 'pp'", lambda: mesh.get_local_rank("pp"))
    refused("is no group of processes, got mesh_dim='tp'", lambda: mesh.get_group("tp"))
    wrapped = nn.parallel.DistributedDataParallel(net(), broadcast_buffers=False)
    refused("register_comm_hook: XLA exchanges gradients", lambda: wrapped.register_comm_hook(None, 1))
    refused("init_sync=False", lambda: nn.parallel.DistributedDataParallel(net(), init_sync=False))
    for name in (1, "cuda:1", "cuda", "cpu:0"):  # nothing to join
        fnn.distributed.init_process_group("gloo", "tcp://localhost:1", world_size=1, rank=0, device_id=name)
    refused("device_id must be a device", lambda: fnn.distributed.init_process_group(device_id=cast(Any, 1.5)))


def words() -> None:
    """Meshes and the text of every error."""
    mesh = init_device_mesh("cpu", (2, 4), mesh_dim_names=("dp", "tp"))
    assert (mesh.shape, mesh.ndim, mesh.size(), mesh.size(1)) == ((2, 4), 2, 8, 4)
    assert repr(mesh["tp"]) == "DeviceMesh((tp=4), 'cpu')" and mesh["tp"] == copy.copy(mesh["tp"])
    assert mesh["tp", "dp"].shape == (4, 2) and mesh.get_coordinate() == [0, 0]
    np.testing.assert_array_equal(mesh["tp"].mesh, [0, 1, 2, 3])
    np.testing.assert_array_equal(mesh["dp"].mesh, [0, 4])
    refused("needs 6 devices, there are 8", lambda: init_device_mesh("cpu", (6,)))
    refused("there are no devices of device_type='cuda'", lambda: init_device_mesh("cuda", (8,)))
    refused("must be 2 different names", lambda: init_device_mesh("cpu", (2, 4), mesh_dim_names=("dp",)))
    refused("Invalid mesh_dim_names ('pp',) specified", lambda: mesh["pp"], KeyError)
    refused("without mesh_dim_names", lambda: init_device_mesh("cpu", (8,))["dp"])
    line = nn.Linear(16, 16)
    odd = init_device_mesh("cpu", (8,), mesh_dim_names=("x",))
    refused("the name 'x' of an axis says nothing", lambda: fully_shard(line, mesh=odd))
    refused("must have one or two axes of the batch, got ('tp',)", lambda: fully_shard(line, mesh=mesh["tp"]))
    refused(
        "in `with fnn.autocast('cpu', dtype=fnn.bfloat16):`",
        lambda: fully_shard(line, mp_policy=fsdp.MixedPrecisionPolicy(jnp.bfloat16)),
    )
    refused(
        "reshard_after_forward must be True, False or None, got 4", lambda: fully_shard(line, reshard_after_forward=4)
    )
    refused("has no dimension 2", lambda: fully_shard(line, shard_placement_fn=lambda p: Shard(2)))
    refused('must be one axis, such as mesh["tp"]', lambda: parallelize_module(line, mesh, ColwiseParallel()))
    refused("the axis of matrices is 'tp', got 'dp'", lambda: parallelize_module(line, mesh["dp"], ColwiseParallel()))
    norm = nn.LayerNorm(4)
    refused("only support nn.Linear and nn.Embedding", lambda: parallelize_module(norm, mesh["tp"], RowwiseParallel()))
    refused("Partial() has no meaning here", lambda: RowwiseParallel(output_layouts=Partial()))
    refused("should have same length", lambda: PrepareModuleOutput(output_layouts=(), desired_output_layouts=Shard(0)))
    refused("Expect Union[ParallelStyle", lambda: parallelize_module(line, mesh["tp"], cast(Any, 3)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parallelize_module(line, mesh["tp"])
        parallelize_module(line, mesh["tp"], {"fc": ColwiseParallel()})
    assert [str(w.message).split(" (")[0][:34] for w in caught] == [
        "No parallelize_plan is provided an", "Parallelize plan key 'fc' could no"
    ]  # fmt: skip
    d = fnn.distributed
    box = nn.Parameter(jnp.zeros(2))
    np.testing.assert_array_equal(d.all_gather_into_tensor(box, jnp.ones(2)), [1, 1])
    np.testing.assert_array_equal(box, [1, 1])
    np.testing.assert_array_equal(d.reduce_scatter(box, [jnp.arange(2.0)], d.ReduceOp.MAX), [0, 1])
    refused("expected an output of shape (2,), got (3,)", lambda: d.reduce_scatter(jnp.ones(3), [jnp.arange(2.0)]))
    refused("tensor_list must have 1 entries, got 2", lambda: d.all_gather([None, None], jnp.ones(2)))
    refused("async_op must be False", lambda: d.all_reduce(jnp.ones(2), async_op=True))
    refused("group must be None", lambda: d.broadcast(jnp.ones(2), group=cast(Any, 1)))
    refused("Can't specify both group_src and src", lambda: d.broadcast(jnp.ones(2), 0, group_src=0))
    refused("op AVG needs a floating dtype", lambda: d.all_reduce(jnp.ones(2, int), d.ReduceOp.AVG))
    refused("store must be left out", lambda: d.init_process_group(store=cast(Any, 1)))


if __name__ == "__main__":
    models()
    checkpoints()
    steering()
    words()
