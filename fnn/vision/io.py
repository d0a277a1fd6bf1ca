"""Image files as arrays and back, under the names of ``torchvision.io``; Pillow decodes and encodes.

Arrays are numpy's, (C, H, W), since all of this is work of the host; a file's content is an array of bytes.
"""

import enum
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.vision._images import pil_from_array, pillow, to_host
from fnn.vision._png import open_png, pixels_of_png

__all__ = [
    "ImageReadMode", "decode_avif", "decode_gif", "decode_heic", "decode_image", "decode_jpeg", "decode_png",
    "decode_webp", "encode_jpeg", "encode_png", "read_file", "read_image", "write_file", "write_jpeg", "write_png",
]  # fmt: skip

Array: TypeAlias = Any  # of numpy, JAX, or what both make an array of


class ImageReadMode(enum.Enum):
    """Which channels an image is to have: as in the file, or the named ones.

    >>> ImageReadMode["RGB"] is ImageReadMode.RGB, ImageReadMode.RGBA is ImageReadMode.RGB_ALPHA
    (True, True)
    """

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


Mode: TypeAlias = ImageReadMode | str


# -- files --------------------------------------------------------------------------------------------


def read_file(path: str | os.PathLike[str]) -> np.ndarray:
    """The bytes of a file, (N,), uint8.

    Args:
        path: the file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a"
        >>> write_file(path, np.array([1, 2], np.uint8))
        >>> read_file(path)
        array([1, 2], dtype=uint8)
    """
    return np.frombuffer(bytearray(Path(path).read_bytes()), np.uint8)


def write_file(filename: str | os.PathLike[str], data: Array) -> None:
    """Writes bytes to a file.

    Args:
        filename: the file.
        data: (N,), uint8.

    Raises:
        ArgumentError: ``data`` is no array of bytes with one axis.

    >>> write_file("a", np.ones((2, 2)))
    Traceback (most recent call last):
    ...
    fnn.errors.ArgumentError: write_file: argument 'data' must be an array (N,) of uint8, got shape (2, 2) of float64
    """
    Path(filename).write_bytes(_content("write_file", "data", data))


def _content(function: str, argument: str, data: Array) -> bytes:
    data = np.asarray(to_host(data, function))
    if data.dtype != np.uint8 or data.ndim != 1:
        raise ArgumentError(
            f"{function}: argument '{argument}' must be an array (N,) of uint8, got shape {data.shape} of {data.dtype}"
        )
    return data.tobytes()


def _mode(function: str, mode: Mode) -> ImageReadMode:
    if isinstance(mode, str):
        if mode.upper() not in ImageReadMode.__members__:
            raise ArgumentError(f"{function}: mode (={mode!r}) must be one of {[*ImageReadMode.__members__]}")
        return ImageReadMode[mode.upper()]
    if not isinstance(mode, ImageReadMode):
        raise ArgumentTypeError(f"{function}: mode must be an ImageReadMode or the name of one, got {mode!r}")
    return mode


# -- channels -----------------------------------------------------------------------------------------


def _grey(colours: np.ndarray) -> np.ndarray:
    """(1, H, W) from (3, H, W) as libpng has it: in fixed point of 15 bits, bytes cut off and words rounded."""
    red, green, blue = colours.astype(np.int64)
    mixed = 9794 * red + 19234 * green + 3740 * blue + (16384 if colours.dtype == np.uint16 else 0) >> 15
    return np.where((red == green) & (red == blue), red, mixed)[None].astype(colours.dtype)


def _in_mode(pixels: np.ndarray, alpha: np.ndarray | None, mode: ImageReadMode) -> np.ndarray:
    """Colours (1 or 3, H, W), and how opaque they are, as the channels that are asked for."""
    if mode in (ImageReadMode.GRAY, ImageReadMode.GRAY_ALPHA):
        pixels = pixels if len(pixels) == 1 else _grey(pixels)
    elif mode in (ImageReadMode.RGB, ImageReadMode.RGB_ALPHA):
        pixels = pixels if len(pixels) == 3 else np.repeat(pixels, 3, 0)
    if mode in (ImageReadMode.GRAY_ALPHA, ImageReadMode.RGB_ALPHA):
        opaque = np.full_like(pixels[:1], np.iinfo(pixels.dtype).max) if alpha is None else alpha
        pixels = np.concatenate([pixels, opaque])
    return np.ascontiguousarray(pixels)


def _planes(image: Any) -> np.ndarray:
    pixels = np.asarray(image)
    return (pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)).copy("C")


# How EXIF's orientation is undone: (swap the axes, turn the rows around, turn the columns around).
_TURNS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def _upright(pixels: np.ndarray, image: Any) -> np.ndarray:
    swap, rows, columns = _TURNS.get(image.getexif().get(0x0112, 1), (False, False, False))
    pixels = pixels.swapaxes(1, 2) if swap else pixels
    pixels = pixels[:, ::-1] if rows else pixels
    return np.ascontiguousarray(pixels[:, :, ::-1] if columns else pixels)


# -- decoding -----------------------------------------------------------------------------------------


def decode_png(input: Array, mode: Mode = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False) -> np.ndarray:
    """The pixels of a PNG.

    Args:
        input: the file's bytes, (N,), uint8.
        mode: which channels. Unchanged, a picture with a palette has one: the indices. A single colour that is
            declared transparent is opaque, as for torchvision.
        apply_exif_orientation: turn it as its metadata say.

    Returns:
        (C, H, W), uint8; uint16 of a file of 16 bits.

    Raises:
        ArgumentError: it is no PNG.

    >>> picture = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    >>> decode_png(encode_png(picture)).tolist() == picture.tolist()
    True
    >>> decode_png(encode_png(picture), mode="GRAY").tolist()
    [[[3, 4], [5, 6]]]
    """
    content, mode = _content("decode_png", "input", input), _mode("decode_png", mode)
    pixels, image = pixels_of_png(content), open_png(content)
    if mode is not ImageReadMode.UNCHANGED:
        if image.mode == "P":
            pixels = _planes(image.convert("RGBA" if "transparency" in image.info else "RGB"))
        alpha = None if len(pixels) % 2 else pixels[-1:]
        pixels = _in_mode(pixels if alpha is None else pixels[:-1], alpha, mode)
    return _upright(pixels, image) if apply_exif_orientation else pixels


def decode_jpeg(
    input: Array | list[Array],
    mode: Mode = ImageReadMode.UNCHANGED,
    device: Any = "cpu",
    apply_exif_orientation: bool = False,
) -> Any:
    """The pixels of a JPEG, or of several.

    Args:
        input: the file's bytes, (N,), uint8, or a list of these.
        mode: as in the file, grey, or RGB.
        device: ``"cpu"``: numpy's array; anything else: a device, to which an array of JAX is brought.
        apply_exif_orientation: turn it as its metadata say.

    Returns:
        (C, H, W), uint8; a list of such for a list.

    Raises:
        ArgumentError: it is no JPEG; an empty list; a mode with alpha.

    >>> picture = np.full((3, 8, 8), 100, np.uint8)
    >>> decode_jpeg(encode_jpeg(picture), mode="RGB").shape
    (3, 8, 8)
    """
    mode = _mode("decode_jpeg", mode)
    if isinstance(input, list):
        if not input:
            raise ArgumentError("decode_jpeg: Input list must contain at least one element")
        return [decode_jpeg(part, mode, device, apply_exif_orientation) for part in input]
    if mode not in (ImageReadMode.UNCHANGED, ImageReadMode.GRAY, ImageReadMode.RGB):
        raise ArgumentError(f"decode_jpeg: a JPEG has no alpha, got mode={mode}; use UNCHANGED, GRAY or RGB")
    image = _opened("decode_jpeg", _content("decode_jpeg", "input", input), "JPEG")
    if mode is ImageReadMode.GRAY and image.mode == "RGB":
        image.draft("L", image.size)  # brightness, as the file holds it
    pixels = _planes(_loaded("decode_jpeg", image))
    if image.mode == "CMYK":
        pixels = _of_inks(pixels, mode)
    elif mode is ImageReadMode.RGB:
        pixels = _in_mode(pixels, None, mode)
    pixels = _upright(pixels, image) if apply_exif_orientation else pixels
    if str(device) == "cpu":
        return pixels
    import jax

    from fnn import devices

    return jax.device_put(pixels, devices.to_device(device, "decode_jpeg: "))


def _of_inks(pixels: np.ndarray, mode: ImageReadMode) -> np.ndarray:
    """Cyan, magenta, yellow, black as light: what black leaves of what each ink leaves."""
    if mode is ImageReadMode.UNCHANGED:
        return 255 - pixels  # as printers' files hold them
    left = (255 - pixels).astype(np.int32)
    product = left[:3] * left[3:] + 128
    colours = (product + (product >> 8) >> 8).astype(np.uint8)
    if mode is ImageReadMode.RGB:
        return colours
    red, green, blue = colours.astype(np.int32)
    return (19595 * red + 38470 * green + 7471 * blue + 32768 >> 16)[None].astype(np.uint8)


def _opened(function: str, content: bytes, *formats: str) -> Any:
    try:
        return pillow().open(io.BytesIO(content), formats=formats)
    except (OSError, SyntaxError, ValueError) as error:
        raise ArgumentError(f"{function}: no {' or '.join(formats)}, or a damaged one ({error})") from error


def _loaded(function: str, image: Any) -> Any:
    try:
        image.load()
        return image
    except (OSError, SyntaxError, ValueError) as error:
        raise ArgumentError(f"{function}: a damaged {image.format} ({error})") from error


def _colours(function: str, input: Array, mode: Mode, *formats: str) -> np.ndarray:
    """(3, H, W), or (4, H, W) if alpha is asked for, or if there is some and nothing else is: as torchvision."""
    mode = _mode(function, mode)
    image = _loaded(function, _opened(function, _content(function, "input", input), *formats))
    alpha = mode is ImageReadMode.RGB_ALPHA or (mode is not ImageReadMode.RGB and image.has_transparency_data)
    return _planes(image.convert("RGBA" if alpha else "RGB"))


def decode_webp(input: Array, mode: Mode = ImageReadMode.UNCHANGED) -> np.ndarray:
    """The pixels of a WebP: three channels, or four if it has alpha, or if alpha is asked for.

    Args:
        input: the file's bytes, (N,), uint8.
        mode: RGB, or with alpha; all else is as in the file, for it is never made grey.

    Returns:
        (3 or 4, H, W), uint8.

    Example:
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (5, 4)).save(file, "WEBP")
        >>> decode_webp(np.frombuffer(file.getvalue(), np.uint8)).shape
        (3, 4, 5)
    """
    return _colours("decode_webp", input, mode, "WEBP")


def decode_avif(input: Array, mode: Mode = ImageReadMode.UNCHANGED) -> np.ndarray:
    """The pixels of an AVIF, if Pillow was built with the library for it.

    Args:
        input: the file's bytes, (N,), uint8.
        mode: RGB, or with alpha; all else is as in the file, for it is never made grey.

    Returns:
        (3 or 4, H, W), uint8.

    >>> decode_avif(np.zeros(3, np.uint8))
    Traceback (most recent call last):
    ...
    fnn.errors.ArgumentError: decode_avif: ...
    """
    return _colours("decode_avif", input, mode, "AVIF")


def decode_heic(input: Array, mode: Mode = ImageReadMode.UNCHANGED) -> np.ndarray:
    """The pixels of an HEIC, which Pillow reads once the package ``pillow-heif`` is registered with it.

    Args:
        input: the file's bytes, (N,), uint8.
        mode: RGB, or with alpha; all else is as in the file, for it is never made grey.

    Returns:
        (3 or 4, H, W), uint8.

    Raises:
        ArgumentError: nothing reads such files; the message says what to do.

    >>> decode_heic(np.zeros(3, np.uint8))
    Traceback (most recent call last):
    ...
    fnn.errors.ArgumentError: decode_heic: ...
    """
    formats = pillow()
    formats.init()
    if "HEIF" not in formats.OPEN:
        raise ArgumentError(
            "decode_heic: Pillow reads no HEIC by itself: pip install pillow-heif, and call "
            "pillow_heif.register_heif_opener() once"
        )
    return _colours("decode_heic", input, mode, "HEIF")


def decode_gif(input: Array) -> np.ndarray:
    """The pixels of a GIF.

    Args:
        input: the file's bytes, (N,), uint8.

    Returns:
        (3, H, W), uint8; of a GIF of several pictures (T, 3, H, W).

    Example:
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("L", (5, 4)).save(file, "GIF")
        >>> decode_gif(np.frombuffer(file.getvalue(), np.uint8)).shape
        (3, 4, 5)
    """
    image = _opened("decode_gif", _content("decode_gif", "input", input), "GIF")
    frames = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frames.append(_planes(_loaded("decode_gif", image).convert("RGB")))
    return frames[0] if len(frames) == 1 else np.stack(frames)


def decode_image(
    input: Array | str | os.PathLike[str],
    mode: Mode = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> np.ndarray:
    """The pixels of a JPEG, PNG, GIF, WebP, AVIF or HEIC, by what it begins with.

    Args:
        input: the file's bytes, (N,), uint8, or its path.
        mode: which channels; a GIF has three in any case.
        apply_exif_orientation: turn a JPEG or a PNG as its metadata say.

    Returns:
        (C, H, W), uint8, of a PNG of 16 bits uint16; of a GIF of several pictures (T, 3, H, W).

    Raises:
        ArgumentError: it is none of these.

    >>> decode_image(encode_png(np.zeros((1, 2, 3), np.uint8)), mode="RGB").shape
    (3, 2, 3)
    """
    if isinstance(input, (str, os.PathLike)):
        input = read_file(input)
    start = _content("decode_image", "input", input)[:12]
    if start.startswith(b"\xff\xd8\xff"):
        return decode_jpeg(input, mode, apply_exif_orientation=apply_exif_orientation)
    if start.startswith(b"\x89PNG"):
        return decode_png(input, mode, apply_exif_orientation)
    if start.startswith((b"GIF87a", b"GIF89a")):
        _mode("decode_image", mode)
        return decode_gif(input)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return decode_webp(input, mode)
    if start[4:8] == b"ftyp":
        return decode_avif(input, mode) if start[8:12] == b"avif" else decode_heic(input, mode)
    raise ArgumentError(
        f"decode_image: unsupported image file: only jpeg, png, webp, gif, avif and heic are supported, got one that "
        f"begins with {start!r}"
    )


def read_image(
    path: str | os.PathLike[str], mode: Mode = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False
) -> np.ndarray:
    """The pixels of an image file, as `decode_image`.

    Args:
        path: the file.
        mode: which channels.
        apply_exif_orientation: turn it as its metadata say.

    Returns:
        (C, H, W), uint8.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.png"
        >>> write_png(np.zeros((3, 2, 2), np.uint8), path)
        >>> read_image(path).shape
        (3, 2, 2)
    """
    return decode_image(read_file(path), mode, apply_exif_orientation)


# -- encoding -----------------------------------------------------------------------------------------


def _encoded(function: str, input: Array, **how: Any) -> np.ndarray:
    pixels = np.asarray(to_host(input, function))
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or len(pixels) not in (1, 3):
        raise ArgumentError(
            f"{function}: expected pixels (1 or 3, H, W) of uint8, got shape {pixels.shape} of {pixels.dtype}"
        )
    image = pil_from_array(pixels[0], "L") if len(pixels) == 1 else pil_from_array(pixels.transpose(1, 2, 0), "RGB")
    file = io.BytesIO()
    image.save(file, **how)
    return np.frombuffer(bytearray(file.getvalue()), np.uint8)


def encode_png(input: Array, compression_level: int = 6) -> np.ndarray:
    """The bytes of a PNG.

    Args:
        input: pixels (1 or 3, H, W), uint8.
        compression_level: from 0, large, to 9, small.

    Returns:
        (N,), uint8.

    Raises:
        ArgumentError: other pixels, or another level.

    >>> encode_png(np.zeros((1, 2, 2), np.uint8))[1:4].tobytes()
    b'PNG'
    """
    if not 0 <= compression_level <= 9:
        raise ArgumentError(f"encode_png: Compression level should be between 0 and 9, got {compression_level}")
    return _encoded("encode_png", input, format="PNG", compress_level=compression_level)


def write_png(input: Array, filename: str | os.PathLike[str], compression_level: int = 6) -> None:
    """Writes a PNG.

    Args:
        input: pixels (1 or 3, H, W), uint8.
        filename: the file.
        compression_level: from 0, large, to 9, small.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.png"
        >>> write_png(np.zeros((3, 2, 4), np.uint8), path)
        >>> read_image(path).shape
        (3, 2, 4)
    """
    write_file(filename, encode_png(input, compression_level))


def encode_jpeg(input: Array | Sequence[Array], quality: int = 75) -> Any:
    """The bytes of a JPEG, or of several.

    Args:
        input: pixels (1 or 3, H, W), uint8, or a list of these.
        quality: from 1, small, to 100.

    Returns:
        (N,), uint8; a list of such for a list.

    Raises:
        ArgumentError: other pixels, another quality, or an empty list.

    >>> encode_jpeg(np.zeros((3, 8, 8), np.uint8))[:2].tolist()
    [255, 216]
    """
    if not 1 <= quality <= 100:
        raise ArgumentError(f"encode_jpeg: Image quality should be a positive number between 1 and 100, got {quality}")
    if isinstance(input, list):
        if not input:
            raise ArgumentError("encode_jpeg: requires at least one input array when a list is passed")
        return [encode_jpeg(part, quality) for part in input]
    return _encoded("encode_jpeg", input, format="JPEG", quality=quality)


def write_jpeg(input: Array, filename: str | os.PathLike[str], quality: int = 75) -> None:
    """Writes a JPEG.

    Args:
        input: pixels (1 or 3, H, W), uint8.
        filename: the file.
        quality: from 1, small, to 100.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.jpg"
        >>> write_jpeg(np.zeros((1, 8, 8), np.uint8), path)
        >>> read_image(path).shape
        (1, 8, 8)
    """
    write_file(filename, encode_jpeg(input, quality))
