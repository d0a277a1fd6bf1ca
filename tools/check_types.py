"""Fails where ``Any`` stands for more than one in twenty of a package's annotated parameters.

    python tools/check_types.py            # the shares, by package
    python tools/check_types.py PART ...   # of these packages only

`fnn.typing` has names for what ``Any`` used to say; what may be any Python object at all is an ``object``.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "fnn"
MOST = 0.05
_ANY = {"Any", "Any | None", "None | Any", "typing.Any"}


def annotations(tree: ast.AST) -> Iterator[str]:
    """The annotations of all parameters of all functions, as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            for parameter in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]:
                if parameter is not None and parameter.annotation is not None:
                    yield ast.unparse(parameter.annotation)


def shares(package: Path) -> dict[str, tuple[int, int]]:
    """For each package, or module at the top: how many parameters are ``Any``, and how many are annotated."""
    unknown, all_of_them = Counter[str](), Counter[str]()
    for path in package.rglob("*.py"):
        part = path.relative_to(package).parts[0].removesuffix(".py")
        for annotation in annotations(ast.parse(path.read_text(encoding="utf-8"))):
            all_of_them[part] += 1
            unknown[part] += annotation in _ANY
    return {part: (unknown[part], count) for part, count in sorted(all_of_them.items())}


def main() -> int:
    chosen = set(sys.argv[1:])
    found = {part: counts for part, counts in shares(PACKAGE).items() if not chosen or part in chosen}
    total = [sum(counts) for counts in zip(*found.values(), strict=True)]
    for part, (unknown, count) in found.items():
        print(f"{part:16}{unknown:5} of {count:5}  {unknown / count:6.1%}")
    print(f"{'all':16}{total[0]:5} of {total[1]:5}  {total[0] / total[1]:6.1%}; at most {MOST:.0%}")
    return total[0] > MOST * total[1]


if __name__ == "__main__":
    sys.exit(main())
