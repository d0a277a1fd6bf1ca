"""What holds for every layer of the table whatever it computes: under transformations, in other dtypes, as a value."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import fnn
from fnn import layers, nn
from fnn.errors import MissingKeyError
from tests.layers import run
from tests.layers.table import CASES, TABLE, Case

pytestmark = [
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss"),  # as torch's
    pytest.mark.filterwarnings("ignore:`NLLLoss2d` has been deprecated:FutureWarning"),
]
each = pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
each_stochastic = pytest.mark.parametrize("case", [c for c in CASES if c.stochastic], ids=lambda c: c.id)
KEY = jax.random.key(3)


def applies(name: str) -> Any:
    """Runs the test over the cases that are not excused from ``name``; their reasons are in the table."""
    return pytest.mark.parametrize("case", [c for c in CASES if name not in c.excused], ids=lambda c: c.id)


def arrays(case: Case, seed: int = 0) -> list[jax.Array]:
    return [jnp.asarray(v) for v in case.draw(seed)]


def varied(params: Any) -> Any:
    """Parameters that are not all ones or zeros, so that none of them is without effect."""
    rng = np.random.default_rng(2)
    return jax.tree.map(lambda p: p + jnp.asarray(rng.uniform(0.1, 0.5, p.shape), p.dtype), params)


def prepared(case: Case) -> tuple[layers.Layer, Any, Any]:
    layer = case.layer()
    params, state = case.init(layer, jax.random.key(1))
    return layer, varied(params), state


def assert_close(ours: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    a, b = jax.tree.leaves(ours), jax.tree.leaves(expected)
    assert len(a) == len(b)
    for mine, other in zip(a, b, strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(np.asarray(mine, np.float64), np.asarray(other, np.float64), rtol=rtol, atol=atol)


# -- transformations -------------------------------------------------------------------------------------


@each
def test_module_under_fnn_jit(case):
    """Values, gradients of the parameters and buffers: under `fnn.jit` as eager."""
    module = case.module()
    if case.stochastic:
        module.eval()
    inputs = arrays(case)
    if case.lazy:
        module(*inputs)  # the first call fixes the shapes
    eager = copy.deepcopy(module)
    expected = eager(*inputs, **run.forward(case))

    @fnn.jit
    def step(module: nn.Module, inputs: list[jax.Array]) -> Any:
        def loss(module: nn.Module) -> Any:
            output = module(*inputs, **run.forward(case))
            return run.scalar(output), output

        if not list(module.parameters()):
            return loss(module)[1], {}
        (_, output), gradients = fnn.value_and_grad(loss, has_aux=True)(module)
        return output, gradients

    output, gradients = step(module, inputs)
    assert_close(output, expected, 1e-4, 1e-5)
    assert_close(dict(module.state_dict()), dict(eager.state_dict()), 1e-4, 1e-5)
    assert gradients.keys() == {name for name, _ in module.named_parameters()}
    if gradients:
        layer = case.layer()
        params, state = fnn.split(copy.deepcopy(eager))
        reset = case.module()
        del reset, state
        _, state = case.init(layer, jax.random.key(0))
        _, _, (by_params, _, _) = run.pair_step(case, layer, module.training, params, state, inputs, None)
        assert_close(gradients, fnn.func._pure.flatten(by_params), 1e-4, 1e-5)


@applies("vmap")
def test_vmap_is_a_loop(case):
    layer, params, state = prepared(case)
    if case.lazy:
        layer = fnn.layers.Layer and layer
    forward = run.forward(case)
    batches = [arrays(case, seed) for seed in range(3)]
    keys = jax.random.split(KEY, 3)
    fixed = [i for i, spec in enumerate(case.inputs) if spec.kind == "given"]
    axes = [None if i in fixed else 0 for i in range(len(case.inputs))]
    stacked = [v if i in fixed else jnp.stack([b[i] for b in batches]) for i, v in enumerate(batches[0])]

    def apply(key: Any, *inputs: Any) -> Any:
        return layer.apply(params, state, *inputs, training=True, key=key, **forward)

    got = jax.jit(jax.vmap(apply, in_axes=(0, *axes)))(keys, *stacked)
    one = jax.jit(apply)
    for n, batch in enumerate(batches):
        assert_close(jax.tree.map(lambda v, n=n: v[n], got), one(keys[n], *batch), 1e-4, 1e-5)


@applies("check_grads")
def test_check_grads(case):
    """Forward and reverse derivatives against finite differences in float64; second derivatives where there are any."""
    with jax.enable_x64(True):
        layer, params, state = prepared(case)
        double = functools.partial(jax.tree.map, lambda v: v.astype(np.float64) if v.dtype == np.float32 else v)
        params, state = double(params), double(state)
        inputs, where = double(arrays(case)), case.differentiable()
        forward = double(run.forward(case)) if run.forward_floats(case) else run.forward(case)

        def function(params: Any, wanted: list[Any]) -> Any:
            given = list(inputs)
            for i, v in zip(where, wanted, strict=True):
                given[i] = v
            output, _ = layer.apply(params, state, *given, training=True, key=KEY, **forward)
            return run.floats(output)

        arguments = (params, [inputs[i] for i in where])
        assert jax.tree.leaves(arguments), "nothing to differentiate by"
        check_grads(jax.jit(function), arguments, order=1, modes=["fwd", "rev"])
        if case.smooth:
            gradient = jax.jit(jax.grad(lambda *a: run.scalar([jnp.sin(o) for o in function(*a)]), (0, 1)))
            check_grads(gradient, arguments, order=1, modes=["rev"])


# -- dtypes ----------------------------------------------------------------------------------------------


@applies("half")
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=["bfloat16", "float16"])
def test_half_types(case, dtype):
    layer, params, state = prepared(case)
    half = functools.partial(jax.tree.map, lambda v: v.astype(dtype) if v.dtype == np.float32 else v)
    apply = jax.jit(
        lambda params, inputs, named: layer.apply(params, state, *inputs, training=not case.stochastic, **named)[0]
    )
    arguments = half((params, arrays(case), {k: v for k, v in run.forward(case).items() if hasattr(v, "dtype")}))
    if "output_size" in case.forward:
        apply = jax.jit(
            lambda params, inputs, named: layer.apply(params, state, *inputs, training=True, **case.forward)[0]
        )
    single = jax.tree.map(lambda v: v.astype(np.float32) if v.dtype == dtype else v, arguments)
    got, expected = apply(*arguments), apply(*single)
    precision = float(jnp.finfo(dtype).eps)
    for mine, other in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        if other.dtype != np.float32:
            continue  # indices: which of two equal elements is the largest changes with the rounding
        assert mine.dtype == dtype
        a, b = np.asarray(mine, np.float64), np.asarray(other, np.float64)
        assert np.isfinite(a).all()
        scale = 1 + np.abs(b).max()
        np.testing.assert_allclose(a, b, rtol=8 * precision, atol=8 * precision * scale)


@applies("float64")
def test_float64(case):
    layer, params, state = prepared(case)
    inputs, forward = arrays(case), run.forward(case)
    single, _ = layer.apply(params, state, *inputs, training=not case.stochastic, **forward)
    with jax.enable_x64(True):
        double = functools.partial(jax.tree.map, lambda v: v.astype(np.float64) if v.dtype == np.float32 else v)
        named = {k: double(v) if hasattr(v, "dtype") else v for k, v in forward.items()}
        params, state, inputs = double((params, state, inputs))
        apply = jax.jit(lambda p, s, i: layer.apply(p, s, *i, training=not case.stochastic, **named))
        output, new = apply(params, state, inputs)
        for mine, other in zip(jax.tree.leaves(output), jax.tree.leaves(single), strict=True):
            if other.dtype == np.float32:
                assert mine.dtype == np.float64
                np.testing.assert_allclose(mine, np.float64(other), rtol=1e-4, atol=1e-5)
        assert jax.tree.map(lambda v: v.dtype, new) == jax.tree.map(lambda v: v.dtype, state)


# -- random numbers --------------------------------------------------------------------------------------


@each
def test_apply_is_pure(case):
    """Twice the same is the same, and the dicts that go in stay as they are."""
    layer, params, state = prepared(case)
    before = dict(params), dict(state)
    inputs, forward = arrays(case), run.forward(case)
    kept = [np.array(v) for v in inputs]
    first = layer.apply(params, state, *inputs, training=True, key=KEY, **forward)
    second = layer.apply(params, state, *inputs, training=True, key=KEY, **forward)
    assert_close(first, second, 0, 0)
    for mine, other in ((params, before[0]), (state, before[1])):
        assert list(mine) == list(other) and all(mine[k] is other[k] for k in other)
    assert_close([np.asarray(v) for v in inputs], kept, 0, 0)


@each_stochastic
def test_key_decides(case):
    layer, params, state = prepared(case)
    inputs = arrays(case)
    training = functools.partial(layer.apply, params, state, *inputs, training=True)
    evaluated, _ = layer.apply(params, state, *inputs, training=False)
    draws = not hasattr(layer, "p") or 0 < layer.p < 1
    if draws:
        outputs = [np.asarray(training(key=jax.random.key(i))[0]) for i in range(4)]
        assert any((outputs[0] != other).any() for other in outputs[1:]), "the key has no effect"
        with pytest.raises(MissingKeyError, match=rf"{case.name}.*draws random numbers and got key=None"):
            training()
    elif layer.p == 0:
        assert_close(training()[0], evaluated)


# -- a layer is a value ----------------------------------------------------------------------------------


@each
def test_layer_is_a_value(case):
    layer = case.layer()
    for other in (case.layer(), copy.deepcopy(layer), copy.copy(layer)):
        assert layer == other and hash(layer) == hash(other) and repr(layer) == repr(other)
    if case.name not in ("NLLLoss2d", "LinearCrossEntropyLoss") and not case.lazy:
        again = pickle.loads(pickle.dumps(layer))
        assert layer == again and hash(layer) == hash(again)
    assert layer != layers.Linear(1, 1)
    assert jax.tree.leaves(layer) == [] and jax.tree.unflatten(jax.tree.structure(layer), []) == layer
    init, apply = layer
    assert init == layer.init and apply == layer.apply
    with pytest.raises((AttributeError, TypeError)):
        layer.anything = 1
    params, state = jax.eval_shape(lambda key: case.init(layer, key), jax.random.key(0))
    like = case.init(layer, jax.random.key(0))
    shape = functools.partial(jax.tree.map, lambda v: (v.shape, v.dtype))
    assert shape((params, state)) == shape(like)


def test_cases_differ():
    """Equality sees every field: no two cases of a class make equal layers, unless they are called alike."""
    for cases in TABLE.values():
        for n, case in enumerate(cases):
            for other in cases[:n]:
                same = repr((case.args, case.kwargs)) == repr((other.args, other.kwargs))
                if same:
                    assert case.layer() == other.layer()
                elif case.layer() == other.layer():
                    assert repr(case.layer()) == repr(other.layer())


@pytest.mark.parametrize("name", TABLE)
def test_unknown_argument_is_refused(name):
    if name == "Identity":
        return  # takes anything, as torch's
    case = TABLE[name][0]
    faces = [getattr(nn, name)] + ([getattr(layers, name)] if hasattr(layers, name) else [])
    for face in faces:
        with pytest.raises(TypeError, match="no_such_argument"):
            face(*case.args, **case.kwargs, no_such_argument=1)


@pytest.mark.parametrize("name", [name for name in TABLE if hasattr(layers, name)])
def test_help_shows_the_layer(name):
    module, layer = getattr(nn, name), getattr(layers, name)
    assert inspect.getdoc(module) == inspect.getdoc(layer)
    assert module.__module__.startswith("fnn.nn.modules.") and module.__qualname__ == name
    if not name.startswith("Embedding"):
        assert str(inspect.signature(module)) == str(inspect.signature(layer))


@each
def test_module_pickles_and_copies(case):
    module = case.module()
    inputs, forward = arrays(case), run.forward(case)
    if case.lazy:
        again = pickle.loads(pickle.dumps(module))
        again(*inputs)
        module(*inputs)
        again.load_state_dict(module.state_dict())
    else:
        again = pickle.loads(pickle.dumps(module))
    copied = copy.deepcopy(module)
    outputs = [m.eval()(*inputs, **forward) for m in (module, again, copied)]
    assert_close(outputs[1], outputs[0], 0, 0)
    assert_close(outputs[2], outputs[0], 0, 0)
    assert repr(again) == repr(copied) == repr(module)
    for name, box in module.named_parameters():
        assert dict(again.named_parameters())[name] is not box is not dict(copied.named_parameters())[name]


def test_no_warnings():
    """All layers are made under ``python -W error``; NLLLoss2d, which is deprecated, is the exception."""
    code = (
        "from tests.layers.table import CASES\n"
        "for case in CASES:\n"
        "    if case.name != 'NLLLoss2d':\n"
        "        case.layer(), case.module()\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=300)
