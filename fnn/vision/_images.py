"""What counts as an image: a PIL image, or an array (..., C, H, W) of numpy's or JAX's.

The work on arrays is done by numpy, so that processes which only load data never import JAX.  A JAX array is taken
to the host by `on_host`, and the result is put back on its device.
"""

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError

if TYPE_CHECKING:
    import jax
    from PIL import Image

__all__ = [
    "ImageLike",
    "channels_of",
    "check_array",
    "check_channels",
    "dimensions",
    "is_array",
    "is_floating",
    "is_pil",
    "max_value",
    "of_jax",
    "on_host",
    "pil_from_array",
    "pillow",
    "pixels_of",
    "to_host",
    "working",
]

# What transforms take: a PIL image, or an array (..., C, H, W).
ImageLike: TypeAlias = "Image.Image | np.ndarray | jax.Array"

F = TypeVar("F", bound=Callable[..., Any])

NEEDS_PILLOW = 'images need Pillow: pip install "fnn[vision]"'

TRACED = """{name}: image transforms run on the host, with numpy, and cannot be traced by JAX (got {what}).

    wrong:  jax.jit(lambda batch: model({name}(batch)))
    right:  batch = {name}(batch)       # before the jitted step, for instance in the Dataset
            jax.jit(model)(batch)"""


def pillow(name: str = "Image") -> ModuleType:
    """The module ``PIL.<name>``.

    Raises:
        ImportError: Pillow is not installed; the message names the extra.
    """
    try:
        return __import__(f"PIL.{name}", fromlist=[name])
    except ImportError as error:
        raise ImportError(NEEDS_PILLOW) from error


def is_pil(img: object) -> bool:
    """Whether ``img`` is a PIL image; there can be none before PIL has been imported."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(img, module.Image)


def is_array(img: ImageLike) -> bool:
    """Whether ``img`` is a numpy array."""
    return isinstance(img, np.ndarray)


def is_floating(dtype: np.dtype) -> bool:
    """Whether a dtype is a floating one; numpy does not count bfloat16 among its own."""
    return dtype.kind == "f" or dtype.name == "bfloat16"


def working(img: np.ndarray) -> np.dtype:
    """The dtype to compute in: float64 for itself, float32 for all others."""
    return np.dtype(np.float64 if img.dtype == np.float64 else np.float32)


def max_value(dtype: np.dtype) -> int:
    """What stands for white: the largest value of an integer dtype, 1 for all others."""
    if dtype.kind == "i" or dtype in (np.uint8, np.uint16):
        return int(np.iinfo(dtype).max)
    return 1


def check_array(img: np.ndarray, least: int = 2) -> None:
    """Refuses arrays of fewer dimensions than an image has."""
    if img.ndim < 2:
        raise ArgumentTypeError(f"Tensor is not a torch image. Expected an array (..., C, H, W), got shape {img.shape}")
    if img.ndim < least:
        raise ArgumentTypeError(f"Input image tensor should have at least {least} dimensions, but found {img.ndim}")


def channels_of(img: np.ndarray) -> int:
    """The number of channels: 1 for an array (H, W)."""
    return 1 if img.ndim == 2 else img.shape[-3]


def check_channels(img: np.ndarray, permitted: tuple[int, ...] = (1, 3)) -> None:
    """Refuses other numbers of channels than the ``permitted`` ones."""
    if channels_of(img) not in permitted:
        raise ArgumentTypeError(
            f"Input image tensor permitted channel values are {list(permitted)}, but found {channels_of(img)}"
        )


def dimensions(img: Any) -> list[int]:
    """Channels, height and width of an image of either kind."""
    if is_array(img):
        check_array(img)
        return [channels_of(img), *img.shape[-2:]]
    if is_pil(img):
        width, height = img.size
        return [len(img.getbands()), height, width]
    raise ArgumentTypeError(f"Unexpected type {type(img)}: expected a PIL Image or an array (..., C, H, W)")


def pil_from_array(array: np.ndarray, mode: str) -> Any:
    """A PIL image of ``mode`` from pixels (H, W) or (H, W, C) of the type that the mode holds."""
    height, width = array.shape[:2]
    return pillow().frombuffer(mode, (width, height), array.tobytes(), "raw", mode, 0, 1)


def pixels_of(img: Any) -> np.ndarray:
    """The pixels of a PIL image, (C, H, W), in an array of its own."""
    pixels = np.asarray(img)
    return (pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)).copy("C")


def on_host(function: F) -> F:
    """Lets a function of an image take JAX arrays: computed with numpy, put back where the first argument was."""
    first = function.__code__.co_varnames[0]  # pyright: ignore[reportFunctionMemberAccess]

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        img = args[0] if args else kwargs.get(first)
        if isinstance(img, np.ndarray) or is_pil(img) or not of_jax(img):
            return function(*args, **kwargs)
        name = function.__name__
        args = tuple(to_host(value, name) for value in args)
        kwargs = {key: to_host(value, name) for key, value in kwargs.items()}
        return _put_back(function(*args, **kwargs), _array_of(img), name)

    return wrapper  # pyright: ignore[reportReturnType]


def of_jax(value: object) -> bool:
    """Whether ``value`` is a JAX array, or a box that holds one; there can be none before JAX has been imported."""
    jax = sys.modules.get("jax")
    return jax is not None and (
        isinstance(value, jax.Array) or (hasattr(value, "__jax_array__") and not isinstance(value, type))
    )


def _array_of(value: object) -> Any:
    unbox = getattr(value, "__jax_array__", None)
    return value if unbox is None else unbox()


def to_host(value: object, name: str) -> Any:
    """A JAX array as a numpy array of its own, everything else as it is; refuses what is being traced."""
    if not of_jax(value):
        return value
    value = _array_of(value)
    if isinstance(value, sys.modules["jax"].core.Tracer):
        raise ArgumentError(TRACED.format(name=name, what=type(value).__name__))
    return np.array(value)  # a copy: what JAX hands out cannot be written to


def _put_back(result: Any, like: Any, name: str) -> Any:
    if isinstance(result, (tuple, list)):
        return type(result)(_put_back(part, like, name) for part in result)
    if not isinstance(result, np.ndarray):
        return result
    import jax  # it is there already, since `like` is

    from fnn.dtypes import canonical

    canonical(result.dtype, f"{name}: ")  # refuses float64 where JAX has none, rather than rounding silently
    devices = like.devices()
    return jax.device_put(result, next(iter(devices)) if len(devices) == 1 else None)
