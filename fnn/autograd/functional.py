"""``torch.autograd.functional``: products with Jacobians and Hessians, and these themselves, eagerly and compiled.

Inputs and outputs are an array or a tuple of arrays, and so are the results.  As in PyTorch the result of a function
can be differentiated in turn only with ``create_graph=True``; with ``strict=True`` it is an error if a result is zero
for the reason that the output does not depend on the input, rather than by its value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp

from fnn import func as transforms
from fnn.autograd._call import Call, Values, cotangents
from fnn.autograd._jacobian import jacobian_of
from fnn.docstrings import described
from fnn.errors import ArgumentTypeError
from fnn.typing import ArrayLike

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

# What the functions share.
_ARGUMENTS = {
    "func": "a function of arrays that returns an array or a tuple of arrays.",
    "inputs": "its argument or the tuple of its arguments.",
    "create_graph": "whether the results can be differentiated in turn.",
    "strict": "whether an output that depends on no input, and an input without influence, are errors.",
}
_OF_A_SCALAR = _ARGUMENTS | {
    "func": "a function of arrays that returns an array with one element.",
    "v": "of the inputs' shapes; None for a single input with one element.",
    "strict": "whether a gradient that does not depend on the inputs is an error.",
}

Arrays = ArrayLike | tuple[ArrayLike, ...]
Result = jax.Array | tuple[jax.Array, ...]


@described(_ARGUMENTS)
def vjp(
    func: Callable[..., Any], inputs: Arrays, v: Arrays | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Result, Result]:
    """The outputs of ``func`` and the product of ``v`` with its Jacobian: ``vᵀ J``.

    Args:
        v: of the outputs' shapes; None for a single output with one element.

    Returns:
        ``(outputs, product)``; the product has the form of ``inputs``.

    Raises:
        ArgumentError: ``v`` does not fit, or a dependence is missing in strict mode.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.autograd.functional import vjp
        >>> out, product = vjp(lambda x: jnp.exp(x).sum(1), jnp.zeros((2, 2)), jnp.array([1.0, 2.0]))
        >>> print(out, product.tolist())
        [2. 2.] [[1.0, 1.0], [2.0, 2.0]]
    """
    call = Call(func, inputs, "vjp")
    outputs, pull = transforms.vjp(call, *call.inputs)
    call.require(strict, "", every=False)
    missing = "the user-provided function returns a single Tensor with a single element."
    grads = pull(cotangents(outputs, call.vector(v, outputs, call.returns_tuple, missing)))
    return call.form(outputs, call.returns_tuple, create_graph), call.form(grads, call.given_tuple, create_graph)


@described(_ARGUMENTS)
def jvp(
    func: Callable[..., Any], inputs: Arrays, v: Arrays | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Result, Result]:
    """The outputs of ``func`` and the product of its Jacobian with ``v``: ``J v``.

    It is the derivative of ``u -> uᵀ J``, so that a function with a backward of its own needs no forward rule;
    `fnn.func.jvp` is the forward mode.

    Args:
        v: of the inputs' shapes; None for a single input with one element.

    Returns:
        ``(outputs, product)``, both in the form of the outputs.

    Raises:
        ArgumentError: ``v`` does not fit, or a dependence is missing in strict mode.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.autograd.functional import jvp
        >>> out, product = jvp(lambda x, y: x * y, (jnp.array(2.0), jnp.array(3.0)), (jnp.array(1.0), jnp.array(0.0)))
        >>> print(out, product)
        6.0 3.0
    """
    call = Call(func, inputs, "jvp")
    missing = "the input to the user-provided function is a single Tensor with a single element."
    direction = call.vector(v, call.inputs, call.given_tuple, missing)
    outputs, pull = transforms.vjp(call, *call.inputs)
    for i, out in enumerate(outputs):
        if not jnp.issubdtype(out.dtype, jnp.inexact):
            raise ArgumentTypeError(
                f"{call.what}: only Tensors of floating point and complex dtype can require gradients, got {out.dtype} "
                f"for output {i}"
            )
    call.require(strict, "", every=False)
    tangents = _pushed(pull, outputs, direction)
    return (
        call.form(outputs, call.returns_tuple, create_graph),
        call.form(tangents, call.returns_tuple, create_graph),
    )


def _pushed(pull: Callable[..., Any], outputs: Values, direction: Values) -> Values:
    """The transpose of a pull-back: ``J v``."""
    _, push = transforms.vjp(lambda *given: pull(given), *(jnp.zeros_like(out) for out in outputs))
    return push(direction)


@described(_OF_A_SCALAR)
def vhp(
    func: Callable[..., Any], inputs: Arrays, v: Arrays | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[jax.Array, Result]:
    """The value of a scalar function and the product of ``v`` with its Hessian: ``vᵀ H``.

    Args:
        v: of the inputs' shapes; None for a single input with one element.

    Returns:
        ``(output, product)``; the product has the form of ``inputs``.

    Raises:
        ArgumentError: ``v`` does not fit, the output is no single number, or a dependence is missing in strict mode.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.autograd.functional import vhp
        >>> out, product = vhp(lambda x: (x**3).sum(), jnp.array([1.0, 2.0]), jnp.ones(2))
        >>> print(out, product)
        9.0 [ 6. 12.]
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "vhp")


@described(_OF_A_SCALAR)
def hvp(
    func: Callable[..., Any], inputs: Arrays, v: Arrays | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[jax.Array, Result]:
    """The value of a scalar function and the product of its Hessian with ``v``: ``H v``.

    Args:
        v: of the inputs' shapes; None for a single input with one element.

    Returns:
        ``(output, product)``; the product has the form of ``inputs``.

    Raises:
        ArgumentError: ``v`` does not fit, the output is no single number, or a dependence is missing in strict mode.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.autograd.functional import hvp
        >>> print(hvp(lambda x: (x**3).sum(), jnp.array([1.0, 2.0]), jnp.ones(2))[1])
        [ 6. 12.]
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "hvp")


def _hessian_product(func: Any, inputs: Any, v: Any, create_graph: bool, strict: bool, name: str) -> Any:
    call = Call(func, inputs, name)
    missing = "the input to the user-provided function is a single Tensor with a single element."
    vector = call.vector(v, call.inputs, call.given_tuple, missing)
    grads, pull, out = transforms.vjp(call.gradient, *call.inputs, has_aux=True)
    call.require_curved(strict)
    product = pull(vector) if name == "vhp" else _pushed(pull, grads, vector)
    return call.form((out,), False, create_graph), call.form(product, call.given_tuple, create_graph)


@described(_ARGUMENTS)
def jacobian(
    func: Callable[..., Any],
    inputs: Arrays,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: Literal["reverse-mode", "forward-mode"] = "reverse-mode",
) -> Any:
    """The Jacobian of ``func``.

    Args:
        strict: whether an output that does not depend on an input is an error.
        vectorize: whether all rows are computed at once, or one after the other, which takes less memory.
        strategy: ``"reverse-mode"``, or ``"forward-mode"``: by columns; it needs ``vectorize``.

    Returns:
        An array of shape ``(*output, *input)``; for a tuple of inputs a tuple of these, for a tuple of outputs a
        tuple with what would be returned for each.

    Raises:
        ArgumentError: an unknown strategy, options that do not go together, or a missing dependence in strict mode.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.autograd.functional import jacobian
        >>> print(jacobian(lambda x: x**2, jnp.array([1.0, 2.0])))
        [[2. 0.]
         [0. 4.]]
    """
    return jacobian_of(Call(func, inputs, "jacobian"), create_graph, strict, vectorize, strategy)


@described(_OF_A_SCALAR)
def hessian(
    func: Callable[..., Any],
    inputs: Arrays,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: Literal["reverse-mode", "forward-mode"] = "reverse-mode",
) -> Any:
    """The Hessian of a scalar function.

    Args:
        strict: whether a gradient that does not depend on an input is an error.
        vectorize: whether all rows are computed at once.
        outer_jacobian_strategy: how the gradient is differentiated; ``"forward-mode"`` needs ``vectorize``.

    Returns:
        An array of shape ``(*input, *input)``; for a tuple of inputs a tuple of tuples.

    Raises:
        ArgumentError: as for `jacobian`, or the output is no single number.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.autograd.functional import hessian
        >>> print(hessian(lambda x: (x**3).sum(), jnp.array([1.0, 2.0])))
        [[ 6.  0.]
         [ 0. 12.]]
    """
    call = Call(func, inputs, "hessian")
    call.require_curved(strict and not vectorize)

    def gradient(*xs: jax.Array) -> Any:
        return call.gradient(*xs)[0]

    outer = Call(gradient, call.inputs, "hessian")
    outer.given_tuple = call.given_tuple
    rows = jacobian_of(outer, create_graph, strict, vectorize, outer_jacobian_strategy)
    return rows if call.given_tuple else rows[0]
