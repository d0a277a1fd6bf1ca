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


def main() -> None:
    """Writes the record of every model that there is here."""
    import torch

    from fnn.vision import models
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
    for name in models.list_models():
        with torch.device("meta"):
            lines.append(f' "{name}": {json.dumps(digests(torchvision.models.get_model(name)))}')
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
