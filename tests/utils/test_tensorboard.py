"""What `SummaryWriter` wrote is read back from the event files."""

import io
import json
import struct
import wave

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, nn
from fnn.errors import ArgumentError, ArgumentTypeError

pytest.importorskip("tensorboardX")

from tensorboardX.crc32c import crc32c
from tensorboardX.proto import event_pb2, graph_pb2, layout_pb2, plugin_hparams_pb2, plugin_mesh_pb2, types_pb2

from fnn.utils.tensorboard import SummaryWriter


def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def events(folder):
    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        file = io.BytesIO(path.read_bytes())
        while header := file.read(12):
            length, check = struct.unpack("<QI", header)
            assert check == masked(header[:8])
            data = file.read(length)
            assert struct.unpack("<I", file.read(4))[0] == masked(data)
            found.append(event_pb2.Event.FromString(data))
    return found


def values(folder):
    """``{(tag, step): value}`` of everything but the graph."""
    return {(value.tag, event.step): value for event in events(folder) for value in event.summary.value}


def logged(folder, *calls):
    with SummaryWriter(folder) as writer:
        for name, args, kwargs in calls:
            getattr(writer, name)(*args, **kwargs)
    return values(folder)


def call(name, *args, **kwargs):
    return name, args, kwargs


NUMBERS = {
    "float": 0.5,
    "int": 2,
    "numpy": np.float64(0.5),
    "array": jnp.float32(0.5),
    "one element": jnp.full((1, 1), 0.5),
    "bfloat16": jnp.bfloat16(0.5),
    "numpy's bfloat16": np.asarray(jnp.bfloat16(0.5)),
    "parameter": nn.Parameter(jnp.full((1,), 0.5)),
    "buffer": nn.Buffer(jnp.array(3)),
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_scalars(tmp_path, number):
    found = logged(
        tmp_path,
        call("add_scalar", "plain", number, 3),
        call("add_scalar", "new", number, jnp.array(4), new_style=True),
        call("add_scalar", "double", number, 5, new_style=True, double_precision=True),
        call("add_scalars", "main", {"a": number, "b": 1.0}, 6),
    )
    expected = float(np.asarray(number).reshape(()))
    assert found["plain", 3].simple_value == expected
    assert list(found["new", 4].tensor.float_val) == [expected]
    assert list(found["double", 5].tensor.double_val) == [expected]
    assert values(tmp_path / "main" / "a")["main", 6].simple_value == expected
    assert values(tmp_path / "main" / "b")["main", 6].simple_value == 1.0


def test_walltime_and_purge_step(tmp_path):
    with SummaryWriter(str(tmp_path), purge_step=7, filename_suffix=".end") as writer:
        writer.add_scalar("a", 1.0, 7, walltime=123.0)
        assert writer.get_logdir() == writer.log_dir == str(tmp_path)
    assert any(event.session_log.status == event_pb2.SessionLog.START and event.step == 7 for event in events(tmp_path))
    assert [event.wall_time for event in events(tmp_path) if event.summary.value] == [123.0]
    assert all(path.name.endswith(".end") for path in tmp_path.iterdir())


def test_the_default_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SummaryWriter(comment="_lr_0.1") as writer:
        writer.add_scalar("a", 1.0)
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("_lr_0.1") and values(folder)["a", 0].simple_value == 1.0


def test_histograms(tmp_path):
    weight = nn.Parameter(jnp.arange(6.0).reshape(2, 3))
    found = logged(
        tmp_path,
        call("add_histogram", "weight", weight, 1, bins=[-0.5, 2.5, 5.5]),
        call("add_histogram", "half", weight.data.astype(jnp.bfloat16), 1),
        call("add_histogram", "list", [1.0, jnp.float32(2.0)], 1),
        call("add_histogram_raw", "raw", *map(jnp.float32, (0, 5, 6, 15, 55)), jnp.arange(3), jnp.ones(3)),
    )
    histogram = found["weight", 1].histo
    assert (histogram.min, histogram.max, histogram.num, histogram.sum, histogram.sum_squares) == (0, 5, 6, 15, 55)
    assert list(histogram.bucket) == [0, 3, 3] and list(histogram.bucket_limit) == [-0.5, 2.5, 5.5]
    assert found["half", 1].histo.sum == 15 and found["list", 1].histo.sum == 3
    assert (found["raw", 0].histo.sum_squares, list(found["raw", 0].histo.bucket)) == (55, [1, 1, 1])


def picture(value):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(value.image.encoded_image_string)))


def test_pictures(tmp_path):
    image = jnp.arange(24, dtype=jnp.float32).reshape(3, 2, 4) / 23
    bytes_ = np.asarray(image * 255).astype(np.uint8)
    found = logged(
        tmp_path,
        call("add_image", "floats", image),
        call("add_image", "bytes", jnp.asarray(bytes_)),
        call("add_image", "outside", 3 * image - 1),
        call("add_image", "hw", nn.Buffer(image[0]), dataformats="HW"),
        call("add_images", "batch", jnp.stack([image, image])),
        call("add_images", "list", [image, np.asarray(image)]),
        call("add_images", "list of hwc", [image.transpose(1, 2, 0)] * 2, dataformats="HWC"),
        call("add_image_with_boxes", "boxes", jnp.zeros((3, 9, 9)), jnp.array([[1, 2, 6, 7]]), rescale=2),
    )
    np.testing.assert_array_equal(picture(found["floats", 0]), bytes_.transpose(1, 2, 0))
    np.testing.assert_array_equal(picture(found["bytes", 0]), bytes_.transpose(1, 2, 0))
    clipped = np.asarray(jnp.clip(3 * image - 1, 0, 1) * 255).astype(np.uint8)
    np.testing.assert_array_equal(picture(found["outside", 0]), clipped.transpose(1, 2, 0))
    np.testing.assert_array_equal(picture(found["hw", 0])[..., 0], bytes_[0])
    twice = np.concatenate([bytes_, bytes_], 2).transpose(1, 2, 0)
    for tag in ("batch", "list", "list of hwc"):
        np.testing.assert_array_equal(picture(found[tag.replace(" ", "_"), 0]), twice)
    boxes = picture(found["boxes", 0])
    assert boxes.shape == (18, 18, 3) and boxes[..., 0].max() > 200


def test_figures(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    figure = plt.figure(figsize=(1, 0.5), dpi=20)
    found = logged(tmp_path, call("add_figure", "figure", figure, 2))
    assert picture(found["figure", 2]).shape == (10, 20, 3) and not plt.get_fignums()


def test_videos(tmp_path):
    from PIL import Image

    frames = jnp.stack([jnp.full((1, 4, 6), shade) for shade in (0.0, 1.0)])  # (T, C, H, W)
    found = logged(tmp_path, call("add_video", "video", jnp.stack([frames, 1 - frames]), fps=10))
    gif = Image.open(io.BytesIO(found["video", 0].image.encoded_image_string))
    assert (gif.n_frames, gif.size, gif.info["duration"]) == (2, (12, 4), 100)
    shown = [np.asarray(gif.convert("RGB"))[0, :, 0].tolist() for i in range(2) if gif.seek(i) is None]
    assert shown == [[0] * 6 + [255] * 6, [255] * 6 + [0] * 6]


def test_sounds(tmp_path):
    found = logged(tmp_path, call("add_audio", "sound", jnp.array([[0.0, 0.5, 2.0]]), sample_rate=8000))
    audio = found["sound", 0].audio
    assert (audio.sample_rate, audio.num_channels, audio.length_frames) == (8000, 1, 3)
    with wave.open(io.BytesIO(audio.encoded_audio_string)) as wav:
        assert np.frombuffer(wav.readframes(3), "<i2").tolist() == [0, 16383, 32767]


TENSORS = [
    (np.float32, types_pb2.DT_FLOAT, "float_val", [1, 2]),
    (np.int32, types_pb2.DT_INT32, "int_val", [1, 2]),
    (np.uint8, types_pb2.DT_UINT8, "int_val", [1, 2]),
    (np.bool_, types_pb2.DT_BOOL, "bool_val", [True, True]),
    (np.float16, types_pb2.DT_HALF, "half_val", [0x3C00, 0x4000]),
    (np.complex64, types_pb2.DT_COMPLEX64, "scomplex_val", [1, 0, 2, 0]),
]


@pytest.mark.parametrize(("dtype", "kind", "field", "content"), TENSORS)
def test_tensors(tmp_path, dtype, kind, field, content):
    array = jnp.array([[1, 2]]).astype(dtype)
    value = logged(tmp_path, call("add_tensor", "t", array, 1))["t", 1]
    assert value.metadata.plugin_data.plugin_name == "tensor" and value.tensor.dtype == kind
    assert list(getattr(value.tensor, field)) == content
    assert [axis.size for axis in value.tensor.tensor_shape.dim] == [1, 2]


def test_text_and_charts(tmp_path):
    found = logged(
        tmp_path,
        call("add_text", "notes", "**bold**", 1),
        call("add_custom_scalars", {"losses": {"both": ["Multiline", ["train", "test"]]}}),
    )
    assert list(found["notes/text_summary", 1].tensor.string_val) == [b"**bold**"]
    layout = layout_pb2.Layout.FromString(found["custom_scalars__config__", 0].tensor.string_val[0])
    assert layout.category[0].title == "losses" and list(layout.category[0].chart[0].multiline.tag) == ["train", "test"]
    lines = logged(tmp_path / "m", call("add_custom_scalars_multilinechart", ["a"], title="t"))
    margin = logged(tmp_path / "n", call("add_custom_scalars_marginchart", ["a", "b", "c"], "c", "t"))
    for found in (lines, margin):
        layout = layout_pb2.Layout.FromString(found["custom_scalars__config__", 0].tensor.string_val[0])
        assert layout.category[0].chart[0].title == "t"


def test_precision_and_recall(tmp_path):
    labels, predictions = jnp.array([1, 0, 1, 1]), jnp.array([0.9, 0.8, 0.7, 0.1])
    found = logged(tmp_path, call("add_pr_curve", "pr", labels, predictions, 1, num_thresholds=3))
    curve = np.reshape(found["pr", 1].tensor.float_val, (6, 3))  # tp, fp, tn, fn, precision, recall
    np.testing.assert_allclose(curve[:4], [[3, 2, 0], [1, 1, 0], [0, 0, 1], [0, 1, 3]])
    raw = logged(tmp_path / "raw", call("add_pr_curve_raw", "pr", *map(jnp.asarray, curve), 1, num_thresholds=3))
    np.testing.assert_array_equal(raw["pr", 1].tensor.float_val, found["pr", 1].tensor.float_val)


def test_hyper_parameters(tmp_path):
    hparams = {"lr": jnp.float32(0.5), "layers": 3, "act": "relu", "bias": True, "none": None}
    with SummaryWriter(tmp_path) as writer:
        writer.add_hparams(hparams, {"accuracy": jnp.float32(0.75)}, {"layers": [1, 3]}, "run", global_step=9)
        with pytest.raises(ArgumentTypeError, match=r"value should be one of int, float, str, bool.*lr=<object"):
            writer.add_hparams({"lr": object()}, {})
        with pytest.raises(ArgumentTypeError, match=r"hparam_domain_discrete\[lr\] should be a list of same type"):
            writer.add_hparams({"lr": 0.1}, {}, {"lr": ["high"]})
        with pytest.raises(ArgumentTypeError, match=r"same type as hparam_dict\[layers\]=3, got 1.5 in it"):
            writer.add_hparams({"layers": 3}, {}, {"layers": [1, 1.5]})
        with pytest.raises(ArgumentTypeError, match="should be dictionaries"):
            writer.add_hparams([], {})
    found = values(tmp_path / "run")
    assert found["accuracy", 9].simple_value == 0.75

    def content(tag):
        data = found[f"_hparams_/{tag}", 0].metadata.plugin_data.content
        return plugin_hparams_pb2.HParamsPluginData.FromString(data)

    start = content("session_start_info").session_start_info.hparams
    assert start["lr"].number_value == 0.5 and start["layers"].number_value == 3
    assert start["act"].string_value == "relu" and start["bias"].bool_value is True and "none" not in start
    infos = {info.name: info for info in content("experiment").experiment.hparam_infos}
    assert [v.number_value for v in infos["layers"].domain_discrete.values] == [1, 3]
    assert content("experiment").experiment.metric_infos[0].name.tag == "accuracy"
    assert content("session_end_info").session_end_info.status == 1


def test_embeddings_and_meshes(tmp_path):
    points = nn.Parameter(jnp.arange(6.0).reshape(3, 2))
    pictures = jnp.zeros((3, 1, 4, 4))
    vertices = jnp.arange(12.0).reshape(1, 4, 3)
    with SummaryWriter(tmp_path) as writer:
        writer.add_embedding(points, metadata=["a", "b", "c"], label_img=pictures, global_step=2, tag="words")
        writer.add_mesh("mesh", vertices, colors=vertices, faces=jnp.array([[[0, 1, 2]]]), config_dict={"a": 1})
        for bad, text in ((points[0], "2D"), (points[:2], "metadata should be as long")):
            with pytest.raises(ArgumentError, match=text):
                writer.add_embedding(bad, metadata=["a"])
    folder = tmp_path / "00002" / "words"
    assert (folder / "tensors.tsv").read_text().split() == ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0"]
    assert (folder / "metadata.tsv").read_text() == "a\nb\nc\n" and (folder / "sprite.png").exists()
    found = values(tmp_path)
    assert list(found["mesh_1", 0].tensor.float_val) == list(found["mesh_3", 0].tensor.float_val) == list(range(12))
    assert list(found["mesh_2", 0].tensor.float_val) == [0, 1, 2]
    data = plugin_mesh_pb2.MeshPluginData.FromString(found["mesh_1", 0].metadata.plugin_data.content)
    assert json.loads(data.json_config) == {"a": 1} and list(data.shape) == [1, 4, 3]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())
        self.head = nn.Linear(2, 3)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3))) + 1.0


def graph(folder, *args, **kwargs):
    with SummaryWriter(folder) as writer:
        writer.add_graph(*args, **kwargs)
    (data,) = [event.graph_def for event in events(folder) if event.graph_def]
    return {node.name: node for node in graph_pb2.GraphDef.FromString(data).node}


def above(nodes, name):
    """All nodes that lead to this one."""
    found, todo = set(), [name]
    while todo:
        for source in nodes[todo.pop()].input:
            source = source.split(":")[0]
            if source not in found:
                found.add(source)
                todo.append(source)
    return found


def test_graphs(tmp_path):
    model = Net()
    nodes = graph(tmp_path, model, jnp.zeros((4, 1, 8, 8)))
    assert nodes["input_0"].op == "Placeholder" and nodes["Net/head/weight"].op == "Parameter"
    output = above(nodes, "output_0")
    parameters = {f"Net/{name.replace('.', '/')}" for name, _ in model.named_parameters()}
    assert {"input_0", *parameters} <= output
    assert "Net/head/dot_general" in output and any(name.startswith("Net/body/2/") for name in output)
    shape = [axis.size for axis in nodes["Net/head/dot_general"].attr["_output_shapes"].list.shape[0].dim]
    assert shape == [4, 3] and nodes["Net/head/dot_general"].attr["dtype"].type == types_pb2.DT_FLOAT
    assert {"Net/head/dot_general"} == {name for name in nodes if nodes[name].op == "dot_general"}
    assert int(model.body[1].num_batches_tracked.data) == 0 and not model._forward_hooks


def test_graphs_of_functional_layers_and_several_inputs(tmp_path, capsys):
    net = layers.serial(layers.Linear(3, 3), layers.repeat(layers.Linear(3, 3), 4))
    nodes = graph(tmp_path / "layer", net, (2, 3), verbose=True)
    assert "Serial/0/dot_general" in above(nodes, "output_0")
    assert "Serial/1/layer/dot_general" in above(nodes, "output_0")  # the body of the loop
    assert "dot_general" in capsys.readouterr().out
    nodes = graph(tmp_path / "two", nn.Bilinear(2, 3, 4), (jnp.ones((5, 2)), jnp.ones((5, 3))))
    assert {"input_0", "input_1"} <= above(nodes, "output_0")
    nodes = graph(tmp_path / "name", fnn.pure(lambda: nn.Sequential(nn.Tanh(), nn.Tanh()))(), (2,))
    assert above(nodes, "output_0") == {"input_0", "_lambda_/0/tanh", "_lambda_/1/tanh"}
    with SummaryWriter(tmp_path) as writer, pytest.raises(ArgumentError, match="input_to_model should be an example"):
        writer.add_graph(nn.Linear(2, 3))


REFUSED = {
    "two elements": (call("add_scalar", "a", jnp.ones(2)), "scalar should be 0D.*shape \\(2,\\)"),
    "buckets": (call("add_histogram_raw", "a", 0, 1, 2, 3, 4, [1, 2], [1]), "len.bucket_limits. != len.bucket_counts"),
    "sound": (call("add_audio", "a", jnp.zeros((2, 3))), "1 dimensional"),
    "video": (call("add_video", "a", jnp.zeros((3, 3))), "N, T, C, H, W"),
    "labels": (call("add_image_with_boxes", "a", jnp.zeros((3, 4, 4)), jnp.ones((1, 4)), labels=["a", "b"]), "2 lab"),
    "margin": (call("add_custom_scalars_marginchart", ["a"]), "expected 3 tags"),
    "no number": (call("add_scalar", "a", "0.5"), "expected a real number, got '0.5'"),
    "no text": (call("add_text", "a", 3), "text_string should be a str, got 3"),
    "dtype": (call("add_tensor", "a", np.array(["x"])), "unsupported tensor dtype"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(tmp_path, case):
    wrong, text = REFUSED[case]
    with pytest.raises((ArgumentError, ArgumentTypeError), match=text):
        logged(tmp_path, wrong)


def test_traced_values(tmp_path):
    with SummaryWriter(tmp_path) as writer:

        @jax.jit
        def wrong(x):
            writer.add_scalar("a", x)

        with pytest.raises(ArgumentTypeError, match=r"add_scalar\('a'\) got a traced value(.|\n)*jax.debug.callback"):
            wrong(1.0)

        @fnn.jit
        def right(x):
            jax.debug.callback(lambda x: writer.add_scalar("b", x), x)

        right(jnp.float32(2.0))
        jax.effects_barrier()
    assert values(tmp_path)["b", 0].simple_value == 2.0


def test_the_methods_are_those_of_torch():
    pytest.importorskip("torch")
    import inspect
    import re
    from importlib.util import find_spec
    from pathlib import Path

    source = Path(find_spec("torch").origin).parent / "utils/tensorboard/writer.py"  # it needs tensorboard to import
    text = source.read_text(encoding="utf-8").split("class SummaryWriter")[1]
    for name, arguments in re.findall(r"    def (\w+)\(([^)]*)\)", text):
        if name.startswith("_"):
            continue
        theirs = [part.split(":")[0].split("=")[0].strip() for part in arguments.split(",")]
        ours = list(inspect.signature(getattr(SummaryWriter, name)).parameters)
        assert ours == [argument for argument in theirs if argument], name
