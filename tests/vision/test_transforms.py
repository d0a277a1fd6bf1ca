"""Transforms as objects: printing, refusing, JAX arrays, presets; and processes without JAX."""

import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.errors import ArgumentError
from fnn.vision import transforms as T
from fnn.vision.transforms import _presets
from fnn.vision.transforms import functional as F
from tests.vision.oracle import torch, torchvision

Image = pytest.importorskip("PIL.Image")

TT = torchvision.transforms
IMG = np.random.default_rng(0).integers(0, 256, (3, 20, 30), np.uint8)
PIL = Image.fromarray(IMG.transpose(1, 2, 0))


def test_every_public_name_is_there():
    from torchvision.transforms import _presets as presets

    for ours, theirs in ((T, TT.transforms), (T, TT.autoaugment), (_presets, presets)):
        assert set(theirs.__all__) <= set(dir(ours))
    functions = {n for n, f in vars(TT.functional).items() if getattr(f, "__module__", "") == TT.functional.__name__}
    assert {n for n in functions if not n.startswith("_")} <= set(dir(F))


PLAIN = [
    lambda X: X.Compose([X.Resize(8), X.Compose([X.ToTensor()])]),
    lambda X: X.ToTensor(),
    lambda X: X.PILToTensor(),
    lambda X: X.ConvertImageDtype(torch.float32 if X is TT else np.float32),
    lambda X: X.ToPILImage(),
    lambda X: X.ToPILImage("RGB"),
    lambda X: X.Normalize((0.5,), [0.1]),
    lambda X: X.Resize((3, 4), 3, antialias=None),
    lambda X: X.Resize([3], X.InterpolationMode.NEAREST_EXACT, max_size=9),
    lambda X: X.CenterCrop([3]),
    lambda X: X.CenterCrop(4.0),
    lambda X: X.Pad((1, 2), fill=(1, 2, 3)),
    lambda X: X.Pad(2, padding_mode="reflect"),
    lambda X: X.Lambda(len),
    lambda X: X.FiveCrop(3),
    lambda X: X.TenCrop((3, 4), True),
    lambda X: X.Grayscale(3),
    lambda X: X.ColorJitter(),
    lambda X: X.RandomErasing(0.1, value="random"),
]


@pytest.mark.parametrize("make", PLAIN)
def test_repr_and_pickle(make):
    ours, theirs = make(T), make(TT)
    assert repr(ours) == repr(theirs)
    assert repr(pickle.loads(pickle.dumps(ours))) == repr(ours)


def test_plain_transforms_of_a_pipeline():
    ours, theirs = (
        X.Compose([X.Resize(12), X.CenterCrop(10), X.Pad(1), X.Grayscale(3), X.ToTensor(), X.Normalize([0.5], [0.2])])
        for X in (T, TT)
    )
    result = ours(PIL)
    assert result.dtype == np.float32 and result.flags.c_contiguous
    np.testing.assert_array_equal(result, theirs(PIL).numpy())
    crops = T.Lambda(lambda views: np.stack([T.ToTensor()(v) for v in views]))(T.TenCrop(5)(PIL))
    np.testing.assert_array_equal(crops[7], TT.ToTensor()(TT.TenCrop(5)(PIL)[7]).numpy())
    assert (np.asarray(T.ToPILImage()(T.PILToTensor()(PIL))) == np.asarray(PIL)).all()


def test_linear_transformation():
    rng = np.random.default_rng(0)
    matrix, mean = rng.standard_normal((12, 12)).astype(np.float32), rng.standard_normal(12).astype(np.float32)
    x = rng.random((5, 3, 2, 2)).astype(np.float32)
    ours = T.LinearTransformation(matrix, mean)
    theirs = TT.LinearTransformation(torch.tensor(matrix), torch.tensor(mean))
    assert repr(ours) == repr(theirs)
    np.testing.assert_allclose(ours(x), theirs(torch.tensor(x)).numpy(), 1e-5, 1e-5)
    with pytest.raises(ArgumentError, match="transformation_matrix should be square"):
        T.LinearTransformation(matrix[:3], mean)
    with pytest.raises(ArgumentError, match="mean_vector should have the same length"):
        T.LinearTransformation(matrix, mean[:3])
    with pytest.raises(ArgumentError, match="should have the same dtype"):
        T.LinearTransformation(matrix, mean.astype(np.float64))
    with pytest.raises(ArgumentError, match="incompatible shape"):
        ours(x[:, :1])


def test_inplace():
    x = np.full((3, 2, 2), 0.5, np.float32)
    assert F.normalize(x, [0.5] * 3, [1.0] * 3, inplace=True) is x and not x.any()
    assert F.erase(x, 0, 0, 1, 1, 7, inplace=True) is x and x[0, 0, 0] == 7
    before = x.copy()
    F.normalize(x, [1.0], [2.0])
    F.erase(x, 0, 0, 1, 1, 3)
    assert (x == before).all()
    a = jnp.full((3, 2, 2), 0.5)
    assert not F.normalize(a, [0.5], [1.0], inplace=True).any() and a[0, 0, 0] == 0.5


REFUSED = [
    (TypeError, "Size should be int or sequence", lambda X: X.Resize(2.5)),
    (ValueError, "it should have 1 or 2 values", lambda X: X.Resize((1, 2, 3))),
    (ValueError, "only two dimensions", lambda X: X.CenterCrop((1, 2, 3))),
    (TypeError, "Got inappropriate padding arg", lambda X: X.Pad("3")),
    (TypeError, "Got inappropriate fill arg", lambda X: X.Pad(3, fill="3")),
    (ValueError, "Padding mode should be either", lambda X: X.Pad(3, padding_mode="wrap")),
    (ValueError, "not a 3 element tuple", lambda X: X.Pad((1, 2, 3))),
    (TypeError, "lambd should be callable", lambda X: X.Lambda(3)),
    (TypeError, "transforms should be a sequence", lambda X: X.RandomChoice(X.ToTensor())),
    (TypeError, "Argument p should be a sequence", lambda X: X.RandomChoice([X.ToTensor()], p=1.0)),
    (TypeError, "Scale should be a sequence", lambda X: X.RandomResizedCrop(3, scale=0.5)),
    (TypeError, "Ratio should be a sequence", lambda X: X.RandomErasing(ratio=0.5)),
    (ValueError, "must be non negative", lambda X: X.ColorJitter(-1)),
    (ValueError, "hue values should be between", lambda X: X.ColorJitter(hue=0.6)),
    (TypeError, "should be a single number or a list/tuple", lambda X: X.ColorJitter((1, 2, 3))),
    (ValueError, "If degrees is a single number, it must be positive", lambda X: X.RandomRotation(-1)),
    (ValueError, "degrees should be a sequence of length 2", lambda X: X.RandomRotation((1, 2, 3))),
    (TypeError, "center should be a sequence of length 2", lambda X: X.RandomRotation(1, center=3)),
    (TypeError, "Fill should be either a sequence or a number", lambda X: X.RandomRotation(1, fill={})),
    (ValueError, "translation values should be between", lambda X: X.RandomAffine(1, translate=(2, 0))),
    (ValueError, "scale values should be positive", lambda X: X.RandomAffine(1, scale=(0, 1))),
    (ValueError, "shear should be a sequence of length 2 or 4", lambda X: X.RandomAffine(1, shear=(1, 2, 3))),
    (ValueError, "odd and positive", lambda X: X.GaussianBlur(4)),
    (ValueError, "must be positive", lambda X: X.GaussianBlur(3, 0)),
    (ValueError, "of the form", lambda X: X.GaussianBlur(3, (2.0, 1.0))),
    (TypeError, "alpha should be float", lambda X: X.ElasticTransform(alpha=3)),
    (ValueError, "its length should be 2", lambda X: X.ElasticTransform(sigma=[1.0])),
    (TypeError, "value should be either a number", lambda X: X.RandomErasing(value=None)),
    (ValueError, "it should be 'random'", lambda X: X.RandomErasing(value="noise")),
    (ValueError, "Scale should be between 0 and 1", lambda X: X.RandomErasing(scale=(0.5, 2))),
    (ValueError, "probability should be between", lambda X: X.RandomErasing(p=2)),
    (ValueError, "severity must be between", lambda X: X.AugMix(severity=11)),
    (ValueError, "is not recognized", lambda X: X.AutoAugment("imagenet")),
    (ValueError, "larger than input image size", lambda X: X.RandomCrop(50)(PIL)),
    (TypeError, "pic should be PIL Image or ndarray", lambda X: X.ToTensor()("x")),
    (ValueError, "should be 2/3 dimensional", lambda X: X.ToTensor()(np.zeros(3))),
    (TypeError, "pic should be PIL Image", lambda X: X.PILToTensor()(IMG)),
    (TypeError, "pic should be Tensor or ndarray", lambda X: X.ToPILImage()(PIL)),
    (ValueError, "should not have > 4 channels", lambda X: X.ToPILImage()(np.ones((4, 4, 6)))),
    (ValueError, "Incorrect mode", lambda X: X.ToPILImage("RGB")(np.zeros((4, 4, 1), np.uint8))),
    (ValueError, r"Only modes \['LA'\]", lambda X: X.ToPILImage("RGB")(np.zeros((4, 4, 2), np.uint8))),
    (TypeError, "Input type int64 is not supported", lambda X: X.ToPILImage()(np.zeros((4, 4, 3), np.int64))),
    (TypeError, "img should be Tensor Image", lambda X: X.Normalize([0.5], [0.5])(PIL)),
    (TypeError, "Unexpected type", lambda X: X.Resize(3)("x")),
    (TypeError, "img should be PIL Image", lambda X: X.functional.hflip("x")),
    (ValueError, "must be strictly greater", lambda X: X.Resize(8, max_size=8)(PIL)),
    (ValueError, "max_size should only be passed", lambda X: X.Resize((8, 9), max_size=8)(PIL)),
    (TypeError, "interpolation should be a InterpolationMode", lambda X: X.functional.resize(PIL, 3, "bilinear")),
    (ValueError, "bigger than input size", lambda X: X.FiveCrop(99)(PIL)),
    (ValueError, "exactly four corners", lambda X: X.functional.perspective(PIL, [[0, 0]], [[1, 1]])),
    (TypeError, "angle should be int or float", lambda X: X.functional.rotate(PIL, "3")),
    (ValueError, "scale should be positive", lambda X: X.functional.affine(PIL, 0, [0, 0], 0, 0)),
    (ValueError, "sequence of length 2", lambda X: X.functional.affine(PIL, 0, [0], 1, 0)),
    (ValueError, "does not match the number of channels", lambda X: X.functional.pad(PIL, 1, (1, 2))),
    (ValueError, "is not in", lambda X: X.functional.adjust_hue(PIL, 0.7)),
    (ValueError, "Gamma should be a non-negative", lambda X: X.functional.adjust_gamma(PIL, -1)),
    (ValueError, "should be either 1 or 3", lambda X: X.Grayscale(2)(PIL)),
    (ValueError, "between 0 and 8", lambda X: X.functional.posterize(PIL, 9)),
    (ValueError, "odd and positive integers", lambda X: X.functional.gaussian_blur(PIL, 2)),
    (ValueError, "sigma should have positive", lambda X: X.functional.gaussian_blur(PIL, 3, -1.0)),
]

REFUSED_ARRAYS = [
    (TypeError, "Tensor is not a torch image", lambda F, x: F.hflip(x(np.zeros(3)))),
    (TypeError, "should be a float tensor", lambda F, x: F.normalize(x(IMG), [0.5], [0.5])),
    (ValueError, "size \\(..., C, H, W\\)", lambda F, x: F.normalize(x(np.ones((2, 2))), [0.5], [0.5])),
    (ValueError, "std evaluated to zero", lambda F, x: F.normalize(x(np.ones((3, 2, 2))), [0.5], [0.0])),
    (TypeError, "permitted channel values are", lambda F, x: F.adjust_brightness(x(np.zeros((2, 4, 4))), 1.0)),
    (ValueError, "is not non-negative", lambda F, x: F.adjust_contrast(x(IMG), -1.0)),
    (TypeError, "at least 3 dimensions", lambda F, x: F.invert(x(IMG[0]))),
    (TypeError, "Only torch.uint8 image", lambda F, x: F.posterize(x(IMG.astype(np.int32)), 3)),
    (TypeError, "3 or 4 dimensions", lambda F, x: F.equalize(x(IMG[0]))),
    (TypeError, "less than bound", lambda F, x: F.solarize(x(IMG), 300)),
    (ValueError, "is unsupported with Tensor input", lambda F, x: F.rotate(x(IMG), 3, 3)),
    (ValueError, "cannot broadcast to match", lambda F, x: F.rotate(x(IMG), 3, fill=[1.0, 2.0])),
    (TypeError, "Got inappropriate fill arg", lambda F, x: F.pad(x(IMG), 1, (1, 2, 3))),
    (RuntimeError, "Padding size should be less", lambda F, x: F.pad(x(IMG), 40, padding_mode="reflect")),
    (RuntimeError, "sizes should be greater than 0", lambda F, x: F.resize(x(IMG), (0, 3))),
    (RuntimeError, "cannot be performed safely", lambda F, x: convert(F, x(IMG / np.float32(255)))),
    (ValueError, "displacement shape should be", lambda F, x: F.elastic_transform(x(IMG), x(np.zeros((1, 2, 3, 2))))),
]


def convert(functions, img):
    return functions.convert_image_dtype(img, np.int32 if functions is F else torch.int32)


@pytest.mark.parametrize(("error", "text", "call"), REFUSED, ids=[text for _, text, _ in REFUSED])
def test_refused(error, text, call):
    for library in (T, TT):
        with pytest.raises(error, match=text):
            call(library)


@pytest.mark.parametrize(("error", "text", "call"), REFUSED_ARRAYS, ids=[text for _, text, _ in REFUSED_ARRAYS])
def test_refused_arrays(error, text, call):
    for functions, make in ((F, np.asarray), (TT.functional, torch.tensor)):
        with pytest.raises(error, match=text):
            call(functions, make)


def test_refused_beyond_torchvision():
    with pytest.raises(ArgumentError, match="expected one of Pillow's constants"):
        T.Resize(3, 9)
    with pytest.raises(ArgumentError, match="mean has 2 values, which must match the 3 channels"):
        F.normalize(np.ones((3, 2, 2)), [0.1, 0.2], [0.5, 0.5])
    with pytest.raises(ArgumentError, match="number of weights does not match"):
        T.RandomChoice([T.ToTensor()], p=[0.5, 0.5])
    with pytest.raises(ArgumentError, match="without overflow"):
        F.pad(IMG, 1, 300)


@pytest.mark.parametrize(
    "transform",
    [
        T.Resize((7, 9)),
        T.CenterCrop(8),
        T.RandomHorizontalFlip(1.0),
        T.RandomResizedCrop(9),
        T.RandomRotation(30),
        T.ColorJitter(0.5, 0.5, 0.5, 0.2),
        T.Grayscale(3),
        T.GaussianBlur(3),
        T.TenCrop(5),
        T.RandomErasing(1.0),
        T.TrivialAugmentWide(),
        T.AugMix(),
        T.ConvertImageDtype(jnp.float32),
    ],
    ids=lambda t: type(t).__name__,
)
def test_jax_arrays_give_jax_arrays(transform):
    import fnn

    results = []
    for img in (IMG, jnp.asarray(IMG)):
        fnn.manual_seed(1)
        results.append(transform(img))
    expected, result = results
    if isinstance(expected, tuple):
        assert isinstance(result, tuple)
        expected, result = expected[3], result[3]
    assert isinstance(result, jax.Array) and result.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(result), expected)


def test_jax_arrays_to_pictures_and_half_precision():
    assert (np.asarray(T.ToPILImage()(jnp.asarray(IMG))) == np.asarray(PIL)).all()
    half = F.convert_image_dtype(jnp.asarray(IMG), jnp.bfloat16)
    assert half.dtype == jnp.bfloat16 and F.resize(half, (4, 4)).dtype == jnp.bfloat16
    assert F.get_dimensions(half) == [3, 20, 30]
    with pytest.raises(ArgumentError, match="64-bit mode"):
        F.convert_image_dtype(jnp.asarray(IMG), np.float64)


def test_traced_arrays_are_refused():
    for call in (F.hflip, T.RandomHorizontalFlip(0.0), T.Resize(3)):
        with pytest.raises(ArgumentError, match=r"cannot be traced by JAX(.|\n)*right:"):
            jax.jit(call)(jnp.asarray(IMG))


PRESETS = {
    "ImageClassification": {"crop_size": 16, "resize_size": 18},
    "ObjectDetection": {},
    "SemanticSegmentation": {"resize_size": 12},
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name):
    from torchvision.transforms import _presets as presets

    ours, theirs = getattr(_presets, name)(**PRESETS[name]), getattr(presets, name)(**PRESETS[name])
    assert repr(ours) == repr(theirs) and ours.describe()
    np.testing.assert_array_equal(ours(PIL), theirs(PIL).numpy())
    batch = np.stack([IMG, IMG[:, ::-1]])
    np.testing.assert_allclose(ours(batch), theirs(torch.tensor(batch)).numpy(), 1e-6, 1e-6)


def test_presets_of_several_pictures():
    from torchvision.transforms import _presets as presets

    clip = np.stack([IMG] * 4)
    ours, theirs = (p.VideoClassification(crop_size=(8, 9), resize_size=(10, 12)) for p in (_presets, presets))
    np.testing.assert_allclose(ours(clip), theirs(torch.tensor(clip)).numpy(), 1e-5, 1e-5)
    assert repr(ours) == repr(theirs) and ours(np.stack([clip, clip])).shape == (2, 3, 4, 8, 9)
    for a, b in zip(_presets.OpticalFlow()(PIL, IMG), presets.OpticalFlow()(PIL, torch.tensor(IMG)), strict=True):
        np.testing.assert_array_equal(a, b.numpy())


WITHOUT_JAX = """
import sys
import numpy as np
sys.modules["jax"] = None
from fnn.vision import datasets, transforms as T
from fnn.vision.transforms import _presets
img, target = datasets.FakeData(4, (3, 40, 40))[1]
x = T.Compose([T.RandomResizedCrop(24), T.RandomHorizontalFlip(), T.AugMix(), T.ToTensor(), T.RandomErasing(1.0),
               T.Normalize([0.5], [0.5])])(img)
assert x.shape == (3, 24, 24) and x.dtype == np.float32
planes = T.PILToTensor()(img)
T.Compose([T.Resize(9), T.ColorJitter(1, 1, 1, 0.5), T.RandomPerspective(p=1), T.ElasticTransform(sigma=1.0)])(planes)
_presets.ImageClassification(crop_size=8)(img)
assert "torch" not in sys.modules
"""

WITHOUT_PILLOW = """
import sys
import numpy as np
sys.modules["PIL"] = None
from fnn.vision import transforms as T
assert T.Resize(3)(np.zeros((3, 8, 8), np.uint8)).shape == (3, 3, 3)
try:
    T.ToPILImage()(np.zeros((3, 8, 8), np.uint8))
except ImportError as error:
    assert 'pip install "fnn[vision]"' in str(error), error
else:
    raise AssertionError
"""


@pytest.mark.parametrize("program", [WITHOUT_JAX, WITHOUT_PILLOW], ids=["jax", "Pillow"])
def test_works_without(program):
    subprocess.run([sys.executable, "-c", program], check=True)
