"""fnn.nn.attention: ways to compute attention, causal biases, memory, and torch's names."""

import functools
import importlib
import inspect
import pkgutil
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.kernels import attention as kernel
from fnn.nn import attention
from fnn.nn import functional as F
from fnn.nn.attention import SDPBackend, bias, flex_attention, sdpa_kernel, varlen
from tests import reference

torch = reference.torch
importlib.import_module("torch.nn.attention.bias")
importlib.import_module("torch.nn.attention.flex_attention")

TORCH = torch.nn.functional.scaled_dot_product_attention


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


Q, K, V = normal(2, 4, 37, 8), normal(2, 4, 21, 8, seed=1), normal(2, 4, 21, 6, seed=2)
MASK = normal(37, 21) > 0
MASK[5] = False
FEW = {"key": K[:, :2], "value": V[:, :2], "enable_gqa": True}
CASES = {
    "plain": {},
    "causal": {"is_causal": True},
    "booleans": {"attn_mask": MASK},
    "floats by head": {"attn_mask": normal(4, 37, 21)},
    "one row": {"attn_mask": normal(2, 1, 1, 21)},
    "one row for all": {"attn_mask": normal(1, 21) > 0},
    "scale and groups": {"scale": 0.3, "is_causal": True, **FEW},
    "no batch": {"query": Q[0, 0], "key": K[0, 0], "value": V[0, 0], "attn_mask": MASK},
    "a batch that broadcasts": {"key": K[:1], "value": V[:, :1]},
}


@pytest.fixture
def small_blocks(monkeypatch):
    """16 queries a block, so that there are two and a rest."""
    monkeypatch.setattr(kernel, "BLOCK", 1)


@pytest.mark.parametrize("name", CASES)
def test_blocks_are_torchs(name, small_blocks):
    arguments = {"query": Q, "key": K, "value": V, **CASES[name]}
    arrays = {n: a for n, a in arguments.items() if isinstance(a, np.ndarray)}
    rest = {n: a for n, a in arguments.items() if n not in arrays}
    moved = {n: a for n, a in arrays.items() if a.dtype != bool}
    theirs = {n: torch.from_numpy(a).requires_grad_(n in moved) for n, a in arrays.items()}
    want = TORCH(**theirs, **rest)
    cotangent = normal(*want.shape, seed=3)
    want.backward(torch.from_numpy(cotangent))

    def ours(moved):
        out = F.scaled_dot_product_attention(**(arrays | moved), **rest)
        return (out * cotangent).sum(), out

    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        (_, got), gradient = jax.jit(jax.value_and_grad(ours, has_aux=True))(moved)
    np.testing.assert_allclose(got, want.detach(), rtol=1e-4, atol=1e-5)
    for n in moved:
        np.testing.assert_allclose(gradient[n], theirs[n].grad, rtol=1e-3, atol=1e-4, err_msg=n)


def test_op_db_in_blocks(small_blocks):
    seen = iter(range(10**6))

    def skip(sample):
        return "drops at random" if sample.kwargs.get("dropout_p", 0.0) > 0 else next(seen) % 9 or None

    with jax.enable_x64(True), sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION):
        name = "nn.functional.scaled_dot_product_attention"
        function = fnn.functional.scaled_dot_product_attention
        assert reference.check_op(name, function, dtype=torch.float64, skip=skip) > 1


def test_a_derivative_of_the_gradient_and_vmap(small_blocks):
    args = tuple(jnp.asarray(a[0, :1]) for a in (Q, K, V))
    tangents = tuple(map(jnp.cos, args))
    attend = functools.partial(F.scaled_dot_product_attention, attn_mask=MASK)
    gradient = jax.grad(lambda *a: jnp.sin(attend(*a)).sum(), (0, 1, 2))
    second = lambda *a: jax.jvp(gradient, a, tangents)[1]  # noqa: E731
    want = jax.jit(second)(*args)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        for a, b in zip(jax.jit(second)(*args), want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
        mapped = jax.vmap(attend)(Q, K, V)
    np.testing.assert_allclose(mapped, attend(Q, K, V), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_in_blocks(dtype, small_blocks):
    theirs = [torch.from_numpy(a).to(getattr(torch, dtype)) for a in (Q, K, V)]
    want = TORCH(*theirs)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        got = F.scaled_dot_product_attention(*(jnp.asarray(a, dtype) for a in (Q, K, V)))
    assert got.dtype == dtype
    np.testing.assert_allclose(got.astype(np.float32), want.float(), rtol=2e-2, atol=1e-2)


def temporary(length: int, **arguments) -> int:
    """What the gradient of a call needs besides its arguments and results, in bytes."""
    x = jax.ShapeDtypeStruct((1, 1, length, 8), np.float32)
    loss = lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **arguments).sum()  # noqa: E731
    program = jax.jit(jax.grad(loss, (0, 1, 2))).lower(x, x, x).compile()
    return program.memory_analysis().temp_size_in_bytes


def test_memory_is_bounded_by_default():
    small, large = temporary(8192), temporary(16384)
    assert large < 1.1 * small < 8192**2 * 4 / 2  # half of one matrix of scores


def test_memory_is_linear_in_the_keys(small_blocks):
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        small, large = temporary(4096), temporary(8192, is_causal=True)
    assert large < 2.2 * small < 4096**2 * 4 / 8


ABLE = {
    "MATH": ({}, "MATH"),
    "FLASH_ATTENTION": ({}, "FLASH_ATTENTION"),
    "EFFICIENT_ATTENTION": ({}, "EFFICIENT_ATTENTION"),
    "CUDNN_ATTENTION": ({"cudnn": True}, "CUDNN_ATTENTION"),
}


@pytest.mark.parametrize("name", ABLE)
def test_one_backend_is_the_one(name):
    how, want = ABLE[name]
    with sdpa_kernel(SDPBackend[name]) as given:
        assert given == {}
        assert kernel.choose((3, 3), **{"drops": False, "cudnn": False, **how}) == SDPBackend[want]


def test_which_of_several():
    choose = functools.partial(kernel.choose, drops=False, cudnn=False)
    short, long = (2, 2), (kernel.SCORES // kernel.LONG, kernel.LONG)
    assert choose(short) == SDPBackend.MATH and choose(long) == SDPBackend.FLASH_ATTENTION
    assert choose((kernel.SCORES, 1)) == SDPBackend.MATH
    assert kernel.choose(long, True, True) == SDPBackend.CUDNN_ATTENTION
    assert kernel.choose(long, True, False) == SDPBackend.MATH
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION], set_priority=True):
        assert choose(long) == SDPBackend.MATH
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH], set_priority=True):
            assert choose(short) == SDPBackend.FLASH_ATTENTION
            assert kernel.choose(short, True, False) == SDPBackend.MATH
        with sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION):
            with pytest.raises(ArgumentError, match="EFFICIENT_ATTENTION cannot drop weights"):
                kernel.choose(short, True, False)
        assert choose(long) == SDPBackend.MATH
    assert choose(long) == SDPBackend.FLASH_ATTENTION


REFUSED = {
    "FLASH_ATTENTION": ({"dropout_p": 0.5}, "No available kernel"),
    "CUDNN_ATTENTION": ({}, "No viable backend for scaled_dot_product_attention was found"),
    "OVERRIDEABLE": ({}, "No viable backend for scaled_dot_product_attention was found"),
    "ERROR": ({}, "No viable backend for scaled_dot_product_attention was found"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_backend_is_an_error_as_in_torch(name):
    arguments, text = REFUSED[name]
    with (
        sdpa_kernel(SDPBackend[name]),
        pytest.raises(ArgumentError, match=f"scaled_dot_product_attention: {text}"),
    ):
        F.scaled_dot_product_attention(Q, K, V, **arguments)
    theirs = getattr(torch.nn.attention.SDPBackend, name)
    with pytest.raises(RuntimeError, match=text), torch.nn.attention.sdpa_kernel(theirs), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        TORCH(*map(torch.from_numpy, (Q, K, K)), **arguments)


@pytest.mark.parametrize("bad", ["math", (SDPBackend.MATH,), [0]])
def test_a_backend_must_be_one(bad):
    with pytest.raises(ArgumentTypeError, match="Backend must be an instance of SDPBackend or a list of"):
        with sdpa_kernel(bad):
            pass


@pytest.mark.parametrize("jit", [fnn.jit, jax.jit])
def test_a_jitted_function_sees_the_context(jit, small_blocks):
    traces = []

    @jit
    def attend(q):
        traces.append(kernel.choose((2, 2), False, False))
        return F.scaled_dot_product_attention(q, q, q)

    x = jnp.ones((20, 2))
    for _ in range(2):
        attend(x)
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            attend(x)
    assert traces[:2] == [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION]
    assert "scan" in str(jax.make_jaxpr(lambda x: _within(x))(x))


def _within(x):
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        return F.scaled_dot_product_attention(x, x, x)


def operands(q=(2, 4, 8, 64), k=(2, 4, 8, 64), v=(2, 4, 8, 64), dtype=jnp.bfloat16, **flags):
    q, k, v = (jax.ShapeDtypeStruct(s, dtype) for s in (q, k, v))
    return kernel.cudnn_takes(q, k, v, **{"masked": False, "causal": False, "drops": False, **flags})


def test_what_cudnn_takes():
    assert operands() and operands(dtype=jnp.float16) and operands(causal=True)
    assert operands(k=(2, 4, 6, 64), v=(2, 4, 6, 64))
    refused = [
        {"dtype": jnp.float32}, {"masked": True}, {"drops": True}, {"q": (4, 8, 64)}, {"v": (2, 4, 8, 32)},
        {"q": (2, 8, 8, 64)}, {"k": (2, 4, 6, 64), "v": (2, 4, 6, 64), "causal": True}, {"q": (2, 4, 0, 64)},
        *({n: (2, 4, 8, e) for n in "qkv"} for e in (0, 12, 256)),
    ]  # fmt: skip
    for case in refused:
        assert not operands(**case), case
    assert not kernel.has_cudnn()


BIASES = {
    "upper": ("causal_upper_left", 5, 7),
    "lower": ("causal_lower_right", 5, 7),
    "both": ("causal_lower_right", 6, 6),
}


@pytest.mark.parametrize("backend", ["MATH", "FLASH_ATTENTION"])
@pytest.mark.parametrize("name", BIASES)
def test_causal_biases(name, backend, small_blocks):
    function, length, keys = BIASES[name]
    ours, theirs = (getattr(m.bias, function)(length, keys) for m in (attention, torch.nn.attention))
    np.testing.assert_array_equal(jnp.asarray(ours), theirs._materialize())
    assert ours.variant == theirs.variant and ours.variant.name == theirs.variant.name
    assert (ours.seq_len_q, ours.seq_len_kv) == (theirs.seq_len_q, theirs.seq_len_kv)
    arrays = Q[:, :, :length], K[:, :, :keys], K[:, :, :keys]
    want = TORCH(*map(torch.from_numpy, arrays), theirs)
    with sdpa_kernel(SDPBackend[backend]):
        got = jax.jit(F.scaled_dot_product_attention)(*arrays, ours)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_a_bias_that_leaves_queries_no_key():
    with pytest.warns(UserWarning, match="Lower right causal bias leaves the first queries no key"):
        mask = bias.causal_lower_right(4, 2)
    arrays = Q[:, :, :4], K[:, :, :2], V[:, :, :2]
    want = TORCH(*map(torch.from_numpy, arrays), torch.from_numpy(np.array(jnp.asarray(mask))))
    np.testing.assert_allclose(F.scaled_dot_product_attention(*arrays, mask), want, rtol=1e-4, atol=1e-5)


def test_errors_of_biases():
    with pytest.raises(ArgumentError, match="causal_upper_left only supports 2D tensors, got 3 sizes"):
        bias.causal_upper_left(1, 2, 3)
    with pytest.raises(ArgumentTypeError, match="variant must be a CausalVariant, got int"):
        bias.CausalBias(1, 2, 3)
    with pytest.raises(ArgumentError, match="CausalBias should not be used with causal=True"):
        F.scaled_dot_product_attention(Q, K, V, bias.causal_upper_left(37, 21), is_causal=True)
    with pytest.raises(ArgumentError, match=r"attn_mask must broadcast to the scores' shape .37, 21., got .3, 4."):
        F.scaled_dot_product_attention(Q, K, V, bias.causal_lower_right(3, 4))


# What torch.nn.attention's modules export and fnn lacks, with the reason.
OF_CUDA = "chooses among CUDA extensions of torch's dispatcher; here XLA and cuDNN have one each"
LEFT_OUT = {
    "WARN_FOR_UNFUSED_KERNELS": "a switch for warnings of torch's fused kernels",
    **dict.fromkeys(
        ("register_flash_attention_impl", "activate_flash_attention_impl", "list_flash_attention_impls",
         "current_flash_attention_impl", "restore_flash_attention_impl"), OF_CUDA,
    ),
}  # fmt: skip
MODULES_LEFT_OUT = {
    "experimental": "caches by pages and of quantized values: prototypes over CUDA kernels",
}
PAIRS = [
    (attention, torch.nn.attention),
    (bias, torch.nn.attention.bias),
    (flex_attention, torch.nn.attention.flex_attention),
    (varlen, importlib.import_module("torch.nn.attention.varlen")),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda m: m.__name__)
def test_names_and_signatures_are_torchs(ours, theirs):
    assert set(ours.__all__) == set(theirs.__all__) - LEFT_OUT.keys()
    for name in ours.__all__:
        a, b = getattr(ours, name), getattr(theirs, name)
        if name not in ("SDPBackend", "CausalVariant", "FlexKernelOptions"):
            assert parameters(a) == parameters(b), name
    options = flex_attention.FlexKernelOptions.__annotations__
    assert options.keys() == torch.nn.attention.flex_attention.FlexKernelOptions.__annotations__.keys()
    assert {b.name: int(b) for b in SDPBackend} == {
        n: int(b) for n, b in torch.nn.attention.SDPBackend.__members__.items()
    }


def test_modules_are_torchs():
    def public(package) -> set[str]:
        return {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}

    assert public(attention) == public(torch.nn.attention) - MODULES_LEFT_OUT.keys()


def parameters(function) -> list:
    return [(p.name, p.kind, p.default if not callable(p.default) else p.default.__name__)
            for p in inspect.signature(function).parameters.values()]  # fmt: skip
