"""What is known of the value of an expression in a script: a `Kind`."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "ARRAY", "BATCH", "BOX", "COMPUTED", "DEVICE", "DTYPE", "FOREIGN", "GROUP", "INDEX", "LOADER", "MASK", "NONE",
    "NUMBER", "NUMPY", "OPTIMIZER", "OTHER", "PACKED", "ROW", "SHAPE", "SPARSE", "TENSOR_CLASS", "TEXT", "Kind",
    "either", "element", "is_array", "join", "list_of", "part", "torch_name", "tuple_of", "ways",
]  # fmt: skip


class Kind(NamedTuple):
    """The kind of a value: a tag, a name (of a class, a function, a torch object), and the kinds of its parts."""

    tag: str
    name: str = ""
    of: tuple[Kind | None, ...] = ()


ARRAY = Kind("array")
MASK = Kind("array", "mask")  # an array of truth values
INDEX = Kind("array", "index")  # an array of places, or of other whole numbers
ROW = Kind("array", "row")  # an array that may have a first dimension of one, which a write into an array drops
PACKED = Kind("array", "packed")  # packed sequences, whose ``data`` is an array of its own
BATCH = Kind("batch")  # what a loader yields: one array, or a tuple or a dict of them
BOX = Kind("box")  # a Parameter or a Buffer
COMPUTED = Kind("module", "computed weight")  # a layer whose weight is no Parameter any more: weight_norm's
FOREIGN = Kind("module", "of another file")  # by what is done with it
NUMBER = Kind("number")
TEXT = Kind("text")
NUMPY = Kind("numpy")
NONE = Kind("none")
DEVICE = Kind("device")
DTYPE = Kind("dtype")
SHAPE = Kind("shape")
SPARSE = Kind("sparse")  # a sparse matrix
OPTIMIZER = Kind("optimizer")
LOADER = Kind("loader")
TENSOR_CLASS = Kind("tensor class")  # torch.FloatTensor and its kin
GROUP = Kind("group")  # an optimizer's, a dict
OTHER = Kind("other")  # known to be none of these


def tuple_of(*of: Kind | None) -> Kind:
    """A tuple with these elements."""
    return Kind("tuple", "", of)


def list_of(of: Kind | None) -> Kind:
    """A list, or something else that is iterated over, of such elements."""
    return Kind("list", "", (of,))


def torch_name(name: str) -> Kind:
    """The object of PyTorch (or a relative of it) that has this dotted name."""
    return Kind("torch", name)


def either(*kinds: Kind) -> Kind:
    """One of several: an object of any of these classes, or a method that each of them has."""
    found = {way for kind in kinds for way in ways(kind)}
    return found.pop() if len(found) == 1 else Kind("either", "", tuple(sorted(found, key=lambda k: (k.tag, k.name))))


def ways(kind: Kind | None) -> list[Kind]:
    """The kinds that a value may be of, one by one."""
    if kind is None:
        return []
    return [way for way in kind.of if way is not None] if kind.tag == "either" else [kind]


def is_array(kind: Kind | None) -> bool:
    """Whether the value is an array, a Parameter or a Buffer."""
    return kind is not None and kind.tag in ("array", "box", "batch")


def join(a: Kind | None, b: Kind | None) -> Kind | None:
    """What is known of a value that is either of two.

    Where one is unknown, or None, or a number (``loss = 0`` before a loop that adds to it), the other tells: a method
    of tensors that is called on the value is called on this one.
    """
    if a == b or b is None:
        return a
    if a is None:
        return b
    weak = ("none", "other", "number")
    for one, other in ((a, b), (b, a)):
        if one.tag in weak and (other.tag not in weak or weak.index(one.tag) < weak.index(other.tag)):
            return other
    if is_array(a) and is_array(b):
        return ROW if ROW in (a, b) else ARRAY
    if a.tag == b.tag and a.tag in ("tensor class", "function"):
        return a  # the same one, for the CPU and for a GPU; one of two that do the same
    if {a.tag, b.tag} == {"function", "module"}:
        return a if a.tag == "module" else b  # a model, or a loss, written either way
    if {a.tag, b.tag} <= {"instance", "either", "module", "function"} and {a.tag, b.tag} & {"instance", "either"}:
        return either(a, b)
    if a.tag == b.tag == "module" and a.name == b.name:
        return a._replace(of=tuple(sorted({k for k in (*a.of, *b.of) if k is not None})))  # of one container
    if a.tag == b.tag and len(a.of) == len(b.of) and a.name == b.name:
        return Kind(a.tag, a.name, tuple(join(x, y) for x, y in zip(a.of, b.of, strict=True)))
    if a.tag == b.tag == "module":
        return b if not a.name else a if not b.name else Kind("module")  # the same one in a wrapper, or two
    for one, other in ((a, b), (b, a)):
        if one == BATCH or (one in (ARRAY, INDEX) and other.tag in ("tuple", "list")):
            return other
    return a if is_array(a) else b if is_array(b) else None


def element(kind: Kind | None) -> Kind | None:
    """What iteration gives."""
    if kind is None:
        return None
    match kind.tag:
        case "list" | "dict":
            return kind.of[0]
        case "tuple":
            found = None
            for k in kind.of:
                found = join(found, k)
            return found
        case "loader":
            return _batch(kind.of[0]) if kind.of else BATCH
        case "array" | "box" | "batch":
            return ARRAY
        case "numpy":
            return NUMPY
        case "shape":
            return NUMBER
        case "text":
            return TEXT
        case "module":
            return Kind("module")
    return None


def _batch(kind: Kind | None) -> Kind:
    """What a loader yields whose collate function gives this; what is not known of it is an array."""
    if kind is None or kind.tag in ("other", "none"):
        return BATCH
    return Kind("tuple", "", tuple(ARRAY if k is None else k for k in kind.of)) if kind.tag == "tuple" else kind


def part(kind: Kind | None, index: int | None) -> Kind | None:
    """The element at a place, or at one that is not known."""
    if kind is not None and kind.tag == "tuple":
        if index is not None and -len(kind.of) <= index < len(kind.of):
            return kind.of[index]
        return element(kind)
    return element(kind)
