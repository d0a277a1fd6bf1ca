"""The arrays of a Module out of it and back: `split` and `merge`.

There is one form for what the transforms know of a Module: flat dicts of arrays, ``{"0.weight": array}``, under the
names of ``named_parameters()`` and ``named_buffers()``.  Gradients, `split`, `pure`'s ``init`` and ``apply`` and
`functional_call` speak it, so any optax rule takes them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

import jax
import jax.numpy as jnp

from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn import Module
from fnn.ops import splitting
from fnn.state.box import Box
from fnn.state.names import flatten
from fnn.state.parameter import is_lazy
from fnn.typing import ArrayLike, Ints

Flat = dict[str, Any]


def boxes_of(module: Module, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers by name, each box once."""
    if not isinstance(module, Module):
        raise ArgumentTypeError(f"{what}: expected a Module, got {module!r}")
    return dict(module.named_parameters()), dict(module.named_buffers())


@overload
def split(module: Module, *, trainable: bool = False) -> tuple[Flat, Flat]: ...
@overload
def split(module: ArrayLike, split_size_or_sections: Ints, dim: int = 0) -> tuple[jax.Array, ...]: ...
@overload
def split(*, tensor: ArrayLike, split_size_or_sections: Ints, dim: int = 0) -> tuple[jax.Array, ...]: ...
def split(
    module: Any = None,
    split_size_or_sections: Ints | None = None,
    dim: int = 0,
    *,
    trainable: bool = False,
    tensor: ArrayLike | None = None,
) -> tuple[Any, ...]:
    """The arrays of a Module: ``(params, state)``, flat dicts under its names; of an array the pieces, as torch's.

    They have the form of gradients, are what `pure`'s ``init`` returns, and what `functional_call` and `merge` take.
    A tied parameter appears once, under its first name.

    Args:
        module: the Module, or an array.
        split_size_or_sections: of an array the size of its pieces, or their sizes; see `fnn.ops.splitting.split`.
        dim: of an array the dimension.
        trainable: whether frozen parameters (``requires_grad=False``) go to ``state``, so that ``params`` has exactly
            the names of the gradients.
        tensor: the array, under the name that PyTorch has for it.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1).requires_grad_(False))
        >>> params, state = fnn.split(model, trainable=True)
        >>> list(params), list(state)
        (['0.weight', '0.bias'], ['1.weight', '1.bias'])
        >>> rule = optax.adam(1e-3)
        >>> optimizer = rule.init(params)
        >>> grads = fnn.grad(lambda model: model(jnp.ones((1, 2))).sum())(model)
        >>> updates, optimizer = rule.update(grads, optimizer, params)
        >>> fnn.merge(model, optax.apply_updates(params, updates), state)
    """
    if split_size_or_sections is not None:
        return splitting.split(module if tensor is None else tensor, split_size_or_sections, dim)
    parameters, buffers = boxes_of(module, "split")
    frozen = {} if not trainable else {name: box for name, box in parameters.items() if not box.requires_grad}
    params = {name: box._read_whole() for name, box in parameters.items() if name not in frozen}
    return params, {name: box._read_whole() for name, box in (frozen | buffers).items()}


def merge(module: Module, params: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> None:
    """Stores arrays in a Module: the inverse of `split`.

    Args:
        module: the Module.
        params: the parameters by name, as from `split` (nested dicts are accepted too).
        state: the rest by name. Without it, frozen parameters and buffers may be missing and keep their values; with
            it, everything must be there.

    Raises:
        ArgumentError: a name is unknown, missing or given twice, or an array has another shape or another kind of
            dtype. Then nothing was changed.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> model = nn.Linear(2, 1)
        >>> params, state = fnn.split(model)
        >>> fnn.merge(model, {name: jnp.zeros_like(value) for name, value in params.items()}, state)
        >>> print(model.weight.data)
        [[0. 0.]]
    """
    parameters, buffers = boxes_of(module, "merge")
    given: Flat = {}
    for part in (params, {} if state is None else state):
        if not isinstance(part, Mapping):
            raise ArgumentTypeError(f"merge: expected dicts of arrays, as split returns, got {type(part).__name__}")
        flat = flatten(part)
        twice = sorted(flat.keys() & given.keys())
        if twice:
            raise ArgumentError(f"merge: {twice} are given in params and in state")
        given |= flat
    known = parameters | buffers
    optional = set() if state is not None else {
        *buffers, *(name for name, box in parameters.items() if not box.requires_grad)
    }  # fmt: skip
    missing = [name for name in known if name not in given and name not in optional]
    unexpected = [name for name in given if name not in known]
    if missing or unexpected:
        raise ArgumentError(
            f"merge: the arrays do not fit {type(module).__name__}: missing {missing}, unexpected {unexpected}"
        )
    arrays = {name: _fitting(name, known[name], value) for name, value in given.items()}
    for name, value in arrays.items():
        known[name].data = value


def _fitting(name: str, box: Box, given: object) -> Any:
    value: jax.Array = given._read_whole() if isinstance(given, Box) else to_array(given, name, "merge: ")
    if is_lazy(box):
        raise ArgumentError(f"merge: '{name}' is not initialised yet; call the module once on an example input first")
    if value.shape != box.shape:
        raise ArgumentError(f"merge: '{name}' has shape {box.shape}, got an array of shape {value.shape}")
    kinds = (jnp.floating, jnp.complexfloating, jnp.integer, jnp.bool_)
    if not any(jnp.issubdtype(value.dtype, kind) and jnp.issubdtype(box.dtype, kind) for kind in kinds):
        raise ArgumentError(f"merge: '{name}' has dtype {box.dtype}, got an array of dtype {value.dtype}")
    return value
