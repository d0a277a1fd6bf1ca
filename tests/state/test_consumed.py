"""What a step would use up once, when it is traced, is refused: iterators, random generators, queues, streams."""

import contextvars
import functools
import io
import itertools
import queue
import random
import types

import jax.numpy as jnp
import numpy as np
import pytest

import fnn

ONE = jnp.ones(3)


def counting():
    count = 0.0
    while True:
        count += 1
        yield count


def of_constants():
    while True:
        yield 1.0


def first(values):
    for value in values:
        return value


def holding(values):
    """An iterator of a user's class over another one."""

    class Holding:
        def __next__(self):
            return next(values)

    return Holding()


# How it is made, and how a step uses it up.
CASES = {
    "next of a generator": (counting, next),
    "a loop over a generator": (counting, first),
    "a loop over a generator of constants": (of_constants, lambda g: next(g)),
    "send": (lambda: (g := counting(), next(g))[0], lambda g: g.send(None)),
    "a generator expression": (lambda: (k for k in range(9)), lambda g: g.__next__()),
    "count": (itertools.count, next),
    "cycle": (lambda: itertools.cycle([1, 2]), first),
    "chain": (lambda: itertools.chain([1], [2]), first),
    "islice of count": (itertools.count, lambda c: sum(itertools.islice(c, 2))),
    "iter of a list": (lambda: iter([1, 2]), first),
    "a list of it": (lambda: iter([1, 2]), lambda it: len(list(it))),
    "reversed": (lambda: reversed([1, 2]), first),
    "iter of a dict": (lambda: iter({1: 2, 3: 4}), first),
    "iter of a set": (lambda: iter({1, 2}), first),
    "map": (lambda: map(float, [1, 2]), first),
    "zip": (lambda: zip([1, 2], [3, 4], strict=True), lambda z: first(z)[0]),
    "enumerate": (lambda: enumerate([1, 2]), lambda e: next(e)[1]),
    "partial of next": (lambda: functools.partial(next, itertools.count()), lambda f: f()),
    "bound __next__": (lambda: itertools.count().__next__, lambda f: f()),
    "in an object of a user's class": (lambda: holding(itertools.count()), next),
    "random": (lambda: random, lambda r: r.random()),
    "random.Random": (lambda: random.Random(0), lambda r: r.uniform(0, 1)),
    "random.shuffle": (lambda: [1, 2, 3], lambda values: random.shuffle(values) or 1),
    "bound method of random": (lambda: random.choice, lambda choice: choice([1, 2])),
    "numpy.random": (lambda: np, lambda np: float(np.random.rand())),
    "default_rng": (lambda: np.random.default_rng(0), lambda r: float(r.normal())),
    "RandomState": (lambda: np.random.RandomState(0), lambda r: float(r.rand())),
    "fnn.Generator": (lambda: fnn.Generator().manual_seed(0), lambda g: fnn.rand((), generator=g)),
    "StringIO": (lambda: io.StringIO("12"), lambda s: float(s.read(1))),
    "Queue": (lambda: (q := queue.Queue(), q.put(1.0), q.put(2.0))[0], lambda q: q.get()),
    "ContextVar": (lambda: contextvars.ContextVar("v", default=1.0), lambda v: (v.set(2.0), v.get())[1]),
}


def in_a_closure(thing, use):
    return fnn.jit(lambda x: x * use(thing))


def in_an_attribute(thing, use):
    holder = types.SimpleNamespace(values=[thing])
    return fnn.jit(lambda x: x * use(holder.values[0]))


@pytest.mark.parametrize(("make", "use"), CASES.values(), ids=CASES)
def test_is_refused(make, use, request):
    numbers = random.getstate(), np.random.get_state()[2]
    for hold in (in_a_closure, in_an_attribute):
        if hold is in_an_attribute and request.node.callspec.id in ("random", "numpy.random", "random.shuffle"):
            continue
        with pytest.raises(fnn.TracerEscapeError, match=r"(takes something out of|changes) .* while it is traced"):
            hold(make(), use)(ONE)
    assert (random.getstate(), np.random.get_state()[2]) == numbers, "generators are put back"


def test_the_error_says_what_and_how():
    values = itertools.count()
    with pytest.raises(fnn.TracerEscapeError) as info:
        fnn.jit(lambda x: x * next(values))(ONE)
    text = str(info.value)
    assert text.startswith("<lambda> takes something out of an itertools.count from outside while it is traced")
    assert "# right: step(x, next(values))" in text and next(values) == 0, "nothing was taken"
    with pytest.raises(fnn.TracerEscapeError, match=r"(?s)the global generator of 'random'.*fnn\.rand"):
        fnn.jit(lambda x: x * random.random())(ONE)
    with pytest.raises(fnn.TracerEscapeError, match="the generator 'counting'"):
        in_a_closure(counting(), first)(ONE)


def test_what_is_made_inside_or_not_touched_is_not():
    values, rng = itertools.count(), np.random.default_rng(0)
    numbers = [1.0, 2.0]

    @fnn.jit
    def step(x):
        inside = iter(numbers)
        own = np.random.default_rng(3)
        assert values is not None and rng is not None
        return x * next(inside) * next(inside) * float(own.random()) * sum(k for k in numbers)

    want = np.random.default_rng(3).random()
    for k in (1.0, 2.0):
        numbers[0] = k
        np.testing.assert_allclose(step(ONE), k * 2 * want * (k + 2), rtol=1e-6)
    assert next(values) == 0
