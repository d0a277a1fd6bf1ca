"""The parameters of a normalisation: their dtypes beside that of the input."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from fnn.arguments import floating
from fnn.errors import ArgumentTypeError


def parameters(where: str, x: jax.Array, given: Mapping[str, Any]) -> dict[str, jax.Array | None]:
    """The parameters of a normalisation as arrays; None stays None.

    Raises:
        ArgumentTypeError: not all of them have the dtype of ``x`` (or, for a half ``x``, all float32).
    """
    arrays = {name: None if v is None else floating(v, where, name) for name, v in given.items()}
    present = {name: v.dtype for name, v in arrays.items() if v is not None}
    if not present:
        return arrays
    mixed = set(present.values()) != {x.dtype}
    if mixed and not (x.dtype in (jnp.bfloat16, jnp.float16) and set(present.values()) == {jnp.dtype("float32")}):
        found = ", ".join(f"{name}.dtype={dtype}" for name, dtype in present.items())
        raise ArgumentTypeError(
            f"{where}mixed dtype: expect parameter to have scalar type {x.dtype}"
            f"{'' if x.dtype == jnp.float32 else ', or all float32 for a half input'}; "
            f"got input.dtype={x.dtype}, {found}"
        )
    return arrays
