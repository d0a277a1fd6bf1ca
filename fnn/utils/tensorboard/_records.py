"""The protocol buffers that tensorboardX does not make, or makes with packages that fnn does not need."""

import io
import math
import wave
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.utils.tensorboard._protos import (
    Event,
    Summary,
    SummaryMetadata,
    TensorProto,
    TensorShapeProto,
    Value,
    hparams,
    hparams_api,
)

_TENSOR_FIELDS = {
    "float32": ("DT_FLOAT", "float_val"),
    "float64": ("DT_DOUBLE", "double_val"),
    "int8": ("DT_INT8", "int_val"),
    "uint8": ("DT_UINT8", "int_val"),
    "int16": ("DT_INT16", "int_val"),
    "int32": ("DT_INT32", "int_val"),
    "int64": ("DT_INT64", "int64_val"),
    "bool": ("DT_BOOL", "bool_val"),
}


def _metadata(plugin: str, content: bytes = b"") -> Any:
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=content))


def shape_proto(shape: tuple[int, ...]) -> Any:
    """A shape."""
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=n) for n in shape])


def scalar(tag: str, value: float, new_style: bool, double_precision: bool) -> Any:
    """A number: a plain one, or (``new_style``) a tensor without axes."""
    if not new_style:
        return Summary(value=[Summary.Value(tag=tag, simple_value=value)])
    proto = (
        TensorProto(double_val=[value], dtype="DT_DOUBLE")
        if double_precision
        else TensorProto(float_val=[value], dtype="DT_FLOAT")
    )
    return Summary(value=[Summary.Value(tag=tag, tensor=proto, metadata=_metadata("scalars"))])


def tensor(tag: str, array: np.ndarray) -> Any:
    """A whole array; float16 is stored by its bits, complex numbers as pairs."""
    shape = shape_proto(array.shape)
    flat = array.reshape(-1)
    if array.dtype.name in _TENSOR_FIELDS:
        dtype, field = _TENSOR_FIELDS[array.dtype.name]
        proto = TensorProto(dtype=dtype, tensor_shape=shape, **{field: flat.tolist()})
    elif array.dtype == np.float16:
        proto = TensorProto(dtype="DT_HALF", tensor_shape=shape, half_val=flat.view(np.uint16).tolist())
    elif array.dtype == np.complex64:
        pairs = flat.view(np.float32).tolist()
        proto = TensorProto(dtype="DT_COMPLEX64", tensor_shape=shape, scomplex_val=pairs)
    else:
        raise ArgumentError(f"add_tensor: {tag} has unsupported tensor dtype {array.dtype}")
    return Summary(value=[Summary.Value(tag=tag, tensor=proto, metadata=_metadata("tensor"))])


def hyper_parameters(
    values: dict[str, Any], metrics: dict[str, Any], domains: dict[str, list[Any]]
) -> tuple[Any, Any, Any]:
    """The three records of the plugin for hyper-parameters: the experiment, a session's start and its end."""
    for name, domain in domains.items():
        if name not in values or not isinstance(domain, list):
            raise ArgumentTypeError(
                f"add_hparams: hparam_domain_discrete[{name}] should be a list of same type as hparam_dict[{name}], "
                f"got {domain!r}"
            )
    start, infos = hparams.SessionStartInfo(), []
    for name, value in values.items():
        if value is None:
            continue
        kind, field, plain = _hyper_parameter(name, value)
        setattr(start.hparams[name], field, plain)
        info = hparams_api.HParamInfo(name=name, type=hparams_api.DataType.Value(kind))
        for choice in domains.get(name, ()):
            choice_kind, _, plain = _hyper_parameter(name, choice)
            if choice_kind != kind or not (isinstance(choice, type(value)) or isinstance(value, np.ndarray)):
                raise ArgumentTypeError(
                    f"add_hparams: hparam_domain_discrete[{name}] should be a list of same type as "
                    f"hparam_dict[{name}]={value!r}, got {choice!r} in it"
                )
            info.domain_discrete.values.append(Value(**{field: plain}))
        infos.append(info)
    names = [hparams_api.MetricInfo(name=hparams_api.MetricName(tag=name)) for name in metrics]
    end = hparams.SessionEndInfo(status=hparams_api.Status.Value("STATUS_SUCCESS"))
    parts = {
        "experiment": {"experiment": hparams_api.Experiment(hparam_infos=infos, metric_infos=names)},
        "session_start_info": {"session_start_info": start},
        "session_end_info": {"session_end_info": end},
    }
    first, second, third = (
        Summary(value=[Summary.Value(tag=f"_hparams_/{tag}", metadata=_hyper_parameter_data(part))])
        for tag, part in parts.items()
    )
    return first, second, third


def _hyper_parameter_data(part: dict[str, Any]) -> Any:
    data = hparams.HParamsPluginData(version=0, **part)
    return _metadata("hparams", data.SerializeToString())


def _hyper_parameter(name: str, value: object) -> tuple[str, str, Any]:
    """The plugin's type, the field of a ``Value``, and the value as Python's own."""
    if isinstance(value, (np.ndarray, np.generic)) and np.size(value) == 1:
        value = np.reshape(value, ()).item()
    if isinstance(value, bool):
        return "DATA_TYPE_BOOL", "bool_value", value
    if isinstance(value, (int, float)):
        return "DATA_TYPE_FLOAT64", "number_value", float(value)
    if isinstance(value, str):
        return "DATA_TYPE_STRING", "string_value", value
    raise ArgumentTypeError(
        f"add_hparams: value should be one of int, float, str, bool, or an array of one element, got {name}={value!r}"
    )


def video(tag: str, pictures: np.ndarray, fps: float) -> Any:
    """Videos (N, T, C, H, W) in a grid, as an animated GIF."""
    from PIL import Image

    if pictures.ndim != 5 or pictures.shape[2] not in (1, 3):
        raise ArgumentError(f"add_video: expected (N, T, C, H, W) with C of 1 or 3, got shape {pictures.shape}")
    if pictures.dtype != np.uint8:
        pictures = (pictures * 255).astype(np.uint8)
    count, times, _, height, width = pictures.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    grid = np.zeros((rows * columns, times, 3, height, width), np.uint8)
    grid[:count] = pictures  # one channel becomes three
    grid = grid.reshape(rows, columns, times, 3, height, width).transpose(2, 0, 4, 1, 5, 3)
    frames = [Image.fromarray(frame) for frame in grid.reshape(times, rows * height, columns * width, 3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=1000 / fps, loop=0)
    picture = Summary.Image(
        height=rows * height, width=columns * width, colorspace=3, encoded_image_string=file.getvalue()
    )
    return Summary(value=[Summary.Value(tag=tag, image=picture)])


def sound(tag: str, samples: np.ndarray, sample_rate: int) -> Any:
    """A sound of one channel, as a WAV of 16 bits."""
    samples = samples.squeeze()
    if samples.ndim != 1:
        raise ArgumentError(f"add_audio: input tensor should be 1 dimensional, (1, L), got shape {samples.shape}")
    samples = (np.clip(samples, -1, 1) * np.iinfo(np.int16).max).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(sample_rate)
        wav.writeframes(samples.tobytes())
    audio = Summary.Audio(
        sample_rate=sample_rate,
        num_channels=1,
        length_frames=len(samples),
        encoded_audio_string=file.getvalue(),
        content_type="audio/wav",
    )
    return Summary(value=[Summary.Value(tag=tag, audio=audio)])


def graph_event(graph: Any) -> Any:
    """The event that holds a graph."""
    return Event(graph_def=graph.SerializeToString())
