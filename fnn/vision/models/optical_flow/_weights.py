"""The published weights of the optical flow models.

``epe`` is the mean distance of the predicted flow from the true one, in pixels; ``per_image_epe`` is the mean over
images of each image's; ``fl_all`` the percentage of pixels that are wrong by 3 pixels and by a twentieth of the flow.
"""

from fnn.vision.models._weights import Weights, WeightsEnum, published

__all__ = ["Raft_Large_Weights", "Raft_Small_Weights"]

_PAPER = "https://github.com/princeton-vl/RAFT"
_OURS = "optical_flow"


def _sintel_and_kitti(clean: float, final: float, epe: float, outliers: float) -> dict[str, dict[str, float]]:
    return {
        "Sintel-Train-Cleanpass": {"epe": clean},
        "Sintel-Train-Finalpass": {"epe": final},
        "Kitti-Train": {"per_image_epe": epe, "fl_all": outliers},
    }


def _sintel(clean: float, final: float) -> dict[str, dict[str, float]]:
    return {"Sintel-Test-Cleanpass": {"epe": clean}, "Sintel-Test-Finalpass": {"epe": final}}


def _large(file: str, metrics: dict[str, dict[str, float]], recipe: str) -> Weights:
    return published(
        f"raft_large_{file}", 5_257_536, metrics, 211.007, 20.129, recipe, preset="OpticalFlow", min_size=(128, 128)
    )


def _small(file: str, metrics: dict[str, dict[str, float]], recipe: str) -> Weights:
    return published(
        f"raft_small_{file}", 990_162, metrics, 47.655, 3.821, recipe, preset="OpticalFlow", min_size=(128, 128)
    )


class Raft_Large_Weights(WeightsEnum):
    """Published weights of `raft_large`.

    Trained on FlyingChairs (C) and FlyingThings3D (T), then on Sintel (S), Kitti (K) and HD1K (H).
    """

    C_T_V1 = _large("C_T_V1-22a6c225", _sintel_and_kitti(1.4411, 2.7894, 5.0172, 17.4506), _PAPER)
    C_T_V2 = _large("C_T_V2-1bb1363a", _sintel_and_kitti(1.3822, 2.7161, 4.5118, 16.0679), _OURS)
    C_T_SKHT_V1 = _large("C_T_SKHT_V1-0b8c9e55", _sintel(1.94, 3.18), _PAPER)
    C_T_SKHT_V2 = _large("C_T_SKHT_V2-ff5fadd5", _sintel(1.819, 3.067), _OURS)
    C_T_SKHT_K_V1 = _large("C_T_SKHT_K_V1-4a6a5039", {"Kitti-Test": {"fl_all": 5.10}}, _PAPER)
    C_T_SKHT_K_V2 = _large("C_T_SKHT_K_V2-b5c70766", {"Kitti-Test": {"fl_all": 5.19}}, _OURS)
    DEFAULT = C_T_SKHT_V2


class Raft_Small_Weights(WeightsEnum):
    """Published weights of `raft_small`, trained on FlyingChairs and FlyingThings3D."""

    C_T_V1 = _small("C_T_V1-ad48884c", _sintel_and_kitti(2.1231, 3.2790, 7.6557, 25.2801), _PAPER)
    C_T_V2 = _small("C_T_V2-01064c6d", _sintel_and_kitti(1.9901, 3.2831, 7.5978, 25.2369), _OURS)
    DEFAULT = C_T_V2
