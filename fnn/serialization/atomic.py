"""Writing a file, or a folder, whole or not at all."""

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["replacing", "replacing_folder"]


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path to write to, which takes the place of ``path`` when the block ends well.

    Whatever happens before that (an exception, a kill, a power cut), ``path`` is as it was.  The new file has the
    old one's permissions; a link keeps pointing to where the file is.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        # the same folder, hence the same file system: os.replace is then one atomic step
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        mode = (target if target.exists() else temporary).stat().st_mode
        yield temporary
        os.chmod(temporary, stat.S_IMODE(mode))  # a writer may have put a file of its own there
        _flush(temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush(target.parent)


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields an empty folder to write to, which takes the place of ``path`` when the block ends well.

    Before that ``path`` is as it was, whatever happens. There is a moment between two renames in which nothing is
    there: an interruption then leaves the old folder beside it, under a name that ends in ``.before``.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    temporary.mkdir()
    before = target.with_name(f"{temporary.name}.before")
    try:
        yield temporary
        for file in temporary.iterdir():
            _flush(file)
        if target.exists():
            os.rename(target, before)
        os.rename(temporary, target)
    except BaseException:
        if before.exists() and not target.exists():
            os.rename(before, target)
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _flush(target.parent)
    shutil.rmtree(before, ignore_errors=True)


def _flush(path: Path) -> None:
    """To the disk: the contents of a file, the names in a folder (where the system can open one)."""
    try:
        descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
