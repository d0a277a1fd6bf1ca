"""A pickle machine that can build only what it is told of.

It interprets the opcodes of protocols 0 to 5 itself and never looks up a name in a module: ``GLOBAL`` and its kin go
to `Globals.find`, which knows a fixed table and refuses everything else.  What a stream may call (``REDUCE``,
``NEWOBJ``, ``INST``, ``OBJ``) is a `Builder` out of that table; what it may give a state to (``BUILD``),
`Globals.build` decides.
No opcode does more work, or takes more memory, than is in proportion to the bytes that it stands for; see also
`_limits`.

The formats of the opcodes are those of ``pickletools``.
"""

import struct
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from fnn.errors import ArgumentError
from fnn.serialization._corrupt import CorruptFileError, UnsafeFileError
from fnn.serialization._limits import Budget, Marker, check_key
from fnn.serialization._pickle_stack import Bytes, Stack, decimal
from fnn.typing import PyTree

__all__ = ["Builder", "Globals", "Unpickler"]

_MAPPINGS = (dict, OrderedDict, defaultdict, Counter)
_STOP = b"."[0]
# Python 2's and older numpy's names of modules.
_RENAMED = {
    "__builtin__": "builtins",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
    "torch.tensor": "torch._tensor",
}


class Builder(Marker):
    """A name that a pickle may call."""

    __slots__ = ("call",)

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        super().__init__(name)
        self.call = call


class Globals(Protocol):
    """What the names in a pickle stand for."""

    budget: Budget

    def find(self, module: str, name: str) -> Any:
        """The value or `Builder` of that name, or UnsafeFileError."""
        ...

    def build(self, instance: object, state: PyTree) -> None:
        """Gives an object its state, or UnsafeFileError."""
        ...

    def persistent(self, pid: object) -> Any:
        """The storage that a persistent id stands for."""
        ...


class Unpickler(Stack):
    """Reads one pickle; see the module's text.

    Args:
        data: the bytes, of which one pickle stands at ``position``.
        names: what names and persistent ids stand for.
        position: where the pickle starts; afterwards, where it ended.
        encoding: of Python 2's byte strings; "bytes" leaves them as they are.
    """

    def __init__(self, data: Bytes, names: Globals, position: int = 0, encoding: str = "utf-8") -> None:
        super().__init__(data, position, encoding)
        self.names = names
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """The object.

        Raises:
            UnsafeFileError: the stream asks for something that is not in the table.
            CorruptFileError: it is damaged.
        """
        actions = [method.__get__(self) for method in _ACTIONS]
        data, size, start = self.data, self.size, self.position
        try:
            while True:
                position = self.position
                if position >= size:
                    raise CorruptFileError("the pickle is cut short")
                self.position = position + 1
                code = data[position]
                if code == _STOP:
                    return self.stack.pop()
                actions[code]()
        except ArgumentError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error) as error:
            raise self.fault(start, error) from error

    def fault(self, start: int, error: Exception) -> CorruptFileError:
        """What to say of a stream that makes no sense."""
        text = str(error) or "nothing is on the stack"
        return CorruptFileError(f"the pickle is damaged near its byte {self.position - start}: {text}")

    # -- constants and containers -----------------------------------------------------------------------

    def do_none(self) -> None:
        self.push(None)

    def do_newtrue(self) -> None:
        self.push(True)

    def do_newfalse(self) -> None:
        self.push(False)

    def do_empty_tuple(self) -> None:
        self.push(())

    def do_empty_list(self) -> None:
        self.push([])

    def do_empty_dict(self) -> None:
        self.push({})

    def do_empty_set(self) -> None:
        self.push(set())

    def do_mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def do_tuple(self) -> None:
        items = tuple(self.pop_mark())
        self.push(items)

    def do_list(self) -> None:
        items = self.pop_mark()
        self.push(items)

    def do_dict(self) -> None:
        items = self.pop_mark()
        self.push({})
        self._set(items)

    def do_frozenset(self) -> None:
        items = self.pop_mark()
        for item in items:
            check_key(item, self.names.budget)
        self.push(frozenset(items))

    def _last(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def do_tuple1(self) -> None:
        self._last(1)

    def do_tuple2(self) -> None:
        self._last(2)

    def do_tuple3(self) -> None:
        self._last(3)

    def _target(self, *kinds: type) -> Any:
        target = self.stack[-1]
        if type(target) not in kinds:
            raise UnsafeFileError(f"asks to put items into an object of type {type(target).__name__}")
        return target

    def do_append(self) -> None:
        item = self.stack.pop()
        self._target(list).append(item)

    def do_appends(self) -> None:
        items = self.pop_mark()
        self._target(list).extend(items)

    def do_additems(self) -> None:
        items = self.pop_mark()
        for item in items:
            check_key(item, self.names.budget)
        self._target(set).update(items)

    def _set(self, items: list[Any]) -> None:
        target = self._target(*_MAPPINGS)
        if len(items) % 2:
            raise CorruptFileError("the pickle is damaged: a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is not str:
                check_key(key, self.names.budget)
            target[key] = value

    def do_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def do_setitems(self) -> None:
        self._set(self.pop_mark())

    # -- the stack and the memo -------------------------------------------------------------------------

    def do_pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def do_pop_mark(self) -> None:
        self.pop_mark()

    def do_dup(self) -> None:
        self.push(self.stack[-1])

    def _get(self, index: int) -> None:
        if index not in self.memo:
            raise CorruptFileError(f"the pickle is damaged: it refers to its value {index}, which there is not")
        self.push(self.memo[index])

    def do_get(self) -> None:
        self._get(decimal(self.line()))

    def do_binget(self) -> None:
        self._get(self.number(1))

    def do_long_binget(self) -> None:
        self._get(self.number(4))

    def do_put(self) -> None:
        self.memo[decimal(self.line())] = self.stack[-1]

    def do_binput(self) -> None:
        self.memo[self.number(1)] = self.stack[-1]

    def do_long_binput(self) -> None:
        self.memo[self.number(4)] = self.stack[-1]

    def do_memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    # -- names, calls and states ------------------------------------------------------------------------

    def _find(self, module: object, name: object) -> Any:
        if type(module) is not str or type(name) is not str:
            raise CorruptFileError("the pickle is damaged: a name that is no text")
        return self.names.find(_RENAMED.get(module, module), name)

    def do_global(self) -> None:
        module, name = str(self.line(), "utf-8"), str(self.line(), "utf-8")
        self.push(self._find(module, name))

    def do_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.push(self._find(module, name))

    def do_extension(self) -> None:
        raise UnsafeFileError("asks for an object out of Python's extension registry (opcode EXT)")

    def do_buffer(self) -> None:
        raise UnsafeFileError("asks for a buffer outside of the file (opcode NEXT_BUFFER or READONLY_BUFFER)")

    def _call(self, function: object, arguments: object) -> Any:
        if not isinstance(function, Builder):
            raise UnsafeFileError(f"asks to call {_what(function)}")
        if type(arguments) is not tuple:
            raise CorruptFileError(f"the pickle is damaged: the arguments of {function.name} are no tuple")
        return function.call(*arguments)

    def do_reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.push(self._call(function, arguments))

    do_newobj = do_reduce

    def do_newobj_ex(self) -> None:
        keywords, arguments, function = self.stack.pop(), self.stack.pop(), self.stack.pop()
        if type(keywords) is not dict or keywords:
            raise UnsafeFileError(f"asks to call {_what(function)} with keywords")
        self.push(self._call(function, arguments))

    def do_inst(self) -> None:
        function = self._find(str(self.line(), "utf-8"), str(self.line(), "utf-8"))
        arguments = tuple(self.pop_mark())
        self.push(self._call(function, arguments))

    def do_obj(self) -> None:
        function, *arguments = self.pop_mark()
        self.push(self._call(function, tuple(arguments)))

    def do_build(self) -> None:
        state = self.stack.pop()
        self.names.build(self.stack[-1], state)

    def do_persid(self) -> None:
        self.push(self.names.persistent(str(self.line(), "ascii")))

    def do_binpersid(self) -> None:
        self.push(self.names.persistent(self.stack.pop()))

    # -- the frame of it --------------------------------------------------------------------------------

    def do_proto(self) -> None:
        protocol = self.number(1)
        if protocol > 5:
            raise CorruptFileError(f"a pickle of protocol {protocol}; the highest is 5")

    def do_unknown(self) -> None:
        raise CorruptFileError(f"the pickle is damaged: no opcode {self.data[self.position - 1]:#04x}")

    def do_frame(self) -> None:
        if self.number(8) > self.size - self.position:
            raise CorruptFileError("the pickle is cut short")


def _what(value: object) -> str:
    return value.name if isinstance(value, Marker) else f"an object of type {type(value).__name__}"


_CODES = {
    "int": b"I", "binint": b"J", "binint1": b"K", "binint2": b"M", "long": b"L", "long1": b"\x8a", "long4": b"\x8b",
    "float": b"F", "binfloat": b"G", "string": b"S", "binstring": b"T", "short_binstring": b"U", "unicode": b"V",
    "short_binunicode": b"\x8c", "binunicode": b"X", "binunicode8": b"\x8d", "short_binbytes": b"C", "binbytes": b"B",
    "binbytes8": b"\x8e", "bytearray8": b"\x96", "none": b"N", "newtrue": b"\x88", "newfalse": b"\x89",
    "empty_tuple": b")", "tuple": b"t", "tuple1": b"\x85", "tuple2": b"\x86", "tuple3": b"\x87", "empty_list": b"]",
    "list": b"l", "append": b"a", "appends": b"e", "empty_dict": b"}", "dict": b"d", "setitem": b"s", "setitems": b"u",
    "empty_set": b"\x8f", "additems": b"\x90", "frozenset": b"\x91", "mark": b"(", "pop": b"0", "pop_mark": b"1",
    "dup": b"2", "get": b"g", "binget": b"h", "long_binget": b"j", "put": b"p", "binput": b"q", "long_binput": b"r",
    "memoize": b"\x94", "global": b"c", "stack_global": b"\x93", "inst": b"i", "obj": b"o", "newobj": b"\x81",
    "newobj_ex": b"\x92", "reduce": b"R", "build": b"b", "persid": b"P", "binpersid": b"Q", "proto": b"\x80",
    "frame": b"\x95",
}  # fmt: skip
_ACTIONS: list[Any] = [Unpickler.do_unknown] * 256
for _name, _code in _CODES.items():
    _ACTIONS[_code[0]] = getattr(Unpickler, f"do_{_name}")
for _code in b"\x82\x83\x84":
    _ACTIONS[_code] = Unpickler.do_extension
for _code in b"\x97\x98":
    _ACTIONS[_code] = Unpickler.do_buffer
