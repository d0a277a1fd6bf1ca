"""Distributions of the two frameworks side by side."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import distributions as ours
from tests.distributions.table import Case
from tests.reference import to_numpy, torch

theirs = torch.distributions


def torch_arrays(grad: bool = False) -> tuple[Callable[[Any], Any], list[Any]]:
    """A maker of tensors, and those that it made."""
    made: list[Any] = []

    def make(value: Any) -> Any:
        made.append(torch.tensor(value, dtype=torch.float32, requires_grad=grad))
        return made[-1]

    return make, made


def build(case: Case, grad: bool = False) -> tuple[Any, list[Any]]:
    """torch's distribution and its parameters."""
    make, made = torch_arrays(grad)
    return case.make(theirs, make), made


def rebuild(case: Case, parameters: list[Any]) -> Any:
    """Ours of these parameters."""
    rest = iter(parameters)
    return case.make(ours, lambda value: next(rest))


def arrays(case: Case) -> list[jax.Array]:
    return [jnp.asarray(to_numpy(t)) for t in build(case)[1]]


def close(mine: Any, other: Any, what: str, rtol: float = 2e-4, atol: float = 2e-5) -> None:
    a, b = np.asarray(mine), to_numpy(other)
    assert a.shape == b.shape, f"{what}: shape {a.shape}, torch has {b.shape}"
    assert a.dtype.name == {"int64": "int32"}.get(b.dtype.name, b.dtype.name), (
        f"{what}: dtype {a.dtype}, torch has {b.dtype}"
    )
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=what)


def text(message: str) -> str:
    """A message without what the frameworks name differently: arrays, their numbers, shapes."""
    message = re.sub(
        r"torch\.Size\(\[(.*?)\]\)", lambda m: f"({m[1]}{',' if m[1] and ',' not in m[1] else ''})", message
    )
    message = message.split("but found invalid values")[0]
    message = re.sub(r"tensor\((\[.*?\])\)", r"\1", message, flags=re.S)
    message = re.sub(r"\d+\.\d*", lambda m: f"{float(m[0]):g}", message).replace("[ ", "[")
    message = re.sub(r"(probs: [^)]*\)), logits: \([^)]*\)", r"\1", message)  # torch looked at both
    message = re.sub(r"\[[^\]]*\]", lambda m: str(m[0].strip("[]").replace(",", " ").split()), message)
    return re.sub(r"\b(a Tensor|an array|Tensor|Parameter)\b", "Array", message)


def same_error(mine: Callable[[], Any], other: Callable[[], Any], exactly: bool = True) -> None:
    with pytest.raises(Exception) as expected:
        other()
    with pytest.raises(type(expected.value) if not isinstance(expected.value, AssertionError) else ValueError) as found:
        mine()
    if exactly:
        assert text(str(found.value)) == text(str(expected.value))
