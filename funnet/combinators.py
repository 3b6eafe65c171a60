"""Layers made of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar, cast, overload

import attrs

from funnet.arrays import Matrix, Shaped, ShapeT, check_cache
from funnet.errors import LocatedError, ShapeError, StructureError
from funnet.layer import Layer
from funnet.nodes import check_layer_class
from funnet.tree import describe, refill
from funnet.widths import Widths, mismatches, whole

# The widths of the input and the output: `int`, or a literal where `funnet.mypy_plugin` knows it.
I_co = TypeVar("I_co", bound=int, covariant=True)
O_co = TypeVar("O_co", bound=int, covariant=True)
# What is left of the arrays that go in and out, so that a network's type is short: their shapes.
S = TypeVar("S", bound=tuple[int, ...])
T = TypeVar("T", bound=tuple[int, ...])
L = TypeVar("L", bound=tuple[object, ...])

Rows = tuple[int, int]

# The types of the layers are known to `sequential`, which has checked that each one's output is
# the next one's input; a tuple of any length has no way to say that.
AnyLayer = Layer[Any, Any, Any, Any]


@attrs.frozen(eq=False, repr=False)
class SequentialCache(Generic[L]):
    """What `Sequential.pullback` needs: the layers that made it, and the cache of each."""

    layers: L
    caches: tuple[object, ...]


def _fitting(layers: L) -> L:
    """Return layers as a tuple, after a check that each is a layer and takes what it is given."""
    row: object = layers
    if not isinstance(row, tuple):
        if not isinstance(row, Iterable):
            raise TypeError(f"expected a tuple of layers, got {row!r}")
        row = tuple(row)
    for i, layer in enumerate(row):
        if isinstance(layer, type) or not all(hasattr(layer, m) for m in ("forward", "pullback")):
            raise TypeError(
                f"expected layer {i} to be a value with the methods forward and pullback, "
                f"got {layer!r}"
            )
        check_layer_class(type(layer))
    for _, message in mismatches([_widths(layer) for layer in row]):
        raise ShapeError(message)
    return cast(L, row)


@attrs.frozen(eq=False)
class Sequential(Generic[I_co, O_co, S, T, L]):
    """Layers in a row, as one layer: a network. `sequential` makes one whose type is known.

    Its type says, in this order: the width of its input and of its output, the shape of the arrays
    that go in and come out, and its layers.

    Parameters
    ----------
    layers
        A tuple of layers, in the order in which the input goes through them.

    Raises
    ------
    ShapeError
        If a layer takes another width than the one before gives; both are named.
    TypeError
        If something is no layer.
    """

    layers: L = attrs.field(converter=_fitting)

    constructor_only_checks: ClassVar[Literal[True]] = True

    __repr__ = describe

    @property
    def _row(self) -> tuple[AnyLayer, ...]:
        return cast("tuple[AnyLayer, ...]", self.layers)

    @property
    def n_in(self) -> I_co | None:
        """The width of the input, where it is known."""
        return cast("I_co | None", _widths(self).takes)

    @property
    def n_out(self) -> O_co | None:
        """The width of the output, where it is known."""
        return cast("O_co | None", _widths(self).gives)

    @property
    def keeps_width(self) -> bool:
        """Whether the output has the width of the input, whatever that is."""
        return _widths(self).keeps

    def forward(self, x: Shaped[S], /) -> tuple[Shaped[T], SequentialCache[L]]:
        """Return what the last layer makes of what the one before it makes of ... x."""
        y: Any = x
        caches = []
        for i, layer in enumerate(self._row):
            try:
                y, cache = layer.forward(y)
            except Exception as error:
                _locate(error, i, layer)
                raise
            caches.append(cache)
        return y, SequentialCache(self.layers, tuple(caches))

    def pullback(
        self, cache: SequentialCache[L], dout: Shaped[T], /
    ) -> tuple[Sequential[I_co, O_co, S, T, L], Callable[[], Shaped[S]]]:
        """Return the gradients of all layers; dx is that of the first one."""
        check_cache(cache, SequentialCache)
        row = self._row
        if cache.layers is not self.layers or len(cache.caches) != len(row):
            # Of a network of the same architecture, it would give wrong gradients silently.
            raise StructureError(
                "expected the cache of this network, got the cache of another network (such as a "
                "copy or an update); hand over the cache that forward returned for this network"
            )
        grads = []
        gradient: Any = dout
        dx: Callable[[], Any] = lambda: gradient  # noqa: E731 (a layer's dx, before the first)
        for i in reversed(range(len(row))):
            try:
                grad, dx = row[i].pullback(cache.caches[i], gradient)
                if i:  # that of the first layer is for whoever asks
                    gradient = dx()
            except Exception as error:
                _locate(error, i, row[i])
                raise
            grads.append(grad)
        return refill(Sequential, (tuple(reversed(grads)),)), dx


def _locate(error: Exception, i: int, layer: object) -> None:
    """Let an error say which layer it comes from, ours by its path and any other by a note."""
    if isinstance(error, LocatedError):
        error.locate(f"layers.{i}")
    else:
        error.add_note(f"in layers.{i} ({type(layer).__name__})")


def _widths(layer: object) -> Widths:
    name = type(layer).__name__
    if isinstance(layer, Sequential):
        return whole(name, [_widths(inner) for inner in layer.layers])
    return Widths(
        name,
        getattr(layer, "n_in", None),
        getattr(layer, "n_out", None),
        getattr(layer, "keeps_width", False),
    )


class Network(Protocol[I_co, O_co]):
    """A layer on rows of given widths, for annotations: `Network[Literal[784], Literal[10]]`.

    Type checkers know most widths as `int` only, so they take any network for any other. With
    `funnet.mypy_plugin`, mypy refuses one whose widths are known to differ.
    """

    @property
    def n_in(self) -> I_co | int | None:
        """The width of the input, where it is known."""

    @property
    def n_out(self) -> O_co | int | None:
        """The width of the output, where it is known."""

    def forward(self, x: Matrix, /) -> tuple[Matrix, object]:
        """Return y (N, n_out) for x (N, n_in), and a cache of the network's own."""

    # Any: which cache it is, only the network knows.
    def pullback(
        self, cache: Any, dout: Matrix, /
    ) -> tuple[Network[I_co, O_co], Callable[[], Matrix]]:
        """Return gradients of the network's own class; dx has the shape of x."""


class Elementwise(Protocol):
    """A layer on arrays of any rank, whose output has the shape of its input."""

    @property
    def keeps_width(self) -> Literal[True]:
        """Says so."""

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], Any]:
        """Return y, of the shape of x, and a cache of the layer's own."""

    def pullback(
        self, cache: Any, dout: Shaped[ShapeT], /
    ) -> tuple[object, Callable[[], Shaped[ShapeT]]]:
        """Return gradients of the layer's own class; dx has the shape of dout."""


# fmt: off
X1 = TypeVar("X1")
X2 = TypeVar("X2")
X3 = TypeVar("X3")
X4 = TypeVar("X4")
X5 = TypeVar("X5")
X6 = TypeVar("X6")
X7 = TypeVar("X7")
X8 = TypeVar("X8")
X9 = TypeVar("X9")
X10 = TypeVar("X10")
X11 = TypeVar("X11")
X12 = TypeVar("X12")
X13 = TypeVar("X13")
X14 = TypeVar("X14")
C1 = TypeVar("C1")
C2 = TypeVar("C2")
C3 = TypeVar("C3")
C4 = TypeVar("C4")
C5 = TypeVar("C5")
C6 = TypeVar("C6")
C7 = TypeVar("C7")
C8 = TypeVar("C8")
C9 = TypeVar("C9")
C10 = TypeVar("C10")
C11 = TypeVar("C11")
C12 = TypeVar("C12")
C13 = TypeVar("C13")
C14 = TypeVar("C14")
C15 = TypeVar("C15")
G1 = TypeVar("G1")
G2 = TypeVar("G2")
G3 = TypeVar("G3")
G4 = TypeVar("G4")
G5 = TypeVar("G5")
G6 = TypeVar("G6")
G7 = TypeVar("G7")
G8 = TypeVar("G8")
G9 = TypeVar("G9")
G10 = TypeVar("G10")
G11 = TypeVar("G11")
G12 = TypeVar("G12")
G13 = TypeVar("G13")
G14 = TypeVar("G14")
G15 = TypeVar("G15")

@overload
def sequential(
    *layers: Elementwise
) -> Sequential[int, int, Rows, Rows, tuple[Elementwise, ...]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], Shaped[T], C1, G1], /,
) -> Sequential[int, int, S, T, tuple[G1]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, Shaped[T], C2, G2], /,
) -> Sequential[int, int, S, T, tuple[G1, G2]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, Shaped[T], C3, G3],
    /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, Shaped[T], C4, G4], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, Shaped[T], C5, G5], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, Shaped[T], C6, G6],
    /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5, G6]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, X6, C6, G6],
    g: Layer[X6, Shaped[T], C7, G7], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5, G6, G7]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, X6, C6, G6],
    g: Layer[X6, X7, C7, G7], h: Layer[X7, Shaped[T], C8, G8], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5, G6, G7, G8]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, X6, C6, G6],
    g: Layer[X6, X7, C7, G7], h: Layer[X7, X8, C8, G8], i: Layer[X8, Shaped[T], C9, G9],
    /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5, G6, G7, G8, G9]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, X6, C6, G6],
    g: Layer[X6, X7, C7, G7], h: Layer[X7, X8, C8, G8], i: Layer[X8, X9, C9, G9],
    j: Layer[X9, Shaped[T], C10, G10], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5, G6, G7, G8, G9, G10]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, X6, C6, G6],
    g: Layer[X6, X7, C7, G7], h: Layer[X7, X8, C8, G8], i: Layer[X8, X9, C9, G9],
    j: Layer[X9, X10, C10, G10], k: Layer[X10, Shaped[T], C11, G11], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5, G6, G7, G8, G9, G10, G11]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, X6, C6, G6],
    g: Layer[X6, X7, C7, G7], h: Layer[X7, X8, C8, G8], i: Layer[X8, X9, C9, G9],
    j: Layer[X9, X10, C10, G10], k: Layer[X10, X11, C11, G11], l: Layer[X11, Shaped[T], C12, G12],
    /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5, G6, G7, G8, G9, G10, G11, G12]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, X6, C6, G6],
    g: Layer[X6, X7, C7, G7], h: Layer[X7, X8, C8, G8], i: Layer[X8, X9, C9, G9],
    j: Layer[X9, X10, C10, G10], k: Layer[X10, X11, C11, G11], l: Layer[X11, X12, C12, G12],
    m: Layer[X12, Shaped[T], C13, G13], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5, G6, G7, G8, G9, G10, G11, G12, G13]]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, X6, C6, G6],
    g: Layer[X6, X7, C7, G7], h: Layer[X7, X8, C8, G8], i: Layer[X8, X9, C9, G9],
    j: Layer[X9, X10, C10, G10], k: Layer[X10, X11, C11, G11], l: Layer[X11, X12, C12, G12],
    m: Layer[X12, X13, C13, G13], n: Layer[X13, Shaped[T], C14, G14], /,
) -> Sequential[
    int, int, S, T, tuple[G1, G2, G3, G4, G5, G6, G7, G8, G9, G10, G11, G12, G13, G14]
]: ...
@overload
def sequential(
    a: Layer[Shaped[S], X1, C1, G1], b: Layer[X1, X2, C2, G2], c: Layer[X2, X3, C3, G3],
    d: Layer[X3, X4, C4, G4], e: Layer[X4, X5, C5, G5], f: Layer[X5, X6, C6, G6],
    g: Layer[X6, X7, C7, G7], h: Layer[X7, X8, C8, G8], i: Layer[X8, X9, C9, G9],
    j: Layer[X9, X10, C10, G10], k: Layer[X10, X11, C11, G11], l: Layer[X11, X12, C12, G12],
    m: Layer[X12, X13, C13, G13], n: Layer[X13, X14, C14, G14], o: Layer[X14, Shaped[T], C15, G15],
    /,
) -> Sequential[
    int, int, S, T, tuple[G1, G2, G3, G4, G5, G6, G7, G8, G9, G10, G11, G12, G13, G14, G15]
]: ...
@overload
def sequential(
    *layers: Layer[Matrix, Matrix, Any, G1]
) -> Sequential[int, int, Rows, Rows, tuple[G1, ...]]: ...
# fmt: on
def sequential(*layers: AnyLayer) -> Sequential[Any, Any, Any, Any, Any]:
    """Return layers in a row, as one network.

    Parameters
    ----------
    *layers
        Any layers, other networks among them. None gives the identity.

    Returns
    -------
    net
        A layer whose field `layers` is the tuple of the given ones.

    Raises
    ------
    ShapeError
        If a layer takes another width than the one before gives; both are named.
    TypeError
        If something is no layer.

    Examples
    --------
    >>> from funnet import Affine, ReLU, sequential
    >>> sequential(Affine.init(784, 80, rng=0), ReLU(), Affine.init(80, 10, rng=1))
    Sequential(
      layers.0: Affine(W=float32[784, 80], b=float32[80])
      layers.1: ReLU()
      layers.2: Affine(W=float32[80, 10], b=float32[10])
    )
    """
    return Sequential(layers)
