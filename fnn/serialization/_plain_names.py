"""The plain values and containers that a pickle may build by name."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

from fnn.serialization._corrupt import CorruptFileError, UnsafeFileError
from fnn.serialization._limits import Budget, Marker, check_key
from fnn.typing import PyTree

__all__ = ["CALLS", "VALUES", "set_attributes"]

_ENCODINGS = ("latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "ascii")
_POINTER = 64  # bytes that an element of a container takes, generously

# What a defaultdict may make; as values these are refused.
_FACTORIES: dict[str, Callable[[], Any]] = {
    "builtins.int": int,
    "builtins.float": float,
    "builtins.str": str,
    "builtins.bool": bool,
}
VALUES: dict[str, Any] = {name: Marker(name) for name in _FACTORIES}
_CLASSES: dict[str, Callable[[], Any]] = {
    "builtins.list": list,
    "builtins.dict": dict,
    "builtins.set": set,
    "builtins.tuple": tuple,
    "collections.OrderedDict": OrderedDict,
}


def _encode(budget: Budget, text: object, encoding: object = "utf-8") -> bytes:
    if type(text) is not str or encoding not in _ENCODINGS:
        raise UnsafeFileError(f"asks for _codecs.encode with the encoding {encoding!r}")
    budget.spend(4 * len(text))
    return text.encode(encoding)


def _bytes(budget: Budget, *arguments: object) -> bytes:
    if not arguments:
        return b""
    if len(arguments) == 1 and type(arguments[0]) is bytes:
        return arguments[0]
    return _encode(budget, *arguments)


def _bytearray(budget: Budget, *arguments: object) -> bytearray:
    content = _bytes(budget, *arguments)
    budget.spend(len(content))
    return bytearray(content)


def _complex(budget: Budget, real: Any = 0.0, imag: Any = 0.0) -> complex:
    del budget
    if not {type(real), type(imag)} <= {float, int}:
        raise CorruptFileError("builtins.complex of something that is no number")
    return complex(real, imag)


def _items(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    """The items that a container starts with."""
    if not arguments:
        return ()
    (items,) = arguments
    if type(items) not in (list, tuple, set, frozenset):
        raise CorruptFileError(f"a container made of an object of type {type(items).__name__}")
    budget.spend(_POINTER * len(items))
    return items


def _hashable(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    items = _items(budget, arguments)
    for item in items:
        check_key(item, budget)
    return items


def _list(budget: Budget, *arguments: object) -> list[Any]:
    return list(_items(budget, arguments))


def _tuple(budget: Budget, *arguments: object) -> tuple[Any, ...]:
    return tuple(_items(budget, arguments))


def _set(budget: Budget, *arguments: object) -> set[Any]:
    return set(_hashable(budget, arguments))


def _frozenset(budget: Budget, *arguments: object) -> frozenset[Any]:
    return frozenset(_hashable(budget, arguments))


def _pairs(budget: Budget, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """The content of a mapping, given as a dict or as pairs."""
    if not arguments:
        return {}
    (content,) = arguments
    if isinstance(content, dict):
        budget.spend(_POINTER * len(content))
        return content
    result = {}
    for key, value in _items(budget, arguments):
        check_key(key, budget)
        result[key] = value
    return result


def _dict(budget: Budget, *arguments: object) -> dict[Any, Any]:
    return dict(_pairs(budget, arguments))


def _ordered_dict(budget: Budget, *arguments: object) -> OrderedDict[Any, Any]:
    return OrderedDict(_pairs(budget, arguments))


def _counter(budget: Budget, *arguments: object) -> Counter[Any]:
    result: Counter[Any] = Counter()
    dict.update(result, _pairs(budget, arguments))  # Counter's own would add up
    return result


def _defaultdict(budget: Budget, factory: object = None, *arguments: object) -> defaultdict[Any, Any]:
    made = None
    if factory is not None:
        name = factory.name if isinstance(factory, Marker) else repr(type(factory))
        made = _FACTORIES.get(name) or _CLASSES.get(name)
        if made is None:
            raise UnsafeFileError(f"asks for a defaultdict that calls {name}")
    return defaultdict(made, _pairs(budget, arguments))


CALLS: dict[str, Callable[..., Any]] = {
    "_codecs.encode": _encode,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytearray,
    "builtins.complex": _complex,
    "builtins.list": _list,
    "builtins.tuple": _tuple,
    "builtins.set": _set,
    "builtins.frozenset": _frozenset,
    "builtins.dict": _dict,
    "collections.OrderedDict": _ordered_dict,
    "collections.Counter": _counter,
    "collections.defaultdict": _defaultdict,
}


def set_attributes(instance: object, state: PyTree) -> None:
    """Gives an object attributes of its own.

    None may hide one of its class, such as a method, or be special (``__deepcopy__``), since Python and JAX ask
    instances for some of those.

    Args:
        instance: an OrderedDict (``state_dict``'s ``_metadata``) or a box.
        state: the attributes by name, or a tuple of such a dict and None or an empty dict (for slots).
    """
    if type(state) is tuple and len(state) == 2 and not state[1]:
        state = state[0]
    if state is None:
        return
    if not isinstance(state, dict):
        raise CorruptFileError(f"a state of type {type(state).__name__}")
    for name, value in state.items():
        special = type(name) is not str or not name.isidentifier() or name.startswith("__")
        if special or hasattr(type(instance), name):
            raise UnsafeFileError(f"asks to set the attribute {name!r} of an object of type {type(instance).__name__}")
        instance.__dict__[name] = value
