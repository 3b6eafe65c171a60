"""The lock, the plain layout, and the checks at the door."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import LAYOUTS, AnyArray, float_arrays, read_only

from funnet import Affine, DTypeError, ShapeError, lock, lock_in_place, lock_matrix, lock_vector
from funnet.core.arrays import array_type, is_plain, plain
from funnet.core.checks import (
    check_batch,
    check_count,
    check_dtype,
    check_float,
    check_shape,
    generator,
)
from funnet.core.locks import is_locked

Layout = Callable[[AnyArray], AnyArray]

every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
any_layout = st.sampled_from(list(LAYOUTS.values()))


@given(x=float_arrays(), layout=any_layout)
def test_lock_keeps_the_values_in_a_plain_array_that_is_read_only(
    x: AnyArray, layout: Layout
) -> None:
    locked = lock(layout(x))

    assert is_plain(locked)
    assert is_locked(locked)
    assert (locked.dtype, locked.shape) == (x.dtype, x.shape)
    assert locked.tobytes() == x.tobytes()


@given(x=float_arrays(), layout=any_layout)
def test_a_locked_array_is_shared(x: AnyArray, layout: Layout) -> None:
    locked = lock(layout(x))

    assert lock(locked) is locked


def test_a_plain_view_of_a_locked_array_is_shared() -> None:
    view = lock(np.arange(6.0).reshape(3, 2))[1:]

    assert lock(view) is view


def test_an_array_over_bytes_is_shared() -> None:
    array = np.frombuffer(bytes(16), np.float64)

    assert lock(array) is array


def test_a_writeable_array_is_copied_once_and_stays_writeable() -> None:
    mine = np.ones((3, 2))

    locked = lock(mine)

    assert not np.shares_memory(mine, locked)
    assert locked.base is None
    assert mine.flags.writeable


def views_that_only_look_locked() -> dict[str, tuple[AnyArray, AnyArray]]:
    """Return read-only arrays, each with the writeable one through which it can change."""
    owner = np.ones(4)
    view = owner[:]
    view.setflags(write=False)
    of_a_view = view[1:]
    memory = bytearray(32)
    over_memory = np.frombuffer(memory)
    over_memory.setflags(write=False)
    return {
        "a view": (view, owner),
        "a view of a view": (of_a_view, owner),
        "over a bytearray": (over_memory, np.frombuffer(memory)),
        "broadcast": (np.broadcast_to(owner[:1], (4,)), owner),
    }


@pytest.mark.parametrize("name", views_that_only_look_locked())
def test_no_base_lets_anyone_write_to_a_locked_array(name: str) -> None:
    view, owner = views_that_only_look_locked()[name]
    locked = lock(view)
    before = locked.copy()

    owner[...] = 7

    assert (view == 7).all()
    assert (locked == before).all()


def test_a_file_that_is_mapped_cannot_change_a_locked_array() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(np.ones(4).tobytes())
        file.flush()
        mapped: np.memmap[Any, Any] = np.memmap(file, np.float64, "r")
        locked, of_a_plain_view = lock(mapped), lock(np.asarray(mapped))

        np.memmap(file, np.float64, "r+")[:] = 7

        assert (mapped == 7).all()
        assert (locked == 1).all()
        assert (of_a_plain_view == 1).all()


@pytest.mark.parametrize(
    "write",
    [
        lambda a: a.__setitem__(0, 1),
        lambda a: a.__iadd__(1),
        lambda a: a.fill(1),
        lambda a: a.sort(),
        lambda a: np.add(a, 1, out=a),
        lambda a: np.copyto(a, 1),
        lambda a: a.T.__setitem__(0, 1),
        lambda a: a.reshape(-1).__setitem__(0, 1),
        lambda a: a.view(np.uint8).fill(0),
        lambda a: a[:].setflags(write=True),
        lambda a: memoryview(a).cast("B").__setitem__(0, 1),
    ],
)
def test_every_way_to_write_raises(write: Callable[[AnyArray], object]) -> None:
    locked = lock(np.array([3.0, 2.0]))

    with pytest.raises((ValueError, TypeError), match=r"read-only|read only|WRITEABLE"):
        write(locked)

    assert locked.tolist() == [3, 2]


def test_seal_locks_the_very_array() -> None:
    mine = np.ones(2)

    assert lock_in_place(mine) is mine
    assert is_locked(mine)


@pytest.mark.parametrize(("locking", "rank"), [(lock_vector, 1), (lock_matrix, 2)])
def test_lock_vector_and_lock_matrix_take_one_rank(locking: Layout, rank: int) -> None:
    for shape in ((), (3,), (3, 2), (3, 2, 1)):
        if len(shape) == rank:
            assert locking(np.ones(shape)).shape == shape
        else:
            with pytest.raises(ShapeError, match=rf"must have rank {rank}, got float64\["):
                locking(np.ones(shape))


@pytest.mark.parametrize("locking", [lock, lock_vector, lock_matrix])
@pytest.mark.parametrize("value", [[1.0], 1.0, None, np.float32(1), np.array([1]), np.array(["a"])])
def test_what_is_no_float_array_is_not_locked(
    locking: Callable[[object], object], value: object
) -> None:
    with pytest.raises(DTypeError, match=r"^a parameter must be .*; convert it with"):
        locking(value)


def test_widths_in_the_place_of_parameters_are_told_of_init() -> None:
    with pytest.raises(DTypeError, match=r"got the integer 784; .* call init, as in Affine\.init"):
        Affine(784, 80)  # type: ignore[arg-type]


@given(x=float_arrays(), layout=any_layout)
def test_plain_keeps_the_values_in_the_plain_layout(x: AnyArray, layout: Layout) -> None:
    result = plain(layout(x))

    assert is_plain(result)
    assert result.dtype == x.dtype
    assert result.tobytes() == x.tobytes()


@given(x=float_arrays())
def test_what_is_plain_is_returned_as_it_is(x: AnyArray) -> None:
    assert plain(x) is x
    assert plain(read_only(x)).flags.writeable is False


@every_layout
def test_only_what_needs_it_is_copied_by_plain(layout: Layout) -> None:
    x = layout(np.ones((2, 3)))

    assert (plain(x) is x) == (layout.__name__ == "read_only")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((784, 80), np.float32), "float32[784, 80]"),
        (np.zeros(3, ">f8"), ">f8[3]"),
        (np.zeros(()), "float64[]"),
        ([1.0], "list"),
        (None, "NoneType"),
    ],
)
def test_an_array_is_described_by_its_dtype_and_shape(value: object, text: str) -> None:
    assert array_type(value) == text


@pytest.mark.parametrize(
    ("value", "expected", "hint"),
    [
        ([1.0], "a NumPy array of floats, got list", "np.asarray(..., dtype=np.float64)"),
        (np.array([1]), "float16, float32 or float64, got int64", ".astype(np.float64)"),
        *(
            (
                np.zeros(1, dtype),
                f"float64, got {dtype}",
                ".astype(np.float64), or the network with astype(net, np.float32)",
            )
            for dtype in ("float32", ">f4")
        ),
    ],
)
def test_a_wrong_dtype_is_told_how_to_convert_to_the_right_one(
    value: AnyArray, expected: str, hint: str
) -> None:
    with pytest.raises(DTypeError) as caught:
        check_dtype(value, np.dtype(np.float64), "x")

    assert str(caught.value) == f"x must be {expected}; convert it with {hint}"


def test_a_float_array_of_any_kind_passes() -> None:
    for layout in LAYOUTS.values():
        check_float(layout(np.zeros(3, np.float16)), "x")


@pytest.mark.parametrize(
    ("shape", "expected", "message"),
    [
        ((2, 3), (2, 4), r"x must have shape \(2, 4\), got \(2, 3\)$"),
        ((2, 3), (6,), r"x must have shape \(6,\), got \(2, 3\)$"),
        ((), (2,), r"x must have shape \(2,\), got \(\)$"),
        ((2, 3), ("N", 4), r"x must have shape \(N, 4\), got \(2, 3\)$"),
        ((4,), ("N", 4), r"x must have shape \(N, 4\), got \(4,\)$"),
    ],
)
def test_a_wrong_shape_is_shown_beside_the_right_one(
    shape: tuple[int, ...], expected: tuple[int | str, ...], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        check_shape(np.zeros(shape), expected, "x")


def test_a_letter_stands_for_an_axis_of_any_size() -> None:
    for n in range(3):
        check_shape(np.zeros((n, 4)), ("N", 4), "x")
        check_batch(np.zeros((n, 4)), 4, np.dtype(np.float64), "x")


@pytest.mark.parametrize("count", [1, 3, np.int8(3), np.uint64(3)])
def test_a_count_is_a_positive_integer(count: int) -> None:
    result = check_count(count, "n")

    assert result == count
    assert type(result) is int


def test_a_seed_makes_a_generator_and_a_generator_is_used_itself() -> None:
    rng = np.random.default_rng(5)

    assert generator(rng) is rng
    assert generator(5).random() == generator(np.random.SeedSequence(5)).random() == rng.random()


@pytest.mark.parametrize(
    ("rng", "error"), [(-1, ValueError), ("a", TypeError), (1.5, TypeError), (np.random, TypeError)]
)
def test_what_is_no_seed_is_named(rng: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^rng must be a seed or .*, got {re.escape(repr(rng))}: "):
        generator(rng)
