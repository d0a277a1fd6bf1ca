"""Every layer of the table that torch lacks: Module == pair == the reference that its entry states."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, nn, random
from fnn.func import split
from fnn.layers.layer import field_names
from fnn.state.names import flatten
from tests.layers import run
from tests.layers.cases import Case, Reference, formula, like
from tests.layers.table import OWN_CASES, TABLE

KEY = jax.random.key(3)


def modes(case: Case) -> tuple[bool, ...]:
    """In which of training and evaluation the reference holds."""
    return (False,) if case.stochastic else (True, False)


def held(case: Case) -> Reference:
    assert case.reference is not None
    return case.reference


def close(ours: Any, theirs: Any, what: str) -> None:
    a, b = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert len(a) == len(b), what
    for mine, other in zip(a, b, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5, err_msg=what)


def against_reference(case: Case, made: layers.Layer, params: Any, state: Any) -> None:
    """Output and gradients of the pair are the reference's."""

    class Held:
        """The reference in the place of the pair."""

        @staticmethod
        def apply(params: Any, state: Any, *inputs: Any, training: bool, key: Any, **forward: Any) -> Any:
            del key
            return held(case).apply(made, params, state, *inputs, training=training, **forward), state

    inputs = [jnp.asarray(v) for v in case.draw()]
    for training in modes(case):
        ours, _, gradients = run.pair_step(case, made, training, params, state, inputs, KEY)
        theirs, _, expected = run.pair_step(case, Held(), training, params, state, inputs, KEY)  # type: ignore
        close(ours, theirs, f"output, training={training}")
        close(gradients, expected, f"gradients, training={training}")


# These have torch's reference in the table; here they are held to others, so that these tests always run.
LINEAR = TABLE["Linear"][0]
ALSO = [
    dataclasses.replace(LINEAR, reference=reference)
    for reference in (
        formula(lambda layer, params, x: jnp.einsum("...i,oi->...o", x, params["weight"]) + params["bias"][None]),
        like(lambda *fields: layers.named(fc=layers.Linear(*fields)), {"weight": "fc.weight", "bias": "fc.bias"}),
    )
]
ALSO += [dataclasses.replace(TABLE["Dropout"][0], reference=formula(lambda layer, params, x: x))]
ALSO += [dataclasses.replace(TABLE["BatchNorm1d"][0], reference=like(layers.BatchNorm1d))]
each = pytest.mark.parametrize("case", [*OWN_CASES, *ALSO], ids=lambda c: c.id)


@each
def test_pair(case):
    made = case.layer()
    params, state = case.init(made, jax.random.key(1))
    rng = np.random.default_rng(2)
    params = jax.tree.map(lambda p: p + jnp.asarray(rng.uniform(0.1, 0.5, p.shape), p.dtype), params)
    against_reference(case, made, params, state)


@each
def test_module(case):
    """Eagerly and under `fnn.jit`, in evaluation and (if nothing is drawn) in training: what the pair gives."""
    module, made = case.module(), case.layer()
    inputs, forward = [jnp.asarray(v) for v in case.draw()], run.forward(case)
    for training in modes(case):
        module.train(training)
        params, state = split(module)
        output, new = made.apply(params, state, *inputs, training=training, key=KEY, **forward)
        again = fnn.jit(lambda module, inputs: module(*inputs, **forward))
        for call in (lambda: again(module, inputs), lambda: module(*inputs, **forward)):  # noqa: B023
            module.load_state_dict(flatten(params) | flatten(state))
            close(call(), output, f"output, training={training}")
            close(flatten(split(module)[1]), flatten(new), f"state, training={training}")


@each
def test_seed_gives_the_pairs_parameters(case):
    fnn.manual_seed(7)
    module = case.module()
    params, state = case.layer().init(random.Generator().manual_seed(7))
    assert list(module.state_dict()) == [*flatten(params), *flatten(state)]
    close(dict(module.state_dict()), flatten(params) | flatten(state), "parameters")


@each
def test_signature_and_repr(case):
    pair, module = getattr(layers, case.name, None), getattr(nn, case.name)
    assert repr(case.module()).startswith(f"{case.name}(")
    if pair is None:
        return
    arguments = [name for name in inspect.signature(pair).parameters if not name.startswith("_")]
    assert arguments == [name for name in field_names(pair) if not name.startswith("_")]
    shown = case.module()
    for name in arguments:
        assert hasattr(shown, name), f"{case.name} has no attribute {name}"
    hidden = ("self", "params", "state", "training", "key")
    inputs = [name for name in inspect.signature(pair.apply).parameters if name not in hidden]
    assert [name for name in inspect.signature(module.forward).parameters if name != "self"] == inputs


# -- references themselves ---------------------------------------------------------------------------------

WRONG = {
    "a formula": formula(lambda layer, params, x: jnp.einsum("...i,oi->...o", x, params["weight"])),
    "another layer": like(lambda i, o, *_: layers.Lambda(lambda x: x[:, :o])),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_reference_is_noticed(kind):
    case, made = dataclasses.replace(LINEAR, reference=WRONG[kind]), LINEAR.layer()
    with pytest.raises(AssertionError):
        against_reference(case, made, *made.init(KEY))
