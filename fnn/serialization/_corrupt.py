"""The errors of reading files."""

import contextlib
import pickle
from collections.abc import Iterator

from fnn.errors import ArgumentError

__all__ = ["CorruptFileError", "UnsafeFileError", "naming"]


class CorruptFileError(ArgumentError):
    """A file is cut short, damaged or of another format; the message holds its path.

    Example:
        >>> import os, tempfile
        >>> from fnn import serialization
        >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
        >>> with open(path, "wb") as file:
        ...     _ = file.write(b"half a file")
        >>> try:
        ...     serialization.load_file(path)
        ... except serialization.CorruptFileError as error:
        ...     print(str(error).removeprefix(path))
        : not a whole safetensors file: a header of 7358988582908617064 bytes in a file of 11
    """


class UnsafeFileError(CorruptFileError, pickle.UnpicklingError):
    """A file asks for something that is no tensor, number, text or plain container; the message names it.

    Also a `pickle.UnpicklingError`, which is what ``torch.load(weights_only=True)`` raises.

    Example:
        >>> import io, pickle
        >>> from fnn import serialization
        >>> try:
        ...     serialization.load(io.BytesIO(pickle.dumps(print)))
        ... except serialization.UnsafeFileError as error:
        ...     "Unsupported global: GLOBAL builtins.print" in str(error)
        True
    """


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Puts the file's name before the text of a fault that is found in it."""
    try:
        yield
    except CorruptFileError as error:
        raise type(error)(f"{name}: {error}") from error.__cause__
