"""Random numbers that a forward pass asks of Python or numpy: compiled, it would have the same ones for ever."""

from __future__ import annotations

import libcst as cst

from fnn.port._edit import arguments, bare, keyword, name
from fnn.port._flow import walk
from fnn.port._kinds import NUMBER, Kind, is_array
from fnn.port._scopes import Scopes, dotted

__all__ = ["COIN", "FROZEN", "NUMBERS", "asked", "asked_numbers", "is_coin", "is_host_draw", "sized_draw"]

COIN = "the number is asked of the host while the compiled step runs, a new one each time"
NUMBERS = "the numbers are asked of the host while the compiled step runs, new ones each time"
FROZEN = (
    "a forward pass asks the host for random numbers; compiled, it would have the same ones at every step: draw them "
    "before the step and pass them to it, or use fnn.rand"
)
_COINS = frozenset(("random.random", "numpy.random.rand", "numpy.random.random", "numpy.random.random_sample"))
# Where numpy's functions have the size of what they give, by position; None: their arguments are the sizes.
_SIZES = {
    "numpy.random.normal": 2, "numpy.random.uniform": 2, "numpy.random.standard_normal": 0, "numpy.random.random": 0,
    "numpy.random.random_sample": 0, "numpy.random.randn": None, "numpy.random.rand": None,
}  # fmt: skip
_STATIC = ("number", "shape", "options")
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


def sized_draw(node: cst.CSTNode, found: Scopes) -> cst.Call | None:
    """The call of numpy's generator that an expression is, as it stands or with its dtype changed.

    None if it is another one, or if its size or another argument is not known where a step is compiled.
    """
    match node:
        case cst.Call(func=cst.Attribute(value=cst.Call() as inner, attr=cst.Name(value="astype"))):
            node = inner
    if not isinstance(node, cst.Call) or _full(node, found) not in _SIZES:
        return None
    size = _size(node, _full(node, found))
    others = all(a.value is size or (not a.star and _is_known(found.of(a.value))) for a in node.args)
    if size is None or not others:
        return None
    parts = [e.value for e in size.elements] if isinstance(size, cst.Tuple | cst.List) else [size]
    return node if all(_is_known(found.of(p)) and not _takes_value(p, found) for p in parts) else None


def _takes_value(node: cst.BaseExpression, found: Scopes) -> bool:
    """Whether a number is taken out of an array, as ``int(x.sum())`` and ``x.max().item()`` do."""
    for part in walk(node):
        match part:
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="item" | "tolist"))):
                return True
            case cst.Call(func=cst.Name(value="int" | "float" | "round"), args=[cst.Arg(value=value)]):
                if is_array(found.of(value)):
                    return True
    return False


def asked_numbers(original: cst.Call, updated: cst.Call, dtype: str, found: Scopes) -> cst.Call:
    """The call that asks for numbers of a known size, for one that `sized_draw` gives.

    Its arguments are bound at once, by ``functools.partial``: what it is called with must not change until it runs.
    """
    size = _size(updated, _full(original, found))
    assert size is not None
    before = _size(original, _full(original, found))
    if not isinstance(size, cst.Tuple | cst.List) and before is not None and found.of(before) == NUMBER:
        size = cst.Tuple([cst.Element(size, cst.Comma())])
    shaped = cst.Call(name("jax.ShapeDtypeStruct"), arguments(bare(size), cst.SimpleString(f'"{dtype}"')))
    draw = cst.Call(name("functools.partial"), arguments(updated.func, *(_plain(a) for a in updated.args)))
    return cst.Call(name("jax.experimental.io_callback"), arguments(draw, shaped, keyword("ordered", cst.Name("True"))))


def _plain(argument: cst.Arg) -> cst.Arg:
    return argument.with_changes(comma=cst.MaybeSentinel.DEFAULT)


def _size(node: cst.Call, full: str) -> cst.BaseExpression | None:
    """The size that a call names; None: none that is plain."""
    if any(a.star for a in node.args):
        return None
    place = _SIZES[full]
    if place is None:
        if not node.args or any(a.keyword is not None for a in node.args):
            return None
        sizes = arguments(*(_plain(a) for a in node.args))
        end = cst.Comma() if len(sizes) == 1 else cst.MaybeSentinel.DEFAULT
        return cst.Tuple([cst.Element(a.value, a.comma if a is not sizes[-1] else end) for a in sizes])
    for i, argument in enumerate(node.args):
        if (argument.keyword.value == "size") if argument.keyword is not None else i == place:
            return argument.value
    return None


def _is_known(kind: Kind | None) -> bool:
    """Whether a value is known where a step is compiled."""
    if kind is not None and kind.tag in ("tuple", "list"):
        return bool(kind.of) and all(map(_is_known, kind.of))
    return kind is not None and kind.tag in _STATIC
