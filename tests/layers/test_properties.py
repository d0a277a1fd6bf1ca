"""What holds for every layer of the table whatever it computes: under transformations, in other dtypes, as a value."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import re
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from fnn import layers, nn
from fnn.errors import MissingKeyError
from fnn.layers.documentation import Text
from tests import extent
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
    """Runs the test over the cases that are not excused from ``name``; their reasons are in the table.

    These tests compile several programs: of each class they take the first case (`test_against_torch` takes all).
    """
    chosen = [c for c in CASES if name not in c.excused and (extent.ALL or c.number == 0)]
    return pytest.mark.parametrize("case", chosen, ids=lambda c: c.id)


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


@applies("vmap")
def test_vmap_is_a_loop(case):
    """Also: a call changes none of its arguments, and the same arguments give the same result."""
    layer, params, state = prepared(case)
    forward = run.forward(case)
    batches = [arrays(case, seed) for seed in range(3)]
    keys = jax.random.split(KEY, 3)
    fixed = [i for i, spec in enumerate(case.inputs) if spec.kind == "given"]
    axes = [None if i in fixed else 0 for i in range(len(case.inputs))]
    stacked = [v if i in fixed else jnp.stack([b[i] for b in batches]) for i, v in enumerate(batches[0])]

    def apply(key: Any, *inputs: Any) -> Any:
        before = dict(params), dict(state)
        output, new = layer.apply(params, state, *inputs, training=True, key=key, **forward)
        for mine, other in zip((params, state), before, strict=True):
            assert list(mine) == list(other) and all(mine[name] is other[name] for name in other)
        return output, new

    got = jax.jit(jax.vmap(apply, in_axes=(0, *axes)))(keys, *stacked)
    one = jax.jit(apply)
    for n, batch in enumerate(batches):
        expected = one(keys[n], *batch)
        assert_close(jax.tree.map(lambda v, n=n: v[n], got), expected, 1e-4, 1e-5)
        assert_close(one(keys[n], *batch), expected, 0, 0)


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
        if case.smooth and case.number == 0:
            gradient = jax.jit(jax.grad(lambda *a: run.scalar([jnp.sin(o) for o in function(*a)]), (0, 1)))
            check_grads(gradient, arguments, order=1, modes=["rev"])


# -- dtypes ----------------------------------------------------------------------------------------------


def cast(dtype: Any, tree: Any) -> Any:
    """The floating arrays in another dtype."""
    return jax.tree.map(lambda v: v.astype(dtype) if jnp.issubdtype(v.dtype, jnp.floating) else v, tree)


def call(case: Case, layer: layers.Layer) -> Any:
    """``apply(params, state, inputs, named)`` in training, for a stochastic layer in evaluation."""
    named = {k: v for k, v in run.forward(case).items() if hasattr(v, "dtype")}
    rest = {k: v for k, v in case.forward.items() if k not in named}
    training = not case.stochastic
    return lambda p, s, inputs, named: layer.apply(p, s, *inputs, training=training, **named, **rest), named


@applies("half")
def test_half_types(case):
    """bfloat16 and float16: run, give that dtype, and what float32 gives to their precision."""
    layer, params, state = prepared(case)
    apply, named = call(case, layer)
    apply = jax.jit(apply)
    for dtype in (jnp.bfloat16, jnp.float16):
        half = cast(dtype, (params, state, arrays(case), named))
        got, new = apply(*half)
        expected, _ = apply(*cast(np.float32, half))
        assert jax.tree.map(lambda v: v.dtype, new) == jax.tree.map(lambda v: v.dtype, half[1])
        precision = float(jnp.finfo(dtype).eps)
        for mine, other in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
            if other.dtype != np.float32:
                continue  # indices: which of two equal elements is the largest changes with the rounding
            assert mine.dtype == dtype
            a, b = np.asarray(mine, np.float64), np.asarray(other, np.float64)
            assert np.isfinite(a).all()
            np.testing.assert_allclose(a, b, rtol=8 * precision, atol=8 * precision * (1 + np.abs(b).max()))


@applies("float64")
def test_float64_stays(case):
    """float64 in, float64 out, of the same shape (`test_check_grads` computes in it)."""
    layer, params, state = prepared(case)
    apply, named = call(case, layer)
    arguments = (params, state, arrays(case), named)
    single = jax.eval_shape(apply, *arguments)
    with jax.enable_x64(True):
        inputs = [jnp.asarray(v) for v in case.draw()]
        double = jax.eval_shape(apply, *cast(np.float64, (params, state, inputs, named)))
        wide = lambda v: np.float64 if v.dtype == np.float32 else v.dtype  # noqa: E731
        for mine, other in zip(jax.tree.leaves(double), jax.tree.leaves(single), strict=True):
            assert mine.shape == other.shape
            assert mine.dtype == wide(other) or (other.dtype == np.int32 and mine.dtype == np.int64)


# -- random numbers --------------------------------------------------------------------------------------


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
    others = [case.layer(), copy.copy(layer)]
    if hasattr(layers, case.name):  # `fnn.pure` compares an array among its arguments by identity
        others += [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    for other in others:
        assert layer == other and hash(layer) == hash(other)
        assert repr(layer) == repr(other)
    assert layer != layers.Linear(1, 1)
    assert jax.tree.leaves(layer) == [] and jax.tree.unflatten(jax.tree.structure(layer), []) == layer
    init, apply = layer
    assert init == layer.init and apply == layer.apply
    for name in ("anything", *inspect.signature(type(layer)).parameters):
        with pytest.raises(AttributeError):
            setattr(layer, name, 1)
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
    ours, pairs = (Text.of(cls.__doc__) for cls in (module, layer))
    assert ours.paragraphs == pairs.paragraphs
    assert ours.sections.pop("Example") != pairs.sections.pop("Example") and ours.sections == pairs.sections
    assert module.__module__.startswith("fnn.nn.modules.") and module.__qualname__ == name
    if not name.startswith("Embedding"):
        ours, pairs = (re.sub(r"\b(typing|collections\.abc)\.", "", str(inspect.signature(c))) for c in (module, layer))
        assert ours == pairs


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
    for other in (again, copied):
        assert type(other) is type(module) and getattr(other, "_layer", 0) == getattr(module, "_layer", 0)
        assert_close(dict(other.state_dict()), dict(module.state_dict()), 0, 0)
        if case.number == 0:
            assert_close(other.eval()(*inputs, **forward), module.eval()(*inputs, **forward), 0, 0)
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
