"""What the tests over op_db share: a table from names to what their cases need, and its runner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

import fnn
from tests import reference
from tests.extent import ALL

torch = reference.torch

DTYPES = ("float32", "int32", "bool", "bfloat16")


class Case(NamedTuple):
    """How the op_db entry of a name is run."""

    name: str
    dtypes: tuple[str, ...] = DTYPES  # those that op_db has
    most: int = 3  # samples a variant and dtype, unless FNN_TEST_ALL=1
    eager: bool = False  # whether the shape of the result depends on values
    arguments: Callable[[Any], Any] | None = None  # from op_db's order to that of the function
    skip: Callable[[Any], bool] = lambda sample: False
    errors: tuple[str, ...] = ()  # parts of the patterns of errors that JAX cannot have
    grad: bool = True


def needs_x64(sample: Any) -> bool:
    """Whether a sample asks for what is off without x64 mode, or for an argument that has no meaning here."""
    wide = (torch.float64, torch.int64, torch.complex128)
    return any(value in wide for value in (*sample.args, *sample.kwargs.values()) if isinstance(value, torch.dtype))


def function_of(case: Case) -> Callable[..., Any]:
    """The function of fnn under the name, with the arguments that op_db gives to torch's."""
    function = getattr(fnn.ops, case.name)

    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("requires_grad", None)  # False, in all samples
        kwargs.pop("memory_format", None)
        if case.arguments is not None:
            args = case.arguments(args)
        return function(*args, **kwargs)

    return call


def run(case: Case, dtype: str) -> None:
    """The values and gradients of a case in one dtype."""
    kept = getattr(torch, dtype)
    entries = reference.ops(case.name)
    if not any(kept in entry.supported_dtypes("cpu") for entry in entries):
        return
    # Gradients are those of float32: of bfloat16 only the values are compared.
    settings = {"dtype": kept, "most": case.most if dtype == "float32" or ALL else 1}
    settings["skip"] = lambda sample: "left out" if case.skip(sample) or needs_x64(sample) else None
    settings["grad"] = case.grad and dtype == "float32"
    with jax.disable_jit(case.eager):
        reference.check_op(case.name, function_of(case), **settings)


def run_errors(case: Case) -> None:
    """The bad inputs of a case."""
    reference.check_op_errors(case.name, function_of(case), case.errors)
