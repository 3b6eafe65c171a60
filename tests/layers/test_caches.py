"""A cache prints what it is, in one line."""

from __future__ import annotations

import re

import numpy as np
import pytest
from zoo import Case, every_case_of_ours

import funnet as fn

x = np.zeros((2, 3, 4, 4), np.float32)
rows = np.zeros((6, 4), np.float32)


@every_case_of_ours
def test_it_names_its_class_and_fields_but_no_address(case: Case) -> None:
    _, cache = fn.forward(case.layer(0), case.x(0))

    text = repr(cache)

    assert re.fullmatch(rf"{type(cache).__name__}\(\w+=.*\)", text)
    assert "0x" not in text
    assert len(text) < 150


@pytest.mark.parametrize(
    ("layer", "x", "text"),
    [
        (fn.Affine.init(4, 3, rng=0), rows, "AffineCache(x=float32[6, 4])"),
        (fn.ReLU(), rows, "ArrayCache(layer=ReLU, array=float32[6, 4])"),
        (fn.MaxPool2d(2), x, "MaxPool2dCache(x=float32[2, 3, 4, 4], y=float32[2, 3, 2, 2])"),
        (fn.Dropout(0.5), rows, "DropoutCache(y=float32[6, 4], mask=None)"),
        (
            fn.residual(fn.Tanh()),
            rows,
            "ResidualCache(x=float32[6, 4], layer=Tanh, cache=ArrayCache)",
        ),
        (
            fn.concatenate(fn.Tanh(), fn.Identity()),
            rows,
            "ConcatenateCache(y=float32[6, 8], layers=tuple[2], caches=tuple[2], ends=tuple[2])",
        ),
        (
            fn.sequential(fn.Affine.init(4, 3, rng=0), fn.ReLU()),
            rows,
            "SequentialCache(layers=tuple[2], caches=tuple[2])",
        ),
    ],
)
def test_it_shows_arrays_by_dtype_and_shape(
    layer: fn.Layer[fn.Array, fn.Array, object, object], x: fn.Array, text: str
) -> None:
    assert repr(fn.forward(layer, x)[1]) == text
