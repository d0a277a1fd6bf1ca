"""Who calls a method of a tensor on an array is told what to write, wherever the error ends."""

import re
import subprocess
import sys

import jax
import pytest

import fnn
from fnn import nn
from fnn.functional import cross_entropy
from fnn.state.array_hints import hint_on_array

X = fnn.ones(2, 3)
LACKS = "A jax.Array does not have PyTorch's methods: write fnn.{}(x, ...)."
OTHER = "A jax.Array's {0} is NumPy's: for PyTorch's write fnn.{0}(x, ...)."
NO_TAPE = "An array remembers no graph"
CALLS = {
    "unsqueeze": (lambda x: x.unsqueeze(0), LACKS.format("unsqueeze")),
    "masked_fill": (lambda x: x.masked_fill(x > 0, 0.0), LACKS.format("masked_fill")),
    "cuda": (lambda x: x.cuda(), "write fnn.to(x, 'cuda')"),
    "backward": (lambda x: x.sum().backward(), "write fnn.backward(loss) where the loss is computed"),
    "requires_grad_": (lambda x: x.requires_grad_(), NO_TAPE),
    "grad": (lambda x: x.grad, NO_TAPE),
    "full_tensor": (lambda x: x.full_tensor(), "leave it out: an array is whole wherever Python sees it"),
    "data": (lambda x: x.data, "leave .data out"),
    "add_": (lambda x: x.add_(1), "or x = fnn.add(x, ...)"),
    "stride": (lambda x: x.stride(), "arrays have no storage to look into"),
    "size, of a variable": (lambda x: x.size(0), OTHER.format("size")),
    "size, of a result": (lambda x: (x + 1).size(), OTHER.format("size")),
    "view": (lambda x: x.view(-1), OTHER.format("view")),
    "view, of a result": (lambda x: (x * 2).view(3, -1), OTHER.format("view")),
    "sum": (lambda x: x.sum(dim=1), OTHER.format("sum")),
    "mean": (lambda x: (x + x).mean(1, keepdim=True), OTHER.format("mean")),
    "transpose": (lambda x: x[None].transpose(0, 1), OTHER.format("transpose")),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("where", ["at top level", "compiled", "in forward"])
def test_says_what_to_write(name, where):
    call, note = CALLS[name]

    class Net(nn.Module):
        def forward(self, x):
            return call(x)

    run = {"at top level": call, "compiled": fnn.jit(call), "in forward": Net()}[where]
    with pytest.raises((AttributeError, TypeError, ValueError, NotImplementedError)) as raised:
        run(X)
    if where == "at top level":
        hint_on_array(raised.value)
    assert sum(note in text for text in raised.value.__notes__) == 1


@pytest.mark.parametrize("read", [lambda x: x.sum().item(), lambda x: x.tolist()], ids=["item", "tolist"])
def test_values_are_not_known_while_tracing(read):
    with pytest.raises(TypeError) as raised:
        fnn.jit(read)(X)
    assert any("return the array, and call" in note for note in raised.value.__notes__)


class Sized:
    """No array: what goes wrong with its methods is its own affair."""

    size = 3

    def sum(self, axis=None):
        raise ValueError("axis")


@pytest.mark.parametrize(
    "call",
    [
        lambda: (lambda x: x.size(0))(Sized()),
        lambda: (lambda x: x.sum())(Sized()),
        lambda: X.reshape(4, 5) if False else Sized().unsqueeze,
        lambda: cross_entropy(X, X[0]),
        lambda: int("view"),
        lambda: X + "view",
    ],
)
def test_other_errors_have_no_hint(call):
    with pytest.raises((AttributeError, TypeError, ValueError)) as raised:
        call()
    before = list(getattr(raised.value, "__notes__", ()))
    hint_on_array(raised.value)
    assert list(getattr(raised.value, "__notes__", ())) == before
    assert not any("jax.Array" in note for note in before)


SCRIPT = """
import sys
sys.excepthook = lambda kind, error, traceback: print("shown:", error, *error.__notes__)
import fnn
fnn.ones(2).unsqueeze(0)
"""


def test_a_script_ends_with_the_hint():
    """The hook that was there shows the error, and only errors that nobody caught are looked at."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("shown:") and LACKS.format("unsqueeze") in done.stdout


def test_a_notebook_shows_the_hint(capsys):
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    from fnn import uncaught

    shell_of = sys.modules["IPython"].get_ipython
    sys.modules["IPython"].get_ipython, hook = lambda: shell, sys.excepthook
    try:
        uncaught.install(hint_on_array)
    finally:
        sys.modules["IPython"].get_ipython, sys.excepthook = shell_of, hook
    shell.user_ns["x"] = X
    shell.run_cell("x.unsqueeze(0)", store_history=False)
    out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert LACKS.format("unsqueeze") in out and "has no attribute 'unsqueeze'" in out
    shell.run_cell("1 / 0", store_history=False)
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert isinstance(X, jax.Array)
