"""Executes every notebook of notebooks/ from top to bottom; a cell that raises fails the run.

    python tools/run_notebooks.py [notebook ...]

The files are left as they are: outputs are not stored.
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def main() -> int:
    paths = [Path(arg) for arg in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb"))
    failed = 0
    for path in paths:
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}}
        )
        try:
            client.execute()
            verdict = "passed"
        except CellExecutionError as error:
            verdict, failed = f"FAILED\n{error}", failed + 1
        print(f"{path.name}: {verdict} ({time.perf_counter() - start:.1f} s)", flush=True)
    print(f"{len(paths) - failed} notebooks passed, {failed} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
