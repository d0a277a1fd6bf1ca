"""The dtypes of results under autocast are torch's, over op_db; the GPU's table is compared as a table."""

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import functional as F
from fnn import ops
from fnn.autocasting import TABLES, Region, State, opened
from fnn.errors import ArgumentError
from tests import reference
from tests.extent import ALL, some

torch = reference.torch
PREFIX = "nn.functional."
HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}

# Operations whose samples do not go through, each with the reason.
DRAWS = "draws random numbers under a key"
CALLS = "op_db calls it with other arguments than the sample's"
EXCEPTIONS = {
    **dict.fromkeys(("alpha_dropout", "dropout", "dropout2d", "dropout3d", "feature_alpha_dropout", "rrelu"), DRAWS),
    "embedding": CALLS,
    "embedding_bag": CALLS,
    "multi_head_attention_forward": "tests/amp/test_composed.py",
    "linear_cross_entropy": "tests/amp/test_composed.py",
    **dict.fromkeys(("svd_lowrank", "pca_lowrank"), CALLS),
    **dict.fromkeys(("item", "equal"), "a Python number"),
    **dict.fromkeys(("float_power", "double", "cdouble"), "float64"),
    "broadcast_shapes": "a Size",
    **dict.fromkeys(("as_strided", "as_strided_copy", "as_strided_scatter"), "samples are views of larger storages"),
    "triplet_margin_with_distance_loss": "samples have torch's distance; tests/amp/test_composed.py",
}


def entries() -> list[tuple[Any, Callable]]:
    """The entries of op_db that fnn has, with fnn's function."""
    found = []
    for op in reference._op_db():
        name = op.name.removeprefix(PREFIX)
        home = F if op.name.startswith(PREFIX) else ops
        if name not in EXCEPTIONS and "." not in name and callable(getattr(home, name, None)):
            found.append((op, getattr(home, name)))
    return found


def in_tables(op: Any) -> bool:
    return op.name.removeprefix(PREFIX) in TABLES["cpu"]


def chosen(amp: str, given: str) -> list[tuple[Any, Callable]]:
    """By default: of what is in no table some, and of other pairs of dtypes the products alone."""
    inside = [entry for entry in entries() if in_tables(entry[0])]
    outside = [entry for entry in entries() if not in_tables(entry[0])]
    if ALL:
        return inside + outside
    if amp == "float16":
        return [e for e in inside if policy_of("cpu", e[0].name.removeprefix(PREFIX)) == "LOWER"]
    return inside + some(outside, 20) if given == "float32" else inside


def policy_of(device: str, name: Any) -> str | None:
    return getattr(TABLES[device][name], "name", None)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in leaves(part)]
    return [value] if hasattr(value, "dtype") else []


def names(values: list[Any]) -> list[str]:
    wide = {"int64": "int32", "complex128": "complex64"}
    found = [str(value.dtype).removeprefix("torch.") for value in values]
    return [wide.get(name, name) for name in found]


def samples_of(op: Any, dtype: torch.dtype, most: int) -> list[Any]:
    if dtype not in op.supported_dtypes("cpu"):
        return []
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(itertools.islice(op.sample_inputs("cpu", dtype), None if ALL else most))
    wide = lambda v: getattr(v, "dtype", v) is torch.float64  # noqa: E731
    return [s for s in found if not any(map(wide, (*s.args, *s.kwargs.values()))) and not s.kwargs.get("dropout_p")]


def shapes(run: Callable[[], Any]) -> Any:
    """What a call returns, without computing it unless its shapes depend on values."""
    try:
        return jax.eval_shape(run)
    except ArgumentError:
        return run()


def compare(op: Any, function: Callable, sample: Any, amp: str, values: bool) -> None:
    """The dtypes of one call; without ``values`` nothing is computed."""
    with torch.autocast("cpu", HALF[amp]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            want = leaves(op.op(sample.input, *sample.args, **sample.kwargs))
        except RuntimeError:
            return  # torch has no kernel for this half type
    args, kwargs = reference.to_jax((sample.input, *sample.args)), reference.to_jax(sample.kwargs)
    kwargs = {name: value for name, value in kwargs.items() if name not in ("memory_format", "requires_grad")}
    if op.name in ("einsum", "polygamma", "where"):  # op_db has the operands, or what where chooses, first
        args = args[1], args[0], *args[2:]
    if "fractional" in op.name:
        kwargs["key"] = jax.random.key(0)

    def run() -> Any:
        with fnn.autocast("cpu", jnp.dtype(amp)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **kwargs)

    got = leaves(run() if values else shapes(run))
    assert names(got) == names(want), f"{op.name} {op.variant_test_name} {amp}: {sample.summary()}"
    for ours, theirs in zip(got, want, strict=True) if values else ():
        reference.assert_equal(ours, theirs, f"{op.name} {op.variant_test_name}")


@pytest.mark.parametrize(
    ("amp", "given", "most"),
    [("bfloat16", "float32", 1), ("float16", "float32", 1), ("bfloat16", "bfloat16", 1), ("float16", "bfloat16", 1)]
    if ALL
    else [("bfloat16", "float32", 1), ("float16", "float32", 1)],
)
def test_dtypes(amp, given, most):
    failed, count = [], 0
    for op, function in chosen(amp, given):
        for sample in samples_of(op, HALF.get(given, torch.float32), most):
            try:
                compare(op, function, sample, amp, values=False)
            except Exception as error:
                failed.append(f"{op.name} {type(error).__name__}: {str(error)[:300]}")
            count += 1
    assert not failed, "\n".join(failed)
    assert count > 5


@pytest.mark.parametrize("name", ["linear", "conv2d", "conv_transpose1d", "scaled_dot_product_attention", "prelu"])
def test_values_of_products(name):
    for op in reference.ops(PREFIX + name):
        for sample in samples_of(op, torch.float32, 2):
            compare(op, getattr(F, name), sample, "bfloat16", values=True)


@pytest.mark.parametrize("name", ["cov", "corrcoef"])
def test_a_composition_hands_the_region_on(name):
    for op in reference.ops(name):
        for sample in samples_of(op, torch.float32, 2):
            compare(op, getattr(ops, name), sample, "bfloat16", values=False)


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3, 3), (1, 2, 3, 3, 3)])
def test_margins_of_halves(shape):
    """A reflection is in the table, but of volumes."""
    for mode in ("reflect", "replicate", "circular"):
        x = torch.ones(shape, dtype=torch.bfloat16)
        margins = (1,) * 2 * max(len(shape) - 2, 1)
        with fnn.autocast("cpu"), torch.autocast("cpu", torch.bfloat16):
            ours, theirs = F.pad(reference.to_jax(x), margins, mode), torch.nn.functional.pad(x, margins, mode)
        assert names([ours]) == names([theirs]), mode


def test_values_of_losses_given_halves():
    for name in ("mse_loss", "cross_entropy", "kl_div", "soft_margin_loss"):
        for sample in samples_of(reference.ops(PREFIX + name)[0], torch.bfloat16, 1):
            compare(reference.ops(PREFIX + name)[0], getattr(F, name), sample, "bfloat16", values=True)


# -- the GPU's table ------------------------------------------------------------------------------------------------

# torch's names of operators that fnn has under another, or that are no function of their own.
RENAMED: dict[Any, str] = {"grid_sampler": "grid_sample", "nll_loss2d": "nll_loss", "rnn_tanh_cell": "rnn_cell"}
BELOW = {"_convolution", "convolution", "cudnn_convolution", "cudnn_convolution_transpose", "rnn_relu_cell"}
LISTS: dict[str, Any] = {
    "torch_fp16": "LOWER", "nn_fp16": "LOWER", "linalg_fp16": "LOWER", "torch_fp32": ("FLOAT32", "OPTION"),
    "nn_fp32": "FLOAT32", "torch_need_autocast_promote": "PROMOTE", "banned": "BANNED",
}  # fmt: skip


def autocast_lists(device_lists: str) -> Any:
    from torch.testing._internal import autocast_test_lists

    return getattr(autocast_test_lists, device_lists)("cpu")


def test_gpu_table_has_what_torch_tests():
    lists = autocast_lists("AutocastTestLists")
    for kind, policies in LISTS.items():
        for name in {RENAMED.get(case[0], case[0]) for case in getattr(lists, kind)} - BELOW:
            assert policy_of("cuda", name) in np.atleast_1d(policies), (kind, name)
    for case in lists.torch_expect_builtin_promote:
        assert case[0] not in TABLES["cuda"], case[0]


def test_cpu_table_has_what_torch_tests():
    lists = autocast_lists("AutocastCPUTestLists")
    kinds = {"torch_16": "LOWER", "nn_16": "LOWER", "torch_fp32": "FLOAT32", "torch_need_autocast_promote": "PROMOTE"}
    for kind, policy in kinds.items():
        for name in {case[0] for case in getattr(lists, kind)} - {"_addmm_activation", "_native_multi_head_attention"}:
            assert policy_of("cpu", name) == policy, (kind, name)
    for case in lists.nn_fp32:
        assert RENAMED.get(case[0], case[0]) in {*TABLES["cpu"], "reflection_pad1d"}  # of pad


def test_tables_are_those_of_the_dispatcher():
    """Each name of ours is an operator that torch dispatches on autocast, or stands among those that are composed."""
    composed = {
        "cpu": "tensordot chain_matmul linalg_multi_dot rnn rnn_cell interpolate local_response_norm lp_pool3d"
        " max_unpool1d concat concatenate cross_entropy grid_sample pad fractional_max_pool2d_with_indices"
        " fractional_max_pool3d_with_indices adaptive_max_pool3d_with_indices",
        "cuda": "lp_pool1d lp_pool2d lp_pool3d local_response_norm normalize pairwise_distance gaussian_nll_loss"
        " multilabel_soft_margin_loss gumbel_softmax interpolate grid_sample grid_sampler_2d grid_sampler_3d softmin"
        " lstm gru rnn rnn_cell square inner arccos arcsin arctan2 linalg_norm nuclear_norm cross_entropy",
    }
    every = [name for name in torch._C._dispatch_get_all_op_names() if name.startswith("aten::")]
    for device, key in (("cpu", "AutocastCPU"), ("cuda", "AutocastCUDA")):
        there = {n[6:].split(".")[0] for n in every if torch._C._dispatch_has_kernel_for_dispatch_key(n, key)}
        assert set(TABLES[device]) - there <= set(composed[device].split())


CUDA = State(enabled=(Region("cuda", np.dtype(np.float16)),))
GPU_CASES = {
    "linear": (lambda x: F.linear(x, x), "float32", "float16"),
    "conv1d": (lambda x: F.conv1d(x[None], x[None]), "float32", "float16"),
    "softmax": (lambda x: F.softmax(x, -1), "float16", "float32"),
    "softmax with a dtype": (lambda x: F.softmax(x, -1, dtype=jnp.float16), "float16", "float16"),
    "softmax in float64's place": (lambda x: F.softmax(x, dim=-1), "float32", "float32"),
    "layer_norm": (lambda x: F.layer_norm(x, (2,)), "float16", "float32"),
    "mse_loss": (lambda x: F.mse_loss(x, x), "float16", "float32"),
    "cross_entropy": (lambda x: F.cross_entropy(x, jnp.zeros(2, int)), "float16", "float32"),
    "interpolate": (lambda x: F.interpolate(x[None], 4), "float16", "float32"),
    "interpolate by areas": (lambda x: F.interpolate(x[None], 4, mode="area"), "float16", "float16"),
    "bilinear": (lambda x: F.bilinear(x, x.astype(jnp.float32), x[None]), "float16", "float32"),
    "normalize": (F.normalize, "float16", "float32"),
    "relu": (F.relu, "float16", "float16"),
    "lstm": (lambda x: F.lstm(x, [(jnp.ones((4, 2)), jnp.ones((4, 1)))])[0], "float32", "float16"),
}


@pytest.mark.parametrize("name", GPU_CASES)
def test_gpu_table_at_the_door(name):
    function, given, want = GPU_CASES[name]
    with opened(CUDA):
        got = jax.eval_shape(function, jax.ShapeDtypeStruct((2, 2), jnp.dtype(given)))
    assert got.dtype.name == want


def test_refusals():
    x = jnp.full((2,), 0.5)
    with opened(CUDA), pytest.raises(RuntimeError, match=r"BCELoss are unsafe to autocast.\nMany models use a sigmoid"):
        F.binary_cross_entropy(x, x)
    with opened(CUDA), pytest.raises(RuntimeError, match="bilinear: Unexpected floating ScalarType in at::autocast"):
        F.bilinear(x.astype(jnp.bfloat16), x, jnp.ones((1, 2, 2)))
    with fnn.autocast("cpu"):
        assert F.binary_cross_entropy(x.astype(jnp.bfloat16), x).dtype == jnp.float32
