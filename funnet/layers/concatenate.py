"""y = the outputs of several layers on one input, side by side on axis 1."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from typing import Any, ClassVar, Generic, Literal, cast, overload

import attrs
import numpy as np

from funnet.core.arrays import Array, Ranked, RowShape, Shaped, describe_cache, plain
from funnet.core.checks import check_cache, check_dtype, check_float, check_like
from funnet.core.describe import describe
from funnet.core.errors import ShapeError
from funnet.core.layer import AnyLayer, Elementwise, Layer, S, SomeLayer, T
from funnet.core.tree import refill
from funnet.core.widths import Widths, beside, mismatches_beside, widths_of
from funnet.layers.combinators import C1, C2, C3, C4, G1, G2, G3, G4, I_co, L, L_co, O_co
from funnet.layers.nesting import add, as_layers, locate, of_another_network


@attrs.frozen(eq=False, repr=False)
class ConcatenateCache(Generic[T, L_co]):
    """Cache of `Concatenate`: output, layers, their caches, and the ends of outputs on axis 1."""

    y: Shaped[T]
    layers: L_co
    caches: tuple[object, ...]
    ends: tuple[int, ...]

    __repr__ = describe_cache


def _fitting(layers: L) -> L:
    row = as_layers(layers)
    if not row:
        raise ValueError("concatenate needs at least one layer, got none")
    for _, message in mismatches_beside(list(map(widths_of, row))):
        raise ShapeError(message)
    return row


@attrs.frozen(eq=False)
class Concatenate(SomeLayer, Generic[I_co, O_co, S, T, L_co]):
    """Layers on one input, with their outputs side by side. Use `concatenate`, which infers types.

    Type parameters: width of the input, width of the output, shape of the input, shape of the
    output, and the tuple of layer types.

    Parameters
    ----------
    layers
        Tuple of layers, in the order of their outputs on axis 1: features or channels.

    Raises
    ------
    TypeError, ValueError
        If an item is not a layer, or there is no layer.
    ShapeError
        If layers expect inputs of different widths; in `forward`, if outputs do not fit.
    """

    layers: L_co = attrs.field(converter=_fitting)

    constructor_only_checks: ClassVar[Literal[True]] = True
    applies_layers: ClassVar[Literal[True]] = True

    __repr__ = describe

    @property
    def widths(self) -> Widths:
        """What is known of the widths of input and output (see `funnet.core.widths`)."""
        return beside(type(self).__name__, list(map(widths_of, self.layers)))

    @property
    def n_in(self) -> I_co | None:
        """Number of input features, or None if unknown."""
        return cast("I_co | None", self.widths.n_in)

    @property
    def n_out(self) -> O_co | None:
        """Sum of the numbers of output features, or None if one is unknown."""
        return cast("O_co | None", self.widths.n_out)

    @property
    def keeps_width(self) -> bool:
        """Whether the output has as many features as any input."""
        return self.widths.keeps_width

    def forward(self, x: Shaped[S], /) -> tuple[Shaped[T], ConcatenateCache[T, L_co]]:
        """Return the outputs of the layers, side by side."""
        check_float(x, "x of Concatenate")
        row: tuple[Any, ...] = self.layers
        outputs: list[Array] = []
        caches = []
        for i, layer in enumerate(row):
            try:
                output, cache = layer.forward(x)
                check_dtype(output, x.dtype, "the output of a concatenated layer")
                _check_beside(output, outputs)
            except Exception as error:
                locate(error, f"layers.{i}", layer)
                raise
            outputs.append(output)
            caches.append(cache)
        y = cast("Shaped[T]", np.concatenate(outputs, axis=1))
        ends = np.cumsum([output.shape[1] for output in outputs]).tolist()
        return y, ConcatenateCache(y, self.layers, tuple(caches), tuple(ends))

    def pullback(
        self, cache: ConcatenateCache[T, L_co], dout: Shaped[T], /
    ) -> tuple[Concatenate[I_co, O_co, S, T, L_co], Callable[[], Shaped[S]]]:
        """Return the gradients of all layers; dx is the sum of theirs."""
        check_cache(cache, ConcatenateCache)
        if cache.layers is not self.layers:
            raise of_another_network()
        check_like(dout, cache.y, "dout of Concatenate")
        row: tuple[Any, ...] = self.layers
        grads = []
        parts: list[Callable[[], Shaped[S]]] = []
        for i, (start, end) in enumerate(pairwise((0, *cache.ends))):
            layer = row[i]
            try:
                grad, part = layer.pullback(cache.caches[i], plain(dout[:, start:end]))
            except Exception as error:
                locate(error, f"layers.{i}", layer)
                raise
            grads.append(grad)
            parts.append(part)

        return refill(Concatenate, (tuple(grads),)), lambda: reduce(add, (dx() for dx in parts))


def _check_beside(output: Array, others: list[Array]) -> None:
    """Raise ShapeError if an output does not fit beside those of the layers before it."""
    shape = output.shape
    if len(shape) < 2:
        raise ShapeError(f"expected an output of rank 2 or more, got shape {shape}")
    for first in others[:1]:
        if (shape[0], *shape[2:]) != (first.shape[0], *first.shape[2:]):
            raise ShapeError(
                f"expected the shape of the output of layer 0, {first.shape}, except on axis 1, "
                f"got {shape}"
            )


# fmt: off
@overload
def concatenate(
    a: Elementwise, /, *more: Elementwise
) -> Concatenate[int, int, RowShape, RowShape, tuple[Elementwise, ...]]: ...
@overload
def concatenate(
    a: Layer[Ranked[S], Ranked[T], C1, G1], /,
) -> Concatenate[int, int, S, T, tuple[G1]]: ...
@overload
def concatenate(
    a: Layer[Ranked[S], Ranked[T], C1, G1], b: Layer[Ranked[S], Ranked[T], C2, G2], /,
) -> Concatenate[int, int, S, T, tuple[G1, G2]]: ...
@overload
def concatenate(
    a: Layer[Ranked[S], Ranked[T], C1, G1], b: Layer[Ranked[S], Ranked[T], C2, G2],
    c: Layer[Ranked[S], Ranked[T], C3, G3], /,
) -> Concatenate[int, int, S, T, tuple[G1, G2, G3]]: ...
@overload
def concatenate(
    a: Layer[Ranked[S], Ranked[T], C1, G1], b: Layer[Ranked[S], Ranked[T], C2, G2],
    c: Layer[Ranked[S], Ranked[T], C3, G3], d: Layer[Ranked[S], Ranked[T], C4, G4], /,
) -> Concatenate[int, int, S, T, tuple[G1, G2, G3, G4]]: ...
@overload  # lists, and more than four layers
def concatenate(
    a: Layer[Ranked[S], Ranked[T], Any, G1], /, *more: Layer[Ranked[S], Ranked[T], Any, G1]
) -> Concatenate[int, int, S, T, tuple[G1, ...]]: ...
# fmt: on
def concatenate(*layers: AnyLayer) -> Concatenate[Any, Any, Any, Any, Any]:
    """Return a network with the outputs of several layers on one input, side by side on axis 1.

    `Concatenate` describes the order of the layers and the errors.

    Examples
    --------
    >>> from funnet import Affine, Identity, concatenate, predict
    >>> net = concatenate(Identity(), Affine(np.array([[1.0], [1.0]]), np.array([0.5])))
    >>> predict(net, np.array([[1.0, 2.0]]))
    array([[1. , 2. , 3.5]])
    """
    return Concatenate(layers)
