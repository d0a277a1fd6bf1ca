"""A save that may go on in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Saving"]


class Saving:
    """A save that may still be going on; `save_sharded` returns it.

    A program that ends waits for it.

    Example:
        >>> import os, tempfile
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> folder = os.path.join(tempfile.mkdtemp(), "checkpoint")
        >>> saving = fnn.distributed.save_sharded({"w": jnp.ones(3)}, folder, background=True)
        >>> saving.wait()
        >>> saving.done
        True
    """

    def __init__(self, write: Callable[[], None], background: bool) -> None:
        self._error: BaseException | None = None
        self._write = write
        self._thread = threading.Thread(target=self._run, name="fnn.distributed.save_sharded") if background else None
        if self._thread is None:
            write()
        else:
            self._thread.start()

    def _run(self) -> None:
        try:
            self._write()
        except BaseException as error:  # raised in the thread that asks
            self._error = error

    @property
    def done(self) -> bool:
        """Whether it has come to an end, good or bad."""
        return self._thread is None or not self._thread.is_alive()

    def wait(self) -> None:
        """Until the folder is in place.

        Raises:
            OSError: it could not be written; whatever the save has raised is raised here, or by the next save.
        """
        if self._thread is not None:
            self._thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error
