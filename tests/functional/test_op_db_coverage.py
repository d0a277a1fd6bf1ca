"""Every operation of torch's op_db that fnn has is run through its samples by a test of this folder."""

import ast
import re
from pathlib import Path

from fnn import functional
from fnn import functional as F
from tests import reference

# Operations whose samples are not run, each with the reason.
RANDOM = "draws random numbers under a key: the test of dropout compares the host's draws with torch's"
EXCEPTIONS: dict[str, str] = {
    "alpha_dropout": RANDOM,
    "dropout": RANDOM,
    "dropout2d": RANDOM,
    "dropout3d": RANDOM,
    "feature_alpha_dropout": RANDOM,
    "fractional_max_pool2d": "draws random numbers: the test of adaptive pooling gives both the same samples",
    "fractional_max_pool3d": "draws random numbers: the test of adaptive pooling gives both the same samples",
    "one_hot": "an operation on integers without a gradient: the test of embedding has its values and errors",
}


def _text(node: ast.AST) -> str | None:
    """A string as a regular expression, the fields of an f-string standing for anything."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value.removeprefix("nn.functional."))
    if isinstance(node, ast.JoinedStr):
        parts = [p.value if isinstance(p, ast.Constant) else None for p in node.values]
        text = "".join(r"\w+" if p is None else re.escape(p) for p in parts).removeprefix(re.escape("nn.functional."))
        return text if re.search("[a-z]{3}", text.replace(r"\w", "")) else None
    return None


def exercised() -> list[str]:
    """Patterns of the names in the files that call ``check_op``: keywords and strings, f-strings among them."""
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        if path.name == Path(__file__).name or not any(getattr(n, "attr", "") == "check_op" for n in nodes):
            continue
        found |= {text for text in map(_text, nodes) if text}
        found |= {n.arg for n in nodes if isinstance(n, ast.keyword) and n.arg}
        if any(getattr(n, "attr", "") == "__all__" for n in nodes):  # all functions of the modules it imports
            imports = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module == "fnn.functional"]
            for module in (vars(functional).get(a.name) for n in imports for a in n.names):
                found |= set(getattr(module, "__all__", ()))
    return sorted(found)


def test_every_operation_is_exercised():
    prefix = "nn.functional."
    ops = {op.name.removeprefix(prefix) for op in reference._op_db() if op.name.startswith(prefix)}
    ours = {name for name in ops if hasattr(F, name)}
    assert len(ours) > 80
    pattern = re.compile("|".join(exercised()))
    missing = {name for name in ours if not pattern.fullmatch(name)}
    assert missing == EXCEPTIONS.keys(), f"no test calls check_op for {sorted(missing - EXCEPTIONS.keys())}"
