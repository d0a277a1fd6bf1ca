"""`segment_reduce` is torch's where op_db has no case: NaN, zeros, ties, no initial value; refusals; transforms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from tests import reference
from tests.extent import some

torch = reference.torch

LINE = np.float32([1, 1, 3, 3, 2, np.nan, 5, 0, 2, 0, 0, 4])
ROWS = np.random.default_rng(0).integers(-2, 3, (3, 5, 2)).astype(np.float32)
SEGMENTS = {
    "lengths": (LINE, {"lengths": [2, 3, 2, 0, 2, 3]}),
    "offsets that leave out both ends": (LINE, {"offsets": [2, 5, 7, 7, 9]}),
    "lengths that leave out the end": (LINE, {"lengths": [2, 3, 2, 0], "unsafe": True}),
    "lengths of each row": (ROWS, {"lengths": [[2, 0, 3], [1, 1, 3], [5, 0, 0]], "axis": -2}),
    "offsets of each row": (ROWS, {"offsets": [[0, 2, 2, 5], [1, 1, 2, 4], [0, 5, 5, 5]], "axis": 1}),
    "nothing": (np.zeros((0, 2), np.float32), {"lengths": [0, 0]}),
}


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min", "prod"])
@pytest.mark.parametrize("name", SEGMENTS)
def test_values_and_gradients(name, reduce):
    data, options = SEGMENTS[name]
    theirs = {k: torch.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
    ours = {k: jnp.array(v) if isinstance(v, list) else v for k, v in options.items()}
    for initial in some((None, 0, 3.0, np.nan), 2):
        x = torch.tensor(data, requires_grad=True)
        want = torch.segment_reduce(x, reduce, initial=initial, **theirs)
        # Positive: torch shares a gradient among the elements of a tie only if it is.
        cotangent = np.arange(1, 1 + want.numel(), dtype=np.float32).reshape(want.shape)
        want.backward(torch.from_numpy(cotangent))
        call = functools.partial(fnn.segment_reduce, reduce=reduce, initial=initial, **ours)
        got, gradient = jax.jit(lambda x, c, call=call: (call(x), jax.vjp(call, x)[1](c)[0]))(data, cotangent)
        reference.assert_equal(got, want, f"initial={initial}")
        reference.assert_equal(gradient, x.grad, f"gradient, initial={initial}")


def test_equal_shares_of_a_gradient_of_any_sign():
    pull = jax.vjp(lambda x: fnn.segment_reduce(x, "max", lengths=jnp.array([3])), jnp.array([3.0, 3.0, 2.0]))[1]
    np.testing.assert_array_equal(pull(jnp.array([-1.0]))[0], [-0.5, -0.5, 0.0])


def test_compiled_and_mapped():
    data, lengths = jnp.arange(8.0).reshape(2, 4), jnp.array([[1, 3], [4, 0]])
    call = jax.jit(jax.vmap(lambda x, n: fnn.segment_reduce(x, "max", lengths=n, initial=-1)))
    np.testing.assert_array_equal(call(data, lengths), [[0.0, 3.0], [7.0, -1.0]])
    second = jax.hessian(lambda x: fnn.segment_reduce(x, "prod", lengths=jnp.array([3]))[0])(jnp.array([0.0, 0.0, 4.0]))
    np.testing.assert_array_equal(second, [[0, 4, 0], [4, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "Either lengths or offsets must be defined"),
        (
            {"lengths": [2, 1]},
            r"rows of lengths along axis to sum .* got lengths=\[2, 1\] and a size of 6",
        ),
        ({"lengths": [7, -1]}, r"lengths contains negative value! Got lengths=\[7, -1\]"),
        ({"lengths": [7, -1], "unsafe": True}, "lengths contains negative value"),
        ({"lengths": [2.0, 4.0]}, "lengths must be an int32 or int64 array, got lengths.dtype=float32"),
        ({"lengths": [[2, 4]]}, "Expected axis to be the last dimension of lengths but got 0"),
        ({"lengths": [6], "indices": [0]}, "indices based reduction is not supported yet"),
        ({"lengths": [6], "axis": 1}, "Dimension out of range"),
        ({"offsets": [0, 4, 2, 6]}, r"expected offsets that do not decrease, got offsets=\[0, 4, 2, 6\]"),
        ({"offsets": [0, 7]}, r"expected offsets from 0 to the size 6, got offsets=\[0, 7\]"),
        ({"offsets": []}, "expected offsets to hold at least where the first segment begins"),
    ],
)
def test_refusals(options, text):
    given = {k: jnp.array(v) if isinstance(v, list) else v for k, v in options.items()}
    with pytest.raises((ValueError, IndexError, TypeError), match=text):
        fnn.segment_reduce(jnp.ones(6), "sum", **given)


def test_refuses_what_has_no_kernel():
    with pytest.raises(TypeError, match="segment_reduce: expected a floating dtype, got int32"):
        fnn.segment_reduce(jnp.ones(6, int), "sum", lengths=jnp.array([6]))
    with pytest.raises(ValueError, match="reduce argument must be either sum, prod, mean, amax or amin, got median"):
        fnn.segment_reduce(jnp.ones(6), "median", lengths=jnp.array([6]))
    with pytest.raises(TypeError, match="argument 'lengths' must be an array, not list"):
        fnn.segment_reduce(jnp.ones(6), "sum", lengths=[6])
    with pytest.raises(ValueError, match=r"before axis=1 to be those of data, got lengths.shape=\[3, 1\]"):
        fnn.segment_reduce(jnp.ones((2, 3)), "sum", lengths=jnp.full((3, 1), 3), axis=1)
