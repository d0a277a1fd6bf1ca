"""What stands for what: expressions, statements, steps, and what is only reported."""

import ast
import json
import textwrap
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("libcst")

from fnn.port.check import Check, entries, passed, ports
from fnn.port.cli import main
from fnn.port.convert import convert

HEAD = (
    "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nx = torch.rand(2, 3)\ny = torch.rand(2, 3)\n"
)
EXPRESSIONS = {
    "x.view(-1, 3)": "x.reshape(-1, 3)",
    "x.view(x.size(0), -1)": "x.reshape(x.shape[0], -1)",
    "x.size()": "x.shape",
    "x.dim()": "x.ndim",
    "x.t() @ y": "x.T @ y",
    "x.unsqueeze(0).expand(4, -1, -1)": "fnn.expand(fnn.unsqueeze(x, 0), 4, -1, -1)",
    "x.sum()": "x.sum()",
    "x.sum(1)": "x.sum(1)",
    "x.sum(1, True)": "fnn.sum(x, 1, True)",
    "x.mean(dim=1)": "fnn.mean(x, dim=1)",
    "x.max(1)[1]": "fnn.max(x, 1)[1]",
    "x.max()": "x.max()",
    "x.std()": "fnn.std(x)",
    "x.squeeze(0)": "fnn.squeeze(x, 0)",
    "x.squeeze()": "x.squeeze()",
    "x.flatten(1)": "fnn.flatten(x, 1)",
    "x.repeat(2, 1)": "fnn.repeat(x, 2, 1)",
    "x.transpose(0, 1).contiguous()": "fnn.transpose(x, 0, 1)",
    "(x == y).sum().item()": "(x == y).sum().item()",
    "x.detach().cpu().numpy()": "fnn.numpy(x)",
    "x.to(torch.float16)": "fnn.to(x, fnn.float16)",
    "x.to('cuda')": "x",
    "x.cuda().float()": "fnn.float(x)",
    "x.type(torch.LongTensor)": "fnn.long(x)",
    "torch.FloatTensor([1, 2])": "fnn.tensor([1, 2], dtype=fnn.float32)",
    "torch.Tensor(2, 3).fill_(1.0)": "fnn.full((2, 3), 1.0)",
    "torch.ones(2, device='cuda', dtype=torch.int64)": "fnn.ones(2, dtype=fnn.long)",
    "torch.randn(2, requires_grad=True)": "fnn.nn.Parameter(fnn.randn(2))",
    "isinstance(x, torch.Tensor)": "isinstance(x, jax.Array)",
    "F.relu(x).clamp(min=0)": "fnn.clamp(F.relu(x), min=0)",
    "[a.unsqueeze(0) for a in (x, y)]": "[fnn.unsqueeze(a, 0) for a in (x, y)]",
    "torch.cuda.is_available()": 'jax.default_backend() == "gpu"',
    "nn.Linear(3, 2).cuda()": "nn.Linear(3, 2)",
    "nn.Linear(3, 2).weight.view(6)": "nn.Linear(3, 2).weight.view(6)",
    "x.split(1, dim=1)[0].exp()": "fnn.exp(fnn.split(x, 1, dim=1)[0])",
    "'a b'.split(' ')": "'a b'.split(' ')",
    "x.sum(axis=1)": "x.sum(axis=1)",
    "x.std(axis=1, keepdims=True)": "fnn.std(x, dim=1, keepdim=True)",
    "torch.cat([x, y], axis=1)": "fnn.cat([x, y], dim=1)",
    "x[range(2), 0]": "x[fnn.arange(2), 0]",
    "x.to(0)": "x",
    "x.is_xpu": "False",
    "x.is_cpu": 'jax.default_backend() == "cpu"',
    "x.double()": "fnn.float(x)",
    "torch.spmm(x, y + 1)": "x @ (y + 1)",
    "torch.sparse_coo_tensor(x, y, (2, 3)).t()": "jax.experimental.sparse.BCOO((y, x.T), shape=(2, 3)).T",
    "torch.empty_like(x).uniform_(-0.1, 0.1)": "0.1 * (2 * fnn.rand_like(x) - 1)",
    "torch.FloatTensor(2, 3).uniform_(2, 5) * y": "(2 + (5 - 2) * fnn.rand(2, 3)) * y",
    "x + torch.zeros(3).normal_(std=0.1)": "x + (0.1 * fnn.randn(3))",
    "torch.optim.adam.Adam": "fnn.optim.Adam",
    "torch.utils.checkpoint.checkpoint(F.relu, x, use_reentrant=False)": "fnn.utils.checkpoint.checkpoint("
    "F.relu, x, use_reentrant=False)",
    "[k.transpose(0, 1) for k in map(F.relu, (x, y))]": "[fnn.transpose(k, 0, 1) for k in map(F.relu, (x, y))]",
}
STATEMENTS = {
    "x[0] = 1": "x = x.at[0].set(1)",
    "x[:, 1] += y[:, 0]": "x = x.at[:, 1].add(y[:, 0])",
    "x[0] -= y[0] + 1": "x = x.at[0].add(-(y[0] + 1))",
    "x[x > 0] = 0": "x = fnn.masked_fill(x, x > 0, 0)",
    "m = x > 0\nx[m] = y[m]": "m = x > 0\nx = fnn.where(m, y, x)",
    "m = x > 0\nx[m] *= 2": "m = x > 0\nx = fnn.where(m, x * 2, x)",
    "x[x > 0] = x.mean()": "x = fnn.index_put(x, (x > 0,), x.mean())",
    "m = torch.bernoulli(torch.full(x.shape, 0.5)).bool()\nx[~m] = -100":
        "m = fnn.bool(fnn.bernoulli(fnn.full(x.shape, 0.5)))\nx = fnn.masked_fill(x, ~m, -100)",
    "m = x.sum(1) > 0\nx[m] = 0": "m = x.sum(1) > 0\nx = fnn.index_put(x, (m,), 0)",
    "m = x.sum(1) > 0\nx[m] -= y[0]": "m = x.sum(1) > 0\nx = fnn.index_put(x, (m,), -y[0], accumulate=True)",
    "m = x.sum(1) > 0\nx[m] /= 2": "m = x.sum(1) > 0\nx = x / fnn.index_put(fnn.ones_like(x), (m,), 2)",
    "m = x.sum(1) > 0\nx[m, 1] = 0": "m = x.sum(1) > 0\nx = fnn.index_put(x, (m, fnn.tensor(1)), 0)",
    "m = x.sum(0) > 0\nx[:, m] = 0": "m = x.sum(0) > 0\nx = fnn.index_put(x, (None, m), 0)",
    "def f(x, mask):\n    x.abs_()\n    x[mask] = 0": "def f(x, mask):\n    x = fnn.abs(x)\n"
        "    x = fnn.index_put(x, (mask,), 0)",
    "i = torch.randint(2, (1,))\ny = y[i : i + 1, :2]":
        "i = fnn.randint(2, (1,))\ny = y[i.item() : (i + 1).item(), :2]",
    "x[0][1] = 2": "x = x.at[0, 1].set(2)",
    "x[0] = z = y[0]": "z = y[0]\nx = x.at[0].set(z)",
    "x[0] = y[0].reshape(1, -1)": "x = x.at[0].set(y[0].reshape(1, -1).reshape(x[0].shape))",
    "b, n, device = *x.shape, x.device": "b, n = x.shape",
    "import torch.distributed as dist\ndist.all_reduce(x, op=dist.ReduceOp.SUM)": (
        "import fnn.distributed as dist\nx = dist.all_reduce(x, op=dist.ReduceOp.SUM)"
    ),
    "import torch.distributed as dist\nfor t in (x, y):\n    dist.broadcast(t, src=0)": (
        "import fnn.distributed as dist\nx, y = [dist.broadcast(t, src=0) for t in (x, y)]"
    ),
    "from torch import distributed\ndistributed.all_gather_into_tensor(output_tensor=x[0], input_tensor=y)": (
        "from fnn import distributed\n"
        "x = x.at[0].set(distributed.all_gather_into_tensor(output_tensor=x[0], input_tensor=y))"
    ),
    "import torch.distributed as dist\nm = nn.Linear(3, 2)\ndist.broadcast(m.weight, 0)\ndist.barrier()": (
        "import fnn.distributed as dist\nm = nn.Linear(3, 2)\ndist.broadcast(m.weight, 0)\ndist.barrier()"
    ),
    "print(x.device)": "print(jax.devices()[0])",
    "m = nn.Linear(3, 2)\nnn.init.zeros_(m.bias.data)": "m = nn.Linear(3, 2)\nnn.init.zeros_(m.bias)",
    "x.requires_grad_()\nx.clamp_(0, 1)": "x = nn.Parameter(x)\nx.clamp_(0, 1)",
    "seen = set()\nseen.add(1)": "seen = set()\nseen.add(1)",
    "def f(xs):\n    xs.sort(key=len)": "def f(xs):\n    xs.sort(key=len)",
    "x.add_(y)": "x = fnn.add(x, y)",
    "x.zero_()": "x = fnn.zeros_like(x)",
    "x = x.to('cuda')": "",
    "x.normal_(1, 2)": "x = 1 + 2 * fnn.randn_like(x)",
    "heads = nn.ModuleDict()\nout = {n: h(x) for n, h in heads.items()}\nout['a'].squeeze(1)":
        "heads = nn.ModuleDict()\nout = {n: h(x) for n, h in heads.items()}\nfnn.squeeze(out['a'], 1)",
    "def g(f):\n    n = f.size(0)\n    return f.view(n)": "def g(f):\n    n = f.shape[0]\n    return f.reshape(n)",
    "def g(p, q):\n    p.data.copy_(q.data)": "def g(p, q):\n    p.data = q.data",
    "def g(a=1):\n    if isinstance(a, list):\n        return torch.Tensor(a)":
        "def g(a=1):\n    if isinstance(a, list):\n        return fnn.tensor(a, dtype=fnn.float32)",
    "def g():\n    yield x\nfor a in g():\n    a.size(0)": "def g():\n    yield x\nfor a in g():\n    a.shape[0]",
    "torch.backends.cudnn.benchmark = True": "",
    "assert(torch.cuda.is_available())": 'assert(jax.default_backend() == "gpu")',
    "b = [x, y]\nb = [t.cuda() for t in b]\nu, v = [t.cuda() for t in b]": "b = [x, y]\nu, v = b",
    "ps = [x, y]\nfor p in ps:\n    p.requires_grad_()": "ps = [x, y]\nps = [nn.Parameter(p) for p in ps]\nx, y = ps",
    "m = nn.Linear(3, 2)\ntorch.save(m, 'm.pt')\nm = torch.load('m.pt', weights_only=False)":
        "m = nn.Linear(3, 2)\nfnn.save(m.state_dict(), 'm.pt')\nm.load_state_dict(fnn.load('m.pt'))",
    "m = nn.Linear(3, 2)\nm.weight.data.normal_(0, 0.02)": "m = nn.Linear(3, 2)\nnn.init.normal_(m.weight, 0, 0.02)",
    "m = nn.Linear(3, 2)\nm.to('cuda')": "m = nn.Linear(3, 2)",
    "n = x.numpy()\nn[0] = 1": "n = fnn.numpy(x)\nn[0] = 1",
    "class A:\n    def view(self, n): return n\nA().view(3)": "class A:\n    def view(self, n): return n\nA().view(3)",
}  # fmt: skip


def tail(source: str) -> str:
    code = convert(HEAD + source + "\n").code
    return code.partition("y = fnn.rand(2, 3)\n")[2].strip("\n")


@pytest.mark.parametrize(("before", "after"), EXPRESSIONS.items(), ids=list(EXPRESSIONS))
def test_expressions(before, after):
    assert tail(f"print({before})") == f"print({after})"


@pytest.mark.parametrize(("before", "after"), STATEMENTS.items(), ids=list(STATEMENTS))
def test_statements(before, after):
    assert tail(before) == after


def test_imports_keep_their_form_and_their_comments():
    source = """\
        # about this file
        import torch, math  # both
        from torch import nn, optim
        from torch.utils.data import DataLoader
        from torchvision import datasets, transforms as T
        from torch.autograd import Variable
        """
    wanted = """\
        # about this file
        import fnn, math  # both
        from fnn import nn, optim
        from fnn.utils.data import DataLoader
        from fnn.vision import datasets, transforms as T
        """
    assert convert(textwrap.dedent(source)).code == textwrap.dedent(wanted)


LOOP = """\
import torch
import numpy as np
model = torch.nn.Linear(3, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []
for i in range(9):
    x = torch.randn(4, 3)
    opt.zero_grad()
    z = torch.from_numpy(np.random.rand(4, 1))  # a target
    loss = ((model(x) - z) ** 2).mean()
    losses.append(loss.item())
    loss.backward()
    opt.step()  # go
    # tell
    print(i, loss.item())
"""
STEP = """\
import fnn
import numpy as np
model = fnn.nn.Linear(3, 1)
opt = fnn.optim.SGD(model.parameters(), lr=0.1)
losses = []


@fnn.jit
def train_step(x, z):
    opt.zero_grad()
    loss = ((model(x) - z) ** 2).mean()
    fnn.backward(loss)
    opt.step()  # go
    return loss


for i in range(9):
    x = fnn.randn(4, 3)
    z = fnn.from_numpy(np.random.rand(4, 1))  # a target
    loss = train_step(x, z)
    losses.append(loss.item())
    # tell
    print(i, loss.item())
"""


def test_the_step_is_outlined():
    conversion = convert(LOOP)
    assert conversion.code == STEP
    assert conversion.complete
    assert {1, 3, 4, 12} <= {note.line for note in conversion.notes if note.status == "converted"}


def test_what_is_not_known_is_said_and_not_guessed():
    conversion = convert("import torch\ndef f(thing):\n    return thing.repeat(2, 1)\n")
    assert "thing.repeat(2, 1)" in conversion.code
    (note,) = [n for n in conversion.notes if n.status == "not converted"]
    assert note.line == 3 and "fnn.repeat(x, ...)" in note.text and not conversion.complete


def test_a_step_that_branches_on_its_loss_stays_and_is_reported():
    source = LOOP.replace(
        "    opt.step()", "    if loss.item() < 3: loss = loss * 2\n    (loss * 2).backward()\n    opt.step()"
    )
    (note,) = [n for n in convert(source).notes if n.status == "not converted"]
    assert "stays in its place" in note.text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nn.ReLU(inplace=True)", "other names of the input keep its old values"),
        (
            "class M(nn.Module):\n    def forward(self, x):\n        return x * x.sum().item()",
            "in the middle of a step",
        ),
        ("nn.Linear(2, 2).double()", "double precision"),
        (
            "m = nn.Linear(3, 1)\nopt = torch.optim.SGD(m.parameters(), 1.0)\nwhile True:\n    loss = m(x).sum()\n"
            "    if loss.item() > 3:\n        break\n    loss.backward()\n    opt.step()",
            "leaves the turn after the step",
        ),
        (
            "m = nn.Linear(3, 1)\nwhile True:\n    loss = m(x).sum()\n    if loss.item() > 3:\n        break\n"
            "    loss.backward()",
            "again in the step behind it",
        ),
    ],
)
def test_what_changes_its_meaning_is_said(line, words):
    notes = [note for note in convert(HEAD + line + "\n").notes if note.status == "changed meaning"]
    assert any(words in note.text for note in notes)


def test_a_loss_that_is_computed_in_other_turns_is_reported():
    source = LOOP.replace("    loss = ((model(x) - z) ** 2).mean()", "    loss = losses[0]")
    (note,) = [n for n in convert(source).notes if n.status == "not converted"]
    assert note.line == 12 and "its loss is computed elsewhere" in note.text


def test_einops_layers_and_operations_of_ones_own():
    source = """\
        import torch
        from einops.layers.torch import Rearrange
        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return 2 * x.clone()
            @staticmethod
            def backward(ctx, grad):
                x, = ctx.saved_tensors
                return 2 * grad.clone() + 0 * x.size(0)
        """
    code = convert(textwrap.dedent(source)).code
    assert "from fnn.nn.einops import Rearrange" in code and "class Double(fnn.autograd.Function)" in code
    assert "2 * fnn.clone(x)" in code and "2 * fnn.clone(grad) + 0 * x.shape[0]" in code


def test_imports_in_brackets_are_parted():
    source = "from torch.utils.data import (\n    DataLoader,\n    Dataset,\n    no_such,\n)\nkinds = ()\n"
    conversion = convert(source)
    made = "from fnn.utils.data import DataLoader, Dataset\nfrom torch.utils.data import no_such\nkinds = ()\n"
    assert conversion.code == made
    assert [(n.line, "no_such" in n.text) for n in conversion.notes if n.status == "not converted"] == [(1, True)]


def test_whatever_is_python_converts_to_what_parses():
    root = Path(__file__).resolve().parents[2]
    files = [*sorted((root / "fnn" / "port").glob("*.py"))[:4], root / "tests" / "extent.py"]
    for file in files:
        source = file.read_text(encoding="utf-8")
        conversion = convert(source)
        ast.parse(conversion.code)
        assert not [n for n in conversion.notes if "a fault of" in n.text]
    with pytest.raises(SyntaxError):
        convert("x = = 1")


def test_command_line(tmp_path, capsys):
    script = tmp_path / "script.py"
    script.write_text(LOOP, encoding="utf-8")
    assert main([str(script), "-o", str(tmp_path / "out.py"), "--json"]) == 0
    assert (tmp_path / "out.py").read_text(encoding="utf-8") == STEP
    (report,) = json.loads(capsys.readouterr().out)
    assert report["complete"] and report["notes"][0]["line"] == 1
    assert main([str(script), "--diff"]) == 0
    shown = capsys.readouterr()
    assert "+    fnn.backward(loss)" in shown.out and "not converted" in shown.err
    assert main([str(tmp_path / "none.py")]) == 2
    assert "there is no such file" in capsys.readouterr().err


BY_HAND = """\
import torch
C = torch.randn(5, 2)
W = torch.randn(2, 5)
parameters = [C, W]
for p in parameters:
  p.requires_grad = True
"""


def test_arrays_that_a_loop_makes_parameters_keep_their_names():
    code = convert(BY_HAND).code
    assert "parameters = [fnn.nn.Parameter(p) for p in parameters]\nC, W = parameters\n" in code
    inner = BY_HAND.replace("\n", "\n    ").replace("import torch\n    ", "import torch\ndef make():\n    ")
    assert "C, W =" not in convert(inner + "return parameters\n").code  # they are taken from the list
    assert "C, W = parameters" in convert(inner + "return C, W\n").code
    (note,) = [n for n in convert(BY_HAND.replace("[C, W]", "[C, W.T]")).notes if n.status == "not converted"]
    assert note.line == 5 and "have other names as well" in note.text
    for others in ("[C] + [W]", "[p for p in (C, W)]"):
        code = convert(BY_HAND.replace("[C, W]", others)).code
        assert "C = fnn.nn.Parameter(fnn.randn(5, 2))\nW = fnn.nn.Parameter(fnn.randn(2, 5))\n" in code


def test_statistics_that_a_step_renews_in_a_with_are_given_to_it():
    source = """\
    import torch
    m = torch.nn.Linear(3, 1)
    opt = torch.optim.SGD(m.parameters(), lr=0.1)
    mean = torch.zeros(1)
    for i in range(3):
        x = torch.randn(4, 3)
        opt.zero_grad()
        y = m(x)
        with torch.no_grad():
            mean = 0.9 * mean + 0.1 * y.mean(0)
        ((y - mean) ** 2).mean().backward()
        opt.step()
    """
    code = convert(textwrap.dedent(source)).code
    assert "def train_step(x, mean):\n" in code and "mean = train_step(x, mean)\n" in code


def test_a_step_begins_where_what_its_loss_needs_is_computed():
    elsewhere = """\
    import torch
    from models import Encoder
    encoder, loss_of = Encoder(), torch.nn.CrossEntropyLoss()
    opt = torch.optim.SGD(encoder.parameters(), lr=0.1)
    for x, y in loader:
        out = encoder(x)
        loss = loss_of(out, y)
        encoder.zero_grad()
        loss.backward()
        opt.step()
        print(loss.item())
    """
    made = convert(textwrap.dedent(elsewhere))
    assert made.complete and "def train_step(x, y):\n    out = encoder(x)\n" in made.code
    called = """\
    import torch
    class Net:
        def __init__(self):
            self.w = torch.zeros(2, requires_grad=True)
        def __call__(self, x):
            return x @ self.w
    net = Net()
    opt = torch.optim.SGD([net.w], lr=0.1)
    for i in range(3):
        x = torch.rand(4, 2)
        y = net(x)
        loss = y.sum()
        loss.backward()
        opt.step()
    """
    made = convert(textwrap.dedent(called))
    assert made.complete and "def train_step(x):\n    y = net(x)\n" in made.code


def test_data_of_a_parameter_has_no_gradient_in_a_forward_pass():
    source = """\
    import torch
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Parameter(torch.randn(1, 9, 4))
        def forward(self, x):
            return x + self.table.data[:, :x.shape[1]]
    net = Net()
    net.table.data = net.table.data + 1
    """
    code = convert(textwrap.dedent(source)).code
    assert "return x + fnn.detach(self.table)[:, :x.shape[1]]" in code
    assert "net.table.data = net.table.data + 1" in code


def test_files_that_are_run(tmp_path):
    texts = {
        "train.py": "import data\nfrom net.model import Net\n",
        "data.py": "",
        "net/model.py": "from . import parts\n",
    }
    texts |= {"net/__init__.py": "", "net/parts.py": "", "sample.py": "from net import model\n"}
    scripts = {tmp_path / name: text for name, text in texts.items()}
    assert [path.name for path in entries(scripts)] == ["train.py", "sample.py"]
    circle = {tmp_path / "a.py": "import b\n", tmp_path / "b.py": "import a\n"}
    assert entries(circle) == list(circle)


def test_files_are_placed_so_that_they_import_each_other(tmp_path):
    (tmp_path / "words.txt").write_text("a b", encoding="utf-8")
    made = {tmp_path / n: (Path(n), n.encode()) for n in ("train.py", "data.py")}
    for path in made:
        path.write_text("", encoding="utf-8")
    with ports(made) as placed:
        folder = placed[tmp_path / "train.py"].parent
        assert folder == placed[tmp_path / "data.py"].parent != tmp_path
        assert (folder / "data.py").read_bytes() == b"data.py" and (folder / "words.txt").read_text() == "a b"
    assert not folder.exists() and (tmp_path / "words.txt").exists()
    with ports({tmp_path / "data.py": (Path("data.py"), b"x")}) as placed:
        (port,) = placed.values()
        assert port.parent == tmp_path and port.read_bytes() == b"x"


def test_a_check_passes_where_what_learns_agrees():
    same, other, silent = Check((1.0,), (1.0,)), Check((1.0,), (2.0,)), Check((), ())
    assert passed([same, silent]) and not passed([same, other]) and not passed([silent]) and not passed([])
    assert not passed([same, Check((), (), ("torch: no",))])


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is here")
def test_check_says_that_it_needs_torch(tmp_path, capsys):
    script = tmp_path / "script.py"
    script.write_text(LOOP, encoding="utf-8")
    assert main([str(script), "--check"]) == 2
    assert "needs torch" in capsys.readouterr().err


PENALTY = """\
import numpy as np
import torch
net = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
def slope(real, fake):
    # between both
    share = torch.FloatTensor(np.random.rand(real.size(0), 1))
    x = (share * real + (1 - share) * fake).requires_grad_(True)
    return torch.autograd.grad(net(x).sum(), x, create_graph=True)[0].norm()
for i in range(9):
    real = torch.randn(4, 2)
    fake = 2 * real
    opt.zero_grad()
    loss = net(fake).mean() + slope(real.data, fake.detach())
    loss.backward()
    opt.step()
"""


def test_numbers_that_a_function_draws_become_its_parameters():
    conversion = convert(PENALTY)
    assert conversion.complete
    assert "def slope(real, fake, share):\n    x = " in conversion.code
    assert "    share = fnn.tensor(np.random.rand(real.shape[0], 1), dtype=fnn.float32)\n" in conversion.code
    assert "slope(fnn.detach(real), fnn.detach(fake), share)\n    fnn.backward(loss)" in conversion.code
    again = PENALTY.replace("    opt.step()", "    opt.step()\nother = slope")
    asked = convert(again)
    assert "def slope(real, fake):" in asked.code, "another use of the function: its parameters stay"
    assert (
        "    share = jax.experimental.io_callback(functools.partial(np.random.rand, real" in asked.code
        and asked.complete
    )


def test_arrays_of_numpy_are_given_to_the_step():
    source = LOOP.replace("    z = torch.from_numpy(np.random.rand(4, 1))  # a target\n", "").replace(
        "model(x) - z", "model(torch.from_numpy(rows)) - torch.tensor(np.random.rand(4, 1))"
    )
    code = convert(source.replace("x = torch.randn(4, 3)", "rows = np.random.rand(4, 3)")).code
    assert "def train_step(rows, inputs):\n    opt.zero_grad()\n    loss = ((model(rows) - inputs) ** 2)" in code
    assert "    inputs = fnn.tensor(np.random.rand(4, 1))\n    loss = train_step(rows, inputs)" in code


def test_places_in_a_ring_stay_arrays():
    source = """\
        import torch
        class Ring(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("held", torch.zeros(8, 2))
                self.register_buffer("at", torch.zeros(1, dtype=torch.long))
            def forward(self, x):
                at = int(self.at)
                self.held[at:at + len(x)] = x
                self.at[0] = (at + len(x)) % 8
                return self.held.sum()
        """
    code = convert(textwrap.dedent(source)).code
    assert "at = self.at.squeeze()" in code and "self.held[at + fnn.arange(len(x))] = x" in code
    branches = textwrap.dedent(source).replace("% 8", "% 8 if at else 0")
    assert "at = int(self.at)" in convert(branches).code, "a branch needs a number"


def test_masks_in_a_step():
    labels = "    y = torch.randint(0, 3, (4,))\n    m = y > 0\n    opt.zero_grad()"
    source = "import torch.nn.functional as F\n" + LOOP.replace("    opt.zero_grad()", labels)
    loss = "((model(x) - z) ** 2).mean()"
    conversion = convert(source.replace(loss, "F.cross_entropy(model(x)[m], y[m])"))
    assert "F.cross_entropy(model(x), fnn.masked_fill(y, ~m, -100))" in conversion.code and conversion.complete
    each = "z.mean()\n    each = F.cross_entropy(model(x), y, reduction='none')\n    loss = each[m].mean()"
    assert "loss = each.mean(where=m)" in convert(source.replace(loss, each)).code
    summed = convert(source.replace(loss, "model(x)[m].sum()")).code
    assert "loss = fnn.index_put(model(x), (~m,), 0).sum()" in summed
    plain = convert(source.replace(loss, "(model(x)[m] ** 2).mean()"))
    assert any("not compiled" in n.text and "fnn.where(mask, x, 0)" in n.text for n in plain.notes) and plain.complete
    assert "        return (model(x)[m] ** 2).mean()\n\n    loss = fnn.backward(loss_of)(model)\n" in plain.code


def test_functions_that_ask_for_gradients_are_compiled():
    source = """\
        import torch
        def attack(model, x, size):
            x.requires_grad_()
            return x + size * torch.autograd.grad(model(x).sum(), x)[0].sign()
        print(attack(torch.nn.Linear(2, 1), torch.rand(3, 2), 0.1))
        """
    assert "@fnn.jit\ndef attack(model, x, size):" in convert(textwrap.dedent(source)).code


ATTACK = """\
import torch
model = torch.nn.Linear(3, 2).eval()
for i in range(9):
    x = torch.rand(1, 3)
    x.requires_grad_()
    scores = model(x)
    guess = scores.max(1)[1]
    if guess.item() == 1:
        continue
    loss = scores[0, 0]
    loss.backward()
    print(x.grad)
"""


def test_a_branch_that_leaves_the_turn_comes_before_an_attack():
    code = convert(ATTACK).code
    step = "def train_step(x):\n    scores = model(x)\n    loss = scores[0, 0]\n    fnn.backward(loss)\n"
    loop = "    if guess.item() == 1:\n        continue\n    train_step(x)\n    print(x.grad)\n"
    assert step in code and code.endswith(loop)


def test_functions_that_differentiate_what_they_are_given():
    step = "    loss.backward()\n    opt.step()  # go\n"
    source = LOOP.replace(step, "    settle(loss, opt)\n").replace(
        "losses = []", "def settle(loss, opt):\n    loss.backward()\n    opt.step()\nlosses = []"
    )
    code = convert(source).code
    assert "    loss = ((model(x) - z) ** 2).mean()\n    settle(loss, opt)\n    return loss\n" in code
    assert "def settle(loss, opt):\n    fnn.backward(loss)" in code and code.count("@fnn.jit") == 1
    (note,) = [n for n in convert(source.replace("    opt.step()", "    print(loss)")).notes if "not" in n.status]
    assert "`print(loss)` needs values or the host" in note.text


def test_remembered_losses_are_told_what_to_remember():
    source = LOOP.replace("    loss = ((model(x) - z) ** 2).mean()", "    loss = losses[0]")
    (note,) = [n for n in convert(source).notes if n.status == "not converted"]
    assert "remember the inputs" in note.text and note.page == "guides/porting.md#losses-that-are-remembered"


def test_sizes_are_told_by_their_neighbours_and_by_the_command_line():
    source = """\
import argparse
import torch
parser = argparse.ArgumentParser()
parser.add_argument("-n", "--many", type=int, default=3)
parser.add_argument("--scales", type=float, nargs="+")
args = parser.parse_args()
class Layer(torch.nn.Module):
    def __init__(self, rows, columns):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.FloatTensor(rows, columns))
        self.bias = torch.nn.Parameter(torch.FloatTensor(columns))
kept = torch.Tensor(args.many)
scales = torch.Tensor(args.scales)
"""
    code = convert(source).code
    assert "Parameter(fnn.empty(rows, columns))" in code and "Parameter(fnn.empty(columns))" in code
    assert "kept = fnn.empty(args.many)\nscales = fnn.tensor(args.scales, dtype=fnn.float32)" in code


SMOOTHED = """\
import torch
class Smoothed(torch.nn.Module):
    def forward(self, x, target):
        wanted = x.data.clone()
        at = torch.nonzero(target == 0)
        if at.dim() > 0:
            wanted.index_fill_(0, at.squeeze(), 0.0)
        return (x * wanted).sum()
"""


def test_rows_filled_at_the_indices_of_a_mask_are_filled_by_the_mask():
    conversion = convert(SMOOTHED)
    assert conversion.complete
    assert "        at = target == 0\n        wanted = fnn.masked_fill(wanted.T, at, 0.0).T\n" in conversion.code
    assert any(n.status == "changed meaning" and "other names of the old one" in n.text for n in conversion.notes)
    other = SMOOTHED.replace("        return", "        print(at)\n        return")
    assert not convert(other).complete, "the indices are read by something else"


PLAYED = """\
import torch
from torch import nn, optim
from torch.distributions import Categorical
policy = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
optimizer = optim.Adam(policy.parameters())
log_probs = []
for episode in range(3):
    rewards = []
    for _ in range(4):
        state = torch.randn(3)
        probs = policy(state).softmax(0)
        m = Categorical(probs)
        action = m.sample()
        log_probs.append(m.log_prob(action))
        rewards.append(float(action))
    loss = 0
    for log_prob, reward in zip(log_probs, rewards):
        loss = loss - log_prob * (reward - log_prob.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    log_probs.clear()
"""


def test_what_a_list_keeps_of_other_turns_is_computed_again():
    conversion = convert(PLAYED.replace("torch.randn(3)", "torch.ones(3)"))
    code = conversion.code
    assert conversion.complete
    assert "def log_prob_(state, action):\n    probs = fnn.softmax(policy(state), 0)\n" in code
    assert "        log_probs.append((state, action))\n" in code
    assert "in zip([log_prob_(*given) for given in log_probs], rewards):" in code
    assert "(reward - fnn.detach(log_prob).reshape(()))" in code
    assert "    loss = fnn.backward(loss_of)(policy)\n    optimizer.step()\n" in code
    assert any("computed once more" in n.text and n.line == 20 for n in conversion.notes)


def test_what_is_computed_again_draws_the_same_numbers():
    code = convert(PLAYED.replace("nn.Linear(3, 4)", "nn.Linear(3, 4), nn.Dropout()")).code
    assert "        rng_state = fnn.random.get_rng_state()\n        probs" in code
    assert "    with fnn.random.fork_rng():\n        fnn.random.set_rng_state(rng_state)\n        probs" in code
    assert "log_probs.append((rng_state, state))" in code


def test_what_is_kept_of_a_name_that_changes_stays():
    moved = PLAYED.replace("        log_probs", "        state = state + 1\n        log_probs")
    assert not convert(moved).complete
    assert not convert(PLAYED.replace("nn.Linear(3, 4)", "nn.Linear(3, 4), nn.BatchNorm1d(4)")).complete


def test_chains_of_writes_in_place():
    source = """\
        import copy, torch
        model = torch.nn.Linear(2, 2)
        slow = copy.deepcopy(model)
        x, held = torch.rand(3), {"a": torch.rand(3)}
        x.mul_(2).add_(1)
        x[0].mul_(2).add_(1)
        held["a"].mul_(2).add_(x)
        for p, q in zip(model.parameters(), slow.parameters()):
            q.data.mul_(0.9).add_(p.data, alpha=0.1)
        x.view(-1).mul_(2)
        """
    conversion = convert(textwrap.dedent(source))
    for line in (
        "x = fnn.add(fnn.mul(x, 2), 1)\n",
        "x = x.at[0].set(fnn.add(fnn.mul(x[0], 2), 1))\n",
        'held["a"] = fnn.add(fnn.mul(held["a"], 2), x)\n',
        "    q.data = fnn.add(fnn.mul(q.data, 0.9), p.data, alpha=0.1)\n",
    ):
        assert line in conversion.code
    assert [n.line for n in conversion.notes if n.status == "not converted" and "a view" in n.text] == [10]


def test_states_that_are_written_are_the_models_own():
    source = """\
        import torch
        def average(slow, model, d):
            new = model.state_dict()
            for k, v in slow.state_dict().items():
                if v.dtype.is_floating_point:
                    v *= d
                    v += (1 - d) * new[k].detach()
        def copied(slow, model):
            for a, b in zip(slow.state_dict().values(), model.state_dict().values()):
                a.copy_(b)
        average(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), 0.9)
        copied(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
        """
    code = convert(textwrap.dedent(source)).code
    assert "new = model.state_dict()\n    for k, v in slow.state_dict(keep_vars=True).items():\n" in code
    assert "if fnn.is_floating_point(v):\n            v.data *= d\n            v.data += (1 - d)" in code
    assert "zip(slow.state_dict(keep_vars=True).values(), model.state_dict().values())" in code


def test_gradients_that_are_changed_by_their_values_are_changed_before_the_step():
    clip = "clip(model)\n    opt.step()"
    source = """\
def clip(model):
    for p in model.parameters():
        size = p.grad.norm().item()
        if size > 1:
            p.grad.div_(size)
"""
    conversion = convert("import torch\n" + source + LOOP.replace("opt.step()", clip))
    step, _, loop = conversion.code.partition("return loss")
    assert "fnn.backward(loss)" in step and "opt.step()" not in step and conversion.complete
    assert loop.index("clip(model)") < loop.index("opt.step()")


def test_a_block_that_computes_and_prints_is_parted():
    source = """\
        import torch
        model = torch.nn.Linear(3, 1)
        opt = torch.optim.SGD(model.parameters(), lr=0.1)
        def run(training, rows, losses):
            for x, y in rows:
                with torch.set_grad_enabled(training):
                    loss = (model(x) - y).pow(2).mean()
                    losses.append(loss.item())
                if training:
                    opt.zero_grad()
                    loss.backward()
                    opt.step()
                    print(loss.item())
        """
    conversion = convert(textwrap.dedent(source))
    wanted = """\
        @fnn.jit(static_argnames=("training",))
        def train_step(training, x, y):
            with fnn.set_grad_enabled(training):
                loss = fnn.pow(model(x) - y, 2).mean()
            if training:
                opt.zero_grad()
                fnn.backward(loss)
                opt.step()
            return loss
        def run(training, rows, losses):
            for x, y in rows:
                loss = train_step(training, x, y)
                losses.append(loss.item())
                if training:
                    print(loss.item())
        """
    assert textwrap.dedent(wanted) in conversion.code and conversion.complete


def test_a_branch_that_draws_and_computes_is_parted():
    mixed = """\
    r = np.random.rand(1)
    if share > 0 and r < 0.5:
        part = np.random.beta(share, share)
        order = torch.randperm(x.size(0))
        out = model(part * x + (1 - part) * x[order])
        loss = ((out - z) ** 2).mean() * part
    else:
        out = model(x)
        loss = ((out - z) ** 2).mean()
"""
    source = LOOP.replace("    loss = ((model(x) - z) ** 2).mean()\n", mixed)
    conversion = convert("share = 1.0\n" + source)
    assert conversion.complete
    wanted = (
        "    taken = bool(share > 0 and r < 0.5)\n    part = order = None\n    if taken:\n"
        "        part = np.random.beta(share, share)\n        order = fnn.randperm(x.shape[0])\n"
    )
    assert wanted in conversion.code
    assert "    if taken:\n        out = model(part * x + (1 - part) * x[order])\n" in conversion.code
    assert '@fnn.jit(static_argnames=("taken",))' in conversion.code


def test_coins_of_a_forward_pass_are_asked_while_it_runs():
    source = """\
        import random
        import torch
        class Speller(torch.nn.Module):
            def forward(self, x, y, share=0.5):
                for t in range(3):
                    assert (x == x).all()
                    told = random.random() < share
                    x = y if told else x
                return x
        """
    conversion = convert(textwrap.dedent(source))
    asked = 'jax.experimental.io_callback(random.random, jax.ShapeDtypeStruct((), "float32"), ordered=True)'
    assert f"told = {asked} < share\n" in conversion.code
    assert "x = fnn.where(told, y, x)\n" in conversion.code and "assert" not in conversion.code and conversion.complete
    frozen = convert(textwrap.dedent(source).replace("random.random()", "random.choice((0.2, 0.7))"))
    assert ["asks the host" in n.text for n in frozen.notes if n.status == "not converted"] == [True]


SAMPLED = """\
import numpy as np
import torch
Tensor = torch.FloatTensor
net = torch.nn.Linear(2, 2)
opt = torch.optim.SGD(net.parameters(), lr=0.0)
def noisy(mu, width):
    z = {draw}
    return z + 0 * mu
class Coder(torch.nn.Module):
    def forward(self, x):
        return noisy(net(x), 2)
coder = Coder()
for i in range(3):
    x = torch.ones(4, 2)
    opt.zero_grad()
    z = coder(x)
    other = Tensor(np.random.normal(0, 1, (x.shape[0], 2)))
    loss = (z + 10 * other).sum()
    loss.backward()
    opt.step()
    print(loss.item())
"""
SHAPED = 'jax.ShapeDtypeStruct((mu.shape[0], width), "float32"), ordered=True)'
DRAWS = {
    "torch.autograd.Variable(Tensor(np.random.normal(0, 1, (mu.size(0), width))))": (
        "normal, 0, 1, (mu.shape[0], width))", ""),
    "torch.from_numpy(np.random.uniform(-1, 1, size=(mu.size(0), width))).float()": (
        "uniform, -1, 1, size=(mu.shape[0], width))", "fnn.float"),
    "torch.from_numpy(np.random.standard_normal(mu.shape).astype(np.float32))": ("standard_normal, mu.shape)", ""),
    "torch.tensor(np.random.randn(mu.size(0), width), dtype=torch.float)": ("randn, mu.shape[0], width)", "fnn.tensor"),
    "torch.FloatTensor(np.random.rand(mu.size(0), width))": ("rand, mu.shape[0], width)", ""),
}  # fmt: skip


@pytest.mark.parametrize("draw", DRAWS)
def test_numbers_of_a_known_size_are_asked_while_a_step_runs(draw, capsys):
    conversion = convert(SAMPLED.format(draw=draw))
    asked, outer = DRAWS[draw]
    shaped = SHAPED.replace("(mu.shape[0], width)", "mu.shape") if "mu.shape)" in asked else SHAPED
    line = f"jax.experimental.io_callback(functools.partial(np.random.{asked}, {shaped}"
    assert f"    z = {outer}{'(' if outer else ''}{line}" in conversion.code and conversion.complete
    assert "import functools\n" in conversion.code and "jax.experimental.sparse" not in conversion.code
    step = conversion.code.partition("def train_step")[2].partition("for i")[0]
    assert "    other = jax.experimental.io_callback(functools.partial(np.random.normal" in step, (
        "behind the first draw"
    )

    pytest.importorskip("torch")

    def run(code):
        np.random.seed(3)
        exec(compile(code, "script", "exec"), {})
        return [float(line) for line in capsys.readouterr().out.split()]

    assert run(conversion.code) == pytest.approx(run(SAMPLED.format(draw=draw)), rel=1e-5)


def test_a_size_that_values_decide_is_not_asked():
    conversion = convert(SAMPLED.format(draw="Tensor(np.random.randn(int(mu.sum()), width))"))
    assert any("not compiled" in note.text for note in conversion.notes) and conversion.complete
    assert "io_callback(functools.partial(np.random.randn" not in conversion.code


def test_noise_of_what_a_step_computes_is_asked_in_the_step():
    source = SAMPLED.format(draw="Tensor(np.random.randn(mu.size(0), width))").replace("coder(x)", "noisy(net(x), 2)")
    conversion = convert(source)
    assert conversion.complete
    assert "@fnn.jit\ndef train_step(x):\n    opt.zero_grad()\n    z = noisy(net(x), 2)\n" in conversion.code


ACCUMULATED = """\
import torch
from torch.utils.data import DataLoader
def cycle(loader):
    while True:
        for data in loader:
            yield data
model = torch.nn.Linear(3, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
rows = cycle(DataLoader(torch.ones(8, 3), batch_size=2))
for i in range(9):
    for _ in range(4):
        {made}
        {differentiated}
    print(loss.item())
    opt.step()
    opt.zero_grad()
"""


def test_batches_that_are_asked_for_in_a_loss_are_drawn_before_the_step():
    lines = {"made": "loss = model(next(rows)).squeeze(1).mean()", "differentiated": "(loss / 4).backward()"}
    conversion = convert(ACCUMULATED.format(**lines))
    step = (
        "@fnn.jit\ndef train_step(batch):\n    loss = fnn.squeeze(model(batch), 1).mean()\n    fnn.backward(loss / 4)\n"
    )
    assert step in conversion.code and conversion.complete
    assert "        batch = next(rows)\n        loss = train_step(batch)\n" in conversion.code
    source = ACCUMULATED.format(made="", differentiated="(model(next(rows)).squeeze(1).mean() / 4).backward()")
    conversion = convert(source.replace("    print(loss.item())\n", ""))
    assert "def train_step(batch):\n    fnn.backward(fnn.squeeze(model(batch), 1).mean() / 4)\n" in conversion.code
    assert "        batch = next(rows)\n        train_step(batch)\n" in conversion.code and conversion.complete


def test_gradients_that_are_to_be_kept_are_reported():
    source = "import torch\ndef f(layers):\n    for layer in layers:\n        layer.out.retain_grad()\n"
    assert [(n.line, "retain_grad" in n.text) for n in convert(source).notes if n.status == "not converted"] == [
        (4, True)
    ]


INDICES = {
    "torch.randperm(4)[:2]": True,
    "torch.randperm(4).to('cpu')[2:].view(-1)": True,
    "torch.rand(4).argsort() + 0": True,
    "torch.LongTensor([0, 2])": True,
    "torch.arange(0, 4, 2, dtype=torch.long)": True,
    "torch.rand(4).topk(2)[1]": True,
    "torch.arange(4, dtype=torch.uint8)": False,
    "torch.randperm(4).to(torch.bool)": False,
    "torch.randperm(4) > 1": False,
}


@pytest.mark.parametrize("made", INDICES)
def test_places_are_no_masks_whatever_their_name(made):
    source = f"""\
        import torch
        def fit(model, opt, x, mask_train):
            opt.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x)[mask_train], x[mask_train])
            loss.backward()
            opt.step()
        model = torch.nn.Linear(3, 3)
        opt = torch.optim.SGD(model.parameters(), lr=0.1)
        chosen = {made}
        for i in range(3):
            fit(model, opt, torch.randn(4, 3), mask_train=chosen)
        """
    conversion = convert(textwrap.dedent(source))
    assert "mse_loss(model(x)[mask_train], x[mask_train])" in conversion.code and conversion.complete
    assert ("@fnn.jit" in conversion.code) == INDICES[made], "what a mask chooses has no size in a compiled step"


def test_masks_of_shapes_are_known_in_a_step():
    source = """\
        import torch
        class Pairs(torch.nn.Module):
            def forward(self, x):
                near = x @ x.t()
                own = torch.eye(len(near), dtype=torch.bool)
                return near[~own].view(len(near), -1)
        """
    conversion = convert(textwrap.dedent(source))
    assert "near[fnn.nonzero(~own, as_tuple=True)].reshape(len(near), -1)" in conversion.code and conversion.complete


def test_patterns_and_long_strings():
    source = """\
        import torch
        x = torch.rand(2, 3)
        print(f"{x.size(0)} rows, "
              f"{x.dim()} dimensions")
        match x:
            case torch.Tensor():
                print(x.t())
        """
    code = convert(textwrap.dedent(source)).code
    assert 'f"{x.shape[0]} rows, "' in code and 'f"{x.ndim} dimensions"' in code
    assert "case jax.Array():\n        print(x.T)" in code and "import jax\n" in code


def test_a_loss_that_stays_outside_of_a_step_is_reported():
    source = "import torch\nm = torch.nn.Linear(1, 1)\nfor x in torch.rand(3, 1): (m(x).backward(), print(1))\n"
    assert not convert(source).complete


def test_encodings_and_line_ends_stay(tmp_path):
    cases = {
        "latin": "# coding: latin-1\r\nimport torch\r\nx = torch.rand(2)  # \xfc\r\n".encode("latin-1"),
        "marked": "\ufeffimport torch\nx = torch.rand(2)  # \xfc\n".encode(),
    }
    for name, text in cases.items():
        (tmp_path / f"{name}.py").write_bytes(text)
    (tmp_path / "broken.py").write_bytes(b"x = '\xff'\n")
    assert main([str(tmp_path), "-o", str(tmp_path / "out")]) == 2, "one of them cannot be read"
    for name, text in cases.items():
        assert (tmp_path / "out" / f"{name}.py").read_bytes() == text.replace(b"torch", b"fnn")
