"""Methods of tensors: which stay as they are on a `jax.Array`, and what is written for the others."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from fnn import ops
from fnn.port._draws import DRAWN, drawn
from fnn.port._edit import arguments, bare, call
from fnn.port._kinds import Kind
from fnn.port._scopes import dotted

__all__ = ["filled", "method", "numbered", "plain_name", "stays"]

# The same on a jax.Array, whatever the arguments.
_SAME = frozenset("item tolist conj ravel swapaxes reshape astype round".split())
# The same without arguments, or with one dimension given by position.
_ALONE = frozenset("sum mean prod all any argmax argmin max min flatten squeeze cumsum cumprod trace diagonal".split())
_ONE_DIM = frozenset("sum mean prod all any argmax argmin cumsum cumprod".split())
_NUMPYS = {"axis": "dim", "keepdims": "keepdim"}
_ATTRIBUTES = {"dim": "ndim", "ndimension": "ndim", "t": "T"}
_DROPPED = frozenset("cpu cuda contiguous pin_memory share_memory_ coalesce".split())
_CASTS = {"byte": "uint8", "char": "int8"}
# In-place methods whose name without the underscore is another.
_PLAIN = {"zero_": "zeros_like", "detach_": "detach"}


def plain_name(name: str) -> str | None:
    """The function that gives what an in-place method leaves; None: there is none."""
    found = _PLAIN.get(name, name[:-1])
    return found if found in ops.__all__ else None


def stays(name: str, args: Sequence[cst.Arg]) -> bool:
    """Whether a method means the same on a `jax.Array`."""
    if name in _SAME:
        return all(a.keyword is None for a in args)
    if name in _ALONE and not args:
        return True
    if name in _ONE_DIM and args and all(a.keyword is not None and a.keyword.value in _NUMPYS for a in args):
        return True
    if name in _ONE_DIM and len(args) == 1 and args[0].keyword is None and not args[0].star:
        return not isinstance(args[0].value, cst.List)
    return False


def numbered(call: cst.Call) -> cst.Call:
    """A call of a function of torch's under torch's names of numpy's keywords: ``axis`` and ``keepdims``."""
    if not any(a.keyword is not None and a.keyword.value in _NUMPYS for a in call.args):
        return call
    renamed = [
        a if a.keyword is None else a.with_changes(keyword=cst.Name(_NUMPYS.get(a.keyword.value, a.keyword.value)))
        for a in call.args
    ]
    return call.with_changes(args=renamed)


def method(
    name: str, receiver: cst.BaseExpression, args: Sequence[cst.Arg], like: cst.Call, kinds: Sequence[Kind | None]
) -> cst.BaseExpression | None:
    """What stands for ``receiver.name(args)`` where it does not stay; None: nothing does."""
    tags = [k.tag if k is not None else "" for k in kinds]
    if name in _DROPPED:
        return receiver
    if name in ("numpy", "item", "cpu"):
        receiver = _undetached(receiver)
    if name in _ATTRIBUTES and not args:
        return cst.Attribute(receiver, cst.Name(_ATTRIBUTES[name]))
    if name == "size":
        shape = cst.Attribute(receiver, cst.Name("shape"))
        if not args:
            return shape
        return cst.Subscript(shape, [cst.SubscriptElement(cst.Index(args[0].value))])
    if name in ("numel", "nelement") and not args:
        return call("fnn.numel", bare(receiver))
    if name == "view" and args and not any(a.keyword for a in args) and "dtype" not in tags:
        return like.with_changes(func=cst.Attribute(receiver, cst.Name("reshape")))
    if name in _CASTS:
        return call("fnn.to", bare(receiver), _dtype(_CASTS[name]))
    if name in DRAWN and (made := drawn(name, receiver, args)) is not None:
        return made
    if name.endswith("_") and not name.startswith("_"):
        if name == "fill_" and (full := filled(receiver, args)) is not None:
            return full
        plain = plain_name(name)
        if plain is None:
            return None
        return call(f"fnn.{plain}", bare(receiver), *args, like=like)
    if name not in ops.__all__:
        return None
    return call(f"fnn.{name}", bare(receiver), *args, like=like)


def _dtype(name: str) -> cst.BaseExpression:
    return cst.Attribute(cst.Name("fnn"), cst.Name(name))


def _undetached(node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, cst.Call) and dotted(node.func) == "fnn.detach" and len(node.args) == 1:
        return node.args[0].value
    return node


def filled(receiver: cst.BaseExpression, args: Sequence[cst.Arg]) -> cst.BaseExpression | None:
    """``fnn.full(size, value)`` for an array that was made empty and is filled at once."""
    if not isinstance(receiver, cst.Call) or len(args) != 1:
        return None
    if dotted(receiver.func) not in ("fnn.empty", "fnn.zeros", "fnn.ones"):
        return None
    sizes = [a for a in receiver.args if a.keyword is None]
    rest = [a for a in receiver.args if a.keyword is not None]
    if len(sizes) == 1 and not isinstance(sizes[0].value, cst.Integer):
        size = sizes[0].value
    elif any(a.star for a in sizes):
        return None
    else:
        size = cst.Tuple(
            [
                cst.Element(a.value, a.comma)
                for a in arguments(*(s.with_changes(comma=cst.MaybeSentinel.DEFAULT) for s in sizes))
            ]
        )
        if len(sizes) == 1:
            size = cst.Tuple([cst.Element(sizes[0].value, cst.Comma())])
    return call("fnn.full", size, args[0].with_changes(comma=cst.MaybeSentinel.DEFAULT), *rest)
