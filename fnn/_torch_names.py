"""What to write in place of a name that ``torch`` has and ``fnn`` means not to have."""

import sys

_ARRAYS = "arrays are JAX's: jax.numpy.asarray(data)"

_INSTEAD = {
    **dict.fromkeys(("tensor", "as_tensor", "from_numpy", "Tensor", "FloatTensor", "LongTensor"), _ARRAYS),
    "Size": "a shape is a tuple",
    "cat": "use jax.numpy.concatenate",
    "compile": "use fnn.jit",
    "cuda": "jax.devices('gpu') lists the GPUs, model.to(...) moves a model",
    "device": "a device is one of jax.devices(), or a name such as 'cpu'",
    "long": "use jax.numpy.int32",
    "manual_seed_all": "use fnn.manual_seed",
    "mm": "write a @ b",
    "bmm": "a @ b",
    "numel": "write x.size",
    "relu_": "use fnn.functional.relu",
}


def instead(name: str) -> str:
    """What to write for ``torch.<name>``, ready to follow an error's text; empty if nothing is known."""
    if name in _INSTEAD:
        return f"; {_INSTEAD[name]}"
    if name.startswith("_"):
        return ""
    # Only where they are imported already: pickle looks up names in every module, also in processes without JAX.
    for where in ("jax.numpy", "fnn.functional"):
        if hasattr(sys.modules.get(where), name):
            return f"; use {where}.{name}"
    return ""
