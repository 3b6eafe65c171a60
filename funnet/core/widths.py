"""Rules and messages for the widths of consecutive layers, shared by run time and mypy.

A layer of known width has the attributes `n_in` and `n_out`; one whose output is as wide as its
input has `keeps_width = True`. The width of any other layer is unknown and is not checked.

A layer that is composed of others may have an attribute `widths` instead, a `Widths`, from which it
answers the three above: if each level of a nested network asked the level below for all three, the
deepest would be asked exponentially often.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from funnet.core.errors import ShapeError


@attrs.frozen
class Widths:
    """The known widths of one layer.

    Parameters
    ----------
    name
        The name of the layer's class, used in messages.
    takes, gives
        The number of input and of output features. Default: None, which means unknown.
    keeps
        Whether the output is as wide as the input. Default: False.
    """

    name: str
    takes: int | None = None
    gives: int | None = None
    keeps: bool = False


def widths_of(layer: object) -> Widths:
    """Return the widths that a layer states by its attributes.

    Examples
    --------
    >>> from funnet import Affine
    >>> from funnet.core.widths import widths_of
    >>> widths_of(Affine.init(784, 80, rng=0))
    Widths(name='Affine', takes=784, gives=80, keeps=False)
    """
    stated = getattr(layer, "widths", None)
    if isinstance(stated, Widths):
        return stated
    return Widths(
        type(layer).__name__,
        getattr(layer, "n_in", None),
        getattr(layer, "n_out", None),
        getattr(layer, "keeps_width", False),
    )


def mismatches(layers: Sequence[Widths]) -> Iterator[tuple[int, str]]:
    """Yield the index of each layer that does not fit its predecessor, and an error message.

    Parameters
    ----------
    layers
        The layers, in the order in which they are applied.

    Examples
    --------
    >>> from funnet.core.widths import Widths, mismatches
    >>> row = [Widths("Affine", 784, 80), Widths("ReLU", keeps=True), Widths("Affine", 100, 10)]
    >>> list(mismatches(row))
    [(2, 'layer 2 (Affine) expects 100 input features, but layer 0 (Affine) outputs 80')]
    """
    source: tuple[int, Widths] | None = None
    for index, layer in enumerate(layers):
        if layer.keeps:
            continue
        if source is not None:
            before, giver = source
            if None not in (giver.gives, layer.takes) and giver.gives != layer.takes:
                expects = f"layer {index} ({layer.name}) expects {layer.takes} input features"
                outputs = f"layer {before} ({giver.name}) outputs {giver.gives}"
                yield index, f"{expects}, but {outputs}"
        source = index, layer


def demand_mismatches(expected: Widths, given: Widths) -> Iterator[str]:
    """Yield an error message for the input and for the output, where their widths differ.

    Examples
    --------
    >>> from funnet.core.widths import Widths, demand_mismatches
    >>> list(demand_mismatches(Widths("Network", 64, 10), Widths("Affine", 80, 10)))
    ['expected a network with 64 input features, got one with 80']
    """
    for end, want, got in (
        ("input", expected.takes, given.takes),
        ("output", expected.gives, given.gives),
    ):
        if None not in (want, got) and want != got:
            yield f"expected a network with {want} {end} features, got one with {got}"


def whole(name: str, layers: Sequence[Widths]) -> Widths:
    """Return the widths of consecutive layers as those of a single layer.

    Examples
    --------
    >>> from funnet.core.widths import Widths, whole
    >>> whole("Sequential", [Widths("ReLU", keeps=True), Widths("Affine", 80, 10)])
    Widths(name='Sequential', takes=80, gives=10, keeps=False)
    """
    changing = [layer for layer in layers if not layer.keeps]
    if not changing:
        return Widths(name, keeps=True)
    return Widths(name, changing[0].takes, changing[-1].gives)


def around(name: str, layer: Widths) -> Widths:
    """Return the widths of y = x + layer(x).

    Raises
    ------
    ShapeError
        If the widths of the layer differ.

    Examples
    --------
    >>> from funnet.core.widths import Widths, around
    >>> around("Residual", Widths("Affine", 80, 80))
    Widths(name='Residual', takes=80, gives=80, keeps=False)
    """
    if None not in (layer.takes, layer.gives) and layer.takes != layer.gives:
        raise ShapeError(
            f"a residual layer needs as many output as input features, but {layer.name} expects "
            f"{layer.takes} and outputs {layer.gives}"
        )
    width = layer.gives if layer.takes is None else layer.takes
    return Widths(name, width, width, keeps=width is None)


def beside(name: str, layers: Sequence[Widths]) -> Widths:
    """Return the widths of layers on one input whose outputs are put side by side.

    Raises
    ------
    ShapeError
        If they expect inputs of different widths.

    Examples
    --------
    >>> from funnet.core.widths import Widths, beside
    >>> beside("Concatenate", [Widths("Identity", keeps=True), Widths("Affine", 80, 10)])
    Widths(name='Concatenate', takes=80, gives=90, keeps=False)
    """
    known = [(i, layer) for i, layer in enumerate(layers) if layer.takes is not None]
    for i, layer in known:
        first, other = known[0]
        if layer.takes != other.takes:
            raise ShapeError(
                f"layer {i} ({layer.name}) expects {layer.takes} input features, but "
                f"layer {first} ({other.name}) expects {other.takes}"
            )
    takes = known[0][1].takes if known else None
    gives = [takes if layer.keeps else layer.gives for layer in layers]
    total = sum(width for width in gives if width is not None)
    return Widths(
        name,
        takes,
        None if None in gives else total,
        keeps=[layer.keeps for layer in layers] == [True],
    )
