"""Primitives of fnn's own, and the switch under which JAX's stand in their place.

Tools that read a jaxpr (exporters, cost models) know JAX's primitives only. While the switch is on, what would become
an equation with a primitive of fnn becomes the equations of the formula that defines it. This is so for
programs of values, such as inference; what the trace of a derivative binds by itself may remain.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

from fnn.tracing import Primitive, staged

__all__ = ["Own", "portable"]

_on = jax.make_user_context(False)  # a part of every program's key


class Own(Primitive):
    """A primitive with the formula that defines it on any backend; ``formula(*operands, **parameters)``."""

    formula: Callable[..., Any] | None = None

    def bind(self, *args: Any, **params: Any) -> Any:
        """As of any primitive; under the switch and while a jaxpr is made, the formula."""
        if self.formula is not None and _on.value and staged():
            return self.formula(*args, **params)
        return super().bind(*args, **params)


@contextmanager
def portable(on: bool = True) -> Iterator[None]:
    """Programs that are traced in this block consist of JAX's own primitives.

    They run everywhere, and any tool can read them; on a CPU convolutions and normalisations may be slower.

    Args:
        on: False switches it off again, within an outer block.

    >>> import jax.numpy as jnp
    >>> from fnn.nn import functional as F
    >>> x, weight = jnp.ones((1, 2, 4, 4)), jnp.ones((2, 2, 3, 3))
    >>> with portable():
    ...     program = jax.make_jaxpr(lambda x: F.conv2d(x, weight))(x)
    >>> "conv_general_dilated" in str(program)
    True
    """
    with _on(on):
        yield
