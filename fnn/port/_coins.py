"""Random numbers that a forward pass asks of Python or numpy: compiled, it would have the same ones for ever."""

from __future__ import annotations

import libcst as cst

from fnn.port._edit import arguments, keyword, name
from fnn.port._scopes import Scopes, dotted

__all__ = ["COIN", "FROZEN", "asked", "is_coin", "is_host_draw"]

COIN = "the number is asked of the host while the compiled step runs, a new one each time"
FROZEN = (
    "a forward pass asks the host for random numbers; compiled, it would have the same ones at every step: draw them "
    "before the step and pass them to it, or use fnn.rand"
)
_COINS = frozenset(("random.random", "numpy.random.rand", "numpy.random.random", "numpy.random.random_sample"))
_SETTINGS = frozenset("seed RandomState default_rng Random get_state set_state getstate setstate".split())


def _full(node: cst.Call, found: Scopes) -> str:
    """The dotted name of a function of a random module, empty if a call is of something else."""
    if isinstance(node.func, cst.Name):
        kind = found.of(node.func)
        known = kind is not None and kind.tag in ("number module", "numpy module")
        return kind.name if known and kind is not None and "random" in kind.name.split(".") else ""
    base = found.of(node.func.value) if isinstance(node.func, cst.Attribute) else None
    called = node.func.attr.value if isinstance(node.func, cst.Attribute) else ""
    if base is None or base.tag not in ("number module", "numpy module"):
        return ""
    if base.tag == "number module":
        return f"random.{called}" if base.name == "random" else ""
    words = (dotted(node.func) or "").split(".")
    return f"numpy.random.{called}" if "random" in words[:-1] or base.name.endswith("random") else ""


def is_host_draw(node: cst.Call, found: Scopes) -> bool:
    """Whether Python's or numpy's generator is asked for numbers."""
    full = _full(node, found)
    return bool(full) and full.rpartition(".")[2] not in _SETTINGS


def is_coin(node: cst.Call, found: Scopes) -> bool:
    """Whether a call gives one number between 0 and 1."""
    return not node.args and _full(node, found) in _COINS


def asked(node: cst.Call) -> cst.Call:
    """``jax.experimental.io_callback(random.random, jax.ShapeDtypeStruct((), "float32"), ordered=True)``."""
    result = cst.parse_expression('jax.ShapeDtypeStruct((), "float32")')
    given = arguments(node.func, result, keyword("ordered", cst.Name("True")))
    return cst.Call(name("jax.experimental.io_callback"), given)
