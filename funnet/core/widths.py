"""Rules and messages for the widths of consecutive layers, shared by run time and mypy.

A layer of known width has the attributes `n_in` and `n_out`; one whose output is as wide as its
input has `keeps_width = True`. The width of any other layer is unknown and is not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs


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
