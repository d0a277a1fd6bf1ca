"""Arrays of every make as numpy arrays; PyTorch's are recognised by their methods, so that it is never imported."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.typing import ArrayLike


def is_tensor(x: ArrayLike) -> bool:
    """Whether ``x`` looks like a PyTorch tensor."""
    return hasattr(x, "detach") and hasattr(x, "cpu") and hasattr(x, "untyped_storage")  # which no box has


def is_array(x: ArrayLike) -> bool:
    """Whether ``x`` is a jax or numpy array, a box, or a PyTorch tensor."""
    return isinstance(x, (jax.Array, np.ndarray, np.generic)) or hasattr(x, "__jax_array__") or is_tensor(x)


def to_numpy(x: Any) -> np.ndarray:
    """``x`` as a numpy array of the same dtype."""
    if is_tensor(x):
        host = x.detach().cpu().resolve_conj().resolve_neg()
        if str(host.dtype) == "torch.bfloat16":  # numpy has none of its own
            return host.float().numpy().astype(jnp.bfloat16)
        return host.numpy()
    if jnp.issubdtype(getattr(x, "dtype", np.float32), jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(x))
    return np.asarray(x)


def dtype_name(x: ArrayLike, array: np.ndarray) -> str:
    """The dtype that is compared: PyTorch's int64 counts as int32 where JAX runs without 64-bit mode."""
    if is_tensor(x) and array.dtype == np.int64 and jnp.result_type(int) == jnp.int32:
        return "int32"
    return array.dtype.name
