"""The published weights of the Swin transformers."""

from fnn.vision.models._weights import WeightsEnum, imagenet

__all__ = [
    "Swin_T_Weights",
    "Swin_S_Weights",
    "Swin_B_Weights",
    "Swin_V2_T_Weights",
    "Swin_V2_S_Weights",
    "Swin_V2_B_Weights",
]


class Swin_T_Weights(WeightsEnum):
    """Published weights of `swin_t`."""

    IMAGENET1K_V1 = imagenet(
        "swin_t-704ceda3",
        28_288_354,
        (81.474, 95.776),
        4.491,
        108.19,
        "#swintransformer",
        min_size=(224, 224),
        resize_size=232,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V1


class Swin_S_Weights(WeightsEnum):
    """Published weights of `swin_s`."""

    IMAGENET1K_V1 = imagenet(
        "swin_s-5e29d889",
        49_606_258,
        (83.196, 96.36),
        8.741,
        189.786,
        "#swintransformer",
        min_size=(224, 224),
        resize_size=246,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V1


class Swin_B_Weights(WeightsEnum):
    """Published weights of `swin_b`."""

    IMAGENET1K_V1 = imagenet(
        "swin_b-68c6b09e",
        87_768_224,
        (83.582, 96.64),
        15.431,
        335.364,
        "#swintransformer",
        min_size=(224, 224),
        resize_size=238,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V1


class Swin_V2_T_Weights(WeightsEnum):
    """Published weights of `swin_v2_t`."""

    IMAGENET1K_V1 = imagenet(
        "swin_v2_t-b137f0e2",
        28_351_570,
        (82.072, 96.132),
        5.94,
        108.626,
        "#swintransformer-v2",
        min_size=(256, 256),
        crop_size=256,
        resize_size=260,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V1


class Swin_V2_S_Weights(WeightsEnum):
    """Published weights of `swin_v2_s`."""

    IMAGENET1K_V1 = imagenet(
        "swin_v2_s-637d8ceb",
        49_737_442,
        (83.712, 96.816),
        11.546,
        190.675,
        "#swintransformer-v2",
        min_size=(256, 256),
        crop_size=256,
        resize_size=260,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V1


class Swin_V2_B_Weights(WeightsEnum):
    """Published weights of `swin_v2_b`."""

    IMAGENET1K_V1 = imagenet(
        "swin_v2_b-781e5279",
        87_930_848,
        (84.112, 96.864),
        20.325,
        336.372,
        "#swintransformer-v2",
        min_size=(256, 256),
        crop_size=256,
        resize_size=272,
        interpolation="bicubic",
    )
    DEFAULT = IMAGENET1K_V1
