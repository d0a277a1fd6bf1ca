"""Where a checkpoint is: PyTorch's readers and writers, of which the folder is what counts."""

from __future__ import annotations

import os

from fnn.errors import ArgumentError

__all__ = ["FileSystemReader", "FileSystemWriter", "folder_of", "is_stateful"]

Folder = str | os.PathLike[str]


class FileSystemReader:
    """A folder to read.

    Args:
        path: the folder.

    Example:
        >>> from fnn.distributed.checkpoint import FileSystemReader
        >>> FileSystemReader("run/step-100").path
        'run/step-100'
    """

    def __init__(self, path: Folder) -> None:
        self.path = path


class FileSystemWriter:
    """A folder to write.

    Args:
        path: the folder.
        single_file_per_rank: either: files are as large as `fnn.distributed.save_sharded` makes them.
        sync_files: either: files are on the disk before the folder takes its place.
        thread_count: either.
        per_thread_copy_ahead: either.
        cache_staged_state_dict: either.
        overwrite: True: a folder that is there is replaced, when all of the new one is written.

    Raises:
        ArgumentError: ``overwrite=False``.

    Example:
        >>> from fnn.distributed.checkpoint import FileSystemWriter
        >>> FileSystemWriter("run/step-100").path
        'run/step-100'
    """

    def __init__(
        self,
        path: Folder,
        single_file_per_rank: bool = True,
        sync_files: bool = True,
        thread_count: int = 1,
        per_thread_copy_ahead: int = 10_000_000,
        cache_staged_state_dict: bool = False,
        overwrite: bool = True,
    ) -> None:
        del single_file_per_rank, sync_files, thread_count, per_thread_copy_ahead, cache_staged_state_dict
        if not overwrite:
            raise ArgumentError("FileSystemWriter: overwrite must be True: a folder is replaced as a whole, got False")
        self.path = path


def folder_of(checkpoint_id: Folder | None, storage: object, where: str) -> Folder:
    """The folder that a script names, by its name or by a reader or writer.

    Raises:
        ArgumentError: neither names one, or the reader is of another kind.
    """
    if storage is not None and not isinstance(storage, (FileSystemReader, FileSystemWriter)):
        raise ArgumentError(
            f"{where}: storage_reader and storage_writer are FileSystemReader and FileSystemWriter, got {storage!r}"
        )
    if checkpoint_id is not None:
        return checkpoint_id
    if storage is None:
        raise ArgumentError(f"{where}: give a folder, checkpoint_id=..., or a storage_reader or storage_writer")
    return storage.path


def is_stateful(value: object) -> bool:
    """Whether it is a model, an optimizer, or another object with a state of its own."""
    return callable(getattr(value, "state_dict", None)) and callable(getattr(value, "load_state_dict", None))
