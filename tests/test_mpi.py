"""Data-parallel training gives equal bytes on every rank, and for every number of ranks."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from programs import mpiexec
from zoo import AnyLayer

import funnet as fn
from funnet import mpi

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "data_parallel.py"


class Aborted(BaseException):
    """What `Abort` raises in place of ending the process."""


class Meeting:
    """Where the ranks of a communicator meet: one list of what each of them sends."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=60)
        self.sent: list[Any] = [None] * size


@attrs.frozen
class ThreadComm:
    """A communicator of threads, for tests without MPI."""

    rank: int
    meeting: Meeting

    def Get_rank(self) -> int:  # noqa: N802
        return self.rank

    def Get_size(self) -> int:  # noqa: N802
        return len(self.meeting.sent)

    def allgather(self, sendobj: Any) -> list[Any]:
        self.meeting.sent[self.rank] = sendobj
        self.meeting.barrier.wait()
        everything = list(self.meeting.sent)
        self.meeting.barrier.wait()
        return everything

    def bcast(self, obj: Any) -> Any:
        return self.allgather(obj)[0]

    def Allgather(self, sendbuf: npt.NDArray[Any], recvbuf: npt.NDArray[Any]) -> None:  # noqa: N802
        recvbuf[:] = np.array(self.allgather(sendbuf.copy()))

    def Abort(self, errorcode: int = 0) -> NoReturn:  # noqa: N802
        self.meeting.barrier.abort()
        raise Aborted(errorcode)


def on_ranks(size: int, program: Callable[[ThreadComm], Any]) -> list[Any]:
    """Return what a program returns, or the exception that it raises, on each of several ranks."""
    meeting, results = Meeting(size), [None] * size

    def run(rank: int) -> None:
        try:
            results[rank] = program(ThreadComm(rank, meeting))
        except BaseException as error:  # noqa: BLE001 (compared by the test)
            results[rank] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(50, 1, 6, 6)).astype(np.float32)
LABELS = RNG.integers(0, 3, 50)
WEIGHTS = RNG.uniform(0, 3, 50)
OPTIMIZER = fn.adam(0.01)
BATCHES = fn.minibatches(IMAGES, LABELS, 12, rng=5, epochs=2)  # the last of an epoch has two rows
WEIGHTED = fn.minibatches(IMAGES, (LABELS, WEIGHTS), 12, rng=5, epochs=2)
LOSS = fn.softmax_cross_entropy


def network(seed: int = 0) -> AnyLayer:
    """Return a network with all that differs between shards: dropout and a batch norm."""
    rng = np.random.default_rng(seed)
    return fn.sequential(
        fn.Conv2d.init(1, 3, 3, rng=rng),
        fn.BatchNorm.init(3),
        fn.ReLU(),
        fn.Flatten(),
        fn.Dropout(0.3),
        fn.Affine.init(48, 3, rng=rng),
    )


UNEQUAL = "the states at the start, n_shards, seed and at_rest must be equal on all ranks"


def prints(
    comm: mpi.Communicator,
    n_shards: int = 4,
    start: Any = None,
    batches: Iterable[Any] | None = None,
    loss: Any = LOSS,
) -> list[str]:
    """Return the fingerprints of all states of a run."""
    states = mpi.train(
        network() if start is None else start, BATCHES if batches is None else batches, loss=loss,
        optimizer=OPTIMIZER, seed=7, comm=comm, n_shards=n_shards,
    )  # fmt: skip
    return [fn.fingerprint(state) for state in states]


@pytest.mark.parametrize("size", [2, 3, 6])
def test_all_ranks_and_all_numbers_of_ranks_give_the_same_states(size: int) -> None:
    (alone,) = on_ranks(1, prints)
    assert len(alone) == 10
    assert on_ranks(size, prints) == [alone] * size


@pytest.mark.parametrize("n_shards", [1, 3])
@pytest.mark.parametrize(
    ("batches", "loss"), [(BATCHES, LOSS), (WEIGHTED, fn.weighted(LOSS))], ids=["plain", "weighted"]
)
def test_ranks_give_the_states_of_accumulated_gradients(
    batches: Iterable[Any], loss: Any, n_shards: int
) -> None:
    """Those of one process, which are those of training as usual for one shard."""
    usual = fn.train(network(), batches, loss=loss, optimizer=OPTIMIZER, seed=7, n_shards=n_shards)
    expected = [fn.fingerprint(state) for state in usual]
    for size in (1, 2):
        given = partial(prints, n_shards=n_shards, batches=batches, loss=loss)
        assert on_ranks(size, given) == [expected] * size


def test_a_run_is_resumed_on_another_number_of_ranks(tmp_path: Path) -> None:
    (whole,) = on_ranks(1, prints)

    def first(comm: ThreadComm) -> None:
        states = mpi.train(
            network(), BATCHES, loss=LOSS, optimizer=OPTIMIZER, seed=7, comm=comm, n_shards=4
        )
        *_, state = islice(states, 4)
        if comm.rank == 0:
            fn.save(tmp_path / "state.npz", state)

    on_ranks(2, first)

    def second(comm: ThreadComm) -> list[str]:
        state = fn.load(tmp_path / "state.npz", like=fn.TrainState.init(network(), OPTIMIZER))
        return prints(comm, start=state)

    assert on_ranks(3, second) == [whole[4:]] * 3


def test_an_error_in_one_shard_ends_all_ranks(capsys: pytest.CaptureFixture[str]) -> None:
    def loss(y: fn.Matrix, t: fn.Labels) -> tuple[float, fn.Matrix]:
        if 2 in t[:1]:
            raise RuntimeError("one shard has failed")
        return fn.softmax_cross_entropy(y, t)

    pairs = [(IMAGES[:4], np.array([0, 1, 2, 0]))]
    results = on_ranks(2, lambda comm: prints(comm, n_shards=4, batches=pairs, loss=loss))
    assert any(isinstance(result, Aborted) for result in results)
    assert "one shard has failed" in capsys.readouterr().err


@attrs.frozen
class SlowToEnd(ThreadComm):
    """A communicator whose `Abort` returns, as that of MPICH, which ends a process soon after."""

    aborted: list[int] = attrs.field(factory=list)

    def Abort(self, errorcode: int = 0) -> None:  # type: ignore[override]  # noqa: N802
        self.aborted.append(errorcode)


def test_all_ranks_end_even_if_the_error_cannot_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    comm = SlowToEnd(0, Meeting(2))
    with pytest.raises(AttributeError), mpi.abort_on_error(comm):
        raise RuntimeError("one rank has failed")
    assert comm.aborted == [1]


@pytest.mark.parametrize(
    ("error", "aborted"),
    [
        (RuntimeError("one rank has failed"), [1]),
        (SystemExit(2), [1]),
        (SystemExit("no data"), [1]),
        (SystemExit(0), []),
        (SystemExit(None), []),
    ],
)
def test_an_error_ends_all_ranks_and_nothing_runs_until_then(
    error: BaseException, aborted: list[int]
) -> None:
    comm = SlowToEnd(0, Meeting(2))
    with pytest.raises(SystemExit), mpi.abort_on_error(comm):
        raise error
    assert comm.aborted == aborted


def test_on_one_rank_errors_are_raised_as_usual() -> None:
    (error,) = on_ranks(1, lambda comm: prints(comm, batches=[(IMAGES, LABELS[:3])]))
    assert isinstance(error, ValueError)


def test_a_non_finite_loss_is_the_error_of_train_on_every_rank() -> None:
    x = IMAGES.copy()
    x[3, 0, 0, 0] = np.nan
    results = on_ranks(2, lambda comm: prints(comm, batches=[(x, LABELS)]))
    assert [type(result) for result in results] == [fn.NonFiniteError] * 2
    assert len({str(result) for result in results}) == 1


@pytest.mark.parametrize(
    "other", [{"start": network(1)}, {"seed": 8}, {"n_shards": 3}, {"at_rest": ["layers.1"]}]
)
def test_different_arguments_are_an_error_on_every_rank(other: dict[str, Any]) -> None:
    def run(comm: ThreadComm) -> Any:
        given: dict[str, Any] = {"start": network(), "seed": 7, "n_shards": 2, "at_rest": ()}
        given |= other if comm.rank else {}
        return mpi.train(batches=BATCHES, loss=LOSS, optimizer=OPTIMIZER, comm=comm, **given)

    assert [str(result) for result in on_ranks(2, run)] == [UNEQUAL] * 2


def test_at_rest_may_have_another_order_on_each_rank() -> None:
    """Sets of strings have one in each process."""

    def run(comm: ThreadComm) -> str:
        paths = ["layers.1", "layers.4"]
        states = mpi.train(
            fn.population_statistics(network(), IMAGES), BATCHES, loss=LOSS,
            optimizer=OPTIMIZER, seed=7, comm=comm, n_shards=2,
            at_rest=reversed(paths) if comm.rank else paths,
        )  # fmt: skip
        return fn.fingerprint(next(states))

    assert len(set(on_ranks(2, run))) == 1


def test_different_batches_are_an_error_on_every_rank() -> None:
    """Data that is divided between the ranks would be used in part only, and without a sign."""

    def run(comm: ThreadComm) -> list[str]:
        mine = slice(comm.rank, None, comm.Get_size())
        return prints(comm, batches=fn.minibatches(IMAGES[mine], LABELS[mine], 5, rng=0, epochs=1))

    for result in on_ranks(2, run):
        assert isinstance(result, ValueError)
        assert str(result).startswith("the batches must be equal on all ranks")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_shards": 0}, ValueError, "n_shards must be"),
        ({"optimizer": 0.1}, TypeError, "optimizer must be an Optimizer"),
        ({"seed": None}, ValueError, "training needs a seed"),
        ({"at_rest": ["layers.9"]}, KeyError, "has no entry '9'"),
    ],
)
def test_wrong_arguments_are_errors_before_the_first_batch(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    given: dict[str, Any] = {"n_shards": 2, "optimizer": OPTIMIZER, "seed": 7} | arguments
    with pytest.raises(error, match=message):
        mpi.train(network(), BATCHES, loss=LOSS, comm=ThreadComm(0, Meeting(1)), **given)


def digests(output: str, size: int) -> set[str]:
    """Return the fingerprints that the ranks printed."""
    found = re.findall(rf"rank (\d) of {size}: fingerprint (\w+), [\d.]+ ms", output)
    assert sorted(int(rank) for rank, _ in found) == list(range(size)), output
    return {digest for _, digest in found}


def test_mpi_gives_the_same_on_one_two_and_three_ranks_also_when_resumed(tmp_path: Path) -> None:
    alone, resumed = tmp_path / "1", tmp_path / "r"
    seen = set()
    for size in (1, 2, 3):
        run = mpiexec(size, EXAMPLE, "--epochs", "2", "--out", tmp_path / str(size))
        assert run.returncode == 0, run.stderr
        seen |= digests(run.stdout, size)
    half = mpiexec(2, EXAMPLE, "--epochs", "1", "--out", resumed)
    assert half.returncode == 0, half.stderr
    rest = mpiexec(
        3, EXAMPLE, "--epochs", "2", "--load", resumed / "data_parallel.npz", "--out", resumed
    )
    assert rest.returncode == 0, rest.stderr
    assert seen | digests(rest.stdout, 3) == seen
    assert len(seen) == 1
    saved = (alone / "data_parallel.npz").read_bytes()
    assert saved == (resumed / "data_parallel.npz").read_bytes()


FAILING = """
import time
from mpi4py import MPI
from funnet.mpi import abort_on_error
with abort_on_error(MPI.COMM_WORLD):
    if MPI.COMM_WORLD.Get_rank() == 1:
        print(time.time(), flush=True)
        raise RuntimeError("rank 1 has failed")
    MPI.COMM_WORLD.barrier()
"""


def test_an_exception_on_one_rank_ends_all_within_ten_seconds(tmp_path: Path) -> None:
    program = tmp_path / "failing.py"
    program.write_text(FAILING)
    run = mpiexec(3, program)
    assert run.returncode != 0
    assert "RuntimeError: rank 1 has failed" in run.stderr
    assert time.time() - float(run.stdout) < 10
