"""The operations of ``torch.nn.functional``.

They are those of `fnn.functional`, with two differences that suit code with Modules:

* a function that draws random numbers takes them from the scope when it is given no ``key`` (for the attentions,
  whose ``key`` is an input: no ``dropout_key``): a fresh key inside `fnn.jit`, torch's global generator outside;
* `batch_norm` and `instance_norm` write the new running statistics back into the `Buffer`s that they are given,
  as torch updates its tensors in place.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import jax

from fnn import functional as _pure
from fnn import random
from fnn.functional import *  # noqa: F403
from fnn.state.box import Box
from fnn.typing import ArrayLike, Scalar

__all__: list[str] = []
__all__ += _pure.__all__

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _ambient(function: Callable[_P, _R], key: str = "key") -> Callable[_P, _R]:
    """``function`` with AMBIENT for the default of its random key, the argument ``key``."""

    @functools.wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        kwargs.setdefault(key, random.AMBIENT)
        return function(*args, **kwargs)

    signature = inspect.signature(function)
    parameters = [p.replace(default=random.AMBIENT) if n == key else p for n, p in signature.parameters.items()]
    cast(Any, wrapper).__signature__ = signature.replace(parameters=parameters)
    wrapper.__module__ = __name__
    return wrapper


alpha_dropout = _ambient(_pure.alpha_dropout)
dropout = _ambient(_pure.dropout)
dropout1d = _ambient(_pure.dropout1d)
dropout2d = _ambient(_pure.dropout2d)
dropout3d = _ambient(_pure.dropout3d)
feature_alpha_dropout = _ambient(_pure.feature_alpha_dropout)
fractional_max_pool2d = _ambient(_pure.fractional_max_pool2d)
fractional_max_pool2d_with_indices = _ambient(_pure.fractional_max_pool2d_with_indices)
fractional_max_pool3d = _ambient(_pure.fractional_max_pool3d)
fractional_max_pool3d_with_indices = _ambient(_pure.fractional_max_pool3d_with_indices)
gru = _ambient(_pure.gru)
gumbel_softmax = _ambient(_pure.gumbel_softmax)
lstm = _ambient(_pure.lstm)
multi_head_attention_forward = _ambient(_pure.multi_head_attention_forward, "dropout_key")
rnn = _ambient(_pure.rnn)
rrelu = _ambient(_pure.rrelu)
rrelu_ = _ambient(_pure.rrelu_)
scaled_dot_product_attention = _ambient(_pure.scaled_dot_product_attention, "dropout_key")


def batch_norm(
    input: ArrayLike,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: Scalar | None = 0.1,
    eps: float = 1e-5,
) -> jax.Array:
    """Batch normalisation as `fnn.functional.batch_norm`; ``training`` updates running statistics given as Buffers.

    Args:
        input: (N, C, *), floating.
        running_mean: (C,) or None.
        running_var: (C,) or None.
        weight: (C,) or None.
        bias: (C,) or None.
        training: normalise with the statistics of this batch, and update the running ones.
        momentum: the share of this batch in the running statistics.
        eps: added to the variance.

    Returns:
        The shape and dtype of ``input``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.nn import functional as F
        >>> mean, var = nn.Buffer(jnp.zeros(1)), nn.Buffer(jnp.ones(1))
        >>> y = F.batch_norm(jnp.array([[1.0], [3.0]]), mean, var, training=True)
        >>> print(mean.data)
        [0.2]
    """
    arguments = (input, running_mean, running_var, weight, bias, training, momentum, eps)
    output, new_mean, new_var = _pure.batch_norm_update(*arguments)
    if training:
        _write_back((running_mean, new_mean), (running_var, new_var))
    return output


def instance_norm(
    input: ArrayLike,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    use_input_stats: bool = True,
    momentum: Scalar | None = 0.1,
    eps: float = 1e-5,
) -> jax.Array:
    """Instance normalisation as `fnn.functional.instance_norm`; updates running statistics given as Buffers.

    Args:
        input: (N, C, *), floating.
        running_mean: (C,) or None.
        running_var: (C,) or None.
        weight: (C,) or None.
        bias: (C,) or None.
        use_input_stats: normalise with the statistics of this input, and update the running ones.
        momentum: the share of this input in the running statistics.
        eps: added to the variance.

    Returns:
        The shape and dtype of ``input``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.nn import functional as F
        >>> mean, var = nn.Buffer(jnp.zeros(1)), nn.Buffer(jnp.ones(1))
        >>> y = F.instance_norm(jnp.array([[[1.0, 3.0]]]), mean, var)
        >>> print(mean.data)
        [0.2]
    """
    arguments = (input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)
    output, new_mean, new_var = _pure.instance_norm_update(*arguments)
    if use_input_stats:
        _write_back((running_mean, new_mean), (running_var, new_var))
    return output


def _write_back(*statistics: tuple[Any, Any]) -> None:
    for box, value in statistics:
        if isinstance(box, Box):
            box.data = value
