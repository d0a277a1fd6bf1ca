"""`fnn.nn.utils` against torch; and that the packages hand on what their modules define."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import nn
from tests.nn.both import same, same_error, torch

ROOT = Path(__file__).resolve().parent.parent.parent


def model(api, scale=3.0):
    """Parameters with gradients, and one without."""
    parameters = [api.nn.Parameter(api.array(2, 3)), api.nn.Parameter(api.array(2)), api.nn.Parameter(api.array(1))]
    for p in parameters[:2]:
        p.grad = api.array(*p.shape) * scale
    return parameters


def grads(parameters):
    return [p.grad for p in parameters]


@pytest.mark.parametrize("order", [2.0, 1, float("inf"), -float("inf"), 0, 3, "inf"])
def test_clip_grad_norm_(order):
    def act(api):
        parameters = model(api)
        total = api.nn.utils.clip_grad_norm_(parameters, 1.5, order)
        return [total, grads(parameters)]

    same(act)


@pytest.mark.parametrize("scale", [1e-3, 100.0])
def test_clipping_only_shrinks(scale):
    def act(api):
        parameters = model(api, scale)
        api.nn.utils.clip_grad_norm_(iter(parameters), 1.0)
        api.nn.utils.clip_grad_value_(parameters, 0.25)
        return grads(parameters)

    same(act)


def test_a_single_parameter_and_none():
    def act(api):
        parameter = model(api)[0]
        utils = api.nn.utils
        none = model(api)[2:]
        total = utils.clip_grad_norm_(parameter, 1.0)
        return [total, parameter.grad, utils.clip_grad_norm_(none, 1.0), utils.get_total_norm([])]

    same(act)


def test_total_norm_and_scaling():
    def act(api):
        parameters = model(api)
        total = api.nn.utils.get_total_norm(p.grad for p in parameters[:2])
        api.nn.utils.clip_grads_with_norm_(parameters, 0.5, total)
        return [total, grads(parameters), api.nn.utils.get_total_norm(api.array(3))]

    same(act)


def test_nonfinite():
    def act(api):
        parameters = model(api, float("nan"))
        api.nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)

    same_error(act)


def test_a_dict_of_gradients_is_clipped_in_place():
    parameters = [nn.Parameter(jnp.ones((2, 3))), nn.Parameter(jnp.ones(2))]
    for p in parameters:
        p.grad = jnp.arange(1.0, 1 + p.size).reshape(p.shape)
    named = {str(i): p.grad for i, p in enumerate(parameters)}
    for clip in (
        lambda of: nn.utils.clip_grad_norm_(of, 1.5),
        lambda of: nn.utils.clip_grad_value_(of, 0.25),
        lambda of: nn.utils.clip_grads_with_norm_(of, 0.5, 2.0),
    ):
        result = clip(named)
        want = clip(parameters)
        assert (result is None) == (want is None) and (want is None or result == want)
        for p, grad in zip(parameters, named.values(), strict=True):
            np.testing.assert_array_equal(grad, p.grad)


def test_an_empty_generator_warns():
    for nn_ in (nn, torch.nn):
        with pytest.warns(UserWarning, match="`parameters` is an empty generator"):
            nn_.utils.clip_grad_norm_((p for p in []), 1.0)


def test_half_gradients_keep_their_dtype():
    parameter = nn.Parameter(jnp.ones(300, jnp.float16))
    parameter.grad = jnp.full(300, 20.0, jnp.float16)  # the sum of squares overflows float16
    total = nn.utils.clip_grad_norm_(parameter, 1.0)
    assert total.dtype == parameter.grad.dtype == jnp.float16
    np.testing.assert_allclose(float(total), 20 * 300**0.5, rtol=1e-3)


def test_returned_gradients_are_clipped_to_new_ones():
    tree = {"a": jnp.asarray([3.0]), "b": {"c": jnp.asarray([4.0])}}
    for run in (nn.utils.clip_grad_norm, jax.jit(nn.utils.clip_grad_norm, static_argnums=(1,))):
        clipped, total = run(tree, 1.0)
        assert float(total) == 5 and jax.tree.structure(clipped) == jax.tree.structure(tree)
        np.testing.assert_allclose(clipped["b"]["c"], [0.8], rtol=1e-5)
    assert tree["a"][0] == 3
    with pytest.warns(FutureWarning, match="deprecated in favor of"):
        parameter = nn.Parameter(jnp.ones(1))
        parameter.grad = jnp.asarray([2.0])
        assert float(nn.utils.clip_grad_norm([parameter], 1.0)) == 2


def test_vectors():
    def act(api):
        parameters = model(api)
        vector = api.nn.utils.parameters_to_vector(parameters)
        api.nn.utils.vector_to_parameters(vector * 2, parameters)
        return [vector, parameters]

    same(act)


def test_vector_errors():
    with pytest.raises(RuntimeError, match="expected a non-empty list of parameters"):
        nn.utils.parameters_to_vector([])
    with pytest.raises(TypeError, match="expected an array, but got: list"):
        nn.utils.vector_to_parameters([1.0], [nn.Parameter(jnp.ones(1))])
    with pytest.raises(ValueError, match=r"the parameters have 3 elements, but vec has shape \[2\]"):
        nn.utils.vector_to_parameters(jnp.ones(2), [nn.Parameter(jnp.ones(3))])


def test_helpers_of_modules():
    def act(api):
        u = api.nn.modules.utils
        return [
            [list(u._single(1)), list(u._pair(2)), list(u._pair((1, 2))), list(u._triple(3)), list(u._quadruple(0))],
            [u._pair.__name__, list(u._reverse_repeat_tuple((1, 2), 2)), u._list_with_default([None, 3], [5, 6, 7])],
        ]

    same(act)
    same_error(lambda api: api.nn.modules.utils._list_with_default([1, 2], [1, 2]))


def test_factory_kwargs():
    same(lambda api: api.nn.factory_kwargs({"device": 1, "factory_kwargs": {"dtype": 2}}))
    same(lambda api: api.nn.factory_kwargs(None))
    same_error(lambda api: api.nn.factory_kwargs({"wrong": 1}))
    same_error(lambda api: api.nn.factory_kwargs({"device": 1, "factory_kwargs": {"device": 2}}))


def test_the_packages_hand_on_what_their_modules_define():
    tool = ROOT / "tools" / "write_exports.py"
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}: run python tools/write_exports.py"


THEIRS = {*torch.nn.modules.__all__, *(name for name, value in vars(torch.nn).items() if isinstance(value, type))}


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_every_class_of_torchs_is_there(name):
    assert getattr(nn, name).__name__ == name and name in nn.__all__


# Not here: quantisation, which is a package of its own by now, and the switches of backends and of C++ extensions.
PACKAGES = {"backends", "cpp", "intrinsic", "qat", "quantizable", "quantized"}


def test_every_package_of_torchs_is_there():
    theirs = {m.name for m in pkgutil.iter_modules(torch.nn.__path__) if not m.name.startswith("_")}
    assert theirs - PACKAGES <= set(nn.__all__)
