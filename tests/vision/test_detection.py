"""Detectors against what torchvision's found for the same seed (``detectors.json``)."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, vision
from fnn.vision import models
from fnn.vision.models import detection
from tests import extent
from tests.vision import quick
from tests.vision.detectors import MODELS, RECORD, inputs, sharpened
from tests.vision.record_models import digests

RECORDED = json.loads(RECORD.read_text())


def _made(name):
    fnn.manual_seed(0)
    return sharpened(MODELS[name](vision, nn))


def _arrays():
    images, targets = inputs()
    return [jnp.asarray(x) for x in images], [{k: jnp.asarray(v) for k, v in t.items()} for t in targets]


def _masses(found):
    return {k: v.sum((1, 2, 3)) if k == "masks" else v for k, v in found.items()}


@pytest.mark.parametrize("name", extent.some(MODELS, 2))
def test_for_a_seed(name):
    recorded = RECORDED[name]
    model = _made(name)
    assert repr(model) == recorded["repr"]
    state = model.state_dict()
    assert list(state) == list(recorded["state"])
    for key, (total, absolute) in recorded["state"].items():
        value = np.asarray(state[key], np.float64)
        np.testing.assert_allclose([value.sum(), np.abs(value).sum()], [total, absolute], rtol=1e-5, atol=1e-4)

    images, targets = _arrays()
    fnn.manual_seed(3)
    losses = model.train()(images, targets)
    assert sorted(losses) == sorted(recorded["losses"])
    for key, expected in recorded["losses"].items():
        np.testing.assert_allclose(float(losses[key]), expected, rtol=1e-4, err_msg=key)

    model.eval()
    padded = fnn.jit(lambda model, images: model(images))(model, images)
    for found, whole, expected in zip(model(images), padded, recorded["found"], strict=True):
        assert sorted(found) == sorted(expected) and sorted(whole) == sorted([*expected, "valid"])
        assert int(whole["valid"].sum()) == len(expected["scores"])
        for key, value in _masses(found).items():
            np.testing.assert_allclose(np.asarray(value), expected[key], rtol=1e-3, atol=2e-3, err_msg=key)
            rows = np.asarray(_masses(whole)[key])[: len(value)]
            np.testing.assert_allclose(rows, np.asarray(value), rtol=1e-3, atol=2e-3, err_msg=key)


@pytest.mark.parametrize("name", extent.some(sorted(models.list_models(detection)), 4))
def test_builders(name):
    """Keys, shapes, print and which parameters are trained are torchvision's."""
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    with quick.zeros():
        model = models.get_model(name, weights_backbone=None)
    with torch.device("meta"):
        expected = getattr(torchvision.models.detection, name)(weights_backbone=None)
    assert digests(model) == digests(expected)
    trained = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {key for key, parameter in expected.named_parameters() if parameter.requires_grad}


def test_ssdlite_for_a_seed():
    torch = pytest.importorskip("torch")
    from tests.vision.oracle import torchvision

    fnn.manual_seed(1)
    state = detection.ssdlite320_mobilenet_v3_large(num_classes=3, weights_backbone=None, width_mult=0.25).state_dict()
    torch.manual_seed(1)
    build = torchvision.models.detection.ssdlite320_mobilenet_v3_large
    for key, value in build(num_classes=3, weights_backbone=None, width_mult=0.25).state_dict().items():
        np.testing.assert_allclose(np.asarray(state[key]), value.numpy(), rtol=1e-5, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", extent.some(["fcos", "ssd", "keypoint"], 1))
def test_gradients_are_numbers(name):
    """Of images with no object, too."""
    model = _made(name).train()
    images, targets = _arrays()
    targets[1] = {key: value[:0] for key, value in targets[1].items()}

    @fnn.jit
    def step(model, images, targets):
        return fnn.value_and_grad(lambda model: sum(model(images, targets).values()))(model)

    loss, gradients = step(model, images, targets)
    assert np.isfinite(float(loss)) and all(np.isfinite(np.asarray(g)).all() for g in gradients.values())


def test_a_training_step_in_one_program():
    """Samples are drawn in the program; every gradient is a number, and there is one for every parameter."""
    model = _made("faster").train()
    images, targets = _arrays()

    @fnn.jit
    def step(model, images, targets):
        return fnn.value_and_grad(lambda model: sum(model(images, targets).values()))(model)

    loss, gradients = step(model, images, targets)
    assert np.isfinite(float(loss)) and all(np.isfinite(np.asarray(g)).all() for g in gradients.values())
    assert set(gradients) == {name for name, _ in model.named_parameters()}


def test_what_is_refused():
    model = _made("retina").train()
    images, targets = _arrays()
    with pytest.raises(ValueError, match="targets should not be none when in training mode"):
        model(images)
    with pytest.raises(ValueError, match=r"Expected target boxes to be a tensor of shape \[N, 4\], got"):
        model(images, [{"boxes": jnp.zeros(4)}] * 2)
    with pytest.raises(ValueError, match=r"All bounding boxes should have positive height and width\. Found"):
        model(images, [{**targets[0], "boxes": jnp.zeros((2, 4))}, targets[1]])
    with pytest.raises(ValueError, match="backbone should contain an attribute out_channels"):
        detection.FasterRCNN(nn.Identity(), 2)
    with pytest.raises(ValueError, match="num_classes should not be None when box_predictor is not specified"):
        detection.FasterRCNN(model.backbone)
    with pytest.raises(ValueError, match="backbone should contain an attribute out_channels"):
        detection.FCOS(nn.Identity(), 2)
    with pytest.raises(ValueError, match=r"num_anchors_per_location\(\)\[0\] should be 1 instead of 4"):
        detection.FCOS(model.backbone, 2, anchor_generator=model.anchor_generator)
    boxes = detection.anchor_utils.DefaultBoxGenerator([[2], [2]])
    with pytest.raises(ValueError, match=r"output channels from the backbone \(1\) do not match .* ratios \(2\)"):
        detection.ssd.SSD(nn.Conv2d(3, 4, 3), boxes, (16, 16), 2)
    with pytest.raises(ValueError, match="aspect_ratios and steps should have the same length"):
        detection.anchor_utils.DefaultBoxGenerator([[2], [2]], steps=[8])
    with pytest.raises(TypeError, match="keypoint_roi_pool should be of type MultiScaleRoIAlign or None instead of"):
        detection.KeypointRCNN(model.backbone, 2, keypoint_roi_pool=nn.Identity())
    with pytest.raises(TypeError, match="Expected input images to be of floating type"):
        model.eval()([jnp.zeros((3, 8, 8), jnp.uint8)])


def test_a_size_is_drawn_as_by_torchvision():
    """A number is drawn also where there is one size; of several a traced program has none."""
    transform = detection.transform.GeneralizedRCNNTransform(24, 40, [0.0] * 3, [1.0] * 3).train()
    image, found = jnp.ones((3, 12, 15)), []
    for run in (lambda f: f, fnn.jit(random="torch")):
        fnn.manual_seed(0)
        found.append(run(lambda transform, image: transform([image])[0].tensors)(transform, image))
        found.append(fnn.rand(2))
    np.testing.assert_allclose(found[0], found[2], atol=1e-6)
    np.testing.assert_array_equal(np.asarray(found[1]), np.asarray(found[3]))
    transform.min_size = (24, 32)
    with pytest.raises(
        ValueError, match=r"min_size=\(24, 32\) is drawn in training, and a traced program has one size"
    ):
        fnn.jit(random="torch")(lambda transform, image: transform([image])[0].tensors)(transform, image)


def test_trainable_layers():
    body = vision.models.resnet18(num_classes=2)
    features = detection.backbone_utils.resnet_features(body, 1)
    trained = {name.split(".")[1] for name, p in features.body.named_parameters("body") if p.requires_grad}
    assert trained == {"layer4"} and features.out_channels == 256
    with pytest.raises(ValueError, match=r"Trainable layers should be in the range \[0,5\], got 6"):
        detection.backbone_utils.resnet_features(body, 6)


def test_channels_of_a_backbone():
    """The look at it keeps nothing of its weights: those that replace them raise no warning of stale programs."""
    backbone = nn.Sequential(nn.Conv2d(3, 4, 3, stride=8), nn.ReLU())
    assert detection.backbone_utils.out_channels_of(backbone, (16, 24)) == [4]
    for parameter in backbone.parameters():
        parameter.data = parameter.data * 2
