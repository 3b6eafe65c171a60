"""Networks: layers composed of layers.

Type checkers compare the ranks of arrays between layers. In a call of `sequential` with seven
layers or more, they do so only if all layers map rows to rows, or all but the first; so build large
networks from named parts, `block = sequential(...)`. (For parts nested in one expression, mypy's
run time grows faster than the number of levels.) Widths are compared when the network is made, and
by `funnet.mypy_plugin`.

A network made only of layers that take arrays of any rank has no inferred rank: annotate it, as
`norm: OnImages = sequential(BatchNorm.init(8), ReLU())`. Of activation functions alone, it is a
network on rows.

Networks of the same layer classes have the same type. Caches and gradients of a value annotated as
`Network[...]` have the type `Any`, so wrong ones are errors at run time only.

Layers of different classes in a list have the type `OnRows` or `SomeLayer`, so the depth of a
network may depend on data:

>>> from funnet import Affine, ReLU, sequential
>>> tower = [Affine.init(64, 30, rng=0), ReLU()]
>>> for seed in range(1, 4):
...     tower += [Affine.init(30, 30, rng=seed), ReLU()]
>>> net = sequential(*tower, Affine.init(30, 10, rng=4))

A function that returns a network of the class that it is given has a type variable
`N = TypeVar("N", bound=Network[int, int])`. The functions of `funnet` accept the result of
`net = a if deep else b`, except for `optimizer.update`, which requires an annotation
`net: Network[int, int] = ...`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, Literal, Never, Protocol, TypeVar, cast, overload

import attrs

from funnet.core.arrays import ImageShape, Matrix, Ranked, RowShape, Shaped, describe_cache
from funnet.core.checks import check_cache
from funnet.core.describe import describe
from funnet.core.errors import DTypeError, ShapeError
from funnet.core.layer import AnyLayer, Elementwise, G, Layer, OnRows, S, SomeLayer, T
from funnet.core.nodes import filler
from funnet.core.widths import Widths, mismatches, whole, widths_of
from funnet.layers.nesting import as_layers, locate, note_changed_dtype, of_another_network

# Widths of input and output: `int`, or a literal if `funnet.mypy_plugin` can infer it.
I_co = TypeVar("I_co", bound=int, covariant=True)
O_co = TypeVar("O_co", bound=int, covariant=True)
L = TypeVar("L", bound=tuple[object, ...])
L_co = TypeVar("L_co", bound=tuple[object, ...], covariant=True)


@attrs.frozen(eq=False, repr=False)
class SequentialCache(Generic[L_co]):
    """Cache of `Sequential`: the layers that made it, and the cache of each."""

    layers: L_co
    caches: tuple[object, ...]

    __repr__ = describe_cache


_cache = filler(SequentialCache)


def _fitting(layers: L) -> L:
    """Return layers as a tuple, after checking that each is a layer and that the widths match."""
    row = as_layers(layers)
    for _, message in mismatches(list(map(widths_of, row))):
        raise ShapeError(message)
    return row


@attrs.frozen(eq=False)
class Sequential(SomeLayer, Generic[I_co, O_co, S, T, L_co]):
    """Layers applied in order, as one layer; made by `sequential`, which infers the type.

    The type parameters are the widths of input and output, the shapes of input and output, and the
    tuple of the types of the layers.
    """

    layers: L_co = attrs.field(converter=_fitting)

    constructor_only_checks: ClassVar[Literal[True]] = True
    applies_layers: ClassVar[Literal[True]] = True

    __repr__ = describe

    @property
    def widths(self) -> Widths:
        """What is known of the widths of input and output (see `funnet.core.widths`)."""
        return whole(type(self).__name__, list(map(widths_of, self.layers)))

    @property
    def n_in(self) -> I_co | None:
        """Number of input features, or None if unknown."""
        return cast("I_co | None", self.widths.n_in)

    @property
    def n_out(self) -> O_co | None:
        """Number of output features, or None if unknown."""
        return cast("O_co | None", self.widths.n_out)

    @property
    def keeps_width(self) -> bool:
        """Whether the output is as wide as the input."""
        return self.widths.keeps_width

    def forward(self, x: Shaped[S], /) -> tuple[Shaped[T], SequentialCache[L_co]]:
        """Apply the layers in order."""
        row: tuple[Any, ...] = self.layers
        y: Any = x
        caches = []
        for i, layer in enumerate(row):
            try:
                y, cache = layer.forward(y)
            except Exception as error:
                locate(error, f"layers.{i}", layer)
                if isinstance(error, DTypeError):
                    note_changed_dtype(error, x, y)
                raise
            caches.append(cache)
        return y, _cache(self.layers, tuple(caches))

    def pullback(
        self, cache: SequentialCache[L_co], dout: Shaped[T], /
    ) -> tuple[Sequential[I_co, O_co, S, T, L_co], Callable[[], Shaped[S]]]:
        """Return the gradients of all layers; dx is that of the first."""
        check_cache(cache, SequentialCache)
        row: tuple[Any, ...] = self.layers
        if cache.layers is not self.layers or len(cache.caches) != len(row):
            raise of_another_network()
        grads = []
        gradient = dout
        dx: Callable[[], Any] = lambda: gradient  # noqa: E731 (dx of an empty network)
        for i in reversed(range(len(row))):
            try:
                grad, dx = row[i].pullback(cache.caches[i], gradient)
                if i:  # the caller decides whether dx of the first layer is computed
                    gradient = dx()
            except Exception as error:
                locate(error, f"layers.{i}", row[i])
                raise
            grads.append(grad)
        return _gradients(tuple(reversed(grads))), dx


_gradients = filler(Sequential)


class Network(OnRows, SomeLayer, Protocol[I_co, O_co]):
    """Layer on rows with these widths, for annotations: `Network[Literal[784], Literal[10]]`.

    Type checkers infer most widths as `int`, which matches any width; `funnet.mypy_plugin` compares
    them.
    """

    @property
    def n_in(self) -> I_co | int | None:
        """Number of input features, or None if unknown."""

    @property
    def n_out(self) -> O_co | int | None:
        """Number of output features, or None if unknown."""

    # Any: each network has its own classes of cache and gradients.
    def pullback(self, cache: Any, dout: Matrix, /) -> tuple[Any, Callable[[], Matrix]]:
        """Return gradients of the network's class, and a function that computes dx."""


# fmt: off
# Type checkers compare only ranks between layers, as NumPy's stubs seldom infer the float type.
R1 = TypeVar("R1", bound=tuple[int, ...])
R2 = TypeVar("R2", bound=tuple[int, ...])
R3 = TypeVar("R3", bound=tuple[int, ...])
R4 = TypeVar("R4", bound=tuple[int, ...])
R5 = TypeVar("R5", bound=tuple[int, ...])
C1 = TypeVar("C1")
C2 = TypeVar("C2")
C3 = TypeVar("C3")
C4 = TypeVar("C4")
C5 = TypeVar("C5")
C6 = TypeVar("C6")
G1 = TypeVar("G1", bound=SomeLayer)
G2 = TypeVar("G2", bound=SomeLayer)
G3 = TypeVar("G3", bound=SomeLayer)
G4 = TypeVar("G4", bound=SomeLayer)
G5 = TypeVar("G5", bound=SomeLayer)
G6 = TypeVar("G6", bound=SomeLayer)
RowLayer = Layer[Ranked[RowShape], Ranked[RowShape], Any, G]

@overload
def sequential(
    *layers: Elementwise
) -> Sequential[int, int, RowShape, RowShape, tuple[Elementwise, ...]]: ...
@overload
def sequential(
    a: Layer[Ranked[S], Ranked[T], C1, G1], /,
) -> Sequential[int, int, S, T, tuple[G1]]: ...
@overload
def sequential(
    a: Layer[Ranked[S], Ranked[R1], C1, G1], b: Layer[Ranked[R1], Ranked[T], C2, G2], /,
) -> Sequential[int, int, S, T, tuple[G1, G2]]: ...
@overload
def sequential(
    a: Layer[Ranked[S], Ranked[R1], C1, G1], b: Layer[Ranked[R1], Ranked[R2], C2, G2],
    c: Layer[Ranked[R2], Ranked[T], C3, G3], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3]]: ...
@overload
def sequential(
    a: Layer[Ranked[S], Ranked[R1], C1, G1], b: Layer[Ranked[R1], Ranked[R2], C2, G2],
    c: Layer[Ranked[R2], Ranked[R3], C3, G3], d: Layer[Ranked[R3], Ranked[T], C4, G4], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4]]: ...
@overload
def sequential(
    a: Layer[Ranked[S], Ranked[R1], C1, G1], b: Layer[Ranked[R1], Ranked[R2], C2, G2],
    c: Layer[Ranked[R2], Ranked[R3], C3, G3], d: Layer[Ranked[R3], Ranked[R4], C4, G4],
    e: Layer[Ranked[R4], Ranked[T], C5, G5], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5]]: ...
@overload
def sequential(
    a: Layer[Ranked[S], Ranked[R1], C1, G1], b: Layer[Ranked[R1], Ranked[R2], C2, G2],
    c: Layer[Ranked[R2], Ranked[R3], C3, G3], d: Layer[Ranked[R3], Ranked[R4], C4, G4],
    e: Layer[Ranked[R4], Ranked[R5], C5, G5], f: Layer[Ranked[R5], Ranked[T], C6, G6], /,
) -> Sequential[int, int, S, T, tuple[G1, G2, G3, G4, G5, G6]]: ...
# Lists, and more than six layers: of unknown ranks, on rows, on rows after the first layer, and on
# images first. `Never` accepts a layer only if its arrays are `Any`. The next two take at least
# seven, so that fewer layers are left to the overloads above, which also compare the cache that
# `pullback` takes with the one that `forward` returns. The last is for fewer too: mypy solves the
# rank of all ReLUs of a call together, so one on images and one on rows match no overload above.
@overload
def sequential(
    a: Layer[Ranked[S], Any, Any, G1], b: Layer[Never, Never, Any, G2], /, *more: SomeLayer
) -> Sequential[int, int, S, Any, tuple[G1, *tuple[SomeLayer, ...]]]: ...
@overload
def sequential(
    a: RowLayer[G1], b: RowLayer[G1], c: RowLayer[G1], d: RowLayer[G1], e: RowLayer[G1],
    f: RowLayer[G1], g: RowLayer[G1], /, *more: RowLayer[G1],
) -> Sequential[int, int, RowShape, RowShape, tuple[G1, ...]]: ...
@overload
def sequential(
    a: Layer[Ranked[S], Ranked[RowShape], Any, G1], b: RowLayer[G2], c: RowLayer[G2],
    d: RowLayer[G2], e: RowLayer[G2], f: RowLayer[G2], g: RowLayer[G2], /, *more: RowLayer[G2],
) -> Sequential[int, int, S, RowShape, tuple[G1, *tuple[G2, ...]]]: ...
@overload
def sequential(
    a: Layer[Ranked[ImageShape], Ranked[ImageShape], Any, G1],
    b: Layer[Ranked[ImageShape], Any, Any, G2], /, *more: SomeLayer
) -> Sequential[int, int, ImageShape, Any, tuple[G1, G2, *tuple[SomeLayer, ...]]]: ...
# fmt: on
def sequential(*layers: AnyLayer) -> Sequential[Any, Any, Any, Any, Any]:
    """Return a network that applies the layers in order; without layers, the identity.

    Parameters
    ----------
    *layers
        Layers and networks, which are layers too.

    Raises
    ------
    ShapeError
        If the width of a layer does not match that of the layer before it.
    TypeError
        If an argument is not a layer.

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
