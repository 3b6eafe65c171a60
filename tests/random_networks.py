"""Random networks of all layers and combinators of funnet, on rows and on images."""

from __future__ import annotations

from typing import Any

import numpy as np

import funnet as fn

AnyLayer = fn.Layer[Any, Any, Any, Any]


class Builder:
    """Adds random layers to a row, and keeps the shape of one sample."""

    def __init__(self, seed: int, dtype: type[fn.Float], *, nested: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.dtype, self.nested = dtype, nested
        self.layers: list[AnyLayer] = []
        self.shape: tuple[int, ...] = (
            (self.number(1, 3), self.number(5, 9), self.number(5, 9))
            if self.rng.random() < 0.6
            else (self.number(1, 6),)
        )
        self.input_shape = self.shape

    def number(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def vectors(self, n: int) -> list[fn.Vector]:
        return list(self.rng.uniform(0.5, 1.5, (n, self.shape[0])).astype(self.dtype))

    def add(self, layer: AnyLayer) -> None:
        self.layers.append(layer)
        self.shape = fn.output_shape(layer, self.shape)

    def elementwise(self) -> AnyLayer:
        row: list[AnyLayer] = [
            fn.ReLU(), fn.LeakyReLU(0.3), fn.ELU(0.7), fn.Sigmoid(), fn.Tanh(), fn.Identity(),
            fn.Dropout(0.25), fn.Step(),
        ]  # fmt: skip
        # After a step, everything is piecewise constant: once is enough.
        return row[self.number(0, len(row) - 2 + (self.rng.random() < 0.1))]

    def batch_norm(self) -> AnyLayer:
        gamma, beta, mean, var = self.vectors(4)
        return fn.BatchNorm(gamma, beta, mean, var, np.array(30), eps=1e-3, momentum=0.2)

    def rows(self) -> None:
        n = self.shape[0]
        kind = self.number(0, 6)
        if kind == 0:
            self.add(self.batch_norm())
        elif kind == 1:
            gamma, beta = self.vectors(2)
            self.add(fn.LayerNorm(gamma, beta, eps=1e-3))
        elif kind == 2:
            self.add(fn.Standardize.fit(self.rng.normal(1, 2, (9, n)).astype(self.dtype)))
        elif kind == 3:
            self.add(fn.Softmax())
        elif kind == 4 and self.nested:
            self.add(fn.residual(fn.sequential(self.affine(n), fn.Tanh())))
        elif kind == 5 and self.nested:
            self.add(fn.concatenate(self.affine(3), fn.Identity(), fn.sequential(self.affine(2))))
        else:
            self.add(self.affine(self.number(1, 6)))

    def affine(self, n_out: int) -> AnyLayer:
        made = fn.Affine.init(self.shape[0], n_out, rng=self.rng, dtype=self.dtype)
        return fn.replace_at(made, "b", self.rng.normal(size=n_out).astype(self.dtype))

    def images(self) -> None:
        smallest = min(self.shape[1:])
        kernel = (self.number(1, min(3, smallest)), self.number(1, min(3, smallest)))
        stride = (self.number(1, 2), self.number(1, 2))
        half = (kernel[0] // 2, kernel[1] // 2)
        kind = self.number(0, 6)
        if kind == 0:
            self.add(self.batch_norm())
        elif kind == 1:
            self.add(fn.MaxPool2d(kernel, stride, half))
        elif kind == 2:
            self.add(fn.AvgPool2d(kernel, None, half))
        elif kind == 3 and self.nested:
            self.add(fn.residual(self.conv2d(self.shape[0], kernel, padding="same")))
        elif kind == 4 and self.nested:
            branch = fn.sequential(self.conv2d(2, kernel, padding="same"), fn.ReLU())
            self.add(fn.concatenate(branch, fn.Identity()))
        elif kind == 5:
            self.add(self.conv2d(self.number(1, 4), kernel, padding="same"))
        else:
            self.add(self.conv2d(self.number(1, 4), kernel, stride=stride, padding=half))

    def conv2d(self, n_out: int, kernel: tuple[int, int], **moves: Any) -> AnyLayer:
        rng, dtype = self.rng, self.dtype
        made = fn.Conv2d.init(self.shape[0], n_out, kernel, rng=rng, dtype=dtype, **moves)
        return fn.replace_at(made, "b", rng.normal(size=n_out).astype(dtype))


def random_network(
    seed: int, dtype: type[fn.Float] = np.float32, *, nested: bool = True
) -> tuple[AnyLayer, tuple[int, ...]]:
    """Return a network and the shape of a sample; without `nested`, layers in a row."""
    builder = Builder(seed, dtype, nested=nested)
    if len(builder.shape) == 3:
        for _ in range(builder.number(1, 4)):
            builder.images()
            builder.add(builder.elementwise())
        builder.add(fn.GlobalAvgPool2d() if builder.rng.random() < 0.3 else fn.Flatten())
    for _ in range(builder.number(1, 4)):
        builder.rows()
        builder.add(builder.elementwise())
    builder.add(builder.affine(3))  # so that the network has a float type
    return fn.sequential(*builder.layers), builder.input_shape
