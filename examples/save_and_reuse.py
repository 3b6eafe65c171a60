"""A trained network goes into a file, and comes out of it the same in another process.

    python examples/save_and_reuse.py

The first process trains, saves and says the network's fingerprint and what it reads; then a second
one, which has never seen the first one's memory, loads the file and says the same.
"""

import subprocess
import sys
from typing import Literal

import numpy as np
from common import options
from tqdm import tqdm

from funnet import (
    Affine,
    Network,
    ReLU,
    accuracy,
    fingerprint,
    last,
    load,
    load_digits,
    minibatches,
    predict,
    save,
    sequential,
    sgd,
    softmax_cross_entropy,
    train,
)

DigitReader = Network[Literal[64], Literal[10]]


def use(net: DigitReader) -> str:
    """Return a network's fingerprint, and what it makes of the test digits."""
    _, (x, t) = load_digits()
    y = predict(net, x)
    share = accuracy(y, t)
    return f"network {fingerprint(net)[:16]}, scores {fingerprint(y)[:16]}, accuracy {share:.2%}"


def main() -> None:
    """Train and save, then have another process load the network and use it."""
    args = options(__doc__, seed=0, epochs=30, load=None)
    rng = np.random.default_rng(args.seed)
    net = sequential(Affine.init(64, 50, rng=rng), ReLU(), Affine.init(50, 10, rng=rng))
    if args.load is not None:
        print(use(load(args.load, like=net)))
        return

    (x, t), _ = load_digits()
    batches = tqdm(minibatches(x, t, 30, rng=rng, epochs=args.epochs), unit=" steps")
    net = last(train(net, batches, loss=softmax_cross_entropy, optimizer=sgd(lr=0.5))).params
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "network.npz"
    save(path, net)
    print(f"network: {path}")

    first = use(net)
    command = [sys.executable, __file__, "--load", path]
    second = subprocess.check_output(command, text=True).strip()  # noqa: S603 (this script)
    print(f"first process:  {first}\nsecond process: {second}")
    print("equal" if first == second else "different")


if __name__ == "__main__":
    main()
