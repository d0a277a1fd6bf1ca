"""`Chi2`."""

from __future__ import annotations

import jax

from fnn.distributions import constraints
from fnn.distributions.gamma import Gamma
from fnn.distributions.utils import broadcast_all
from fnn.typing import ArrayLike

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The chi-squared distribution, that of the sum of ``df`` squared standard normal numbers.

    Args:
        df: the degrees of freedom, > 0.
        validate_args: see `Distribution`.

    Example:
        >>> from fnn import distributions
        >>> print(distributions.Chi2(3.0).mean)
        3.0
    """

    arg_constraints = {"df": constraints.positive}
    _PARAMS = {"concentration": 0, "rate": 0}

    def __init__(self, df: ArrayLike, validate_args: bool | None = None) -> None:
        (df,) = broadcast_all(df)
        super().__init__(0.5 * df, 0.5, validate_args)

    @property
    def df(self) -> jax.Array:
        """The degrees of freedom."""
        return self.concentration * 2
