"""Rules and messages for the widths of consecutive layers, shared by run time and mypy.

A layer of known width has the attributes `n_in` and `n_out`; one whose output is as wide as its
input has `keeps_width = True`, and one whose output is a multiple of that, as rows of flattened
images are of the channels, has `multiplies_width = True`. The width of any other layer is unknown
and is not checked. The width of images is their number of channels.
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
    multiplies
        Whether the output is not of that width, or of `gives`, but a multiple. Default: False.
    divides
        Whether the input is not as wide as `takes`, but a divisor. Default: False.
    """

    name: str
    takes: int | None = None
    gives: int | None = None
    keeps: bool = False
    multiplies: bool = False
    divides: bool = False


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
    >>> flatten = Widths("Flatten", keeps=True, multiplies=True)
    >>> print(next(mismatches([Widths("Conv2d", 1, 16), flatten, Widths("Affine", 100)]))[1])
    layer 2 (Affine) expects 100 input features, but layer 1 (Flatten) outputs a multiple of 16
    """
    before, giver, multiple = "", Widths(""), False
    for index, layer in enumerate(layers):
        name = f"layer {index} ({layer.name})"
        if layer.keeps:
            if layer.multiplies:
                before, multiple = name, True
            continue
        if giver.gives is not None and layer.takes is not None:
            rest = layer.takes % giver.gives
            if rest if multiple or layer.divides else layer.takes != giver.gives:
                expects = f"{'a divisor of ' if layer.divides else ''}{layer.takes} input features"
                outputs = f"{'a multiple of ' if multiple else ''}{giver.gives}"
                yield index, f"{name} expects {expects}, but {before} outputs {outputs}"
        before, giver, multiple = name, layer, layer.multiplies


def demand_mismatches(expected: Widths, given: Widths) -> Iterator[str]:
    """Yield an error message for the input and for the output, where their widths differ.

    Examples
    --------
    >>> from funnet.core.widths import Widths, demand_mismatches
    >>> list(demand_mismatches(Widths("Network", 64, 10), Widths("Affine", 80, 10)))
    ['expected a network with 64 input features, got one with 80']
    """
    for end, want, got in (
        ("input", expected.takes, None if given.divides else given.takes),
        ("output", expected.gives, None if given.multiplies else given.gives),
    ):
        if None not in (want, got) and want != got:
            yield f"expected a network with {want} {end} features, got one with {got}"


def whole(name: str, layers: Sequence[Widths]) -> Widths:
    """Return the widths of consecutive layers as those of a single layer.

    Examples
    --------
    >>> from funnet.core.widths import Widths, whole
    >>> net = whole("Sequential", [Widths("ReLU", keeps=True), Widths("Affine", 80, 10)])
    >>> net.takes, net.gives, net.keeps
    (80, 10, False)
    """
    changing = [i for i, layer in enumerate(layers) if not layer.keeps]
    if not changing:
        return Widths(name, keeps=True, multiplies=any(layer.multiplies for layer in layers))
    first, last = changing[0], changing[-1]
    return Widths(
        name,
        layers[first].takes,
        layers[last].gives,
        multiplies=any(layer.multiplies for layer in layers[last:]),
        divides=layers[first].divides or any(layer.multiplies for layer in layers[:first]),
    )
