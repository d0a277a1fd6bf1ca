"""`vmap` and the derivatives of `fnn.func`: torch.func's semantics, and what Modules add."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.func import (
    functional_call,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)
from fnn.nn import functional as F
from fnn.testing import assert_close

RNG = np.random.default_rng(0)
A, B = (RNG.standard_normal((3, 3)).astype(np.float32) for _ in range(2))
X = jnp.asarray(RNG.standard_normal((6, 3)), jnp.float32)


# torch's forward mode compiles its decompositions with it
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning"),
]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def broadcasting():
    """For functions that are written for both frameworks."""
    with jax.numpy_rank_promotion("allow"):
        yield


# -- torch's semantics ------------------------------------------------------------------------------------

DIMS = {
    "default": ({}, lambda x, y: x * y),
    "other axis": ({"in_dims": (0, 1)}, lambda x, y: x * y),
    "negative": ({"in_dims": (-1, 0)}, lambda x, y: x * y),
    "unmapped": ({"in_dims": (0, None)}, lambda x, y: (y * x).sum()),
    "one for all": ({"in_dims": 1}, lambda x, y: x - y),
    "out axis": ({"out_dims": 1}, lambda x, y: x + y),
    "out negative": ({"out_dims": -1}, lambda x, y: x + y),
    "outs": ({"out_dims": (0, 1)}, lambda x, y: (x, y)),
    "one out for outs": ({"out_dims": 1}, lambda x, y: (x, y * 2)),
    "chunks": ({"chunk_size": 2}, lambda x, y: x * y),
    "chunks out": ({"in_dims": (1, None), "out_dims": 1, "chunk_size": 2}, lambda x, y: x * y[0]),
    "chunks of one": ({"chunk_size": 1, "out_dims": (1, 0)}, lambda x, y: (x, y.sum())),
    "large chunk": ({"chunk_size": 100}, lambda x, y: x * y),
}


@pytest.mark.parametrize("name", DIMS)
def test_dims_as_torch(torch, broadcasting, name):
    options, function = DIMS[name]
    want = torch.func.vmap(function, **options)(torch.tensor(A), torch.tensor(B))
    got = vmap(function, **options)(A, B)
    assert_close(got, want, rtol=1e-5, atol=1e-6)


def test_nested_dims_and_keywords_as_torch(torch, broadcasting):
    def function(tree, z, *, scale):
        return {"sum": tree["a"] + tree["b"][0] * z, "scaled": tree["a"] * scale}

    dims = ({"a": 0, "b": [1]}, None)
    make = lambda array: (({"a": array(A), "b": [array(B)]}, array(A[0])), {"scale": array(B)})  # noqa: E731
    args, kwargs = make(torch.tensor)
    want = torch.func.vmap(function, in_dims=dims, out_dims={"sum": 1, "scaled": 0})(*args, **kwargs)
    args, kwargs = make(jnp.asarray)
    got = vmap(function, in_dims=dims, out_dims={"sum": 1, "scaled": 0})(*args, **kwargs)
    assert_close(got, want, rtol=1e-5, atol=1e-6)


def test_nested_vmap_as_torch(torch):
    outer = lambda vmap: vmap(vmap(lambda x, y: x * y, in_dims=(None, 0)), in_dims=(0, None))  # noqa: E731
    assert_close(outer(vmap)(A[0], B[1]), outer(torch.func.vmap)(torch.tensor(A[0]), torch.tensor(B[1])))


STRUCTURE = "in_dims is not compatible with the structure"
BAD = {
    "in_dims entries": (lambda vmap, x: vmap(lambda a, b: a, in_dims=(0,))(x, x), STRUCTURE),
    "in_dims structure": (lambda vmap, x: vmap(lambda a: a, in_dims=([0, 0],))([x]), STRUCTURE),
    "in_dims range": (
        lambda vmap, x: vmap(lambda a: a, in_dims=5)(x),
        "Got in_dim=5 for some input, but that input is an?.* of dimensionality 2",
    ),
    "sizes": (
        lambda vmap, x: vmap(lambda a, b: a)(x, x[:2]),
        "Expected all tensors to have the same size in the mapped dimension",
    ),
    "randomness": (lambda vmap, x: vmap(lambda a: a, randomness="some")(x), "Only allowed values for randomness are"),
    "chunk": (lambda vmap, x: vmap(lambda a: a, chunk_size=0)(x), "chunk_size should be None or greater than 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_as_torch(torch, name):
    call, text = BAD[name]
    with pytest.raises((ValueError, RuntimeError), match=text):
        call(torch.func.vmap, torch.tensor(A))
    with pytest.raises(ValueError, match=text):
        call(vmap, jnp.asarray(A))


def test_nothing_mapped():
    with pytest.raises(ValueError, match="at least one input must be mapped over, got in_dims=None"):
        vmap(lambda a: a, in_dims=None)(A)
    with pytest.raises(ValueError, match="in_dims must be an int, None or a tuple"):
        vmap(lambda a: a, in_dims="0")(A)


def f(x, y):
    return (x * x).sum() * y, x.sum(0) * y.sum()


def g(x, y):  # torch's linearize cannot fold the constant of a mul of two sums
    return (x * y).sum(0), x**2


DERIVATIVES = {
    "jacrev": lambda m, x, y: m.jacrev(lambda x, y: (x * x * y).sum(0))(x, y),
    "jacrev 1": lambda m, x, y: m.jacrev(f, argnums=1)(x, y),
    "jacrev both": lambda m, x, y: m.jacrev(f, argnums=(0, 1))(x, y),
    "jacrev tuple of one": lambda m, x, y: m.jacrev(lambda x: x**2, argnums=(0,))(y),
    "jacrev aux": lambda m, x, y: m.jacrev(lambda x: (x**2, x + 1), has_aux=True)(y),
    "jacrev chunks": lambda m, x, y: m.jacrev(f, argnums=(0, 1), chunk_size=2)(x, y),
    "jacrev chunks aux": lambda m, x, y: m.jacrev(lambda x: ({"a": x**2}, x + 1), has_aux=True, chunk_size=1)(y),
    "jacrev dict": lambda m, x, y: m.jacrev(lambda t: t["a"] ** 2 + t["b"])({"a": y, "b": y}),
    "jacfwd": lambda m, x, y: m.jacfwd(f)(x, y),
    "jacfwd both": lambda m, x, y: m.jacfwd(f, argnums=(0, 1))(x, y),
    "jacfwd aux": lambda m, x, y: m.jacfwd(lambda x: (x**2, x + 1), has_aux=True)(y),
    "hessian": lambda m, x, y: m.hessian(lambda y: (y**3).sum() * y[0])(y),
    "hessian 1": lambda m, x, y: m.hessian(lambda x, y: (x * y * y).sum(), argnums=1)(x, y),
    "jvp": lambda m, x, y: m.jvp(f, (x, y), (x * 2, y + 1)),
    "jvp aux": lambda m, x, y: m.jvp(lambda y: (y**2, y + 1), (y,), (y,), has_aux=True),
    "vjp": lambda m, x, y: (lambda out, pull: (out, pull(out)))(*m.vjp(f, x, y)),
    "vjp single": lambda m, x, y: (lambda out, pull: (out, pull(out * 3)))(*m.vjp(lambda y: y**2, y)),
    "vjp aux": lambda m, x, y: (lambda out, pull, aux: (pull(out), aux))(
        *m.vjp(lambda y: (y**2, y + 1), y, has_aux=True)
    ),
    "linearize": lambda m, x, y: (lambda out, push: (out, push(x * 2, y), push(x, y + 1)))(*m.linearize(g, x, y)),
    "grad": lambda m, x, y: m.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, y),
    "grad aux": lambda m, x, y: m.grad(lambda y: ((y**2).sum(), y), has_aux=True)(y),
    "grad_and_value": lambda m, x, y: m.grad_and_value(lambda y: (y**2).sum())(y),
    "grad_and_value aux": lambda m, x, y: m.grad_and_value(lambda y: ((y**2).sum(), y), has_aux=True)(y),
    "vmap of grad": lambda m, x, y: m.vmap(m.grad(lambda x, y: (x * y).sum() ** 2), in_dims=(0, None))(x, y),
    "vmap of jvp": lambda m, x, y: m.vmap(lambda x: m.jvp(lambda v: v**3, (x,), (y,))[1])(x),
    "jacfwd of jacrev": lambda m, x, y: m.jacfwd(m.jacrev(lambda y: y**3))(y),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_as_torch(torch, broadcasting, name):
    call = DERIVATIVES[name]
    y = A[0]
    want = call(torch.func, torch.tensor(A), torch.tensor(y))
    ours = call(fnn.func, jnp.asarray(A), jnp.asarray(y))
    assert_close(ours, want, rtol=1e-4, atol=1e-5)


def test_strict_jvp_as_torch(torch):
    with pytest.raises(RuntimeError, match="The output of f is independent of the input"):
        torch.func.jvp(lambda x: torch.ones(2), (torch.ones(2),), (torch.ones(2),), strict=True)
    with pytest.raises(RuntimeError, match="The output of f is independent of the primals"):
        jvp(lambda x: jnp.ones(2), (X,), (X,), strict=True)
    out, tangent = jvp(lambda x: jnp.ones(2), (X,), (X,))
    assert_close((out, tangent), (jnp.ones(2), jnp.zeros(2)))
    out, tangent = jvp(lambda x: x * 2, (X,), (X,), strict=True)
    assert_close(tangent, X * 2)


def test_derivatives_refuse_bad_arguments():
    with pytest.raises(ValueError, match="jacrev: argnums=2 but the function was given 1 positional"):
        jacrev(lambda x: x, argnums=2)(X)
    with pytest.raises(ValueError, match="`chunk_size` should be greater than 0"):
        jacrev(lambda x: x, chunk_size=0)
    with pytest.raises(TypeError, match="jacfwd: argument 0 must hold arrays"):
        jacfwd(lambda x: x)("text")
    with pytest.raises(ValueError, match="expected tuples of equal length"):
        jvp(lambda x: x, X, X)
    with pytest.raises(ValueError, match="Only allowed values for randomness"):
        jacfwd(lambda x: x, randomness="often")


def test_derivatives_of_boxes_and_writes():
    p, norm = nn.Parameter(jnp.arange(3.0)), nn.BatchNorm1d(3)
    assert_close(jacrev(lambda p: p * p)(p), jnp.diag(2 * p.data))
    assert_close(hessian(lambda p: (p**3).sum())(p), jnp.diag(6 * p.data))
    out, pull = vjp(lambda x: norm(x), X)
    assert int(norm.num_batches_tracked) == 1
    assert_close(pull(jnp.ones_like(out)), (jnp.zeros_like(X),), rtol=0.0, atol=1e-5)
    jvp(lambda x: norm(x), (X,), (X,))
    linearize(lambda x: norm(x), X)
    assert int(norm.num_batches_tracked) == 3
    for transform in (jacrev, jacfwd, hessian):
        with pytest.raises(ValueError, match=r"writes to a Buffer of shape \(3,\).*call model.eval\(\) first"):
            transform(lambda x: norm(x).sum())(X)
    assert int(norm.num_batches_tracked) == 3
    norm.eval()
    assert jacrev(lambda x: norm(x))(X).shape == (6, 3, 6, 3)


def test_jacfwd_and_random_numbers():
    drop = nn.Dropout(0.5)
    x = jnp.ones(64)
    with pytest.raises(ValueError, match="randomness='error'"):
        jacfwd(lambda x: drop(x))(x)
    slope = jnp.diagonal(jacfwd(lambda x: drop(x), randomness="same")(x))
    assert set(np.unique(slope)) == {0.0, 2.0}


# -- random numbers -----------------------------------------------------------------------------------------


def dropouts(n=4):
    drop, x = nn.Dropout(0.5), jnp.ones((n, 64))
    yield "module", lambda x: drop(x), x
    yield "functional", lambda x: F.dropout(x, 0.5), x


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("chunk_size", [None, 3])
def test_randomness(jit, chunk_size):
    wrap = fnn.jit if jit else lambda f: f
    for _name, function, x in dropouts():
        with pytest.raises(ValueError, match=r"randomness='error' \(the default\)"):
            wrap(vmap(function, chunk_size=chunk_size))(x)
        different = wrap(vmap(function, randomness="different", chunk_size=chunk_size))
        y = different(x)
        assert set(np.unique(y)) == {0.0, 2.0}
        assert len({row.tobytes() for row in np.asarray(y)}) == 4
        assert not np.array_equal(y, different(x))
        same = wrap(vmap(function, randomness="same", chunk_size=chunk_size))
        y = same(x)
        assert set(np.unique(y)) == {0.0, 2.0}
        assert len({row.tobytes() for row in np.asarray(y)}) == 1
        assert not np.array_equal(y, same(x))
        fnn.manual_seed(0)
        y = different(x)
        fnn.manual_seed(0)
        np.testing.assert_array_equal(different(x), y)


def test_randomness_of_nested_maps():
    drop = nn.Dropout(0.5)
    x = jnp.ones((2, 3, 64))
    inner = vmap(lambda x: drop(x), randomness="different")
    y = np.asarray(vmap(inner, randomness="different")(x)).reshape(6, 64)
    assert len({row.tobytes() for row in y}) == 6
    y = np.asarray(vmap(inner, randomness="same")(x))
    assert_close(y[0], y[1])
    assert len({row.tobytes() for row in y[0]}) == 3
    with pytest.raises(ValueError, match="randomness='error'"):
        vmap(inner)(x)


# -- Modules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_modules_are_not_mapped(jit):
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval()
    batches = X.reshape(2, 3, 3)
    want = jnp.stack([model(x) for x in batches])
    wrap = fnn.jit if jit else lambda f: f
    assert_close(wrap(vmap(lambda x: model(x)))(batches), want, rtol=1e-5, atol=1e-6)
    assert_close(wrap(vmap(model))(batches), want, rtol=1e-5, atol=1e-6)
    mapped = vmap(lambda m, x: m(x), in_dims=(None, 0))
    assert_close(wrap(mapped)(model, batches), want, rtol=1e-5, atol=1e-6)
    mapped = vmap(lambda x, p: x * p, in_dims=(0, None))
    assert_close(wrap(mapped)(X, model[0].bias), X * model[0].bias[None])
    with pytest.raises(ValueError, match=r"in_dims=\(0, 0\) maps over a Sequential, whose boxes are shared"):
        wrap(vmap(lambda m, x: m(x), in_dims=(0, 0)))(model, batches)


def test_a_write_of_a_mapped_value_raises_and_leaves_the_buffers_alone():
    model = nn.BatchNorm1d(3)
    before = {k: np.asarray(v) for k, v in model.state_dict().items()}
    mapped = vmap(lambda x: model(x))
    for call, x in ((mapped, X[None]), (fnn.jit(mapped), X[None]), (vmap(mapped), X[None, None])):
        with pytest.raises(
            ValueError, match=r"vmap: a Buffer of shape \(3,\) that is not mapped over would be replaced"
        ):
            call(jnp.concatenate([x, x]))
        assert_close(dict(model.state_dict()), before)
    assert_close(model(X), nn.BatchNorm1d(3)(X))


def test_an_array_kept_by_a_hook_is_refused_by_name():
    model = nn.Identity()
    model.register_forward_hook(lambda m, args, out: setattr(m, "seen", out))
    x = jnp.ones((2, 2))
    with pytest.raises(fnn.TracerEscapeError, match="vmap: a traced value is assigned to 'seen' of Identity for each"):
        fnn.vmap(model)(x)
    with pytest.raises(ValueError, match=r"jacrev: the function writes to 'seen' of Identity .*return the value"):
        fnn.func.jacrev(lambda x: model(x))(x)
    assert not hasattr(model, "seen")


def test_an_unmapped_write_is_carried_out():
    model = nn.Module()
    model.register_buffer("calls", jnp.zeros((), jnp.int32))

    def count(x):
        model.calls += 1
        return x * model.calls

    assert_close(vmap(count)(jnp.ones(3)), jnp.ones(3))
    assert_close(fnn.jit(vmap(count))(jnp.ones(3)), jnp.full(3, 2.0))
    assert_close(vmap(count, chunk_size=2)(jnp.ones(3)), jnp.array([3.0, 3.0, 4.0]))
    assert int(model.calls) == 4


def ensemble(n=3):
    fnn.manual_seed(0)
    return [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)) for _ in range(n)]


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_ensemble_equals_a_loop(training):
    models = [m.train(training) for m in ensemble()]
    params, buffers = stack_module_state(models)
    skeleton = copy.deepcopy(models[0])

    def one(params, buffers, x):
        buffers = dict(buffers)
        out = functional_call(skeleton, (params, buffers), (x,))
        return out, buffers

    outs, updated = vmap(one, in_dims=(0, 0, None))(params, buffers, X)
    want = jnp.stack([model(X) for model in models])
    assert_close(outs, want, rtol=1e-5, atol=1e-6)
    after = stack_module_state(models)[1]
    assert_close(updated, after, rtol=1e-5, atol=1e-6)
    assert int(skeleton[1].num_batches_tracked) == 0


def test_ensemble_as_torch(torch):
    models = ensemble()
    theirs = []
    for model in models:
        t = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
        t.load_state_dict({k: torch.tensor(np.asarray(v)) for k, v in model.state_dict().items()})
        theirs.append(t.eval())
        model.eval()
    params, buffers = stack_module_state(models)
    tparams, tbuffers = torch.func.stack_module_state(theirs)
    assert_close(params, dict(tparams))
    assert_close(buffers, dict(tbuffers))
    run = lambda call, model: lambda p, b, x: call(model, (p, b), (x,))  # noqa: E731
    want = torch.func.vmap(run(torch.func.functional_call, theirs[0]), in_dims=(0, 0, None))(
        tparams, tbuffers, torch.tensor(np.asarray(X))
    )
    got = vmap(run(functional_call, models[0]), in_dims=(0, 0, None))(params, buffers, X)
    assert_close(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_per_sample_gradients(jit):
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    wrap = fnn.jit if jit else lambda f: f
    loss = lambda model, x: (model(x[None]) ** 2).sum()  # noqa: E731
    got = wrap(vmap(fnn.grad(loss), in_dims=(None, 0)))(model, X)
    want = [fnn.grad(loss)(model, x) for x in X]
    for name, value in got.items():
        assert_close(value, jnp.stack([w[name] for w in want]), rtol=1e-4, atol=1e-5)
    params = fnn.split(model)[0]
    pure = lambda params, x: (functional_call(model, params, (x[None],)) ** 2).sum()  # noqa: E731
    stacked = wrap(vmap(fnn.grad(pure), in_dims=(None, 0)))(params, X)
    assert_close(stacked["0.weight"], got["0.weight"], rtol=1e-4, atol=1e-5)


def test_vmap_of_a_function_keeps_its_name():
    def name_of_it(x):
        """Text."""
        return x

    mapped = vmap(name_of_it)
    assert (mapped.__name__, mapped.__doc__) == ("name_of_it", "Text.")
    assert_close(jax.jit(mapped)(X), X)
