"""Published files: downloaded once, checked, and kept in the folder that torch keeps them in.

The functions of ``torch.hub`` that concern files of weights.  A download goes to a temporary file beside its
destination, which it replaces when it is complete and its hash is right; whatever happens before that leaves nothing.
A file that is there already, or was put there by hand, is used as it is.
"""

import hashlib
import http.client
import io
import os
import re
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from fnn import serialization
from fnn.errors import ArgumentError
from fnn.serialization.atomic import replacing
from fnn.utils._progress import progress_bar
from fnn.version import __version__

__all__ = ["DownloadError", "download_url_to_file", "get_dir", "load_state_dict_from_url", "set_dir"]

_CHUNK = 1 << 17
_HASH = re.compile(r"-([a-f0-9]*)\.")  # name-<first digits of the SHA-256>.pth
_folder: str | None = None  # what set_dir() was given

BY_HAND = """could not download {url}
    {reason}
Without access to the network, fetch that file on another machine and put it here by hand:
    {path}"""


class DownloadError(URLError, RuntimeError):
    """A file could not be downloaded, or is not what it should be; nothing has been left behind.

    Example:
        >>> import pathlib, tempfile
        >>> from fnn.utils import hub
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> try:
        ...     hub.download_url_to_file((folder / "none.pth").as_uri(), folder / "weights.pth", progress=False)
        ... except hub.DownloadError:
        ...     print("nothing was left behind:", list(folder.iterdir()))
        nothing was left behind: []
    """

    def __str__(self) -> str:
        return str(self.reason)


# -- folders ------------------------------------------------------------------------------------------


def get_dir() -> str:
    """The cache folder: ``$TORCH_HOME/hub``, where ``TORCH_HOME`` is by default ``$XDG_CACHE_HOME/torch``.

    ``XDG_CACHE_HOME`` is by default ``~/.cache``; `set_dir` overrides all that.

    Example:
        >>> from fnn.utils import hub
        >>> hub.get_dir().endswith("hub")
        True
    """
    if os.getenv("TORCH_HUB"):
        warnings.warn("TORCH_HUB is deprecated, please use env TORCH_HOME instead", stacklevel=2)
    if _folder is not None:
        return _folder
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return os.path.join(os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch"))), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Sets the cache folder of this process.

    >>> before = get_dir()
    >>> set_dir("/data/weights")
    >>> get_dir()
    '/data/weights'
    >>> set_dir(before)
    """
    global _folder
    _folder = os.path.expanduser(d)


# -- downloads ----------------------------------------------------------------------------------------


def download_url_to_file(
    url: str,
    dst: str | os.PathLike[str],
    hash_prefix: str | None = None,
    progress: bool = True,
    *,
    timeout: float = 60.0,
) -> None:
    """Downloads a file, whole or not at all.

    Proxies are taken from the environment, as `urllib.request` does.

    Args:
        url: where it is.
        dst: where to put it; a file that is there is replaced.
        hash_prefix: what the SHA-256 of its contents must begin with, in hexadecimal; None for no check.
        progress: whether to show a progress bar on stderr.
        timeout: the seconds to wait for the server to answer, or to send more.

    Raises:
        DownloadError: the server cannot be reached, has no such file, or sent something else (also an OSError
            and a RuntimeError).

    Example:
        >>> import pathlib, tempfile
        >>> from fnn.utils import hub
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "published.txt").write_text("weights")
        >>> url = (folder / "published.txt").as_uri()  # most are https://...
        >>> hub.download_url_to_file(url, folder / "mine.txt", hash_prefix="9a129038", progress=False)
        >>> (folder / "mine.txt").read_text()
        'weights'
    """
    target = Path(os.path.expanduser(dst))
    try:
        with _opened(url, timeout) as response, replacing(target) as temporary:
            _receive(response, temporary, hash_prefix, target.name, progress)
    except _Refused as error:
        raise DownloadError(_failure(url, target, str(error))) from None
    except (URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        if isinstance(error, HTTPError):
            error.close()  # the page that says so
        raise DownloadError(_failure(url, target, _reason(error))) from error


class _Refused(Exception):
    """What has arrived is not the file."""


def _opened(url: str, timeout: float) -> Any:
    try:
        request = Request(url, headers={"User-Agent": f"fnn/{__version__}"})
    except ValueError as error:
        raise ArgumentError(f"download_url_to_file: expected a URL such as https://..., got url={url!r}") from error
    return urlopen(request, timeout=timeout)


def _receive(response: Any, path: Path, hash_prefix: str | None, name: str, progress: bool) -> None:
    length = response.headers.get("Content-Length")
    total = int(length) if length is not None and length.isdecimal() else None
    digest = hashlib.sha256()
    received = 0
    with open(path, "wb") as file, progress_bar(name, total, show=progress) as advance:
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            advance(len(chunk))
    if total is not None and received != total:
        raise _Refused(f"the connection ended after {received} of {total} bytes")
    if hash_prefix is not None and not digest.hexdigest().startswith(hash_prefix):
        raise _Refused(f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")')


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"HTTP {error.code}: {error.reason}"
    return str(error.reason if isinstance(error, URLError) else error) or type(error).__name__


def _failure(url: str, path: Path, reason: str) -> str:
    return BY_HAND.format(url=url, reason=reason, path=path)


# -- weights ------------------------------------------------------------------------------------------


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike[str] | None = None,
    map_location: object = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool | None = None,
) -> dict[str, Any]:
    """The contents of a published file of weights, downloaded unless it is in the cache.

    Args:
        url: where it is published: a file of PyTorch's (also within an archive of one member) or of safetensors.
        model_dir: the folder that keeps it. Default: ``checkpoints`` in `get_dir`.
        map_location: where to put the arrays; see `fnn.serialization.load`.
        progress: whether a download shows a progress bar.
        check_hash: whether the file's name holds the first digits of its SHA-256 (``name-<digits>.pth``), which a
            download is checked against.
        file_name: the file's name in the folder. Default: the one in the URL.
        weights_only: None or True; see `fnn.serialization.load`.

    Returns:
        The file's contents; for published weights the arrays by name.

    Raises:
        DownloadError: the file is not in the cache and could not be downloaded, or is not what it should be.

    Example:
        >>> import pathlib, tempfile
        >>> import fnn
        >>> from fnn import nn
        >>> from fnn.utils import hub
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> fnn.save(nn.Linear(2, 1).state_dict(), folder / "linear.pth")
        >>> url = (folder / "linear.pth").as_uri()  # most are https://...
        >>> state = hub.load_state_dict_from_url(url, folder / "cache", progress=False)
        Downloading: "file:///.../linear.pth" to .../cache/linear.pth
        >>> list(state)
        ['weight', 'bias']
    """
    folder = Path(os.path.join(get_dir(), "checkpoints") if model_dir is None else os.path.expanduser(model_dir))
    name = os.path.basename(urlparse(url).path) if file_name is None else file_name
    if not name:
        raise ArgumentError(f"load_state_dict_from_url: the URL names no file, pass file_name=...; got url={url!r}")
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        sys.stdout.write(f'Downloading: "{url}" to {path}\n')
        found = _HASH.search(name) if check_hash else None
        download_url_to_file(url, path, found[1] if found else None, progress)
    try:
        return _read(path, map_location, weights_only)
    except Exception as error:
        error.add_note(f"The file is {path}; delete it to have it downloaded again from {url}")
        raise


def _read(path: Path, map_location: object, weights_only: bool | None) -> Any:
    member = _only_member(path)
    if member is None:
        return serialization.load(path, map_location, weights_only=weights_only)
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read(member))
    return serialization.load(content, map_location, weights_only=weights_only)


def _only_member(path: Path) -> zipfile.ZipInfo | None:
    """What is in an archive that holds one file; None for any other file (PyTorch's own archives hold several)."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    return members[0] if len(members) == 1 and not members[0].is_dir() else None
