"""The errors that fnn raises for bad input, and the texts that teach.

PyTorch raises ``RuntimeError`` for many faults that Python calls ``ValueError``.  Code that was ported from
PyTorch catches the one, Python code the other, so `ArgumentError` is both.
"""


class ArgumentError(ValueError, RuntimeError):
    """An argument's value or shape is wrong; the message names it, its value and what was expected."""

    named = False  # whether the message says already which layer it comes from


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument is of the wrong type; also an `ArgumentError`, since PyTorch mixes the two."""


class MissingKeyError(ArgumentError):
    """A random operation was called without a key and without a scope that provides one."""


class TracerEscapeError(RuntimeError):
    """A traced value would have been stored in a Parameter, Buffer or Module that outlives the trace."""


class StateDictError(RuntimeError, ValueError):
    """A ``state_dict`` does not fit the module; nothing has been changed."""
