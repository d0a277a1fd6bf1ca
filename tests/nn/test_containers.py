"""Containers against torch: every method, what they print, what they refuse."""

from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import nn
from tests.nn.both import FNN, plain, same, same_error


def seq(api, n=3):
    return api.nn.Sequential(*(api.nn.Linear(i + 1, i + 2) for i in range(n)))


def named(api):
    return api.nn.Sequential(OrderedDict(a=api.nn.Linear(1, 2), b=api.nn.ReLU(), c=api.nn.Linear(2, 1)))


def lst(api, n=3):
    return api.nn.ModuleList([api.nn.Linear(i + 1, i + 2) for i in range(n)])


def edited(make, *steps):
    """The container after each step, printed, with what the step returned."""

    def act(api):
        container, log = make(api), []
        for step in steps:
            value = step(container, api)
            log.append(["itself" if value is container else value, repr(container), list(container._modules)])
        return log

    return act


def setitem(i, module):
    return lambda c, api: c.__setitem__(i, module(api))


def delitem(i):
    return lambda c, api: c.__delitem__(i)


def iadd(other):
    return lambda c, api: c.__iadd__(other(api))


relu = lambda api: api.nn.ReLU()  # noqa: E731
EDITS = {
    "seq from args": edited(seq, lambda c, api: len(c)),
    "seq of names": edited(named, lambda c, api: [c[0], c[-1], c.b]),
    "seq of nothing": edited(lambda api: api.nn.Sequential(), lambda c, api: repr(c)),
    "seq slices": edited(seq, lambda c, api: [repr(c[1:]), repr(c[-1:]), repr(c[::-2])]),
    "seq slice keeps names": edited(named, lambda c, api: repr(c[1:])),
    "seq setitem": edited(seq, setitem(0, relu), setitem(-1, relu)),
    "seq set named": edited(named, setitem(1, lambda api: api.nn.Tanh())),
    "seq delitem": edited(seq, delitem(1), delitem(-1)),
    "seq del slice": edited(lambda api: seq(api, 5), delitem(slice(None, None, 2))),
    "seq del named": edited(named, delitem(0)),
    "seq append": edited(seq, lambda c, api: c.append(relu(api))),
    "seq insert": edited(seq, *(lambda c, api, i=i: c.insert(i, relu(api)) for i in (0, 2, -1, 6))),
    "seq extend": edited(seq, lambda c, api: c.extend(seq(api, 1)), lambda c, api: c.extend([relu(api)])),
    "seq pop": edited(seq, lambda c, api: c.pop(0), lambda c, api: c.pop(-1)),
    "seq pop slice": edited(seq, lambda c, api: c.pop(slice(0, 2))),
    "seq add": edited(seq, lambda c, api: repr(c + named(api))),
    "seq iadd": edited(seq, iadd(lambda api: seq(api, 1))),
    "seq mul": edited(seq, lambda c, api: repr(c * 2), lambda c, api: repr(2 * c)),
    "seq imul": edited(seq, lambda c, api: c.__imul__(2)),
    "seq iterates": edited(seq, lambda c, api: list(c)),
    "seq dir": edited(seq, lambda c, api: [n for n in dir(c) if n[0].isdigit()]),
    "list": edited(lst, lambda c, api: [len(c), list(c), c[0], c[-1], repr(c[1:])]),
    "list of a generator": edited(lambda api: api.nn.ModuleList(relu(api) for _ in range(2)), lambda c, api: len(c)),
    "list set": edited(lst, setitem(0, relu), setitem(-1, relu)),
    "list del": edited(lst, delitem(1), delitem(-1), delitem(slice(0, 1))),
    "list append": edited(lst, lambda c, api: c.append(relu(api))),
    "list insert": edited(lst, lambda c, api: c.insert(0, relu(api)), lambda c, api: c.insert(4, relu(api))),
    "list extend": edited(lst, lambda c, api: c.extend(lst(api, 1)), lambda c, api: c.extend(m for m in [relu(api)])),
    "list pop": edited(lst, lambda c, api: c.pop(1), lambda c, api: repr(c.pop(slice(0, 1)))),
    "list add": edited(lst, lambda c, api: repr(c + lst(api, 1)), lambda c, api: repr(c.__add__([relu(api)]))),
    "list iadd": edited(lst, iadd(lambda api: [relu(api)])),
    "list dir": edited(lst, lambda c, api: [n for n in dir(c) if n[0].isdigit()]),
}


@pytest.mark.parametrize("name", EDITS)
def test_sequential_and_module_list(name):
    same(EDITS[name])


PRINTED = {
    "runs": lambda nn: nn.ModuleList([nn.ReLU(), nn.ReLU(), *(nn.Linear(1, 2) for _ in range(3)), nn.ReLU()]),
    "nested": lambda nn: nn.ModuleList([nn.Sequential(nn.Linear(1, 1), nn.ReLU()) for _ in range(3)]),
    "empty": lambda nn: nn.ModuleList(),
    "dict": lambda nn: nn.ModuleDict({"a": nn.ModuleList([nn.ReLU()] * 2), "b": nn.ModuleDict()}),
    "none inside": lambda nn: nn.ModuleList([None, None, nn.ReLU()]),
}


@pytest.mark.parametrize("name", PRINTED)
def test_repr(name):
    same(lambda api: repr(PRINTED[name](api.nn)))


def test_subclasses_slice_to_their_own_class():
    def act(api):
        class Mine(api.nn.Sequential):
            pass

        class Many(api.nn.ModuleList):
            pass

        return [type(Mine(relu(api), relu(api))[:1]).__name__, type(Many([relu(api)])[:]).__name__]

    same(act)


def test_sequential_runs_in_order_and_shares_modules():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    x = jnp.ones((1, 2))
    np.testing.assert_array_equal(model(x), layer(jax.nn.relu(layer(x))))
    assert len(list(model.parameters())) == 2


def dict_of(api):
    return api.nn.ModuleDict({"b": api.nn.ReLU(), "a": api.nn.Linear(1, 1)})


DICTS = {
    "get": edited(dict_of, lambda d, api: [d["a"], len(d), list(d), "a" in d, "z" in d]),
    "views": edited(dict_of, lambda d, api: [list(d.keys()), list(d.values()), [k for k, _ in d.items()]]),
    "pairs": edited(lambda api: api.nn.ModuleDict([["x", relu(api)], ("y", relu(api))]), lambda d, api: len(d)),
    "set": edited(dict_of, setitem("b", lambda api: api.nn.Tanh()), setitem("c", relu)),
    "del": edited(dict_of, delitem("b")),
    "pop": edited(dict_of, lambda d, api: d.pop("b")),
    "clear": edited(dict_of, lambda d, api: d.clear()),
    "update": edited(
        dict_of,
        lambda d, api: d.update({"z": relu(api), "c": relu(api)}),
        lambda d, api: d.update([("q", relu(api))]),
        lambda d, api: d.update(dict_of(api)),
    ),
}


@pytest.mark.parametrize("name", DICTS)
def test_module_dict(name):
    same(DICTS[name])


def numbers(api, *sizes):
    return [api.nn.Parameter(api.array(*s)) for s in sizes]


def plist(api):
    return api.nn.ParameterList([*numbers(api, (2, 3), (1,)), "text", api.array(2)])


def listed(p):
    return [len(p), plain(list(p)), [type(v).__name__ for v in p], [n for n, _ in p.named_parameters()]]


def after(make, *steps):
    def act(api):
        container, log = make(api), []
        for step in steps:
            value = step(container, api)
            log.append(["itself" if value is container else value, listed(container)])
        return log

    return act


PARAMETER_LISTS = {
    "get": after(plist, lambda p, api: [p[0], p[-1], listed(p[1:3])]),
    "set": after(plist, setitem(0, lambda api: api.array(1)), setitem(2, lambda api: 5)),
    "append": after(plist, lambda p, api: p.append(api.array(1)), lambda p, api: p.append(None)),
    "extend": after(plist, lambda p, api: p.extend(plist(api)), iadd(lambda api: (1, 2))),
    "dir": after(plist, lambda p, api: [n for n in dir(p) if n[0].isdigit()]),
    "empty": after(lambda api: api.nn.ParameterList(), lambda p, api: repr(p)),
    "generator": after(lambda api: api.nn.ParameterList(p for p in numbers(api, (1,))), lambda p, api: len(p)),
}


@pytest.mark.parametrize("name", PARAMETER_LISTS)
def test_parameter_list(name):
    same(PARAMETER_LISTS[name])


def pdict(api):
    return api.nn.ParameterDict({"b": api.array(2, 3), "a": api.nn.Parameter(api.array(1)), "c": "text"})


def items(d):
    return [len(d), list(d), plain(dict(d.items())), [n for n, _ in d.named_parameters()], list(reversed(d))]


def after_dict(*steps, make=pdict):
    def act(api):
        container, log = make(api), []
        for step in steps:
            value = step(container, api)
            shown = items(value) if isinstance(value, api.nn.ParameterDict) else value
            log.append(["itself" if value is container else shown, items(container)])
        return log

    return act


PARAMETER_DICTS = {
    "get": after_dict(lambda d, api: [d["a"], d.get("z"), d.get("z", 3), d.get("c"), "a" in d, "z" in d]),
    "ordered": after_dict(
        lambda d, api: list(d), make=lambda api: api.nn.ParameterDict(OrderedDict(z=api.array(1), a=api.array(2)))
    ),
    "pairs": after_dict(lambda d, api: 0, make=lambda api: api.nn.ParameterDict([("z", api.array(1)), ["y", 2]])),
    "set": after_dict(lambda d, api: d.__setitem__("a", api.array(3)), lambda d, api: d.__setitem__("q", 1)),
    "del": after_dict(delitem("a"), delitem("c")),
    "pop": after_dict(lambda d, api: d.pop("a"), lambda d, api: list(d.popitem())),
    "clear": after_dict(lambda d, api: d.clear()),
    "setdefault": after_dict(lambda d, api: [d.setdefault("a", 1), d.setdefault("n", api.array(1)), d.setdefault("m")]),
    "copy": after_dict(lambda d, api: d.copy(), lambda d, api: d.copy()["a"] is d["a"]),
    "fromkeys": after_dict(lambda d, api: d.fromkeys(["x", "y"], 1), lambda d, api: d.fromkeys(["z"])),
    "views": after_dict(lambda d, api: [list(d.keys()), list(d.values())]),
    "update": after_dict(lambda d, api: d.update({"z": 1, "d": api.array(1)}), lambda d, api: d.update([("k", 2)])),
    "or": after_dict(
        lambda d, api: d | api.nn.ParameterDict({"a": api.array(4), "n": 1}),
        lambda d, api: d.__ror__(api.nn.ParameterDict({"a": api.array(4), "n": 1})),
        lambda d, api: d.__ior__(api.nn.ParameterDict({"a": api.array(4), "n": 1})),
    ),
}


@pytest.mark.parametrize("name", PARAMETER_DICTS)
def test_parameter_dict(name):
    same(PARAMETER_DICTS[name])


def test_parameter_containers_print():
    assert repr(plist(FNN)) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [float32 of size 2x3]\n"
        "    (1): Parameter containing: [float32 of size 1]\n"
        "    (2): Object of type: str\n"
        "    (3): Parameter containing: [float32 of size 2]\n"
        ")"
    )
    assert repr(pdict(FNN)).split("\n")[1] == "    (a): Parameter containing: [float32 of size 1]"


def test_a_buffer_in_a_parameter_list_becomes_a_parameter():
    values = nn.ParameterList([nn.Buffer(jnp.ones(2)), np.ones(3, np.float32)])
    assert all(isinstance(p, nn.Parameter) for p in values) and len(list(values.parameters())) == 2


ERRORS = {
    "seq index": lambda api: seq(api)[3],
    "seq negative": lambda api: seq(api)[-4],
    "seq set": lambda api: seq(api).__setitem__(3, relu(api)),
    "seq set type": lambda api: seq(api).__setitem__(0, 3),
    "seq del": lambda api: seq(api).__delitem__(9),
    "seq float": lambda api: seq(api)[1.0],
    "seq of no modules": lambda api: api.nn.Sequential(1),
    "seq of a dict": lambda api: api.nn.Sequential({"a": relu(api)}),
    "seq add": lambda api: seq(api).__add__([relu(api)]),
    "seq iadd": lambda api: seq(api).__iadd__([relu(api)]),
    "seq mul": lambda api: seq(api) * 1.5,
    "seq mul 0": lambda api: seq(api) * 0,
    "seq imul": lambda api: seq(api).__imul__("2"),
    "seq imul 0": lambda api: seq(api).__imul__(0),
    "seq insert": lambda api: seq(api).insert(5, relu(api)),
    "seq insert type": lambda api: seq(api).insert(0, 3),
    "seq append type": lambda api: seq(api).append("x"),
    "list index": lambda api: lst(api)[3],
    "list set": lambda api: lst(api).__setitem__(-4, relu(api)),
    "list append": lambda api: lst(api).append(3),
    "list extend": lambda api: lst(api).extend(3),
    "list call": lambda api: lst(api)(1),
    "dict key": lambda api: dict_of(api)["z"],
    "dict type": lambda api: dict_of(api).__setitem__("a", 3),
    "dict dot": lambda api: dict_of(api).__setitem__("a.b", relu(api)),
    "dict method": lambda api: dict_of(api).__setitem__("keys", relu(api)),
    "dict update": lambda api: dict_of(api).update(3),
    "dict update length": lambda api: dict_of(api).update([("a", relu(api), 1)]),
    "dict call": lambda api: dict_of(api)(1),
    "plist index": lambda api: plist(api)[4],
    "plist extend": lambda api: plist(api).extend(3),
    "plist extend array": lambda api: plist(api).extend(api.array(3)),
    "plist call": lambda api: plist(api)(),
    "plist type": lambda api: plist(api).__setitem__(0, "text"),
    "pdict key": lambda api: pdict(api)["z"],
    "pdict key type": lambda api: pdict(api)[3],
    "pdict del": lambda api: pdict(api).__delitem__("z"),
    "pdict pop": lambda api: pdict(api).pop("z"),
    "pdict popitem": lambda api: api.nn.ParameterDict().popitem(),
    "pdict update": lambda api: pdict(api).update(3),
    "pdict update length": lambda api: pdict(api).update(["abc"]),
    "pdict call": lambda api: pdict(api)(1),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_torchs(name):
    same_error(ERRORS[name])


def test_container_is_deprecated():
    with pytest.warns(FutureWarning, match="`nn.Container` is deprecated"):
        container = nn.Container(a=nn.ReLU())
    assert isinstance(container.a, nn.ReLU)


def test_surgery_is_seen_by_a_compiled_function():
    from fnn.state.scope import epoch

    for act in (
        lambda: nn.ModuleList([nn.ReLU()]).insert(0, nn.Tanh()),
        lambda: dict_of(FNN).clear(),
        lambda: dict_of(FNN).pop("a"),
    ):
        before = epoch.structure
        act()
        assert epoch.structure > before
    model = nn.ModuleDict({"a": nn.ReLU()})
    before = epoch.structure
    del model["a"]
    assert epoch.structure > before
