"""Never stale, where the code that runs is named by nobody: texts made at run time, what ``super()`` finds, subclasses,
methods that a library calls, caches, proxies.
"""

import abc
import collections
import configparser
import contextvars
import ctypes
import dataclasses
import decimal
import functools
import inspect
import io
import logging
import multiprocessing
import operator
import os
import sys
import threading
import types
import typing
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, optim
from fnn.nn import functional as F

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


def attribute_of_a_partial():
    part = functools.partial(lambda: part.k)
    return (lambda v: setattr(part, "k", v)), lambda: part()


def method_of_a_partial_kind():
    class Thing:
        k = functools.partialmethod(lambda self, v: v, 0.0)

    thing = Thing()
    return (lambda v: setattr(Thing, "k", functools.partialmethod(lambda self, v: v, v))), lambda: thing.k()


def property_that_is_kept():
    class Thing:
        pass

    def put(value):
        Thing.k = functools.cached_property(lambda self: value)
        Thing.k.__set_name__(Thing, "k")

    return put, lambda: Thing().k


def factory_of_a_dict():
    table = collections.defaultdict(float)

    def put(value):
        table.clear()
        table.default_factory = lambda: value

    return put, lambda: table["any"]


def method_of_a_named_tuple():
    class Pair(typing.NamedTuple):
        a: float = 1.0

        def read(self):
            return self.a

    pair = Pair()
    return (lambda v: setattr(Pair, "read", lambda self: v)), lambda: pair.read()


def method_of_a_number():
    class Named(int):
        __slots__ = ()

    named = Named(1)
    return (lambda v: setattr(Named, "read", lambda self: v)), lambda: named.read()


def class_below_a_metaclass():
    class Meta(type):
        k = 0.0

        def read(cls):
            return cls.k

    class Thing(metaclass=Meta):
        pass

    return (lambda v: setattr(Meta if v < 2 else Thing, "k", v)), lambda: Thing.read()


def class_of_a_second_object():
    first, second = Plain(), Plain()
    kinds = {k: type("Kind", (Plain,), {"k": k, "__module__": __name__}) for k in (0.0, 1.0, 2.0, 5.0)}
    first.__class__ = second.__class__ = kinds[0.0]
    return (lambda v: setattr(second, "__class__", kinds[v])), lambda: first.k + second.k


def classes_above_a_class():
    class Thing(type("Base", (Plain,), {"read": lambda self: 0.0, "__module__": __name__})):
        pass

    thing = Thing()

    def put(value):
        Thing.__bases__ = (type("Base", (Plain,), {"read": lambda self: value, "__module__": __name__}),)

    return put, lambda: thing.read()


def method_that_a_library_has():
    class Mine(nn.Identity):
        pass

    mine = Mine()
    return (lambda v: setattr(Mine, "forward", lambda self, x: x * v)), lambda: mine(1.0)


def operator_that_a_library_has():
    class Mine(nn.Identity):
        pass

    mine = Mine()
    return (lambda v: setattr(Mine, "__call__", lambda self, x: x * v)), lambda: mine(1.0)


def numpy(kind, shape=()):
    held = np.ones(shape, kind)
    return (lambda v: held.fill(v)), lambda: held


def numpy_of_another_dtype():
    return numpy(np.float64)


def numpy_of_integers():
    return numpy(np.int64, 3)


def numpy_made_writeable_for_a_while():
    held = np.ones(3, np.float32)

    def put(value):
        held.flags.writeable = True
        held.fill(value)
        held.flags.writeable = False

    return put, lambda: held


def numpy_of_dicts():
    held = np.array([{"k": 1.0}, None], object)
    return (lambda v: held[0].update(k=v)), lambda: held[0]["k"]


def file_of_settings():
    parser = configparser.ConfigParser()
    parser["part"] = {"k": "1"}
    return (lambda v: parser.set("part", "k", str(v))), lambda: float(parser["part"]["k"])


def level_of_a_logger():
    logger = logging.Logger("user")
    return (lambda v: logger.setLevel(int(v))), lambda: logger.getEffectiveLevel()


PLACES = {
    name: f
    for name, f in list(globals().items())
    if isinstance(f, types.FunctionType) and f.__module__ == __name__ and name not in ("put_global", "numpy")
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_number(place):
    put, read = place()
    step = fnn.jit(lambda x: x * read())
    for k in (1.0, 2.0, 5.0):
        put(k)
        np.testing.assert_array_equal(step(ONE), k)


def test_settings_of_the_process(monkeypatch, tmp_path):
    here = os.getcwd()
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "argv", ["one"])
    logger = logging.getLogger("fnn_user_level")

    @fnn.jit
    def step(x):
        numbers = [len(sys.argv), decimal.getcontext().prec, np.geterr()["over"] == "raise",
                   os.getcwd() == here, logging.getLogger("fnn_user_level").isEnabledFor(15)]  # fmt: skip
        return x * jnp.asarray(numbers, jnp.float32)

    step(jnp.ones(5))
    with decimal.localcontext() as context, np.errstate(over="raise"):
        context.prec = 7
        sys.argv.append("two")
        os.chdir(tmp_path)
        logger.setLevel(10)
        np.testing.assert_array_equal(step(jnp.ones(5)), [2, 7, 1, 0, 1])
    logger.setLevel(20)
    sys.argv = ["one", "two", "three"]
    np.testing.assert_array_equal(
        step(jnp.ones(5)), [3, decimal.getcontext().prec, np.geterr()["over"] == "raise", 0, 0]
    )
    logger.setLevel(0)


def test_functions_and_methods_of_libraries_that_are_replaced(monkeypatch):
    linear, optimizer = nn.Linear(3, 3), optim.SGD([nn.Parameter(ONE)], lr=1.0)
    steps = [fnn.jit(lambda x: F.relu(x)), fnn.jit(lambda x: jnp.tanh(x)), fnn.jit(lambda x: linear(x)),
             fnn.jit(lambda x: x * 5 if optimizer.step([x]) == "other" else x)]  # fmt: skip
    for step in steps:
        step(ONE)
    with monkeypatch.context() as patch:
        patch.setattr(F, "relu", lambda x: x * 2)
        patch.setattr(jnp, "tanh", lambda x: x * 3)
        patch.setattr(nn.Linear, "forward", lambda self, x: x * 4)
        patch.setattr(optim.SGD, "step", lambda self, grads: "other")
        for n, step in enumerate(steps):
            np.testing.assert_array_equal(step(ONE), ONE * (n + 2))
    np.testing.assert_array_equal(steps[0](ONE), ONE)
    np.testing.assert_allclose(steps[2](ONE), linear(ONE), rtol=1e-6)


def test_a_numpy_array_is_a_constant_with_what_it_holds_when_it_is_used():
    def step(x):
        table = np.zeros(3)
        for i in range(3):
            table[i] = i + 1
            x = x + table
        return x

    np.testing.assert_array_equal(fnn.jit(step)(ONE), step(ONE))


def test_a_number_that_is_counted_in_a_dict():
    counts = {}

    @fnn.jit
    def step(x):
        counts["n"] = counts.get("n", 0) + 1
        return x * counts["n"]

    for n in range(1, 6):
        np.testing.assert_array_equal(step(ONE), ONE * n)
        assert counts == {"n": n}


def test_how_long_a_deque_may_be():
    held = [collections.deque([1.0, 2.0], maxlen=2)]

    @fnn.jit
    def step(x):
        held[0].append(3.0)
        return x * sum(held[0])

    for longest, total in ((2, 5.0), (3, 6.0), (None, 6.0)):
        held[0] = collections.deque([1.0, 2.0], longest)
        np.testing.assert_array_equal(step(ONE), total)


def test_which_buffers_are_saved():
    module = nn.BatchNorm1d(2)
    step = fnn.jit(lambda: sum(jnp.sum(value) for value in module.state_dict().values()))
    for persistent in (True, False, True):
        module.register_buffer("more", jnp.ones(2), persistent=persistent)
        np.testing.assert_array_equal(step(), 6.0 if persistent else 4.0)


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
