"""Containers of parameters: `ParameterList` and `ParameterDict`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, KeysView, Mapping
from typing import Any, Self, cast, overload

import jax
import numpy as np

from fnn.nn._module import Module
from fnn.nn.modules.container import pairs, position
from fnn.state.box import Box
from fnn.state.parameter import Parameter, is_lazy
from fnn.tracing import Tracer
from fnn.typing import PyTree

__all__ = ["ParameterDict", "ParameterList"]


def _is_array(value: object) -> bool:
    return isinstance(value, (Box, jax.Array, np.ndarray))


def _as_parameter(value: object) -> Any:
    """An array becomes a Parameter; everything else stays what it is."""
    return Parameter(value) if _is_array(value) and not isinstance(value, Parameter) else value


def _describe(value: Any) -> str:
    if not _is_array(value):
        return f"Object of type: {type(value).__name__}"
    if is_lazy(value):
        return repr(value)
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    size = "x".join(map(str, value.shape))
    return f"{kind} containing: [{value.dtype.name} of size {size}{_device(value)}]"


def _device(value: Any) -> str:
    array = value.data if isinstance(value, Box) else value
    if isinstance(array, (Tracer, np.ndarray)):
        return ""
    devices = array.devices()
    device = next(iter(devices))
    if len(devices) > 1 or device.platform == "cpu":
        return ""
    return f" ({'cuda' if device.platform == 'gpu' else device.platform}:{device.id})"


def _lines(items: Iterable[tuple[Any, Any]]) -> str:
    return "\n".join(f"  ({key}): {_describe(value)}" for key, value in items)


class ParameterList(Module):
    """A list of parameters. Arrays put into it become Parameters; other objects are kept as they are.

    Args:
        values: an iterable of elements.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ParameterList([jnp.ones((2, 3)), "label"])
        ParameterList(
            (0): Parameter containing: [float32 of size 2x3]
            (1): Object of type: str
        )
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self += values

    @overload
    def __getitem__(self, idx: slice) -> Self: ...

    @overload
    def __getitem__(self, idx: int) -> Any: ...

    def __getitem__(self, idx: int | slice) -> Any:
        if isinstance(idx, slice):
            return type(self)([self[i] for i in range(len(self))[idx]])
        return getattr(self, str(position(idx, len(self))))

    def __setitem__(self, idx: int, param: object) -> None:
        setattr(self, str(position(idx, len(self))), _as_parameter(param))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __iadd__(self, parameters: Iterable[Any]) -> Self:
        return self.extend(parameters)

    def append(self, value: object) -> Self:
        """Adds an element at the end; returns the list."""
        value = _as_parameter(value)
        setattr(self, str(self._size), value)
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Adds the elements of an iterable (but not of an array) at the end; returns the list."""
        if not isinstance(values, Iterable) or _is_array(values):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def extra_repr(self) -> str:
        return _lines(enumerate(self))

    def forward(self, *input: Any, **kwargs: Any) -> Any:
        """Refused: it is no function."""
        raise RuntimeError("ParameterList should not be called.")


class ParameterDict(Module):
    """A dict of parameters. Arrays put into it become Parameters; other objects are kept as they are.

    Args:
        parameters: a mapping, or an iterable of pairs, of strings and values.  A plain ``dict`` is added in the
            order of its sorted keys, as in torch.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> nn.ParameterDict({"left": jnp.ones((5, 10)), "right": jnp.ones(3)})
        ParameterDict(
            (left): Parameter containing: [float32 of size 5x10]
            (right): Parameter containing: [float32 of size 3]
        )
    """

    def __init__(self, parameters: PyTree = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    @staticmethod
    def _key_to_attr(key: object) -> str:
        if not isinstance(key, str):
            raise TypeError(
                "Index given to ParameterDict cannot be used as a key as it is "
                f"not a string (type is '{type(key).__name__}')."
            )
        return key

    def __getitem__(self, key: str) -> Any:
        return getattr(self, self._key_to_attr(key))

    def __setitem__(self, key: str, value: object) -> None:
        setattr(self, self._key_to_attr(key), _as_parameter(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def copy(self) -> ParameterDict:
        """A new dict of the same Parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def setdefault(self, key: str, default: object = None) -> Any:
        """The value of ``key``, after setting it to ``default`` if it is absent."""
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self) -> None:
        """Removes all items."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key: str) -> Any:
        """Removes ``key`` and returns its value."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Removes and returns the last ``(key, value)`` pair."""
        if not self._keys:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def get(self, key: str, default: object = None) -> Any:
        """The value of ``key``, or ``default``."""
        return self[key] if key in self._keys else default

    def fromkeys(self, keys: Iterable[str], default: object = None) -> ParameterDict:
        """A new dict with these keys, all of value ``default``."""
        return ParameterDict((key, default) for key in keys)

    def keys(self) -> KeysView[str]:
        """The keys."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """The keys with their values."""
        return ((key, self[key]) for key in self._keys)

    def values(self) -> Iterable[Any]:
        """The values."""
        return (self[key] for key in self._keys)

    def update(self, parameters: Mapping[str, Any] | ParameterDict | Iterable[tuple[str, Any]]) -> None:
        """Adds items from a mapping or from pairs, overwriting those of the same key."""
        if not isinstance(parameters, Iterable):
            raise TypeError(
                "ParameterDict.update should be called with an "
                f"iterable of key/value pairs, but got {type(parameters).__name__}"
            )
        source: Any = parameters
        if isinstance(source, (OrderedDict, ParameterDict)):
            items = source.items()
        elif isinstance(source, Mapping):
            items = sorted(source.items())
        else:
            items = pairs(source, "ParameterDict")
        for key, value in items:
            self[key] = value

    def extra_repr(self) -> str:
        return _lines(self.items())

    def forward(self, *input: Any, **kwargs: Any) -> Any:
        """Refused: it is no function."""
        raise RuntimeError("ParameterDict should not be called.")

    def __or__(self, other: Mapping[str, Any] | ParameterDict) -> ParameterDict:
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other: Mapping[str, Any] | ParameterDict) -> ParameterDict:
        result: Any = cast(Any, other).copy()
        result.update(self)
        return result

    def __ior__(self, other: Mapping[str, Any] | ParameterDict) -> Self:
        self.update(other)
        return self
