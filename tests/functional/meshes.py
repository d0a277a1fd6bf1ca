"""A process on eight host devices: operations on explicit meshes, and convolutions on meshes of any shape, as on one.

``python -m tests.functional.meshes operations NAME...`` (all, if no name),
``python -m tests.functional.meshes batch_norms``, ``python -m tests.functional.meshes data_parallel`` and
``python -m tests.functional.meshes convolutions cpu|accelerator FIRST COUNT``; a difference or an error is an
ordinary exception.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections.abc import Callable
from typing import Any

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import mlir
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import fnn
from fnn import functional as F
from fnn import layers, nn
from fnn.kernels.cpu_convolution import _definition, _primitives
from tests import extent
from tests.functional.geometries import Case, _convolution, _transposed

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)


def _array(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


ROWS, SIGNAL, IMAGE, VOLUME = _array(8, 6), _array(8, 6, 12), _array(8, 6, 8, 8), _array(8, 4, 4, 4, 4)
CLASSES, HEADS = np.arange(8) % 6, _array(8, 2, 5, 4)

# name: (function, arrays, of which are floating); all arrays whose first size is 8 are split along it
Operation = tuple[Callable[..., Any], tuple[Any, ...], int]
OPERATIONS: dict[str, Operation] = {}
for _name in (
    *("relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish", "hardsigmoid", "hardtanh"),
    *("leaky_relu", "logsigmoid", "softplus", "softsign", "tanhshrink", "hardshrink", "softshrink", "normalize"),
):
    OPERATIONS[_name] = (getattr(F, _name), (ROWS,), 1)
for _name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "cosine_similarity", "pairwise_distance"):
    OPERATIONS[_name] = (getattr(F, _name), (ROWS, _array(8, 6)), 2)
_SLIDING = {"kernel_size": 3, "stride": 2, "padding": 1}
for _rank, _x in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
    _c, _strided = _x.shape[1], {"groups": 2, "padding": 1, "stride": 2}
    for _name, _kwargs, _weight in (
        ("conv", _strided, (4, _c // 2)),
        ("conv_transpose", _strided | {"output_padding": 1}, (_c, 4)),
    ):
        _run = functools.partial(getattr(F, f"{_name}{_rank}d"), **_kwargs)
        OPERATIONS[f"{_name}{_rank}d"] = (_run, (_x, _array(*_weight, *(3,) * _rank)), 2)
    for _name, _kwargs in {
        "max_pool": _SLIDING,
        "avg_pool": _SLIDING,
        "lp_pool": {"norm_type": 2, "kernel_size": 2},
        "adaptive_avg_pool": {"output_size": 2},
        "adaptive_max_pool": {"output_size": 3},
    }.items():
        OPERATIONS[f"{_name}{_rank}d"] = (functools.partial(getattr(F, f"{_name}{_rank}d"), **_kwargs), (_x,), 1)
    _run = functools.partial(getattr(F, f"adaptive_avg_pool{_rank}d"), output_size=3)
    OPERATIONS[f"adaptive_avg_pool{_rank}d of unequal bins"] = (_run, (_x,), 1)
for _mode in ("nearest", "bilinear", "bicubic", "area"):
    OPERATIONS[f"interpolate {_mode}"] = (lambda x, m=_mode: F.interpolate(x, size=13, mode=m), (IMAGE,), 1)
for _mode in ("constant", "reflect", "replicate", "circular"):
    OPERATIONS[f"pad {_mode}"] = (lambda x, m=_mode: F.pad(x, (1, 2, 2, 1), mode=m), (IMAGE,), 1)
OPERATIONS |= {
    "softmax": (lambda x: F.softmax(x, dim=1), (ROWS,), 1),
    "log_softmax": (lambda x: F.log_softmax(x, dim=1), (ROWS,), 1),
    "glu": (lambda x: F.glu(x, dim=1), (ROWS,), 1),
    "threshold": (lambda x: F.threshold(x, 0.1, 2.0), (ROWS,), 1),
    "dropout": (lambda x: F.dropout(x, 0.5, training=True, key=KEY), (ROWS,), 1),
    "dropout2d": (lambda x: F.dropout2d(x, 0.5, training=True, key=KEY), (IMAGE,), 1),
    "alpha_dropout": (lambda x: F.alpha_dropout(x, 0.5, training=True, key=KEY), (ROWS,), 1),
    "cross_entropy": (F.cross_entropy, (ROWS, CLASSES), 1),
    "cross_entropy smoothed": (lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1), (ROWS, CLASSES), 1),
    "nll_loss": (F.nll_loss, (ROWS, CLASSES), 1),
    "kl_div": (lambda x, y: F.kl_div(x, y, reduction="batchmean"), (ROWS, np.abs(ROWS) + 1), 2),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, (ROWS, np.abs(ROWS)), 1),
    "multi_margin_loss": (F.multi_margin_loss, (ROWS, CLASSES), 1),
    "scaled_dot_product_attention": (F.scaled_dot_product_attention, (HEADS, HEADS + 1, 2 * HEADS), 3),
    "causal attention": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        (HEADS, HEADS + 1, 2 * HEADS),
        3,
    ),
    "linear": (F.linear, (ROWS, _array(3, 6), _array(3)), 3),
    "group_norm": (lambda x: F.group_norm(x, 2), (IMAGE,), 1),
    "layer_norm": (lambda x: F.layer_norm(x, (6,)), (ROWS,), 1),
    "rms_norm": (lambda x: F.rms_norm(x, (6,)), (ROWS,), 1),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), (_array(8, 8, 3, 5),), 1),
    "pixel_unshuffle": (lambda x: F.pixel_unshuffle(x, 2), (IMAGE,), 1),
    "channel_shuffle": (lambda x: F.channel_shuffle(x, 3), (IMAGE,), 1),
    "unfold": (lambda x: F.unfold(x, (3, 2), padding=1, stride=2), (IMAGE,), 1),
    "fold": (lambda x: F.fold(x, (4, 6), 2, stride=2), (_array(8, 12, 6),), 1),
    "max_unpool1d": (lambda x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2), (SIGNAL,), 1),
    "max_unpool2d": (lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), (IMAGE,), 1),
    "grid_sample": (lambda x, g: F.grid_sample(x, g, align_corners=False), (IMAGE, 0.5 * _array(8, 3, 2, 2)), 2),
    "local_response_norm": (lambda x: F.local_response_norm(x, 3), (IMAGE,), 1),
}


def operations(*names: str) -> None:
    """Values and gradients on an explicit mesh of (4, 2) devices, the batch split over its first axis."""
    mesh = jax.make_mesh((4, 2), ("a", "b"), axis_types=(AxisType.Explicit,) * 2)
    for name in names or OPERATIONS:
        f, arrays, floating = OPERATIONS[name]
        gradient = jax.grad(lambda *a, f=f: jnp.sum(jnp.sin(f(*a))), tuple(range(floating)))
        arrays = tuple(map(jnp.asarray, arrays))
        want = f(*arrays), gradient(*arrays)
        print(name, flush=True)
        with jax.set_mesh(mesh):
            specs = [PartitionSpec("a" if a.shape[0] == 8 else None) for a in arrays]
            split = [jax.device_put(a, NamedSharding(mesh, s)) for a, s in zip(arrays, specs, strict=True)]
            got = jax.jit(f)(*split), jax.jit(gradient)(*split)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), got, want)


def convolutions(lowering: str, first: str, count: str) -> None:
    """Gradients of random convolutions on meshes of several shapes; ``lowering`` is the CPU's or an accelerator's."""
    if lowering == "accelerator":
        one, mesh = _definition.weight_gradient_on_one_device, _definition.weight_gradient_on_mesh
        rule = _primitives._lowering(one, mesh, mesh)
        mlir.register_lowering(_primitives.weight_gradient_p, rule, platform="cpu")
    for seed in range(int(first), int(first) + int(count)):
        rng = np.random.default_rng(seed)
        case = None
        while case is None or case.kwargs["groups"] == 1:
            case = (_convolution, _transposed)[seed % 2](rng, 1 + seed // 2 % 3)
        case = case._replace(shapes=((8, *case.shapes[0][1:]), *case.shapes[1:]))
        print(seed, case, flush=True)
        check(case, rng)


def check(case: Case, rng: np.random.Generator) -> None:
    """One convolution on one device and on each mesh, its images split over the mesh's first axis."""
    arrays = [jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in case.shapes]
    gradient = jax.grad(lambda x, w, b: jnp.sum(getattr(F, case.function)(x, w, b, **case.kwargs) ** 2), (0, 1, 2))
    want = gradient(*arrays)
    for sizes in ((4, 2), (2, 4), (8,), (2, 2, 2)) if extent.ALL else ((4, 2),):
        for kind in (AxisType.Auto, AxisType.Explicit):
            mesh = jax.make_mesh(sizes, tuple("abc"[: len(sizes)]), axis_types=(kind,) * len(sizes))
            with jax.set_mesh(mesh):
                specs = (PartitionSpec("a"), PartitionSpec(), PartitionSpec())
                split = [jax.device_put(a, NamedSharding(mesh, s)) for a, s in zip(arrays, specs, strict=True)]
                got = jax.jit(gradient)(*split)
            for ours, theirs in zip(got, want, strict=True):
                largest = float(np.max(np.abs(theirs), initial=1))
                np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5 * largest, err_msg=f"{sizes} {kind}")


def batch_norms() -> None:
    """SyncBatchNorm on parts of a batch, under each transform that makes them, as BatchNorm on the whole.

    The input's gradient and the new state; the gradients of the parameters are the sums over the parts.
    """
    x, target = jnp.asarray(_array(16, 3, 5)) * 3 + 2, jnp.asarray(_array(16, 3, 5))
    params = {"weight": jnp.arange(1.0, 4.0), "bias": jnp.arange(3.0)}
    whole = layers.BatchNorm1d(3)
    state = whole.init(KEY)[1]

    def loss(norm, params, state, x, target):
        y, state = norm.apply(params, state, x, training=True)
        return jnp.sum((y - target) ** 3), (y, state)

    def step(norm, params, state, x, target):
        return jax.grad(functools.partial(loss, norm), (0, 2), has_aux=True)(params, state, x, target)

    def same(got, want, what):
        print(what, flush=True)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-3, err_msg=what), got, want)

    want = jax.jit(functools.partial(step, whole))(params, state, x, target)
    mesh = jax.make_mesh((4, 2), ("a", "b"), axis_types=(AxisType.Auto,) * 2)
    split, none = PartitionSpec(("a", "b")), PartitionSpec()
    synchronised = functools.partial(step, layers.SyncBatchNorm(3, process_group=("a", "b")))

    # the type system of shard_map knows that the state is the same everywhere, and sums the gradients of what is
    mapped = jax.shard_map(
        synchronised,
        mesh=mesh,
        in_specs=(none, none, split, split),
        out_specs=((none, split), (split, none)),
    )
    same(jax.jit(mapped)(params, state, x, target), want, "shard_map")

    # with one axis of two, statistics are those of the groups that the other one tells apart
    pairs = layers.SyncBatchNorm(3, process_group="b", track_running_stats=False)
    mapped = jax.shard_map(
        lambda x: pairs.apply(params, {}, x, training=True)[0], mesh=mesh, in_specs=split, out_specs=split
    )
    apart = layers.BatchNorm1d(3, track_running_stats=False)
    groups = [apart.apply(params, {}, part, training=True)[0] for part in jnp.split(x, 4)]
    same(jax.jit(mapped)(x), jnp.concatenate(groups), "groups")

    parts = [jnp.reshape(a, (8, 2, *a.shape[1:])) for a in (x, target)]
    single = functools.partial(step, layers.SyncBatchNorm(3, process_group="devices"))
    (d_params, dx), (y, new) = jax.pmap(single, axis_name="devices", in_axes=(None, None, 0, 0))(params, state, *parts)
    got = (jax.tree.map(lambda g: g.sum(0), d_params), dx.reshape(x.shape)), (y.reshape(x.shape), new)
    every = jax.tree.map(lambda v: jnp.stack([v] * 8), want[1][1])
    same(got, (want[0], (want[1][0], every)), "pmap")

    alone = jax.jit(functools.partial(step, layers.SyncBatchNorm(3)))
    placed = [jax.device_put(a, NamedSharding(mesh, split)) for a in (x, target)]
    same(alone(params, state, *placed), want, "a sharded input under jit")


def data_parallel() -> None:
    """nn.DataParallel over four devices: outputs, gradients and buffers of two steps, eager and compiled."""
    x, target = _array(8, 4), _array(8, 2)

    def step(model, x, target):
        def loss(model):
            y = model(x)
            return jnp.sum((y - target) ** 2), y

        return fnn.value_and_grad(loss, has_aux=True)(model)

    def network():
        fnn.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))

    alone = network()
    want = [step(alone, x, target), step(alone, 2 * x, target)]
    for run, output in itertools.product((step, fnn.jit(step)), (None, "cpu:2")):
        model = nn.DataParallel(network(), [f"cpu:{i}" for i in range(4)], output)
        got = [run(model, x, target), run(model, 2 * x, target)]
        print(run, output, flush=True)
        for ((loss, y), grads), ((loss_alone, y_alone), grads_alone) in zip(got, want, strict=True):
            np.testing.assert_allclose(loss, loss_alone, rtol=1e-4)
            np.testing.assert_allclose(y, y_alone, rtol=1e-3, atol=1e-4)
            assert {n.removeprefix("module.") for n in grads} == set(grads_alone)
            for name, grad in grads.items():
                np.testing.assert_allclose(grad, grads_alone[name.removeprefix("module.")], rtol=1e-3, atol=1e-4)
            where = {device.id for device in y.devices()}
            if output is None:
                assert len({str(shard.index) for shard in y.addressable_shards}) == 4, y.sharding
            else:
                assert where == {0, 1, 2, 3} and y.sharding.is_fully_replicated
        for name, value in model.module.state_dict().items():
            np.testing.assert_allclose(value, alone.state_dict()[name], rtol=1e-4, atol=1e-5, err_msg=name)
        assert model.module[0].weight.data.sharding.is_fully_replicated
        assert output is None or {device.id for device in model(x).devices()} == {2}
    model = nn.DataParallel(nn.Identity(), ["cpu:1", "cpu:3"], dim=-1)
    assert model.device_ids == [1, 3]
    assert {s.data.shape for s in model(jnp.ones((3, 4))).addressable_shards} == {(3, 2)}
    assert model(jnp.ones((3, 3))).sharding.is_fully_replicated and model((2, jnp.ones(())))[0] == 2
    try:
        nn.DataParallel(nn.Identity(), ["cpu:1", "cpu:1"])
    except ValueError as error:
        assert "expected different devices" in str(error)
    else:
        raise AssertionError("a device twice")


if __name__ == "__main__":
    run = {
        "operations": operations,
        "convolutions": convolutions,
        "batch_norms": batch_norms,
        "data_parallel": data_parallel,
    }
    run[sys.argv[1]](*sys.argv[2:])
