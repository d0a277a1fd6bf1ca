"""Boxes: mutable places that hold one array each.

`Parameter` and `Buffer` look like arrays (operators, ``jnp`` functions, ``numpy``, indexing, methods) and can
be assigned to (``p.data = ...``, ``p.copy_(...)``).  Only raw ``lax`` calls need ``p.data``.  A box is a pytree
node with one leaf, its value.

Reading and writing consult the open `Scope`, if there is one.  A value that has been handed out (or came from
outside) is marked *exposed*: `fnn.jit` donates the arrays that a step replaces, and copies an exposed one first,
so that an array which the user holds never disappears.
"""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import random
from fnn._trace import Tracer
from fnn.devices import to_device
from fnn.dtypes import canonical, to_array
from fnn.errors import ArgumentError, ArgumentTypeError, TracerEscapeError
from fnn.nn._scope import _scope, epoch, escape_message

__all__ = ["Box", "Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]

_UNINITIALISED = (
    "Can't access the {what} of an uninitialized parameter or buffer. This error usually happens in "
    "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. "
    "Call `forward` to initialize the parameters before accessing their attributes."
)


def lazy_access(what: str) -> str:
    """Why the ``what`` of an uninitialised box cannot be had."""
    return _UNINITIALISED.format(what=what)


def _flatten(box: Box) -> tuple[tuple[Any], Any]:
    return (box.data,), box._static()


def _unflatten(cls: type[Box], static: Any, children: tuple[Any]) -> Box:
    # Not through the constructor: JAX puts tracers, None and its own placeholders into pytrees.
    new = cls.__new__(cls)
    scope = _scope.get()
    new._born = 0 if scope is None else scope.serial
    new._value, new._exposed = children[0], True
    epoch.exposures += 1
    new._init_meta(static)
    return new


class Box:
    """A mutable place for one array; see the module's text."""

    __slots__ = ("__dict__", "__weakref__", "_born", "_exposed", "_value")

    __array_priority__ = 100

    _value: Any
    _exposed: bool
    _born: int

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        jax.tree_util.register_pytree_node(cls, _flatten, functools.partial(_unflatten, cls))

    def __init__(self, data: Any = None) -> None:
        scope = _scope.get()
        self._born = 0 if scope is None else scope.serial
        # A numpy array is copied: jnp.asarray may alias memory that its owner goes on writing to.
        if isinstance(data, np.ndarray):
            data = jnp.array(data)
        self._value = None if data is None else to_array(data, "data", f"{type(self).__name__}: ")
        self._exposed = True
        epoch.exposures += 1

    def _static(self) -> Any:
        """What a pytree keeps of it beside the value; `_init_meta` takes it back."""

    def _init_meta(self, static: Any) -> None:
        del static

    # -- the value ----------------------------------------------------------------------------------

    @property
    def data(self) -> jax.Array:
        """The array (inside a transform: the traced value)."""
        scope = _scope.get()
        if scope is not None:
            return scope.read(self)
        if not self._exposed:
            self._exposed = True
            epoch.exposures += 1
        return self._value

    @data.setter
    def data(self, value: Any) -> None:
        self._write(to_array(value, "data", f"{type(self).__name__}: "))

    def _write(self, value: Any) -> None:
        scope = _scope.get()
        if scope is not None:
            scope.write(self, value)
            return
        if isinstance(value, Tracer) and not isinstance(self._value, Tracer):
            transform = "a raw JAX transform (jax.jit, jax.grad, jax.checkpoint, lax.scan, ...)"
            raise TracerEscapeError(escape_message(self, transform))
        self._value = value
        self._exposed = True
        epoch.exposures += 1

    def _peek(self) -> Any:
        """The value for a look at its shape or dtype, which hands nothing out."""
        scope = _scope.get()
        return self._value if scope is None else scope.read(self)

    def __jax_array__(self) -> jax.Array:
        return self.data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.data, dtype=dtype) if copy is None else np.array(self.data, dtype=dtype, copy=copy)

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self._peek().shape

    @property
    def dtype(self) -> Any:
        """The array's dtype."""
        return self._peek().dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._peek().ndim

    @property
    def size(self) -> int:
        """The number of elements, as in numpy and JAX (torch's ``numel()``)."""
        return self._peek().size

    def numel(self) -> int:
        """The number of elements."""
        return self._peek().size

    nelement = numel

    def dim(self) -> int:
        """The number of dimensions."""
        return self._peek().ndim

    def detach(self) -> jax.Array:
        """The value, as a constant for differentiation."""
        return jax.lax.stop_gradient(self.data)

    def clone(self) -> jax.Array:
        """The value; arrays are immutable, so this is a snapshot."""
        return self.data

    def numpy(self) -> np.ndarray:
        """A numpy copy of the value."""
        return np.array(self.data)

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    def is_floating_point(self) -> bool:
        """Whether the dtype is a real floating one."""
        return bool(jnp.issubdtype(self.dtype, jnp.floating))

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return bool(jnp.issubdtype(self.dtype, jnp.complexfloating))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = self.data
        if value is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(value, name)

    # -- in place, as in torch ------------------------------------------------------------------------

    def _replace(self, value: Any) -> Any:
        old = self.data
        self._write(jnp.broadcast_to(jnp.asarray(value), old.shape).astype(old.dtype))
        return self

    def copy_(self, source: Any) -> Any:
        """Overwrites the value (broadcast and cast to this box's shape and dtype)."""
        source = to_array(source, "source", "copy_: ")
        old = self.data
        try:
            value = jnp.broadcast_to(source, old.shape)
        except ValueError:
            raise ArgumentError(
                f"copy_: The size of tensor a {old.shape} must match the size of tensor b {source.shape}"
            ) from None
        # A copy of its own: the source stays the user's.
        self._write(value.astype(old.dtype))
        return self

    def fill_(self, value: Any) -> Any:
        """Sets every element to ``value``."""
        return self._replace(value)

    def zero_(self) -> Any:
        """Sets every element to zero."""
        return self._replace(0)

    def add_(self, other: Any, *, alpha: Any = 1) -> Any:
        """``self += alpha * other``."""
        return self._replace(self.data + _scaled(other, alpha))

    def sub_(self, other: Any, *, alpha: Any = 1) -> Any:
        """``self -= alpha * other``."""
        return self._replace(self.data - _scaled(other, alpha))

    def mul_(self, other: Any) -> Any:
        """``self *= other``."""
        return self._replace(self.data * other)

    def div_(self, other: Any) -> Any:
        """``self /= other``."""
        return self._replace(self.data / other)

    def lerp_(self, end: Any, weight: Any) -> Any:
        """``self += weight * (end - self)``."""
        start = self.data
        return self._replace(start + weight * (jnp.asarray(end) - start))

    def clamp_(self, min: Any = None, max: Any = None) -> Any:
        """Limits every element to ``[min, max]``."""
        return self._replace(jnp.clip(self.data, min, max))

    def uniform_(self, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Any:
        """Draws every element from U(a, b)."""
        key = random.draw_key("uniform_") if generator is None else generator
        return self._replace(random.uniform(key, self.shape, self.dtype, a, b))

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Any:
        """Draws every element from N(mean, std²)."""
        key = random.draw_key("normal_") if generator is None else generator
        return self._replace(random.normal(key, self.shape, self.dtype, mean, std))

    # -- array behaviour ------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[jax.Array]:
        return iter(self.data)

    def __getitem__(self, index: Any) -> jax.Array:
        return self.data[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, Box):
            value = value.data
        self._write(self.data.at[index].set(value))

    def __hash__(self) -> int:
        return id(self) >> 4

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return float(self.data.item())  # of one element, whatever its shape, as in torch

    def __int__(self) -> int:
        return int(self.data.item())

    def __index__(self) -> int:
        return self.data.__index__()

    def __complex__(self) -> complex:
        return complex(self.data.item())

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    # -- copying --------------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        new = self._rebuild(type(self), self.data, self._meta(), copy.deepcopy(self.__dict__, memo))
        memo[id(self)] = new
        return new

    def __copy__(self) -> Any:
        return self._rebuild(type(self), self.data, self._meta(), dict(self.__dict__))

    def __reduce__(self) -> Any:
        value = self.data
        if isinstance(value, Tracer):
            raise TracerEscapeError(f"a {type(self).__name__} cannot be pickled inside a JAX trace")
        # A structure shared by weak types is not kept: a pickled value is a numpy array.
        host = None if value is None else np.asarray(value)
        return Box._rebuild, (type(self), host, self._meta(), dict(self.__dict__))

    def _meta(self) -> dict[str, Any]:
        return {}

    @staticmethod
    def _rebuild(kind: Any, value: Any, meta: dict[str, Any], attributes: dict[str, Any]) -> Any:
        new = kind.__new__(kind)
        Box.__init__(new, value)
        for name, content in meta.items():
            setattr(new, name, content)
        new.__dict__.update(attributes)
        return new

    def _array_repr(self, extra: str = "") -> str:
        text = repr(self._peek())
        return f"{text[:-1]}, {extra})" if extra and text.endswith(")") else f"{text} {extra}".rstrip()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._array_repr()})"


def _scaled(other: Any, alpha: Any) -> Any:
    return other if isinstance(alpha, int) and alpha == 1 else alpha * jnp.asarray(other)


def _operator(name: str) -> Callable[..., Any]:
    def method(self: Box, *args: Any) -> Any:
        args = tuple(a.data if isinstance(a, Box) else a for a in args)
        return getattr(self.data, name)(*args)

    method.__name__ = name
    method.__qualname__ = f"Box.{name}"
    return method


_BINARY = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or"
for _name in _BINARY.split():
    setattr(Box, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(Box, f"__r{_name}__", _operator(f"__r{_name}__"))
for _name in "lt le eq ne gt ge neg pos abs invert round".split():
    setattr(Box, f"__{_name}__", _operator(f"__{_name}__"))


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

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        super().__init__(data)
        self.persistent = persistent

    def _static(self) -> bool:
        return self.persistent

    def _init_meta(self, static: bool) -> None:
        self.persistent = static

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

    __slots__ = ("_grad", "_grad_hooks", "_names", "_requires_grad")

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        super().__init__(jnp.zeros((0,)) if data is None else data)
        if not isinstance(requires_grad, (bool, np.bool_)):
            raise ArgumentTypeError(f"Parameter: requires_grad must be a bool, got requires_grad={requires_grad!r}")
        if requires_grad and not jnp.issubdtype(self._value.dtype, jnp.inexact):
            raise ArgumentError(
                "Parameter: Only Tensors of floating point and complex dtype can require gradients, got "
                f"dtype={self._value.dtype}; pass requires_grad=False"
            )
        self._init_meta(bool(requires_grad))

    def _static(self) -> bool:
        return self._requires_grad

    def _init_meta(self, static: bool) -> None:
        self._requires_grad = static
        self._grad: Box | None = None
        self._grad_hooks: OrderedDict[int, Any] | None = None
        self._names: tuple[str, ...] = ()

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
        self._requires_grad = bool(value)
        epoch.structure += 1

    def requires_grad_(self, requires_grad: bool = True) -> Parameter:
        """Sets `requires_grad`; returns the parameter."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> jax.Array | None:
        """The gradient that `fnn.backward` accumulated, or None."""
        box = self._grad
        if box is None:
            if _scope.get() is None:
                return None
            box = self._grad_box()
        return box.data

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            value = to_array(value, "grad", "Parameter.grad: ")
            if value.shape != self.shape:
                raise ArgumentError(
                    "Parameter.grad: assigned grad has data of a different size: "
                    f"expected {self.shape}, got {value.shape}"
                )
        elif self._grad is None and _scope.get() is None:
            return
        self._grad_box()._write(value)

    def _grad_box(self) -> Box:
        if self._grad is None:
            box = Box()
            box._born = self._born  # lives as long as the parameter does
            self._grad = box
        return self._grad

    def register_hook(self, hook: Callable[[jax.Array], jax.Array | None]) -> Any:
        """Calls ``hook(gradient)`` on each gradient of this parameter; a result replaces the gradient.

        Returns:
            A handle with ``remove()``.
        """
        from fnn.nn._hooks import RemovableHandle

        if self._grad_hooks is None:
            self._grad_hooks = OrderedDict()
        handle = RemovableHandle(self._grad_hooks)
        self._grad_hooks[handle.id] = hook
        epoch.structure += 1
        return handle

    def _meta(self) -> dict[str, Any]:
        return {"_requires_grad": self._requires_grad, "_grad": None, "_grad_hooks": None, "_names": self._names}

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        new = super().__deepcopy__(memo)
        if self._grad is not None and new._grad is None and self._grad.data is not None:
            new.grad = self._grad.data
        return new

    def __repr__(self) -> str:
        return f"Parameter containing:\n{self._array_repr(f'requires_grad={self._requires_grad}')}"


class _Uninitialised:
    """What `UninitializedParameter` and `UninitializedBuffer` share: no value until `materialize`."""

    __slots__ = ()
    _initialised_class: type

    @property
    def data(self) -> Any:
        """Raises: there is no value yet."""
        raise ArgumentError(lazy_access("values"))

    @data.setter
    def data(self, value: Any) -> None:
        raise ArgumentError(lazy_access("values"))

    def _peek(self) -> Any:
        raise ArgumentError(lazy_access("shape"))

    @property
    def dtype(self) -> Any:
        """The dtype that the value will have."""
        return canonical(self.__dict__.get("_wanted_dtype"))

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
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

    def _adopt(self, value: Any) -> None:
        # The value is a fresh host constant, so it is stored in the box itself, whatever scope is open.
        scope = _scope.get()
        if scope is not None and scope.undo is not None:
            scope.undo.append(functools.partial(_unmaterialise, self, type(self), dict(self.__dict__)))
        device = self.__dict__.pop("_wanted_device", None)
        self.__dict__.pop("_wanted_dtype", None)
        self.__class__ = self._initialised_class
        self._value = value if device is None else jax.device_put(value, device)
        self._exposed = True
        epoch.exposures += 1
        epoch.structure += 1

    def _want(self, device: Any, dtype: Any) -> None:
        wanted = {"_wanted_dtype": dtype, "_wanted_device": to_device(device, f"{type(self).__name__}: ")}
        self.__dict__.update((name, value) for name, value in wanted.items() if value is not None)

    def _wants(self) -> tuple[Any, Any]:
        return self.__dict__.get("_wanted_device"), self.__dict__.get("_wanted_dtype")


def _unmaterialise(box: Any, cls: type, attributes: dict[str, Any]) -> None:
    box.__class__ = cls
    box._value = None
    box.__dict__.update(attributes)
    epoch.structure += 1


class UninitializedParameter(_Uninitialised, Parameter):
    """A parameter whose shape is not known yet; lazy modules `materialize` it on their first call.

    Args:
        requires_grad: whether it will be trained.
        device: where `materialize` will put the value.
        dtype: the dtype that `materialize` will use.
    """

    __slots__ = ()
    _initialised_class = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
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


class UninitializedBuffer(_Uninitialised, Buffer):
    """A buffer whose shape is not known yet.

    Args:
        device: where `materialize` will put the value.
        dtype: the dtype that `materialize` will use.
        persistent: whether it is part of ``state_dict``.
    """

    __slots__ = ()
    _initialised_class = Buffer

    def __init__(
        self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
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


def is_lazy(box: Any) -> bool:
    """Whether ``box`` is an uninitialised parameter or buffer."""
    return isinstance(box, _Uninitialised)
