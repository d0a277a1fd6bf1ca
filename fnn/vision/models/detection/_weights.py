"""The published weights of the detection models."""

from fnn.vision.models._categories import COCO, COCO_KEYPOINTS, COCO_PERSON
from fnn.vision.models._weights import WeightsEnum, published

__all__ = [
    "FasterRCNN_MobileNet_V3_Large_320_FPN_Weights",
    "FasterRCNN_MobileNet_V3_Large_FPN_Weights",
    "FasterRCNN_ResNet50_FPN_Weights",
    "FasterRCNN_ResNet50_FPN_V2_Weights",
    "FCOS_ResNet50_FPN_Weights",
    "KeypointRCNN_ResNet50_FPN_Weights",
    "MaskRCNN_ResNet50_FPN_Weights",
    "MaskRCNN_ResNet50_FPN_V2_Weights",
    "RetinaNet_ResNet50_FPN_Weights",
    "RetinaNet_ResNet50_FPN_V2_Weights",
    "SSD300_VGG16_Weights",
    "SSDLite320_MobileNet_V3_Large_Weights",
]


class FasterRCNN_MobileNet_V3_Large_320_FPN_Weights(WeightsEnum):
    """Published weights of `fasterrcnn_mobilenet_v3_large_320_fpn`."""

    COCO_V1 = published(
        "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9",
        19_386_354,
        {"COCO-val2017": {"box_map": 22.8}},
        0.719,
        74.239,
        "detection#faster-r-cnn-mobilenetv3-large-320-fpn",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class FasterRCNN_MobileNet_V3_Large_FPN_Weights(WeightsEnum):
    """Published weights of `fasterrcnn_mobilenet_v3_large_fpn`."""

    COCO_V1 = published(
        "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7",
        19_386_354,
        {"COCO-val2017": {"box_map": 32.8}},
        4.494,
        74.239,
        "detection#faster-r-cnn-mobilenetv3-large-fpn",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class FasterRCNN_ResNet50_FPN_Weights(WeightsEnum):
    """Published weights of `fasterrcnn_resnet50_fpn`."""

    COCO_V1 = published(
        "fasterrcnn_resnet50_fpn_coco-258fb6c6",
        41_755_286,
        {"COCO-val2017": {"box_map": 37.0}},
        134.38,
        159.743,
        "detection#faster-r-cnn-resnet-50-fpn",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class FasterRCNN_ResNet50_FPN_V2_Weights(WeightsEnum):
    """Published weights of `fasterrcnn_resnet50_fpn_v2`."""

    COCO_V1 = published(
        "fasterrcnn_resnet50_fpn_v2_coco-dd69338a",
        43_712_278,
        {"COCO-val2017": {"box_map": 46.7}},
        280.371,
        167.104,
        "https://github.com/pytorch/vision/pull/5763",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class FCOS_ResNet50_FPN_Weights(WeightsEnum):
    """Published weights of `fcos_resnet50_fpn`."""

    COCO_V1 = published(
        "fcos_resnet50_fpn_coco-99b0c9b7",
        32_269_600,
        {"COCO-val2017": {"box_map": 39.2}},
        128.207,
        123.608,
        "detection#fcos-resnet-50-fpn",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class KeypointRCNN_ResNet50_FPN_Weights(WeightsEnum):
    """Published weights of `keypointrcnn_resnet50_fpn`."""

    COCO_LEGACY = published(
        "keypointrcnn_resnet50_fpn_coco-9f466800",
        59_137_258,
        {"COCO-val2017": {"box_map": 50.6, "kp_map": 61.1}},
        133.924,
        226.054,
        "https://github.com/pytorch/vision/issues/1606",
        preset="ObjectDetection",
        categories=COCO_PERSON,
        keypoint_names=COCO_KEYPOINTS,
        min_size=(1, 1),
    )
    COCO_V1 = published(
        "keypointrcnn_resnet50_fpn_coco-fc266e95",
        59_137_258,
        {"COCO-val2017": {"box_map": 54.6, "kp_map": 65.0}},
        137.42,
        226.054,
        "detection#keypoint-r-cnn",
        preset="ObjectDetection",
        categories=COCO_PERSON,
        keypoint_names=COCO_KEYPOINTS,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class MaskRCNN_ResNet50_FPN_Weights(WeightsEnum):
    """Published weights of `maskrcnn_resnet50_fpn`."""

    COCO_V1 = published(
        "maskrcnn_resnet50_fpn_coco-bf2d0c1e",
        44_401_393,
        {"COCO-val2017": {"box_map": 37.9, "mask_map": 34.6}},
        134.38,
        169.84,
        "detection#mask-r-cnn",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class MaskRCNN_ResNet50_FPN_V2_Weights(WeightsEnum):
    """Published weights of `maskrcnn_resnet50_fpn_v2`."""

    COCO_V1 = published(
        "maskrcnn_resnet50_fpn_v2_coco-73cbd019",
        46_359_409,
        {"COCO-val2017": {"box_map": 47.4, "mask_map": 41.8}},
        333.577,
        177.219,
        "https://github.com/pytorch/vision/pull/5773",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class RetinaNet_ResNet50_FPN_Weights(WeightsEnum):
    """Published weights of `retinanet_resnet50_fpn`."""

    COCO_V1 = published(
        "retinanet_resnet50_fpn_coco-eeacb38b",
        34_014_999,
        {"COCO-val2017": {"box_map": 36.4}},
        151.54,
        130.267,
        "detection#retinanet",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class RetinaNet_ResNet50_FPN_V2_Weights(WeightsEnum):
    """Published weights of `retinanet_resnet50_fpn_v2`."""

    COCO_V1 = published(
        "retinanet_resnet50_fpn_v2_coco-5905b1c5",
        38_198_935,
        {"COCO-val2017": {"box_map": 41.5}},
        152.238,
        146.037,
        "https://github.com/pytorch/vision/pull/5756",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class SSD300_VGG16_Weights(WeightsEnum):
    """Published weights of `ssd300_vgg16`."""

    COCO_V1 = published(
        "ssd300_vgg16_coco-b556d3b4",
        35_641_826,
        {"COCO-val2017": {"box_map": 25.1}},
        34.858,
        135.988,
        "detection#ssd300-vgg16",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1


class SSDLite320_MobileNet_V3_Large_Weights(WeightsEnum):
    """Published weights of `ssdlite320_mobilenet_v3_large`."""

    COCO_V1 = published(
        "ssdlite320_mobilenet_v3_large_coco-a79551df",
        3_440_060,
        {"COCO-val2017": {"box_map": 21.3}},
        0.583,
        13.418,
        "detection#ssdlite320-mobilenetv3-large",
        preset="ObjectDetection",
        categories=COCO,
        min_size=(1, 1),
    )
    DEFAULT = COCO_V1
