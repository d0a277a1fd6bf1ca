"""`SummaryWriter`: a thin layer over tensorboardX's, with torch's signatures.

Every method takes fnn arrays, Parameters and Buffers wherever numpy arrays and numbers are meant.  Where the two
libraries differ (hyper-parameter domains, tensors, videos without moviepy, sound without soundfile, graphs without
torch) the protocol buffers are made here.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from fnn.errors import ArgumentError, ArgumentTypeError
from fnn.typing import ArrayLike
from fnn.utils._host import to_host
from fnn.utils.tensorboard import _records
from fnn.utils.tensorboard._protos import tensorboardX

__all__ = ["SummaryWriter"]


class SummaryWriter:
    """Writes scalars, histograms, pictures, graphs, ... to event files, for TensorBoard to show.

    Args:
        log_dir: the folder; None: ``runs/<date>_<host><comment>``.  Folders below one another are compared as runs.
        comment: a suffix of the default folder.
        purge_step: after a crash, the step from which on what was logged before is hidden.
        max_queue: how many events may wait before they are written.
        flush_secs: how many seconds they may wait.
        filename_suffix: a suffix of the event files' names.

    All methods named ``add_...`` take a ``tag``, a name under which TensorBoard files the data (``"train/loss"``);
    most take ``global_step``, the position on the horizontal axis, and ``walltime``, seconds since the epoch if
    another time than now is to be recorded.

    Example:
        >>> import tempfile
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.utils.tensorboard import SummaryWriter
        >>> model = nn.Linear(2, 3)
        >>> with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
        ...     writer.add_scalar("loss", jnp.float32(0.5), global_step=0)
        ...     for name, parameter in model.named_parameters():
        ...         writer.add_histogram(name, parameter, global_step=0)
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        self._writer = tensorboardX.SummaryWriter(
            None if log_dir is None else os.fspath(log_dir), comment, purge_step, max_queue, flush_secs, filename_suffix
        )
        self.log_dir: str = str(self._writer.logdir)

    def get_logdir(self) -> str:
        """The folder of the event files."""
        return self.log_dir

    def _write(self, summary: object, global_step: int | None, walltime: float | None) -> None:
        step = None if global_step is None else int(to_host(global_step, "SummaryWriter"))
        self._writer._get_file_writer().add_summary(summary, step, walltime)

    # -- numbers -----------------------------------------------------------------------------------------

    def add_scalar(
        self,
        tag: str,
        scalar_value: ArrayLike,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Adds a number.

        Args:
            tag: the name.
            scalar_value: a number, or an array of one element.
            global_step: the step.
            walltime: the time.
            new_style: whether to write it as a tensor, the format of TensorFlow 2.
            double_precision: whether that tensor is of double precision.
        """
        value = _one_number(to_host(scalar_value, f"SummaryWriter.add_scalar({tag!r})"), f"add_scalar({tag!r})")
        self._write(_records.scalar(tag, value, new_style, double_precision), global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: dict[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Adds several numbers to one chart; each gets a folder, and so a run, of its own.

        Args:
            main_tag: the chart's name.
            tag_scalar_dict: the numbers by name.
            global_step: the step.
            walltime: the time.
        """
        values = {
            name: _one_number(value, f"add_scalars({main_tag!r}, {name!r})")
            for name, value in to_host(tag_scalar_dict, "SummaryWriter.add_scalars").items()
        }
        self._writer.add_scalars(main_tag, values, to_host(global_step, "SummaryWriter"), walltime)

    def add_tensor(
        self, tag: str, tensor: ArrayLike, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Adds a whole array, of any shape and dtype."""
        array = np.asarray(to_host(tensor, "SummaryWriter.add_tensor"))
        self._write(_records.tensor(tag, array), global_step, walltime)

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, list[Any]] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """Adds hyper-parameters and what came of them, for the comparison of runs.

        Args:
            hparam_dict: hyper-parameters by name: bool, str, int, float, or an array of one element.
            metric_dict: results by name; they are logged as scalars, too.
            hparam_domain_discrete: all values that a hyper-parameter can have.
            run_name: the folder of the run, below the writer's; None: the time.
            global_step: the step of the results.

        Raises:
            ArgumentTypeError: no dicts, or values of other types.
        """
        where = "SummaryWriter.add_hparams"
        if not isinstance(hparam_dict, dict) or not isinstance(metric_dict, dict):
            raise ArgumentTypeError(f"{where}: hparam_dict and metric_dict should be dictionaries, got {hparam_dict=}, "
                                    f"{metric_dict=}")  # fmt: skip
        records = _records.hyper_parameters(
            to_host(hparam_dict, where), metric_dict, to_host(hparam_domain_discrete or {}, where)
        )
        folder = os.path.join(self.log_dir, str(time.time()) if run_name is None else run_name)
        with SummaryWriter(folder) as writer:
            for record in records:
                writer._write(record, None, None)
            for name, value in metric_dict.items():
                writer.add_scalar(name, value, global_step)

    # -- distributions -------------------------------------------------------------------------------------

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: Any = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Adds a histogram of the elements of an array.

        Args:
            tag: the name.
            values: an array of any shape, or a list of numbers.
            global_step: the step.
            bins: ``"tensorflow"``, or what ``numpy.histogram`` takes.
            walltime: the time.
            max_bins: merge bins down to this number.
        """
        values, step = to_host((np.asarray(to_host(values, "SummaryWriter.add_histogram")), global_step), "")
        self._writer.add_histogram(tag, values, step, bins, walltime, max_bins)

    def add_histogram_raw(
        self,
        tag: str,
        min: object,
        max: object,
        num: object,
        sum: object,
        sum_squares: object,
        bucket_limits: object,
        bucket_counts: object,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Adds a histogram that has been counted already.

        Args:
            tag: the name.
            min: the least value.
            max: the greatest value.
            num: how many values there are.
            sum: their sum.
            sum_squares: the sum of their squares.
            bucket_limits: the upper limit of each bucket.
            bucket_counts: how many values are in it.
            global_step: the step.
            walltime: the time.
        """
        where = "SummaryWriter.add_histogram_raw"
        limits, counts, step = to_host((bucket_limits, bucket_counts, global_step), where)
        if len(limits) != len(counts):
            raise ArgumentError(
                f"len(bucket_limits) != len(bucket_counts), see the document: got {len(limits)} and {len(counts)}"
            )
        low, high, count, total, squares = map(float, to_host((min, max, num, sum, sum_squares), where))
        limits, counts = np.asarray(limits), np.asarray(counts)
        self._writer.add_histogram_raw(tag, low, high, count, total, squares, limits, counts, step, walltime)

    def add_pr_curve(
        self,
        tag: str,
        labels: object,
        predictions: object,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: object = None,
        walltime: float | None = None,
    ) -> None:
        """Adds a precision-recall curve.

        Args:
            tag: the name.
            labels: (N,), what is true, as booleans, 0 or 1.
            predictions: (N,), the predicted probability of 1.
            global_step: the step.
            num_thresholds: the number of points, 127 at most.
            weights: (N,), the weights of the examples, or one number.
            walltime: the time.
        """
        labels, predictions, weights, step = to_host((labels, predictions, weights, global_step), "add_pr_curve")
        labels, predictions = np.asarray(labels), np.asarray(predictions)
        self._writer.add_pr_curve(tag, labels, predictions, step, num_thresholds, weights, walltime)

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: object,
        false_positive_counts: object,
        true_negative_counts: object,
        false_negative_counts: object,
        precision: object,
        recall: object,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: object = None,
        walltime: float | None = None,
    ) -> None:
        """Adds a precision-recall curve from its counts, each of shape (num_thresholds,)."""
        counts = (true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts)
        weights, step = to_host((weights, global_step), "add_pr_curve_raw")
        tp, fp, tn, fn, precision, recall = map(np.asarray, to_host((*counts, precision, recall), "add_pr_curve_raw"))
        self._writer.add_pr_curve_raw(tag, tp, fp, tn, fn, precision, recall, step, num_thresholds, weights, walltime)

    # -- pictures, sound, text -------------------------------------------------------------------------------

    def add_image(
        self,
        tag: str,
        img_tensor: ArrayLike,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Adds a picture.

        Args:
            tag: the name.
            img_tensor: (C, H, W) with C of 1, 3 or 4: uint8, or floats from 0 to 1 (others are clipped).
            global_step: the step.
            walltime: the time.
            dataformats: the order of the axes: ``"CHW"``, ``"HWC"``, ``"HW"``, ...
        """
        picture = _picture(img_tensor, "add_image")
        self._writer.add_image(tag, picture, to_host(global_step, "add_image"), walltime, dataformats)

    def add_images(
        self,
        tag: str,
        img_tensor: ArrayLike,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Adds a batch of pictures, side by side.

        Args:
            tag: the name.
            img_tensor: (N, C, H, W), see `add_image`; or a list of pictures of one shape.
            global_step: the step.
            walltime: the time.
            dataformats: the order of the axes: ``"NCHW"``, ``"NHWC"``, ...; of a list, that of each picture counts.
        """
        if isinstance(img_tensor, (list, tuple)):
            img_tensor = np.stack([np.asarray(x) for x in to_host(list(img_tensor), "add_images")])
            dataformats = f"N{dataformats.upper().replace('N', '')}"
        picture = _picture(img_tensor, "add_images")
        self._writer.add_images(tag, picture, to_host(global_step, "add_images"), walltime, dataformats)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: ArrayLike,
        box_tensor: object,
        global_step: int | None = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: list[str] | str | None = None,
    ) -> None:
        """Adds a picture with boxes drawn on it.

        Args:
            tag: the name.
            img_tensor: see `add_image`.
            box_tensor: (N, 4), each row (x1, y1, x2, y2).
            global_step: the step.
            walltime: the time.
            rescale: a factor for the picture's size.
            dataformats: the order of the axes.
            labels: a text for each box.
        """
        boxes, step = to_host((box_tensor, global_step), "add_image_with_boxes")
        boxes, labels = np.asarray(boxes), [labels] if isinstance(labels, str) else labels
        if labels is not None and len(labels) != len(boxes):
            raise ArgumentError(f"add_image_with_boxes: got {len(labels)} labels for {len(boxes)} boxes")
        self._writer.add_image_with_boxes(
            tag, _picture(img_tensor, "add_image_with_boxes"), boxes, step, walltime, dataformats, labels,
            rescale=rescale,
        )  # fmt: skip

    def add_figure(
        self,
        tag: str,
        figure: object,
        global_step: int | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """Adds a matplotlib figure, or a list of them.

        Args:
            tag: the name.
            figure: the figure or figures.
            global_step: the step.
            close: whether to close them.
            walltime: the time.
        """
        self._writer.add_figure(tag, figure, to_host(global_step, "add_figure"), close, walltime)

    def add_video(
        self,
        tag: str,
        vid_tensor: object,
        global_step: int | None = None,
        fps: float = 4,
        walltime: float | None = None,
    ) -> None:
        """Adds videos, side by side, as one animated GIF.

        Args:
            tag: the name.
            vid_tensor: (N, T, C, H, W) with C of 1 or 3: uint8, or floats from 0 to 1.
            global_step: the step.
            fps: pictures a second.
            walltime: the time.
        """
        self._write(_records.video(tag, _picture(vid_tensor, "add_video"), fps), global_step, walltime)

    def add_audio(
        self, tag: str, snd_tensor: object, global_step: int | None = None, sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Adds a sound.

        Args:
            tag: the name.
            snd_tensor: (1, L) or (L,), from -1 to 1 (others are clipped).
            global_step: the step.
            sample_rate: samples a second.
            walltime: the time.
        """
        samples = np.asarray(to_host(snd_tensor, "SummaryWriter.add_audio"))
        self._write(_records.sound(tag, samples, sample_rate), global_step, walltime)

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Adds a text in Markdown."""
        if not isinstance(text_string, str):
            raise ArgumentTypeError(
                f"SummaryWriter.add_text({tag!r}): text_string should be a str, got {text_string!r}"
            )
        self._writer.add_text(tag, text_string, to_host(global_step, "add_text"), walltime)

    def add_mesh(
        self,
        tag: str,
        vertices: object,
        colors: object = None,
        faces: object = None,
        config_dict: dict[str, Any] | None = None,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Adds a mesh or a cloud of points in space.

        Args:
            tag: the name.
            vertices: (B, N, 3), coordinates.
            colors: (B, N, 3), from 0 to 255.
            faces: (B, M, 3), the indices of each triangle's corners.
            config_dict: settings of the scene, by ThreeJS's names.
            global_step: the step.
            walltime: the time.
        """
        vertices, colors, faces, step = to_host((vertices, colors, faces, global_step), "SummaryWriter.add_mesh")
        self._writer.add_mesh(tag, vertices, colors, faces, config_dict, step, walltime)

    # -- structure ---------------------------------------------------------------------------------------------

    def add_graph(
        self, model: object, input_to_model: object = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """Adds the graph of a model: its JAX operations, grouped by the modules (or layers) that they belong to.

        Nothing is computed and the model stays as it is, see `fnn.summary`.

        Args:
            model: a Module or a functional layer.
            input_to_model: an array, a shape, a `jax.ShapeDtypeStruct`, or a tuple of such if forward takes several.
            verbose: whether to print the graph.
            use_strict_trace: PyTorch's; JAX traces every container, so that both values mean the same.
        """
        from fnn.utils.tensorboard._graph import graph_def

        del use_strict_trace
        graph = graph_def(model, input_to_model)
        if verbose:
            print(graph)
        self._writer._get_file_writer().add_event(_records.graph_event(graph))

    def add_onnx_graph(self, prototxt: str) -> None:
        """Adds the graph of an ONNX file; needs the onnx package."""
        self._writer.add_onnx_graph(prototxt)

    def add_embedding(
        self,
        mat: object,
        metadata: list[Any] | None = None,
        label_img: object = None,
        global_step: int | None = None,
        tag: str = "default",
        metadata_header: list[str] | None = None,
    ) -> None:
        """Adds points for the projector.

        Args:
            mat: (N, D), a point each row.
            metadata: a label for each point, or with ``metadata_header`` a list of labels.
            label_img: (N, C, H, H), a picture for each point.
            global_step: the step.
            tag: the name.
            metadata_header: the names of the labels.
        """
        points, pictures, step = to_host((mat, label_img, global_step), "SummaryWriter.add_embedding")
        points = np.asarray(points)
        if points.ndim != 2:
            raise ArgumentError(f"add_embedding: mat should be 2D, (N, D), got shape {points.shape}")
        for name, given in (("metadata", metadata), ("label_img", pictures)):
            if given is not None and len(given) != len(points):
                raise ArgumentError(f"add_embedding: {name} should be as long as mat, {len(points)}, got {len(given)}")
        if pictures is not None and (pictures.ndim != 4 or pictures.shape[2] != pictures.shape[3]):
            raise ArgumentError(f"add_embedding: label_img should be square, (N, C, H, H), got {pictures.shape}")
        self._writer.add_embedding(points, metadata, pictures, step, tag, metadata_header)

    def add_custom_scalars(self, layout: dict[str, dict[str, list[Any]]]) -> None:
        """Arranges charts of scalars.

        Args:
            layout: ``{category: {chart: [kind, tags]}}``; ``kind`` is ``"Multiline"`` or ``"Margin"``, which takes
                three tags: value, lower and upper limit.
        """
        self._writer.add_custom_scalars(layout)

    def add_custom_scalars_multilinechart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Arranges scalars as lines in one chart."""
        self._writer.add_custom_scalars_multilinechart(tags, category, title)

    def add_custom_scalars_marginchart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Arranges three scalars as a line with a margin around it."""
        if len(tags) != 3:
            raise ArgumentError(f"add_custom_scalars_marginchart: expected 3 tags (value, lower, upper), got {tags=}")
        self._writer.add_custom_scalars_marginchart(tags, category, title)

    # -- the file ------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Writes what is waiting."""
        self._writer.flush()

    def close(self) -> None:
        """Writes what is waiting and closes the files; a later ``add_...`` opens new ones."""
        self._writer.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _one_number(value: object, where: str) -> float:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ArgumentTypeError(f"SummaryWriter.{where}: expected a real number, got {value!r}")
    if array.size != 1:
        raise ArgumentError(f"SummaryWriter.{where}: scalar should be 0D, one element, got shape {array.shape}")
    return float(array.reshape(()))


def _picture(value: object, where: str) -> np.ndarray:
    picture = np.asarray(to_host(value, f"SummaryWriter.{where}"))
    return np.clip(picture, 0, 1) if picture.dtype.kind == "f" else picture
