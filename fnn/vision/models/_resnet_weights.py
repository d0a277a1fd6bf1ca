"""The published weights of the ResNets, ResNeXts and wide ResNets."""

from fnn.vision.models._weights import NEW_RECIPE, WeightsEnum, imagenet

__all__ = [
    "ResNeXt101_32X8D_Weights",
    "ResNeXt101_64X4D_Weights",
    "ResNeXt50_32X4D_Weights",
    "ResNet101_Weights",
    "ResNet152_Weights",
    "ResNet18_Weights",
    "ResNet34_Weights",
    "ResNet50_Weights",
    "Wide_ResNet101_2_Weights",
    "Wide_ResNet50_2_Weights",
]


class ResNet18_Weights(WeightsEnum):
    """Published weights of `resnet18`."""

    IMAGENET1K_V1 = imagenet("resnet18-f37072fd", 11_689_512, (69.758, 89.078), 1.814, 44.661, "#resnet")
    DEFAULT = IMAGENET1K_V1


class ResNet34_Weights(WeightsEnum):
    """Published weights of `resnet34`."""

    IMAGENET1K_V1 = imagenet("resnet34-b627a593", 21_797_672, (73.314, 91.42), 3.664, 83.275, "#resnet")
    DEFAULT = IMAGENET1K_V1


class ResNet50_Weights(WeightsEnum):
    """Published weights of `resnet50`."""

    IMAGENET1K_V1 = imagenet("resnet50-0676ba61", 25_557_032, (76.13, 92.862), 4.089, 97.781, "#resnet")
    IMAGENET1K_V2 = imagenet(
        "resnet50-11ad3fa6",
        25_557_032,
        (80.858, 95.434),
        4.089,
        97.79,
        "https://github.com/pytorch/vision/issues/3995#issuecomment-1013906621",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V2


class ResNet101_Weights(WeightsEnum):
    """Published weights of `resnet101`."""

    IMAGENET1K_V1 = imagenet("resnet101-63fe2227", 44_549_160, (77.374, 93.546), 7.801, 170.511, "#resnet")
    IMAGENET1K_V2 = imagenet(
        "resnet101-cd907fc2", 44_549_160, (81.886, 95.78), 7.801, 170.53, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class ResNet152_Weights(WeightsEnum):
    """Published weights of `resnet152`."""

    IMAGENET1K_V1 = imagenet("resnet152-394f9c45", 60_192_808, (78.312, 94.046), 11.514, 230.434, "#resnet")
    IMAGENET1K_V2 = imagenet(
        "resnet152-f82ba261", 60_192_808, (82.284, 96.002), 11.514, 230.474, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class ResNeXt50_32X4D_Weights(WeightsEnum):
    """Published weights of `resnext50_32x4d`."""

    IMAGENET1K_V1 = imagenet("resnext50_32x4d-7cdf4587", 25_028_904, (77.618, 93.698), 4.23, 95.789, "#resnext")
    IMAGENET1K_V2 = imagenet(
        "resnext50_32x4d-1a0047aa", 25_028_904, (81.198, 95.34), 4.23, 95.833, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class ResNeXt101_32X8D_Weights(WeightsEnum):
    """Published weights of `resnext101_32x8d`."""

    IMAGENET1K_V1 = imagenet("resnext101_32x8d-8ba56ff5", 88_791_336, (79.312, 94.526), 16.414, 339.586, "#resnext")
    IMAGENET1K_V2 = imagenet(
        "resnext101_32x8d-110c445d",
        88_791_336,
        (82.834, 96.228),
        16.414,
        339.673,
        NEW_RECIPE + "-with-fixres",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V2


class ResNeXt101_64X4D_Weights(WeightsEnum):
    """Published weights of `resnext101_64x4d`."""

    IMAGENET1K_V1 = imagenet(
        "resnext101_64x4d-173b62eb",
        83_455_272,
        (83.246, 96.454),
        15.46,
        319.318,
        "https://github.com/pytorch/vision/pull/5935",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V1


class Wide_ResNet50_2_Weights(WeightsEnum):
    """Published weights of `wide_resnet50_2`."""

    IMAGENET1K_V1 = imagenet(
        "wide_resnet50_2-95faca4d",
        68_883_240,
        (78.468, 94.086),
        11.398,
        131.82,
        "https://github.com/pytorch/vision/pull/912#issue-445437439",
    )
    IMAGENET1K_V2 = imagenet(
        "wide_resnet50_2-9ba9bcbe",
        68_883_240,
        (81.602, 95.758),
        11.398,
        263.124,
        NEW_RECIPE + "-with-fixres",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V2


class Wide_ResNet101_2_Weights(WeightsEnum):
    """Published weights of `wide_resnet101_2`."""

    IMAGENET1K_V1 = imagenet(
        "wide_resnet101_2-32ee1156",
        126_886_696,
        (78.848, 94.284),
        22.753,
        242.896,
        "https://github.com/pytorch/vision/pull/912#issue-445437439",
    )
    IMAGENET1K_V2 = imagenet(
        "wide_resnet101_2-d733dc28", 126_886_696, (82.51, 96.02), 22.753, 484.747, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2
