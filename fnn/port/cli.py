"""The command line of ``python -m fnn.port``."""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import io
import json
import shlex
import sys
import tokenize
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fnn.errors import ArgumentError

if TYPE_CHECKING:
    from fnn.port.check import Check
    from fnn.port.convert import Conversion

__all__ = ["main"]

DESCRIPTION = """Rewrites PyTorch scripts for fnn: imports, functions, methods of tensors, devices, the training step.
Says of each line what was converted, what changed its meaning and what has to be written by hand. With --check, runs
both scripts from one seed and compares every loss."""
EXTRAS = 'fnn.port needs {names}: pip install "fnn[port]" (in a clone: pip install ".[port]")'
LIBRARIES = ("libcst", "rich")


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The options and their help."""
    top = argparse.ArgumentParser("python -m fnn.port", description=DESCRIPTION)
    add = top.add_argument
    add("scripts", nargs="+", type=Path, metavar="script.py", help="files, or folders of them")
    add("-o", "--output", type=Path, metavar="OUT", help="the file, or the folder, to write (default: the terminal)")
    add("--diff", action="store_true", help="show what changes rather than the whole text")
    add("--check", action="store_true", help="run the original, where torch is installed, and the port, and compare")
    add("--steps", type=_count, default=20, metavar="N", help="losses to compare (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of both runs (default: %(default)s)")
    add("--arguments", default="", metavar="'...'", help="the command line of the scripts that --check runs")
    add("--json", action="store_true", help="print the report as JSON, and nothing else")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the command line; None: ``sys.argv``.

    Returns:
        The exit status: 0, or 1 if a check failed, or 2 for a bad argument.
    """
    given = parser().parse_args(arguments)
    try:
        missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
        if missing:
            raise ArgumentError(EXTRAS.format(names=", ".join(missing)))
        if given.check and importlib.util.find_spec("torch") is None:
            raise ArgumentError("--check: runs the original, which needs torch; it is not installed")
        return _main(given)
    except ArgumentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _files(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Each file, and where it lies below what was named."""
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if path.is_dir():
            found += [(file, file.relative_to(path)) for file in sorted(path.rglob("*.py"))]
        elif path.is_file():
            found.append((path, Path(path.name)))
        else:
            raise ArgumentError(f"{path}: there is no such file")
    return found


def _read(path: Path) -> tuple[str, str]:
    """A script's text with its line ends, and its encoding, which its first lines may declare."""
    data = path.read_bytes()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding), encoding


def _main(given: argparse.Namespace) -> int:
    from fnn.port.check import passed
    from fnn.port.convert import convert_files
    from fnn.port.show import show_check, show_notes

    files = _files(given.scripts)
    single = len(files) == 1 and given.scripts[0].is_file()
    if not single and given.output is None and not (given.diff or given.json or given.check):
        raise ArgumentError("several scripts: name a folder with -o, or ask for --diff")
    reports: list[dict[str, Any]] = []
    unread: list[str] = []
    made: dict[Path, tuple[Path, str, bytes]] = {}
    texts: dict[Path, tuple[str, str]] = {}
    for path, _ in files:
        try:
            texts[path] = _read(path)
        except (SyntaxError, UnicodeDecodeError) as error:
            unread.append(f"{path}: {error}")  # the rest of a folder is converted all the same
    places = Counter(relative for _, relative in files)
    keys = {path: relative if places[relative] == 1 else path for path, relative in files}  # two of one name
    conversions = convert_files({keys[path]: text for path, (text, _) in texts.items()})
    for path, relative in files:
        if path not in texts:
            continue
        source, encoding = texts[path]
        conversion = conversions[keys[path]]
        if isinstance(conversion, SyntaxError):
            unread.append(f"{path}: {conversion}")
            continue
        target = _target(given.output, relative, single)
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(conversion.code.encode(encoding))
        if not given.json:
            _print(given, path, source, conversion, target)
            show_notes(path, source, conversion)
        made[path] = relative, source, conversion.code.encode(encoding)
        reports.append(_report(path, target, conversion))
    checks = _checks(given, made) if given.check else {}
    for report in reports:
        result = checks.get(Path(report["file"]))
        if result is None:
            continue
        report["check"] = {
            "torch": result.expected,
            "fnn": result.losses,
            "first_difference": result.first,
            "agrees": result.agrees,
            "layer": result.layer,
            "rounding": result.rounding,
            "errors": result.errors,
        }
        if not given.json:
            if len(checks) > 1:
                print(report["file"])
            show_check(result)
    if given.json:
        print(json.dumps(reports, indent=2))
    if unread:
        raise ArgumentError("\n".join(unread))
    return int(given.check and not passed(checks.values()))


def _target(output: Path | None, relative: Path, single: bool) -> Path | None:
    if output is None:
        return None
    return output if single and not output.is_dir() else output / relative


def _print(given: argparse.Namespace, path: Path, source: str, conversion: Conversion, target: Path | None) -> None:
    if given.diff:
        lines = difflib.unified_diff(
            source.splitlines(keepends=True),
            conversion.code.splitlines(keepends=True),
            str(path),
            str(target or path),
        )
        sys.stdout.writelines(line if line.endswith("\n") else line + "\n" for line in lines)
    elif target is None and not given.check:
        sys.stdout.write(conversion.code)
    sys.stdout.flush()


def _report(path: Path, target: Path | None, conversion: Conversion) -> dict[str, Any]:
    return {
        "file": str(path),
        "output": None if target is None else str(target),
        "complete": conversion.complete,
        "notes": [note._asdict() for note in conversion.notes],
    }


def _checks(given: argparse.Namespace, made: dict[Path, tuple[Path, str, bytes]]) -> dict[Path, Check]:
    """How the runs of originals and ports compare, by file: of those that no other file imports."""
    from fnn.port.check import check, entries, ports

    options = given.steps, given.seed, shlex.split(given.arguments)
    with ports({path: (relative, text) for path, (relative, _, text) in made.items()}) as placed:
        runs = entries({path: source for path, (_, source, _) in made.items()})
        return {path: check(path, placed[path], *options) for path in runs}
