"""`FSDPModule`: what a module can do after `fully_shard`, under PyTorch's names.

PyTorch's module gathers and sends when it is called, so that a script steers when it does.  Here a compiled step
decides that, and gradients are those of all rows wherever they are seen.  So what only steers is taken and has no
effect, and what would change values or the way in which devices exchange data is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fnn.errors import ArgumentError
from fnn.nn import Module
from fnn.state.scope import epoch

__all__ = ["FSDPModule", "Unsharded", "settle"]

_MEAN = "gradients are those of the mean over the whole batch; multiply the loss by a factor of your own"
_INSIDE = "devices exchange data inside the compiled step, which calls nothing in between"


class Unsharded:
    """What ``unshard(async_op=True)`` returns.

    Example:
        >>> from fnn.distributed.fsdp_module import Unsharded
        >>> Unsharded().wait()
    """

    def wait(self) -> None:
        """Nothing to wait for: a step gathers weights where it uses them."""


class FSDPModule(Module):
    """What a module is as well after `fully_shard`; its class is ``FSDP`` and its own name.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> from fnn.distributed.fsdp import FSDPModule, fully_shard
        >>> model = fully_shard(nn.Linear(2, 3))
        >>> isinstance(model, FSDPModule), isinstance(model, nn.Linear), type(model).__name__
        (True, True, 'FSDPLinear')
    """

    _reshards: bool | None
    _inner: bool

    def set_reshard_after_forward(self, reshard_after_forward: bool, recurse: bool = True) -> None:
        """Whether gathered weights are gathered again in the backward pass, instead of being kept.

        Args:
            reshard_after_forward: whether they are.
            recurse: also of the modules below that are fully sharded.
        """
        if not isinstance(reshard_after_forward, bool):
            raise ArgumentError(f"reshard_after_forward should be a bool, got {type(reshard_after_forward)}")
        for module in self.modules() if recurse else (self,):
            if isinstance(module, FSDPModule):
                module.__dict__["_reshards"] = reshard_after_forward
        settle(self)

    def set_requires_gradient_sync(self, requires_gradient_sync: bool, *, recurse: bool = True) -> None:
        """No effect, as when gradients are added up over several batches: they are exchanged where they are needed."""
        del requires_gradient_sync, recurse

    def set_requires_all_reduce(self, requires_all_reduce: bool, *, recurse: bool = True) -> None:
        """No effect: gradients are exchanged where they are needed."""
        del requires_all_reduce, recurse

    def set_is_last_backward(self, is_last_backward: bool) -> None:
        """No effect: no exchange waits for a later backward pass."""
        del is_last_backward

    def set_reshard_after_backward(self, reshard_after_backward: bool, *, recurse: bool = True) -> None:
        """No effect: no gathered weight outlives a step."""
        del reshard_after_backward, recurse

    def set_unshard_in_backward(self, unshard_in_backward: bool) -> None:
        """No effect: a backward pass gathers the weights that it uses, and no others."""
        del unshard_in_backward

    def set_modules_to_forward_prefetch(self, modules: Sequence[FSDPModule]) -> None:
        """No effect: XLA chooses when weights are gathered."""
        del modules

    def set_modules_to_backward_prefetch(self, modules: Sequence[FSDPModule]) -> None:
        """No effect: XLA chooses when weights are gathered."""
        del modules

    def unshard(self, async_op: bool = False) -> Unsharded | None:
        """No effect: a step gathers weights where it uses them."""
        return Unsharded() if async_op else None

    def reshard(self) -> None:
        """No effect: outside of a step every weight is spread."""

    def set_gradient_divide_factor(self, factor: float) -> None:
        """Refused: gradients are those of the mean over the whole batch."""
        raise ArgumentError(f"set_gradient_divide_factor: {_MEAN}, got {factor}")

    def set_reduce_scatter_divide_factor(self, factor: float) -> None:
        """Refused: gradients are those of the mean over the whole batch."""
        raise ArgumentError(f"set_reduce_scatter_divide_factor: {_MEAN}, got {factor}")

    def set_all_reduce_hook(self, hook: object, *, stream: object = None) -> None:
        """Refused: a compiled step calls nothing while it adds gradients up."""
        del stream
        raise ArgumentError(f"set_all_reduce_hook: {_INSIDE}, got {hook!r}")

    def set_custom_all_gather(self, comm: object) -> None:
        """Refused: XLA gathers."""
        raise ArgumentError(f"set_custom_all_gather: {_INSIDE}, got {comm!r}")

    def set_custom_reduce_scatter(self, comm: object) -> None:
        """Refused: XLA adds gradients up."""
        raise ArgumentError(f"set_custom_reduce_scatter: {_INSIDE}, got {comm!r}")


def settle(module: Module) -> None:
    """Tells parameters whether a backward pass gathers them again, as the nearest module above each of them says."""
    for part in module.modules():  # from above: what is said below counts
        if isinstance(part, FSDPModule):
            again = part.__dict__["_inner"] if part.__dict__["_reshards"] is None else part.__dict__["_reshards"]
            for box in (*part.parameters(), *part.buffers()):
                if box._layout is not None:
                    box._layout = replace(box._layout, again=again)
    epoch.exposures += 1
    epoch.structure += 1
