"""`fnn.vision.io`: torchvision's pixels of each kind of file, and what is refused.

Expected are the pixels that the files were made of; where torchvision's compiled decoders are there, theirs too.
"""

import io
import re
import struct
import zlib

import jax
import numpy as np
import pytest
from PIL import Image

from fnn.vision import io as vision_io
from fnn.vision.io import ImageReadMode

NUMBERS = np.random.default_rng(0)
SMOOTH = np.asarray(Image.fromarray(NUMBERS.integers(0, 256, (6, 8, 3), np.uint8)).resize((24, 18)))
GREY = NUMBERS.integers(0, 256, (5, 7), np.uint8)
COLOUR = NUMBERS.integers(0, 256, (5, 7, 3), np.uint8)
FOUR = np.concatenate([COLOUR, GREY[..., None]], -1)
PALETTE, WIDE = (Image.fromarray(COLOUR).quantize(count) for count in (5, 20))
MODES = [*ImageReadMode.__members__]


def encoded(image, **how):
    file = io.BytesIO()
    image.save(file, **how)
    return np.frombuffer(file.getvalue(), np.uint8)


def png16(channels):
    """Of 16 bits, which Pillow does not write."""
    pixels = NUMBERS.integers(0, 65536, (3, 4, channels)).astype(np.uint16)

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 4, 3, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return np.frombuffer(b"\x89PNG\r\n\x1a\n" + chunks, np.uint8), pixels.transpose(2, 0, 1)


WORDS = {f"png 16 x {channels}": png16(channels) for channels in (1, 2, 3, 4)}
# With each what it was made of, (C, H, W), if no number is lost.
FILES = {
    "png 1": (encoded(Image.fromarray(GREY > 99), format="PNG"), (GREY[None] > 99) * np.uint8(255)),
    "png L": (encoded(Image.fromarray(GREY), format="PNG"), GREY[None]),
    "png L, one clear": (encoded(Image.fromarray(GREY), format="PNG", transparency=int(GREY[0, 0])), GREY[None]),
    "png LA": (encoded(Image.fromarray(FOUR[..., 2:], "LA"), format="PNG"), FOUR[..., 2:].transpose(2, 0, 1)),
    "png RGB": (encoded(Image.fromarray(COLOUR), format="PNG"), COLOUR.transpose(2, 0, 1)),
    "png RGBA": (encoded(Image.fromarray(FOUR), format="PNG"), FOUR.transpose(2, 0, 1)),
    "png P": (encoded(PALETTE, format="PNG"), np.asarray(PALETTE)[None]),
    "png P, bytes": (encoded(WIDE, format="PNG"), np.asarray(WIDE)[None]),
    "png P, clear": (encoded(PALETTE, format="PNG", transparency=b"\0\x80\xff"), np.asarray(PALETTE)[None]),
    **WORDS,
    "jpeg RGB": (encoded(Image.fromarray(SMOOTH), format="JPEG", quality=90), None),
    "jpeg L": (encoded(Image.fromarray(SMOOTH).convert("L"), format="JPEG"), None),
    "jpeg CMYK": (encoded(Image.fromarray(SMOOTH).convert("CMYK"), format="JPEG", quality=95), None),
    "webp": (encoded(Image.fromarray(SMOOTH), format="WEBP", lossless=True), SMOOTH.transpose(2, 0, 1)),
    "webp, clear": (encoded(Image.fromarray(FOUR), format="WEBP", lossless=True, exact=True), FOUR.transpose(2, 0, 1)),
    "gif": (encoded(PALETTE, format="GIF"), np.asarray(PALETTE.convert("RGB")).transpose(2, 0, 1)),
    "gif, three": (
        encoded(PALETTE, format="GIF", save_all=True, append_images=[PALETTE.rotate(180), PALETTE], duration=9),
        None,
    ),
}


def decoders():
    """torchvision's, or None."""
    try:
        from tests.vision.oracle import torchvision

        reader = __import__("torchvision.io.image", fromlist=["image"])
        return reader if torchvision and reader._has_image_ops() else None
    except pytest.skip.Exception:
        return None


def theirs(content, **how):
    import torch

    return decoders().decode_image(torch.from_numpy(content.copy()), **how).numpy()


@pytest.mark.parametrize("name", FILES)
def test_pixels(name):
    content, expected = FILES[name]
    found = vision_io.decode_image(content)
    if expected is not None:
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    for mode in MODES:
        if name.startswith("jpeg") and "A" in mode[1:] and mode not in ("GRAY", "UNCHANGED"):
            with pytest.raises(ValueError, match="a JPEG has no alpha"):
                vision_io.decode_image(content, mode)
            continue
        # torchvision leaves memory as it was: in packed pixels, and as the alpha of a palette or of single bits
        strange = name in ("png P", "png P, clear") and mode == "UNCHANGED"
        strange |= name in ("png P", "png P, bytes", "png 1") and mode in ("GRAY_ALPHA", "RGB_ALPHA", "RGBA")
        if decoders() is None or strange:
            continue
        np.testing.assert_array_equal(
            vision_io.decode_image(content, mode), theirs(content, mode=getattr(decoders().ImageReadMode, mode)), mode
        )


def test_channels():
    """As recorded from torchvision."""
    red = np.zeros((3, 1, 2), np.uint8)
    red[0], red[1, 0, 1] = 200, 100
    png = vision_io.encode_png(red)
    assert vision_io.decode_png(png, "GRAY").tolist() == [[[59, 118]]]
    assert vision_io.decode_png(png, ImageReadMode.GRAY_ALPHA).tolist() == [[[59, 118]], [[255, 255]]]
    grey = vision_io.encode_png(red[:1])
    assert vision_io.decode_png(grey, "rgb").tolist() == [[[200, 200]]] * 3
    words, pixels = WORDS["png 16 x 3"]
    assert vision_io.decode_png(words, "RGBA")[3].tolist() == [[65535] * 4] * 3
    red, green, blue = pixels.astype(int)
    mixed = (9794 * red + 19234 * green + 3740 * blue + 16384) >> 15
    np.testing.assert_array_equal(vision_io.decode_png(words, "GRAY")[0], mixed)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_orientation(orientation, format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(SMOOTH), format=format, exif=exif)
    plain = vision_io.decode_image(content)
    flipped = plain[:, ::-1] if orientation in (3, 4, 7, 8) else plain
    flipped = flipped[:, :, ::-1] if orientation in (2, 3, 6, 7) else flipped
    if orientation > 4:  # first the axes are swapped
        flipped = plain.swapaxes(1, 2)
        flipped = flipped[:, ::-1] if orientation in (7, 8) else flipped
        flipped = flipped[:, :, ::-1] if orientation in (6, 7) else flipped
    np.testing.assert_array_equal(vision_io.decode_image(content, apply_exif_orientation=True), flipped)
    if decoders() is not None:
        np.testing.assert_array_equal(theirs(content, apply_exif_orientation=True), flipped)


@pytest.mark.parametrize("quality", [30, 75])
@pytest.mark.parametrize("channels", [1, 3])
def test_encoded(quality, channels):
    pixels = np.ascontiguousarray(SMOOTH.transpose(2, 0, 1)[:channels])
    png, jpeg = vision_io.encode_png(pixels, 9), vision_io.encode_jpeg(jax.numpy.asarray(pixels), quality)
    np.testing.assert_array_equal(vision_io.decode_png(png), pixels)
    assert np.abs(vision_io.decode_jpeg(jpeg).astype(int) - pixels).mean() < 26
    assert len(vision_io.encode_png(pixels, 0)) > len(png)
    both = vision_io.decode_jpeg(vision_io.encode_jpeg([pixels, pixels], quality), mode="RGB")
    assert [x.shape for x in both] == [(3, 18, 24)] * 2
    if decoders() is not None:
        import torch

        np.testing.assert_array_equal(jpeg, decoders().encode_jpeg(torch.from_numpy(pixels), quality).numpy())


def test_files(tmp_path):
    pixels = np.ascontiguousarray(COLOUR.transpose(2, 0, 1))
    vision_io.write_png(pixels, tmp_path / "a.png")
    vision_io.write_jpeg(pixels, str(tmp_path / "a.jpg"), quality=90)
    np.testing.assert_array_equal(vision_io.read_image(str(tmp_path / "a.png")), pixels)
    np.testing.assert_array_equal(vision_io.decode_image(tmp_path / "a.png", "RGB"), pixels)
    assert vision_io.read_image(tmp_path / "a.jpg", ImageReadMode.GRAY).shape == (1, 5, 7)
    assert vision_io.read_file(tmp_path / "a.jpg")[:2].tolist() == [255, 216]
    on_device = vision_io.decode_jpeg(vision_io.read_file(tmp_path / "a.jpg"), device=jax.devices()[0])
    assert isinstance(on_device, jax.Array) and on_device.shape == (3, 5, 7)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: vision_io.decode_png(FILES["gif"][0]), "no PNG, or a damaged one"),
        (lambda: vision_io.decode_png(FILES["png RGB"][0][:60]), "damaged"),
        (lambda: vision_io.decode_png(WORDS["png 16 x 3"][0][:60]), "damaged"),
        (lambda: vision_io.decode_jpeg(FILES["gif"][0]), "decode_jpeg: no JPEG, or a damaged one"),
        (lambda: vision_io.decode_jpeg(FILES["jpeg RGB"][0][:-60]), "a damaged"),
        (lambda: vision_io.decode_jpeg([]), "Input list must contain at least one element"),
        (lambda: vision_io.decode_image(np.zeros(30, np.uint8)), "only jpeg, png, webp, gif, avif and heic"),
        (lambda: vision_io.decode_image(np.zeros((3, 2), np.uint8)), "(N,) of uint8, got shape (3, 2) of uint8"),
        (lambda: vision_io.decode_image(np.zeros(3)), "(N,) of uint8, got shape (3,) of float64"),
        (lambda: vision_io.decode_image(FILES["png L"][0], "BGR"), "mode (='BGR') must be one of"),
        (lambda: vision_io.encode_png(FOUR.transpose(2, 0, 1)), "(1 or 3, H, W) of uint8, got shape (4, 5, 7)"),
        (lambda: vision_io.encode_png(COLOUR.transpose(2, 0, 1), 10), "between 0 and 9, got 10"),
        (lambda: vision_io.encode_jpeg(COLOUR.transpose(2, 0, 1), 0), "between 1 and 100, got 0"),
        (lambda: vision_io.encode_jpeg([]), "at least one input array"),
        (lambda: vision_io.decode_heic(np.zeros(3, np.uint8)), "pip install pillow-heif"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()
