"""Random programs that build networks, and the errors that they raise."""

from __future__ import annotations

from typing import Literal

import numpy as np

from funnet import ShapeError

Kind = Literal["rows", "images"]
WIDTHS = (2, 3)
# Of nothing but these, a network has no rank that mypy can infer.
ANY_RANK = ("Dropout", "BatchNorm", "ReLU", "Tanh")


class RandomSource:
    """Draws the source of networks, about a third of which do not fit."""

    def __init__(self, seed: int, kind: Kind) -> None:
        self.rng = np.random.default_rng(seed)
        self.images = kind == "images"
        self.names: list[str] = []

    def width(self) -> str:
        """Return a width: a literal, or arithmetic on constants."""
        n = int(self.rng.choice(WIDTHS))
        return str(self.rng.choice([str(n), str(n), f"{n - 1} + ONE", f"{2 * n} // TWO"]))

    def layer(self, depth: int, *, ranked: bool = False) -> str:
        """Return a layer of any kind, or a network."""
        if depth and self.rng.random() < 0.4:
            return self.network(depth - 1)
        n, m = self.width(), self.width()
        any_rank = ["Dropout(0.5)", "ReLU()", "Tanh()"]
        if self.images:
            any_rank += [f"BatchNorm.init({n})"] * 2
            layers = [f"Conv2d.init({n}, {m}, 1, rng=0)"] * 5 + ["MaxPool2d(1)", "AvgPool2d(1)"]
        else:
            layers = [f"Affine.init({n}, {m}, rng=0)"] * 4 + [f"mlp(({n}, 4, {m}), rng=0)"]
            layers += [f"Dense.make({n}, {m})", "Scale(np.zeros(2))", f"LayerNorm.init({n})"]
            layers += ["Clip()", "LeakyReLU(0.1)"]
        return str(self.rng.choice([*layers, *self.names[-2:], *(() if ranked else any_rank)]))

    def network(self, depth: int) -> str:
        """Return a network, nested up to a depth."""
        match self.rng.integers(5):
            case 0:
                return f"residual({self.layer(depth, ranked=self.images)})"
            case 1:
                parts = [self.layer(depth) for _ in range(self.rng.integers(0, 3))]
                return f"concatenate({', '.join([self.layer(depth, ranked=True), *parts])})"
            case _:
                return self.row(depth)

    def row(self, depth: int) -> str:
        """Return a network of up to five layers, nested up to a depth."""
        layers = [self.layer(depth) for _ in range(self.rng.integers(0, 6 if depth else 4))]
        if self.images and all(layer.startswith(ANY_RANK) for layer in layers):
            layers.append(self.layer(0, ranked=True))
        if len(layers) > 1 and self.rng.random() < 0.2:
            cut = int(self.rng.integers(1, len(layers)))
            layers[cut:] = [f"*({', '.join(layers[cut:])},)"]
        return f"sequential({', '.join(layers)})"

    def end(self) -> str:
        """Return what makes rows of images, for a third of the networks on images, or nothing."""
        match self.rng.integers(6) if self.images else -1:
            case 0:
                return f", Flatten(), Affine.init({self.width()} * 3, 4, rng=0)"
            case 1:
                return f", GlobalAvgPool2d(), ReLU(), Affine.init({self.width()}, 4, rng=0)"
            case _:
                return ""


def random_lines(seed: int, kind: Kind, n: int, prelude: str) -> tuple[list[str], list[str | None]]:
    """Return lines that make networks, and the error of each at run time."""
    scope: dict[str, object] = {}
    exec(prelude + "\nONE, TWO = 1, 2", scope)  # noqa: S102
    source = RandomSource(seed, kind)
    lines: list[str] = []
    raised: list[str | None] = []
    for i in range(n):
        depth = 2 if i % 10 == 0 else 1  # mypy takes four times as long for those nested twice
        network, end = source.row(depth), source.end()
        if end:
            network = f"sequential({network}{end})"
        line = f"net{i} = {network}"
        try:
            exec(line, scope)  # noqa: S102
        except ShapeError as error:
            lines.append(network)
            raised.append(str(error))
        else:
            lines.append(line)
            raised.append(None)
            if not end:
                source.names.append(f"net{i}")
    return lines, raised
