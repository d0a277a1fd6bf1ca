"""PyTorch's ``..._copy`` functions: its views, as copies.  JAX's arrays never share what can be written to."""

from fnn.ops.complexes import view_as_complex, view_as_real
from fnn.ops.conversion import clone, detach
from fnn.ops.dimensions import permute, t, transpose
from fnn.ops.parts import as_strided, diagonal, select, unfold
from fnn.ops.reshaping import expand, squeeze, unsqueeze, view
from fnn.ops.splitting import split, split_with_sizes, unbind

__all__ = [
    "alias_copy", "as_strided_copy", "detach_copy", "diagonal_copy", "expand_copy", "permute_copy", "select_copy",
    "split_copy", "split_with_sizes_copy", "squeeze_copy", "t_copy", "transpose_copy", "unbind_copy",
    "unfold_copy", "unsqueeze_copy", "view_as_complex_copy", "view_as_real_copy", "view_copy",
]  # fmt: skip

alias_copy, as_strided_copy, detach_copy, diagonal_copy = clone, as_strided, detach, diagonal
expand_copy, permute_copy, select_copy = expand, permute, select
split_copy, split_with_sizes_copy, squeeze_copy, t_copy = split, split_with_sizes, squeeze, t
transpose_copy, unbind_copy, unfold_copy, unsqueeze_copy = transpose, unbind, unfold, unsqueeze
view_as_complex_copy, view_as_real_copy, view_copy = view_as_complex, view_as_real, view
