"""The other optimizers against torch, in every configuration of torch's own database."""

import copy
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.experimental.sparse import BCOO

import fnn
from fnn import nn, optim
from fnn.testing import assert_close
from tests import reference
from tests.optim.own import OWN, of_fnn, of_torch

torch = reference.torch

NAMES = ("ASGD", "Adadelta", "Adafactor", "Adagrad", "Adamax", "Muon", "NAdam", "RAdam", "RMSprop", "Rprop", *OWN)
RNG = np.random.default_rng(0)
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def database():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_optimizers import optim_db
    return {info.optim_cls.__name__: info for info in optim_db}


def cases(names):
    table = database()
    for name in names:
        for case in table[name].optim_inputs_func("cpu") if name in table else ():
            yield pytest.param(name, case.kwargs, id=f"{name} {case.desc}")


EXTRA = [
    ("ASGD", {"t0": 2, "lr": 0.1, "lambd": 0.1}),
    ("Adadelta", {"maximize": True, "lr": 0.5, "eps": 1e-3}),
    ("Adafactor", {"eps": (1e-3, 1e-2), "lr": 0.5, "d": 1.2}),
    ("Adagrad", {"lr": 0.5, "lr_decay": 0.1, "eps": 1e-3}),
    ("Adamax", {"betas": (0.0, 0.5), "lr": 0.1}),
    ("Lion", {"lr": 0.01, "betas": (0.8, 0.6), "weight_decay": 0.1}),
    ("Muon", {"adjust_lr_fn": "match_rms_adamw", "nesterov": False}),
    ("NAdam", {"betas": (0.5, 0.0), "decoupled_weight_decay": True, "maximize": True, "weight_decay": 0.1}),
    ("RAdam", {"betas": (0.8, 0.6), "lr": 0.1}),
    ("RAdam", {"betas": (0.8, 0.9), "lr": 0.1}),
    ("RMSprop", {"momentum": 0.9, "lr": 0.1, "alpha": 0.5}),
    ("Rprop", {"step_sizes": (1e-3, 1.3e-2)}),
]


def shapes(name):
    return ((3, 2), (2, 4)) if name == "Muon" else ((3, 2), (4,), ())


def draw(name, count):
    return [[RNG.standard_normal(s).astype(np.float32) for s in shapes(name)] for _ in range(count)]


def plain(options):
    return {k: float(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()}


def build(name, start, options):
    reference_params = [torch.nn.Parameter(torch.tensor(v)) for v in start]
    params = [nn.Parameter(jnp.array(v)) for v in start]
    return reference_params, of_torch(name)(reference_params, **options), params, of_fnn(name)(params, **plain(options))


def torch_step(optimizer, params, grads):
    for p, g in zip(params, grads, strict=True):
        p.grad = None if g is None else torch.tensor(g, dtype=p.dtype)
    optimizer.step()


def same(ours, theirs, what):
    want = [p.detach().numpy() for p in theirs]
    assert_close([np.array(p) for p in ours], want, **CLOSE, msg=lambda text: f"{what}: {text}")


def as_tensors(tree):
    if isinstance(tree, dict):
        return {k: as_tensors(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [as_tensors(v) for v in tree]
    return torch.tensor(np.asarray(tree)) if isinstance(tree, jax.Array) else tree


@fnn.jit
def jitted_step(optimizer, grads):
    optimizer.step(grads)


# -- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), [*cases(NAMES), *EXTRA])
def test_ten_steps_as_torch(name, options):
    start = draw(name, 1)[0]
    theirs, reference_optimizer, ours, eager = build(name, start, options)
    _, _, inside, compiled = build(name, start, options)
    for n, grads in enumerate(draw(name, 10)):
        torch_step(reference_optimizer, theirs, grads)
        arrays = [jnp.asarray(g) for g in grads]
        eager.step(arrays)
        jitted_step(compiled, arrays)
        same(ours, theirs, f"eager, step {n}")
        same(inside, theirs, f"jit, step {n}")
    want = reference_optimizer.state_dict()
    got = eager.state_dict()
    assert_close(got["state"], want["state"], **CLOSE)
    assert [list(entry) for entry in got["state"].values()] == [list(entry) for entry in want["state"].values()]
    assert list(got["param_groups"][0]) == list(want["param_groups"][0])


@pytest.mark.parametrize("name", ["ASGD", "Adafactor", "NAdam", "RMSprop", "Rprop"])
def test_the_transformation_alone(name):
    start = draw(name, 1)[0]
    options = {"lr": 0.1}
    theirs, reference_optimizer, _, _ = build(name, start, options)
    rule = getattr(optim, name.lower())(0.1)
    params = {"b": jnp.asarray(start[1]), "a": (jnp.asarray(start[0]), jnp.asarray(start[2]))}
    state = rule.init(params)
    update = jax.jit(rule.update)
    for grads in draw(name, 3):
        torch_step(reference_optimizer, theirs, grads)
        updates, state = update({"b": grads[1], "a": (grads[0], grads[2])}, state, params)
        params = optax.apply_updates(params, updates)
    same([params["a"][0], params["b"], params["a"][1]], theirs, name)


COMPLEX = ("ASGD", "Adadelta", "Adagrad", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop")


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_parameters_as_torch(name):
    def numbers():
        return [(RNG.standard_normal(s) + 1j * RNG.standard_normal(s)).astype(np.complex64) for s in ((3,), (2, 2))]

    options = {"lr": 0.05}
    if name == "Adagrad":
        options["initial_accumulator_value"] = 0.1
    elif name == "RMSprop":
        options.update(centered=True, momentum=0.5)
    theirs, reference_optimizer, ours, optimizer = build(name, numbers(), options)
    for n in range(7):
        grads = numbers()
        torch_step(reference_optimizer, theirs, grads)
        optimizer.step([jnp.asarray(g) for g in grads])
        same(ours, theirs, f"step {n}")
    assert_close(optimizer.state_dict()["state"], reference_optimizer.state_dict()["state"], **CLOSE)


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_complex_parameters_are_refused(name):
    optimizer = getattr(optim, name)([nn.Parameter(jnp.ones((2, 3), jnp.complex64))])
    with pytest.raises(RuntimeError, match=f"{name} does not support complex parameters"):
        optimizer.step([jnp.ones((2, 3), jnp.complex64)])


# -- state ----------------------------------------------------------------------------------------------------

STATEFUL = {
    "ASGD": {"t0": 1, "lr": 0.1},
    "Muon": {"momentum": 0.5},
    "NAdam": {"momentum_decay": 0.1},
    "RMSprop": {"momentum": 0.9, "centered": True},
}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_moves_between_torch_and_fnn(name):
    """Steps 0-2 on one side, 3-5 on the other, in both directions; one parameter has no gradient before step 4."""
    start, options = draw(name, 1)[0], STATEFUL.get(name, {})
    grads = draw(name, 6)
    for step in grads[:4]:
        step[1] = None
    theirs, torch_optimizer, ours, optimizer = build(name, start, options)
    for some in grads[:3]:
        torch_step(torch_optimizer, theirs, some)
        optimizer.step(some)
    got, want = optimizer.state_dict(), torch_optimizer.state_dict()
    assert set(got["state"]) == set(want["state"])
    at = [p.detach().numpy().copy() for p in theirs]
    theirs_2, torch_2, ours_2, fnn_2 = build(name, at, options)
    torch_2.load_state_dict(as_tensors(got))
    fnn_2.load_state_dict(want)
    for some in grads[3:]:
        torch_step(torch_optimizer, theirs, some)
        torch_step(torch_2, theirs_2, some)
        optimizer.step(some)
        fnn_2.step(some)
    same(ours, theirs, "fnn")
    same(ours_2, theirs, "torch, then fnn")
    assert_close([p.detach().numpy() for p in theirs_2], [p.detach().numpy() for p in theirs], **CLOSE)


def test_adagrad_has_its_state_from_the_start():
    _, torch_optimizer, _, optimizer = build("Adagrad", draw("Adagrad", 1)[0], {"initial_accumulator_value": 2})
    assert_close(optimizer.state_dict()["state"], torch_optimizer.state_dict()["state"], **CLOSE)


# -- what changes without compiling anew ----------------------------------------------------------------------

CHANGES = {
    "ASGD": {"lr": 0.02, "lambd": 0.1, "alpha": 0.5, "t0": 3.0, "weight_decay": 0.2},
    "Adadelta": {"lr": 0.5, "rho": 0.5, "eps": 1e-3, "weight_decay": 0.2},
    "Adafactor": {"lr": 0.5, "beta2_decay": -0.5, "d": 2.0, "weight_decay": 0.2},
    "Adagrad": {"lr": 0.5, "lr_decay": 0.1, "eps": 1e-3, "weight_decay": 0.2},
    "Adamax": {"lr": 0.5, "betas": (0.5, 0.6), "eps": 1e-3, "weight_decay": 0.2},
    "Muon": {"lr": 0.5, "momentum": 0.5, "ns_coefficients": (3.4, -4.7, 2.0), "eps": 1e-3, "weight_decay": 0.2},
    "NAdam": {"lr": 0.5, "betas": (0.5, 0.6), "eps": 1e-3, "momentum_decay": 0.1, "weight_decay": 0.2},
    "RAdam": {"lr": 0.5, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.2},
    "RMSprop": {"lr": 0.5, "alpha": 0.5, "eps": 1e-3, "weight_decay": 0.2},
    "Rprop": {"lr": 0.5, "etas": (0.3, 1.5), "step_sizes": (1e-3, 0.02)},
    **{name: changes for name, (_, _, changes) in OWN.items()},
}


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_number_compiles_nothing(name):
    decay = {} if name == "Rprop" else {"weight_decay": 0.1}
    theirs, torch_optimizer, ours, optimizer = build(name, draw(name, 1)[0], decay)
    traces = []

    @fnn.jit
    def step(optimizer, grads):
        traces.append(None)
        optimizer.step(grads)

    grads = draw(name, 4)
    for n, some in enumerate(grads):
        if n == 2:
            before = len(traces)
            for o in (optimizer, torch_optimizer):
                o.param_groups[0].update(CHANGES[name])
        torch_step(torch_optimizer, theirs, some)
        step(optimizer, [jnp.asarray(g) for g in some])
    assert len(traces) == before
    same(ours, theirs, name)


WITH_DECAY = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1}),
    *((name, {}) for name in (*NAMES, "Adam", "AdamW") if name != "Rprop"),
    *((name, {"decoupled_weight_decay": True}) for name in ("NAdam", "RAdam")),
]


@pytest.mark.parametrize(("name", "options"), WITH_DECAY)
def test_no_weight_decay_is_no_term(name, options):
    """Zero times infinity would be NaN. The first other weight decay costs a program, further ones cost none."""
    start = [np.full(shape, np.inf, np.float32) for shape in shapes(name)]
    options = {**options, "weight_decay": 0.0}
    params = [nn.Parameter(jnp.array(value)) for value in start]
    optimizer = of_fnn(name)(params, **options)
    traces = []

    @fnn.jit
    def step(optimizer, grads):
        traces.append(None)
        optimizer.step(grads)

    finite = name not in ("ASGD", "Adafactor")  # these use the parameter otherwise, too
    counts = []
    for n, decay in enumerate((0.0, 0, 0.0, 0.5, 1, 0.25, 0.0)):
        optimizer.param_groups[0]["weight_decay"] = decay
        step(optimizer, [jnp.asarray(g) for g in draw(name, 1)[0]])
        counts.append(len(traces))
        if n == 2 and finite:
            assert all(np.all(np.array(p) == np.inf) for p in params)
    assert counts[0] <= counts[1] == counts[2] < counts[3] == counts[5]
    assert counts[3] == counts[2] + 1 and counts[6] == counts[5], "the program without the term is at hand"


# -- errors -----------------------------------------------------------------------------------------------------


def refusals():
    table = database()
    for name in (*NAMES, "SparseAdam"):
        for case in table[name].optim_error_inputs_func("cpu", torch.float32) if name in table else ():
            arguments = case.optimizer_error_input
            if case.error_on.value or arguments.desc in (
                "dense params required",
                "dense params required in param_groups",
            ):
                continue
            yield pytest.param(name, arguments, case, id=f"{name} {arguments.desc}")


def as_parameters(tree, made):
    if isinstance(tree, torch.Tensor):
        return made.setdefault(id(tree), nn.Parameter(jnp.asarray(tree.detach().numpy())))
    if isinstance(tree, dict):
        return {k: as_parameters(v, made) for k, v in tree.items()}
    return type(tree)(as_parameters(v, made) for v in tree) if isinstance(tree, (list, tuple)) else tree


@pytest.mark.parametrize(("name", "arguments", "case"), list(refusals()))
def test_refusals_as_torch(name, arguments, case):
    params = [nn.Parameter(jnp.ones((1, 1)))] if arguments.params is None else as_parameters(arguments.params, {})
    options = {k: jnp.asarray(v.numpy()) if isinstance(v, torch.Tensor) else v for k, v in arguments.kwargs.items()}
    text = case.error_regex.replace("of Tensors or dicts", "of Parameters or dicts")
    kind = ValueError if case.error_type is UserWarning else case.error_type
    with pytest.raises(kind, match=text):
        getattr(optim, name)(params, **options)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("RMSprop", {"alpha": -1.0}, "Invalid alpha value: -1.0"),
        ("RMSprop", {"momentum": -1.0}, "Invalid momentum value: -1.0"),
        ("Adagrad", {"initial_accumulator_value": -1.0}, "Invalid initial_accumulator_value value: -1.0"),
        ("Adagrad", {"fused": True, "foreach": True}, "`fused` and `foreach` cannot be `True` together"),
        ("Adadelta", {"eps": -1.0}, "Invalid epsilon value: -1.0"),
        ("Adafactor", {"lr": -1.0}, "Learning rate should be >= 0 but is: -1.0"),
        ("Muon", {"momentum": -1.0}, "momentum should be >= 0 but is: -1.0"),
        ("SparseAdam", {"lr": 0.0}, "Invalid learning rate: 0.0"),
        ("SparseAdam", {"eps": 0.0}, "Invalid epsilon value: 0.0"),
    ],
)
def test_more_refusals(name, options, text):
    for library, make in ((torch.optim, torch.nn.Parameter), (optim, nn.Parameter)):
        value = torch.ones(1, 1) if library is torch.optim else jnp.ones((1, 1))
        with pytest.raises((ValueError, RuntimeError), match=text):
            getattr(library, name)([make(value)], **options)


# -- sparse gradients -------------------------------------------------------------------------------------------


def sparse_pair(count):
    """The same gradient of a (5, 3) table for torch and for fnn, with an index that stands twice."""
    rows = RNG.integers(0, 5, count)
    if count > 1:
        rows[1] = rows[0]
    values = RNG.standard_normal((count, 3)).astype(np.float32)
    theirs = torch.sparse_coo_tensor(torch.tensor(rows[None]), torch.tensor(values), (5, 3), check_invariants=True)
    return theirs, BCOO((jnp.asarray(values), jnp.asarray(rows[:, None], jnp.int32)), shape=(5, 3))


@pytest.mark.parametrize(("name", "options"), list(cases(["SparseAdam"])))
def test_sparse_adam_as_torch(name, options):
    start = [RNG.standard_normal((5, 3)).astype(np.float32)]
    theirs, torch_optimizer, ours, eager = build(name, start, options)
    _, _, inside, compiled = build(name, start, options)
    for n in range(10):
        theirs[0].grad, grad = sparse_pair(3 if n != 4 else 0)
        torch_optimizer.step()
        eager.step([grad])
        jitted_step(compiled, [grad])
        same(ours, theirs, f"eager, step {n}")
        same(inside, theirs, f"jit, step {n}")
    got, want = eager.state_dict(), torch_optimizer.state_dict()
    assert_close(got["state"], want["state"], **CLOSE)
    assert got["state"][0]["step"] == 10 and type(got["state"][0]["step"]) is int
    compiled.load_state_dict(want)
    torch_optimizer.load_state_dict(as_tensors(got))
    theirs[0].grad, grad = sparse_pair(3)
    torch_optimizer.step()
    compiled.step([grad])
    same(inside, theirs, "after loading")


SPARSE = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.1}),
    ("SparseAdam", {"lr": 0.1, "maximize": True}),
]


@fnn.jit
def jitted_own_step(optimizer):
    optimizer.step()


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize(("name", "options"), SPARSE)
def test_sparse_gradients_as_torch(name, options):
    """Given to ``step`` or assigned to ``p.grad``, eager and compiled."""
    start = [RNG.standard_normal((5, 3)).astype(np.float32)]
    theirs, torch_optimizer, _, _ = build(name, start, options)
    runs = [build(name, start, options)[2:] for _ in range(4)]
    for n in range(4):
        theirs[0].grad, grad = sparse_pair(3 if n != 2 else 0)
        torch_optimizer.step()
        (_, given), (_, given_jit), ([p], own), ([q], own_jit) = runs
        given.step([grad])
        jitted_step(given_jit, [grad])
        p.grad = q.grad = grad
        own.step()
        jitted_own_step(own_jit)
        for (ours, _), how in zip(runs, ("given", "given, jit", "p.grad", "p.grad, jit"), strict=True):
            same(ours, theirs, f"{how}, step {n}")
    optimizer, [p] = own, runs[2][0]
    optimizer.zero_grad(set_to_none=False)
    assert isinstance(p.grad, BCOO) and not p.grad.data.any()
    optimizer.zero_grad()
    assert p.grad is None


def test_a_sparse_gradient_lives_in_a_parameter():
    module = nn.Embedding(5, 3)
    grad = sparse_pair(2)[1]
    module.weight.grad = grad
    assert module.weight.grad is grad
    assert module.half().weight.grad.dtype == jnp.float16
    module.zero_grad(set_to_none=False)
    assert isinstance(module.weight.grad, BCOO)
    module.float().weight.grad = grad
    assert isinstance(copy.deepcopy(module).weight.grad, BCOO)
    fnn.backward(lambda module: (module.weight**2).sum())(module)
    assert_close(module.weight.grad, grad.todense() + 2 * module.weight.data, **CLOSE)
    with pytest.raises(
        RuntimeError, match=r"assigned grad has data of a different size: expected \(5, 3\), got \(2, 3\)"
    ):
        module.weight.grad = BCOO((jnp.ones((1, 3)), jnp.zeros((1, 1), jnp.int32)), shape=(2, 3))


def test_a_sparse_step_leaves_other_rows_alone():
    """Nothing is computed for a row without a gradient: NaN times zero would spread."""
    grad = BCOO((jnp.ones((1, 3)), jnp.array([[1]])), shape=(4, 3))
    for optimizer in (optim.SGD, optim.SparseAdam):
        p = nn.Parameter(jnp.full((4, 3), jnp.nan).at[1].set(1.0))
        optimizer([p], lr=0.5).step([grad])
        assert_close(p.data[1], np.full(3, 0.5, np.float32), **CLOSE)
        assert np.isnan(np.array(p)[[0, 2, 3]]).all()


REFUSED = {
    "SparseAdam": "SparseAdam does not support dense gradients, please consider Adam instead",
    **dict.fromkeys(("Adam", "AdamW"), "Adam does not support sparse gradients, please consider SparseAdam instead"),
    **{name: f"{name} does not support sparse gradients" for name in NAMES if name != "Adagrad"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_kinds_of_gradients_that_are_refused(name):
    p = nn.Parameter(jnp.ones((5, 3)))
    optimizer, grad = of_fnn(name)([p]), jnp.ones((5, 3)) if name == "SparseAdam" else sparse_pair(2)[1]
    with pytest.raises(RuntimeError, match=REFUSED[name]):
        optimizer.step([grad])
    p.grad = grad
    with pytest.raises(RuntimeError, match=REFUSED[name]):
        optimizer.step()


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("SGD", {"weight_decay": 0.1}, r"add\(sparse, dense\) is not supported"),
        ("SGD", {"fused": True}, "`_fused_sgd` does not support sparse gradients"),
        ("Adagrad", {"weight_decay": 0.1}, "weight_decay option is not compatible with sparse gradients"),
        ("Adagrad", {"fused": True}, "`fused` does not support sparse grad or complex param"),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_settings_that_refuse_sparse_gradients(name, options, text):
    theirs, torch_optimizer, _, optimizer = build(name, [np.ones((5, 3), np.float32)], options)
    theirs[0].grad, grad = sparse_pair(2)
    with pytest.raises(RuntimeError, match=text):
        torch_optimizer.step()
    with pytest.raises(RuntimeError, match=text):
        optimizer.step([grad])
    # A group that refuses does not speak for the others.
    p, q = nn.Parameter(jnp.ones((5, 3))), nn.Parameter(jnp.ones((5, 3)))
    getattr(optim, name)([{"params": [p], **options}, {"params": [q]}]).step([None, grad])
    assert (np.array(q) != 1).any() and (np.array(p) == 1).all()


def test_lbfgs_takes_sparse_gradients():
    p, q = nn.Parameter(jnp.ones((5, 3))), nn.Parameter(jnp.ones((5, 3)))
    grad = sparse_pair(2)[1]
    p.grad, q.grad = grad, grad.todense()
    for box in (p, q):
        optim.LBFGS([box], max_iter=1).step(lambda: jnp.ones(()))
    assert_close(p.data, q.data)


def test_every_optimizer_of_the_database_is_here():
    elsewhere = {"SGD", "Adam", "AdamW", "LBFGS"}  # test_sgd_adam, test_lbfgs
    assert set(database()) == {*NAMES, "SparseAdam", *elsewhere} - set(OWN)


# -- optax ------------------------------------------------------------------------------------------------------


def test_an_optax_transformation_as_optimizer():
    start, grads = draw("Adam", 1)[0], draw("Adam", 4)
    tree, tx = [jnp.asarray(v) for v in start], optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(0.1))
    state = tx.init(tree)
    ours, inside = ([nn.Parameter(jnp.array(v)) for v in start] for _ in range(2))
    eager, compiled = optim.Optax(ours, tx), optim.Optax(inside, tx)
    for n, some in enumerate(grads):
        some[1] = None if n == 2 else some[1]
        full = [jnp.zeros_like(p) if g is None else jnp.asarray(g) for g, p in zip(some, tree, strict=True)]
        updates, state = tx.update(full, state, tree)
        tree = optax.apply_updates(tree, updates)
        eager.step(some)
        jitted_step(compiled, some)
        if n == 1:  # moves to another optimizer in mid-run
            saved = eager.state_dict()
            eager = optim.Optax(ours, tx)
            eager.load_state_dict(saved)
        assert_close([p.data for p in ours], tree, **CLOSE)
        assert_close([p.data for p in inside], tree, **CLOSE)
    before = [np.array(p) for p in ours]
    eager.step([None, None, None])
    assert_close([p.data for p in ours], before, rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="not of this transformation"):
        optim.Optax(ours, optax.sgd(0.1, momentum=0.9)).load_state_dict(saved)
    with pytest.raises(TypeError, match=r"must be an optax.GradientTransformation, got float"):
        optim.Optax(ours, 0.1)


def test_two_optax_optimizers_do_not_share_a_program():
    a, b = nn.Parameter(jnp.ones(2)), nn.Parameter(jnp.ones(2))
    for p, tx in ((a, optax.sgd(0.1)), (b, optax.sgd(0.5))):
        optimizer = optim.Optax([p], tx)
        jitted_step(optimizer, [jnp.ones(2)])
    assert_close(a.data, np.full(2, 0.9, np.float32))
    assert_close(b.data, np.full(2, 0.5, np.float32))
