"""`assert_close`: accepts, refuses and explains as torch.testing does."""

import re
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from fnn import nn
from fnn.testing import assert_close

torch = pytest.importorskip("torch")
NAN, INF = float("nan"), float("inf")


def outcome(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except (AssertionError, TypeError, ValueError) as error:
        return type(error), str(error)
    return None


def as_torch(tree):
    if isinstance(tree, dict):
        return {k: as_torch(v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(map(as_torch, tree))
    return torch.from_numpy(tree.copy()) if isinstance(tree, np.ndarray) else tree


f32 = lambda *values: np.array(values, np.float32)  # noqa: E731
i64 = lambda *values: np.array(values, np.int64)  # noqa: E731

CASES = {
    "equal": (f32(1, 2), f32(1, 2)),
    "within": (f32(1, 2), f32(1, 2.00001)),
    "beyond": (f32(1, 2, 3), f32(1, 2, 4)),
    "two axes": (np.zeros((2, 3), np.float32), np.eye(2, 3, dtype=np.float32)),
    "integers": (i64(1, 2), i64(1, 3)),
    "large integers": (i64(2**62), i64(2**62 + 1)),
    "bools": (np.array([True, False]), np.array([True, True])),
    "complex": (np.array([1 + 1j], np.complex64), np.array([1 + 2j], np.complex64)),
    "shapes": (f32(1, 2), f32(1, 2, 3)),
    "dtypes": (f32(1), np.array([1.0])),
    "float64": (np.array([1.0]), np.array([1.0 + 1e-6])),
    "float16": (np.array([1.0], np.float16), np.array([1.01], np.float16)),
    "nan": (f32(NAN), f32(NAN)),
    "inf": (f32(INF, -INF), f32(INF, -INF)),
    "inf and finite": (f32(INF, 1), f32(1, INF)),
    "empty": (np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)),
    "scalars": (np.array(1.0, np.float32), np.array(2.0, np.float32)),
    "numbers": (1.0, 2.0),
    "int numbers": (1, 2),
    "int and float": (1, 1.0),
    "bool numbers": (True, False),
    "none": (None, 1.0),
    "nest": ({"a": [f32(1), {"b": f32(2)}]}, {"a": [f32(1), {"b": f32(3)}]}),
    "keys": ({"a": f32(1)}, {"b": f32(1)}),
    "lengths": ([f32(1)], [f32(1), f32(1)]),
    "list and tuple": ([f32(1)], (f32(1),)),
    "path of a length": ({"a": [1]}, {"a": []}),
    "text": ("a", "a"),
}


OPTIONS = [{}, {"rtol": 0.0, "atol": 0.0}, {"rtol": 0.5, "atol": 0.0, "equal_nan": True}]
NUMBERS = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|inf|nan"


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_as_torch(name, options):
    actual, expected = CASES[name]
    theirs = outcome(torch.testing.assert_close, as_torch(actual), as_torch(expected), **options)
    ours = outcome(assert_close, actual, expected, **options)
    assert (ours is None) == (theirs is None), (ours, theirs)
    if theirs is None or theirs[0] is TypeError:
        assert ours is theirs or issubclass(ours[0], TypeError)
        return
    assert ours[0] is theirs[0]
    want = theirs[1].replace("Tensor-likes", "Arrays").replace("torch.Size([", "(").replace("])", ")")
    want = want.replace("torch.", "").replace("(2)", "(2,)").replace("(3) ", "(3,) ").replace("(3).", "(3,).")
    assert re.sub(NUMBERS, "#", ours[1]) == re.sub(NUMBERS, "#", want)
    for a, b in zip(re.findall(NUMBERS, ours[1]), re.findall(NUMBERS, want), strict=True):
        np.testing.assert_allclose(float(a), float(b), rtol=1e-3)  # torch divides in the arrays' own precision


def test_makes_of_arrays_mix():
    values = np.array([1.0, 2.0], np.float32)
    makes = [values, jnp.asarray(values), nn.Parameter(jnp.asarray(values)), torch.tensor(values, requires_grad=True)]
    for actual in makes:
        for expected in [*makes, [1.0, 2.0]]:
            assert_close(actual, expected)
            with pytest.raises(AssertionError, match=r"2 / 2 \(100.0%\)"):
                assert_close(actual, np.array([2.0, 3.0], np.float32))
    assert_close({"a": (makes[1], None)}, {"a": (makes[3], None)})
    assert_close(jnp.full((2,), 2.0), [2, 2])
    assert_close(jnp.float32(3.0), 3.0)
    assert_close(jnp.arange(3), torch.arange(3))  # int32 here, int64 there
    assert_close(jnp.ones(2, jnp.bfloat16), torch.ones(2, dtype=torch.bfloat16))
    with pytest.raises(AssertionError, match=r"up to 0\.016 allowed"):
        assert_close(jnp.ones(2, jnp.bfloat16), torch.full((2,), 1.1, dtype=torch.bfloat16))
    with pytest.raises(AssertionError, match="'dtype' do not match: float32 != bfloat16"):
        assert_close(jnp.ones(2), torch.ones(2, dtype=torch.bfloat16))
    assert_close(jnp.ones(2), torch.ones(2, dtype=torch.bfloat16), check_dtype=False)


def test_message_can_be_replaced():
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(1, 2, msg="mine")
    with pytest.raises(AssertionError, match=r"^Scalars are not equal![\s\S]*, in step 3$"):
        assert_close(1, 2, msg=lambda text: f"{text}, in step 3")


def test_misuse():
    with pytest.raises(ValueError, match="either specified or omitted, but got no atol"):
        assert_close(1, 1, rtol=1.0)
    with pytest.raises(TypeError, match="object with object"):
        assert_close(object(), object())
    with pytest.raises(TypeError, match="ArrayImpl with dict"):
        assert_close(jnp.ones(1), {})
    with pytest.raises(TypeError, match=r"str with str\n\nThe failure occurred for item \[0\]"):
        assert_close(["a"], ["a"])


def test_torch_is_not_imported():
    use = "import sys, fnn.testing, numpy; fnn.testing.assert_close(numpy.ones(2), [1, 1])"
    subprocess.run([sys.executable, "-c", f"{use}; sys.exit('torch' in sys.modules)"], check=True)
