"""Lazy modules: parameters whose shapes come from the first input.

`LazyModuleMixin` is torch's protocol for modules written by hand.  `LazyLeaf` is the base of fnn's own lazy leaves::

    class LazyConv2d(LazyLeaf, Conv2d, materializes=Conv2d, infer={"in_channels": channels}): ...

Its constructor is that of ``Conv2d`` without the arguments named by ``infer``, which computes each of them from the
module and the input's shape.  On the first call the boxes are given their values in place, so that an optimizer, or
a tie, that holds one keeps it, and the module becomes a ``Conv2d``.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

import jax

from fnn.dtypes import to_array
from fnn.errors import ArgumentError
from fnn.layers.documentation import Documentation, Text
from fnn.layers.layer import Layer
from fnn.nn._module import Module
from fnn.nn.modules._example import lazy_example
from fnn.nn.modules.layer_module import LayerModule
from fnn.state.parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from fnn.state.scope import epoch, innermost
from fnn.typing import ArrayLike

__all__ = ["LazyModuleMixin"]

Inference = Callable[[Any, tuple[int, ...]], int]


class LazyModuleMixin:
    """Mixin for modules that learn the shapes of their parameters from the first input.

    A subclass registers `UninitializedParameter` and `UninitializedBuffer` in its constructor and defines
    ``initialize_parameters(*args, **kwargs)``, which is given the first call's arguments and must ``materialize``
    them all.  After it the module's class becomes ``cls_to_become`` (unless that is None).  Loading a ``state_dict``
    with values materialises too.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> class LazyScale(nn.modules.lazy.LazyModuleMixin, nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.scale = nn.UninitializedParameter()
        ...     def initialize_parameters(self, x):
        ...         if self.has_uninitialized_params():
        ...             self.scale.materialize(x.shape[-1:])
        ...             nn.init.ones_(self.scale)
        ...     def forward(self, x):
        ...         return x * self.scale
        >>> LazyScale()(jnp.arange(3.0))
        Array([0., 1., 2.], dtype=float32)
    """

    cls_to_become: type[Any] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._register_lazy_hooks()

    def _register_lazy_hooks(self: Any) -> None:
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def _lazy_load_hook(self: Any, state_dict: Mapping[str, Any], prefix: str, *_: object) -> None:
        """Materialises the boxes for which ``state_dict`` holds values."""
        for name, box in (*self._parameters.items(), *self._buffers.items()):
            value = state_dict.get(prefix + name)
            if is_lazy(box) and value is not None and not is_lazy(value) and hasattr(value, "shape"):
                box.materialize(value.shape)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Gives all uninitialised parameters and buffers their values; subclasses define it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self: Any) -> bool:
        """Whether a parameter or buffer has no value yet."""
        return any(map(is_lazy, (*self._parameters.values(), *self._buffers.values())))

    def _infer_parameters(self: Any, module: Module, args: tuple, kwargs: dict[str, Any] | None = None) -> None:
        """The pre-hook of the first call."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _replicate_for_data_parallel(self) -> Any:
        raise RuntimeError(
            "Modules with uninitialized parameters can't be used with `DataParallel`. "
            "Run a dummy forward pass to correctly initialize the modules"
        )


class LazyLeaf(LazyModuleMixin):
    """Base of the lazy leaf modules; see the module's text."""

    _inference: ClassVar[dict[str, Inference]]

    def __init_subclass__(
        cls,
        materializes: type[LayerModule] | None = None,
        infer: dict[str, Inference] | None = None,
        defaults: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # ``defaults``: the constructor's, where they are others than those of ``materializes``
        super().__init_subclass__(**kwargs)
        if materializes is None or infer is None:
            return
        cls.cls_to_become, cls._inference = materializes, infer
        cls._layer_class = materializes._layer_class
        cls.__init__ = _constructor(cls, defaults or {})
        cls.forward = materializes.forward
        if cls.__dict__.get("__doc__") is None:
            cls.__doc__ = cast(Any, Documentation(None, functools.partial(_lazy_text, cls, materializes)))

    def _install_lazily(self: Any, layer: Layer) -> None:
        # The sizes do not matter yet, only which parameters there are.
        params, state = _shapes(layer.replace(**dict.fromkeys(self._inference, getattr(layer, "groups", 1))))
        device = getattr(layer, "device", None)
        boxes: dict[str, Any] = {n: UninitializedParameter(device=device, dtype=p.dtype) for n, p in params.items()}
        for name, like in state.items():
            boxes[name] = UninitializedBuffer(device=device, dtype=like.dtype)
            if not like.shape:  # a scalar, such as batch norm's counter, does not depend on the input
                boxes[name].materialize(())
        self._register(layer, boxes)
        self._register_lazy_hooks()

    def _lazy_load_hook(self: Any, state_dict: Mapping[str, Any], prefix: str, *_: object) -> None:
        """Materialises the boxes for which there are values, and takes the sizes from them once it has all."""
        LazyModuleMixin._lazy_load_hook(self, state_dict, prefix)
        boxes = {name: box for name, box in (*self._parameters.items(), *self._buffers.items()) if box is not None}
        if any(map(is_lazy, boxes.values())):
            return
        before = self._layer
        layer = self._fitting({name: box.shape for name, box in boxes.items()})
        if layer is not None:
            self.__dict__["_layer"] = layer
            epoch.structure += 1
            scope = innermost.get()
            if scope is not None and scope.undo is not None:
                scope.undo.append(functools.partial(self.__dict__.__setitem__, "_layer", before))

    def _fitting(self: Any, found: dict[str, tuple[int, ...]]) -> Layer | None:
        """The layer whose parameters have these shapes, if one choice of the missing arguments alone gives them."""
        layer = self._present_layer()
        groups = getattr(layer, "groups", 1)
        sizes = sorted({size * times for shape in found.values() for size in shape for times in (1, groups)} - {0})
        fitting = []
        for choice in itertools.product(sizes, repeat=len(self._inference)):
            try:
                trial = layer.replace(**dict(zip(self._inference, choice, strict=True)))
                params, state = _shapes(trial)
            except ArgumentError:  # not divisible by groups
                continue
            if all(like.shape == found.get(name) for name, like in (*params.items(), *state.items())):
                fitting.append(trial)
        return fitting[0] if len(fitting) == 1 else None

    def reset_parameters(self: Any) -> None:
        """Draws the parameters anew; does nothing while they have no shape."""
        if not self.has_uninitialized_params() and all(getattr(self._layer, name) for name in self._inference):
            self.cls_to_become.reset_parameters(self)

    def initialize_parameters(self: Any, input: ArrayLike, *args: Any, **kwargs: Any) -> None:
        """Infers the missing arguments from ``input`` and draws the parameters."""
        del args, kwargs
        shape = to_array(input, "input", f"{self._get_name()}: ").shape
        layer = self._present_layer().replace(**{name: infer(self, shape) for name, infer in self._inference.items()})
        boxes = {name: box for name, box in (*self._parameters.items(), *self._buffers.items()) if box is not None}
        lazy = {name: box for name, box in boxes.items() if is_lazy(box)}
        if len(lazy) < len(boxes):
            self._check_loaded(layer, {name: box for name, box in boxes.items() if name not in lazy})
        if lazy:
            values = self._redraw(layer, lasting=True)
            with jax.ensure_compile_time_eval():
                for name, box in lazy.items():
                    box._adopt(values[name].astype(box.dtype))
        self.__dict__["_layer"] = layer

    def _check_loaded(self: Any, layer: Layer, loaded: dict[str, Any]) -> None:
        params, state = _shapes(layer)
        for name, like in (*params.items(), *state.items()):
            if name in loaded and loaded[name].shape != like.shape:
                raise ArgumentError(
                    f"{self._get_name()}: for this input {name} must have shape {like.shape}, "
                    f"but the one that was loaded has shape {loaded[name].shape}"
                )


def _shapes(layer: Layer) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``layer.init`` would return, without the numbers."""
    return jax.eval_shape(lambda: layer.init(jax.random.key(0)))


def _constructor(cls: type[LazyLeaf], defaults: dict[str, Any]) -> Callable[..., None]:
    eager = inspect.signature(cls._layer_class)
    given = [
        p.replace(default=defaults.get(name, p.default))
        for name, p in eager.parameters.items()
        if name not in cls._inference
    ]

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        arguments = defaults | signature.bind(self, *args, **kwargs).arguments
        del arguments["self"]
        Module.__init__(self)
        self._install_lazily(self._layer_class(**dict.fromkeys(cls._inference, 0), **arguments))

    signature = inspect.Signature([inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD), *given])
    cast(Any, __init__).__signature__ = signature
    __init__.__qualname__, __init__.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    return __init__


def last_size(module: Module, shape: tuple[int, ...]) -> int:
    """The number of features in the last axis."""
    if not shape:
        raise ArgumentError(f"{module._get_name()}: input must have at least 1 dimension, got a scalar")
    return shape[-1]


def channels(module: Module, shape: tuple[int, ...]) -> int:
    """The channels of a batched (N, C, *) or unbatched (C, *) input of a convolution."""
    unbatched = module._layer.RANK + 1
    if len(shape) not in (unbatched, unbatched + 1):
        raise ArgumentError(
            f"Expected {unbatched}D (unbatched) or {unbatched + 1}D (batched) input to {module._get_name()}, "
            f"but got input of size: {list(shape)}"
        )
    return shape[-unbatched]


_DOC = """A `{cls}` that takes {names} from its first input.

Until its first call its parameters (and buffers) are uninitialised; then they are drawn and it becomes
a `{cls}`, with the same `Parameter` objects.  All other arguments are those of `{cls}`.
"""


def _lazy_text(cls: type[LazyLeaf], eager: type[LayerModule]) -> Text:
    """The documentation of a lazy class."""
    names = " and ".join(f"``{name}``" for name in cls._inference)
    example = Text.of(eager.__doc__ or "").sections["Example"]
    text = Text.of(_DOC.format(cls=eager.__name__, names=names))
    text.sections["Example"] = lazy_example(example, eager, cls.__name__, cls._inference)
    return text
