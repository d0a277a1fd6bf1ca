"""The published weights of the vision transformers."""

from fnn.vision.models._weights import SWAG, WeightsEnum, imagenet

__all__ = ["ViT_B_16_Weights", "ViT_B_32_Weights", "ViT_L_16_Weights", "ViT_L_32_Weights", "ViT_H_14_Weights"]


class ViT_B_16_Weights(WeightsEnum):
    """Published weights of `vit_b_16`."""

    IMAGENET1K_V1 = imagenet(
        "vit_b_16-c867db91", 86_567_656, (81.072, 95.318), 17.564, 330.285, "#vit_b_16", min_size=(224, 224)
    )
    IMAGENET1K_SWAG_E2E_V1 = imagenet(
        "vit_b_16_swag-9ac1b537",
        86_859_496,
        (85.304, 97.65),
        55.484,
        331.398,
        min_size=(384, 384),
        crop_size=384,
        resize_size=384,
        interpolation="bicubic",
        **SWAG,
    )
    IMAGENET1K_SWAG_LINEAR_V1 = imagenet(
        "vit_b_16_lc_swag-4e70ced5",
        86_567_656,
        (81.886, 96.18),
        17.564,
        330.285,
        "https://github.com/pytorch/vision/pull/5793",
        license=SWAG["license"],
        min_size=(224, 224),
        resize_size=224,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V1


class ViT_B_32_Weights(WeightsEnum):
    """Published weights of `vit_b_32`."""

    IMAGENET1K_V1 = imagenet(
        "vit_b_32-d86f8d99", 88_224_232, (75.912, 92.466), 4.409, 336.604, "#vit_b_32", min_size=(224, 224)
    )
    DEFAULT = IMAGENET1K_V1


class ViT_L_16_Weights(WeightsEnum):
    """Published weights of `vit_l_16`."""

    IMAGENET1K_V1 = imagenet(
        "vit_l_16-852ce7e3",
        304_326_632,
        (79.662, 94.638),
        61.555,
        1161.023,
        "#vit_l_16",
        min_size=(224, 224),
        resize_size=242,
    )
    IMAGENET1K_SWAG_E2E_V1 = imagenet(
        "vit_l_16_swag-4f3808c9",
        305_174_504,
        (88.064, 98.512),
        361.986,
        1164.258,
        min_size=(512, 512),
        crop_size=512,
        resize_size=512,
        interpolation="bicubic",
        **SWAG,
    )
    IMAGENET1K_SWAG_LINEAR_V1 = imagenet(
        "vit_l_16_lc_swag-4d563306",
        304_326_632,
        (85.146, 97.422),
        61.555,
        1161.023,
        "https://github.com/pytorch/vision/pull/5793",
        license=SWAG["license"],
        min_size=(224, 224),
        resize_size=224,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V1


class ViT_L_32_Weights(WeightsEnum):
    """Published weights of `vit_l_32`."""

    IMAGENET1K_V1 = imagenet(
        "vit_l_32-c7638314", 306_535_400, (76.972, 93.07), 15.378, 1169.449, "#vit_l_32", min_size=(224, 224)
    )
    DEFAULT = IMAGENET1K_V1


class ViT_H_14_Weights(WeightsEnum):
    """Published weights of `vit_h_14`."""

    IMAGENET1K_SWAG_E2E_V1 = imagenet(
        "vit_h_14_swag-80465313",
        633_470_440,
        (88.552, 98.694),
        1016.717,
        2416.643,
        min_size=(518, 518),
        crop_size=518,
        resize_size=518,
        interpolation="bicubic",
        **SWAG,
    )
    IMAGENET1K_SWAG_LINEAR_V1 = imagenet(
        "vit_h_14_lc_swag-c1eb923e",
        632_045_800,
        (85.708, 97.73),
        167.295,
        2411.209,
        "https://github.com/pytorch/vision/pull/5793",
        license=SWAG["license"],
        min_size=(224, 224),
        resize_size=224,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_SWAG_E2E_V1
