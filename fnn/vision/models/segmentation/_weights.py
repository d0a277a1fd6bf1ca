"""The published weights of the segmentation models."""

from fnn.vision.models._categories import VOC
from fnn.vision.models._weights import WeightsEnum, published

__all__ = [
    "FCN_ResNet50_Weights",
    "FCN_ResNet101_Weights",
    "DeepLabV3_ResNet50_Weights",
    "DeepLabV3_ResNet101_Weights",
    "DeepLabV3_MobileNet_V3_Large_Weights",
    "LRASPP_MobileNet_V3_Large_Weights",
]


class FCN_ResNet50_Weights(WeightsEnum):
    """Published weights of `fcn_resnet50`."""

    COCO_WITH_VOC_LABELS_V1 = published(
        "fcn_resnet50_coco-1167a1af",
        35_322_218,
        {"COCO-val2017-VOC-labels": {"miou": 60.5, "pixel_acc": 91.4}},
        152.717,
        135.009,
        "segmentation#fcn_resnet50",
        preset="SemanticSegmentation",
        options={"resize_size": 520},
        categories=VOC,
        min_size=(1, 1),
    )
    DEFAULT = COCO_WITH_VOC_LABELS_V1


class FCN_ResNet101_Weights(WeightsEnum):
    """Published weights of `fcn_resnet101`."""

    COCO_WITH_VOC_LABELS_V1 = published(
        "fcn_resnet101_coco-7ecb50ca",
        54_314_346,
        {"COCO-val2017-VOC-labels": {"miou": 63.7, "pixel_acc": 91.9}},
        232.738,
        207.711,
        "segmentation#deeplabv3_resnet101",
        preset="SemanticSegmentation",
        options={"resize_size": 520},
        categories=VOC,
        min_size=(1, 1),
    )
    DEFAULT = COCO_WITH_VOC_LABELS_V1


class DeepLabV3_ResNet50_Weights(WeightsEnum):
    """Published weights of `deeplabv3_resnet50`."""

    COCO_WITH_VOC_LABELS_V1 = published(
        "deeplabv3_resnet50_coco-cd0a2569",
        42_004_074,
        {"COCO-val2017-VOC-labels": {"miou": 66.4, "pixel_acc": 92.4}},
        178.722,
        160.515,
        "segmentation#deeplabv3_resnet50",
        preset="SemanticSegmentation",
        options={"resize_size": 520},
        categories=VOC,
        min_size=(1, 1),
    )
    DEFAULT = COCO_WITH_VOC_LABELS_V1


class DeepLabV3_ResNet101_Weights(WeightsEnum):
    """Published weights of `deeplabv3_resnet101`."""

    COCO_WITH_VOC_LABELS_V1 = published(
        "deeplabv3_resnet101_coco-586e9e4e",
        60_996_202,
        {"COCO-val2017-VOC-labels": {"miou": 67.4, "pixel_acc": 92.4}},
        258.743,
        233.217,
        "segmentation#fcn_resnet101",
        preset="SemanticSegmentation",
        options={"resize_size": 520},
        categories=VOC,
        min_size=(1, 1),
    )
    DEFAULT = COCO_WITH_VOC_LABELS_V1


class DeepLabV3_MobileNet_V3_Large_Weights(WeightsEnum):
    """Published weights of `deeplabv3_mobilenet_v3_large`."""

    COCO_WITH_VOC_LABELS_V1 = published(
        "deeplabv3_mobilenet_v3_large-fc3c493d",
        11_029_328,
        {"COCO-val2017-VOC-labels": {"miou": 60.3, "pixel_acc": 91.2}},
        10.452,
        42.301,
        "segmentation#deeplabv3_mobilenet_v3_large",
        preset="SemanticSegmentation",
        options={"resize_size": 520},
        categories=VOC,
        min_size=(1, 1),
    )
    DEFAULT = COCO_WITH_VOC_LABELS_V1


class LRASPP_MobileNet_V3_Large_Weights(WeightsEnum):
    """Published weights of `lraspp_mobilenet_v3_large`."""

    COCO_WITH_VOC_LABELS_V1 = published(
        "lraspp_mobilenet_v3_large-d234d4ea",
        3_221_538,
        {"COCO-val2017-VOC-labels": {"miou": 57.9, "pixel_acc": 91.2}},
        2.086,
        12.49,
        "segmentation#lraspp_mobilenet_v3_large",
        preset="SemanticSegmentation",
        options={"resize_size": 520},
        categories=VOC,
        min_size=(1, 1),
    )
    DEFAULT = COCO_WITH_VOC_LABELS_V1
