"""What the examples share: options, data, tables."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import funnet as fn

# A network from rows to rows. Any: its caches and gradients are its own, and few examples ask.
Net = fn.Layer[fn.Matrix, fn.Matrix, Any, Any]

# All inputs of a gate, one a row, and what XOR makes of them.
CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([[0.0], [1.0], [1.0], [0.0]])


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


OPTIONS: dict[str, tuple[Callable[[str], float | str | Path], str]] = {
    "seed": (int, "of the weights and the batches"),
    "seeds": (positive, "how many, from --seed on"),
    "epochs": (positive, "passes through the training data"),
    "steps": (positive, "updates of the weights"),
    "hidden": (positive, "neurons in the hidden layer"),
    "processes": (positive, "how many work at once"),
    "x": (float, "what goes into the sigmoid"),
    "data_dir": (str, "folder with the four files of MNIST"),
    "load": (Path, "train nothing, use the network in this file"),
    "gradient_check": (bool, "first compare backpropagation with numerical gradients"),
}


def options(doc: str | None, **defaults: bool | float | None) -> Namespace:
    """Return what the command line says.

    Parameters
    ----------
    doc
        The example's docstring, which `--help` shows.
    **defaults
        The values of those of the options that the example has, where the command line says
        nothing. All examples have `--out`.
    """
    parser = ArgumentParser(description=doc, formatter_class=RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        flag = f"--{name.replace('_', '-')}"
        kind, meaning = OPTIONS[name]
        if isinstance(default, bool):
            parser.add_argument(flag, action="store_true", help=meaning)
        else:
            told = "" if default is None else f" (default: {default})"
            parser.add_argument(flag, type=kind, default=default, help=meaning + told)
    meaning = "folder for all that is written (default: out)"
    parser.add_argument("--out", type=Path, default="out", help=meaning)
    return parser.parse_args()


def mnist_or_digits(
    data_dir: str | None,
) -> tuple[tuple[fn.Matrix, fn.Labels], tuple[fn.Matrix, fn.Labels]]:
    """Return MNIST, or where it cannot be had, the digits of 8 x 8 pixels; print which.

    Parameters
    ----------
    data_dir
        A folder with the four files of MNIST; if None, `load_mnist` looks where it looks.
    """
    try:
        data = fn.load_mnist(data_dir=data_dir)
    except fn.DataError as error:
        print("data: the digits of 8 x 8 pixels, since there is no MNIST")
        print(f"({error})")
        return fn.load_digits()
    print("data: MNIST")
    return data


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their header, in columns, and floats with four digits."""
    texts = [[f"{v:.4g}" if isinstance(v, float) else str(v) for v in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *texts, strict=True)]
    for line in [header, *texts]:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    print()
