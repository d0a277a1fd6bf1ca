"""An exception of a worker, raised again in the loader's process."""

import traceback
from typing import Any

__all__ = ["describe", "rebuild"]


class _Text(str):
    """Shown as it is where an exception shows its argument's repr, as KeyError does."""

    def __repr__(self) -> str:
        return str(self)


def describe(error: BaseException, worker: int) -> tuple[type[BaseException], str]:
    """The type, and a text that says where it was raised, with the traceback."""
    trace = "".join(traceback.format_exception(error))
    return type(error), f"Caught {type(error).__name__} in DataLoader worker process {worker}.\nOriginal {trace}"


def rebuild(kind: type[BaseException] | None, text: str) -> BaseException:
    """An exception of the type with the text; a RuntimeError if the type cannot be made from a text."""
    make: Any = kind
    try:
        if kind is None or not issubclass(kind, Exception):
            return RuntimeError(text)
        if issubclass(kind, KeyError):
            return kind(_Text(text))
        if getattr(kind, "message", None):
            return make(message=text)
        if issubclass(kind, StopIteration):  # inside an iterator it would end the loop
            return RuntimeError(text)
        return kind(text)
    except Exception:
        return RuntimeError(text)
