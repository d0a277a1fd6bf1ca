"""The published weights of the video models."""

from fnn.vision.models._categories import KINETICS400
from fnn.vision.models._weights import WeightsEnum, published

__all__ = [
    "R3D_18_Weights",
    "MC3_18_Weights",
    "R2Plus1D_18_Weights",
    "S3D_Weights",
    "MViT_V1_B_Weights",
    "MViT_V2_S_Weights",
    "Swin3D_T_Weights",
    "Swin3D_S_Weights",
    "Swin3D_B_Weights",
]


class R3D_18_Weights(WeightsEnum):
    """Published weights of `r3d_18`."""

    KINETICS400_V1 = published(
        "r3d_18-b3b3357e",
        33_371_472,
        {"Kinetics-400": {"acc@1": 63.2, "acc@5": 83.479}},
        40.697,
        127.359,
        "video_classification",
        preset="VideoClassification",
        options={"crop_size": (112, 112), "resize_size": (128, 171)},
        categories=KINETICS400,
        min_size=(1, 1),
    )
    DEFAULT = KINETICS400_V1


class MC3_18_Weights(WeightsEnum):
    """Published weights of `mc3_18`."""

    KINETICS400_V1 = published(
        "mc3_18-a90a0ba3",
        11_695_440,
        {"Kinetics-400": {"acc@1": 63.96, "acc@5": 84.13}},
        43.343,
        44.672,
        "video_classification",
        preset="VideoClassification",
        options={"crop_size": (112, 112), "resize_size": (128, 171)},
        categories=KINETICS400,
        min_size=(1, 1),
    )
    DEFAULT = KINETICS400_V1


class R2Plus1D_18_Weights(WeightsEnum):
    """Published weights of `r2plus1d_18`."""

    KINETICS400_V1 = published(
        "r2plus1d_18-91a641e6",
        31_505_325,
        {"Kinetics-400": {"acc@1": 67.463, "acc@5": 86.175}},
        40.519,
        120.318,
        "video_classification",
        preset="VideoClassification",
        options={"crop_size": (112, 112), "resize_size": (128, 171)},
        categories=KINETICS400,
        min_size=(1, 1),
    )
    DEFAULT = KINETICS400_V1


class S3D_Weights(WeightsEnum):
    """Published weights of `s3d`."""

    KINETICS400_V1 = published(
        "s3d-d76dad2f",
        8_320_048,
        {"Kinetics-400": {"acc@1": 68.368, "acc@5": 88.05}},
        17.979,
        31.972,
        "video_classification#s3d",
        preset="VideoClassification",
        options={"crop_size": (224, 224), "resize_size": (256, 256)},
        categories=KINETICS400,
        min_size=(224, 224),
        min_temporal_size=14,
    )
    DEFAULT = KINETICS400_V1


class MViT_V1_B_Weights(WeightsEnum):
    """Published weights of `mvit_v1_b`."""

    KINETICS400_V1 = published(
        "mvit_v1_b-dbeb1030",
        36_610_672,
        {"Kinetics-400": {"acc@1": 78.477, "acc@5": 93.582}},
        70.599,
        139.764,
        "https://github.com/facebookresearch/pytorchvideo/blob/main/docs/source/model_zoo.md",
        preset="VideoClassification",
        options={
            "crop_size": (224, 224),
            "resize_size": (256,),
            "mean": (0.45, 0.45, 0.45),
            "std": (0.225, 0.225, 0.225),
        },
        categories=KINETICS400,
        min_size=(224, 224),
        min_temporal_size=16,
    )
    DEFAULT = KINETICS400_V1


class MViT_V2_S_Weights(WeightsEnum):
    """Published weights of `mvit_v2_s`."""

    KINETICS400_V1 = published(
        "mvit_v2_s-ae3be167",
        34_537_744,
        {"Kinetics-400": {"acc@1": 80.757, "acc@5": 94.665}},
        64.224,
        131.884,
        "https://github.com/facebookresearch/SlowFast/blob/main/MODEL_ZOO.md",
        preset="VideoClassification",
        options={
            "crop_size": (224, 224),
            "resize_size": (256,),
            "mean": (0.45, 0.45, 0.45),
            "std": (0.225, 0.225, 0.225),
        },
        categories=KINETICS400,
        min_size=(224, 224),
        min_temporal_size=16,
    )
    DEFAULT = KINETICS400_V1


class Swin3D_T_Weights(WeightsEnum):
    """Published weights of `swin3d_t`."""

    KINETICS400_V1 = published(
        "swin3d_t-7615ae03",
        28_158_070,
        {"Kinetics-400": {"acc@1": 77.715, "acc@5": 93.519}},
        43.882,
        121.543,
        "https://github.com/SwinTransformer/Video-Swin-Transformer#kinetics-400",
        preset="VideoClassification",
        options={
            "crop_size": (224, 224),
            "resize_size": (256,),
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
        },
        categories=KINETICS400,
        min_size=(1, 1),
        min_temporal_size=1,
    )
    DEFAULT = KINETICS400_V1


class Swin3D_S_Weights(WeightsEnum):
    """Published weights of `swin3d_s`."""

    KINETICS400_V1 = published(
        "swin3d_s-da41c237",
        49_816_678,
        {"Kinetics-400": {"acc@1": 79.521, "acc@5": 94.158}},
        82.841,
        218.288,
        "https://github.com/SwinTransformer/Video-Swin-Transformer#kinetics-400",
        preset="VideoClassification",
        options={
            "crop_size": (224, 224),
            "resize_size": (256,),
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
        },
        categories=KINETICS400,
        min_size=(1, 1),
        min_temporal_size=1,
    )
    DEFAULT = KINETICS400_V1


class Swin3D_B_Weights(WeightsEnum):
    """Published weights of `swin3d_b`."""

    KINETICS400_V1 = published(
        "swin3d_b_1k-24f7c7c6",
        88_048_984,
        {"Kinetics-400": {"acc@1": 79.427, "acc@5": 94.386}},
        140.667,
        364.134,
        "https://github.com/SwinTransformer/Video-Swin-Transformer#kinetics-400",
        preset="VideoClassification",
        options={
            "crop_size": (224, 224),
            "resize_size": (256,),
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
        },
        categories=KINETICS400,
        min_size=(1, 1),
        min_temporal_size=1,
    )
    KINETICS400_IMAGENET22K_V1 = published(
        "swin3d_b_22k-7c6ae6fa",
        88_048_984,
        {"Kinetics-400": {"acc@1": 81.643, "acc@5": 95.574}},
        140.667,
        364.134,
        "https://github.com/SwinTransformer/Video-Swin-Transformer#kinetics-400",
        preset="VideoClassification",
        options={
            "crop_size": (224, 224),
            "resize_size": (256,),
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
        },
        categories=KINETICS400,
        min_size=(1, 1),
        min_temporal_size=1,
    )
    DEFAULT = KINETICS400_V1
