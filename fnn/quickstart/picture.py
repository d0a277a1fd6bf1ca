"""The pictures of a run: its loss curve, and a grid of predictions."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fnn.quickstart.train import Epoch

__all__ = ["draw_history", "draw_predictions"]

GRID = (4, 10)
RIGHT, WRONG = "#1a7f37", "#cf222e"


def _figure(width: float, height: float) -> "Figure":
    # without pyplot: no global state, no display needed
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_history(history: list["Epoch"], path: Path) -> None:
    """Draws losses and test accuracy against the epoch into a PNG file."""
    figure = _figure(9, 4)
    losses, accuracy = figure.subplots(1, 2)
    epochs = [epoch.number for epoch in history]
    losses.plot(
        epochs, [epoch.train_loss for epoch in history], marker=".", label="training (augmented, smoothed labels)"
    )
    losses.plot(epochs, [epoch.test_loss for epoch in history], marker=".", label="test")
    losses.set(xlabel="epoch", ylabel="cross entropy", yscale="log", title="loss")
    losses.legend()
    accuracy.plot(epochs, [100 * epoch.test_accuracy for epoch in history], marker=".", color=RIGHT)
    accuracy.axhline(98, color="grey", linestyle=":", linewidth=1)
    accuracy.set(xlabel="epoch", ylabel="%", title=f"test accuracy: {history[-1].test_accuracy:.2%}")
    for axes in (losses, accuracy):
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.savefig(path, dpi=120)


def draw_predictions(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, path: Path) -> None:
    """Draws test images with what the network takes them for into a PNG file, its mistakes first.

    Args:
        images: (N, 1, H, W).
        labels: (N,).
        probabilities: (N, classes).
        path: the file.
    """
    predicted = probabilities.argmax(1)
    # the mistakes, then the least certain: where there is something to see
    order = np.lexsort((probabilities.max(1), predicted == labels))
    rows, columns = GRID
    figure = _figure(1.1 * columns, 1.35 * rows)
    figure.suptitle(
        f"{int((predicted != labels).sum())} of {len(labels)} test digits are taken for another; mistakes first"
    )
    for axes, n in zip(figure.subplots(rows, columns).flat, order[: rows * columns], strict=False):
        axes.imshow(images[n, 0], cmap="gray_r")
        right = predicted[n] == labels[n]
        title = f"{predicted[n]} ({probabilities[n].max():.0%})" if right else f"{predicted[n]}, is {labels[n]}"
        axes.set_title(title, fontsize=9, color=RIGHT if right else WRONG)
    for axes in figure.axes:
        axes.set_axis_off()
    figure.savefig(path, dpi=120)
