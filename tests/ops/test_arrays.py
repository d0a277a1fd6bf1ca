"""The functions that make, join, split, reshape and index arrays against torch's own cases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from tests import reference
from tests.ops.table import DTYPES, Case, run, run_errors

torch = reference.torch

X64 = ("Double", "scalar type Float", "to be equal to src.dtype")  # dtypes that need x64 mode


CASES = [
    # creation
    Case("arange"), Case("linspace", most=6), Case("logspace", most=6, dtypes=("float32", "int32")), Case("eye"),
    Case("full"), Case("full_like"), Case("zeros"), Case("ones"), Case("zeros_like"), Case("ones_like"),
    Case("new_full"), Case("new_ones"), Case("new_zeros"), Case("scalar_tensor"), Case("fill"),
    Case("tril_indices", ("int32",)), Case("triu_indices", ("int32",)),
    Case("complex", ("float32",), errors=X64), Case("polar", ("float32",), errors=X64),
    Case("view_as_complex", ("float32",)),
    # conversion
    Case("clone"), Case("contiguous"),
    # joining and splitting
    Case("atleast_1d"), Case("atleast_2d"), Case("atleast_3d"), Case("block_diag"),
    Case("broadcast_shapes", ("float32",)),
    Case("broadcast_tensors"), Case("broadcast_to"), Case("cartesian_prod"), Case("cat"), Case("column_stack"),
    Case("combinations"), Case("dstack"), Case("hstack"), Case("meshgrid"), Case("stack"), Case("vstack"),
    Case("chunk"), Case("dsplit"), Case("hsplit"), Case("split"), Case("split_with_sizes"),
    Case("tensor_split", eager=True),
    Case("unbind"), Case("unsafe_chunk"), Case("unsafe_split"), Case("vsplit"),
    # shapes
    Case("expand"), Case("expand_as"), Case("flatten"), Case("ravel"), Case("reshape"), Case("reshape_as"),
    Case("squeeze"),
    Case("sum_to_size"), Case("unflatten"), Case("unsqueeze"), Case("view"), Case("view_as"), Case("flip"),
    Case("fliplr"), Case("flipud"), Case("movedim"), Case("permute"), Case("repeat"),
    Case("repeat_interleave", eager=True),
    Case("roll"), Case("rot90"), Case("t"), Case("tile"), Case("transpose"),
    # parts
    Case("diag"), Case("diag_embed"), Case("diagflat"), Case("diagonal"), Case("narrow", eager=True),
    Case("narrow_copy", eager=True), Case("select"), Case("tril"), Case("triu"), Case("unfold"),
    # indexing
    Case("argwhere", eager=True), Case("gather"), Case("index_select"), Case("masked_select", eager=True),
    Case("nonzero", eager=True), Case("nonzero_static"), Case("take"), Case("take_along_dim"),
    Case("unravel_index", ("int32",), eager=True), Case("where", arguments=lambda a: (a[1], a[0], *a[2:])),
    Case("as_strided_scatter", skip=lambda s: s.args[1] == (), grad=False),
    Case("diagonal_scatter"), Case("select_scatter"), Case("slice_scatter"), Case("masked_fill"),
    Case("masked_scatter"),
    # scattering
    Case("index_add"), Case("index_copy"), Case("index_fill"), Case("index_put"), Case("index_reduce", most=2),
    Case("put"),
    Case("scatter", skip=lambda s: "reduce" in s.kwargs, errors=X64), Case("scatter_add", errors=X64),
    Case("scatter_reduce", most=2),
]  # fmt: skip
_IDS = [case.name for case in CASES]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=_IDS)
def test_values_and_gradients(case, dtype):
    if dtype in case.dtypes:
        run(case, dtype)


@pytest.mark.parametrize("case", CASES, ids=_IDS)
def test_bad_inputs(case):
    run_errors(case)


TRUE = np.array([True, False, True])
WRITES = {  # places and values, of a 3 x 3 x 2 array
    "rows": ((TRUE,), 5.0),
    "rows, each its own": ((TRUE,), np.arange(12.0).reshape(2, 3, 2)),
    "columns": ((None, TRUE), np.arange(4.0).reshape(2, 2)),
    "two dimensions": ((np.eye(3, dtype=bool),), np.arange(3.0)[:, None]),
    "rows of a column": ((TRUE, np.array(1)), np.array([1.0, 2.0])),
    "the end of a row": ((np.array(2), TRUE), 7.0),
    "nothing": ((np.zeros(3, bool),), 1.0),
}  # fmt: skip


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("case", WRITES)
def test_index_put_by_a_mask_without_values(case, accumulate):
    places, values = WRITES[case]
    x = np.random.default_rng(0).normal(size=(3, 3, 2)).astype(np.float32)
    number = next(i for i, at in enumerate(places) if at is not None and at.ndim)
    index = tuple(slice(None) if at is None else at for at in places)
    expected = x.copy()
    expected[index] = expected[index] + values if accumulate else values

    @jax.jit
    def put(x, mask):
        given = tuple(mask if i == number else at for i, at in enumerate(places))
        written = values if isinstance(values, float) else jnp.asarray(values, jnp.float32)
        return fnn.index_put(x, given, written, accumulate)

    np.testing.assert_allclose(put(x, places[number]), expected, rtol=1e-6)


def test_a_buffer_written_by_a_mask_without_values():
    buffer = fnn.nn.Buffer(jnp.zeros((2, 3)))

    @fnn.jit
    def write(mask, row):
        buffer[row] = 1
        buffer[:, mask] = jnp.array([[5], [6]])

    write(jnp.array([False, True, False]), jnp.array([True, False]))
    assert buffer.tolist() == [[1, 5, 1], [0, 6, 0]]


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(IndexError, match=r"mask \[2\] does not match the shape of the indexed tensor \[3, 2\]"):
        jax.jit(lambda x, m: fnn.index_put(x, (m,), 0))(jnp.zeros((3, 2)), jnp.array([True, False]))
    with pytest.raises(fnn.errors.ArgumentError, match=r"value tensor of shape \[2, 3\] cannot be broadcast"):
        jax.jit(lambda x, m: fnn.index_put(x, (m,), jnp.ones((2, 3))))(jnp.zeros((2, 2)), jnp.array([True, False]))
