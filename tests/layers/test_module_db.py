"""torch's own database of module inputs, good and bad, through fnn's Modules and pairs."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, nn
from tests import extent, reference
from tests.layers import run
from tests.layers.table import TABLE

torch = reference.torch

pytestmark = [
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss"),  # as torch's
    pytest.mark.filterwarnings("ignore:linear_cross_entropy. ``options`` ignored"),
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True, but self.use_nested_tensor is False"),
    pytest.mark.filterwarnings("ignore:size_average and reduce args will be deprecated"),
]


@functools.cache
def database() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db
    return {info.module_cls.__name__: info for info in module_db}


TRANSFORMERS = {name for name in database() if name.startswith("Transformer")}
NAMES = sorted(set(database()) & set(TABLE) | TRANSFORMERS)
BAD = [name for name in NAMES if database()[name].module_error_inputs_func is not None]

# The losses have up to 857 cases, the product of all options: every n-th is run, so that no class has many more.
MOST = 10_000 if extent.ALL else 4

# (rtol, atol) where float32 rounds more: fifty steps of a recursion
TOLERANCE = {"CTCLoss": (5e-3, 5e-5)}
# In training their pairs need a key, whose numbers are not torch's.
DRAWING = {"AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout",
           "FractionalMaxPool2d", "FractionalMaxPool3d", "RReLU"}  # fmt: skip


def cases(name: str, training: bool) -> list[Any]:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        info = database()[name]
        found = list(info.module_inputs_func(info, "cpu", torch.float32, True, training))
    return found[:: 1 + len(found) // MOST]


def converted(value: Any) -> Any:
    if isinstance(value, torch.nn.LinearCrossEntropyOptions):
        return nn.LinearCrossEntropyOptions(**reference.to_jax(dataclasses.asdict(value)))
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        return encoder_layer(value)
    if callable(value) and getattr(torch.nn.functional, getattr(value, "__name__", ""), None) is value:
        return getattr(nn.functional, value.__name__)
    return reference.to_jax(value)


def encoder_layer(theirs: Any) -> nn.TransformerEncoderLayer:
    """One with the same constructor's arguments, as `TransformerEncoder` takes it."""
    attention = theirs.self_attn
    return nn.TransformerEncoderLayer(
        *(attention.embed_dim, attention.num_heads, theirs.linear1.out_features, theirs.dropout.p),
        *(converted(theirs.activation), theirs.norm1.eps, attention.batch_first, theirs.norm_first),
        bias=attention.in_proj_bias is not None,
    )


def arguments(call: Any) -> tuple[tuple, dict[str, Any]]:
    return tuple(map(converted, call.args)), {name: converted(value) for name, value in call.kwargs.items()}


def single(value: Any) -> Any:
    """The random samples of fractional pooling are made in the default dtype, which torch's own tests set to double."""
    return value.float() if isinstance(value, torch.Tensor) and value.dtype == torch.float64 else value


def compare(name: str, case: Any, training: bool) -> None:
    """One constructor call and one forward call, through torch, the Module and the pair."""
    constructor = {k: single(v) for k, v in case.constructor_input.kwargs.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(torch.nn, name)(*case.constructor_input.args, **constructor).train(training)
    args, kwargs = arguments(case.constructor_input)
    module = getattr(nn, name)(*args, **kwargs).train(training)
    flat, spec = torch.utils._pytree.tree_flatten((case.forward_input.args, case.forward_input.kwargs))
    where = [i for i, v in enumerate(flat) if isinstance(v, torch.Tensor) and v.requires_grad]
    flat = [v.detach().clone().requires_grad_(v.requires_grad) if isinstance(v, torch.Tensor) else v for v in flat]
    values = [reference.to_jax(v) for v in flat]
    if name.startswith("Lazy"):
        unflattened = torch.utils._pytree.tree_unflatten(values, spec)
        module(*unflattened[0], **unflattened[1])
        with torch.no_grad():
            theirs(*(v.detach() for v in flat))
        theirs.reset_parameters()
        module.load_state_dict({k: jnp.asarray(reference.to_numpy(v)) for k, v in theirs.state_dict().items()})
    with torch.no_grad():
        rng = np.random.default_rng(1)
        for p in theirs.parameters():
            p.copy_(torch.from_numpy(rng.uniform(-1, 1, p.shape)))
    module.load_state_dict({k: jnp.asarray(reference.to_numpy(v)) for k, v in theirs.state_dict().items()})
    params, state = fnn.split(module)

    targs, tkwargs = torch.utils._pytree.tree_unflatten(
        [v * 1 if isinstance(v, torch.Tensor) and v.requires_grad else v for v in flat], spec
    )
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = theirs(*targs, **tkwargs)
    outputs = [o for o in torch.utils._pytree.tree_leaves(want) if o.dtype.is_floating_point]
    wanted = [*theirs.parameters(), *(flat[i] for i in where)]
    gradients: list[Any] = [None] * len(wanted)
    if wanted and any(o.requires_grad for o in outputs):
        cotangents = [torch.from_numpy(c) for c in run.cotangents(outputs)]
        gradients = list(torch.autograd.grad(outputs, wanted, cotangents, allow_unused=True))
    gradients = [torch.zeros_like(w) if g is None else g.to_dense() for w, g in zip(wanted, gradients, strict=True)]

    def apply(params: Any, floats: list[Any], key: Any = None) -> Any:
        filled = list(values)
        for i, v in zip(where, floats, strict=True):
            filled[i] = v
        a, k = torch.utils._pytree.tree_unflatten(filled, spec)
        if not hasattr(layers, name):
            return fnn.func.functional_call(module, fnn.state.names.flatten(params), tuple(a), k)
        layer = getattr(layers, name)(*args, **kwargs)
        return layer.apply(params, state, *a, training=training, key=key, **k)[0]

    def loss(params: Any, floats: list[Any]) -> Any:
        output = apply(params, floats)
        return run.scalar(output), output

    floats = [values[i] for i in where]
    what = case.desc or str(case.constructor_input.kwargs)
    tuples = lambda v: list(map(tuples, v)) if isinstance(v, tuple) else v  # noqa: E731
    if not (training and name in DRAWING):
        (_, output), (by_params, by_inputs) = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(params, floats)
        reference.assert_equal(tuples(output), tuples(want), f"{what}: output of the pair")
        ours = fnn.state.names.flatten(by_params)
        ours = [*(ours[n] for n, _ in theirs.named_parameters()), *by_inputs]
        reference.assert_equal(ours, gradients, f"{what}: gradients", *TOLERANCE.get(name, ()))
    fnn.manual_seed(0)
    a, k = torch.utils._pytree.tree_unflatten(values, spec)
    reference.assert_equal(tuples(module(*a, **k)), tuples(want), f"{what}: output of the module")


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", NAMES)
def test_module_inputs(name, training):
    info = database()[name]
    if not training and not info.train_and_eval_differ:
        return  # the same calls, with the same outcome
    for n, case in enumerate(cases(name, training)):
        try:
            compare(name, case, training)
        except Exception as error:
            raise AssertionError(
                f"{name} {n}: {case.constructor_input.args} {case.constructor_input.kwargs}"
            ) from error


@pytest.mark.parametrize("name", BAD)
def test_error_inputs(name):
    info = database()[name]
    torch.manual_seed(0)
    for n, error in enumerate(info.module_error_inputs_func(info, "cpu", torch.float32, False, True)):
        case = error.module_error_input
        args, kwargs = arguments(case.constructor_input)
        inputs, named = arguments(case.forward_input) if case.forward_input else ((), {})
        what = f"{name} {n}: {args} {kwargs}, which torch refuses: {error.error_regex}"
        if "does not match weight dtype" in error.error_regex:
            continue  # float64 against float32, which are one without x64; see test_recurrent
        construction = "CONSTRUCTION" in str(error.error_on)
        for face in (nn, layers):
            if not hasattr(face, name):
                continue
            refused = pytest.raises((ValueError, TypeError, RuntimeError, IndexError))
            if construction:
                with refused:
                    getattr(face, name)(*args, **kwargs)
                    pytest.fail(what)
                continue
            made = getattr(face, name)(*args, **kwargs)
            if face is layers:
                params, state = made.init(jax.random.key(0))
            with refused:
                if face is nn:
                    made(*inputs, **named)
                else:
                    made.apply(params, state, *inputs, training=True, key=jax.random.key(0), **named)
                pytest.fail(what)


def test_database_is_used():
    assert len(NAMES) > 90 and len(BAD) >= 14
