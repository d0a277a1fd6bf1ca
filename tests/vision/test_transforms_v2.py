"""Every class of `fnn.vision.transforms.v2`: the same seed gives torchvision's samples, and its printed form."""

import collections
import importlib
import inspect
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.errors import ArgumentError
from fnn.host_random import default_generator
from fnn.vision import tv_tensors as T
from fnn.vision.transforms import v2
from tests.vision.oracle import torch
from tests.vision.test_transforms_functional import rounds_alike
from tests.vision.v2_cases import H, Image, Pair, W, agree, boxes, pixels, points, there

V = importlib.import_module("torchvision.transforms.v2")
TT = importlib.import_module("torchvision.tv_tensors")

pytestmark = pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="PyTorch without AVX2")


def detection(image):
    """A sample as detectors take it, with what transforms must leave alone."""
    target = {
        "boxes": boxes("XYXY"),
        "labels": np.array([1, 2, 3]),
        "masks": T.Mask(pixels(3, H, W) > 99),
        "points": points(),
        "name": "one",
        "nothing": None,
    }
    return image, collections.OrderedDict(target), [7, Pair(0.5, "b")]


def samples():
    image = pixels(3, H, W)
    pil = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    return {
        "plain": image,
        "image": {"image": T.Image(image), "label": 3},
        "pil": (pil, np.array([1, 2])),
        "float": T.Image(pixels(3, H, W, dtype=np.float32)),
        "video": {"clip": T.Video(pixels(2, 3, H, W)), "audio": np.zeros(3)},
        "detection": detection(T.Image(image)),
        "detection-pil": detection(pil),
        "empty": {"image": T.Image(image), "boxes": T.wrap(np.zeros((0, 4), np.float32), like=boxes("XYXY"))},
        "rotated": {"image": T.Image(image), "boxes": boxes("CXCYWHR"), "points": points()},
    }


ALL = tuple(samples())
IMAGES = ("plain", "image", "pil", "float", "video")
ARRAYS = ("plain", "image", "float", "video")
DETECTION = ("detection", "detection-pil")

# (name, args, kwargs, samples): each is drawn for several seeds
RANDOM = [
    ("RandomHorizontalFlip", (), {}, ALL),
    ("RandomVerticalFlip", (0.7,), {}, ALL),
    ("RandomResizedCrop", (16,), {}, ALL),
    ("RandomResizedCrop", ((9, 13),), {"scale": (0.9, 1.0), "ratio": (3.0, 5.0), "interpolation": "nearest"}, ALL),
    ("RandomCrop", ([12, 14],), {}, ALL),
    ("RandomCrop", (30,), {"padding": [1, 2, 3, 4], "pad_if_needed": True, "fill": {"others": 3}}, ALL),
    ("RandomCrop", (20,), {"padding": 3, "padding_mode": "reflect"}, IMAGES),
    ("RandomZoomOut", (), {"p": 0.8, "fill": 7}, ALL),
    ("RandomRotation", (30,), {}, ALL),
    ("RandomRotation", ((-10.0, 170.0),), {"expand": True, "interpolation": "bilinear", "fill": 9}, ALL),
    ("RandomAffine", (20,), {"translate": (0.2, 0.3), "scale": (0.5, 1.5), "shear": (-5.0, 5.0, -3.0, 3.0)}, ALL),
    ("RandomAffine", (0,), {"shear": 10, "interpolation": 2, "fill": 3, "center": [1, 2]}, ALL),
    ("RandomPerspective", (0.7, 0.8), {"fill": 4}, ALL),
    ("ElasticTransform", (), {"sigma": [2.0, 3.0]}, ALL),
    ("ScaleJitter", ((20, 25),), {}, ALL),
    ("RandomShortestSize", ([8, 10, 30],), {"max_size": 33}, ALL),
    ("RandomResize", (8, 30), {}, ALL),
    ("RandomIoUCrop", (), {}, DETECTION),
    ("RandomIoUCrop", (), {"sampler_options": [0.3, 0.5], "min_scale": 0.6}, DETECTION),
    ("ColorJitter", (0.5, 0.4, 0.3, 0.2), {}, ALL),
    ("ColorJitter", (), {"brightness": (0.2, 0.9), "hue": 0.5}, IMAGES),
    ("RandomPhotometricDistort", (), {"p": 0.7}, ALL),
    ("RandomChannelPermutation", (), {}, ALL),
    ("RandomGrayscale", (0.4,), {}, ALL),
    ("RandomInvert", (), {}, ALL),
    ("RandomPosterize", (3,), {}, IMAGES),
    ("RandomSolarize", (0.5,), {"p": 0.6}, IMAGES),
    ("RandomAdjustSharpness", (1.7,), {}, IMAGES),
    ("RandomAutocontrast", (), {}, IMAGES),
    ("RandomEqualize", (), {}, IMAGES),
    ("GaussianBlur", (5,), {}, ALL),
    ("GaussianBlur", ((3, 7), (1.0, 3.0)), {}, IMAGES),
    ("GaussianNoise", (0.1, 0.2), {}, ARRAYS),
    ("GaussianNoise", (), {"clip": False}, ARRAYS),
    ("RandomErasing", (), {}, ALL),
    ("RandomErasing", (1.0,), {"value": "random"}, ("float",)),
    ("RandomErasing", (0.8, (0.1, 0.2), (0.5, 2.0)), {"value": [1, 2, 3]}, ARRAYS),
    ("AutoAugment", (), {}, IMAGES),
    ("AutoAugment", ("CIFAR10",), {"fill": 6}, IMAGES),
    ("AutoAugment", ("SVHN",), {"interpolation": "bilinear"}, IMAGES),
    ("RandAugment", (), {}, IMAGES),
    ("RandAugment", (3, 20), {"fill": {"others": 2}}, IMAGES),
    ("TrivialAugmentWide", (), {}, IMAGES),
    ("AugMix", (), {}, IMAGES),
    ("AugMix", (7, 2, 2), {"alpha": 0.4, "all_ops": False}, IMAGES),
]
PLAIN = [
    ("Identity", (), {}, ALL),
    ("Resize", (8,), {}, ALL),
    ("Resize", ((9, 30),), {"interpolation": "bicubic", "antialias": False}, ALL),
    ("Resize", (None,), {"max_size": 12}, ALL),
    ("CenterCrop", ([10],), {}, ALL),
    ("CenterCrop", ((40, 9),), {}, ALL),
    ("FiveCrop", (9,), {}, IMAGES),
    ("TenCrop", ((9, 7),), {"vertical_flip": True}, IMAGES),
    ("Pad", (2,), {}, ALL),
    ("Pad", ((1, 2),), {"fill": (1, 2, 3)}, IMAGES),
    ("Grayscale", (3,), {}, ALL),
    ("RGB", (), {}, ALL),
    ("ToImage", (), {}, ("image", "pil", "float", *DETECTION)),
    ("PILToTensor", (), {}, ALL),
    ("ToPILImage", (), {}, ("image",)),
    ("ToPureTensor", (), {}, ALL),
    ("ToDtype", (np.float32,), {"scale": True}, ALL),
    ("ConvertImageDtype", (np.float64,), {}, ("image", "float", "video")),
    ("Normalize", ((0.5,), [0.1]), {}, ("float",)),
    ("ConvertBoundingBoxFormat", ("CXCYWH",), {}, DETECTION),
    ("ClampBoundingBoxes", (), {}, ALL),
    ("ClampKeyPoints", (), {}, ALL),
    ("SetClampingMode", ("hard",), {}, ALL),
    ("SanitizeBoundingBoxes", (8.0, 20.0), {}, DETECTION),
    ("SanitizeKeyPoints", (), {}, DETECTION),
    ("UniformTemporalSubsample", (3,), {}, ("video",)),
]
# One more or less where the sum of a filter, of pixels or of displacements, is nearly a half.
ROUNDED = {"GaussianBlur", "ElasticTransform"}
WARPED = {"RandomRotation", "RandomAffine", "RandomPerspective", "ElasticTransform"}
MIXED = {"AutoAugment", "RandAugment", "TrivialAugmentWide", "AugMix"}


def build(library, name, args, kwargs):
    args = tuple(getattr(library.AutoAugmentPolicy, a) if name == "AutoAugment" else a for a in args)
    return getattr(library, name)(*(args if library is v2 else map(there, args)), **kwargs)


def ids(table):
    return [f"{i}-{case[0]}" for i, case in enumerate(table)]


def quietly(function, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args)


def compare(name, args, kwargs, chosen, seeds):
    ours, theirs = (build(library, name, args, kwargs) for library in (v2, V))
    assert repr(ours) == repr(theirs)
    ours = pickle.loads(pickle.dumps(ours))
    assert repr(ours) == repr(theirs)
    for kind, sample in samples().items():
        if kind not in chosen:
            continue
        for seed in range(seeds):
            fnn.manual_seed(seed)
            torch.manual_seed(seed)
            what = f"{name} {kind} seed {seed}"
            result, expected = quietly(ours, sample), quietly(theirs, there(sample))
            state, state_there = default_generator.get_state(), torch.get_rng_state().numpy()
            assert (state[24:] == state_there[24:]).all(), f"{what}: another number of draws"
            most, share = (1, 0.002) if name in ROUNDED else (0, 0)
            if (name in WARPED or name in MIXED) and not rounds_alike():
                most, share = 255, 0.5
            agree(result, expected, what, most, share, close=1e-5)


@pytest.mark.parametrize(("name", "args", "kwargs", "chosen"), RANDOM, ids=ids(RANDOM))
def test_same_seed_same_samples(name, args, kwargs, chosen):
    compare(name, args, kwargs, chosen, seeds=4)


def test_mixtures_of_float64_on_the_levels_of_posterize():
    """Where the last bit of what a warp gives says to which level a pixel falls."""
    if not rounds_alike():
        pytest.skip("products of this processor round otherwise")
    image = np.random.default_rng(2).integers(0, 256, (3, 30, 60)) / 256
    for seed in (17, 25, 40):
        fnn.manual_seed(seed)
        torch.manual_seed(seed)
        agree(v2.AugMix()(image), V.AugMix()(there(image)), f"seed {seed}", close=1e-12)


@pytest.mark.parametrize(("name", "args", "kwargs", "chosen"), PLAIN, ids=ids(PLAIN))
def test_samples(name, args, kwargs, chosen):
    compare(name, args, kwargs, chosen, seeds=1)


def test_every_name_and_signature():
    names = [name for name in dir(V) if not name.startswith("_") and callable(getattr(V, name))]
    assert len(names) > 60
    covered = {case[0] for case in RANDOM + PLAIN}
    differ = []
    for name in names:
        ours, theirs = getattr(v2, name), getattr(V, name)
        if name in ("AutoAugmentPolicy", "InterpolationMode"):
            assert [(m.name, m.value) for m in ours] == [(m.name, m.value) for m in theirs]
            continue
        here, then = (_parameters(f) for f in (ours, theirs))
        if here != then:
            differ.append((name, here, then))
        if isinstance(theirs, type) and hasattr(theirs, "get_params"):
            assert callable(ours.get_params), name
    assert not differ
    own = {"Compose", "CutMix", "JPEG", "Lambda", "LinearTransformation", "MixUp", "RandomApply", "RandomChoice"}
    own |= {"RandomOrder", "ToTensor", "Transform"}  # tests of their own, below
    classes = {name for name in names if isinstance(getattr(V, name), type)}
    assert classes - covered - own == {"AutoAugmentPolicy", "InterpolationMode"}


def _parameters(f):
    listed = []
    for p in inspect.signature(f).parameters.values():
        default = str(p.default).removeprefix("torch.")
        listed.append((p.name, p.kind, getattr(p.default, "__name__", default) if default != "1.0" else 1.0))
    return [p for p in listed if p[0] not in ("args", "kwargs")]


NESTED = [
    lambda X: X.Compose([X.RandomHorizontalFlip(1.0)]),
    lambda X: X.Compose([X.Resize(12), X.Compose([X.CenterCrop(10), X.Pad(1)]), X.Grayscale(3)]),
    lambda X: X.RandomApply([X.CenterCrop(20), X.RandomHorizontalFlip()], p=0.4),
    lambda X: X.RandomOrder([X.CenterCrop(20), X.RandomRotation(20), X.ColorJitter(0.5)]),
    lambda X: X.RandomChoice([X.CenterCrop(20), X.RandomInvert(), X.RandomResizedCrop(12, interpolation="nearest")]),
    lambda X: X.RandomChoice([X.CenterCrop(20), X.RandomInvert()], p=[9, 1]),
    lambda X: X.Lambda(abs, float),
]


@pytest.mark.parametrize("make", NESTED)
def test_transforms_of_transforms(make):
    ours, theirs = make(v2), make(V)
    assert repr(ours) == repr(theirs)
    sample = samples()["detection"]
    for library in (fnn, torch):
        library.manual_seed(5)
    for _ in range(8):
        agree(ours(sample), theirs(there(sample)), "one argument")
        agree(ours(*sample), theirs(*there(sample)), "several")


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
@pytest.mark.parametrize(
    "labels", [np.array([0, 2, 1, 2]), np.eye(4, 3, dtype=np.float32), np.eye(4, 3, dtype=np.int64)]
)
def test_mixing_of_batches(name, labels):
    ours, theirs = (getattr(X, name)(alpha=0.7, num_classes=3) for X in (v2, V))
    assert repr(ours) == repr(theirs)
    batch = pixels(4, 3, 9, 8, dtype=np.float32)
    video = T.Video(pixels(4, 2, 3, 9, 8, dtype=np.float32))
    for sample in ((batch, labels), {"a": T.Image(batch), "labels": labels, "n": 3}, (video, {"my_label": labels})):
        for seed in range(5):
            fnn.manual_seed(seed)
            torch.manual_seed(seed)
            agree(ours(sample), theirs(there(sample)), name, close=1e-6)
    fnn.manual_seed(1)
    expected = ours((batch, labels))
    fnn.manual_seed(1)
    result = ours((jnp.asarray(batch), jnp.asarray(labels)))
    assert all(isinstance(part, jax.Array) for part in result)
    np.testing.assert_allclose(result[0], expected[0], 1e-6)
    assert pickle.loads(pickle.dumps(ours))((batch, labels))[0].shape == batch.shape


def test_dtypes_by_class():
    table = {T.Image: np.float32, T.Mask: np.int64, "others": None}
    dtypes = {TT.Image: torch.float32, TT.Mask: torch.int64, "others": None}
    sample = samples()["detection"]
    agree(v2.ToDtype(table, scale=True)(sample), V.ToDtype(dtypes, scale=True)(there(sample)), "dict")
    agree(
        v2.ToDtype({np.ndarray: np.uint8})(np.ones(3)), V.ToDtype({torch.Tensor: torch.uint8})(torch.ones(3)), "plain"
    )
    with pytest.raises(ArgumentError, match="No dtype was specified for type"):
        v2.ToDtype({T.Mask: np.uint8})(sample)
    with pytest.warns(UserWarning, match="no scaling will be done"):
        v2.ToDtype({"others": None}, scale=True)(sample[0])


def test_fills_by_class():
    sample = samples()["detection"]
    ours = v2.Pad(1, fill={T.Image: (1, 2, 3), T.Mask: 1, "others": 0})
    theirs = V.Pad(1, fill={TT.Image: (1, 2, 3), TT.Mask: 1, "others": 0})
    agree(ours(sample), theirs(there(sample)), "fills")


def test_jpeg():
    """torchvision's arrays need its compiled part; on PIL images both are Pillow's."""
    ours, theirs = v2.JPEG((20, 80)), V.JPEG((20, 80))
    assert repr(ours) == repr(theirs)
    pil = samples()["pil"][0]
    for seed in range(4):
        fnn.manual_seed(seed)
        torch.manual_seed(seed)
        expected = np.asarray(theirs(pil))
        np.testing.assert_array_equal(np.asarray(ours(pil)), expected)
        fnn.manual_seed(seed)
        result = ours(T.Video(pixels(3, H, W)[None]))
        np.testing.assert_array_equal(result[0].transpose(1, 2, 0), expected)
    for bad in (True, 0, 101, [5, 4], [1, 2, 3], "90"):
        with pytest.raises(ValueError):
            v2.JPEG(bad)


def test_linear_transformation():
    rng = np.random.default_rng(0)
    matrix, mean = rng.standard_normal((12, 12)).astype(np.float32), rng.standard_normal(12).astype(np.float32)
    ours, theirs = (
        v2.LinearTransformation(matrix, mean),
        V.LinearTransformation(torch.tensor(matrix), torch.tensor(mean)),
    )
    assert repr(ours) == repr(theirs)
    for sample in (T.Image(rng.random((5, 3, 2, 2)).astype(np.float32)), rng.random((3, 2, 2)).astype(np.float32)):
        agree(ours(sample), theirs(there(sample)), "linear")


def test_deprecated():
    with pytest.warns(UserWarning, match="is deprecated"):
        transform = v2.ToTensor()
    pil = samples()["pil"]
    agree(transform(pil)[0], quietly(V.ToTensor)(pil[0]), "ToTensor")
    with pytest.warns(UserWarning, match="is deprecated"):
        assert v2.functional.get_image_size(pil[0]) == [W, H]


def test_jax_arrays_stay_so():
    image = pixels(3, H, W)
    for transform in (v2.Resize(9), v2.RandomHorizontalFlip(1.0), v2.ToDtype(np.float32, scale=True), v2.FiveCrop(4)):
        result, expected = transform(jnp.asarray(image)), transform(image)
        for a, b in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
            assert isinstance(a, jax.Array)
            np.testing.assert_array_equal(a, b)
    assert isinstance(v2.AugMix()(jnp.asarray(image)), jax.Array)
    with pytest.raises(ArgumentError, match="cannot be traced"):
        jax.jit(v2.Resize(9))(jnp.asarray(image))


def test_own_transform_and_class():
    class Depth(T.TVTensor):
        pass

    @v2.functional.register_kernel(v2.functional.resize, Depth)
    def resize_depth(depth, size, **_):
        return depth.view(np.ndarray)[:, : size[0]].view(Depth)

    class Halved(v2.Transform):
        def make_params(self, flat_inputs):
            return {"size": [n // 2 for n in v2.query_size(flat_inputs)]}

        def transform(self, inpt, params):
            return self._call_kernel(v2.functional.resize, inpt, params["size"])

    sample = {"image": T.Image(pixels(3, H, W)), "depth": np.ones((4, 8)).view(Depth), "boxes": boxes("XYXY")}
    result = Halved()(sample)
    assert result["image"].shape == (3, H // 2, W // 2) and result["boxes"].canvas_size == (H // 2, W // 2)
    assert result["depth"].shape == (4, 8) and isinstance(result["depth"], Depth)
    assert type(v2.RandomInvert(1.0)(sample)["depth"]) is Depth
    with pytest.raises(TypeError, match="supports inputs of type"):
        v2.functional.invert(sample["depth"])


BAD = [
    lambda X: X.Compose([]),
    lambda X: X.Compose(X.Identity()),
    lambda X: X.RandomApply([X.Identity()], p=2),
    lambda X: X.RandomChoice([X.Identity()], p=[1, 2]),
    lambda X: X.RandomHorizontalFlip(1.1),
    lambda X: X.Resize(8.5),
    lambda X: X.Resize(None),
    lambda X: X.Resize([1, 2, 3]),
    lambda X: X.CenterCrop([1, 2, 3]),
    lambda X: X.Pad(1.5),
    lambda X: X.Pad([1, 2, 3]),
    lambda X: X.Pad(1, fill="a"),
    lambda X: X.Pad(1, padding_mode="wrap"),
    lambda X: X.RandomCrop(3, padding="a"),
    lambda X: X.RandomZoomOut(side_range=(0.5, 2.0)),
    lambda X: X.RandomRotation(-1),
    lambda X: X.RandomAffine(1, translate=(2, 0)),
    lambda X: X.RandomAffine(1, scale=(0, 1)),
    lambda X: X.RandomPerspective(2),
    lambda X: X.ElasticTransform(alpha=[1, 2, 3]),
    lambda X: X.ColorJitter(hue=0.6),
    lambda X: X.ColorJitter("a"),
    lambda X: X.GaussianBlur(4),
    lambda X: X.RandomErasing(value="a"),
    lambda X: X.RandAugment(num_ops=-1),
    lambda X: X.AugMix(severity=11),
    lambda X: X.SanitizeBoundingBoxes(min_size=0.5),
    lambda X: X.SanitizeBoundingBoxes(labels_getter=3),
    lambda X: X.SetClampingMode("a"),
    lambda X: X.ToDtype("no dtype"),
    lambda X: X.RandomIoUCrop()(torch.zeros(3) if X is V else np.zeros(3)),
    lambda X: X.FiveCrop(3)(there(boxes("XYXY")) if X is V else boxes("XYXY")),
    lambda X: X.RandomCrop(99)(torch.zeros(3, 4, 4) if X is V else np.zeros((3, 4, 4))),
    lambda X: X.MixUp()(torch.zeros(3, 4, 4) if X is V else np.zeros((3, 4, 4))),
    lambda X: X.Normalize([0.5], [1.0])(samples()["pil"]),
    lambda X: X.SanitizeBoundingBoxes()({"labels": torch.zeros(3) if X is V else np.zeros(3)}),
]


@pytest.mark.parametrize("make", BAD)
def test_errors(make):
    with pytest.raises(Exception) as theirs:
        make(V)
    with pytest.raises(ArgumentError) as ours:
        make(v2)
    assert isinstance(ours.value, (theirs.type, ValueError))


REFUSED = [
    (("no_functional", T.TVTensor), "Could not find functional"),
    ((abs, T.TVTensor), "Kernels can only be registered on functionals"),
    (("hflip", np.ndarray), "Kernels can only be registered for subclasses"),
    (("hflip", T.Mask), "cannot be registered for the builtin"),
]


@pytest.mark.parametrize(("args", "message"), REFUSED)
def test_kernels_that_cannot_be_registered(args, message):
    with pytest.raises(ArgumentError, match=message):
        v2.functional.register_kernel(*args)
