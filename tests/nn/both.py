"""The same code in torch and in fnn: what it returns, prints or raises must be the same."""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from fnn import nn
from tests import reference

torch = reference.torch


def _array(*shape: int) -> Any:
    return jnp.asarray(_numbers(shape))


def _tensor(*shape: int) -> Any:
    return torch.from_numpy(_numbers(shape))


def _numbers(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


FNN = types.SimpleNamespace(nn=nn, array=_array, name="fnn")
TORCH = types.SimpleNamespace(nn=torch.nn, array=_tensor, name="torch")


# What is called otherwise here (the last is a slip of torch's pen).
_RENAMED = {
    "'torch.FloatTensor'": "'array'",
    "'jax.Array'": "'array'",
    "'fnn.state.parameter.Buffer'": "'array'",
    "got ArrayImpl": "got Tensor",
    "fnn.nn._module.": "fnn.nn.modules.module.",
    "torch.": "fnn.",
    "ParametersDict": "ParameterDict",
}


def as_fnn(text: str) -> str:
    """A text of torch's as fnn writes it."""
    for theirs, ours in _RENAMED.items():
        text = text.replace(theirs, ours)
    return text


def plain(value: Any) -> Any:
    """Tensors, arrays and boxes anywhere inside as nested lists of numbers; modules by name."""
    if isinstance(value, (torch.Tensor, jnp.ndarray, nn.Parameter, nn.Buffer)):
        return reference.to_numpy(value).astype(np.float64).tolist()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, types.GeneratorType)):
        return [plain(v) for v in value]
    if isinstance(value, (nn.Module, torch.nn.Module)):
        return type(value).__name__
    return value


def rounded_as(ours: Any, theirs: Any) -> Any:
    """``ours``, with each float that is close to the one in ``theirs`` replaced by it."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return theirs if math.isclose(ours, theirs, rel_tol=1e-4, abs_tol=1e-5) else ours
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [rounded_as(a, b) for a, b in zip(ours, theirs, strict=True)]
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {k: rounded_as(v, theirs.get(k)) for k, v in ours.items()}
    return ours


def same(action: Callable[[Any], Any]) -> Any:
    """Runs ``action(api)`` in both; compares what it returns."""
    theirs, ours = plain(action(TORCH)), plain(action(FNN))
    assert rounded_as(ours, theirs) == theirs
    return ours


def same_error(action: Callable[[Any], Any]) -> None:
    """Both raise; fnn's error is an instance of torch's class, with torch's text up to the first parenthesis."""
    with pytest.raises(Exception) as theirs, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        action(TORCH)
    with pytest.raises(theirs.type) as ours:
        action(FNN)
    want, got = (str(e.value.args[0]) if e.value.args else "" for e in (theirs, ours))
    assert as_fnn(want).split("(")[0].strip().rstrip(".") in as_fnn(got)
