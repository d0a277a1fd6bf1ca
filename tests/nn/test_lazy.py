"""Lazy modules against torch: before, at and after the first call."""

import copy
import inspect
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, random
from fnn.errors import ArgumentError, StateDictError
from fnn.nn.modules.lazy import LazyModuleMixin
from tests import reference
from tests.nn.both import FNN, TORCH, same, torch

# name: (arguments, keyword arguments, shape of a batch, shape of a bad input)
LEAVES = {
    "LazyLinear": ((4,), {}, (2, 3), ()),
    "LazyConv1d": ((4, 3), {"padding": 1}, (2, 6, 5), (5,)),
    "LazyConv2d": ((4, 3), {"groups": 2}, (2, 6, 5, 5), (5, 5)),
    "LazyConv3d": ((4, 2), {"bias": False}, (2, 3, 4, 4, 4), (5, 5)),
    "LazyConvTranspose1d": ((4, 3), {"stride": 2}, (2, 6, 5), (5,)),
    "LazyConvTranspose2d": ((4, 3), {"groups": 2}, (2, 6, 5, 5), (5, 5)),
    "LazyConvTranspose3d": ((4, 2), {}, (2, 3, 4, 4, 4), (5, 5)),
    "LazyBatchNorm1d": ((), {}, (4, 3), (2, 2, 2, 2)),
    "LazyBatchNorm2d": ((1e-3, 0.2), {}, (2, 3, 4, 4), (5, 5)),
    "LazyBatchNorm3d": ((), {"affine": False}, (2, 3, 2, 2, 2), (5, 5)),
    "LazyInstanceNorm1d": ((), {}, (2, 3, 4), (5,)),
    "LazyInstanceNorm2d": ((), {"track_running_stats": False}, (2, 3, 4, 4), (5,)),
    "LazyInstanceNorm3d": ((), {"bias": False}, (2, 3, 2, 2, 2), (5,)),
}


def make(api, name):
    args, kwargs, _, _ = LEAVES[name]
    return getattr(api.nn, name)(*args, **kwargs)


def batch(api, name):
    return api.array(*LEAVES[name][2])


@pytest.mark.parametrize("name", LEAVES)
def test_life_is_torchs(name):
    def act(api):
        (torch if api is TORCH else random).manual_seed(0)
        module = make(api, name)
        log = [repr(module), module.has_uninitialized_params(), isinstance(module, api.nn.modules.lazy.LazyModuleMixin)]
        log += [[k, repr(v)] for k, v in module.state_dict().items() if "num" not in k]
        log += [type(p).__name__ for p in module.parameters()]
        module.reset_parameters()  # without effect
        out = module(batch(api, name))
        return [*log, repr(module), type(module).__name__, module.state_dict(), out, hasattr(module, "_load_hook")]

    if name in ("LazyInstanceNorm2d", "LazyBatchNorm3d"):  # torch forgets that there is nothing to infer
        log = act(FNN)
        assert type(make(FNN, name)).__name__ == name and log[-3:-1]
        return
    same(act)


@pytest.mark.parametrize("name", LEAVES)
def test_constructor_has_torchs_signature(name):
    ours = inspect.signature(getattr(nn, name)).parameters
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    assert list(ours) == list(theirs)
    assert {k: p.default for k, p in ours.items()} == {k: p.default for k, p in theirs.items()}
    assert {k: p.kind for k, p in ours.items()} == {k: p.kind for k, p in theirs.items()}


@pytest.mark.parametrize("name", LEAVES)
def test_materialising_keeps_the_boxes(name):
    module = make(FNN, name)
    boxes = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    module(batch(FNN, name))
    assert not module.has_uninitialized_params() if hasattr(module, "has_uninitialized_params") else True
    for key, box in {**dict(module.named_parameters()), **dict(module.named_buffers())}.items():
        assert box is boxes[key] and type(box) in (nn.Parameter, nn.Buffer)
    assert type(module) is getattr(nn, name.removeprefix("Lazy"))


@pytest.mark.parametrize("name", LEAVES)
def test_a_bad_input_leaves_it_lazy(name):
    module = make(FNN, name)
    with pytest.raises(ArgumentError):
        module(jnp.ones(LEAVES[name][3]))
    assert type(module).__name__ == name
    module(batch(FNN, name))


def test_the_text_for_a_wrong_rank():
    text = r"Expected 3D \(unbatched\) or 4D \(batched\) input to LazyConv2d, but got input of size: \[3\]"
    with pytest.raises(ArgumentError, match=text):
        nn.LazyConv2d(4, 3)(jnp.ones(3))
    with pytest.raises(ArgumentError, match="in_channels must be divisible by groups"):
        nn.LazyConv2d(4, 3, groups=2)(jnp.ones((1, 3, 4, 4)))


@pytest.mark.parametrize("name", ["LazyLinear", "LazyConv1d", "LazyConv2d", "LazyInstanceNorm1d"])
def test_an_unbatched_input(name):
    module = make(FNN, name)
    module(batch(FNN, name)[0])
    x = batch(FNN, name)
    assert module(x).shape[0] == 2


@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies(name, how):
    duplicate = copy.deepcopy if how == "deepcopy" else lambda m: pickle.loads(pickle.dumps(m))
    module, x = make(FNN, name), batch(FNN, name)
    early = duplicate(module)
    module(x)
    late = duplicate(module)
    assert type(early).__name__ == name and repr(early) == repr(make(FNN, name))
    early(x)
    assert type(early) is type(late) is type(module)
    module.eval(), late.eval()
    np.testing.assert_array_equal(late(x), module(x))
    assert not set(map(id, early.parameters())) & set(map(id, module.parameters()))


@pytest.mark.parametrize("name", LEAVES)
def test_state_crosses(name):
    """Lazy and materialised, each into each, as in torch."""
    full, x = make(FNN, name), batch(FNN, name)
    full(x)
    lazy = make(FNN, name)
    boxes = dict(lazy.named_parameters())
    lazy.load_state_dict(full.state_dict())
    assert all(lazy.get_parameter(k) is box for k, box in boxes.items()) and type(lazy).__name__ == name
    full.eval(), lazy.eval()
    np.testing.assert_array_equal(lazy(x), full(x))
    assert type(lazy) is type(full) and repr(lazy) == repr(full)

    again = make(FNN, name)
    again.load_state_dict(make(FNN, name).state_dict())
    if dict(again.named_parameters()) or dict(again.named_buffers()):
        assert again.has_uninitialized_params()
        with pytest.raises(StateDictError, match="Can't access the shape of an uninitialized parameter"):
            full.load_state_dict(again.state_dict())


def test_a_loaded_shape_that_does_not_fit_the_input_is_named():
    module = nn.LazyLinear(4)
    module.load_state_dict(nn.Linear(3, 4).state_dict())
    with pytest.raises(ArgumentError, match=r"LazyLinear: for this input weight must have shape \(4, 5\)"):
        module(jnp.ones((1, 5)))
    assert module(jnp.ones((1, 3))).shape == (1, 4)


@pytest.mark.parametrize("hook", [False, True])
def test_a_failed_load_leaves_it_lazy(hook):
    model = nn.Sequential(nn.LazyLinear(4, dtype=jnp.bfloat16), nn.Linear(4, 2))
    weight, state = model[0].weight, nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).state_dict()
    if hook:

        def boom(*args):
            raise KeyError("boom")

        model.register_load_state_dict_post_hook(boom)
        with pytest.raises(KeyError):
            model.load_state_dict(state)
    else:
        with pytest.raises(StateDictError, match="size mismatch"):
            model.load_state_dict(state | {"1.bias": jnp.ones(7)})
    assert model[0].has_uninitialized_params() and isinstance(weight, nn.UninitializedParameter)
    assert model[0].weight is weight and repr(weight) == "<UninitializedParameter>"
    model[0](jnp.ones((1, 3), jnp.bfloat16))
    assert weight.dtype == jnp.bfloat16 and weight.shape == (4, 3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_cast_before_the_first_call(dtype):
    def act(api):
        (torch if api is TORCH else random).manual_seed(0)
        kind = getattr(torch if api is TORCH else jnp, dtype)
        module = api.nn.Sequential(api.nn.LazyLinear(3), api.nn.LazyBatchNorm1d()).to(kind)
        x = api.array(4, 2)
        module(x.to(kind) if api is TORCH else x.astype(kind))
        return [str(v.dtype).removeprefix("torch.").replace("64", "32") for v in module.state_dict().values()]

    same(act)


def test_a_cast_draws_torchs_numbers():
    torch.manual_seed(0), random.manual_seed(0)
    theirs, ours = torch.nn.LazyLinear(3).to(torch.bfloat16), nn.LazyLinear(3).bfloat16()
    theirs(torch.ones(1, 2, dtype=torch.bfloat16)), ours(jnp.ones((1, 2), jnp.bfloat16))
    reference.assert_equal(ours.weight.data, theirs.weight, rtol=0, atol=0)


def test_dtype_and_device_of_the_constructor():
    module = nn.LazyConv1d(2, 1, dtype=jnp.float16, device="cpu")
    module(jnp.ones((1, 2, 3), jnp.float16))
    assert module.weight.dtype == jnp.float16 and module.weight.data.devices() == {jax.devices("cpu")[0]}


def test_reset_parameters_after():
    module = nn.LazyLinear(4)
    module(jnp.ones((1, 3)))
    before = np.asarray(module.weight)
    module.reset_parameters()
    assert not np.array_equal(before, module.weight) and module.weight.shape == (4, 3)


def user_module(api):
    """A lazy module as torch's users write them."""
    nn = api.nn

    class MyLinear(nn.modules.lazy.LazyModuleMixin, nn.Linear):
        cls_to_become = nn.Linear

        def __init__(self, out_features, bias=True):
            super().__init__(0, 0, False)
            self.weight = nn.UninitializedParameter()
            self.out_features = out_features
            if bias:
                self.bias = nn.UninitializedParameter()

        def reset_parameters(self):
            if not self.has_uninitialized_params() and self.in_features != 0:
                super().reset_parameters()

        def initialize_parameters(self, input):
            if self.has_uninitialized_params():
                self.in_features = input.shape[-1]
                self.weight.materialize((self.out_features, self.in_features))
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))
                self.reset_parameters()

    return MyLinear


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("bias", [False, True])
def test_a_users_lazy_module(bias):
    def act(api):
        module = user_module(api)(4, bias)
        weight, first = module.weight, repr(module)
        (torch if api is TORCH else random).manual_seed(0)
        out = module(api.array(2, 3))
        return [first, repr(module), type(module).__name__, module.state_dict(), out, module.weight is weight]

    same(act)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_user_that_forgets():
    class Forgetful(LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            pass

    with pytest.raises(RuntimeError, match="module Forgetful has not been fully initialized"):
        Forgetful()(1)
    Forgetful.initialize_parameters = LazyModuleMixin.initialize_parameters
    with pytest.raises(NotImplementedError, match="initialize_parameters is not implemented for Forgetful"):
        Forgetful()(1)


def test_uninitialised_boxes():
    box = nn.UninitializedParameter(dtype=jnp.float16)
    assert nn.parameter.is_lazy(box) and box.dtype == jnp.float16 and box.is_floating_point()
    for act in (lambda: box.shape, lambda: box.data, lambda: box + 1, lambda: jnp.sum(box), lambda: box.copy_(1.0)):
        with pytest.raises(ArgumentError, match="uninitialized parameter or buffer"):
            act()
    box.materialize((2,), dtype=jnp.float32)
    assert type(box) is nn.Parameter and box.dtype == jnp.float32 and box.shape == (2,) and box.requires_grad
    buffer = nn.UninitializedBuffer(persistent=False)
    buffer.materialize(())
    assert type(buffer) is nn.Buffer and not buffer.persistent and buffer.shape == ()
    assert repr(nn.UninitializedBuffer()) == "<UninitializedBuffer>"


@pytest.mark.parametrize("transform", ["jax.jit", "fnn.jit", "jax.grad", "eval_shape"])
def test_the_first_call_may_be_traced(transform):
    model = nn.Sequential(nn.LazyLinear(4), nn.LazyLinear(1))
    x = jnp.ones((2, 3))
    weight = model[0].weight
    run = {
        "jax.jit": lambda: jax.jit(lambda x: model(x))(x),
        "fnn.jit": lambda: fnn.jit(lambda model, x: model(x))(model, x),
        "jax.grad": lambda: jax.grad(lambda x: model(x).sum())(x),
        "eval_shape": lambda: jax.eval_shape(model, x),
    }[transform]
    out = run()
    assert model[0].weight is weight
    np.asarray(weight.data)  # no tracer
    assert repr(model[0]) == "Linear(in_features=3, out_features=4, bias=True)"
    if transform.endswith("jit"):
        np.testing.assert_allclose(out, model(x), rtol=1e-5)


def test_value_and_grad_says_what_to_do():
    with pytest.raises(ArgumentError, match="call the module once on an example input first"):
        fnn.value_and_grad(lambda m: m(jnp.ones((1, 2))).sum())(nn.LazyLinear(1))


def test_a_tie_made_before_the_first_call_holds():
    first, second = nn.LazyLinear(4), nn.LazyLinear(4)
    second.weight = first.weight
    first(jnp.ones((1, 3)))
    before = first.weight.data
    second(jnp.ones((1, 3)))
    assert second.weight is first.weight and second.weight.data is before and second.bias is not first.bias
    assert repr(second) == repr(first)


LOADED = {
    "linear": (
        lambda: nn.LazyLinear(4),
        lambda: nn.Linear(3, 4),
        (2, 3),
        "Linear(in_features=3, out_features=4, bias=True)",
    ),
    "conv": (
        lambda: nn.LazyConv2d(4, 3, groups=2),
        lambda: nn.Conv2d(6, 4, 3, groups=2),
        (1, 6, 5, 5),
        "Conv2d(6, 4, kernel_size=(3, 3), stride=(1, 1), groups=2)",
    ),
    "transposed": (
        lambda: nn.LazyConvTranspose1d(4, 3, groups=2),
        lambda: nn.ConvTranspose1d(6, 4, 3, groups=2),
        (1, 6, 5),
        "ConvTranspose1d(6, 4, kernel_size=(3,), stride=(1,), groups=2)",
    ),
    "norm": (nn.LazyBatchNorm1d, lambda: nn.BatchNorm1d(3), (2, 3), "BatchNorm1d(3, eps=1e-05, momentum=0.1,"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOADED)
def test_a_loaded_module_knows_its_sizes(name):
    make, like, shape, text = LOADED[name]
    lazy, real = make(), like()
    lazy.load_state_dict(real.state_dict())
    assert repr(lazy).startswith(f"Lazy{text}")
    lazy.reset_parameters()
    assert lazy.weight.shape == real.weight.shape
    lazy.load_state_dict(real.state_dict())
    x = jnp.ones(shape)
    np.testing.assert_allclose(lazy.eval()(x), real.eval()(x), rtol=1e-6)
    assert repr(lazy).startswith(text)


def test_a_failed_load_leaves_the_sizes_open():
    model = nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 1))
    state = dict(nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 1)).state_dict())
    before = repr(model)
    with pytest.raises(StateDictError, match="size mismatch"):
        model.load_state_dict(state)
    assert repr(model) == before and model[0].has_uninitialized_params()
