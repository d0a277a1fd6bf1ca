"""Never poisoned: what a traced function assigns is carried out, or refused with the module untouched."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import fnn
from fnn import nn, optim

ONE = jnp.ones(3)
X = jnp.ones((3, 2))


class Cache(nn.Module):
    """A buffer that is born in forward."""

    def __init__(self):
        super().__init__()
        self.register_buffer("k", None)

    def forward(self, x):
        self.k = x if self.k is None else self.k + x
        return self.k * 1


class Registers(nn.Module):
    def forward(self, x):
        if not hasattr(self, "cos"):
            self.register_buffer("cos", jnp.cos(x), persistent=False)
        return x * self.cos


class Rotary(nn.Module):
    def __init__(self):
        super().__init__()
        self.cos = None

    def forward(self, x):
        if self.cos is None:
            self.cos = jnp.cos(x)
        return x * self.cos


class Keeps(nn.Module):
    """Stores arrays in all places."""

    def __init__(self):
        super().__init__()
        self.last = None
        self.seen = {}
        self.losses = []

    def forward(self, x):
        h = x * 2
        self.last = h
        self.pair = (h, [h + 1], {"a": h + 2})
        self.seen["h"] = h
        self.losses.append(h.sum())
        return h + 1


class Counts(nn.Module):
    """Python numbers."""

    def __init__(self):
        super().__init__()
        self.step = 0
        self.warm = 1.0

    def forward(self, x):
        self.step += 1
        self.warm *= 0.5
        return x * (2.0 if self.step > 3 else 1.0) + self.warm


def state_of(module):
    found = {name: np.asarray(v) for name, v in module.state_dict().items()}
    for m in module.modules():
        for name, value in vars(m).items():
            if name[0] != "_":
                found[name] = value
    found.update({name: box.data for name, box in module.named_buffers()})
    return found


def same(a, b):
    leaves_a, tree_a = jax.tree.flatten(a)
    leaves_b, tree_b = jax.tree.flatten(b)
    assert tree_a == tree_b
    for x, y in zip(leaves_a, leaves_b, strict=True):
        assert not isinstance(x, jax.core.Tracer)
        assert type(x) is type(y)
        np.testing.assert_allclose(x, y, rtol=1e-6)


TRANSFORMS = {
    "jit": lambda m: fnn.jit(lambda m, x: m(x)),
    "jitted closure": lambda m: (lambda step: lambda m, x: step(x))(fnn.jit(lambda x: m(x))),
    "value_and_grad": lambda m: (
        lambda m, x: fnn.value_and_grad(lambda x: (lambda out: (out.sum(), out))(m(x)), has_aux=True)(x)[0][1]
    ),
    "value_and_grad in jit": lambda m: fnn.jit(
        lambda m, x: fnn.value_and_grad(lambda x: (lambda out: (out.sum(), out))(m(x)), has_aux=True)(x)[0][1]
    ),
    "checkpoint": lambda m: lambda m, x: fnn.checkpoint(m)(x),
    "checkpoint in jit": lambda m: fnn.jit(lambda m, x: fnn.checkpoint(m)(x)),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@pytest.mark.parametrize("kind", [Cache, Registers, Rotary, Keeps, Counts])
def test_carried_out_as_eagerly(kind, transform):
    model, twin = kind(), kind()
    if kind is Keeps and transform in (TRANSFORMS["value_and_grad"], TRANSFORMS["checkpoint"]):
        pytest.skip("lists and dicts are seen under fnn.jit only")
    step = transform(model)
    for n in range(5):
        x = ONE * (n + 1)
        np.testing.assert_allclose(step(model, x), twin(x), rtol=1e-6)
        same(state_of(model), state_of(twin))
    np.testing.assert_allclose(model(ONE), twin(ONE), rtol=1e-6)


@pytest.mark.parametrize("kind", [Cache, Registers, Rotary])
@pytest.mark.parametrize(
    "raw",
    [lambda m: jax.jit(lambda x: m(x)), lambda m: jax.grad(lambda x: m(x).sum()), lambda m: jax.vmap(lambda x: m(x))],
)
def test_raw_transforms_refuse_at_once(kind, raw):
    model = kind()
    with pytest.raises(fnn.TracerEscapeError):
        raw(model)(ONE)
    np.testing.assert_allclose(model(ONE), kind()(ONE))


def test_loops_refuse_attributes_and_leave_the_module():
    model = Rotary()
    with pytest.raises(fnn.TracerEscapeError, match="'cos' of Rotary"):
        fnn.scan(lambda c, x: (c, model(x)), 0, jnp.ones((2, 3)))
    assert model.cos is None
    np.testing.assert_allclose(model(ONE), Rotary()(ONE))


def test_an_exception_leaves_everything():
    class Fails(Keeps):
        def forward(self, x):
            super().forward(x)
            self.step = 1
            raise ValueError("after all")

    model = Fails()
    before = dict(vars(model))
    with pytest.raises(ValueError, match="after all"):
        fnn.jit(lambda m, x: m(x))(model, ONE)
    assert model.losses == [] and model.seen == {}
    for step in (fnn.jit(lambda m, x: m(x)), lambda m, x: fnn.grad(lambda x: m(x).sum())(x)):
        with pytest.raises(ValueError, match="after all"):
            step(model, ONE)
        assert before.keys() == vars(model).keys()
        assert model.last is None
        model.losses = []  # outside fnn.jit nobody sees what is put into a list


def test_a_hook_that_stores_activations():
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    activations = {}
    model[0].register_forward_hook(lambda m, args, out: activations.__setitem__("0", out))
    step = fnn.jit(lambda m, x: m(x))
    for n in range(3):
        step(model, X * n)
        np.testing.assert_allclose(activations["0"], nn.functional.linear(X * n, *model[0].parameters()), rtol=1e-6)
    train = fnn.jit(lambda m, x: fnn.value_and_grad(lambda m: m(x).sum())(m))
    for n in range(3):
        train(model, X * n)
        np.testing.assert_allclose(activations["0"], nn.functional.linear(X * n, *model[0].parameters()), rtol=1e-6)


def test_a_method_of_a_list_that_a_hook_calls():
    model, seen = nn.Linear(2, 2), []
    put = seen.append
    model.register_forward_hook(lambda module, args, output: put(output))
    step = fnn.jit(lambda model, x: model(x))
    for n in (1, 2):
        y = step(model, jnp.ones((3, 2)))
        assert len(seen) == n
        np.testing.assert_array_equal(seen[-1], y)


def test_globals_and_free_variables():
    namespace = {"n": 0, "fnn": fnn}
    exec("@fnn.jit\ndef step(x):\n    global n\n    n += 1\n    return x * n\n", namespace)
    count = 0

    @fnn.jit
    def local(x):
        nonlocal count
        count += 2
        return x * count

    for k in range(1, 4):
        np.testing.assert_array_equal(namespace["step"](ONE), ONE * k)
        np.testing.assert_array_equal(local(ONE), ONE * 2 * k)
        assert namespace["n"] == k and count == 2 * k


def test_two_models_of_one_structure_count_each_for_itself():
    a, b = Counts(), Counts()
    step = fnn.jit(lambda m, x: m(x))
    step(a, ONE)
    step(b, ONE)
    step(b, ONE)
    assert (a.step, b.step) == (1, 2)


def test_a_module_made_inside_and_kept():
    class Grows(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = None

        def forward(self, x):
            if self.inner is None:
                self.inner = nn.Linear(2, 2)
            return self.inner(x)

    model = Grows()
    step = fnn.jit(lambda m, x: m(x))
    first = step(model, X)
    assert isinstance(model.inner, nn.Linear)
    np.testing.assert_allclose(first, model(X), rtol=1e-6)
    np.testing.assert_allclose(first, step(model, X), rtol=1e-6)
    assert [name for name, _ in model.named_parameters()] == ["inner.weight", "inner.bias"]


def test_hyper_parameters_written_inside():
    model = nn.Linear(2, 2, bias=False)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

    @fnn.jit
    def step(g):
        optimizer.step([g])

    for n in range(3):
        before = jnp.array(model.weight.data)
        step(X[:2])
        np.testing.assert_allclose(before - model.weight.data, 0.5**n * X[:2], rtol=1e-5)
        scheduler.step()


def test_an_optimizer_made_inside():
    model = nn.Linear(2, 2)
    twin = nn.Linear(2, 2)
    twin.load_state_dict(model.state_dict())

    def inner(m):
        return optim.SGD(m.parameters(), lr=0.1).step([jnp.ones((2, 2)), jnp.ones(2)])

    fnn.jit(inner)(model)
    inner(twin)
    np.testing.assert_allclose(model.weight.data, twin.weight.data, rtol=1e-6)


def test_results_may_be_any_object():
    class Out:
        def __init__(self, loss, name):
            self.loss, self.name = loss, name

    model = nn.Linear(2, 2)
    step = fnn.jit(lambda x: {"z": Out(x * 2, "a"), "b": [x, model], "text": "t", "n": 3})
    for n in range(2):
        out = step(X * n)
        assert list(out) == ["z", "b", "text", "n"] and out["z"].name == "a" and out["b"][1] is model
        np.testing.assert_array_equal(out["z"].loss, X * n * 2)


def test_the_same_draw_is_refused_in_raw_loops():
    def noisy(x):
        return lax.fori_loop(0, 100, lambda i, c: c + fnn.randn(10), x)

    with pytest.raises(fnn.MissingKeyError):
        fnn.jit(noisy)(jnp.zeros(10))


def test_functools_partial_and_methods_of_results():
    model = nn.Linear(2, 2)
    step = fnn.jit(functools.partial(lambda m, x: m(x), model))
    np.testing.assert_allclose(step(X), model(X), rtol=1e-6)


def test_a_log_of_traces_is_filled_by_traces():
    shapes, seen = [], {}

    @fnn.jit
    def step(x):
        shapes.append(x.shape)
        seen[x.dtype] = len(shapes)
        return x * 2

    step(X), step(X + 1), step(X[:2])
    assert shapes == [(3, 2), (2, 2)] and list(seen.values()) == [2]


class Slotted:
    __slots__ = ("n", "seen")

    def __init__(self):
        self.n = 0


class Classy:
    n = 0
    seen = None


def counted_function():
    """Has attributes."""


OWNERS = {
    "slots": Slotted,
    "class": lambda: type("Own", (Classy,), {"n": 0, "__module__": __name__}),
    "Python module": lambda: types.ModuleType("user_counts"),
    "function": lambda: types.FunctionType(counted_function.__code__, globals()),
}


@pytest.mark.parametrize("owner", OWNERS.values(), ids=OWNERS)
def test_writes_to_slots_classes_modules_and_functions(owner):
    owner = owner()
    owner.n = 0

    @fnn.jit
    def step(x):
        owner.n += 1
        owner.seen = x * 2
        return x * owner.n

    for k in range(1, 6):
        np.testing.assert_array_equal(step(ONE * k), ONE * k * k)
        assert owner.n == k
        np.testing.assert_array_equal(owner.seen, ONE * k * 2)


def test_an_exception_leaves_slots_and_classes():
    slotted, owner = Slotted(), type("Own", (Classy,), {"__module__": __name__})

    def fails(x):
        slotted.n = owner.n = 5
        slotted.seen = owner.seen = x
        raise ValueError("after all")

    with pytest.raises(ValueError, match="after all"):
        fnn.jit(fails)(ONE)
    assert slotted.n == owner.n == 0 and owner.seen is None and not hasattr(slotted, "seen")
    assert "seen" not in vars(owner)


def test_a_numpy_array_written_in_place_is_refused():
    model = nn.Identity()
    model.counts = np.zeros(2, np.float32)

    def step(model, x):
        model.counts[0] += 1
        return x * model.counts[0]

    for _ in range(2):
        with pytest.raises(fnn.TracerEscapeError, match=r"numpy array of shape \(2,\) is written to in place"):
            fnn.jit(step)(model, ONE)
        np.testing.assert_array_equal(model.counts, np.zeros(2))


class Attends(nn.Module):
    """Keeps what it gave at each place of its last input, as decoders keep their weights of attention."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(jnp.ones(2))

    def forward(self, x):
        out, self.seen = [], []
        self.count = 0
        for row in x:
            out.append(self.scale * row)
            self.seen.append(out[-1])
            self.count += 1
        return jnp.stack(out)


def test_what_a_call_itself_assigns_compiles_nothing_anew():
    model = Attends()
    step = fnn.jit(lambda x: model(x).sum())
    for n in range(1, 5):
        assert step(n * X) == 6.0 * n
        assert [float(row[0]) for row in model.seen] == [n] * 3 and model.count == 3
    assert step.history.count <= 2, "the first call is of a Module without these attributes"


class Trainer:
    """Holds the optimizer that a step does not use: it asks for gradients, and makes their places."""

    def __init__(self, model):
        self.optimizer = fnn.optim.AdamW(model.parameters())


def test_an_optimizer_beside_a_step_that_fills_gradients():
    model = nn.Linear(2, 1, bias=False)
    trainer = Trainer(model)

    @fnn.jit
    def step(x):
        trainer.loss = model(x).sum()
        fnn.backward(trainer.loss)

    for n in range(1, 4):
        step(X)
        np.testing.assert_array_equal(model.weight.grad, n * np.asarray(X).sum(0, keepdims=True))


def test_an_optimizer_beside_a_step_that_looks_at_gradients():
    model = nn.Linear(2, 1, bias=False)
    trainer = Trainer(model)

    @fnn.jit
    def size(x):
        trainer.seen = x
        grad = model.weight.grad
        return x.sum() if grad is None else grad.sum()

    assert size(ONE) == ONE.sum()
    model.weight.grad = jnp.array([[2.0, 3.0]])
    assert size(ONE) == 5.0
