"""PyTorch's ``torch.nn.init``: initialisers that write into Parameters and Buffers in place.

Each draws by the function of `fnn.init` with its name, and returns the Parameter.  Without a ``generator`` it draws
from the global one (PyTorch's numbers), from the scope's key inside `fnn.jit`, and from the construction's source
inside a module constructor; ``generator`` may also be a JAX key.
"""

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np

from fnn import init, random
from fnn.errors import ArgumentTypeError
from fnn.init import calculate_gain
from fnn.state.box import Box
from fnn.state.layout import placed
from fnn.tracing import Tracer
from fnn.typing import Key

__all__ = [
    "calculate_gain",
    "uniform_",
    "normal_",
    "trunc_normal_",
    "constant_",
    "ones_",
    "zeros_",
    "eye_",
    "dirac_",
    "xavier_uniform_",
    "xavier_normal_",
    "kaiming_uniform_",
    "kaiming_normal_",
    "orthogonal_",
    "sparse_",
    "uniform",
    "normal",
    "constant",
    "eye",
    "dirac",
    "xavier_uniform",
    "xavier_normal",
    "kaiming_uniform",
    "kaiming_normal",
    "orthogonal",
    "sparse",
]

_T = TypeVar("_T")

IMMUTABLE = """nn.init.{name} fills its argument in place, and {kind} cannot be filled.
Wrong: w = jnp.empty((3, 5)); nn.init.{name}(w)
Why:   JAX arrays never change; only the boxes that hold them do.
Right: w = nn.Parameter(jnp.empty((3, 5))); nn.init.{name}(w)
or draw a new array: w = fnn.init.{pure}(key, (3, 5))."""


def _fill(tensor: _T, initialiser: Callable[..., jax.Array], generator: Key | None, *args: object) -> _T:
    """Assigns ``initialiser(key, shape, dtype, *args)`` to ``tensor.data``, where the old value lies."""
    box: Any = tensor
    name = initialiser.__name__
    immutable = isinstance(tensor, (jax.Array, np.ndarray)) and not isinstance(tensor, Box)
    if immutable or not hasattr(tensor, "data"):
        raise ArgumentTypeError(IMMUTABLE.format(name=f"{name}_", pure=name, kind=f"a {type(tensor).__name__}"))
    key = random.draw_key(f"{name}_") if generator is None else random.resolve(generator, f"{name}_")
    old = box.data
    value = initialiser(key, tuple(old.shape), old.dtype, *args)
    if not isinstance(old, Tracer) and not isinstance(value, Tracer):
        value = placed(value, old.sharding)
    box.data = value
    return tensor


def uniform_(tensor: _T, a: float = 0.0, b: float = 1.0, generator: Key | None = None) -> _T:
    """Fills with numbers from U(a, b).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((100,)))
        >>> _ = nn.init.uniform_(w, -1.0, 1.0)
        >>> bool(abs(w).max() <= 1)
        True
    """
    return _fill(tensor, init.uniform, generator, a, b)


def normal_(tensor: _T, mean: float = 0.0, std: float = 1.0, generator: Key | None = None) -> _T:
    """Fills with numbers from N(mean, std^2).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((10000,)))
        >>> _ = nn.init.normal_(w, 0.0, 0.1)
        >>> print(w.std().round(2))
        0.099999994
    """
    return _fill(tensor, init.normal, generator, mean, std)


def trunc_normal_(
    tensor: _T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Key | None = None
) -> _T:
    """Fills with numbers from N(mean, std^2) restricted to [a, b].

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((1000,)))
        >>> _ = nn.init.trunc_normal_(w, a=-2.0, b=2.0)
        >>> bool(abs(w).max() <= 2)
        True
    """
    return _fill(tensor, init.trunc_normal, generator, mean, std, a, b)


def constant_(tensor: _T, val: float) -> _T:
    """Fills with the value ``val``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((2,)))
        >>> _ = nn.init.constant_(w, 0.3)
        >>> print(w.data)
        [0.3 0.3]
    """
    return _fill(tensor, init.constant, _NO_DRAWS, val)


def ones_(tensor: _T) -> _T:
    """Fills with 1.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((2,)))
        >>> _ = nn.init.ones_(w)
        >>> print(w.data)
        [1. 1.]
    """
    return _fill(tensor, init.ones, _NO_DRAWS)


def zeros_(tensor: _T) -> _T:
    """Fills with 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((2,)))
        >>> _ = nn.init.zeros_(w)
        >>> print(w.data)
        [0. 0.]
    """
    return _fill(tensor, init.zeros, _NO_DRAWS)


def eye_(tensor: _T) -> _T:
    """Fills a matrix with the identity, cut or padded to its shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((2, 3)))
        >>> _ = nn.init.eye_(w)
        >>> print(w.data)
        [[1. 0. 0.]
         [0. 1. 0.]]
    """
    return _fill(tensor, init.eye, _NO_DRAWS)


def dirac_(tensor: _T, groups: int = 1) -> _T:
    """Fills a convolution's weight so that it hands channels on unchanged, within each group.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((1, 1, 3)))
        >>> _ = nn.init.dirac_(w)
        >>> print(w.data)
        [[[0. 1. 0.]]]
    """
    return _fill(tensor, init.dirac, _NO_DRAWS, groups)


def xavier_uniform_(tensor: _T, gain: float = 1.0, generator: Key | None = None) -> _T:
    """Fills from U(-a, a), a = gain * sqrt(6 / (fan_in + fan_out)).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((100, 50)))
        >>> _ = nn.init.xavier_uniform_(w)
        >>> bool(abs(w).max() <= (6 / 150) ** 0.5)
        True
    """
    return _fill(tensor, init.xavier_uniform, generator, gain)


def xavier_normal_(tensor: _T, gain: float = 1.0, generator: Key | None = None) -> _T:
    """Fills from N(0, std^2), std = gain * sqrt(2 / (fan_in + fan_out)).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((200, 200)))
        >>> _ = nn.init.xavier_normal_(w)
        >>> print(w.std().round(2))
        0.07
    """
    return _fill(tensor, init.xavier_normal, generator, gain)


def kaiming_uniform_(
    tensor: _T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Key | None = None
) -> _T:
    """Fills from U(-b, b), b = gain * sqrt(3 / fan).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((100, 50)))
        >>> _ = nn.init.kaiming_uniform_(w, nonlinearity="relu")
        >>> bool(abs(w).max() <= (6 / 50) ** 0.5)
        True
    """
    return tensor if _is_empty(tensor) else _fill(tensor, init.kaiming_uniform, generator, a, mode, nonlinearity)


def kaiming_normal_(
    tensor: _T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Key | None = None
) -> _T:
    """Fills from N(0, std^2), std = gain / sqrt(fan).

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((200, 200)))
        >>> _ = nn.init.kaiming_normal_(w)
        >>> print(w.std().round(2))
        0.099999994
    """
    return tensor if _is_empty(tensor) else _fill(tensor, init.kaiming_normal, generator, a, mode, nonlinearity)


def orthogonal_(tensor: _T, gain: float = 1, generator: Key | None = None) -> _T:
    """Fills with a (semi-)orthogonal matrix times ``gain``; trailing dimensions are flattened.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((3, 3)))
        >>> _ = nn.init.orthogonal_(w)
        >>> print(abs((w @ w.T).round(3)))
        [[1. 0. 0.]
         [0. 1. 0.]
         [0. 0. 1.]]
    """
    return _fill(tensor, init.orthogonal, generator, gain)


def sparse_(tensor: _T, sparsity: float, std: float = 0.01, generator: Key | None = None) -> _T:
    """Fills a matrix from N(0, std^2), with the fraction ``sparsity`` of each column 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> w = nn.Parameter(jnp.empty((10, 4)))
        >>> _ = nn.init.sparse_(w, sparsity=0.3)
        >>> print((w == 0).sum(0))
        [3 3 3 3]
    """
    return _fill(tensor, init.sparse, generator, sparsity, std)


_NO_DRAWS = random.Generator()  # what initialisers that draw nothing get for a key


def _is_empty(tensor: object) -> bool:
    if 0 in getattr(tensor, "shape", ()):
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return True
    return False


def _deprecated(initialiser: Callable[..., Any]) -> Callable[..., Any]:
    new = initialiser.__name__
    old = new.removesuffix("_")

    @functools.wraps(initialiser)
    def renamed(*args: object, **kwargs: object) -> Any:
        warnings.warn(f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning, stacklevel=2)
        return initialiser(*args, **kwargs)

    renamed.__name__ = renamed.__qualname__ = old
    renamed.__doc__ = f"Deprecated name of `{new}`.\n\n{inspect.cleandoc(initialiser.__doc__ or '')}"
    return renamed


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
