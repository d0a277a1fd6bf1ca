"""Rewrites ``tests/recorded/*.json`` from PyTorch.

    python tools/record_references.py [name ...]

Each name is a file; without names all are rewritten.  A change of a file is a change of what fnn promises.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {"curves": "tests.ported.curves", "orders": "tests.data.orders", "seeds": "tests.seeds"}


def main() -> None:
    sys.path.insert(0, str(ROOT))
    for name in sys.argv[1:] or SOURCES:
        values = import_module(SOURCES[name]).record()
        path = ROOT / "tests" / "recorded" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in values.items())
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(values)} entries")


if __name__ == "__main__":
    main()
