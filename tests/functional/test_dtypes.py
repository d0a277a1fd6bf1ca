"""Every function with every pair of dtypes: torch's result dtype and value, or both refuse.

By default the functions are only traced, with five of the eight dtypes; ``FNN_TEST_ALL=1`` takes all of them and
compares values too.
"""

import itertools
import warnings
from typing import Any

import jax
import numpy as np
import pytest

from fnn import functional as F
from fnn.errors import ArgumentError
from tests import extent, reference
from tests.functional.dtype_rows import DTYPES, PAIRS, ROWS, Row

torch = pytest.importorskip("torch")
TF = torch.nn.functional

CHOSEN = DTYPES if extent.ALL else ("float32", "bfloat16", "int64", "bool", "complex64")
RANDOM = {"rrelu", "gumbel_softmax", "dropout", "alpha_dropout"}
# torch asks for int64 where an index dtype is meant; here int32, the index dtype without x64, is one too.
INT64_ONLY = {"cross_entropy", "nll_loss", "multi_margin_loss", "multilabel_margin_loss", "linear_cross_entropy"}
# torch's half precision overflows in between, or its integer arithmetic truncates.
OTHER_VALUES = {"lp_pool1d", "lp_pool2d", "lp_pool3d"}
# Where the processor lets oneDNN take a half type, torch refuses a bias of another dtype, as fnn does everywhere;
# elsewhere its own kernel mixes them.
BY_PROCESSOR = {("conv_transpose1d", "bias"), ("conv_transpose2d", "bias"), ("conv_transpose3d", "bias")}


def _theirs(row: Row, args: Any, kwargs: Any) -> tuple[str, Any]:
    """('computed', output), ('refused', why), or ('no kernel', why), where a value is as good as a refusal."""
    args = [a.clone() if isinstance(a, torch.Tensor) else a for a in args]
    try:
        return "computed", getattr(TF, row.name)(*args, **kwargs)
    except Exception as error:
        return ("no kernel" if "not implemented for" in str(error) else "refused"), str(error)


def _ours(row: Row, args: Any, kwargs: Any) -> tuple[str, Any]:
    """('computed', output or its shapes) or ('refused', why): nothing but an ArgumentError or IndexError refuses."""
    if row.name in RANDOM:
        kwargs = {**kwargs, "key": jax.random.key(0)}
    flat, tree = jax.tree.flatten((reference.to_jax(args), reference.to_jax(kwargs)))
    where = [i for i, value in enumerate(flat) if isinstance(value, jax.Array)]

    def call(arrays):
        values = list(flat)
        for i, array in zip(where, arrays, strict=True):
            values[i] = array
        args, kwargs = jax.tree.unflatten(tree, values)
        return getattr(F, row.name)(*args, **kwargs)

    arrays = [flat[i] for i in where]
    try:
        return "computed", (jax.jit(call)(arrays) if extent.ALL else jax.eval_shape(call, arrays))
    except (ArgumentError, IndexError) as error:
        return "refused", str(error)


def _difference(row, a, b):
    """What is wrong with this pair of dtypes, or None."""
    args, kwargs = row.build(a, b)
    verdict, want = _theirs(row, args, kwargs)
    outcome, got = _ours(row, args, kwargs)
    if verdict == "no kernel":
        complex_loss = ("loss" in row.name or row.name in PAIRS) and args[0].is_complex()
        return f"torch refuses: {want}" if complex_loss and outcome == "computed" else None
    if (row.name, row.label) in BY_PROCESSOR and "16" in a and (verdict, outcome) == ("computed", "refused"):
        return None
    if verdict != outcome:
        return f"torch {verdict}: {want}; fnn {outcome}: {got}"
    if verdict == "refused":
        return None
    for theirs, ours in zip(_leaves(want), _leaves(got), strict=True):
        if str(theirs.dtype) != f"torch.{ours.dtype}" or tuple(theirs.shape) != ours.shape:
            return f"torch gives {theirs.dtype} {tuple(theirs.shape)}, fnn {ours.dtype} {ours.shape}"
        if extent.ALL and row.name not in RANDOM | OTHER_VALUES:
            tolerance = 2e-2 if "16" in a + b else 1e-5
            wide = [np.asarray(reference.to_numpy(v), np.complex128) for v in (theirs, ours)]
            if np.isfinite(wide[0]).all() and not np.allclose(*wide, rtol=tolerance, atol=tolerance):
                return f"torch gives {wide[0]}, fnn {wide[1]}"
    return None


def _leaves(output: Any) -> list[Any]:
    return [v for v in (output if isinstance(output, (tuple, list)) else (output,)) if v is not None]


@pytest.mark.parametrize("name", sorted({row.name for row in ROWS}))
def test_dtypes(name):
    wrong = []
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in (row for row in ROWS if row.name == name):
            seen = set()
            for a, b in itertools.product(CHOSEN, CHOSEN):
                given = str(jax.tree.map(lambda v: getattr(v, "dtype", v), row.build(a, b)))
                if given in seen or (b == "int32" and row.label == "index" and name in INT64_ONLY):
                    continue
                seen.add(given)
                difference = _difference(row, a, b)
                if difference:
                    wrong.append(f"{row.label} {a} {b}: {difference}")
    assert not wrong, "\n".join([name, *wrong])
