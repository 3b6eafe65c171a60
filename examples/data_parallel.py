"""Several processes share the work of each step, and all end with the same network.

    python examples/data_parallel.py
    mpiexec -n 2 python examples/data_parallel.py

Each batch has six shards, which the processes of MPI take in turn, so the result does not depend on
their number: every process prints the same fingerprint. The first one saves the last state, from
which `--load` resumes with any number of processes. Needs the extra `mpi`.
"""

import time
from argparse import Namespace

import numpy as np
from common import options

import funnet as fn
from funnet.mpi import Communicator, abort_on_error, train


def world() -> Communicator:
    """Return the communicator of all processes."""
    try:
        from mpi4py import MPI  # noqa: PLC0415 (so that --help works without it)
    except ImportError:
        raise SystemExit('this example needs mpi4py: pip install "funnet[mpi]"') from None
    comm: Communicator = MPI.COMM_WORLD
    return comm


def learn(args: Namespace, comm: Communicator) -> None:
    """Train a network with dropout and a batch norm on the 8 x 8 digits."""
    rank, size = comm.Get_rank(), comm.Get_size()

    (x_train, t_train), (x_test, t_test) = fn.load_digits()
    weights, order = np.random.SeedSequence(args.seed).spawn(2)
    rng = np.random.default_rng(weights)
    net = fn.sequential(
        fn.Affine.init(64, 100, rng=rng),
        fn.BatchNorm.init(100),
        fn.ReLU(),
        fn.Dropout(0.2),
        fn.Affine.init(100, 10, rng=rng),
    )
    optimizer, loss = fn.adam(lr=0.003), fn.softmax_cross_entropy
    batches = fn.minibatches(x_train, t_train, 60, rng=order, epochs=args.epochs)
    state = fn.TrainState.init(net, optimizer)
    if args.load:
        state = fn.load(args.load, like=state)

    start, first = time.perf_counter(), state.step
    states = train(
        state, batches, loss=loss, optimizer=optimizer, seed=args.seed, comm=comm, n_shards=6
    )
    state = fn.last(states)
    taken = 1000 * (time.perf_counter() - start) / max(1, state.step - first)

    digest = fn.fingerprint(state)[:16]
    print(f"rank {rank} of {size}: fingerprint {digest}, {taken:.1f} ms per step", flush=True)
    if rank == 0:
        args.out.mkdir(parents=True, exist_ok=True)
        fn.save(args.out / "data_parallel.npz", state)
        print(f"state: {args.out / 'data_parallel.npz'}")
        print(f"test accuracy: {fn.accuracy(fn.predict(state.params, x_test), t_test):.2%}")


def main() -> None:
    """Train on all processes, and end all if one of them fails."""
    args = options(__doc__, seed=0, epochs=20, load=None)
    comm = world()
    with abort_on_error(comm):
        learn(args, comm)


if __name__ == "__main__":
    main()
