"""What a model is made of, as a few digests; run with torchvision installed it records torchvision's.

python -m tests.vision.record_models
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

RECORD = Path(__file__).with_name("models.json")


def digests(model: Any) -> list[Any]:
    """The number of parameters, and digests of keys with shapes and of the print; of a model here or in torch."""
    shapes = "\n".join(f"{name} {tuple(value.shape)}" for name, value in model.state_dict().items())
    parameters = sum(math.prod(p.shape) for p in model.parameters())
    return [parameters, *(hashlib.sha256(text.encode()).hexdigest()[:16] for text in (shapes, repr(model)))]


def recorded() -> dict[str, dict[str, Any]]:
    """Every model but the detectors (`tests.vision.detectors`), with the arguments that it is made with."""
    from fnn.vision import models

    others = (models.optical_flow, models.segmentation, models.video)
    found: dict[str, dict[str, Any]] = {name: {} for name in models.list_models()}
    for package in others:
        for name in models.list_models(package):
            found[name] = {"weights_backbone": None} if package is models.segmentation else {}
    return found


def main() -> None:
    """Writes the record of every model that there is here."""
    import torch

    from tests.vision.oracle import torchvision

    block_params, from_init_params = (
        (regnet := torchvision.models.regnet).BlockParams,
        regnet.BlockParams.from_init_params,
    )

    def on_the_host(*args: Any, **kwargs: Any) -> Any:
        with torch.device("cpu"):
            return from_init_params(*args, **kwargs)

    block_params.from_init_params = on_the_host  # it looks at numbers
    lines = []
    for name, kwargs in recorded().items():
        with torch.device("meta"):
            lines.append(f' "{name}": {json.dumps(digests(torchvision.models.get_model(name, **kwargs)))}')
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
