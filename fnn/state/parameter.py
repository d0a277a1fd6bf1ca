"""`Parameter` and `Buffer`, and their forms without a value yet, which lazy modules materialise."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.devices import to_device
from fnn.dtypes import canonical, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.state.box import Box, lazy_access
from fnn.state.layout import Layout
from fnn.state.scope import epoch, innermost
from fnn.state.watch import recorder
from fnn.typing import Device, DType, Shape

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


class Buffer(Box):
    """State that is no parameter, such as a running mean.

    Args:
        data: the array.
        persistent: whether it is part of ``state_dict``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> module = nn.Module()
        >>> module.steps = nn.Buffer(jnp.zeros(()))
        >>> module.steps += 1
        >>> print(module.steps.data)
        1.0
    """

    __slots__ = ("persistent",)

    def __init__(self, data: object = None, *, persistent: bool = True) -> None:
        super().__init__(data)
        self.persistent = persistent

    @property
    def requires_grad(self) -> bool:
        """False: what is to be differentiated is a `Parameter`."""
        return False

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value:
            raise ArgumentError("Buffer: requires_grad must be False, got True; make it a Parameter")

    def _meta(self) -> dict[str, Any]:
        return {"persistent": self.persistent}


class Parameter(Box):
    """An array that a Module learns.

    Assigned to an attribute of a `Module`, it is registered there, appears in ``parameters()`` and in
    ``state_dict()``, and `fnn.value_and_grad` differentiates with respect to it.

    Args:
        data: the array, of any shape; a floating or complex dtype if it is to be differentiated.
        requires_grad: whether it is trained.

    Raises:
        ArgumentError: an integer array with ``requires_grad=True``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.Parameter(jnp.ones(2))
        Parameter containing:
        Array([1., 1.], dtype=float32, requires_grad=True)
    """

    __slots__ = ("_grad", "_grad_hooks", "_names", "_post_hooks", "_requires_grad")

    def __init__(self, data: object = None, requires_grad: bool = True) -> None:
        super().__init__(jnp.zeros((0,)) if data is None else data)
        if not isinstance(requires_grad, (bool, np.bool_)):
            raise ArgumentTypeError(f"Parameter: requires_grad must be a bool, got requires_grad={requires_grad!r}")
        if requires_grad and not jnp.issubdtype(self._value.dtype, jnp.inexact):
            raise ArgumentError(
                "Parameter: Only Tensors of floating point and complex dtype can require gradients, got "
                f"dtype={self._value.dtype}; pass requires_grad=False"
            )
        self._init_meta(bool(requires_grad))

    def _init_meta(self, requires_grad: bool) -> None:
        self._requires_grad = requires_grad
        self._grad: Box | None = None
        self._grad_hooks: OrderedDict[int, Any] | None = None
        self._post_hooks: OrderedDict[int, Any] | None = None
        self._names: tuple[str, ...] = ()

    def _write(self, value: Any) -> None:
        if self._requires_grad and self._value is not None and value is not None and value.dtype != self._value.dtype:
            if not jnp.issubdtype(value.dtype, jnp.inexact):
                raise ArgumentError(
                    f"{type(self).__name__}.data: data of a Parameter that requires gradients must be floating point "
                    f"or complex, got dtype={value.dtype}"
                )
        super()._write(value)

    @property
    def requires_grad(self) -> bool:
        """Whether the transforms differentiate with respect to it and optimizers update it."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._value is not None and not jnp.issubdtype(self._value.dtype, jnp.inexact):
            raise ArgumentError(
                f"Parameter: only Tensors of floating point dtype can require gradients, got dtype={self._value.dtype}"
            )
        scope = innermost.get()
        if scope is not None and self._requires_grad != bool(value):
            scope.retyped(self)
        self._requires_grad = bool(value)
        epoch.structure += 1

    def requires_grad_(self, requires_grad: bool = True) -> Parameter:
        """Sets `requires_grad`; returns the parameter."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> jax.Array | None:
        """The gradient that `fnn.backward` accumulated, or None; a sparse one (BCOO) may be assigned."""
        box = self._grad
        if box is None:
            if innermost.get() is None:
                return None
            box = self._grad_box()
        return box.data

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not _is_sparse(value):
                value = to_array(value, "grad", "Parameter.grad: ")
            if value.shape != self.shape:
                raise ArgumentError(
                    "Parameter.grad: assigned grad has data of a different size: "
                    f"expected {self.shape}, got {value.shape}"
                )
        elif self._grad is None and innermost.get() is None:
            return
        self._grad_box()._write(value)

    def _clear_grad(self, set_to_none: bool) -> None:
        """What ``zero_grad`` does to it."""
        if set_to_none:
            self.grad = None  # without a look at what is there: a compiled step need not know
            return
        grad: Any = self.grad
        if grad is not None:
            if _is_sparse(grad):  # of which jnp.zeros_like would make a dense one
                self.grad = type(grad)((jnp.zeros_like(grad.data), grad.indices), shape=grad.shape)
            else:
                self.grad = jnp.zeros_like(grad)

    def _grad_box(self) -> Box:
        if self._grad is None:
            box = Box()
            box._born = self._born  # lives as long as the parameter does
            if self._layout is not None:
                box._layout = Layout(self._layout.sharding)
            self._grad = box
        return self._grad

    def register_hook(self, hook: Callable[[jax.Array], jax.Array | None]) -> Any:
        """Calls ``hook(gradient)`` on each gradient of this parameter; a result replaces the gradient.

        Returns:
            A handle with ``remove()``.

        Raises:
            ArgumentError: it is frozen.
        """
        return self._hooked("_grad_hooks", hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Parameter], None]) -> Any:
        """Calls ``hook(parameter)`` each time that `fnn.backward` has added to its `grad`.

        The hook may use the gradient up: by a step of an optimizer of this parameter alone, then ``parameter.grad =
        None``. After `fnn.accumulate` it is called once.

        Returns:
            A handle with ``remove()``.

        Raises:
            ArgumentError: it is frozen.
        """
        return self._hooked("_post_hooks", hook)

    def _hooked(self, table: str, hook: Callable[[Any], object]) -> Any:
        from fnn.state.hooks import register

        if not self._requires_grad:
            raise ArgumentError("cannot register a hook on a tensor that doesn't require gradient")
        if getattr(self, table) is None:
            setattr(self, table, OrderedDict())
        return register(getattr(self, table), hook)

    def _meta(self) -> dict[str, Any]:
        kept = {"_requires_grad": self._requires_grad, "_names": self._names}
        return {**kept, "_grad": None, "_grad_hooks": None, "_post_hooks": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        new = super().__deepcopy__(memo)
        if self._grad is not None and new._grad is None and self._grad.data is not None:
            new.grad = self._grad.data
        return new

    def __repr__(self) -> str:
        return f"Parameter containing:\n{self._array_repr(f'requires_grad={self._requires_grad}')}"


class UninitializedTensorMixin:
    """What `UninitializedParameter` and `UninitializedBuffer` share: no value until `materialize`.

    Example:
        >>> from fnn import nn
        >>> lazy = nn.parameter.UninitializedTensorMixin
        >>> [name for name, p in nn.LazyLinear(2).named_parameters() if isinstance(p, lazy)]
        ['weight', 'bias']
    """

    __slots__ = ()
    _initialised_class: type

    @property
    def data(self) -> Any:
        """Raises: there is no value yet."""
        raise ArgumentError(lazy_access("values"))

    @data.setter
    def data(self, value: object) -> None:
        raise ArgumentError(lazy_access("values"))

    def _peek(self) -> Any:
        raise ArgumentError(lazy_access("shape"))

    @property
    def dtype(self) -> Any:
        """The dtype that the value will have."""
        return canonical(self.__dict__.get("_wanted_dtype"))

    def materialize(self, shape: Shape, device: Device | None = None, dtype: DType | None = None) -> None:
        """Gives the box a value of zeros of this shape; it becomes an ordinary one, with the same identity.

        Args:
            shape: the shape.
            device: where to put it; the one given to the constructor (or by ``module.to``) if None.
            dtype: the dtype; the one given to the constructor (or by ``module.to``) if None.
        """
        from fnn import init

        if device is not None:
            self.__dict__["_wanted_device"] = to_device(device, "materialize: ")
        with jax.ensure_compile_time_eval():
            self._adopt(init.zeros(None, tuple(shape), self.dtype if dtype is None else dtype))

    def _move(self, fn: Callable[[jax.Array], jax.Array]) -> None:
        """What ``module.to`` does to a box without a value: notes the dtype and the device of the value to come."""
        like = fn(jax.device_put(np.zeros((0,), self.dtype)))
        self.__dict__["_wanted_dtype"] = like.dtype
        if like.committed:
            self.__dict__["_wanted_device"] = like.sharding

    def _adopt(self, value: object) -> None:
        # The value is a fresh host constant, so it is stored in the box itself, whatever scope is open.
        scope = innermost.get()
        if scope is not None and scope.undo is not None:
            scope.undo.append(functools.partial(_unmaterialise, self, type(self), dict(self.__dict__)))
        device = self.__dict__.pop("_wanted_device", None)
        self.__dict__.pop("_wanted_dtype", None)
        told = recorder.get()
        if told is not None:
            told.materialised = True
        self.__class__ = self._initialised_class
        self._value = value if device is None else jax.device_put(value, device)
        self._exposed = True
        epoch.exposures += 1
        epoch.structure += 1

    def _want(self, device: object, dtype: object) -> None:
        wanted = {"_wanted_dtype": dtype, "_wanted_device": to_device(device, f"{type(self).__name__}: ")}
        self.__dict__.update((name, value) for name, value in wanted.items() if value is not None)

    def _wants(self) -> tuple[Any, Any]:
        return self.__dict__.get("_wanted_device"), self.__dict__.get("_wanted_dtype")


def _unmaterialise(box: Any, cls: type, attributes: dict[str, Any]) -> None:
    box.__class__ = cls
    box._value = None
    box.__dict__.update(attributes)
    epoch.structure += 1


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet; lazy modules `materialize` it on their first call.

    Args:
        requires_grad: whether it will be trained.
        device: where `materialize` will put the value.
        dtype: the dtype that `materialize` will use.

    Example:
        >>> from fnn import nn
        >>> weight = nn.UninitializedParameter()
        >>> weight
        <UninitializedParameter>
        >>> weight.materialize((2, 3))
        >>> weight.shape
        (2, 3)
    """

    __slots__ = ()
    _initialised_class = Parameter

    def __init__(self, requires_grad: bool = True, device: object = None, dtype: object = None) -> None:
        Box.__init__(self, None)
        self._init_meta(requires_grad)
        self._want(device, dtype)

    def __reduce__(self) -> Any:
        return UninitializedParameter, (self._requires_grad, None, self._wants()[1])

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = UninitializedParameter(self._requires_grad, *self._wants())
        return memo[id(self)]

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose shape is not known yet.

    Args:
        device: where `materialize` will put the value.
        dtype: the dtype that `materialize` will use.
        persistent: whether it is part of ``state_dict``.

    Example:
        >>> from fnn import nn
        >>> buffer = nn.UninitializedBuffer()
        >>> buffer.materialize((2,))
        >>> print(buffer.data)
        [0. 0.]
    """

    __slots__ = ()
    _initialised_class = Buffer

    def __init__(
        self, requires_grad: bool = False, device: object = None, dtype: object = None, persistent: bool = True
    ) -> None:
        del requires_grad
        Box.__init__(self, None)
        self.persistent = persistent
        self._want(device, dtype)

    def __reduce__(self) -> Any:
        return UninitializedBuffer, (False, None, self._wants()[1], self.persistent)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = UninitializedBuffer(False, *self._wants(), self.persistent)
        return memo[id(self)]

    def __repr__(self) -> str:
        return "<UninitializedBuffer>"


def _is_sparse(value: object) -> bool:
    """Whether ``value`` is a BCOO array; without importing JAX's sparse arrays, which few need."""
    return type(value).__name__ == "BCOO" and type(value).__module__.startswith("jax.experimental.sparse")


def is_lazy(param: object) -> bool:
    """Whether ``param`` is an uninitialised parameter or buffer.

    Example:
        >>> from fnn import nn
        >>> nn.parameter.is_lazy(nn.LazyLinear(2).weight), nn.parameter.is_lazy(nn.Linear(3, 2).weight)
        (True, False)
    """
    return isinstance(param, UninitializedTensorMixin)
