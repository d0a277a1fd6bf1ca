"""What a transform's function puts into lists, dicts, objects and variables: carried out, or refused by name."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn

ONE = jnp.ones(3)
LAST, LOG = None, []


def holds_no_tracer(value):
    assert not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)), value


class Keeps(nn.Module):
    def __init__(self):
        super().__init__()
        self.losses, self.seen, self.config = [], {}, types.SimpleNamespace()

    def forward(self, x):
        self.losses.append(x.sum())
        self.seen["twice"] = x * 2
        return x * 3


class Trainer:
    """A plain object, its attributes and its method."""

    def __init__(self):
        self.log = []

    def loss(self, x):
        self.last = x * 3
        self.log.append(self.last.sum())
        return self.last.sum()


def into_a_list(kept):
    return lambda x: (kept.append(x * 3), (x * 3).sum())[1]


def into_a_dict(kept):
    return lambda x: (kept.update(a=x * 3), (x * 3).sum())[1]


TRANSFORMS = {
    "value_and_grad": lambda f: lambda x: fnn.value_and_grad(f)(x)[0],
    "grad": lambda f: fnn.grad(f),
    "vjp": lambda f: lambda x: fnn.func.vjp(f, x)[0],
    "jvp": lambda f: lambda x: fnn.func.jvp(f, (x,), (x,)),
    "checkpoint": lambda f: fnn.checkpoint(f),
    "nested": lambda f: lambda x: fnn.grad(lambda x: (fnn.grad(f)(x) ** 2).sum())(x),
    "in vmap": lambda f: lambda x: fnn.vmap(lambda y: y)(jnp.ones(2)) + f(x),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_lists_and_dicts_of_a_closure(transform):
    kept, table = [jnp.zeros(())], {"old": (old := object())}
    first = kept[0]
    for n in range(2):
        transform(into_a_list(kept))(ONE * (n + 1))
        transform(into_a_dict(table))(ONE * (n + 1))
        np.testing.assert_allclose(kept[-1], 3.0 * (n + 1))
        np.testing.assert_allclose(table["a"], 3.0 * (n + 1))
    assert kept[0] is first and table["old"] is old and len(kept) == 3
    holds_no_tracer((kept, table["a"]))


def test_a_modules_containers_and_hooks():
    module, outputs = Keeps(), []
    module.register_forward_hook(lambda m, args, out: outputs.append(out))
    for _ in range(2):
        fnn.value_and_grad(lambda x: module(x).sum())(ONE)
    assert len(module.losses) == len(outputs) == 2
    np.testing.assert_allclose(module.seen["twice"], 2.0)
    holds_no_tracer((module.losses, module.seen, outputs))


def test_attributes_of_a_plain_object():
    trainer = Trainer()
    for _ in range(2):
        fnn.value_and_grad(trainer.loss)(ONE)
    np.testing.assert_allclose(trainer.last, 3.0)
    assert [float(x) for x in trainer.log] == [9.0, 9.0]


def test_variables(monkeypatch):
    monkeypatch.setitem(globals(), "LAST", None)
    inner = None

    def loss(x):
        global LAST
        nonlocal inner
        LAST = inner = x * 2
        return LAST.sum()

    fnn.value_and_grad(loss)(ONE)
    np.testing.assert_allclose(LAST, 2.0)
    np.testing.assert_allclose(inner, 2.0)
    holds_no_tracer((LAST, inner))


def test_plain_values_are_left_alone():
    traces = []
    fnn.value_and_grad(lambda x: (traces.append(1), x.sum())[1])(ONE)
    fnn.scan(lambda c, x: (traces.append(2), (c, x))[1], 0, ONE)
    assert traces == [1, 2]


LOOPS = {
    "scan": lambda f: fnn.scan(lambda c, x: (c, f(x)), 0, jnp.ones((2, 3))),
    "cond": lambda f: fnn.cond(True, f, lambda x: x.sum(), ONE),
    "vmap": lambda f: fnn.vmap(f)(jnp.ones((2, 3))),
    "jacrev": lambda f: fnn.func.jacrev(f)(ONE),
    "fori_loop": lambda f: fnn.fori_loop(0, 2, lambda i, x: x + f(x), ONE),
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_loops_refuse_and_leave_what_was_there(loop):
    kept = []
    with pytest.raises((fnn.ArgumentError, fnn.TracerEscapeError), match="the list 'kept'"):
        loop(into_a_list(kept))
    assert kept == []


def test_a_failed_call_leaves_what_was_there():
    kept = [1]

    def loss(x):
        kept.append(x)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fnn.value_and_grad(loss)(ONE)
    assert kept == [1]


def test_a_tracer_of_an_ended_raw_transform_is_refused():
    kept = []

    def loss(x):
        return jax.jit(lambda x: (kept.append(x * 2), x)[1])(x).sum()

    with pytest.raises(fnn.TracerEscapeError, match=r"the list 'kept': a traced value of an inner transform"):
        fnn.value_and_grad(loss)(ONE)
    assert kept == []
