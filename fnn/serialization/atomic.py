"""Writing a file, or a folder, whole or not at all."""

import contextlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["beside", "present", "replacing", "replacing_folder"]


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
def replacing_folder(
    path: str | os.PathLike[str], keeping: Callable[[str], bool] | None = None, token: str | None = None
) -> Iterator[Path]:
    """Yields an empty folder to write to, which takes the place of ``path`` when the block ends well.

    Before that ``path`` is as it was, whatever happens; in the moment of the exchange `present` finds it.  What a
    process left that was killed while it wrote is removed by the next one.

    Args:
        path: the folder.
        keeping: whether an entry of the old folder, of this name, is to stay if the new one has none; None: none is.
        token: see `beside`; None: drawn.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    _recover(target)
    _remove_abandoned(target)
    temporary = beside(target, token or secrets.token_hex(6))
    temporary.mkdir()
    with _claimed(temporary):
        try:
            yield temporary
            for file in temporary.iterdir():
                _flush(file)
            for entry in target.iterdir() if target.exists() else ():
                if keeping is not None and keeping(entry.name) and not (temporary / entry.name).exists():
                    _link(entry, temporary / entry.name)
            _put_in_place(temporary, target)
        except BaseException:
            _recover(target)
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def beside(target: Path, token: str) -> Path:
    """Where a folder is written before it takes its place.

    Args:
        target: its place.
        token: twelve hexadecimal digits that no other save has.
    """
    return target.with_name(f".{target.name}.{token}.tmp")


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[bool]:
    """Locks a folder that is being written, if nobody else has; the lock ends with the process, however it ends."""
    if fcntl is None:
        yield False
        return
    with contextlib.ExitStack() as stack:
        try:
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            claimed = True
        except OSError:  # another process has it, or has removed it; or the file system knows no locks
            claimed = False
        yield claimed


def _remove_abandoned(target: Path) -> None:
    pattern = re.compile(re.escape(f".{target.name}.") + "[0-9a-f]{12}" + re.escape(".tmp"))
    for left in list(target.parent.iterdir()):
        if pattern.fullmatch(left.name) and left.is_dir():
            with _claimed(left) as abandoned:
                if abandoned:
                    shutil.rmtree(left, ignore_errors=True)


def _put_in_place(temporary: Path, target: Path) -> None:
    """A finished folder takes the place of ``target``.

    There is a moment between two renames in which nothing is there; whoever is killed in it leaves the old folder
    beside it, where `present` and `_recover` find it.
    """
    _flush(temporary)
    before = _before(target)
    if target.exists():
        shutil.rmtree(before, ignore_errors=True)
        os.rename(target, before)
    os.rename(temporary, target)
    _flush(target.parent)
    shutil.rmtree(before, ignore_errors=True)


def present(path: str | os.PathLike[str]) -> Path:
    """Where a folder is that `_put_in_place` may have been about to replace."""
    target = Path(os.path.realpath(path))
    before = _before(target)
    return before if before.exists() and not target.exists() else target


def _recover(target: Path) -> None:
    """Puts back what an exchange left that was interrupted."""
    found = present(target)
    if found != target:
        os.rename(found, target)


def _before(target: Path) -> Path:
    return target.with_name(f".{target.name}.before")


def _link(source: Path, target: Path) -> None:
    """The same file, or files, under another name: without copying where the file system can."""
    if source.is_dir() and not source.is_symlink():
        target.mkdir()
        for entry in source.iterdir():
            _link(entry, target / entry.name)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


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
