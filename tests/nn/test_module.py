"""`Module` against ``torch.nn.Module``: registration, traversal, access by path, modes, casts, printing, copies."""

import copy
import inspect
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import nn
from tests.nn.both import FNN, TORCH, same, same_error, torch


def network(api):
    """A small net with everything in it: nesting, sharing, ties, buffers of both kinds, absent entries."""
    nn = api.nn

    class Block(nn.Module):
        def __init__(self, shared):
            super().__init__()
            self.conv = nn.Conv2d(2, 4, 3, bias=False)
            self.norm = nn.BatchNorm2d(4)
            self.shared = shared
            self.register_parameter("absent", None)
            self.register_buffer("missing", None)
            self.register_module("nothing", None)

        def forward(self, x):
            return self.shared(self.norm(self.conv(x)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            shared = nn.ReLU()
            self.scale = nn.Parameter(api.array(3))
            self.blocks = nn.ModuleList([Block(shared), Block(shared)])
            self.head = nn.Linear(4, 4)
            self.tied = nn.Linear(4, 4)
            self.tied.weight = self.head.weight
            self.again = self.head
            self.register_buffer("steps", api.array(2))
            self.register_buffer("scratch", api.array(1), persistent=False)
            self.act = shared

        def extra_repr(self):
            return "a=1\nb=2"

    return Net()


def names(pairs):
    return [(name, type(value).__name__) for name, value in pairs]


TRAVERSALS = {
    "named_parameters": lambda m: [n for n, _ in m.named_parameters()],
    "with duplicates": lambda m: [n for n, _ in m.named_parameters(remove_duplicate=False)],
    "with prefix": lambda m: [n for n, _ in m.named_parameters("p")],
    "this level": lambda m: [n for n, _ in m.named_parameters(recurse=False)],
    "parameters": lambda m: [tuple(p.shape) for p in m.parameters()],
    "parameters here": lambda m: [tuple(p.shape) for p in m.parameters(recurse=False)],
    "named_buffers": lambda m: [n for n, _ in m.named_buffers()],
    "buffers with duplicates": lambda m: [n for n, _ in m.named_buffers("p", True, False)],
    "buffers": lambda m: [tuple(b.shape) for b in m.buffers()],
    "named_children": lambda m: names(m.named_children()),
    "children": lambda m: list(m.children()),
    "named_modules": lambda m: names(m.named_modules()),
    "named_modules again": lambda m: names(m.named_modules(prefix="x", remove_duplicate=False)),
    "named_modules memo": lambda m: names(m.named_modules({m.head})),
    "modules": lambda m: list(m.modules()),
    "modules again": lambda m: list(m.modules(False)),
    "get_submodule": lambda m: [m.get_submodule(p) for p in ("", "blocks", "blocks.1.conv", "blocks.0.shared")],
    "get_parameter": lambda m: tuple(m.get_parameter("blocks.1.norm.weight").shape),
    "get_buffer": lambda m: tuple(m.get_buffer("blocks.1.norm.running_mean").shape),
    "repr": repr,
    "state_dict": lambda m: list(m.state_dict()),
    "public dir": lambda m: sorted(n for n in dir(m) if n in ("scale", "head", "steps", "again", "blocks", "absent")),
    "dir of a list": lambda m: [n for n in dir(m.blocks) if n.isdigit()],
    "train": lambda m: [x.training for x in m.train(False).modules()],
    "eval": lambda m: m.eval().blocks[1].norm.training,
    "requires_grad_": lambda m: [p.requires_grad for p in m.requires_grad_(False).parameters()],
    "ties": lambda m: (m.tied.weight is m.head.weight, m.again is m.head, m.blocks[0].shared is m.act),
    "name": lambda m: m._get_name(),
}


@pytest.mark.parametrize("name", TRAVERSALS)
def test_traversal(name):
    same(lambda api: TRAVERSALS[name](network(api)))


def test_apply_visits_in_torchs_order():
    def visit(api):
        seen = []
        module = network(api)
        assert module.apply(lambda m: seen.append(type(m).__name__)) is module
        return seen

    same(visit)


def assignments(api):
    """What stands where after each assignment."""
    nn, m = api.nn, api.nn.Module()
    log = []

    def note():
        log.append((list(m._parameters), list(m._buffers), list(m._modules), sorted(m._non_persistent_buffers_set)))

    m.x = 3
    m.x = nn.Parameter(api.array(2))
    note()
    m.x = None
    note()
    m.x = nn.Parameter(api.array(2))
    m.b = nn.Buffer(api.array(2), persistent=False)
    note()
    m.b = api.array(3)
    note()
    m.b = nn.Buffer(api.array(1))
    note()
    m.b = nn.Parameter(api.array(1))
    note()
    m.c = nn.Linear(1, 1)
    m.c = nn.ReLU()
    note()
    m.c = None
    note()
    m.c = nn.Parameter(api.array(1))
    note()
    m.d = nn.Buffer(api.array(1), persistent=False)
    m.d = nn.ReLU()
    note()
    m.e = api.array(2)
    note()
    m.register_buffer("f", None)
    m.f = api.array(2)
    note()
    del m.f, m.x, m.d, m.e
    note()
    log.append(m.b)
    return log


def test_setattr_and_delattr():
    same(assignments)


def error_cases():
    def case(api, *, act):
        m = api.nn.Module()
        m.w = api.nn.Parameter(api.array(2))
        m.b = api.nn.Buffer(api.array(2))
        m.child = api.nn.Linear(1, 1)
        m.plain = 1
        return act(m, api)

    acts = {
        "parameter name type": lambda m, api: m.register_parameter(1, None),
        "parameter name dot": lambda m, api: m.register_parameter("a.b", None),
        "parameter name empty": lambda m, api: m.register_parameter("", None),
        "parameter exists": lambda m, api: m.register_parameter("plain", None),
        "parameter is method": lambda m, api: m.register_parameter("forward", None),
        "parameter over buffer": lambda m, api: m.register_parameter("b", None),
        "parameter type": lambda m, api: m.register_parameter("p", 3),
        "parameter array": lambda m, api: setattr(m, "w", api.array(2)),
        "parameter number": lambda m, api: setattr(m, "w", 1.5),
        "parameter module": lambda m, api: setattr(m, "w", api.nn.ReLU()),
        "parameter buffer": lambda m, api: setattr(m, "w", api.nn.Buffer(api.array(2))),
        "buffer name type": lambda m, api: m.register_buffer(1, None),
        "buffer name dot": lambda m, api: m.register_buffer("a.b", None),
        "buffer name empty": lambda m, api: m.register_buffer("", None),
        "buffer exists": lambda m, api: m.register_buffer("w", None),
        "buffer type": lambda m, api: m.register_buffer("p", "x"),
        "buffer number": lambda m, api: setattr(m, "b", 1),
        "buffer over plain": lambda m, api: setattr(m, "plain", api.nn.Buffer(api.array(2))),
        "buffer over module": lambda m, api: setattr(m, "child", api.nn.Buffer(api.array(2))),
        "module name type": lambda m, api: m.add_module(1, None),
        "module name dot": lambda m, api: m.add_module("a.b", None),
        "module name empty": lambda m, api: m.add_module("", None),
        "module exists": lambda m, api: m.add_module("w", None),
        "module type": lambda m, api: m.add_module("p", 3),
        "module array": lambda m, api: setattr(m, "child", api.array(2)),
        "no attribute": lambda m, api: m.nowhere,
        "delete": lambda m, api: delattr(m, "nowhere"),
        "submodule": lambda m, api: m.get_submodule("child.nowhere"),
        "submodule of a parameter": lambda m, api: m.get_submodule("w"),
        "set nothing": lambda m, api: m.set_submodule("", api.nn.ReLU()),
        "set no module": lambda m, api: m.set_submodule("child", 3),
        "set strict": lambda m, api: m.set_submodule("new", api.nn.ReLU(), strict=True),
        "set over a parameter": lambda m, api: m.set_submodule("w", api.nn.ReLU()),
        "set below nothing": lambda m, api: m.set_submodule("a.b", api.nn.ReLU()),
        "get parameter": lambda m, api: m.get_parameter("child.nowhere"),
        "get parameter of buffer": lambda m, api: m.get_parameter("b"),
        "get buffer": lambda m, api: m.get_buffer("nowhere"),
        "get buffer of parameter": lambda m, api: m.get_buffer("w"),
        "train": lambda m, api: m.train("yes"),
        "forward": lambda m, api: m(1),
        "arguments": lambda m, api: api.nn.Module(1),
        "keyword arguments": lambda m, api: api.nn.Module(x=1),
        "load a list": lambda m, api: m.load_state_dict([1]),
        "get_extra_state": lambda m, api: m.get_extra_state(),
        "set_extra_state": lambda m, api: m.set_extra_state(1),
    }
    return {name: (lambda api, act=act: case(api, act=act)) for name, act in acts.items()}


ERRORS = error_cases()


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_torchs(name):
    same_error(ERRORS[name])


@pytest.mark.parametrize("kind", ["parameter", "module", "buffer"])
def test_assignment_before_init(kind):
    def act(api):
        class Early(api.nn.Module):
            def __init__(self):
                if kind == "parameter":
                    self.x = api.nn.Parameter(api.array(1))
                elif kind == "module":
                    self.x = api.nn.ReLU()
                else:
                    self.register_buffer("x", api.array(1))

        Early()

    same_error(act)


def test_set_submodule():
    def act(api):
        m = network(api)
        m.set_submodule("blocks.0.conv", api.nn.ReLU())
        m.set_submodule("head.new", api.nn.Linear(1, 1))
        m.set_submodule("act", api.nn.Tanh(), strict=True)
        return repr(m)

    same(act)


# Public names of torch's that fnn lacks on purpose, with the reason.
ABSENT: dict[str, str] = {}
# Names whose parameters differ on purpose.
OTHER_SIGNATURE = {"forward": "a call with keyword arguments reaches the error that says what is missing"}


@pytest.mark.parametrize("name", sorted(n for n in dir(torch.nn.Module) if not n.startswith("_") and n not in ABSENT))
def test_every_public_name_is_there_with_torchs_parameters(name):
    theirs, ours = getattr(torch.nn.Module, name), getattr(nn.Module, name, None)
    if name == "T_destination":
        return  # a type variable of torch's
    assert ours is not None or theirs is None
    if callable(theirs) and name not in OTHER_SIGNATURE:
        want = [p.name for p in inspect.signature(theirs).parameters.values()]
        assert [p.name for p in inspect.signature(ours).parameters.values()] == want
        defaults = {p.name: p.default for p in inspect.signature(theirs).parameters.values()}
        assert {p.name: p.default for p in inspect.signature(ours).parameters.values()} == defaults


CASTS = {
    "half": lambda m, api: m.half(),
    "bfloat16": lambda m, api: m.bfloat16(),
    "float": lambda m, api: m.half().float(),
    "to keyword": lambda m, api: m.to(dtype=_dtype(api, "float16")),
    "to dtype": lambda m, api: m.to(_dtype(api, "bfloat16")),
    "to non_blocking": lambda m, api: m.to(_dtype(api, "bfloat16"), True),
    "to array": lambda m, api: m.to(api.nn.Linear(1, 1).half().weight),
    "to device": lambda m, api: m.to("cpu"),
    "to device and dtype": lambda m, api: m.to("cpu", _dtype(api, "float16")),
    "type": lambda m, api: m.type(_dtype(api, "float16")),
    "cpu": lambda m, api: m.cpu(),
}


def _dtype(api, name):
    return getattr(torch if api is TORCH else jnp, name)


@pytest.mark.parametrize("name", CASTS)
def test_casts(name):
    def act(api):
        m = api.nn.BatchNorm2d(2)
        boxes = [*m.parameters(), *m.buffers()]
        assert CASTS[name](m, api) is m
        if api is FNN:
            assert all(a is b for a, b in zip([*m.parameters(), *m.buffers()], boxes, strict=True))
        # int64 is int32 without x64 mode
        return [str(b.dtype).removeprefix("torch.").replace("64", "32") for b in m.state_dict().values()]

    same(act)


def test_cast_moves_the_gradient():
    m = nn.Linear(2, 1)
    m.weight.grad = jnp.ones((1, 2))
    m.half()
    assert m.weight.grad.dtype == m.weight.dtype == jnp.float16


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda m: m.to(jnp.int32), TypeError, "nn.Module.to only accepts floating point or complex dtypes"),
        (lambda m: m.double(), ValueError, "Module.double: dtype=float64 needs 64-bit mode"),
        (lambda m: m.to("meta"), ValueError, 'Module.to: there is no device "meta": a model that no host can hold'),
        (lambda m: m.to("nowhere"), ValueError, "Module.to: unknown device='nowhere'"),
        (lambda m: m.to(wrong=1), TypeError, "unexpected keyword argument 'wrong'"),
        (lambda m: m.to(memory_format=1), ValueError, "memory_format is not supported"),
        (lambda m: m.xpu(), ValueError, "Module.xpu"),
        (lambda m: m.to_empty(), TypeError, "device"),
    ],
)
def test_cast_errors_change_nothing(act, error, text):
    m = nn.Linear(2, 1)
    before = m.weight.data
    with pytest.raises(error, match=text):
        act(m)
    assert m.weight.data is before


def test_to_a_device_and_to_empty():
    m = nn.Linear(2, 1).to(jax.devices("cpu")[0])
    assert m.weight.data.devices() == {jax.devices("cpu")[0]}
    np.testing.assert_array_equal(m.to_empty(device="cpu").weight, np.zeros((1, 2)))


def test_zero_grad():
    def act(api):
        m = api.nn.Linear(2, 1)
        log = [m.weight.grad]
        m.weight.grad = api.array(1, 2)
        m.zero_grad(set_to_none=False)
        log.append(m.weight.grad)
        m.zero_grad()
        return [*log, m.weight.grad]

    same(act)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)
        self.b.weight = self.a.weight
        self.twice = nn.ModuleList([self.a, self.a])
        self.counter = nn.Buffer(jnp.zeros(()), persistent=False)
        self.note = {"any": [1, 2]}

    def forward(self, x):
        return self.b(self.a(x))


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies_keep_ties_and_share_nothing(how):
    model = Tied().eval()
    model.a.weight.requires_grad = False
    new = copy.deepcopy(model) if how == "deepcopy" else pickle.loads(pickle.dumps(model))
    assert new.a.weight is new.b.weight and new.a is new.twice[0] is new.twice[1]
    assert new.a.weight is not model.a.weight and new.note == model.note and new.note is not model.note
    assert not new.training and not new.a.weight.requires_grad and not new.counter.persistent
    assert list(new.state_dict()) == list(model.state_dict())
    new.a.weight.fill_(3.0)
    assert float(model.a.weight.data.max()) != 3.0
    np.testing.assert_array_equal(new.b.weight, np.full((2, 2), 3.0))
    x = jnp.ones((1, 2))
    np.testing.assert_array_equal(copy.deepcopy(model)(x), model(x))


def test_deepcopy_keeps_gradients():
    layer = nn.Linear(2, 1)
    layer.weight.grad = jnp.ones((1, 2))
    np.testing.assert_array_equal(copy.deepcopy(layer).weight.grad, np.ones((1, 2)))


def test_copy_shares_the_tables():
    layer = nn.Linear(2, 1)
    assert copy.copy(layer).weight is layer.weight


def test_call_super_init():
    class Base:
        def __init__(self, x):
            self.seen = x

    class Both(nn.Module, Base):
        call_super_init = True

    assert Both(5).seen == 5


@pytest.mark.parametrize("name", ["parameters", "named_buffers", "children", "named_children", "modules"])
def test_generators_are_shown_as_pytorchs(name):
    assert repr(getattr(nn.ReLU(), name)()).startswith(f"<generator object Module.{name} at 0x")
