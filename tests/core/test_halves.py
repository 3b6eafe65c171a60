"""Work on two halves: the same results on one thread and on two, and the same errors."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from strategies import normal_array
from zoo import AnyLayer

import funnet as fn
from funnet.core.halves import BLAS_LIMITS, LARGE, SMALL_PRODUCT, in_halves

LAYERS: list[AnyLayer] = [
    fn.Conv2d.init(2, 3, 3, padding=1, rng=0),
    fn.Conv2d.init(2, 3, (2, 3), stride=2, rng=0),
    fn.MaxPool2d(2),
    fn.MaxPool2d(3, 2, 1),
    fn.AvgPool2d(2),
]


def let_cores(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Let the process have n cores, BLAS one thread, and other libraries any number."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv(BLAS_LIMITS[0], "1")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(n)), raising=False)


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    let_cores(monkeypatch, 2)


def threads_used(n: int = 2, work: int = LARGE, product: int = 0) -> int:
    return len(set(in_halves(lambda _: threading.get_ident(), n, work, product)))


# How many threads


@pytest.mark.usefixtures("two_cores")
def test_much_work_is_done_on_two_threads_and_little_on_one() -> None:
    assert threads_used() == 2
    assert threads_used(work=LARGE - 1) == 1
    assert threads_used(n=1) == threads_used(n=0) == 1


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize(("value", "threads"), [("1", 1), ("1,4", 1), ("2", 2), ("", 2)])
def test_a_limit_of_one_thread_is_respected(
    monkeypatch: pytest.MonkeyPatch, value: str, threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)

    assert threads_used() == threads


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("name", BLAS_LIMITS)
def test_products_that_blas_divides_are_computed_on_one_thread_unless_blas_has_one(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(BLAS_LIMITS[0])

    assert threads_used(product=SMALL_PRODUCT) == 1
    assert threads_used(product=SMALL_PRODUCT - 1) == 2
    monkeypatch.setenv(name, "1")
    assert threads_used(product=SMALL_PRODUCT) == 2


def test_one_core_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    let_cores(monkeypatch, 1)

    assert threads_used() == 1


@pytest.mark.usefixtures("two_cores")
def test_a_system_without_threads_computes_both_halves_on_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)

    assert threads_used() == 1
    assert len(in_halves(lambda rows: rows, 2, LARGE)) == 2


# The same results


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(0, 7),
    size=st.integers(4, 9),
    layer=st.sampled_from(LAYERS),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_one_thread_and_two_give_the_same_bytes(
    n: int, size: int, layer: AnyLayer, dtype: type[fn.Float]
) -> None:
    layer = fn.astype(layer, dtype)
    x = normal_array(n, n, 2, size, size, dtype=dtype)

    def results() -> list[bytes]:
        y, cache = fn.forward(layer, x)
        leaves = fn.tree_leaves(fn.backward(layer, cache, y))
        return [a.tobytes() for a in (y, fn.input_gradient(layer, cache, y), *leaves)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("funnet.core.halves.LARGE", 1)
        let_cores(patch, 1)
        one = results()
        let_cores(patch, 2)
        assert results() == one


@pytest.mark.usefixtures("two_cores")
def test_halves_work_inside_the_threads_of_a_user() -> None:
    conv, x = fn.Conv2d.init(4, 4, 3, rng=0), normal_array(0, 40, 4, 20, 20, dtype=np.float32)
    y = fn.predict(conv, x)

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: fn.predict(conv, x), range(12)):
            assert (found == y).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_halves_work_in_a_forked_process() -> None:
    program = """
        import os
        os.sched_getaffinity = lambda _: {0, 1}
        from funnet.core.halves import LARGE, in_halves
        def f(rows): return rows.start
        assert in_halves(f, 4, LARGE) == [0, 2]
        child = os.fork()
        assert in_halves(f, 4, LARGE) == [0, 2]
        if child:
            assert os.waitpid(child, 0)[1] == 0
    """
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-W", "ignore", "-c", dedent(program)]

    subprocess.run(command, env=free, check=True, timeout=60)


# The same errors


def failing(*starts: int) -> Callable[[slice], None]:
    def f(rows: slice) -> None:
        if rows.start in starts:
            raise KeyError(rows.start)

    return f


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("starts", [(0,), (2,), (0, 2)])
def test_an_error_is_that_of_the_first_half_that_fails(starts: tuple[int, ...]) -> None:
    with pytest.raises(KeyError) as caught:
        in_halves(failing(*starts), 4, LARGE)

    assert caught.value.args == (starts[0],)


@pytest.mark.usefixtures("two_cores")
def test_an_interrupt_leaves_no_thread_behind() -> None:
    before = threading.active_count()

    def f(rows: slice) -> None:
        if not rows.start:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_halves(f, 4, LARGE)
    assert threading.active_count() == before


@pytest.mark.usefixtures("two_cores")
def test_numpys_error_state_holds_in_both_halves() -> None:
    with np.errstate(over="raise", divide="ignore"):
        states = in_halves(lambda _: np.geterr(), 2, LARGE)

    assert states[0] == states[1]
    assert (states[1]["over"], states[1]["divide"]) == ("raise", "ignore")
