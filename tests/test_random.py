"""Random numbers against PyTorch: every distribution, size, dtype and seed; states that cross; refusals."""

import copy
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import fnn.random  # noqa: E402
from fnn import creation  # noqa: E402
from fnn.errors import ArgumentTypeError  # noqa: E402
from fnn.random import Generator  # noqa: E402
from tests import reference  # noqa: E402

SIZES = (0, 1, 7, 15, 16, 17, 33, 1000, 100_000)
SEEDS = (0, 1, 1234, 2**31 + 5, -1)
DTYPES = {"float32": np.float32, "float64": np.float64, "bfloat16": jnp.bfloat16, "float16": np.float16}
# Normal and exponential numbers come from other implementations of log, sin and cos.
ROUNDING = {"float32": 1e-6, "float64": 4e-15, "bfloat16": 2e-2, "float16": 2e-3}


def pairs():
    for seed in SEEDS:
        yield torch.Generator().manual_seed(seed), Generator().manual_seed(seed)


def check_sequence(torch_draw, fnn_draw, atol=0.0):
    """All sizes from one generator in turn: the values agree, and so does the state that is left."""
    for theirs, ours in pairs():
        for n in SIZES:
            want, got = reference.to_numpy(torch_draw(n, theirs)), np.asarray(fnn_draw(n, ours))
            assert got.shape == want.shape
            if atol:
                np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=0, atol=atol)
            else:
                np.testing.assert_array_equal(got, want, err_msg=f"n={n}")
            state = theirs.get_state().numpy()
            np.testing.assert_array_equal(ours.get_state()[:5024], state[:5024], err_msg=f"state after n={n}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-0.3, 0.3), (0.1, 7.7), (1.0, 1.0), (-1e30, 2.0)], ids=str)
def test_uniform_bit_for_bit(dtype, bounds):
    if dtype == "float16" and bounds[0] == -1e30:
        bounds = (-60000.0, 2.0)
    check_sequence(
        lambda n, g: torch.empty(n, dtype=getattr(torch, dtype)).uniform_(*bounds, generator=g),
        lambda n, g: g.uniform((n,), DTYPES[dtype], *bounds),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mean_std", [(0.0, 1.0), (0.3, 0.7), (0.0, 0.0)], ids=str)
def test_normal(dtype, mean_std):
    check_sequence(
        lambda n, g: torch.empty(n, dtype=getattr(torch, dtype)).normal_(*mean_std, generator=g),
        lambda n, g: g.normal((n,), DTYPES[dtype], *mean_std),
        ROUNDING[dtype],
    )


def test_normal_below_16_elements_is_exact():
    for theirs, ours in pairs():
        for n in (1, 2, 15, 3, 7):
            want = torch.empty(n).normal_(0.3, 0.7, generator=theirs).numpy()
            np.testing.assert_array_equal(ours.normal((n,), np.float32, 0.3, 0.7), want)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exponential(dtype):
    check_sequence(
        lambda n, g: torch.empty(n, dtype=getattr(torch, dtype)).exponential_(2.0, generator=g),
        lambda n, g: g.exponential((n,), DTYPES[dtype], 2.0),
        ROUNDING[dtype],
    )


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_bernoulli_masks(p):
    check_sequence(lambda n, g: torch.empty(n).bernoulli_(p, generator=g) != 0, lambda n, g: g.bernoulli(p, (n,)))


def test_dropout_mask_of_the_global_generator():
    torch.manual_seed(3)
    fnn.random.manual_seed(3)
    x = torch.ones(5, 40)
    for _ in range(3):
        want = torch.nn.functional.dropout(x, 0.3).numpy() != 0
        got = fnn.random.bernoulli(fnn.random.default_generator, 1 - 0.3, (5, 40))
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_bernoulli_of_an_array(dtype):
    def probabilities(n):
        return (torch.arange(n) / max(n - 1, 1)).to(getattr(torch, dtype))

    check_sequence(
        lambda n, g: torch.bernoulli(probabilities(n), generator=g) != 0,
        lambda n, g: g.bernoulli_each(reference.to_numpy(probabilities(n))),
    )


def test_randperm():
    check_sequence(lambda n, g: torch.randperm(n, generator=g), lambda n, g: g.randperm(n))
    theirs, ours = torch.Generator().manual_seed(5), Generator().manual_seed(5)
    np.testing.assert_array_equal(ours.randperm(60_000), torch.randperm(60_000, generator=theirs).numpy())


@pytest.mark.parametrize(
    "high", [-2, 2, 10, (1 << 28) - 4, (1 << 28) - 3, (1 << 31) + 7, 1 << 32, 1 << 40, (1 << 63) - 1]
)
def test_randint(high):
    check_sequence(lambda n, g: torch.randint(-3, high, (n,), generator=g), lambda n, g: g.randint(-3, high, (n,)))


@pytest.mark.parametrize("samples, replacement", [(1, False), (3, False), (1, True), (4, True), (100, True)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_multinomial(samples, replacement, dtype):
    weights = torch.tensor([[0.1, 2.0, 3.0, 0.5], [4.0, 1.0, 1.0, 0.25]]).to(getattr(torch, dtype))
    for theirs, ours in pairs():
        for w in (weights, weights[0]):
            want = torch.multinomial(w, samples, replacement, generator=theirs).numpy()
            got = creation.multinomial(reference.to_jax(w), samples, replacement, generator=ours)
            np.testing.assert_array_equal(got, want)


def test_draws_of_all_kinds_in_turn():
    for theirs, ours in pairs():
        for n in (3, 700, 5, 20, 9):
            np.testing.assert_array_equal(
                ours.uniform((n,), np.float32, -1, 1), torch.empty(n).uniform_(-1, 1, generator=theirs).numpy()
            )
            np.testing.assert_allclose(ours.normal((n,)), torch.randn(n, generator=theirs).numpy(), rtol=0, atol=1e-6)
            np.testing.assert_array_equal(ours.randperm(n), torch.randperm(n, generator=theirs).numpy())
            np.testing.assert_array_equal(
                ours.bernoulli(0.3, (n,)), torch.empty(n).bernoulli_(0.3, generator=theirs).numpy() != 0
            )


# -- creation functions -----------------------------------------------------------------------------

CREATION = [
    ("rand", (2, 3), {}),
    ("rand", ((4, 5),), {}),
    ("rand", ((),), {}),
    ("rand", (3,), {"dtype": "bfloat16"}),
    ("rand", (0, 2), {}),
    ("rand", (), {"size": (2, 3)}),
    ("randn", (), {"size": (5,)}),
    ("randn", (5,), {}),
    ("randn", ([3, 7],), {"dtype": "float16"}),
    ("randn", (4, 8), {"dtype": "complex64"}),
    ("rand", (4,), {"dtype": "complex64"}),
    ("randint", (10, (3, 4)), {}),
    ("randint", (3, 10, (20,)), {}),
    ("randint", (10,), {"size": (3,)}),
    ("randint", (), {"low": -5, "high": 5, "size": (9,)}),
    ("randint", (0, 5, (4,)), {"dtype": "float32"}),
    ("randint", (256, (40,)), {"dtype": "uint8"}),
    ("randint", (0, 2**31 - 1, (40,)), {"dtype": "int32"}),
    ("randperm", (17,), {}),
    ("randperm", (5,), {"dtype": "float32"}),
    ("normal", (2.0, 3.0, (4, 5)), {}),
    ("normal", (0.0, 0.5, (3,)), {"dtype": "bfloat16"}),
]


@pytest.mark.parametrize("name, args, kwargs", CREATION, ids=[f"{c[0]}{c[1]}{c[2] or ''}" for c in CREATION])
def test_creation(name, args, kwargs):
    torch.manual_seed(7)
    fnn.random.manual_seed(7)
    torch_kwargs = {k: getattr(torch, v) if k == "dtype" else v for k, v in kwargs.items()}
    for _ in range(2):
        want = getattr(torch, name)(*args, **torch_kwargs)
        got = getattr(creation, name)(*args, **kwargs)
        tolerance = 0 if name not in ("randn", "normal") else 2e-2 if "dtype" in kwargs else 1e-6
        reference.assert_equal(got, want, name, rtol=0, atol=tolerance)


LIKE = [
    ("rand_like", (), {}),
    ("randn_like", (), {}),
    ("randint_like", (9,), {}),
    ("randint_like", (3, 9), {"dtype": "int32"}),
    ("randint_like", (), {"low": 3, "high": 9}),
    ("bernoulli", (), {}),
    ("bernoulli", (0.3,), {}),
]


@pytest.mark.parametrize("name, args, kwargs", LIKE, ids=[f"{c[0]}{c[1]}{c[2] or ''}" for c in LIKE])
def test_like(name, args, kwargs):
    x = torch.linspace(0, 1, 40).reshape(2, 20)
    torch_kwargs = {k: getattr(torch, v) if k == "dtype" else v for k, v in kwargs.items()}
    torch.manual_seed(7)
    fnn.random.manual_seed(7)
    want = getattr(torch, name)(x, *args, **torch_kwargs)
    got = getattr(creation, name)(reference.to_jax(x), *args, **kwargs)
    reference.assert_equal(got, want, name, rtol=0, atol=1e-6)


MEANS = [0.5, np.float32(0.5), torch.arange(20.0), torch.ones(3, 1)]
STDS = [2.0, torch.arange(20.0), torch.ones(1, 20)]
MEANS_STDS = [(m, s) for m in MEANS for s in STDS if isinstance(m, torch.Tensor) or isinstance(s, torch.Tensor)]


@pytest.mark.parametrize("mean, std", MEANS_STDS, ids=[f"{np.shape(m)}-{np.shape(s)}" for m, s in MEANS_STDS])
def test_normal_of_arrays(mean, std):
    mean_for_torch = mean if isinstance(mean, torch.Tensor) else float(mean)
    want = torch.normal(mean_for_torch, std, generator=torch.Generator().manual_seed(3))
    got = creation.normal(reference.to_jax(mean), reference.to_jax(std), generator=Generator().manual_seed(3))
    reference.assert_equal(got, want, "normal", rtol=1e-6, atol=2e-5)


REFUSED = [
    (lambda t, a: t.rand(2, -1), "negative dimension -1"),
    (lambda t, a: t.rand(), ""),
    (lambda t, a: t.rand(2, dtype=a.int32), "not implemented for"),
    (lambda t, a: t.randn(2, dtype=a.int32), "not implemented for"),
    (lambda t, a: t.rand_like(a.ones(2, dtype=a.int32)), "not implemented for"),
    (lambda t, a: t.randint(5, 5, (2,)), "random_ expects 'from' to be less than 'to', but got from=5 >= to=5"),
    (lambda t, a: t.randint(0, 300, (2,), dtype=a.uint8), "to - 1 is out of bounds for"),
    (lambda t, a: t.randint(3), ""),
    (lambda t, a: t.randint(5.5, (2,)), ""),
    (lambda t, a: t.randperm(-1), "negative dimension -1"),
    (lambda t, a: t.normal(0.0, -1.0, (2,)), "normal expects std >= 0.0, but found std -1"),
    (lambda t, a: t.normal(a.zeros(2), -1.0), "normal expects std >= 0.0, but found std -1"),
    (lambda t, a: t.normal(a.zeros(2), -a.ones(2)), "normal expects all elements of std >= 0.0"),
    (lambda t, a: t.normal(a.zeros(2), a.ones(3)), "must match the size of"),
    (lambda t, a: t.normal(0.0, 1.0), ""),
    (lambda t, a: t.bernoulli(a.ones(2) * 2), "Expected p_in >= 0 && p_in <= 1 to be true"),
    (lambda t, a: t.bernoulli(a.ones(2, dtype=a.int32)), "not implemented for"),
    (lambda t, a: t.bernoulli(a.ones(2), 3.0), "bernoulli_ expects p to be in [0, 1], but got p=3"),
    (lambda t, a: t.multinomial(a.ones((2, 2, 2)), 1), "prob_dist must be 1 or 2 dim"),
    (lambda t, a: t.multinomial(a.ones(2), 3), "cannot sample n_sample > prob_dist.size(-1) samples without"),
    (lambda t, a: t.multinomial(a.ones(2), 0), "cannot sample n_sample <= 0 samples"),
    (lambda t, a: t.multinomial(-a.ones(2), 1), "probability tensor contains either `inf`, `nan` or element < 0"),
    (lambda t, a: t.multinomial(a.zeros(2), 1), "invalid multinomial distribution (sum of probabilities <= 0)"),
    (lambda t, a: t.multinomial(a.zeros(2), 2, True), "invalid multinomial distribution (sum of probabilities <= 0)"),
    (lambda t, a: t.multinomial(a.ones(2, dtype=a.int32), 1), "multinomial only supports floating-point dtypes"),
]


@pytest.mark.parametrize("call, text", REFUSED, ids=range(len(REFUSED)))
def test_refuses_what_torch_refuses(call, text):
    with pytest.raises((RuntimeError, TypeError)) as theirs:
        call(torch, torch)
    assert text in str(theirs.value)
    with pytest.raises(ValueError) as ours:
        call(creation, jnp)
    assert text in str(ours.value)


GENERATOR_REFUSED = [
    (
        lambda m, g: m.uniform_(1, 0, generator=g),
        lambda g: g.uniform((3,), np.float32, 1, 0),
        "but found from=1 > to=0",
    ),
    (
        lambda m, g: m.uniform_(0, np.inf, generator=g),
        lambda g: g.uniform((3,), np.float32, 0, np.inf),
        "out of bounds",
    ),
    (lambda m, g: m.normal_(0, -1, generator=g), lambda g: g.normal((3,), np.float32, 0, -1), "but found std -1"),
    (
        lambda m, g: m.normal_(0, np.nan, generator=g),
        lambda g: g.normal((3,), np.float32, 0, np.nan),
        "but found std nan",
    ),
    (lambda m, g: m.exponential_(0, generator=g), lambda g: g.exponential((3,), np.float32, 0), "but found lambda=0"),
    (lambda m, g: m.bernoulli_(2, generator=g), lambda g: g.bernoulli(2, (3,)), "but got p=2"),
]


@pytest.mark.parametrize("theirs, ours, text", GENERATOR_REFUSED, ids=range(len(GENERATOR_REFUSED)))
def test_generator_refuses_what_torch_refuses(theirs, ours, text):
    with pytest.raises(RuntimeError) as error:
        theirs(torch.empty(3), torch.Generator())
    assert text in str(error.value)
    with pytest.raises(ValueError) as error:
        ours(Generator())
    assert text in str(error.value)


# -- seeds and states ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, -1, 2**63, 2**64 - 1, -(2**63), 1.5, True, np.int64(5)])
def test_seeds(seed):
    want = torch.manual_seed(seed)
    got = fnn.random.manual_seed(seed)
    assert got is fnn.random.default_generator
    assert got.initial_seed() == want.initial_seed() == fnn.random.initial_seed()
    np.testing.assert_array_equal(got.get_state(), want.get_state().numpy())


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_seed_out_of_range(seed):
    for manual_seed in (torch.manual_seed, fnn.random.manual_seed, Generator().manual_seed):
        with pytest.raises(ValueError, match="Overflow when unpacking long long"):
            manual_seed(seed)


def test_seed_of_the_wrong_type():
    for generator in (torch.Generator(), Generator()):
        with pytest.raises(RuntimeError, match="manual_seed expected a long, but got str"):
            generator.manual_seed("a")


def test_a_fresh_generator_has_torchs_seed():
    assert Generator().initial_seed() == torch.Generator().initial_seed()
    np.testing.assert_array_equal(Generator().get_state(), torch.Generator().get_state().numpy())


@pytest.mark.parametrize("drawn", [0, 1, 3, 623, 624, 625, 1248])
def test_states_cross(drawn):
    theirs, ours = torch.Generator().manual_seed(11), Generator().manual_seed(11)
    torch.rand(drawn, generator=theirs)
    ours.uniform((drawn,))
    torch.randn(1, generator=theirs)  # leaves half a pair in the state
    ours.normal((1,))
    state = theirs.get_state().numpy()
    np.testing.assert_array_equal(ours.get_state(), state)
    restored = Generator()
    restored.set_state(jnp.asarray(state))
    back = torch.Generator()
    back.set_state(torch.from_numpy(restored.get_state()))
    for n in (1, 2, 700):
        want = torch.randn(n, generator=theirs).numpy()
        np.testing.assert_allclose(restored.normal((n,)), want, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(torch.randn(n, generator=back).numpy(), want)
    assert restored.initial_seed() == 11


@pytest.mark.parametrize(
    "state, text",
    [
        (
            np.zeros(3, np.uint8),
            "Expected a CPUGeneratorImplState of size 5056 but found the input RNG state size to be 3",
        ),
        (np.zeros(5056, np.uint8), "Invalid mt19937 state"),
        (np.zeros(5056, np.float32), "RNG state must be a"),
    ],
)
def test_bad_states(state, text):
    with pytest.raises((RuntimeError, TypeError)) as theirs:
        torch.Generator().set_state(torch.from_numpy(state))
    with pytest.raises(ValueError) as ours:
        Generator().set_state(state)
    assert text in str(theirs.value) and text in str(ours.value)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, copy.copy, lambda g: pickle.loads(pickle.dumps(g)), Generator.clone_state]
)
def test_copies_go_on_alike_and_apart(duplicate):
    ours = Generator().manual_seed(4)
    ours.normal((3,))
    other = duplicate(ours)
    want = [ours.normal((3,)), ours.uniform((1000,))]
    np.testing.assert_array_equal(other.normal((3,)), want[0])
    np.testing.assert_array_equal(other.uniform((1000,)), want[1])


def test_threads_share_a_generator_without_losing_words():
    ours, n = Generator().manual_seed(0), 20_000
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda _: ours.uniform((n,)), range(16)))
    whole = Generator().manual_seed(0).uniform((16 * n,)).reshape(16, n)
    assert sorted(p.tobytes() for p in parts) == sorted(row.tobytes() for row in whole)


@pytest.mark.parametrize("n", [255, 256, 257, (1 << 17) - 1, 1 << 17, (1 << 17) + 1, (1 << 19) + 6])
def test_large_arrays_are_those_of_torch_however_they_are_drawn(n):
    """Words are drawn one by one or in pairs, and shaped by one thread or two."""
    torch.manual_seed(3)
    g = Generator().manual_seed(3)
    for _ in range(2):
        np.testing.assert_array_equal(g.uniform((n,), np.float32, -0.3, 0.7), torch.empty(n).uniform_(-0.3, 0.7))
        np.testing.assert_allclose(g.normal((n,)), torch.empty(n).normal_(), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(g.get_state()[:5024], torch.get_rng_state()[:5024])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_process_draws_large_arrays():
    """The thread that helps is not there any more."""
    script = (
        "import os, numpy as np\nfrom fnn.host_random import Generator\ng = Generator()\ng.uniform((1 << 18,))\n"
        "child = os.fork()\nlarge = g.uniform((1 << 18,))\n"
        "os._exit(0) if child == 0 else print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "0", done.stderr


@pytest.mark.parametrize("draw", [fnn.rand, fnn.randn])
def test_a_size_by_name_is_the_only_one(draw):
    fnn.manual_seed(0)
    named = draw(size=(2, 3))
    fnn.manual_seed(0)
    assert (named == draw(2, 3)).all()
    with pytest.raises(ArgumentTypeError, match=r"the shape must be given once, got \(2,\) and size=\(3,\)"):
        draw(2, size=(3,))
