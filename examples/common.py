"""Options, data and tables shared by the examples."""

import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import funnet as fn

# A network from rows to rows. Any: few examples look into its caches and gradients.
Net = fn.Layer[fn.Matrix, fn.Matrix, Any, Any]

# All inputs of a gate, one per row, and the outputs of XOR.
CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([[0.0], [1.0], [1.0], [0.0]])


def positive(text: str) -> int:
    """Return the value of an option that must be an integer >= 1."""
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"must be an integer >= 1, got {text!r}")  # argparse prints it
    return int(text)


OPTIONS: dict[str, tuple[Callable[[str], float | str | Path], str]] = {
    "seed": (int, "seed of the weights and the batches"),
    "seeds": (positive, "number of seeds, starting with --seed"),
    "epochs": (positive, "passes through the training data"),
    "steps": (positive, "number of updates"),
    "runs": (positive, "number of runs"),
    "hidden": (positive, "neurons in the hidden layer"),
    "processes": (positive, "number of worker processes"),
    "x": (float, "input of the sigmoid"),
    "data_dir": (str, "folder with the four MNIST files"),
    "load": (Path, "use the network in this file instead of training one"),
    "gradient_check": (bool, "compare backpropagation with numerical gradients first"),
}


def options(doc: str | None, **defaults: bool | float | None) -> Namespace:
    """Parse the command line.

    Parameters
    ----------
    doc
        The example's docstring, shown by `--help`.
    **defaults
        The default of each option that the example has. All examples also have `--out`.
    """
    parser = ArgumentParser(description=doc, formatter_class=RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        flag = f"--{name.replace('_', '-')}"
        kind, meaning = OPTIONS[name]
        if isinstance(default, bool):
            parser.add_argument(flag, action="store_true", help=meaning)
        else:
            shown = "" if default is None else f" (default: {default})"
            parser.add_argument(flag, type=kind, default=default, help=meaning + shown)
    meaning = "folder for the files that are written (default: out)"
    parser.add_argument("--out", type=Path, default="out", help=meaning)
    return parser.parse_args()


def mnist_or_digits(
    data_dir: str | None,
) -> tuple[tuple[fn.Matrix, fn.Labels], tuple[fn.Matrix, fn.Labels]]:
    """Return MNIST, or the 8 x 8 digits if MNIST is not available, and print which."""
    try:
        data = fn.load_mnist(data_dir=data_dir)
    except fn.DataError as error:
        print("data: 8 x 8 digits, since MNIST is not available")
        print(f"({error})")
        return fn.load_digits()
    print("data: MNIST")
    return data


def images_or_digits(
    data_dir: str | None,
) -> tuple[tuple[fn.Images, fn.Labels], tuple[fn.Images, fn.Labels]]:
    """Return what `mnist_or_digits` returns, with images of shape (1, side, side)."""
    (x_train, t_train), (x_test, t_test) = mnist_or_digits(data_dir)
    side = math.isqrt(x_train.shape[1])
    shape = -1, 1, side, side
    return (x_train.reshape(shape), t_train), (x_test.reshape(shape), t_test)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns below a header; floats have four significant digits."""
    texts = [[f"{v:.4g}" if isinstance(v, float) else str(v) for v in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *texts, strict=True)]
    for line in [header, *texts]:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    print()
