"""Written by tools/make_stubs.py from padding.py and its layers; do not edit."""

import jax
from collections.abc import Sequence
from typing import Any
from fnn.typing import ArrayLike
from fnn.nn.modules.layer_module import LayerModule

__all__ = ['CircularPad1d', 'CircularPad2d', 'CircularPad3d', 'ConstantPad1d', 'ConstantPad2d', 'ConstantPad3d', 'ReflectionPad1d', 'ReflectionPad2d', 'ReflectionPad3d', 'ReplicationPad1d', 'ReplicationPad2d', 'ReplicationPad3d', 'ZeroPad1d', 'ZeroPad2d', 'ZeroPad3d']

class _ConstantPadNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class _ReflectionPadNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class _ReplicationPadNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class _CircularPadNd(LayerModule):
    """Base, for ``isinstance``."""
    ...

class ConstantPad1d(_ConstantPadNd):
    """Adds a constant at both ends of a signal; a negative amount cuts off.

    Args:
        padding: amounts (left, right); one int stands for all.
        value: what is filled in.

    Shape:
        (N, C, L) or (C, L) -> the same with
        ``L' = L + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ConstantPad1d((1, 2), 9.0)(jnp.array([[1.0, 2.0, 3.0]])).tolist()
        [[9.0, 1.0, 2.0, 3.0, 9.0, 9.0]]
    """
    padding: tuple[int, ...]
    value: float
    def __init__(self, padding: int | Sequence[int], value: float) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ConstantPad2d(_ConstantPadNd):
    """Adds a constant at the sides of an image; a negative amount cuts off.

    Args:
        padding: amounts (left, right, top, bottom); one int stands for all.
        value: what is filled in.

    Shape:
        (N, C, H, W) or (C, H, W) -> the same with
        ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ConstantPad2d(1, 9.0)(jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0, 0].tolist()
        [9.0, 9.0, 9.0, 9.0]
    """
    padding: tuple[int, ...]
    value: float
    def __init__(self, padding: int | Sequence[int], value: float) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ConstantPad3d(_ConstantPadNd):
    """Adds a constant at the sides of a volume; a negative amount cuts off.

    Args:
        padding: amounts (left, right, top, bottom, front, back); one int stands for all.
        value: what is filled in.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> the same with
        ``D' = D + front + back``, ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ConstantPad3d(1, 9.0)(jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0, 0, 0].tolist()
        [9.0, 9.0, 9.0, 9.0]
    """
    padding: tuple[int, ...]
    value: float
    def __init__(self, padding: int | Sequence[int], value: float) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ZeroPad1d(ConstantPad1d):
    """Adds zeros at both ends of a signal; a negative amount cuts off.

    Args:
        padding: amounts (left, right); one int stands for all.

    Shape:
        (N, C, L) or (C, L) -> the same with
        ``L' = L + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ZeroPad1d((1, 2))(jnp.array([[1.0, 2.0, 3.0]])).tolist()
        [[0.0, 1.0, 2.0, 3.0, 0.0, 0.0]]
    """
    padding: tuple[int, ...]
    value: float
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ZeroPad2d(ConstantPad2d):
    """Adds zeros at the sides of an image; a negative amount cuts off.

    Args:
        padding: amounts (left, right, top, bottom); one int stands for all.

    Shape:
        (N, C, H, W) or (C, H, W) -> the same with
        ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ZeroPad2d(1)(jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0, 0].tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    padding: tuple[int, ...]
    value: float
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ZeroPad3d(ConstantPad3d):
    """Adds zeros at the sides of a volume; a negative amount cuts off.

    Args:
        padding: amounts (left, right, top, bottom, front, back); one int stands for all.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> the same with
        ``D' = D + front + back``, ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ZeroPad3d(1)(jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0, 0, 0].tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    padding: tuple[int, ...]
    value: float
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ReflectionPad1d(_ReflectionPadNd):
    """Mirrors the input at both ends of a signal, without repeating the edge.

    Args:
        padding: amounts (left, right), less than the sizes; one int stands for all.

    Shape:
        (N, C, L) or (C, L) -> the same with
        ``L' = L + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ReflectionPad1d((1, 2))(jnp.array([[1.0, 2.0, 3.0]])).tolist()
        [[2.0, 1.0, 2.0, 3.0, 2.0, 1.0]]
    """
    padding: tuple[int, ...]
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ReflectionPad2d(_ReflectionPadNd):
    """Mirrors the input at the sides of an image, without repeating the edge.

    Args:
        padding: amounts (left, right, top, bottom), less than the sizes; one int stands for all.

    Shape:
        (N, C, H, W) or (C, H, W) -> the same with
        ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ReflectionPad2d(1)(jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0, 0].tolist()
        [4.0, 3.0, 4.0, 3.0]
    """
    padding: tuple[int, ...]
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ReflectionPad3d(_ReflectionPadNd):
    """Mirrors the input at the sides of a volume, without repeating the edge.

    Args:
        padding: amounts (left, right, top, bottom, front, back), less than the sizes; one int stands for all.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> the same with
        ``D' = D + front + back``, ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ReflectionPad3d(1)(jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0, 0, 0].tolist()
        [8.0, 7.0, 8.0, 7.0]
    """
    padding: tuple[int, ...]
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ReplicationPad1d(_ReplicationPadNd):
    """Repeats the edge at both ends of a signal.

    Args:
        padding: amounts (left, right); one int stands for all.

    Shape:
        (N, C, L) or (C, L) -> the same with
        ``L' = L + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ReplicationPad1d((1, 2))(jnp.array([[1.0, 2.0, 3.0]])).tolist()
        [[1.0, 1.0, 2.0, 3.0, 3.0, 3.0]]
    """
    padding: tuple[int, ...]
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ReplicationPad2d(_ReplicationPadNd):
    """Repeats the edge at the sides of an image.

    Args:
        padding: amounts (left, right, top, bottom); one int stands for all.

    Shape:
        (N, C, H, W) or (C, H, W) -> the same with
        ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ReplicationPad2d(1)(jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0, 0].tolist()
        [1.0, 1.0, 2.0, 2.0]
    """
    padding: tuple[int, ...]
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class ReplicationPad3d(_ReplicationPadNd):
    """Repeats the edge at the sides of a volume.

    Args:
        padding: amounts (left, right, top, bottom, front, back); one int stands for all.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> the same with
        ``D' = D + front + back``, ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ReplicationPad3d(1)(jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0, 0, 0].tolist()
        [1.0, 1.0, 2.0, 2.0]
    """
    padding: tuple[int, ...]
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class CircularPad1d(_CircularPadNd):
    """Wraps the input around at both ends of a signal.

    Args:
        padding: amounts (left, right), up to the sizes; one int stands for all.

    Shape:
        (N, C, L) or (C, L) -> the same with
        ``L' = L + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.CircularPad1d((1, 2))(jnp.array([[1.0, 2.0, 3.0]])).tolist()
        [[3.0, 1.0, 2.0, 3.0, 1.0, 2.0]]
    """
    padding: tuple[int, ...]
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class CircularPad2d(_CircularPadNd):
    """Wraps the input around at the sides of an image.

    Args:
        padding: amounts (left, right, top, bottom), up to the sizes; one int stands for all.

    Shape:
        (N, C, H, W) or (C, H, W) -> the same with
        ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.CircularPad2d(1)(jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))[0, 0].tolist()
        [4.0, 3.0, 4.0, 3.0]
    """
    padding: tuple[int, ...]
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...

class CircularPad3d(_CircularPadNd):
    """Wraps the input around at the sides of a volume.

    Args:
        padding: amounts (left, right, top, bottom, front, back), up to the sizes; one int stands for all.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) -> the same with
        ``D' = D + front + back``, ``H' = H + top + bottom``, ``W' = W + left + right``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.CircularPad3d(1)(jnp.arange(1.0, 9.0).reshape(1, 2, 2, 2))[0, 0, 0].tolist()
        [8.0, 7.0, 8.0, 7.0]
    """
    padding: tuple[int, ...]
    def __init__(self, padding: int | Sequence[int]) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> jax.Array: ...
    def __call__(self, input: ArrayLike) -> jax.Array: ...
