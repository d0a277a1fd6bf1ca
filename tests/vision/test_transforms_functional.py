"""Every function of `fnn.vision.transforms.functional` against torchvision's: pixel by pixel."""

import functools
import warnings
from fractions import Fraction

import numpy as np
import pytest

from fnn.vision.transforms import InterpolationMode
from fnn.vision.transforms import functional as F
from fnn.vision.transforms._fused import fused
from tests.vision.oracle import torch, torchvision

Image = pytest.importorskip("PIL.Image")

# bit for bit: PyTorch's kernels round in this order where they are compiled for AVX2 and above
pytestmark = pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="PyTorch without AVX2")

TF = torchvision.transforms.functional
TMode = torchvision.transforms.InterpolationMode

H, W = 21, 34
CHANNELS = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "YCbCr": 3, "HSV": 3, "RGBA": 4, "CMYK": 4}
MODES = (*CHANNELS, "1", "I", "I;16", "F")
KINDS = ("uint8", "int16", "int32", "float32", "float64")
CORNERS = [[0, 0], [W - 1, 0], [W - 1, H - 1], [0, H - 1]]
MOVED = [[3, 2], [W - 5, 1], [W - 2, H - 4], [6, H - 1]]


def picture(mode: str, height: int = H, width: int = W):
    rng = np.random.default_rng(len(mode) * height + width)
    if mode == "1":
        return Image.fromarray(rng.integers(0, 2, (height, width)).astype(bool))
    if mode == "I":
        return Image.fromarray(rng.integers(0, 70000, (height, width)).astype(np.int32))
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 60000, (height, width)).astype(np.uint16))
    if mode == "F":
        return Image.fromarray((rng.random((height, width)) * 255).astype(np.float32))
    pixels = rng.integers(0, 256, (height, width, CHANNELS[mode]), np.uint8)
    img = Image.frombytes(mode, (width, height), pixels.tobytes())
    if mode == "P":
        img.putpalette(list(range(255, -1, -1)) * 3)
    return img


def array(kind: str, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(sum(shape))
    if np.dtype(kind).kind == "f":
        return rng.random(shape).astype(kind)
    return rng.integers(0, 256 if kind == "uint8" else 1000, shape).astype(kind)


def outcome(function, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return function(*args), [str(w.message) for w in caught]
        except Exception as error:
            return error, []


@functools.cache
def rounds_alike() -> bool:
    """Whether torch computes the points of a warp to the last bit as on the processors that this was written on."""
    for size in ((17, 21), (34, 21), (37, 26), (30, 31)):
        for dtype in (np.float32, np.float64):
            picture = np.random.default_rng(0).random((3, *size)).astype(dtype)
            for angle in (20, 45, 90, -90):
                theirs = TF.rotate(torch.tensor(picture), angle).numpy()
                if not np.array_equal(F.rotate(picture, angle), theirs):
                    return False
    return True


def assert_same(ours, theirs, what):
    if isinstance(theirs, (tuple, list)) and not isinstance(theirs[0], int):
        assert len(ours) == len(theirs), what
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b, what)
    elif isinstance(theirs, torch.Tensor):
        expected = theirs.numpy()
        assert isinstance(ours, np.ndarray) and ours.dtype == expected.dtype, what
        if not rounds_alike() and any(name in what for name in ("rotate", "affine", "perspective", "elastic")):
            # On this processor torch's products round otherwise: points on the border of two pixels fall to the other.
            assert ours.shape == expected.shape, what
            assert np.mean(~np.isclose(ours, expected, 1e-4, 1e-4)) < 0.1, what
        elif expected.dtype.kind == "f":
            tolerance = 1e-3 if expected.dtype == np.float16 else 2e-6
            np.testing.assert_allclose(ours, expected, tolerance, tolerance, err_msg=what)
        else:
            np.testing.assert_array_equal(ours, expected, err_msg=what)
    elif isinstance(theirs, Image.Image):
        assert (ours.mode, ours.size, ours.getpalette()) == (theirs.mode, theirs.size, theirs.getpalette()), what
        if theirs.mode in ("F", "I"):  # blurred in floating point, by another order of sums
            np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), 1e-5, 1, err_msg=what)
        else:
            assert ours.tobytes() == theirs.tobytes(), what
    else:
        assert ours == theirs, what


def modes(call):
    """``call(F, img, mode)`` for every interpolation."""
    return {
        f"{{}}-{mode.value}": (lambda X, img, mode=mode: call(X, img, mode if X is F else TMode[mode.name]))
        for mode in InterpolationMode
    }


def named(name, table):
    return {key.format(name): call for key, call in table.items()}


def displacement(X):
    moves = (np.random.default_rng(0).standard_normal((1, H, W, 2)) * 0.1).astype(np.float32)
    return moves if X is F else torch.tensor(moves)


GEOMETRY = {
    **named("resize-down", modes(lambda X, img, mode: X.resize(img, [9, 13], mode))),
    **named("resize-up", modes(lambda X, img, mode: X.resize(img, [30, 61], mode))),
    **named("resize-mixed", modes(lambda X, img, mode: X.resize(img, [5, 61], mode, antialias=False))),
    **named("resize-edge", modes(lambda X, img, mode: X.resize(img, 16, mode, antialias=None))),
    **named("resize-most", modes(lambda X, img, mode: X.resize(img, [16], mode, max_size=20))),
    **named("rotate", modes(lambda X, img, mode: X.rotate(img, 33.0, mode))),
    **named("rotate-expand", modes(lambda X, img, mode: X.rotate(img, -70, mode, True, None, 3))),
    **named("rotate-center", modes(lambda X, img, mode: X.rotate(img, 200, mode, False, [3, 9]))),
    **named("affine", modes(lambda X, img, mode: X.affine(img, 20, [3, -2], 1.3, [5.0, -7.0], mode, 7))),
    **named("affine-center", modes(lambda X, img, mode: X.affine(img, -9, (0, 1), 0.7, 4, mode, None, [2, 3]))),
    **named("perspective", modes(lambda X, img, mode: X.perspective(img, CORNERS, MOVED, mode, 9))),
    "rotate-90": lambda X, img: X.rotate(img, 90, expand=True),
    "rotate-45": lambda X, img: X.rotate(img, 45),
    "resize-same": lambda X, img: X.resize(img, [H, W]),
    "pil-number": lambda X, img: X.resize(img, (9, 13), 3),
    **{
        f"pad-{mode}-{padding}": (lambda X, img, mode=mode, padding=padding: X.pad(img, padding, 5, mode))
        for mode in ("constant", "edge", "reflect", "symmetric")
        for padding in (3, (2,), (1, 4), [1, 2, 3, 4], (-2, 3, 1, -4))
    },
    "crop": lambda X, img: X.crop(img, 3, 4, 9, 11),
    "crop-beyond": lambda X, img: X.crop(img, -2, 20, 30, 30),
    "center_crop": lambda X, img: X.center_crop(img, (8, 11)),
    "center_crop-beyond": lambda X, img: X.center_crop(img, [40, 11]),
    "center_crop-square": lambda X, img: X.center_crop(img, 40),
    "five_crop": lambda X, img: X.five_crop(img, [8]),
    "ten_crop": lambda X, img: X.ten_crop(img, (8, 9), vertical_flip=True),
    "resized_crop": lambda X, img: X.resized_crop(img, 2, 3, 15, 20, [8, 8]),
    "hflip": lambda X, img: X.hflip(img),
    "vflip": lambda X, img: X.vflip(img),
    "get_dimensions": lambda X, img: X.get_dimensions(img),
    "get_image_size": lambda X, img: X.get_image_size(img),
    "get_image_num_channels": lambda X, img: X.get_image_num_channels(img),
    "elastic": lambda X, img: X.elastic_transform(img, displacement(X)),
}

COLOUR = {
    **{
        f"adjust_{what}-{factor}": (lambda X, img, what=what, factor=factor: getattr(X, f"adjust_{what}")(img, factor))
        for what in ("brightness", "contrast", "saturation", "sharpness")
        for factor in (0, 0.37, 1, 1.9)
    },
    **{f"hue-{turn}": (lambda X, img, turn=turn: X.adjust_hue(img, turn)) for turn in (-0.5, -0.13, 0, 0.29)},
    **{f"gamma-{gamma}": (lambda X, img, gamma=gamma: X.adjust_gamma(img, gamma, 1.1)) for gamma in (0, 0.6, 1, 2, 3)},
    "rgb_to_grayscale-1": lambda X, img: X.rgb_to_grayscale(img),
    "blur": lambda X, img: X.gaussian_blur(img, [5, 9], [1.5, 0.8]),
    "blur-default": lambda X, img: X.gaussian_blur(img, 3),
    "blur-wide": lambda X, img: X.gaussian_blur(img, (23, 1), 4),
    "invert": lambda X, img: X.invert(img),
    **{f"posterize-{bits}": (lambda X, img, bits=bits: X.posterize(img, bits)) for bits in (0, 3, 8)},
    **{f"solarize-{t}": (lambda X, img, t=t: X.solarize(img, t)) for t in (0.4, 100, 254.5)},
    "autocontrast": lambda X, img: X.autocontrast(img),
    "equalize": lambda X, img: X.equalize(img),
}

FROM_PIL = {
    "to_tensor": lambda X, img: X.to_tensor(img),
    "pil_to_tensor": lambda X, img: X.pil_to_tensor(img),
    "to_grayscale-1": lambda X, img: X.to_grayscale(img),
    "rgb_to_grayscale-3": lambda X, img: X.rgb_to_grayscale(img, 3),
    "pad-fill": lambda X, img: X.pad(img, 2, tuple(range(len(img.getbands())))),
    "rotate-fill": lambda X, img: X.rotate(img, 10, fill=[7.9]),
}

ON_ARRAYS = {
    **{
        f"convert-{dtype}": (
            lambda X, img, dtype=dtype: X.convert_image_dtype(img, np.dtype(dtype) if X is F else getattr(torch, dtype))
        )
        for dtype in ("uint8", "int16", "int32", "int64", "float16", "float32", "float64")
    },
    "normalize": lambda X, img: X.normalize(img, [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]),
    "normalize-one": lambda X, img: X.normalize(img, [0.1], [0.5]),
    "erase": lambda X, img: X.erase(img, 2, 3, 4, 5, 1),
    "affine-fills": lambda X, img: X.affine(img, 20, [3, -2], 1.3, [5.0], 2, [1.0, 2.0, 3.0]),
}


def check(table, img, what):
    for name, call in table.items():
        (ours, warned), (theirs, warned_there) = (
            outcome(call, X, img if X is F or isinstance(img, Image.Image) else torch.tensor(img)) for X in (F, TF)
        )
        refused = isinstance(theirs, Exception)
        assert isinstance(ours, Exception) == refused, f"{what} {name}: {ours!r}, torchvision: {theirs!r}"
        if not refused:
            assert_same(ours, theirs, f"{what} {name}")
            assert warned == warned_there, f"{what} {name}"


@pytest.mark.parametrize("mode", MODES)
def test_pil(mode):
    check(GEOMETRY | COLOUR | FROM_PIL, picture(mode), mode)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lead", [(3,), (1,), (2, 3)])
def test_arrays(kind, lead):
    check(GEOMETRY | COLOUR | (ON_ARRAYS if lead[-1] == 3 else {}), array(kind, *lead, H, W), f"{kind} {lead}")


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2), (3, 40)])
def test_small_pictures(size):
    img = array("uint8", 3, *size)
    calls = {
        key: call
        for key, call in {**GEOMETRY, **COLOUR}.items()
        if not key.startswith(("perspective", "elastic", "affine-center")) and "-(-2" not in key
    }
    check(calls, img, str(size))
    check(calls, Image.fromarray(img.transpose(1, 2, 0)), f"PIL {size}")


PIXELS = {
    "hwc": array("uint8", 4, 5, 3),
    "hw": array("uint8", 4, 5),
    "four": array("uint8", 4, 5, 4),
    "two": array("uint8", 4, 5, 2),
    "one": array("uint8", 4, 5, 1),
    "float": array("float32", 4, 5, 3),
    "int32": array("int32", 4, 5, 1),
    "int16": array("int16", 4, 5),
}


@pytest.mark.parametrize("pixels", PIXELS)
def test_arrays_of_pixels(pixels):
    x = PIXELS[pixels]
    assert_same(F.to_tensor(x), TF.to_tensor(x), pixels)
    assert_same(F.to_pil_image(x), TF.to_pil_image(x), pixels)


def test_to_pil_image_and_back():
    planes = array("uint8", 3, 9, 11)
    assert_same(F.to_pil_image(planes), TF.to_pil_image(torch.tensor(planes)), "planes")
    assert (F.to_tensor(F.to_pil_image(F.to_tensor(F.to_pil_image(planes)))) == planes / np.float32(255)).all()
    assert F.to_pil_image(array("uint8", 3, 5, 5), "HSV").mode == "HSV"
    for mode in ("L", "RGB", "RGBA", "LA"):
        assert F.to_pil_image(F.pil_to_tensor(picture(mode))).tobytes() == picture(mode).tobytes()


def test_results_of_to_tensor_are_new_and_contiguous():
    x = PIXELS["float"]
    for result in (F.to_tensor(x), F.to_tensor(picture("RGB")), F.pil_to_tensor(picture("RGB"))):
        assert result.flags.c_contiguous and result.flags.writeable and not np.shares_memory(result, x)


def test_a_product_and_a_sum_are_rounded_once():
    """As by exact arithmetic, near ties and after cancellation, too; and what is not finite stays so."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3000)) * 2.0 ** rng.integers(-20, 20, (2, 3000))
    near = -a * b * (1 + rng.integers(-3, 4, 3000) * 2.0 ** -rng.integers(40, 110, 3000).astype(float))
    for c in (near, rng.standard_normal(3000) * 2.0 ** rng.integers(-60, 60, 3000), np.rint(near) + 2.0**-30):
        expected = [float(Fraction(x) * Fraction(y) + Fraction(z)) for x, y, z in zip(a, b, c, strict=True)]
        assert np.array_equal(fused(a, b, c, np.dtype(np.float64)), expected)
    huge = fused(1e308, [10, -10, 0.5], 1e308, np.dtype(np.float64))
    assert np.array_equal(huge, [np.inf, -np.inf, 1.5e308])
    assert np.isnan(fused(np.inf, 0.0, 1.0, np.dtype(np.float64)))


def test_warps_of_float64_are_equal_in_bits():
    if not rounds_alike():
        pytest.skip("products of this processor round otherwise")
    picture, bilinear = np.random.default_rng(0).random((2, 3, H, W)), InterpolationMode.BILINEAR
    for fill in (None, [0.3]):
        for ours, theirs in (
            (
                F.rotate(picture, 21.0, bilinear, fill=fill),
                TF.rotate(torch.tensor(picture), 21.0, TMode.BILINEAR, fill=fill),
            ),
            (
                F.affine(picture, 5.0, [1, -2], 1.2, [3.0, 4.0], bilinear, fill),
                TF.affine(torch.tensor(picture), 5.0, [1, -2], 1.2, [3.0, 4.0], TMode.BILINEAR, fill),
            ),
            (
                F.perspective(picture, CORNERS, MOVED, bilinear, fill),
                TF.perspective(torch.tensor(picture), CORNERS, MOVED, TMode.BILINEAR, fill),
            ),
        ):
            assert np.array_equal(ours, theirs.numpy())
