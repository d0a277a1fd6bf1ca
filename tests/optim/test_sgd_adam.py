"""SGD, Adam and AdamW against torch, in every configuration of torch's own database."""

import copy
import math
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn import nn, optim
from fnn.testing import assert_close
from tests import reference
from tests.optim.runs import GRADS, START, as_tensors, pair, parameters, tensors, torch_step, values

torch = reference.torch

NAMES = ("SGD", "Adam", "AdamW")
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def database():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_optimizers import optim_db
    return {info.optim_cls.__name__: info for info in optim_db if info.optim_cls.__name__ in NAMES}


def configurations():
    for name, info in database().items():
        for case in info.optim_inputs_func("cpu"):
            yield pytest.param(name, case.kwargs, id=f"{name} {case.desc}")
    yield pytest.param(
        "SGD", {"momentum": 0.9, "dampening": 0.5, "maximize": True, "lr": 0.1}, id="SGD dampened upwards"
    )
    yield pytest.param("Adam", {"betas": (0.0, 0.5), "eps": 1e-3, "lr": 0.1}, id="Adam beta 0")
    yield pytest.param("Adam", {"decoupled_weight_decay": True, "weight_decay": 0.1}, id="Adam decoupled")
    yield pytest.param("AdamW", {"amsgrad": True, "maximize": True, "lr": 0.1}, id="AdamW amsgrad upwards")


# -- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), list(configurations()))
def test_ten_steps_as_torch(name, options):
    theirs, reference_optimizer, ours, eager = pair(name, **options)
    plain = {k: float(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()}
    jitted_params = parameters()
    compiled = getattr(optim, name)(jitted_params, **plain)
    step = fnn.jit(lambda optimizer, grads: optimizer.step(grads))
    rule = getattr(optim, name.lower())(**{{"lr": "learning_rate"}.get(k, k): v for k, v in plain.items()})
    tree = [jnp.asarray(v) for v in START]
    state = rule.init(tree)
    update = jax.jit(rule.update)
    for n, grads in enumerate(GRADS):
        torch_step(reference_optimizer, grads)
        arrays = [jnp.asarray(g) for g in grads]
        eager.step(arrays)
        step(compiled, arrays)
        updates, state = update(arrays, state, tree)
        tree = optax.apply_updates(tree, updates)
        want = values(theirs)
        for what, got in (("eager", values(ours)), ("jit", values(jitted_params)), ("optax", values(tree))):
            assert_close(got, want, **CLOSE, msg=lambda text, what=what, n=n: f"{what}, step {n}: {text}")
    assert_close(eager.state_dict()["state"], reference_optimizer.state_dict()["state"], **CLOSE)
    assert_close(compiled.state_dict()["state"], reference_optimizer.state_dict()["state"], **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_absent_gradients_are_skipped(name):
    options = {"momentum": 0.9, "dampening": 0.5} if name == "SGD" else {}
    theirs, reference_optimizer, ours, optimizer = pair(name, lr=0.1, weight_decay=0.1, **options)
    for n, grads in enumerate(GRADS[:5]):
        some = [g if (n + i) % 2 else None for i, g in enumerate(grads)]
        torch_step(reference_optimizer, some)
        optimizer.step(some)
        assert_close(values(ours), values(theirs), **CLOSE)
    ours_state, theirs_state = optimizer.state_dict()["state"], reference_optimizer.state_dict()["state"]
    assert_close(ours_state, theirs_state, **CLOSE)


# -- groups -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_groups_that_are_added_and_changed(name):
    theirs, ours = tensors(), parameters()
    flag = {"momentum": 0.9} if name == "SGD" else {"amsgrad": True}
    build = lambda cls, p: cls([{"params": p[:1]}, {"params": [p[1]], "lr": 0.5, **flag}], lr=0.1)  # noqa: E731
    reference_optimizer = build(getattr(torch.optim, name), theirs)
    optimizer = build(getattr(optim, name), ours)
    for n, grads in enumerate(GRADS[:5]):
        if n == 2:
            for o, p in ((reference_optimizer, theirs), (optimizer, ours)):
                o.add_param_group({"params": p[2], "weight_decay": 0.3})
                o.param_groups[0]["lr"] = 0.01
        if n == 4:
            for o in (reference_optimizer, optimizer):
                o.param_groups[1]["weight_decay"] = 0.2
        grads = grads[: len(ours) if n >= 2 else 2]
        torch_step(reference_optimizer, grads)
        optimizer.step([jnp.asarray(g) for g in grads])
        assert_close(values(ours), values(theirs), **CLOSE)
    assert repr(optimizer) == repr(reference_optimizer)
    assert_close(optimizer.state_dict()["state"], reference_optimizer.state_dict()["state"], **CLOSE)


def test_momentum_switched_on_off_and_on():
    theirs, reference_optimizer, ours, optimizer = pair("SGD", lr=0.1, dampening=0.0)
    for momentum, grads in zip((0, 0, 0.9, 0.5, 0, 0.9, 0.9), GRADS, strict=False):
        for o in (reference_optimizer, optimizer):
            o.param_groups[0]["momentum"] = momentum
        torch_step(reference_optimizer, grads)
        optimizer.step([jnp.asarray(g) for g in grads])
        assert_close(values(ours), values(theirs), **CLOSE, msg=lambda text, m=momentum: f"momentum {m}: {text}")


def test_values_do_not_retrace_and_flags_do():
    traces = []

    @fnn.jit
    def step(optimizer, grads):
        traces.append(1)
        optimizer.step(grads)

    optimizer = optim.AdamW(parameters(), lr=0.1)
    for n, grads in enumerate(GRADS[:5]):
        optimizer.param_groups[0].update(
            lr=0.1 / (n + 1), weight_decay=0.1 * (n + 1), betas=(0.5, 0.9 - n / 10), eps=1e-8 * n
        )
        step(optimizer, [jnp.asarray(g) for g in grads])
    assert len(traces) == 1
    optimizer.param_groups[0]["maximize"] = True
    step(optimizer, [jnp.asarray(g) for g in GRADS[5]])
    assert len(traces) == 2
    first, before = optim.SGD(parameters(), lr=0.1), len(traces)
    step(first, [jnp.asarray(g) for g in GRADS[0]])
    step(optim.SGD(parameters(), lr=0.3), [jnp.asarray(g) for g in GRADS[0]])
    assert len(traces) == before + 1, "two optimizers of one structure share the program"


# -- the forms of step --------------------------------------------------------------------------------------


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 3), nn.Linear(3, 1)

    def forward(self, x):
        return self.b(jnp.tanh(self.a(x)))


X = jnp.asarray(np.random.default_rng(1).standard_normal((5, 2)), jnp.float32)


def loss_of(model):
    return (model(X) ** 2).mean()


def test_forms_of_step_agree():
    fnn.manual_seed(0)
    model = Net()
    models = [copy.deepcopy(model) for _ in range(7)]
    optimizers = [optim.Adam(m.parameters(), lr=0.1) for m in models[:-1]]
    optimizers.append(optim.Adam(models[-1].named_parameters(), lr=0.1))

    def nested(grads):
        tree = {"a": {}, "b": {}}
        for name, g in grads.items():
            tree[name[0]][name[2:]] = g
        return tree

    def closure(model):
        def run():
            model.zero_grad()
            return fnn.backward(loss_of)(model)

        return run

    forms = [
        lambda m, o: o.step(fnn.grad(loss_of)(m)),
        lambda m, o: o.step(grads=fnn.grad(loss_of)(m)),
        lambda m, o: o.step(nested(fnn.grad(loss_of)(m))),
        lambda m, o: o.step(list(fnn.grad(loss_of)(m).values())),
        lambda m, o: (o.zero_grad(), fnn.backward(loss_of)(m), o.step())[-1],
        lambda m, o: o.step(closure(m)),
        lambda m, o: o.step(fnn.grad(loss_of)(m)),
    ]
    for form, m, o in zip(forms, models, optimizers, strict=True):
        losses = [form(m, o) for _ in range(3)]
        assert_close(dict(m.named_parameters()), dict(models[0].named_parameters()), rtol=1e-4, atol=1e-5)
        if form is forms[5]:
            assert_close(losses[0], loss_of(model), **CLOSE)
        else:
            assert losses == [None] * 3
    assert not np.allclose(models[0].a.weight, model.a.weight)


def test_a_torch_training_loop():
    """zero_grad, backward, step: the same script in both."""
    original, ported = torch.nn.Linear(2, 1), nn.Linear(2, 1)
    ported.load_state_dict({k: v.detach().numpy() for k, v in original.state_dict().items()})
    theirs, ours = torch.optim.SGD(original.parameters(), 0.1, 0.9), optim.SGD(ported.parameters(), 0.1, 0.9)
    x = torch.tensor(np.asarray(X))
    for n in range(4):
        if n != 2:  # gradients accumulate once
            theirs.zero_grad()
            ours.zero_grad()
        loss = (original(x) ** 2).mean()
        loss.backward()
        assert_close(fnn.backward(loss_of)(ported), loss, **CLOSE)
        theirs.step()
        ours.step()
        assert_close(dict(ported.named_parameters()), dict(original.named_parameters()), **CLOSE)
    ours.zero_grad(set_to_none=False)
    assert_close(ported.weight.grad, jnp.zeros((1, 2)))
    ours.zero_grad()
    assert ported.weight.grad is None
    before = np.array(ported.weight)
    ours.step()  # no gradients: nothing moves, not even by momentum
    np.testing.assert_array_equal(ported.weight, before)


def test_frozen_parameters_stand_still():
    model = Net()
    optimizer = optim.Adam(model.parameters(), lr=0.1, weight_decay=0.1)
    model.a.requires_grad_(False)
    before = np.array(model.a.weight), np.array(model.b.weight)
    optimizer.step(fnn.grad(loss_of)(model))
    fnn.backward(loss_of)(model)
    optimizer.step()
    np.testing.assert_array_equal(model.a.weight, before[0])
    assert not np.array_equal(model.b.weight, before[1])
    assert set(optimizer.state_dict()["state"]) == {2, 3}


def test_bad_gradients_are_explained():
    model = Net()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    grads = fnn.grad(loss_of)(model)
    with pytest.raises(ValueError, match=r"expected gradients as a dict by name or a list of 4 arrays, got list of 1"):
        optimizer.step([grads["a.weight"]])
    with pytest.raises(ValueError, match=r"the gradient of 'a.weight' has shape \(2,\), the parameter has \(3, 2\)"):
        optimizer.step({**grads, "a.weight": jnp.ones(2)})
    with pytest.raises(ValueError, match=r"none of the gradients \['x'\] belongs to a parameter of this optimizer"):
        optimizer.step({"x": jnp.ones(2)})
    with pytest.raises(TypeError, match="given twice"):
        optimizer.step(grads, grads=grads)
    both = [Net(), Net()]
    shared = optim.SGD([*both[0].parameters(), *both[1].parameters()], lr=0.1)
    for m in both:
        grads = fnn.grad(loss_of)(m)
    with pytest.raises(ValueError, match=r"the name .a\.weight. belongs to 2 parameters of this optimizer"):
        shared.step(grads)
    named = optim.SGD([(f"{i}.{n}", p) for i, m in enumerate(both) for n, p in m.named_parameters()], lr=0.1)
    before = np.array(both[0].a.weight), np.array(both[1].a.weight)
    named.step({f"1.{n}": g for n, g in grads.items()})
    np.testing.assert_array_equal(both[0].a.weight, before[0])
    assert not np.array_equal(both[1].a.weight, before[1])


# -- construction -------------------------------------------------------------------------------------------


def as_fnn(text):
    return text.replace("Tensors", "Parameters").split(", but got torch.")[0]


BAD = {
    "empty": lambda Opt, P, a: Opt([]),
    "one parameter": lambda Opt, P, a: Opt(P(a)),
    "an array": lambda Opt, P, a: Opt(a),
    "a set in a group": lambda Opt, P, a: Opt([{"params": {P(a), P(a)}}]),
    "a number": lambda Opt, P, a: Opt([1]),
    "text": lambda Opt, P, a: Opt([P(a), "x"]),
    "a dict": lambda Opt, P, a: Opt({"params": [P(a)]}),
    "two groups": lambda Opt, P, a: (lambda p: Opt([{"params": [p]}, {"params": [p]}]))(P(a)),
    "some names": lambda Opt, P, a: Opt([("a", P(a)), P(a)]),
    "names later": lambda Opt, P, a: Opt([P(a)]).add_param_group({"params": [("n", P(a))]}),
    "names missing later": lambda Opt, P, a: Opt([("n", P(a))]).add_param_group({"params": [P(a)]}),
    "a list as group": lambda Opt, P, a: Opt([P(a)]).add_param_group([P(a)]),
    "lr": lambda Opt, P, a: Opt([P(a)], lr=-1),
    "weight_decay": lambda Opt, P, a: Opt([P(a)], lr=0.1, weight_decay=-0.5),
    "two learning rates": lambda Opt, P, a: Opt([P(a)], lr=a),
}
BAD_SGD = {
    "momentum": {"momentum": -0.5},
    "nesterov": {"nesterov": True},
    "nesterov dampened": {"nesterov": True, "momentum": 0.9, "dampening": 0.5},
}
BAD_ADAM = {"eps": {"eps": -1e-3}, "beta": {"betas": (1.0, 0.0)}, "second beta": {"betas": (0.9, -0.1)}}


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_as_torch(name):
    options = BAD_SGD if name == "SGD" else BAD_ADAM
    cases = {**BAD, **{k: lambda Opt, P, a, v=v: Opt([P(a)], **v) for k, v in options.items()}}
    for what, case in cases.items():
        with pytest.raises((ValueError, TypeError)) as theirs:
            case(getattr(torch.optim, name), torch.nn.Parameter, torch.ones(2))
        with pytest.raises(theirs.type) as ours:
            case(getattr(optim, name), nn.Parameter, jnp.ones(2))
            pytest.fail(what)
        assert as_fnn(str(theirs.value)) in str(ours.value), what


def test_what_fnn_refuses_itself():
    p = nn.Parameter(jnp.ones(2))
    with pytest.raises(TypeError, match=r"one of the params is jax.*; wrap arrays in fnn\.nn\.Parameter"):
        optim.SGD([jnp.ones(2)])
    with pytest.raises(ValueError, match="a parameter group with duplicate parameters"):  # torch warns so far
        optim.SGD([p, p])
    lazy = nn.LazyLinear(2)
    optimizer = optim.SGD(lazy.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="a parameter is not initialised yet; call the lazy module once"):
        optimizer.step([jnp.ones((2, 2)), jnp.ones(2)])
    lazy(X)
    before = np.array(lazy.bias)
    optimizer.step([jnp.ones((2, 2)), jnp.ones(2)])
    assert_close(lazy.bias, before - 0.1)
    with pytest.raises(ValueError, match=r"sgd: update\(grads, state, params\) needs params"):
        optim.sgd(0.1).update([p.data], optim.sgd(0.1).init([p.data]))
    with pytest.raises(ValueError, match="Nesterov momentum requires"):
        optim.sgd(nesterov=True)
    with pytest.raises(ValueError, match="Invalid beta parameter at index 1: 1"):
        optim.adam(betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        optimizer = optim.SGD([p])
        optimizer.add_param_group({"params": p})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("name", NAMES)
def test_repr_and_groups_as_torch(name):
    theirs, ours = tensors(), parameters()
    for t, p in ((theirs, ours), ([("a", theirs[0]), ("b", theirs[1])], [("a", ours[0]), ("b", ours[1])])):
        for options in ({}, {"lr": 0.5, "weight_decay": 0.1}):
            reference_optimizer = getattr(torch.optim, name)(t, **options)
            optimizer = getattr(optim, name)(p, **options)
            assert repr(optimizer) == repr(reference_optimizer)
            assert optimizer.state_dict() == reference_optimizer.state_dict()
            assert optimizer.defaults == reference_optimizer.defaults
            assert [list(g) for g in optimizer.param_groups] == [list(g) for g in optimizer.param_groups]


# -- state --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("direction", ["from torch", "to torch"])
def test_state_crosses_in_mid_run(name, direction):
    options = {"momentum": 0.9, "dampening": 0.1} if name == "SGD" else {"amsgrad": True}
    theirs, reference_optimizer, ours, optimizer = pair(name, lr=0.1, **options)
    for grads in GRADS[:3]:
        torch_step(reference_optimizer, grads)
        optimizer.step([jnp.asarray(g) for g in grads])
    if direction == "from torch":
        ours = parameters(values(theirs))
        optimizer = getattr(optim, name)(ours)  # its hyper-parameters come with the state
        optimizer.load_state_dict(reference_optimizer.state_dict())
    else:
        theirs = tensors(values(ours))
        reference_optimizer = getattr(torch.optim, name)(theirs)
        reference_optimizer.load_state_dict(as_tensors(optimizer.state_dict()))
    assert repr(optimizer) == repr(reference_optimizer)
    for grads in GRADS[3:6]:
        torch_step(reference_optimizer, grads)
        optimizer.step([jnp.asarray(g) for g in grads])
        assert_close(values(ours), values(theirs), **CLOSE)


def test_a_failed_load_changes_nothing():
    _, _, ours, optimizer = pair("Adam", lr=0.1)
    optimizer.step([jnp.asarray(g) for g in GRADS[0]])
    saved = optimizer.state_dict()
    good = copy.deepcopy(saved)
    wrong_shape = copy.deepcopy(saved)
    wrong_shape["param_groups"][0]["lr"] = 7.0
    wrong_shape["state"][2]["exp_avg"] = jnp.ones(5)
    fewer = optim.Adam(parameters()[:2]).state_dict()
    more_groups = {**good, "param_groups": good["param_groups"] * 2}
    for bad, text in (
        (wrong_shape, r"size mismatch for exp_avg: the state has shape \(5,\), the parameter \(\)"),
        (fewer, "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"),
        (more_groups, "loaded state dict has a different number of parameter groups"),
    ):
        with pytest.raises(ValueError, match=text):
            optimizer.load_state_dict(bad)
        assert_close(optimizer.state_dict()["state"], good["state"])
        assert optimizer.param_groups[0]["lr"] == 0.1
    optimizer.load_state_dict(good)
    assert_close(optimizer.state_dict()["state"], good["state"])
    del ours


def test_state_is_a_snapshot():
    _, _, _, optimizer = pair("Adam", lr=0.1)
    assert optimizer.state_dict()["state"] == {} and optimizer.state == {}
    optimizer.step([jnp.asarray(g) for g in GRADS[0]])
    saved = optimizer.state_dict()
    kept = jax.tree.map(np.array, saved["state"])
    optimizer.step([jnp.asarray(g) for g in GRADS[1]])
    assert_close(saved["state"], kept)
    assert math.isclose(float(optimizer.state[optimizer.param_groups[0]["params"][0]]["step"]), 2.0)


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies_go_on_alone(how):
    fnn.manual_seed(0)
    model = Net()
    optimizer = optim.AdamW(model.parameters(), lr=0.1)
    optimizer.step(fnn.grad(loss_of)(model))
    both = (model, optimizer)
    model2, optimizer2 = copy.deepcopy(both) if how == "deepcopy" else pickle.loads(pickle.dumps(both))
    assert optimizer2.param_groups[0]["params"][0] is model2.a.weight
    before = np.array(model.a.weight)
    optimizer2.step(fnn.grad(loss_of)(model2))
    np.testing.assert_array_equal(model.a.weight, before)
    optimizer.step(fnn.grad(loss_of)(model))
    assert_close(dict(model2.named_parameters()), dict(model.named_parameters()), **CLOSE)
    assert_close(optimizer2.state_dict()["state"], optimizer.state_dict()["state"], **CLOSE)


def test_hooks():
    p = nn.Parameter(jnp.ones(2))
    optimizer = optim.SGD([p], lr=0.5)
    log = []
    handles = [
        optimizer.register_step_pre_hook(lambda o, args, kwargs: log.append(("pre", o is optimizer, float(p[0])))),
        optimizer.register_step_post_hook(lambda o, args, kwargs: log.append(("post", o is optimizer, float(p[0])))),
    ]
    optimizer.step([jnp.ones(2)])
    assert log == [("pre", True, 1.0), ("post", True, 0.5)]
    for handle in handles:
        handle.remove()
    optimizer.step([jnp.ones(2)])
    assert len(log) == 2
    optimizer.register_state_dict_pre_hook(lambda o: log.append("saving"))
    optimizer.register_state_dict_post_hook(lambda o, d: {**d, "extra": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, d: log.append(d.pop("extra")))
    optimizer.register_load_state_dict_post_hook(lambda o: log.append("loaded"))
    saved = optimizer.state_dict()
    assert saved["extra"] == 1
    optimizer.load_state_dict(saved)
    assert log[2:] == ["saving", 1, "loaded"] and "extra" in saved


# -- optax --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule", [optim.sgd(0.1, momentum=0.9), optim.adam(0.1), optim.adamw(0.1, amsgrad=True)], ids=NAMES
)
def test_the_rule_under_scan(rule):
    params = {"w": jnp.ones(3), "b": (jnp.zeros(()),)}
    loss = lambda p: ((p["w"] - p["b"][0] - 2) ** 2).sum()  # noqa: E731

    def step(carry, _):
        params, state = carry
        updates, state = rule.update(jax.grad(loss)(params), state, params)
        return (optax.apply_updates(params, updates), state), loss(params)

    carry = params, rule.init(params)
    scanned, losses = jax.lax.scan(step, carry, None, 4)
    for want in losses:
        carry, value = step(carry, None)
        assert_close(value, want, **CLOSE)
    assert_close(scanned[0], carry[0], **CLOSE)
    chained = optax.chain(optax.clip(0.5), rule)
    updates, _ = chained.update(jax.tree.map(jnp.ones_like, params), chained.init(params), params)
    assert jax.tree.structure(updates) == jax.tree.structure(params)


def test_differentiating_through_steps():
    """The derivative of the loss after two steps by the learning rate."""

    def after(lr):
        rule = optim.sgd(lr, momentum=0.9)
        p = jnp.ones(())
        state = rule.init(p)
        for _ in range(2):
            updates, state = rule.update(2 * p, state, p)
            p = p + updates
        return p

    # p1 = 1 - 2h, v2 = 1.8 + 2 p1, p2 = p1 - h v2 = 1 - 2h - h (3.8 - 4h)
    assert_close(after(0.1), jnp.float32(1 - 0.2 - 0.1 * 3.4))
    assert_close(jax.grad(after)(0.1), jnp.float32(-5.8 + 0.8))


def test_any_optax_rule_drives_a_module():
    model = Net()
    rule = optax.adam(0.1)
    params = {name: p.data for name, p in model.named_parameters()}
    state = rule.init(params)
    first = loss_of(model)
    for _ in range(5):
        updates, state = rule.update(fnn.grad(loss_of)(model), state)
        for name, p in model.named_parameters():
            p.data = p.data + updates[name]
    assert loss_of(model) < first
