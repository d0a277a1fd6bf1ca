"""Files: safetensors, and checkpoints of nested state.  Every save is atomic, no load executes code."""

from fnn.serialization.checkpoint import load_checkpoint, save_checkpoint
from fnn.serialization.safetensors import CorruptFileError, load_file, save_file

__all__ = ["CorruptFileError", "load_checkpoint", "load_file", "save_checkpoint", "save_file"]
