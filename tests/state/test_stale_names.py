"""Never stale, where no attribute of an object is read: enums, names in tables, metaclasses, functions reloaded."""

import enum
import gc
import importlib
import inspect
import os
import sys
import types
import weakref

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn

ONE = jnp.ones(3)
X = jnp.ones((3, 2))
VALUE = 0.0


def member(**values):
    class Place(enum.Enum):
        HERE = 1
        THERE = 2

        @property
        def shown(self):
            return self.value_held

    for name, value in values.items():
        setattr(Place.HERE, name, value)
    return Place


def of_an_enum():
    place = member()
    return (lambda v: setattr(place.HERE, "value_held", v)), place


def enum_attribute():
    put, place = of_an_enum()
    return put, lambda: place.HERE.value_held


def enum_property():
    put, place = of_an_enum()
    return put, lambda: place.HERE.shown


def enum_by_name():
    put, place = of_an_enum()
    return put, lambda: place["HERE"].value_held


def enum_by_value():
    put, place = of_an_enum()
    return put, lambda: place(1).value_held


def enum_iterated():
    put, place = of_an_enum()
    return put, lambda: next(p.value_held for p in place if p.name == "HERE")


def enum_in_a_dict():
    put, place = of_an_enum()
    held = {"place": place.HERE}
    return put, lambda: held["place"].value_held


def enum_whose_value_is_a_list():
    place = enum.Enum("Place", {"HERE": [None]})
    place.__module__ = __name__
    return (lambda v: place.HERE.value.__setitem__(0, v)), lambda: place.HERE.value[0]


def module():
    return types.ModuleType("user_settings")


def put_global(value):
    globals()["VALUE"] = value


def globals_by_name():
    return put_global, lambda: globals()["VALUE"]


def globals_get():
    return put_global, lambda: globals().get("VALUE")


def globals_computed():
    return put_global, lambda: globals()["".join(["VAL", "UE"])]


def globals_iterated():
    return put_global, lambda: next(v for k, v in globals().items() if k == "VALUE")


def globals_unpacked():
    return put_global, lambda: {**globals()}["VALUE"]


def evaluated():
    return put_global, lambda: eval("VALUE")


def own_module():
    return put_global, lambda: sys.modules[__name__].VALUE


def module_dict():
    m = module()
    return (lambda v: setattr(m, "k", v)), lambda: m.__dict__["".join("k")]


def module_vars():
    m = module()
    return (lambda v: setattr(m, "k", v)), lambda: next(v for n, v in vars(m).items() if n == "k")


def module_getattr():
    m = module()
    return (lambda v: setattr(m, "k", v)), lambda: getattr(m, "".join("k"))


def module_with_getattr():
    m, table = module(), {}
    m.__getattr__ = table.__getitem__
    m.__getattr__ = lambda name: table[name]
    return (lambda v: table.__setitem__("k", v)), lambda: m.k


def module_of_a_class():
    class Lazy(types.ModuleType):
        @property
        def k(self):
            return self.hidden

    m = Lazy("lazy")
    return (lambda v: setattr(m, "hidden", v)), lambda: m.k


def imported():
    m = sys.modules["fnn_user_settings"] = module()
    return (lambda v: setattr(m, "k", v)), lambda: importlib.import_module("fnn_user_settings").k


def metaclass_property():
    class Meta(type):
        @property
        def k(cls):
            return cls.hidden

    class Settings(metaclass=Meta):
        pass

    return (lambda v: setattr(Settings, "hidden", v)), lambda: Settings.k


def metaclass_of_an_instance():
    class Meta(type):
        def current(cls):
            return cls.hidden

    class Settings(metaclass=Meta):
        pass

    thing = Settings()
    return (lambda v: setattr(Settings, "hidden", v)), lambda: type(thing).current()


def metaclass_attribute():
    class Meta(type):
        pass

    class Settings(metaclass=Meta):
        pass

    return (lambda v: setattr(Meta, "k", v)), lambda: Settings.k


def metaclass_getattr():
    class Meta(type):
        table = {}  # noqa: RUF012

        def __getattr__(cls, name):
            return cls.table[name]

    class Settings(metaclass=Meta):
        pass

    return (lambda v: Meta.table.__setitem__("k", v)), lambda: Settings.k


def metaclass_getitem():
    class Meta(type):
        def __getitem__(cls, name):
            return cls.hidden

    class Settings(metaclass=Meta):
        pass

    return (lambda v: setattr(Settings, "hidden", v)), lambda: Settings["k"]


def class_methods_in_a_row():
    class Settings:
        @classmethod
        def outer(cls):
            return cls.inner()

        @classmethod
        def inner(cls):
            return VALUE

    return put_global, lambda: Settings.outer()


def class_getattr():
    class Settings:
        pass

    return (lambda v: setattr(Settings, "k", v)), lambda: getattr(Settings, "".join("k"))


def class_members():
    class Settings:
        pass

    return (lambda v: setattr(Settings, "k", v)), lambda: dict(inspect.getmembers(Settings))["k"]


def class_vars():
    class Settings:
        pass

    return (lambda v: setattr(Settings, "k", v)), lambda: next(v for n, v in vars(Settings).items() if n == "k")


def function_getattr():
    def helper():
        pass

    return (lambda v: setattr(helper, "k", v)), lambda: getattr(helper, "".join("k"))


def weak_keys():
    key = module_of_a_class  # any object
    table = weakref.WeakKeyDictionary()
    return (lambda v: table.__setitem__(key, v)), lambda: table[key]


def array_of_objects():
    array = np.array([None, None], object)
    return (lambda v: array.__setitem__(0, v)), lambda: array[0]


PLACES = {
    name: f for name, f in list(globals().items())
    if isinstance(f, types.FunctionType) and name not in ("member", "of_an_enum", "module", "put_global")
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_numbers_arrays_and_models(place):
    put, read = place()
    number, model = fnn.jit(lambda x: x * read()), fnn.jit(lambda x: read()(x))
    for k in (1.0, 2.0, jnp.asarray(3.0), jnp.asarray(4.0)):
        put(k)
        np.testing.assert_array_equal(number(ONE), k)
    for _ in range(2):
        linear = nn.Linear(2, 2)
        put(linear)
        np.testing.assert_allclose(model(X), linear(X), rtol=1e-6)
        linear.weight.data = linear.weight.data + 1
        np.testing.assert_allclose(model(X), linear(X), rtol=1e-6)


def test_the_environment(monkeypatch):
    step = fnn.jit(lambda x: x * float(os.getenv("FNN_TEST_STALE", "0")))
    for k in (1.0, 2.0):
        monkeypatch.setenv("FNN_TEST_STALE", str(k))
        np.testing.assert_array_equal(step(ONE), k)


def test_a_reloaded_function():
    """As IPython's autoreload does it: the function stays, its code is another."""

    def helper(x):
        return x

    def edited(x):
        return x * 2

    step = fnn.jit(lambda x: helper(x))
    np.testing.assert_array_equal(step(ONE), ONE)
    helper.__code__ = edited.__code__
    np.testing.assert_array_equal(step(ONE), 2 * ONE)


def test_names_that_are_not_looked_up_recompile_nothing():
    traces = []
    step = fnn.jit(lambda x: (traces.append(1), x * globals()["VALUE"])[1])
    put_global(2.0)
    for k in range(3):
        globals()["UNRELATED"] = k
        step(ONE)
    del globals()["UNRELATED"]
    assert len(traces) == 1


def test_what_is_stored_by_name_is_carried_out():
    settings, place = module(), member(count=0)
    settings.count = 0

    @fnn.jit
    def step(x):
        globals()["VALUE"] = x * 2
        settings.last = x * 3
        place.HERE.last = x * 4
        place.HERE.count += 1
        return x * place.HERE.count

    for n in range(3):
        np.testing.assert_array_equal(step(ONE * (n + 1)), (n + 1.0) * (n + 1))
        for k, kept in enumerate((VALUE, settings.last, place.HERE.last)):
            np.testing.assert_array_equal(kept, (k + 2.0) * (n + 1))
    assert place.HERE.count == 3 and type(settings) is types.ModuleType and globals is not None


def test_enums_and_their_models_are_freed():
    step, gone = fnn.jit(lambda place, x: place.model(x)), []
    for _ in range(2):
        place = member(model=nn.Linear(2, 2)).HERE
        step(place, X)
        gone.append(weakref.ref(place.model))
        del place
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
