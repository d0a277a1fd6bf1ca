"""Cases of torchvision's compiled operations and of rotated boxes; ``ops.json`` has its results.

They are recorded because torchvision's compiled part is missing from some installations:
``python -m tests.vision.op_cases`` writes them anew where it is there.
"""

import json
from pathlib import Path

import numpy as np

RECORD = Path(__file__).with_name("ops.json")


def _rois(numbers, n, images, low=-2.0, high=9.0):
    corners = np.sort(numbers.uniform(low, high, (n, 2, 2)), 1)
    return np.concatenate([numbers.integers(0, images, (n, 1)), corners.reshape(n, 4)], 1).round(2)


def _cases():
    numbers = np.random.default_rng(0)
    x = numbers.standard_normal((2, 8, 7, 6)).round(2)
    rois = _rois(numbers, 6, 2)
    for ratio in (-1, 2):
        for aligned in (False, True):
            yield (
                f"roi_align,{ratio},{aligned}",
                "roi_align",
                [x[:, :2], rois],
                {
                    "output_size": [2, 3],
                    "spatial_scale": 0.7,
                    "sampling_ratio": ratio,
                    "aligned": aligned,
                },
            )
        yield (
            f"ps_roi_align,{ratio}",
            "ps_roi_align",
            [x, rois],
            {
                "output_size": 2,
                "spatial_scale": 0.7,
                "sampling_ratio": ratio,
            },
        )
    yield "roi_pool", "roi_pool", [x[:, :2], rois], {"output_size": [2, 3], "spatial_scale": 0.7}
    yield "roi_pool,ties", "roi_pool", [np.maximum(x[:, :2], 0), rois], {"output_size": 2, "spatial_scale": 0.9}
    yield "ps_roi_pool", "ps_roi_pool", [x, rois], {"output_size": 2, "spatial_scale": 0.7}
    for name, options, groups, offset_groups, masked in (
        ("plain", {}, 1, 1, False),
        ("masked", {"padding": [1, 2]}, 1, 2, True),
        ("grouped", {"stride": [2, 1], "padding": 1, "dilation": [1, 2]}, 2, 1, True),
    ):
        stride, pad, gap = (
            np.broadcast_to(options.get(n, d), 2)
            for n, d in zip(("stride", "padding", "dilation"), (1, 0, 1), strict=True)
        )
        size = [(s + 2 * p - g * 2 - 1) // t + 1 for s, p, g, t in zip((7, 6), pad, gap, stride, strict=True)]
        arrays = [
            x[:, :4],
            (2 * numbers.standard_normal((2, 18 * offset_groups, *size))).round(2) + 0.003,  # at no kink
            numbers.standard_normal((4, 4 // groups, 3, 3)).round(2),
            numbers.standard_normal(4).round(2),
        ]
        if masked:
            arrays.append(numbers.uniform(0, 1, (2, 9 * offset_groups, *size)).round(2))
        yield f"deform_conv2d,{name}", "deform_conv2d", arrays, options
    boxes = _rois(numbers, 40, 1, 0, 20)[:, 1:]
    scores = numbers.permutation(40) / 40
    for threshold in (0.1, 0.5):
        yield f"nms,{threshold}", "nms", [boxes, scores], {"iou_threshold": threshold}
        yield (
            f"batched_nms,{threshold}",
            "batched_nms",
            [boxes, scores, numbers.integers(0, 3, 40)],
            {"iou_threshold": threshold},
        )
    rotated = np.concatenate([numbers.uniform(2, 6, (5, 4)), numbers.uniform(-180, 180, (5, 1))], 1).round(2)
    rotated[1] = rotated[0]
    yield "box_iou,cxcywhr", "box_iou", [rotated, rotated], {"fmt": "cxcywhr"}
    yield "box_iou,xywhr", "box_iou", [rotated[:3], rotated], {"fmt": "xywhr"}


CASES = {name: rest for name, *rest in _cases()}
DIFFERENTIABLE = ("roi", "ps_roi", "deform")


def main() -> None:
    """Writes the record."""
    import torch
    import torchvision

    found = {}
    for name, (function, arrays, options) in CASES.items():
        inputs = [torch.from_numpy(np.array(a)) for a in arrays]
        smooth = name.startswith(DIFFERENTIABLE)
        for value in inputs[:1] if "roi" in name else inputs:
            value.requires_grad_(smooth)
        if len(inputs) == 5:
            options = {**options, "mask": inputs[4]}
        out = getattr(torchvision.ops, function)(*inputs[:4], **options)
        found[name] = [out.tolist()]
        if smooth:
            (out * torch.arange(out.numel()).reshape(out.shape).remainder(7)).sum().backward()
            found[name] += [v.grad.numpy().round(9).tolist() for v in inputs if v.grad is not None]
            found[name][0] = out.detach().numpy().round(9).tolist()
    RECORD.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()) + "\n}\n")


if __name__ == "__main__":
    main()
