"""Random numbers of which a program says what is to be drawn, and that are drawn before each of its calls.

The numbers that a program draws do not depend on what it computes: a trace tells how many there are, of which kind and
in which order.  While a function is traced for `fnn.jit` with ``random="torch"`` its draws come from a
`ProgramGenerator`, which notes each.  The arrays end up among the constants of the program, where `fnn.jit` finds them
by identity and makes inputs of them; before each call the global generator draws them anew.

The body of a loop is traced once and run many times.  A first trace of it notes what one iteration draws; `repeated`
notes so many of them, of which each draw is one array with an axis more, and the body that is run draws from a
`Replay`: from the numbers of its iteration.  The members of a batch draw together, by `batched`, as PyTorch's do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnn.errors import ArgumentError
from fnn.host_random import Generator

__all__ = ["Draw", "Drawn", "ProgramGenerator", "Replay"]


class Draw:
    """One draw: the generator's method, its arguments, and what becomes of its result.

    Attributes:
        array: the numbers that the trace was given, until the program is made.
        given: what stands for the numbers instead, in a body that is run many times.
    """

    def __init__(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.method, self.args, self.kwargs = method, args, kwargs
        self.dtypes: list[Any] = []  # to which the result is converted, one after the other
        self.array: jax.Array | None = None
        self.given: Any = None
        self.shape: tuple[int, ...] = ()
        self.dtype: Any = None

    def __call__(self, generator: Generator) -> np.ndarray:
        """The numbers of the next call."""
        values = getattr(generator, self.method)(*self.args, **self.kwargs)
        for dtype in self.dtypes:
            values = values.astype(dtype)
        return values

    def noted(self, values: np.ndarray) -> Drawn:
        """``values`` as the numbers of this draw."""
        self.shape, self.dtype = values.shape, values.dtype
        drawn = values.view(Drawn)
        drawn.draw = self
        return drawn


class _Batched(Draw):
    """A draw for all members of a batch: at once where PyTorch's kernel takes a shape, else one after the other."""

    def __init__(self, one: Draw, size: int) -> None:
        super().__init__(one.method, one.args, one.kwargs)
        self.one, self.size = one, size

    def __call__(self, generator: Generator) -> np.ndarray:
        at = _SHAPE.get(self.method)
        if at is None:
            return np.stack([self.one(generator) for _ in range(self.size)])
        args = list(self.args)
        args[at] = (self.size, *args[at])
        whole = Draw(self.method, tuple(args), self.kwargs)
        whole.dtypes = self.one.dtypes
        return whole(generator)


class _Iterations:
    """The draws of a body in ``count`` iterations, in the order in which they are made."""

    def __init__(self, draws: list[Draw], count: int, reverse: bool) -> None:
        self.draws, self.count, self.reverse = draws, count, reverse
        self.values: list[np.ndarray] = []

    def draw(self, generator: Generator) -> None:
        rows = [[draw(generator) for draw in self.draws] for _ in range(self.count)]
        self.values = [np.stack(column) for column in zip(*(rows[::-1] if self.reverse else rows), strict=True)]


class _Column(Draw):
    """One draw of a body, in all iterations."""

    def __init__(self, iterations: _Iterations, place: int) -> None:
        super().__init__(iterations.draws[place].method, (), {})
        self.iterations, self.place = iterations, place

    def __call__(self, generator: Generator) -> np.ndarray:
        if self.place == 0:  # the others are asked for afterwards
            self.iterations.draw(generator)
        values = self.iterations.values[self.place]
        if self.place == len(self.iterations.draws) - 1:
            self.iterations.values = []
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

    def take(self, draw: Draw) -> Any:
        """The numbers of one draw."""
        if self._inside:  # one method draws by another
            return draw(self)
        self._inside = True
        try:
            values = draw(self)
        finally:
            self._inside = False
        self.draws.append(draw)
        return draw.noted(values)

    def repeated(self, draws: list[Draw], count: int, reverse: bool = False) -> list[Any]:
        """The numbers of ``draws`` in ``count`` iterations, each with an axis for them in front.

        Args:
            draws: what one iteration draws.
            count: how many there are, at least one.
            reverse: whether the last one along the axis draws first.
        """
        iterations = _Iterations(draws, count, reverse)
        return [self.take(_Column(iterations, n)) for n in range(len(draws))]

    def batched(self, draws: list[Draw], size: int) -> list[Any]:
        """The numbers of ``draws`` for each of ``size`` members of a batch, which stand along an axis in front."""
        return [self.take(_Batched(draw, size)) for draw in draws]

    def mark(self) -> tuple[Any, int]:
        """Where it stands, for `rewind`."""
        return self.get_state(), len(self.draws)

    def rewind(self, mark: tuple[Any, int]) -> None:
        """Forgets what was drawn since: a function is traced again."""
        state, count = mark
        self.set_state(state)
        del self.draws[count:]


class Replay(ProgramGenerator):
    """What a body draws from that is run many times: numbers made before, one draw after the other.

    Args:
        draws: what a first trace of the body drew.
        given: for each of them the numbers of this iteration.
    """

    def __init__(self, draws: list[Draw], given: list[Any]) -> None:
        Generator.__init__(self)
        self.left = list(zip(draws, given, strict=True))
        self.draws: list[Draw] = []
        self._inside = False

    def take(self, draw: Draw) -> Any:
        """The numbers that stand for the next draw."""
        if not self.left or self.left[0][0].method != draw.method:
            raise ArgumentError("the body of a loop draws other random numbers when it is traced again")
        noted, draw.given = self.left.pop(0)
        self.draws.append(draw)
        return draw.noted(np.broadcast_to(np.zeros((), noted.dtype), noted.shape))

    def mark(self) -> tuple[Any, int]:
        """Where it stands, for `rewind`."""
        return list(self.left), len(self.draws)

    def rewind(self, mark: tuple[Any, int]) -> None:
        """Gives what was given since once more."""
        self.left, count = list(mark[0]), mark[1]
        del self.draws[count:]


def _noted(name: str) -> Callable[..., Any]:
    def method(self: ProgramGenerator, *args: Any, **kwargs: Any) -> Any:
        if self._inside:
            return getattr(Generator, name)(self, *args, **kwargs)
        return self.take(Draw(name, args, kwargs))

    return method


# Where the arguments of a method hold the shape of what it draws.
_SHAPE = {
    "uniform": 0,
    "normal": 0,
    "exponential": 0,
    "thresholds": 0,
    "cauchy": 0,
    "geometric": 0,
    "log_normal": 0,
    "bernoulli": 1,
    "randint": 2,
}

for _name in (*_SHAPE, "bernoulli_each", "randperm", "multinomial", "gamma", "dirichlet", "von_mises", "poisson",
              "binomial"):  # fmt: skip
    setattr(ProgramGenerator, _name, _noted(_name))
