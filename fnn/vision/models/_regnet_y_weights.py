"""The published weights of the RegNets Y."""

from fnn.vision.models._weights import NEW_RECIPE, SWAG, WeightsEnum, imagenet

__all__ = [
    "RegNet_Y_400MF_Weights",
    "RegNet_Y_800MF_Weights",
    "RegNet_Y_1_6GF_Weights",
    "RegNet_Y_3_2GF_Weights",
    "RegNet_Y_8GF_Weights",
    "RegNet_Y_16GF_Weights",
    "RegNet_Y_32GF_Weights",
    "RegNet_Y_128GF_Weights",
]


class RegNet_Y_400MF_Weights(WeightsEnum):
    """Published weights of `regnet_y_400mf`."""

    IMAGENET1K_V1 = imagenet("regnet_y_400mf-c65dace8", 4_344_144, (74.046, 91.716), 0.402, 16.806, "#small-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_y_400mf-e6988f5f", 4_344_144, (75.804, 92.742), 0.402, 16.806, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_Y_800MF_Weights(WeightsEnum):
    """Published weights of `regnet_y_800mf`."""

    IMAGENET1K_V1 = imagenet("regnet_y_800mf-1b27b58c", 6_432_512, (76.42, 93.136), 0.834, 24.774, "#small-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_y_800mf-58fc7688", 6_432_512, (78.828, 94.502), 0.834, 24.774, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_Y_1_6GF_Weights(WeightsEnum):
    """Published weights of `regnet_y_1_6gf`."""

    IMAGENET1K_V1 = imagenet("regnet_y_1_6gf-b11a554e", 11_202_430, (77.95, 93.966), 1.612, 43.152, "#small-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_y_1_6gf-0d7bc02a", 11_202_430, (80.876, 95.444), 1.612, 43.152, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_Y_3_2GF_Weights(WeightsEnum):
    """Published weights of `regnet_y_3_2gf`."""

    IMAGENET1K_V1 = imagenet("regnet_y_3_2gf-b5a9779c", 19_436_338, (78.948, 94.576), 3.176, 74.567, "#medium-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_y_3_2gf-9180c971", 19_436_338, (81.982, 95.972), 3.176, 74.567, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_Y_8GF_Weights(WeightsEnum):
    """Published weights of `regnet_y_8gf`."""

    IMAGENET1K_V1 = imagenet("regnet_y_8gf-d0d0e4a8", 39_381_472, (80.032, 95.048), 8.473, 150.701, "#medium-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_y_8gf-dc2b1b54", 39_381_472, (82.828, 96.33), 8.473, 150.701, NEW_RECIPE, resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_Y_16GF_Weights(WeightsEnum):
    """Published weights of `regnet_y_16gf`."""

    IMAGENET1K_V1 = imagenet("regnet_y_16gf-9e6ed7dd", 83_590_140, (80.424, 95.24), 15.912, 319.49, "#large-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_y_16gf-3e4a00f9", 83_590_140, (82.886, 96.328), 15.912, 319.49, NEW_RECIPE, resize_size=232
    )
    IMAGENET1K_SWAG_E2E_V1 = imagenet(
        "regnet_y_16gf_swag-43afe44d",
        83_590_140,
        (86.012, 98.054),
        46.735,
        319.49,
        crop_size=384,
        resize_size=384,
        interpolation="bicubic",
        **SWAG,
    )
    IMAGENET1K_SWAG_LINEAR_V1 = imagenet(
        "regnet_y_16gf_lc_swag-f3ec0043",
        83_590_140,
        (83.976, 97.244),
        15.912,
        319.49,
        "https://github.com/pytorch/vision/pull/5793",
        license=SWAG["license"],
        resize_size=224,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_Y_32GF_Weights(WeightsEnum):
    """Published weights of `regnet_y_32gf`."""

    IMAGENET1K_V1 = imagenet("regnet_y_32gf-4dee3f7a", 145_046_770, (80.878, 95.34), 32.28, 554.076, "#large-models")
    IMAGENET1K_V2 = imagenet(
        "regnet_y_32gf-8db6d4b5", 145_046_770, (83.368, 96.498), 32.28, 554.076, NEW_RECIPE, resize_size=232
    )
    IMAGENET1K_SWAG_E2E_V1 = imagenet(
        "regnet_y_32gf_swag-04fdfa75",
        145_046_770,
        (86.838, 98.362),
        94.826,
        554.076,
        crop_size=384,
        resize_size=384,
        interpolation="bicubic",
        **SWAG,
    )
    IMAGENET1K_SWAG_LINEAR_V1 = imagenet(
        "regnet_y_32gf_lc_swag-e1583746",
        145_046_770,
        (84.622, 97.48),
        32.28,
        554.076,
        "https://github.com/pytorch/vision/pull/5793",
        license=SWAG["license"],
        resize_size=224,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V2


class RegNet_Y_128GF_Weights(WeightsEnum):
    """Published weights of `regnet_y_128gf`."""

    IMAGENET1K_SWAG_E2E_V1 = imagenet(
        "regnet_y_128gf_swag-c8ce3e52",
        644_812_894,
        (88.228, 98.682),
        374.57,
        2461.564,
        crop_size=384,
        resize_size=384,
        interpolation="bicubic",
        **SWAG,
    )
    IMAGENET1K_SWAG_LINEAR_V1 = imagenet(
        "regnet_y_128gf_lc_swag-cbe8ce12",
        644_812_894,
        (86.068, 97.844),
        127.518,
        2461.564,
        "https://github.com/pytorch/vision/pull/5793",
        license=SWAG["license"],
        resize_size=224,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_SWAG_E2E_V1
