"""Executes the notebooks of notebooks/ from top to bottom, each with a kernel of its own; an error fails the run.

    python tools/run_notebooks.py [--write] [--check] [--jobs N] [notebook ...]

--write stores the outputs in the files (without times, and without names of folders of this machine).
--check executes nothing: it looks at the stored outputs only.
--jobs says how many notebooks run at a time (2).

A notebook runs in an empty folder, offline, on the CPU.  Its stored outputs must be there and show no error, no warning
and nothing that is different on every machine.
"""

import argparse
import functools
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from xla_flags import quick_compilation

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
FOREIGN = {
    "a folder of this machine": re.compile(r"(?<![\w.:/])/(?:tmp|home|root|work|Users|private|opt|usr|var|mnt|srv)/\w"),
    "a memory address": re.compile(r"\b0x[0-9a-f]{8,}\b"),
}


@functools.cache
def environment() -> dict[str, str]:
    """For the kernels: the caller's, without what changes how figures are drawn; compiling is quick, as in tests."""
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    if "XLA_FLAGS" not in kept:
        kept["XLA_FLAGS"] = quick_compilation()
    return {"JAX_PLATFORMS": "cpu", **kept, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def texts(output: Any) -> list[str]:
    """What an output shows in words."""
    data = output.get("data", {})
    found = [data[kind] for kind in data if kind.startswith("text/")]
    return ["".join(text) for text in (*found, output.get("text", ""))]


def faults(notebook: Any) -> list[str]:
    """What is wrong with the stored outputs."""
    found = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.source.strip() and cell.execution_count is None:
            found.append(f"cell {number} has not been executed: {cell.source.splitlines()[0]}")
        if cell.metadata:
            found.append(f"cell {number} has metadata: {dict(cell.metadata)}")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {number} shows an error: {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"cell {number} shows a warning: {''.join(output.text)[:200]}")
            for what, pattern in FOREIGN.items():
                if hits := [hit.group() for text in texts(output) if (hit := pattern.search(text))]:
                    found.append(f"cell {number} shows {what}: {hits[0]}")
    return found


def execute(path: Path) -> tuple[Any, list[str]]:
    """The notebook with new outputs, and what went wrong."""
    stored = nbformat.read(path, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", record_timing=False, resources={"metadata": {"path": folder}}
        )
        try:
            client.execute(env=environment())
        except CellExecutionError as error:
            text = ANSI.sub("", str(error))
            return notebook, [text if len(text) < 6000 else f"{text[:3000]}\n...\n{text[-3000:]}"]
    pairs = zip(stored.cells, notebook.cells, strict=True)
    stale = [n for n, (old, new) in enumerate(pairs) if new.get("outputs") and not old.get("outputs")]
    return notebook, [f"cell {n} has an output that is not stored; run with --write" for n in stale]


def write(path: Path, notebook: Any) -> None:
    """Stores a notebook as it should stand in the repository."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    nbformat.write(notebook, path)


def run(path: Path, options: argparse.Namespace) -> bool:
    """Does what is asked to one notebook and says how it went."""
    start = time.perf_counter()
    notebook, wrong = (nbformat.read(path, as_version=4), []) if options.check else execute(path)
    if options.write and not any("Traceback" in line for line in wrong):
        wrong = []
        write(path, notebook)
    if not options.write:
        notebook = nbformat.read(path, as_version=4)
    wrong += faults(notebook)
    verdict = "FAILED\n" + "\n".join(wrong) if wrong else "passed"
    print(f"{path.name}: {verdict} ({time.perf_counter() - start:.1f} s)", flush=True)
    return not wrong


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    paths = options.notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    with ThreadPoolExecutor(options.jobs) as pool:
        passed = list(pool.map(lambda path: run(path, options), paths))
    print(f"{sum(passed)} notebooks passed, {len(passed) - sum(passed)} failed")
    return 0 if passed and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
