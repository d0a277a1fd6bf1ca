"""The functions that make, join, split, reshape and index arrays against torch's own cases."""

import pytest

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
