"""Why a function was compiled: for each of its programs what sets it apart from the nearest one before it."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fnn.errors import RecompileWarning
from fnn.func._anew import OFTEN as OFTEN_ANEW
from fnn.func._anew import Anew
from fnn.func._answers import answers
from fnn.func._compiled import Program
from fnn.func._differences import Difference, array, differences
from fnn.func._labels import argument_names
from fnn.state.code import is_library, level_outside
from fnn.state.describe import Survey

__all__ = ["Compilation", "History"]

_OFTEN = 3  # new programs for one and the same reason, after which there is a warning
_OFTEN_STATIC = 8  # the same for an argument that the user says is a constant
_KEPT = 64  # entries of a history
_COMPARED = 8  # programs with which a new one is compared

OFTEN = """\
{function} has been compiled {count} times, {often} of them anew because of one thing. The last time:
  {reasons}
Each program costs a compilation. Right: arrays of one shape (pad the last batch, or DataLoader(drop_last=True)), one \
function or object that is made once, and numbers that change as arrays or attributes. \
fnn.explain.recompiles({function}) lists all; \
warnings.filterwarnings("ignore", category=fnn.errors.RecompileWarning) turns this off."""
ANEW = """\
fnn.jit has been applied anew to {function} {count} times, and each time the same program was compiled. The last time:
  fnn.jit: {reason}
Each program costs a compilation. Right: step = fnn.jit({function}) once, before the loop, or @fnn.jit where the \
function is defined, on a method in its class; what differs is an argument or an attribute. \
warnings.filterwarnings("ignore", category=fnn.errors.RecompileWarning) turns this off."""
GONE = "the {gone} objects that it returned before are gone, and their programs with them"


class Compilation(NamedTuple):
    """One program of a function: its number, counted from 1, and why there was none that fitted."""

    number: int
    reasons: tuple[str, ...]


class History:
    """The programs of one function, in order, and a warning where they do not end."""

    def __init__(self) -> None:
        self.compilations: list[Compilation] = []
        self.count = 0
        self._places: Counter[str] = Counter()
        self._warned: set[str] = set()

    def add(self, function: Callable[..., Any], reasons: Sequence[Difference], anew: Anew | None = None) -> None:
        """Notes a new program; ``anew`` are the objects that `fnn.jit` made of the same code before."""
        self.count += 1
        words = tuple(map(str, reasons)) or (("the first call",) if self.count == 1 else ("its programs were dropped",))
        if anew is not None and anew.gone >= OFTEN_ANEW:
            reason = GONE.format(gone=anew.gone)
            self.compilations = [Compilation(self.count, (f"fnn.jit: {reason}",))]
            if not anew.warned:
                anew.warned = True
                text = ANEW.format(function=_name(function), count=anew.gone + 1, reason=reason)
                warnings.warn(text, RecompileWarning, stacklevel=level_outside())
            return
        self.compilations = [*self.compilations[-_KEPT:], Compilation(self.count, words)]
        if any(reason.structure for reason in reasons):
            return  # a model of another structure needs a program of its own
        for where in dict.fromkeys(reason.where for reason in reasons):
            self._places[where] += 1
            most = _OFTEN_STATIC if where.startswith("static argument") else _OFTEN
            if self._places[where] >= most and where not in self._warned:
                self._warned.add(where)
                self._warn(function, words, self._places[where])
                break

    def _warn(self, function: Callable[..., Any], words: tuple[str, ...], often: int) -> None:
        if is_library(getattr(function, "__module__", None)):
            return  # one of fnn's own, which serves many objects
        text = OFTEN.format(function=_name(function), count=self.count, often=often, reasons="\n  ".join(words))
        warnings.warn(text, RecompileWarning, stacklevel=level_outside())


def reasons(
    function: Callable[..., Any], signature: tuple[Any, ...], roots: list[Any], known: list[tuple[Any, Program]],
    static: Sequence[int],
) -> list[Difference]:  # fmt: skip
    """What sets this call apart from the program that is nearest to it.

    Args:
        function: the user's.
        signature: of the call.
        roots: the function and the objects among the arguments.
        known: signatures and programs.
        static: positions of the static arguments.
    """
    try:
        return _reasons(function, signature, roots, known, static)
    except Exception:  # what is said about a call must not be what fails it
        return [Difference("something", "is different that could not be put into words")]


def _reasons(
    function: Callable[..., Any], signature: tuple[Any, ...], roots: list[Any], known: list[tuple[Any, Program]],
    static: Sequence[int],
) -> list[Difference]:  # fmt: skip
    leaves = argument_names(function, signature[0], static)
    names = [_name(function), *(leaf for leaf, sort in zip(leaves, signature[2], strict=True) if sort)]
    names += [f"static argument {n}" for n in range(len(roots) - len(names))]
    best: list[Difference] | None = None
    for other, program in reversed(known[-_COMPARED:]):
        found = _signatures(function, other, signature, leaves)
        if other[0] == signature[0] and other[2] == signature[2]:
            more, survey = differences(program.template, roots, names)
            forms = _forms(program, survey)
            found += [d for d in more if not (d.minor and forms)] + forms
            if not found:
                found = answers(program, survey, roots, names)
            if not found:
                found.append(Difference("an array of which Python asks the value", "is another one"))
        found = [d for d in found if not d.minor] or found
        if best is None or len(found) < len(best):
            best = found
    if best is not None and not best:
        return [Difference("what it was compiled for", "changed in a way that has no words")]
    return best or []


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _signatures(
    function: Callable[..., Any], before: tuple[Any, ...], now: tuple[Any, ...], leaves: list[str]
) -> list[Difference]:
    found = []
    if before[0] != now[0] or before[2] != now[2]:
        old = argument_names(function, before[0], ())
        found.append(Difference("arguments", f"{', '.join(old) or 'none'} are now {', '.join(leaves) or 'none'}"))
    elif before[1] != now[1]:
        found.append(Difference("arguments", "the order of the keys of a dict is another one"))
    else:
        arrays = [leaf for leaf, sort in zip(leaves, now[2], strict=True) if not sort]
        for leaf, old, new in zip(arrays, before[3], now[3], strict=True):
            if old != new:
                found.append(Difference(f"argument {leaf}", f"{_aval(old)} is now {_aval(new)}"))
    if before[4] != now[4]:
        old, new = ([pair for pairs in statics for pair in pairs] for statics in (before[4], now[4]))
        for (place, was), (_, is_) in zip(old, new, strict=False):
            if was != is_ or type(was) is not type(is_):
                found.append(Difference(f"static argument {_parameter(function, place)}", f"{was!r} is now {is_!r}"))
    words = (
        (5, "the default dtype"), (6, "the hooks of all modules"),
        (7, "the settings of JAX"), (8, "the place of the call, inside or outside of another transform,"),
    )  # fmt: skip
    for at, what in words:
        if before[at] != now[at]:
            shown = f"{before[at]} is now {now[at]}" if at == 5 else _settings(before[at], now[at])
            found.append(Difference(what, shown))
    return found


def _settings(before: Any, now: Any) -> str:
    if isinstance(before, tuple) and isinstance(now, tuple) and len(before) == len(now):
        pairs = [f"{a!r} is now {b!r}" for a, b in zip(before, now, strict=True) if a != b]
        if pairs and len(pairs[0]) < 80:
            return "; ".join(pairs)
    return "changed"


def _aval(aval: Any) -> str:
    if isinstance(aval, type):
        return f"a Python {aval.__name__}"
    return array(*aval[:2]) + (" (a Python number's)" if aval[2] else "")


def _parameter(function: Callable[..., Any], place: int | str) -> str:
    if isinstance(place, str):
        return place
    try:
        return list(inspect.signature(function).parameters)[place]
    except (TypeError, ValueError, IndexError):
        return str(place)


def _forms(program: Program, survey: Survey) -> list[Difference]:
    """Optimizers whose hyper-parameters need another program."""
    found = []
    for n, before in zip(program.optimizers, program.statics, strict=True):
        optimizer = survey.nodes[n] if n < len(survey.nodes) else None
        if hasattr(type(optimizer), "_fnn_dynamic"):
            pairs = list(_unequal(before, optimizer._fnn_dynamic()[0]))
            if pairs:
                what = "; ".join(_changed(a, b) for a, b in pairs[:3])
                found.append(Difference(f"hyper-parameters of {_owner(optimizer)}", what))
    return [d for d in found if d.where.endswith("group")] or found  # a group names what its optimizer only uses


def _changed(before: Any, now: Any) -> str:
    pair = isinstance(before, tuple) and isinstance(now, tuple) and len(before) == len(now) == 2
    if pair and isinstance(before[0], str) and before[0] == now[0]:
        return f"{before[0]}: {_value(before[1])} is now {_value(now[1])}"
    return f"{before!r} is now {now!r}"


def _value(fixed: Any) -> str:
    return repr(fixed[1] if isinstance(fixed, tuple) and len(fixed) == 2 and isinstance(fixed[0], type) else fixed)


def _owner(value: Any) -> str:
    group = getattr(value, "group", None)
    return type(value).__name__ if group is None else "a parameter group"


def _unequal(before: Any, now: Any) -> Any:
    if isinstance(before, tuple) and isinstance(now, tuple) and len(before) == len(now):
        for a, b in zip(before, now, strict=True):
            if a != b:
                if isinstance(a, tuple) and len(a) == 2 and type(a[0]) is str and a[0] == b[0]:
                    yield a, b
                else:
                    yield from _unequal(a, b)
    elif before != now:
        yield before, now
