"""Packed and padded sequences, as ``torch.nn.utils.rnn`` has them; `fnn.functional` defines them."""

from fnn.functional.packed import PackedSequence, invert_permutation
from fnn.functional.packing import (
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpad_sequence",
    "pack_sequence",
    "unpack_sequence",
]
