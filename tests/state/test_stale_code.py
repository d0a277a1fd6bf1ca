"""Never stale, where the code that runs is named by nobody: texts made at run time, what ``super()`` finds, subclasses,
methods that a library calls, caches, proxies.
"""

import abc
import collections
import contextvars
import ctypes
import dataclasses
import functools
import inspect
import io
import multiprocessing
import operator
import threading
import types
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim

ONE = jnp.ones(3)
VALUE = 1.0


def put_global(value):
    globals()["VALUE"] = value


class Plain:
    """An object of a user's class."""


# Each gives how a number is put in and how it is read.


def text_from_a_list():
    text = ["VAL", "UE * 1"]
    return put_global, lambda: eval("".join(text))


def text_with_a_local_name():
    text = ["VALUE", "local"]

    def read():
        local = 1.0
        return eval("*".join(text)) * local

    return put_global, read


def text_of_a_path():
    holder = globals()["HOLDER"] = Plain()
    text = ["HOLDER", "scale"]
    return (lambda v: setattr(holder, "scale", v)), lambda: eval(".".join(text))


def text_in_a_table():
    table = {"k": 1.0}
    return (lambda v: table.update(k=v)), lambda: eval("".join("k"), table)


def text_executed():
    def read():
        names = {}
        exec("\n".join(["def get():", "    return VALUE"]), globals(), names)
        return names["get"]()

    return put_global, read


def code_compiled_before():
    code = [compile("VALUE", "<text>", "eval")]
    return put_global, lambda: eval(code[0])


def super_of_a_method():
    class Base:
        def read(self):
            return VALUE

    class Thing(Base):
        def read(self):
            return super().read()

    return put_global, Thing().read


def super_replaced():
    class Base:
        def read(self):
            return 0.0

    class Thing(Base):
        def read(self):
            return super().read()

    return (lambda v: setattr(Base, "read", lambda self: v)), Thing().read


def super_of_a_call():
    class Base:
        def __call__(self):
            return VALUE

    class Thing(Base):
        def __call__(self):
            return super().__call__()

    thing = Thing()
    return put_global, lambda: thing()


def super_through_a_mixin():
    class Mixin:
        def read(self):
            return super().read()

    class Base:
        def read(self):
            return VALUE

    class Thing(Mixin, Base):
        pass

    return put_global, Thing().read


def subclasses():
    class Base:
        pass

    kept = []
    kinds = {"__module__": __name__}
    return (
        lambda v: (kept.clear(), kept.append(type("Kind", (Base,), {"scale": v, **kinds}))),
        lambda: Base.__subclasses__()[-1].scale,
    )


def subclasses_below():
    class Base:
        @classmethod
        def all(cls):
            for kind in cls.__subclasses__():
                yield kind.scale
                yield from kind.all()

    low = type("Low", (type("High", (Base,), {"scale": 0.0, "__module__": __name__}),), {"__module__": __name__})
    return (lambda v: setattr(low, "scale", v)), lambda: sum(Base.all())


def attrgetter_of_a_class():
    class Thing:
        pass

    get = operator.attrgetter("".join("k"))
    return (lambda v: setattr(Thing, "k", v)), lambda: get(Thing)


def attrgetter_of_a_path():
    class Thing:
        class Inner:
            pass

    return (lambda v: setattr(Thing.Inner, "k", v)), lambda: operator.attrgetter("Inner.k")(Thing)


def past_the_watch():
    thing = Plain()
    return (lambda v: setattr(thing, "k", v)), lambda: object.__getattribute__(thing, "k")


def getattr_static():
    thing = Plain()
    return (lambda v: setattr(thing, "k", v)), lambda: inspect.getattr_static(thing, "".join("k"))


def proxy():
    thing = Plain()
    stand_in = weakref.proxy(thing)
    return (lambda v, thing=thing: setattr(thing, "k", v)), lambda: stand_in.k


def view_of_a_dict():
    table = {"k": 1.0}
    values = table.values()
    return (lambda v: table.update(k=v)), lambda: sum(values)


def context():
    variable, held = contextvars.ContextVar("v"), contextvars.Context()
    return (lambda v: held.run(variable.set, v)), lambda: held.run(variable.get)


def memory_of_c():
    number = ctypes.c_double(1.0)
    return (lambda v: setattr(number, "value", v)), lambda: number.value


def memory_of_processes():
    number = multiprocessing.Value("d", 1.0)
    return (lambda v: setattr(number, "value", v)), lambda: number.value


def dispatched():
    @functools.singledispatch
    def read(what):
        return 0.0

    return (lambda v: read.register(int, lambda what: v)), lambda: read(1)


def dispatched_method():
    class Thing:
        @functools.singledispatchmethod
        def read(self, what):
            return 0.0

    thing = Thing()
    return (lambda v: vars(Thing)["read"].register(int, lambda self, what: v)), lambda: thing.read(1)


def memo():
    holder = Plain()

    @functools.lru_cache
    def read(n):
        return holder.k

    return (lambda v: (setattr(holder, "k", v), read.cache_clear())), lambda: read(1)


def derivative_of_ones_own():
    holder = Plain()

    @jax.custom_vjp
    def double(x):
        return x * 2

    double.defvjp(lambda x: (x * 2, None), lambda _, g: (g * holder.k,))
    return (lambda v: setattr(holder, "k", v)), lambda: jax.grad(double)(1.0)


def function_with_its_own_gradient():
    class Scaled(fnn.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * VALUE

    return put_global, lambda: jax.grad(Scaled.apply)(1.0)


def module_made_in_the_step():
    class Inner(nn.Module):
        def forward(self, x):
            return x * VALUE

    return put_global, lambda: Inner()(1.0)


def object_made_in_the_step():
    class Inner:
        def __init__(self):
            self.k = VALUE

    return put_global, lambda: Inner().k


def optimizer_of_ones_own():
    class Mine(optim.SGD):
        def factor(self):
            return VALUE

    mine = Mine(nn.Linear(1, 1).parameters(), lr=0.1)
    return put_global, lambda: mine.factor()


def default_that_the_step_sets():
    table = {}
    return (lambda v: table.update(k=v)), lambda: table.setdefault("k", 0.0)


def number_in_a_tuple_of_ones_own():
    class Pair(tuple):
        pass

    pair = Pair((1, 2))
    return (lambda v: setattr(pair, "k", v)), lambda: pair.k


def number_at_a_number():
    class Named(float):
        pass

    named = Named(1.0)
    return (lambda v: setattr(named, "k", v)), lambda: named.k


def number_at_a_numpy_array():
    class Tagged(np.ndarray):
        pass

    tagged = np.ones(2).view(Tagged)
    return (lambda v: setattr(tagged, "k", v)), lambda: tagged.k


def text_in_memory():
    text = io.StringIO()
    return (lambda v: (text.seek(0), text.write(str(v)))), lambda: float(text.getvalue())


def local_of_a_thread():
    held = threading.local()
    return (lambda v: setattr(held, "k", v)), lambda: held.k


def factory_of_a_dataclass():
    @dataclasses.dataclass
    class Made:
        values: list = dataclasses.field(default_factory=lambda: [VALUE])

    return put_global, lambda: Made().values[0]


PLACES = {
    name: f
    for name, f in list(globals().items())
    if isinstance(f, types.FunctionType) and f.__module__ == __name__ and name != "put_global"
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_number(place):
    put, read = place()
    step = fnn.jit(lambda x: x * read())
    for k in (1.0, 2.0, 5.0):
        put(k)
        np.testing.assert_array_equal(step(ONE), k)


def test_what_is_asked_for_in_vain():
    class Thing:
        pass

    thing = Thing()

    def read_of_class(x):
        try:
            return x * Thing.later
        except AttributeError:
            return x

    steps = [
        fnn.jit(lambda x: x * Thing.later if hasattr(Thing, "later") else x),
        fnn.jit(lambda x: x * thing.later if hasattr(thing, "later") else x),
        fnn.jit(lambda x: x * getattr(Thing, "".join("later"), 1.0)),
        fnn.jit(read_of_class),
    ]
    for step in steps:
        np.testing.assert_array_equal(step(ONE), ONE)
        Thing.later = 3.0
        np.testing.assert_array_equal(step(ONE), 3 * ONE)
        del Thing.later
        np.testing.assert_array_equal(step(ONE), ONE)


def test_a_class_registered_with_an_abstract_one():
    class Kind(abc.ABC):  # noqa: B024
        pass

    thing = Plain()
    step = fnn.jit(lambda x: x * 2 if isinstance(thing, Kind) else x)
    np.testing.assert_array_equal(step(ONE), ONE)
    Kind.register(Plain)
    np.testing.assert_array_equal(step(ONE), 2 * ONE)


def test_an_event_and_a_reference_to_what_is_gone():
    event, held = threading.Event(), [Plain()]
    ref = weakref.ref(held[0])
    step = fnn.jit(lambda x: (x if event.is_set() else 2 * x) * (1 if ref() is None else 3))
    np.testing.assert_array_equal(step(ONE), 6 * ONE)
    event.set()
    np.testing.assert_array_equal(step(ONE), 3 * ONE)
    held.clear()  # without a collection of garbage: no program keeps it
    np.testing.assert_array_equal(step(ONE), ONE)


@pytest.mark.parametrize("size", [1, None])
def test_a_cache_that_was_filled_by_a_trace_holds_no_traced_value(size):
    holder, made = Plain(), []

    @functools.lru_cache(maxsize=size)
    def table(n):
        made.append(n)
        return {"rows": [jnp.arange(n) + 1.0]}

    step = fnn.jit(lambda x: x * table(3)["rows"][0] * len(holder.ks))
    for ks in ([1], [1, 2], [1, 2, 3]):
        holder.ks = ks
        np.testing.assert_array_equal(step(ONE), np.arange(1.0, 4) * len(ks))
    np.testing.assert_array_equal(table(3)["rows"][0], np.arange(1.0, 4))
    assert table(3) is table(3), "what is computed outside stays"


def test_containers_that_are_emptied_in_the_step_are_emptied_at_each_call():
    stack, table, counts = [1.0, 2.0, 3.0], {k: k + 1.0 for k in range(3)}, collections.Counter()

    @fnn.jit
    def step(x):
        counts["calls"] += 1
        return x * stack.pop() * table.popitem()[1] * counts["calls"]

    for k in range(3):
        np.testing.assert_array_equal(step(ONE), (3.0 - k) ** 2 * (k + 1))
    assert stack == [] and table == {} and counts["calls"] == 3
