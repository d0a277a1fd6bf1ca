"""torchvision as the oracle: ``pytest.importorskip("torch")`` first, then import `torchvision` from here."""

import functools
import importlib
import sys
import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
_declared: list[Any] = []  # operators exist as long as the library that declares them


def _load() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pytest.importorskip("torchvision")
        except RuntimeError:
            # Its compiled part does not fit this build of torch. What its Python part needs of it is two names.
            library = torch.library.Library("torchvision", "DEF")
            for name in ("nms", "qnms"):
                library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _declared.append(library)
            for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
                del sys.modules[module]
            return pytest.importorskip("torchvision")


torchvision = _load()


@functools.cache
def without_compiled_part() -> Any:
    """`torchvision` with its compiled `nms` and `roi_align` written in Python, if these are missing."""
    from torchvision.ops import boxes, poolers

    if torchvision.extension._has_ops():
        return torchvision
    align = importlib.import_module("torchvision.ops.roi_align")

    def nms(dets: Any, scores: Any, iou_threshold: float) -> Any:
        order = scores.argsort(descending=True, stable=True)
        covered = (boxes.box_iou(dets[order], dets[order]).double() > iou_threshold).numpy()
        left = np.ones(len(order), bool)
        for i, row in enumerate(covered):
            if left[i]:
                left[i + 1 :] &= ~row[i + 1 :]
        return order[torch.from_numpy(left)]

    interpolate = align._bilinear_interpolate

    def within(input: Any, batch: Any, y: Any, x: Any, *masks: Any) -> Any:
        """The compiled kernels take nothing from beyond one pixel outside of the map, the formula the border."""
        values = interpolate(input, batch, y, x, *masks)
        rows, columns = ((p >= -1) & (p <= size) for p, size in zip((y, x), input.shape[-2:], strict=True))
        return values * (rows[:, None, :, None, :, None] & columns[:, None, None, :, None, :])

    align._bilinear_interpolate = within

    def roi_align(
        input: Any,
        boxes: Any,
        output_size: Any,
        spatial_scale: float = 1.0,
        sampling_ratio: int = -1,
        aligned: bool = False,
    ) -> Any:
        if not torch.is_tensor(boxes):
            boxes = align.convert_boxes_to_roi_format(boxes)
        height, width = (output_size, output_size) if isinstance(output_size, int) else output_size
        formula = align._roi_align.__wrapped__
        return formula(input, boxes, spatial_scale, height, width, sampling_ratio, aligned)

    _declared[0].impl("nms", nms, "CPU")
    boxes._assert_has_ops = lambda: None
    poolers.roi_align = importlib.import_module("torchvision.models.detection.roi_heads").roi_align = roi_align
    return torchvision
