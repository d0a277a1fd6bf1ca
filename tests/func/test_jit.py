"""`fnn.jit`: state goes in and comes out, nothing recompiles needlessly, nothing is lost."""

import copy
import functools
import gc
import pickle
import threading
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.nn import functional as F
from fnn.state import hooks as module_hooks

X = jnp.arange(12.0).reshape(6, 2) / 12


class Net(nn.Module):
    """Linear, BatchNorm, Linear, with a tied submodule."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.norm = nn.BatchNorm1d(2)
        self.b = self.a

    def forward(self, x):
        return self.b(self.norm(self.a(x)))


def counting(function):
    """The function, and a list that grows at each trace."""
    traces = []

    def counted(*args, **kwargs):
        traces.append(1)
        return function(*args, **kwargs)

    return counted, traces


def arrays(module):
    return {name: np.asarray(value) for name, value in module.state_dict().items()}


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_equals_eager_in_value_and_state():
    model = Net()
    twin = copy.deepcopy(model)
    forward = fnn.jit(lambda model, x: model(x))
    for _ in range(3):
        np.testing.assert_allclose(forward(model, X), twin(X), rtol=1e-5, atol=1e-6)
        same(arrays(model), arrays(twin))


def test_traces_once_and_again_only_for_structure():
    function, traces = counting(lambda model, x: model(x))
    forward, model = fnn.jit(function), Net()
    for _ in range(3):
        forward(model, X)
    assert len(traces) == 1
    model.train()
    forward(model, X)
    assert len(traces) == 1
    model.eval()
    forward(model, X)
    assert len(traces) == 2
    model.train()
    forward(model, X)
    model.eval()
    forward(model, X)
    assert len(traces) == 2, "both modes are compiled already"
    model.a.weight.requires_grad = False
    forward(model, X)
    assert len(traces) == 3
    forward(model, X[:3])
    assert len(traces) == 4, "a new shape"


def test_values_never_retrace():
    function, traces = counting(lambda model, x: model(x))
    forward, model = fnn.jit(function), Net().eval()
    first = forward(model, X)
    model.a.weight.data = model.a.weight.data * 2
    model.load_state_dict(model.state_dict())
    nn.init.zeros_(model.a.bias)
    second = forward(model, X)
    assert len(traces) == 1
    assert not np.allclose(first, second)
    np.testing.assert_allclose(second, model(X), rtol=1e-5)


def test_models_of_one_structure_share_the_program():
    function, traces = counting(lambda model, x: model(x))
    forward = fnn.jit(function)
    models = [Net(), Net()]
    outs = [forward(model, X) for model in models]
    assert len(traces) == 1
    for model, out in zip(models, outs, strict=True):
        np.testing.assert_allclose(out, forward(model, X), rtol=1e-5)
        np.testing.assert_allclose(model.norm.num_batches_tracked.data, 2)
    assert not np.allclose(outs[0], outs[1])


def test_plain_attributes_are_structure():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = 2.0

        def forward(self, x):
            return x * self.factor

    model = Scale()
    forward = fnn.jit(lambda model, x: model(x))
    np.testing.assert_array_equal(forward(model, X), X * 2)
    model.factor = 3.0
    np.testing.assert_array_equal(forward(model, X), X * 3)
    model.factor = jnp.full((1, 2), 5.0)
    np.testing.assert_array_equal(forward(model, X), X * 5)


GLOBAL = None


def test_closure_global_and_self_are_inputs():
    global GLOBAL
    model = GLOBAL = Net().eval()

    class Trainer:
        def __init__(self):
            self.model = model

        @fnn.jit
        def through_self(self, x):
            return self.model(x)

    hidden = {"model": model}

    def inner(x):
        return hidden["model"](x)

    functions = {
        "closure": fnn.jit(lambda x: model(x)),
        "global": fnn.jit(lambda x: GLOBAL(x)),
        "self": Trainer().through_self,
        "nested": fnn.jit(lambda x: inner(x)),
    }
    for name, function in functions.items():
        before = function(X)
        model.a.bias.data = model.a.bias.data + 1
        after = function(X)
        np.testing.assert_allclose(after, model(X), rtol=1e-5, err_msg=name)
        assert not np.allclose(before, after), name


def test_rebinding_a_global_model_takes_effect():
    global GLOBAL
    forward = fnn.jit(lambda x: GLOBAL(x))
    GLOBAL = Net().eval()
    first = forward(X)
    GLOBAL = Net().eval()
    np.testing.assert_allclose(forward(X), GLOBAL(X), rtol=1e-5)
    assert not np.allclose(first, forward(X))


def test_closed_over_model_in_eval_mode_again():
    model = Net()
    holder = [model]
    forward = fnn.jit(lambda x: holder[0](x))
    forward(X)
    assert int(model.norm.num_batches_tracked) == 1
    model.eval()
    forward(X)
    assert int(model.norm.num_batches_tracked) == 1
    np.testing.assert_allclose(forward(X), model(X), rtol=1e-5)


def test_closed_over_optimizer_steps():
    model = Net()
    optimizer = fnn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    function, traces = counting(lambda x: optimizer.step(fnn.grad(lambda model: (model(x) ** 2).sum())(model)))
    step = fnn.jit(function)
    twin = copy.deepcopy(model)
    reference = fnn.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9)
    for n in range(4):
        if n == 2:
            optimizer.param_groups[0]["lr"] = reference.param_groups[0]["lr"] = 0.01
        count = len(traces)
        step(X)
        assert n == 0 or len(traces) == count, "a learning rate is a value"
        reference.step(fnn.grad(lambda model: (model(X) ** 2).sum())(twin))
        same(arrays(model), arrays(twin))


def test_an_exception_in_mid_trace_changes_nothing():
    class Fails(Net):
        fail = True

        def forward(self, x):
            x = self.norm(self.a(x))
            if self.fail:
                raise KeyError("in the middle")
            return self.b(x)

    model = Fails()
    before = arrays(model)
    forward = fnn.jit(lambda model, x: model(x))
    for transform in (forward, fnn.value_and_grad(lambda m, x: m(x).sum()), fnn.checkpoint(lambda m, x: m(x))):
        with pytest.raises(KeyError, match="in the middle"):
            transform(model, X)
        same(arrays(model), before)
    model.fail = False
    twin = copy.deepcopy(model)
    np.testing.assert_allclose(forward(model, X), twin(X), rtol=1e-5)


def test_two_threads_trace_one_model():
    model = Net()
    model.eval()
    barrier = threading.Barrier(2, timeout=60)
    met = threading.local()
    results, errors = {}, []

    class Waits(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            if not hasattr(met, "once"):
                met.once = True
                barrier.wait()  # both are inside a trace now
            return self.inner(x)

    waits = Waits()

    def work(n):
        try:
            forward = fnn.jit(lambda model, x: model(x))
            results[n] = forward(waits, X[: n + 2])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for n, out in results.items():
        np.testing.assert_allclose(out, model(X[: n + 2]), rtol=1e-5)


def test_threads_that_step_one_model_lose_no_step():
    model = Net()
    forward = fnn.jit(lambda model, x: model(x))
    errors = []

    def work():
        try:
            for _ in range(20):
                forward(model, X)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert int(model.norm.num_batches_tracked) == 80


def test_arrays_that_the_user_holds_survive_donation():
    model = Net()
    optimizer = fnn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @fnn.jit
    def step(model, optimizer, x):
        loss, grads = fnn.value_and_grad(lambda model: model(x).sum())(model)
        optimizer.step(grads)
        return loss

    step(model, optimizer, X)
    held = {name: (value, np.array(value)) for name, value in model.state_dict().items()}
    weight = model.a.weight.data
    view = np.asarray(model.a.weight)
    kept = np.array(weight)
    given = jnp.ones((2,))
    model.a.bias.data = given
    for _ in range(3):
        step(model, optimizer, X)
    for name, (array, copied) in held.items():
        np.testing.assert_array_equal(array, copied, err_msg=name)
    np.testing.assert_array_equal(weight, kept)
    np.testing.assert_array_equal(view, kept)
    np.testing.assert_array_equal(given, 1)


def test_replaced_buffers_are_donated():
    model = nn.Linear(64, 64)
    optimizer = fnn.optim.SGD(model.parameters(), lr=0.1)

    @fnn.jit
    def step(model, optimizer, x):
        optimizer.step(fnn.grad(lambda model: model(x).sum())(model))

    x = jnp.ones((2, 64))
    step(model, optimizer, x)
    old = model.weight._value  # not .data: that would count as handing it out
    step(model, optimizer, x)
    assert old.is_deleted()


def test_a_write_that_nobody_expected_is_donated_too():
    model = nn.Linear(64, 64)

    @fnn.jit
    def decay(model):
        model.weight.data = model.weight.data * 0.5

    decay(model)
    old = model.weight._value
    decay(model)
    assert old.is_deleted()


def test_two_boxes_that_get_one_value_stay_apart():
    a, b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)

    @fnn.jit
    def share(a, b):
        a.weight.data = b.weight.data = a.weight.data + b.weight.data

    @fnn.jit
    def swap(a, b):
        a.weight.data, b.weight.data = b.weight.data, a.weight.data

    total = np.array(a.weight) + np.array(b.weight)
    for _ in range(3):
        share(a, b)
        np.testing.assert_allclose(a.weight, total, rtol=1e-5)
        np.testing.assert_allclose(b.weight, total, rtol=1e-5)
        total = 2 * total
    a.weight.data = jnp.zeros((2, 2))
    kept = np.array(b.weight)
    for n in range(4):
        swap(a, b)
        np.testing.assert_array_equal(a.weight, kept if n % 2 == 0 else 0)
        np.testing.assert_array_equal(b.weight, 0 if n % 2 == 0 else kept)


def test_random_numbers_differ_by_call_and_follow_the_seed():
    drop = nn.Dropout(0.5)
    forward = fnn.jit(lambda model, x: model(x))
    ones = jnp.ones((64,))
    fnn.manual_seed(3)
    first, second = forward(drop, ones), forward(drop, ones)
    assert not np.array_equal(first, second)
    assert set(np.unique(first)) == {0.0, 2.0}
    fnn.manual_seed(3)
    np.testing.assert_array_equal(forward(drop, ones), first)
    np.testing.assert_array_equal(forward(drop, ones), second)


def test_two_draws_in_one_call_differ():
    drop = nn.Dropout(0.5)
    a, b = fnn.jit(lambda model, x: (model(x), model(x)))(drop, jnp.ones((64,)))
    assert not np.array_equal(a, b)


def test_a_call_that_draws_nothing_leaves_the_generator_alone():
    model = Net()
    forward = fnn.jit(lambda model, x: model(x))
    state = np.array(fnn.get_rng_state())
    forward(model, X)
    forward(model, X)
    np.testing.assert_array_equal(fnn.get_rng_state(), state)


def test_a_static_function_is_looked_into():
    model = nn.Linear(2, 2)

    def called(x):
        return model(x)

    step = fnn.jit(lambda f, x: f(x), static_argnums=0)
    for _ in range(2):
        np.testing.assert_allclose(step(called, jnp.ones(2)), model(jnp.ones(2)), rtol=1e-6)
        model = nn.Linear(2, 2)


def test_static_arguments():
    function, traces = counting(lambda x, n, *, mode: x * n if mode == "times" else x + n)
    by_name = fnn.jit(function, static_argnums=1)
    np.testing.assert_array_equal(by_name(X, 3, mode="times"), X * 3)
    np.testing.assert_array_equal(by_name(X, 3, mode="plus"), X + 3)
    np.testing.assert_array_equal(by_name(X, 4, mode="plus"), X + 4)
    by_name(X, 4, mode="plus")
    assert len(traces) == 3

    def repeat(x, times):
        return jnp.concatenate([x] * times)

    static = fnn.jit(repeat, static_argnames="times")
    assert static(X, times=3).shape == (18, 2)
    assert static(X, 2).shape == (12, 2)
    with pytest.raises(TypeError, match="static_argnames"):
        fnn.jit(repeat, static_argnames="tiems")


def test_any_object_is_an_argument():
    class Odd:
        __hash__ = None

        def __init__(self, scale):
            self.scale = scale

    odd = Odd(2.0)
    step = fnn.jit(lambda x, odd: x * odd.scale)
    np.testing.assert_array_equal(step(X, odd), X * 2)
    odd.scale = 3.0
    np.testing.assert_array_equal(step(X, odd), X * 3)
    np.testing.assert_array_equal(step(X, Odd(4.0)), X * 4)


def test_modules_in_containers_and_keywords():
    a, b = Net(), Net()

    @fnn.jit
    def both(pair, x, *, extra):
        return pair["a"](x) + extra[0](x)

    twins = copy.deepcopy((a, b))
    out = both({"a": a}, X, extra=[b])
    np.testing.assert_allclose(out, twins[0](X) + twins[1](X), rtol=1e-5, atol=1e-6)  # sums of both signs
    same(arrays(a), arrays(twins[0]))
    same(arrays(b), arrays(twins[1]))


def test_a_parameter_as_argument_is_updated():
    p = nn.Parameter(jnp.ones(3))

    @fnn.jit
    def double(p):
        p.data = p.data * 2

    double(p)
    double(p)
    np.testing.assert_array_equal(p, 4)


def test_gradients_accumulate_across_jitted_calls():
    model = nn.Linear(2, 1)

    @fnn.jit
    def accumulate(model, x):
        return fnn.backward(lambda model: model(x).sum())(model)

    for n in range(1, 4):
        accumulate(model, X)
        np.testing.assert_allclose(model.weight.grad, n * X.sum(0, keepdims=True), rtol=1e-5)
    model.zero_grad()
    assert model.weight.grad is None
    accumulate(model, X)
    np.testing.assert_allclose(model.weight.grad, X.sum(0, keepdims=True), rtol=1e-5)


def test_nested_jit_shares_the_scope():
    model = Net()
    twin = copy.deepcopy(model)
    inner = fnn.jit(lambda model, x: model(x))
    outer = fnn.jit(lambda model, x: inner(model, inner(model, x)))
    np.testing.assert_allclose(outer(model, X), twin(twin(X)), rtol=1e-5)
    same(arrays(model), arrays(twin))


def test_ties_survive_deepcopy_and_pickle_under_jit():
    model = Net()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.a is other.b
        forward = fnn.jit(lambda model, x: model(x))
        twin = copy.deepcopy(other)
        np.testing.assert_allclose(forward(other, X), twin(X), rtol=1e-5, atol=1e-6)
        same(arrays(other), arrays(twin))
        other.a.weight.data = other.a.weight.data * 0
        np.testing.assert_array_equal(other.b.weight, 0)


def test_a_model_is_not_kept_alive():
    model = Net()
    forward = fnn.jit(lambda model, x: model(x))
    forward(model, X)
    gone = weakref.ref(model)
    box = weakref.ref(model.a.weight)
    del model
    gc.collect()
    assert gone() is None
    assert box() is None


def test_method_decorated_with_jit():
    class Compiled(Net):
        @fnn.jit
        def forward(self, x):
            return super().forward(x)

    model = Compiled()
    twin = copy.deepcopy(model)
    np.testing.assert_allclose(model(X), Net.forward(twin, X), rtol=1e-5)
    same(arrays(model), arrays(twin))


def test_compile_of_module():
    model = Net()
    twin = copy.deepcopy(model)
    model.compile()
    np.testing.assert_allclose(model(X), twin(X), rtol=1e-5)
    same(arrays(model), arrays(twin))


def test_a_raw_jit_raises_the_teaching_error():
    model = Net()
    before = arrays(model)
    raw = {
        "jax.jit": lambda: jax.jit(lambda x: model(x))(X),
        "jax.checkpoint inside fnn.jit": lambda: fnn.jit(lambda m, x: jax.checkpoint(lambda x: m(x))(x))(model, X),
        "jax.jit inside fnn.jit": lambda: fnn.jit(lambda m, x: jax.jit(lambda x: m(x))(x))(model, X),
        "lax.scan inside fnn.jit": lambda: fnn.jit(
            lambda m, x: jax.lax.scan(lambda c, x: (c, m(x)), 0.0, jnp.stack([x, x]))
        )(model, X),
        "lax.scan": lambda: jax.lax.scan(lambda c, x: (c, model(x)), 0.0, jnp.stack([X, X])),
    }
    for name, call in raw.items():
        with pytest.raises(fnn.TracerEscapeError, match=r"fnn\.jit, fnn\.grad") as caught:
            call()
            pytest.fail(name)
        assert "wrong:" in str(caught.value) and "right" in str(caught.value), name
        same(arrays(model), before)
    model.eval()
    np.testing.assert_allclose(jax.jit(lambda x: model(x))(X), model(X), rtol=1e-5)


def test_an_eager_raw_grad_updates_the_running_mean():
    model = Net()
    twin = copy.deepcopy(model)
    jax.grad(lambda x: model(x).sum())(X)
    twin(X)
    same(arrays(model), arrays(twin))


def test_dropout_in_a_raw_jit_raises():
    drop = nn.Dropout(0.5)
    with pytest.raises(fnn.MissingKeyError, match=r"fnn\.jit"):
        jax.jit(lambda x: drop(x))(X)


def test_jit_inside_loss_with_functional_dropout():
    @fnn.jit
    def f(x):
        return F.dropout(x, 0.5)

    ones = jnp.ones((64,))
    assert not np.array_equal(f(ones), f(ones))


def test_global_hooks_are_part_of_the_structure():
    model = Net().eval()
    forward = fnn.jit(lambda model, x: model(x))
    plain = forward(model, X)
    handle = module_hooks.register_module_forward_hook(
        lambda module, args, out: out + 1 if isinstance(module, Net) else None
    )
    try:
        np.testing.assert_allclose(forward(model, X), plain + 1, rtol=1e-5)
    finally:
        handle.remove()
    np.testing.assert_allclose(forward(model, X), plain, rtol=1e-5)


def test_the_default_dtype_is_part_of_the_structure():
    make = fnn.jit(lambda x: x.astype(fnn.get_default_dtype()))
    assert make(X).dtype == jnp.float32
    try:
        fnn.set_default_dtype(jnp.bfloat16)
        assert make(X).dtype == jnp.bfloat16
    finally:
        fnn.set_default_dtype(jnp.float32)
    assert make(X).dtype == jnp.float32


def test_errors_name_the_function():
    @fnn.jit
    def branches(model, x):
        return 1 if model(x).sum() > 0 else 2

    with pytest.raises(jax.errors.TracerBoolConversionError, match=r"the function branches at .*test_jit\.py"):
        branches(nn.Linear(2, 1), jnp.ones((1, 2)))
    partial = fnn.jit(functools.partial(branches.__wrapped__, nn.Linear(2, 1)))
    with pytest.raises(jax.errors.TracerBoolConversionError, match=r"the function branches at .*test_jit\.py"):
        partial(jnp.ones((1, 2)))


def test_a_program_is_named_after_its_function():
    identity = fnn.jit(nn.Identity())
    assert float(identity(jnp.ones(()))) == 1.0
    ((program,),) = identity._programs.values()
    assert program.compiled.__name__ == "Identity"


def test_lower_compiles_and_runs_nothing():
    model = Net()
    forward = fnn.jit(lambda model, x: model(x))
    before = arrays(model)
    lowered = forward.lower(model, X)
    assert "module" in lowered.as_text() and "fnn.jit of" in repr(forward)
    lowered.compile()
    same(arrays(model), before)
    forward(model, X)
