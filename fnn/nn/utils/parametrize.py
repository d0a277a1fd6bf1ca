"""Parameters and buffers that are computed from others: ``torch.nn.utils.parametrize``.

A parametrised module is of a class of its own, ``ParametrizedLinear``, on which the tensor's name is a property; the
originals and the modules that compute it are in ``module.parametrizations``.
"""

from __future__ import annotations

import contextlib
import contextvars
import copy
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard, cast

import jax

from fnn.errors import ArgumentError
from fnn.nn._module import Module
from fnn.nn.modules.container import ModuleDict, ModuleList
from fnn.nn.utils._outside import check_outside
from fnn.state.box import Box
from fnn.state.parameter import Buffer, Parameter
from fnn.state.scope import epoch, innermost
from fnn.tracing import current_trace

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_cache: contextvars.ContextVar[dict[tuple, Any] | None] = contextvars.ContextVar("cache", default=None)


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """While it is open, each parametrised tensor is computed once.

    It belongs inside the function that is transformed: a value computed outside is a constant to `fnn.grad`.

    Example:
        >>> from fnn import nn
        >>> with nn.utils.parametrize.cached():
        ...     y = nn.Linear(2, 3)(nn.Parameter([[1.0, 2.0]]))
    """
    if _cache.get() is not None:
        yield
        return
    token = _cache.set({})
    try:
        yield
    finally:
        _cache.reset(token)


def _is_array(value: object) -> TypeGuard[jax.Array]:
    return isinstance(value, (jax.Array, Box))


def _array(value: Any) -> jax.Array:
    return value.data if isinstance(value, Box) else value


def _register(module: Module, name: str, box: Any) -> None:
    if isinstance(box, Parameter):
        module.register_parameter(name, box)
    else:
        module.register_buffer(name, box)


def _check_kept(what: str, value: Any, dtype: Any, shape: tuple[int, ...]) -> None:
    if not _is_array(value):
        raise ArgumentError(f"A parametrization must return an array. Got {type(value).__name__}.")
    for kind, was, now in (("dtype", dtype, value.dtype), ("shape", shape, value.shape)):
        if was != now:
            raise ArgumentError(
                f"Registering a parametrization may not change the {kind} of the tensor, unless the `unsafe` flag is "
                f"enabled.\nunparametrized {kind}: {was}\n{what} {kind}: {now}"
            )


class ParametrizationList(ModuleList):
    """The parametrisations of one tensor and its originals; `register_parametrization` makes it.

    Args:
        modules: the parametrisations, in the order in which they apply; at least one.
        original: the Parameter or Buffer.
        unsafe: whether dtype and shape may change.

    Attributes:
        original: what the first one takes; ``original0``, ``original1``, ... if its ``right_inverse`` returns several.

    Example:
        >>> from fnn import nn
        >>> linear = nn.utils.parametrize.register_parametrization(nn.Linear(2, 2), "weight", nn.Tanh())
        >>> linear.parametrizations.weight
        ParametrizationList(
          (0): Tanh()
        )
        >>> linear.parametrizations.weight.original.shape
        (2, 2)
    """

    def __init__(self, modules: Sequence[Module], original: Any, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ArgumentError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        dtype, shape = original.dtype, original.shape
        new: Any = original
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                with contextlib.suppress(NotImplementedError):
                    new = cast(Any, module).right_inverse(new)
        if not _is_array(new) and not isinstance(new, Sequence):
            raise ArgumentError(
                "'right_inverse' must return an array or a Sequence of arrays (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = _is_array(new)
        self.ntensors = 1 if self.is_tensor else len(new)
        if _is_array(new):
            if new.dtype != dtype:
                raise ArgumentError(
                    "When `right_inverse` outputs one array, it may not change the dtype.\n"
                    f"original.dtype: {dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            if new is not original:
                original.data = _array(new)
            _register(self, "original", original)
        else:
            for i, value in enumerate(new):
                if not _is_array(value):
                    raise ArgumentError(
                        "'right_inverse' must return an array or a Sequence of arrays (list, tuple...). "
                        f"Got element {i} of the sequence with type {type(value).__name__}."
                    )
                learnt = isinstance(original, Parameter)
                box = Parameter(_array(value), original.requires_grad) if learnt else Buffer(_array(value))
                _register(self, f"original{i}", box)
        if not unsafe:
            _check_kept("parametrized", self(), dtype, shape)

    def _originals(self) -> list[Any]:
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
        return [getattr(self, name) for name in names]

    def right_inverse(self, value: Any) -> None:
        """Assigns the originals so that the tensor becomes ``value``, as far as the right inverses can.

        Args:
            value: what the last parametrisation is to return.
        """
        for module in reversed(list(self)):
            if not hasattr(module, "right_inverse"):
                raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
            value = cast(Any, module).right_inverse(value)
        if self.is_tensor and not _is_array(value):
            raise ArgumentError(f"`right_inverse` should return an array. Got {type(value).__name__}")
        if not self.is_tensor and not isinstance(value, Sequence):
            raise ArgumentError(f"'right_inverse' must return a sequence of arrays. Got {type(value).__name__}.")
        values = [value] if self.is_tensor else list(value)
        if len(values) != self.ntensors:
            raise ArgumentError(
                f"'right_inverse' must return a sequence of arrays of length {self.ntensors}. "
                f"Got a sequence of length {len(values)}."
            )
        originals = self._originals()
        for i, (box, new) in enumerate(zip(originals, values, strict=True)):
            name, whose = ("original", "The array") if self.is_tensor else (f"original{i}", f"Array {i}")
            if not _is_array(new):
                raise ArgumentError(f"{whose} returned by `right_inverse` is of type {type(new).__name__}")
            if new.dtype != box.dtype:
                raise ArgumentError(
                    f"{whose} returned by `right_inverse` has dtype {new.dtype} while `{name}` has dtype {box.dtype}"
                )
        for box, new in zip(originals, values, strict=True):
            box.data = _array(new)

    def forward(self) -> Any:
        """The parametrised tensor."""
        first, *others = list(self)
        value = first(*self._originals())
        for module in others:
            value = module(value)
        return value


class _Parametrized:
    """What the class of a parametrised module adds to that of the module."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(type(self).__dict__.get(name), property):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def __getstate__(self) -> Any:
        raise RuntimeError(
            f"{type(self).__name__}: a parametrized module is saved by its state_dict() only, since its class is made "
            "at run time; build the module and parametrize it, then load_state_dict()"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        replica = type(self).__new__(type(self))
        memo[id(self)] = replica
        state = cast(Any, type(self).__bases__[1]).__getstate__(self)
        cast(Any, replica).__setstate__(copy.deepcopy(state, memo))
        return replica


def _inject_class(module: Module) -> None:
    cls = type(module)
    made = type(f"Parametrized{cls.__name__}", (_Parametrized, cls), {"__module__": cls.__module__})
    object.__setattr__(module, "__class__", made)


def _inject_property(module: Module, name: str) -> None:
    def get(self: Any) -> Any:
        cache = _cache.get()
        if cache is None:
            return self.parametrizations[name]()
        key = id(self), name, current_trace(), innermost.get()  # what one trace computes is no other's
        if key not in cache:
            cache[key] = self.parametrizations[name]()
        return cache[key]

    def put(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, put))
    epoch.structure += 1


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Makes ``module.<tensor_name>`` what ``parametrization`` computes from the parameter or buffer it was.

    A ``parametrization`` with a method ``right_inverse(value)`` sets the original at registration and on assignment;
    one whose ``right_inverse`` returns several arrays has several originals, which are its arguments.

    Args:
        module: the module that has the tensor; it gets a class of its own.
        tensor_name: a parameter, a buffer, or what is parametrised already: then it is put on top.
        parametrization: the Module that computes the tensor.
        unsafe: whether dtype and shape may change; they are then not checked.

    Returns:
        ``module``.

    Raises:
        ArgumentError: no such tensor, or a changed dtype or shape.

    Example:
        >>> from fnn import nn
        >>> class Symmetric(nn.Module):
        ...     def forward(self, x):
        ...         return x + x.T
        >>> linear = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
        >>> bool((linear.weight == linear.weight.T).all()), list(linear.state_dict())
        (True, ['bias', 'parametrizations.weight.original'])
    """
    check_outside("register_parametrization", module)
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        chain = cast(Any, module).parametrizations[tensor_name]
        if not unsafe:
            before = getattr(module, tensor_name)
            after = parametrization(before)
            _check_kept("parametrization(tensor)", after, before.dtype, before.shape)
            if hasattr(parametrization, "right_inverse"):
                back = cast(Any, parametrization).right_inverse(after)
                _check_kept("right_inverse(parametrization(tensor))", back, before.dtype, before.shape)
        chain.append(parametrization)
        chain.unsafe |= unsafe
        epoch.structure += 1
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        chain = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _inject_class(module)
            cast(Any, module).parametrizations = ModuleDict()
        _inject_property(module, tensor_name)
        cast(Any, module).parametrizations[tensor_name] = chain
    else:
        raise ArgumentError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module, or this tensor of it, is parametrised.

    Args:
        module: the module.
        tensor_name: a name, or None for any.

    Example:
        >>> from fnn import nn
        >>> nn.utils.parametrize.is_parametrized(nn.Linear(2, 2), "weight")
        False
    """
    found = module.__dict__.get("_modules", {}).get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Makes the tensor a parameter or buffer again.

    Args:
        module: the module.
        tensor_name: the tensor's name.
        leave_parametrized: whether it keeps its present value, rather than that of the original.

    Returns:
        ``module``, of its former class if nothing else in it is parametrised.

    Raises:
        ArgumentError: it is not parametrised, or has several originals and ``leave_parametrized=False``.

    Example:
        >>> from fnn import nn
        >>> P = nn.utils.parametrize
        >>> linear = P.register_parametrization(nn.Linear(2, 2), "weight", nn.Tanh())
        >>> P.remove_parametrizations(linear, "weight")
        Linear(in_features=2, out_features=2, bias=True)
    """
    if not is_parametrized(module, tensor_name):
        raise ArgumentError(f"Module {module} does not have a parametrization on {tensor_name}")
    check_outside("remove_parametrizations", module)
    every = cast(Any, module).parametrizations
    chain = every[tensor_name]
    first = chain._originals()[0]
    if chain.is_tensor:
        original = first
        if leave_parametrized:
            original.data = _array(getattr(module, tensor_name))
    elif leave_parametrized:
        value = _array(getattr(module, tensor_name))
        original = Parameter(value, first.requires_grad) if isinstance(first, Parameter) else Buffer(value)
    else:
        raise ArgumentError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del every[tensor_name]
    if len(every) == 0:
        del module._modules["parametrizations"]
        object.__setattr__(module, "__class__", type(module).__bases__[1])
    _register(module, tensor_name, original)
    epoch.structure += 1
    return module


def type_before_parametrizations(module: Module) -> type:
    """The module's class as it was before anything in it was parametrised.

    Args:
        module: any module.

    Example:
        >>> from fnn import nn
        >>> nn.utils.parametrize.type_before_parametrizations(nn.Linear(2, 2)).__name__
        'Linear'
    """
    return type(module).__bases__[1] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Gives ``to_module`` the parametrisations of ``from_module``, and the originals' values.

    Args:
        from_module: a parametrised module; its parametrisations are shared.
        to_module: the module that is given them.
        tensor_name: the one tensor to transfer, or None for all.

    Returns:
        ``to_module``.

    Example:
        >>> from fnn import nn
        >>> P = nn.utils.parametrize
        >>> linear = P.register_parametrization(nn.Linear(2, 2), "weight", nn.Tanh())
        >>> type(P.transfer_parametrizations_and_params(linear, nn.Linear(2, 2))).__name__
        'ParametrizedLinear'
    """
    if not is_parametrized(from_module):
        return to_module
    every = cast(Any, from_module).parametrizations
    for name in list(every) if tensor_name is None else [tensor_name]:
        chain = every[name]
        if not hasattr(to_module, name):
            _register(to_module, name, copy.deepcopy(chain._originals()[0]))
        for parametrization in chain:
            register_parametrization(to_module, name, parametrization, unsafe=chain.unsafe)
        target = cast(Any, to_module).parametrizations[name]
        for mine, theirs in zip(target._originals(), chain._originals(), strict=True):
            mine.data = theirs.data
    return to_module
