"""What kind of file it is, by its first bytes."""

from typing import BinaryIO

from fnn.serialization._corrupt import CorruptFileError, UnsafeFileError

__all__ = ["sniff"]

_HEAD = 512
_OTHERS = {
    b"\x89HDF": "an HDF5 file (Keras, PyTables); fnn reads files of PyTorch and safetensors",
    b"\x93NUMPY": "an array of numpy (.npy): load it with numpy.load",
    b"GGUF": "a GGUF file (llama.cpp); fnn reads files of PyTorch and safetensors",
    b"\x1f\x8b": "a gzip file: unpack it first",
    b"BZh": "a bzip2 file: unpack it first",
    b"\xfd7zXZ": "an xz file: unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstandard file: unpack it first",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: run `git lfs pull`",
    b"PK\5\6": "an empty zip archive",
}


def sniff(file: BinaryIO, base: int, size: int) -> str:
    """Which reader the file is for: "zip", "legacy" or "safetensors"; leaves the file where it was.

    Raises:
        CorruptFileError: it is of another kind, or empty; the message says what it looks like.
    """
    head = file.read(min(size, _HEAD))
    file.seek(base)
    if not head:
        raise CorruptFileError("the file is empty")
    if head.startswith(b"PK\3\4"):
        return "zip"
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8:
        return "safetensors"
    for magic, text in _OTHERS.items():
        if head.startswith(magic):
            raise CorruptFileError(text)
    if head[257:262] == b"ustar":
        raise UnsafeFileError("Cannot use ``weights_only=True`` with files saved in the legacy .tar format")
    if head.lstrip()[:1] == b"<":
        raise CorruptFileError("a page of HTML or XML, as a failed download leaves it")
    # a pickle of protocol 2 or later, which is what the legacy format starts with
    if head[0] == 0x80 and 2 <= head[1:2][0] <= 5 if len(head) > 1 else False:
        return "legacy"
    raise CorruptFileError(
        "neither a file of PyTorch (zip archive or pickles) nor of safetensors; it starts with " + repr(head[:8])
    )
