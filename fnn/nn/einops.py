"""The layers of einops, as ``einops.layers.torch`` has them.

The file needs einops and is imported by its name: ``from fnn.nn.einops import Rearrange``.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnn import ops
from fnn.nn import init
from fnn.nn._module import Module
from fnn.nn.parameter import Parameter
from fnn.typing import ArrayLike

NEEDS_EINOPS = 'fnn.nn.einops needs einops: pip install "fnn[einops]"'

try:
    from einops.layers import RearrangeMixin, ReduceMixin
    from einops.layers._einmix import _EinmixMixin as EinMixMixin
except ImportError as error:
    raise ImportError(NEEDS_EINOPS) from error

__all__ = ["EinMix", "Rearrange", "Reduce"]


class Rearrange(RearrangeMixin, Module):
    """``einops.rearrange(input, pattern, **axes_lengths)`` as a layer.

    Args:
        pattern: what becomes of the axes.
        axes_lengths: the lengths of axes that do not follow from the input.

    Shape:
        The left side of ``pattern`` -> its right side.

    Raises:
        einops.EinopsError: a pattern that is none.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.einops import Rearrange
        >>> Rearrange("b c (h p) -> b h (p c)", p=2)(jnp.ones((1, 3, 8))).shape
        (1, 4, 6)
    """

    def forward(self, input: ArrayLike) -> jax.Array:
        """The array in the other order."""
        return self._apply_recipe(jnp.asarray(input))


class Reduce(ReduceMixin, Module):
    """``einops.reduce(input, pattern, reduction, **axes_lengths)`` as a layer.

    Args:
        pattern: what becomes of the axes; those that its right side lacks are reduced.
        reduction: "min", "max", "sum", "mean" or "prod".
        axes_lengths: the lengths of axes that do not follow from the input.

    Shape:
        The left side of ``pattern`` -> its right side.

    Raises:
        einops.EinopsError: a pattern or a reduction that is none.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.einops import Reduce
        >>> Reduce("b c (h 2) (w 2) -> b c h w", "max")(jnp.ones((1, 3, 4, 8))).shape
        (1, 3, 2, 4)
    """

    def forward(self, input: ArrayLike) -> jax.Array:
        """The reduced array."""
        return self._apply_recipe(jnp.asarray(input))


class EinMix(EinMixMixin, Module):
    """A product with learnable weights over named axes, ``einsum(input, weight) + bias``, with its rearrangements.

    Args:
        pattern: the axes of the input and of the output.
        weight_shape: the axes of the weight.
        bias_shape: those of the bias; None: there is none.
        axes_lengths: the lengths of the axes of both.

    Attributes:
        weight: initially uniform with variance one over the number of elements that are mixed.
        bias: initially uniform, or None.

    Shape:
        The left side of ``pattern`` -> its right side.

    Raises:
        einops.EinopsError: patterns that do not fit together.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.einops import EinMix
        >>> EinMix("t b (h i) -> t b (h o)", "h i o", "h o", h=2, i=3, o=4)(jnp.ones((5, 1, 6))).shape
        (5, 1, 8)
    """

    weight: Parameter
    bias: Parameter | None
    pre_rearrange: Rearrange | None
    post_rearrange: Rearrange | None
    einsum_pattern: str

    def _create_parameters(
        self, weight_shape: list[int], weight_bound: float, bias_shape: list[int] | None, bias_bound: float
    ) -> None:
        self.weight = Parameter(jnp.zeros(weight_shape))
        init.uniform_(self.weight, -weight_bound, weight_bound)
        self.bias = None
        if bias_shape is not None:
            self.bias = Parameter(jnp.zeros(bias_shape))
            init.uniform_(self.bias, -bias_bound, bias_bound)

    def _create_rearrange_layers(
        self,
        pre_reshape_pattern: str | None,
        pre_reshape_lengths: dict[str, Any] | None,
        post_reshape_pattern: str | None,
        post_reshape_lengths: dict[str, Any] | None,
    ) -> None:
        self.pre_rearrange = self.post_rearrange = None
        if pre_reshape_pattern is not None:
            self.pre_rearrange = Rearrange(pre_reshape_pattern, **(pre_reshape_lengths or {}))
        if post_reshape_pattern is not None:
            self.post_rearrange = Rearrange(post_reshape_pattern, **(post_reshape_lengths or {}))

    def forward(self, input: ArrayLike) -> jax.Array:
        """The mixed array."""
        given = jnp.asarray(input) if self.pre_rearrange is None else self.pre_rearrange(input)
        result = ops.einsum(self.einsum_pattern, given, self.weight)
        if self.bias is not None:
            result = result + self.bias
        return result if self.post_rearrange is None else self.post_rearrange(result)
