"""Instance normalisation: the facade of `fnn.layers.batchnorm`."""

from typing import Any

from fnn.layers import batchnorm as layers
from fnn.nn.modules.batchnorm import _LazyNormBase, _NormBase

__all__ = [
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
]


class _InstanceNorm(_NormBase):
    """Base of the instance norms, for ``isinstance``."""

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
        # Before version 1 the running statistics were there even when they were not tracked.
        if local_metadata.get("version") is None and not self.track_running_stats:
            found = [name for name in ("running_mean", "running_var") if prefix + name in state_dict]
            if found:
                names, kind = " and ".join(f'"{prefix}{name}"' for name in found), type(self).__name__
                error_msgs.append(
                    f"Unexpected running stats buffer(s) {names} for {kind} with track_running_stats=False. If "
                    "state_dict is a checkpoint saved before PyTorch 0.4.0, this may be expected because "
                    f"{kind} does not track running stats by default since then. Please remove these keys from "
                    f"state_dict, or construct {kind} with track_running_stats=True."
                )
                for name in found:
                    state_dict.pop(prefix + name)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


class InstanceNorm1d(_InstanceNorm, layer=layers.InstanceNorm1d): ...


class InstanceNorm2d(_InstanceNorm, layer=layers.InstanceNorm2d): ...


class InstanceNorm3d(_InstanceNorm, layer=layers.InstanceNorm3d): ...


def _channels(module: Any, shape: tuple[int, ...]) -> int:
    module._layer._check_ndim(len(shape), shape)
    return shape[-module._layer.NDIM[0]]


_INFER = {"num_features": _channels}


# Unlike the eager ones, these have parameters and running statistics by default.
_ON = {"affine": True, "track_running_stats": True}


class LazyInstanceNorm1d(_LazyNormBase, InstanceNorm1d, materializes=InstanceNorm1d, infer=_INFER, defaults=_ON): ...


class LazyInstanceNorm2d(_LazyNormBase, InstanceNorm2d, materializes=InstanceNorm2d, infer=_INFER, defaults=_ON): ...


class LazyInstanceNorm3d(_LazyNormBase, InstanceNorm3d, materializes=InstanceNorm3d, infer=_INFER, defaults=_ON): ...
