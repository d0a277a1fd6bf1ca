"""PyTorch as the oracle: conversion of values, and the runner over PyTorch's own databases of cases.

Import `torch` through this module (``torch = reference.torch``): a test file that uses it starts with
``torch = pytest.importorskip("torch")``.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests import extent

torch = pytest.importorskip("torch")

MOST = 6  # samples of one entry of op_db, in a run of part of the tests

TOLERANCE = {
    "float32": (2e-4, 2e-5), "float64": (1e-9, 1e-10), "bfloat16": (4e-2, 4e-2), "float16": (5e-3, 5e-3),
    "complex64": (2e-4, 2e-5), "complex128": (1e-9, 1e-10),
}  # fmt: skip


def to_numpy(t: Any) -> np.ndarray:
    """A torch tensor, jax array or box as a numpy array (bfloat16 included)."""
    if isinstance(t, torch.Tensor):
        t = t.to_dense() if t.layout == torch.sparse_coo else t
        t = torch.zeros(t.shape, dtype=t.dtype) if t._is_zerotensor() else t.detach().resolve_conj().resolve_neg()
        if t.dtype == torch.bfloat16:
            return t.float().numpy().astype(jnp.bfloat16)
        return t.numpy()
    return np.asarray(t)


def to_jax(value: Any) -> Any:
    """Torch tensors and dtypes inside any nesting of lists, tuples and dicts, as jax's."""
    if isinstance(value, torch.Tensor):
        return jnp.asarray(to_numpy(value))
    if isinstance(value, torch.dtype):
        return jnp.dtype(str(value).removeprefix("torch."))
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, (list, tuple)):
        return type(value)(to_jax(v) for v in value)
    if isinstance(value, dict):
        return {k: to_jax(v) for k, v in value.items()}
    return value


def assert_equal(ours: Any, theirs: Any, what: str = "", rtol: float | None = None, atol: float | None = None) -> None:
    """Same structure, shape, kind of dtype and values (to rounding)."""
    if isinstance(theirs, (list, tuple)) and not isinstance(theirs, torch.Size):
        assert isinstance(ours, (list, tuple)) and len(ours) == len(theirs), f"{what}: structure"
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(a, b, f"{what}[{i}]", rtol, atol)
        return
    if theirs is None:
        assert ours is None, what
        return
    a, b = to_numpy(ours), to_numpy(theirs)
    assert a.shape == b.shape, f"{what}: shape {a.shape}, torch has {b.shape}"
    wide = {"int64": "int32"}
    name = wide.get(b.dtype.name, b.dtype.name) if not jax.config.jax_enable_x64 else b.dtype.name
    assert a.dtype.name == name, f"{what}: dtype {a.dtype}, torch has {b.dtype}"
    r, t = TOLERANCE.get(b.dtype.name, (0, 0))
    if b.dtype.name in ("bfloat16", "float16"):
        a, b = a.astype(np.float32), b.astype(np.float32)
    np.testing.assert_allclose(a, b, rtol=r if rtol is None else rtol, atol=t if atol is None else atol, err_msg=what)


def _floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype.is_floating_point


def check_call(
    torch_fn: Callable,
    fnn_fn: Callable,
    args: tuple,
    kwargs: dict | None = None,
    *,
    grad: bool = True,
    marked: bool = False,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """One call through both: equal output and equal gradients of every floating tensor argument.

    The cotangents are fixed random numbers, so that a gradient in the wrong place cannot cancel.

    Args:
        marked: compare only the gradients of arguments that require one (torch refuses those of class weights).
    """
    kwargs = kwargs or {}
    flat, spec = torch.utils._pytree.tree_flatten((tuple(args), dict(kwargs)))
    wanted_of = [_floating(v) and (v.requires_grad or not marked) for v in flat]
    flat = [
        v.detach().clone().requires_grad_(grad and wants) if _floating(v) else v
        for v, wants in zip(flat, wanted_of, strict=True)
    ]
    targs, tkwargs = torch.utils._pytree.tree_unflatten(flat, spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = torch_fn(*targs, **tkwargs)
    where = [i for i, wants in enumerate(wanted_of) if wants]
    jflat = [to_jax(v) for v in flat]

    def run(floats: list) -> Any:
        values = list(jflat)
        for i, v in zip(where, floats, strict=True):
            values[i] = v
        a, k = torch.utils._pytree.tree_unflatten(values, spec)
        return fnn_fn(*a, **k)

    floats = [jflat[i] for i in where]
    leaves = lambda out: [o for o in (out if isinstance(out, (list, tuple)) else (out,)) if o is not None]  # noqa: E731
    outs = [o for o in leaves(want) if isinstance(o, torch.Tensor)]
    differentiable = [i for i, o in enumerate(outs) if o.requires_grad]
    if not (grad and differentiable and floats):
        assert_equal(jax.jit(run)(floats), want, "output", rtol, atol)
        return
    rng = np.random.default_rng(0)
    cotangents = [rng.standard_normal(outs[i].shape).astype(np.float32) for i in differentiable]

    @jax.jit
    def both(floats: list) -> Any:
        def chosen(floats: list) -> Any:
            out = run(floats)
            kept = leaves(out)
            return [kept[i] for i in differentiable], out

        picked, pull, out = jax.vjp(chosen, floats, has_aux=True)
        return out, pull([jnp.asarray(c).astype(p.dtype) for c, p in zip(cotangents, picked, strict=True)])[0]

    got, gradients = both(floats)
    assert_equal(got, want, "output", rtol, atol)
    wanted = torch.autograd.grad(
        [outs[i] for i in differentiable],
        [flat[i] for i in where],
        [torch.from_numpy(c).to(outs[i].dtype) for c, i in zip(cotangents, differentiable, strict=True)],
        allow_unused=True,
    )
    for n, (mine, theirs) in enumerate(zip(gradients, wanted, strict=True)):
        if theirs is None:
            np.testing.assert_array_equal(np.asarray(mine, np.float64), 0, err_msg=f"gradient {n}: torch has none")
        else:
            assert_equal(mine, theirs, f"gradient of argument {n}", rtol, atol)


@functools.cache
def _op_db() -> list:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    return op_db


def ops(name: str) -> list:
    """The entries of torch's op_db under this name (``"nn.functional.conv2d"``), all variants."""
    found = [op for op in _op_db() if op.name == name]
    assert found, f"op_db has no {name}"
    return found


def check_op(
    name: str,
    fnn_fn: Callable,
    *,
    dtype: Any = None,
    skip: Callable[[Any], str | None] = lambda sample: None,
    grad: bool = True,
    marked: bool = False,
    most: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    variants: Mapping[str, Callable] = MappingProxyType({}),
) -> int:
    """Every sample of op_db through both frameworks; returns how many were compared.

    Args:
        variants: what stands for ``fnn_fn`` in variants of the entry which compute something of it.
        most: how many samples a variant, evenly chosen, unless ``FNN_TEST_ALL=1``.
        marked: compare only the gradients of arguments that op_db marks as differentiable.
        skip: given a sample, a reason to leave it out, or None.
    """
    dtype = dtype or torch.float32
    count = 0
    for op in ops(name):
        if dtype not in op.supported_dtypes("cpu"):
            continue
        needs_grad = grad and dtype.is_floating_point and op.supports_autograd
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            samples = list(op.sample_inputs("cpu", dtype, requires_grad=marked and needs_grad))
        samples = extent.some([s for s in samples if not skip(s)], MOST if most is None else most)
        for n, sample in enumerate(samples):
            try:
                args = (sample.input, *sample.args)
                call = variants.get(op.variant_test_name, fnn_fn)
                check_call(op.op, call, args, sample.kwargs, grad=needs_grad, marked=marked, rtol=rtol, atol=atol)
            except Exception as error:
                raise AssertionError(f"{name} {op.variant_test_name} sample {n}: {sample.summary()}") from error
            count += 1
    assert count, f"{name}: nothing was compared"
    return count


def check_op_errors(name: str, fnn_fn: Callable, skip: Iterable[str] = ()) -> int:
    """Every bad input of op_db is refused; returns how many were tried.

    Args:
        skip: parts of torch's error pattern whose cases cannot exist in JAX (each with its reason beside it).
    """
    count = 0
    for op in ops(name):
        if op.error_inputs_func is None:
            continue
        for case in op.error_inputs("cpu"):
            sample = case.sample_input
            if any(s in str(case.error_regex) for s in skip):
                continue
            args, kwargs = to_jax((sample.input, *sample.args)), to_jax(sample.kwargs)
            with pytest.raises((ValueError, TypeError, RuntimeError, IndexError)):
                fnn_fn(*args, **kwargs)
                pytest.fail(f"{name} accepted what torch refuses: {case.error_regex}: {sample.summary()}")
            count += 1
    return count
