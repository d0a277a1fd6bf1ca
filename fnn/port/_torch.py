"""What is known of PyTorch's names: what a call gives, and the place of a name in fnn."""

from __future__ import annotations

from functools import cache
from importlib import import_module, util

from fnn.port._kinds import (
    ARRAY,
    BOX,
    COMPUTED,
    DEVICE,
    INDEX,
    LOADER,
    MASK,
    NONE,
    NUMBER,
    NUMPY,
    OPTIMIZER,
    OTHER,
    PACKED,
    SHAPE,
    SPARSE,
    TEXT,
    Kind,
    list_of,
    tuple_of,
)

__all__ = [
    "ROOTS",
    "SPARSE_MAKERS",
    "TENSOR_CLASSES",
    "DOUBLES",
    "DTYPES",
    "hint",
    "is_noisy",
    "method_result",
    "module_result",
    "place",
    "result",
    "root_of",
]

# The packages whose names are followed, and where they went.
ROOTS = {
    "torch": "fnn",
    "einops.layers.torch": "fnn.nn.einops",
    "torchvision": "fnn.vision",
    "torchmetrics": "fnn.metrics",
}

# Names that live elsewhere, or under another name.
_PLACES = {
    "torch.Tensor": "jax.Array",
    "torch.autograd.Variable": "jax.Array",
    "torch.int64": "fnn.long",
    "torch.cuda.amp.autocast": "fnn.amp.autocast",
    "torch.cuda.amp.GradScaler": "fnn.amp.GradScaler",
    "torch.nn.parallel.DataParallel": "fnn.nn.DataParallel",
    "torch.compile": "fnn.jit",
    "torch.OutOfMemoryError": "jax.errors.JaxRuntimeError",
    "torch.cuda.OutOfMemoryError": "jax.errors.JaxRuntimeError",
    "torch.func.functional_call": "fnn.func.functional_call",
}

TENSOR_CLASSES = {
    "torch.Tensor": "float32",
    "torch.FloatTensor": "float32",
    "torch.DoubleTensor": "float64",
    "torch.HalfTensor": "float16",
    "torch.LongTensor": "long",
    "torch.IntTensor": "int32",
    "torch.ShortTensor": "int16",
    "torch.CharTensor": "int8",
    "torch.ByteTensor": "uint8",
    "torch.BoolTensor": "bool",
}
TENSOR_CLASSES |= {name.replace("torch.", "torch.cuda."): dtype for name, dtype in TENSOR_CLASSES.items()}

SPARSE_MAKERS = frozenset(
    (
        "torch.sparse_coo_tensor",
        "torch.sparse.FloatTensor",
        "torch.sparse.DoubleTensor",
        "torch.cuda.sparse.FloatTensor",
    )
)

_PROCESSES = (
    "JAX drives all devices of a machine from one process: call the function itself; "
    "python -m fnn.distributed.launch -n N script.py starts several processes"
)

DOUBLES = frozenset("torch.double torch.float64 torch.DoubleTensor torch.cuda.DoubleTensor".split())

DTYPES = frozenset(
    "float float16 float32 float64 bfloat16 double half int int8 int16 int32 int64 long short uint8 bool complex64 "
    "complex128 cfloat".split()
)

_NUMBERS = frozenset(
    "is_tensor is_floating_point is_complex numel allclose equal is_available device_count initial_seed is_nonzero "
    "can_cast is_grad_enabled get_rank get_world_size is_initialized current_device".split()
)
_OTHERS = frozenset(
    "manual_seed manual_seed_all save load seed set_default_dtype set_num_threads get_rng_state no_grad enable_grad "
    "inference_mode set_grad_enabled autocast GradScaler Generator init_process_group set_printoptions empty_cache "
    "synchronize finfo iinfo dtype".split()
)
_MASKS = frozenset(
    "bool eq ne lt le gt ge greater less isnan isinf isfinite isclose isin logical_and logical_or logical_not "
    "logical_xor not_equal greater_equal less_equal".split()
)
_LISTS = frozenset("split chunk unbind meshgrid tensor_split hsplit vsplit dsplit broadcast_tensors atleast_1d".split())
_PAIRS = frozenset("sort topk kthvalue mode median cummax cummin std_mean var_mean slogdet qr eig eigh".split())
_CHOICES = frozenset("sort topk kthvalue mode cummax cummin".split())  # what is chosen, and where it stood
_PLACES_GIVEN = frozenset("randperm argsort arange randint nonzero argwhere argmax argmin multinomial long".split())
_EXTREMES = frozenset(("max", "min", "median", "nanmedian"))
_RECURRENT = frozenset("RNN GRU".split())


def result(name: str, arguments: int, keywords: frozenset[str]) -> Kind | None:
    """What a call of the object of this name gives."""
    parent, _, last = name.rpartition(".")
    if name in TENSOR_CLASSES:
        return {"long": INDEX, "int32": INDEX, "bool": MASK}.get(TENSOR_CLASSES[name], ARRAY)
    if name in ("torch.nn.Parameter", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer", "torch.nn.Buffer"):
        return BOX
    if name == "torch.device":
        return DEVICE
    if name in SPARSE_MAKERS:
        return SPARSE
    if name == "torch.sparse.mm":
        return ARRAY
    if last in ("DataLoader", "DistributedDataLoader"):
        return LOADER
    if (parent == "torch.optim" or parent.startswith("torch.optim.")) and last[:1].isupper():
        if "lr_scheduler" not in parent and "swa_utils" not in parent:
            return OPTIMIZER
    if name.startswith(("torch.optim.lr_scheduler.", "torch.utils.tensorboard.", "torch.utils.data.")):
        return OTHER
    if name.startswith(("torchvision.datasets.", "torchvision.transforms.")):
        return Kind("other", "digits") if last.endswith("MNIST") else OTHER
    if name.startswith("torchvision.models."):
        return Kind("module")
    if name.startswith("torchmetrics.") or name.startswith("torch.distributions."):
        return Kind("torch object", name)
    if parent in ("torch.nn", "torch.nn.modules", "torch.nn.parallel") and last[:1].isupper():
        return Kind("module", last)
    if parent.startswith("torch.nn.utils") and last in ("weight_norm", "spectral_norm"):
        return COMPUTED
    if parent == "torch.nn.init" or parent.startswith("torch.nn.utils"):
        if parent.endswith("rnn"):
            return PACKED if last.startswith("pack_") else ARRAY
        return OTHER if not last.endswith("norm") else Kind("module")
    if parent == "einops.layers.torch":
        return Kind("module", last)
    if parent == "einops":
        return tuple_of(ARRAY, list_of(SHAPE)) if last == "pack" else list_of(ARRAY) if last == "unpack" else ARRAY
    if last in _NUMBERS:
        return NUMBER
    if last in _OTHERS:
        return OTHER
    if last in ("Size",):
        return SHAPE
    if last == "grad" and parent == "torch.autograd":
        return list_of(ARRAY)
    if last in _LISTS:
        return list_of(ARRAY)
    if last in _EXTREMES and (arguments > 1 or "dim" in keywords):
        return tuple_of(ARRAY, INDEX)
    if last in _PAIRS - _EXTREMES:
        return tuple_of(ARRAY, INDEX if last in _CHOICES else ARRAY)
    if last == "svd":
        return tuple_of(ARRAY, ARRAY, ARRAY)
    if last == "unique" and keywords:
        return tuple_of(ARRAY, ARRAY)
    if parent == "torch" and last in _MASKS:
        return MASK
    if parent == "torch" and last in _PLACES_GIVEN and "as_tuple" not in keywords:
        return INDEX
    if name == "torch.compile":
        return Kind("module")
    if parent == "torch.utils.checkpoint":
        return ARRAY
    if parent in (
        "torch",
        "torch.nn.functional",
        "torch.linalg",
        "torch.fft",
        "torch.special",
        "torchvision.utils",
        "torchvision.io",
    ):
        if parent == "torch" and keywords and "requires_grad" in keywords:
            return BOX
        return ARRAY if last[:1].islower() or last.startswith("_") else None
    return None


def method_result(method: str, arguments: int, keywords: frozenset[str]) -> Kind | None:
    """What a method of a tensor gives."""
    if method in ("item", "numel", "dim", "ndimension", "nelement", "get_device", "is_contiguous", "element_size"):
        return NUMBER
    if method == "size":
        return NUMBER if arguments or keywords else SHAPE
    if method == "numpy":
        return NUMPY
    if method == "tolist":
        return list_of(NUMBER)
    if method == "backward":
        return NONE
    if method == "to_sparse":
        return SPARSE
    if method in _MASKS:
        return MASK
    if method == "type" and not arguments:
        return TEXT
    return result(f"torch.{method}", arguments + 1, keywords - {"requires_grad"}) or ARRAY


def module_result(name: str) -> Kind | None:
    """What a call of a layer of torch.nn gives."""
    if name in _RECURRENT or name == "MultiheadAttention":
        return tuple_of(ARRAY, ARRAY)
    if name in ("LSTM",):
        return tuple_of(ARRAY, tuple_of(ARRAY, ARRAY))
    if name == "LSTMCell":
        return tuple_of(ARRAY, ARRAY)
    return ARRAY


def is_noisy(name: str) -> bool:
    """Whether a layer of this name draws numbers of torch's generator while it trains."""
    last = name.rpartition(".")[2]
    return last.startswith(("Dropout", "AlphaDropout", "FeatureAlphaDropout", "RReLU", "Transformer"))


def root_of(name: str) -> str | None:
    """The one of `ROOTS` that a dotted name lies in."""
    return next((root for root in ROOTS if name == root or name.startswith(f"{root}.")), None)


@cache
def place(name: str) -> str | None:
    """The dotted name in fnn of a dotted name of PyTorch's; None: there is none."""
    found = _PLACES.get(name)
    if found is None:
        root = root_of(name)
        if root is None:
            return None
        found = ROOTS[root] + name.removeprefix(root)
    if found.startswith("jax.") or _exists(found):
        return found
    parent, _, last = found.rpartition(".")
    short = f"{parent.rpartition('.')[0]}.{last}"  # the file that defines a class is part of its path: optim.adam.Adam
    return short if last[:1].isupper() and "." in parent and _exists(short) else None


def _exists(name: str) -> bool:
    parts = name.split(".")
    value: object = import_module(parts[0])
    at = parts[0]
    for part in parts[1:]:
        at += f".{part}"
        try:
            value = getattr(value, part)
        except (AttributeError, ImportError):
            try:
                if util.find_spec(at) is None:
                    return False
                value = import_module(at)
            except (ImportError, ValueError):
                return False
    return True


def hint(name: str) -> str:
    """What to write where `place` knows nothing."""
    from fnn._torch_names import instead

    if name.startswith("torch.multiprocessing"):
        return _PROCESSES
    parts = name.split(".")
    said = instead(parts[1]) if len(parts) > 1 and parts[0] == "torch" else ""
    return said.removeprefix("; ") or f"fnn has no counterpart of {name}"
