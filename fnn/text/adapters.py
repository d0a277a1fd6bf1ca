"""PEFT's adapter files for `fnn.nn.utils.lora`: ``adapter_config.json`` and ``adapter_model.safetensors``."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentError, StateDictError
from fnn.nn import Module
from fnn.nn.utils import lora
from fnn.serialization import load, save_file
from fnn.text.config import read_json
from fnn.text.hub import fetched

__all__ = ["load_adapter", "save_adapter"]

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_BASE = ".base_layer.weight"

# What an adapter may be besides that is not understood: the field, and the value with which it is nothing.
_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "bias": ("none",), "layer_replication": (None,), "lora_bias": (False,), "modules_to_save": (None, []),
    "peft_type": ("LORA",), "target_parameters": (None, []), "trainable_token_indices": (None,),
    "use_bdlora": (None, False), "use_dora": (False,), "use_qalora": (False,),
}  # fmt: skip


def load_adapter(
    model: Module,
    name: str | os.PathLike[str],
    *,
    revision: str = "main",
    token: str | None = None,
    local_files_only: bool = False,
) -> list[str]:
    """Puts the adapters of a PEFT folder, or of such a repository on the hub, on a model's weights.

    `fnn.nn.utils.lora.merge` makes them part of the weights, `unload` takes them off.  The dropout that a file may
    tell of concerns training with PEFT and is not applied.

    Args:
        model: of the architecture that the adapters were made for, without adapters; changed in place.
        name: a folder, or the name of a repository.
        revision: of a repository.
        token: of a private repository.
        local_files_only: whether to look only at what has been downloaded before.

    Returns:
        The names of the modules that have adapters now.

    Raises:
        ArgumentError: the adapters are of another kind (the message names the field), or there are none.
        StateDictError: names or shapes do not fit the model.

    Example:
        >>> import tempfile
        >>> from fnn import nn, text
        >>> model, folder = nn.Sequential(nn.Linear(4, 2)), tempfile.mkdtemp()
        >>> _ = nn.utils.lora.add(model, r=2)
        >>> text.save_adapter(model, folder)
        >>> text.load_adapter(nn.utils.lora.unload(model), folder)
        ['0']
    """
    how: dict[str, Any] = {"revision": revision, "token": token, "local_files_only": local_files_only}
    config, weights = fetched(name, CONFIG, **how), fetched(name, WEIGHTS, **how)
    assert config is not None and weights is not None
    said = read_json(config)
    for field, fine in _UNSUPPORTED.items():
        if field in said and said[field] not in fine:
            raise ArgumentError(f"load_adapter: {config}: {field}={said[field]!r} is not supported")
    arrays: dict[str, np.ndarray] = load(weights, mmap=True)
    bases = {key: arrays.pop(key) for key in list(arrays) if key.endswith(_BASE)}
    ranks = _ranks(arrays)
    modules = dict(model.named_modules())
    absent = [module for module in ranks if module not in modules]
    if absent:
        raise StateDictError(f"load_adapter: the model has no modules {', '.join(absent)}")
    if not ranks:
        raise ArgumentError(f"load_adapter: {weights} holds no adapters")
    for key, value in bases.items():
        _set_base(modules, key.removeprefix(lora.PREFIX).removesuffix(_BASE), value)
    try:
        lora.attach(model, {module: (rank, _scale(said, module, rank)) for module, rank in ranks.items()})
        lora.load_state_dict(model, arrays)
    except BaseException:
        lora.unload(model)
        raise
    return list(ranks)


def _ranks(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """The rank of each module's adapter."""
    ranks = {}
    for key, value in arrays.items():
        for end in (".lora_A.weight", ".lora_embedding_A"):
            if key.endswith(end):
                ranks[key.removeprefix(lora.PREFIX).removesuffix(end)] = value.shape[0]
    return ranks


def _scale(said: Mapping[str, Any], module: str, rank: int) -> float:
    """What a module's adapter is multiplied with."""
    alpha = said.get("lora_alpha", 8)
    for pattern, value in (said.get("alpha_pattern") or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            alpha = value
            break
    return alpha / (math.sqrt(rank) if said.get("use_rslora") else rank)


def _set_base(modules: Mapping[str, Any], name: str, value: np.ndarray) -> None:
    """The weight below an adapter, where a file has it, too."""
    weight = modules[name].weight if name in modules else None
    if weight is None or tuple(weight.shape) != value.shape:
        raise StateDictError(f"load_adapter: {name}{_BASE} of shape {value.shape} fits no weight of the model")
    weight.data = jnp.asarray(value, weight.dtype)


def save_adapter(model: Module, folder: str | os.PathLike[str], base_model_name: str | None = None) -> None:
    """Writes a model's adapters as PEFT does.

    Args:
        model: with adapters.
        folder: where to; it is made if need be.
        base_model_name: the folder or repository of the model without adapters, which PEFT notes.

    Raises:
        ArgumentError: there are no adapters.

    Example:
        >>> import os, tempfile
        >>> from fnn import nn, text
        >>> model, folder = nn.Sequential(nn.Linear(4, 2)), tempfile.mkdtemp()
        >>> _ = nn.utils.lora.add(model, r=2)
        >>> text.save_adapter(model, folder)
        >>> sorted(os.listdir(folder))
        ['adapter_config.json', 'adapter_model.safetensors']
    """
    found = list(lora.adapters(model))
    if not found:
        raise ArgumentError("save_adapter: the model has no adapters")
    rank = found[0][2].r
    ranks = {name: adapter.r for name, _, adapter in found if adapter.r != rank}
    alpha = found[0][2].scale * rank
    alphas = {name: adapter.scale * adapter.r for name, _, adapter in found if adapter.scale * adapter.r != alpha}
    content = {
        "alpha_pattern": {re.escape(name): value for name, value in alphas.items()},
        "base_model_name_or_path": base_model_name,
        "bias": "none",
        "fan_in_fan_out": any(adapter.transposed and not adapter.embeds for _, _, adapter in found),
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": rank,
        "rank_pattern": {re.escape(name): value for name, value in ranks.items()},
        "target_modules": [name for name, _, _ in found],
        "task_type": None,
        "use_dora": False,
        "use_rslora": False,
    }
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    save_file(lora.state_dict(model), path / WEIGHTS, {"format": "pt"})
    (path / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
