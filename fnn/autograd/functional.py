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
import numpy as np
from jax import lax
from jax.tree_util import tree_map

from fnn import func as transforms
from fnn import tracing
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.func.dependence import dependence
from fnn.typing import ArrayLike

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Arrays = ArrayLike | tuple[ArrayLike, ...]
Result = jax.Array | tuple[jax.Array, ...]
_Values = tuple[jax.Array, ...]

_INDEPENDENT = (
    "{what}: Output {i} of the user-provided function is independent of input {j}. This is not allowed in strict mode."
)
_CONSTANT = (
    "{what}: Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
    "differentiable manner from the input when running in strict mode."
)
_LINEAR = (
    "{what}: While computing the hessian, found that the jacobian of the user-provided function with respect to input "
    "{i} is independent of the input. This is not allowed in strict mode. You should ensure that your function is "
    "twice differentiable and that the jacobian depends on the inputs (this would be violated by a linear function "
    "for example)."
)
_BACK = (
    "{what}: The jacobian of the user-provided function is independent of input {j}. This is not allowed in strict "
    "mode."
)


def _tupled(values: object, name: str, what: str) -> tuple[bool, _Values]:
    """Whether ``values`` are a tuple, and the tuple of arrays."""
    is_tuple = isinstance(values, tuple)
    parts: tuple[Any, ...] = values if isinstance(values, tuple) else (values,)
    for i, part in enumerate(parts):
        if not isinstance(part, (jax.Array, np.ndarray)):
            which = f"value at index {i}" if is_tuple else f"given {name}"
            raise ArgumentTypeError(
                f"{what}: The {name} given to {what.rpartition('.')[2]} must be either a Tensor or a tuple of Tensors "
                f"but the {which} has type {type(part)}."
            )
    return is_tuple, tuple(to_array(part) for part in parts)


class _Call:
    """The user's function as one of a tuple of arrays to a tuple of arrays."""

    def __init__(self, func: Callable[..., Any], inputs: object, name: str) -> None:
        self.what = f"fnn.autograd.functional.{name}"
        self.func = func
        self.given_tuple, self.inputs = _tupled(inputs, "inputs", self.what)
        for i, x in enumerate(self.inputs):
            if not jnp.issubdtype(x.dtype, jnp.inexact):
                raise ArgumentTypeError(
                    f"{self.what}: only Tensors of floating point and complex dtype can require gradients, got "
                    f"{x.dtype} for input {i}"
                )
        self.returns_tuple = False

    def __call__(self, *inputs: jax.Array) -> _Values:
        out = self.func(*inputs)
        self.returns_tuple, values = _tupled(out, "outputs of the user-provided function", self.what)
        return values

    def scalar(self, *inputs: jax.Array) -> jax.Array:
        """The single number that a function with a Hessian returns."""
        (out, *rest), name = self(*inputs), self.what.rpartition(".")[2]
        if rest or self.returns_tuple:
            raise ArgumentError(f"{self.what}: The function given to {name} should return a single Tensor")
        if out.size != 1:
            raise ArgumentError(
                f"{self.what}: The Tensor returned by the function given to {name} should contain a single element, "
                f"got shape {out.shape}"
            )
        return out

    def gradient(self, *inputs: jax.Array) -> tuple[_Values, jax.Array]:
        """The gradients of `scalar`, and its value."""
        out, pull = transforms.vjp(self.scalar, *inputs)
        return pull(_one(out)), out

    def form(self, values: tuple[Any, ...], is_tuple: bool, create_graph: bool) -> Any:
        """What is returned: ``values`` or the only one of them, constants unless ``create_graph``."""
        if not create_graph:
            values = tree_map(lax.stop_gradient, values)
        return values if is_tuple else values[0]

    def vector(self, v: object, like: _Values, is_tuple: bool, missing: str) -> _Values:
        """``v`` as a tuple that fits ``like``; one where None may stand for it."""
        if v is None:
            if len(like) != 1 or like[0].size != 1:
                raise ArgumentError(f"{self.what}: The vector v can only be None if {missing}")
            return (jnp.ones_like(like[0]),)
        _, values = _tupled(v, "v", self.what)
        if len(values) != len(like):
            raise ArgumentError(
                f"{self.what}: v is a tuple of invalid length: should be {len(like)} but got {len(values)}."
                if is_tuple else f"{self.what}: The given v should contain a single Tensor."
            )  # fmt: skip
        for i, (part, other) in enumerate(zip(values, like, strict=True)):
            if part.shape != other.shape:
                entry = f"Entry {i} in " if is_tuple else ""
                raise ArgumentError(
                    f"{self.what}: {entry}v has invalid size: should be {list(other.shape)} but got {list(part.shape)}."
                )
        return tuple(
            part.astype(o.dtype) if jnp.issubdtype(o.dtype, jnp.inexact) else part
            for part, o in zip(values, like, strict=True)
        )

    def require(self, strict: bool, message: str, every: bool) -> None:
        """In strict mode refuses an output without a derivative, or (``every``) a pair of output and input."""
        if not strict:
            return
        table = dependence(self, *self.inputs)
        for i, row in enumerate(table):
            if not any(row):
                raise ArgumentError(_CONSTANT.format(what=self.what, i=i))
            for j, reached in enumerate(row):
                if every and not reached:
                    raise ArgumentError(message.format(what=self.what, i=i, j=j))
        for j in range(len(self.inputs)):
            if not any(row[j] for row in table):
                raise ArgumentError(
                    f"{self.what}: The output of the user-provided function is independent of input {j}. This is not "
                    "allowed in strict mode."
                )

    def require_curved(self, strict: bool) -> None:
        """In strict mode refuses a function whose gradient does not depend on the inputs."""
        if not strict:
            return
        self.require(True, "", every=False)
        table = dependence(lambda *xs: self.gradient(*xs)[0], *self.inputs)
        for i, row in enumerate(table):
            if not any(row):
                raise ArgumentError(_LINEAR.format(what=self.what, i=i))
        for j in range(len(self.inputs)):
            if not any(row[j] for row in table):
                raise ArgumentError(_BACK.format(what=self.what, j=j))


def _one(out: jax.Array) -> Any:
    return jnp.ones_like(out) if jnp.issubdtype(out.dtype, jnp.inexact) else np.zeros(out.shape, jax.dtypes.float0)


def _cotangents(outputs: _Values, given: _Values) -> tuple[Any, ...]:
    """``given`` for what has a derivative; nothing for integers."""
    return tuple(
        v if jnp.issubdtype(out.dtype, jnp.inexact) else np.zeros(out.shape, jax.dtypes.float0)
        for out, v in zip(outputs, given, strict=True)
    )


def vjp(
    func: Callable[..., Any], inputs: Arrays, v: Arrays | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Result, Result]:
    """The outputs of ``func`` and the product of ``v`` with its Jacobian: ``vᵀ J``.

    Args:
        func: a function of arrays that returns an array or a tuple of arrays.
        inputs: its argument or the tuple of its arguments.
        v: of the outputs' shapes; None for a single output with one element.
        create_graph: whether the results can be differentiated in turn.
        strict: whether an output that depends on no input, and an input without influence, are errors.

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
    call = _Call(func, inputs, "vjp")
    outputs, pull = transforms.vjp(call, *call.inputs)
    call.require(strict, "", every=False)
    missing = "the user-provided function returns a single Tensor with a single element."
    grads = pull(_cotangents(outputs, call.vector(v, outputs, call.returns_tuple, missing)))
    return call.form(outputs, call.returns_tuple, create_graph), call.form(grads, call.given_tuple, create_graph)


def jvp(
    func: Callable[..., Any], inputs: Arrays, v: Arrays | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Result, Result]:
    """The outputs of ``func`` and the product of its Jacobian with ``v``: ``J v``.

    It is the derivative of ``u -> uᵀ J``, so that a function with a backward of its own needs no forward rule;
    `fnn.func.jvp` is the forward mode.

    Args:
        func: a function of arrays that returns an array or a tuple of arrays.
        inputs: its argument or the tuple of its arguments.
        v: of the inputs' shapes; None for a single input with one element.
        create_graph: whether the results can be differentiated in turn.
        strict: whether an output that depends on no input, and an input without influence, are errors.

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
    call = _Call(func, inputs, "jvp")
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


def _pushed(pull: Callable[..., Any], outputs: _Values, direction: _Values) -> _Values:
    """The transpose of a pull-back: ``J v``."""
    _, push = transforms.vjp(lambda *given: pull(given), *(jnp.zeros_like(out) for out in outputs))
    return push(direction)


def vhp(
    func: Callable[..., Any], inputs: Arrays, v: Arrays | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[jax.Array, Result]:
    """The value of a scalar function and the product of ``v`` with its Hessian: ``vᵀ H``.

    Args:
        func: a function of arrays that returns an array with one element.
        inputs: its argument or the tuple of its arguments.
        v: of the inputs' shapes; None for a single input with one element.
        create_graph: whether the results can be differentiated in turn.
        strict: whether a gradient that does not depend on the inputs is an error.

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


def hvp(
    func: Callable[..., Any], inputs: Arrays, v: Arrays | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[jax.Array, Result]:
    """The value of a scalar function and the product of its Hessian with ``v``: ``H v``.

    Args:
        func: a function of arrays that returns an array with one element.
        inputs: its argument or the tuple of its arguments.
        v: of the inputs' shapes; None for a single input with one element.
        create_graph: whether the results can be differentiated in turn.
        strict: whether a gradient that does not depend on the inputs is an error.

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
    call = _Call(func, inputs, name)
    missing = "the input to the user-provided function is a single Tensor with a single element."
    vector = call.vector(v, call.inputs, call.given_tuple, missing)
    grads, pull, out = transforms.vjp(call.gradient, *call.inputs, has_aux=True)
    call.require_curved(strict)
    product = pull(vector) if name == "vhp" else _pushed(pull, grads, vector)
    return call.form((out,), False, create_graph), call.form(product, call.given_tuple, create_graph)


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
        func: a function of arrays that returns an array or a tuple of arrays.
        inputs: its argument or the tuple of its arguments.
        create_graph: whether the result can be differentiated in turn.
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
    return _jacobian(_Call(func, inputs, "jacobian"), create_graph, strict, vectorize, strategy)


def _jacobian(call: _Call, create_graph: bool, strict: bool, vectorize: bool, strategy: str) -> Any:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise ArgumentError(
            f'{call.what}: Expected strategy to be either "forward-mode" or "reverse-mode", got {strategy!r}. Hint: If '
            'your function has more outputs than inputs, "forward-mode" tends to be more performant. Otherwise, '
            'prefer to use "reverse-mode".'
        )
    forward = strategy == "forward-mode"
    if forward and create_graph:
        raise ArgumentError(
            f'{call.what}: `create_graph=True` and `strategy="forward-mode"` are not supported together. Please '
            'either set `create_graph=False` or `strategy="reverse-mode"`.'
        )
    if strict and (vectorize or forward):
        other = '`strategy="forward-mode"`' if forward else "`vectorized=True`"
        raise ArgumentError(f"{call.what}: `strict=True` and {other} are not supported together.")
    if forward and not vectorize:
        raise ArgumentError(
            f"{call.what}: Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented "
            "for `vectorize=True`."
        )
    table = _columns(call) if forward else _rows(call, strict, vectorize)
    rows = tuple(call.form(tuple(row), call.given_tuple, create_graph) for row in table)
    return rows if call.returns_tuple else rows[0]


def _basis(x: jax.Array) -> jax.Array:
    return jnp.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)


def _rows(call: _Call, strict: bool, vectorize: bool) -> list[list[jax.Array]]:
    outputs, pull = transforms.vjp(call, *call.inputs)
    call.require(strict, _INDEPENDENT, every=True)
    table = []
    for i, out in enumerate(outputs):
        if not jnp.issubdtype(out.dtype, jnp.inexact):
            table.append([jnp.zeros(out.shape + x.shape, x.dtype) for x in call.inputs])
            continue
        if jnp.iscomplexobj(out) and not vectorize:
            raise ArgumentError(
                f"{call.what}: grad can be implicitly created only for real scalar outputs but got {out.dtype}"
            )

        def row(direction: jax.Array, i: int = i) -> _Values:
            given = [jnp.zeros_like(o) for o in outputs]
            given[i] = direction
            return pull(_cotangents(outputs, tuple(given)))

        grads = _each(row, _basis(out), vectorize)
        table.append([g.reshape(out.shape + x.shape) for g, x in zip(grads, call.inputs, strict=True)])
    return table


def _each(function: Callable[[jax.Array], _Values], rows: jax.Array, at_once: bool) -> _Values:
    if at_once or not len(rows):
        return jax.vmap(function)(rows)
    if tracing.staged():
        return lax.map(function, rows)
    return tuple(jnp.stack(column) for column in zip(*map(function, rows), strict=True))


def _columns(call: _Call) -> list[list[jax.Array]]:
    outputs, push = transforms.linearize(call, *call.inputs)
    table: list[list[jax.Array]] = [[] for _ in outputs]
    for j, x in enumerate(call.inputs):

        def column(direction: jax.Array, j: int = j) -> _Values:
            given = [jnp.zeros_like(other) for other in call.inputs]
            given[j] = direction
            return push(*given)

        for row, out, tangents in zip(table, outputs, jax.vmap(column)(_basis(x)), strict=True):
            moved = jnp.moveaxis(jnp.zeros((x.size, *out.shape)) if tangents.dtype == jax.dtypes.float0
                                 else tangents, 0, -1)  # fmt: skip
            row.append(moved.reshape(out.shape + x.shape))
    return table


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
        func: a function of arrays that returns an array with one element.
        inputs: its argument or the tuple of its arguments.
        create_graph: whether the result can be differentiated in turn.
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
    call = _Call(func, inputs, "hessian")
    call.require_curved(strict and not vectorize)

    def gradient(*xs: jax.Array) -> Any:
        return call.gradient(*xs)[0]

    outer = _Call(gradient, call.inputs, "hessian")
    outer.given_tuple = call.given_tuple
    rows = _jacobian(outer, create_graph, strict, vectorize, outer_jacobian_strategy)
    return rows if call.given_tuple else rows[0]
