"""Files made by hand, byte for byte, as nobody's library would write them."""

import io
import pickle
import struct
import zipfile

MAGIC = 0x1950A86A20F9469CFC6C


def text(value: str) -> bytes:
    """The opcode that puts text on the stack."""
    content = value.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def name(full: str) -> bytes:
    """The opcode GLOBAL for a dotted name."""
    module, _, last = full.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def call(full: str, *arguments: bytes) -> bytes:
    """GLOBAL and REDUCE."""
    return name(full) + b"(" + b"".join(arguments) + b"tR"


def archive(content: bytes, **members: bytes) -> bytes:
    """A zip archive like PyTorch's whose pickle holds these opcodes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for member, data in {"data.pkl": pickled(content), "version": b"3\n", **members}.items():
            out.writestr(f"archive/{member}", data)
    return file.getvalue()


def legacy(content: bytes) -> bytes:
    """A file of the format before PyTorch 1.6."""
    heads = [pickle.dumps(head, 2) for head in (MAGIC, 1001, {"little_endian": True})]
    return b"".join(heads) + pickled(content) + pickle.dumps([], 2)


def pickled(content: bytes) -> bytes:
    """The opcodes as a whole pickle."""
    return b"\x80\x02" + content + b"."
