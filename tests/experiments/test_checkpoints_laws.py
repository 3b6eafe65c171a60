"""`load` returns what `save` accepts; what `save` rejects leaves no file and has no fingerprint."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any, cast

import attrs
import numpy as np
import pytest
from checkpoint_values import Point, Scale, content
from hypothesis import HealthCheck, example, given, settings, strategies as st
from hypothesis.extra import numpy as npst

import funnet as fn
from funnet.core.encoding import MAX_DEPTH
from funnet.experiments.checkpoints import safetensors


@attrs.frozen(eq=False)
class Pair:
    """A user's value."""

    left: object
    _right: object


class Colour(enum.IntEnum):
    """An int that would be loaded as a plain one."""

    RED = 1


Odd = attrs.make_class("dict", ["a"], frozen=True)  # its name is that of a dict in files
Long = attrs.make_class("Long", ["a" * 300], frozen=True)

CLASSES = [Pair, Point, Long]

Names = st.sampled_from(["__metadata__", "value", "structure", "left", "é", "語 1", "a.b", ""])
Constants = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-20, 20).map(lambda n: n * 10 ** (600 * abs(n))),
    st.floats(),
    st.text(st.characters(), max_size=4),
    st.binary(max_size=2),
    st.complex_numbers(),
    st.sampled_from([Colour.RED, np.float64(1), np.float32(1), np.int64(1), np.True_, ...]),
)
DTypes = st.one_of(
    npst.scalar_dtypes(),
    npst.scalar_dtypes(),
    npst.array_dtypes(),
    st.sampled_from(["longdouble", "clongdouble", "object", "longlong", ">f2", ">i8"]).map(
        np.dtype
    ),
)
Arrays = st.builds(
    lambda dtype, shape, order: np.ones(shape, dtype, order),
    DTypes,
    npst.array_shapes(min_dims=0, min_side=0, max_side=3),
    st.sampled_from("CF"),
)
Subclasses = st.sampled_from(
    [
        np.ma.masked_array(np.arange(3.0), [False, True, False]),
        np.ma.masked_array(np.arange(3.0)),
        np.ma.masked,
        np.ones((2, 3)).view(np.matrix),
        np.arange(3.0).view(np.recarray),
    ]
)
Values = st.recursive(
    Constants | Arrays | Subclasses,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(Names | st.text(max_size=2), inner, max_size=3),
        st.builds(Pair, inner, inner),
        st.builds(Point, inner, inner),
        st.builds(Odd, inner),
        st.builds(Long, inner),
    ),
    max_leaves=6,
)


def nested(depth: int, value: object = 1.0) -> object:
    for i in range(depth):
        value = [value] if i % 2 else {"x": value}
    return value


def held_by_itself() -> object:
    value: list[object] = []
    value += [value, value]
    return value


def long_path() -> object:
    value: object = 1
    for _ in range(60):
        value = {"語" * 200: value}
    return value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(Values)
@example({"__metadata__": np.zeros(3)})
@example(nested(MAX_DEPTH, np.zeros(2)))
@example(nested(20, {"é" * 200: nested(20, {"語" * 200: np.zeros(2)})}))
@example({"語" * 200: nested(100, np.zeros(2)), "structure": np.ones(1), "value": np.ones(1)})
@example([10**600, -(10**616), 5e-324, -0.0, float("nan"), "\x00\ud7ff\U0010ffff"])
def test_load_returns_what_save_accepts(path: Path, value: object) -> None:
    path.unlink(missing_ok=True)
    try:
        fn.save(path, value)
    except fn.StructureError:
        assert not path.exists()
    else:
        assert content(fn.load(path, types=CLASSES)) == content(value)
        assert content(fn.load(path, like=value, types=CLASSES)) == content(value)
        assert fn.fingerprint(fn.load(path, types=CLASSES)) == fn.fingerprint(value)


REFUSED = {
    "an int of 5,001 digits": (10**5000, "integers of more than 2048 bits"),
    "a surrogate": ("\ud800", r"strings with surrogates are not supported, got '\\ud800'"),
    "a pair of surrogates": ("\ud83d\ude00", "strings with surrogates"),
    "a list that holds itself": (held_by_itself(), r"0\.0\.0.*\.\.\.: values nested more than 200"),
    "deep nesting": (nested(100_000), "values nested more than 200 deep"),
    "a long path": (long_path(), "paths longer than 10000 characters"),
    "a class called dict": (Odd(1), "values of type dict are not supported"),
    "a field with a long name": (Long(1), "keys must be valid names, got 'aaa"),
    "an IntEnum": (Colour.RED, "values of type Colour are not supported"),
    "a NumPy scalar": (
        [np.True_],
        r"0: NumPy scalars are not supported, got np\.True_; convert it with \.item\(\)",
    ),
    "a class": (fn.Affine, "classes are not supported, got Affine"),
    "an array of strings": (np.array(["a"]), r"dtype <U1 are not supported; .* with \.tolist\(\)$"),
    "a masked array": (
        np.ma.masked_array(np.arange(3.0), [False, True, False]),
        r"masked arrays are not supported; fill the masked entries with \.filled\(value\)",
    ),
    "a masked array without masked entries": (np.ma.masked_array([1.0]), r"\.filled\(value\)"),
    "an array of another class": (
        np.arange(3.0).view(np.recarray),
        "arrays of class recarray are not supported; convert it to an np.ndarray",
    ),
    "a function": (
        [1, {"a": (print,)}],
        r"1\.a\.0: values of type builtin_function_or_method are not supported",
    ),
    "a NumPy scalar in a layer": (
        [fn.ReLU(), Scale(np.zeros((1, 1)), cast(int, np.int64(3)))],
        r"1\.power: .*np\.int64",
    ),
    "a masked array in a value": (
        [Pair(1, np.ma.masked_array([1.0, 2.0], [False, True]))],
        r"0\._right: masked arrays are not supported",
    ),
    "a key with a dot": ({"a.b": 1}, r"keys must be valid names, got 'a\.b'"),
    "a key that is a number": ({1: 1}, "keys must be valid names, got 1"),
    "complex numbers": ([np.zeros(2, complex)], r"0: arrays of dtype complex128 are not supported"),
    "objects": ([np.array([object()])], r"0: arrays of dtype object are not supported"),
}


@pytest.mark.parametrize(("value", "message"), REFUSED.values(), ids=REFUSED)
def test_what_load_could_not_return_is_refused(path: Path, value: object, message: str) -> None:
    with pytest.raises(fn.StructureError, match=message):
        fn.save(path, value)
    with pytest.raises(fn.StructureError, match=message):
        fn.fingerprint(value)
    assert not path.exists()


def test_like_must_be_a_value_that_could_be_saved(path: Path) -> None:
    fn.save(path, [1])
    with pytest.raises(fn.StructureError, match="values nested more than 200 deep"):
        fn.load(path, like=held_by_itself())


def test_safetensors_refuses_an_array_with_the_name_of_its_metadata(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="the safetensors extra is not installed")
    value = {"__metadata__": np.ones(2)}
    with pytest.raises(fn.StructureError, match=r"__metadata__: a \.safetensors file cannot have"):
        fn.save(tmp_path / "a.safetensors", value)
    fn.save(tmp_path / "a.npz", value)

    assert content(fn.load(tmp_path / "a.npz")) == content(value)
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_safetensors_refuses_more_structure_than_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("safetensors", reason="the safetensors extra is not installed")
    monkeypatch.setattr(safetensors, "MAX_HEADER", 2000)
    fn.save(tmp_path / "a.safetensors", "x" * 1000)
    with pytest.raises(fn.StructureError, match="cannot have more than 100 MB of structure"):
        fn.save(tmp_path / "b.safetensors", "x" * 2000)


@attrs.frozen(eq=False)
class Positive:
    """A value whose constructor checks it."""

    value: int = attrs.field(validator=attrs.validators.gt(0))


def test_a_value_that_its_class_rejects_is_not_written(path: Path) -> None:
    value = Positive(1)
    object.__setattr__(value, "value", -1)
    with pytest.raises(ValueError, match="a: 'value' must be > 0"):
        fn.save(path, {"a": value})
    assert not path.exists()


def test_save_leaves_arrays_writeable(path: Path) -> None:
    array = np.ones(3)
    fn.save(path, [array, fn.Affine.init(2, 2, rng=0)])

    assert array.flags.writeable


def test_a_deep_network_is_loaded(path: Path) -> None:
    net: Any = fn.Affine.init(2, 2, rng=0)  # Any: another type at each level
    for _ in range(80):
        net = fn.sequential(net)
    fn.save(path, net)

    assert content(fn.load(path)) == content(net)
