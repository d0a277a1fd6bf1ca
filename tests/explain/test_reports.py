"""What an explanation looks like, and what else it says."""

import io
import os
import subprocess
import sys

import jax.numpy as jnp
import pytest

import fnn
from fnn import nn, optim
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.explain._names import place_of
from fnn.explain._report import Finding, Report, Table, amount, seconds
from tests.explain.test_faults import Net, inputs, trained


def test_all_together():
    model = Net()
    step = trained(model, optim.SGD(model.parameters(), lr=0.1))
    step(inputs())
    before = [p.data for p in model.parameters()]
    report = fnn.explain(step, inputs())
    titles = [part.title.partition(" in ")[0].partition(" of ")[0] for part in report.parts]
    assert titles == ["Programs", "Numbers that are not finite", "Gradients", "Dead units", "Keys", "Memory", "Time"]
    assert all((a == p.data).all() for a, p in zip(before, model.parameters(), strict=True))
    timed = report.parts[-1]
    assert any(finding.where.startswith("Net/") and finding.phase == "backward" for finding in timed.findings)
    assert "compiled: " in report.parts[-2].lines[0]
    from fnn.explain import nonfinite  # the same, from the module

    assert nonfinite is fnn.explain.nonfinite and callable(sys.modules["fnn.explain"])


def test_methods_and_static_arguments():
    class Trainer:
        def __init__(self):
            self.model = Net()

        @fnn.jit
        def step(self, x):
            return jnp.log(self.model(x) * 0).sum()

    report = fnn.explain.nonfinite(Trainer().step, inputs())
    assert report.lines[0].startswith("-inf is born outside of modules, in log")
    step = fnn.jit(lambda n, x: x**n, static_argnums=0)
    assert fnn.explain.nonfinite(step, 2, inputs() * jnp.nan).findings[0].where == "x"
    step(2, inputs()), step(3, inputs())
    assert fnn.explain.recompiles(step).findings == [Finding("static argument n", "2 is now 3")]


def test_random_numbers_are_those_of_the_next_call():
    model = Net(nn.Dropout(0.5))
    step = fnn.jit(lambda x: jnp.where(model.middle(x) == 0, jnp.nan, 1.0))
    for _ in range(2):
        wrong = bool(fnn.explain.nonfinite(step, jnp.ones(1)).findings)
        assert bool(jnp.isnan(step(jnp.ones(1)))[0]) == wrong


CHANGES = [
    (lambda m, o: m.eval(), "model.training: True is now False"),
    (lambda m, o: m.head.register_forward_hook(lambda *_: None), "model.head: a forward hook was added to model.head"),
    (lambda m, o: m.head.weight.requires_grad_(False), "model.head.weight.requires_grad: True is now False"),
    (lambda m, o: setattr(m, "head", nn.Sequential(nn.Linear(4, 2))), "model.head: a Linear is now a Sequential"),
    (lambda m, o: setattr(m, "scale", "2"), "model.scale: 1.0 is now '2'"),
    (lambda m, o: o.param_groups[0].update(nesterov=True),
     "hyper-parameters of a parameter group: nesterov: False is now True"),
    (lambda m, o: fnn.set_default_dtype(jnp.float16), "the default dtype: float32 is now float16"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=[words for _, words in CHANGES])
def test_words_of_a_change(change, words):
    class Scaled(Net):
        def forward(self, x):
            return super().forward(x) * float(self.scale)

    model = Scaled()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @fnn.jit
    def step(x):
        optimizer.zero_grad()
        loss = model(x).sum()
        if model.head is not None:
            fnn.backward(loss)
            optimizer.step()
        return loss

    step(inputs()), step(inputs())
    try:
        change(model, optimizer)
        fnn.explain.memory(step, inputs())
    finally:
        fnn.set_default_dtype(jnp.float32)
    assert words in step.history.compilations[-1].reasons


def test_words_of_an_answer():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return x if self.calls % 2 else -x

    model = Counts()
    step = fnn.jit(lambda x: model(x))
    for _ in range(5):
        step(jnp.ones(1))
    assert step.history.compilations[-1].reasons == ("bool((model.calls + 1) % 2): was True, is now False",)


def test_frozen_parameters_and_wrong_indices_are_named():
    model = Net()
    model.encoder.requires_grad_(False)
    report = fnn.explain.gradients(trained(model), inputs())
    frozen = "2 more are frozen (requires_grad=False): model.encoder.0.weight, model.encoder.0.bias"
    assert report.lines == ["each of 2 parameters gets one", frozen] and not report.findings
    embedding = nn.Embedding(3, 2)
    found = fnn.explain.nonfinite(lambda i: embedding(i).sum(), jnp.array([1, 7]))
    assert found.lines[0].startswith("nan is born in Embedding, in gather (forward): an index that is out of range")


def test_live():
    model = Net(width=7)
    optimizer = optim.Adam(model.parameters())
    kept = jnp.ones((11, 13))
    report = fnn.explain.live(model=model, optimizer=optimizer, batches=[kept])
    found = {finding.where: finding.what for finding in report.findings}
    assert found["model.encoder.0.weight"] == "84 B, float32[7, 3]"
    assert found["optimizer.state[model.encoder.0.weight]['exp_avg']"] == "84 B, float32[7, 3]"
    assert found["batches[0]"] == "572 B, float32[11, 13]"
    assert any(name.startswith("Net") and name.endswith("encoder.0.weight") for name in (
        finding.where for finding in fnn.explain.live().findings))  # fmt: skip


def test_texts():
    report = Report("Title", ["a line"], [Table(("name", "size"), [("<a>", "1 B"), ("bb", "22 B")])])
    assert str(report) == "Title\n  a line\n\n  name  size\n  <a>    1 B\n  bb    22 B"
    assert "&lt;a&gt;" in report._repr_html_() and "<b>Title</b>" in report._repr_html_()
    rich = pytest.importorskip("rich.console")
    console = rich.Console(width=60, record=True, file=io.StringIO())
    console.print(report)
    assert "<a>" in console.export_text()
    narrow = rich.Console(width=24, record=True, file=io.StringIO())
    narrow.print(Report("Memory", (), [Table(("module", "size"), [("Net/encoder/layer1/conv1", "123.4 MiB")])]))
    head, *rows = narrow.export_text().splitlines()[1:]
    at = head.index("size") - len("123.4 ")  # numbers are to the right
    assert "".join(row[:at].strip() for row in rows) == "Net/encoder/layer1/conv1"
    assert rows[0].endswith(" 123.4 MiB ")
    assert [amount(n) for n in (5, 2048, 3 << 20, 5 << 30)] == ["5 B", "2.0 KiB", "3.0 MiB", "5.0 GiB"]
    assert [seconds(t) for t in (2.0, 0.002, 2e-6)] == ["2.00 s", "2.00 ms", "2.0 us"]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("jit(step)/jvp(Net)/layer1/0/mul", ("Net/layer1/0", "forward")),
        ("jit(step)/transpose(jvp(Net))/layer1/0/jit(_where)/select_n", ("Net/layer1/0", "backward")),
        ("jit(step)/Net/rnn/while/body/closed_call/tanh", ("Net/rnn", "forward")),
        ("jit(step)/Adam/add;jit(step)/Adam/mul", ("Adam", "optimizer")),
        ("jit(step)/(transpose(jvp(A))/0/dot:transpose(jvp(A))/2/dot:jvp()/sum)", ("A/0, A/2", "backward")),
        ("reduce_sum", ("", "forward")),
    ],
)  # fmt: skip
def test_names_of_operations(name, place):
    assert place_of(name, ("Adam",)) == place


@pytest.mark.parametrize("name", ["recompiles", "nonfinite", "memory", "time", "gradients", "dead", "collectives"])
def test_no_function(name):
    with pytest.raises(ArgumentTypeError, match=rf"explain.{name}: expected a function.*got step=3"):
        getattr(fnn.explain, name)(3)


def test_the_profile_is_kept(tmp_path):
    fnn.explain.time(jnp.sin, jnp.ones(2), repeats=1, folder=tmp_path)
    assert list(tmp_path.rglob("*.trace.json.gz"))


def test_no_repeats():
    with pytest.raises(ArgumentError, match=r"explain.time: repeats must be positive, got repeats=0"):
        fnn.explain.time(jnp.sin, jnp.ones(2), repeats=0)


MESH = """
import jax, jax.numpy as jnp, fnn
from jax.sharding import NamedSharding, PartitionSpec as P
from fnn import nn
mesh = jax.make_mesh((2,), ("data",))
model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 2, bias=False))
for p in model.parameters():
    p.data = jax.device_put(p.data, NamedSharding(mesh, P()))
step = fnn.jit(lambda x: fnn.value_and_grad(lambda model: jnp.log(-1 - model(x) ** 2).mean())(model))
x = jax.device_put(jnp.ones((4, 4)), NamedSharding(mesh, P("data")))
print(fnn.explain.nonfinite(step, x).lines[0])
for finding in fnn.explain.collectives(step, x).findings:
    print(finding.where, finding.phase, finding.what)
"""


def test_on_a_mesh():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", MESH], capture_output=True, text=True, check=True, env=environment)
    first, *rest = done.stdout.splitlines()
    assert first.startswith("nan is born outside of modules, in log (forward)")
    # of one operation that XLA made of the three, each part has its own place
    assert {f"Sequential/{n} backward 1 all-reduce, {size} B" for n, size in ((0, 64), (1, 32))} <= set(rest), rest
