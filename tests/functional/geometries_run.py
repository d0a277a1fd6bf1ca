"""A process that compares the cases of `tests.functional.geometries` with PyTorch, in values and gradients.

``python -m tests.functional.geometries_run MODE FIRST COUNT`` runs the cases FIRST to FIRST + COUNT - 1, jitted or
eagerly, each in the next dtype.  A case is announced on standard output before it runs, so that whoever sees the
process abort knows which; a difference is an ordinary exception.  MODE says how the CPU convolves: ``usual`` by its
rule, ``engine`` by the formulation that the rule names for large problems, however small this one is, and
``definition`` as every other backend does.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from fnn import functional as F
from fnn.kernels.cpu_convolution import _choice
from tests.functional.geometries import Case, draw
from tests.reference import to_jax, to_numpy

DTYPES = {"float32": 2e-5, "bfloat16": 5e-2, "float64": 1e-9, "float16": 1e-2}
HALF = ("bfloat16", "float16")


def main(mode: str, first: str, count: str) -> None:
    """See the head of this module."""
    if mode == "engine":
        _choice.TINY = 0
    elif mode == "definition":
        _choice.forward = _choice.input_gradient = _choice.weight_gradient = lambda problem: "definition"
    jax.config.update("jax_enable_x64", True)
    torch.set_num_threads(1)
    for seed in range(int(first), int(first) + int(count)):
        if seed % 20 == 0:
            jax.clear_caches()  # thousands of programs that are never used again
        case, dtype = draw(seed), list(DTYPES)[seed // 3 % len(DTYPES)]
        if case.function.startswith("fractional"):  # where its windows begin depends on how the dtype rounds
            dtype = "float64"
        if case.function.startswith("lp_pool") and dtype == "float16":
            dtype = "float32"  # fourth powers leave float16's range, torch's as well
        print(seed, dtype, case, flush=True)
        compare(case, dtype, seed)


def compare(case: Case, dtype: str, seed: int) -> None:
    """Values, first and for convolutions second gradients, all against PyTorch's in double precision."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape).astype(dtype if dtype not in HALF else "float32") for shape in case.shapes]
    arrays = [to_numpy(torch.from_numpy(a).to(getattr(torch, dtype))) for a in arrays]
    want = torch_everything(case, [torch.from_numpy(a.astype(np.float64)) for a in arrays])
    run = functools.partial(everything, case)
    if rng.integers(3):  # eagerly one operation after the other is compiled, which takes its time
        run = jax.jit(run)
    got = run([jnp.asarray(a) for a in arrays])
    for number, (ours, theirs) in enumerate(zip(got, want, strict=True)):
        a, b = np.asarray(ours), to_numpy(theirs)
        assert a.dtype == (b.dtype if b.dtype == np.int64 else dtype), (number, a.dtype)
        assert a.shape == b.shape, (number, a.shape, b.shape)
        a = a.astype(np.float64)
        different = np.where(a == b, 0, np.abs(a - b))  # infinities, too
        worst = np.max(different, initial=0) / (1 + np.max(np.abs(b), initial=0, where=np.isfinite(b)))
        assert worst <= DTYPES[dtype], f"result {number} differs by {worst}"


def weights(n: int, seed: int) -> np.ndarray:
    """What a result is summed up with: no two alike, exact in every dtype."""
    return ((np.arange(n) * 7 + seed) % 11 - 5) / 4


def everything(case: Case, arrays: list[jax.Array]) -> list[jax.Array]:
    """The results, the gradients of a sum of them, and for convolutions the gradients of a sum of those."""
    f = functools.partial(called, F, to_jax, case)

    def loss(arrays: list[jax.Array]) -> tuple[Any, list[jax.Array]]:
        out = f(arrays)
        return weighted(out[0], 0), out

    def slope(arrays: list[jax.Array]) -> tuple[Any, list[jax.Array]]:
        gradients, out = jax.grad(loss, has_aux=True)(arrays)
        return sum(weighted(g, i + 1) for i, g in enumerate(gradients[:2])), [*out, *gradients]

    if "conv" not in case.function:
        return slope(arrays)[1]
    second, first = jax.grad(slope, has_aux=True)(arrays)
    return [*first, *second[:2]]


def weighted(x: jax.Array, seed: int) -> jax.Array:
    """A number that depends on every element of ``x``, by its square where that is needed for a second gradient."""
    w = jnp.asarray(weights(x.size, seed).reshape(x.shape), x.dtype)
    return jnp.sum((x * w).astype(jnp.float32 if x.dtype.itemsize < 4 else x.dtype))


def torch_everything(case: Case, arrays: list[torch.Tensor]) -> list[torch.Tensor]:
    """`everything` in PyTorch."""
    arrays = [a.requires_grad_() for a in arrays]

    def sum_of(x: torch.Tensor, seed: int) -> torch.Tensor:
        return (x * torch.from_numpy(weights(x.numel(), seed).reshape(x.shape))).sum()

    out = called(torch.nn.functional, lambda value: value, case, arrays)
    convolution = "conv" in case.function
    first = torch.autograd.grad(sum_of(out[0], 0), arrays, create_graph=convolution)
    if not convolution:
        return [*out, *first]
    slope = sum_of(first[0], 1) + sum_of(first[1], 2)
    second = torch.autograd.grad(slope, arrays[:2])
    return [*out, *first, *second]


def called(namespace: Any, convert: Any, case: Case, arrays: list[Any]) -> list[Any]:
    """The results of the case's function in ``namespace``, without those that are not floating."""
    kwargs = dict(case.kwargs)
    if "_random_samples" in kwargs:
        kwargs["_random_samples"] = convert(torch.tensor(kwargs["_random_samples"], dtype=torch.float64))
    if case.function.startswith("max_unpool"):
        pool = getattr(namespace, case.function.replace("unpool", "pool"))
        windows = {k: kwargs[k] for k in ("kernel_size", "stride", "padding")}
        pooled = pool(arrays[0], **windows, return_indices=True)
        out = getattr(namespace, case.function)(*pooled, **kwargs)
    else:
        out = getattr(namespace, case.function)(*arrays, **kwargs)
    return list(out) if isinstance(out, tuple) else [out]


if __name__ == "__main__":
    main(*sys.argv[1:])
