"""Downloads that are checked, and archives that cannot write where they please.

Nothing takes the place of a file before it is complete: a download goes to a temporary folder and is moved when its
MD5 is right, an archive is unpacked into one and moved when all of it has been read.  The members of an archive must
be plain files and folders inside it.
"""

import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlencode, urlparse

from fnn.errors import ArgumentError

__all__ = [
    "calculate_md5",
    "check_integrity",
    "check_md5",
    "corrupt",
    "download_and_extract_archive",
    "download_file_from_google_drive",
    "download_url",
    "extract_archive",
    "list_dir",
    "list_files",
    "verify_str_arg",
]

FilePath = str | os.PathLike[str]

_OPENERS: dict[str, Callable[..., Any]] = {".bz2": bz2.open, ".gz": gzip.open, ".xz": lzma.open}
_ALIASES = {".tbz": (".tar", ".bz2"), ".tbz2": (".tar", ".bz2"), ".tgz": (".tar", ".gz"), ".txz": (".tar", ".xz")}
_DRIVE = "https://drive.usercontent.google.com/download"
_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, RuntimeError)


def corrupt(path: FilePath, reason: str) -> Exception:
    """The error of fnn's readers for a file that is not what it should be."""
    from fnn.serialization import CorruptFileError  # only now: it brings JAX, which reading data does not need

    return CorruptFileError(f"{os.fspath(path)}: {reason}")


# -- hashes -------------------------------------------------------------------------------------------


def calculate_md5(fpath: FilePath, chunk_size: int = 1024 * 1024) -> str:
    """The MD5 of a file, in hexadecimal: a check for damage, not for malice.

    Args:
        fpath: the file.
        chunk_size: how many bytes to read at once.
    """
    digest = hashlib.md5(usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def check_md5(fpath: FilePath, md5: str, **kwargs: Any) -> bool:
    """Whether a file has this MD5.

    Args:
        fpath: the file.
        md5: in hexadecimal.
        **kwargs: those of `calculate_md5`.
    """
    return md5 == calculate_md5(fpath, **kwargs)


def check_integrity(fpath: FilePath, md5: str | None = None) -> bool:
    """Whether a file is there and, unless ``md5`` is None, has this MD5.

    >>> check_integrity("/nowhere/to/be/found")
    False
    """
    return os.path.isfile(fpath) and (md5 is None or check_md5(fpath, md5))


# -- downloads ----------------------------------------------------------------------------------------


def _name_of(url: str) -> str:
    return os.path.basename(unquote(urlparse(url).path))


def download_url(url: str, root: FilePath, filename: FilePath | None = None, md5: str | None = None) -> None:
    """Downloads a file, unless it is there and whole.

    Args:
        url: where it is.
        root: the folder to put it into, which is made.
        filename: its name there; default: as in ``url``.
        md5: its MD5, in hexadecimal; None: a file that is there is taken as it is.

    Raises:
        fnn.utils.hub.DownloadError: it cannot be had, or has another MD5; whatever was there stays.
    """
    folder = Path(os.path.expanduser(root))
    target = folder / (filename or _name_of(url))
    if check_integrity(target, md5):
        return
    from fnn.utils.hub import DownloadError, download_url_to_file  # only now: it brings JAX

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as temporary:
        arrived = Path(temporary) / target.name
        try:
            download_url_to_file(url, arrived)
        except DownloadError as error:
            raise DownloadError(str(error).replace(str(arrived), str(target))) from error
        if md5 is not None and (found := calculate_md5(arrived)) != md5:
            raise DownloadError(
                f"File not found or corrupted: {url} sent a file with MD5 {found}, expected {md5}; it was not stored.\n"
                f"If you have the right file, put it at {target}"
            )
        os.replace(arrived, target)


def download_file_from_google_drive(
    file_id: str, root: FilePath, filename: FilePath | None = None, md5: str | None = None
) -> None:
    """Downloads a file from Google Drive, unless it is there and whole.

    Args:
        file_id: its number there.
        root: the folder to put it into, which is made.
        filename: its name there; default: its number.
        md5: its MD5, in hexadecimal; None: a file that is there is taken as it is, and a page that Google sends in its
            place, too.

    Raises:
        fnn.utils.hub.DownloadError: it cannot be had, or has another MD5; so has the page that Google sends when too
            many have asked for the file. Whatever was there stays.
    """
    query = urlencode({"id": file_id, "export": "download", "confirm": "t"})  # it may be too large to be scanned
    download_url(f"{_DRIVE}?{query}", root, filename or file_id, md5)


def download_and_extract_archive(
    url: str,
    download_root: FilePath,
    extract_root: FilePath | None = None,
    filename: FilePath | None = None,
    md5: str | None = None,
    remove_finished: bool = False,
) -> None:
    """Downloads an archive as `download_url` does, and unpacks it as `extract_archive` does.

    Args:
        url: where it is.
        download_root: the folder to download to.
        extract_root: the folder to unpack into; default: ``download_root``.
        filename: its name; default: as in ``url``.
        md5: its MD5, in hexadecimal.
        remove_finished: delete it in the end.
    """
    download_root = os.path.expanduser(download_root)
    filename = filename or _name_of(url)
    download_url(url, download_root, filename, md5)
    archive = os.path.join(download_root, filename)
    extract_archive(archive, download_root if extract_root is None else extract_root, remove_finished)


# -- archives -----------------------------------------------------------------------------------------


def _kind(path: FilePath) -> tuple[str, str | None, str | None]:
    """The suffix of a name, what archive and what compression it stands for."""
    suffixes = Path(path).suffixes
    if not suffixes:
        raise ArgumentError(
            f"File '{path}' has no suffixes that could be used to detect the archive type and compression."
        )
    last = suffixes[-1]
    if last in _ALIASES:
        return last, *_ALIASES[last]
    if last in (".tar", ".zip"):
        return last, last, None
    if last in _OPENERS:
        if suffixes[-2:-1] == [".tar"]:
            return ".tar" + last, ".tar", last
        return last, None, last
    known = sorted({*_ALIASES, *_OPENERS, ".tar", ".zip"})
    raise ArgumentError(f"Unknown compression or archive type: '{last}'.\nKnown suffixes are: '{known}'.")


def extract_archive(from_path: FilePath, to_path: FilePath | None = None, remove_finished: bool = False) -> FilePath:
    """Unpacks an archive (tar, zip) or a compressed file (gz, bz2, xz), completely or not at all.

    Args:
        from_path: the archive; its suffixes say what it is.
        to_path: the folder to unpack into; default: the one in which the archive is.
        remove_finished: delete the archive in the end.

    Returns:
        the folder, or the decompressed file; of the type of ``from_path``.

    Raises:
        ArgumentError: a suffix that is not known.
        fnn.serialization.CorruptFileError: the archive is damaged, or has a member that would lie outside.
    """
    suffix, archive, compression = _kind(from_path)
    folder = Path(os.path.dirname(from_path) if to_path is None else os.path.expanduser(to_path))
    folder.mkdir(parents=True, exist_ok=True)
    result = folder
    with tempfile.TemporaryDirectory(prefix=".extract-", dir=folder) as temporary:
        inside = Path(temporary)
        try:
            if archive is None:
                result = folder / os.path.basename(from_path).removesuffix(suffix)
                members: Iterable[_Member] = [(result.name, lambda: _OPENERS[suffix](from_path, "rb"))]
                _unpack(from_path, members, inside)
            elif archive == ".tar":
                mode: Any = f"r:{(compression or '.')[1:]}"
                with tarfile.open(from_path, mode) as tar:
                    _unpack(from_path, _tar_members(from_path, tar), inside)
            else:
                with zipfile.ZipFile(from_path) as zipped:
                    _unpack(from_path, _zip_members(zipped), inside)
        except ArgumentError:  # ours
            raise
        except _DAMAGED as error:
            if isinstance(error, OSError) and error.errno is not None:  # the disk is full, not the archive damaged
                raise
            raise corrupt(from_path, f"damaged, or not of the format its name says ({error})") from error
        _move(inside, folder)
    if remove_finished:
        os.remove(from_path)
    return os.fspath(result) if isinstance(from_path, str) else result


_Member = tuple[str, Callable[[], IO[bytes] | None]]


def _tar_members(path: FilePath, tar: tarfile.TarFile) -> Iterator[_Member]:
    for member in tar:
        if not (member.isreg() or member.isdir()):
            raise corrupt(path, f"refused: member {member.name!r} is a link or a device")
        yield member.name + "/" * member.isdir(), lambda member=member: tar.extractfile(member)


def _zip_members(zipped: zipfile.ZipFile) -> Iterator[_Member]:
    for member in zipped.infolist():
        yield member.filename, lambda member=member: zipped.open(member)


def _unpack(path: FilePath, members: Iterable[_Member], folder: Path) -> None:
    for name, opened in members:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts:
            continue  # "./", the folder itself
        if ".." in parts or parts[0] == "/" or ":" in parts[0] or "\0" in name:
            raise corrupt(path, f"refused: member {name!r} would lie outside the folder to unpack into")
        place = folder.joinpath(*parts)
        if name.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        source = opened()
        assert source is not None  # a regular file
        with source, open(place, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)


def _move(source: Path, target: Path) -> None:
    for folder, names, files in os.walk(source):
        place = target / Path(folder).relative_to(source)
        for name in names:
            (place / name).mkdir(exist_ok=True)
        for name in files:
            os.replace(Path(folder) / name, place / name)


# -- names --------------------------------------------------------------------------------------------


def list_dir(root: FilePath, prefix: bool = False) -> list[str]:
    """The names of the folders in a folder.

    Args:
        root: the folder.
        prefix: put ``root`` before each.
    """
    root = os.path.expanduser(root)
    names = [name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name))]
    return [os.path.join(root, name) for name in names] if prefix else names


def list_files(root: FilePath, suffix: str, prefix: bool = False) -> list[str]:
    """The names of the files in a folder that end in ``suffix``.

    Args:
        root: the folder.
        suffix: their end.
        prefix: put ``root`` before each.
    """
    root = os.path.expanduser(root)
    names = [n for n in os.listdir(root) if n.endswith(suffix) and os.path.isfile(os.path.join(root, n))]
    return [os.path.join(root, name) for name in names] if prefix else names


def verify_str_arg(
    value: object, arg: str | None = None, valid_values: Iterable[str] | None = None, custom_msg: str | None = None
) -> str:
    """Returns ``value`` if it is a string, and one of the valid ones.

    Args:
        value: what was passed.
        arg: the name of the argument.
        valid_values: what it may be; None: anything.
        custom_msg: what to say of another one.

    Raises:
        ArgumentError: it is not.

    >>> verify_str_arg("train", "split", ("train", "test"))
    'train'
    """
    if not isinstance(value, str):
        where = "" if arg is None else f" for argument {arg}"
        raise ArgumentError(f"Expected type str{where}, but got type {type(value)}.")
    if valid_values is not None and value not in (valid := list(valid_values)):
        listed = "'" + "', '".join(valid) + "'"
        raise ArgumentError(custom_msg or f"Unknown value '{value}' for argument {arg}. Valid values are {{{listed}}}.")
    return value
