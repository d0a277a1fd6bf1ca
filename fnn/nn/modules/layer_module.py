"""`LayerModule`: a leaf of the facade is a thin shell over its layer.

``class Conv2d(_ConvNd, layer=layers.Conv2d)`` is all that a leaf needs.  Its constructor's signature and
documentation are the layer's; it registers what the layer's ``init`` returns as Parameters and Buffers, shows
the layer's fields as attributes (assigning one replaces the frozen layer), and forwards to ``apply``.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

import jax

from fnn import random
from fnn.errors import ArgumentError
from fnn.layers.documentation import Documentation, Text, with_imports, written
from fnn.layers.layer import Annotation, Layer, field_names
from fnn.nn._module import Module
from fnn.nn.modules._example import module_example
from fnn.state.box import Box, values_of
from fnn.state.parameter import Buffer, Parameter
from fnn.state.scope import epoch, innermost
from fnn.tracing import tracing
from fnn.typing import PyTree

__all__ = ["LayerModule"]

_absent = object()
_NOT_INPUTS = ("params", "state", "training", "key")


def _constructor(layer: type[Layer]) -> Callable[..., None]:
    @functools.wraps(layer.__init__)
    def __init__(self: LayerModule, *args: object, **kwargs: object) -> None:
        LayerModule.__init__(self, *args, **kwargs)

    return __init__


def _forward(layer: type[Layer]) -> Callable[..., Any]:
    def forward(self: LayerModule, *input: PyTree, **kwargs: Any) -> Any:
        try:
            return LayerModule.forward(self, *input, **kwargs)
        except TypeError:
            try:
                shown.bind(self, *input, **kwargs)
            except TypeError as wrong:
                raise TypeError(f"{type(self).__name__}.forward{shown}: {wrong}") from None
            raise

    signature = inspect.signature(layer.apply)
    inputs = [p for name, p in signature.parameters.items() if name not in _NOT_INPUTS]
    pair = re.fullmatch(r"tuple\[(.+), State\]", str(signature.return_annotation))
    shown = signature.replace(parameters=inputs, return_annotation=Annotation(pair[1] if pair else "Any"))
    cast(Any, forward).__signature__ = shown
    forward.__doc__ = "The layer's output; see the class for shapes."
    return forward


def _module_text(cls: type[Module], layer: type[Layer]) -> str | None:
    """A module's documentation: what its class says, or the layer's, with an example of its own."""
    source = written(cls)
    own = Text.of(source or "")
    if own.paragraphs or not isinstance(layer.__dict__.get("__doc__"), Documentation):
        return source or layer.__doc__
    text = Text.of(layer.__doc__ or "")
    if "Example" in text.sections:
        text.sections["Example"] = module_example(text.sections["Example"])
    if "Example" in own.sections:
        text.sections["Example"] = with_imports(own.sections["Example"], "nn")
    return str(Text(text.paragraphs, {**own.sections, **text.sections}))


class LayerModule(Module):
    """A Module of one layer of `fnn.layers`: the base of fnn's own leaves, and of modules of layers of one's own.

    ``class MyModule(nn.LayerModule, layer=MyLayer): ...`` is all that it takes.  The module has the layer's constructor
    and documentation; what the layer's ``init`` returns are its Parameters and Buffers, the layer's fields its
    attributes, ``forward`` is one call of ``apply``.  The layer holds arrays only: one that has parts is a Module whose
    attributes are modules.

    Args:
        *args: the layer's.
        **kwargs: the layer's.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import layers, nn
        >>> class Gain(layers.Layer):
        ...     size: int
        ...     def init(self, key):
        ...         return {"gain": jnp.full(self.size, 2.0)}, {}
        ...     def apply(self, params, state, input, *, training=False, key=None):
        ...         return input * params["gain"], state
        >>> class GainModule(nn.LayerModule, layer=Gain): ...
        >>> module = GainModule(3)
        >>> [name for name, _ in module.named_parameters()], module.size
        (['gain'], 3)
        >>> module(jnp.ones(3))
        Array([2., 2., 2.], dtype=float32)
    """

    _layer_class: ClassVar[type[Layer]]
    _layer: Any  # an instance of _layer_class

    if TYPE_CHECKING:
        # A leaf's stub types its call and leaves its forward open, for subclasses to narrow.
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init_subclass__(cls, layer: type[Layer] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if layer is None:
            return
        cls._layer_class = layer
        own = cls.__dict__
        cls.__doc__ = cast(Any, Documentation(own.get("__doc__"), functools.partial(_module_text, cls, layer)))
        for name, make in (("__init__", _constructor), ("forward", _forward)):
            if name not in own:
                function = make(layer)
                function.__qualname__ = f"{cls.__qualname__}.{name}"
                function.__module__ = cls.__module__
                setattr(cls, name, function)

    def __init__(self, *args: object, **kwargs: object) -> None:
        Module.__init__(self)
        self._install(self._layer_class(*args, **kwargs))

    def _install(self, layer: Layer) -> None:
        """Draws the layer's parameters and state and registers them."""
        params, state = self._draw(layer)
        if not params.keys() <= set(layer.PARAMS) or not state.keys() <= set(layer.STATE):
            self._adopt_names(layer, params, state)
        boxes: dict[str, Box] = {name: Parameter(value) for name, value in params.items()}
        boxes |= {name: Buffer(value) for name, value in state.items()}
        for box in boxes.values():
            box._exposed = False  # nobody else holds a fresh array
        self._register(layer, boxes)

    def _adopt_names(self, layer: Layer, params: dict[str, Any], state: dict[str, Any]) -> None:
        """For a layer that does not declare its names: those of what ``init`` returned."""
        for tree in (params, state):
            nested = sorted(name for name, value in tree.items() if isinstance(value, dict))
            if nested:
                raise ArgumentError(
                    f"{type(self).__name__}: {layer!r} has parts named {nested}; a module of one layer holds arrays "
                    "only: make a Module whose attributes are modules"
                )
        self.__dict__["_layer_names"] = layer.PARAMS or tuple(params), layer.STATE or tuple(state)

    def _declared(self, layer: Layer) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of the layer's parameters and of its state."""
        return self.__dict__.get("_layer_names") or (layer.PARAMS, layer.STATE)

    def _register(self, layer: Layer, boxes: dict[str, Any]) -> None:
        """Takes ``layer`` as this module's definition; parameters and buffers that are not in ``boxes`` are None."""
        tables = self.__dict__
        tables["_layer"] = layer
        for table, names in zip((tables["_parameters"], tables["_buffers"]), self._declared(layer), strict=True):
            for name in names:
                table[name] = boxes.get(name)
        epoch.structure += 1

    @staticmethod
    def _draw(layer: Layer, lasting: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
        key = random.initialisation_key(lasting)
        if key is random.default_generator and tracing():
            # A module built while something is traced holds concrete arrays, not that trace's constants.
            with jax.ensure_compile_time_eval():
                return layer.init(key)
        return layer.init(key)

    def _present_layer(self) -> Layer:
        """The layer, with ``bias`` saying whether there is one now: torch looks at the parameter too."""
        layer, parameters = self._layer, self._parameters
        changes = {
            name: parameters[name] is not None
            for name in layer.PARAMS
            if name in parameters
            and isinstance(getattr(layer, name, None), bool)
            and getattr(layer, name) is not (parameters[name] is not None)
        }
        return layer.replace(**changes) if changes else layer

    def _redraw(self, layer: Layer, lasting: bool = False) -> dict[str, Any]:
        """Fresh values by name, drawn in the dtype that the parameters have now (after ``half()``, for example)."""
        dtypes = {box.dtype for box in self._parameters.values() if box is not None}
        if len(dtypes) == 1 and "dtype" in getattr(type(layer), "__dataclass_fields__", ()):
            layer = layer.replace(dtype=dtypes.pop())
        params, state = self._draw(layer, lasting)
        return {**params, **state}

    def reset_parameters(self) -> None:
        """Draws the parameters anew, and resets the buffers."""
        for name, value in self._redraw(self._present_layer()).items():
            box = self._parameters.get(name) if name in self._parameters else self._buffers.get(name)
            if box is not None:
                box.data = value.astype(box.dtype)

    def forward(self, *input: PyTree, **kwargs: Any) -> Any:
        """The layer's output for these inputs."""
        layer = self._layer
        params, state = self._arrays(layer)
        output, new = layer.apply(params, state, *input, training=self.training, key=random.AMBIENT, **kwargs)
        if new is not state:
            for name, value in new.items():
                if value is not state.get(name):
                    box = self._buffers.get(name)
                    if box is None or value is None:
                        setattr(self, name, value)
                    else:
                        box.data = value
        return output

    def _arrays(self, layer: Layer) -> tuple[dict[str, Any], dict[str, Any]]:
        """The parameters and the state by name: a parameter that is None is left out, a buffer is given as None."""
        own, buffers = self._declared(layer)
        if not own and not buffers:
            return {}, {}
        scope = innermost.get()
        by_path = scope is not None and scope.overrides is not None
        held, tables = [], self.__dict__
        for names, table in ((own, tables["_parameters"]), (buffers, tables["_buffers"])):
            for name in names:
                box = table.get(name, _absent)
                if box is _absent or by_path:
                    box = getattr(self, name)  # a parametrised weight, or one bound by path
                held.append(box)
        arrays = values_of(held)
        params = {}
        for name, value in zip(own, arrays, strict=False):
            if value is not None:
                params[name] = value
        return params, dict(zip(buffers, arrays[len(own) :], strict=True)) if buffers else {}

    def __getattr__(self, name: str) -> Any:
        layer = self.__dict__.get("_layer")
        if layer is not None and not name.startswith("_") and name not in layer.PARAMS and name not in layer.STATE:
            tables = self.__dict__
            if name not in tables["_parameters"] and name not in tables["_buffers"] and name not in tables["_modules"]:
                if name in getattr(type(layer), "__dataclass_fields__", ()) or isinstance(
                    getattr(type(layer), name, None), (property, functools.cached_property, int, str, tuple)
                ):
                    return getattr(layer, name)
        return super().__getattr__(name)

    def __setattr__(self, name: str, value: object) -> None:
        tables = self.__dict__
        layer = tables.get("_layer")
        if (
            layer is not None
            and name in getattr(type(layer), "__dataclass_fields__", ())
            and name not in tables["_parameters"]
            and name not in tables["_buffers"]
            and not isinstance(value, (Box, Module))
            and not (
                name in layer.PARAMS and isinstance(value, jax.Array)
            )  # a bias computed by a hook, as pruning does
        ):
            tables["_layer"] = layer.replace(**{name: value})
            epoch.structure += 1
        else:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *field_names(type(self._layer))})

    def extra_repr(self) -> str:
        """What ``repr`` shows of this module's settings."""
        return self._present_layer().extra_repr()
