"""The weight files of a folder: one, or several with an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fnn.errors import ArgumentError
from fnn.serialization import CorruptFileError, load
from fnn.serialization.shards import INDEX, SINGLE
from fnn.text.config import read_json


def weight_names(folder: Path, single: str = SINGLE, index: str = INDEX) -> list[str]:
    """The names of a folder's weight files.

    Raises:
        ArgumentError: there are none.
        CorruptFileError: the index is damaged, or points outside of the folder.
    """
    if (folder / single).exists():
        return [single]
    if not (folder / index).exists():
        other = [path.name for pattern in ("*.bin", "*.h5", "*.msgpack", "*.gguf") for path in folder.glob(pattern)]
        hint = f"; {', '.join(sorted(other)[:3])} cannot be read" if other else ""
        raise ArgumentError(f"there is no {single} and no {index} in {str(folder)!r}{hint}")
    return indexed(folder / index)


def indexed(index: Path) -> list[str]:
    """The names of the files that an index lists."""
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise CorruptFileError(f"{index}: not an index of safetensors files")
    names = list(dict.fromkeys(places.values()))
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise CorruptFileError(f"{index}: names {outside[0]!r}, which is outside of the folder")
    return names


def mapped(folder: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    """The arrays of one file after the other, as maps of which only what is looked at is read."""
    for name in names:
        if not (folder / name).exists():
            raise CorruptFileError(f"{folder / INDEX}: names {name}, which is not there")
        yield load(folder / name, mmap=True)
