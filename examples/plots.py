"""The pictures of the examples: everything that concerns matplotlib."""

import math
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path

import numpy as np
from common import CORNERS, Net
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure, FigureBase, SubFigure
from numpy.typing import ArrayLike
from PIL import Image

import funnet as fn

# From the palette of Okabe and Ito, which colour-blind people can distinguish.
BLUE, ORANGE, GREEN, YELLOW = "#0072B2", "#D55E00", "#009E73", "#E69F00"
STYLES = ((BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, "-.", "^"), (YELLOW, ":", "D"))


def figure_of(width: float, height: float) -> Figure:
    """Return a figure, sized in inches. It does not use pyplot, so it needs no display."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, folder: Path, name: str) -> None:
    """Save a figure in a folder, which is created if necessary, and print the path."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=120)
    # 256 colours look the same in a third of the bytes.
    Image.open(drawn).convert("RGB").quantize(256).save(folder / name, optimize=True)
    print(f"picture: {folder / name}")


def draw_curves(
    axes: Axes, curves: Mapping[str, tuple[ArrayLike, ArrayLike]], **settings: str
) -> None:
    """Draw curves with different colours and dashes, and with markers if they have few points.

    Parameters
    ----------
    axes
        Axes to draw on.
    curves
        Pairs of x and y by label.
    **settings
        Settings of the axes, such as `title`, `xlabel`, and `yscale="log"`.
    """
    for (label, (x, y)), (colour, line, marker) in zip(curves.items(), cycle(STYLES), strict=False):
        points = marker if np.size(x) <= 12 else ""
        axes.plot(x, y, line, marker=points, color=colour, lw=2.5, ms=8, label=label)
    axes.set(**settings)
    axes.grid(alpha=0.3)


def legend_below(figure: Figure) -> None:
    """Place the legend of the first panel below all panels, with each label once."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(once.values(), once, loc="outside lower center", ncols=4, handlelength=3)


def draw_losses(axes: Axes, losses: Sequence[float], steps_per_epoch: int) -> None:
    """Draw the training loss of each step, and the mean of each epoch."""
    epochs = np.arange(1, len(losses) + 1) / steps_per_epoch
    axes.semilogy(epochs, losses, ".", ms=2.5, mew=0, alpha=0.4, color=BLUE, label="step")
    ends = [*range(steps_per_epoch, len(losses), steps_per_epoch), len(losses)]
    means = [np.mean(part) for part in np.split(np.asarray(losses), ends[:-1])]
    axes.plot(
        np.divide(ends, steps_per_epoch), means, color=ORANGE, lw=2, label="mean of the epoch"
    )
    axes.set(title="Training loss", xlabel="epochs", ylabel="cross-entropy (nats)")
    axes.legend(markerscale=6)


def draw_counts(axes: Axes, counts: fn.Matrix, unit: str) -> None:
    """Draw a confusion matrix: how many rows of each class were predicted as each."""
    axes.imshow(np.sqrt(counts), cmap="Blues")  # small counts are visible
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if count > counts.max() / 2 else "black"
        axes.text(column, row, str(count), color=colour, ha="center", va="center")
    axes.set(title="held-out rows", xlabel=f"predicted {unit}", ylabel=f"true {unit}")
    axes.set(xticks=range(len(counts)), yticks=range(len(counts)))


def draw_agreement(axes: Axes, t: fn.Vector, y: fn.Vector, unit: str) -> None:
    """Draw predictions over true values, and the line where they agree."""
    axes.plot(t, y, ".", color=BLUE)
    middle = float(t.mean())
    axes.axline((middle, middle), slope=1, color=ORANGE)
    axes.set(title="held-out rows", xlabel=f"true {unit}", ylabel=f"predicted {unit}")
    axes.grid(alpha=0.3)


def draw_plane(axes: Axes, net: Net, t: fn.Matrix) -> ContourSet:
    """Draw the output of a network over the square around the corners.

    Parameters
    ----------
    axes
        Axes to draw on.
    net
        A network with two inputs, and one output from 0 to 1.
    t
        The targets of the corners, shape (4, 1).
    """
    line = np.linspace(-0.5, 1.5, 201)
    square = np.stack([grid.ravel() for grid in np.meshgrid(line, line)], axis=1)
    z = fn.predict(net, square).reshape(line.size, line.size)
    # Pale shades of BLUE and ORANGE, with white between them.
    colours = LinearSegmentedColormap.from_list("", ["#73B2D8", "white", "#E89F6B"])
    surface = axes.contourf(line, line, z, np.linspace(0, 1, 11), cmap=colours)
    for value, marker in ((0, "s"), (1, "o")):
        x = CORNERS[t[:, 0] == value]
        colour = ORANGE if value else BLUE
        axes.plot(*x.T, marker, color=colour, mec="black", ms=11, label=f"target {value}")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xticks=[0, 1], yticks=[0, 1], aspect="equal")
    return surface


def draw_lines(axes: Axes, layer: fn.Affine) -> None:
    """Draw the line w1 x1 + w2 x2 + b = 0 of each neuron of a layer with two inputs."""
    x1 = np.array([-0.5, 1.5])
    for (w1, w2), b in zip(layer.W.T, layer.b, strict=True):
        axes.plot(x1, -(b + w1 * x1) / w2, color="black", label="$w_1x_1 + w_2x_2 + b = 0$")
    axes.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5))


def draw_digits(
    figure: FigureBase, x: fn.Matrix | fn.Images, t: fn.Labels, predicted: fn.Labels
) -> None:
    """Draw digits with their predictions, beginning with the wrong ones."""
    right = predicted == t
    errors = f"the {np.sum(~right)} errors first, with the true digit in parentheses"
    figure.suptitle(f"Predictions on test digits, {errors}")
    order = np.argsort(right, kind="stable")
    side = math.isqrt(x[0].size)
    for axes, i in zip(figure.subplots(5, 8).flat, order, strict=False):
        axes.imshow(x[i].reshape(side, side), cmap="gray_r")
        axes.set_axis_off()
        if right[i]:
            axes.set_title(predicted[i])
        else:
            axes.set_title(f"{predicted[i]} ({t[i]})", color=ORANGE, weight="bold")


def draw_filters(figure: SubFigure, W: fn.Images, title: str) -> None:
    """Draw the filters of a convolution with one input channel, each on its own grey scale."""
    figure.suptitle(title)
    for axes, kernel in zip(figure.subplots(-(-len(W) // 10), 10).flat, W[:, 0], strict=True):
        axes.imshow(kernel, cmap="gray")
        axes.set_axis_off()


def draw_edges(figure: SubFigure, layer: fn.Conv2d, x: fn.Images) -> None:
    """Draw a digit, and where the filters answer that are most like an edge in two directions.

    Parameters
    ----------
    figure
        Figure to draw on.
    layer
        A convolution with one input channel.
    x
        One image, shape (1, 1, height, width).
    """
    kernels = layer.W[:, 0] / np.linalg.norm(layer.W[:, 0], axis=(1, 2), keepdims=True)
    ramp = np.arange(kernels.shape[2]) - (kernels.shape[2] - 1) / 2
    answers = fn.predict(layer, x)[0]
    figure.suptitle("Edges: white where a filter answers most, black where it answers least")
    panels = figure.subplots(1, 5, width_ratios=[3, 1, 3, 1, 3])
    panels[0].imshow(x[0, 0], cmap="gray")
    panels[0].set_title("test digit")
    # Across, the weights of a vertical edge rise or fall, and down those of a horizontal one.
    for (left, right), kind, axis in zip(
        panels[1:].reshape(2, 2), ("vertical", "horizontal"), (1, 2), strict=True
    ):
        i = np.abs(kernels.sum(axis=axis) @ ramp).argmax()
        left.imshow(kernels[i], cmap="gray")
        left.set_title(f"filter {i + 1}")
        right.imshow(answers[i], cmap="gray")
        right.set_title(f"its answer: {kind} edges")
    for axes in panels:
        axes.set_axis_off()


def draw_histograms(
    figure: SubFigure, rows: Mapping[str, Sequence[fn.Array]], low: float, high: float, colour: str
) -> None:
    """Draw histograms of activations: one row per initializer, one column per layer.

    Parameters
    ----------
    figure
        Figure to draw on.
    rows
        The activations of each layer, by the name of the initializer.
    low, high
        Range of the bins. Values outside are counted in the first and the last bin.
    colour
        Colour of the bars.
    """
    panels = figure.subplots(len(rows), 5, sharex=True, sharey=True)
    for row, (weights, layers) in zip(panels, rows.items(), strict=True):
        for axes, a in zip(row, layers, strict=True):
            values = np.clip(a.ravel(), low, high)
            share = np.full(values.size, 100 / values.size)
            axes.hist(values, 30, range=(low, high), weights=share, color=colour)
            axes.set_title(f"std {a.std():{'.2g' if a.std() < 100 else ',.0f'}}", size="small")
            axes.set(ylim=(0, 30), yticks=[0, 30], xticks=[low, (low + high) / 2, high])
            axes.xaxis.set_major_formatter("{x:g}")
        row[0].set_ylabel(weights)
    for i, axes in enumerate(panels[-1]):
        axes.set_xlabel(f"layer {i + 1}")


def draw_path(
    axes: Axes, height: Callable[[fn.Matrix, fn.Matrix], fn.Matrix], path: fn.Matrix
) -> None:
    """Draw the points of a descent, shape (n, 2), over the contours of a function."""
    x, y = np.meshgrid(np.linspace(-8, 8, 200), np.linspace(-3, 3, 200))
    axes.contour(x, y, height(x, y), levels=np.geomspace(0.1, 12, 9), colors="0.75", linewidths=1)
    axes.plot(*path.T, ".-", color=ORANGE)
    axes.plot(0, 0, "+", color=BLUE, ms=14, mew=2)
    axes.set(xlabel="x", ylabel="y")


def draw_graph(
    axes: Axes,
    nodes: Mapping[str, Sequence[str]],
    numbers: Mapping[str, tuple[float, float]],
) -> None:
    """Draw a computational graph, with values above its edges and gradients below them.

    Parameters
    ----------
    axes
        Axes to draw on.
    nodes
        For each node, by the name of its output: its symbol and the names of its inputs. A node is
        in line with its first input.
    numbers
        The value and the gradient of each edge, by its name.
    """
    place: dict[str, tuple[float, float]] = {}
    rows = 0
    box = {"boxstyle": "circle,pad=0.4", "facecolor": "white"}
    for name, (symbol, *sources) in nodes.items():
        column = max((place[source][0] for source in sources if source in place), default=0.0) + 1
        for i, source in enumerate(sources):
            if source not in place:
                # A first input is on a new row, and a second one below it.
                y = place[sources[0]][1] - 1 if i else -rows
                place[source] = (column - 1, y)
                rows = max(rows, 1 - int(y))
                axes.text(*place[source], f"{source} ", ha="right", va="center")
        place[name] = (column, place[sources[0]][1])
        for source in sources:
            draw_edge(axes, place[source], place[name], numbers[source])
        axes.text(*place[name], symbol, ha="center", va="center", bbox=box, zorder=3)
    x, y = place[name]
    draw_edge(axes, (x, y), (x + 1, y), numbers[name])
    axes.text(x + 1, y, f" {name}", ha="left", va="center")
    axes.plot([], [], color=BLUE, lw=2, label="values, forward")
    axes.plot([], [], color=ORANGE, lw=2, label="gradients, backward")
    axes.set(xlim=(-0.5, x + 1.5), ylim=(0.6 - rows, 0.4))
    axes.set_axis_off()


def draw_edge(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    numbers: tuple[float, float],
) -> None:
    """Draw an edge with its value above and its gradient below, near its start."""
    axes.plot(*zip(start, end, strict=True), color="0.5", lw=1.5, zorder=1)
    (x0, y0), (x1, y1) = start, end
    x, y = (0.65 * a + 0.35 * b for a, b in ((x0, x1), (y0, y1)))
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    value, gradient = (f"{number:.4g}" for number in numbers)
    axes.text(x, y + 0.06, value, color=BLUE, ha="center", va="bottom", bbox=box)
    axes.text(x, y - 0.06, gradient, color=ORANGE, ha="center", va="top", bbox=box)
