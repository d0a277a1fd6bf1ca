"""Every published detector, whole: torchvision's weights for a seed, its losses, gradients and detections.

In double precision on small images.  Losses look at all anchors and proposals, so that nothing is left to chance: what
is drawn among them is held to torchvision in ``test_detection.py``.
"""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.vision.models import detection
from tests import extent
from tests.vision.oracle import torch, without_compiled_part
from tests.vision.published import numbers, same, settle, stored, undisturbed

SMALL = {"min_size": 64, "max_size": 96}
REGIONS = {
    **SMALL,
    "rpn_post_nms_top_n_train": 12,
    "rpn_post_nms_top_n_test": 12,
    "rpn_batch_size_per_image": 10_000,
    "box_batch_size_per_image": 32,
    "box_detections_per_img": 6,
}
ONE_STAGE = {**SMALL, "detections_per_img": 15}
MODELS = {
    "fasterrcnn_mobilenet_v3_large_320_fpn": REGIONS,
    "fasterrcnn_mobilenet_v3_large_fpn": REGIONS,
    "fasterrcnn_resnet50_fpn": REGIONS,
    "fasterrcnn_resnet50_fpn_v2": REGIONS,
    "fcos_resnet50_fpn": ONE_STAGE,
    "keypointrcnn_resnet50_fpn": REGIONS,
    "maskrcnn_resnet50_fpn": REGIONS,
    "maskrcnn_resnet50_fpn_v2": REGIONS,
    "retinanet_resnet50_fpn": ONE_STAGE,
    "retinanet_resnet50_fpn_v2": ONE_STAGE,
    # without the deviations that its published backbone's numbers are in: all scores would be 0 or 1
    "ssd300_vgg16": {"image_std": [0.25] * 3, "detections_per_img": 15},
    "ssdlite320_mobilenet_v3_large": {"detections_per_img": 15},
}


def _samples(name):
    """Two images of different sizes, and their targets."""
    draws = np.random.default_rng(0)
    images = [draws.uniform(0, 1, (3, h, w)) for h, w in ((60, 78), (48, 36))]
    targets = [
        {"boxes": np.array([[5, 5, 40, 35], [20, 10, 75, 58], [1, 30, 30, 57.0]]), "labels": np.array([1, 3, 90])},
        {"boxes": np.array([[2, 2, 24, 40.0]]), "labels": np.array([2])},
    ]
    for image, target in zip(images, targets, strict=True):
        count = len(target["labels"])
        if name.startswith("keypoint"):  # of persons only
            target["labels"] = np.ones(count, np.int64)
        target["masks"] = (draws.uniform(0, 1, (count, *image.shape[1:])) > 0.4).astype(np.uint8)
        low, high = target["boxes"][:, None, :2], target["boxes"][:, None, 2:]
        places = low + draws.uniform(0, 1.2, (count, 17, 2)) * (high - low)
        seen = draws.integers(0, 3, (count, 17, 1))
        target["keypoints"] = np.concatenate([places, seen], -1).astype(np.float32)  # torchvision takes no others
    return images, targets


def _theirs(name, store):
    """What torchvision's model finds: detections, losses, their sum's gradients, and buffers after."""
    torch.manual_seed(7)
    model = getattr(without_compiled_part().models.detection, name)(weights_backbone=None, **MODELS[name])
    store["draw"] = torch.rand(3).numpy()
    for key, value in model.state_dict().items():
        store[f"state {key}"] = value.numpy()
    printed = repr(model)
    model.to(torch.float64)
    images, targets = _samples(name)
    images = [torch.from_numpy(x) for x in images]
    targets = [{key: torch.from_numpy(x) for key, x in target.items()} for target in targets]
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.from_numpy(numbers(key, value.shape)))
                if key.endswith("cls_logits.weight"):  # no score shall be 0 or 1
                    value.mul_(0.1)
        settle(model.eval().backbone, lambda: model(images))
        for key, value in model.state_dict().items():
            store[f"given {key}"] = value.numpy()
        for i, found in enumerate(model.eval()(images)):
            for key, value in found.items():
                store[f"found {i} {key}"] = value.numpy()
    losses = undisturbed(model).train()(images, targets)
    for key, value in losses.items():
        store[f"loss {key}"] = value.detach().numpy()
    sum(losses.values()).backward()
    largest = 0.0
    for key, parameter in model.named_parameters():
        store[f"gradient {key}"] = parameter.grad.numpy()
        largest = max(largest, parameter.grad.abs().max().item())
    for key, value in model.named_buffers():
        store[f"buffer {key}"] = value.numpy()
    return printed, largest


@fnn.jit
def _step(model, images, targets):
    def loss(model):
        losses = model(images, targets)
        return sum(losses.values()), losses

    (_, losses), gradients = fnn.value_and_grad(loss, has_aux=True)(model)
    return losses, gradients


store = pytest.fixture(name="store")(stored)


@pytest.mark.parametrize("name", MODELS if extent.ALL else [])
def test_a_published_detector(name, store):
    printed, largest = _theirs(name, store)
    gc.collect()

    fnn.manual_seed(7)
    model = getattr(detection, name)(weights_backbone=None, **MODELS[name])
    np.testing.assert_array_equal(np.asarray(fnn.rand(3)), store["draw"])  # as many numbers drawn
    assert repr(model) == printed
    state = model.state_dict()
    assert list(state) == store.under("state")
    for key, value in state.items():
        np.testing.assert_allclose(np.asarray(value), store[f"state {key}"], rtol=1e-6, atol=1e-6, err_msg=key)

    with jax.enable_x64(True):
        for key, box in (*model.named_parameters(), *model.named_buffers()):
            box.data = jnp.asarray(store[f"given {key}"])
        images, targets = _samples(name)
        images = [jnp.asarray(x) for x in images]
        targets = [{key: jnp.asarray(x) for key, x in target.items()} for target in targets]

        padded = fnn.jit(lambda model, images: model(images))(model.eval(), images)
        found = {}
        for i, one in enumerate(padded):
            rows = np.asarray(one.pop("valid"))
            found |= {f"{i} {key}": np.asarray(value)[rows] for key, value in one.items()}
        assert sorted(found) == sorted(store.under("found"))
        same(found, store, "found")

        losses, gradients = _step(undisturbed(model).train(), images, targets)
    assert sorted(losses) == sorted(store.under("loss"))
    same(losses, store, "loss")
    same(gradients, store, "gradient", 1e-12 * largest)
    same({key: box.data for key, box in model.named_buffers()}, store, "buffer")
