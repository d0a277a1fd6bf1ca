"""What a value of an optimizer's is: a number, an array, or a constant that a program is compiled for."""

from __future__ import annotations

import enum
from collections.abc import Hashable
from typing import TypeGuard

import jax
import numpy as np

from fnn.state.box import Box
from fnn.state.describe import Identity
from fnn.tracing import Tracer

__all__ = ["PLAIN", "fingerprint", "is_array", "is_number", "same"]

PLAIN = (type(None), bool, int, float, complex, str, bytes, enum.Enum)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether ``value`` is one of Python's numbers that a traced value can stand for."""
    if type(value) is int:
        return -(2**31) <= value < 2**31
    return isinstance(value, float)


def is_array(value: object) -> bool:
    """Whether ``value`` is an array, traced or not, or a box."""
    return isinstance(value, (jax.Array, Tracer, Box, np.ndarray, np.generic)) or hasattr(value, "__jax_array__")


def same(a: object, b: object) -> bool:
    """Whether two hyper-parameters are surely equal; arrays only if they are one."""
    return a is b or (not is_array(a) and not is_array(b) and bool(a == b))


def fingerprint(value: object) -> Hashable:
    """``value`` as a hashable that is equal for what traces alike."""
    if isinstance(value, PLAIN):
        return (type(value), value)
    if isinstance(value, (tuple, list)):
        return (type(value), *map(fingerprint, value))
    return Identity(value)
