"""The names of `torch.Tensor` that a box does not have, and what to write instead.

With `tensor_methods` they make up all public names of a tensor; a test compares both with PyTorch.
"""

from __future__ import annotations

from fnn.state.tensor_table import FUNCTIONS, IN_PLACE

__all__ = ["HINTS", "OF_SPREAD", "missing"]

_WITHOUT_MEANING = "it has no meaning here: leave it out"
_NO_COUNTERPART = "it has no counterpart in JAX"
_DEVICES = "ask p.devices() or p.sharding"
_SPARSE = "sparse arrays are jax.experimental.sparse.BCOO"
_GRADIENTS = "gradients come from fnn.value_and_grad or fnn.backward"

# What to write, for the names that stand before it.
_TABLE: dict[str, str] = {
    # the same function
    "argwhere bincount corrcoef cov cross diag diagflat diff dsplit fliplr flipud float_power frexp gcd histogram "
    "hsplit lcm ldexp moveaxis nanmedian nanquantile quantile rot90 unique vsplit": "write jnp.{name}(p, ...)",
    "cholesky det eig lstsq matrix_power qr slogdet solve svd": "write jnp.linalg.{name}(p, ...)",
    # another name
    "H adjoint mH": "write p.mT.conj()",
    "addbmm baddbmm": "write p + jnp.matmul(a, b)",
    "addmm addmv addr": "write p + jnp.matmul(a, b), or jnp.outer for addr",
    "aminmax": "write p.amin(), p.amax()",
    "bernoulli": "write fnn.bernoulli(p)",
    "cholesky_inverse cholesky_solve": "write jax.scipy.linalg.cho_solve((factor, True), b)",
    "cummax cummin": "write jax.lax.{name}(p.data, axis)",
    "diag_embed": "write p[..., None] * jnp.eye(p.size(-1))",
    "diagonal_scatter select_scatter slice_scatter slice_inverse": "write p.at[index].set(values)",
    "dist": "write (p - other).norm(), with jnp.linalg.norm of an array",
    "hardshrink prelu": "write fnn.functional.{name}(p, ...)",
    "igamma igammac": "write jax.scipy.special.gammainc or gammaincc",
    "histc": "write jnp.histogram(p, bins, range)",
    "index_add scatter_add": "write p.at[index].add(values)",
    "index_copy index_fill index_put scatter masked_scatter put": "write p.at[index].set(values)",
    "index_reduce scatter_reduce": "write p.at[index].max(values), .min or .multiply",
    "inverse": "write jnp.linalg.inv(p)",
    "is_nonzero": "write bool(p)",
    "kthvalue": "write p.sort(dim).values[k - 1]",
    "logdet": "write jnp.linalg.slogdet(p)[1]",
    "lu lu_solve": "write jax.scipy.linalg.{name}(...)",
    "matrix_exp": "write jax.scipy.linalg.expm(p)",
    "mode": "write jax.scipy.stats.mode(p, axis)",
    "msort": "write p.sort(0).values",
    "multinomial": "write fnn.multinomial(p, num_samples)",
    "mvlgamma polygamma": "write jax.scipy.special.multigammaln or polygamma",
    "narrow_copy": "write p.narrow(dim, start, length)",
    "new new_empty_strided": "write p.new_empty(size)",
    "nonzero_static": "write jnp.argwhere(p, size=size, fill_value=fill_value)",
    "pinverse": "write jnp.linalg.pinv(p)",
    "renorm": "write p * (maxnorm / norms).clip(max=1)",
    "resize resize_as": "write p.reshape(shape)",
    "split_with_sizes tensor_split unsafe_chunk unsafe_split unsafe_split_with_sizes": "write p.split(sizes, dim)",
    "stft istft": "write jax.scipy.signal.{name}(...)",
    "sum_to_size": "write p.sum(dims, keepdim=True)",
    "triangular_solve": "write jax.scipy.linalg.solve_triangular(p, b)",
    "unfold": "write jnp.stack of slices, or fnn.functional.unfold for images",
    "unique_consecutive": "write jnp.unique(p)",
    "as_strided as_strided_scatter": "write p.reshape, slices or jnp.lib.stride_tricks: arrays have no strides",
    # in place
    "addbmm_ addmm_ addmv_ addr_ as_strided_ baddbmm_ conj_physical_ cumprod_ cumsum_ float_power_ gcd_ heaviside_ "
    "igamma_ igammac_ lcm_ ldexp_ mvlgamma_ polygamma_ renorm_ resize_ resize_as_ round_ set_ squeeze_ swapaxes_ "
    "swapdims_ t_ transpose_ tril_ triu_ unsqueeze_": "write p.data = ..., with the operation of the same name",
    "apply_ map_ map2_": "write p.data = jnp.vectorize(f)(p.data)",
    "bernoulli_ random_": "write p.copy_(...) of fnn.bernoulli or fnn.randint",
    "fill_diagonal_ index_add_ index_copy_ index_fill_ index_put_ index_reduce_ masked_scatter_ put_ scatter_ "
    "scatter_add_ scatter_reduce_": "write p.data = p.at[index].set(values), .add, .max, ...",
    # what JAX arrays have not
    "is_cpu is_cuda is_ipu is_maia is_meta is_mkldnn is_mps is_mtia is_vulkan is_xla is_xpu get_device": _DEVICES,
    "ipu mtia xpu": "write p.to(device)",
    "backward grad_fn retain_grad retains_grad is_leaf output_nr grad_dtype reinforce": _GRADIENTS,
    "ccol_indices coalesce col_indices crow_indices dense_dim indices is_coalesced is_sparse is_sparse_csr "
    "resize_as_sparse_ row_indices smm sparse_dim sparse_mask sparse_resize_ sparse_resize_and_clear_ sspaddmm "
    "to_dense to_sparse to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc to_sparse_csr values": _SPARSE,
    "conj_physical resolve_conj resolve_neg": "write p.conj(), or leave it out: values are never lazy",
    "detach_ is_conj is_inference is_neg is_pinned is_shared pin_memory record_stream share_memory_ volatile name "
    "to_mkldnn module_load": _WITHOUT_MEANING,
    "const_data_ptr data_ptr dim_order is_set_to storage storage_offset storage_type stride untyped_storage": (
        "arrays have no storage to look into; p.data.unsafe_buffer_pointer() is the address"
    ),
    "as_subclass chalf dequantize geqrf hash_tensor index int_repr is_distributed is_nested is_quantized layout orgqr "
    "ormqr q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qscheme symeig "
    "to_padded_tensor": _NO_COUNTERPART,
}  # fmt: skip
_HAVE = {*FUNCTIONS, *(f"{name}_" for name in IN_PLACE)}
HINTS: dict[str, str] = {
    name: text.format(name=name) for names, text in _TABLE.items() for name in names.split() if name not in _HAVE
}

# What a DTensor has beside a Tensor.
OF_SPREAD = {
    "full_tensor": "leave it out: an array is whole wherever Python sees it, and fnn.distributed.gather(...) copies it "
    "to the host of every process",
    "to_local": "an array's addressable_data(0) is the first part of it that this process has",
    "placements": "an array's sharding says where its parts are",
    "device_mesh": "an array's sharding says where its parts are",
    "redistribute": "write jax.device_put(array, NamedSharding(mesh, P(...)))",
}


def missing(kind: str, name: str) -> str:
    """The text for a name that a box of this kind does not have."""
    text = f"{kind!r} object has no attribute {name!r}"
    hint = HINTS.get(name) or OF_SPREAD.get(name)
    return f"{text}; {hint}" if hint else text
