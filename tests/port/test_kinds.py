"""What is known of objects of one's own classes, of other files, and of numbers and masks of a compiled step."""

import textwrap
from pathlib import Path

import pytest

pytest.importorskip("libcst")

from fnn.port._files import Files
from fnn.port.convert import convert


def left(source: str) -> list[tuple[int, str]]:
    return [(n.line, n.text) for n in convert(textwrap.dedent(source)).notes if n.status == "not converted"]


LAYERS = """\
import torch
class Scaled:
    def __init__(self, n):
        self.scale = torch.ones(n)
        self.mean = torch.zeros(n)
        self.training = True
    def __call__(self, x):
        mean = x.mean(0, keepdim=True) if self.training else self.mean
        with torch.no_grad():
            self.mean = 0.9 * self.mean + 0.1 * mean
        self.out = self.scale * (x - mean) / x.var(0, keepdim=True)
        return self.out
    def parameters(self):
        return [self.scale]
class Squash:
    def __call__(self, x):
        self.out = x.clamp(min=0)
        return self.out
    def parameters(self):
        return []
class Row:
    def __init__(self, layers):
        self.layers = layers
    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]
C = torch.randn(4, 3)
{made}
{listed}
for p in parameters:
    p.requires_grad = True
x = C[:2]
for layer in layers:
    x = layer(x)
"""
MADE = {
    "one list": "layers = [Scaled(3), Squash()]",
    "two lists": "layers = [Scaled(3)] + [Squash() for _ in range(2)]",
    "filled": "layers = []\nlayers.append(Scaled(3))\nlayers.append(Squash())",
    "a row": "layers = [Row([Scaled(3), Squash()]), Squash()]",
}
LISTED = {
    "a comprehension": "parameters = [C] + [p for layer in layers for p in layer.parameters()]",
    "added": "parameters = [C]\nfor layer in layers:\n    parameters += layer.parameters()",
    "extended": "parameters = []\nparameters.append(C)\nfor l in layers:\n    parameters.extend(l.parameters())",
    "a sum": "parameters = [C, *sum([layer.parameters() for layer in layers], [])]",
    "a chain": "import itertools\nparameters = [C, *itertools.chain(*[layer.parameters() for layer in layers])]",
}


@pytest.mark.parametrize("listed", LISTED)
@pytest.mark.parametrize("made", MADE)
def test_layers_that_are_no_modules(made, listed):
    conversion = convert(LAYERS.format(made=MADE[made], listed=LISTED[listed]))
    assert conversion.complete
    assert "self.scale = fnn.nn.Parameter(fnn.ones(n))\n" in conversion.code
    assert "self.mean = fnn.zeros(n)\n" in conversion.code, "a statistic is no Parameter"
    assert "C = fnn.nn.Parameter(fnn.randn(4, 3))\n" in conversion.code
    assert "mean = fnn.mean(x, 0, keepdim=True) if self.training" in conversion.code
    assert "/ fnn.var(x, 0, keepdim=True)" in conversion.code and "self.out = fnn.clamp(x, min=0)" in conversion.code


def test_parameters_whose_making_is_not_known_are_reported():
    source = """\
        import torch
        class Layer:
            def __init__(self, w):
                self.w, self.b = w, w
            def parameters(self):
                return [self.w]
        layer = Layer(torch.rand(2))
        for p in layer.parameters():
            p.requires_grad_()
        """
    ((line, text),) = left(source)
    assert line == 8 and "have other names as well" in text


KEPT = """\
import torch
net = torch.nn.Linear(3, 2)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(3):
    x = torch.randn(4, 3)
    h = net(x)
    h.retain_grad()
    loss = h.pow(2).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
    {read}
"""


def test_gradients_on_the_way_that_are_read_are_asked_for():
    conversion = convert(KEPT.format(read="print(h.grad.abs().max())"))
    assert conversion.complete
    step = "    h_grad = fnn.autograd.grad(loss, h, retain_graph=True)[0]\n    fnn.backward(loss)\n"
    assert step in conversion.code and "print(fnn.abs(h_grad).max())" in conversion.code
    assert "retain_grad" not in conversion.code
    unread = convert(KEPT.format(read="print(loss.item())"))
    assert "autograd" not in unread.code and unread.complete
    assert [n.line for n in unread.notes if "keeps no gradient" in n.text] == [7]


NOISE = """\
import random
import numpy as np
import torch
class Noisy(torch.nn.Module):
    def forward(self, x):
        n = x.size(0)
        {line}
        return {used}
"""
ASKED = {
    "e = np.random.randn(n, 3)": ("x + torch.from_numpy(e).float()", "np.random.randn, n, 3)", "(n, 3), "),
    "e = np.random.permutation(n)[:2]": ("x[e]", "np.random.permutation, n)", "(n,), "),
    "e = np.random.choice(n, 2, replace=False)": ("x[torch.tensor(e)]", "choice, n, 2, replace=False)", "(2,), "),
    "e = np.random.choice(3, size=n, p=np.full(3, 1 / 3))": ("x[:, e]", "size=n, p=np.full(3, 1 / 3))", "(n,), "),
    "e = np.random.randint(0, 5, size=(n, 1))": ("x * torch.from_numpy(e)", "randint, 0, 5, size=(n, 1))", "(n, 1), "),
    "e = np.random.binomial(1, 0.5, n).astype(np.float32)": ("x.T * torch.from_numpy(e)", "1, 0.5, n)", "(n,), "),
    "e = np.random.beta(0.4, 0.4)": ("e * x + (1 - e) * x", "np.random.beta, 0.4, 0.4)", "(), "),
    "e = random.uniform(0, 2)": ("e * x", "random.uniform, 0, 2)", '(), "float32"'),
    "e = random.randint(0, 2)": ("x[:, e]", "random.randint, 0, 2)", '(), "int32"'),
    "e = np.random.rand(*list(x.shape))": ("x * torch.Tensor(e)", "np.random.rand, *list(x.shape))", "x.shape, "),
    "e = np.random.rand(n).clip(0.1, 1)": ("x.T * torch.from_numpy(np.sqrt(e))", "np.random.rand, n)", "(n,), "),
    "e = random.sample(range(n), 2)": ("x[torch.tensor(e)]", "np.array(random.sample(range(n), 2))", "(2,), "),
}


@pytest.mark.parametrize("line", ASKED)
def test_numbers_of_the_host_under_a_name(line):
    used, asked, size = ASKED[line]
    conversion = convert(NOISE.format(line=line, used=used))
    assert conversion.complete and f"{asked}, jax.ShapeDtypeStruct({size}" in conversion.code
    assert "from_numpy" not in conversion.code


@pytest.mark.parametrize(
    ("line", "used"),
    [
        ("e = random.randint(0, 2)", "x[:, e:]"),
        ("e = np.random.randn(n, 3)", "x / torch.from_numpy(np.linalg.qr(e)[0])"),
        ("e = np.random.permutation(n)", "torch.stack([x[i] for i in e])"),
        ("e = random.choice([x, -x])", "e"),
        ("e = np.random.randint(1, 4)", "x.repeat(e, 1)"),
    ],
)
def test_numbers_of_the_host_that_an_array_cannot_stand_for_are_reported(line, used):
    found = left(NOISE.format(line=line, used=used))
    assert [(n, "asks the host" in text) for n, text in found] == [(7, True)]


def test_functions_of_numpys_of_what_is_drawn_are_jaxs():
    code = convert(NOISE.format(line="e = np.random.permutation(n)", used="x[e][np.argsort(e)]")).code
    assert "return x[e][jax.numpy.argsort(e)]" in code and "import jax.numpy\n" in code


def test_a_name_that_is_drawn_and_then_an_array():
    line = "e = np.random.randint(0, 3, size=(n, 3))\n        e = torch.LongTensor(e)"
    conversion = convert(NOISE.format(line=line, used="x.gather(1, e)"))
    assert conversion.complete and "return fnn.gather(x, 1, e)" in conversion.code


def test_truth_values_that_are_drawn_are_masks():
    line = "e = np.random.rand(n, 3) < 0.5\n        e = torch.from_numpy(~e)\n        x[e] = 0"
    conversion = convert(NOISE.format(line=line, used="x"))
    assert conversion.complete and "x = fnn.index_put(x, (e,), 0)" in conversion.code


def test_numpy_is_imported_for_a_list_that_is_drawn():
    source = NOISE.replace("import numpy as np\n", "")
    code = convert(source.format(line="e = random.sample(range(n), 2)", used="x[torch.tensor(e)]")).code
    assert "import numpy\n" in code and "numpy.array(random.sample(range(n), 2))" in code


CROPPED = {
    "x[:, e:e + 2]": "x[:, e + fnn.arange(2)]",
    "x[e:e + 2, e:e + 3]": "x[(e + fnn.arange(2))[:, None], e + fnn.arange(3)]",
    "x[0, e:e + n]": "x[0, e + fnn.arange(n)]",
}


@pytest.mark.parametrize("used", CROPPED)
def test_slices_from_a_place_that_is_drawn(used):
    conversion = convert(NOISE.format(line="e = random.randint(0, 2)", used=used))
    assert conversion.complete and f"return {CROPPED[used]}\n" in conversion.code
    assert "e = jax.experimental.io_callback(functools.partial(random.randint, 0, 2)" in conversion.code


def test_slices_from_a_place_that_is_drawn_apart_from_others_are_reported():
    ((line, text),) = left(NOISE.format(line="e = random.randint(0, 2)", used="x[0, :, e:e + 2]"))
    assert line == 8 and "beside each other" in text


def test_extremes_of_numbers_that_are_drawn():
    lam = "e = np.random.beta(1, 1)\n        e = max(e, 1 - e)"
    assert "e = fnn.maximum(e, 1 - e)" in convert(NOISE.format(line=lam, used="e * x")).code
    assert "return x * fnn.clamp(e, max=0.5)" in convert(NOISE.format(line=lam, used="x * min(e, 0.5)")).code


MASKS = """\
import torch
class Net(torch.nn.Module):
    def forward(self, x, y, labels):
        m = x.sum(1) > 0
        near = x[..., 0] > 0
        few = torch.rand(x.size(0)) < 0.5
        {line}
        return x
"""
WRITTEN = {
    "x[m] = y[m]": "x = fnn.where(m.reshape(m.shape + (1,) * (x.ndim - m.ndim)), y, x)",
    "x[m] *= 0.5": "x = x * fnn.index_put(fnn.ones_like(x), (m,), 0.5)",
    "x[few, :2] = 0": "x = x.at[:, :2].set(fnn.index_put(x[:, :2], (few,), 0))",
    "x[0, few, 1:] = 0": "x = x.at[0, :, 1:].set(fnn.index_put(x[0, :, 1:], (few,), 0))",
    "x[:2, few] += 1": "x = x.at[:2, :].set(fnn.index_put(x[:2, :], (None, few), 1, accumulate=True))",
    "x[near, :1] = 0": "x = x.at[..., :1].set(fnn.index_put(x[..., :1], (near,), 0))",
    "x[..., 0][near] = 2": "x = x.at[..., 0].set(fnn.index_put(x[..., 0], (near,), 2))",
    "x[:, 1][m] -= 1": "x = x.at[:, 1].set(fnn.index_put(x[:, 1], (m,), -1, accumulate=True))",
    "x[..., 1][1:] = 3": "x = x.at[..., 1].set(x[..., 1].at[1:].set(3))",
    "x[m, 1] += 1": "x = fnn.index_put(x, (m, fnn.tensor(1)), 1, accumulate=True)",
}


@pytest.mark.parametrize("line", WRITTEN)
def test_writes_by_masks_beside_other_indices(line):
    conversion = convert(MASKS.format(line=line))
    assert conversion.complete and f"        {WRITTEN[line]}\n" in conversion.code


def test_writes_by_masks_of_an_unknown_rank_are_reported():
    ((line, text),) = left(MASKS.format(line="x[labels > 0, :2] = 0"))
    assert line == 7 and "how many rows a mask chooses" in text


OTHERS = """\
import torch
from models import Coder
coder = Coder(3)
opt = torch.optim.SGD(coder.parameters(), lr=0.1)
def show(x):
    out = coder(x)
    print(list(out.data), out.size(0))
def loss_of(x):
    out = coder(x)
    return out.logits.size(0)
"""


def test_what_modules_of_other_files_give_are_arrays():
    conversion = convert(OTHERS)
    assert conversion.complete
    assert "print(list(fnn.detach(out)), out.shape[0])" in conversion.code
    assert "return out.logits.shape[0]" in conversion.code


def test_what_is_gone_over_row_by_row_is_an_array():
    source = """\
        import torch
        def kept(data):
            rows = []
            for row in data.data:
                row = torch.unsqueeze(row, 0)
                rows.append(row)
            return torch.cat(rows)
        """
    assert "for row in fnn.detach(data):" in convert(textwrap.dedent(source)).code


ORDERED = """\
import numpy as np
import torch
from torch import nn
class Coder(nn.Module):
    def forward(self, x):
        return x + torch.FloatTensor(np.random.normal(0, 1, (x.size(0), 4)))
class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)
net = nn.Sequential(nn.Linear(4, 4), {part})
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.ones(3, 4)
for i in range(3):
    opt.zero_grad()
    out = net(x)
    {draw}
    loss = (out * w).mean()
    loss.backward()
    opt.step()
"""


@pytest.mark.parametrize(
    ("part", "draw", "inside"),
    [
        ("Coder()", "w = torch.from_numpy(np.random.rand(3, 4)).float()", True),
        ("nn.Tanh()", "w = torch.from_numpy(np.random.rand(3, 4)).float()", False),
        ("*[Noisy() for _ in range(2)]", "w = torch.randn(3, 4)", True),
        ("nn.Dropout(0.1)", "w = torch.randn(3, 4)", True),
        ("nn.Tanh()", "w = torch.randn(3, 4)", False),
    ],
)
def test_draws_keep_their_order_behind_parts_that_draw(part, draw, inside):
    conversion = convert(ORDERED.format(part=part, draw=draw))
    step, _, loop = conversion.code.partition("def train_step")[2].partition("for i in")
    assert conversion.complete and ("w = " in step) == inside and ("w = " in loop) != inside


def test_notes_have_the_lines_of_the_original():
    source = """\
        import torch
        model = torch.nn.Linear(3, 1)
        opt = torch.optim.SGD(model.parameters(), lr=0.1)
        for x, y in rows:
            with torch.set_grad_enabled(True):
                loss = (model(x) - y).pow(2).mean()
                scale = loss.item()
            (loss * scale).backward()
            opt.step()
        """
    assert all(line > 1 for line, _ in left(source)) and left(source)


POOL = """\
import random
import torch
class Pool:
    def __init__(self, most):
        self.most = most
        self.data = []
    def exchanged(self, data):
        given = []
        for row in data.data:
            if len(self.data) < self.most:
                self.data.append(row)
            elif random.uniform(0, 1) > 0.5:
                row = self.data[0].repeat(1, 1)
            given.append(row)
        return torch.stack(given), data.size(0)
def spread(x):
    return x.std(), x.repeat(2, 1)
"""
TRAINED = """\
import torch
from {pool} import Pool, spread
model, critic = torch.nn.Linear(3, 3), torch.nn.Linear(3, 1)
opt = torch.optim.SGD([*model.parameters(), *critic.parameters()], lr=0.1)
pool = Pool(4)
for i in range(9):
    x = torch.randn(2, 3)
    opt.zero_grad()
    fake = model(x)
    loss = critic(fake).mean()
    loss.backward()
    opt.step()
    opt.zero_grad()
    rows, n = pool.exchanged(fake)
    loss = critic(rows.detach()).mean()
    loss.backward()
    opt.step()
    print(spread(rows)[0])
"""


@pytest.mark.parametrize(("place", "pool"), [("net/pool.py", "pool"), ("net/tools/pool.py", "tools.pool")])
def test_files_know_each_other(place, pool):
    texts = {Path("net/train.py"): TRAINED.format(pool=pool), Path(place): POOL, Path("pool.py"): "Pool = spread = 1\n"}
    files = Files(texts)
    train, other = (convert(texts[path], files.around(path)) for path in list(texts)[:2])
    assert train.complete and other.complete
    assert train.code.count("def ") == 2, "a step for each loss, for the pool asks the host in between"
    between = train.code.partition("for i in")[2].partition("rows, n = pool.exchanged(fake)")
    assert "_step(x)" in between[0] and "_step(rows)" in between[2]
    assert "for row in fnn.detach(data):" in other.code and "fnn.stack(given), data.shape[0]" in other.code
    assert "return fnn.std(x), fnn.repeat(x, 2, 1)" in other.code, "what the other file passes"
    alone = convert(POOL)
    assert not alone.complete


def test_files_that_import_each_other_and_broken_ones():
    texts = {
        Path("a.py"): "import b\nimport torch\nx = b.y\n",
        Path("b.py"): "import a\ny = a.x\n",
        Path("c.py"): "x = = 1",
    }
    files = Files(texts)
    assert convert(texts[Path("a.py")], files.around(Path("a.py"))).code == "import b\nimport fnn\nx = b.y\n"
    package = {Path("net/__init__.py"): "import torch\ndef f(x):\n    return x.exp()\n", Path("train.py"): ""}
    package[Path("train.py")] = "import net\nimport torch\nprint(net.f(torch.ones(2)).exp())\n"
    files = Files(package)
    made = {path: convert(text, files.around(path)).code for path, text in package.items()}
    assert "return fnn.exp(x)" in made[Path("net/__init__.py")]
    assert "print(fnn.exp(net.f(fnn.ones(2))))" in made[Path("train.py")]


def test_numbers_of_arrays_with_dimensions_of_one():
    source = """\
        import torch
        def f(y):
            i = torch.randint(0, 9, (1,))
            return int(y.argmax(dim=1).reshape(1)), float(y.view(-1)), int(i), float(y.sum()), int(y.size(0))
        """
    made = "int(fnn.argmax(y, dim=1).reshape(1).item()), float(y.reshape(-1).item()), int(i.item()), float(y.sum())"
    assert made + ", int(y.shape[0])" in convert(textwrap.dedent(source)).code


def test_what_hooks_are_given():
    source = """\
        import torch
        class Net(torch.nn.Module):
            def keep(self, module, given, out):
                self.kept = out.unsqueeze(0), given[0].view(-1)
            def watch(self, layer):
                layer.register_forward_hook(self.keep)
        """
    conversion = convert(textwrap.dedent(source))
    assert "self.kept = fnn.unsqueeze(out, 0), given[0].reshape(-1)" in conversion.code and conversion.complete
