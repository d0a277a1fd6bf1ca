"""Every scheduler against torch's: learning rates and momenta, state, texts, and no recompilation."""

import copy
import inspect
import math
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.optim import SGD, Adam, lr_scheduler, swa_utils

STEPS = 30


class Decay:
    """A callable object, whose attributes are part of a scheduler's state."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, t: float) -> float:
        return self.rate**t


# Name, arguments; {"optimizer": "Adam"} for betas.
CASES = [
    ("LambdaLR", dict(lr_lambda=lambda t: 0.9**t)),
    ("LambdaLR", dict(lr_lambda=[lambda t: 1 / (1 + t), Decay(0.7)])),
    ("MultiplicativeLR", dict(lr_lambda=lambda t: 0.95)),
    ("MultiplicativeLR", dict(lr_lambda=[Decay(0.99), lambda t: 1.01])),
    ("StepLR", dict(step_size=3)),
    ("StepLR", dict(step_size=7, gamma=0.3)),
    ("MultiStepLR", dict(milestones=[2, 9, 9, 20])),
    ("MultiStepLR", dict(milestones=(5,), gamma=0.7)),
    ("ConstantLR", dict()),
    ("ConstantLR", dict(factor=0.7, total_iters=11)),
    ("ConstantLR", dict(factor=1.0, total_iters=0)),
    ("LinearLR", dict()),
    ("LinearLR", dict(start_factor=0.1, end_factor=0.7, total_iters=13)),
    ("LinearLR", dict(start_factor=1.0, end_factor=0.0, total_iters=17)),
    ("ExponentialLR", dict(gamma=0.9)),
    ("ExponentialLR", dict(gamma=1.1)),
    ("PolynomialLR", dict()),
    ("PolynomialLR", dict(total_iters=21, power=2.5)),
    ("CosineAnnealingLR", dict(T_max=30)),
    ("CosineAnnealingLR", dict(T_max=7, eta_min=0.01)),
    ("CosineAnnealingLR", dict(T_max=1)),
    ("CosineAnnealingWarmRestarts", dict(T_0=8)),
    ("CosineAnnealingWarmRestarts", dict(T_0=3, T_mult=2, eta_min=1e-3)),
    ("CyclicLR", dict(base_lr=0.01, max_lr=0.5, step_size_up=4)),
    ("CyclicLR", dict(base_lr=[0.01, 0.02], max_lr=[0.5, 1], step_size_up=3, step_size_down=6, mode="triangular2")),
    ("CyclicLR", dict(base_lr=0.1, max_lr=1.0, step_size_up=5, mode="exp_range", gamma=0.98, max_momentum=0.99)),
    ("CyclicLR", dict(base_lr=0.1, max_lr=1.0, step_size_up=5, cycle_momentum=False)),
    ("CyclicLR", dict(base_lr=0.1, max_lr=1.0, step_size_up=4, scale_fn=lambda x: 0.8**x, scale_mode="iterations")),
    ("CyclicLR", dict(base_lr=0.1, max_lr=1.0, step_size_up=4, scale_fn=Decay(0.5))),
    ("CyclicLR", dict(base_lr=0.1, max_lr=1.0, step_size_up=4, optimizer="Adam")),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=31)),
    ("OneCycleLR", dict(max_lr=[0.5, 1.0], epochs=5, steps_per_epoch=7, anneal_strategy="linear")),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=40, three_phase=True, pct_start=0.4, base_momentum=[0.7, 0.8])),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=31, cycle_momentum=False, div_factor=10, final_div_factor=100)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=31, optimizer="Adam", max_momentum=0.97)),
    ("SWALR", dict(swa_lr=0.05)),
    ("SWALR", dict(swa_lr=[0.05, 2.0], anneal_epochs=5, anneal_strategy="linear")),
    ("SWALR", dict(swa_lr=0.05, anneal_epochs=0)),
    ("ReduceLROnPlateau", dict(patience=2)),
    ("ReduceLROnPlateau", dict(mode="max", factor=0.5, patience=0, cooldown=2, min_lr=[0.01, 0.1])),
    ("ReduceLROnPlateau", dict(patience=1, threshold=0.2, threshold_mode="abs", eps=0.05)),
    ("ReduceLROnPlateau", dict(mode="max", patience=1, threshold=0.1, threshold_mode="abs", min_lr=0.02)),
    ("Sequential", dict()),
    ("Chained", dict()),
    ("ChainedWithCycle", dict()),
]
IDS = [f"{name}{i}" for i, (name, _) in enumerate(CASES)]
METRICS = [3 + math.cos(2.1 * t) + 1 / (1 + t) for t in range(2 * STEPS)]


def build(where, swa, optimizer, name, options):
    """A scheduler of torch's or of fnn's, from their module of schedulers."""
    if name == "Sequential":
        phases = [
            where.LinearLR(optimizer, 0.2, total_iters=4),
            where.ExponentialLR(optimizer, 0.9),
            where.CosineAnnealingLR(optimizer, 5),
        ]
        return where.SequentialLR(optimizer, phases, milestones=[5, 14])
    if name == "Chained":
        return where.ChainedScheduler([where.ConstantLR(optimizer, 0.1, 3), where.ExponentialLR(optimizer, 0.9)])
    if name == "ChainedWithCycle":
        parts = [where.CosineAnnealingLR(optimizer, 6, 0.01), where.MultiplicativeLR(optimizer, lambda t: 0.97)]
        return where.ChainedScheduler(parts, optimizer)
    cls = swa.SWALR if name == "SWALR" else getattr(where, name)
    return cls(optimizer, **copy.deepcopy(options))


def groups_of(make):
    return [{"params": [make()], "lr": 0.4}, {"params": [make(), make()], "lr": 1}]


def our_optimizer(kind="SGD", momentum=0.9):
    groups = groups_of(lambda: nn.Parameter(jnp.zeros(2)))
    optimizer = SGD(groups, lr=0.1, momentum=momentum) if kind == "SGD" else Adam(groups, lr=0.1)
    optimizer._opt_called = True  # these tests are about numbers
    return optimizer


def their_optimizer(kind="SGD"):
    torch = pytest.importorskip("torch")
    groups = groups_of(lambda: torch.nn.Parameter(torch.zeros(2)))
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9) if kind == "SGD" else torch.optim.Adam(groups, lr=0.1)
    optimizer._opt_called = True
    return optimizer


def both(name, options):
    torch = pytest.importorskip("torch")
    options = dict(options)
    kind = options.pop("optimizer", "SGD")
    theirs, ours = their_optimizer(kind), our_optimizer(kind)
    return (
        (theirs, build(torch.optim.lr_scheduler, torch.optim.swa_utils, theirs, name, options)),
        (ours, build(lr_scheduler, swa_utils, ours, name, options)),
    )


def step(scheduler, t):
    scheduler.step(*([METRICS[t]] if type(scheduler).__name__ == "ReduceLROnPlateau" else []))


def numbers(optimizer):
    """Everything that a scheduler sets, as one list."""
    keys = ("lr", "initial_lr", "momentum", "max_momentum", "base_momentum", "max_lr", "min_lr", "swa_lr")
    found = []
    for group in optimizer.param_groups:
        found += [float(group[k]) for k in keys if k in group] + [float(b) for b in group.get("betas", ())]
    return found


def assert_same(theirs, ours, what):
    np.testing.assert_allclose(numbers(ours[0]), numbers(theirs[0]), rtol=1e-12, atol=0, err_msg=what)
    np.testing.assert_allclose(ours[1].get_last_lr(), theirs[1].get_last_lr(), rtol=1e-12, atol=0, err_msg=what)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_follows_torch(name, options):
    theirs, ours = both(name, options)
    for t in range(STEPS):
        assert_same(theirs, ours, f"step {t}")
        step(theirs[1], t)
        step(ours[1], t)
        assert all(type(group["lr"]) is float for group in ours[0].param_groups), "no other type: it would recompile"
    assert_same(theirs, ours, "the end")


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_state_crosses_in_mid_run(name, options):
    """After 11 steps the state has torch's keys and values, and each goes on from the other's."""
    theirs, ours = both(name, options)
    for t in range(11):
        step(theirs[1], t)
        step(ours[1], t)
    compare_states(ours[1].state_dict(), theirs[1].state_dict(), name)
    new_theirs, new_ours = both(name, options)
    new_theirs[0].load_state_dict(their_groups(ours[0], new_theirs[0]))
    new_ours[0].load_state_dict(their_groups(theirs[0], new_ours[0]))
    new_theirs[1].load_state_dict(copy.deepcopy(ours[1].state_dict()))
    new_ours[1].load_state_dict(copy.deepcopy(theirs[1].state_dict()))
    for t in range(11, STEPS):
        for scheduler in (theirs[1], new_theirs[1], new_ours[1]):
            step(scheduler, t)
        assert_same(theirs, new_ours, f"torch's state in fnn, step {t}")
        assert_same(theirs, new_theirs, f"fnn's state in torch, step {t}")


def their_groups(source, target):
    """The hyper-parameters of one optimizer as a state for another, whose own options (foreach, ...) stay."""
    state = target.state_dict()
    for group, given in zip(state["param_groups"], source.param_groups, strict=True):
        group.update({k: v for k, v in given.items() if k != "params"})
    return state


def compare_states(ours, theirs, what):
    assert type(ours) is type(theirs) or isinstance(ours, (int, float)), what
    if isinstance(ours, dict):
        assert set(ours) == set(theirs), what
        for key in ours:
            compare_states(ours[key], theirs[key], f"{what}.{key}")
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs), what
        for a, b in zip(ours, theirs, strict=True):
            compare_states(a, b, what)
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-12), what
    else:
        assert ours == theirs, what


CLOSED = [case for case in CASES if case[0] in ("StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR")]
CLOSED += [case for case in CASES if case[0] in ("PolynomialLR", "CosineAnnealingLR", "LambdaLR", "CyclicLR")]


@pytest.mark.parametrize(("name", "options"), CLOSED)
def test_a_given_epoch_is_deprecated_and_uses_the_closed_form(name, options):
    theirs, ours = both(name, options)
    for epoch in (0, 4, 5, 6, 12, 3):
        for _, scheduler in (theirs, ours):
            with pytest.warns(UserWarning, match=r"The epoch parameter in `scheduler.step\(\)` was not necessary"):
                scheduler.step(epoch)
        assert_same(theirs, ours, f"epoch {epoch}")


@pytest.mark.parametrize("options", [dict(T_0=4), dict(T_0=3, T_mult=2, eta_min=0.01), dict(T_0=2, T_mult=3)])
def test_warm_restarts_go_to_any_epoch(options):
    theirs, ours = both("CosineAnnealingWarmRestarts", options)
    for epoch in (0, 0.5, 2.25, 3, 7.75, 12, 1.5, None, None, 20.5, None):
        theirs[1].step(epoch)
        ours[1].step(epoch)
        assert_same(theirs, ours, f"epoch {epoch}")
    with pytest.raises(ArgumentError, match="Expected non-negative epoch, but got -1"):
        ours[1].step(-1)


@pytest.mark.parametrize(
    ("name", "options"),
    [case for case in CASES if case[0] not in ("ReduceLROnPlateau", "Sequential", "Chained", "ChainedWithCycle")],
)
def test_goes_on_from_last_epoch(name, options):
    theirs, ours = both(name, options)
    for t in range(5):
        step(theirs[1], t)
        step(ours[1], t)
    torch = pytest.importorskip("torch")
    options = {k: v for k, v in options.items() if k != "optimizer"} | {"last_epoch": 5}
    theirs = theirs[0], build(torch.optim.lr_scheduler, torch.optim.swa_utils, theirs[0], name, options)
    ours = ours[0], build(lr_scheduler, swa_utils, ours[0], name, options)
    for t in range(6, 15):
        assert_same(theirs, ours, f"step {t}")
        step(theirs[1], t)
        step(ours[1], t)


def test_signatures_and_names_are_torchs():
    torch = pytest.importorskip("torch")
    theirs, ours = torch.optim.lr_scheduler, lr_scheduler
    assert sorted(ours.__all__) == sorted(theirs.__all__)
    assert issubclass(ours._LRScheduler, ours.LRScheduler) and ours._LRScheduler.__name__ == "_LRScheduler"
    classes = [(getattr(ours, name), getattr(theirs, name)) for name in ours.__all__]
    for our, their in [*classes, (swa_utils.SWALR, torch.optim.swa_utils.SWALR)]:
        signatures = [inspect.signature(cls).parameters.values() for cls in (our, their)]
        assert [(p.name, p.default) for p in signatures[0]] == [(p.name, p.default) for p in signatures[1]], our
        assert our is ours.LRScheduler or issubclass(our, ours.LRScheduler)


ERRORS = [
    ("LambdaLR", dict(lr_lambda=[abs]), ValueError, "Expected 2 lr_lambdas, but got 1"),
    ("MultiplicativeLR", dict(lr_lambda=[abs] * 3), ValueError, "Expected 2 lr_lambdas, but got 3"),
    ("MultiplicativeLR", dict(lr_lambda=0.5), TypeError, "lr_lambda should be a function, but got float"),
    ("ConstantLR", dict(factor=1.5), ValueError, "Constant multiplicative factor expected to be between 0 and 1."),
    ("LinearLR", dict(start_factor=0), ValueError, "Starting multiplicative factor expected to be greater than 0"),
    ("LinearLR", dict(end_factor=1.5), ValueError, "Ending multiplicative factor expected to be between 0 and 1."),
    ("CosineAnnealingWarmRestarts", dict(T_0=0), ValueError, "Expected positive integer T_0, but got 0"),
    ("CosineAnnealingWarmRestarts", dict(T_0=1.5), ValueError, "Expected positive integer T_0, but got 1.5"),
    ("CosineAnnealingWarmRestarts", dict(T_0=1, T_mult=0), ValueError, "Expected integer T_mult >= 1, but got 0"),
    ("CosineAnnealingWarmRestarts", dict(T_0=1, eta_min="0"), ValueError, "Expected float or int eta_min, but got 0"),
    ("ReduceLROnPlateau", dict(factor=1.0), ValueError, "Factor should be < 1.0."),
    ("ReduceLROnPlateau", dict(mode="best"), ValueError, "mode best is unknown!"),
    ("ReduceLROnPlateau", dict(threshold_mode="x"), ValueError, "threshold mode x is unknown!"),
    ("ReduceLROnPlateau", dict(min_lr=[1.0]), ValueError, "expected 2 min_lrs, got 1"),
    ("CyclicLR", dict(base_lr=[0.1], max_lr=1.0), ValueError, "base_lr must have the same length as optimizer.param_g"),
    ("CyclicLR", dict(base_lr=0.1, max_lr=1.0, mode="x"), ValueError, "mode is invalid and scale_fn is None"),
    ("OneCycleLR", dict(max_lr=0.1), ValueError, "You must define either total_steps OR (epochs AND steps_per_epoch)"),
    ("OneCycleLR", dict(max_lr=0.1, total_steps=0), ValueError, "Expected positive integer total_steps, but got 0"),
    ("OneCycleLR", dict(max_lr=0.1, epochs=-1, steps_per_epoch=1), ValueError, "positive integer epochs, but got -1"),
    ("OneCycleLR", dict(max_lr=0.1, epochs=1, steps_per_epoch=0.5), ValueError, "integer steps_per_epoch, but got 0.5"),
    ("OneCycleLR", dict(max_lr=0.1, total_steps=9, pct_start=1.5), ValueError, "Expected float between 0 and 1 pct_s"),
    ("OneCycleLR", dict(max_lr=0.1, total_steps=9, anneal_strategy="x"), ValueError, "one of 'cos' or 'linear'"),
    ("SWALR", dict(swa_lr=0.1, anneal_strategy="x"), ValueError, "one of 'cos' or 'linear', instead got x"),
    ("SWALR", dict(swa_lr=0.1, anneal_epochs=-1), ValueError, "anneal_epochs must be equal or greater than 0, got -1"),
    ("SWALR", dict(swa_lr=[0.1]), ValueError, "swa_lr must have the same length as optimizer.param_groups."),
    ("StepLR", dict(step_size=1, last_epoch=3), KeyError, "param 'initial_lr' is not specified in param_groups[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "kind", "text"), ERRORS)
def test_bad_arguments_have_torchs_texts(name, options, kind, text):
    torch = pytest.importorskip("torch")
    with pytest.raises(kind) as ours:
        build(lr_scheduler, swa_utils, our_optimizer(), name, options)
    with pytest.raises(kind) as theirs:
        build(torch.optim.lr_scheduler, torch.optim.swa_utils, their_optimizer(), name, options)
    assert text in str(ours.value.args[0]) and text in str(theirs.value.args[0])


def test_bad_compositions():
    a, b = our_optimizer(), our_optimizer()
    one, other = lr_scheduler.StepLR(a, 3), lr_scheduler.StepLR(b, 3)
    plateau = lr_scheduler.ReduceLROnPlateau(a)
    for composite in (lr_scheduler.ChainedScheduler, lambda s: lr_scheduler.SequentialLR(a, s, [1] * (len(s) - 1))):
        with pytest.raises(ArgumentError, match="expects at least one scheduler"):
            composite([])
        with pytest.raises(ArgumentError, match="expects all schedulers to belong to the same optimizer, but got"):
            composite([one, other])
        with pytest.raises(ArgumentError, match="does not support `ReduceLROnPlateau` scheduler as it requires"):
            composite([one, plateau])
        with pytest.raises(ArgumentTypeError, match="at index 1 should have `optimizer` as its attribute"):
            composite([one, 3])
        with pytest.raises(TypeError, match="takes no epoch"):
            composite([one]).step(3)
    with pytest.raises(ArgumentError, match="number of schedulers 1 and the number of milestones to be equal to 2"):
        lr_scheduler.SequentialLR(a, [one], [1, 2])


def test_refused_optimizers():
    for make in (
        lambda o: lr_scheduler.StepLR(o, 1),
        lambda o: lr_scheduler.LambdaLR(o, abs),
        lambda o: lr_scheduler.CyclicLR(o, 0.1, 1),
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9),
        lambda o: lr_scheduler.ReduceLROnPlateau(o),
        lambda o: swa_utils.SWALR(o, 0.1),
    ):
        with pytest.raises(TypeError, match="int is not an Optimizer"):
            make(3)
    stub = Groups(lr=0.1)
    for make in (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1), lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9)):
        with pytest.raises(ArgumentError, match="optimizer must support momentum or beta1 with `cycle_momentum`"):
            make(stub)


class Groups:
    """No optimizer, only groups."""

    def __init__(self, **options) -> None:
        self.param_groups = [dict(options)]


def test_anything_with_groups_will_do():
    stub = Groups(lr=jnp.float32(0.5), momentum=0.0)
    scheduler = lr_scheduler.OneCycleLR(stub, max_lr=1.0, total_steps=9)
    for _ in range(8):
        scheduler.step()
    assert type(stub.param_groups[0]["lr"]) is float and stub.param_groups[0]["momentum"] == pytest.approx(0.95)
    scheduler.step()
    with pytest.raises(ArgumentError, match=r"Tried to step 10 times. The specified number of total steps is 9"):
        scheduler.step()


def test_plateau_with_a_group_more():
    for min_lr, fails in ((0.01, False), ([0.01, 0.02], True)):
        optimizer = our_optimizer()
        scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=min_lr)
        optimizer.add_param_group({"params": [nn.Parameter(jnp.ones(1))], "lr": 1.0})
        scheduler.step(1.0)
        if fails:
            with pytest.raises(RuntimeError, match=r"The number of param groups in the `optimizer` \(3\) differs from"):
                scheduler.step(1.0)
        else:
            scheduler.step(jnp.float32(1.0))
            assert scheduler.get_last_lr() == pytest.approx([0.04, 0.1, 0.1])


def test_plateaus_epoch_is_deprecated():
    scheduler = lr_scheduler.ReduceLROnPlateau(our_optimizer())
    with pytest.warns(UserWarning, match=r"The epoch parameter in `scheduler.step\(\)` was not necessary"):
        scheduler.step(1.0, epoch=7)
    assert scheduler.last_epoch == 7


def test_get_lr_outside_of_step_warns():
    scheduler = lr_scheduler.StepLR(our_optimizer(), 3)
    with pytest.warns(UserWarning, match="To get the last learning rate computed by the scheduler, please use"):
        scheduler.get_lr()


def test_a_subclass_of_the_users():
    class Harmonic(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [np.float64(rate) / (1 + self.last_epoch) for rate in self.base_lrs]

    scheduler = Harmonic(our_optimizer())
    scheduler.step()
    assert scheduler.get_last_lr() == [0.2, 0.5] and type(scheduler.optimizer.param_groups[0]["lr"]) is float
    with pytest.raises(NotImplementedError, match="must define get_lr"):
        lr_scheduler.LRScheduler(our_optimizer())


# -- the order of steps ----------------------------------------------------------------------------------------

ORDER = r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"


def small(momentum=0.0):
    model = nn.Linear(2, 1)
    return model, SGD(model.parameters(), lr=0.5, momentum=momentum)


def ones(model):
    return [jnp.ones(p.shape) for p in model.parameters()]


def test_the_wrong_order_warns_once():
    model, optimizer = small()
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=ORDER):
        scheduler.step()
    scheduler.step()
    optimizer.step(ones(model))
    scheduler.step()


def test_the_right_order_does_not():
    model, optimizer = small()
    scheduler, second = lr_scheduler.StepLR(optimizer, 1), lr_scheduler.ExponentialLR(optimizer, 0.9)
    optimizer.step(ones(model))
    scheduler.step()
    second.step()


def test_an_overridden_step_warns():
    _, optimizer = small()
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    optimizer.step = lambda grads: None
    with pytest.warns(UserWarning, match=r"Seems like `optimizer.step\(\)` has been overridden after learning rate"):
        scheduler.step()


def train_step(traces):
    @fnn.jit
    def step(model, optimizer, x):
        traces.append(1)
        loss, grads = fnn.value_and_grad(lambda model: (model(x) ** 2).sum())(model)
        optimizer.step(grads)
        return loss

    return step


def test_steps_of_a_program_that_was_traced_before_count():
    traces: list[int] = []
    step = train_step(traces)
    model, optimizer = small()
    step(model, optimizer, jnp.ones((3, 2)))
    late = lr_scheduler.StepLR(optimizer, 1)
    step(model, optimizer, jnp.ones((3, 2)))
    late.step()  # no warning
    assert len(traces) == 1, "making a scheduler recompiles nothing"
    second = lr_scheduler.StepLR(small()[1], 1)
    with pytest.warns(UserWarning, match=ORDER):
        second.step()


@pytest.mark.parametrize("name", ["StepLR", "CyclicLR", "OneCycleLR", "CosineAnnealingLR", "ReduceLROnPlateau"])
@pytest.mark.parametrize("lr", [1, 0.5])
def test_no_retrace_when_a_scheduler_steps(name, lr):
    options = {
        "StepLR": dict(step_size=1),
        "CyclicLR": dict(base_lr=1, max_lr=2, step_size_up=3),
        "OneCycleLR": dict(max_lr=1, total_steps=9),
        "CosineAnnealingLR": dict(T_max=4),
        "ReduceLROnPlateau": dict(patience=0),
    }[name]
    traces: list[int] = []
    step_once = train_step(traces)
    model = nn.Linear(2, 1)
    optimizer = SGD(model.parameters(), lr=lr, momentum=0.9)
    scheduler = getattr(lr_scheduler, name)(optimizer, **options)
    rates = set()
    for _ in range(5):
        step_once(model, optimizer, jnp.ones((3, 2)))
        rates.add(optimizer.param_groups[0]["lr"])
        scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    assert len(rates) > 1 and len(traces) == 1


def test_the_new_rate_is_what_the_program_uses():
    traces: list[int] = []
    step = train_step(traces)
    parameter = nn.Parameter(jnp.ones(1))

    class Identity(nn.Module):
        def __init__(self):
            super().__init__()
            self.p = parameter

        def forward(self, x):
            return self.p * x

    model = Identity()
    optimizer = SGD(model.parameters(), lr=0.25)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    for expected in (0.5, 0.5 * 0.75):  # p - 2 lr p
        step(model, optimizer, jnp.ones(1))
        scheduler.step()
        assert float(parameter.data[0]) == expected
    assert len(traces) == 1


def test_a_step_inside_jit_is_refused():
    model, optimizer = small()
    single = lr_scheduler.StepLR(optimizer, 1)
    for scheduler in (
        single,
        lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3),
        lr_scheduler.ReduceLROnPlateau(optimizer),
        lr_scheduler.SequentialLR(optimizer, [lr_scheduler.StepLR(optimizer, 1)], []),
        lr_scheduler.ChainedScheduler([single]),
    ):

        @fnn.jit
        def step(model, optimizer, x, scheduler=scheduler):
            scheduler.step(*([1.0] if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau) else []))
            return x

        before = copy.deepcopy(scheduler.state_dict())
        with pytest.raises(ArgumentError, match=r"stepped inside fnn.jit or another transform"):
            step(model, optimizer, jnp.ones(1))
        assert scheduler.state_dict() == before and optimizer.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_scheduled_optimizer_copies(clone):
    model, optimizer = small(momentum=0.9)
    lr_scheduler.StepLR(optimizer, 1)
    optimizer.step(ones(model))
    copied = clone(optimizer)
    before = np.array(copied.param_groups[0]["params"][0].data)
    own = np.array(optimizer.param_groups[0]["params"][0].data)
    copied.step([jnp.ones(p.shape) for p in copied.param_groups[0]["params"]])
    assert not np.array_equal(before, copied.param_groups[0]["params"][0].data)
    np.testing.assert_array_equal(own, optimizer.param_groups[0]["params"][0].data)
    lr_scheduler.StepLR(copied, 1).step()
    assert copied.param_groups[0]["lr"] == pytest.approx(0.05) and optimizer.param_groups[0]["lr"] == 0.5


def test_a_scheduler_holds_no_optimizer_alive():
    import gc
    import weakref

    _, optimizer = small()
    lr_scheduler.StepLR(optimizer, 1)
    alive = weakref.ref(optimizer)
    gc.disable()
    try:
        del optimizer
        assert alive() is None, "no cycle through the step that is followed"
    finally:
        gc.enable()


def test_jit_of_the_bound_step():
    model, optimizer = small()
    lr_scheduler.StepLR(optimizer, 1)
    before = np.array(model.weight.data)
    step = fnn.jit(optimizer.step)
    for n in (1, 2):
        step([jnp.ones(p.shape) for p in model.parameters()])
        np.testing.assert_allclose(model.weight.data, before - 0.5 * n, rtol=1e-5)


# -- compositions of compositions -----------------------------------------------------------------------------


def in_turn(L, o, milestones, *schedulers):
    return L.SequentialLR(o, list(schedulers), milestones)


NESTED = {
    "flat": lambda L, o, a, b, c: in_turn(L, o, [2, 5], a, b, c),
    "first": lambda L, o, a, b, c: in_turn(L, o, [5], in_turn(L, o, [2], a, b), c),
    "later": lambda L, o, a, b, c: in_turn(L, o, [2], a, in_turn(L, o, [3], b, c)),
    "wrapped thrice": lambda L, o, a, b, c: in_turn(L, o, [], in_turn(L, o, [], in_turn(L, o, [2, 5], a, b, c))),
}


@pytest.mark.parametrize("name", NESTED)
def test_a_sequence_within_a_sequence_keeps_its_phases(name):
    """As the flat one. (PyTorch cuts the inner one's first phase short, and fails where a sequence comes later.)"""

    def make(L, o):
        return NESTED[name](L, o, L.ConstantLR(o, 0.1, 99), L.ExponentialLR(o, 0.5), L.ExponentialLR(o, 0.9))

    assert rates(make) == pytest.approx([0.1, 0.1, 1, 0.5, 0.25, 1, 0.9, 0.81, 0.729, 0.6561])


def rates(make):
    optimizer = SGD([nn.Parameter(jnp.ones(2))], lr=1.0)
    scheduler, found = make(lr_scheduler, optimizer), []
    for _ in range(10):
        found += scheduler.get_last_lr()
        assert found[-1] == optimizer.param_groups[0]["lr"]
        optimizer.step([jnp.ones(2)])
        scheduler.step()
    return found


def test_a_chain_within_a_sequence():
    chain = lambda L, o: L.ChainedScheduler([L.ConstantLR(o, 0.1, 3), L.ExponentialLR(o, 0.5)])  # noqa: E731
    alone = rates(chain)
    first = lambda L, o: L.SequentialLR(o, [chain(L, o), L.ExponentialLR(o, 0.9)], [5])  # noqa: E731
    assert rates(first) == pytest.approx([*alone[:5], 1, 0.9, 0.81, 0.729, 0.6561])
    later = lambda L, o: L.SequentialLR(o, [L.ExponentialLR(o, 0.9), chain(L, o)], [2])  # noqa: E731
    assert rates(later) == pytest.approx([1, 0.9, *alone[:8]])


def test_what_cannot_begin_at_a_milestone_is_refused_at_once():
    class Other:
        def __init__(self, optimizer):
            self.optimizer = optimizer

    _, optimizer = small()
    with pytest.raises(TypeError, match=r"SequentialLR at index 1 expects an LRScheduler, .* got Other"):
        lr_scheduler.SequentialLR(optimizer, [lr_scheduler.StepLR(optimizer, 1), Other(optimizer)], [2])
