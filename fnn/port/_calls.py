"""Builtin functions, and the methods by whose name a receiver is known to be a tensor."""

from __future__ import annotations

from collections import deque

from fnn import ops
from fnn.port._kinds import ARRAY, NUMBER, NUMPY, TEXT, Kind, element, is_array, list_of, tuple_of

__all__ = ["DUCKS", "NO_ROWS", "OF_ARRAYS", "builtin_result"]

# Methods that tensors have and nothing else that a training script holds: numpy's arrays, optimizers, layers, files and
# distributions do not.  (``mean``, ``expand``, ``to`` and ``split`` are not among them.)
DUCKS = frozenset(
    "abs_ add_ addcdiv_ addcmul_ addmm argwhere backward baddbmm bmm bool chunk clamp clamp_ clamp_min clamp_max "
    "contiguous copy_ cpu detach detach_ dim div_ eq expand_as fill_ gather index_add_ index_copy_ index_fill_ "
    "index_select log_softmax logsumexp long lt_ masked_fill masked_fill_ masked_select matmul mul_ narrow neg "
    "new_empty new_full new_ones new_tensor new_zeros norm normal_ numel numpy permute pow_ repeat_interleave "
    "requires_grad_ retain_grad rsqrt scatter_ scatter_add_ scatter scatter_add sigmoid softmax squeeze_ sub_ t tanh "
    "topk tril triu type_as unbind unfold uniform_ unsqueeze unsqueeze_ view view_as zero_".split()
)

# The names of a tensor's methods.
OF_ARRAYS = frozenset(ops.__all__) | frozenset(
    "backward item tolist numpy to cpu cuda size dim view type expand repeat contiguous items keys values get".split()
)

# Methods of tensors that no list, tuple, set or dict has: what is either of them is a tensor where one is called.
NO_ROWS = frozenset((*ops.__all__, "backward")) - {
    name for kind in (list, tuple, set, dict, deque) for name in dir(kind)
}

_NUMBERS = frozenset("len int float bool abs round ord hash isinstance hasattr id".split())
_SAME = frozenset("list tuple iter reversed sorted tqdm trange cycle set".split())


def builtin_result(name: str | None, args: list[Kind | None]) -> Kind | None:
    """What a builtin function (or tqdm) gives."""
    if name in ("abs", "round") and args and args[0] not in (None, NUMBER):
        return args[0]
    if name in _NUMBERS:
        return NUMBER
    if name in ("str", "repr", "format", "input"):
        return TEXT
    if name == "range":
        return list_of(NUMBER)
    if not args:
        return (
            list_of(None) if name in ("list", "deque", "set") else Kind("dict", "", (None,)) if name == "dict" else None
        )
    if name in ("dict", "OrderedDict"):
        pair = element(args[0])
        if args[0] is not None and args[0].tag == "dict":
            return args[0]
        return Kind(
            "dict", "", (pair.of[1] if pair is not None and pair.tag == "tuple" and len(pair.of) == 2 else None,)
        )
    if name in ("tqdm", "iter", "cycle"):
        return args[0]
    if name in _SAME:
        return list_of(element(args[0])) if args[0] is not None and args[0].tag != "tuple" else args[0]
    if name == "enumerate":
        return list_of(tuple_of(NUMBER, element(args[0])))
    if name == "zip":
        return list_of(tuple_of(*map(element, args)))
    if name in ("next", "sum"):
        return element(args[0])
    if name in ("max", "min"):
        if len(args) > 1:
            return ARRAY if any(map(is_array, args)) else NUMBER
        return element(args[0])
    if name == "deque":
        return args[0]
    return NUMPY if name == "ndarray" else None
