"""Hints on errors that nobody caught: at the top level of a script and in a notebook there is no call of fnn's around.

The hook before ours shows the error as it would have; ours adds a note to it, and does nothing to an error without a
hint.
"""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

__all__ = ["install"]

_KINDS = (
    AttributeError, ImportError, TypeError, ValueError, NotImplementedError, RuntimeError, AssertionError
)  # fmt: skip


def install(hint: Callable[[BaseException], None]) -> None:
    """Has ``hint`` called with errors that end a script, a line at the prompt or a cell of a notebook.

    Where somebody has installed a handler of exceptions in IPython, that one stays alone.
    """
    before = sys.excepthook

    def hinted(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if isinstance(error, _KINDS):
            hint(error)
        before(kind, error, traceback)

    sys.excepthook = hinted
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and not shell.custom_exceptions:
        shell.set_custom_exc(_KINDS, _in_cells(hint))


def _in_cells(hint: Callable[[BaseException], None]) -> Callable[..., Any]:
    def show(
        shell: Any, kind: type[BaseException], error: BaseException, traceback: Any, tb_offset: Any = None
    ) -> None:
        hint(error)
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)

    return show
