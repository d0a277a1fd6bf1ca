"""Backward hooks against torch: what they see, in which order, and what they replace."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.state import hooks as module_hooks

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 2)).astype(np.float32)
W1, W2 = RNG.standard_normal((4, 2)).astype(np.float32), RNG.standard_normal((1, 4)).astype(np.float32)


def build(framework):
    net = framework.nn.Sequential(
        framework.nn.Linear(2, 4, bias=False), framework.nn.Tanh(), framework.nn.Linear(4, 1, bias=False)
    )
    values = {"0.weight": W1, "2.weight": W2}
    net.load_state_dict({k: torch.tensor(v) for k, v in values.items()} if framework is torch else values)
    return net


def log_hooks(net, log, scale):
    def show(grads):
        return tuple(None if g is None else g.numpy() if isinstance(g, torch.Tensor) else np.array(g) for g in grads)

    def full(name):
        def hook(module, grad_input, grad_output):
            log.append((name, show(grad_input), show(grad_output)))
            if scale and grad_input[0] is not None:
                return (grad_input[0] * scale,)

        return hook

    def pre(name):
        def hook(module, grad_output):
            log.append((f"pre {name}", show(grad_output)))
            if scale:
                return (grad_output[0] * 0.5,)

        return hook

    for name in ("0", "1", "2"):
        module = net.get_submodule(name)
        module.register_full_backward_hook(full(name))
        module.register_full_backward_pre_hook(pre(name))


def torch_run(scale):
    net, log = build(torch), []
    log_hooks(net, log, scale)
    net(torch.tensor(X)).pow(2).sum().backward()
    return {k: p.grad.numpy() for k, p in net.named_parameters()}, log


def compare_logs(ours, theirs):
    assert [entry[0] for entry in ours] == [entry[0] for entry in theirs]
    for a, b in zip(ours, theirs, strict=True):
        for left, right in zip(a[1:], b[1:], strict=True):
            assert len(left) == len(right), a[0]
            for x, y in zip(left, right, strict=True):
                assert (x is None) == (y is None), a[0]
                if x is not None:
                    np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6, err_msg=a[0])


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("scale", [None, 3.0])
def test_hooks_see_and_replace_what_torchs_do(scale):
    want, theirs = torch_run(scale)
    net, ours = build(fnn), []
    log_hooks(net, ours, scale)
    grads = fnn.grad(lambda net: (net(X) ** 2).sum())(net)
    compare_logs(ours, theirs)
    for name, value in want.items():
        np.testing.assert_allclose(grads[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("through", ["jit", "backward", "checkpoint", "jax.grad"])
def test_replacement_works_everywhere(through):
    want, _ = torch_run(3.0)
    net = build(fnn)
    for name, factor in (("0", 3.0), ("1", 3.0), ("2", 3.0)):
        module = net.get_submodule(name)
        module.register_full_backward_hook(lambda m, gi, go, f=factor: None if gi[0] is None else (gi[0] * f,))
        module.register_full_backward_pre_hook(lambda m, go: (go[0] * 0.5,))

    def loss(net):
        return (net(X) ** 2).sum()

    if through == "jit":
        grads = fnn.jit(fnn.grad(loss))(net)
    elif through == "backward":
        fnn.backward(loss)(net)
        grads = {name: p.grad for name, p in net.named_parameters()}
    elif through == "checkpoint":
        grads = fnn.jit(fnn.grad(lambda net: (fnn.checkpoint(net)(X) ** 2).sum()))(net)
    else:
        params = {name: p.data for name, p in net.named_parameters()}
        grads = jax.grad(lambda p: (fnn.func.functional_call(net, p, (X,)) ** 2).sum())(params)
    for name, value in want.items():
        np.testing.assert_allclose(grads[name], value, rtol=1e-5, atol=1e-6)


def test_hooks_do_not_change_the_value_or_forward_mode_free_calls():
    net = build(fnn)
    before = net(X)
    net[1].register_full_backward_hook(lambda m, gi, go: None)
    np.testing.assert_array_equal(net(X), before)
    np.testing.assert_allclose(fnn.jit(lambda net, x: net(x))(net, X), before, rtol=1e-5)


def test_handle_removes_and_numbers_are_checked():
    net = build(fnn)
    plain = fnn.grad(lambda net: (net(X) ** 2).sum())(net)
    with net[1].register_full_backward_hook(lambda m, gi, go: (gi[0] * 0,)):
        np.testing.assert_array_equal(fnn.grad(lambda net: (net(X) ** 2).sum())(net)["0.weight"], 0)
    again = fnn.grad(lambda net: (net(X) ** 2).sum())(net)
    np.testing.assert_allclose(again["0.weight"], plain["0.weight"], rtol=1e-6)
    net[1].register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"):
        fnn.grad(lambda net: (net(X) ** 2).sum())(net)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("differentiate_input", [False, True])
def test_global_backward_hooks_run_in_torchs_order(differentiate_input):
    def names_of(hooks, run):
        names = []
        handles = [
            hooks.register_module_full_backward_hook(lambda m, gi, go: names.append((type(m).__name__, gi[0] is None))),
            hooks.register_module_full_backward_pre_hook(lambda m, go: names.append(("pre", type(m).__name__))),
        ]
        try:
            run()
        finally:
            for handle in handles:
                handle.remove()
        run()
        return names

    theirs, ours = build(torch), build(fnn)
    x = torch.tensor(X, requires_grad=differentiate_input)
    want = names_of(torch.nn.modules.module, lambda: theirs(x).pow(2).sum().backward())
    argnums = (0, 1) if differentiate_input else 0
    got = names_of(
        module_hooks, lambda: fnn.grad(lambda net, x: (net(x) ** 2).sum(), argnums=argnums)(ours, jnp.asarray(X))
    )
    assert got == want
    assert len(got) == 8


def test_several_inputs_and_outputs():
    class Two(nn.Module):
        def forward(self, a, flag, b):
            assert flag == "flag"
            return a * b, a + b

    two, seen = Two(), []
    two.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    a, b = jnp.array([2.0]), jnp.array([3.0])
    fnn.grad(lambda a: (lambda p, q: (p + 10 * q).sum())(*two(a, "flag", b)))(a)
    ((grad_input, grad_output),) = seen
    assert grad_input[1] is None and grad_input[2] is None
    np.testing.assert_array_equal(grad_input[0], [13.0])
    np.testing.assert_array_equal(np.concatenate(grad_output), [1.0, 10.0])
