"""The errors of reading files."""

import contextlib
import pickle
from collections.abc import Iterator

from fnn.errors import ArgumentError

__all__ = ["CorruptFileError", "UnsafeFileError", "naming"]


class CorruptFileError(ArgumentError):
    """A file is cut short, damaged or of another format; the message holds its path."""


class UnsafeFileError(CorruptFileError, pickle.UnpicklingError):
    """A file asks for something that is no tensor, number, text or plain container; the message names it.

    Also a `pickle.UnpicklingError`, which is what ``torch.load(weights_only=True)`` raises.
    """


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Puts the file's name before the text of a fault that is found in it."""
    try:
        yield
    except CorruptFileError as error:
        raise type(error)(f"{name}: {error}") from error.__cause__
