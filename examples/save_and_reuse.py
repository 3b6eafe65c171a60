"""A trained network is saved to a file and is the same in another process.

    python examples/save_and_reuse.py

The first process trains the network, saves it, and prints its fingerprint, that of its scores, and
its accuracy. The second process loads the file and prints the same.
"""

import subprocess
import sys
from typing import Literal

import numpy as np
from common import options
from tqdm import tqdm

import funnet as fn

DigitReader = fn.Network[Literal[64], Literal[10]]


def use(net: DigitReader) -> str:
    """Return the fingerprints of a network and of its scores, and its accuracy."""
    _, (x, t) = fn.load_digits()
    y = fn.predict(net, x)
    share = fn.accuracy(y, t)
    return (
        f"network {fn.fingerprint(net)[:16]}, scores {fn.fingerprint(y)[:16]}, accuracy {share:.2%}"
    )


def main() -> None:
    """Train and save a network, then load and use it in another process."""
    args = options(__doc__, seed=0, epochs=30, load=None)
    rng = np.random.default_rng(args.seed)
    net = fn.sequential(fn.Affine.init(64, 50, rng=rng), fn.ReLU(), fn.Affine.init(50, 10, rng=rng))
    if args.load is not None:
        print(use(fn.load(args.load, like=net)))
        return

    (x, t), _ = fn.load_digits()
    batches = tqdm(fn.minibatches(x, t, 30, rng=rng, epochs=args.epochs), unit=" steps")
    net = fn.last(
        fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=fn.sgd(lr=0.5))
    ).params
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "network.npz"
    fn.save(path, net)
    print(f"network: {path}")

    first = use(net)
    command = [sys.executable, __file__, "--load", path]
    second = subprocess.check_output(command, text=True).strip()  # noqa: S603 (this script)
    print(f"first process:  {first}\nsecond process: {second}")
    print("equal" if first == second else "different")


if __name__ == "__main__":
    main()
