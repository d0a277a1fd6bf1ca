"""Files: PyTorch's, safetensors, checkpoints of nested state.  Every save is atomic, no load executes code."""

from fnn.serialization._corrupt import CorruptFileError, UnsafeFileError
from fnn.serialization.checkpoint import load_checkpoint, save_checkpoint
from fnn.serialization.files import load, save
from fnn.serialization.safetensors import load_file, save_file

__all__ = [
    "CorruptFileError", "UnsafeFileError", "load", "load_checkpoint", "load_file", "save", "save_checkpoint",
    "save_file",
]  # fmt: skip
