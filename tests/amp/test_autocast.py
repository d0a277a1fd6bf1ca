"""Regions: nesting, decorators, threads, what programs depend on, boxes, hand-written derivatives."""

import inspect
import pickle
import threading
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import functional as F
from fnn import nn
from fnn.autocasting import Region, State, governed, install, opened
from tests import reference

torch = reference.torch
X = jnp.ones((2, 3))
HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


FIVE: Any = 5


def lower() -> str:
    return F.linear(X, X).dtype.name


def test_nesting():
    assert lower() == "float32"
    with fnn.autocast("cpu") as outer:
        assert isinstance(outer, fnn.autocast)
        assert lower() == "bfloat16"
        with fnn.autocast("cpu", jnp.float16):
            assert lower() == "float16"
            assert fnn.amp.get_autocast_dtype("cpu") == jnp.float16
            with fnn.autocast("cpu", enabled=False):
                assert lower() == "float32"
                assert not fnn.amp.is_autocast_enabled("cpu")
                with outer:
                    assert lower() == "bfloat16"
            assert lower() == "float16"
        assert lower() == "bfloat16"
    assert lower() == "float32"
    with pytest.raises(ZeroDivisionError), fnn.autocast("cpu"):
        raise ZeroDivisionError
    assert lower() == "float32"


def test_decorator_keeps_the_function():
    region = fnn.autocast("cpu")

    @region
    def f(x, *, scale=2.0):
        """Text."""
        return F.linear(x, x), region(lower)()

    assert (f.__name__, f.__doc__, list(inspect.signature(f).parameters)) == ("f", "Text.", ["x", "scale"])
    assert f(X)[0].dtype == jnp.bfloat16
    assert f(X)[1] == "bfloat16"

    class Net(nn.Linear):
        @fnn.autocast("cpu")
        def forward(self, input):
            return super().forward(input)

    assert Net(3, 2)(X).dtype == jnp.bfloat16


def test_doors_keep_the_functions():
    assert pickle.loads(pickle.dumps(F.linear)) is F.linear
    assert list(inspect.signature(F.linear).parameters) == ["input", "weight", "bias"]
    assert str(F.linear.__doc__).startswith("``input @ weight.T + bias``")
    assert not hasattr(F.relu, "__wrapped__")


def test_queries_are_torchs():
    for device in ("cpu", "cuda"):
        assert fnn.amp.get_autocast_dtype(device).name == str(torch.get_autocast_dtype(device)).removeprefix("torch.")
        assert fnn.amp.is_autocast_enabled(device) == torch.is_autocast_enabled(device)
        assert fnn.amp.is_autocast_available(device) == torch.amp.is_autocast_available(device)
    for enabled in (True, False):
        with fnn.autocast("cpu", jnp.float16, enabled), torch.autocast("cpu", torch.float16, enabled):
            assert fnn.amp.is_autocast_enabled("cpu") == torch.is_autocast_enabled("cpu") == enabled
            assert torch.get_autocast_dtype("cpu") == torch.float16
            assert fnn.amp.get_autocast_dtype("cpu").name == "float16"
    with fnn.autocast("cpu"):
        fnn.amp.set_autocast_dtype("cpu", jnp.float16)
        assert lower() == "float16"
        fnn.amp.set_autocast_enabled("cpu", False)
        assert lower() == "float32"
    assert fnn.amp.get_autocast_dtype("cpu").name == "bfloat16"


def test_refusals_and_warnings():
    def message(call, kind):
        with pytest.raises(kind) as caught:
            call()
        return str(caught.value)

    assert message(lambda: fnn.autocast(FIVE), ValueError) == message(lambda: torch.autocast(FIVE), ValueError)
    ours, theirs = (message(lambda make=make: make("cpu")(FIVE), TypeError) for make in (fnn.autocast, torch.autocast))
    assert ours == theirs.replace("torch.autocast", "fnn.autocast")
    with pytest.raises(RuntimeError, match=r"Expected one of cpu, .* device type at start of device string: foo"):
        fnn.autocast("foo")
    with pytest.raises(RuntimeError, match="expected one of bfloat16, float16, got dtype=float32"):
        fnn.amp.set_autocast_dtype("cpu", jnp.float32)
    text = "In CPU autocast, but the target dtype is not supported. Disabling autocast.\nCPU Autocast only supports"
    with pytest.warns(UserWarning, match=text), fnn.autocast("cpu", jnp.float32):
        assert not fnn.amp.is_autocast_enabled("cpu")
    for device in ("cuda", "tpu"):
        with pytest.warns(UserWarning, match=f"{device.upper()} is not available. Disabling autocast"):
            region = fnn.autocast(device)
        with region:
            assert lower() == "float32"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fnn.autocast("cuda", enabled=False)


def test_threads_have_regions_of_their_own():
    found = []
    with fnn.autocast("cpu"):
        thread = threading.Thread(target=lambda: found.append(lower()))
        thread.start()
        thread.join()
        found.append(lower())
    assert found == ["float32", "bfloat16"]


@pytest.mark.parametrize("jit", [jax.jit, fnn.jit])
def test_programs_depend_on_the_region(jit):
    traced = []

    @jit
    def f(x):
        traced.append(1)
        return F.linear(x, x)

    for dtype in (None, jnp.bfloat16, jnp.float16, None, jnp.bfloat16):
        if dtype is None:
            assert f(X).dtype == jnp.float32
        else:
            with fnn.autocast("cpu", dtype):
                assert f(X).dtype == dtype
        with fnn.autocast("cpu", enabled=False):
            assert f(X).dtype == jnp.float32
    assert len(traced) == 3


def test_region_inside_of_a_program():
    model = nn.Linear(3, 2)

    @fnn.jit
    def f(x):
        with fnn.autocast("cpu"):
            low = model(x)
        return low, model(x)

    assert [y.dtype.name for y in f(X)] == ["bfloat16", "float32"]


def test_gradients_are_those_of_the_parameters():
    model = nn.Linear(3, 2)
    theirs = torch.nn.Linear(3, 2)
    theirs.load_state_dict({k: torch.tensor(np.asarray(v)) for k, v in model.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)

    def loss_of(model):
        with fnn.autocast("cpu"):
            return F.mse_loss(model(x), jnp.zeros((4, 2)))

    _, grads = fnn.value_and_grad(loss_of)(model)
    with torch.autocast("cpu", torch.bfloat16):
        loss = torch.nn.functional.mse_loss(theirs(torch.tensor(x)), torch.zeros(4, 2))
    loss.backward()
    for name, p in theirs.named_parameters():
        reference.assert_equal(grads[name], p.grad, name, rtol=2e-2, atol=2e-2)
    _, outside = fnn.autocast("cpu")(fnn.value_and_grad(lambda model: F.mse_loss(model(x), jnp.zeros((4, 2)))))(model)
    np.testing.assert_array_equal(outside["weight"], grads["weight"])


def test_boxes():
    p = nn.Parameter(jnp.ones((3, 3)))
    t = torch.nn.Parameter(torch.ones(3, 3))
    calls = {
        "@": lambda p: p @ p, "matmul": lambda p: p.matmul(p), "mm": lambda p: p.mm(p), "+": lambda p: p + p,
        "**": lambda p: p**2, "exp": lambda p: p.exp(), "mv": lambda p: p.mv(p[0]), "softmax": lambda p: p.softmax(0),
    }  # fmt: skip
    with fnn.autocast("cpu"), torch.autocast("cpu", torch.bfloat16):
        for name, call in calls.items():
            assert call(p).dtype.name == str(call(t).dtype).removeprefix("torch."), name
        assert (X @ p.data).dtype == jnp.float32  # operators of JAX's arrays know nothing of it
    assert (p @ p).dtype == jnp.float32


def test_boxes_by_the_gpus_table():
    p = nn.Parameter(jnp.ones((3, 3), jnp.float16))
    with opened(State(enabled=(Region("cuda", np.dtype(np.float16)),))):
        for name in ("sum", "prod", "logsumexp", "norm", "exp", "log"):
            assert getattr(p, name)(*([0] if name == "logsumexp" else [])).dtype == jnp.float32, name
        for name in ("softmax", "log_softmax", "cumsum"):
            assert getattr(p, name)(0).dtype == jnp.float32, name
        assert p.sum(dtype=jnp.float16).dtype == jnp.float16
        assert (p**2).dtype == jnp.float32
        assert p.mean().dtype == (p + 1).dtype == p.exp_().dtype == jnp.float16


def test_custom_functions():
    seen = []

    @fnn.amp.custom_fwd(device_type="cpu", cast_inputs=jnp.float32)
    def wide(x, nest, *, other):
        seen.append([a.dtype.name for a in (x, nest[0], other)] + [lower()])

    half, ints = X.astype(jnp.bfloat16), jnp.ones(2, int)
    wide(half, [half], other=ints)
    with fnn.autocast("cpu"):
        wide(half, [half], other=ints)
        fnn.amp.custom_fwd(lambda: seen.append(lower()), device_type="cpu")()
        fnn.amp.custom_bwd(lambda: seen.append(lower()), device_type="cpu")()
    assert seen == [
        ["bfloat16", "bfloat16", "int32", "float32"], ["float32", "float32", "int32", "float32"], "bfloat16", "float32",
    ]  # fmt: skip


def test_custom_functions_with_a_context():
    class Context:
        def save_for_backward(self, *arrays):
            self.saved = arrays

    forward = fnn.amp.custom_fwd(device_type="cpu")(lambda ctx: lower())
    backward = fnn.amp.custom_bwd(device_type="cpu")(lambda ctx: lower())
    ctx = Context()
    with fnn.autocast("cpu", jnp.float16):
        assert forward(ctx) == "float16"
    assert backward(ctx) == "float16"
    forward(ctx)
    with fnn.autocast("cpu"):
        assert backward(ctx) == "float32"


def mm(a, b):
    return jnp.matmul(a, b)


def test_install():
    namespace = {"mm": mm, "_private": mm, "Class": Context, "other": lower}
    raw = mm
    try:
        install(namespace)
        assert namespace["mm"] is not raw
        assert globals()["mm"] is namespace["mm"]
        assert pickle.loads(pickle.dumps(namespace["mm"])) is namespace["mm"]
        assert namespace["other"] is lower
        assert governed(namespace["mm"]) is namespace["mm"]
        with fnn.autocast("cpu"):
            assert namespace["mm"](X.T, X).dtype == jnp.bfloat16
    finally:
        globals()["mm"] = raw


class Context:
    """Has no door, as no class has."""
