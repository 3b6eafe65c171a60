"""What the examples share: their first options, the loss curve, and how a picture is saved."""

from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Of the eight colours of Okabe and Ito, which colour-blind people, too, can tell apart.
BLUE, ORANGE = "#0072B2", "#D55E00"


def options(doc: str | None) -> ArgumentParser:
    """Return a parser with the options of every example, to which each adds its own.

    Parameters
    ----------
    doc
        The example's docstring: its first line is what `--help` says of it.
    """
    summary = (doc or "").partition("\n")[0]
    parser = ArgumentParser(description=summary, formatter_class=ArgumentDefaultsHelpFormatter)
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
