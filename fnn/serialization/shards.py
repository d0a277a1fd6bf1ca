"""The form of a Hugging Face folder: one safetensors file, or several and an index that says what is where."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

__all__ = ["INDEX", "SINGLE", "divided", "index_of", "names_of_files"]

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"


def names_of_files(count: int) -> list[str]:
    """The names of so many files that an index lists."""
    return [f"model-{n + 1:05}-of-{count:05}.safetensors" for n in range(count)]


def divided(sizes: Mapping[str, int], most: int) -> list[list[str]]:
    """The names in each file: in their order, of at most so many bytes; only a larger array makes a larger file.

    Args:
        sizes: the bytes of each array.
        most: the bytes of a file.
    """
    files: list[list[str]] = [[]]
    filled = 0
    for name, size in sizes.items():
        if files[-1] and filled + size > most:
            files.append([])
            filled = 0
        files[-1].append(name)
        filled += size
    return files


def index_of(files: Sequence[Sequence[str]], total: int, **metadata: str) -> str:
    """The text of an index.

    Args:
        files: the names in each file.
        total: the bytes of all arrays.
        **metadata: what else stands beside the total.
    """
    stored = zip(names_of_files(len(files)), files, strict=True)
    places = {name: file for file, names in stored for name in names}
    return json.dumps({"metadata": {"total_size": total, **metadata}, "weight_map": places}, indent=2) + "\n"
