"""What the examples share: options, data, a training loop, tables and pictures."""

from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, ArgumentTypeError
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

from funnet import (
    DataError,
    Labels,
    Layer,
    Matrix,
    backward,
    forward,
    load_digits,
    load_mnist,
    predict,
    sgd_update,
)

# Of the eight colours of Okabe and Ito, which colour-blind people, too, can tell apart.
BLUE, ORANGE = "#0072B2", "#D55E00"
GREEN, YELLOW, GREY = "#009E73", "#E69F00", "#666666"

# All inputs of a gate, one a row, and what XOR makes of them.
CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([[0.0], [1.0], [1.0], [0.0]])

Net = TypeVar("Net", bound=Layer[Matrix, Matrix, Any, Any])
T = TypeVar("T")


def options(doc: str | None, *, seed: bool = True) -> ArgumentParser:
    """Return a parser with the options of every example, to which each adds its own.

    Parameters
    ----------
    doc
        The example's docstring: its first line is what `--help` says of it.
    seed
        Whether the example has anything random.
    """
    summary = (doc or "").partition("\n")[0]
    parser = ArgumentParser(description=summary, formatter_class=ArgumentDefaultsHelpFormatter)
    if seed:
        parser.add_argument("--seed", type=int, default=0, help="of the weights and the batches")
    parser.add_argument("--out", type=Path, default="out", help="folder for the picture")
    return parser


def positive(text: str) -> int:
    """Return an option's value as a whole number of at least 1.

    Raises
    ------
    ArgumentTypeError
        If it is none; argparse prints the message.
    """
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def draw_losses(axes: Axes, losses: Sequence[float], steps_per_epoch: int) -> None:
    """Draw the training loss of each step, and its mean over each epoch."""
    epochs = np.arange(1, len(losses) + 1) / steps_per_epoch
    axes.semilogy(epochs, losses, ".", ms=2.5, mew=0, alpha=0.4, color=BLUE, label="one step")
    ends = [*range(steps_per_epoch, len(losses), steps_per_epoch), len(losses)]
    means = [np.mean(part) for part in np.split(np.asarray(losses), ends[:-1])]
    axes.plot(np.divide(ends, steps_per_epoch), means, color=ORANGE, lw=2, label="mean of an epoch")
    axes.set(title="Training loss", xlabel="epochs", ylabel="cross-entropy (nats)")
    axes.legend(markerscale=6)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure into a folder, which is made if need be, and say where it is.

    A figure that is made by `Figure()`, without pyplot, needs no display.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / name, dpi=120)
    print(f"picture: {folder / name}")


def mnist_or_digits(data_dir: str | None) -> tuple[tuple[Matrix, Labels], tuple[Matrix, Labels]]:
    """Return MNIST, or where it cannot be had, the digits of 8 x 8 pixels; print which.

    Parameters
    ----------
    data_dir
        A folder with the four files of MNIST; if None, `load_mnist` looks where it looks.
    """
    try:
        data = load_mnist(data_dir=data_dir)
    except DataError as error:
        print(f"data: the digits of 8 x 8 pixels, since there is no MNIST ({error})")
        return load_digits()
    print("data: MNIST")
    return data


def descend(
    net: Net,
    batches: Iterable[tuple[Matrix, T]],
    loss: Callable[[Matrix, T], tuple[float, Matrix]],
    lr: float,
) -> Iterator[tuple[Net, float]]:
    """Iterate over the networks of a gradient descent, each with the loss of the step to it.

    Parameters
    ----------
    net
        The network to begin with.
    batches
        Inputs and targets, one pair a step.
    loss
        A function `(scores, t) -> (loss, dscores)`.
    lr
        The learning rate.
    """
    for x, t in batches:
        y, cache = forward(net, x)
        value, dy = loss(y, t)
        net = sgd_update(net, backward(net, cache, dy), lr)
        yield net, value


def train(
    net: Net,
    batches: Iterable[tuple[Matrix, T]],
    loss: Callable[[Matrix, T], tuple[float, Matrix]],
    lr: float,
) -> Net:
    """Return the last network of a gradient descent, as `descend` takes and yields them."""
    ((trained, _),) = deque(descend(net, batches, loss, lr), maxlen=1)
    return trained


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their header, in columns, and floats with four digits."""
    texts = [[f"{v:.4g}" if isinstance(v, float) else str(v) for v in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *texts, strict=True)]
    for line in [header, *texts]:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    print()


def draw_plane(axes: Axes, net: Layer[Matrix, Matrix, Any, Any], t: Matrix) -> ContourSet:
    """Draw what a network of two inputs says in the square around the corners.

    Parameters
    ----------
    axes
        Where to draw.
    net
        A network whose one output is from 0 to 1.
    t
        What it should say at the corners (4, 1).
    """
    line = np.linspace(-0.5, 1.5, 201)
    square = np.stack([grid.ravel() for grid in np.meshgrid(line, line)], axis=1)
    z = predict(net, square).reshape(line.size, line.size)
    # BLUE and ORANGE in paler shades, with white between them.
    colours = LinearSegmentedColormap.from_list("", ["#73B2D8", "white", "#E89F6B"])
    surface = axes.contourf(line, line, z, np.linspace(0, 1, 11), cmap=colours)
    for value, marker in ((0, "s"), (1, "o")):
        x = CORNERS[t[:, 0] == value]
        colour = ORANGE if value else BLUE
        axes.plot(*x.T, marker, color=colour, mec="black", ms=11, label=f"target {value}")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xticks=[0, 1], yticks=[0, 1], aspect="equal")
    return surface
