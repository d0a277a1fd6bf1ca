"""Random numbers of which a program says what is to be drawn, and that are drawn before each of its calls.

The numbers that a program draws do not depend on what it computes: a trace tells how many there are, of which kind and
in which order.  While a function is traced for `fnn.jit` with ``random="torch"`` its draws come from a
`ProgramGenerator`, which notes each.  The arrays end up among the constants of the program, where `fnn.jit` finds them
by identity and makes inputs of them; before each call the global generator draws them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnn.host_random import Generator

__all__ = ["Draw", "Drawn", "ProgramGenerator"]


class Draw:
    """One draw: the generator's method, its arguments, and what becomes of its result."""

    def __init__(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.method, self.args, self.kwargs = method, args, kwargs
        self.dtypes: list[Any] = []  # to which the result is converted, one after the other
        self.array: jax.Array | None = None  # of the trace, until the program is made

    def __call__(self, generator: Generator) -> np.ndarray:
        """The numbers of the next call."""
        values = getattr(generator, self.method)(*self.args, **self.kwargs)
        for dtype in self.dtypes:
            values = values.astype(dtype)
        return values


class Drawn(np.ndarray):
    """Numbers of a `Draw`; what numpy computes of them belongs to none."""

    draw: Draw | None = None

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Converted, and still the numbers of the draw."""
        values = super().astype(dtype, *args, **kwargs)
        if self.draw is not None:
            self.draw.dtypes.append(dtype)
            values = values.view(Drawn)
            values.draw = self.draw
        return values


class ProgramGenerator(Generator):
    """What a traced function draws from: a copy of another generator, which notes what is drawn."""

    def __init__(self, source: Generator) -> None:
        super().__init__()
        self.set_state(source.get_state())
        self.draws: list[Draw] = []
        self._inside = False


def _noted(name: str) -> Callable[..., Any]:
    plain = getattr(Generator, name)

    def method(self: ProgramGenerator, *args: Any, **kwargs: Any) -> Any:
        if self._inside:  # one method draws by another
            return plain(self, *args, **kwargs)
        self._inside = True
        try:
            values = plain(self, *args, **kwargs)
        finally:
            self._inside = False
        values = values.view(Drawn)
        values.draw = Draw(name, args, kwargs)
        self.draws.append(values.draw)
        return values

    return method


for _name in (
    "uniform", "normal", "exponential", "bernoulli", "bernoulli_each", "randint", "randperm", "multinomial", "cauchy",
    "gamma", "poisson", "binomial",
):  # fmt: skip
    setattr(ProgramGenerator, _name, _noted(_name))
