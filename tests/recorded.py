"""What PyTorch gave, kept in ``tests/recorded/*.json``: checked where PyTorch is absent, rewritten by
``python tools/record_references.py``."""

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "recorded"


@cache
def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def digest(values: Any) -> str:
    """Of dtype, shape and every bit."""
    array = np.ascontiguousarray(values)
    return f"{zlib.crc32(repr((array.dtype.name, array.shape)).encode() + array.tobytes()):08x}"
