"""Hooks of `nn.utils.weight_norm` and `spectral_norm`, orthogonal weights, and the rest of nn.utils, beside torch."""

import importlib
import inspect
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.errors import ArgumentError, TracerEscapeError

torch = pytest.importorskip("torch")

CLOSE = {"rtol": 2e-5, "atol": 2e-5}
LAYERS = {
    "Linear": ((4, 3), (2, 4)),
    "Conv2d": ((2, 3, 2), (1, 2, 4, 4)),
    "ConvTranspose1d": ((2, 3, 2), (1, 2, 4)),
}


def numpy(tensor):
    return tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else np.asarray(tensor)


def both(name, apply):
    """torch's module and ours, made and changed after the same seed."""
    made = []
    for library, seed in ((torch, torch.manual_seed), (fnn, fnn.manual_seed)):
        seed(3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            made.append(apply(library.nn.utils, getattr(library.nn, name)(*LAYERS[name][0])))
    return made


def same_state(ours, theirs):
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(numpy(ours.state_dict()[name]), numpy(value), **CLOSE, err_msg=name)


def trained(ours, theirs, x, jitted, steps=2):
    """Losses and states of some steps of gradient descent."""
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    mine = fnn.optim.SGD(ours.parameters(), lr=0.1)

    def step(model, optimizer, x):
        loss, grads = fnn.value_and_grad(lambda model: (model(x) ** 2).mean())(model)
        optimizer.step(grads)
        return loss

    run = fnn.jit(step) if jitted else step
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (theirs(torch.from_numpy(x)) ** 2).mean()
        loss.backward()
        optimizer.step()
        np.testing.assert_allclose(float(run(ours, mine, jnp.asarray(x))), loss.item(), rtol=1e-5)
    same_state(ours, theirs)


def sample(name):
    return np.random.default_rng(0).standard_normal(LAYERS[name][1], np.float32)


HOOKS = [
    ("Linear", lambda utils, m: utils.weight_norm(m), False),
    ("Linear", lambda utils, m: utils.spectral_norm(m), False),
    ("Conv2d", lambda utils, m: utils.weight_norm(m, dim=None), True),
    ("ConvTranspose1d", lambda utils, m: utils.spectral_norm(m, n_power_iterations=2), True),
    ("Linear", lambda utils, m: utils.parametrizations.orthogonal(m), True),
    ("Linear", lambda utils, m: utils.parametrizations.orthogonal(m, orthogonal_map="cayley"), True),
]


@pytest.mark.parametrize(("name", "apply", "jitted"), HOOKS)
def test_training(name, apply, jitted):
    theirs, ours = both(name, apply)
    same_state(ours, theirs)
    x = sample(name)
    trained(ours, theirs, x, jitted)
    theirs.eval()
    np.testing.assert_allclose(numpy(ours.eval()(jnp.asarray(x))), numpy(theirs(torch.from_numpy(x))), **CLOSE)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("which", ["weight_norm", "spectral_norm"])
def test_removal(which):
    theirs, ours = both("Linear", lambda utils, m: getattr(utils, which)(m))
    for utils, module in ((torch.nn.utils, theirs), (nn.utils, ours)):
        assert getattr(utils, f"remove_{which}")(module) is module
        with pytest.raises((ValueError, ArgumentError), match=f"{which} of 'weight' not found in"):
            getattr(utils, f"remove_{which}")(module)
    same_state(ours, theirs)
    assert not ours._forward_pre_hooks and not ours._state_dict_hooks


def test_errors_and_warnings_of_the_hooks():
    with pytest.warns(FutureWarning, match="is deprecated in favor of"):
        module = nn.utils.weight_norm(nn.Linear(2, 2))
    with pytest.warns(FutureWarning), pytest.raises(ArgumentError, match="Cannot register two weight_norm hooks"):
        nn.utils.weight_norm(module)
    module = nn.utils.spectral_norm(nn.Linear(2, 2))
    with pytest.raises(ArgumentError, match="Cannot register two spectral_norm hooks on the same parameter weight"):
        nn.utils.spectral_norm(module)
    with pytest.raises(ArgumentError, match="n_power_iterations to be positive, but got n_power_iterations=0"):
        nn.utils.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)
    with pytest.raises(ArgumentError, match="cannot be applied as parameter `bias` is None"):
        nn.utils.spectral_norm(nn.Linear(2, 2, bias=False), "bias")


def test_the_older_form_loads_into_the_newer():
    theirs, _ = both("Linear", lambda utils, m: utils.weight_norm(m))
    ours = nn.utils.parametrizations.weight_norm(nn.Linear(*LAYERS["Linear"][0]))
    ours.load_state_dict({name: numpy(value) for name, value in theirs.state_dict().items()})
    np.testing.assert_allclose(numpy(ours.weight), numpy(theirs.weight), **CLOSE)


SHAPES = [((3, 3), "matrix_exp"), ((4, 2), "matrix_exp"), ((2, 4), "cayley"), ((2, 4, 3), "householder")]


@pytest.mark.parametrize("trivial", [True, False])
@pytest.mark.parametrize(("shape", "how"), SHAPES)
def test_orthogonal(shape, how, trivial):
    """Values and gradients beside torch's from its own originals, orthogonality, and assignment."""
    start = np.random.default_rng(1).standard_normal(shape, np.float32)
    theirs, ours = torch.nn.Module(), nn.Module()
    theirs.weight, ours.weight = torch.nn.Parameter(torch.from_numpy(start)), nn.Parameter(start)
    for utils, module in ((torch.nn.utils, theirs), (nn.utils, ours)):
        utils.parametrizations.orthogonal(module, orthogonal_map=how, use_trivialization=trivial)
    q = numpy(ours.weight)
    square = q.swapaxes(-1, -2) @ q if shape[-2] >= shape[-1] else q @ q.swapaxes(-1, -2)
    np.testing.assert_allclose(square, np.broadcast_to(np.eye(square.shape[-1]), square.shape), atol=1e-5)
    if shape[-1] == shape[-2] or not trivial:  # else torch completes the base with numbers of its own
        np.testing.assert_allclose(q, numpy(theirs.weight), **CLOSE)
    ours.load_state_dict({name: numpy(value) for name, value in theirs.state_dict().items()})
    np.testing.assert_allclose(numpy(ours.weight), numpy(theirs.weight), **CLOSE)
    w = np.random.default_rng(2).standard_normal(shape, np.float32)
    (theirs.weight * torch.from_numpy(w)).sum().backward()
    grads = fnn.jit(fnn.grad(lambda module: (module.weight * w).sum()))(ours)
    want = theirs.parametrizations.weight.original.grad
    np.testing.assert_allclose(numpy(grads["parametrizations.weight.original"]), numpy(want), **CLOSE)
    if not trivial and how != "householder":
        with pytest.raises(NotImplementedError, match="It is not possible to assign to the matrix exponential or the"):
            ours.weight = q
    else:
        ours.weight = q
        np.testing.assert_allclose(numpy(ours.weight), q, atol=1e-5)


def test_errors_of_orthogonal():
    orthogonal = nn.utils.parametrizations.orthogonal
    with pytest.raises(ArgumentError, match=r"Expected a matrix or batch of matrices\. Got a tensor of 1 dimensions"):
        orthogonal(nn.Linear(2, 2), "bias")
    with pytest.raises(ArgumentError, match="has no parameter or buffer with name 'x'"):
        orthogonal(nn.Linear(2, 2), "x")
    with pytest.raises(ArgumentError, match=r'one of "matrix_exp", "cayley", "householder"\. Got: qr'):
        orthogonal(nn.Linear(2, 2), orthogonal_map="qr")


def test_a_cached_value_belongs_to_its_trace():
    module = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    x = jnp.ones((1, 2))
    with nn.utils.parametrize.cached():
        inside = jax.jit(lambda x: module(x))(x)
        assert module.weight is module.weight
        np.testing.assert_allclose(module(x), inside, rtol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: nn.utils.parametrizations.weight_norm(m),
        lambda m: nn.utils.spectral_norm(m),
        lambda m: nn.utils.prune.l1_unstructured(m, "weight", 1),
    ],
)
def test_no_change_of_structure_inside_a_program(change):
    module = nn.Linear(2, 2)
    before = list(module.state_dict())
    with pytest.raises(TracerEscapeError, match="and was called inside a transform"):
        fnn.jit(lambda m: change(m)(jnp.ones(2)))(module)
    assert list(module.state_dict()) == before


def test_skip_init():
    fnn.manual_seed(0)
    state = fnn.get_rng_state()
    module = nn.utils.skip_init(nn.Linear, 3, 2, bias=False)
    assert not np.asarray(module.weight).any() and (fnn.get_rng_state() == state).all()
    with pytest.raises(ArgumentError, match="Module must support a 'device' arg to skip initialization"):
        nn.utils.skip_init(nn.ReLU)
    with pytest.raises(TypeError, match="Expected a Module; got <class 'int'>"):
        nn.utils.skip_init(int)


def test_stateless():
    module = nn.Linear(2, 1)
    with pytest.warns(FutureWarning, match="This API is deprecated"):
        y = nn.utils.stateless.functional_call(module, {"weight": jnp.ones((1, 2)), "bias": jnp.zeros(1)}, jnp.ones(2))
    assert y.tolist() == [2.0]


MODULES = ("", "clip_grad", "convert_parameters", "fusion", "init", "memory_format", "parametrizations", "parametrize",
           "prune", "rnn", "spectral_norm", "stateless", "weight_norm")  # fmt: skip
# Names that say how PyTorch keeps old files readable.
ABSENT = {"SpectralNormLoadStateDictPreHook", "SpectralNormStateDictHook"}


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_of_torchs_is_there(name):
    path = f"nn.utils.{name}".rstrip(".")
    theirs, ours = (importlib.import_module(f"{library}.{path}") for library in ("torch", "fnn"))
    public = getattr(theirs, "__all__", None) or [
        n
        for n, v in vars(theirs).items()
        if not n.startswith("_") and getattr(v, "__module__", "") == theirs.__name__ and callable(v)
    ]
    lacking = [n for n in public if not hasattr(ours, n) and n not in ABSENT]
    assert not lacking, lacking
    for n in public:
        value = getattr(theirs, n)
        if inspect.isfunction(value) and n not in ABSENT:
            want, got = (list(inspect.signature(getattr(m, n)).parameters) for m in (theirs, ours))
            if n.startswith("clip_grad"):  # they take gradients as well as parameters, and call them so
                got[0] = want[0]
            assert got == want, n
