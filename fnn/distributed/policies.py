"""The policies of ``torch.distributed.fsdp``, of which the defaults are taken."""

from __future__ import annotations

from dataclasses import dataclass

from fnn.typing import DType

__all__ = ["CPUOffloadPolicy", "MixedPrecisionPolicy", "OffloadPolicy"]


@dataclass(frozen=True)
class MixedPrecisionPolicy:
    """PyTorch's policy of precisions, of which only the default is taken: `fnn.amp.autocast` does what it is for.

    Args:
        param_dtype: None: parameters are computed with as they are.
        reduce_dtype: None: gradients are added up in their own dtype.
        output_dtype: None.
        cast_forward_inputs: True.

    Example:
        >>> import fnn
        >>> fnn.distributed.fsdp.MixedPrecisionPolicy().param_dtype is None
        True
    """

    param_dtype: DType | None = None
    reduce_dtype: DType | None = None
    output_dtype: DType | None = None
    cast_forward_inputs: bool = True


@dataclass(frozen=True)
class OffloadPolicy:
    """PyTorch's policy of keeping parameters elsewhere; this one, the only one taken, keeps them on their devices.

    Example:
        >>> import fnn
        >>> fnn.distributed.fsdp.OffloadPolicy()
        OffloadPolicy()
    """


@dataclass(frozen=True)
class CPUOffloadPolicy(OffloadPolicy):
    """PyTorch's policy of keeping parameters in the host's memory; `fully_shard` refuses it in words.

    Args:
        pin_memory: either.

    Example:
        >>> import fnn
        >>> fnn.distributed.fsdp.CPUOffloadPolicy()
        CPUOffloadPolicy(pin_memory=True)
    """

    pin_memory: bool = True
