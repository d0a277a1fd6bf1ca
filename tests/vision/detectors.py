"""Tiny detectors, and what torchvision's find for a seed, with weights drawn by it; ``detectors.json`` has that.

It is recorded because torchvision's compiled part is missing from some installations, and what stands in for it is
slow: ``python -m tests.vision.detectors`` writes it anew.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np

RECORD = Path(__file__).with_name("detectors.json")


def _backbone(nn, channels=8):
    backbone = nn.Sequential(nn.Conv2d(3, channels, 3, stride=4, padding=1), nn.ReLU())
    backbone.out_channels = channels
    return backbone


def _two_maps(nn):
    class TwoMaps(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(3, 8, 3, stride=8, padding=1), nn.ReLU())
            self.second = nn.Sequential(nn.Conv2d(8, 6, 3, stride=2, padding=1), nn.ReLU())

        def forward(self, x):
            x = self.first(x)
            return {"0": x, "1": self.second(x)}

    return TwoMaps()


def _ssd(v, nn, lite=False):
    detection = v.models.detection
    head = detection.ssdlite.SSDLiteHead([8, 6], [4, 4], 4, partial(nn.BatchNorm2d, eps=1e-3)) if lite else None
    return detection.ssd.SSD(
        _two_maps(nn),
        detection.anchor_utils.DefaultBoxGenerator([[2], [2]], **({} if lite else {"steps": [8, 16]})),
        (48, 40),
        4,
        head=head,
        score_thresh=0.2,
        topk_candidates=12,
        detections_per_img=8,
    )


def _rcnn(kind, v, nn, **more):
    detection, ops, backbone = v.models.detection, v.ops, _backbone(nn)
    usual = {
        "min_size": 40,
        "max_size": 60,
        "rpn_anchor_generator": detection.anchor_utils.AnchorGenerator(((8, 16),), ((0.5, 1.0),)),
        "rpn_pre_nms_top_n_train": 60,
        "rpn_pre_nms_top_n_test": 60,
        "rpn_post_nms_top_n_train": 30,
        "rpn_post_nms_top_n_test": 20,
        "rpn_batch_size_per_image": 16,
        "box_roi_pool": ops.MultiScaleRoIAlign(["0"], 2, 2),
        "box_head": detection.faster_rcnn.TwoMLPHead(32, 1024),
        "box_batch_size_per_image": 12,
        "box_detections_per_img": 6,
    }
    return getattr(detection, kind)(backbone, 4, **(usual | more))


def _normed(v, nn):
    """Batch normalisation in both heads, and fewer proposals and objects than there are places for."""
    detection, ops = v.models.detection, v.ops
    return _rcnn(
        "MaskRCNN",
        v,
        nn,
        rpn_nms_thresh=0.3,
        rpn_post_nms_top_n_train=60,
        box_batch_size_per_image=80,
        box_head=detection.faster_rcnn.FastRCNNConvFCHead((8, 2, 2), [6, 6], [1024], norm_layer=nn.BatchNorm2d),
        mask_roi_pool=ops.MultiScaleRoIAlign(["0"], 4, 2),
        mask_head=detection.mask_rcnn.MaskRCNNHeads(8, (8, 256), 1, norm_layer=nn.BatchNorm2d),
    )


MODELS = {
    "faster": lambda v, nn: _rcnn("FasterRCNN", v, nn),
    "mask": lambda v, nn: _rcnn(
        "MaskRCNN",
        v,
        nn,
        mask_roi_pool=v.ops.MultiScaleRoIAlign(["0"], 4, 2),
        mask_head=v.models.detection.mask_rcnn.MaskRCNNHeads(8, (256,), 1),
    ),
    "mask_normed": _normed,
    "keypoint": lambda v, nn: _rcnn(
        "KeypointRCNN",
        v,
        nn,
        keypoint_roi_pool=v.ops.MultiScaleRoIAlign(["0"], 4, 2),
        keypoint_head=v.models.detection.keypoint_rcnn.KeypointRCNNHeads(8, (16,)),
        keypoint_predictor=v.models.detection.keypoint_rcnn.KeypointRCNNPredictor(16, 3),
    ),
    "retina": lambda v, nn: v.models.detection.RetinaNet(
        _backbone(nn),
        4,
        min_size=40,
        max_size=60,
        anchor_generator=v.models.detection.anchor_utils.AnchorGenerator(((8, 16),), ((0.5, 1.0),)),
        score_thresh=0.02,
        topk_candidates=60,
        detections_per_img=8,
    ),
    "fcos": lambda v, nn: v.models.detection.FCOS(
        _backbone(nn, 32),
        4,
        min_size=40,
        max_size=60,
        anchor_generator=v.models.detection.anchor_utils.AnchorGenerator(((4,),), ((1.0,),)),
        head=v.models.detection.fcos.FCOSHead(32, 1, 4, num_convs=1),
        center_sampling_radius=2.5,
        score_thresh=0.1,
        topk_candidates=60,
        detections_per_img=8,
    ),
    "ssd": _ssd,
    "ssdlite": partial(_ssd, lite=True),
}


def inputs():
    """Two images of different sizes, and their targets."""
    numbers = np.random.default_rng(0)
    images = [numbers.uniform(0, 1, (3, h, w)).astype(np.float32) for h, w in ((40, 52), (36, 30))]
    targets = [
        {"boxes": np.array([[5, 5, 30, 25], [10, 20, 50, 38]], np.float32), "labels": np.array([1, 3])},
        {"boxes": np.array([[2, 2, 14, 30]], np.float32), "labels": np.array([2])},
    ]
    for image, target in zip(images, targets, strict=True):
        size = (len(target["labels"]), *image.shape[1:])
        target["masks"] = (numbers.uniform(0, 1, size) > 0.4).astype(np.uint8)
    for target in targets:
        low, high = target["boxes"][:, None, :2], target["boxes"][:, None, 2:]
        places = low + numbers.uniform(0, 1.2, (len(low), 3, 2)) * (high - low)
        places[0, 0] = high[0, 0]  # at the corner of the box
        seen = numbers.integers(0, 3, (len(low), 3, 1))
        target["keypoints"] = np.concatenate([places, seen], -1).astype(np.float32)
    return images, targets


def sharpened(model):
    """Scores that are far from each other."""
    logits = 2 if type(model).__name__ == "FCOS" else 300
    for name, parameter in model.named_parameters():
        if "classification_head.module_list" in name:
            parameter.data = parameter.data * 8
        elif name.endswith(("cls_logits.weight", "cls_score.weight")):
            parameter.data = parameter.data * (20 if "score" in name else logits)
        elif ".conv." in name:
            parameter.data = parameter.data * 12
    return model


def main() -> None:
    """Writes the record."""
    import torch

    from tests.vision.oracle import without_compiled_part

    torchvision = without_compiled_part()
    record = {}
    images, targets = inputs()
    images = [torch.from_numpy(x) for x in images]
    targets = [{k: torch.from_numpy(v) for k, v in t.items()} for t in targets]
    for name, make in MODELS.items():
        torch.manual_seed(0)
        model = sharpened(make(torchvision, torch.nn))
        state = {k: [float(v.double().sum()), float(v.double().abs().sum())] for k, v in model.state_dict().items()}
        torch.manual_seed(3)
        losses = {k: float(v) for k, v in model.train()(images, targets).items()}
        found = []
        with torch.no_grad():
            for one in model.eval()(images):
                if "masks" in one:
                    one["masks"] = one["masks"].sum((1, 2, 3))
                found.append({k: v.numpy().round(5).tolist() for k, v in one.items()})
        record[name] = {"repr": repr(model), "state": state, "losses": losses, "found": found}
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
