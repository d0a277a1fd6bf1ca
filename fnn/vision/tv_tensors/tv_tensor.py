"""The base of typed arrays: a numpy array whose class says what it shows.

The class is read by transforms, and lost in computing: what numpy makes of a `TVTensor` is a plain array, unless
`set_return_type` says otherwise.  Copies, casts, pickles and `wrap` keep the class and what it knows.
"""

import copy
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, ClassVar, Self

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import of_jax, to_host

__all__ = ["TVTensor", "set_return_type", "wrap"]

_keeps_class = False

# Methods of arrays that compute something; all others of numpy's that keep the shape's meaning keep the class.
_PLAIN = (
    "all", "any", "argmax", "argmin", "argsort", "choose", "clip", "compress", "conj", "cumprod", "cumsum", "diagonal",
    "dot", "flatten", "max", "mean", "min", "prod", "ravel", "repeat", "reshape", "round", "searchsorted", "squeeze",
    "std", "sum", "swapaxes", "take", "trace", "transpose", "var",
)  # fmt: skip


class TVTensor(np.ndarray):
    """A numpy array with a meaning: the base of `Image`, `Video`, `Mask`, `BoundingBoxes` and `KeyPoints`.

    A subclass of one's own says what else it knows in ``_METADATA``, the names of attributes, and gets kernels by
    `fnn.vision.transforms.v2.functional.register_kernel`.  For `jax.tree` it is a leaf, for a function under `fnn.jit`
    an array: compiled code sees the values only.

    Example:
        >>> import numpy as np
        >>> from fnn.vision.tv_tensors import Image
        >>> image = Image(np.zeros((3, 2, 2), np.uint8))
        >>> isinstance(image, TVTensor), type(image + 1).__name__, type(image.copy()).__name__
        (True, 'ndarray', 'Image')
    """

    _METADATA: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def wrap(cls, tensor: np.ndarray, like: "TVTensor", **kwargs: object) -> "TVTensor":
        """The array as one of this class, with what ``like`` knows, but for ``kwargs``."""
        wrapped = tensor.view(cls)
        for name in cls._METADATA:
            setattr(wrapped, name, kwargs[name] if name in kwargs else getattr(like, name))
        return wrapped

    def as_subclass(self, cls: type[np.ndarray]) -> Any:
        """The same values as an array of another class: of ``np.ndarray``, a plain one."""
        return self.view(cls)

    def _known(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self._METADATA if hasattr(self, name)}

    def _like(self, array: np.ndarray) -> Self:
        result = array.view(type(self))
        result.__dict__.update(self.__dict__)
        return result

    def __array_finalize__(self, obj: np.ndarray | None) -> None:
        if isinstance(obj, TVTensor):  # numpy made it of another one
            self.__dict__.update(obj.__dict__)

    def __iter__(self) -> Iterator[Any]:
        return map(self._computed, self.view(np.ndarray))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object) -> Any:
        if "out" in kwargs:
            kwargs["out"] = _plain(kwargs["out"])
        return self._computed(getattr(ufunc, method)(*_plain(inputs), **kwargs))

    def __array_function__(
        self, func: Callable[..., Any], types: object, args: object, kwargs: Mapping[str, Any]
    ) -> Any:
        return self._computed(func(*_plain(args), **{key: _plain(value) for key, value in kwargs.items()}))

    def __getitem__(self, key: object) -> Any:
        return self._computed(self.view(np.ndarray)[_plain(key)])

    def _computed(self, result: Any) -> Any:
        if not _keeps_class:
            return result
        if isinstance(result, (tuple, list)):
            return type(result)(map(self._computed, result))
        return self._like(result) if isinstance(result, np.ndarray) else result

    @property
    def T(self) -> Any:
        """The array with its axes in reverse order."""
        return self.transpose()

    def copy(self, order: Any = "C") -> Self:
        """A copy of the same class, which knows the same."""
        return self._like(self.view(np.ndarray).copy(order))

    def astype(self, dtype: object, *args: Any, **kwargs: Any) -> Self:
        """The values in another dtype, in the same class."""
        return self._like(self.view(np.ndarray).astype(dtype, *args, **kwargs))  # pyright: ignore[reportCallIssue, reportArgumentType]

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any] | None) -> Self:
        result = self.copy()
        result.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return result

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.view(np.ndarray), self.__dict__)

    def __repr__(self) -> str:
        name = type(self).__name__
        text = repr(self.view(np.ndarray)).removeprefix("array").replace("\n     ", "\n" + " " * len(name))
        more = "".join(f", {key}={value}" for key, value in self._known().items())
        return f"{name}{text[:-1]}{more})"

    __str__ = __repr__


def _plain_method(name: str) -> Any:
    method = getattr(np.ndarray, name)

    def plain(self: TVTensor, *args: object, **kwargs: object) -> Any:
        return self._computed(method(self.view(np.ndarray), *_plain(args), **kwargs))

    plain.__name__, plain.__doc__ = name, method.__doc__
    return plain


for _name in _PLAIN:
    setattr(TVTensor, _name, _plain_method(_name))


def _plain(value: Any) -> Any:
    """Without the classes of arrays, in nested tuples and lists too."""
    if isinstance(value, TVTensor):
        return value.view(np.ndarray)
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    return value


def _rebuilt(cls: type[TVTensor], array: np.ndarray, known: dict[str, object]) -> TVTensor:
    result = array.view(cls)
    result.__dict__.update(known)
    return result


def as_array(data: Any, dtype: object, device: object, requires_grad: object, name: str) -> np.ndarray:
    """A numpy array of what ``torch.as_tensor`` takes; numbers of Python's get the default dtype.

    Raises:
        ArgumentError: another device than the host, or a gradient is wanted.
    """
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise ArgumentError(f"{name}: they live on the host; device must be None or 'cpu', got {device=}")
    if requires_grad:
        raise ArgumentError(f"{name}: numpy arrays have no gradients, got {requires_grad=}; take them of a jax.Array")
    if of_jax(data):
        data = to_host(data, name)
    array = np.asarray(data)
    if array.dtype == np.float64 and not hasattr(data, "dtype") and not any(hasattr(x, "dtype") for x in _items(data)):
        array = array.astype(default_float())
    if array.dtype.kind in "OUSMm":
        raise ArgumentTypeError(f"{name}: data must be numbers, got {array.dtype} from {type(data)}")
    return array if dtype is None else array.astype(np.dtype(dtype), copy=False)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _items(data: object) -> Iterable[object]:
    while isinstance(data, (list, tuple)) and data:
        if hasattr(data[0], "dtype"):
            return data
        data = data[0]
    return ()


def default_float() -> np.dtype:
    """The default dtype of fnn; float32 where nothing has loaded the module in which it could be changed."""
    dtypes = sys.modules.get("fnn.dtypes")
    return np.dtype(np.float32) if dtypes is None else dtypes.get_default_dtype()


def wrap(wrappee: np.ndarray, *, like: TVTensor, **kwargs: object) -> Any:
    """An array as one of the class of ``like``.

    Args:
        wrappee: the array.
        like: whose class and metadata the result gets.
        **kwargs: metadata that are to be others, such as ``canvas_size=``.

    Raises:
        ArgumentTypeError: ``like`` is no `TVTensor`.

    Example:
        >>> import numpy as np
        >>> from fnn.vision.tv_tensors import BoundingBoxes
        >>> boxes = BoundingBoxes([[0, 0, 4, 4]], format="XYXY", canvas_size=(8, 8))
        >>> wrap(np.array([[0, 0, 2, 2]]), like=boxes, canvas_size=(4, 4)).canvas_size
        (4, 4)
    """
    if not isinstance(like, TVTensor):
        raise ArgumentTypeError(f"wrap: like must be a TVTensor, got {type(like)}")
    return type(like).wrap(np.asarray(wrappee), like, **kwargs)


class _Restoring:
    def __init__(self, before: bool) -> None:
        self.before = before

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        global _keeps_class
        _keeps_class = self.before


def set_return_type(return_type: str) -> _Restoring:
    """Says whether numpy's results of typed arrays are typed; transforms always return the class that they were given.

    Args:
        return_type: ``"Tensor"`` (plain arrays, the default) or ``"TVTensor"``, in any case of letters.

    Returns:
        a context manager that restores what was before; without ``with`` the choice stays.

    Raises:
        ArgumentError: another word.

    Example:
        >>> import numpy as np
        >>> from fnn.vision.tv_tensors import Image
        >>> image = Image(np.zeros((3, 2, 2)))
        >>> with set_return_type("TVTensor"):
        ...     type(image + 1).__name__
        'Image'
        >>> type(image + 1).__name__
        'ndarray'
    """
    global _keeps_class
    before = _keeps_class
    try:
        _keeps_class = {"tensor": False, "tvtensor": True}[return_type.lower()]
    except KeyError:
        raise ArgumentError(f"return_type must be 'TVTensor' or 'Tensor', got {return_type}") from None
    return _Restoring(before)
