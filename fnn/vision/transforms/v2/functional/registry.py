"""Which kernel does the work of a function, by the class of its input.

A function (`resize`) looks up the kernel of the input's class (`resize_mask`) and calls it.  Kernels take plain arrays,
and what a typed array knows of itself (``format``, ``canvas_size``, ``clamping_mode``) as arguments.  numpy does the
work: a JAX array is taken to the host, and the result put back.
"""

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision import tv_tensors
from fnn.vision._images import ImageLike, is_pil, of_jax, on_host
from fnn.vision.tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, TVTensor, Video

__all__ = ["Input", "call", "is_pure_tensor", "kernel", "kernel_for", "of_video", "register_kernel"]

# What functions take: a PIL image, a plain array (numpy's or JAX's), or a typed one.
Input: TypeAlias = "ImageLike | TVTensor"

Kernel = Callable[..., Any]
K = TypeVar("K", bound=Kernel)


class PIL:
    """Stands for the class of PIL's images, which may not be loaded."""


_PLAIN = np.ndarray
_KERNELS: dict[Kernel, dict[type, Kernel]] = {}
_BUILTIN = {value for value in vars(tv_tensors).values() if isinstance(value, type) and issubclass(value, TVTensor)}
_OF = {
    Image: "images, as plain arrays (..., C, H, W)",
    Video: "videos, as plain arrays (..., T, C, H, W)",
    Mask: "masks, as plain arrays (..., H, W)",
    BoundingBoxes: "boxes, as plain arrays (N, K)",
    KeyPoints: "points, as plain arrays (..., 2)",
}


def is_pure_tensor(inpt: object) -> bool:
    """Whether ``inpt`` is an array, numpy's or JAX's, that does not say what it shows.

    Example:
        >>> is_pure_tensor(np.zeros(3)), is_pure_tensor(Image(np.zeros((1, 1, 1)))), is_pure_tensor(3)
        (True, False, False)
    """
    return (isinstance(inpt, np.ndarray) and not isinstance(inpt, TVTensor)) or of_jax(inpt)


def _adapted(functional: Kernel, run: Kernel, cls: type[TVTensor]) -> Kernel:
    """A kernel as called with a typed array and any arguments of the function: those that it has are handed on."""
    order = list(inspect.signature(functional).parameters)[1:]
    takes = set(inspect.signature(run).parameters)
    known = [name for name in cls._METADATA if name in takes]

    @functools.wraps(run)
    def dispatch(inpt: TVTensor, *args: object, **kwargs: object) -> Any:
        kwargs.update(zip(order, args, strict=False))
        handed = {name: value for name, value in kwargs.items() if name in takes}
        handed.update((name, getattr(inpt, name)) for name in known)
        result = run(inpt.view(np.ndarray), **handed)
        if not isinstance(result, tuple):
            return tv_tensors.wrap(result, like=inpt)
        if cls._METADATA:  # what was changed, and the new canvas
            return tv_tensors.wrap(result[0], like=inpt, canvas_size=result[1])
        return tuple(tv_tensors.wrap(part, like=inpt) for part in result)

    return dispatch


def kernel(functional: Kernel, *types: type, measures: bool = False) -> Callable[[K], K]:
    """Registers what is decorated as the kernel of ``functional`` for these classes.

    Args:
        functional: the function.
        types: subclasses of `TVTensor`, ``np.ndarray`` for plain arrays, and `PIL`.
        measures: the kernel does not change the array; it may take a typed one.
    """

    def decorate(run: K) -> K:
        hosted = run if measures else on_host(run)  # the shape of a JAX array is known here, too
        registry = _KERNELS.setdefault(functional, {})
        for cls in types:
            plain = measures or not issubclass(cls, TVTensor)
            registry[cls] = hosted if plain else _adapted(functional, run, cls)
        described = next((_OF[cls] for cls in types if cls in _OF), None)
        if described and hosted.__doc__ is None:
            hosted.__doc__ = _documentation(functional, described)
        return hosted

    return decorate


def _documentation(functional: Kernel, described: str) -> str:
    """The docstring of a kernel: that of its function, with another beginning."""
    _, _, rest = (functional.__doc__ or "").partition("\n")
    return f"The kernel of `{functional.__name__}` for {described}; what is below describes that function.\n{rest}"


def of_video(functional: Kernel, image_kernel: K) -> K:
    """Registers a kernel of images for videos, too, and returns it under its name: ``resize_video``."""
    parameters = list(inspect.signature(image_kernel).parameters.values())
    first = parameters[0].replace(name="video")

    def run(video: np.ndarray, *args: object, **kwargs: object) -> Any:
        return image_kernel(video, *args, **kwargs)

    run.__name__ = run.__qualname__ = f"{functional.__name__}_video"
    run.__module__ = image_kernel.__module__
    run.__signature__ = inspect.signature(image_kernel).replace(parameters=[first, *parameters[1:]])  # pyright: ignore[reportFunctionMemberAccess]
    kernel(functional, Video)(run)
    run.__doc__ = _documentation(functional, _OF[Video])
    return run  # pyright: ignore[reportReturnType]


def kernel_for(functional: Kernel, inpt: object, allow_passthrough: bool = False) -> Kernel:
    """The kernel of ``functional`` for an input.

    Raises:
        ArgumentTypeError: there is none, and nothing may pass through.
    """
    registry = _KERNELS.get(functional)
    if not registry:
        raise ArgumentError(f"No kernel registered for functional {functional.__name__}.")
    if isinstance(inpt, TVTensor):
        for cls in type(inpt).__mro__:
            if cls is TVTensor:  # a class of one's own is no plain array
                break
            if cls in registry:
                return registry[cls]
    else:
        cls = PIL if is_pil(inpt) else _PLAIN if isinstance(inpt, _PLAIN) or of_jax(inpt) else None
        if cls in registry:
            return registry[cls]
    if allow_passthrough:
        return lambda inpt, *args, **kwargs: inpt
    names = ", ".join(sorted("PIL.Image" if cls is PIL else cls.__name__ for cls in registry))
    raise ArgumentTypeError(
        f"Functional F.{functional.__name__} supports inputs of type {names}, but got {type(inpt)} instead."
    )


def call(functional: Kernel, inpt: object, **kwargs: object) -> Any:
    """The function's result for an input: what all functions with kernels are."""
    return kernel_for(functional, inpt)(inpt, **kwargs)


def _functional(functional: Kernel | str) -> Kernel:
    """A function that has kernels, by itself or by its name."""
    if isinstance(functional, str):
        found = getattr(sys.modules["fnn.vision.transforms.v2.functional"], functional, None)
        if found is None or found not in _KERNELS:
            raise ArgumentError(
                f"Could not find functional with name '{functional}' in fnn.vision.transforms.v2.functional."
            )
        return found
    if functional not in _KERNELS:
        raise ArgumentError(
            "Kernels can only be registered on functionals from the fnn.vision.transforms.v2.functional namespace, but "
            f"got {functional}."
        )
    return functional


def register_kernel(functional: Kernel | str, tv_tensor_cls: type[TVTensor]) -> Callable[[K], K]:
    """Decorates a kernel for a class of typed arrays of one's own.

    Args:
        functional: a function of `fnn.vision.transforms.v2.functional`, or its name.
        tv_tensor_cls: a subclass of `TVTensor`.  The kernel gets the typed array and all arguments, and its result is
            the function's.

    Raises:
        ArgumentError: another function, another class, or one that has a kernel.

    Example:
        >>> from fnn.vision.transforms.v2 import functional as F
        >>> class Depth(TVTensor): ...
        >>> @register_kernel("horizontal_flip", Depth)
        ... def flip_depth(depth):
        ...     return depth[..., ::-1].view(Depth)
        >>> F.horizontal_flip(np.array([[1, 2]]).view(Depth))
        Depth([[2, 1]])
    """
    of = _functional(functional)
    if not (isinstance(tv_tensor_cls, type) and issubclass(tv_tensor_cls, TVTensor)):
        raise ArgumentError(f"Kernels can only be registered for subclasses of TVTensor, but got {tv_tensor_cls}.")
    if tv_tensor_cls in _BUILTIN:
        raise ArgumentError(f"Kernels cannot be registered for the builtin tv_tensor classes, but got {tv_tensor_cls}")
    registry = _KERNELS[of]
    if tv_tensor_cls in registry:
        raise ArgumentError(f"Functional {of.__name__} already has a kernel registered for type {tv_tensor_cls}.")

    def decorate(run: K) -> K:
        registry[tv_tensor_cls] = run
        return run

    return decorate
