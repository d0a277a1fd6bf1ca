"""``state_dict`` and ``load_state_dict`` against torch, and what fnn promises beyond: a failed load changes nothing."""

import collections
import re

import jax.numpy as jnp
import numpy as np
import pytest

from fnn import nn, random
from fnn.errors import StateDictError
from tests.nn.both import FNN, TORCH, plain, same, same_error, torch
from tests.nn.test_module import network


def small(api):
    """Linear + BatchNorm under names, with a non-persistent buffer and an extra state."""
    nn = api.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(2, 2)
            self.norm = nn.BatchNorm1d(2)
            self.lin.weight.data = api.array(2, 2)
            self.lin.bias.data = api.array(2)
            self.register_buffer("scratch", api.array(1), persistent=False)
            self.extra = "kept"

        def get_extra_state(self):
            return self.extra

        def set_extra_state(self, state):
            self.extra = state

    return Net()


SAVES = {
    "plain": lambda m: m.state_dict(),
    "prefix": lambda m: m.state_dict(prefix="a."),
    "destination": lambda m: m.state_dict(destination={"z": 1}, prefix="b."),
    "kind": lambda m: type(m.state_dict()).__name__,
    "metadata": lambda m: m.state_dict(prefix="p.")._metadata,
    "keep_vars": lambda m: m.state_dict(keep_vars=True)["lin.weight"] is m.lin.weight,
    "values": lambda m: m.state_dict()["lin.weight"] is m.lin.weight,
}


@pytest.mark.parametrize("name", SAVES)
def test_saving(name):
    same(lambda api: SAVES[name](small(api)))


def test_positional_arguments_warn():
    with pytest.warns(FutureWarning, match="Positional args are being deprecated"):
        assert list(small(FNN).state_dict({}, "p.")) == ["p." + key for key in small(FNN).state_dict()]


def test_ties_are_saved_under_every_name_and_a_seed_gives_torchs_weights():
    def act(api):
        (torch if api is TORCH else random).manual_seed(0)
        return network(api).state_dict()

    same(act)


def without(state, *keys):
    return collections.OrderedDict((k, v) for k, v in state.items() if k not in keys)


def loads():
    """name: (edit the state of another model, keyword arguments)."""
    return {
        "all": (lambda s, api: s, {}),
        "plain dict": (lambda s, api: dict(s), {}),
        "missing": (lambda s, api: without(s, "lin.bias", "_extra_state"), {"strict": False}),
        "unexpected": (lambda s, api: s | {"lin.w": api.array(1), "x.y": 1, "norm": 2}, {"strict": False}),
        "assign": (lambda s, api: s, {"assign": True}),
        "scalar of one element": (
            lambda s, api: s | {"norm.num_batches_tracked": s["norm.num_batches_tracked"].reshape(1)},
            {},
        ),
    }


@pytest.mark.parametrize("name", loads())
def test_loading(name):
    edit, kwargs = loads()[name]

    def act(api):
        model, other = small(api), small(api)
        other.extra = "loaded"
        other.lin.weight.data = api.array(3, 2)[1:]
        state = edit(other.state_dict(), api)
        result = model.load_state_dict(state, **kwargs)
        return [result.missing_keys, result.unexpected_keys, repr(result), model.state_dict()]

    same(act)


BAD = {
    "missing": (lambda s, api: without(s, "lin.bias", "norm.running_var"), {}),
    "unexpected": (lambda s, api: s | {"lin.w": api.array(1), "lin.weight.x": api.array(1), "norm": api.array(1)}, {}),
    "shape": (lambda s, api: s | {"lin.weight": api.array(3, 2), "norm.bias": api.array(1)}, {"strict": False}),
    "both": (lambda s, api: without(s, "lin.bias") | {"q": api.array(1), "lin.weight": api.array(1)}, {}),
    "no array": (lambda s, api: s | {"norm.bias": "text"}, {}),
    "extra missing": (lambda s, api: without(s, "_extra_state"), {}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_states_are_refused_with_torchs_report(name):
    edit, kwargs = BAD[name]

    def act(api):
        model = small(api)
        model.load_state_dict(edit(small(api).state_dict(), api), **kwargs)

    same_error(act)
    report = {}
    for api in (FNN, TORCH):
        with pytest.raises(RuntimeError) as error:
            act(api)
        report[api.name] = [re.split(r":|, expected", line)[0] for line in str(error.value).split("\n\t")]
    assert report["fnn"] == report["torch"]


def test_the_report_of_a_shape():
    text = r"size mismatch for weight: copying a param with shape \(1, 2\) from checkpoint, the shape in current model"
    with pytest.raises(StateDictError, match=text) as error:
        nn.Linear(2, 3).load_state_dict({"weight": np.ones((1, 2)), "bias": np.ones(3)})
    assert isinstance(error.value, (RuntimeError, ValueError))


def snapshot(model):
    return plain(model.state_dict())


@pytest.mark.parametrize("name", BAD)
def test_a_failed_load_changes_nothing(name):
    edit, kwargs = BAD[name]
    model, other = small(FNN), small(FNN)
    other.lin.weight.fill_(9.0)
    other.extra = "new"
    before, values = snapshot(model), [b.data for b in model.parameters()]
    with pytest.raises(StateDictError):
        model.load_state_dict(edit(other.state_dict(), FNN), **kwargs)
    assert snapshot(model) == before
    assert all(a is b.data for a, b in zip(values, model.parameters(), strict=True))


@pytest.mark.parametrize("where", ["pre", "post", "override"])
def test_a_load_hook_that_raises_changes_nothing(where):
    def boom(*args):
        raise KeyError("boom")

    model, other = small(FNN), small(FNN)
    other.lin.weight.fill_(9.0)
    if where == "pre":
        model.norm.register_load_state_dict_pre_hook(boom)
    elif where == "post":
        model.register_load_state_dict_post_hook(boom)
    else:
        model.norm._load_from_state_dict = boom
    before = snapshot(model)
    with pytest.raises(KeyError, match="boom"):
        model.load_state_dict(other.state_dict())
    assert snapshot(model) == before


def test_a_load_keeps_dtype_unless_assigned():
    layer = nn.Linear(1, 1, bias=False)
    layer.load_state_dict({"weight": np.ones((1, 1), np.float16)})
    assert layer.weight.dtype == jnp.float32
    box = layer.weight
    layer.load_state_dict({"weight": np.ones((1, 1), np.float16)}, assign=True)
    assert layer.weight.dtype == jnp.float16 and layer.weight is box


def test_a_checkpoint_of_numpy_arrays_shares_no_memory():
    source = np.ones((1, 1), np.float32)
    layer = nn.Linear(1, 1, bias=False)
    layer.load_state_dict({"weight": source})
    source[:] = 7
    assert float(layer.weight) == 1


def test_old_batch_norms_without_a_counter_load():
    norm = nn.BatchNorm1d(2)
    state = without(norm.state_dict(), "num_batches_tracked")
    norm.load_state_dict(state)
    with pytest.raises(StateDictError, match="num_batches_tracked"):
        state._metadata = norm.state_dict()._metadata
        norm.load_state_dict(state)


HOOKS = {
    "pre": lambda m, log: m.register_state_dict_pre_hook(lambda *a: log.append([type(a[0]).__name__, a[1], a[2]])),
    "post": lambda m, log: m.register_state_dict_post_hook(
        lambda module, state, prefix, meta: log.append([list(state), prefix, dict(meta)])
    ),
    "post that edits": lambda m, log: m.register_state_dict_post_hook(lambda m, s, p, meta: s.update({p + "new": 1})),
    "private": lambda m, log: m._register_state_dict_hook(lambda m, s, p, meta: {"instead": 1}),
}


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("on", ["root", "child"])
@pytest.mark.parametrize("removed", [False, True])
def test_hooks_of_saving(name, on, removed):
    def act(api):
        model, log = small(api), []
        handle = HOOKS[name](model if on == "root" else model.lin, log)
        if removed:
            handle.remove()
        return [list(model.state_dict(prefix="p.")), log]

    same(act)


def test_hook_errors_of_saving():
    def returns(api):
        model = small(api)
        model.register_state_dict_post_hook(lambda *a: {})
        model.state_dict()

    def twice(api):
        model = small(api)

        def hook(*args):
            return None

        model.register_state_dict_post_hook(hook)
        model._register_state_dict_hook(hook)

    same_error(returns)
    same_error(twice)


@pytest.mark.parametrize("removed", [False, True])
def test_hooks_of_loading(removed):
    def act(api):
        model, log = small(api), []

        def pre(module, state, prefix, meta, strict, missing, unexpected, errors):
            counts = len(missing), len(unexpected), len(errors)
            log.append([type(module).__name__, sorted(state), prefix, dict(meta), strict, counts])

        def private(state, prefix, *rest):
            log.append(prefix)
            if prefix + "w" in state:
                state[prefix + "weight"] = state.pop(prefix + "w")

        def post(module, keys):
            log.append([type(module).__name__, list(keys.missing_keys), list(keys.unexpected_keys)])
            keys.missing_keys.clear()

        handles = [
            model.register_load_state_dict_pre_hook(pre),
            model.norm.register_load_state_dict_pre_hook(pre),
            model.lin._register_load_state_dict_pre_hook(private),
            model.register_load_state_dict_post_hook(post),
            model.lin.register_load_state_dict_post_hook(post),
        ]
        state = small(api).state_dict()
        if removed:
            for handle in handles:
                handle.remove()
        else:
            state["lin.w"] = state.pop("lin.weight")
            del state["lin.bias"]
        result = model.load_state_dict(state)
        return [log, list(result), list(result.missing_keys)]

    same(act)


def test_a_post_hook_that_returns_is_refused():
    def act(api):
        model = small(api)
        model.register_load_state_dict_post_hook(lambda *a: 1)
        model.load_state_dict(model.state_dict())

    same_error(act)


def test_consume_prefix():
    def act(api):
        model = small(api)
        state = model.state_dict(prefix="module.")
        utils = __import__(f"{api.nn.__name__}.modules.utils", fromlist=["x"])
        utils.consume_prefix_in_state_dict_if_present(state, "module.")
        return [state, state._metadata]

    same(act)
