"""What to write in place of a name that ``torch`` or its Tensors have and ``fnn`` means not to have."""

import re
import sys

_GRADIENTS = "gradients come from fnn.backward(loss) inside fnn.jit, fnn.autograd.grad, fnn.value_and_grad"
_SPARSE = "sparse arrays are jax.experimental.sparse.BCOO"
_QUANTIZED = "there are no quantized arrays; float8 dtypes and fnn.functional.scaled_mm are there"
_SCRIPT = "there is no TorchScript: fnn.jit compiles, and takes Python as it is"
_STORAGE = "arrays have no storage and no strides to look into: use reshape, slices, or fnn.as_strided"
_LAYOUT = "JAX chooses the layout in memory: leave it out"
_THREADS = "XLA decides; see its environment variable XLA_FLAGS"
_LAZY = "values are never lazy: leave it out"
_DETERMINISTIC = "see jax's and XLA's flags; on the CPU results are deterministic"
_WITH_WORDS = "use fnn.functional.{name}, whose reduction is a word"
_RECURRENT = "use fnn.nn.RNN, GRU or LSTM, or the functions in fnn.functional"
_DEVICES = "ask x.devices() or x.sharding, and jax.devices()"

# Names, or patterns of names, that one text answers.  ``{name}`` stands for the name, ``{plain}`` for it without the
# underscore at its end.
_TABLE: dict[str, str] = {
    "is_inference requires_grad": "every array can be differentiated; a Parameter says whether it is trained",
    "grad_fn retain_grad retains_grad is_leaf output_nr grad_dtype reinforce register_hook "
    "register_post_accumulate_grad_hook .*anomaly.*": _GRADIENTS,
    "Tensor": "arrays are jax.Array; make them with fnn.tensor(data)",
    "[A-Za-z0-9]+Tensor set_default_tensor_type": "make arrays with fnn.tensor(data, dtype=...), fnn.set_default_dtype",
    "compile compiler": "use fnn.jit",
    "cuda accelerator xpu mps mtia ipu": "jax.devices('gpu') lists the GPUs, fnn.to(x, 'cuda') moves an array, "
    "model.to('cuda') a model",
    "get_default_device set_default_device": "use jax.config.update('jax_default_device', device)",
    "get_device get_device_module is_cpu is_cuda is_ipu is_maia "
    "is_meta is_mkldnn "
    "is_mps is_mtia is_vulkan is_xla is_xpu is_vulkan_available": _DEVICES,
    "manual_seed_all": "use fnn.manual_seed",
    "GradScaler .*autocast.*": "see fnn.amp",
    "H mH": "write fnn.adjoint(x)",
    "index": "write x[index]",
    "polygamma_": "write x = fnn.polygamma(n, x): arrays do not change",
    "symeig": "use fnn.linalg.eigh",
    "eig lstsq solve matrix_rank": "use fnn.linalg.{name}",
    "quasirandom": "use scipy.stats.qmc.Sobol",
    "T": "write x.T",
    "mT": "write x.mT",
    "data": "a Parameter's array is p.data; an array is its own",
    "shape ndim nbytes itemsize": "write x.{name}",
    "name": "a parameter's name is in model.named_parameters()",
    "new new_empty_strided empty_strided empty_permuted": "use fnn.new_empty or fnn.empty: arrays have no strides",
    "resize resize_ resize_as resize_as_ resize_as_sparse_": "write x = x.reshape(shape)",
    "set_ as_strided_": _STORAGE,
    "const_data_ptr data_ptr dim_order is_set_to storage storage_offset storage_type stride untyped_storage "
    "UntypedStorage TypedStorage StorageBase Storage [A-Za-z0-9]+Storage is_storage "
    "share_memory_ is_shared": _STORAGE,
    "pin_memory is_pinned record_stream Stream Event StreamObjType DeviceObjType": "transfers of JAX's arrays are "
    "asynchronous by themselves: leave it out",
    "contiguous_format channels_last channels_last_3d preserve_format legacy_contiguous_format memory_format layout "
    "strided jagged": _LAYOUT,
    "detach_": "write x = fnn.detach(x)",
    "apply_ map_ map2_": "write fnn.vmap(f) or jnp.vectorize(f)(x)",
    "copy_ fill_ zero_ fill_diagonal_": "write x = fnn.{plain}(x, ...): arrays do not change",
    "normal_ uniform_ random_ bernoulli_": "draw an array: fnn.randn_like, fnn.rand_like, fnn.randint_like, "
    "fnn.bernoulli, or fnn.nn.init for a Parameter",
    "requires_grad_": "a Parameter and a Module have it",
    "is_conj is_neg": _LAZY,
    "is_distributed is_nested is_quantized is_sparse is_sparse_csr is_coalesced": "no array is: leave it out",
    "nested to_padded_tensor": "use fnn.functional.pad_sequence and masks",
    ".*sparse.* coalesce dense_dim smm hsmm dsmm hspmm spmm sspaddmm saddmm to_dense "
    "(ccol_|col_|crow_|row_)?indices(_copy)?"
    " values values_copy": _SPARSE,
    "q_.* q[u]?int\\d.* QInt.* QUInt.* quantize.* fake_quantize.* fused_moving_avg_obs_fake_quant int_repr dequantize "
    "choose_qparams_optimized per_(channel|tensor)_.* empty_quantized quantized_.* quantization ao qscheme "
    "fbgemm_.*": _QUANTIZED,
    "(cudnn|miopen|mkldnn)_.* to_mkldnn native_(batch|group|layer)_norm native_dropout native_norm batch_norm_.*": (
        "a kernel of PyTorch's own: use the function of fnn.functional that it serves"
    ),
    "binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss hinge_embedding_loss kl_div margin_ranking_loss "
    "poisson_nll_loss triplet_margin_loss": _WITH_WORDS,
    "embedding_bag embedding_renorm_": "use fnn.functional.{plain}",
    "affine_grid_generator": "use fnn.functional.affine_grid",
    "grid_sampler(_2d|_3d)?": "use fnn.functional.grid_sample",
    "convolution": "use fnn.conv1d, conv2d, conv3d or their transposed forms",
    "norm_except_dim": "use fnn.nn.utils.parametrizations.weight_norm",
    "rnn_tanh rnn_relu gru lstm rnn_tanh_cell rnn_relu_cell": _RECURRENT,
    "ParameterDict ModuleDict BufferDict": "use fnn.nn.{name}",
    "slice_copy slice_inverse": "write x[a:b]",
    "to_dlpack": "write jax.dlpack.to_dlpack, or give the array to the other library's from_dlpack",
    "from_file": "use numpy.memmap and fnn.from_numpy",
    "set_printoptions": "use numpy.set_printoptions",
    "set_num_threads get_num_threads set_num_interop_threads get_num_interop_threads init_num_threads "
    "set_flush_denormal": _THREADS,
    "set_float32_matmul_precision get_float32_matmul_precision": (
        "use jax.config.update('jax_default_matmul_precision', ...)"
    ),
    ".*deterministic.*": _DETERMINISTIC,
    "chalf complex32 u?int[1-7] bits.* bit float4_e2m1fn_x2": "JAX has no such dtype for arrays",
    "as_subclass": "a class of its own registers with JAX as a pytree",
    "typename": "write type(x).__name__",
    "module_load volatile": "it has no meaning here: leave it out",
    "futures hub masked package profiler onnx export fx library overrides backends monitor "
    "multiprocessing "
    "numa signal utils windows": "torch.{name} has no counterpart at this place",
    "sym_.* SymInt SymBool SymFloat": "shapes are Python's integers",
    "fork wait Future": "use Python's threads",
    "OutOfMemoryError AcceleratorError FatalError": "JAX raises jax.errors.JaxRuntimeError",
    "has_.* set_warn_always is_warn_always_enabled compiled_with_cxx11_abi thread_safe_generator get_file_path "
    "prepare_multiprocessing_environment classproperty version torch_version hash_tensor "
    "return_types": "it is PyTorch's own and has no counterpart",
    ".*Type AliasDb Argument.* Block Code CallStack Capsule CompilationUnit .*Spec ConcreteModule.* Deep.* "
    "Deserialization.* Serialization.* Dispatch.* Disable.* ExcludeDispatchKeyGuard Execution.* ErrorReport FileCheck "
    "FunctionSchema Gradient Graph.* IODescriptor JITException Lite.* Lock.* LoggerBase Node NoopLogger OperatorInfo "
    "PyTorchFile.* Script.* StaticModule Tag ThroughputBenchmark TracingState Type Use Value Benchmark.* "
    "import_ir_module.* parse_.* merge_type_from_type_comment unify_type_list profiler_allow_.* AVG SUM "
    "Aggregation.*": _SCRIPT,
    "builtins classes cpp ctypes functools glob importlib inspect math os platform sys textwrap threading torch types "
    "warnings TYPE_CHECKING PRIVATE_OPS USE_.*": "it is no part of what PyTorch documents",
}
_ANSWERS = [(re.compile(pattern), text) for patterns, text in _TABLE.items() for pattern in patterns.split()]


def instead(name: str) -> str:
    """What to write for ``torch.<name>``, ready to follow an error's text; empty if nothing is known."""
    if name.startswith("_"):
        return ""
    for pattern, text in _ANSWERS:
        if pattern.fullmatch(name):
            return f"; {text.format(name=name, plain=name.rstrip('_'))}"
    plain = name.rstrip("_")
    if plain != name and plain in getattr(sys.modules.get("fnn.ops"), "__all__", ()):
        return f"; write x = fnn.{plain}(x, ...): arrays do not change"
    # Only where it is imported already: pickle looks up names in every module, also in processes without JAX.
    if name in getattr(sys.modules.get("fnn.functional"), "__all__", ()):  # its files' names are none of its own
        return f"; use fnn.functional.{name}"
    return ""
