"""`Box`: a mutable place that holds one array.

The two kinds, `Parameter` and `Buffer`, stand in `parameter`.  A box is an array to others: operators, indexing, numpy,
``jnp``, ``jax.nn`` and ``lax`` functions (raw ``lax`` with JAX 0.10.1 or later; before, give it ``p.data``) take it,
``isinstance(p, jax.Array)`` holds, and it has the methods of `torch.Tensor` (`tensor_methods`).  What comes out is an
array: no computation makes a new box.  Unlike an array it can be assigned to (``p.data = ...``, ``p.copy_(...)``).

It is a pytree node with one leaf, its value; what JAX puts together again is the value alone.  So
``jax.tree.map(jnp.sin, p)`` and ``lax.stop_gradient(p)`` give arrays, and in a raw ``jax.jit(f)(p)`` the function sees
a traced array.  Only what compares the structure of its arguments with that of arrays (`jax.linearize`, `jax.jacfwd`,
``jax.tree.map`` of boxes and arrays) needs ``p.data``.

Reading and writing consult the open `Scope`, if there is one.  A value that has been handed out (or came from
outside) is marked *exposed*: `fnn.jit` donates the arrays that a step replaces, and copies an exposed one first,
so that an array which the user holds never disappears.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import ops, random
from fnn.autocasting import governed_as
from fnn.dtypes import number_in, to_array
from fnn.errors import ArgumentError, TracerEscapeError
from fnn.state import constants, tensor_methods, tensor_names
from fnn.state.box_index import check_index, mask_places
from fnn.state.layout import Layout, spread
from fnn.state.scope import epoch, escape_message, innermost
from fnn.state.tensor_methods import Size, TensorMethods
from fnn.tracing import ARRAYS, Tracer, register_array_like, staged
from fnn.typing import Key

__all__ = ["Box", "values_of"]

_UNINITIALISED = (
    "Can't access the {what} of an uninitialized parameter or buffer. This error usually happens in "
    "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. "
    "Call `forward` to initialize the parameters before accessing their attributes."
)


def lazy_access(what: str) -> str:
    """Why the ``what`` of an uninitialised box cannot be had."""
    return _UNINITIALISED.format(what=what)


def type_name(value: object) -> str:
    """The class of ``value`` as messages show it."""
    cls = type(value)
    if isinstance(value, jax.Array) and not issubclass(cls, Box):
        return "jax.Array"
    return cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"


def _flatten(box: Box) -> tuple[tuple[Any], None]:
    return (box.data,), None


def _unflatten(static: None, children: tuple[Any]) -> Any:
    del static
    return children[0]


def values_of(held: Iterable[Any]) -> list[Any]:
    """The ``data`` of several boxes, in one look at what surrounds them; what is no box as it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.state.box import Box, values_of
        >>> values_of([Box(jnp.ones(())), None])
        [Array(1., dtype=float32), None]
    """
    if innermost.get() is not None or staged():
        return [box.data if isinstance(box, Box) else box for box in held]
    values = []
    for box in held:
        if isinstance(box, Box):
            if box._value is None:
                box.data  # noqa: B018 - an uninitialised one says that it is
            if not box._exposed:
                box._exposed = True
                epoch.exposures += 1
            box = box._value
        values.append(box)
    return values


_CLASS: Any = object.__dict__["__class__"]


if TYPE_CHECKING:
    # A type checker may take a box wherever an array goes. PyTorch's methods come before JAX's of the same name.
    class _Arrayed(TensorMethods, jax.Array):  # pyright: ignore[reportIncompatibleMethodOverride]
        pass
else:
    _Arrayed = TensorMethods


class Box(_Arrayed):
    """A mutable place for one array; see the module's text.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from fnn.state import Box
        >>> box = Box(jnp.zeros(2))
        >>> box.data = jnp.ones(2)
        >>> print(2 * box, isinstance(box, jax.Array))
        [2. 2.] True
    """

    __slots__ = ("__dict__", "__weakref__", "_born", "_exposed", "_layout", "_value")

    __array_priority__ = 100

    _value: Any
    _exposed: bool
    _born: int
    _layout: Layout | None

    # isinstance asks for it where the type does not answer: einops, jaxtyping and all who know only arrays take a box
    # for one. A base class would answer too, but ask JAX's metaclass at every isinstance(x, Parameter).
    @property
    def __class__(self) -> type:
        return jax.Array

    @__class__.setter
    def __class__(self, cls: type) -> None:
        _CLASS.__set__(self, cls)

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        jax.tree_util.register_pytree_node(cls, _flatten, _unflatten)
        register_array_like(cls, cls._peek, _value_of)

    def __init__(self, data: object = None) -> None:
        scope = innermost.get()
        self._born = 0 if scope is None else scope.serial
        # A numpy array is copied (on the host: jnp.array compiles): JAX may alias memory that its owner goes on
        # writing to.
        if isinstance(data, np.ndarray):
            data = random.on_device(data.copy())
        self._value = None if data is None else to_array(data, "data", f"{type(self).__name__}: ")
        self._exposed = True
        self._layout = None
        epoch.exposures += 1

    # -- the value ----------------------------------------------------------------------------------

    @property
    def data(self) -> jax.Array:
        """The array (inside a transform: the traced value)."""
        scope = innermost.get()
        if scope is not None:
            value = scope.read(self)
            return value if self._layout is None else self._layout.gathered(value)
        if not self._exposed:
            self._exposed = True
            epoch.exposures += 1
        if staged():
            constants.note(self)
        return self._value

    @data.setter
    def data(self, value: object) -> None:
        if not isinstance(value, ARRAYS):
            value = to_array(value, "data", f"{type(self).__name__}: ")
        self._write(value)

    def _write(self, value: object) -> None:
        scope = innermost.get()
        if scope is not None:
            scope.write(self, value)
            return
        if isinstance(value, Tracer) and not isinstance(self._value, Tracer):
            transform = "a raw JAX transform (jax.jit, jax.grad, jax.checkpoint, lax.scan, ...)"
            raise TracerEscapeError(escape_message(self, transform))
        if constants.kept:
            constants.check((self,))
        self._value = value if self._layout is None else spread(value, self._layout)
        self._exposed = True
        epoch.exposures += 1

    def _peek(self) -> Any:
        """The value for a look at its shape or dtype, which hands nothing out."""
        scope = innermost.get()
        return self._value if scope is None else scope.read(self)

    def _read_whole(self) -> Any:
        """The value as the box holds it, for one more holder: `data` without the gathering of a computation."""
        scope = innermost.get()
        return self.data if scope is None else scope.read(self)

    def __jax_array__(self) -> jax.Array:
        return self.data

    def __array__(self, dtype: Any = None, context: Any = None, copy: bool | None = None) -> np.ndarray:
        del context  # of ufuncs, in old versions of numpy
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
    def size(self) -> Size:
        """The number of elements, as in numpy and JAX; called, torch's ``size()`` and ``size(dim)``."""
        value = self._peek()
        return Size(value.size, value.shape)

    def numel(self) -> int:
        """The number of elements."""
        return self._peek().size

    nelement = numel

    def dim(self) -> int:
        """The number of dimensions."""
        return self._peek().ndim

    ndimension = dim

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
        if not name.startswith("_") and name not in tensor_names.HINTS:
            value = self.data
            if value is not None:
                try:
                    return getattr(value, name)
                except AttributeError:
                    pass
        raise AttributeError(tensor_names.missing(type(self).__name__, name))

    # -- in place, as in torch ------------------------------------------------------------------------

    def _replace(self, value: object) -> Any:
        old = self.data
        self._write(jnp.broadcast_to(jnp.asarray(value), old.shape).astype(old.dtype))
        return self

    def _combine(self, what: str, value: jax.Array) -> Any:
        """Takes the result of an operation on the value, if it fits: an operation in place keeps shape and dtype."""
        scope = innermost.get()
        if scope is not None and scope.differentiates(self):
            raise ArgumentError(
                f"{what}: a leaf Parameter that requires grad is being used in an in-place operation, while its "
                "gradient is taken; write w = w * 2 for w *= 2"
            )
        old = self._peek()
        if value.shape != old.shape:
            raise ArgumentError(
                f"{what}: output with shape {list(old.shape)} doesn't match the broadcast shape {list(value.shape)}"
            )
        if _rank(value.dtype) > _rank(old.dtype):
            raise ArgumentError(
                f"{what}: result type {value.dtype} can't be cast to the desired output type {old.dtype}"
            )
        self._write(value.astype(old.dtype))
        return self

    def copy_(self, source: object) -> Any:
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

    def fill_(self, value: object) -> Any:
        """Sets every element to ``value``."""
        is_number = isinstance(value, (bool, int, float, complex))
        return self._replace(number_in(value, self.dtype, "fill_: ") if is_number else value)

    def zero_(self) -> Any:
        """Sets every element to zero."""
        return self._replace(0)

    def uniform_(self, a: float = 0.0, b: float = 1.0, *, generator: Key | None = None) -> Any:
        """Draws every element from U(a, b)."""
        key = random.draw_key("uniform_") if generator is None else generator
        return self._replace(random.uniform(key, self.shape, self.dtype, a, b))

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Key | None = None) -> Any:
        """Draws every element from N(mean, std²)."""
        key = random.draw_key("normal_") if generator is None else generator
        return self._replace(random.normal(key, self.shape, self.dtype, mean, std))

    # -- array behaviour ------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[jax.Array]:
        return iter(self.data)

    def __contains__(self, item: Any) -> bool:
        return bool((self.data == item).any())

    def __getitem__(self, index: object) -> jax.Array:
        value = self.data
        check_index(index, value.shape)
        return value[_plain(index)]

    def __setitem__(self, index: object, value: object) -> None:
        if isinstance(value, Box):
            value = value.data
        old = self.data
        check_index(index, old.shape)
        at = _plain(index)
        places = mask_places(at)
        if places is None:
            self._write(old.at[at].set(value))
        else:
            self._write(ops.index_put(old, places, jnp.asarray(value, old.dtype)))

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
        new = self._rebuild(type(self), self._read_whole(), self._meta(), copy.deepcopy(self.__dict__, memo))
        new._layout = self._layout
        memo[id(self)] = new
        return new

    def __copy__(self) -> Any:
        new = self._rebuild(type(self), self._read_whole(), self._meta(), dict(self.__dict__))
        new._layout = self._layout
        return new

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

    def __treescope_repr__(self, path: str | None, subtree_renderer: Any) -> Any:
        from treescope import repr_lib

        attributes: dict[str, Any] = {} if self._value is None else {"data": self.data}
        attributes |= {
            name: getattr(self, name) for name in ("requires_grad", "persistent") if hasattr(type(self), name)
        }
        return repr_lib.render_object_constructor(type(self), attributes, path, subtree_renderer)


def _rank(dtype: Any) -> int:
    """Bool, integer, floating, complex: a value is never stored in a lower kind."""
    return sum(jnp.issubdtype(dtype, kind) for kind in (jnp.number, jnp.inexact, jnp.complexfloating))


def _plain(index: object) -> Any:
    """The index with arrays for boxes, which JAX before 0.10.1 does not take."""
    if type(index) is tuple:
        return tuple(part.data if isinstance(part, Box) else part for part in index)
    return index.data if isinstance(index, Box) else index


def _operator(name: str, policy: str = "") -> Callable[..., Any]:
    def apply(value: jax.Array, *args: object) -> Any:
        return getattr(value, name)(*args)

    apply = governed_as(policy, apply)

    def method(self: Box, *args: object) -> Any:
        return apply(self.data, *(a.data if isinstance(a, Box) else a for a in args))

    method.__name__ = name
    method.__qualname__ = f"Box.{name}"
    return method


def _in_place(name: str) -> Callable[..., Any]:
    # Without it `p -= lr * p.grad` in a loop would give the loop's variable another value, and p none.
    def method(self: Box, other: object) -> Any:
        value = getattr(self.data, f"__{name}__")(other.data if isinstance(other, Box) else other)
        return value if value is NotImplemented else self._combine(f"__i{name}__", value)

    method.__name__ = f"__i{name}__"
    method.__qualname__ = f"Box.__i{name}__"
    return method


_BINARY = "add sub mul truediv floordiv mod pow lshift rshift and xor or"
for _name in _BINARY.split():
    setattr(Box, f"__i{_name}__", _in_place(_name))
for _name in (*_BINARY.split(), "matmul", "divmod"):
    setattr(Box, f"__{_name}__", _operator(f"__{_name}__", _name))
    setattr(Box, f"__r{_name}__", _operator(f"__r{_name}__", _name))
for _name in "lt le eq ne gt ge neg pos abs invert round".split():
    setattr(Box, f"__{_name}__", _operator(f"__{_name}__"))

tensor_methods.install(Box)


def _value_of(box: Box) -> jax.Array:
    return box.data
