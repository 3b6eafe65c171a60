"""Rules and messages for the widths of consecutive layers, shared by run time and mypy.

A layer of known width has the attributes `n_in` and `n_out`, integers >= 1; one whose output is as
wide as its input has `keeps_width = True`, and one whose output is a multiple of that, as rows of
flattened images are of the channels, has `multiplies_width = True`. The width of any other layer is
unknown and is not checked. The width of images is their number of channels.

A layer that is composed of others may have an attribute `widths` instead, a `Widths`, from which it
answers these: if each level of a nested network asked the level below for all of them, the deepest
would be asked exponentially often.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral

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
        Whether the output is as wide as the input, which is unknown. Default: False.
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

    @property
    def n_in(self) -> int | None:
        """The width of the input, if it is exactly known."""
        return None if self.divides else self.takes

    @property
    def n_out(self) -> int | None:
        """The width of the output, if it is exactly known."""
        return None if self.multiplies else self.gives

    @property
    def keeps_width(self) -> bool:
        """Whether the output is exactly as wide as the input."""
        return self.keeps and not self.multiplies


def widths_of(layer: object) -> Widths:
    """Return the widths that a layer states by its attributes.

    Examples
    --------
    >>> from funnet import Affine
    >>> from funnet.core.widths import widths_of
    >>> widths = widths_of(Affine.init(784, 80, rng=0))
    >>> widths.name, widths.n_in, widths.n_out
    ('Affine', 784, 80)
    """
    stated = getattr(layer, "widths", None)
    if isinstance(stated, Widths):
        return stated
    multiplies = getattr(layer, "multiplies_width", False)
    takes = _stated(layer, "n_in")
    return Widths(
        type(layer).__name__,
        takes,
        _stated(layer, "n_out"),
        keeps=multiplies or (takes is None and getattr(layer, "keeps_width", False)),
        multiplies=multiplies,
    )


def _stated(layer: object, name: str) -> int | None:
    """Return the width that an attribute states; a user's may have another meaning, as a shape."""
    width = getattr(layer, name, None)
    return int(width) if isinstance(width, Integral) and int(width) > 0 else None


def mismatches(layers: Sequence[Widths]) -> Iterator[tuple[int, str]]:
    """Yield the index of each layer that does not fit the one before it, and an error message.

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
        ("input", expected.n_in, given.n_in),
        ("output", expected.n_out, given.n_out),
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


def mismatches_around(layers: Sequence[Widths]) -> Iterator[tuple[int, str]]:
    """Yield index 0 and an error message if the width of y = x + layer(x) is not that of x."""
    for index, layer in enumerate(layers):
        if None not in (layer.n_in, layer.n_out) and layer.n_in != layer.n_out:
            found = f"{layer.name} expects {layer.n_in} and outputs {layer.n_out}"
            yield index, f"a residual layer needs as many output as input features, but {found}"


def around(name: str, layers: Sequence[Widths]) -> Widths:
    """Return the widths of y = x + layer(x), for the only one of the layers.

    Examples
    --------
    >>> from funnet.core.widths import Widths, around
    >>> around("Residual", [Widths("Affine", 80, 80)]).n_out
    80
    """
    known = [n for layer in layers for n in (layer.n_in, layer.n_out) if n is not None]
    width = known[0] if known else None
    return Widths(name, width, width, keeps=width is None)


def mismatches_beside(layers: Sequence[Widths]) -> Iterator[tuple[int, str]]:
    """Yield the index of each layer that does not take the input of the first, and a message."""
    known = [(i, layer) for i, layer in enumerate(layers) if layer.n_in is not None]
    for i, layer in known[1:]:
        first, other = known[0]
        if layer.n_in != other.n_in:
            expects = f"layer {i} ({layer.name}) expects {layer.n_in} input features"
            yield i, f"{expects}, but layer {first} ({other.name}) expects {other.n_in}"


def beside(name: str, layers: Sequence[Widths]) -> Widths:
    """Return the widths of layers on one input whose outputs are put side by side.

    Examples
    --------
    >>> from funnet.core.widths import Widths, beside
    >>> beside("Concatenate", [Widths("Identity", keeps=True), Widths("Affine", 80, 10)]).n_out
    90
    """
    takes = next((layer.n_in for layer in layers if layer.n_in is not None), None)
    gives = [takes if layer.keeps_width else layer.n_out for layer in layers]
    total = sum(width for width in gives if width is not None)
    return Widths(
        name,
        takes,
        None if None in gives else total,
        keeps=[layer.keeps_width for layer in layers] == [True],
    )
