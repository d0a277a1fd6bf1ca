"""Operations of compiled programs carry the path of their module; so do errors, which lose nothing."""

import pickle
import re

import jax
import jax.numpy as jnp
import pytest

import fnn
from fnn import layers, nn, optim
from fnn.errors import ArgumentError
from fnn.state.paths import shapes
from tests.explain.test_faults import inputs


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])

    def forward(self, x):
        with fnn.no_grad():
            x = x + 0 * self.convs[0](x)
        for conv in self.convs:  # a list that is not called
            x = conv(x)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(Block(), nn.ReLU())
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.layer1(x))


def names(lowered):
    return set(re.findall(r'op_name="([^"]*)"', lowered.compile().as_text()))


@pytest.mark.parametrize("way", ["backward", "value_and_grad"])
def test_forward_backward_and_update(way):
    model, criterion = Net(), nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @fnn.jit
    def step(x, y):
        if way == "backward":
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            fnn.backward(loss)
            optimizer.step()
        else:
            loss, grads = fnn.value_and_grad(lambda model: criterion(model(x), y))(model)
            optimizer.step(grads)
        return loss

    found = names(step.lower(inputs(), jnp.array([0, 1, 0, 1])))
    for path in ("jvp(Net)/layer1/0/convs/1/", "transpose(jvp(Net))/layer1/0/convs/1/", "jvp(Net)/head/",
                 "transpose(jvp(Net))/head/", "jvp(CrossEntropyLoss)/", "SGD/"):  # fmt: skip
        assert any(f"/{path}" in name for name in found), (path, sorted(found))


def test_combinators():
    net = layers.serial(layers.Linear(3, 3), layers.named("tail", layers.residual(layers.Linear(3, 3))))
    params, state = net.init(jax.random.key(0))
    found = names(jax.jit(lambda p, x: net.apply(p, state, x)[0]).lower(params, inputs()))
    assert any("/0/dot_general" in name for name in found)
    assert any("/tail/body/dot_general" in name for name in found)


def test_two_models_of_one_structure_share_a_program():
    step = fnn.jit(lambda model, x: model(x))
    for model in (Net(), nn.Sequential(Net())[0]):
        step(model, inputs())
    assert len(step.history.compilations) == 1


def test_notes():
    model = nn.Sequential(nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(3, 3)))))
    with pytest.raises(ArgumentError) as raised:
        model(jnp.ones((2, 5)))
    (note,) = raised.value.__notes__
    assert note.splitlines() == [
        "In forward of 0.0.0.0 (Linear) of Sequential, called with", "  0.0.0.0: Linear(float32[2, 5])",
        "  0.0.0: Sequential(float32[2, 5])", "  0.0: Sequential(float32[2, 5])",
        "  ... 2 more, up to Sequential(float32[2, 5])",
    ]  # fmt: skip
    again = pickle.loads(pickle.dumps(raised.value))
    assert type(again) is type(raised.value) and again.__notes__ == [note]


@pytest.mark.parametrize("error", [KeyError("k"), ZeroDivisionError(), StopIteration(3), AssertionError("a")])
def test_errors_of_ones_own_stay_what_they_are(error):
    class Fails(nn.Module):
        def forward(self, x, *, scale=1.0):
            raise error

    with pytest.raises(type(error)) as raised:
        Fails()(None, scale=2.0)
    assert raised.value is error
    assert error.__notes__ == ["In forward of Fails, called with\n  Fails(None, scale=2.0)"]


def test_an_error_without_notes():
    class Deaf(Exception):
        def add_note(self, note):
            raise TypeError("no notes")

    class Fails(nn.Module):
        def forward(self):
            raise Deaf

    with pytest.raises(Deaf):
        Fails()()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (jnp.ones((2, 3)), "float32[2, 3]"), ((jnp.ones(2), {"mask": None}), "(float32[2], {'mask': None})"),
        (nn.Parameter(jnp.ones(3)), "float32[3]"), ("x" * 99, repr("x" * 99)[:36] + "..."), (nn.ReLU(), "ReLU"),
    ],
)  # fmt: skip
def test_shapes(value, text):
    assert shapes(value) == text
