"""Where the files of a model are: a folder here, or a repository on the Hugging Face hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.serialization.atomic import present
from fnn.serialization.shards import INDEX, SINGLE
from fnn.text._folders import indexed

__all__ = ["fetched", "located"]

NEEDS_HUB = 'reading from the Hugging Face hub needs the huggingface-hub library: pip install "fnn[text]"'
_UNREACHABLE = """\
{name!r} is no folder here, and {file} could not be had from the Hugging Face hub ({reason}).
Where there is no network, download the repository elsewhere (huggingface-cli download {name} --local-dir FOLDER) and
give the folder; HF_HUB_CACHE says where earlier downloads are, HF_ENDPOINT which server is asked."""


def located(
    name: str | os.PathLike[str], *, revision: str = "main", token: str | None = None, local_files_only: bool = False
) -> Path:
    """The folder with a model's configuration and weights, downloaded if need be.

    Args:
        name: a folder, or the name of a repository.
        revision: of the repository.
        token: of a private repository.
        local_files_only: whether to look only at what has been downloaded before.

    Raises:
        ArgumentError: there is no such folder, and no such repository can be reached.
    """
    local = present(name)
    if local.is_dir():
        return local
    how = {"revision": revision, "token": token, "local_files_only": local_files_only}
    config = fetched(name, "config.json", **how)
    assert config is not None
    if fetched(name, SINGLE, optional=True, **how) is None:
        index = fetched(name, INDEX, **how)
        assert index is not None
        for part in indexed(index):
            fetched(name, part, **how)
    fetched(name, "generation_config.json", optional=True, **how)
    return config.parent


def fetched(name: str | os.PathLike[str], file: str, *, optional: bool = False, **how: Any) -> Path | None:
    """A file of a folder or of a repository; None if it is ``optional`` and not there.

    Args:
        name: a folder, or the name of a repository.
        file: the file's name.
        optional: whether it may be missing.
        **how: the arguments of `located`.

    Raises:
        ArgumentError: it is not there, or cannot be reached.
    """
    local = present(name)
    if local.is_dir():
        path = local / file
        if path.exists():
            return path
        if optional:
            return None
        raise ArgumentError(f"there is no {file} in {os.fspath(name)!r}")
    text = os.fspath(name)
    if text.startswith((".", "/", "~")) or text.count("/") > 1:
        raise ArgumentError(f"there is no folder {text!r}")
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import (
            EntryNotFoundError,
            HFValidationError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )  # fmt: skip
    except ImportError as error:
        raise ImportError(f"{text!r} is no folder here; {NEEDS_HUB}") from error
    try:
        return Path(hf_hub_download(text, file, **how))
    except LocalEntryNotFoundError as error:  # also an EntryNotFoundError: nothing was found out
        if optional and how.get("local_files_only"):
            return None
        raise ArgumentError(_UNREACHABLE.format(name=text, file=file, reason=_first(error))) from error
    except EntryNotFoundError as error:
        if optional:
            return None
        raise ArgumentError(f"the repository {text!r} has no {file}") from error
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise ArgumentError(
            f"{text!r} is no folder here, and no repository on the Hugging Face hub that is open to you: "
            f"{_first(error)}"
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise ArgumentError(_UNREACHABLE.format(name=text, file=file, reason=_first(error))) from error


def _first(error: BaseException) -> str:
    """The first line of what an error says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
