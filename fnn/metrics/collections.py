"""`MetricCollection`: several metrics as one."""

from __future__ import annotations

import copy
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence
from typing import Any, TypeVar, cast

from fnn.errors import ArgumentError
from fnn.metrics.metric import Metric
from fnn.nn import ModuleDict
from fnn.typing import DType

__all__ = ["MetricCollection"]

_C = TypeVar("_C", bound="MetricCollection")


class MetricCollection(ModuleDict):
    """Metrics that are updated, computed and reset together; a result is a dict.

    Each metric keeps a state of its own; what several compute alike a compiled step computes once.

    Args:
        metrics: a metric, a sequence of metrics (named by their classes) or a dict of them; collections in it are
            flattened.
        *additional_metrics: more of them, if the first is no dict.
        prefix: put before the names in results.
        postfix: put behind them.

    Raises:
        ArgumentError: something is no metric, or two have one name.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.metrics import BinaryAccuracy, BinaryRecall, MetricCollection
        >>> metrics = MetricCollection([BinaryAccuracy(), BinaryRecall()], prefix="val_")
        >>> metrics.update(jnp.array([0.9, 0.8, 0.2, 0.6]), jnp.array([1, 0, 0, 1]))
        >>> {name: float(value) for name, value in metrics.compute().items()}
        {'val_BinaryAccuracy': 0.75, 'val_BinaryRecall': 1.0}
    """

    def __init__(
        self,
        metrics: Metric | MetricCollection | Sequence[Metric | MetricCollection] | Mapping[str, Any],
        *additional_metrics: Metric | MetricCollection,
        prefix: str | None = None,
        postfix: str | None = None,
    ) -> None:
        super().__init__()
        self.prefix = _checked(prefix, "prefix")
        self.postfix = _checked(postfix, "postfix")
        self.add_metrics(metrics, *additional_metrics)

    def add_metrics(
        self,
        metrics: Metric | MetricCollection | Sequence[Metric | MetricCollection] | Mapping[str, Any],
        *additional_metrics: Metric | MetricCollection,
    ) -> None:
        """Adds metrics, given as to the constructor."""
        if isinstance(metrics, Mapping):
            if additional_metrics:
                raise ArgumentError(
                    f"You have passes extra arguments {additional_metrics} which are not compatible with first passed "
                    f"dictionary {metrics}"
                )
            for name in sorted(metrics):
                self._take(name, metrics[name])
            return
        first = [metrics] if isinstance(metrics, (Metric, MetricCollection)) else metrics
        if not isinstance(first, Sequence):
            raise ArgumentError(
                "Unknown input to MetricCollection. Expected, `Metric`, `MetricCollection` or `dict`/`sequence` of the "
                f"previous, but got {metrics}"
            )
        for metric in (*first, *additional_metrics):
            self._take(None, metric)

    def _take(self, name: str | None, metric: object) -> None:
        if isinstance(metric, MetricCollection):
            for inner, part in metric.items():
                self._put(inner if name is None else f"{name}_{inner}", part)
        elif isinstance(metric, Metric):
            self._put(type(metric).__name__ if name is None else name, metric)
        else:
            raise ArgumentError(
                f"Input {metric!r} to `MetricCollection` is not a instance of `fnn.metrics.Metric` or "
                "`fnn.metrics.MetricCollection`"
            )

    def _put(self, name: str, metric: Metric) -> None:
        if name in self._modules:
            raise ArgumentError(f"Encountered two metrics both named {name}")
        self[name] = metric

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Adds a batch to all states and returns the values of this batch."""
        return self._named({k: m(*args, **m._filter_kwargs(**kwargs)) for k, m in self._metrics()})

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Adds a batch to all states; each metric gets the keyword arguments that it takes."""
        for _, metric in self._metrics():
            metric.update(*args, **metric._filter_kwargs(**kwargs))

    def compute(self) -> dict[str, Any]:
        """The values of all batches."""
        return self._named({name: metric.compute() for name, metric in self._metrics()})

    def reset(self) -> None:
        """Resets all metrics."""
        for _, metric in self._metrics():
            metric.reset()

    def persistent(self, mode: bool = True) -> None:
        """Sets whether the states are part of ``state_dict``."""
        for _, metric in self._metrics():
            metric.persistent(mode)

    def set_dtype(self: _C, dst_type: DType) -> _C:
        """Casts the floating states of all metrics."""
        for _, metric in self._metrics():
            metric.set_dtype(dst_type)
        return self

    def clone(self: _C, prefix: str | None = None, postfix: str | None = None) -> _C:
        """A copy with states of its own.

        Args:
            prefix: another prefix.
            postfix: another postfix.
        """
        new = copy.deepcopy(self)
        if prefix:
            new.prefix = _checked(prefix, "prefix")
        if postfix:
            new.postfix = _checked(postfix, "postfix")
        return new

    @property
    def metric_state(self) -> dict[str, dict[str, Any]]:
        """The states of all metrics by name."""
        return {name: metric.metric_state for name, metric in self.items()}

    def _metrics(self) -> list[tuple[str, Metric]]:
        return list(self._modules.items())

    def _named(self, results: dict[str, Any]) -> dict[str, Any]:
        """The results with prefix and postfix; what is in a dict comes under its own name if no other has it."""
        inner = [key for value in results.values() if isinstance(value, dict) for key in value]
        twice = len(inner) != len(set(inner))
        flat: dict[str, Any] = {}
        for name, value in results.items():
            if isinstance(value, dict):
                flat |= {f"{name}_{key}" if twice else key: part for key, part in value.items()}
            else:
                flat[name] = value
        return {self._full(name): value for name, value in flat.items()}

    def _full(self, name: str) -> str:
        return f"{self.prefix or ''}{name}{self.postfix or ''}"

    def keys(self, keep_base: bool = False) -> KeysView[str]:
        """The names, with prefix and postfix unless ``keep_base``."""
        return self._renamed(keep_base).keys()

    def items(self, keep_base: bool = False) -> ItemsView[str, Metric]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The names, with prefix and postfix unless ``keep_base``, and the metrics."""
        return self._renamed(keep_base).items()

    def _renamed(self, keep_base: bool) -> dict[str, Metric]:
        return self._modules if keep_base else {self._full(name): m for name, m in self._modules.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __getitem__(self, key: str) -> Metric:
        base = key.removeprefix(self.prefix or "").removesuffix(self.postfix or "")
        return cast(Metric, self._modules[base])

    def __repr__(self) -> str:
        text = super().__repr__()[:-2]
        if self.prefix:
            text += f",\n  prefix={self.prefix}{',' if self.postfix else ''}"
        if self.postfix:
            text += f"{',' if not self.prefix else ''}\n  postfix={self.postfix}"
        return text + "\n)"


def _checked(value: str | None, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ArgumentError(f"Expected input `{name}` to be a string, but got {type(value)}")
