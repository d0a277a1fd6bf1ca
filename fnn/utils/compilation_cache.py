"""Compiled programs kept on disk, so that the next process that needs one reads it instead of compiling.

JAX has such a cache, off unless a folder is named, and then for what took a second to compile.  Here one call names a
folder of the user's own and keeps all programs.  A key holds the program, the versions of JAX and XLA, the compiler's
options and the kind of device; an entry that does not fit is never used.

What lies in the folder is run as machine code, so it is made for its owner alone, and one that others may write to is
refused.
"""

import importlib.util
import os
import stat
from pathlib import Path

import jax

from fnn.errors import ArgumentError

__all__ = ["disable", "enable"]

NEEDS_FILELOCK = 'compilation_cache.enable: max_bytes needs filelock, by which JAX counts: pip install "fnn[examples]"'


def default_folder() -> Path:
    """``fnn/compiled`` in the user's folder of caches: ``XDG_CACHE_HOME``, else ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fnn" / "compiled"


def enable(folder: str | os.PathLike[str] | None = None, max_bytes: int | None = None) -> Path:
    """Keeps compiled programs in ``folder``, and takes those that are there; for the whole process, from now on.

    ``JAX_ENABLE_COMPILATION_CACHE=0`` in the environment leaves it without effect, as for JAX's own switch.

    Args:
        folder: made if it does not exist.  None: the one that JAX has been given already, if any, else ``fnn/compiled``
            in the user's folder of caches.
        max_bytes: what the programs may take together; of more, those that have not been used for longest are removed.
            JAX counts them with the package ``filelock``.  None: as many as there are.

    Returns:
        The folder.

    Raises:
        ArgumentError: the folder cannot be made, or written to, or others may write to it; or ``max_bytes`` is not
            positive.
        ImportError: ``max_bytes`` without ``filelock``.

    Example:
        >>> import tempfile, jax
        >>> from fnn.utils import compilation_cache
        >>> folder = compilation_cache.enable(tempfile.mkdtemp())
        >>> _ = jax.jit(lambda x: x * 17 + 4)(1.0)
        >>> len(list(folder.glob("*-cache"))) > 0
        True
        >>> compilation_cache.disable()
    """
    where = "compilation_cache.enable: "
    if max_bytes is not None:
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes <= 0:
            raise ArgumentError(f"{where}max_bytes must be a positive integer or None, got {max_bytes!r}")
        if importlib.util.find_spec("filelock") is None:
            raise ImportError(NEEDS_FILELOCK)
    path = Path(folder or jax.config.values["jax_compilation_cache_dir"] or default_folder()).expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"{where}cannot make the folder {path}: {error.strerror or error}") from None
    _require_own(path, where)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_compilation_cache_max_size", -1 if max_bytes is None else max_bytes)
    _use(str(path))
    return path


def disable() -> None:
    """Programs are compiled and forgotten again, as without `enable`; what is in the folder stays.

    Example:
        >>> from fnn.utils import compilation_cache
        >>> compilation_cache.disable()
    """
    _use(None)


def _require_own(path: Path, where: str) -> None:
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ArgumentError(f"{where}the folder {path} cannot be written to")
    if os.name != "posix":
        return
    status = path.stat()
    if status.st_uid not in (os.getuid(), 0) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ArgumentError(
            f"{where}programs in {path} would be run as they are, and others may write to it: expected a folder "
            f"of your own with mode 0o700, got owner {status.st_uid} and mode {stat.S_IMODE(status.st_mode):#o}"
        )


def _use(folder: str | None) -> None:
    from jax.experimental.compilation_cache import compilation_cache

    jax.config.update("jax_compilation_cache_dir", folder)
    compilation_cache.reset_cache()  # JAX asks once whether there is one
