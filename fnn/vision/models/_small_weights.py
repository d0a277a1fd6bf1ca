"""The published weights of MaxViT, MNASNet and ShuffleNet V2."""

from fnn.vision.models._weights import WeightsEnum, imagenet

__all__ = [
    "MaxVit_T_Weights",
    "MNASNet0_5_Weights",
    "MNASNet0_75_Weights",
    "MNASNet1_0_Weights",
    "MNASNet1_3_Weights",
    "ShuffleNet_V2_X0_5_Weights",
    "ShuffleNet_V2_X1_0_Weights",
    "ShuffleNet_V2_X1_5_Weights",
    "ShuffleNet_V2_X2_0_Weights",
]


class MaxVit_T_Weights(WeightsEnum):
    """Published weights of `maxvit_t`."""

    IMAGENET1K_V1 = imagenet(
        "maxvit_t-bc5ab103",
        30_919_624,
        (83.7, 96.722),
        5.558,
        118.769,
        "#maxvit",
        min_size=(224, 224),
        resize_size=224,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V1


class MNASNet0_5_Weights(WeightsEnum):
    """Published weights of `mnasnet0_5`."""

    IMAGENET1K_V1 = imagenet(
        "mnasnet0.5_top1_67.823-3ffadce67e",
        2_218_512,
        (67.734, 87.49),
        0.104,
        8.591,
        "https://github.com/1e100/mnasnet_trainer",
    )
    DEFAULT = IMAGENET1K_V1


class MNASNet0_75_Weights(WeightsEnum):
    """Published weights of `mnasnet0_75`."""

    IMAGENET1K_V1 = imagenet(
        "mnasnet0_75-7090bc5f",
        3_170_208,
        (71.18, 90.496),
        0.215,
        12.303,
        "https://github.com/pytorch/vision/pull/6019",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V1


class MNASNet1_0_Weights(WeightsEnum):
    """Published weights of `mnasnet1_0`."""

    IMAGENET1K_V1 = imagenet(
        "mnasnet1.0_top1_73.512-f206786ef8",
        4_383_312,
        (73.456, 91.51),
        0.314,
        16.915,
        "https://github.com/1e100/mnasnet_trainer",
    )
    DEFAULT = IMAGENET1K_V1


class MNASNet1_3_Weights(WeightsEnum):
    """Published weights of `mnasnet1_3`."""

    IMAGENET1K_V1 = imagenet(
        "mnasnet1_3-a4c69d6f",
        6_282_256,
        (76.506, 93.522),
        0.526,
        24.246,
        "https://github.com/pytorch/vision/pull/6019",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V1


class ShuffleNet_V2_X0_5_Weights(WeightsEnum):
    """Published weights of `shufflenet_v2_x0_5`."""

    IMAGENET1K_V1 = imagenet(
        "shufflenetv2_x0.5-f707e7126e",
        1_366_792,
        (60.552, 81.746),
        0.04,
        5.282,
        "https://github.com/ericsun99/Shufflenet-v2-Pytorch",
    )
    DEFAULT = IMAGENET1K_V1


class ShuffleNet_V2_X1_0_Weights(WeightsEnum):
    """Published weights of `shufflenet_v2_x1_0`."""

    IMAGENET1K_V1 = imagenet(
        "shufflenetv2_x1-5666bf0f80",
        2_278_604,
        (69.362, 88.316),
        0.145,
        8.791,
        "https://github.com/ericsun99/Shufflenet-v2-Pytorch",
    )
    DEFAULT = IMAGENET1K_V1


class ShuffleNet_V2_X1_5_Weights(WeightsEnum):
    """Published weights of `shufflenet_v2_x1_5`."""

    IMAGENET1K_V1 = imagenet(
        "shufflenetv2_x1_5-3c479a10",
        3_503_624,
        (72.996, 91.086),
        0.296,
        13.557,
        "https://github.com/pytorch/vision/pull/5906",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V1


class ShuffleNet_V2_X2_0_Weights(WeightsEnum):
    """Published weights of `shufflenet_v2_x2_0`."""

    IMAGENET1K_V1 = imagenet(
        "shufflenetv2_x2_0-8be3c8ee",
        7_393_996,
        (76.23, 93.006),
        0.583,
        28.433,
        "https://github.com/pytorch/vision/pull/5906",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V1
