"""Faults as users make them: each is injected, and the report must name the module, the parameter or the argument."""

import jax
import jax.numpy as jnp
import pytest

import fnn
from fnn import functional as F
from fnn import nn, optim
from fnn.errors import RecompileWarning
from fnn.explain import _peak
from fnn.explain._peak import held_at_peak
from fnn.explain._program import flattened
from fnn.explain._report import Finding
from fnn.func.inspection import inspect


class Net(nn.Module):
    """A block within a block, and whatever a fault puts into its middle."""

    def __init__(self, middle=None, width=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, width), nn.ReLU())
        self.middle = nn.Identity() if middle is None else middle
        self.head = nn.Linear(width, 2)
        self.log, self.flag, self.scale = [], False, 1.0

    def forward(self, x):
        out = self.head(self.middle(self.encoder(x)))
        for _ in self.log:
            out = out + 1
        return -out if self.flag else out


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def inputs(rows=4):
    return jnp.linspace(-1.0, 1.0, rows * 3).reshape(rows, 3)


def trained(model, optimizer=None, loss=lambda out: (out**2).mean()):
    """A step with ``fnn.backward``, or without an optimizer one with ``fnn.value_and_grad``."""

    @fnn.jit
    def step(x):
        if optimizer is None:
            return fnn.value_and_grad(lambda model: loss(model(x)))(model)
        optimizer.zero_grad()
        value = loss(model(x))
        fnn.backward(value)
        optimizer.step()
        return value

    return step


# -- numbers that are not finite: fault -> where, phase --------------------------------------------------


def overflow_in_half():
    model = Net(nn.Sequential(nn.Linear(4, 4))).to(jnp.float16)
    model.middle[0].weight.data = jnp.full((4, 4), 6e4, jnp.float16)
    model.encoder[0].bias.data = jnp.full(4, 5.0, jnp.float16)
    return trained(model), (inputs().astype(jnp.float16),), "Net/middle/0", "forward"


def log_of_zero_in_the_loss():
    model = Net()

    class Loss(nn.Module):
        def forward(self, out):
            return -jnp.log(F.relu(-(out**2))).mean()

    return trained(model, None, Loss()), (inputs(),), "Loss", "forward"


def nan_in_a_weight():
    model = Net()
    model.head.weight.data = model.head.weight.data.at[0, 1].set(jnp.nan)
    return trained(model, optim.SGD(model.parameters(), lr=0.1)), (inputs(),), "model.head.weight", ""


def nan_only_backward():
    model = Net(Apply(lambda x: jnp.sqrt(jnp.square(x * 0.0))))
    return trained(model, optim.SGD(model.parameters(), lr=0.1)), (inputs(),), "Net/middle", "backward"


def norm_of_zeros_backward():
    model = Net(Apply(lambda x: x * jnp.linalg.norm(x * 0.0)))
    return trained(model), (inputs(),), "Net/middle", "backward"


def guarded_by_where():
    model = Net(Apply(lambda x: jnp.where(x > 99, jnp.log(x - x), 0.0)))
    return trained(model), (inputs(),), "Net/middle", "backward"


def exploding_optimizer_state():
    model = nn.Linear(3, 2, bias=False)
    step = trained(model, optim.Adam(model.parameters(), lr=0.1), lambda out: (out * 1e25).sum())
    return step, (inputs(),), "Adam", "optimizer"


def fully_masked_attention():
    model = Net(Apply(lambda x: jax.nn.softmax(jnp.where(jnp.zeros((4, 4), bool), x, -jnp.inf), -1) * x))
    return trained(model), (inputs(),), "Net/middle", "forward"


def division_by_a_deviation():
    model = Net(Apply(lambda x: (x - x) / jnp.std(x * 0, 0, keepdims=True)))
    return trained(model), (inputs(),), "Net/middle", "forward"


def exp_in_a_loop():
    model = Net(Apply(lambda x: fnn.scan(lambda c, _: (jnp.exp(c + 3), None), x, None, length=4)[0]))
    return (lambda x: model(x).sum()), (inputs(),), "Net/middle", "forward"


def in_a_branch():
    model = Net(Apply(lambda x: fnn.cond(x.sum() > -1e9, lambda x: jnp.log(x * 0.0), lambda x: x, x)))
    return (lambda x: model(x).sum()), (inputs(),), "Net/middle", "forward"


def in_the_data():
    model = Net()
    return trained(model), (inputs().at[1, 1].set(jnp.inf),), "x", ""


NUMBERS = [
    overflow_in_half, log_of_zero_in_the_loss, nan_in_a_weight, nan_only_backward, norm_of_zeros_backward,
    guarded_by_where, exploding_optimizer_state, fully_masked_attention, division_by_a_deviation, exp_in_a_loop,
    in_a_branch, in_the_data,
]  # fmt: skip


@pytest.mark.parametrize("fault", NUMBERS, ids=lambda fault: fault.__name__)
def test_numbers(fault):
    step, args, where, phase = fault()
    before = fnn.get_rng_state()
    report = fnn.explain.nonfinite(step, *args)
    assert (report.findings[0].where, report.findings[0].phase) == (where, phase), str(report)
    assert where in str(report)
    assert (fnn.get_rng_state() == before).all()


def test_nothing_is_wrong():
    model = Net(Apply(lambda x: jnp.where(x > -9, x, -jnp.inf)))
    before = [p.data for p in model.parameters()]
    step = trained(model, optim.SGD(model.parameters(), lr=0.1))
    assert fnn.explain.nonfinite(step, inputs()).lines == ["all results are finite"]
    assert all((a == p.data).all() for a, p in zip(before, model.parameters(), strict=True))


# -- compiled again and again: fault -> where, what ------------------------------------------------------


def ragged_batches():
    step = trained(Net())
    return step, [lambda n=n: step(inputs(n)) for n in (8, 7, 6, 5)], "argument x", "float32[6, 3] is now float32[5, 3]"


def a_flag_is_flipped():
    model = Net()
    step = trained(model)

    def call(flag):
        model.flag = flag
        step(inputs())

    return step, [lambda n=n: call(n) for n in (False, True, None, "")], "model.flag", "None is now ''"


def a_list_grows():
    model = Net()
    step = trained(model)

    def call():
        model.log.append("epoch")
        step(inputs())

    return step, [call] * 4, "model.log", "list of 3 entries, now 4"


def a_closure_each_step():
    step = fnn.jit(lambda f, x: f(x))
    return step, [lambda: step(lambda x: x + 1, inputs())] * 4, "f", "is another function than before"


def a_dict_of_settings():
    settings = {"mode": "a"}
    step = fnn.jit(lambda x: x if settings["mode"] == "a" else -x)

    def call(mode):
        settings["mode"] = mode
        step(inputs())

    return step, [lambda n=n: call(n) for n in "abcd"], "settings['mode']", "'c' is now 'd'"


def a_rate_of_dropout():
    model = Net(nn.Dropout(0.5))
    step = fnn.jit(lambda x: model(x) if model.middle.p > 0.25 else x)

    def call(p):
        model.middle.p = p
        step(inputs())

    return step, [lambda n=n: call(n) for n in (0.5, 0.4, 0.3, 0.2)], "model.middle.p", "0.3 is now 0.2"


PROGRAMS = [
    ragged_batches, a_flag_is_flipped, a_list_grows, a_closure_each_step, a_dict_of_settings, a_rate_of_dropout,
]  # fmt: skip


@pytest.mark.parametrize("fault", PROGRAMS, ids=lambda fault: fault.__name__)
def test_programs(fault):
    step, calls, where, what = fault()
    *first, last = calls
    for call in first:
        call()  # no warning yet
    with pytest.warns(RecompileWarning, match="has been compiled 4 times") as told:
        last()
    assert where in str(told[0].message) and told[0].filename == __file__
    report = fnn.explain.recompiles(step)
    assert report.findings[-1].where == where and what in report.findings[-1].what
    assert where in str(report)


# -- memory, gradients, units, errors --------------------------------------------------------------------


def test_a_memory_hog():
    model = Net(Apply(lambda x: jnp.einsum("nc,nd->ncd", jnp.repeat(x, 64, 1), jnp.repeat(x, 64, 1)).mean(2)[:, :4]))
    report = fnn.explain.memory(trained(model), inputs())
    assert report.findings[0].where == "Net/middle"
    assert {"activations", "parameters"} <= {row[0] for row in report.tables[0].rows}


def classes(x):
    return jax.nn.one_hot(jnp.tile(jnp.argmax(x, 1), 50), 1000)


@pytest.mark.parametrize("shape", [(200, 1000), (400, 500)], ids=["itself", "a view of it"])
def test_a_one_hot_that_a_product_reads(shape):
    table = jnp.ones((shape[1], 4))
    model = Net(Apply(lambda x: x + (classes(x).reshape(shape) @ table).sum()))
    report = fnn.explain.memory(lambda x: model(x), inputs())
    first = report.findings[0]
    assert (first.where, first.phase) == ("Net/middle", "forward")
    assert first.what.startswith("78") and first.what.endswith("KiB of temporaries")
    assert not any("do not add up" in line for line in report.lines)


def in_a_loop(x):
    return jax.lax.scan(lambda x, _: (x + jnp.sort(classes(x), 1)[0, 0], None), x, None, 3)[0]


def test_tables_that_do_not_add_up_name_the_largest_array(monkeypatch):
    monkeypatch.setattr(_peak, "inner_programs", lambda step: iter(()))  # loops that nobody looks into
    model = Net(Apply(in_a_loop))
    report = fnn.explain.memory(lambda x: model(x), inputs())
    assert report.lines[-1].startswith("the tables do not add up: XLA has temporaries of ")
    assert report.lines[-1].endswith("the largest array is float32[200, 1000], 781.2 KiB, made in Net/middle (forward)")
    assert report.findings[0] == Finding("Net/middle", "781.2 KiB, the largest array, float32[200, 1000]", "forward")


def summed(xs, body):
    return fnn.scan(lambda carry, x: (carry, body(x).sum()), 0.0, xs)[1].sum()


LOOPS = {
    "scan": lambda model: lambda xs: summed(xs, model),
    "gradients": lambda model: lambda xs: fnn.grad(lambda model: summed(xs, model))(model),
    "while": lambda model: lambda xs: fnn.while_loop(lambda x: x.sum() < 3, model, xs[0]),
    "cond": lambda model: lambda xs: fnn.cond(xs[0, 0, 0] > 0, model, lambda x: x, xs[0]),
}


@pytest.mark.parametrize("kind", LOOPS)
def test_values_inside_of_loops(kind):
    model = nn.Sequential(nn.Linear(16, 1024), nn.ReLU(), nn.Linear(1024, 16))
    xs, step = jnp.ones((10, 64, 16)), LOOPS[kind](model)
    report = fnn.explain.memory(step, xs)
    assert not any("do not add up" in line for line in report.lines)
    found = inspect(step, (xs,), {}, "a test")
    held = held_at_peak(flattened(found.jaxpr))
    stats = found.lowered().compile().memory_analysis()
    assert sum(entry.size for entry in held) == pytest.approx(
        stats.temp_size_in_bytes + stats.output_size_in_bytes, rel=0.15
    )
    assert report.findings[0].where in ("Sequential/0", "Sequential/1")
    if kind == "gradients":  # what the backward loop reads of each round
        assert report.findings[0].what.endswith("of activations")


@pytest.mark.parametrize("kind", ["value_and_grad", "backward"])
def test_an_unused_parameter(kind):
    model = Net()
    model.spare = nn.Linear(2, 2)
    step = trained(model, optim.Adam(model.parameters()) if kind == "backward" else None)
    report = fnn.explain.gradients(step, inputs())
    assert [finding.where for finding in report.findings] == ["model.spare.weight", "model.spare.bias"]


def test_a_detached_parameter():
    model = Net(Apply(jax.lax.stop_gradient))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @fnn.jit
    def step(x):
        loss, grads = fnn.value_and_grad(lambda model: (model(x) ** 2).mean())(model)
        optimizer.step(grads)
        return loss

    for train in (step, trained(model, optimizer)):
        found = {finding.where: finding.what for finding in fnn.explain.gradients(train, inputs()).findings}
        assert list(found) == ["model.encoder.0.weight", "model.encoder.0.bias"]
        assert all("no gradient" in what for what in found.values())


def test_a_parameter_that_no_optimizer_has():
    model = Net()
    step = trained(model, optim.SGD(model.head.parameters(), lr=0.1))
    found = {finding.where: finding.what for finding in fnn.explain.gradients(step, inputs()).findings}
    assert list(found) == ["model.encoder.0.weight", "model.encoder.0.bias"]
    assert set(found.values()) == {"is not updated by this step: no optimizer has it"}


def test_dead_units():
    model = Net()
    model.encoder[0].bias.data = jnp.array([-99.0, -99.0, -99.0, 99.0])
    (finding,) = fnn.explain.dead(trained(model), inputs()).findings
    assert finding.where == "Net/encoder/1" and finding.what == "3 of 4 units are 0 for the whole batch"


def test_wrong_shapes():
    model = Net(nn.Sequential(nn.Linear(5, 4)))
    for call in (model, fnn.jit(model), trained(model)):
        with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied") as raised:
            call(inputs())
        (note,) = [note for note in raised.value.__notes__ if note.startswith("In forward")]
        assert note == (
            "In forward of middle.0 (Linear) of Net, called with\n"
            "  middle.0: Linear(float32[4, 4])\n  middle: Sequential(float32[4, 4])\n  Net(float32[4, 3])"
        )


def test_a_leaked_tracer():
    class Keeps(nn.Module):
        def forward(self, x):
            self.last = x
            return x

    model = Net(Keeps())
    with pytest.raises(fnn.TracerEscapeError) as raised:
        jax.jit(lambda x: model(x))(inputs())
    assert "In forward of middle (Keeps) of Net" in raised.value.__notes__[0]


def test_a_number_that_is_asked_of_a_tracer():
    model = Net(Apply(lambda x: x if x.sum() > 0 else -x))
    with pytest.raises(jax.errors.TracerBoolConversionError) as raised:
        trained(model)(inputs())
    assert any("In forward of middle (Apply) of Net" in note for note in raised.value.__notes__)
