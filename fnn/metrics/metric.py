"""`Metric`: what all metrics share.

A metric is a Module whose states are Buffers: `fnn.jit`, `fnn.scan`, ... carry them like running statistics, so that
``metric.update(output, target)`` may stand in a compiled step.  ``compute`` may, too.  Arrays are global: on a mesh the
state is that of the whole batch, wherever its rows lie, and there is nothing to synchronise.

What depends on values (checks of labels, warnings) happens outside of compiled steps only; shapes and dtypes are
checked everywhere.
"""

from __future__ import annotations

import copy
import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn.dtypes import canonical, get_default_dtype, index_dtype, to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.metrics._operators import Operators
from fnn.metrics._states import OUTSIDE, Growing, Reduction, State, full, merged, summed
from fnn.nn import Buffer, Module
from fnn.state.box import Box
from fnn.tracing import Tracer, concrete
from fnn.typing import Array, ArrayLike, DType

__all__ = ["CompositionalMetric", "Metric"]

_M = TypeVar("_M", bound="Metric")
_CONSTANT = frozenset({"is_differentiable", "higher_is_better", "full_state_update"})
_REDUCTIONS = ("mean", "sum", "cat", "min", "max", None)
_UNEXPECTED = (
    "Unexpected keyword arguments: {names}. {metric} takes none of torchmetrics' options for synchronisation and "
    "caching: arrays are global, so that a state on a mesh is that of the whole batch, and compute keeps nothing"
)
_BEFORE_UPDATE = (
    "The ``compute`` method of metric {} was called before the ``update`` method which may lead to errors, as metric "
    "states have not yet been updated."
)
_FULL = (
    "{metric}: the count '{state}' has reached the largest {dtype}, {most}, and says no more how many there were; call "
    "reset() more often, or count in int64: jax.config.update('jax_enable_x64', True)"
)


def _counted(update: Callable[..., None]) -> Callable[..., None]:
    """``update``, which counts its calls unless a subclass's calls it, and keeps no derivatives."""

    @functools.wraps(update)
    def counted(self: Metric, *args: object, **kwargs: object) -> None:
        if getattr(type(self).update, "__wrapped__", None) is not update:
            return update(self, *args, **kwargs)
        update(self, *args, **kwargs)
        self._constant()
        self._update_count += 1

    return counted


def _computed(compute: Callable[..., object]) -> Callable[..., object]:
    """``compute``, which warns before the first update, and makes arrays of one element scalars."""

    @functools.wraps(compute)
    def computed(self: Metric, *args: object, **kwargs: object) -> object:
        if getattr(type(self).compute, "__wrapped__", None) is not compute:
            return compute(self, *args, **kwargs)
        if self.update_called is False:
            warnings.warn(_BEFORE_UPDATE.format(type(self).__name__), UserWarning, stacklevel=2)
        return _scalars(compute(self, *args, **kwargs))

    return computed


def _scalars(value: object) -> Any:
    one = lambda x: x.reshape(()) if hasattr(x, "reshape") and x.size == 1 else x  # noqa: E731
    return jax.tree.map(one, value)


class Metric(Operators, Module):
    r"""Base class of all metrics, torchmetrics' ``Metric``.

    A subclass declares its states with `add_state` in ``__init__`` (after ``super().__init__()``) and defines
    ``update`` and ``compute``.  Calling a metric returns the value of the batch and accumulates it, too.

    Args:
        **kwargs: none; torchmetrics' options are refused with the reason.

    Raises:
        ArgumentError: any keyword argument.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> class Largest(fnn.metrics.Metric):
        ...     full_state_update = False
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.add_state("largest", jnp.asarray(0.0), dist_reduce_fx="max")
        ...     def update(self, values):
        ...         self.largest = jnp.maximum(self.largest, values.max())
        ...     def compute(self):
        ...         return self.largest.data
        >>> metric = Largest()
        >>> print(metric(jnp.array([1.0, 4.0])), metric(jnp.array([3.0, 2.0])), metric.compute())
        4.0 3.0 4.0
    """

    is_differentiable: ClassVar[bool | None] = None
    higher_is_better: ClassVar[bool | None] = None
    # Whether forward must update the whole state in order to be right; False: states of batches can be merged.
    full_state_update: ClassVar[bool | None] = None

    _casts = False  # half() and its kin leave the states alone
    _instead: ClassVar[str] = OUTSIDE  # of a state that is a list

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "update" in cls.__dict__:
            cls.update = _counted(cls.update)
        if "compute" in cls.__dict__:
            cls.compute = _computed(cls.compute)

    def __init__(self, **kwargs: object) -> None:
        if kwargs:
            names = ", ".join(f"`{name}`" for name in sorted(kwargs))
            raise ArgumentError(_UNEXPECTED.format(names=names, metric=type(self).__name__))
        super().__init__()
        self._defaults: dict[str, np.ndarray | None] = {}  # None: a list
        self._reductions: dict[str, Reduction] = {}
        self._persistent: dict[str, bool] = {}
        self._dtype = get_default_dtype()
        self.register_buffer("_update_count", np.zeros((), index_dtype()), persistent=False)

    def update(self, *_: Any, **__: Any) -> None:
        """Adds a batch to the state; every metric defines it."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def compute(self) -> Any:
        """The value for all batches since the last `reset`; every metric defines it."""
        raise NotImplementedError(f"{type(self).__name__} defines no compute")

    # -- states -----------------------------------------------------------------------------------------

    def add_state(
        self,
        name: str,
        default: ArrayLike | list[Array],
        dist_reduce_fx: Reduction = None,
        persistent: bool = False,
    ) -> None:
        """Declares a state, an attribute of the metric.

        Args:
            name: the attribute's.
            default: an array, which the state is at the beginning and after `reset` (it becomes a Buffer), or an empty
                list, to which ``update`` appends arrays.
            dist_reduce_fx: how the states of two batches are put together: ``"sum"``, ``"mean"``, ``"max"``, ``"min"``,
                ``"cat"``, a function of both in one array, or None (stacked).
            persistent: whether it is part of ``state_dict``.

        Raises:
            ArgumentError: another default or ``dist_reduce_fx``.
        """
        is_list = isinstance(default, list)
        if (is_list and default) or not (is_list or (hasattr(default, "shape") and hasattr(default, "dtype"))):
            raise ArgumentError(
                "state variable must be a tensor or any empty list (where you can append tensors), "
                f"got {name}={default!r}"
            )
        if dist_reduce_fx not in _REDUCTIONS and not callable(dist_reduce_fx):
            raise ArgumentError(
                f"`dist_reduce_fx` must be callable or one of ['mean', 'sum', 'cat', 'min', 'max', None], "
                f"got {dist_reduce_fx!r}"
            )
        if is_list:
            self._defaults[name] = None
            setattr(self, name, self._list(name))
        else:
            self._defaults[name] = np.array(default)
            self.register_buffer(name, to_array(self._defaults[name]), persistent)
        self._reductions[name] = dist_reduce_fx
        self._persistent[name] = persistent

    def _list(self, name: str, values: object = ()) -> Growing:
        return Growing(type(self).__name__, name, self._instead, values)

    @property
    def metric_state(self) -> dict[str, State]:
        """The states by name."""
        return {name: self._state(name) for name in self._defaults}

    def _state(self, name: str) -> State:
        state = getattr(self, name)
        return list(state) if isinstance(state, list) else to_array(state)

    def _set_state(self, name: str, value: State) -> None:
        setattr(self, name, self._list(name, value) if isinstance(value, list) else value)

    def _add(self, name: str, value: ArrayLike) -> None:
        """Adds to a state; a count stays at its largest number."""
        self._set_state(name, summed(to_array(getattr(self, name)), value))

    def _counts(self, *names: str) -> None:
        """Raises if one of these counts has reached its largest number."""
        for name in names:
            state = self._state(name)
            if not isinstance(state, list) and full(state):
                most = np.iinfo(state.dtype).max
                raise ArgumentError(
                    _FULL.format(metric=type(self).__name__, state=name, dtype=state.dtype.name, most=most)
                )

    def _constant(self) -> None:
        for name in self._defaults:
            state = self._state(name)
            if isinstance(state, Tracer) and jnp.issubdtype(state.dtype, jnp.inexact):
                self._set_state(name, lax.stop_gradient(state))

    @property
    def update_count(self) -> int:
        """How often ``update`` or the metric was called since the last `reset`; an array inside a compiled step."""
        count = to_array(self._update_count)
        known = concrete(count)
        return count if known is None else int(known)  # pyright: ignore[reportReturnType]

    @property
    def update_called(self) -> bool:
        """Whether there was such a call; an array inside a compiled step."""
        return self.update_count > 0

    # -- the call -----------------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Adds a batch to the state and returns the value of this batch alone."""
        update = getattr(type(self).update, "__wrapped__", type(self).update)
        compute = getattr(type(self).compute, "__wrapped__", type(self).compute)
        before = self.metric_state
        if self.full_state_update is not False:
            update(self, *args, **kwargs)
            self._constant()
            after = self.metric_state
            self._clear()
            update(self, *args, **kwargs)
            value = _scalars(compute(self))
        else:
            self._clear()
            update(self, *args, **kwargs)
            value = _scalars(compute(self))
            now = self.metric_state
            count = to_array(self._update_count) + 1
            after = {name: merged(before[name], now[name], self._reductions[name], count) for name in before}
        for name, state in after.items():
            self._set_state(name, state)
        self._constant()
        self._update_count += 1
        return value

    def merge_state(self, incoming_state: Mapping[str, State] | Metric) -> None:
        """Adds the state of another metric of this class, or such a `metric_state`.

        Args:
            incoming_state: see above.

        Raises:
            ArgumentError: it is of another kind or lacks a state, or states of this class cannot be merged.
        """
        if self.full_state_update is not False:
            raise ArgumentError(f"{type(self).__name__}: merge_state is not supported with full_state_update=True")
        if isinstance(incoming_state, Metric):
            if not isinstance(incoming_state, type(self)):
                raise ArgumentError(
                    f"Expected incoming state to be an instance of {type(self).__name__} but got {type(incoming_state)}"
                )
            incoming_state = incoming_state.metric_state
        if not isinstance(incoming_state, Mapping):
            raise ArgumentTypeError(
                f"Expected incoming state to be a dict or an instance of Metric but got {type(incoming_state)}"
            )
        missing = [name for name in self._defaults if name not in incoming_state]
        if missing:
            raise ArgumentError(f"Expected state variable {missing[0]} to be present in incoming state")
        for name, reduction in self._reductions.items():
            self._set_state(name, merged(incoming_state[name], self._state(name), reduction, self.update_count))

    def reset(self) -> None:
        """Makes all states what they were at the beginning."""
        self._clear()
        self._put("_update_count", np.zeros((), index_dtype()))

    def _clear(self) -> None:
        for name, default in self._defaults.items():
            if default is None:
                self._set_state(name, [])
            else:
                self._put(name, default)

    def _put(self, name: str, default: np.ndarray) -> None:
        """A default where the state lies now, so that a compiled step finds it as it left it."""
        now = to_array(getattr(self, name))
        if jnp.issubdtype(default.dtype, jnp.floating) and jnp.issubdtype(now.dtype, jnp.floating):
            default = default.astype(now.dtype)
        value = jnp.asarray(default)
        if not isinstance(now, Tracer) and not isinstance(value, Tracer) and now.committed:
            spread = now.sharding if now.shape == value.shape or now.sharding.is_fully_replicated else None
            value = value if spread is None else jax.device_put(value, spread)
        setattr(self, name, value)

    def clone(self: _M) -> _M:
        """A copy with states of its own."""
        return copy.deepcopy(self)

    # -- dtypes, saving -----------------------------------------------------------------------------------

    @property
    def dtype(self) -> np.dtype:
        """The floating dtype that values are accumulated in."""
        states = (getattr(self, name) for name, default in self._defaults.items() if default is not None)
        return next((np.dtype(s.dtype) for s in states if jnp.issubdtype(s.dtype, jnp.floating)), self._dtype)

    def set_dtype(self: _M, dst_type: DType) -> _M:
        """Casts the floating states; ``half()``, ``float()``, ... leave a metric alone.

        Args:
            dst_type: the floating dtype.
        """
        dtype = canonical(dst_type, f"{type(self).__name__}.set_dtype: ")
        cast = lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x  # noqa: E731
        for name in self._defaults:
            state = self._state(name)
            self._set_state(name, [cast(x) for x in state] if isinstance(state, list) else cast(state))
        self._dtype = dtype
        return self

    def persistent(self, mode: bool = False) -> None:
        """Sets whether the states are part of ``state_dict``.

        Args:
            mode: see above.
        """
        for name in self._persistent:
            self._persistent[name] = mode
            box = self._buffers.get(name)
            if isinstance(box, Buffer):
                box.persistent = mode
                self.register_buffer(name, box, mode)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, default in self._defaults.items():
            if default is None and self._persistent[name]:
                destination[prefix + name] = list(getattr(self, name))

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
        # A state is taken if it is there, persistent or not, with whatever shape it has grown to; as in torchmetrics it
        # may be missing.
        states = {name: prefix + name for name in self._defaults}
        for name, key in states.items():
            if key in state_dict:
                value = state_dict[key]
                self._set_state(name, [to_array(v) for v in value] if isinstance(value, list) else to_array(value))
        rest = {key: value for key, value in state_dict.items() if key not in states.values()}
        missing: list[str] = []
        super()._load_from_state_dict(rest, prefix, local_metadata, strict, missing, unexpected_keys, error_msgs)
        missing_keys.extend(key for key in missing if key not in states.values())

    def _filter_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        """Of these keyword arguments those that ``update`` takes."""
        parameters = inspect.signature(type(self).update).parameters
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return kwargs
        return {name: value for name, value in kwargs.items() if name in parameters}

    def _composed(self, op: Callable[..., Array], a: Any, b: Any) -> CompositionalMetric:
        return CompositionalMetric(op, a, b)

    def __setattr__(self, name: str, value: object) -> None:
        if name in _CONSTANT:
            raise RuntimeError(f"Can't change const `{name}`.")
        super().__setattr__(name, value)


class CompositionalMetric(Metric):
    """A metric made from others by an operator.

    Args:
        operator: a function of the values of both (of one, if the second is None).
        metric_a: a metric, a number or an array.
        metric_b: the same, or None.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import MeanMetric, SumMetric
        >>> metric = SumMetric() / 2 + MeanMetric()
        >>> metric.update(jnp.array([1.0, 3.0]))
        >>> print(metric.compute())
        4.0
    """

    full_state_update = True

    def __init__(
        self,
        operator: Callable[..., Array],
        metric_a: Metric | ArrayLike,
        metric_b: Metric | ArrayLike | None,
    ) -> None:
        super().__init__()
        self.op = operator
        for name, operand in (("metric_a", metric_a), ("metric_b", metric_b)):
            if isinstance(operand, (jax.Array, np.ndarray)) and not isinstance(operand, Box):
                self.register_buffer(name, operand, persistent=False)
            else:
                setattr(self, name, operand)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Updates the metrics that it is made from, each with the keyword arguments that it takes."""
        for metric in self._parts():
            metric.update(*args, **metric._filter_kwargs(**kwargs))

    def compute(self) -> Any:
        """The operator of their values."""
        return self._value(lambda metric: metric.compute())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Adds a batch to their states and returns the operator of their values for this batch."""
        return self._value(lambda metric: metric(*args, **metric._filter_kwargs(**kwargs)))

    def _value(self, of: Callable[[Metric], Any]) -> Any:
        a, b = (of(m) if isinstance(m, Metric) else m for m in (self.metric_a, self.metric_b))
        a, b = (to_array(x) if isinstance(x, Box) else x for x in (a, b))
        if a is None or (b is None and isinstance(self.metric_b, Metric)):
            return None
        return self.op(a) if b is None else self.op(a, b)

    def _parts(self) -> list[Metric]:
        return [metric for metric in (self.metric_a, self.metric_b) if isinstance(metric, Metric)]

    @property
    def update_called(self) -> bool:
        """Always true: the parts warn for themselves."""
        return True

    def reset(self) -> None:
        """Resets the metrics that it is made from."""
        for metric in self._parts():
            metric.reset()

    def persistent(self, mode: bool = False) -> None:
        """Sets whether their states are part of ``state_dict``."""
        for metric in self._parts():
            metric.persistent(mode)

    def __repr__(self) -> str:
        name = getattr(self.op, "__name__", repr(self.op))
        return f"{type(self).__name__}(\n  {name}(\n    {self.metric_a!r},\n    {self.metric_b!r}\n  )\n)"
