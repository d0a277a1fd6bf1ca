"""The published weights of the RegNets X."""

from fnn.vision.models._weights import NEW_RECIPE, WeightsEnum, imagenet

__all__ = [
    "RegNet_X_400MF_Weights",
    "RegNet_X_800MF_Weights",
    "RegNet_X_1_6GF_Weights",
    "RegNet_X_3_2GF_Weights",
    "RegNet_X_8GF_Weights",
    "RegNet_X_16GF_Weights",
    "RegNet_X_32GF_Weights",
]


class RegNet_X_400MF_Weights(WeightsEnum):
    """Published weights of `regnet_x_400mf`."""

    IMAGENET1K_V1 = imagenet("regnet_x_400mf-adf1edd5", 5_495_976, (72.834, 90.95), 0.414, 21.258, "#small-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_x_400mf-62229a5f",
        5_495_976,
        (74.864, 92.322),
        0.414,
        21.257,
        NEW_RECIPE + "-with-fixres",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_X_800MF_Weights(WeightsEnum):
    """Published weights of `regnet_x_800mf`."""

    IMAGENET1K_V1 = imagenet("regnet_x_800mf-ad17e45c", 7_259_656, (75.212, 92.348), 0.8, 27.945, "#small-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_x_800mf-94a99ebd",
        7_259_656,
        (77.522, 93.826),
        0.8,
        27.945,
        NEW_RECIPE + "-with-fixres",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_X_1_6GF_Weights(WeightsEnum):
    """Published weights of `regnet_x_1_6gf`."""

    IMAGENET1K_V1 = imagenet("regnet_x_1_6gf-e3633e7f", 9_190_136, (77.04, 93.44), 1.603, 35.339, "#small-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_x_1_6gf-a12f2b72",
        9_190_136,
        (79.668, 94.922),
        1.603,
        35.339,
        NEW_RECIPE + "-with-fixres",
        resize_size=232,
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_X_3_2GF_Weights(WeightsEnum):
    """Published weights of `regnet_x_3_2gf`."""

    IMAGENET1K_V1 = imagenet("regnet_x_3_2gf-f342aeae", 15_296_552, (78.364, 93.992), 3.177, 58.756, "#medium-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_x_3_2gf-7071aa85", 15_296_552, (81.196, 95.43), 3.177, 58.756, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_X_8GF_Weights(WeightsEnum):
    """Published weights of `regnet_x_8gf`."""

    IMAGENET1K_V1 = imagenet("regnet_x_8gf-03ceed89", 39_572_648, (79.344, 94.686), 7.995, 151.456, "#medium-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_x_8gf-2b70d774", 39_572_648, (81.682, 95.678), 7.995, 151.456, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_X_16GF_Weights(WeightsEnum):
    """Published weights of `regnet_x_16gf`."""

    IMAGENET1K_V1 = imagenet("regnet_x_16gf-2007eb11", 54_278_536, (80.058, 94.944), 15.941, 207.627, "#medium-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_x_16gf-ba3796d7", 54_278_536, (82.716, 96.196), 15.941, 207.627, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_X_32GF_Weights(WeightsEnum):
    """Published weights of `regnet_x_32gf`."""

    IMAGENET1K_V1 = imagenet("regnet_x_32gf-9d47f8d0", 107_811_560, (80.622, 95.248), 31.736, 412.039, "#large-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_x_32gf-6eb8fdc6", 107_811_560, (83.014, 96.288), 31.736, 412.039, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2
