"""Programs without their code: a model as StableHLO with its weights beside it, or as ONNX."""

from fnn.exported.exporting import Exported, export, load_exported
from fnn.exported.onnx import export_onnx
from fnn.kernels.portable import portable

__all__ = ["Exported", "export", "export_onnx", "load_exported", "portable"]
