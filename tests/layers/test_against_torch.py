"""Every layer of the table that torch has: Module == pure pair == torch, in all that can be seen from outside."""

from __future__ import annotations

import functools
import inspect
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, nn, random
from fnn.func import split
from tests import reference
from tests.extent import ALL
from tests.layers import run
from tests.layers.table import TORCH_CASES, Case

torch = reference.torch
pytestmark = [
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss"),  # as torch's
    pytest.mark.filterwarnings("ignore:`NLLLoss2d` has been deprecated:FutureWarning"),
]
each = pytest.mark.parametrize("case", TORCH_CASES, ids=lambda c: c.id)
# What compiles a program of its own takes the first case of each class (with FNN_TEST_ALL=1 all).
first_of_each = pytest.mark.parametrize("case", [c for c in TORCH_CASES if ALL or c.number == 0], ids=lambda c: c.id)
first_two_of_each = pytest.mark.parametrize("case", [c for c in TORCH_CASES if ALL or c.number < 2], ids=lambda c: c.id)
SEED = 5


def to_torch(value: Any) -> Any:
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


def torch_module(case: Case) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # lazy modules are under development, torch says
        warnings.simplefilter("ignore", FutureWarning)
        kwargs = {name: to_torch(value) for name, value in case.kwargs.items()}
        return getattr(torch.nn, case.name)(*map(to_torch, case.args), **kwargs)


def our_module(case: Case) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # NLLLoss2d is deprecated
        return case.module()


def our_layer(case: Case) -> layers.Layer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return case.layer()


class Theirs:
    """torch's module and two training steps, one evaluation with it."""

    def __init__(self, case: Case) -> None:
        torch.manual_seed(0)
        self.module = torch_module(case)
        self.lazy_repr, self.lazy_keys = repr(self.module), list(self.module.state_dict())
        forward = run.forward(case)
        self.forward = {k: torch.tensor(np.asarray(v)) if hasattr(v, "shape") else v for k, v in forward.items()}
        if case.lazy:
            torch.manual_seed(0)
            with torch.no_grad():
                self.module.eval()(*map(torch.tensor, case.draw()))
            self.module.train()
        rng = np.random.default_rng(1)
        with torch.no_grad():
            for p in self.module.parameters():
                p.copy_(torch.from_numpy(rng.uniform(-1, 1, p.shape)))
        self.before = {k: reference.to_numpy(v).copy() for k, v in self.module.state_dict().items()}
        self.steps = [self.step(case, seed) for seed in (0, 1)]
        self.module.eval()
        self.evaluated = self.step(case, 2)

    def step(self, case: Case, seed: int) -> tuple[Any, dict, list, list, dict]:
        """Output, gradients of parameters, inputs and keyword arguments, and the state afterwards."""
        inputs = [torch.tensor(v) for v in case.draw(seed)]
        where = case.differentiable()
        for i in where:
            inputs[i].requires_grad_()
        names = run.forward_floats(case)
        forward = {k: v.clone().requires_grad_() if k in names else v for k, v in self.forward.items()}
        torch.manual_seed(SEED)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # ``inplace=True`` may not write to a leaf
            output = self.module(*(v * 1 if v.requires_grad else v for v in inputs), **forward)
        outputs = [o for o in (output if isinstance(output, tuple) else (output,)) if o.dtype.is_floating_point]
        parameters = dict(self.module.named_parameters())
        wanted = [*parameters.values(), *(inputs[i] for i in where), *(forward[n] for n in names)]
        gradients: list[Any] = [None] * len(wanted)
        differentiable = [(o, c) for o, c in zip(outputs, run.cotangents(outputs), strict=True) if o.requires_grad]
        if wanted and differentiable:
            gradients = list(
                torch.autograd.grad(
                    [o for o, _ in differentiable],
                    wanted,
                    [torch.from_numpy(np.asarray(c)) for _, c in differentiable],
                    allow_unused=True,
                )
            )
        gradients = [torch.zeros_like(w) if g is None else g.to_dense() for w, g in zip(wanted, gradients, strict=True)]
        n, m = len(parameters), len(parameters) + len(where)
        state = {k: reference.to_numpy(v).copy() for k, v in self.module.state_dict().items()}
        return output, dict(zip(parameters, gradients[:n], strict=True)), gradients[n:m], gradients[m:], state


@functools.lru_cache(maxsize=4)
def theirs_of(case: Case) -> Theirs:
    return Theirs(case)


def loaded(case: Case, theirs: Theirs) -> nn.Module:
    """fnn's module with torch's numbers."""
    module = our_module(case)
    module.load_state_dict({k: jnp.asarray(v) for k, v in theirs.before.items()})
    return module


def same(ours: Any, theirs: Any, what: str) -> None:
    ours = list(ours) if isinstance(theirs, (tuple, list)) else ours
    reference.assert_equal(ours, list(theirs) if isinstance(theirs, tuple) else theirs, what)


def generator() -> random.Generator:
    return random.Generator().manual_seed(SEED)


@first_two_of_each
def test_pair_values_gradients_and_state(case):
    theirs, like = theirs_of(case), our_module(case)
    if case.lazy:
        like(*map(jnp.asarray, case.draw()))
    layer = our_layer(case)
    params, state = case.init(layer, jax.random.key(0))
    expected = split(like)
    assert jax.tree.map(jnp.shape, (params, state)) == jax.tree.map(jnp.shape, expected), "what init returns"
    like.load_state_dict({k: jnp.asarray(v) for k, v in theirs.before.items()})
    params, state = split(like)
    compiled: dict[bool, Any] = {}
    for seed, training, want in ((0, True, theirs.steps[0]), (1, True, theirs.steps[1]), (2, False, theirs.evaluated)):
        step = functools.partial(run.pair_step, case, layer, training)
        inputs = [jnp.asarray(v) for v in case.draw(seed)]
        if case.stochastic and training:  # torch's own numbers come from the host's generator, which is not for jit
            output, state = layer.apply(params, state, *inputs, training=True, key=generator(), **run.forward(case))
            same(output, want[0], "output")
            if "torch_gradient" in case.excused:
                continue
            output, state, (by_params, by_inputs, by_name) = step(params, state, inputs, generator())
        else:
            compiled.setdefault(training, jax.jit(step))
            output, state, (by_params, by_inputs, by_name) = compiled[training](params, state, inputs, None)
        same(output, want[0], "output")
        flat = fnn.state.names.flatten(by_params)
        assert flat.keys() == want[1].keys()
        if "torch_gradient" not in case.excused:
            for name, gradient in want[1].items():
                same(flat[name], gradient, f"gradient of {name}")
            same(by_inputs, want[2], "gradients of the inputs")
        same(list(by_name.values()), want[3], "gradients of keyword arguments")
        for name, value in fnn.state.names.flatten(state).items():
            same(value, torch.from_numpy(want[4][name].copy()), name)


@first_two_of_each
def test_module_values_and_state(case):
    theirs = theirs_of(case)
    module = loaded(case, theirs)
    steps = ((0, theirs.steps[0]), (1, theirs.steps[1]), (2, theirs.evaluated))
    for seed, want in steps:
        fnn.manual_seed(SEED)
        module.train(seed < 2)
        output = module(*map(jnp.asarray, case.draw(seed)), **run.forward(case))
        same(output, want[0], "output")
        ours = module.state_dict()
        assert list(ours) == list(want[4])
        for name, value in want[4].items():
            same(ours[name], torch.from_numpy(value.copy()), name)


@first_of_each
def test_module_under_jit(case):
    """One training step of the Module under `fnn.jit`: output, gradients of the parameters, buffers."""
    theirs = theirs_of(case)
    module = loaded(case, theirs)
    if case.lazy:
        with torch.no_grad():
            module.eval()(*map(jnp.asarray, case.draw()))
    inputs, forward = [jnp.asarray(v) for v in case.draw(0)], run.forward(case)
    arrays = {k: v for k, v in forward.items() if hasattr(v, "dtype")}
    rest = {k: v for k, v in forward.items() if k not in arrays}
    module.train(not case.stochastic)

    @fnn.jit
    def step(module: nn.Module, inputs: list[Any], arrays: dict[str, Any]) -> Any:
        def loss(module: nn.Module) -> Any:
            output = module(*inputs, **arrays, **rest)
            return run.scalar(output), output

        if not list(module.parameters()):
            return loss(module)[1], {}
        (_, output), gradients = fnn.value_and_grad(loss, has_aux=True)(module)
        return output, gradients

    if case.stochastic:  # in evaluation: inside jit the numbers are JAX's
        seed, want = 2, theirs.evaluated
        inputs = [jnp.asarray(v) for v in case.draw(seed)]
    else:
        want = theirs.steps[0]
    output, gradients = step(module, inputs, arrays)
    same(output, want[0], "output")
    assert gradients.keys() == want[1].keys()
    if "torch_gradient" not in case.excused:
        for name, gradient in want[1].items():
            same(gradients[name], gradient, f"gradient of {name}")
    for name, value in want[4].items():
        same(module.state_dict()[name], torch.from_numpy(value.copy()), name)


@each
def test_seed_gives_the_same_parameters(case):
    torch.manual_seed(0)
    theirs = torch_module(case)
    fnn.manual_seed(0)
    ours = our_module(case)
    if case.lazy:
        theirs(*map(torch.tensor, case.draw()))
        ours(*map(jnp.asarray, case.draw()))
        ours.eval(), theirs.eval()
        # only what was drawn; test_module_values_and_state compares the buffers
        want, got = dict(theirs.named_parameters()), dict(ours.named_parameters())
    else:
        want, got = theirs.state_dict(), ours.state_dict()
    assert list(got) == list(want)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    for name, value in want.items():
        normal = case.name.startswith("Embedding") and value.numel() >= 16
        rtol = atol = 1e-6 if normal else 0
        reference.assert_equal(got[name], value, name, rtol=rtol, atol=atol)


@each
def test_repr(case):
    theirs, module = theirs_of(case), our_module(case)
    assert repr(module) == theirs.lazy_repr
    assert list(module.state_dict()) == theirs.lazy_keys
    if case.lazy:
        module(*map(jnp.asarray, case.draw()))
    assert repr(module) == repr(theirs.module)


@each
def test_attributes(case):
    """Every constructor argument that torch's module shows as an attribute, fnn's shows with the same value."""
    theirs, module = theirs_of(case).module, our_module(case)
    if case.lazy:
        module(*map(jnp.asarray, case.draw()))
    for name in inspect.signature(getattr(torch.nn, case.name)).parameters:
        if not hasattr(theirs, name) or name in ("device", "dtype"):
            continue
        want, got = getattr(theirs, name), getattr(module, name)
        if isinstance(want, torch.Tensor):
            assert jnp.shape(got) == tuple(want.shape), name
        elif isinstance(want, torch.nn.Module):
            assert repr(got) == repr(want), name
        else:
            assert got == want, name
            assert isinstance(got, type(want)) or isinstance(want, torch.Size), name
    assert theirs.training == module.eval().training is False
