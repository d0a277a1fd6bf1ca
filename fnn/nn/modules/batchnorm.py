"""Batch normalisation: the facade of `fnn.layers.batchnorm`."""

from collections.abc import Sequence
from typing import Any

import jax

from fnn.layers import batchnorm as layers
from fnn.nn._module import Module
from fnn.nn.modules.layer_module import LayerModule
from fnn.nn.modules.lazy import LazyLeaf
from fnn.state.parameter import is_lazy

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "SyncBatchNorm",
]


class _NormBase(LayerModule):
    """Base of batch and instance norm, for ``isinstance``."""

    _version = 2

    def reset_running_stats(self) -> None:
        """Sets the running statistics to their initial values, if they are tracked."""
        if self.track_running_stats:
            _, state = self._draw(self._layer)
            for name, value in state.items():
                box = self._buffers[name]
                if box is not None:
                    box.data = value.astype(box.dtype)

    def _check_input_dim(self, input: jax.Array) -> None:
        """Raises for an input of the wrong number of dimensions; subclasses of PyTorch's classes call it."""
        self._layer._check_ndim(input.ndim, input.shape)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        # The counter came with version 2: a checkpoint from before it leaves the module's as it is.
        version, key = local_metadata.get("version"), prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            box = self._buffers.get("num_batches_tracked")
            if box is not None and not is_lazy(box):
                state_dict[key] = box.data
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


class _BatchNorm(_NormBase):
    """Base of the batch norms, for ``isinstance``."""


def drop_running_stats(module: Module) -> None:
    """Takes a batch norm its running statistics; other modules, and one that has none, stay as they are."""
    if isinstance(module, _BatchNorm) and module.track_running_stats:
        module.running_mean = module.running_var = module.num_batches_tracked = None
        module.track_running_stats = False


class BatchNorm1d(_BatchNorm, layer=layers.BatchNorm1d): ...


class BatchNorm2d(_BatchNorm, layer=layers.BatchNorm2d): ...


class BatchNorm3d(_BatchNorm, layer=layers.BatchNorm3d): ...


class SyncBatchNorm(_BatchNorm, layer=layers.SyncBatchNorm):
    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: str | Sequence[str] | None = None) -> Module:
        """Replaces every batch norm of a model, in place, by a SyncBatchNorm with its parameters and buffers.

        Args:
            module: the model.
            process_group: of every one, see the class.

        Returns:
            ``module``; a new SyncBatchNorm if it is a batch norm itself.

        Example:
            >>> from fnn import nn
            >>> net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
            >>> nn.SyncBatchNorm.convert_sync_batchnorm(net, "data")[1]
            SyncBatchNorm(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
        """
        converted = module
        if isinstance(module, _BatchNorm):
            converted = SyncBatchNorm(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            if module.affine:
                converted.weight, converted.bias = module.weight, module.bias
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                setattr(converted, name, getattr(module, name))
            converted.training = module.training
        for name, child in module.named_children():
            converted.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return converted


def _channels(module: LayerModule, shape: tuple[int, ...]) -> int:
    module._layer._check_ndim(len(shape), shape)
    return shape[1]


_INFER = {"num_features": _channels}


class _LazyNormBase(LazyLeaf):
    """Base of the lazy norms, for ``isinstance``."""


class LazyBatchNorm1d(_LazyNormBase, BatchNorm1d, materializes=BatchNorm1d, infer=_INFER): ...


class LazyBatchNorm2d(_LazyNormBase, BatchNorm2d, materializes=BatchNorm2d, infer=_INFER): ...


class LazyBatchNorm3d(_LazyNormBase, BatchNorm3d, materializes=BatchNorm3d, infer=_INFER): ...
