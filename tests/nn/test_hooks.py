"""Forward hooks, for one module and for all, against torch; registration hooks; handles."""

import copy
import pickle
import warnings

import pytest

from fnn import nn
from tests.nn.both import FNN, plain, same, same_error


def scale(api):
    class Scale(api.nn.Module):
        def forward(self, x, factor=2.0, fail=False):
            if fail:
                raise RuntimeError("forward failed")
            return x * factor

    return Scale()


def module_of(api):
    return __import__(f"{api.nn.__name__}.modules.module", fromlist=["x"])


def log_hook(log, tag, result=None):
    def hook(module, *args):
        log.append([tag, type(module).__name__, plain(list(args))])
        return result

    return hook


def run(api, register, calls):
    """Registers hooks on a module, calls it, returns what they saw and the output."""
    module, log = scale(api), []
    handles = register(api, module, log)
    args, kwargs = calls
    try:
        out = module(api.array(2), *args, **kwargs)
    except RuntimeError as error:
        out = str(error)
    for handle in handles:
        handle.remove()
    after = module(api.array(2))
    return [log, out, after]


def pre(**kwargs):
    return lambda api, m, log: [m.register_forward_pre_hook(log_hook(log, "pre"), **kwargs)]


def post(**kwargs):
    return lambda api, m, log: [m.register_forward_hook(log_hook(log, "post"), **kwargs)]


REGISTERED = {
    "pre": pre(),
    "pre with kwargs": pre(with_kwargs=True),
    "post": post(),
    "post with kwargs": post(with_kwargs=True),
    "always": post(always_call=True),
    "always with kwargs": post(always_call=True, with_kwargs=True),
    "pre order": lambda api, m, log: [
        m.register_forward_pre_hook(log_hook(log, 1)),
        m.register_forward_pre_hook(log_hook(log, 2), prepend=True),
        m.register_forward_pre_hook(log_hook(log, 3)),
    ],
    "post order": lambda api, m, log: [
        m.register_forward_hook(log_hook(log, 1)),
        m.register_forward_hook(log_hook(log, 2), prepend=True, with_kwargs=True),
    ],
    "pre replaces": lambda api, m, log: [m.register_forward_pre_hook(lambda m, args: args[0] + 1)],
    "pre replaces by a tuple": lambda api, m, log: [m.register_forward_pre_hook(lambda m, args: (args[0] + 1,))],
    "pre replaces both": lambda api, m, log: [
        m.register_forward_pre_hook(lambda m, args, kwargs: ((args[0] + 1,), {"factor": 5.0}), with_kwargs=True)
    ],
    "post replaces": lambda api, m, log: [
        m.register_forward_hook(lambda m, args, out: out + 1),
        m.register_forward_hook(lambda m, args, out: out * 2),
    ],
    "global pre": lambda api, m, log: [module_of(api).register_module_forward_pre_hook(log_hook(log, "global"))],
    "global post": lambda api, m, log: [module_of(api).register_module_forward_hook(log_hook(log, "global"))],
    "global with kwargs": lambda api, m, log: [
        module_of(api).register_module_forward_hook(log_hook(log, "global"), with_kwargs=True)
    ],
    "global before own": lambda api, m, log: [
        m.register_forward_hook(log_hook(log, "own")),
        m.register_forward_pre_hook(log_hook(log, "own pre")),
        module_of(api).register_module_forward_hook(log_hook(log, "global"), always_call=True),
        module_of(api).register_module_forward_pre_hook(log_hook(log, "global pre")),
    ],
}
CALLS = {"plain": ((), {}), "position": ((3.0,), {}), "keyword": ((), {"factor": 4.0}), "failing": ((), {"fail": True})}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", REGISTERED)
def test_forward_hooks(name, call):
    same(lambda api: run(api, REGISTERED[name], CALLS[call]))


def test_a_pre_hook_must_return_a_pair():
    def act(api):
        m = scale(api)
        m.register_forward_pre_hook(lambda m, args, kwargs: 1, with_kwargs=True)
        m(api.array(1))

    same_error(act)


def test_a_hook_that_fails_stops_the_call_but_not_the_always_called():
    def act(api):
        m, log = scale(api), []

        def boom(*args):
            raise ValueError("in the hook")

        m.register_forward_hook(boom)
        m.register_forward_hook(log_hook(log, "always"), always_call=True)
        with pytest.raises(ValueError, match="in the hook"):
            m(api.array(1))
        return log

    same(act)


def test_a_silenced_hook_warns():
    def boom(*args):
        raise ValueError("in the hook")

    def act(api):
        m = scale(api)
        m.register_forward_hook(boom, always_call=True)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            with pytest.raises(RuntimeError, match="forward failed"):
                m(api.array(1), fail=True)
        return [str(w.message) for w in seen]

    same(act)


def test_handles():
    def act(api):
        m, log = scale(api), []
        with m.register_forward_hook(log_hook(log, "with")) as handle:
            m(api.array(1))
        m(api.array(1))
        handle.remove()  # harmless
        return [log, len(m._forward_hooks)]

    same(act)


def module_hook(module, args, output):
    return output + 1


def test_hooks_are_copied_and_their_handles_remove_the_copys():
    x = FNN.array(2)
    for duplicate in (copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))):
        model = nn.Sequential(nn.Identity())
        model.handle = model.register_forward_hook(module_hook)
        new = duplicate(model)
        assert plain(new(x)) == plain(x + 1)
        new.handle.remove()
        assert plain(new(x)) == plain(x) and plain(model(x)) == plain(x + 1)


REGISTRATION = {
    "parameter": (
        "register_module_parameter_registration_hook",
        lambda m, api: setattr(m, "x", api.nn.Parameter(api.array(2))),
    ),
    "buffer": ("register_module_buffer_registration_hook", lambda m, api: m.register_buffer("x", api.array(2))),
    "module": ("register_module_module_registration_hook", lambda m, api: setattr(m, "x", api.nn.ModuleList())),
    "add_module": ("register_module_module_registration_hook", lambda m, api: m.add_module("x", api.nn.ModuleList())),
}


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("name", REGISTRATION)
def test_registration_hooks(name, replace):
    register, act = REGISTRATION[name]

    def both(api):
        m, log = api.nn.Module(), []
        new = {"parameter": api.nn.Parameter(api.array(3)), "buffer": api.array(3)}.get(name, api.nn.Sequential())

        def hook(module, attribute, value):
            log.append([attribute, type(module).__name__])
            return new if replace else None

        handle = getattr(module_of(api), register)(hook)
        try:
            act(m, api)
        finally:
            handle.remove()
        act(api.nn.Module(), api)
        return [log, m.x]

    same(both)
