"""`GradScaler`: losses are multiplied, so that small gradients survive float16, and gradients are divided again."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.amp._skipping import step_unless
from fnn.amp._unscaling import unscaled
from fnn.devices import is_available
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.state.box import Box
from fnn.state.describe import Survey
from fnn.state.parameter import Buffer
from fnn.state.scope import epoch, innermost
from fnn.tracing import ARRAYS, Tracer, tracing
from fnn.typing import PyTree

if TYPE_CHECKING:
    from fnn.optim import Optimizer

__all__ = ["GradScaler", "ScalerError"]

_DEVICES = {"cuda": "cuda", "gpu": "cuda", "cpu": "cpu", "tpu": "tpu"}
_FIX = "This may indicate your script did not use scaler.scale(loss or outputs) earlier in the iteration."
_CLOSURE = "Closure use is not currently supported if GradScaler is enabled."
_NEW_SCALE = "new_scale should be a float or a 1-element array of a floating dtype without a gradient, got {!r}"


class ScalerError(ArgumentError, AssertionError):
    """A `GradScaler` is used out of order; PyTorch raises AssertionError there."""


class _Progress:
    """What was done with one optimizer since the last ``update``.

    The boxes hold None for "not yet": that is structure, so that a compiled function that stops half-way carries it on.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.of = weakref.ref(optimizer)
        self.found, self.stepped = _carried(None), _carried(None)

    def clear(self) -> None:
        """Forgets all."""
        for box in (self.found, self.stepped):
            if box._peek() is not None:
                box._write(None)


def _carried(value: jax.Array | None) -> Buffer:
    """A box that was there before any trace, also if a trace makes it; the trace is then made again with it."""
    box = Buffer()
    box._value, box._exposed, box._born = value, False, 0
    return box


class GradScaler:
    """Scales losses, checks and unscales gradients, skips steps with infinite ones, and adapts the scale.

    In float16 small gradients become zero. So the loss, and with it each gradient, is multiplied by a scale; gradients
    are divided by it before the step. If one of them is infinite or NaN the step is skipped and the scale multiplied by
    ``backoff_factor``; after ``growth_interval`` steps without, it is multiplied by ``growth_factor``.

    Eagerly a skipped ``optimizer.step()`` is not called. In `fnn.jit`, where it is one program with the rest of the
    training step, it is computed and thrown away: parameters, the optimizer's state and step counts keep their values
    (hooks of the optimizer run in the trace, in any case).

    Args:
        device: "cuda" (also "gpu"), "cpu" or "tpu".
        init_scale: the first scale.
        growth_factor: > 1.
        backoff_factor: < 1.
        growth_interval: so many steps in a row, none of them skipped, let the scale grow.
        enabled: False: `scale` and `unscale_` do nothing, and `step` is ``optimizer.step``.

    Raises:
        ScalerError: a factor is out of its range.
        ArgumentError: the device is unknown.

    Warns:
        UserWarning: this machine has no such device; the scaler is then disabled.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> from fnn.nn import functional as F
        >>> model = nn.Linear(2, 1)
        >>> optimizer = fnn.optim.SGD(model.parameters(), lr=0.1)
        >>> scaler = fnn.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
        >>> @fnn.jit
        ... def train_step(x, y):
        ...     def loss_of(model):
        ...         with fnn.autocast("cpu", jnp.float16):
        ...             return scaler.scale(F.mse_loss(model(x), y))
        ...     loss, grads = fnn.value_and_grad(loss_of)(model)
        ...     scaler.step(optimizer, grads)
        ...     scaler.update()
        >>> for _ in range(2):
        ...     train_step(jnp.ones((3, 2)), jnp.ones((3, 1)))
        >>> scaler.get_scale()
        8.0
    """

    param_groups = ()  # of which fnn.jit asks every owner whether a trace has changed them

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if device not in _DEVICES:
            raise ArgumentError(f"GradScaler: expected device to be one of {', '.join(_DEVICES)}, got {device!r}")
        self._device = device
        self._enabled = enabled
        if enabled and _DEVICES[device] != "cpu" and not is_available(_DEVICES[device]):
            name = _DEVICES[device].upper()
            warnings.warn(f"fnn.amp.GradScaler is enabled, but {name} is not available.  Disabling.", stacklevel=2)
            self._enabled = False
        if self._enabled:
            if growth_factor <= 1.0:
                raise ScalerError(f"The growth factor must be > 1.0. Got growth_factor={growth_factor}")
            if backoff_factor >= 1.0:
                raise ScalerError(f"The backoff factor must be < 1.0. Got backoff_factor={backoff_factor}")
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval = growth_interval
        scope = innermost.get()
        self._born = 0 if scope is None else scope.serial
        self._scale = Buffer(np.float32(init_scale))
        self._growth_tracker = Buffer(np.int32(0))
        self._scales = False  # whether anything was scaled: PyTorch's scaler has no scale until then
        self._progress: list[_Progress] = []

    # -- what fnn.jit sees ------------------------------------------------------------------------------------------

    def _fnn_gather(self, survey: Survey) -> tuple[Hashable, ...]:
        parts: list[Hashable] = [type(self), self._enabled, self._device]
        parts += [survey.box(box, donate=True) for box in (self._scale, self._growth_tracker)]
        for progress in self._progress:
            optimizer = progress.of()
            if optimizer is not None:
                boxes = tuple(survey.box(box) for box in (progress.found, progress.stepped))
                parts.append((survey.object(optimizer), *boxes))
        return tuple(parts)

    def _fnn_dynamic(self) -> tuple[tuple[Hashable, ...], list[PyTree]]:
        numbers = self._growth_factor, self._backoff_factor, self._growth_interval
        return (), [tuple(float(n) for n in numbers[:2]), int(numbers[2])]

    def _numbers(self) -> tuple[Any, Any, Any]:
        """Growth factor, backoff factor and interval; in a compiled step its inputs."""
        scope = innermost.get()
        passed = None if scope is None else scope.object_values(self)
        if passed is None:
            return self._growth_factor, self._backoff_factor, self._growth_interval
        return (*passed[0], passed[1])

    def _of(self, optimizer: Optimizer) -> _Progress:
        self._progress = [p for p in self._progress if p.of() is not None]
        for progress in self._progress:
            if progress.of() is optimizer:
                return progress
        self._progress.append(_Progress(optimizer))
        epoch.structure += 1
        return self._progress[-1]

    def _check_scales(self, name: str) -> None:
        if not self._scales:
            raise ScalerError(f"Attempted {name} but _scale is None.  {_FIX}")

    # -- the steps of an iteration ----------------------------------------------------------------------------------

    def scale(self, outputs: Any) -> Any:
        """The outputs times the scale.

        Args:
            outputs: an array, or a list, tuple or other iterable of them, nested in any way.

        Returns:
            The same nest; a floating array keeps its dtype, but one of no dimension becomes at least float32.

        Raises:
            ArgumentTypeError: something in it is neither.
        """
        if not self._enabled:
            return outputs
        self._scales = True
        return self._scaled(outputs, self._scale.data)

    def _scaled(self, value: Any, scale: jax.Array) -> Any:
        if isinstance(value, (*ARRAYS, np.ndarray, np.generic, Box)):
            array = jnp.asarray(value)
            dtype = jnp.promote_types(array.dtype, jnp.float32)
            product = array.astype(dtype) * scale.astype(dtype)
            return product.astype(array.dtype) if array.ndim and jnp.issubdtype(array.dtype, jnp.inexact) else product
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            parts = (self._scaled(part, scale) for part in value)
            if isinstance(value, tuple) and hasattr(value, "_fields"):
                return type(value)(*parts)
            return type(value)(parts) if isinstance(value, (list, tuple)) else parts
        raise ArgumentTypeError(f"outputs must be an array or an iterable of arrays, got {type(value).__name__}")

    def unscale_(self, optimizer: Optimizer, grads: PyTree = None) -> PyTree:
        """Divides the gradients by the scale before ``step`` does it, so that they can be clipped or looked at.

        Args:
            optimizer: whose parameters' ``.grad`` are divided, once all have been accumulated.
            grads: gradients to divide in place of those, in any form that ``optimizer.step`` takes.

        Returns:
            ``grads`` divided, for ``step``; None without.

        Raises:
            ArgumentError: it was called already for this optimizer since the last `update`, or a gradient is float16.
            ScalerError: nothing was scaled.

        Example:
            >>> import jax.numpy as jnp
            >>> import fnn
            >>> from fnn import nn
            >>> p = nn.Parameter(jnp.zeros(2))
            >>> optimizer = fnn.optim.SGD([p], lr=1.0)
            >>> scaler = fnn.amp.GradScaler("cpu", init_scale=8.0)
            >>> loss = scaler.scale(jnp.ones(()))
            >>> p.grad = jnp.full(2, 16.0)
            >>> scaler.unscale_(optimizer)
            >>> p.grad.tolist()
            [2.0, 2.0]
        """
        if not self._enabled:
            return grads
        self._check_scales("unscale_")
        progress = self._of(optimizer)
        if progress.stepped._peek() is not None:
            raise ArgumentError("unscale_() is being called after step().")
        if progress.found._peek() is not None:
            raise ArgumentError("unscale_() has already been called on this optimizer since the last update().")
        params = [p for group in optimizer.param_groups for p in group["params"]] if grads is None else []
        there = [p for p in params if p.grad is not None]
        given = grads if grads is not None else [p.grad for p in there]
        new, found = unscaled(given, self._scale.data)
        if found is not None:
            progress.found._write(found)
        if grads is not None:
            return new
        for p, grad in zip(there, new, strict=True):
            p.grad = grad
        return None

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step(*args, **kwargs)`` with unscaled gradients, if all are finite.

        Args:
            optimizer: which one.
            args: what it takes: nothing, or the gradients that were given `scale`'s loss.
            kwargs: likewise: ``grads=...``.

        Returns:
            What the step returned; None if it was skipped.

        Raises:
            ArgumentError: it was called already since the last `update`; a closure is given; a gradient is float16.
            ScalerError: nothing was scaled, or the optimizer has no gradients.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs or (args and callable(args[0])):
            raise ArgumentError(_CLOSURE)
        self._check_scales("step")
        progress = self._of(optimizer)
        if progress.stepped._peek() is not None:
            raise ArgumentError("step() has already been called since the last update().")
        if progress.found._peek() is None:
            if args and args[0] is not None:
                args = (self.unscale_(optimizer, args[0]), *args[1:])
            elif kwargs.get("grads") is not None:
                kwargs = {**kwargs, "grads": self.unscale_(optimizer, kwargs["grads"])}
            else:
                self.unscale_(optimizer)
        found = progress.found._peek()
        if found is None:
            raise ScalerError("No inf checks were recorded for this optimizer.")
        if innermost.get() is None and not tracing():
            result = None if bool(found) else optimizer.step(*args, **kwargs)
        else:
            result = step_unless(found, optimizer, args, kwargs)
        progress.stepped._write(found)
        return result

    def update(self, new_scale: float | jax.Array | None = None) -> None:
        """Adapts the scale; the end of an iteration, after `step` for each optimizer.

        Args:
            new_scale: the next scale, in place of what follows from the gradients.

        Raises:
            ScalerError: nothing was scaled, no gradients were checked, or ``new_scale`` is no number.
        """
        if not self._enabled:
            return
        self._check_scales("update")
        if new_scale is not None:
            value = new_scale if isinstance(new_scale, (int, float, *ARRAYS, np.ndarray, Box)) else None
            if value is None or np.size(value) != 1:
                raise ScalerError(_NEW_SCALE.format(new_scale))
            self._scale.data = jnp.asarray(value, jnp.float32).reshape(())
        else:
            checks = [p.found._peek() for p in self._progress]
            founds = [found for found in checks if found is not None]
            if not founds:
                raise ScalerError("No inf checks were recorded prior to update.")
            any_found = founds[0]
            for found in founds[1:]:
                any_found = any_found | found
            arguments = self._scale.data, self._growth_tracker.data, any_found, *self._numbers()
            self._scale.data, self._growth_tracker.data = _next(*arguments)
        for progress in self._progress:
            progress.clear()

    # -- numbers ----------------------------------------------------------------------------------------------------

    def get_scale(self) -> Any:
        """The scale as a float (in a trace, as an array); 1.0 if disabled."""
        if not self._enabled:
            return 1.0
        scale = self._scale.data
        return scale if isinstance(scale, Tracer) else float(scale)

    def get_growth_factor(self) -> float:
        """By what the scale is multiplied after ``growth_interval`` steps."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Sets by what the scale is multiplied after ``growth_interval`` steps; compiles nothing again."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """By what the scale is multiplied after a skipped step."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Sets by what the scale is multiplied after a skipped step; compiles nothing again."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """How many steps in a row let the scale grow."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Sets how many steps in a row let the scale grow; compiles nothing again."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Whether it scales."""
        return self._enabled

    # -- saving -----------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Five numbers under PyTorch's names; empty if disabled. To be called after `update`."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": int(self._growth_tracker.data),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes what `state_dict`, this one's or PyTorch's, has given; does nothing if disabled.

        Raises:
            ArgumentError: it is empty.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise ArgumentError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._scale.data = jnp.float32(state_dict["scale"])
        self._growth_tracker.data = jnp.int32(state_dict["_growth_tracker"])
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]

    def __getstate__(self) -> dict[str, Any]:
        if any(p.found._peek() is not None for p in self._progress if p.of() is not None):
            raise ScalerError(
                "A GradScaler instance may only be pickled at the beginning of an iteration, or at the end after "
                "scaler.update()."
            )
        return {**self.__dict__, "_progress": [], "_born": 0}


@jax.jit
def _next(
    scale: jax.Array, steps: jax.Array, found: jax.Array, growth: jax.Array, backoff: jax.Array, interval: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The next scale, and how many steps in a row were not skipped since it changed."""
    grown, whole = scale * growth, steps + 1 == interval
    kept = jnp.where(whole & jnp.isfinite(grown), grown, scale)
    return jnp.where(found, scale * backoff, kept), jnp.where(found | whole, 0, steps + 1).astype(steps.dtype)
