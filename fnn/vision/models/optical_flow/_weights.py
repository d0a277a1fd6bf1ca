"""The published weights of RAFT."""

from fnn.vision.models._weights import WeightsEnum, published

__all__ = ["Raft_Large_Weights", "Raft_Small_Weights"]


class Raft_Large_Weights(WeightsEnum):
    """Published weights of `raft_large`."""

    C_T_V1 = published(
        "raft_large_C_T_V1-22a6c225",
        5_257_536,
        {
            "Sintel-Train-Cleanpass": {"epe": 1.4411},
            "Sintel-Train-Finalpass": {"epe": 2.7894},
            "Kitti-Train": {"per_image_epe": 5.0172, "fl_all": 17.4506},
        },
        211.007,
        20.129,
        "https://github.com/princeton-vl/RAFT",
        preset="OpticalFlow",
        min_size=(128, 128),
    )
    C_T_V2 = published(
        "raft_large_C_T_V2-1bb1363a",
        5_257_536,
        {
            "Sintel-Train-Cleanpass": {"epe": 1.3822},
            "Sintel-Train-Finalpass": {"epe": 2.7161},
            "Kitti-Train": {"per_image_epe": 4.5118, "fl_all": 16.0679},
        },
        211.007,
        20.129,
        "optical_flow",
        preset="OpticalFlow",
        min_size=(128, 128),
    )
    C_T_SKHT_V1 = published(
        "raft_large_C_T_SKHT_V1-0b8c9e55",
        5_257_536,
        {"Sintel-Test-Cleanpass": {"epe": 1.94}, "Sintel-Test-Finalpass": {"epe": 3.18}},
        211.007,
        20.129,
        "https://github.com/princeton-vl/RAFT",
        preset="OpticalFlow",
        min_size=(128, 128),
    )
    C_T_SKHT_V2 = published(
        "raft_large_C_T_SKHT_V2-ff5fadd5",
        5_257_536,
        {"Sintel-Test-Cleanpass": {"epe": 1.819}, "Sintel-Test-Finalpass": {"epe": 3.067}},
        211.007,
        20.129,
        "optical_flow",
        preset="OpticalFlow",
        min_size=(128, 128),
    )
    C_T_SKHT_K_V1 = published(
        "raft_large_C_T_SKHT_K_V1-4a6a5039",
        5_257_536,
        {"Kitti-Test": {"fl_all": 5.1}},
        211.007,
        20.129,
        "https://github.com/princeton-vl/RAFT",
        preset="OpticalFlow",
        min_size=(128, 128),
    )
    C_T_SKHT_K_V2 = published(
        "raft_large_C_T_SKHT_K_V2-b5c70766",
        5_257_536,
        {"Kitti-Test": {"fl_all": 5.19}},
        211.007,
        20.129,
        "optical_flow",
        preset="OpticalFlow",
        min_size=(128, 128),
    )
    DEFAULT = C_T_SKHT_V2


class Raft_Small_Weights(WeightsEnum):
    """Published weights of `raft_small`."""

    C_T_V1 = published(
        "raft_small_C_T_V1-ad48884c",
        990_162,
        {
            "Sintel-Train-Cleanpass": {"epe": 2.1231},
            "Sintel-Train-Finalpass": {"epe": 3.279},
            "Kitti-Train": {"per_image_epe": 7.6557, "fl_all": 25.2801},
        },
        47.655,
        3.821,
        "https://github.com/princeton-vl/RAFT",
        preset="OpticalFlow",
        min_size=(128, 128),
    )
    C_T_V2 = published(
        "raft_small_C_T_V2-01064c6d",
        990_162,
        {
            "Sintel-Train-Cleanpass": {"epe": 1.9901},
            "Sintel-Train-Finalpass": {"epe": 3.2831},
            "Kitti-Train": {"per_image_epe": 7.5978, "fl_all": 25.2369},
        },
        47.655,
        3.821,
        "optical_flow",
        preset="OpticalFlow",
        min_size=(128, 128),
    )
    DEFAULT = C_T_V2
