"""The rules for the widths of layers in a row, on plain numbers.

A layer that knows its widths has the attributes `n_in` and `n_out`; one whose output has the width
of its input has `keeps_width = True`. Of a layer with neither, nothing is known, and nothing is
complained about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs


@attrs.frozen
class Widths:
    """What is known about the widths of one layer.

    Parameters
    ----------
    name
        The layer's class, for messages.
    takes, gives
        The width of its input and of its output; None where it is unknown.
    keeps
        Whether the output has the width of the input, whatever that is.
    """

    name: str
    takes: int | None = None
    gives: int | None = None
    keeps: bool = False


def mismatches(layers: Sequence[Widths]) -> Iterator[tuple[int, str]]:
    """Iterate over the layers of a row that don't fit, each with what to say about it.

    Parameters
    ----------
    layers
        The layers, in the order in which the input goes through them.

    Yields
    ------
    index, message
        The place of the layer that takes another width than reaches it, and a sentence.

    Examples
    --------
    >>> from funnet.core.widths import Widths, mismatches
    >>> row = [Widths("Affine", 784, 80), Widths("ReLU", keeps=True), Widths("Affine", 100, 10)]
    >>> list(mismatches(row))
    [(2, 'layer 2 (Affine) takes 100 features, but layer 0 (Affine) gives 80')]
    """
    source: tuple[int, Widths] | None = None
    for index, layer in enumerate(layers):
        if layer.keeps:
            continue
        if source is not None:
            before, giver = source
            if None not in (giver.gives, layer.takes) and giver.gives != layer.takes:
                takes = f"layer {index} ({layer.name}) takes {layer.takes} features"
                gives = f"layer {before} ({giver.name}) gives {giver.gives}"
                yield index, f"{takes}, but {gives}"
        source = index, layer


def whole(name: str, layers: Sequence[Widths]) -> Widths:
    """Return the widths of a row of layers, seen as one layer.

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
