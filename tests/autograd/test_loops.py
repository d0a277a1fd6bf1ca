"""Whole training loops with ``fnn.backward`` equal PyTorch's, line by line and loss by loss."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim
from fnn.nn import functional as F
from tests import extent
from tests.autograd import loops_of_papers  # noqa: F401  (its loops stand in the table)
from tests.autograd.loops import LOOPS

torch = pytest.importorskip("torch")

STEPS = 20 if extent.ALL else 8


def torchs() -> Any:
    return SimpleNamespace(
        functional=False, nn=torch.nn, optim=torch.optim, F=torch.nn.functional, array=torch.from_numpy,
        jit=lambda f: f, backward=lambda loss, **options: loss.backward(**options), detach=lambda x: x.detach(),
        backward_of_several=torch.autograd.backward, grad=torch.autograd.grad, watched=lambda x: x.requires_grad_(),
        functional_call=torch.func.functional_call, no_grad=torch.no_grad, enable_grad=torch.enable_grad,
        set_grad_enabled=torch.set_grad_enabled, clamp=torch.clamp, sign=torch.sign, exp=torch.exp, amax=torch.amax,
        ones_like=torch.ones_like, zeros_like=torch.zeros_like, arange=torch.arange, randn=torch.randn, amp=torch.amp,
        distributions=torch.distributions, fn=torch, func=torch.func, Function=torch.autograd.Function,
        checkpoint=functools.partial(torch.utils.checkpoint.checkpoint, use_reentrant=False),
    )  # fmt: skip


def ours() -> Any:
    names = "clamp sign exp amax ones_like zeros_like arange randn detach backward no_grad enable_grad set_grad_enabled"
    return SimpleNamespace(
        functional=True, nn=nn, optim=optim, F=F, amp=fnn.amp, distributions=fnn.distributions, array=jnp.asarray,
        jit=functools.partial(fnn.jit, random="torch"), backward_of_several=fnn.autograd.backward,
        grad=fnn.autograd.grad, fn=fnn, func=fnn.func, Function=fnn.autograd.Function,
        checkpoint=functools.partial(fnn.utils.checkpoint.checkpoint, use_reentrant=False), watched=lambda x: x,
        functional_call=fnn.func.functional_call,
        **{name: getattr(fnn, name) for name in names.split()},
    )  # fmt: skip


def losses(api: Any, make: Any) -> np.ndarray:
    """The losses of some steps from one seed."""
    (torch if not api.functional else fnn).manual_seed(0)
    step = make(api)
    rows = []
    for n in range(STEPS):
        out = step(n)
        found = out if isinstance(out, (tuple, list)) else (out,)
        rows.append([float(x.detach() if isinstance(x, torch.Tensor) else x) for x in found])
    return np.array(rows)


@pytest.mark.parametrize("name", LOOPS)
def test_losses_are_torchs(name):
    want, got = losses(torchs(), LOOPS[name]), losses(ours(), LOOPS[name])
    assert np.ptp(want) > 0
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)
