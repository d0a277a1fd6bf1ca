"""Pruning by masks: ``torch.nn.utils.prune``.

A pruned ``weight`` is the parameter ``weight_orig`` times the buffer ``weight_mask``, computed by a forward pre-hook.
Masks are computed on the host, outside of transformations; how many elements go is `round(amount * size)`.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from fnn import random
from fnn.dtypes import to_array
from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.nn._module import Module
from fnn.nn.utils._outside import check_outside
from fnn.nn.utils.convert_parameters import parameters_to_vector
from fnn.typing import ArrayLike

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]

_M = TypeVar("_M", bound=Module)


def _check_scores(scores: ArrayLike, tensor: ArrayLike, what: str) -> None:
    given, expected = to_array(scores).shape, to_array(tensor).shape
    if given != expected:
        raise AssertionError(f"importance_scores should have the same shape as {what}, got {given} vs {expected}")


class BasePruningMethod(ABC):
    """Base of the pruning methods: a subclass has a ``PRUNING_TYPE`` and defines `compute_mask`.

    ``PRUNING_TYPE`` says on what a method that follows others works: ``"unstructured"``, the elements that are left;
    ``"structured"``, the channels that are left along ``dim``; ``"global"``, all.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> class EveryOther(prune.BasePruningMethod):
        ...     PRUNING_TYPE = "unstructured"
        ...     def compute_mask(self, t, default_mask):
        ...         return default_mask.reshape(-1).at[::2].set(0).reshape(t.shape)
        >>> linear = nn.Linear(2, 2)
        >>> method = EveryOther.apply(linear, "weight")
        >>> linear.weight_mask.tolist()
        [[0.0, 1.0], [0.0, 1.0]]
    """

    PRUNING_TYPE: ClassVar[str]
    _tensor_name: str

    def __call__(self, module: Module, inputs: object) -> None:
        """Computes the pruned tensor before each forward, from the original and the mask."""
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: ArrayLike, default_mask: ArrayLike) -> Any:
        """The mask of ``t`` on top of ``default_mask``, of their shape."""

    def apply_mask(self, module: Module) -> jax.Array:
        """The mask times the original."""
        original = to_array(getattr(module, self._tensor_name + "_orig"))
        return to_array(getattr(module, self._tensor_name + "_mask")).astype(original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: ArrayLike | None = None, **kwargs: Any
    ) -> Any:
        """Prunes ``module.<name>``, on top of what has been pruned.

        Args:
            module: the module.
            name: the parameter's name.
            *args: the constructor's.
            importance_scores: what the mask is computed from, of the parameter's shape; None for the parameter.
            **kwargs: the constructor's.

        Returns:
            The method, or the `PruningContainer` of all methods on this parameter.
        """
        check_outside(f"prune.{cls.__name__}.apply", module)
        hooks = module._forward_pre_hooks
        old = [k for k, hook in hooks.items() if isinstance(hook, BasePruningMethod) and hook._tensor_name == name]
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        original = getattr(module, name)
        scores = original if importance_scores is None else importance_scores
        _check_scores(scores, original, f"parameter {name} of {module}")
        if old:
            former = cast(BasePruningMethod, hooks[old[0]])
            container = PruningContainer(*former) if isinstance(former, PruningContainer) else PruningContainer(former)
            container._tensor_name = name
            container.add_pruning_method(method)
            method, default = container, getattr(module, name + "_mask")
        else:
            default = jnp.ones(original.shape, original.dtype)
        mask = method.compute_mask(to_array(scores), default_mask=to_array(default))
        for k in old:
            del hooks[k]
        if not old:
            delattr(module, name)
            module.register_parameter(name + "_orig", original)
        if old:
            setattr(module, name + "_mask", jnp.asarray(mask))
        else:
            module.register_buffer(name + "_mask", jnp.asarray(mask))
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: ArrayLike, default_mask: ArrayLike | None = None, importance_scores: ArrayLike | None = None
    ) -> jax.Array:
        """``t`` times the mask that this method computes for it; nothing is registered.

        Args:
            t: the array.
            default_mask: a mask that holds already; None for ones.
            importance_scores: what the mask is computed from; None for ``t``.
        """
        t = to_array(t)
        scores = t if importance_scores is None else to_array(importance_scores)
        _check_scores(scores, t, "tensor t")
        default_mask = jnp.ones_like(t) if default_mask is None else to_array(default_mask)
        return t * self.compute_mask(scores, default_mask=default_mask)

    def remove(self, module: Module) -> None:
        """Makes the pruned value the parameter's own; the hook stays."""
        name = self._tensor_name
        value = self.apply_mask(module)
        original = getattr(module, name + "_orig")
        if hasattr(module, name):
            delattr(module, name)
        original.data = value
        delattr(module, name + "_orig")
        delattr(module, name + "_mask")
        module.register_parameter(name, original)


class PruningContainer(BasePruningMethod):
    """Pruning methods that follow one another on the same parameter.

    Args:
        *args: the methods.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> linear = prune.l1_unstructured(prune.l1_unstructured(nn.Linear(2, 3), "weight", 2), "weight", 1)
        >>> float(linear.weight_mask.sum()), [type(hook).__name__ for hook in linear._forward_pre_hooks.values()]
        (3.0, ['PruningContainer'])
    """

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """Adds a method for the same parameter."""
        if method is not None and not isinstance(method, BasePruningMethod):
            raise ArgumentTypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ArgumentError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                f"PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (cast(BasePruningMethod, method),)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: ArrayLike, default_mask: ArrayLike) -> jax.Array:
        """The last method's mask of what the others have left."""
        method = self._pruning_methods[-1]
        mask, values = np.array(default_mask), np.asarray(t)
        if method.PRUNING_TYPE == "unstructured":
            where: Any = mask == 1
        elif method.PRUNING_TYPE == "structured":
            if not hasattr(method, "dim"):
                raise AttributeError(
                    'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
                )
            dim = cast(Any, method).dim
            if dim < -values.ndim:
                raise IndexError(f"Index is out of bounds for tensor with dimensions {values.ndim}")
            dim %= values.ndim
            kept = mask.sum(axis=tuple(d for d in range(values.ndim) if d != dim)) != 0
            where = (slice(None),) * dim + (kept,)
        elif method.PRUNING_TYPE == "global":
            where = ...
        else:
            raise ArgumentError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        mask[where] = np.asarray(method.compute_mask(jnp.asarray(values[where]), jnp.asarray(mask[where])))
        return jnp.asarray(mask, values.dtype)


class Identity(BasePruningMethod):
    """Prunes nothing, and registers the mask.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> prune.Identity.apply(linear := nn.Linear(2, 3), "weight")._tensor_name
        'weight'
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: ArrayLike, default_mask: ArrayLike) -> Any:
        """``default_mask``."""
        return default_mask


def _check_amount(amount: object) -> None:
    if not isinstance(amount, (int, float, numbers.Real)):
        raise ArgumentTypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if float(amount) < 0 or (not isinstance(amount, numbers.Integral) and float(amount) > 1):
        raise ArgumentError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount: float, size: int) -> int:
    count = int(amount) if isinstance(amount, numbers.Integral) else round(float(amount) * size)
    if count > size:
        raise ArgumentError(f"amount={count} should be smaller than the number of parameters to prune={size}")
    return count


def _check_structured(t: jax.Array, dim: int) -> None:
    if t.ndim <= 1:
        raise ArgumentError(
            "Structured pruning can only be applied to multidimensional tensors. "
            f"Found tensor of shape {t.shape} with {t.ndim} dims"
        )
    if not -t.ndim <= dim < t.ndim:
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")


def _channels(t: jax.Array, dim: int, kept: np.ndarray, default_mask: ArrayLike) -> jax.Array:
    shape = [1] * t.ndim
    shape[dim] = -1
    return jnp.asarray(kept.reshape(shape), t.dtype) * to_array(default_mask).astype(t.dtype)


class _Unstructured(BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def _scores(self, t: jax.Array) -> np.ndarray:
        """The elements with the least go."""
        raise TypeError(f"{type(self).__name__} defines no _scores")

    def compute_mask(self, t: ArrayLike, default_mask: ArrayLike) -> jax.Array:
        """Zeros for the elements that go."""
        t = to_array(t)
        count = _count(self.amount, t.size)
        mask = np.array(default_mask)
        if count:
            mask.reshape(-1)[np.argsort(self._scores(t).reshape(-1), kind="stable")[:count]] = 0
        return jnp.asarray(mask)


class RandomUnstructured(_Unstructured):
    """Prunes elements at random.

    Args:
        amount: a share, in [0, 1], or a number of elements.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> method = prune.RandomUnstructured.apply(linear := nn.Linear(2, 3), "weight", 2)
        >>> float(linear.weight_mask.sum())
        4.0
    """

    def _scores(self, t: jax.Array) -> np.ndarray:
        return -np.asarray(random.uniform(random.initialisation_key(), t.shape, dtype=t.dtype))


class L1Unstructured(_Unstructured):
    """Prunes the elements of least magnitude.

    Args:
        amount: a share, in [0, 1], or a number of elements.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> method = prune.L1Unstructured.apply(linear := nn.Linear(2, 3), "weight", 2)
        >>> float(linear.weight_mask.sum())
        4.0
    """

    def _scores(self, t: jax.Array) -> np.ndarray:
        return np.abs(np.asarray(t))


class RandomStructured(BasePruningMethod):
    """Prunes channels at random.

    Args:
        amount: a share of the channels, in [0, 1], or their number.
        dim: the dimension of the channels.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> method = prune.RandomStructured.apply(linear := nn.Linear(2, 3), "weight", 1, dim=0)
        >>> float(linear.weight_mask.sum())
        4.0
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t: ArrayLike, default_mask: ArrayLike) -> Any:
        """Zeros for the channels that go."""
        t = to_array(t)
        _check_structured(t, self.dim)
        size = t.shape[self.dim]
        count = _count(self.amount, size)
        if count == 0:
            return default_mask
        drawn = np.asarray(random.uniform(random.initialisation_key(), (size,)))
        return _channels(t, self.dim, drawn > np.sort(drawn)[count - 1], default_mask)


class LnStructured(BasePruningMethod):
    """Prunes the channels of least norm.

    Args:
        amount: a share of the channels, in [0, 1], or their number.
        n: the order of the norm, over all elements of a channel; also ``inf``, ``-inf`` and ``"fro"``.
        dim: the dimension of the channels.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> method = prune.LnStructured.apply(linear := nn.Linear(2, 3), "weight", 1, n=2, dim=0)
        >>> float(linear.weight_mask.sum())
        4.0
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, n: float | str, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def compute_mask(self, t: ArrayLike, default_mask: ArrayLike) -> Any:
        """Zeros for the channels that go."""
        t = to_array(t)
        _check_structured(t, self.dim)
        size = t.shape[self.dim]
        count = _count(self.amount, size)
        if count == 0:
            return default_mask
        rows = np.moveaxis(np.asarray(t), self.dim, 0).reshape(size, -1)
        norms = np.linalg.norm(rows, ord=2 if self.n == "fro" else cast(Any, self.n), axis=1)
        kept = np.ones(size, bool)
        kept[np.argsort(norms, kind="stable")[:count]] = False
        return _channels(t, self.dim, kept, default_mask)


class CustomFromMask(BasePruningMethod):
    """Prunes by a given mask.

    Args:
        mask: of the parameter's shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> method = prune.CustomFromMask.apply(linear := nn.Linear(2, 3), "weight", jnp.zeros((3, 2)))
        >>> float(linear.weight_mask.sum())
        0.0
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: ArrayLike) -> None:
        self.mask = mask

    def compute_mask(self, t: ArrayLike, default_mask: ArrayLike) -> jax.Array:
        """``default_mask`` times the given one."""
        mask, default = to_array(self.mask), to_array(default_mask)
        if mask.shape != default.shape:
            raise AssertionError(f"default_mask shape {default.shape} must match self.mask shape {mask.shape}")
        return default * mask.astype(default.dtype)


def identity(module: _M, name: str) -> _M:
    """Registers ``<name>_orig`` and ``<name>_mask`` without pruning; returns ``module``.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> list(prune.identity(nn.Linear(2, 3), "weight").state_dict())
        ['bias', 'weight_orig', 'weight_mask']
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: _M, name: str, amount: float) -> _M:
    """Prunes elements at random (`RandomUnstructured`); returns ``module``.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> float(prune.random_unstructured(nn.Linear(2, 3), "weight", amount=0.5).weight_mask.sum())
        3.0
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: _M, name: str, amount: float, importance_scores: ArrayLike | None = None) -> _M:
    """Prunes the elements of least magnitude (`L1Unstructured`); returns ``module``.

    Example:
        >>> from fnn import nn
        >>> linear = nn.utils.prune.l1_unstructured(nn.Linear(2, 3), "weight", amount=2)
        >>> float(linear.weight_mask.sum()), list(linear.state_dict())
        (4.0, ['bias', 'weight_orig', 'weight_mask'])
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: _M, name: str, amount: float, dim: int) -> _M:
    """Prunes channels at random (`RandomStructured`); returns ``module``.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> prune.random_structured(nn.Linear(2, 3), "weight", amount=1, dim=0).weight_mask.sum(1).sum().tolist()
        4.0
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: _M, name: str, amount: float, n: float | str, dim: int, importance_scores: ArrayLike | None = None
) -> _M:
    """Prunes the channels of least norm (`LnStructured`); returns ``module``.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> float(prune.ln_structured(nn.Linear(2, 3), "weight", amount=1, n=2, dim=0).weight_mask.sum())
        4.0
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Any] | None = None,
    **kwargs: Any,
) -> None:
    """Prunes several parameters as if they were one vector.

    Args:
        parameters: pairs of a module and a parameter's name.
        pruning_method: an unstructured method.
        importance_scores: scores by pair, instead of the parameters.
        **kwargs: the method's arguments.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
        >>> prune.global_unstructured([(m, "weight") for m in model], prune.L1Unstructured, amount=4)
        >>> sum(float(m.weight_mask.sum()) for m in model)
        8.0
    """
    if not isinstance(parameters, Iterable):
        raise ArgumentTypeError("global_unstructured(): parameters is not an Iterable")
    if importance_scores is not None and not isinstance(importance_scores, dict):
        raise ArgumentTypeError("global_unstructured(): importance_scores must be of type dict")
    pairs, given = list(parameters), importance_scores or {}
    tensors = [to_array(getattr(module, name)) for module, name in pairs]
    scores = parameters_to_vector(to_array(given.get(pair, t)) for pair, t in zip(pairs, tensors, strict=True))
    masks = parameters_to_vector(
        to_array(getattr(module, name + "_mask", jnp.ones_like(t)))
        for (module, name), t in zip(pairs, tensors, strict=True)
    )
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise ArgumentTypeError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method {pruning_method} of '
            f"type {method.PRUNING_TYPE}"
        )
    final = PruningContainer(method).compute_mask(scores, masks)
    start = 0
    for (module, name), t in zip(pairs, tensors, strict=True):
        custom_from_mask(module, name, final[start : start + t.size].reshape(t.shape))
        start += t.size


def custom_from_mask(module: _M, name: str, mask: ArrayLike) -> _M:
    """Prunes by a given mask (`CustomFromMask`); returns ``module``.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> float(prune.custom_from_mask(nn.Linear(2, 3), "weight", jnp.eye(3, 2)).weight_mask.sum())
        2.0
    """
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module: _M, name: str) -> _M:
    """Makes the pruning permanent: ``<name>`` is a parameter again, with its pruned value; returns ``module``.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> linear = prune.l1_unstructured(nn.Linear(2, 3), "weight", amount=2)
        >>> list(prune.remove(linear, "weight").state_dict())
        ['bias', 'weight']
    """
    check_outside("prune.remove", module)
    for k, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[k]
            return module
    raise ArgumentError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Module) -> bool:
    """Whether anything in the module is pruned.

    Example:
        >>> from fnn import nn
        >>> from fnn.nn.utils import prune
        >>> prune.is_pruned(prune.identity(nn.Linear(2, 3), "weight"))
        True
    """
    return any(isinstance(h, BasePruningMethod) for m in module.modules() for h in m._forward_pre_hooks.values())
