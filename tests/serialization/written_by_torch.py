"""Objects of PyTorch to write, and what `fnn.load` should make of them.

``python -m tests.serialization.written_by_torch`` rewrites ``recorded/``, which is read where PyTorch is absent.
"""

import collections
import json
import warnings
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch

from tests.serialization.reading import RECORDED

FLOAT8 = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
DTYPES = ("bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "bfloat16",
          "float32", "float64", "complex64", "complex128", *FLOAT8)  # fmt: skip


def objects() -> dict[str, Any]:
    """Small objects of every kind, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # quantised, compressed and nested tensors warn of their future
        return {**_tensors(), **_unusual(), **_plain()}


def _tensors() -> dict[str, Any]:
    base = torch.arange(24.0).reshape(2, 3, 4)
    shared = torch.arange(10, dtype=torch.int16)
    return {
        "dtypes": {name: torch.tensor([1, 2, 1]).to(getattr(torch, name)) for name in DTYPES},
        "dense": {
            "contiguous": base,
            "transposed": base.transpose(0, 2),
            "permuted": base.permute(1, 2, 0),
            "sliced": base[:, ::2, 1:3],
            "expanded": torch.tensor([1.5]).expand(3, 4),
            "channels last": torch.arange(16.0).reshape(1, 2, 2, 4).to(memory_format=torch.channels_last),
            "diagonal": torch.arange(9.0).reshape(3, 3).diagonal(),
            "empty": torch.zeros(0, 3),
            "0-d": torch.tensor(2.5),
            "views": [shared, shared[2:5], shared.view(2, 5).t()],
            "nan": torch.tensor([float("nan"), float("inf"), -0.0]),
        },
        "wide": {
            "int64": torch.tensor([2**62 + 1, -(2**40)]),
            "float64": torch.tensor([0.1, 1e300], dtype=torch.float64),
            "uint64": torch.tensor([2**63 - 1]).to(torch.uint64),
            "complex128": torch.tensor([0.1 + 2j], dtype=torch.complex128),
        },
    }


def _unusual() -> dict[str, Any]:
    frozen = torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16), requires_grad=False)
    return {
        "flags": [torch.tensor([1 + 2j]).conj(), torch.tensor([1 + 2j]).conj().imag],
        "half complex": torch.tensor([1 + 2j, 0.5j], dtype=torch.complex32),
        "bits": torch.tensor([1, 255], dtype=torch.uint8).view(torch.bits8),
        "parameters": [torch.nn.Parameter(torch.arange(6.0).reshape(2, 3).t()), frozen],
        "buffer": torch.nn.Buffer(torch.ones(2)),
        "sparse": {
            "coo": torch.tensor([[0, 1.5, 0], [2, 0, 0]]).to_sparse(),
            "uncoalesced": torch.sparse_coo_tensor(torch.tensor([[0, 0]]), torch.tensor([1.0, 2.0]), (3,)),
            "hybrid": torch.arange(6.0).reshape(3, 2).to_sparse(1),
            "csr": torch.eye(3).to_sparse_csr(),
            "csc": torch.tensor([[0, 1.5, 0], [2, 0, 0]]).to_sparse_csc(),
            "bsr": torch.arange(16.0).reshape(4, 4).to_sparse_bsr((2, 2)),
        },
        "quantised": [
            torch.quantize_per_tensor(torch.tensor([-0.3, 0.0, 0.7]), 0.1, 3, torch.quint8),
            torch.quantize_per_channel(
                torch.tensor([[0.5, -0.5], [1.0, 2.0]]), torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), 0, torch.qint8
            ),
        ],
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.arange(3.0)]),
        "meta": torch.empty(2, 3, device="meta"),
    }


def _plain() -> dict[str, Any]:
    return {
        "numbers": [0, -5, 255, 256, 2**31, -(2**31), 2**200, 0.1, float("-inf"), 1 + 2j, True, False, None],
        "text": ["", "naïve ☃", b"abc\xff", b"", bytearray(b"xyz")],
        "containers": {
            "tuples": ((), (1,), (1, (2, "x")), (1, 2, 3, 4)),
            "set": {3},
            "ordered": collections.OrderedDict(b=1, a=2),
            "counter": collections.Counter("aab"),
            "default": collections.defaultdict(list, {"k": [1]}),
            "keys": {1: "int", None: "none", (1, "a"): "tuple", 1.5: "float", False: "bool"},
            "long": list(range(1002)),
        },
        "torch's": [torch.Size([2, 3]), torch.device("cuda:1"), torch.bfloat16],
        "numpy's": [np.arange(3, dtype=np.int16), np.arange(6.0).reshape(2, 3).T, np.float32(2.5)],
    }


def training() -> dict[str, Any]:
    """The state of a training in progress."""
    generator = torch.get_rng_state()
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    found: dict[str, Any] = {"model": model.state_dict(), "epoch": 3, "rng": torch.get_rng_state()}
    for kind in (torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop):
        optimizer = kind([{"params": model[0].parameters(), "lr": 0.1}, {"params": model[2].parameters()}], lr=0.01)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
        model(torch.randn(5, 3)).sum().backward()
        optimizer.step()
        scheduler.step()
        found[kind.__name__] = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    torch.set_rng_state(generator)
    return found


def flatten(tree: Any, path: str = "") -> dict[str, Any]:
    """Every value by its place: tensors as numpy arrays, all else as text; see `reading.flatten`."""
    if isinstance(tree, torch.Tensor):
        return _flatten_tensor(tree, path)
    if isinstance(tree, np.ndarray):
        return {path: tree}
    if isinstance(tree, np.generic):
        return {path: np.asarray(tree)}
    if isinstance(tree, (dict, list, tuple)):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        found = {path: "tuple" if isinstance(tree, torch.Size) else type(tree).__name__}
        for key, value in items:
            found |= flatten(value, f"{path}/{key!r}")
        if isinstance(tree, collections.OrderedDict) and vars(tree):
            found |= flatten(vars(tree), f"{path}.attributes")
        return found
    if isinstance(tree, torch.dtype):
        return {path: f"dtype {str(tree).removeprefix('torch.')}"}
    return {path: repr(str(tree) if isinstance(tree, torch.device) else tree)}


def _flatten_tensor(tensor: torch.Tensor, path: str) -> dict[str, Any]:
    if tensor.is_meta:
        return {path: f"meta {str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"}
    if tensor.is_nested:
        return flatten(list(tensor.unbind()), path)
    if isinstance(tensor, torch.nn.Parameter):
        return {f"{path} box": f"Parameter {tensor.requires_grad}", path: as_numpy(tensor)}
    if getattr(tensor, "_is_buffer", False):
        return {f"{path} box": "Buffer True", path: as_numpy(tensor)}
    return {path: as_numpy(tensor)}


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's values, in numpy's dtype of the same bits."""
    tensor = tensor.detach()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.dtype == torch.complex32:
        tensor = tensor.to(torch.complex64)
    if tensor.dtype == torch.bits8:
        tensor = tensor.view(torch.uint8)
    tensor = tensor.resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
    content = tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
    name = str(tensor.dtype).removeprefix("torch.")
    return np.frombuffer(content, getattr(ml_dtypes, name, name)).reshape(tensor.shape)


def write(tree: Any, folder: Path, name: str) -> None:
    """``name.zip.pth``, ``name.legacy.pth`` and what is expected of both, ``name.json``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(tree, folder / f"{name}.zip.pth")
        torch.save(tree, folder / f"{name}.legacy.pth", _use_new_zipfile_serialization=False)
        flat = flatten(tree)
    lines = [
        json.dumps(
            [path, [value.dtype.name, value.shape, value.tobytes().hex()] if type(value) is np.ndarray else value]
        )
        for path, value in flat.items()
    ]
    (folder / f"{name}.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def small() -> dict[str, Any]:
    """The part of `objects` that is recorded."""
    found = objects()
    del found["containers"]["long"]
    for name in ("transposed", "permuted", "channels last", "diagonal", "nan"):
        del found["dense"][name]
    for name in ("float8_e4m3fnuz", "float8_e5m2fnuz", "int8", "uint32", "int16"):
        del found["dtypes"][name]
    found["sparse"] = {name: found["sparse"][name] for name in ("coo", "csr")}
    return found


if __name__ == "__main__":
    RECORDED.mkdir(exist_ok=True)
    write(small(), RECORDED, "objects")
