"""Random numbers that a forward pass asks of Python or numpy: compiled, it would have the same ones for ever.

Where it is known how many they are, a compiled program can ask the host for them while it runs.
"""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from fnn.port._edit import arguments, bare, call, keyword, name
from fnn.port._flow import walk
from fnn.port._kinds import NUMBER, NUMPY, Kind, is_array
from fnn.port._scopes import Scopes, dotted

__all__ = [
    "COIN",
    "FROZEN",
    "NUMBERS",
    "asked_numbers",
    "is_coin",
    "is_host_draw",
    "is_one",
    "is_sized_draw",
    "is_whole",
]

COIN = "the number is asked of the host while the compiled step runs, a new one each time"
NUMBERS = "the numbers are asked of the host while the compiled step runs, new ones each time"
FROZEN = (
    "a forward pass asks the host for random numbers; compiled, it would have the same ones at every step: draw them "
    "before the step and pass them to it, or use fnn.rand"
)


class _Sized(NamedTuple):
    """Where a function has the size of what it gives (None: its arguments are the sizes), and whether it is whole."""

    place: int | None
    whole: bool = False


_NONE = -1  # it gives one number
_NUMPY = {
    **dict.fromkeys("random random_sample ranf sample standard_normal standard_exponential standard_cauchy".split(),
                    _Sized(0)),
    **dict.fromkeys("exponential chisquare weibull rayleigh pareto power standard_gamma standard_t".split(), _Sized(1)),
    **dict.fromkeys("normal uniform beta gamma laplace logistic gumbel lognormal vonmises f".split(), _Sized(2)),
    **dict.fromkeys(("randn", "rand"), _Sized(None)),
    **dict.fromkeys(("randint", "binomial", "negative_binomial"), _Sized(2, whole=True)),
    **dict.fromkeys(("poisson", "geometric"), _Sized(1, whole=True)),
    "triangular": _Sized(3), "choice": _Sized(1, whole=True), "permutation": _Sized(0, whole=True),
}  # fmt: skip
_PYTHON = {
    **dict.fromkeys("random uniform gauss normalvariate betavariate expovariate triangular".split(), _Sized(_NONE)),
    **dict.fromkeys(("randint", "randrange"), _Sized(_NONE, whole=True)),
    "sample": _Sized(1, whole=True),
}
_SIZES = {f"numpy.random.{n}": s for n, s in _NUMPY.items()} | {f"random.{n}": s for n, s in _PYTHON.items()}
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
    """Whether a call gives one number that is not whole."""
    return is_sized_draw(node, found) and not is_whole(node, found) and is_one(node, found)


def is_one(node: cst.Call, found: Scopes) -> bool:
    """Whether a draw gives one number, and no array."""
    return _shape(node, _full(node, found)) == ()


def is_whole(node: cst.Call, found: Scopes) -> bool:
    """Whether a draw gives whole numbers."""
    sized = _SIZES.get(_full(node, found))
    return sized is not None and sized.whole


def is_sized_draw(node: cst.CSTNode, found: Scopes) -> bool:
    """Whether a call asks for numbers of which it is known, where a step is compiled, how many they are."""
    if not isinstance(node, cst.Call) or any(a.star == "**" for a in node.args):
        return False
    full = _full(node, found)
    shape = _shape(node, full) if full in _SIZES else None
    if shape is None:
        return False
    last = full.rpartition(".")[2]
    given = [a.value for a in node.args]
    if last in ("choice", "sample", "permutation"):
        if not given or not _are_places(given[0], last, found):
            return False
        given = given[1:] if last == "sample" or isinstance(given[0], cst.List) else given
    parts = shape if isinstance(shape, tuple) else _parts(shape)
    # An array of numpy's, as probabilities are, is a constant of the program.
    known = all(_is_known(found.of(g)) or _is_plain(g) or found.of(g) == NUMPY for g in given if g not in parts)
    return known and all(_is_known(found.of(p)) and not _takes_value(p, found) for p in parts)


def _are_places(first: cst.BaseExpression, called: str, found: Scopes) -> bool:
    """Whether what is chosen from are the whole numbers below a number, or some that are written out."""
    if called == "sample":
        match first:
            case cst.Call(func=cst.Name(value="list"), args=[cst.Arg(value=inner)]):
                first = inner
        return isinstance(first, cst.Call) and dotted(first.func) == "range"
    if called == "choice" and isinstance(first, cst.List):
        return bool(first.elements) and all(isinstance(e.value, cst.Integer) for e in first.elements)
    return found.of(first) == NUMBER and not _takes_value(first, found)


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


def asked_numbers(original: cst.Call, updated: cst.Call, double: bool, found: Scopes) -> cst.Call:
    """The call that asks for the numbers of a sized draw while a program runs.

    Its arguments are bound at once: what it is called with must not change until it runs.
    """
    full = _full(original, found)
    dtype = ("int64" if double else "int32") if _SIZES[full].whole else "float64" if double else "float32"
    size, before = _shape(updated, full), _shape(original, full)
    assert size is not None
    one = isinstance(before, cst.BaseExpression) and found.of(before) == NUMBER
    if isinstance(size, tuple) or one:
        parts = size if isinstance(size, tuple) else (size,)
        end = cst.Comma() if len(parts) == 1 else cst.MaybeSentinel.DEFAULT
        size = cst.Tuple([cst.Element(bare(p), end) for p in parts])
    shaped = cst.Call(name("jax.ShapeDtypeStruct"), arguments(bare(size), cst.SimpleString(f'"{dtype}"')))
    plain = [a.with_changes(comma=cst.MaybeSentinel.DEFAULT) for a in updated.args]
    draw = cst.Call(name("functools.partial"), arguments(updated.func, *plain)) if plain else updated.func
    if full == "random.sample":  # a list, which would be as many results to JAX
        used = sorted({n.value for n in walk(original) if isinstance(n, cst.Name) and found.of(n) == NUMBER})
        kept = cst.Parameters([cst.Param(cst.Name(n), default=cst.Name(n)) for n in used])
        numpy = next((n for n, k in found.globals.items() if k == Kind("numpy module", "numpy")), "numpy")
        draw = cst.Lambda(kept, call(f"{numpy}.array", updated))
    return cst.Call(name("jax.experimental.io_callback"), arguments(draw, shaped, keyword("ordered", cst.Name("True"))))


def _shape(node: cst.Call, full: str) -> tuple[cst.BaseExpression, ...] | cst.BaseExpression | None:
    """The sizes of what a draw gives, one by one or as the script has them together; None: they are not plain."""
    place = _SIZES[full].place
    match node.args:
        case [cst.Arg(star="*", value=sizes)] if place is None:  # rand(*x.shape), rand(*list(x.shape))
            listed = isinstance(sizes, cst.Call) and dotted(sizes.func) in ("list", "tuple") and len(sizes.args) == 1
            return sizes.args[0].value if listed and isinstance(sizes, cst.Call) else sizes
    if any(a.star for a in node.args):
        return None
    if place == _NONE:
        return ()
    if place is None:
        return None if any(a.keyword is not None for a in node.args) else tuple(a.value for a in node.args)
    for i, argument in enumerate(node.args):
        word = argument.keyword.value if argument.keyword is not None else ""
        if word in ("size", "k") or (not word and i == place):
            value = argument.value
            return () if isinstance(value, cst.Name) and value.value == "None" else value
    return ()


def _parts(size: cst.BaseExpression) -> tuple[cst.BaseExpression, ...]:
    return tuple(e.value for e in size.elements) if isinstance(size, cst.Tuple | cst.List) else (size,)


def _is_plain(node: cst.BaseExpression) -> bool:
    """Whether an argument is True, False or None."""
    return isinstance(node, cst.Name) and node.value in ("True", "False", "None")


def _is_known(kind: Kind | None) -> bool:
    """Whether a value is known where a step is compiled."""
    if kind is not None and kind.tag in ("tuple", "list"):
        return bool(kind.of) and all(map(_is_known, kind.of))
    return kind is not None and kind.tag in _STATIC
