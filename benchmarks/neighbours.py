"""What surrounds the convolutions of a network, on the CPU: torch eager and jitted fnn, interleaved in one process.

Run with ``python benchmarks/neighbours.py [part of a name ...] [--seconds 1]``. The first word of a name is its
family. A column is a time in milliseconds: forward, then forward and the gradients of all floating operands. Times
are the least of all rounds, which is what a busy machine spoils least. Rows where every time is under 30
microseconds measure the dispatch, not the operation; they are marked with a dot and stay out of the means.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from conv import least  # beside this file

from fnn import functional as F

DISPATCH = 30e-6
rng = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def permuted(F: Any, x: Any, w: Any, b: Any) -> Any:
    """Layer norm over the channels of NCHW, as torchvision's LayerNorm2d does it."""
    move = (lambda a, *axes: a.permute(axes)) if isinstance(x, torch.Tensor) else (lambda a, *axes: a.transpose(axes))
    return move(F.layer_norm(move(x, 0, 2, 3, 1), w.shape, w, b), 0, 3, 1, 2)


def running(channels: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(channels, np.float32), np.ones(channels, np.float32)


def batch_norm(training: bool) -> Callable:
    def run(F: Any, x: Any, w: Any, b: Any) -> Any:
        mean, var = running(x.shape[1])
        as_theirs = torch.from_numpy if isinstance(x, torch.Tensor) else (lambda a: a)
        mean, var = as_theirs(mean), as_theirs(var)
        if training and not isinstance(x, torch.Tensor):  # what torch does in place is part of the work
            y, mean, var = F.batch_norm_update(x, mean, var, w, b, True)
            return y, mean, var
        return F.batch_norm(x, mean, var, w, b, training)

    return run


def with_key(name: str, p: float) -> Callable:
    def run(F: Any, x: Any, key: Any = None) -> Any:
        return getattr(F, name)(x, p) if key is None else getattr(F, name)(x, p, key=key)

    return run


def unpooled(rank: int, shape: tuple[int, ...]) -> tuple:
    """The operands of a row of max_unpool with the indices of a k2s2 pooling."""
    pool = getattr(torch.nn.functional, f"max_pool{rank}d")
    y, index = pool(torch.from_numpy(floats(*shape)), 2, return_indices=True)
    return (lambda F, x, i: getattr(F, f"max_unpool{rank}d")(x, i, 2)), y.numpy(), index.numpy()


def call(name: str, *args: Any, **kwargs: Any) -> Callable:
    return lambda F, *operands: getattr(F, name)(*operands, *args, **kwargs)


def norm2(name: str, channels: int, shape: tuple[int, ...], *args: Any) -> tuple:
    """A normalisation with a weight and a bias."""
    run = lambda F, x, w, b: getattr(F, name)(x, *args, weight=w, bias=b)  # noqa: E731
    return run, floats(*shape), floats(channels), floats(channels)


def build() -> dict[str, tuple]:
    """name: (call, operands...)."""
    big, deep, wide, stem = (16, 64, 28, 28), (16, 256, 14, 14), (16, 512, 7, 7), (4, 64, 112, 112)
    seq, vol = (16, 64, 256), (4, 32, 16, 16, 16)
    rows: dict[str, tuple] = {}

    def each(name: str, run: Callable, *shapes: tuple[int, ...]) -> None:
        for shape in shapes:
            rows[f"{name} {'x'.join(map(str, shape))}"] = (run, floats(*shape))

    tiny = (1, 8, 8, 8)
    pool = lambda **k: call("max_pool2d", **k)  # noqa: E731
    each("max_pool2d k2s2", pool(kernel_size=2), tiny, (1, 64, 112, 112), big, deep, stem, (64, 32, 28, 28))
    each("max_pool2d k3s2p1", pool(kernel_size=3, stride=2, padding=1), stem, big, (1, 64, 112, 112), (16, 256, 13, 13))
    each("max_pool2d k3s1p1", pool(kernel_size=3, stride=1, padding=1), big, deep)
    each("max_pool2d k3s2", pool(kernel_size=3, stride=2), (16, 64, 27, 27), (8, 64, 55, 55))
    each("max_pool2d k3s2 ceil", pool(kernel_size=3, stride=2, ceil_mode=True), (8, 64, 56, 56))
    each("max_pool2d k5s1p2", pool(kernel_size=5, stride=1, padding=2), (4, 128, 20, 20))
    each("max_pool2d k9s1p4", pool(kernel_size=9, stride=1, padding=4), (4, 128, 20, 20))
    each("max_pool2d k3d2p1s1", pool(kernel_size=3, stride=1, padding=1, dilation=2), big)
    each("max_pool1d k2s2", call("max_pool1d", 2), seq, (32, 128, 64))
    each("max_pool1d k3s2p1", call("max_pool1d", 3, 2, 1), seq, (8, 32, 2048))
    each("max_pool1d k3s1p1", call("max_pool1d", 3, 1, 1), seq)
    each("max_pool3d k2s2", call("max_pool3d", 2), vol, (2, 16, 32, 32, 32))
    each("max_pool3d k3s2p1", call("max_pool3d", 3, 2, 1), vol)
    each("max_pool3d k3s1p1", call("max_pool3d", 3, 1, 1), (2, 16, 16, 16, 16))
    indices = lambda *a: lambda F, x: F.max_pool2d(x, *a, return_indices=True)  # noqa: E731
    each("max_pool_indices k2s2", indices(2), big, stem)
    each("max_pool_indices k3s2p1", indices(3, 2, 1), big, deep)
    each("max_pool_indices 1d k2s2", lambda F, x: F.max_pool1d(x, 2, return_indices=True), seq)
    each("max_pool_indices 3d k2s2", lambda F, x: F.max_pool3d(x, 2, return_indices=True), vol)

    each("avg_pool2d k2s2", call("avg_pool2d", 2), tiny, big, deep, stem)
    each("avg_pool2d k3s2p1", call("avg_pool2d", 3, 2, 1), big, stem)
    each("avg_pool2d k3s1p1 nopad", call("avg_pool2d", 3, 1, 1, count_include_pad=False), big, deep)
    each("avg_pool2d k7", call("avg_pool2d", 7), wide)
    each("avg_pool1d k2s2", call("avg_pool1d", 2), seq, (8, 32, 2048))
    each("avg_pool1d k3s2p1", call("avg_pool1d", 3, 2, 1), seq)
    each("avg_pool3d k2s2", call("avg_pool3d", 2), vol)
    each("avg_pool3d k3s2p1", call("avg_pool3d", 3, 2, 1), vol)
    each("adaptive_avg_pool 1", call("adaptive_avg_pool2d", 1), tiny, wide, deep, big, (64, 1280, 7, 7))
    each("adaptive_avg_pool 7", call("adaptive_avg_pool2d", 7), (16, 256, 14, 14), (16, 256, 10, 10), (16, 256, 1, 1))
    each("adaptive_avg_pool 5", call("adaptive_avg_pool2d", 5), big)
    each("adaptive_avg_pool 1d", call("adaptive_avg_pool1d", 1), seq)
    each("adaptive_avg_pool 1d 10", call("adaptive_avg_pool1d", 10), seq)
    each("adaptive_avg_pool 3d 1", call("adaptive_avg_pool3d", 1), vol)
    each("adaptive_avg_pool 3d 3", call("adaptive_avg_pool3d", 3), vol)
    each("adaptive_max_pool 1", call("adaptive_max_pool2d", 1), wide, big)
    each("adaptive_max_pool 7", call("adaptive_max_pool2d", 7), deep, (16, 256, 10, 10))
    each("adaptive_max_pool 1d", call("adaptive_max_pool1d", 1), seq)
    each("adaptive_max_pool 3d 1", call("adaptive_max_pool3d", 1), vol)
    each("lp_pool2d p2", call("lp_pool2d", 2.0, 2), big)
    each("lp_pool2d p3", lambda F, x: F.lp_pool2d(abs(x), 3.0, 3, 2), big)
    each("lp_pool1d p2", call("lp_pool1d", 2.0, 3), seq)
    rows["max_unpool2d big"] = unpooled(2, big)
    rows["max_unpool2d stem"] = unpooled(2, (2, 64, 112, 112))
    rows["max_unpool1d"] = unpooled(1, seq)
    for shape, out in (((8, 32, 28, 28), 20), ((4, 64, 56, 56), 40)):
        samples = rng.random((*shape[:2], 2), np.float32)
        run = lambda F, x, s=samples, out=out: F.fractional_max_pool2d(  # noqa: E731
            x, 2, out, _random_samples=torch.from_numpy(s) if isinstance(x, torch.Tensor) else s
        )
        rows[f"fractional_max_pool2d {out}"] = (run, floats(*shape))

    shapes = (tiny, big, deep, wide, stem, (1, 64, 56, 56), (64, 32, 28, 28), (8, 3, 64, 64), (64, 1024, 7, 7))
    for shape in (*shapes, (64, 256), (256, 1024), seq, (8, 32, 2048), vol):
        affine = floats(shape[1]), floats(shape[1])
        name = "x".join(map(str, shape))
        rows[f"batch_norm train {name}"] = (batch_norm(True), floats(*shape), *affine)
        if shape in (tiny, big, wide, stem, (256, 1024), seq, vol):
            rows[f"batch_norm eval {name}"] = (batch_norm(False), floats(*shape), *affine)
            run = batch_norm(True)

            def rectified(F, *a, run=run):
                y = run(F, *a)
                return F.relu(y[0] if isinstance(y, tuple) else y)

            rows[f"batch_norm relu {name}"] = (rectified, floats(*shape), *affine)
    for shape in ((16, 196, 384), (8, 128, 768), (64, 256), (4, 3136, 96), (2, 8)):
        rows[f"layer_norm {'x'.join(map(str, shape))}"] = norm2("layer_norm", shape[-1], shape, shape[-1:])
        run = lambda F, x, w: F.rms_norm(x, w.shape, w)  # noqa: E731
        rows[f"rms_norm {'x'.join(map(str, shape))}"] = (run, floats(*shape), floats(shape[-1]))
    rows["layer_norm chw 16x64x14x14"] = (
        lambda F, x, w, b: F.layer_norm(x, w.shape, w, b),
        *(floats(16, 64, 14, 14), floats(64, 14, 14), floats(64, 14, 14)),
    )
    for shape in ((4, 96, 56, 56), (16, 192, 28, 28), (16, 384, 14, 14), (16, 768, 7, 7), (1, 96, 56, 56)):
        affine = floats(shape[1]), floats(shape[1])
        rows[f"layer_norm2d {'x'.join(map(str, shape))}"] = (permuted, floats(*shape), *affine)
    for shape in (big, deep, wide, (4, 64, 56, 56), (8, 64, 256)):
        rows[f"group_norm 32 {'x'.join(map(str, shape))}"] = norm2("group_norm", shape[1], shape, 32)
    rows["group_norm 1 16x64x28x28"] = norm2("group_norm", 64, big, 1)
    for shape in (big, deep, (2, 64, 112, 112), seq, vol):
        run = lambda F, x, w, b: F.instance_norm(x, weight=w, bias=b)  # noqa: E731
        rows[f"instance_norm {'x'.join(map(str, shape))}"] = (run, floats(*shape), floats(shape[1]), floats(shape[1]))
    each("local_response_norm 5", call("local_response_norm", 5), big, (8, 96, 27, 27))
    each("normalize", call("normalize"), (256, 512), big)

    half, image = (8, 64, 14, 14), (4, 3, 128, 128)
    for mode in ("nearest", "nearest-exact"):
        each(f"interpolate_{mode} x2", call("interpolate", scale_factor=2, mode=mode), half, (4, 64, 56, 56))
        each(f"interpolate_{mode} down", call("interpolate", size=(20, 20), mode=mode), big)
        each(f"interpolate_{mode} up", call("interpolate", size=(37, 45), mode=mode), big)
    for corners in (False, True):
        kwargs = dict(align_corners=corners)
        tag = " ac" if corners else ""
        each(
            f"interpolate_bilinear x2{tag}", call("interpolate", scale_factor=2, mode="bilinear", **kwargs), half, image
        )
        each(f"interpolate_bilinear up{tag}", call("interpolate", size=(56, 56), mode="bilinear", **kwargs), big)
        each(
            f"interpolate_bilinear seg{tag}",
            call("interpolate", size=(224, 224), mode="bilinear", **kwargs),
            (2, 21, 28, 28),
        )
        each(
            f"interpolate_bilinear down{tag}", call("interpolate", size=(20, 20), mode="bilinear", **kwargs), big, image
        )
        each(f"interpolate_bicubic x2{tag}", call("interpolate", scale_factor=2, mode="bicubic", **kwargs), half, image)
        each(f"interpolate_bicubic down{tag}", call("interpolate", size=(50, 50), mode="bicubic", **kwargs), image)
        each(f"interpolate_linear x2{tag}", call("interpolate", scale_factor=2, mode="linear", **kwargs), seq)
        each(f"interpolate_linear down{tag}", call("interpolate", size=100, mode="linear", **kwargs), seq)
        each(
            f"interpolate_trilinear x2{tag}",
            call("interpolate", scale_factor=2, mode="trilinear", **kwargs),
            (2, 16, 12, 12, 12),
        )
    each("interpolate_trilinear down", call("interpolate", size=9, mode="trilinear"), vol)
    each("interpolate_area down", call("interpolate", size=(14, 14), mode="area"), big)
    each("interpolate_area uneven", call("interpolate", size=(11, 9), mode="area"), big)
    each(
        "interpolate_antialias bilinear down",
        call("interpolate", size=(50, 50), mode="bilinear", antialias=True),
        image,
        (1, 3, 480, 640),
    )
    each(
        "interpolate_antialias bicubic down", call("interpolate", size=(50, 50), mode="bicubic", antialias=True), image
    )
    each(
        "interpolate_antialias bilinear up",
        call("interpolate", size=(200, 200), mode="bilinear", antialias=True),
        image,
    )
    for shape in ((4, 16, 32, 32), (2, 64, 56, 56)):
        grid = np.clip(floats(shape[0], *shape[2:], 2) * 0.5, -1.1, 1.1)
        for mode in ("bilinear", "nearest", "bicubic"):
            run = call("grid_sample", mode=mode, align_corners=False)
            rows[f"grid_sample {mode} {'x'.join(map(str, shape))}"] = (run, floats(*shape), grid)
        run = call("grid_sample", padding_mode="border", align_corners=True)
        rows[f"grid_sample border {'x'.join(map(str, shape))}"] = (run, floats(*shape), grid)
    rows["grid_sample 3d"] = (
        call("grid_sample", align_corners=False),
        floats(2, 8, 12, 12, 12),
        np.clip(floats(2, 12, 12, 12, 3) * 0.5, -1, 1),
    )

    for name in ("relu", "silu", "leaky_relu", "sigmoid", "tanh", "elu", "hardswish", "relu6", "mish", "softplus"):
        each(f"{name}", call(name), big)
    each("relu tiny", call("relu"), tiny)
    each("relu stem", call("relu"), stem)
    each("gelu none", call("gelu"), big, (8, 128, 3072))
    each("gelu tanh", call("gelu", approximate="tanh"), big)
    each("silu", call("silu"), (8, 128, 1024))
    rows["prelu"] = (call("prelu"), floats(*big), floats(64))
    each("softmax -1", call("softmax", -1), (256, 1000), (8, 8, 128, 128), (64, 10))
    each("softmax 1", call("softmax", 1), (2, 21, 112, 112), big)
    each("log_softmax -1", call("log_softmax", -1), (256, 1000), (64, 10))
    each("log_softmax 1", call("log_softmax", 1), (2, 21, 112, 112))
    for shape in ((256, 1000), (64, 10), (2, 21, 112, 112)):
        target = rng.integers(0, shape[1], (shape[0], *shape[2:]))
        rows[f"cross_entropy {'x'.join(map(str, shape))}"] = (call("cross_entropy"), floats(*shape), target)
    rows["mse_loss"] = (call("mse_loss"), floats(*big), floats(*big))
    rows["smooth_l1_loss"] = (call("smooth_l1_loss"), floats(*big), floats(*big))
    rows["bce_with_logits"] = (
        lambda F, x, y: F.binary_cross_entropy_with_logits(x, abs(y) % 1),
        *(floats(16, 1, 112, 112), floats(16, 1, 112, 112)),
    )
    for shape in (big, (8, 128, 768)):
        rows[f"dropout {'x'.join(map(str, shape))}"] = (with_key("dropout", 0.5), floats(*shape), "key")
    rows["dropout2d"] = (with_key("dropout2d", 0.5), floats(*big), "key")
    each("pixel_shuffle 2", call("pixel_shuffle", 2), big, (4, 48, 56, 56))
    each("pixel_shuffle 4", call("pixel_shuffle", 4), (4, 48, 56, 56))
    each("pixel_unshuffle 2", call("pixel_unshuffle", 2), big)
    each("channel_shuffle", call("channel_shuffle", 4), big)
    for mode in ("constant", "reflect", "replicate", "circular"):
        each(f"pad {mode}", call("pad", (1, 1, 1, 1), mode), big, deep)
    each("pad reflect 3", call("pad", (3, 3, 3, 3), "reflect"), (2, 64, 56, 56))
    for n, i, o in ((64, 512, 512), (256, 784, 256), (16, 2048, 1000), (1, 512, 10)):
        rows[f"linear {n}x{i}-{o}"] = (call("linear"), floats(n, i), floats(o, i), floats(o))
    rows["linear 8x128x768-768"] = (call("linear"), floats(8, 128, 768), floats(768, 768), floats(768))
    rows["embedding 10000x256"] = (
        lambda F, w, i: F.embedding(i, w),
        floats(10000, 256),
        rng.integers(0, 10000, (16, 128)),
    )
    rows["embedding 1000x64"] = (lambda F, w, i: F.embedding(i, w), floats(1000, 64), rng.integers(0, 1000, (32, 64)))
    rows["unfold 3x3"] = (call("unfold", 3, padding=1), floats(8, 32, 28, 28))
    rows["fold 3x3"] = (call("fold", (28, 28), 3, padding=1), floats(8, 288, 784))
    return rows


def runners(row: tuple) -> list[tuple[Callable, Callable]]:
    """(forward, forward and gradients) for torch and fnn, their results compared."""
    run, *operands = row
    random = operands[-1] == "key" if isinstance(operands[-1], str) else False
    operands = operands[:-1] if random else operands
    where = [i for i, a in enumerate(operands) if a.dtype == np.float32]
    theirs = [torch.from_numpy(a) for a in operands]
    tracked = [t.clone().requires_grad_(i in where) for i, t in enumerate(theirs)]
    leaves = [tracked[i] for i in where]

    def first(y: Any) -> Any:
        return y[0] if isinstance(y, tuple) else y

    y = first(run(torch.nn.functional, *theirs))
    ct = rng.standard_normal(y.shape, np.float32)
    tct, jct = torch.from_numpy(ct), jnp.asarray(ct)

    def torch_forward():
        with torch.no_grad():
            run(torch.nn.functional, *theirs)

    def torch_both():
        return torch.autograd.grad(first(run(torch.nn.functional, *tracked)), leaves, tct)

    ours = [jnp.asarray(a) for a in operands]
    extra = (jax.random.key(0),) if random else ()

    def both(ct, floating, *rest):
        def of(*floating):
            given = list(rest)
            for i, a in zip(where, floating, strict=True):
                given[i] = a
            y = run(F, *given, *extra)
            return (y[0], y[1:]) if isinstance(y, tuple) else (y, ())

        y, pull, more = jax.vjp(of, *floating, has_aux=True)
        return y, more, pull(ct)

    forward_, both_ = jax.jit(lambda *a: run(F, *a, *extra)), jax.jit(both)
    floating = [ours[i] for i in where]
    if not random:
        np.testing.assert_allclose(first(forward_(*ours)), y.numpy(), rtol=1e-3, atol=1e-3)
        for mine, his in zip(both_(jct, floating, *ours)[2], torch_both(), strict=True):
            np.testing.assert_allclose(mine, his.numpy(), rtol=1e-2, atol=2e-3 * float(his.abs().max() + 1e-6))
    return [
        (torch_forward, torch_both),
        (
            lambda: jax.block_until_ready(forward_(*ours)),
            lambda: jax.block_until_ready(both_(jct, floating, *ours)),
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only the rows with one of these in their name")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each row")
    options = parser.parse_args()
    families: dict[str, list[list[float]]] = {}
    print(f"{'row':44}{'torch f':>9}{'fnn f':>9}{'torch fb':>10}{'fnn fb':>9}{'ratio f':>9}{'ratio fb':>9}")
    for name, row in build().items():
        if options.names and not any(part in name for part in options.names):
            continue
        try:
            found = runners(row)
        except AssertionError as error:
            print(f"{name:44} differs from torch: {str(error)[:300]}", flush=True)
            continue
        times = [least([f[which] for f in found], options.seconds / 2) for which in (0, 1)]
        ratios = [ours / theirs for theirs, ours in times]
        dispatch = max(max(t) for t in times) < DISPATCH
        if not dispatch:
            families.setdefault(name.split()[0], []).append(ratios)
        columns = "".join(
            f"{t * 1e3:{w}.3f}"
            for (pair, ws) in zip(times, ((9, 9), (10, 9)), strict=True)
            for t, w in zip(pair, ws, strict=True)
        )
        marks = "." if dispatch else "*" if max(ratios) > 1.5 else ""
        print(f"{name:44}{columns}{ratios[0]:9.2f}{ratios[1]:9.2f} {marks}", flush=True)
    if families:
        print("\ngeometric means: family, rows, forward, forward + backward")
        for family, rows in families.items():
            forward, whole = np.exp(np.log(np.array(rows)).mean(0))
            print(f"{family:32}{len(rows):4}{forward:8.2f}{whole:8.2f}")


if __name__ == "__main__":
    main()
