"""tensorboardX and its protocol buffers; these classes are built on import, so that no checker knows them."""

from typing import Any

NEEDS_TENSORBOARDX = 'SummaryWriter needs tensorboardX: pip install "fnn[logging]"'

try:
    import tensorboardX
    from google.protobuf import struct_pb2
    from tensorboardX.proto import (
        api_pb2,
        attr_value_pb2,
        event_pb2,
        graph_pb2,
        node_def_pb2,
        plugin_hparams_pb2,
        summary_pb2,
        tensor_pb2,
        tensor_shape_pb2,
        types_pb2,
        versions_pb2,
    )
except ImportError as error:
    raise ImportError(NEEDS_TENSORBOARDX) from error

__all__ = [
    "AttrValue", "DataType", "Event", "GraphDef", "NodeDef", "Summary", "SummaryMetadata", "TensorProto",
    "TensorShapeProto", "Value", "VersionDef", "hparams", "hparams_api", "tensorboardX",
]  # fmt: skip


def _of(module: object, name: str) -> Any:
    return getattr(module, name)


AttrValue: Any = _of(attr_value_pb2, "AttrValue")
DataType: Any = _of(types_pb2, "DataType")
Event: Any = _of(event_pb2, "Event")
GraphDef: Any = _of(graph_pb2, "GraphDef")
NodeDef: Any = _of(node_def_pb2, "NodeDef")
Summary: Any = _of(summary_pb2, "Summary")
SummaryMetadata: Any = _of(summary_pb2, "SummaryMetadata")
TensorProto: Any = _of(tensor_pb2, "TensorProto")
TensorShapeProto: Any = _of(tensor_shape_pb2, "TensorShapeProto")
Value: Any = struct_pb2.Value
VersionDef: Any = _of(versions_pb2, "VersionDef")
hparams: Any = plugin_hparams_pb2
hparams_api: Any = api_pb2
