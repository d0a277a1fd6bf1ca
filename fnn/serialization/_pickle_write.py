"""Pickles of protocol 2, of plain values and of calls by name, as ``torch.load(weights_only=True)`` reads them.

Names are written without being looked up, so that a file can ask for ``torch._utils._rebuild_tensor_v2`` where there
is no torch.  Values are taken by their exact type: a subclass would come back as another one.
"""

import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from fnn.errors import ArgumentError, ArgumentTypeError

__all__ = ["Call", "Name", "Persistent", "pickled"]

_BATCH = 1000  # of items that are put into a container at once, as Python's pickler does
_KEYS = (str, int, float, bool, bytes, complex, type(None), tuple)
_HINTS = {
    "defaultdict": "convert it with dict(...)",
    "frozenset": "convert it with set(...)",
    "range": "convert it with list(...)",
    "function": "functions are code, which such a file does not hold",
}


class Name(NamedTuple):
    """A global name."""

    module: str
    name: str


class Call(NamedTuple):
    """What a function, given by its name, will return when the file is loaded."""

    function: Name
    arguments: tuple[Any, ...]


class Persistent(NamedTuple):
    """Something that is stored beside the pickle."""

    pid: tuple[Any, ...]


Reducer = Callable[[Any, str], Any]


def pickled(value: object, reduce: Reducer) -> bytes:
    """The pickle of a value.

    Args:
        value: nested containers.
        reduce: for a value that is not plain and its place in the tree: a Call or a plain value in its stead,
            or None.

    Raises:
        ArgumentTypeError: something in it cannot be written; the message names its place.
    """
    pickler = _Pickler(reduce)
    try:
        pickler.save(value, "obj")
    except RecursionError:
        raise ArgumentError("save: obj is nested too deeply") from None
    return b"\x80\x02" + bytes(pickler.out) + b"."


class _Pickler:
    def __init__(self, reduce: Reducer) -> None:
        self.out = bytearray()
        self.reduce = reduce
        self.memo: dict[Any, int] = {}  # by identity, or by value for text and names
        self.kept: list[Any] = []  # so that no identity is used twice
        self.open: set[int] = set()

    def save(self, value: object, where: str) -> None:
        """Writes one value."""
        write = _WRITERS.get(type(value))
        if write is not None:
            write(self, value, where)
            return
        if self._known(id(value)):
            return
        reduced = self.reduce(value, where)
        if reduced is None:
            raise ArgumentTypeError(_refusal(value, where))
        if type(reduced) is Call:
            self._call(reduced, where)
            self._remember(id(value), value)
        else:
            self.save(reduced, where)

    # -- the memo ---------------------------------------------------------------------------------------

    def _known(self, key: object) -> bool:
        index = self.memo.get(key)
        if index is None:
            return False
        self.out += b"h" + bytes((index,)) if index < 256 else b"j" + struct.pack("<I", index)
        return True

    def _remember(self, key: object, value: object) -> None:
        index = self.memo[key] = len(self.memo)
        self.kept.append(value)
        self.out += b"q" + bytes((index,)) if index < 256 else b"r" + struct.pack("<I", index)

    # -- values -----------------------------------------------------------------------------------------

    def put_none(self, value: None, where: str) -> None:
        del value, where
        self.out += b"N"

    def put_bool(self, value: bool, where: str) -> None:
        del where
        self.out += b"\x88" if value else b"\x89"

    def put_int(self, value: int, where: str) -> None:
        if 0 <= value < 1 << 8:
            self.out += b"K" + bytes((value,))
        elif 0 <= value < 1 << 16:
            self.out += b"M" + struct.pack("<H", value)
        elif -(1 << 31) <= value < 1 << 31:
            self.out += b"J" + struct.pack("<i", value)
        else:
            size = value.bit_length() // 8 + 1
            if size > 255:
                raise ArgumentError(f"save: {where} is an int of {size} bytes; torch.load reads at most 255")
            self.out += b"\x8a" + bytes((size,)) + value.to_bytes(size, "little", signed=True)

    def put_float(self, value: float, where: str) -> None:
        del where
        self.out += b"G" + struct.pack(">d", value)

    def put_str(self, value: str, where: str) -> None:
        if self._known(value):
            return
        content = value.encode("utf-8", "surrogatepass")
        if len(content) >= 1 << 32:
            raise ArgumentError(f"save: {where} is text of {len(content)} bytes; torch.load reads less than 4 GiB")
        self.out += b"X" + struct.pack("<I", len(content)) + content
        self._remember(value, value)

    def put_bytes(self, value: bytes, where: str) -> None:
        self._call(Call(Name("_codecs", "encode"), (value.decode("latin1"), "latin1")), where)

    def put_bytearray(self, value: bytearray, where: str) -> None:
        self._object(value, Call(Name("__builtin__", "bytearray"), (value.decode("latin1"), "latin-1")), where)

    def put_complex(self, value: complex, where: str) -> None:
        self._call(Call(Name("__builtin__", "complex"), (value.real, value.imag)), where)

    # -- containers -------------------------------------------------------------------------------------

    def put_tuple(self, value: tuple[Any, ...], where: str) -> None:
        if not value:
            self.out += b")"
            return
        if self._known(id(value)):
            return
        if len(value) > 3:
            self.out += b"("
        self._enter(value, where)
        for n, item in enumerate(value):
            self.save(item, f"{where}[{n}]")
        self.open.discard(id(value))
        self.out += b"t" if len(value) > 3 else (b"\x85", b"\x86", b"\x87")[len(value) - 1]
        self._remember(id(value), value)

    def put_list(self, value: list[Any], where: str) -> None:
        if self._opened(value, b"]", where):
            for start in range(0, len(value), _BATCH):
                self.out += b"("
                for n in range(start, min(start + _BATCH, len(value))):
                    self.save(value[n], f"{where}[{n}]")
                self.out += b"e"
            self.open.discard(id(value))

    def put_dict(self, value: dict[Any, Any], where: str) -> None:
        if self._opened(value, b"}", where):
            self._items(value, where)
            self.open.discard(id(value))

    def put_ordered_dict(self, value: OrderedDict[Any, Any], where: str) -> None:
        if self._known(id(value)):
            return
        self._enter(value, where)
        self._call(Call(Name("collections", "OrderedDict"), ()), where)
        self._remember(id(value), value)
        self._items(value, where)
        attributes = vars(value)  # a state_dict's _metadata
        if attributes:
            self.save(dict(attributes), f"vars({where})")
            self.out += b"b"
        self.open.discard(id(value))

    def put_counter(self, value: Counter[Any], where: str) -> None:
        self._object(value, Call(Name("collections", "Counter"), (dict(value),)), where)

    def put_set(self, value: set[Any], where: str) -> None:
        for item in value:
            self._check_key(item, where)
        self._object(value, Call(Name("__builtin__", "set"), (list(value),)), where)

    def _enter(self, value: object, where: str) -> None:
        if id(value) in self.open:
            raise ArgumentError(f"save: {where} is a container that contains itself")
        self.open.add(id(value))

    def _opened(self, value: object, code: bytes, where: str) -> bool:
        """Starts a list or dict; False if it is there already."""
        if id(value) in self.open:
            raise ArgumentError(f"save: {where} is a container that contains itself")
        if self._known(id(value)):
            return False
        self.open.add(id(value))
        self.out += code
        self._remember(id(value), value)
        return True

    def _items(self, value: dict[Any, Any], where: str) -> None:
        items = list(value.items())
        for start in range(0, len(items), _BATCH):
            self.out += b"("
            for key, item in items[start : start + _BATCH]:
                self._check_key(key, where)
                self.save(key, where)
                self.save(item, f"{where}[{key!r}]")
            self.out += b"u"

    def _check_key(self, key: object, where: str) -> None:
        if type(key) not in _KEYS:
            raise ArgumentTypeError(
                f"save: {where} has the key {key!r} of type {type(key).__name__}; expected text, a number or a tuple"
            )
        if type(key) is tuple:
            for part in key:
                self._check_key(part, where)
        elif type(key) is int and key.bit_length() > 64:
            raise ArgumentError(f"save: {where} has the key {key!r} of more than 64 bits")

    # -- calls ------------------------------------------------------------------------------------------

    def put_name(self, value: Name, where: str) -> None:
        del where
        if not self._known(value):
            self.out += b"c" + f"{value.module}\n{value.name}\n".encode()
            self._remember(value, value)

    def put_call(self, value: Call, where: str) -> None:
        self._call(value, where)

    def put_persistent(self, value: Persistent, where: str) -> None:
        self.save(value.pid, where)
        self.out += b"Q"

    def _call(self, call: Call, where: str) -> None:
        self.save(call.function, where)
        self.out += b"("
        for argument in call.arguments:
            self.save(argument, where)
        self.out += b"tR"

    def _object(self, value: object, call: Call, where: str) -> None:
        """A mutable object, which is the same wherever it is mentioned."""
        if not self._known(id(value)):
            self._call(call, where)
            self._remember(id(value), value)


def _refusal(value: object, where: str) -> str:
    kind = type(value)
    if callable(getattr(value, "state_dict", None)) and not isinstance(value, type):
        return f"save: {where} is a {kind.__name__}; save its state_dict() instead"
    hint = _HINTS.get(kind.__name__, "")
    if not hint and isinstance(value, (tuple, list, dict, set, str, int, float)):
        base = next(base for base in kind.__mro__ if base.__module__ == "builtins")
        hint = f"convert it with {base.__name__}(...)"
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return (
        f"save: {where} is of type {name}, which a file that is safe to load cannot hold"
        f" (it holds arrays, numbers, text and plain containers){': ' + hint if hint else ''}"
    )


_WRITERS: dict[type, Callable[[_Pickler, Any, str], None]] = {
    type(None): _Pickler.put_none,
    bool: _Pickler.put_bool,
    int: _Pickler.put_int,
    float: _Pickler.put_float,
    str: _Pickler.put_str,
    bytes: _Pickler.put_bytes,
    bytearray: _Pickler.put_bytearray,
    complex: _Pickler.put_complex,
    tuple: _Pickler.put_tuple,
    list: _Pickler.put_list,
    dict: _Pickler.put_dict,
    OrderedDict: _Pickler.put_ordered_dict,
    Counter: _Pickler.put_counter,
    set: _Pickler.put_set,
    Name: _Pickler.put_name,
    Call: _Pickler.put_call,
    Persistent: _Pickler.put_persistent,
}
