"""y = x + layer(x)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast, overload

import attrs

from funnet.core.arrays import Ranked, RowShape, Shaped, describe_cache
from funnet.core.checks import check_cache, check_float, check_like
from funnet.core.describe import describe
from funnet.core.errors import ShapeError
from funnet.core.layer import AnyLayer, C, Layer, S, SomeLayer
from funnet.core.tree import refill
from funnet.core.widths import Widths, around, mismatches_around, widths_of
from funnet.layers.combinators import G1
from funnet.layers.nesting import L, add, check_layer, locate, of_another_network

L_co = TypeVar("L_co", covariant=True)
W_co = TypeVar("W_co", bound=int, covariant=True)


@attrs.frozen(eq=False, repr=False)
class ResidualCache(Generic[S, L_co]):
    """Cache of `Residual`: its input, the layer it was made by, and the cache of that layer."""

    x: Shaped[S]
    layer: L_co
    cache: object

    __repr__ = describe_cache


def _keeping(layer: L) -> L:
    check_layer(layer, "layer")
    for _, message in mismatches_around([widths_of(layer)]):
        raise ShapeError(message)
    return layer


@attrs.frozen(eq=False)
class Residual(SomeLayer, Generic[W_co, S, L_co]):
    """A layer with a connection around it. Use `residual`, which infers the type.

    Type parameters: width and shape of input and output, and the type of the layer.

    Raises
    ------
    TypeError, ShapeError
        If `layer` is not a layer, or its known widths differ; in `forward`, if its output does not
        have the shape of its input.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", 2015.
    """

    layer: L_co = attrs.field(converter=_keeping)

    constructor_only_checks: ClassVar[Literal[True]] = True
    applies_layers: ClassVar[Literal[True]] = True

    __repr__ = describe

    @property
    def widths(self) -> Widths:
        """What is known of the widths of input and output (see `funnet.core.widths`)."""
        return around(type(self).__name__, [widths_of(self.layer)])

    @property
    def n_in(self) -> W_co | None:
        """Number of input features, or None if unknown."""
        return cast("W_co | None", self.widths.n_in)

    @property
    def n_out(self) -> W_co | None:
        """Number of output features, or None if unknown."""
        return cast("W_co | None", self.widths.n_out)

    @property
    def keeps_width(self) -> bool:
        """Whether the output has as many features as any input."""
        return self.widths.keeps_width

    def forward(self, x: Shaped[S], /) -> tuple[Shaped[S], ResidualCache[S, L_co]]:
        """Return y = x + layer(x)."""
        check_float(x, "x of Residual")
        layer = cast(AnyLayer, self.layer)
        try:
            y, cache = layer.forward(x)
            check_like(y, x, "the output of a residual layer")
        except Exception as error:
            locate(error, "layer", layer)
            raise
        return add(x, y), ResidualCache(x, self.layer, cache)

    def pullback(
        self, cache: ResidualCache[S, L_co], dout: Shaped[S], /
    ) -> tuple[Residual[W_co, S, L_co], Callable[[], Shaped[S]]]:
        """Return the gradients of the layer; dx = dout + that of the layer."""
        check_cache(cache, ResidualCache)
        if cache.layer is not self.layer:
            raise of_another_network()
        check_like(dout, cache.x, "dout of Residual")
        layer = cast(AnyLayer, self.layer)
        try:
            grads, inner = layer.pullback(cache.cache, dout)
        except Exception as error:
            locate(error, "layer", layer)
            raise

        return refill(Residual, (grads,)), lambda: add(dout, inner())


# Rows first, for layers on arrays of any rank.
@overload
def residual(
    layer: Layer[Ranked[RowShape], Ranked[RowShape], C, G1], /
) -> Residual[int, RowShape, G1]: ...
@overload
def residual(layer: Layer[Ranked[S], Ranked[S], C, G1], /) -> Residual[int, S, G1]: ...
def residual(layer: AnyLayer, /) -> Residual[Any, Any, Any]:
    """Return a network that adds its input to the output of a layer: y = x + layer(x).

    `Residual` describes the errors.

    Examples
    --------
    >>> from funnet import Affine, ReLU, residual, sequential
    >>> residual(sequential(Affine.init(80, 80, rng=0), ReLU()))
    Residual(
      layer: Sequential(
        layers.0: Affine(W=float32[80, 80], b=float32[80])
        layers.1: ReLU()
      )
    )
    """
    return Residual(layer)
