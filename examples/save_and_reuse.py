"""A trained network goes into a file, and comes out of it the same in another process.

    python examples/save_and_reuse.py

The first process trains, saves and says the network's fingerprint and what it reads; then a second
one, which has never seen the first one's memory, loads the file and says the same.
"""

import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
from common import options, positive, train
from tqdm import tqdm

from funnet import (
    Affine,
    Network,
    ReLU,
    accuracy,
    fingerprint,
    load,
    load_digits,
    minibatches,
    predict,
    save,
    sequential,
    softmax_cross_entropy,
)

DigitReader = Network[Literal[64], Literal[10]]


def network(rng: np.random.Generator) -> DigitReader:
    """Return the network before training."""
    return sequential(Affine.init(64, 50, rng=rng), ReLU(), Affine.init(50, 10, rng=rng))


def main() -> None:
    """Train and save, then have another process load the network and use it."""
    parser = options(__doc__)
    parser.add_argument("--epochs", type=positive, default=30, help="passes through the digits")
    parser.add_argument("--load", type=Path, help="only use the network in this file")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    net = network(rng)
    if args.load is not None:
        print(describe_use(load(args.load, like=net)))
        return

    (x, t), _ = load_digits()
    batches = minibatches(x, t, 30, rng=rng, epochs=args.epochs)
    net = train(net, tqdm(batches, unit="step"), softmax_cross_entropy, lr=0.5)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "network.npz"
    save(path, net)
    print(f"network: {path}")

    first = describe_use(net)
    command = [sys.executable, __file__, "--load", path]
    second = subprocess.check_output(command, text=True).strip()  # noqa: S603 (this script)
    print(f"first process:  {first}\nsecond process: {second}")
    print("equal" if first == second else "different")


def describe_use(net: DigitReader) -> str:
    """Return a network's fingerprint, and what it makes of the test digits."""
    _, (x, t) = load_digits()
    y = predict(net, x)
    share = accuracy(y, t)
    return f"network {fingerprint(net)[:16]}, scores {fingerprint(y)[:16]}, accuracy {share:.2%}"


if __name__ == "__main__":
    main()
