"""`compare`: silent on a faithful port, and precise about the first departure of another."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.testing import compare

torch = pytest.importorskip("torch")

X = np.random.default_rng(0).standard_normal((4, 1, 6, 6)).astype(np.float32)


def build(framework):
    return framework.nn.Sequential(
        framework.nn.Conv2d(1, 4, 3),
        framework.nn.BatchNorm2d(4),
        framework.nn.ReLU(),
        framework.nn.Dropout(0.5),
        framework.nn.Flatten(),
        framework.nn.Linear(64, 3),
    )


def pair():
    torch.manual_seed(0)
    original, ported = build(torch), build(fnn)
    ported.load_state_dict({k: v.numpy() for k, v in original.state_dict().items()})
    return original, ported


def test_a_faithful_port_in_training_mode():
    original, ported = pair()
    before = torch.get_rng_state(), fnn.get_rng_state()
    report = compare(original, ported, X, gradients=True)
    assert report.ok and report.first is None and not report.unmatched
    assert [d.name for d in report.layers] == ["0", "1", "2", "3", "4", "5", "(root)"]
    assert [d.name for d in report.buffers] == ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
    names = [name for name, _ in ported.named_parameters()]
    assert [d.name for d in report.gradients] == [*names, "input 0"]
    assert max(d.absolute for d in report.layers) < 1e-5
    text = str(report).splitlines()
    assert text[0] == "Everything compared is equal."
    assert text[2].split() == ["layer", "kind", "shape", "abs", "diff", "rel", "diff"]
    assert text[3].startswith("0       Conv2d       (4, 4, 4, 4)")
    # Nothing has moved.
    assert int(ported[1].num_batches_tracked) == 0 and int(original[1].num_batches_tracked) == 0
    assert all(p.grad is None for p in original.parameters())
    np.testing.assert_array_equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], fnn.get_rng_state())
    assert not ported[0]._forward_hooks and not original[0]._forward_hooks


def test_the_first_departure_is_named():
    original, ported = pair()
    ported[1].eps = 0.1
    with pytest.raises(AssertionError, match=r"^First to depart: 1 \(BatchNorm2d\) departs by \d.\d+") as caught:
        compare(original, ported, X)
    lines = str(caught.value).splitlines()
    marked = [line.split()[0] for line in lines if line.endswith("<- departs")]
    assert marked == ["1", "2", "3", "4", "5", "(root)"]


def test_departures_of_buffers_and_gradients():
    original, ported = pair()
    ported[1].momentum = 0.5
    with pytest.raises(AssertionError, match=r"First to depart: 1\.running_mean \(buffer\)"):
        compare(original, ported, X)
    original, ported = pair()
    ported[5].register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 2,))
    with pytest.raises(AssertionError, match=r"First to depart: 0\.weight \(gradient\)"):
        compare(original.eval(), ported.eval(), X, gradients=True)
    compare(original, ported, X)


def test_differences_of_state_come_first():
    original, ported = pair()
    ported[5].bias.data = ported[5].bias.data.at[1].add(1.0)
    ported.extra = nn.Parameter(jnp.ones(2))
    original.more = torch.nn.Parameter(torch.ones(3))
    with pytest.raises(AssertionError) as caught:
        compare(original, ported, X)
    assert str(caught.value).splitlines()[:5] == [
        "The state_dicts differ:",
        "  missing in fnn: more (3,)",
        "  only in fnn: extra (2,)",
        "  5.bias differs in 1 of 3 values, by up to 1",
        "First to depart: 5 (Linear) departs by 1 (relative " + str(caught.value).splitlines()[4].rsplit(" ", 1)[1],
    ]


def test_shapes_and_exceptions():
    wide, narrow = torch.nn.Sequential(torch.nn.Linear(3, 4)), nn.Sequential(nn.Linear(3, 2))
    x = np.ones((2, 3), np.float32)
    with pytest.raises(AssertionError, match=r"0\.weight has shape \(2, 3\), torch's has \(4, 3\)") as caught:
        compare(wide, narrow, x)
    assert r"First to depart: 0 (Linear): has shape (2, 2), torch's has (2, 4)" in str(caught.value)
    tail = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(3, 4)), nn.Sequential(nn.ReLU(), nn.Linear(2, 4))
    with pytest.raises(AssertionError, match=r"^fnn raised ArgumentError: [\s\S]*\n0      ReLU"):
        compare(*tail, x)
    with pytest.raises(TypeError, match=r"expected a torch\.nn\.Module first, got Sequential"):
        compare(narrow, narrow, x)
    with pytest.raises(TypeError, match=r"expected an fnn\.nn\.Module second, got Sequential"):
        compare(wide, wide, x)


class Twice:
    """A module that is called twice, takes indices and returns a dict."""

    def __init__(self):
        super().__init__()
        self.table = self.nn.Embedding(5, 3)
        self.linear = self.nn.Linear(3, 3)

    def forward(self, index, pair):
        x = self.linear(self.linear(self.table(index) * pair[0]))
        return {"x": x, "none": None, "sum": (x.sum(), pair[1] * 2)}


class TorchTwice(Twice, torch.nn.Module):
    nn = torch.nn


class FnnTwice(Twice, nn.Module):
    nn = nn


def test_repeated_calls_structures_and_indices():
    original, ported = TorchTwice(), FnnTwice()
    ported.load_state_dict({k: v.numpy() for k, v in original.state_dict().items()})
    inputs = (np.array([1, 4, 1]), (torch.full((1, 3), 2.0), jnp.ones(2)))
    report = compare(original, ported, *inputs, gradients=True)
    assert [d.name for d in report.layers] == ["table", "linear", "linear call 2", "(root)"]
    assert [d.name for d in report.gradients] == ["table.weight", "linear.weight", "linear.bias", "input 0", "input 1"]
