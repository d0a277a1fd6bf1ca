"""`DistributedDataParallel`: PyTorch's wrapper for a job of several processes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.late import lookup
from fnn.nn._module import Module
from fnn.typing import PyTree

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """A module that is trained on all devices of all processes; its ``state_dict`` has PyTorch's prefix ``module.``.

    The module's arrays are put on every device and batches are split over them; gradients are those of the mean over
    the batch of all processes, so that there is nothing to exchange by hand. With a `DistributedSampler` the loader
    makes one batch of what the processes have loaded. `fnn.distributed.distribute` does more: other meshes and rules.

    BatchNorm has the statistics of the whole batch, as PyTorch's `SyncBatchNorm`.

    Args:
        module: the module, with the same values in every process.
        device_ids: None, or a list of one number, which PyTorch uses to say where the module is; it is on all devices.
        output_device: likewise.
        dim: the dimension of the inputs that is the batch.
        broadcast_buffers: either: every process computes with the same buffers, and nothing has to be sent.
        init_sync: that the values are the same is always checked; False is refused.
        process_group: None: all processes.
        bucket_cap_mb: None: XLA chooses how gradients are brought together.
        find_unused_parameters: either: an unused parameter has no gradient, and nobody waits for it.
        check_reduction: either: deprecated in PyTorch and without effect there.
        gradient_as_bucket_view: either: gradients are arrays.
        static_graph: either: a compiled step is static.
        delay_all_reduce_named_params: None.
        param_to_hook_all_reduce: None.
        mixed_precision: None; see `fnn.amp`.
        device_mesh: the mesh; None is all devices on the axis ``"data"``.
        skip_all_reduce_unused_params: either: what has no gradient is not exchanged.

    Raises:
        ArgumentError: an argument that asks for what there is not, or processes that hold different values.

    Example:
        >>> from fnn import nn
        >>> model = nn.parallel.DistributedDataParallel(nn.Linear(2, 3))
        >>> list(model.state_dict())
        ['module.weight', 'module.bias']
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        init_sync: bool = True,
        process_group: None = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        delay_all_reduce_named_params: None = None,
        param_to_hook_all_reduce: None = None,
        mixed_precision: None = None,
        device_mesh: Any = None,
        skip_all_reduce_unused_params: bool = False,
    ) -> None:
        super().__init__()
        where = "DistributedDataParallel"
        if not isinstance(module, Module):
            raise ArgumentTypeError(f"{where}: module must be a Module, got {type(module).__name__}")
        if not any(p.requires_grad for p in module.parameters()):
            raise ArgumentError(
                f"{where} is not needed when a module doesn't have any parameter that requires a gradient."
            )
        if device_ids is not None and len(device_ids) > 1:
            raise ArgumentError(f"{where}: device_ids can only be None or contain a single element, got {device_ids}")
        if not init_sync:
            raise ArgumentError(f"{where}: init_sync=False: every process runs one program on the same values")
        for name, value in (
            ("delay_all_reduce_named_params", delay_all_reduce_named_params),
            ("param_to_hook_all_reduce", param_to_hook_all_reduce),
            ("mixed_precision", mixed_precision),
        ):
            if value is not None:
                raise ArgumentError(f"{where}: {name} must be None, got {value!r}; see fnn.amp for mixed precision")
        if process_group is not None:
            raise ArgumentError(f"{where}: process_group must be None, or give a device_mesh, got {process_group!r}")
        if bucket_cap_mb is not None and bucket_cap_mb <= 0:
            raise ArgumentError(f"{where}: bucket_cap_mb must be positive, got {bucket_cap_mb}")
        del broadcast_buffers, output_device, find_unused_parameters, check_reduction, gradient_as_bucket_view
        del static_graph, skip_all_reduce_unused_params
        distributed = lookup("distributed")
        self.dim = dim
        self.module = module
        mesh, _ = distributed.device_mesh.jax_mesh(device_mesh, ("data",), where)
        distributed.distribute(self, mesh, batch_dim=dim)

    def forward(self, *inputs: PyTree, **kwargs: PyTree) -> Any:
        """What the module returns."""
        return self.module(*inputs, **kwargs)

    def no_sync(self) -> contextlib.AbstractContextManager[None]:
        """A context in which PyTorch does not exchange gradients; here they are exchanged where they are needed.

        It holds nothing: a compiled step may be given it, and is the same step with ``contextlib.nullcontext()``.
        """
        return contextlib.nullcontext()

    def register_comm_hook(self, state: object, hook: object) -> None:
        """Refused: XLA adds the gradients up, and nothing is called in between."""
        raise ArgumentError(
            "DistributedDataParallel.register_comm_hook: XLA exchanges gradients inside the compiled step, which calls "
            f"nothing in between, got {hook!r}"
        )

    def join(self, *args: object, **kwargs: object) -> Any:
        """Refused: every process runs the same steps; `DataLoader` with a mesh gives each as many."""
        raise ArgumentError(
            "DistributedDataParallel.join: processes run the same steps; use DataLoader(..., mesh=mesh) or a "
            "DistributedSampler, with which each has as many"
        )
