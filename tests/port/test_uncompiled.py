"""Steps that compiled code cannot take: `fnn.backward` of a function in its place, and equal to PyTorch's."""

import random
import textwrap
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("libcst")
pytest.importorskip("torch")

from fnn.port.convert import convert, convert_files

HEAD = """\
import random
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
losses = []
"""
TAIL = """\
model = Net()
opt = torch.optim.Adam(model.parameters(), lr=0.05)
for i in range(4):
    x, y = torch.randn(6, 3), torch.randint(0, 2, (6,))
    opt.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    opt.step()
    losses.append(loss.item())
"""
NET = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)
        self.drop = nn.Dropout(0.3)
        self.calls = 0
    def forward(self, x):
        h = self.drop(self.norm(self.first(x)))
{forward}
        return self.last(h)
"""
# What a forward pass does that cannot be compiled.
FORWARDS = {
    "a branch on a value": "        if h.mean() > 0:\n            h = h.relu()\n        else:\n            h = 2 * h",
    "a branch on what is not": "        if not (h.abs() < 3).all():\n            h = h.clamp(-3, 3)\n",
    "rows of a mask": "        rows = h.sum(1) > 0\n        h = h - h[rows].mean() * h[~rows].std()",
    "indices of a mask": "        at = torch.nonzero(h.sum(1) > 0).reshape(-1)\n        h = h + h[at].pow(2).mean()",
    "a write by places": (
        "        at = (h.sum(1) > 0).nonzero(as_tuple=True)[0]\n        h = h.clone()\n        h[at] = h[at] * 2"
    ),
    "layers by drawn values": (
        "        to_drop = torch.zeros(2).uniform_(0., 1.) < 0.5\n        if all(to_drop):\n"
        "            to_drop[random.randrange(2)] = False\n"
        "        for step in [s for s, drop in zip((torch.tanh, torch.sin), to_drop) if not drop]:\n"
        "            h = step(h)"
    ),
    "a number of Python's": "        if random.randrange(2):\n            h = torch.tanh(h)",
    "numbers of numpy's": "        h = h * float(np.random.permutation(5)[0])",
    "numbers of values": (
        "        size = h.detach().abs().max().item()\n        h = h / (1 + size)\n        h = h + float(h.mean() > 0)"
    ),
    "arrays of the host": (
        "        order = np.argsort(h.detach().numpy().sum(1))\n        h = h + h[torch.from_numpy(order.copy())] * 0.1"
    ),
    "lists of numbers": "        h = h + sum(h.detach().sum(0).tolist()) * h.mean()",
    "as often as values ask for": "        while h.abs().max() > 1:\n            h = h / 2",
    "what has no gradient": (
        "        with torch.no_grad():\n            near = torch.sigmoid(h)\n        if near.mean() > 0.4:\n"
        "            h = h * near\n        else:\n            h = h + near"
    ),
}


def run(code, name):
    """The losses of a script."""
    random.seed(3)
    np.random.seed(3)
    found: dict = {}
    exec(compile(code, name, "exec"), found)
    return found["losses"]


def compared(source):
    """The conversion of a script whose losses are PyTorch's."""
    conversion = convert(source)
    assert conversion.complete, [n for n in conversion.notes if n.status == "not converted"]
    assert run(conversion.code, "port") == pytest.approx(run(source, "original"), rel=1e-4)
    return conversion


def told(conversion):
    """The lines at which it is said that something is not compiled."""
    return [n.line for n in conversion.notes if n.status == "changed meaning" and "is not compiled" in n.text]


@pytest.mark.parametrize("kind", FORWARDS)
def test_forward_passes_that_ask_for_values(kind):
    source = HEAD + NET.format(forward=FORWARDS[kind]) + TAIL
    conversion = compared(source)
    assert "    loss = fnn.backward(loss_of)(model)\n" in conversion.code and "fnn.jit" not in conversion.code
    assert told(conversion) == [source.splitlines().index("    loss.backward()") + 1]


def test_the_step_is_written_in_its_place():
    conversion = compared(HEAD + NET.format(forward=FORWARDS["a branch on a value"]) + TAIL)
    wanted = """\
        for i in range(4):
            x, y = fnn.randn(6, 3), fnn.randint(0, 2, (6,))
            opt.zero_grad()

            def loss_of(model):
                return F.cross_entropy(model(x), y)

            loss = fnn.backward(loss_of)(model)
            opt.step()
            losses.append(loss.item())
        """
    assert textwrap.dedent(wanted) in conversion.code
    assert "        if h.mean() > 0:\n            h = fnn.relu(h)\n        else:\n" in conversion.code


PLAIN = NET.format(forward="        h = torch.tanh(h)")
STEPS = {
    "a branch in the step": """\
        out = model(x)
        loss = F.cross_entropy(out, y)
        if loss.item() > 0.7:
            loss = loss * 2
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
        """,
    "a mask in the step, and what is read behind it": """\
        out = model(x)
        right = out.argmax(1) == y
        each = F.cross_entropy(out, y, reduction="none")
        seen = each[~right].pow(2)
        opt.zero_grad()
        (seen.sum() + each.mean()).backward()
        opt.step()
        losses.append(seen.sum().item() + right.sum().item())
        """,
    "clipped gradients": """\
        opt.zero_grad()
        loss = F.cross_entropy(model(x)[y > 0].tanh(), y[y > 0])
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        opt.step()
        losses.append(loss.item() + norm.item())
        """,
    "accumulation": """\
        opt.zero_grad()
        for part in range(2):
            out = model(x[3 * part : 3 * part + 3])
            if out.mean() > 0:
                loss = out.pow(2).mean()
            else:
                loss = out.abs().mean()
            (loss / 2).backward()
            losses.append(loss.item())
        opt.step()
        """,
    "values that the next turn reads": """\
        opt.zero_grad()
        state = torch.tanh(model(x) + state.detach())
        loss = state[y > 0].pow(2).sum()
        total += loss.item()
        loss.backward()
        opt.step()
        losses.append(total + state.sum().item())
        """,
    "two losses": """\
        fake = model(x)
        other = judge(fake)
        loss_g = other[y > 0].pow(3).mean()
        opt.zero_grad()
        loss_g.backward()
        opt.step()
        judging.zero_grad()
        loss_d = judge(fake.detach())[y > 0].pow(3).mean() - judge(x[:, :2]).mean()
        loss_d.backward()
        judging.step()
        losses.append(loss_g.item() - loss_d.item())
        """,
}


@pytest.mark.parametrize("kind", STEPS)
def test_steps_that_ask_for_values(kind):
    lines = textwrap.indent(textwrap.dedent(STEPS[kind]), "    ")
    source = HEAD + PLAIN + (
        "model, judge = Net(), nn.Linear(2, 1)\nopt = torch.optim.Adam(model.parameters(), lr=0.05)\n"
        "judging = torch.optim.SGD(judge.parameters(), lr=0.1)\nstate, total = torch.zeros(6, 2), 0.0\n"
        "for i in range(4):\n    x, y = torch.randn(6, 3), torch.tensor([0, 1, 1, 0, 1, 0])\n"
    ) + lines  # fmt: skip
    conversion = compared(source)
    assert "def train_step" not in conversion.code and told(conversion)


def test_steps_of_methods_and_evaluations_stay_with_their_owner():
    source = (
        HEAD
        + NET.format(forward=FORWARDS["rows of a mask"])
        + """\
class Trainer:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1)
    def loss_of(self, x, y):
        return F.cross_entropy(self.net(x), y)
    def fit(self, loader):
        self.net.train()
        for x, y in loader:
            self.opt.zero_grad()
            loss = self.loss_of(x, y)
            loss.backward()
            self.opt.step()
            losses.append(loss.item())
    def test(self, loader):
        self.net.eval()
        right = 0
        with torch.no_grad():
            for x, y in loader:
                out = self.net(x)
                right += (out.argmax(1) == y).sum().item()
        losses.append(right)
trainer = Trainer()
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 3), torch.arange(8) % 2), 4)
for epoch in range(2):
    trainer.fit(loader)
    trainer.test(loader)
"""
    )
    conversion = compared(source)
    assert "fnn.jit" not in conversion.code
    assert "loss = fnn.backward(loss_of_2)(self.net)" in conversion.code
    assert len(told(conversion)) == 2


def test_a_step_beside_it_is_compiled():
    other = TAIL.replace("Net()", "nn.Linear(3, 2)")
    conversion = compared(HEAD + NET.format(forward=FORWARDS["rows of a mask"]) + TAIL + other)
    assert conversion.code.count("@fnn.jit") == 1 and conversion.code.count("fnn.backward(loss_of)(model)") == 1


def test_a_model_beside_it_is_compiled():
    plain = NET.format(forward="        h = h * 2").replace("Net(", "Plain(").replace("self.drop(", "(")
    other = TAIL.replace("Net()", "Plain()")
    conversion = compared(HEAD + NET.format(forward=FORWARDS["a branch on a value"]) + plain + TAIL + other)
    assert conversion.code.count("@fnn.jit") == 1 and conversion.code.count("fnn.backward(loss_of)(model)") == 1


LAYERS = """\
a, b, head = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)
layers = [a, b]
opt = torch.optim.SGD([*a.parameters(), *b.parameters(), *head.parameters()], lr=0.5)
for i in range(4):
    x, y = torch.randn(6, 3), torch.randint(0, 2, (6,))
    opt.zero_grad()
    for layer in layers:
        x = layer(x)
        if x.mean() > 0:
            x = torch.relu(x)
    loss = F.cross_entropy(head(x), y)
    loss.backward()
    opt.step()
    losses.append(loss.item())
"""


def test_layers_of_a_list_beside_a_model_are_trained():
    assert "fnn.backward(loss_of, argnums=(0, 1, 2))(head, a, b, x)" in compared(HEAD + LAYERS).code
    some = LAYERS.replace("opt = ", "given = [*a.parameters(), *head.parameters()]\nopt = ")
    unknown = convert(HEAD + some.replace("SGD([*a.parameters(), *b.parameters(), *head.parameters()]", "SGD(given"))
    assert not unknown.complete and "fnn.backward(loss_of" not in unknown.code


FOLDER = {
    "lib/parts.py": HEAD + NET.format(forward=FORWARDS["a branch on a value"]),
    "lib/models.py": """\
from torch import nn
from .parts import Net
class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()
    def forward(self, x):
        return self.net(x)
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(3, 2)
    def forward(self, x):
        return self.last(x)
""",
    "train.py": HEAD + "from lib.models import Whole as Chosen, Plain\n" + TAIL.replace("Net", "Chosen"),
    "plain.py": HEAD + "import lib.models\n" + TAIL.replace("Net", "lib.models.Plain"),
}


def test_lines_of_other_files_are_seen():
    made = convert_files({Path(name): text for name, text in FOLDER.items()})
    for path, conversion in made.items():
        assert conversion.complete, (path, conversion.notes)
    train, plain, parts = (made[Path(name)] for name in ("train.py", "plain.py", "lib/parts.py"))
    assert "    loss = fnn.backward(loss_of)(model)\n" in train.code and "fnn.jit" not in train.code
    line = 1 + FOLDER["lib/parts.py"].splitlines().index("        if h.mean() > 0:")
    (said,) = [n.text for n in train.notes if "not compiled" in n.text]
    assert f"lib/parts.py, line {line}: a branch on the value" in said
    assert "@fnn.jit\ndef train_step(x, y):" in plain.code
    assert [(n.line, n.status) for n in parts.notes if "the steps that run it are not compiled" in n.text] == [
        (line, "changed meaning")
    ]


def test_lines_that_no_step_runs_stay_reported():
    parts = {Path(name): text for name, text in FOLDER.items() if name != "train.py"}
    assert [path.name for path, conversion in convert_files(parts).items() if not conversion.complete] == ["parts.py"]


def test_a_branch_that_leaves_the_turn_is_reported():
    line = "    if not np.isfinite(loss.item()):\n        continue\n    loss.backward()"
    source = HEAD + NET.format(forward=FORWARDS["rows of a mask"]) + TAIL.replace("    loss.backward()", line)
    conversion = compared(source)
    assert any("leaves the turn when the gradients are there" in note.text for note in conversion.notes)


PACKED = """\
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
class Teller(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.tell, self.out = nn.Embedding(9, 4), nn.GRU(4, 4, batch_first=True), nn.Linear(4, 9)
    def forward(self, words, lengths):
        told, _ = self.tell(pack_padded_sequence(self.embed(words), lengths, batch_first=True))
        {taken}
model = Teller()
opt = torch.optim.SGD(model.parameters(), lr=0.5)
for lengths in ([5, 4, 2], [5, 5, 3], [5, 3, 1], [5, 4, 4]):
    words = torch.randint(1, 9, (3, 5))
    for row, n in enumerate(lengths):
        words[row, n:] = 0
    scores = model(words, lengths)
    loss = F.cross_entropy({scores})
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
"""


def test_packed_sequences_are_not_compiled_for_each_set_of_lengths():
    taken = {
        "taken": "return self.out(told.data)",
        "scores": "scores, pack_padded_sequence(words, lengths, batch_first=True)[0]",
    }
    conversion = compared(HEAD + PACKED.format(**taken))
    assert "fnn.jit" not in conversion.code and told(conversion)
    assert any("another size for each set of lengths" in note.text for note in conversion.notes)


def test_lengths_of_what_is_padded_again_are_an_array():
    taken = {
        "taken": "return self.out(pad_packed_sequence(told, batch_first=True)[0])",
        "scores": "scores.transpose(1, 2), words, ignore_index=0",
    }
    conversion = compared(HEAD + PACKED.format(**taken))
    assert "@fnn.jit\ndef train_step(words, lengths):" in conversion.code and not told(conversion)
    assert "    loss = train_step(words, fnn.tensor(lengths))\n" in conversion.code


def test_gradients_that_are_asked_for_on_the_way_are_left():
    asked = "    loss = loss + torch.autograd.grad(loss, x, create_graph=True)[0].sum()\n    loss.backward()"
    step = TAIL.replace("    loss.backward()", asked).replace("randn(6, 3)", "randn(6, 3, requires_grad=True)")
    conversion = convert(HEAD + NET.format(forward=FORWARDS["rows of a mask"]) + step)
    assert not conversion.complete and not told(conversion)
