"""Boxes, regions and deformable convolutions, against torchvision or what its compiled part gave (``ops.json``)."""

import json
import re
from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn
from fnn.vision import ops
from fnn.vision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7
from tests.vision.op_cases import CASES, DIFFERENTIABLE, RECORD

RECORDED = json.loads(RECORD.read_text())


@pytest.mark.parametrize("name", CASES)
def test_as_torchvisions_compiled_part(name):
    function, arrays, options = CASES[name]
    smooth = name.startswith(DIFFERENTIABLE)
    variables = (arrays[:1] if "roi" in name else arrays) if smooth else []

    def call(*first):
        every = [*first, *map(jnp.asarray, arrays[len(first) :])]
        mask = {"mask": every[4]} if len(every) == 5 else {}
        return getattr(ops, function)(*every[:4], **options, **mask)

    with jax.enable_x64(True):
        if not smooth:
            np.testing.assert_allclose(np.asarray(call()), RECORDED[name][0], rtol=1e-6, atol=1e-6)
            return

        @jax.jit
        def both(*first):
            out, pull = jax.vjp(call, *first)
            return out, pull((jnp.arange(out.size) % 7).reshape(out.shape).astype(out.dtype))

        out, gradients = both(*map(jnp.asarray, variables))
        recorded = RECORDED[name]
        if name == "ps_roi_pool":  # its gradient in torchvision is that of bins which may be a pixel larger
            recorded = [recorded[0], gradients[0]]
        for ours, expected in zip((out, *gradients), recorded, strict=True):
            np.testing.assert_allclose(np.asarray(ours), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", [name for name in CASES if "nms" in name])
def test_a_known_size_under_jit(name):
    function, arrays, options = CASES[name]
    kept = jax.jit(lambda *a: getattr(ops, function)(*a, size=45, **options))(*map(jnp.asarray, arrays))
    expected = RECORDED[name][0]
    assert kept.valid.sum() == len(expected) and kept.indices.shape == kept.valid.shape == (45,)
    np.testing.assert_array_equal(np.asarray(kept.indices)[: len(expected)], expected)
    with pytest.raises(ValueError, match=f"{function}: how many boxes are kept depends on values.*pass size="):
        jax.jit(lambda *a: getattr(ops, function)(*a, **options))(*map(jnp.asarray, arrays))


def test_a_score_of_minus_infinity_is_no_box():
    boxes, scores = jnp.array([[0.0, 0.0, 1.0, 1.0]] * 2), jnp.array([-jnp.inf, -1.0])
    kept = ops.nms(boxes, scores, 0.5, size=1)
    assert kept.indices.tolist() == [1] and kept.valid.tolist() == [True]
    assert ops.nms(jnp.zeros((0, 4)), jnp.zeros(0), 0.5).shape == (0,)
    assert not ops.batched_nms(jnp.zeros((0, 4)), jnp.zeros(0), jnp.zeros(0), 0.5, size=2).valid.any()


def test_many_boxes_by_category():
    """Above a thousand, categories are kept apart by comparing them."""
    numbers = np.random.default_rng(0)
    corners = np.sort(numbers.uniform(0, 300, (1100, 2, 2)), 1).reshape(-1, 4).astype(np.float32)
    scores, kinds = numbers.permutation(1100).astype(np.float32), numbers.integers(0, 2, 1100)
    kept = np.asarray(ops.batched_nms(corners, scores, kinds, 0.3))
    each = [
        np.flatnonzero(kinds == k)[np.asarray(ops.nms(corners[kinds == k], scores[kinds == k], 0.3))] for k in (0, 1)
    ]
    expected = np.concatenate(each)
    np.testing.assert_array_equal(kept, expected[np.argsort(-scores[expected])])


# -- torchvision's Python ---------------------------------------------------------------------------------------------

A = np.array([[0, 0, 4, 4], [1, 1, 3, 6], [2, 2, 5, 4.5]], np.float32)
B = np.array([[0, 0, 4, 4], [1.5, 0, 6, 2], [7, 7, 8, 9]], np.float32)
ON_BOXES = {
    "box_iou": lambda o, a, b: o.box_iou(a, b),
    "box_iou,xywh": lambda o, a, b: o.box_iou(a, b, fmt="xywh"),
    "box_iou,cxcywh": lambda o, a, b: o.box_iou(a[None], b[None], "cxcywh"),
    "generalized": lambda o, a, b: o.generalized_box_iou(a, b),
    "distance": lambda o, a, b: o.distance_box_iou(a, b, eps=1e-3),
    "complete": lambda o, a, b: o.complete_box_iou(a, b),
    "area": lambda o, a, b: o.box_area(a) * o.box_area(b, "xywh"),
    "clip": lambda o, a, b: o.clip_boxes_to_image(a * b, (5, 7)),
    "giou_loss": lambda o, a, b: o.generalized_box_iou_loss(a, b),
    "diou_loss": lambda o, a, b: o.distance_box_iou_loss(a, b, "sum", eps=1e-2),
    "ciou_loss": lambda o, a, b: o.complete_box_iou_loss(a, b, reduction="mean", eps=1e-2),
    "focal": lambda o, a, b: o.sigmoid_focal_loss(a - 2, (b > 2) + 0 * b, 0.3, 1.5),
    "focal,none": lambda o, a, b: o.sigmoid_focal_loss(a - 2, (b > 2) + 0 * b, alpha=-1, reduction="mean"),
}
FORMATS = [
    (a, b) for kind in (["xyxy", "xywh", "cxcywh"], ["xywhr", "cxcywhr", "xyxyxyxy"]) for a in kind for b in kind
]


@pytest.mark.parametrize("name", ON_BOXES)
def test_values_and_gradients_on_boxes(name):
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    inputs = [torch.from_numpy(x.astype(np.float64)).requires_grad_() for x in (A, B)]
    expected = ON_BOXES[name](torchvision.ops, *inputs)
    expected.sum().backward()
    with jax.enable_x64(True):
        a, b = jnp.asarray(A, float), jnp.asarray(B, float)
        out = ON_BOXES[name](ops, a, b)
        np.testing.assert_allclose(np.asarray(out), expected.detach().numpy(), rtol=1e-12, atol=1e-12)
        grads = jax.grad(lambda a, b: ON_BOXES[name](ops, a, b).sum(), (0, 1))(a, b)
    for ours, theirs in zip(grads, inputs, strict=True):
        if theirs.grad is not None:
            np.testing.assert_allclose(np.asarray(ours), theirs.grad.numpy(), rtol=1e-9, atol=1e-9)


def test_formats():
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    numbers = np.random.default_rng(0)
    for dtype in (np.float32, np.int32):
        for a, b in FORMATS:
            k = {"xywhr": 5, "cxcywhr": 5, "xyxyxyxy": 8}.get(a, 4)
            x = (20 * numbers.uniform(0, 1, (2, 3, k))).astype(dtype)
            expected = torchvision.ops.box_convert(torch.from_numpy(x), a, b)
            out = np.asarray(ops.box_convert(x, a, b))
            assert out.dtype == expected.numpy().dtype
            np.testing.assert_allclose(out, expected.numpy(), rtol=1e-4, atol=1e-4, err_msg=f"{a} {b} {dtype}")


def test_boxes_of_masks_and_small_boxes():
    masks = np.zeros((3, 5, 6), bool)
    masks[0, 1:3, 2:5] = masks[1, 4, 5] = True
    np.testing.assert_array_equal(ops.masks_to_boxes(masks), [[2, 1, 4, 2], [5, 4, 5, 4], [0, 0, 0, 0]])
    assert ops.masks_to_boxes(np.zeros((0, 5, 6))).shape == (0, 4)
    np.testing.assert_array_equal(ops.remove_small_boxes(A, 2.5), [0, 2])
    with pytest.raises(ValueError, match="remove_small_boxes: argument 'boxes' is traced"):
        jax.jit(lambda x: ops.remove_small_boxes(x, 1))(A)


def test_whole_numbers():
    boxes = np.array([[0, 0, 100, 100], [50, 0, 120, 90]], np.int8)
    assert ops.box_area(boxes).dtype == jnp.int32 and ops.box_area(boxes).tolist() == [10000, 6300]
    assert ops.box_iou(boxes, boxes)[0, 0] == 1


# -- Modules ----------------------------------------------------------------------------------------------------------


def test_feature_pyramid():
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    theirs_extra = torchvision.ops.feature_pyramid_network
    numbers = np.random.default_rng(0)
    maps = OrderedDict(
        (n, numbers.standard_normal((1, c, s, s)).astype(np.float32)) for n, c, s in (("a", 2, 9), ("b", 3, 5))
    )
    for ours_block, block in (
        (lambda: None, lambda: None),
        (LastLevelMaxPool, theirs_extra.LastLevelMaxPool),
        (lambda: LastLevelP6P7(3, 4), lambda: theirs_extra.LastLevelP6P7(3, 4)),
        (lambda: LastLevelP6P7(4, 4), lambda: theirs_extra.LastLevelP6P7(4, 4)),
    ):
        torch.manual_seed(0), fnn.manual_seed(0)
        theirs = torchvision.ops.FeaturePyramidNetwork([2, 3], 4, block(), norm_layer=None)
        ours = ops.FeaturePyramidNetwork([2, 3], 4, ours_block(), norm_layer=None)
        assert repr(ours) == repr(theirs)
        for name, value in theirs.state_dict().items():
            np.testing.assert_array_equal(np.asarray(ours.state_dict()[name]), value.numpy(), err_msg=name)
        out = ours({n: jnp.asarray(x) for n, x in maps.items()})
        expected = theirs(OrderedDict((n, torch.from_numpy(x)) for n, x in maps.items()))
        assert list(out) == list(expected)
        for name in out:
            np.testing.assert_allclose(np.asarray(out[name]), expected[name].detach().numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(TypeError, match="extra_blocks should be of type ExtraFPNBlock"):
        ops.FeaturePyramidNetwork([2], 4, nn.Identity())


@pytest.mark.parametrize("ratio", [2, 0])
def test_regions_of_a_pyramid(ratio):
    """Each from one level: as `roi_align` there."""
    numbers = np.random.default_rng(0)
    maps = {str(i): jnp.asarray(numbers.standard_normal((2, 3, 32 >> i, 24 >> i)), jnp.float32) for i in range(3)}
    boxes = [jnp.array([[0.0, 0.0, 9.0, 12.0], [5.0, 5.0, 90.0, 60.0]]), jnp.array([[3.0, 9.0, 60.0, 50.0]])]
    pool = ops.MultiScaleRoIAlign(["0", "1", "2"], 2, ratio, canonical_scale=30, canonical_level=3)
    out = pool(maps, boxes, [(128, 96), (100, 90)])
    for i, (level, image, box) in enumerate(((0, 0, boxes[0][0]), (2, 0, boxes[0][1]), (1, 1, boxes[1][0]))):
        roi = jnp.concatenate([jnp.array([float(image)]), box])[None]
        expected = ops.roi_align(maps[str(level)], roi, 2, 0.25 / 2**level, ratio)
        np.testing.assert_allclose(np.asarray(out[i : i + 1]), np.asarray(expected), rtol=1e-5, atol=1e-6)


def test_drop_block_draws_as_torchs():
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    for name, shape in (("drop_block2d", (2, 2, 6, 7)), ("drop_block3d", (1, 2, 4, 6, 5))):
        x = np.ones(shape, np.float32)
        torch.manual_seed(3), fnn.manual_seed(3)
        expected = getattr(torchvision.ops, name)(torch.from_numpy(x), 0.3, 3).numpy()
        np.testing.assert_allclose(np.asarray(getattr(ops, name)(x, 0.3, 3)), expected, rtol=1e-6)
    assert ops.DropBlock3d(0.5, 3).eval()(x) is not None
    assert repr(ops.DropBlock2d(0.5, 3)) == repr(torchvision.ops.DropBlock2d(0.5, 3))


def test_a_seed_gives_torchvisions_deformable_convolution():
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    torch.manual_seed(0), fnn.manual_seed(0)
    theirs, ours = (o.DeformConv2d(4, 6, 3, 2, padding=1, groups=2) for o in (torchvision.ops, ops))
    assert repr(ours) == repr(theirs)
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(np.asarray(ours.state_dict()[name]), value.numpy())


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ops.box_iou(A, B, "xyz"), "Unsupported format 'xyz'. Supported axis-aligned formats"),
        (lambda: ops.box_area(A, "xyz"), "Unsupported Bounding Box area for given format xyz"),
        (lambda: ops.box_convert(A, "xyxy", "xywhr"), "Unsupported Bounding Box Conversions for given in_fmt xyxy and"),
        (lambda: ops.sigmoid_focal_loss(A, B, alpha=2), "Invalid alpha value: 2. alpha must be in the range [0,1] or"),
        (lambda: ops.generalized_box_iou_loss(A, B, "avg"), "Invalid Value for arg 'reduction': 'avg"),
        (lambda: ops.nms(A[0], B[0, :1], 0.5), "nms: boxes should be a 2d tensor, got 1D"),
        (lambda: ops.nms(A, B[0], 0.5), "boxes and scores should have same number of elements in dimension 0, got 3"),
        (lambda: ops.roi_align(jnp.ones((1, 1, 4, 4)), A, 2), "The boxes tensor shape is not correct as Tensor[K, 5]"),
        (
            lambda: ops.roi_pool(jnp.ones((1, 1, 4, 4)), [A[:, :3]], 2),
            "in the boxes list is not correct as List[Tensor",
        ),
        (
            lambda: ops.ps_roi_pool(jnp.ones((1, 3, 4, 4)), [A], 2),
            "input channels must be a multiple of pooling height",
        ),
        (lambda: ops.drop_block2d(A[None, None], 0.5, 2), "block size should be odd. Got 2 which is even."),
        (lambda: ops.drop_block2d(A, 0.5, 3), "input should be 4 dimensional. Got 2 dimensions."),
        (lambda: ops.DeformConv2d(3, 4, 3, groups=2), "in_channels must be divisible by groups"),
        (
            lambda: ops.deform_conv2d(jnp.ones((1, 1, 5, 5)), jnp.ones((1, 2, 3, 3)), jnp.ones((1, 1, 3, 3))),
            "the shape of the offset tensor at dimension 1 is not valid.",
        ),
    ],
)
def test_what_is_refused(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        call()
